"""Routes: from the agent to the nearest target of every class, as a distance and all first moves.

Agents in neighbouring cells block the first move only, and only once the agent has stood still for PATIENCE ticks.
What is not looked for again: routes of a row whose cell, neighbours and map are as before; classes without targets;
classes that were out of reach when the map was the same.

The search is `flood.py`; the classes are in `route_classes.py`.
"""

from __future__ import annotations

import numpy as np

from coglab.engine.jit import helper, kernel
from coglab.games.cogsguard import memory_layout as layout
from coglab.games.cogsguard.flood import CELLS, LENGTH, MOVES, WORK_SIZE, flood
from coglab.games.cogsguard.memory_boards import (
    AGENT_BITS,
    CENTRE_COLUMN,
    CENTRE_ROW,
    COLUMN,
    HAS_FRAME,
    MAX_COLUMN_OFFSET,
    OFF_GROUND,
    ROW,
    ROWS,
    STANDING,
)
from coglab.games.cogsguard.route_classes import (
    FRONTIER_CLASS,
    GROUND_BIT,
    GROUND_CLASS,
    MINE_CLASS,
    MINE_NEEDS,
    NO_ROUTE,
    NUM_CLASSES,
    NUM_ELEMENTS,
    classes_present,
)

CLAIMABLE = np.array([layout.ROUTE_INDEX[name] for name in layout.CLAIMABLE], dtype=np.int64)
PATIENCE = layout.PATIENCE
SURPLUS_COST, LARGEST_SURPLUS, SEARCH_COST = (
    layout.SURPLUS_COST,
    layout.LARGEST_SURPLUS,
    layout.SEARCH_COST,
)
PERSONAL_STEPS, PERSONAL_AGE = layout.PERSONAL_STEPS, layout.PERSONAL_AGE
TEAM_SEATS = layout.TEAM_SEATS
S_ENERGY = layout.SCALAR_INDEX["energy"]
S_HP = layout.SCALAR_INDEX["hp"]
S_ON_ENEMY_MAP = layout.SCALAR_INDEX["on_enemy_map"]
S_DRAIN = layout.SCALAR_INDEX["drain"]
S_STOCK = layout.SCALAR_INDEX["stock_oxygen"]
S_STOCK_LOW = layout.SCALAR_INDEX["stock_low"]
S_AGE = layout.SCALAR_INDEX["age"]
S_SEAT = layout.SCALAR_INDEX["seat"]
S_TICKS_HOME = layout.SCALAR_INDEX["ticks_home"]
S_SLACK = layout.SCALAR_INDEX["slack"]


@helper
def blocking_agents(state, n):
    """Directions in which an agent stands that routes must lead around; none while the own agent may just wait."""
    return np.int64(state.body[n, AGENT_BITS]) if state.body[n, STANDING] >= PATIENCE else 0


