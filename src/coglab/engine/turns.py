"""What agents of every game have in common when they act: the order of turns, and counts of what was tried."""

from __future__ import annotations

import numpy as np

from coglab.engine.jit import helper, inlined
from coglab.engine.rng import mt_shuffle, shuffled_order

NUM_INVALID_SLOTS = 4
"""Distinct invalid action indices that are counted by name per agent; further ones count only in the total."""

# The first columns of `counter` of an agent; a game's own follow.
NOOP_SUCCESS, MOVE_SUCCESS, MOVE_FAILED, VIBE_SUCCESS, INVALID_INDEX, MAX_STANDING = range(6)
NUM_SHARED_COUNTERS = 6


@inlined
def draw_order(state, rules, env, order, exact_order):
    """Write a random order of the agents of a game to `order` ([A] int64), as the reference engine draws it if asked to."""
    if exact_order:
        for i in range(rules.num_agents):
            order[i] = i
        mt_shuffle(state.mt[env], state.games[env], order, rules.num_agents)
    else:
        shuffled_order(state.games[env], rules.num_agents, order)


@helper
def count_invalid_index(agent, action):
    """Count an action outside the list: twice, once for each of the reference engine's two passes."""
    agent.counter[INVALID_INDEX] += 2
    for i in range(NUM_INVALID_SLOTS):
        if agent.invalid_count[i] == 0 or agent.invalid_index[i] == action:
            agent.invalid_index[i] = action
            agent.invalid_count[i] += 2
            return


@inlined
def count_standing(agent):
    """Count actions that left the agent in the cell in which its previous action left it."""
    if agent.row == agent.last_row and agent.col == agent.last_col:
        agent.standing += 1
        agent.counter[MAX_STANDING] = max(
            np.int64(agent.counter[MAX_STANDING]), np.int64(agent.standing)
        )
    else:
        agent.standing = 0
        agent.last_row = agent.row
        agent.last_col = agent.col
