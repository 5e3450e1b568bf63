"""The arrays behind the map memory, and the helpers that read and write single cells of its boards.

Coordinates: the frame's origin is the assembler. A cell at (row, column) from it lies in line `row + CENTRE_LINE` and in
bit `column + CENTRE_BIT` of that line's 128 bits (two words). A cell's number is `128 * line + bit`.

Three levels of what is known, from fast to slow: the *map* is written every tick; the *ground* that routes lie on is a
copy of it that is renewed at most every `REPLAN_NEWS` ticks; the *plan* (which extractor, which unknown ground) is made
from a cell that is renewed when something happened, or after `REPLAN_ALWAYS` ticks. Routes are exact on their ground, so
that it never matters when, or whether, they are asked for.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from coglab.engine.jit import helper, inlined
from coglab.games.machina1 import memory_layout as layout

LINES = layout.LINES
CENTRE_LINE = layout.CENTRE_LINE
CENTRE_BIT = layout.CENTRE_BIT
CENTRE_CELL = 128 * CENTRE_LINE + CENTRE_BIT
FIRST_LINE, LAST_LINE = layout.FIRST_LINE, layout.LAST_LINE
FIRST_BIT, LAST_BIT = layout.FIRST_BIT, layout.LAST_BIT
MAX_STATIONS = layout.MAX_STATIONS
MAX_OTHERS = 24
"""Other agents of a window that are looked at; more are ignored."""
NUM_CLASSES = len(layout.ROUTE_CLASSES)
NUM_SEARCHED = 6
"""The first classes, whose targets a search from the agent chooses."""

KNOWN, OPEN = layout.BOARD_KNOWN, layout.BOARD_OPEN
PLAN_KNOWN, PLAN_OPEN = layout.BOARD_PLAN_KNOWN, layout.BOARD_PLAN_OPEN
KIND = layout.BOARD_KIND
NUM_BOARDS = layout.NUM_BOARDS

# Columns of `MemoryState.body`: what one agent remembers about itself.
CELL = 0
SPAWN_CELL = 1
AGE = 2
ENERGY = 3
VIBE = 4
STANDING = 5
COMPLETION = 6
COMPLETION_AGE = 7
"""Age at which the completion last grew."""
HEART_AGE = 8
"""Age at which a heart was last received; -1: never."""
HEART = 9
CARGO = 10
"""First of four."""
RING_SINCE = 14
"""Age from which waiting in the ring counts; -1: not in it."""
NUM_STATIONS = 15
ASSEMBLER_CELL = 16
CHEST_CELL = 17
"""Cells, 0 while none was seen."""
RING_TAKEN = 18
"""Bits of the ring's cells in which another agent was last seen."""
HAS_NEWS = 19
"""1: ground was seen that the routes do not know."""
PLAN_CELL = 20
PLAN_AGE = 21
GROUND_AGE = 22
GROUND_VERSION = 23
PLAN_VERSION = 24
NUM_CROWD = 25
KNOWN_KIND = 26
"""First of five: stations with uses left by kind."""
BODY_SIZE = 31

# Columns of `MemoryState.stations`.
S_CELL = 0
S_KIND = 1
S_USES = 2
S_READY = 3
"""Age from which it is ready."""
STATION_SIZE = 4
UNLIMITED = 255

# Columns of `MemoryState.field_info`, by class.
F_TARGET = 0
"""Target cell; for `ring` the taken cells."""
F_GROUND = 1
F_DEPTH = 2
"""Levels computed; larger if every reachable cell is reached."""
F_AGE = 3
F_CELL = 4
F_DIST = 5
"""Where and when the field was last looked up, and the distance there."""
FIELD_SIZE = 6

# Columns of `MemoryState.plan`.
P_KEY = 0
"""What was searched for in the running plan: classes, and depth for chargers; -1: nothing yet, ALL: everything."""
P_VERSION = 1
P_TARGET = 2
"""First of `NUM_SEARCHED` target cells, 0 for none."""
PLAN_SIZE = P_TARGET + NUM_SEARCHED

RING = ((-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1))
RING_OFFSET = np.array([128 * r + c for r, c in RING], dtype=np.int64)
"""Cell numbers of the ring relative to the assembler's."""
RING_SIDES = sum(1 << i for i, (r, c) in enumerate(RING) if r == 0 or c == 0)
STEP = np.array([-128, 128, -1, 1], dtype=np.int64)
"""What a move adds to the cell number."""


