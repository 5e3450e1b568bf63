"""Which routes an agent needs now, the goal that they lead to, and the first moves to it: everything up to the label.

Rules are in `decide.py`; here is what makes them cheap: only what the decision depends on is searched for (`search.py`), and
the way is walked back for the one class that is followed.
"""

from __future__ import annotations

import numpy as np

from coglab.engine.jit import helper, inlined, kernel
from coglab.games.cogsguard import memory_layout as layout
from coglab.games.cogsguard.memory_boards import (
    AGENT_BITS,
    CENTRE_ROW,
    COLUMN,
    ROUTED_AGENTS,
    ROUTED_CELL,
    ROUTED_CLASSES,
    ROUTED_ELSE,
    ROUTED_ENOUGH,
    ROUTED_FOLLOWED,
    ROUTED_HOME,
    ROUTED_KEPT,
    ROUTED_STEP,
    ROUTED_STOCK,
    ROUTED_VERSION,
    ROW,
)
from coglab.games.cogsguard.route_classes import (
    GROUND_BIT,
    GROUND_CLASS,
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
from coglab.games.cogsguard.search import ALL, moves_into, moves_of_one, search, walk_back
from coglab.games.cogsguard.search_planes import CELLS, LENGTH, WORK_SIZE
from coglab.games.cogsguard.teachers.decide import COLUMN as S_COLUMN
from coglab.games.cogsguard.teachers.decide import ROW as S_ROW
from coglab.games.cogsguard.teachers.decide import ask_row, choose_goal, shown_vibe
from coglab.games.cogsguard.teachers.keep import (
    ROW_UNIT,
    is_slack_sure,
    moves_on_way,
    step,
    steps_to_keep,
    trace,
)

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
def follow(state, n, m, route, area, work, farthest):
    """Write the first moves to the class that is followed, which the last search from the row's cell found.

    `farthest`: longest distance that it found if the way may be kept for the next ticks, else NO_ROUTE.
    """
    length = np.int64(state.route_dist[n, route])
    moves = 0
    if length == 1:
        moves = moves_of_one(state.codes[m], work, area, route)
    elif length != 0 and length != NO_ROUTE:
        walk_back(state.codes[m], work, area, route, length)
        if farthest != NO_ROUTE:
            parity = (state.scalars[n, S_ROW] + state.scalars[n, S_COLUMN]) & 1
            agents = np.int64(state.body[n, AGENT_BITS])
            state.routed[n, ROUTED_KEPT] = steps_to_keep(length, farthest)
            moves = trace(state.way[n], work, area, length, parity, agents)
        else:
            moves = moves_into(work, area, 1)
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
        cell = np.int64(state.body[n, ROW]) * ROW_UNIT + np.int64(state.body[n, COLUMN])
        agents = blocking_agents(state, n)
        settled = enough.all_of | enough.any_of << NUM_CLASSES
        otherwise = enough.then_all_of | enough.then_present << NUM_CLASSES
        otherwise |= enough.then_any_of << (2 * NUM_CLASSES)
        is_same = (
            key[n, ROUTED_VERSION] == state.version[m]
            and key[n, ROUTED_AGENTS] == agents
            and key[n, ROUTED_CLASSES] == wanted
            and key[n, ROUTED_ENOUGH] == settled
            and key[n, ROUTED_ELSE] == otherwise
            and key[n, ROUTED_STOCK] == stock
        )
        is_known = is_same and (key[n, ROUTED_CELL] == cell or step(state, n, m, cell))
        # The way back needs the levels of the search, which are gone after the next row.
        has_levels = False
        while True:
            if not is_known:
                todo = searchable(state, n, m, wanted)
                rest, area, is_complete = search_from(
                    state, n, m, todo, enough, costs, agents, is_shared, work
                )
                has_levels = True
                if agents == 0:
                    state.failed[n, 1] |= rest
                farthest = 0 if is_complete and agents == 0 and not is_shared else NO_ROUTE
                for route in range(NUM_CLASSES):
                    if (wanted >> route) & 1:
                        length = np.int64(work[LENGTH + route])
                        d[n, route] = length
                        farthest = max(farthest, length if length != NO_ROUTE else 0)
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
                key[n, ROUTED_STEP] = 0
                key[n, ROUTED_KEPT] = 0
                key[n, ROUTED_HOME] = np.int64(d[n, GROUND_CLASS])
            measure_way_home(state, n)
            mined = choose_extractor(state, n, costs) if mines else -1
            goal = choose_goal(tuning, s, d, n, vibe)
            route = mined if goal == MINE_CLASS else goal
            has_bounds = key[n, ROUTED_STEP] != 0
            if not has_levels:
                # Without a search only the way that was followed is known.
                is_known = route == key[n, ROUTED_FOLLOWED]
                is_known &= not has_bounds or is_slack_sure(tuning, state, n)
                is_known |= not has_bounds and route < 0
                if not is_known:
                    continue
            if route < 0:
                break
            if has_levels:
                moves = follow(state, n, m, route, area, work, farthest)
                key[n, ROUTED_FOLLOWED] = route
            elif has_bounds:
                moves = moves_on_way(state, n)
                state.route_move[n, route] = moves
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
    _, area, _ = search_from(state, n, m, todo, ALL, costs, agents, False, work)
    return follow(state, n, m, route, area, work, NO_ROUTE)
