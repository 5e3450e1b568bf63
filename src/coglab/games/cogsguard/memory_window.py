"""One 11x11 window and the boards of the map memory: what it shows goes in, what it does not show any more goes out.

The window's rows are words with bit 0 in the west. They are shifted to where they lie in the memory's rows and taken in 8
rows at a time (`engine/bit_blocks.py`).
"""

from __future__ import annotations

import numpy as np

from coglab.engine.bit_blocks import NEWS_ROWS, make_revise
from coglab.engine.jit import helper
from coglab.games.cogsguard.memory_boards import (
    BLOCKED,
    CENTRE_COLUMN,
    CENTRE_ROW,
    CLIPS,
    COGS,
    HALF,
    KNOWN,
    NEUTRAL,
    OBJECT,
    PLACE,
    ROWS,
    SEEN_NEW,
    SEEN_OLD,
    WINDOW,
    board_of_code,
    cell_bit,
    put_object,
)


@helper
def clear_sight(sight):
    """Forget the walls and objects of a window."""
    for i in range(WINDOW):
        sight[SIGHT_WALLS + i] = np.uint64(0)
        sight[SIGHT_OBJECTS + i] = np.uint64(0)


@helper
def seen_of_row(i, radius):
    """Cells of the i-th window row that were told about, as bits 0..10; `radius`: see `write_window`."""
    if radius >= 2 * HALF:
        return np.uint64(0x7FF)
    reach = min(HALF, radius - abs(i - HALF))
    if reach < 0:
        return np.uint64(0)
    return ((np.uint64(1) << np.uint64(2 * reach + 1)) - np.uint64(1)) << np.uint64(HALF - reach)


def _revise(known, blocked, new, old, things, cogs, clips, neutral, place, walls, objects, seen):  # type: ignore[no-untyped-def]
    """What one window does to the boards, for words of rows; see `write_window`."""
    lately = new | old
    filled = walls | objects
    news = ~known | (blocked ^ filled) | ((cogs | neutral) & ~lately)
    doubtful = objects & (~(lately & things) | cogs | clips | neutral | place)
    return (
        known | seen,
        (blocked & ~seen) | filled,
        new | seen,
        seen & news,
        things & seen & ~objects,
        doubtful,
    )


revise = make_revise(
    (KNOWN, BLOCKED, SEEN_NEW, SEEN_OLD, OBJECT, COGS, CLIPS, NEUTRAL, PLACE),
    (KNOWN, BLOCKED, SEEN_NEW),
    _revise,
    ROWS,
)

# Where what was seen lies in `sight`, u64 [SIGHT_SIZE]: boards of 16 words, of which the first 11 are the window's rows.
SIGHT_WALLS = 0
SIGHT_OBJECTS = NEWS_ROWS
SIGHT_SEEN = 2 * NEWS_ROWS
"""Cells that were told about."""
SIGHT_CUT = 3 * NEWS_ROWS
"""Room for these three boards without the rows beside the grid."""
SIGHT_NEWS = 6 * NEWS_ROWS
"""Cells that changed, objects that are gone, objects whose codes must be looked at; here: word 0 of the memory's rows."""
SIGHT_NEWS_HIGH = 9 * NEWS_ROWS
"""The same, word 1."""
SIGHT_DOUBTS = 2 * NEWS_ROWS
"""Offset of the objects whose codes must be looked at."""
SIGHT_SIZE = 12 * NEWS_ROWS

SIGN_CHANGED = 1
"""Signs that `write_window` returns: something changed that routes depend on, ..."""
SIGN_GONE = 2
"""... an object is gone, ..."""
SIGN_DOUBTS = 4
"""... an object may not be the one that is remembered, ..."""
SIGN_WIDE = 8
"""... the second word of a row is in use."""


