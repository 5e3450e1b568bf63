"""Routes: from the agent to the nearest target of every class, as a distance and all first moves.

Agents in neighbouring cells block the first move only, and only once the agent has stood still for PATIENCE ticks.
What is not looked for again: routes of a row whose cell, neighbours and map are as before; classes without targets;
classes that were out of reach when the map was the same.

The search is `flood.py`; the classes are in `route_classes.py`.
"""

from __future__ import annotations

import numpy as np

from coglab.engine.jit import inlined, kernel
from coglab.games.cogsguard import memory_layout as layout
from coglab.games.cogsguard.flood import LENGTH, MOVES, WORK_SIZE, flood
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
    GROUND_CLASS,
    LARGEST_COST,
    MINE_CLASS,
    NO_ROUTE,
    NUM_CLASSES,
    NUM_ELEMENTS,
    classes_present,
)

NOT_SOUGHT = 2 * LARGEST_COST
PATIENCE = layout.PATIENCE
SURPLUS_COST, LARGEST_SURPLUS, SEARCH_COST = (
    layout.SURPLUS_COST,
    layout.LARGEST_SURPLUS,
    layout.SEARCH_COST,
)
PERSONAL_STEPS, PERSONAL_AGE = layout.PERSONAL_STEPS, layout.PERSONAL_AGE
TEAM_SEATS = layout.TEAM_SEATS
EVERY_CLASS = layout.ALL_ROUTES
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


@inlined
def blocking_agents(state, n):
    """Directions in which an agent stands that routes must lead around; none while the own agent may just wait."""
    return np.int64(state.body[n, AGENT_BITS]) if state.body[n, STANDING] >= PATIENCE else 0


