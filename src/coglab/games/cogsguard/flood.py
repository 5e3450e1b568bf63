"""The flood: one bit-parallel breadth-first search from an agent over known free ground, to every class at once.

How it works: the flood moves in levels, level L being the cells that are L moves away. It carries four bit boards, one
for each first move (north, south, west, east): a cell's bit is set in a board if a shortest route to the cell can begin
with that move. The first level that touches a target of a class gives the class's distance, and the boards that touch
it give all optimal first moves. Objects are targets but not ground, so the last move of a route is the bump.

Planes, free ground and targets: `flood_targets.py`.
"""

from __future__ import annotations

import numpy as np

from coglab.engine.bit_blocks import ALIVE, TOUCHED, grow_four, grow_four_wide
from coglab.engine.jit import helper, trailing_zeros
from coglab.games.cogsguard.flood_targets import (
    CELLS,
    EDGE_COLUMNS,
    FREE,
    HEIGHT,
    HIT,
    LENGTH,
    LEVEL_PLANES,
    MOVES,
    PAD,
    TARGET,
    WORK_SIZE,
    at,
    drop_objects,
    prepare,
    prune,
)
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
)
from coglab.games.cogsguard.route_classes import (
    ELEMENT_BITS,
    FRONTIER_BIT,
    FRONTIER_CLASS,
    GROUND_BIT,
    GROUND_CLASS,
    MAX_DEPTH,
    NEAR_BIT,
    NEAR_CLASS,
    NO_ROUTE,
    NUM_CLASSES,
    NUM_ELEMENTS,
    SAFE_BIT,
    SAFE_CLASS,
    classes_of_cell,
)

__all__ = ["CELLS", "LENGTH", "MOVES", "WORK_SIZE", "flood"]


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
def grow_word(work, source, word, words, top, bottom):
    """Flood one word of the lines [top, bottom) by one level; returns ALIVE and TOUCHED bits.

    `source`: first plane of the level that is known, 0 or LEVEL_PLANES; the next level is written to the other planes.
    """
    signs = np.uint64(0)
    here, beside = np.uint64(at(source + 4 * word)), np.uint64(at(source + 4 * (1 - word)))
    out = np.uint64(at(LEVEL_PLANES - source + 4 * word))
    free, target = np.uint64(at(FREE + word)), np.uint64(at(TARGET + word))
    hit, stride = np.uint64(at(HIT + word)), np.uint64(HEIGHT)
    line, end = np.uint64(top), np.uint64(bottom)
    while line < end:
        if words == 1:
            signs |= grow_four(
                work, here + line, beside + line, out + line, stride, free + line, target + line, hit + line
            )  # fmt: skip
        else:
            signs |= grow_four_wide(
                work, here + line, beside + line, out + line, stride, free + line, target + line, hit + line
            )  # fmt: skip
        line += np.uint64(8)
    return signs


@helper
def is_at_edge(work, source, word, top, bottom):
    """True if a level holds cells from which it goes on in the other word."""
    for plane in range(source + 4 * word, source + 4 * word + 4):
        for line in range(np.uint64(at(plane) + top), np.uint64(at(plane) + bottom)):
            if work[line] & np.uint64(EDGE_COLUMNS) != 0:
                return True
    return False


@helper
def spread(boards, codes, work, words, line, first, last, todo, low, high):
    """Flood level by level until every class is found or nothing goes on.

    Args:
        boards: u64 [NUM_BOARDS, 2, ROWS] of the memory.
        codes: u8 [ROWS, 128] of the memory.
        work: planes, with level 1 placed; lengths and moves of the routes are written.
        words: words per row that are in use.
        line: the agent's line.
        first: first line that the flood can touch, a multiple of 8.
        last: line after the last, a multiple of 8.
        todo: classes to be found.
        low: columns of word 0 in which level 1 lies.
        high: columns of word 1.

    Returns:
        (classes not found, True if the flood died out, first line used, line after the last used)
    """
    top, bottom = (line - 1) & ~7, (line + 9) & ~7
    level = 1
    # Most floods stay in one word for long.
    in_low, in_high = low != 0, high != 0
    alive = in_low or in_high
    while todo != 0 and alive and level < MAX_DEPTH:
        source = 0 if level & 1 else LEVEL_PLANES
        if words == 2 and not (in_low and in_high):
            if is_at_edge(work, source, 0 if in_low else 1, top, bottom):
                in_low, in_high = True, True
        level += 1
        top = max((line - level) & ~7, first)
        bottom = min((line + level + 8) & ~7, last)
        low_signs = grow_word(work, source, 0, words, top, bottom) if in_low else np.uint64(0)
        high_signs = grow_word(work, source, 1, words, top, bottom) if in_high else np.uint64(0)
        alive = (low_signs | high_signs) & np.uint64(ALIVE) != 0
        found = 0
        for word in range(words):
            if (high_signs if word else low_signs) & np.uint64(TOUCHED) != 0:
                found |= settle(boards, codes, work, source, level, word, words, top, bottom, todo)
        if found != 0:
            todo &= ~found
            if todo != 0:
                prune(boards, found, todo, words, work, first, last)
    return todo, not alive, min(top, (line - 1) & ~7), max(bottom, (line + 9) & ~7)


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
        agents: directions in which agents stand that routes must lead around.

    Returns:
        Bit mask of the classes that were searched for in vain although all ground that can be reached was seen;
        0 if the search ended for another reason.
    """
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
    found, low, high = start(boards, codes, work, words, row, index, todo, agents)
    todo &= ~found
    if found != 0 and todo != 0:
        prune(boards, found, todo, words, work, first, last)
    todo, died, top, bottom = spread(boards, codes, work, words, line, first, last, todo, low, high)
    wipe(work, words, top, bottom)
    return todo if died else 0
