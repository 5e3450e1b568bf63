"""Episodes, as far as every game begins and ends them alike: settings, exchanged arrays, random streams, the last tick."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from coglab.engine.jit import helper, inlined
from coglab.engine.rng import mt_seed, scale, stream_key
from coglab.engine.tokens import ROW_BYTES
from coglab.engine.turns import NUM_INVALID_SLOTS

_STREAM_MAP, _STREAM_CUT, _STREAM_PLAY = 0, 1, 2


class Settings(NamedTuple):
    """How a simulator plays episodes, as opposed to the rules of the game."""

    first_env_id: int
    """Global id of game 0 of this simulator."""
    maps_by_env: bool
    """True: game with id i plays map i (modulo the number of maps). False: a random map every episode."""
    exact_order: bool
    """True: random numbers are those of the reference engine."""
    desynchronize: bool
    """True: the first episode of every game is cut at a random tick."""
    auto_reset: bool
    """True: an episode that ends is followed by the next one within the same step."""


class Buffers(NamedTuple):
    """What a simulator exchanges with its caller, N rows."""

    actions: np.ndarray
    """[N] int32, read"""
    tokens: np.ndarray
    """[N, 600] uint8, written"""
    final_tokens: np.ndarray
    """[N, 600] uint8, written when an episode ends"""
    rewards: np.ndarray
    """[N] float32, written"""
    terminated: np.ndarray
    """[N] bool, written"""
    truncated: np.ndarray
    """[N] bool, written"""
    success: np.ndarray
    """[N] bool, written"""


class Episode(NamedTuple):
    """The last finished episode of each game. E games, A agents."""

    count: np.ndarray  # type: ignore[assignment]
    """[E] int64, episodes finished so far"""
    length: np.ndarray
    """[E] int32, ticks"""
    was_cut: np.ndarray
    """[E] bool, truncated to desynchronise instead of played to the end"""
    returns: np.ndarray
    """[E, A] float32, sum of rewards"""
    agent: np.ndarray
    """[E, A, number of agent statistics] float32"""
    collective: np.ndarray
    """[E, 2, number of collective statistics] float32, 0 clips, 1 cogs; empty in games without collectives"""
    game: np.ndarray
    """[E, number of game statistics] float32"""


def allocate_record(
    num_envs: int,
    num_agents: int,
    num_agent_stats: int,
    num_collective_stats: int,
    num_game_stats: int,
) -> Episode:
    """Return zeroed records for `num_envs` games with so many statistics of each kind."""
    return Episode(
        count=np.zeros(num_envs, np.int64),
        length=np.zeros(num_envs, np.int32),
        was_cut=np.zeros(num_envs, bool),
        returns=np.zeros((num_envs, num_agents), np.float32),
        agent=np.zeros((num_envs, num_agents, num_agent_stats), np.float32),
        collective=np.zeros((num_envs, 2, num_collective_stats), np.float32),
        game=np.zeros((num_envs, num_game_stats), np.float32),
    )


@helper
def begin_streams(state, active, rules, settings, env):
    """Choose the map of the present episode of game `env`, and start its clock and its random numbers.

    Args:
        state: written; `games` with `env_key, episode, map_slot, rng, engine_seed, cut_at, tick`, and `mt`.
        active: [K] int32, slots of the maps to draw from.
        rules: read only; `max_steps`.
        settings: see `Settings`.
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


@helper
def place_agent(agent, row, col):
    """Put an agent that begins an episode at its start cell, with no past."""
    agent.row = row
    agent.col = col
    agent.last_row = row
    agent.last_col = col
    agent.vibe = 0
    agent.last_action = 0
    agent.standing = 0
    agent.episode_return = np.float32(0.0)
    agent.window_cell = -1
    for column in range(agent.counter.shape[0]):
        agent.counter[column] = 0
    for column in range(NUM_INVALID_SLOTS):
        agent.invalid_index[column] = 0
        agent.invalid_count[column] = 0


@inlined
def flag_end(game, rules, buffers, env):
    """Write `terminated` and `truncated` of a game's rows after a tick; return (has ended, was cut)."""
    is_terminated = game.tick >= rules.max_steps
    is_truncated = game.tick == game.cut_at and not is_terminated
    first = env * rules.num_agents
    for n in range(first, first + rules.num_agents):
        buffers.terminated[n] = is_terminated
        buffers.truncated[n] = is_truncated
    return is_terminated or is_truncated, is_truncated


@helper
def keep_last_observation(rules, buffers, env):
    """Copy the tokens of a game's rows to `final_tokens`."""
    first = env * rules.num_agents
    for n in range(first, first + rules.num_agents):
        for i in range(ROW_BYTES):
            buffers.final_tokens[n, i] = buffers.tokens[n, i]


@helper
def record_length(state, rules, env, was_cut, episode):
    """Write what every game's record of an episode holds: how many, how long, cut or not, returns."""
    episode.count[env] += 1
    episode.length[env] = state.games[env].tick
    episode.was_cut[env] = was_cut
    first = env * rules.num_agents
    for agent in range(rules.num_agents):
        episode.returns[env, agent] = state.agents[first + agent].episode_return