@helper
def measure_way_home(state, n):
    """Fill `ticks_home` and `slack` from the route to own ground.

    Off own ground a move costs 3 of the energy that regrows by 1 a tick: (energy - 1) // 2 moves can be made at once,
    each later one takes three ticks. hp falls by 1 a tick, faster on enemy ground (as it did in the last tick).
    """
    out = state.scalars
    hp = np.int64(out[n, S_HP])
    distance = np.int64(state.route_dist[n, GROUND_CLASS])
    if distance == NO_ROUTE:
        ticks = 255
    else:
        at_once = max((np.int64(out[n, S_ENERGY]) - 1) // 2, 0)
        ticks = distance if distance <= at_once else at_once + 3 * (distance - at_once)
        if distance == 0 and state.body[n, OFF_GROUND] == 0:
            ticks = 0
    ticks = min(ticks, 255)
    out[n, S_TICKS_HOME] = ticks
    rate = max(1 + np.int64(out[n, S_ON_ENEMY_MAP]), min(np.int64(out[n, S_DRAIN]), 4))
    out[n, S_SLACK] = max(hp - ticks * rate, -255)


@helper
def choose_extractor(state, n):
    """Fill the route class `mine` from those of the elements: near extractors, scarce elements first.

    Where no extractor of the scarcest element is known, the way to unknown ground competes with the others.
    """
    facts = state.scalars
    best, best_cost = -1, 1e9
    own_element = ((np.int64(facts[n, S_SEAT]) * TEAM_SEATS + 128) >> 8) & 3
    for element in range(NUM_ELEMENTS):
        surplus = float(facts[n, S_STOCK + element]) - float(facts[n, S_STOCK_LOW])
        route, cost = element, SURPLUS_COST * min(surplus, float(LARGEST_SURPLUS))
        if state.route_dist[n, element] == NO_ROUTE:
            if surplus > 0:
                continue
            route, cost = FRONTIER_CLASS, float(SEARCH_COST)
        if state.route_dist[n, route] == NO_ROUTE:
            continue
        cost += float(state.route_dist[n, route])
        if facts[n, S_AGE] < PERSONAL_AGE and own_element == element:
            cost -= PERSONAL_STEPS
        if cost < best_cost:
            best, best_cost = route, cost
    state.route_dist[n, MINE_CLASS] = NO_ROUTE if best < 0 else state.route_dist[n, best]
    state.route_move[n, MINE_CLASS] = 0 if best < 0 else state.route_move[n, best]


@helper
def on_grid(state, n):
    """True if the row has a frame and its cell lies where routes can be computed."""
    row = np.int64(state.body[n, ROW]) + CENTRE_ROW
    return (
        state.body[n, HAS_FRAME] != 0
        and abs(np.int64(state.body[n, COLUMN])) <= MAX_COLUMN_OFFSET
        and row >= 2
        and row < ROWS - 2
    )


@kernel
def route_rows(state, first, last, agents_per_memory, asked, enough):
    """Compute the routes of the rows in [first, last) whose cell, neighbours or map changed.

    Args:
        state: `MemoryState`; writes `route_dist`, `route_move`, `routed`, `present`, `failed` and the scalars
            `ticks_home` and `slack`.
        first: first row.
        last: row after the last.
        agents_per_memory: as in `update_rows`.
        asked: i64 [N] bit mask of the route classes wanted for each row (own ground is always computed).
        enough: i64 [N, 2] classes of which all, and of which one, have to be found; then the others may stay without a
            route although there is one. Zeros: all that are asked.
    """
    work = np.zeros(WORK_SIZE, dtype=np.uint64)
    nothing = np.zeros((2, 0), dtype=np.uint64)
    for n in range(first, last):
        m = n // agents_per_memory
        wanted = asked[n] | GROUND_BIT
        if (wanted >> MINE_CLASS) & 1:
            wanted |= MINE_NEEDS
        cell = np.int64(state.body[n, ROW]) * 256 + np.int64(state.body[n, COLUMN])
        agents = blocking_agents(state, n)
        if (
            state.routed[n, 0] != state.version[m]
            or state.routed[n, 1] != cell
            or state.routed[n, 2] != agents
            or (wanted & ~state.routed[n, 3]) != 0
            or state.stopped[n, 0] != enough[n, 0]
            or state.stopped[n, 1] != enough[n, 1]
        ):
            todo = 0
            if on_grid(state, n):
                if state.present[m, 0] != state.version[m]:
                    state.present[m, 0] = state.version[m]
                    state.present[m, 1] = classes_present(state, m)
                todo = state.present[m, 1] & wanted
                # The agent cannot leave the ground that it can reach: what was out of reach stays so on the same map.
                if state.failed[n, 0] == state.version[m]:
                    todo &= ~state.failed[n, 1]
                else:
                    state.failed[n, 0] = state.version[m]
                    state.failed[n, 1] = 0
            else:
                state.failed[n, 0] = -1
            out_of_reach = flood(
                state.boards[m],
                state.codes[m],
                nothing,
                work,
                np.int64(state.body[n, ROW]) + CENTRE_ROW,
                (np.int64(state.body[n, COLUMN]) + CENTRE_COLUMN) & 127,
                2 if state.wide[m] else 1,
                np.int64(state.span[m, 0]),
                np.int64(state.span[m, 1]),
                todo,
                enough[n, 0],
                enough[n, 1],
                agents,
            )
            if agents == 0:
                state.failed[n, 1] |= out_of_reach
            for route in range(NUM_CLASSES):
                if (wanted >> route) & 1:
                    state.route_dist[n, route] = work[LENGTH + route]
                    state.route_move[n, route] = work[MOVES + route]
            for i in range(len(CLAIMABLE)):
                state.target_cell[n, i] = work[CELLS + CLAIMABLE[i]]
            state.routed[n, 0] = state.version[m]
            state.routed[n, 1] = cell
            state.routed[n, 2] = agents
            state.routed[n, 3] = wanted
            state.stopped[n, 0] = enough[n, 0]
            state.stopped[n, 1] = enough[n, 1]
        measure_way_home(state, n)
        if (wanted >> MINE_CLASS) & 1:
            choose_extractor(state, n)
