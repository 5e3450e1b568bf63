"""Routes: from the agent to the target of every class, as a distance and all first moves of shortest ways."""

from __future__ import annotations

import numpy as np

from coglab.engine.jit import helper, inlined, kernel
from coglab.games.machina1 import memory_layout as layout
from coglab.games.machina1.memory_state import (
    AGE,
    ASSEMBLER_CELL,
    CELL,
    CHEST_CELL,
    F_AGE,
    F_CELL,
    F_DEPTH,
    F_DIST,
    F_GROUND,
    F_TARGET,
    GROUND_VERSION,
    NUM_CLASSES,
    NUM_SEARCHED,
    P_KEY,
    P_TARGET,
    P_VERSION,
    PLAN_OPEN,
    PLAN_VERSION,
    RING_OFFSET,
    RING_SIDES,
    RING_TAKEN,
    S_READY,
    STEP,
    get_bit,
    is_on_grid,
)
from coglab.games.machina1.search import (
    EVEN,
    FREE,
    LINES,
    ODD,
    WORK_SIZE,
    clear_plane,
    load_free,
    plane_at,
    put,
    search,
    spread_field,
)

NO_ROUTE = layout.NO_ROUTE
EXPLORE = layout.ROUTE_INDEX["explore"]
CHEST = layout.ROUTE_INDEX["chest"]
ASSEMBLER = layout.ROUTE_INDEX["assembler"]
RING = layout.ROUTE_INDEX["ring"]
F_WAIT = layout.SCALAR_INDEX["wait_oxygen"]
EVERYTHING = 1 << 30
"""Key of a plan that has the best target of every class."""
SEARCHED = (1 << NUM_SEARCHED) - 1
FARTHEST = 200
MARGIN = 4
"""Levels that a field goes on beyond the agent, in case it turns away."""


@inlined
def make_plan(state, n, work, asked, charger_depth, wants_all):
    """Choose the targets, unless the running plan has what is asked for."""
    plan = state.plan
    key = EVERYTHING if wants_all else asked | (charger_depth << 8)
    if plan[n, P_VERSION] == state.body[n, PLAN_VERSION]:
        if plan[n, P_KEY] == EVERYTHING or plan[n, P_KEY] == key:
            return
    plan[n, P_VERSION] = state.body[n, PLAN_VERSION]
    plan[n, P_KEY] = key
    search(state, n, work, asked, charger_depth, wants_all)


@inlined
def write_waits(state, n):
    """Fill how long the chosen oxygen and germanium extractors still cool down."""
    for i in range(2):
        cell = np.int64(state.plan[n, P_TARGET + 1 + i])
        wait = 0
        if cell > 0:
            number = np.int64(state.numbers[n, cell >> 7, cell & 127]) - 1
            wait = np.int64(state.stations[n, number, S_READY]) - np.int64(state.body[n, AGE])
        state.scalars[n, F_WAIT + i] = min(max(wait, 0), 255)


@inlined
def target_of(state, n, route):
    """Cell of a class's target, 0 if it has none; for the ring its taken cells plus one."""
    if route < NUM_SEARCHED:
        return np.int64(state.plan[n, P_TARGET + route])
    if route == CHEST:
        return np.int64(state.body[n, CHEST_CELL])
    if state.body[n, ASSEMBLER_CELL] == 0:
        return 0
    if route == ASSEMBLER:
        return np.int64(state.body[n, ASSEMBLER_CELL])
    return np.int64(state.body[n, RING_TAKEN]) + 1


@inlined
def has_free_side(state, n):
    """True unless other agents stand on all four sides of the assembler."""
    return state.body[n, RING_TAKEN] & RING_SIDES != RING_SIDES


@inlined
def mod4(state, n, route, cell):
    """Distance modulo 4 of a cell in a field."""
    # All sources of a field lie on cells of one colour.
    colour = (cell ^ (cell >> 7)) & 1
    target = np.int64(state.field_info[n, route, F_TARGET])
    if route == RING:
        target = np.int64(state.body[n, ASSEMBLER_CELL]) + (1 if has_free_side(state, n) else 0)
    odd = colour ^ ((target ^ (target >> 7)) & 1)
    return 2 * field_bit(state, n, route, 1, cell) + odd


