"""Breadth-first searches over known open ground, 64 cells at a time.

*Search*: from the cell where the plan began to the best target of several classes: extractors by moves and waiting,
chargers by moves, unknown ground by moves and by how much of it there is.
*Field*: from one target (or the ring) to everywhere near the agent. Of the distance only bit 1 is kept, for each cell: in
a grid the distances of neighbouring cells differ by exactly 1, so with the colour of the cell, as on a chessboard,
it tells which neighbour is nearer, and, with the distance a step before, the distance itself.

All boards lie in one array `work` u64 [WORK_SIZE], at constant offsets: with those the compiler sees that reads and
writes never overlap, and turns the row loops into vector code. Loops cover whole blocks of 8 lines.
"""

from __future__ import annotations

import numpy as np

from coglab.engine.jit import count_ones, helper, inlined, trailing_zeros
from coglab.games.machina1 import memory_layout as layout
from coglab.games.machina1.memory_state import (
    FIRST_BIT,
    FIRST_LINE,
    KIND,
    KNOWN_KIND,
    LAST_BIT,
    LAST_LINE,
    LINES,
    NUM_CROWD,
    NUM_SEARCHED,
    P_TARGET,
    PLAN_AGE,
    PLAN_CELL,
    PLAN_KNOWN,
    PLAN_OPEN,
    S_READY,
)

NO_COST = layout.NO_COST
UNKNOWN_WORTH, WAIT_TENTHS, CROWD_COST = (
    layout.UNKNOWN_WORTH,
    layout.WAIT_TENTHS,
    layout.CROWD_COST,
)
MOST_WORTH = (121 * UNKNOWN_WORTH) // 100
KIND_CHARGER = layout.KIND_CHARGER
EXPLORE = layout.ROUTE_INDEX["explore"]
F_COST = layout.SCALAR_INDEX["cost_carbon"]
F_STEPS_SILICON = layout.SCALAR_INDEX["steps_silicon"]
ELEMENT_BITS = 15
CHARGER_BIT = 1 << KIND_CHARGER
EXPLORE_BIT = 1 << EXPLORE

# Planes of `work`, each two words times LINES, after a margin of one block.
MARGIN = 8
PLANE = 2 * LINES
EVEN, ODD, FREE, TARGET, EDGE, HIT, MARKS = range(7)
WORK_SIZE = MARGIN + 7 * PLANE + MARGIN
ALL_ONES = np.uint64(0xFFFFFFFFFFFFFFFF)


@inlined
def plane_at(plane):
    """Index of line 0 of the first word of a plane."""
    return np.uint64(MARGIN + plane * PLANE)


def _make_grow(source, out, searches):
    """Make the function that floods by one level.

    Args:
        source: plane of the level that is known.
        out: plane of the next level; it is overwritten.
        searches: look for targets; otherwise mark the new cells with `mark`.
    """
    one, top_bit = np.uint64(1), np.uint64(63)
    source_at, out_at, free_at, target_at, hit_at, marks_at, edge_at = (
        MARGIN + plane * PLANE for plane in (source, out, FREE, TARGET, HIT, MARKS, EDGE)
    )
    here0, here1 = np.uint64(source_at), np.uint64(source_at + LINES)
    out0, out1 = np.uint64(out_at), np.uint64(out_at + LINES)
    free0, free1 = np.uint64(free_at), np.uint64(free_at + LINES)
    target0, target1 = np.uint64(target_at), np.uint64(target_at + LINES)
    hit0, hit1 = np.uint64(hit_at), np.uint64(hit_at + LINES)
    edge0, edge1 = np.uint64(edge_at), np.uint64(edge_at + LINES)
    marks0, marks1 = np.uint64(marks_at), np.uint64(marks_at + LINES)

    @inlined
    def near(work, here, beside, line):
        bits, other = work[here + line], work[beside + line]
        result = work[here + line - one] | work[here + line + one] | (bits << one) | (bits >> one)
        return result | (other << top_bit) | (other >> top_bit)

    @helper
    def search(work, top, bottom):
        touched = np.uint64(0)
        alive = np.uint64(0)
        rim = np.uint64(0)
        for line in range(top, bottom):
            low, high = near(work, here0, here1, line), near(work, here1, here0, line)
            fresh = low & work[free0 + line]
            work[free0 + line] ^= fresh
            work[out0 + line] = fresh
            hit = low & work[target0 + line]
            work[hit0 + line] = hit
            fresh_high = high & work[free1 + line]
            work[free1 + line] ^= fresh_high
            work[out1 + line] = fresh_high
            hit_high = high & work[target1 + line]
            work[hit1 + line] = hit_high
            touched |= hit | hit_high
            alive |= fresh | fresh_high
            rim |= (fresh & work[edge0 + line]) | (fresh_high & work[edge1 + line])
        return touched, alive, rim

    @helper
    def spread(work, top, bottom, mark):
        alive = np.uint64(0)
        for line in range(top, bottom):
            low, high = near(work, here0, here1, line), near(work, here1, here0, line)
            fresh = low & work[free0 + line]
            work[free0 + line] ^= fresh
            work[out0 + line] = fresh
            work[marks0 + line] |= fresh & mark
            fresh_high = high & work[free1 + line]
            work[free1 + line] ^= fresh_high
            work[out1 + line] = fresh_high
            work[marks1 + line] |= fresh_high & mark
            alive |= fresh | fresh_high
        return alive

    return search if searches else spread


