"""Breadth-first searches over known open ground, 64 cells at a time.

*Search*: from the cell where the plan began to the best target of several classes: extractors by moves and waiting,
chargers by moves, unknown ground by moves and by how much of it there is.
*Field*: from one target (or the ring) to everywhere near the agent. Of the distance only bit 1 is kept, for each cell: in
a grid the distances of neighbouring cells differ by exactly 1, so with the colour of the cell, as on a chessboard,
it tells which neighbour is nearer, and, with the distance a step before, the distance itself.

All boards lie in one array `work` u64 [WORK_SIZE]. A level of the flood is `engine.floods`, done for each of the two
words of the lines only where it can reach something.
"""

from __future__ import annotations

import numpy as np

from coglab.engine.floods import search_level, spread_level
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
    S_KIND,
    S_READY,
)

NO_COST = layout.NO_COST
UNKNOWN_WORTH, WAIT_TENTHS, CROWD_COST = (
    layout.UNKNOWN_WORTH,
    layout.WAIT_TENTHS,
    layout.CROWD_COST,
)
MOST_UNKNOWN = 85
"""Unknown cells in the window around a known one: at least 6x6 cells were seen together with it."""
MOST_WORTH = (MOST_UNKNOWN * UNKNOWN_WORTH) // 100
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
    return np.int64(MARGIN + plane * PLANE)


@inlined
def board_at(plane, word):
    """Index of line 0 of one word of a plane."""
    return np.int64(MARGIN + plane * PLANE + word * LINES)


@inlined
def is_touched(word, alive, alive_beside, alive_before):
    """True if a level can reach cells of a word, or has to wipe out what an earlier level left there.

    Args:
        word: 0 or 1.
        alive: columns that the level before reached in this word.
        alive_beside: and in the other word.
        alive_before: columns that the level before that reached in this word.
    """
    border = np.uint64(1) if word == 0 else np.uint64(1) << np.uint64(63)
    return alive | alive_before | (alive_beside & border) != 0


@helper
def clear_plane(work, plane):
    """Empty a plane."""
    start = np.uint64(plane_at(plane))
    for i in range(np.uint64(PLANE)):
        work[start + i] = 0


@helper
def put(work, plane, cell):
    """Set the bit of a cell in a plane."""
    bit = np.uint64(cell & 127)
    index = (
        np.uint64(plane_at(plane)) + np.uint64(cell >> 7) + (bit >> np.uint64(6)) * np.uint64(LINES)
    )
    work[index] |= np.uint64(1) << (bit & np.uint64(63))


@helper
def holds(work, plane, cell):
    """True if the bit of a cell is set in a plane."""
    bit = np.uint64(cell & 127)
    index = (
        np.uint64(plane_at(plane)) + np.uint64(cell >> 7) + (bit >> np.uint64(6)) * np.uint64(LINES)
    )
    return (work[index] >> (bit & np.uint64(63))) & np.uint64(1) != 0


@helper
def load_free(work, boards):
    """Make the open ground of the routes the free plane; `boards`: u64 [NUM_BOARDS, 2, LINES]."""
    start = np.uint64(plane_at(FREE))
    for word in range(np.uint64(2)):
        for line in range(np.uint64(LINES)):
            work[start + word * np.uint64(LINES) + line] = boards[PLAN_OPEN, word, line]


