"""What only a team can do: share out its roles and its targets, and act by the clock.

Used by teachers that see more than one agent does.

Roles (`allocate_roles`): every `PERIOD` ticks the team's needs are counted, and agents with the least to lose change.
Targets (`claim_targets`): the agent that is nearest to its target claims it; the others look for another one.
Clock (`bide_time`): the clips' last junction is freed when that keeps them away for longest.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from coglab.engine.jit import helper, kernel
from coglab.games.cogsguard import search_planes
from coglab.games.cogsguard.events import INTERVAL, SCRAMBLE_START
from coglab.games.cogsguard.flood import CELLS, LENGTH, MOVES, WORK_SIZE
from coglab.games.cogsguard.memory_boards import CODE_CLIPS, ROWS
from coglab.games.cogsguard.route_classes import MINE_CLASS, NUM_ELEMENTS
from coglab.games.cogsguard.routes import (
    blocking_agents,
    choose_extractor,
    flood_from,
    mine_costs,
    on_grid,
    searchable,
)
from coglab.games.cogsguard.search import CLAIM_BITS
from coglab.games.cogsguard.teachers.decide import (
    ALIGNER_VIBE,
    CARGO,
    CLIPS,
    HEART,
    KNOWN_CLIPS,
    MINER_VIBE,
    NO_GOAL,
    SCRAMBLER_VIBE,
    STOCK_LOW,
    choose_goal,
    shown_vibe,
)
from coglab.games.cogsguard.teachers.plan import CLAIMABLE, follow_alone

PERIOD = 40
"""Ticks between two allocations of roles."""
NUM_ROLES = 3
MINERS = 2
"""Index of the miners among the roles scrambler, aligner, miner."""


class TeamTuning(NamedTuple):
    """The numbers of the team's rules, for a team of 8; others in proportion. Found by playing; see docs/log.md."""

    miners_start: float = 5.0
    """Miners in the first `start_age` ticks ..."""
    start_age: float = 60.0
    miners_0: float = 4.0
    """... then while the scarcest stock is below `stock_1` ..."""
    miners_1: float = 3.0
    miners_2: float = 2.0
    miners_3: float = 1.0
    """... and from `stock_3` on."""
    stock_1: float = 40.0
    stock_2: float = 100.0
    stock_3: float = 200.0
    scrambler_stock: float = 25.0
    """Scarcest stock from which on there is a scrambler, or later than tick `scrambler_age`."""
    scrambler_age: float = 150.0
    second_scrambler: float = 3.0
    """Known junctions of the clips from which on there are two scramblers."""
    third_scrambler: float = 7.0
    rich_scramblers: float = 3.0
    """Scramblers more once the scarcest stock is at `stock_3`: the clips come back anywhere, and the sooner they are freed
    the fewer hearts it costs."""
    patience: float = 50.0
    """Ticks before a presence check in which the last known junction of the clips is not freed: a check that finds a
    junction of theirs gives them no other, and freed after it, they own nothing until the next check."""


TEAM_TUNING = TeamTuning()


@helper
def count_needs(tuning, stock, age, clips, num_agents, needs):
    """Fill `needs` (i64 [3]) with how many scramblers, aligners and miners a team should have."""
    miners = tuning.miners_3
    if stock < tuning.stock_1:
        miners = tuning.miners_0
    elif stock < tuning.stock_2:
        miners = tuning.miners_1
    elif stock < tuning.stock_3:
        miners = tuning.miners_2
    if age < tuning.start_age:
        miners = tuning.miners_start
    scramblers = 0
    if stock >= tuning.scrambler_stock or age >= tuning.scrambler_age:
        scramblers = 1
        scramblers += 1 if clips >= tuning.second_scrambler else 0
        scramblers += 1 if clips >= tuning.third_scrambler else 0
        scramblers += np.int64(tuning.rich_scramblers) if stock >= tuning.stock_3 else 0
    needs[2] = np.int64(np.floor(miners * num_agents / 8.0 + 0.5))
    if num_agents > 1:
        needs[2] = min(max(needs[2], 1), num_agents - 1)
    elif stock >= 10:
        needs[2] = 0
    needs[0] = min(
        np.int64(np.ceil(scramblers * num_agents / 8.0)), max(num_agents - needs[2] - 1, 0)
    )
    needs[1] = num_agents - needs[2] - needs[0]


