"""The flood: one bit-parallel breadth-first search from an agent over known free ground.

How it works: the flood moves in levels, level L being the cells that are L moves away. It carries four bit boards, one
for each first move (north, south, west, east): a cell's bit is set in a board if a shortest route to the cell can begin
with that move. The first level that touches a target of a class gives the class's distance, and the boards that touch
it give all optimal first moves. Objects are targets but not ground, so the last move of a route is the bump.

All boards of the flood lie in one array `work` u64 [WORK_SIZE], at constant offsets: with those the compiler sees that
reads and writes never overlap, and turns the row loops into vector code. Loops cover whole blocks of 8 rows, so that
no rows are left over for slow code. Between two floods every plane of the two levels is zero.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from coglab.engine.jit import helper, trailing_zeros
from coglab.games.cogsguard.memory_boards import (
    BLOCKED,
    CLIPS,
    COGS,
    ELEMENT,
    ENEMY,
    FRIENDLY,
    KNOWN,
    NEAR,
    NEUTRAL,
    OBJECT,
    PLACE,
    REACH,
    SEEN_NEW,
    SEEN_OLD,
)
from coglab.games.cogsguard.route_classes import (
    ALIGN_BIT,
    ALIGN_HOME_BIT,
    AREA_BITS,
    CLIPS_BIT,
    COGS_BITS,
    DEPOSIT_BIT,
    ELEMENT_BITS,
    FRONTIER_BIT,
    FRONTIER_CLASS,
    GROUND_BIT,
    GROUND_CLASS,
    MAX_DEPTH,
    NEAR_BIT,
    NEAR_CLASS,
    NEUTRAL_BIT,
    NEUTRAL_BITS,
    NO_ROUTE,
    NUM_CLASSES,
    NUM_ELEMENTS,
    PATROL_BIT,
    PLACE_BITS,
    SAFE_BIT,
    SAFE_CLASS,
    classes_of_cell,
)

HEIGHT = 112
"""Words per plane: the rows of the grid and empty ones around them, 14 blocks of 8."""

PAD = 4
"""Row r of the grid is line r + PAD of a plane."""

BEFORE = 8
"""Words before the first plane, so that the flood may look over its edge."""

LEVEL_PLANES = 8
"""Planes of one level: 4 first moves for word 0 of the rows, then 4 for word 1."""
FREE = 2 * LEVEL_PLANES
"""First plane of the free ground not reached yet (word 0, then word 1); planes 0..7 and 8..15 are two levels in turn."""
TARGET = FREE + 2
HIT = TARGET + 2
LENGTH = BEFORE + (HIT + 2) * HEIGHT
"""From here on the lengths of the routes by class."""
MOVES = LENGTH + NUM_CLASSES
"""From here on the first moves of the routes by class."""
CELLS = MOVES + NUM_CLASSES
"""From here on, for classes of objects that are not extractors, the cell of a nearest target: 128 * row + bit."""
WORK_SIZE = CELLS + NUM_CLASSES
EDGE_COLUMNS = 0x8000000000000001
"""The columns of a word from which a flood goes on in the other word."""


@helper
def at(plane):
    """Index of line 0 of a plane."""
    return BEFORE + plane * HEIGHT


def _make_grow(source: int, out: int, word: int, is_wide: bool) -> Any:
    """Make the kernel that floods one word of the rows by one level.

    Args:
        source: first plane of the level that is known.
        out: first plane of the next level; it is overwritten.
        word: which word of the rows.
        is_wide: rows have two words, so that bits carry over from the other word.
    """
    here = source + 4 * word
    beside = source + 4 * (1 - word)
    there = out + 4 * word
    n0, s0, w0, e0 = (np.uint64(BEFORE + (here + k) * HEIGHT) for k in range(4))
    n1, s1, w1, e1 = (np.uint64(BEFORE + (beside + k) * HEIGHT) for k in range(4))
    n2, s2, w2, e2 = (np.uint64(BEFORE + (there + k) * HEIGHT) for k in range(4))
    free0, target0, hit0 = (
        np.uint64(BEFORE + (plane + word) * HEIGHT) for plane in (FREE, TARGET, HIT)
    )
    one, top_bit = np.uint64(1), np.uint64(63)

    @helper
    def near(work, plane, plane_beside, line):
        bits = work[plane + line]
        result = work[plane + line - one] | work[plane + line + one] | (bits << one) | (bits >> one)
        if is_wide:
            other = work[plane_beside + line]
            result |= (other << top_bit) | (other >> top_bit)
        return result

    @helper
    def grow(work, top, bottom):
        touched = np.uint64(0)
        alive = np.uint64(0)
        for line in range(top, bottom):
            north = near(work, n0, n1, line)
            south = near(work, s0, s1, line)
            west = near(work, w0, w1, line)
            east = near(work, e0, e1, line)
            every = north | south | west | east
            free = work[free0 + line]
            fresh = every & free
            hit = every & work[target0 + line]
            work[n2 + line] = north & free
            work[s2 + line] = south & free
            work[w2 + line] = west & free
            work[e2 + line] = east & free
            work[free0 + line] = free & ~every
            work[hit0 + line] = hit
            touched |= hit
            alive |= fresh
        return touched, alive

    return grow


_grow_even = _make_grow(0, LEVEL_PLANES, 0, False)
_grow_odd = _make_grow(LEVEL_PLANES, 0, 0, False)
_grow_even_low = _make_grow(0, LEVEL_PLANES, 0, True)
_grow_odd_low = _make_grow(LEVEL_PLANES, 0, 0, True)
_grow_even_high = _make_grow(0, LEVEL_PLANES, 1, True)
_grow_odd_high = _make_grow(LEVEL_PLANES, 0, 1, True)


@helper
def keep_known(work, word, known, near, keep_near, first, last):
    """Take unknown cells off the targets, those near own ground only if `keep_near` is 0."""
    start = np.uint64(at(TARGET + word))
    for line in range(first, last):
        row = line - np.uint64(PAD)
        work[start + line] &= known[row] | (near[row] & keep_near)


@helper
def drop_ground(work, word, known, blocked, enemy, keep_safe, first, last):
    """Take free cells off the targets, those outside enemy ground only if `keep_safe` is 0."""
    start = np.uint64(at(TARGET + word))
    for line in range(first, last):
        row = line - np.uint64(PAD)
        work[start + line] &= blocked[row] | ~known[row] | (keep_safe & ~enemy[row])


@helper
def drop_objects(work, word, objects, first, last):
    """Take the cells of one board off the targets."""
    start = np.uint64(at(TARGET + word))
    for line in range(first, last):
        work[start + line] &= ~objects[line - np.uint64(PAD)]


@helper
def drop_seen(work, word, ours, places, seen, seen_before, first, last):
    """Take junctions of ours that were seen lately off the targets: what is left to find are the others."""
    start = np.uint64(at(TARGET + word))
    for line in range(first, last):
        row = line - np.uint64(PAD)
        work[start + line] &= ~(ours[row] & (seen[row] | seen_before[row])) | places[row]


@helper
def all_if(condition):
    """A word of ones if the condition holds, else of zeros."""
    return ~np.uint64(0) if condition else np.uint64(0)


@helper
def prepare(boards, todo, words, work, top, bottom):
    """Fill the planes of free ground and of targets for the lines [top, bottom)."""
    first, last = np.uint64(top), np.uint64(bottom)
    unknown = all_if(todo & FRONTIER_BIT)
    near = all_if(todo & NEAR_BIT)
    ground = all_if(todo & GROUND_BIT)
    safe = all_if(todo & SAFE_BIT)
    oxygen, carbon, germanium, silicon = (
        all_if(todo & 1),
        all_if(todo & 2),
        all_if(todo & 4),
        all_if(todo & 8),
    )
    place = all_if(todo & PLACE_BITS)
    ours = all_if(todo & COGS_BITS)
    clips = all_if(todo & CLIPS_BIT)
    neutral = all_if(todo & NEUTRAL_BIT)
    in_reach = all_if(todo & (PATROL_BIT | ALIGN_BIT))
    at_home = all_if(todo & ALIGN_HOME_BIT)
    for word in range(words):
        free_at = np.uint64(at(FREE + word))
        target_at = np.uint64(at(TARGET + word))
        for line in range(first, last):
            row = line - np.uint64(PAD)
            seen = boards[KNOWN, word, row]
            own = boards[FRIENDLY, word, row]
            free = seen & ~boards[BLOCKED, word, row]
            neutrals = neutral | (boards[REACH, word, row] & in_reach) | (own & at_home)
            work[free_at + line] = free
            work[target_at + line] = (
                (~seen & (unknown | (near & boards[NEAR, word, row])))
                | (own & free & (ground | (safe & ~boards[ENEMY, word, row])))
                | (boards[ELEMENT, word, row] & oxygen)
                | (boards[ELEMENT + 1, word, row] & carbon)
                | (boards[ELEMENT + 2, word, row] & germanium)
                | (boards[ELEMENT + 3, word, row] & silicon)
                | (boards[PLACE, word, row] & place)
                | (boards[COGS, word, row] & ours)
                | (boards[CLIPS, word, row] & clips)
                | (boards[NEUTRAL, word, row] & neutrals)
            )


@helper
def prune(boards, found, todo, words, work, top, bottom):
    """Take off the targets what no class of `todo` looks for any more, now that the classes `found` were found.

    Not thorough: a target that nobody looks for costs a little time and does no harm. Targets that are few stay.
    """
    first, last = np.uint64(top), np.uint64(bottom)
    for word in range(words):
        if found & AREA_BITS:
            if found & (FRONTIER_BIT | NEAR_BIT) and todo & FRONTIER_BIT == 0:
                keep_near = all_if(todo & NEAR_BIT)
                keep_known(
                    work, word, boards[KNOWN, word], boards[NEAR, word], keep_near, first, last
                )
            if found & (GROUND_BIT | SAFE_BIT) and todo & GROUND_BIT == 0:
                keep_safe = all_if(todo & SAFE_BIT)
                drop_ground(
                    work,
                    word,
                    boards[KNOWN, word],
                    boards[BLOCKED, word],
                    boards[ENEMY, word],
                    keep_safe,
                    first,
                    last,
                )
        if found & ELEMENT_BITS:
            for element in range(NUM_ELEMENTS):
                if found & (1 << element):
                    drop_objects(work, word, boards[ELEMENT + element, word], first, last)
        if found & DEPOSIT_BIT:
            drop_seen(
                work,
                word,
                boards[COGS, word],
                boards[PLACE, word],
                boards[SEEN_NEW, word],
                boards[SEEN_OLD, word],
                first,
                last,
            )
        if found & NEUTRAL_BITS and todo & NEUTRAL_BITS == 0:
            drop_objects(work, word, boards[NEUTRAL, word], first, last)
        if found & CLIPS_BIT:
            drop_objects(work, word, boards[CLIPS, word], first, last)


@helper
def reached_of_line(work, index, index_beside, words):
    """Cells of one line that a first-move board reaches next; `index`: of the line in the board, unsigned."""
    one = np.uint64(1)
    bits = work[index]
    near = work[index - one] | work[index + one] | (bits << one) | (bits >> one)
    if words == 2:
        other = work[index_beside]
        near |= (other << np.uint64(63)) | (other >> np.uint64(63))
    return near


@helper
def moves_to(cells, north, south, west, east):
    """Move mask of the first-move boards that reach any of the cells."""
    moves = 1 if cells & north != 0 else 0
    moves |= 2 if cells & south != 0 else 0
    moves |= 4 if cells & west != 0 else 0
    moves |= 8 if cells & east != 0 else 0
    return moves


@helper
def record(work, route, level, moves):
    """Note a route of a class: its length, and first moves in addition to those noted before."""
    index = np.uint64(route)
    work[np.uint64(LENGTH) + index] = np.uint64(level)
    work[np.uint64(MOVES) + index] |= np.uint64(moves)


@helper
def settle_objects(boards, codes, work, level, word, row, things, todo, north, south, west, east):
    """Record the classes of the objects `things` of one line; returns those looked for."""
    found = 0
    if todo & ELEMENT_BITS:
        for element in range(np.uint64(NUM_ELEMENTS)):
            here = things & boards[np.uint64(ELEMENT) + element, word, row]
            if here != 0 and (todo >> np.int64(element)) & 1:
                found |= 1 << np.int64(element)
                record(work, element, level, moves_to(here, north, south, west, east))
    things &= (
        boards[COGS, word, row]
        | boards[NEUTRAL, word, row]
        | boards[CLIPS, word, row]
        | boards[PLACE, word, row]
    )
    while things != 0:
        bit = trailing_zeros(things)
        here = np.uint64(1) << np.uint64(bit)
        things &= ~here
        classes = classes_of_cell(boards, codes, word, np.int64(row), bit) & todo
        if classes == 0:
            continue
        found |= classes
        moves = moves_to(here, north, south, west, east)
        while classes != 0:
            route = trailing_zeros(np.uint64(classes))
            record(work, route, level, moves)
            work[np.uint64(CELLS) + np.uint64(route)] = row * np.uint64(128) + np.uint64(
                64 * word + bit
            )
            classes &= classes - 1
    return found


@helper
def settle(boards, codes, work, source, level, word, words, top, bottom, todo):
    """Record the classes whose nearest targets this level touched in one word of the rows; returns them."""
    # All indices are unsigned: signed ones would be checked for being negative at every access.
    found = 0
    height = np.uint64(HEIGHT)
    plane = np.uint64(at(source + 4 * word))
    beside = np.uint64(at(source + 4 * (1 - word)))
    hit_at = np.uint64(at(HIT + word))
    target_at = np.uint64(at(TARGET + word))
    for block in range(np.uint64(top >> 3), np.uint64(bottom >> 3)):
        first = block << np.uint64(3)
        any_hit = np.uint64(0)
        for k in range(np.uint64(8)):
            any_hit |= work[hit_at + first + k]
        if any_hit == 0:
            continue
        for line in range(first, first + np.uint64(8)):
            hits = work[hit_at + line]
            if hits == 0:
                continue
            row = line - np.uint64(PAD)
            index, other = plane + line, beside + line
            north = reached_of_line(work, index, other, words)
            south = reached_of_line(work, index + height, other + height, words)
            index, other = index + np.uint64(2) * height, other + np.uint64(2) * height
            west = reached_of_line(work, index, other, words)
            east = reached_of_line(work, index + height, other + height, words)
            things = hits & boards[OBJECT, word, row]
            if things != hits:
                areas = hits & ~things
                unknown = areas & ~boards[KNOWN, word, row]
                near = unknown & boards[NEAR, word, row]
                ground = areas & ~unknown
                safe = ground & ~boards[ENEMY, word, row]
                classes = FRONTIER_BIT if unknown != 0 else 0
                classes |= NEAR_BIT if near != 0 else 0
                classes |= GROUND_BIT if ground != 0 else 0
                classes |= SAFE_BIT if safe != 0 else 0
                classes &= todo
                found |= classes
                if classes & FRONTIER_BIT:
                    record(work, FRONTIER_CLASS, level, moves_to(unknown, north, south, west, east))
                if classes & NEAR_BIT:
                    record(work, NEAR_CLASS, level, moves_to(near, north, south, west, east))
                if classes & GROUND_BIT:
                    record(work, GROUND_CLASS, level, moves_to(ground, north, south, west, east))
                if classes & SAFE_BIT:
                    record(work, SAFE_CLASS, level, moves_to(safe, north, south, west, east))
            if things != 0:
                work[target_at + line] &= ~things
                found |= settle_objects(
                    boards, codes, work, level, word, row, things, todo, north, south, west, east
                )
    return found


@helper
def start(boards, codes, work, words, row, index, todo, agents):
    """Place level 1, the free neighbour cells each with its own first move.

    Neighbours that hold a blocking agent (bits of `agents`) are left out: they may still be reached later, by a detour.
    Own cell and level 1 are taken off the free ground.

    Returns:
        Classes still to be found, and for each word of the rows whether the flood goes on in it.
    """
    work[at(FREE + (index >> 6)) + row + PAD] &= ~(np.uint64(1) << np.uint64(index & 63))
    low = np.uint64(0)
    high = np.uint64(0)
    found = 0
    for d in range(4):
        if (agents >> d) & 1:
            continue
        line = row + PAD + (-1 if d == 0 else (1 if d == 1 else 0))
        cell = (index + (-1 if d == 2 else (1 if d == 3 else 0))) & 127
        word = cell >> 6
        if word >= words:
            continue
        bit = np.uint64(1) << np.uint64(cell & 63)
        if work[at(TARGET + word) + line] & bit:
            classes = 0
            if boards[KNOWN, word, line - PAD] & bit == 0:
                classes = FRONTIER_BIT
                if boards[NEAR, word, line - PAD] & bit:
                    classes |= NEAR_BIT
            elif boards[BLOCKED, word, line - PAD] & bit == 0:
                classes = GROUND_BIT
                if boards[ENEMY, word, line - PAD] & bit == 0:
                    classes |= SAFE_BIT
            elif boards[OBJECT, word, line - PAD] & bit:
                classes = classes_of_cell(boards, codes, word, line - PAD, cell & 63)
            classes &= todo
            found |= classes
            while classes != 0:
                route = trailing_zeros(np.uint64(classes))
                record(work, route, 1, 1 << d)
                work[CELLS + route] = np.uint64(128 * (line - PAD) + cell)
                classes &= classes - 1
        free = work[at(FREE + word) + line] & bit
        work[at(4 * word + d) + line] |= free
        work[at(FREE + word) + line] &= ~free
        if word == 0:
            low |= free
        else:
            high |= free
    return found, low, high


@helper
def wipe(work, words, first, last):
    """Make the planes of the two levels zero again in the lines [first, last)."""
    for level in range(2):
        for plane in range(4 * words):
            begin = np.uint64(at(level * LEVEL_PLANES + plane))
            for line in range(np.uint64(first), np.uint64(last)):
                work[begin + line] = np.uint64(0)


@helper
def spread(boards, codes, work, words, line, first, last, todo, all_of, any_of, low, high):
    """Flood level by level until every class is found or nothing goes on; returns (classes not found, next box).

    Args:
        boards: u64 [NUM_BOARDS, 2, ROWS] of the memory.
        codes: u8 [ROWS, 128] of the memory.
        work: planes, with level 1 placed; lengths and moves of the routes are written.
        words: words per row that are in use.
        line: the agent's line.
        first: first line that the flood can touch, a multiple of 8.
        last: line after the last, a multiple of 8.
        todo: classes to be found.
        all_of: see `flood`; classes of `todo`.
        any_of: see `flood`.
        low: columns of word 0 in which level 1 lies.
        high: columns of word 1.

    Returns:
        (classes not found, True if the flood died out, first line used, line after the last used)
    """
    edge = np.uint64(EDGE_COLUMNS)
    low_before = np.uint64(0)
    high_before = np.uint64(0)
    top, bottom = line & ~7, (line & ~7) + 8
    level = 1
    while (todo & (all_of | any_of)) != 0 and (low | high) != 0 and level < MAX_DEPTH:
        is_even = (level & 1) == 1
        level += 1
        top = max((line - level) & ~7, first)
        bottom = min((line + level + 8) & ~7, last)
        found = 0
        source = 0 if is_even else LEVEL_PLANES
        next_low = np.uint64(0)
        next_high = np.uint64(0)
        touched_low = np.uint64(0)
        touched_high = np.uint64(0)
        begin, end = np.uint64(top), np.uint64(bottom)
        if words == 1:
            if is_even:
                touched_low, next_low = _grow_even(work, begin, end)
            else:
                touched_low, next_low = _grow_odd(work, begin, end)
        else:
            if (low | low_before | (high & edge)) != 0:
                if is_even:
                    touched_low, next_low = _grow_even_low(work, begin, end)
                else:
                    touched_low, next_low = _grow_odd_low(work, begin, end)
            if (high | high_before | (low & edge)) != 0:
                if is_even:
                    touched_high, next_high = _grow_even_high(work, begin, end)
                else:
                    touched_high, next_high = _grow_odd_high(work, begin, end)
        if touched_low != 0:
            found |= settle(boards, codes, work, source, level, 0, words, top, bottom, todo)
        if touched_high != 0:
            found |= settle(boards, codes, work, source, level, 1, words, top, bottom, todo)
        if found != 0:
            todo &= ~found
            if found & any_of:
                any_of = 0
            if todo & (all_of | any_of):
                prune(boards, found, todo, words, work, first, last)
        low_before, high_before = low, high
        low, high = next_low, next_high
    return todo, (low | high) == 0, min(top, (line - 1) & ~7), max(bottom, (line + 9) & ~7)


@helper
def flood(
    boards,
    codes,
    avoid,
    work,
    row,
    index,
    words,
    top_known,
    bottom_known,
    todo,
    all_of,
    any_of,
    agents,
):
    """Find the routes from one cell to the classes `todo`; returns those that no ground leads to.

    Helpers take few arrays on purpose: every array costs a dozen words of stack per call.

    Args:
        boards: u64 [NUM_BOARDS, 2, ROWS] of the memory.
        codes: u8 [ROWS, 128] of the memory.
        avoid: u64 [2, ROWS] cells that are no targets (claimed by others), or of no rows at all.
        work: u64 [WORK_SIZE], level planes zero; they are zero again afterwards. Words LENGTH + c and MOVES + c: length
            and first moves of the route to class c, NO_ROUTE and 0 if there is none.
        row: grid row of the cell, 2 to ROWS - 3.
        index: bit of its column in the 128-bit row.
        words: 2 if anything is known in the second word of a row, else 1.
        top_known: first grid row with known cells.
        bottom_known: last grid row with known cells.
        todo: bit mask of classes.
        all_of: once these classes and one of `any_of` are found, and own ground, the search may stop; if `todo` lacks one
            of them, or both are 0, it goes on until all are found.
        any_of: see `all_of`.
        agents: directions in which agents stand that routes must lead around.

    Returns:
        Bit mask of the classes that were searched for in vain although all ground that can be reached was seen;
        0 if the search ended for another reason.
    """
    # With one of them missing, what to do may depend on any other class.
    can_stop = all_of | any_of != 0 and all_of & ~todo == 0 and (any_of == 0 or any_of & todo != 0)
    if not can_stop:
        any_of = 0
    for route in range(np.uint64(NUM_CLASSES)):
        work[np.uint64(LENGTH) + route] = np.uint64(NO_ROUTE)
        work[np.uint64(MOVES) + route] = np.uint64(0)
    here = np.uint64(1) << np.uint64(index & 63)
    friendly = boards[FRIENDLY, index >> 6, row] & here
    if (todo & GROUND_BIT) and friendly != 0:
        work[LENGTH + GROUND_CLASS] = np.uint64(0)
        todo &= ~GROUND_BIT
    if (todo & SAFE_BIT) and (friendly & ~boards[ENEMY, index >> 6, row]) != 0:
        work[LENGTH + SAFE_CLASS] = np.uint64(0)
        todo &= ~SAFE_BIT
    if todo == 0:
        return 0
    line = row + PAD
    # Known cells and the unknown ones next to them lie in these lines; nothing else can be touched.
    first = min(top_known + PAD - 1, line - 1) & ~7
    last = (max(bottom_known + PAD + 1, line + 1) + 8) & ~7
    prepare(boards, todo, words, work, first, last)
    if avoid.shape[1] != 0:
        for word in range(words):
            drop_objects(work, word, avoid[word], np.uint64(first), np.uint64(last))
    any_of &= todo
    all_of = (all_of | GROUND_BIT) & todo if can_stop else todo
    found, low, high = start(boards, codes, work, words, row, index, todo, agents)
    todo &= ~found
    if found & any_of:
        any_of = 0
    if found != 0 and todo != 0:
        prune(boards, found, todo, words, work, first, last)
    todo, died, top, bottom = spread(
        boards, codes, work, words, line, first, last, todo, all_of, any_of, low, high
    )
    wipe(work, words, top, bottom)
    return todo if died else 0
