"""How an episode of CogsGuard begins and ends."""

from __future__ import annotations

import numpy as np

from coglab.engine.episodes import begin_streams, place_agent
from coglab.engine.jit import helper
from coglab.games.cogsguard.events import start_owners
from coglab.games.cogsguard.rules import (
    ELEMENT_OF_KIND,
    ENERGY,
    EXTRACTOR_START,
    HP,
    NUM_RESOURCES,
    START_ENERGY,
    START_HP,
)

_START_RECENCY = np.uint64((2 << 56) | (HP << 4) | ENERGY)


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
    game.next_event = 0
    _start_game(state, maps, rules, env)
    first = env * rules.num_agents
    for i in range(rules.num_agents):
        slot = np.int64(game.map_slot)
        _start_agent(state.agents[first + i], maps.spawn_row[slot, i], maps.spawn_col[slot, i])


@helper
def _start_game(state, maps, rules, env):
    game = state.games[env]
    slot = np.int64(game.map_slot)
    for thing in range(maps.info[slot].objects):
        holds_element = ELEMENT_OF_KIND[maps.objects[slot, thing].kind] >= 0
        state.object_value[env, thing] = EXTRACTOR_START if holds_element else 0
    for item in range(NUM_RESOURCES):
        game.stock[item] = rules.initial_stock[item]
        game.deposited[item] = rules.initial_stock[item]
        game.last_extracted[item] = EXTRACTOR_START
    for collective in range(2):
        for column in range(4):
            game.junctions[collective, column] = 0
    start_owners(state, maps, rules, env)
    game.tokens_written = 0
    game.tokens_dropped = 0
    game.tokens_free = 0


@helper
def _start_agent(agent, row, col):
    place_agent(agent, row, col)
    agent.spawn_row = row
    agent.spawn_col = col
    agent.reward_level = np.float32(0.0)
    for item in range(NUM_RESOURCES):
        agent.inventory[item] = 0
        agent.gained[item] = 0
    agent.inventory[ENERGY] = START_ENERGY
    agent.inventory[HP] = START_HP
    agent.gained[ENERGY] = START_ENERGY
    agent.gained[HP] = START_HP
    agent.recency = _START_RECENCY
