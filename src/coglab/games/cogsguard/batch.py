"""The kernels that Python calls: reset, step and observe a range of games."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from coglab.engine.jit import helper, inlined, kernel
from coglab.games.cogsguard.episode import start_episode
from coglab.games.cogsguard.observe import ROW_BYTES, observe_and_count, observe_game
from coglab.games.cogsguard.stats import read_stats, record_episode
from coglab.games.cogsguard.step import step_game


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


@kernel(what="the simulator", seconds=25, allocates=False)
def step_games(
    state, maps, active, rules, settings, buffers, episode, scratch, first_env, last_env
):
    """Simulate one tick of the games first_env .. last_env - 1, which no other thread may touch meanwhile."""
    for env in range(first_env, last_env):
        step_game(
            state,
            maps,
            rules,
            env,
            buffers.actions,
            scratch,
            settings.exact_order,
            buffers.success,
            buffers.rewards,
        )
        observe_and_count(state, maps, rules, env, scratch, buffers.tokens)
        _end_tick(state, maps, active, rules, settings, buffers, episode, scratch, env)


@inlined
def _end_tick(state, maps, active, rules, settings, buffers, episode, scratch, env):
    """Flag the end of an episode; record it, and begin the next one."""
    game = state.games[env]
    is_terminated = game.tick >= rules.max_steps
    is_truncated = game.tick == game.cut_at and not is_terminated
    first = env * rules.num_agents
    for n in range(first, first + rules.num_agents):
        buffers.terminated[n] = is_terminated
        buffers.truncated[n] = is_truncated
    if is_terminated or is_truncated:
        _end_episode(
            state, maps, active, rules, settings, buffers, episode, scratch, env, is_truncated
        )


@helper
def _end_episode(
    state, maps, active, rules, settings, buffers, episode, scratch, env, is_truncated
):
    """Record an episode that has ended, and begin the next one."""
    record_episode(state, maps, rules, env, is_truncated, episode)
    first = env * rules.num_agents
    for n in range(first, first + rules.num_agents):
        for i in range(ROW_BYTES):
            buffers.final_tokens[n, i] = buffers.tokens[n, i]
    if settings.auto_reset:
        state.games[env].episode += 1
        _begin(state, maps, active, rules, settings, buffers, scratch, env)


@inlined
def _begin(state, maps, active, rules, settings, buffers, scratch, env):
    start_episode(state, maps, active, rules, settings, env)
    observe_and_count(state, maps, rules, env, scratch, buffers.tokens)


@kernel(what="the simulator", seconds=25, allocates=False)
def reset_games(state, maps, active, rules, settings, buffers, scratch, first_env, last_env):
    """Begin the present episode of each game of a range, with its first observation."""
    for env in range(first_env, last_env):
        _begin(state, maps, active, rules, settings, buffers, scratch, env)


@kernel(what="the simulator", seconds=25, allocates=False)
def observe_games(state, maps, rules, buffers, scratch, first_env, last_env):
    """Write the present observations of a range of games again."""
    for env in range(first_env, last_env):
        observe_game(state, maps, rules, env, scratch, buffers.tokens)


@kernel(allocates=False)
def read_game_stats(state, maps, rules, env, episode):
    """Write the statistics of game `env` so far to entry 0 of `episode`."""
    read_stats(state, maps, rules, env, 0, episode)