@helper
def role_index(vibe):
    """0 scrambler, 1 aligner, 2 miner, -1 for any other vibe."""
    if vibe == SCRAMBLER_VIBE:
        return 0
    if vibe == ALIGNER_VIBE:
        return 1
    return 2 if vibe == MINER_VIBE else -1


@kernel
def allocate_roles(tuning, state, takes_part, wanted, ticks, num_agents, first_env, last_env):
    """Hand out roles in the games whose turn it is; keeps as many roles as they are as the needs allow.

    Args:
        tuning: `TeamTuning`.
        state: `MemoryState`, scalars are read.
        takes_part: bool [N] the agents whose roles the team may choose.
        wanted: i8 [N] out: the vibe each of them should show.
        ticks: i32 [E] ticks since the game's episode began; its turn comes at multiples of PERIOD.
        num_agents: agents per game.
        first_env: first game.
        last_env: game after the last.
    """
    vibes = np.array([SCRAMBLER_VIBE, ALIGNER_VIBE, MINER_VIBE], dtype=np.int8)
    needs = np.zeros(NUM_ROLES, dtype=np.int64)
    has = np.zeros(NUM_ROLES, dtype=np.int64)
    s = state.scalars
    for env in range(first_env, last_env):
        if ticks[env] % PERIOD != 0:
            continue
        begin, end = env * num_agents, (env + 1) * num_agents
        clips = 0
        stock = np.int64(s[begin, STOCK_LOW])
        team = 0
        for n in range(begin, end):
            clips = max(clips, np.int64(s[n, KNOWN_CLIPS]))
            team += 1 if takes_part[n] else 0
        count_needs(tuning, stock, ticks[env], clips, team, needs)
        for role in range(NUM_ROLES):
            has[role] = 0
        for n in range(begin, end):
            if takes_part[n]:
                role = -1 if ticks[env] == 0 else role_index(shown_vibe(s, n))
                wanted[n] = vibes[role] if role >= 0 else -1
                if role >= 0:
                    has[role] += 1
        for role in range(NUM_ROLES):
            while has[role] > needs[role]:
                loser = -1
                least = 1 << 30
                for n in range(begin, end):
                    if not takes_part[n] or wanted[n] != vibes[role]:
                        continue
                    hearts, cargo = np.int64(s[n, HEART]), np.int64(s[n, CARGO])
                    # Hearts are what everything else is for: who carries some fights, and miners with hearts fight first.
                    if role != MINERS and hearts > 0:
                        continue
                    value = cargo - 64 * hearts
                    if value < least:
                        least, loser = value, n
                if loser < 0:
                    break
                wanted[loser] = -1
                has[role] -= 1
        for n in range(begin, end):
            if takes_part[n] and wanted[n] < 0:
                # Miners first: what they bring in pays for the others' gear.
                for role in (2, 1, 0):
                    if has[role] < needs[role]:
                        wanted[n] = vibes[role]
                        has[role] += 1
                        break


@helper
def claim_index(goal):
    """Index of a route class in CLAIMABLE, -1 if it is not one of them."""
    for i in range(len(CLAIMABLE)):
        if CLAIMABLE[i] == goal:
            return i
    return -1