@helper
def load_targets(work, boards, asked):
    """Make the stations that are asked for the target plane, and open cells beside unknown ones the edge plane."""
    one, top_bit = np.uint64(1), np.uint64(63)
    start = np.uint64(plane_at(TARGET))
    for i in range(np.uint64(PLANE)):
        work[start + i] = 0
    for kind in range(5):
        if (asked >> kind) & 1:
            for word in range(np.uint64(2)):
                for line in range(np.uint64(LINES)):
                    work[start + word * np.uint64(LINES) + line] |= boards[KIND + kind, word, line]
    if asked & EXPLORE_BIT == 0:
        return
    edge_0, edge_1 = np.uint64(board_at(EDGE, 0)), np.uint64(board_at(EDGE, 1))
    known_0, known_1 = boards[PLAN_KNOWN, 0], boards[PLAN_KNOWN, 1]
    open_0, open_1 = boards[PLAN_OPEN, 0], boards[PLAN_OPEN, 1]
    for line in range(np.uint64(FIRST_LINE), np.uint64(LAST_LINE)):
        low, high = known_0[line], known_1[line]
        inside = (low << one) & ((low >> one) | (high << top_bit))
        inside &= known_0[line - one] & known_0[line + one]
        work[edge_0 + line] = ~inside & open_0[line]
    for line in range(np.uint64(FIRST_LINE), np.uint64(LAST_LINE)):
        low, high = known_0[line], known_1[line]
        inside = ((high << one) | (low >> top_bit)) & (high >> one)
        inside &= known_1[line - one] & known_1[line + one]
        work[edge_1 + line] = ~inside & open_1[line]


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
    number = np.int64(state.numbers[n, cell >> 7, cell & 127]) - 1
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
    free_at = np.uint64(board_at(FREE, bit >> 6) + line)
    work[free_at] &= ~(np.uint64(1) << np.uint64(bit & 63))
    if todo & EXPLORE_BIT:
        settle_edges(state, n, work, EVEN, 0, bit >> 6, line, line + 1)
    top, bottom = line, line + 1
    level = 0
    here = np.uint64(1) << np.uint64(bit & 63)
    alive_0, alive_1 = (here, np.uint64(0)) if bit < 64 else (np.uint64(0), here)
    before_0 = before_1 = np.uint64(0)
    last_level = settled_at(out, n, todo, charger_depth, wants_all)
    while alive_0 | alive_1 != 0 and level < last_level:
        level += 1
        top, bottom = max(top - 1, 1), min(bottom + 1, LINES - 1)
        source, reached = (EVEN, ODD) if level & 1 else (ODD, EVEN)
        fresh_0 = fresh_1 = touched_0 = touched_1 = rim_0 = rim_1 = np.uint64(0)
        if is_touched(0, alive_0, alive_1, before_0):
            touched_0, fresh_0, rim_0 = search_word(work, source, reached, 0, top, bottom)
        if is_touched(1, alive_1, alive_0, before_1):
            touched_1, fresh_1, rim_1 = search_word(work, source, reached, 1, top, bottom)
        if todo & EXPLORE_BIT == 0 or level - MOST_WORTH >= out[n, F_COST + EXPLORE]:
            rim_0 = rim_1 = np.uint64(0)
        if touched_0 | touched_1 | rim_0 | rim_1 != 0:
            if touched_0 != 0:
                settle_stations(state, n, work, level, 0, top, bottom)
            if touched_1 != 0:
                settle_stations(state, n, work, level, 1, top, bottom)
            if rim_0 != 0:
                settle_edges(state, n, work, reached, level, 0, top, bottom)
            if rim_1 != 0:
                settle_edges(state, n, work, reached, level, 1, top, bottom)
            last_level = settled_at(out, n, todo, charger_depth, wants_all)
        before_0, before_1, alive_0, alive_1 = alive_0, alive_1, fresh_0, fresh_1


@inlined
def search_word(work, source, reached, word, top, bottom):
    """Flood one word of the lines [top, bottom) by one level, see `engine.floods.search_level`."""
    return search_level(
        work,
        board_at(source, word),
        board_at(source, 1 - word),
        board_at(reached, word),
        board_at(FREE, word),
        board_at(TARGET, word),
        board_at(HIT, word),
        board_at(EDGE, word),
        top >> 3,
        (bottom + 7) >> 3,
    )


EXPLORE_LEAD = 25
"""An extractor is taken rather than unknown ground unless it costs this much more."""


@helper
def settled_at(out, n, todo, charger_depth, wants_all):
    """The level beyond which no target can change what is asked for, as far as targets are known by now."""
    least = 0
    if todo & CHARGER_BIT:
        least = min(charger_depth, np.int64(out[n, F_COST + KIND_CHARGER]))
    if todo & (ELEMENT_BITS | EXPLORE_BIT) == 0:
        return least
    explore = np.int64(out[n, F_COST + EXPLORE]) if todo & EXPLORE_BIT else NO_COST
    best, worst = NO_COST, 0
    for kind in range(4):
        if (todo >> kind) & 1:
            best = min(best, np.int64(out[n, F_COST + kind]))
            worst = max(worst, np.int64(out[n, F_COST + kind]))
    if wants_all:
        if todo & EXPLORE_BIT:
            worst = max(worst, explore + MOST_WORTH)
        return max(least, worst)
    if best == NO_COST and todo & ELEMENT_BITS == 0:
        return max(least, explore + MOST_WORTH)
    return max(least, min(best, explore + EXPLORE_LEAD))


@helper
def next_line(work, one_at, other_at, line, last):
    """The first line from `line` on in which two boards have a cell in common; `last` or more if there is none."""
    while line < last:
        if line & 7 == 0:
            both = np.uint64(0)
            index = np.uint64(line)
            for k in range(np.uint64(8)):
                both |= work[one_at + index + k] & work[other_at + index + k]
            if both == 0:
                line += 8
                continue
        if work[one_at + np.uint64(line)] & work[other_at + np.uint64(line)] != 0:
            return line
        line += 1
    return last