_search_even = _make_grow(EVEN, ODD, True)
_search_odd = _make_grow(ODD, EVEN, True)
_spread_even = _make_grow(EVEN, ODD, False)
_spread_odd = _make_grow(ODD, EVEN, False)


@helper
def clear_plane(work, plane):
    """Empty a plane."""
    start = plane_at(plane)
    for i in range(np.uint64(PLANE)):
        work[start + i] = 0


@helper
def put(work, plane, cell):
    """Set the bit of a cell in a plane."""
    bit = np.uint64(cell & 127)
    index = plane_at(plane) + np.uint64(cell >> 7) + (bit >> np.uint64(6)) * np.uint64(LINES)
    work[index] |= np.uint64(1) << (bit & np.uint64(63))


@helper
def holds(work, plane, cell):
    """True if the bit of a cell is set in a plane."""
    bit = np.uint64(cell & 127)
    index = plane_at(plane) + np.uint64(cell >> 7) + (bit >> np.uint64(6)) * np.uint64(LINES)
    return (work[index] >> (bit & np.uint64(63))) & np.uint64(1) != 0


@helper
def load_free(work, boards):
    """Make the open ground of the routes the free plane; `boards`: u64 [NUM_BOARDS, 2, LINES]."""
    start = plane_at(FREE)
    for word in range(np.uint64(2)):
        for line in range(np.uint64(LINES)):
            work[start + word * np.uint64(LINES) + line] = boards[PLAN_OPEN, word, line]


@helper
def load_targets(work, boards, asked):
    """Make the stations that are asked for the target plane, and open cells beside unknown ones the edge plane."""
    one, top_bit = np.uint64(1), np.uint64(63)
    start = plane_at(TARGET)
    for i in range(np.uint64(PLANE)):
        work[start + i] = 0
    for kind in range(5):
        if (asked >> kind) & 1:
            for word in range(np.uint64(2)):
                for line in range(np.uint64(LINES)):
                    work[start + word * np.uint64(LINES) + line] |= boards[KIND + kind, word, line]
    if asked & EXPLORE_BIT == 0:
        return
    edge = plane_at(EDGE)
    for word in range(2):
        for line in range(np.uint64(FIRST_LINE), np.uint64(LAST_LINE)):
            known = boards[PLAN_KNOWN, word, line]
            inside = (known << one) & (known >> one)
            other = boards[PLAN_KNOWN, 1 - word, line]
            if word == 0:
                inside = (known << one) & ((known >> one) | (other << top_bit))
            else:
                inside = ((known << one) | (other >> top_bit)) & (known >> one)
            inside &= boards[PLAN_KNOWN, word, line - one] & boards[PLAN_KNOWN, word, line + one]
            rim = ~inside & boards[PLAN_OPEN, word, line]
            work[edge + np.uint64(word * LINES) + line] = rim


@helper
def unknown_around(boards, cell):
    """Unknown cells in the window around a cell; `boards`: u64 [NUM_BOARDS, 2, LINES]."""
    line, bit = cell >> 7, cell & 127
    low_mask, high_mask = window_masks(np.uint64(bit - 5))
    unknown = 0
    for i in range(line - 5, line + 6):
        unknown += count_ones(~boards[PLAN_KNOWN, 0, i] & low_mask)
        unknown += count_ones(~boards[PLAN_KNOWN, 1, i] & high_mask)
    return unknown


