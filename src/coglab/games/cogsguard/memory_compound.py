"""The compound around the hub: it looks the same on every generated map, so it is known as soon as the hub is recognised."""

from __future__ import annotations

import numpy as np

from coglab.engine.jit import helper
from coglab.games.cogsguard import memory_layout as layout
from coglab.games.cogsguard.memory_boards import (
    BLOCKED,
    CENTRE_COLUMN,
    CENTRE_ROW,
    CODE_CLIPS,
    CODE_COGS,
    CODE_NEUTRAL,
    HALF,
    KNOWN,
    ROWS,
    WINDOW,
    cell_bit,
    extend_span,
    put_object,
    spread_high,
    spread_low,
)
from coglab.games.cogsguard.memory_window import SIGHT_OBJECTS, SIGHT_WALLS

NUM_LAYOUTS = len(layout.LAYOUTS)
LAYOUT_RADIUS = np.array([plan.radius for plan in layout.LAYOUTS], dtype=np.int64)
LAYOUT_WALLS = np.zeros((NUM_LAYOUTS, 27), dtype=np.uint64)
LAYOUT_OBJECTS = np.zeros((NUM_LAYOUTS, 27), dtype=np.uint64)
LAYOUT_LIST = np.array([plan.objects for plan in layout.LAYOUTS], dtype=np.int64)
for _k, _plan in enumerate(layout.LAYOUTS):
    for _row, _column in _plan.walls:
        LAYOUT_WALLS[_k, _row + _plan.radius] |= np.uint64(1 << (_column + _plan.radius))
    for _row, _column, _code in _plan.objects:
        LAYOUT_OBJECTS[_k, _row + _plan.radius] |= np.uint64(1 << (_column + _plan.radius))


@helper
def layout_fits(state, m, k, hub_row, hub_column, row, column, sight):
    """1 if every cell of the window that lies in the `k`-th hub layout looks as the layout says."""
    radius = LAYOUT_RADIUS[k]
    width = 2 * radius + 1
    for i in range(WINDOW):
        from_hub = row + i - HALF - hub_row + radius
        if from_hub < 0 or from_hub >= width:
            continue
        plan_walls = LAYOUT_WALLS[k, from_hub]
        plan_objects = LAYOUT_OBJECTS[k, from_hub]
        for j in range(WINDOW):
            bit_column = column + j - HALF - hub_column + radius
            if bit_column < 0 or bit_column >= width:
                continue
            shift = np.uint64(bit_column)
            here = np.uint64(j)
            if (plan_walls >> shift) & np.uint64(1) != (sight[SIGHT_WALLS + i] >> here) & np.uint64(
                1
            ):
                return 0
            if (plan_objects >> shift) & np.uint64(1) != (
                sight[SIGHT_OBJECTS + i] >> here
            ) & np.uint64(1):
                return 0
    for i in range(LAYOUT_LIST.shape[1]):
        object_row = hub_row + LAYOUT_LIST[k, i, 0]
        object_column = hub_column + LAYOUT_LIST[k, i, 1]
        if abs(object_row - row) > HALF or abs(object_column - column) > HALF:
            continue
        code = state.codes[m, object_row + CENTRE_ROW, (object_column + CENTRE_COLUMN) & 127]
        planned = LAYOUT_LIST[k, i, 2]
        is_junction = planned == CODE_NEUTRAL and (code == CODE_COGS or code == CODE_CLIPS)
        if code != planned and not is_junction:
            return 0
    return 1


@helper
def stamp_layout(state, m, k, hub_row, hub_column):
    """Take the cells of the `k`-th hub layout that were not seen yet as known."""
    radius = LAYOUT_RADIUS[k]
    width = 2 * radius + 1
    full = (np.uint64(1) << np.uint64(width)) - np.uint64(1)
    start = hub_column - radius
    ground = 0
    for i in range(LAYOUT_LIST.shape[1]):
        row = hub_row + LAYOUT_LIST[k, i, 0] + CENTRE_ROW
        column = hub_column + LAYOUT_LIST[k, i, 1]
        if row >= 1 and row < ROWS - 1 and cell_bit(state.boards[m], KNOWN, row, column) == 0:
            ground |= put_object(state, m, row, column, LAYOUT_LIST[k, i, 2])
    for i in range(width):
        row = hub_row + i - radius + CENTRE_ROW
        if row < 1 or row >= ROWS - 1:
            continue
        solid = LAYOUT_WALLS[k, i] | LAYOUT_OBJECTS[k, i]
        low = spread_low(full, start)
        high = spread_high(full, start)
        new_low = low & ~state.boards[m, KNOWN, 0, row]
        new_high = high & ~state.boards[m, KNOWN, 1, row]
        state.boards[m, BLOCKED, 0, row] |= spread_low(solid, start) & new_low
        state.boards[m, BLOCKED, 1, row] |= spread_high(solid, start) & new_high
        state.boards[m, KNOWN, 0, row] |= low
        state.boards[m, KNOWN, 1, row] |= high
        extend_span(state, m, row)
        if high != 0 or (low & np.uint64(0x8000000000000001)) != 0:
            state.wide[m] = 1
    state.version[m] += 1
    return ground