@helper
def settle_stations(state, n, work, level, word, first, last):
    """Look at the stations that a level touched in one word of the lines [first, last)."""
    out = state.scalars
    hit_at, target_at = np.uint64(board_at(HIT, word)), np.uint64(board_at(TARGET, word))
    line = first - 1
    while True:
        line = next_line(work, hit_at, hit_at, line + 1, last)
        if line >= last:
            break
        hits = work[hit_at + np.uint64(line)]
        work[target_at + np.uint64(line)] &= ~hits
        while hits != 0:
            bit = trailing_zeros(hits)
            hits &= hits - np.uint64(1)
            cell = 128 * line + 64 * word + bit
            number = np.int64(state.numbers[n, cell >> 7, cell & 127]) - 1
            kind = np.int64(state.stations[n, number, S_KIND])
            cost = cost_of_station(state, n, cell, kind, level)
            if cost < out[n, F_COST + kind]:
                out[n, F_COST + kind] = cost
                state.plan[n, P_TARGET + kind] = cell
                if kind == 3:
                    out[n, F_STEPS_SILICON] = min(level, 254)


@helper
def settle_edges(state, n, work, plane, level, word, first, last):
    """Look at the cells beside unknown ground that a level reached in one word of the lines [first, last)."""
    out = state.scalars
    level_at, edge_at = np.uint64(board_at(plane, word)), np.uint64(board_at(EDGE, word))
    line = first - 1
    while True:
        line = next_line(work, level_at, edge_at, line + 1, last)
        if line >= last:
            break
        cells = work[level_at + np.uint64(line)] & work[edge_at + np.uint64(line)]
        while cells != 0:
            bit = trailing_zeros(cells)
            cells &= cells - np.uint64(1)
            cell = 128 * line + 64 * word + bit
            cost = level - (UNKNOWN_WORTH * unknown_around(state.boards[n], cell)) // 100
            if cost < out[n, F_COST + EXPLORE]:
                out[n, F_COST + EXPLORE] = cost
                state.plan[n, P_TARGET + EXPLORE] = cell


@inlined
def spread_word(work, level, source, reached, word, top, bottom):
    """Flood one word of the lines [top, bottom) by one level and mark it; returns the columns reached."""
    return spread_level(
        work,
        board_at(source, word),
        board_at(source, 1 - word),
        board_at(reached, word),
        board_at(FREE, word),
        board_at(MARKS, word),
        ALL_ONES if level & 2 else np.uint64(0),
        top >> 3,
        (bottom + 7) >> 3,
    )


@helper
def spread_field(state, n, work, route, line, agent_cell, margin):
    """Flood from the cells in plane EVEN until the agent's cell and `margin` levels more are covered.

    The caller has loaded FREE and put sources into EVEN, at most one line off `line`.

    Returns:
        (distance of the agent's cell, levels computed); (-1, ...) if the agent cannot be reached.
    """
    clear_plane(work, MARKS)
    found = 0 if holds(work, EVEN, agent_cell) else -1
    level = 0
    top, bottom = line - 1, line + 2
    alive_0 = alive_1 = before_0 = before_1 = np.uint64(0)
    for i in range(top, bottom):
        alive_0 |= work[np.uint64(board_at(EVEN, 0) + i)]
        alive_1 |= work[np.uint64(board_at(EVEN, 1) + i)]
    depth = 9999
    while alive_0 | alive_1 != 0:
        if found >= 0 and level >= found + margin:
            depth = level
            break
        level += 1
        top, bottom = max(top - 1, 1), min(bottom + 1, LINES - 1)
        source, reached = (EVEN, ODD) if level & 1 else (ODD, EVEN)
        fresh_0 = fresh_1 = np.uint64(0)
        if is_touched(0, alive_0, alive_1, before_0):
            fresh_0 = spread_word(work, level, source, reached, 0, top, bottom)
        if is_touched(1, alive_1, alive_0, before_1):
            fresh_1 = spread_word(work, level, source, reached, 1, top, bottom)
        before_0, before_1, alive_0, alive_1 = alive_0, alive_1, fresh_0, fresh_1
        if found < 0 and holds(work, reached, agent_cell):
            found = level
    field = state.fields[n, route]
    for word in range(2):
        reached_now, marked = field[0, word], field[1, word]
        open_ = state.boards[n, PLAN_OPEN, word]
        free_at, marks_at = np.uint64(board_at(FREE, word)), np.uint64(board_at(MARKS, word))
        for line in range(np.uint64(LINES)):
            reached_now[line] = open_[line] & ~work[free_at + line]
        for line in range(np.uint64(LINES)):
            marked[line] = work[marks_at + line]
    return found, depth
