"""The boards of the map memory: what is where, whose ground it is, what was seen lately.

Coordinates: the frame's origin is the hub (the spawn cell while no hub was seen). A cell at (row, column) from the
origin lies in grid row `row + CENTRE_ROW` and in bit `(column + CENTRE_COLUMN) mod 128` of that row's two words.

Cost matters here, so a step touches only the 11 rows of the window, and walls are single bits of a row mask.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from coglab.engine.jit import helper, kernel, trailing_zeros
from coglab.games.cogsguard import memory_layout as layout

WINDOW = 11
HALF = 5
NUM_TOKENS = 200
MAX_OTHERS = 24
"""Other agents remembered from the current window; more are ignored."""

# Columns of `MemoryState.body`: what one agent remembers about itself.
HAS_FRAME = 0
SPAWN_ROW = 1
SPAWN_COLUMN = 2
HUB_SEEN = 3
HUB_ROW = 4
HUB_COLUMN = 5
ROW = 6
COLUMN = 7
AGE = 8
HP = 9
OFF_GROUND = 10
STANDING = 11
DOUBTS = 12
NUM_OTHERS = 13
AGENT_BITS = 14
SEAT = 15
DRAIN = 16
ON_GROUND = 17
INFLUENCE = 18
SUPPRESSED = 19
BODY_SIZE = 20

# Columns of `MemoryState.others`.
OTHER_ROW = 0
OTHER_COLUMN = 1
OTHER_VIBE = 2
OTHER_GEAR = 3
OTHER_HEARTS = 4
OTHER_SIZE = 5


# Columns of `MemoryState.routed`. The last four are for searches that end when a decision is settled.
ROUTED_VERSION = 0
ROUTED_CELL = 1
ROUTED_AGENTS = 2
ROUTED_CLASSES = 3
ROUTED_ENOUGH = 4
ROUTED_ELSE = 5
ROUTED_STOCK = 6
ROUTED_FOLLOWED = 7
# The next ones are for a way that is kept over ticks, see `teachers/keep.py`.
ROUTED_STEP = 8
ROUTED_KEPT = 9
ROUTED_HOME = 10
ROUTED_SIZE = 11

WAY_STEPS = 32
"""Cells of a way that are kept."""


class MemoryState(NamedTuple):
    """Everything that map memories hold. N rows (agents), M memories: M = N, or one per team when shared."""

    boards: np.ndarray
    """u64 [M, NUM_BOARDS, 2, ROWS] bit boards"""
    span: np.ndarray
    """i32 [M, 2] derived: first and last grid row in which a cell is known; (ROWS, -1) if none is"""
    codes: np.ndarray
    """u8 [M, ROWS, 128] object code of each cell; meaningful only where BOARD_OBJECT is set"""
    counts: np.ndarray
    """i32 [M, NUM_CODES] remembered objects of each code"""
    version: np.ndarray
    """i64 [M] grows whenever something changed that a route may depend on"""
    wide: np.ndarray
    """u8 [M] 1 once something lies in the second word of a row"""
    body: np.ndarray
    """i32 [N, BODY_SIZE]"""
    others: np.ndarray
    """i16 [N, MAX_OTHERS, OTHER_SIZE] other agents in the window: cell, vibe, gear (bit per piece), hearts"""
    scalars: np.ndarray
    """i16 [N, len(SCALARS)]"""
    route_dist: np.ndarray
    """u8 [N, len(ROUTE_CLASSES)]"""
    route_move: np.ndarray
    """u8 [N, len(ROUTE_CLASSES)]"""
    target_cell: np.ndarray
    """i16 [N, len(CLAIMABLE)] cell of the nearest target, 128 * grid row + bit; valid where there is a route"""
    routed: np.ndarray
    """i64 [N, ROUTED_SIZE] derived: what the routes were computed for, see ROUTED_VERSION and the next ones"""
    way: np.ndarray
    """u8 [N, WAY_STEPS] derived: the way that a teacher's agent follows, see `teachers/keep.py`"""
    present: np.ndarray
    """i64 [M, 3] derived: version, classes that have targets in it, classes that this is known of"""
    failed: np.ndarray
    """i64 [N, 2] version, and classes that were found to be out of reach in it"""