@helper
def window_masks(shift):
    """The 11 bits from `shift` on, in the two words of a line."""
    mask = np.uint64((1 << 11) - 1)
    if shift >= 64:
        return np.uint64(0), mask << (shift - np.uint64(64))
    high = mask >> (np.uint64(64) - shift) if shift > 53 else np.uint64(0)
    return mask << shift, high


@helper
def cost_of_station(state, n, cell, kind, level):
    """What a station costs that is `level` moves away, bump included: moves, waiting, company."""
    if kind == KIND_CHARGER:
        return level
    number = np.int64(state.index[n, cell >> 7, cell & 127]) - 1
    ready = np.int64(state.stations[n, number, S_READY]) - np.int64(state.body[n, PLAN_AGE])
    wait = ready - level + 1
    cost = level
    if wait > 0:
        cost += (WAIT_TENTHS * wait) // 10
    for i in range(state.body[n, NUM_CROWD]):
        other = np.int64(state.crowd[n, i])
        if abs((other >> 7) - (cell >> 7)) + abs((other & 127) - (cell & 127)) == 1:
            return cost + CROWD_COST
    return cost


@helper
def search(state, n, work, asked, charger_depth, wants_all):
    """Choose the targets of the classes that are asked for, from the cell where the plan began.

    Args:
        state: `MemoryState`; writes the targets of `plan` and the scalars `cost_*`.
        n: row.
        work: scratch.
        asked: bit mask of the first `NUM_SEARCHED` classes.
        charger_depth: chargers farther than this are not looked for.
        wants_all: find the best target of every class; else it is enough to know the best extractor, or that there is
            none that is less than `EXPLORE_LEAD` worse than unknown ground.
    """
    out, plan, boards = state.scalars, state.plan, state.boards[n]
    for kind in range(NUM_SEARCHED):
        out[n, F_COST + kind] = NO_COST
        plan[n, P_TARGET + kind] = 0
    out[n, F_STEPS_SILICON] = 255
    present = 0
    for kind in range(5):
        if state.body[n, KNOWN_KIND + kind] > 0:
            present |= 1 << kind
    todo = asked & (present | EXPLORE_BIT)
    origin = np.int64(state.body[n, PLAN_CELL])
    line, bit = origin >> 7, origin & 127
    if line < FIRST_LINE or line >= LAST_LINE or bit < FIRST_BIT or bit >= LAST_BIT:
        return
    load_free(work, boards)
    load_targets(work, boards, todo)
    clear_plane(work, EVEN)
    clear_plane(work, ODD)
    put(work, EVEN, origin)
    free_at = plane_at(FREE) + np.uint64(line) + np.uint64((bit >> 6) * LINES)
    work[free_at] &= ~(np.uint64(1) << np.uint64(bit & 63))
    if todo & EXPLORE_BIT:
        settle_edges(state, n, work, EVEN, 0, line, line + 1)
    top, bottom = line, line + 1
    level = 0
    while True:
        if is_settled(out, n, todo, level, charger_depth, wants_all):
            break
        level += 1
        top, bottom = max(top - 1, 1), min(bottom + 1, LINES - 1)
        first, last = np.uint64(top & ~7), np.uint64((bottom + 7) & ~7)
        if level & 1:
            touched, alive, rim = _search_even(work, first, last)
        else:
            touched, alive, rim = _search_odd(work, first, last)
        if touched != 0:
            settle_stations(state, n, work, todo, level, np.int64(first), np.int64(last))
        if alive == 0:
            break
        if rim != 0 and todo & EXPLORE_BIT and level - MOST_WORTH < out[n, F_COST + EXPLORE]:
            settle_edges(
                state, n, work, ODD if level & 1 else EVEN, level, np.int64(first), np.int64(last)
            )


EXPLORE_LEAD = 25
"""An extractor is taken rather than unknown ground unless it costs this much more."""


