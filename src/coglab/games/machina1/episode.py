"""How an episode of machina_1 begins."""

from __future__ import annotations

import numpy as np

from coglab.engine.episodes import begin_streams, place_agent
from coglab.engine.jit import helper
from coglab.games.machina1.rules import ENERGY, MAX_USES, NUM_KINDS, NUM_RESOURCES, START_ENERGY


@helper
def start_episode(state, maps, active, rules, settings, env):
    """Begin episode number `state.episode[env]` of game `env` on a map of its own choice.

    Args:
        state: written.
        maps: read only.
        active: [K] int32, slots of the maps to draw from.
        rules: read only.
        settings: see `engine.episodes.Settings`.
        env: the game, counted within this simulator.
    """
    begin_streams(state, active, rules, settings, env)
    game = state.games[env]
    slot = np.int64(game.map_slot)
    for thing in range(state.uses.shape[1]):
        state.uses[env, thing] = 0
        state.ready_at[env, thing] = 0
    for chest in range(state.chest_stock.shape[1]):
        for item in range(NUM_RESOURCES):
            state.chest_stock[env, chest, item] = 0
    for kind in range(NUM_KINDS):
        game.uses_left[kind] = MAX_USES[kind] * np.int64(maps.info[slot].kind_count[kind])
    for item in range(NUM_RESOURCES):
        game.created[item] = 0
        game.deposited[item] = 0
        game.withdrawn[item] = 0
    game.tokens_written = 0
    game.tokens_dropped = 0
    game.tokens_free = 0
    first = env * rules.num_agents
    for i in range(rules.num_agents):
        _start_agent(state.agents[first + i], maps.spawn_row[slot, i], maps.spawn_col[slot, i])


@helper
def _start_agent(agent, row, col):
    place_agent(agent, row, col)
    agent.most_kinds = 0
    agent.bonus = np.float32(0.0)
    agent.reward_level = np.float32(0.0)
    for item in range(NUM_RESOURCES):
        agent.inventory[item] = 0
        agent.gained[item] = 0
        agent.deposited[item] = 0
        agent.withdrawn[item] = 0
    agent.inventory[ENERGY] = START_ENERGY
    agent.gained[ENERGY] = START_ENERGY
