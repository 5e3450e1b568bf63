"""The kernels that Python calls: reset, step and observe a range of games."""

from __future__ import annotations

from coglab.engine.episodes import flag_end, keep_last_observation
from coglab.engine.jit import helper, inlined, kernel
from coglab.games.cogsguard.episode import start_episode
from coglab.games.cogsguard.observe import observe_and_count, observe_game
from coglab.games.cogsguard.stats import read_stats, record_episode
from coglab.games.cogsguard.step import step_game


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
    has_ended, was_cut = flag_end(state.games[env], rules, buffers, env)
    if has_ended:
        _end_episode(state, maps, active, rules, settings, buffers, episode, scratch, env, was_cut)


@helper
def _end_episode(state, maps, active, rules, settings, buffers, episode, scratch, env, was_cut):
    """Record an episode that has ended, and begin the next one."""
    record_episode(state, maps, rules, env, was_cut, episode)
    keep_last_observation(rules, buffers, env)
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
