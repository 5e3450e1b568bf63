"""Where a tick's time goes: the phases of the simulator as kernels of their own, one after the other.

Each phase runs for all games before the next one begins, which is a little slower than the simulator's own order (all
phases of one game, then the next game). The time of a kernel call without work is subtracted. The sum of the phases
therefore differs a little from the time of a whole tick, and both are reported.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from coglab.engine.jit import kernel
from coglab.engine.tokens import look_around
from coglab.engine.turns import draw_order
from coglab.games.cogsguard import batch, observe, step
from coglab.games.cogsguard.events import run_events
from coglab.games.cogsguard.sim import CogsGuardSim

_act, _live_on, _pay_rewards = step._act, step.live_on, step._pay_rewards
_write_agent, _write_stock = observe._write_agent, observe._write_stock
_observe_and_count, _end_tick = observe.observe_and_count, batch._end_tick


@kernel
def _nothing(state, maps, active, rules, settings, buffers, episode, scratch, last):
    return last


@kernel
def _events(state, maps, active, rules, settings, buffers, episode, scratch, last):
    for env in range(last):
        state.games[env].tick += 1
        run_events(state, maps, rules, env, scratch.junctions, settings.exact_order)


@kernel
def _actions(state, maps, active, rules, settings, buffers, episode, scratch, last):
    for env in range(last):
        first = env * rules.num_agents
        draw_order(state, rules, env, scratch.order, settings.exact_order)
        for i in range(rules.num_agents):
            n = first + scratch.order[i]
            buffers.success[n] = _act(
                state, maps, rules, env, state.agents[n], np.int64(buffers.actions[n])
            )


@kernel
def _bodies(state, maps, active, rules, settings, buffers, episode, scratch, last):
    for env in range(last):
        _live_on(state, maps, rules, env)


@kernel
def _rewards(state, maps, active, rules, settings, buffers, episode, scratch, last):
    for env in range(last):
        game = state.games[env]
        for collective in range(2):
            game.junctions[collective, step.HELD] += game.junctions[collective, step.OWNED]
        _pay_rewards(state, maps, rules, env, buffers.rewards)


@kernel
def _windows(state, maps, active, rules, settings, buffers, episode, scratch, last):
    for env in range(last):
        slot = np.int64(state.games[env].map_slot)
        for n in range(env * rules.num_agents, (env + 1) * rules.num_agents):
            look_around(maps, slot, state.agents[n])


@kernel
def _shared_tokens(state, maps, active, rules, settings, buffers, episode, scratch, last):
    for env in range(last):
        first = env * rules.num_agents
        for i in range(rules.num_agents):
            scratch.agent_bytes[i] = _write_agent(state.agents[first + i], scratch.agent_tokens[i])
        _write_stock(state.games[env], scratch.stock_tokens)


@kernel
def _observations(state, maps, active, rules, settings, buffers, episode, scratch, last):
    for env in range(last):
        _observe_and_count(state, maps, rules, env, scratch, buffers.tokens)


@kernel
def _ends(state, maps, active, rules, settings, buffers, episode, scratch, last):
    for env in range(last):
        _end_tick(state, maps, active, rules, settings, buffers, episode, scratch, env)


_SHARED = "write the tokens that agents share"
PHASES: dict[str, Callable[..., Any]] = {
    "events of the clips": _events,
    "actions": _actions,
    "regeneration and area effects": _bodies,
    "rewards": _rewards,
    "look around after a move": _windows,
    _SHARED: _shared_tokens,
    "write and count the tokens of each row": _observations,
    "end episodes": _ends,
}


def measure_phases(sim: CogsGuardSim, actions: np.ndarray) -> dict[str, float]:
    """Play [T, N] actions phase by phase.

    Args:
        sim: games, stepped through the private parts of the simulator.
        actions: [T, N], the first tenth is played untimed.

    Returns:
        Nanoseconds per agent step by phase.
    """
    arguments = (
        sim.state,
        sim.maps.compiled,
        sim.maps.active,
        sim.rules,
        sim._settings,
        sim._buffers,
        sim.episode,
        sim._scratch(),
    )
    spent = dict.fromkeys(PHASES, 0.0)
    empty = 0.0
    _nothing(*arguments, sim.num_envs)
    warmup = len(actions) // 10
    for tick, row in enumerate(actions):
        if tick == warmup:
            spent, empty = dict.fromkeys(PHASES, 0.0), 0.0
        sim.actions[:] = row
        begin = time.process_time_ns()
        _nothing(*arguments, sim.num_envs)
        empty += time.process_time_ns() - begin
        for name, phase in PHASES.items():
            begin = time.process_time_ns()
            phase(*arguments, sim.num_envs)
            spent[name] += time.process_time_ns() - begin
    steps = (len(actions) - warmup) * sim.num_rows
    per_step = {name: (nanoseconds - empty) / steps for name, nanoseconds in spent.items()}
    # The observation kernel writes the shared tokens once more.
    per_step["write and count the tokens of each row"] -= per_step[_SHARED]
    return per_step
