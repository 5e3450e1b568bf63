"""How an episode of CogsGuard begins and ends."""

from __future__ import annotations

import numpy as np

from coglab.engine.jit import helper
from coglab.engine.rng import mt_seed, scale, stream_key
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
from coglab.games.cogsguard.state import NUM_COUNTERS, NUM_INVALID_SLOTS

_START_RECENCY = np.uint64((2 << 56) | (HP << 4) | ENERGY)
_STREAM_MAP, _STREAM_CUT, _STREAM_PLAY = 0, 1, 2


@helper
def start_episode(state, maps, active, rules, settings, env):
    """Begin episode number `state.episode[env]` of game `env` on a map of its own choice.

    Args:
        state: written.
        maps: read only.
        active: [K] int32, slots of the maps to draw from.
        rules: read only.
        settings: see `batch.Settings`.
        env: the game, counted within this simulator.
    """
    game = state.games[env]
    key = stream_key(game.env_key, game.episode)
    if settings.maps_by_env:
        choice = (settings.first_env_id + env) % active.shape[0]
    else:
        choice = scale(stream_key(key, _STREAM_MAP), active.shape[0])
    game.map_slot = active[choice]
    game.rng = stream_key(key, _STREAM_PLAY)
    if settings.exact_order:
        mt_seed(state.mt[env], game, game.engine_seed)
    game.cut_at = 0
    if settings.desynchronize and game.episode == 0:
        game.cut_at = 1 + scale(stream_key(key, _STREAM_CUT), rules.max_steps)
    game.tick = 0
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
    agent.row = row
    agent.col = col
    agent.spawn_row = row
    agent.spawn_col = col
    agent.last_row = row
    agent.last_col = col
    agent.vibe = 0
    agent.last_action = 0
    agent.standing = 0
    agent.reward_level = np.float32(0.0)
    agent.episode_return = np.float32(0.0)
    agent.window_cell = -1
    for item in range(NUM_RESOURCES):
        agent.inventory[item] = 0
        agent.gained[item] = 0
    for column in range(NUM_COUNTERS):
        agent.counter[column] = 0
    for column in range(NUM_INVALID_SLOTS):
        agent.invalid_index[column] = 0
        agent.invalid_count[column] = 0
    agent.inventory[ENERGY] = START_ENERGY
    agent.inventory[HP] = START_HP
    agent.gained[ENERGY] = START_ENERGY
    agent.gained[HP] = START_HP
    agent.recency = _START_RECENCY