KNOWN = layout.BOARD_KNOWN
BLOCKED = layout.BOARD_BLOCKED
OBJECT = layout.BOARD_OBJECT
COGS = layout.BOARD_COGS
CLIPS = layout.BOARD_CLIPS
NEUTRAL = layout.BOARD_NEUTRAL
FRIENDLY = layout.BOARD_FRIENDLY
ENEMY = layout.BOARD_ENEMY
REACH = layout.BOARD_REACH
SEEN_NEW = layout.BOARD_SEEN_NEW
SEEN_OLD = layout.BOARD_SEEN_OLD
NEAR = layout.BOARD_NEAR
HURT_NEW = layout.BOARD_HURT_NEW
HURT_OLD = layout.BOARD_HURT_OLD
NUM_BOARDS = layout.NUM_BOARDS
ELEMENT = layout.BOARD_ELEMENT
PLACE = layout.BOARD_PLACE
NEAR_RADIUS = layout.TERRITORY + layout.NEAR_GROUND
HURT_RADIUS = 3
HURT_RADIUS_AWAY = 5
"""Off own ground, where the way into enemy ground is of no use, more cells around count as enemy ground."""
NUM_CODES = layout.NUM_CODES
CODE_HUB = layout.CODE_HUB
CODE_NEUTRAL = layout.CODE_NEUTRAL
CODE_COGS = layout.CODE_COGS
CODE_CLIPS = layout.CODE_CLIPS
CODE_UNKNOWN = layout.CODE_UNKNOWN
ROWS = layout.ROWS
CENTRE_ROW = layout.CENTRE_ROW
CENTRE_COLUMN = layout.CENTRE_COLUMN
MAX_COLUMN_OFFSET = layout.MAX_COLUMN_OFFSET
TERRITORY = layout.TERRITORY
FAR = layout.TERRITORY + layout.ALIGN_REACH
REVISIT_PERIOD = layout.REVISIT_PERIOD
NUM_VIBES = len(layout.VIBES)


@helper
def spread_low(mask, column):
    """Bits of word 0 for a row mask whose bit 0 stands at `column` (offset from the origin)."""
    start = (column + CENTRE_COLUMN) & 127
    offset = start & 63
    if start < 64:
        return mask << np.uint64(offset)
    if offset == 0:
        return np.uint64(0)
    return mask >> np.uint64(64 - offset)


@helper
def spread_high(mask, column):
    """Bits of word 1, as `spread_low`."""
    start = (column + CENTRE_COLUMN) & 127
    offset = start & 63
    if start >= 64:
        return mask << np.uint64(offset)
    if offset == 0:
        return np.uint64(0)
    return mask >> np.uint64(64 - offset)


@helper
def cell_bit(boards, board, row, column):
    """1 if a cell is set in a board of one memory; `row` is a grid row, `column` an offset from the origin."""
    index = (column + CENTRE_COLUMN) & 127
    return (boards[board, index >> 6, row] >> np.uint64(index & 63)) & np.uint64(1)


@helper
def board_of_code(code):
    """Board of extractors or places that an object belongs to, -1 for none (junctions have boards of their own)."""
    if code >= 1 and code <= 4:
        return ELEMENT + code - 1
    if code == 0 or (code >= CODE_NEUTRAL and code <= CODE_CLIPS):
        return -1
    return PLACE


@helper
def extend_span(state, m, row):
    """Note that cells of a grid row are known."""
    state.span[m, 0] = min(state.span[m, 0], row)
    state.span[m, 1] = max(state.span[m, 1], row)