@helper
def write_window(boards, span, row, column, sight, radius):
    """Write one 11x11 window into the boards of known, blocked and lately seen cells.

    An extractor that was seen lately is still the same; every other object may have changed (and one that was told in part
    is remembered as one of unknown kind, a place): these are the doubtful ones.

    Args:
        boards: u64 [NUM_BOARDS, 2, ROWS] of the memory.
        span: i32 [2] of the memory.
        row: the agent's row from the origin.
        column: its column.
        sight: u64 [SIGHT_SIZE] walls and objects of the window rows; the other parts are written.
        radius: below 10: only cells within that Manhattan distance were told about.

    Returns:
        SIGN_* bits.
    """
    first = (column - HALF + CENTRE_COLUMN) & 127
    top = row - HALF + CENTRE_ROW
    begin, end = max(1 - top, 0), min(ROWS - 1 - top, WINDOW)
    if radius < 2 * HALF:
        # Rows that were not told about at all.
        begin, end = max(begin, HALF - max(radius, -1)), min(end, HALF + max(radius, -1) + 1)
    if begin >= end:
        return 0
    span[0] = min(span[0], top + begin)
    span[1] = max(span[1], top + end - 1)
    source, seen = SIGHT_WALLS, np.uint64(0)
    for i in range(WINDOW):
        sight[SIGHT_SEEN + i] = seen_of_row(i, radius)
    for i in range(begin, end):
        seen |= sight[SIGHT_SEEN + i]
    if end - begin < WINDOW:
        source = SIGHT_CUT
        # The grid's first row may lie in the middle of the window.
        above = max(-top, 0)
        for board in range(0, 3 * NEWS_ROWS, NEWS_ROWS):
            for i in range(NEWS_ROWS):
                is_inside = begin <= i + above and i + above < end
                bits = sight[board + i + above] if is_inside else np.uint64(0)
                sight[SIGHT_CUT + board + i] = bits
    at, line = np.uint64(source), np.uint64(max(top, 0))
    signs = np.uint64(0)
    eight, shift = np.uint64(8), np.uint64(first & 63)
    is_wide = False
    # The window may reach into the other word of the rows.
    for part in range(2 if first & 63 > 64 - WINDOW else 1):
        word = np.uint64((first >> 6) ^ part)
        left = shift if part == 0 else np.uint64(0)
        right = np.uint64(0) if part == 0 else np.uint64(64) - shift
        columns = (seen << left) >> right
        edge = np.uint64(0x8000000000000001) if word == 0 else ~np.uint64(0)
        is_wide |= columns & edge != 0
        out = np.uint64(SIGHT_NEWS_HIGH if word == 1 else SIGHT_NEWS)
        signs |= revise(boards, word, line, sight, at, left, right, out)
        signs |= revise(boards, word, line + eight, sight, at + eight, left, right, out + eight)
    return np.int64(signs) | (SIGN_WIDE if is_wide else 0)


@helper
def is_doubtful(sight, row, grid_row, column):
    """Whether the object in a cell of the window has to be looked at, after `write_window`; `row`: the agent's."""
    index = (column + CENTRE_COLUMN) & 127
    line = grid_row - max(row - HALF + CENTRE_ROW, 0)
    doubts = (SIGHT_NEWS_HIGH if index >= 64 else SIGHT_NEWS) + SIGHT_DOUBTS + line
    return (sight[doubts] >> np.uint64(index & 63)) & np.uint64(1) != 0


@helper
def remove_gone(state, m, row, column, sight, radius):
    """Forget the objects that a window does not show any more; returns 1 if the ground boards must be rebuilt."""
    ground = 0
    for i in range(WINDOW):
        grid_row = row + i - HALF + CENTRE_ROW
        if grid_row < 1 or grid_row >= ROWS - 1:
            continue
        missing = seen_of_row(i, radius) & ~sight[SIGHT_OBJECTS + i]
        for j in range(WINDOW):
            if (missing >> np.uint64(j)) & np.uint64(1) == 0:
                continue
            other = column - HALF + j
            if cell_bit(state.boards[m], OBJECT, grid_row, other):
                ground |= put_object(state, m, grid_row, other, 0)
    return ground


@helper
def is_remembered(boards, codes, row, column, code):
    """Whether the cell is remembered to hold exactly this object."""
    index = (column + CENTRE_COLUMN) & 127
    word = index >> 6
    bit = np.uint64(1) << np.uint64(index & 63)
    board = board_of_code(code)
    if board == PLACE or board < 0:
        return boards[OBJECT, word, row] & bit != 0 and np.int64(codes[row, index]) == code
    return boards[board, word, row] & bit != 0
