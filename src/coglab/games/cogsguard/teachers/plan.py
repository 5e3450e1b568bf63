"""Which routes an agent needs now, the goal that they lead to, and the first moves to it: everything up to the label.

Rules are in `decide.py`; here is what makes them cheap: only what the decision depends on is searched for (`search.py`), and
the way is walked back for the one class that is followed.
"""

from __future__ import annotations

import numpy as np

from coglab.engine.jit import helper, inlined, kernel
from coglab.games.cogsguard import memory_layout as layout
from coglab.games.cogsguard.memory_boards import (
    CENTRE_ROW,
    COLUMN,
    ROUTED_AGENTS,
    ROUTED_CELL,
    ROUTED_CLASSES,
    ROUTED_ELSE,
    ROUTED_ENOUGH,
    ROUTED_FOLLOWED,
    ROUTED_STOCK,
    ROUTED_VERSION,
    ROW,
)
from coglab.games.cogsguard.route_classes import (
    GROUND_BIT,
    MINE_CHOICES,
    MINE_CLASS,
    NO_ROUTE,
    NUM_CLASSES,
    NUM_ELEMENTS,
)
from coglab.games.cogsguard.routes import (
    blocking_agents,
    choose_extractor,
    column_bit,
    measure_way_home,
    mine_costs,
    searchable,
)
from coglab.games.cogsguard.search import ALL, search
from coglab.games.cogsguard.search import first_moves as walk_back
from coglab.games.cogsguard.search_planes import CELLS, LENGTH, WORK_SIZE
from coglab.games.cogsguard.teachers.decide import ask_row, choose_goal, shown_vibe

CLAIMABLE = np.array([layout.ROUTE_INDEX[name] for name in layout.CLAIMABLE], dtype=np.int64)


@inlined
def search_from(state, n, m, todo, enough, costs, agents, is_shared, work):
    """Search from the row's cell, see `search.search`."""
    return search(
        state.boards[m],
        state.codes[m],
        work,
        np.int64(state.body[n, ROW]) + CENTRE_ROW,
        column_bit(state, n),
        state.wide[m] != 0,
        state.span[m],
        todo,
        enough,
        costs,
        agents,
        is_shared,
    )


@inlined
def follow(state, n, m, route, area, work):
    """Write the first moves to the class that is followed, which the last search from the row's cell found."""
    length = np.int64(state.route_dist[n, route])
    moves = 0
    if length != 0 and length != NO_ROUTE:
        moves = walk_back(state.codes[m], work, area, route, length)
    state.route_move[n, route] = moves
    return moves


@inlined
def stock_key(costs):
    """The costs of `mine` as one number."""
    key = 0
    for element in range(NUM_ELEMENTS):
        key = (
            key * 1024 + np.int64(2.0 * costs[0, element]) + (0 if costs[1, element] < 1e9 else 512)
        )
    return key


@kernel
def plan_rows(tuning, state, first, last, agents_per_memory):
    """Bring up to date what the labels of the rows in [first, last) depend on.

    Args:
        tuning: `decide.Tuning`.
        state: `MemoryState` with current scalars; writes `route_dist` of the classes that the decision depends on (NO_ROUTE
            also where it was settled before they were found), `route_move` of the class that is followed, `target_cell`,
            `routed`, `present`, `failed` and the scalars `ticks_home` and `slack`.
        first: first row.
        last: row after the last.
        agents_per_memory: as in `update_rows`.
    """
    work = np.empty(WORK_SIZE, dtype=np.uint64)
    costs = np.zeros((2, NUM_ELEMENTS), dtype=np.float64)
    s, d, key = state.scalars, state.route_dist, state.routed
    is_shared = agents_per_memory > 1
    for n in range(first, last):
        m = n // agents_per_memory
        vibe = shown_vibe(s, n)
        wanted, enough = ask_row(tuning, s, n, vibe)
        wanted |= GROUND_BIT
        mines = (wanted >> MINE_CLASS) & 1
        stock = 0
        if mines:
            wanted |= MINE_CHOICES
            mine_costs(s, n, costs)
            stock = stock_key(costs)
        cell = np.int64(state.body[n, ROW]) * 256 + np.int64(state.body[n, COLUMN])
        agents = blocking_agents(state, n)
        settled = enough.all_of | enough.any_of << NUM_CLASSES
        otherwise = enough.then_all_of | enough.then_present << NUM_CLASSES
        otherwise |= enough.then_any_of << (2 * NUM_CLASSES)
        is_new = (
            key[n, ROUTED_VERSION] != state.version[m]
            or key[n, ROUTED_CELL] != cell
            or key[n, ROUTED_AGENTS] != agents
            or key[n, ROUTED_CLASSES] != wanted
            or key[n, ROUTED_ENOUGH] != settled
            or key[n, ROUTED_ELSE] != otherwise
            or key[n, ROUTED_STOCK] != stock
        )
        # The way back needs the levels of the search, which are gone after the next row.
        for attempt in range(2):
            if is_new or attempt == 1:
                todo = searchable(state, n, m, wanted)
                rest, area = search_from(state, n, m, todo, enough, costs, agents, is_shared, work)
            if is_new:
                if agents == 0:
                    state.failed[n, 1] |= rest
                for route in range(NUM_CLASSES):
                    if (wanted >> route) & 1:
                        d[n, route] = work[LENGTH + route]
                if is_shared:
                    for i in range(len(CLAIMABLE)):
                        route = CLAIMABLE[i]
                        # What was not searched has left no cell in the work space.
                        is_found = (wanted >> route) & 1 and d[n, route] != NO_ROUTE
                        state.target_cell[n, i] = work[CELLS + route] if is_found else 0
                key[n, ROUTED_VERSION] = state.version[m]
                key[n, ROUTED_CELL] = cell
                key[n, ROUTED_AGENTS] = agents
                key[n, ROUTED_CLASSES] = wanted
                key[n, ROUTED_ENOUGH] = settled
                key[n, ROUTED_ELSE] = otherwise
                key[n, ROUTED_STOCK] = stock
                key[n, ROUTED_FOLLOWED] = -1
            measure_way_home(state, n)
            mined = choose_extractor(state, n, costs) if mines else -1
            goal = choose_goal(tuning, s, d, n, vibe)
            route = mined if goal == MINE_CLASS else goal
            if route < 0:
                break
            if is_new or attempt == 1:
                moves = follow(state, n, m, route, area, work)
                key[n, ROUTED_FOLLOWED] = route
            elif key[n, ROUTED_FOLLOWED] != route:
                continue
            else:
                moves = np.int64(state.route_move[n, route])
            if goal == MINE_CLASS:
                state.route_move[n, MINE_CLASS] = moves
            break


@helper
def follow_alone(state, n, m, route, costs, work):
    """Search for one class only and write the first moves to it: for a goal that was chosen later."""
    agents = blocking_agents(state, n)
    todo = searchable(state, n, m, 1 << route)
    _, area = search_from(state, n, m, todo, ALL, costs, agents, False, work)
    return follow(state, n, m, route, area, work)