@helper
def put_object(state, m, row, column, code):
    """Remember an object in a cell (code 0: none any more); returns 1 if the ground boards must be rebuilt."""
    index = (column + CENTRE_COLUMN) & 127
    word = index >> 6
    bit = np.uint64(1) << np.uint64(index & 63)
    old = 0
    if state.boards[m, OBJECT, word, row] & bit:
        old = np.int64(state.codes[m, row, index])
    if old == code:
        return 0
    state.version[m] += 1
    if old != 0:
        state.counts[m, old] -= 1
    if code != 0:
        state.counts[m, code] += 1
        state.boards[m, OBJECT, word, row] |= bit
    else:
        state.boards[m, OBJECT, word, row] &= ~bit
    state.codes[m, row, index] = code
    ground = 0
    if old == CODE_COGS or old == CODE_HUB:
        state.boards[m, COGS, word, row] &= ~bit
        ground = 1
    elif old == CODE_CLIPS:
        state.boards[m, CLIPS, word, row] &= ~bit
        ground = 1
    elif old == CODE_NEUTRAL:
        state.boards[m, NEUTRAL, word, row] &= ~bit
    if code == CODE_COGS or code == CODE_HUB:
        state.boards[m, COGS, word, row] |= bit
        ground = 1
    elif code == CODE_CLIPS:
        state.boards[m, CLIPS, word, row] |= bit
        ground = 1
    elif code == CODE_NEUTRAL:
        state.boards[m, NEUTRAL, word, row] |= bit
    old_board = board_of_code(old)
    if old_board >= 0:
        state.boards[m, old_board, word, row] &= ~bit
    new_board = board_of_code(code)
    if new_board >= 0:
        state.boards[m, new_board, word, row] |= bit
    return ground


@helper
def widen(boards, source, target, radius):
    """Board `target` = all cells within Chebyshev distance `radius` of the cells of board `source`; columns wrap.

    Cells grow along the rows, then across them, by 1, 3, 9, ... and the rest: what grew by k covers 2 k + 1 cells, so the
    next step may be that wide.
    """
    for row in range(ROWS):
        low, high = boards[source, 0, row], boards[source, 1, row]
        grown = 0
        while grown < radius and (low | high) != 0:
            width = min(2 * grown + 1, radius - grown)
            by, rest = np.uint64(width), np.uint64(64 - width)
            left_low, left_high = (low << by) | (high >> rest), (high << by) | (low >> rest)
            right_low, right_high = (low >> by) | (high << rest), (high >> by) | (low << rest)
            low, high = low | left_low | right_low, high | left_high | right_high
            grown += width
        boards[target, 0, row], boards[target, 1, row] = low, high
    for word in range(2):
        plane = boards[target, word]
        grown = 0
        while grown < radius:
            width = min(2 * grown + 1, radius - grown)
            # Upwards, then downwards: rows that are read have not grown in the same pass.
            for row in range(ROWS - width):
                plane[row] |= plane[row + width]
            for row in range(ROWS - 1, width - 1, -1):
                plane[row] |= plane[row - width]
            grown += width


@helper
def rebuild_ground(state, m):
    """Own ground, enemy ground and what is within reach of own ground, from the remembered owners.

    Cells around places where enemy ground was felt lately count as enemy ground, whoever causes it.
    """
    boards = state.boards[m]
    widen(boards, COGS, FRIENDLY, TERRITORY)
    widen(boards, FRIENDLY, NEAR, NEAR_RADIUS - TERRITORY)
    widen(boards, NEAR, REACH, FAR - NEAR_RADIUS)
    widen(boards, CLIPS, ENEMY, TERRITORY)
    for word in range(2):
        for row in range(ROWS):
            boards[ENEMY, word, row] |= boards[HURT_NEW, word, row] | boards[HURT_OLD, word, row]
    state.version[m] += 1


