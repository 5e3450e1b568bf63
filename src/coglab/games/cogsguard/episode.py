"""How an episode of CogsGuard begins and ends."""

from __future__ import annotations

import numpy as np

from coglab.engine.jit import helper
from coglab.engine.rng import mt_seed, scale, stream_key
from coglab.games.cogsguard.events import start_junctions
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
        settings: see `sim.Settings`.
        env: the game, counted within this simulator.
    """
    key = stream_key(state.env_key[env], state.episode[env])
    if settings.maps_by_env:
        choice = (settings.first_env_id + env) % active.shape[0]
    else:
        choice = scale(stream_key(key, _STREAM_MAP), active.shape[0])
    state.map_slot[env] = active[choice]
    state.rng[env] = stream_key(key, _STREAM_PLAY)
    if settings.exact_order:
        mt_seed(state.mt, state.mt_position, env, state.engine_seed[env])
    state.cut_at[env] = 0
    if settings.desynchronize and state.episode[env] == 0:
        state.cut_at[env] = 1 + scale(stream_key(key, _STREAM_CUT), rules.max_steps)
    state.tick[env] = 0
    state.next_event[env] = 0
    _start_game(state, maps, rules, env)
    first = env * rules.num_agents
    for agent in range(rules.num_agents):
        _start_agent(state, maps, env, first + agent, agent)


@helper
def _start_game(state, maps, rules, env):
    slot = state.map_slot[env]
    for thing in range(maps.object_count[slot]):
        holds_element = ELEMENT_OF_KIND[maps.object_kind[slot, thing]] >= 0
        state.object_value[env, thing] = EXTRACTOR_START if holds_element else 0
    for item in range(NUM_RESOURCES):
        state.stock[env, item] = rules.initial_stock[item]
        state.deposited[env, item] = rules.initial_stock[item]
        state.last_extracted[env, item] = EXTRACTOR_START
    for collective in range(2):
        for column in range(4):
            state.junctions[env, collective, column] = 0
    start_junctions(state, maps, rules, env)
    state.tokens_written[env] = 0
    state.tokens_dropped[env] = 0
    state.tokens_free[env] = 0


@helper
def _start_agent(state, maps, env, n, agent):
    slot = state.map_slot[env]
    row, col = maps.spawn_row[slot, agent], maps.spawn_col[slot, agent]
    state.row[n] = row
    state.col[n] = col
    state.spawn_row[n] = row
    state.spawn_col[n] = col
    state.last_row[n] = row
    state.last_col[n] = col
    state.vibe[n] = 0
    state.last_action[n] = 0
    state.standing[n] = 0
    state.reward_level[n] = 0.0
    state.episode_return[n] = 0.0
    state.window_cell[n] = -1
    for item in range(NUM_RESOURCES):
        state.inventory[n, item] = 0
        state.gained[n, item] = 0
    for column in range(NUM_COUNTERS):
        state.counter[n, column] = 0
    for column in range(NUM_INVALID_SLOTS):
        state.invalid_index[n, column] = 0
        state.invalid_count[n, column] = 0
    state.inventory[n, ENERGY] = START_ENERGY
    state.inventory[n, HP] = START_HP
    state.gained[n, ENERGY] = START_ENERGY
    state.gained[n, HP] = START_HP
    state.recency[n] = _START_RECENCY