class MemoryState(NamedTuple):
    """Everything that the map memories of N rows (agents) hold."""

    boards: np.ndarray
    """u64 [N, NUM_BOARDS, 2, LINES] bit boards"""
    numbers: np.ndarray
    """u8 [N, LINES, 128] number of the station in a cell plus one, 0: none"""
    stations: np.ndarray
    """i32 [N, MAX_STATIONS, STATION_SIZE]"""
    body: np.ndarray
    """i32 [N, BODY_SIZE]"""
    crowd: np.ndarray
    """i32 [N, MAX_OTHERS] cells of the other agents that were in view when the plan was begun"""
    plan: np.ndarray
    """i32 [N, PLAN_SIZE]"""
    fields: np.ndarray
    """u64 [N, NUM_CLASSES, 2, 2, LINES] cells from which a class's target can be reached; those whose distance has bit 1"""
    field_info: np.ndarray
    """i32 [N, NUM_CLASSES, FIELD_SIZE]"""
    scalars: np.ndarray
    """i16 [N, len(SCALARS)]"""
    route_dist: np.ndarray
    """u8 [N, NUM_CLASSES]"""
    route_move: np.ndarray
    """u8 [N, NUM_CLASSES]"""


def make_state(num_rows: int) -> MemoryState:
    """Allocate empty memories of `num_rows` rows."""
    return MemoryState(
        boards=np.zeros((num_rows, NUM_BOARDS, 2, LINES), np.uint64),
        numbers=np.zeros((num_rows, LINES, 128), np.uint8),
        stations=np.zeros((num_rows, MAX_STATIONS, STATION_SIZE), np.int32),
        body=np.zeros((num_rows, BODY_SIZE), np.int32),
        crowd=np.zeros((num_rows, MAX_OTHERS), np.int32),
        plan=np.full((num_rows, PLAN_SIZE), -1, np.int32),
        fields=np.zeros((num_rows, NUM_CLASSES, 2, 2, LINES), np.uint64),
        field_info=np.full((num_rows, NUM_CLASSES, FIELD_SIZE), -1, np.int32),
        scalars=np.zeros((num_rows, len(layout.SCALARS)), np.int16),
        route_dist=np.full((num_rows, NUM_CLASSES), layout.NO_ROUTE, np.uint8),
        route_move=np.zeros((num_rows, NUM_CLASSES), np.uint8),
    )


@inlined
def get_bit(boards, n, board, cell):
    """1 if the cell's bit is set in a board of row n."""
    line = np.uint64(cell) >> np.uint64(7)
    bit = np.uint64(cell) & np.uint64(127)
    return np.int64(
        (boards[n, board, bit >> np.uint64(6), line] >> (bit & np.uint64(63))) & np.uint64(1)
    )


@inlined
def set_bit(boards, n, board, cell):
    """Set the cell's bit in a board of row n."""
    line = np.uint64(cell) >> np.uint64(7)
    bit = np.uint64(cell) & np.uint64(127)
    boards[n, board, bit >> np.uint64(6), line] |= np.uint64(1) << (bit & np.uint64(63))


@inlined
def clear_bit(boards, n, board, cell):
    """Clear the cell's bit in a board of row n."""
    line = np.uint64(cell) >> np.uint64(7)
    bit = np.uint64(cell) & np.uint64(127)
    boards[n, board, bit >> np.uint64(6), line] &= ~(np.uint64(1) << (bit & np.uint64(63)))


@helper
def is_on_grid(cell):
    """True if a cell lies where the memory keeps it."""
    line, bit = cell >> 7, cell & 127
    return line >= FIRST_LINE and line < LAST_LINE and bit >= FIRST_BIT and bit < LAST_BIT


@helper
def clear_row(state, n):
    """Forget everything of row n."""
    for board in range(NUM_BOARDS):
        for word in range(2):
            for line in range(LINES):
                state.boards[n, board, word, line] = 0
    for line in range(LINES):
        for bit in range(128):
            state.numbers[n, line, bit] = 0
    for i in range(BODY_SIZE):
        state.body[n, i] = 0
    state.body[n, HEART_AGE] = -1
    state.body[n, RING_SINCE] = -1
    for i in range(PLAN_SIZE):
        state.plan[n, i] = -1
    for route in range(NUM_CLASSES):
        for i in range(FIELD_SIZE):
            state.field_info[n, route, i] = -1
        state.route_dist[n, route] = layout.NO_ROUTE
        state.route_move[n, route] = 0