@helper
def forget_ground(state, m, row, column):
    """Own ground was expected but not felt: junctions of ours within 10 and out of view were lost, call them neutral.

    Nothing is concluded where the hub is near, because the hub cannot be lost.
    """
    ground = 0
    top = max(1, row + CENTRE_ROW - TERRITORY)
    bottom = min(ROWS - 2, row + CENTRE_ROW + TERRITORY)
    for pass_index in range(2):
        for grid_row in range(top, bottom + 1):
            if (state.boards[m, COGS, 0, grid_row] | state.boards[m, COGS, 1, grid_row]) == 0:
                continue
            for other in range(column - TERRITORY, column + TERRITORY + 1):
                if cell_bit(state.boards[m], COGS, grid_row, other) == 0:
                    continue
                if pass_index == 0:
                    if state.codes[m, grid_row, (other + CENTRE_COLUMN) & 127] == CODE_HUB:
                        return 0
                elif abs(grid_row - CENTRE_ROW - row) > HALF or abs(other - column) > HALF:
                    ground |= put_object(state, m, grid_row, other, CODE_NEUTRAL)
    return ground


@helper
def mark_hurt(state, m, row, column, radius):
    """Count the cells around the agent as enemy ground for a while; returns 1 if that is news."""
    if cell_bit(state.boards[m], ENEMY, row + CENTRE_ROW, column):
        return 0
    width = 2 * radius + 1
    mask = (np.uint64(1) << np.uint64(width)) - np.uint64(1)
    low = spread_low(mask, column - radius)
    high = spread_high(mask, column - radius)
    top = max(1, row + CENTRE_ROW - radius)
    bottom = min(ROWS - 2, row + CENTRE_ROW + radius)
    for grid_row in range(top, bottom + 1):
        state.boards[m, HURT_NEW, 0, grid_row] |= low
        state.boards[m, HURT_NEW, 1, grid_row] |= high
    return 1


@helper
def clear_memory(state, m):
    """Forget the map."""
    for board in range(NUM_BOARDS):
        for row in range(ROWS):
            state.boards[m, board, 0, row] = np.uint64(0)
            state.boards[m, board, 1, row] = np.uint64(0)
    state.span[m, 0] = ROWS
    state.span[m, 1] = -1
    for code in range(NUM_CODES):
        state.counts[m, code] = 0
    state.wide[m] = 0
    state.version[m] += 1


@helper
def age_memory(state, m):
    """A period is over: what was seen or felt before it does not count as lately any more."""
    boards = state.boards[m]
    hurt_before = np.uint64(0)
    for word in range(2):
        for row in range(ROWS):
            boards[SEEN_OLD, word, row] = boards[SEEN_NEW, word, row]
            boards[SEEN_NEW, word, row] = np.uint64(0)
            hurt_before |= boards[HURT_OLD, word, row]
            boards[HURT_OLD, word, row] = boards[HURT_NEW, word, row]
            boards[HURT_NEW, word, row] = np.uint64(0)
    if hurt_before != 0:
        rebuild_ground(state, m)
    else:
        state.version[m] += 1


@kernel
def derive_rows(state):
    """Derive, after a restore, what follows from boards and codes: the last boards, `span`, `present`, `failed`."""
    for n in range(state.failed.shape[0]):
        state.failed[n, 0] = -1
        state.routed[n, 0] = -1
    for m in range(state.span.shape[0]):
        state.present[m, 0] = -1
        state.span[m, 0] = ROWS
        state.span[m, 1] = -1
        for row in range(ROWS):
            if (state.boards[m, KNOWN, 0, row] | state.boards[m, KNOWN, 1, row]) != 0:
                extend_span(state, m, row)
            for word in range(2):
                for board in range(ELEMENT, PLACE + 1):
                    state.boards[m, board, word, row] = np.uint64(0)
                things = state.boards[m, OBJECT, word, row]
                while things != 0:
                    bit = trailing_zeros(things)
                    here = np.uint64(1) << np.uint64(bit)
                    things &= ~here
                    board = board_of_code(np.int64(state.codes[m, row, 64 * word + bit]))
                    if board >= 0:
                        state.boards[m, board, word, row] |= here