@inlined
def field_bit(state, n, route, plane, cell):
    """Bit of a cell in one plane of a field."""
    bit = np.uint64(cell & 127)
    word = state.fields[n, route, plane, bit >> np.uint64(6), cell >> 7]
    return np.int64((word >> (bit & np.uint64(63))) & np.uint64(1))


@helper
def make_field(state, n, work, route, target, cell):
    """Flood from the target of a class; returns the distance of the agent's cell, -1 if it cannot be reached."""
    load_free(work, state.boards[n])
    clear_plane(work, EVEN)
    clear_plane(work, ODD)
    if route != RING:
        put(work, EVEN, target)
        if route == EXPLORE:
            take_free(work, target)
    else:
        centre = np.int64(state.body[n, ASSEMBLER_CELL])
        for i in range(8):
            place = centre + RING_OFFSET[i]
            is_free = is_on_grid(place) and get_bit(state.boards, n, PLAN_OPEN, place) == 1
            if not is_free or (state.body[n, RING_TAKEN] >> i) & 1:
                continue
            if (RING_SIDES >> i) & 1 == (1 if has_free_side(state, n) else 0):
                put(work, EVEN, place)
                take_free(work, place)
    centre = np.int64(state.body[n, ASSEMBLER_CELL]) if route == RING else target
    found, depth = spread_field(state, n, work, route, centre >> 7, cell, MARGIN)
    info = state.field_info
    info[n, route, F_TARGET] = target
    info[n, route, F_GROUND] = state.body[n, GROUND_VERSION]
    info[n, route, F_DEPTH] = depth
    return found


@helper
def take_free(work, cell):
    """Take a source off the free plane: it is reached from the start."""
    from_free = np.uint64(plane_at(FREE))
    bit = np.uint64(cell & 127)
    index = from_free + np.uint64(cell >> 7) + (bit >> np.uint64(6)) * np.uint64(LINES)
    work[index] &= ~(np.uint64(1) << (bit & np.uint64(63)))


def _follow(state, n, work, route):
    """Bring distance and first moves of one class up to date."""
    dist, move, info = state.route_dist, state.route_move, state.field_info
    cell, age = np.int64(state.body[n, CELL]), np.int64(state.body[n, AGE])
    target = target_of(state, n, route)
    dist[n, route] = NO_ROUTE
    move[n, route] = 0
    if target == 0 or not is_on_grid(cell):
        return
    away = -1
    is_fresh = info[n, route, F_TARGET] == target and (
        info[n, route, F_GROUND] == state.body[n, GROUND_VERSION]
    )
    if is_fresh and info[n, route, F_DIST] < 0 and info[n, route, F_DEPTH] == 9999:
        # The agent cannot leave the ground that it can reach: a target out of reach stays so on the same ground.
        info[n, route, F_AGE] = age
        return
    if is_fresh and age - info[n, route, F_AGE] <= 1 and field_bit(state, n, route, 0, cell) == 1:
        before = np.int64(info[n, route, F_DIST])
        away = before + ((mod4(state, n, route, cell) - before + 1) & 3) - 1
        if away > before + 1 or away >= info[n, route, F_DEPTH]:
            away = -1
    if away < 0:
        away = make_field(state, n, work, route, target, cell)
    info[n, route, F_AGE] = age
    info[n, route, F_CELL] = cell
    info[n, route, F_DIST] = away
    if away < 0:
        return
    dist[n, route] = min(away, FARTHEST)
    here = mod4(state, n, route, cell)
    is_station = route != EXPLORE and route != RING
    for d in range(4):
        beside = cell + STEP[d]
        if is_station and beside == target:
            move[n, route] |= 1 << d
        elif field_bit(state, n, route, 0, beside) == 1 and away > 0:
            if (here - mod4(state, n, route, beside)) & 3 == 1:
                move[n, route] |= 1 << d


follow = inlined(_follow)
follow_rarely = helper(_follow)
"""The same as a call, for where it is seldom needed."""


@kernel
def route_rows(state, first, last):
    """Bring all routes of the rows in [first, last) up to date.

    Args:
        state: `MemoryState`; writes `route_dist`, `route_move` and the scalars of the plan.
        first: first row.
        last: row after the last.
    """
    work = np.zeros(WORK_SIZE, dtype=np.uint64)
    for n in range(first, last):
        make_plan(state, n, work, SEARCHED, FARTHEST, True)
        write_waits(state, n)
        for route in range(NUM_CLASSES):
            follow_rarely(state, n, work, route)
