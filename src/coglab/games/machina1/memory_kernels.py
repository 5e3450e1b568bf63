"""Kernels that write the map memory from observation tokens, one row (one agent) at a time.

What is read from the tokens (`memory_tokens.py`) goes into the boards and the list of stations (`memory_window.py`), into
`body` (what an agent remembers about itself) and into `scalars` (`memory_facts.py`).
"""

from __future__ import annotations

import numpy as np

from coglab.engine.jit import helper, inlined, kernel
from coglab.games.machina1 import memory_layout as layout
from coglab.games.machina1.memory_facts import write_own, write_place, write_ring
from coglab.games.machina1.memory_state import (
    AGE,
    CARGO,
    CELL,
    CENTRE_CELL,
    GROUND_AGE,
    GROUND_VERSION,
    HAS_NEWS,
    HEART,
    KNOWN,
    LINES,
    MAX_OTHERS,
    NUM_CROWD,
    OPEN,
    PLAN_AGE,
    PLAN_CELL,
    PLAN_KNOWN,
    PLAN_OPEN,
    PLAN_VERSION,
    SPAWN_CELL,
    clear_row,
    get_bit,
    is_on_grid,
)
from coglab.games.machina1.memory_tokens import (
    ACTION_FEATURE,
    CARBON_FEATURE,
    FOUND_COLUMN,
    FOUND_KIND,
    FOUND_ROW,
    HALF,
    HEART_FEATURE,
    NUM_FEATURES,
    NUM_TOKENS,
    OTHER_COLUMN,
    OTHER_ROW,
    OTHER_SIZE,
    VIBE_FEATURE,
    parse_cells,
    parse_own,
)
from coglab.games.machina1.memory_window import find_cell, write_stations, write_window

KIND_ASSEMBLER = layout.KIND_ASSEMBLER
REPLAN_NEWS, REPLAN_ALWAYS = layout.REPLAN_NEWS, layout.REPLAN_ALWAYS


@helper
def begin_plan(state, n, others, num_others):
    """Let the next routes start from the present cell; take in the new ground if there is any."""
    body = state.body
    cell, age = np.int64(body[n, CELL]), np.int64(body[n, AGE])
    body[n, PLAN_CELL] = cell
    body[n, PLAN_AGE] = age
    body[n, PLAN_VERSION] += 1
    body[n, NUM_CROWD] = num_others
    for i in range(num_others):
        down = others[i, OTHER_ROW] - HALF
        state.crowd[n, i] = cell + 128 * down + others[i, OTHER_COLUMN] - HALF
    if body[n, HAS_NEWS] != 0:
        body[n, HAS_NEWS] = 0
        body[n, GROUND_AGE] = age
        body[n, GROUND_VERSION] += 1
        for word in range(2):
            for line in range(LINES):
                state.boards[n, PLAN_KNOWN, word, line] = state.boards[n, KNOWN, word, line]
                state.boards[n, PLAN_OPEN, word, line] = state.boards[n, OPEN, word, line]


@inlined
def update_row(state, n, is_first, tokens, own, walls, stations, found, others):
    """Take in one observation of row n."""
    body = state.body
    next_token = parse_own(tokens[n], own)
    vibe = np.int64(own[VIBE_FEATURE])
    num_found, num_others, radius = parse_cells(
        tokens[n], next_token, walls, stations, found, others
    )
    before = np.int64(body[n, CELL])
    if is_first:
        cell = np.int64(CENTRE_CELL)
        for i in range(num_found):
            if found[i, FOUND_KIND] == KIND_ASSEMBLER:
                cell -= 128 * (found[i, FOUND_ROW] - HALF) + found[i, FOUND_COLUMN] - HALF
                break
        body[n, SPAWN_CELL] = cell
        before = cell
    else:
        cell = find_cell(state, n, own, walls, stations, radius)
    body[n, CELL] = cell
    is_new = is_first
    for i in range(4):
        is_new = is_new or body[n, CARGO + i] != own[CARBON_FEATURE + 2 * i]
    is_new = is_new or body[n, HEART] != own[HEART_FEATURE]
    if is_on_grid(cell):
        if write_window(state, n, cell, walls, stations, radius):
            body[n, HAS_NEWS] = 1
        if write_stations(state, n, cell, found, num_found):
            is_new = True
        if get_bit(state.boards, n, PLAN_OPEN, cell) == 0:
            is_new = True
    age = np.int64(body[n, AGE])
    if body[n, HAS_NEWS] != 0 and age - body[n, GROUND_AGE] >= REPLAN_NEWS:
        is_new = True
    if age - body[n, PLAN_AGE] >= REPLAN_ALWAYS and cell != body[n, PLAN_CELL]:
        is_new = True
    write_own(state, n, own, vibe)
    move = np.int64(own[ACTION_FEATURE])
    write_place(state, n, before, move if move <= 4 else 0, others, num_others)
    write_ring(state, n, others, num_others)
    if is_new:
        begin_plan(state, n, others, num_others)


@kernel
def update_rows(state, tokens, reset, first, last):
    """Take in one observation of each row in [first, last).

    Args:
        state: `MemoryState`, mutated in place.
        tokens: u8 [N, 600], read only.
        reset: u8 [N]; nonzero: the observation is the first of an episode, so the row forgets everything first.
        first: first row.
        last: row after the last.
    """
    own = np.zeros(NUM_FEATURES, dtype=np.uint8)
    walls = np.zeros(16, dtype=np.uint64)
    stations = np.zeros(16, dtype=np.uint64)
    found = np.zeros((NUM_TOKENS, 5), dtype=np.int64)
    others = np.zeros((MAX_OTHERS, OTHER_SIZE), dtype=np.int64)
    for n in range(first, last):
        is_first = reset[n] != 0
        if is_first:
            clear_row(state, n)
        else:
            state.body[n, AGE] += 1
        update_row(state, n, is_first, tokens, own, walls, stations, found, others)