@helper
def is_settled(out, n, todo, level, charger_depth, wants_all):
    """True if no target that is farther than `level` moves can change what is asked for."""
    if todo & CHARGER_BIT and level < charger_depth and out[n, F_COST + KIND_CHARGER] > level:
        return False
    explore = NO_COST
    if todo & EXPLORE_BIT:
        explore = np.int64(out[n, F_COST + EXPLORE])
    best, worst = NO_COST, 0
    for kind in range(4):
        if (todo >> kind) & 1:
            best = min(best, np.int64(out[n, F_COST + kind]))
            worst = max(worst, np.int64(out[n, F_COST + kind]))
    if wants_all:
        worst = max(worst, explore + MOST_WORTH if todo & EXPLORE_BIT else 0)
        return level >= worst
    if todo & ELEMENT_BITS and best == NO_COST:
        return level >= explore + EXPLORE_LEAD
    if best == NO_COST:
        return level >= explore + MOST_WORTH
    return level >= best or (level >= explore + EXPLORE_LEAD)


@helper
def settle_stations(state, n, work, todo, level, first, last):
    """Look at the stations that a level touched."""
    out = state.scalars
    hit_at, target_at = plane_at(HIT), plane_at(TARGET)
    for word in range(2):
        for line in range(first, last):
            index = np.uint64(word * LINES + line)
            hits = work[hit_at + index]
            if hits == 0:
                continue
            work[target_at + index] &= ~hits
            while hits != 0:
                bit = trailing_zeros(hits)
                hits &= hits - np.uint64(1)
                cell = 128 * line + 64 * word + bit
                for kind in range(5):
                    there = state.boards[n, KIND + kind, word, line] >> np.uint64(bit)
                    if there & np.uint64(1) == 0 or (todo >> kind) & 1 == 0:
                        continue
                    cost = cost_of_station(state, n, cell, kind, level)
                    if cost < out[n, F_COST + kind]:
                        out[n, F_COST + kind] = cost
                        state.plan[n, P_TARGET + kind] = cell
                        if kind == 3:
                            out[n, F_STEPS_SILICON] = min(level, 254)


@helper
def settle_edges(state, n, work, plane, level, first, last):
    """Look at the cells beside unknown ground that a level reached."""
    out = state.scalars
    level_at, edge_at = plane_at(plane), plane_at(EDGE)
    for word in range(2):
        for line in range(first, last):
            index = np.uint64(word * LINES + line)
            cells = work[level_at + index] & work[edge_at + index]
            while cells != 0:
                bit = trailing_zeros(cells)
                cells &= cells - np.uint64(1)
                cell = 128 * line + 64 * word + bit
                cost = level - (UNKNOWN_WORTH * unknown_around(state.boards[n], cell)) // 100
                if cost < out[n, F_COST + EXPLORE]:
                    out[n, F_COST + EXPLORE] = cost
                    state.plan[n, P_TARGET + EXPLORE] = cell


@helper
def spread_field(state, n, work, route, agent_cell, margin):
    """Flood from the cells in plane EVEN (level 0) until the agent's cell and `margin` levels more are covered.

    The caller has loaded FREE and put sources into EVEN; those of level 1 may lie in ODD.

    Returns:
        (distance of the agent's cell, levels computed); (-1, ...) if the agent cannot be reached.
    """
    clear_plane(work, MARKS)
    found = 0 if holds(work, EVEN, agent_cell) else -1
    level = 0
    start = plane_at(EVEN)
    top, bottom = LINES, 0
    for word in range(2):
        for line in range(1, LINES - 1):
            if work[start + np.uint64(word * LINES + line)] != 0:
                top, bottom = min(top, line), max(bottom, line + 1)
    depth = 9999
    while True:
        if found >= 0 and level >= found + margin:
            depth = level
            break
        level += 1
        top, bottom = max(top - 1, 1), min(bottom + 1, LINES - 1)
        first, last = np.uint64(top & ~7), np.uint64((bottom + 7) & ~7)
        mark = ALL_ONES if level & 2 else np.uint64(0)
        if level & 1:
            alive = _spread_even(work, first, last, mark)
        else:
            alive = _spread_odd(work, first, last, mark)
        if alive == 0:
            break
        if found < 0 and holds(work, ODD if level & 1 else EVEN, agent_cell):
            found = level
    free_at, marks_at = plane_at(FREE), plane_at(MARKS)
    for word in range(np.uint64(2)):
        for line in range(np.uint64(LINES)):
            index = word * np.uint64(LINES) + line
            free = state.boards[n, PLAN_OPEN, word, line]
            state.fields[n, route, 0, word, line] = free & ~work[free_at + index]
            state.fields[n, route, 1, word, line] = work[marks_at + index]
    return found, depth