@inlined
def way_home(state, n, distance):
    """Return `ticks_home` and `slack` for a distance to own ground (NO_ROUTE: none).

    Off own ground a move costs 3 of the energy that regrows by 1 a tick: (energy - 1) // 2 moves can be made at once,
    each later one takes three ticks. hp falls by 1 a tick, faster on enemy ground (as it did in the last tick).
    """
    out = state.scalars
    hp = np.int64(out[n, S_HP])
    if distance == NO_ROUTE:
        ticks = 255
    else:
        at_once = max((np.int64(out[n, S_ENERGY]) - 1) // 2, 0)
        ticks = distance if distance <= at_once else at_once + 3 * (distance - at_once)
        if distance == 0 and state.body[n, OFF_GROUND] == 0:
            ticks = 0
    ticks = min(ticks, 255)
    rate = max(1 + np.int64(out[n, S_ON_ENEMY_MAP]), min(np.int64(out[n, S_DRAIN]), 4))
    return ticks, max(hp - ticks * rate, -255)


@inlined
def measure_way_home(state, n):
    """Fill `ticks_home` and `slack` from the route to own ground."""
    distance = np.int64(state.route_dist[n, GROUND_CLASS])
    state.scalars[n, S_TICKS_HOME], state.scalars[n, S_SLACK] = way_home(state, n, distance)


@inlined
def mine_costs(facts, n, costs):
    """Fill in what the class `mine` weighs besides moves, from the stock.

    Args:
        facts: i16 [N, len(SCALARS)], read only.
        n: row.
        costs: f64 [2, 4] out: for each element, the cost of an extractor, and of unknown ground where no extractor is known;
            NOT_SOUGHT if nobody looks for one there, because the element is not scarce.
    """
    own_element = ((np.int64(facts[n, S_SEAT]) * TEAM_SEATS + 128) >> 8) & 3
    for element in range(NUM_ELEMENTS):
        surplus = float(facts[n, S_STOCK + element]) - float(facts[n, S_STOCK_LOW])
        costs[0, element] = SURPLUS_COST * min(surplus, float(LARGEST_SURPLUS))
        costs[1, element] = NOT_SOUGHT if surplus > 0 else float(SEARCH_COST)
        if facts[n, S_AGE] < PERSONAL_AGE and own_element == element:
            costs[0, element] -= PERSONAL_STEPS
            costs[1, element] -= PERSONAL_STEPS


@inlined
def choose_extractor(state, n, costs):
    """Fill the route class `mine` from those of the elements: near extractors, scarce elements first.

    Where no extractor of the scarcest element is known, the way to unknown ground competes with the others.

    Returns:
        The class that `mine` leads to, -1 if there is none.
    """
    best, best_cost = -1, 1e9
    for element in range(NUM_ELEMENTS):
        route, cost = element, costs[0, element]
        if state.route_dist[n, element] == NO_ROUTE:
            if costs[1, element] > LARGEST_COST:
                continue
            route, cost = FRONTIER_CLASS, costs[1, element]
        if state.route_dist[n, route] == NO_ROUTE:
            continue
        cost += float(state.route_dist[n, route])
        if cost < best_cost:
            best, best_cost = route, cost
    state.route_dist[n, MINE_CLASS] = NO_ROUTE if best < 0 else state.route_dist[n, best]
    state.route_move[n, MINE_CLASS] = 0 if best < 0 else state.route_move[n, best]
    return best


@inlined
def on_grid(state, n):
    """True if the row has a frame and its cell lies where routes can be computed."""
    row = np.int64(state.body[n, ROW]) + CENTRE_ROW
    return (
        state.body[n, HAS_FRAME] != 0
        and abs(np.int64(state.body[n, COLUMN])) <= MAX_COLUMN_OFFSET
        and row >= 2
        and row < ROWS - 2
    )


@inlined
def column_bit(state, n):
    """Bit of the row's column in the 128-bit rows."""
    return (np.int64(state.body[n, COLUMN]) + CENTRE_COLUMN) & 127


@inlined
def searchable(state, n, m, wanted):
    """Classes of `wanted` that a search from the row's cell may find: with targets, and not known to be out of reach."""
    if not on_grid(state, n):
        state.failed[n, 0] = -1
        return 0
    if state.present[m, 0] != state.version[m]:
        state.present[m, 0] = state.version[m]
        state.present[m, 1], state.present[m, 2] = 0, 0
    new = wanted & ~state.present[m, 2]
    if new != 0:
        state.present[m, 1] |= classes_present(
            state.boards[m], state.counts[m], state.span[m], state.wide[m] != 0, new
        )
        state.present[m, 2] |= new
    # The agent cannot leave the ground that it can reach: what was out of reach stays so on the same map.
    if state.failed[n, 0] != state.version[m]:
        state.failed[n, 0] = state.version[m]
        state.failed[n, 1] = 0
    return state.present[m, 1] & ~state.failed[n, 1] & wanted


@inlined
def flood_from(state, n, m, todo, avoid, agents, work):
    """Flood from the row's cell, see `flood.flood`; returns what is out of reach."""
    return flood(
        state.boards[m],
        state.codes[m],
        avoid,
        work,
        np.int64(state.body[n, ROW]) + CENTRE_ROW,
        column_bit(state, n),
        2 if state.wide[m] else 1,
        np.int64(state.span[m, 0]),
        np.int64(state.span[m, 1]),
        todo,
        agents,
    )


@kernel
def route_rows(state, first, last, agents_per_memory):
    """Compute all routes of the rows in [first, last) whose cell, neighbours or map changed.

    Args:
        state: `MemoryState`; writes `route_dist`, `route_move`, `target_cell`, `routed`, `present`, `failed` and the
            scalars `ticks_home` and `slack`.
        first: first row.
        last: row after the last.
        agents_per_memory: as in `update_rows`.
    """
    work = np.zeros(WORK_SIZE, dtype=np.uint64)
    nothing = np.zeros((2, 0), dtype=np.uint64)
    costs = np.zeros((2, NUM_ELEMENTS), dtype=np.float64)
    for n in range(first, last):
        m = n // agents_per_memory
        cell = np.int64(state.body[n, ROW]) * 256 + np.int64(state.body[n, COLUMN])
        agents = blocking_agents(state, n)
        if (
            state.routed[n, 0] != state.version[m]
            or state.routed[n, 1] != cell
            or state.routed[n, 2] != agents
        ):
            todo = searchable(state, n, m, EVERY_CLASS)
            out_of_reach = flood_from(state, n, m, todo, nothing, agents, work)
            if agents == 0:
                state.failed[n, 1] |= out_of_reach
            for route in range(NUM_CLASSES):
                state.route_dist[n, route] = work[LENGTH + route]
                state.route_move[n, route] = work[MOVES + route]
            state.routed[n, 0] = state.version[m]
            state.routed[n, 1] = cell
            state.routed[n, 2] = agents
        measure_way_home(state, n)
        mine_costs(state.scalars, n, costs)
        choose_extractor(state, n, costs)