@kernel
def claim_targets(tuning, state, agents_per_memory, num_agents, first_env, last_env):
    """Let every fighter have a target of its own: routes of those whose target is claimed lead to another one.

    Args:
        tuning: `decide.Tuning`.
        state: `MemoryState` with current scalars and routes; the routes to claimable classes are changed.
        agents_per_memory: as in `update_rows`.
        num_agents: agents per game.
        first_env: first game.
        last_env: game after the last.
    """
    work = np.zeros(WORK_SIZE, dtype=np.uint64)
    short_work = np.empty(search_planes.WORK_SIZE, dtype=np.uint64)
    costs = np.zeros((2, NUM_ELEMENTS), dtype=np.float64)
    avoid = np.zeros((2, ROWS), dtype=np.uint64)
    goals = np.zeros(num_agents, dtype=np.int64)
    s, d = state.scalars, state.route_dist
    for env in range(first_env, last_env):
        begin = env * num_agents
        pending = 0
        for i in range(num_agents):
            n = begin + i
            vibe = shown_vibe(s, n)
            goals[i] = NO_GOAL
            if vibe == SCRAMBLER_VIBE or vibe == ALIGNER_VIBE:
                goal = choose_goal(tuning, s, d, n, vibe)
                if claim_index(goal) >= 0:
                    goals[i] = goal
                    pending += 1
        if pending < 2:
            continue
        avoid[:, :] = 0
        while pending > 0:
            best = -1
            for i in range(num_agents):
                if goals[i] != NO_GOAL and (
                    best < 0 or d[begin + i, goals[i]] < d[begin + best, goals[best]]
                ):
                    best = i
            n = begin + best
            cell = np.int64(state.target_cell[n, claim_index(goals[best])])
            row, index = cell >> 7, cell & 127
            bit = np.uint64(1) << np.uint64(index & 63)
            if avoid[index >> 6, row] & bit == 0:
                avoid[index >> 6, row] |= bit
                goals[best] = NO_GOAL
                pending -= 1
                continue
            m = n // agents_per_memory
            search_again(state, n, m, avoid, work)
            goal = choose_goal(tuning, s, d, n, shown_vibe(s, n))
            goals[best] = goal
            if claim_index(goal) < 0:
                goals[best] = NO_GOAL
                pending -= 1
                if goal == MINE_CLASS:
                    mine_costs(s, n, costs)
                    mined = choose_extractor(state, n, costs)
                    moves = follow_alone(state, n, m, mined, costs, short_work)
                    state.route_move[n, MINE_CLASS] = moves
                elif goal >= 0:
                    follow_alone(state, n, m, goal, costs, short_work)


@kernel
def bide_time(tuning, state, ticks, num_agents, first_env, last_env):
    """Let agents that stand beside the clips' last known junction wait for the next presence check.

    Args:
        tuning: `TeamTuning`.
        state: `MemoryState` with one memory per game and current routes; the moves to the class `clips` are taken away.
        ticks: i32 [E] ticks since the game's episode began.
        num_agents: agents per game.
        first_env: first game.
        last_env: game after the last.
    """
    for env in range(first_env, last_env):
        # The next action is carried out in tick ticks + 1, after the events of that tick.
        wait = (SCRAMBLE_START - (np.int64(ticks[env]) + 1)) % INTERVAL
        if wait == 0 or wait > tuning.patience or state.counts[env, CODE_CLIPS] != 1:
            continue
        for n in range(env * num_agents, (env + 1) * num_agents):
            if state.route_dist[n, CLIPS] == 1:
                state.route_move[n, CLIPS] = 0
                # These moves leave something out: compute them anew next time.
                state.routed[n, 0] = -1


@helper
def search_again(state, n, m, avoid, work):
    """Compute the routes of row `n` to the claimable classes anew, without the cells of `avoid`."""
    if not on_grid(state, n):
        return
    todo = searchable(state, n, m, CLAIM_BITS)
    flood_from(state, n, m, todo, avoid, blocking_agents(state, n), work)
    for i in range(len(CLAIMABLE)):
        route = CLAIMABLE[i]
        state.route_dist[n, route] = work[LENGTH + route]
        state.route_move[n, route] = work[MOVES + route]
        state.target_cell[n, i] = work[CELLS + route]
    # These routes leave something out: compute them anew next time.
    state.routed[n, 0] = -1
