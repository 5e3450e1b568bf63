"""Our side of `engine.py`: games that play given actions and time themselves, as `reference/worker.py` does."""

from __future__ import annotations

import time
from functools import lru_cache
from typing import Any

import numpy as np

from coglab.games.cogsguard.config import CogsGuardConfig, MapPoolConfig
from coglab.games.cogsguard.mapgen.pool import MapPool
from coglab.games.cogsguard.sim import CogsGuardSim
from coglab.games.cogsguard.teachers import make_teacher

NUM_AGENTS = 8
TEACHER = "metta://policy/cogsguard"
"""Whose actions are recorded for teacher play; the recording does not count."""

_RECORDED_AT_ONCE = 128
"""Games that record teacher play side by side; the teacher remembers a map per agent."""


@lru_cache
def map_pool(mission: str) -> MapPool:
    """Return the maps that training draws from by default, for a mission."""
    return MapPool.for_training(game_config(mission), MapPoolConfig(), seed=0)


def game_config(mission: str) -> CogsGuardConfig:
    """Return the published mission: 8 agents, full rules, full statistics."""
    return CogsGuardConfig(mission=mission, num_agents=NUM_AGENTS)


def make_fleet(
    mission: str, num_envs: int, first_env_id: int = 0, exact_order: bool = False
) -> CogsGuardSim:
    """Return a simulator whose games play map i, i + 1, ... of the pool."""
    return CogsGuardSim(
        game_config(mission),
        num_envs,
        map_pool(mission),
        first_env_id=first_env_id,
        map_choice="by_env",
        exact_order=exact_order,
    )


def random_actions(ticks: int, num_envs: int, seed: int) -> np.ndarray:
    """Return [T, N] int8, uniform over the 12 actions; the same that the reference plays."""
    actions = np.random.default_rng(seed).integers(0, 12, (ticks, num_envs, NUM_AGENTS), np.int32)
    return actions.reshape(ticks, -1).astype(np.int8)


def record_teacher(mission: str, ticks: int, num_envs: int, exact_order: bool) -> np.ndarray:
    """Let the teacher play; return its actions [T, N] int8.

    A game does not depend on its batch, so the games are recorded some at a time.
    """
    parts = []
    for first in range(0, num_envs, _RECORDED_AT_ONCE):
        count = min(_RECORDED_AT_ONCE, num_envs - first)
        sim = make_fleet(mission, count, first_env_id=first, exact_order=exact_order)
        teacher = make_teacher(TEACHER, sim)
        begins = np.ones(sim.num_rows, bool)
        actions = np.zeros((ticks, sim.num_rows), np.int8)
        for tick in range(ticks):
            if teacher.needs_update:
                teacher.observe(begins, 0, count)
            teacher.label(begins, 0, count)
            actions[tick] = np.maximum(teacher.labels, 0)  # where it abstains: noop
            sim.actions[:] = actions[tick]
            sim.step()
            begins = sim.terminated | sim.truncated
        parts.append(actions)
    return np.concatenate(parts, axis=1)


class Fleet:
    """A simulator with the actions that it will play."""

    def __init__(
        self,
        mission: str,
        num_envs: int,
        ticks: int,
        play: str,
        exact_order: bool = False,
        seed: int = 0,
    ) -> None:
        """Build the games and take their actions.

        Args:
            mission: `machina_1` or `arena`.
            num_envs: games.
            ticks: ticks of actions.
            play: `random` or `teacher`.
            exact_order: whether random numbers are those of the reference engine.
            seed: seed of the random actions.
        """
        if play == "random":
            self.actions = random_actions(ticks, num_envs, seed)
        else:
            self.actions = record_teacher(mission, ticks, num_envs, exact_order)
        self.sim = make_fleet(mission, num_envs, exact_order=exact_order)
        self.next_tick = 0

    def measure(self, warmup: int, ticks: int, repeats: int) -> dict[str, Any]:
        """Step the next `warmup` ticks untimed and `ticks` ticks timed, all of it `repeats` times from the same state.

        Returns:
            CPU and wall seconds, agent steps, and the tokens per observation at the end.
        """
        sim = self.sim
        middle = self.next_tick + warmup
        end = middle + ticks
        begin = sim.get_state() if repeats > 1 else {}
        cpu = wall = 0.0
        for repeat in range(repeats):
            if repeat:
                sim.set_state(begin)
            self._play(self.next_tick, middle)
            cpu -= time.process_time()
            wall -= time.perf_counter()
            self._play(middle, end)
            cpu += time.process_time()
            wall += time.perf_counter()
        self.next_tick = end
        return {
            "cpu_s": cpu,
            "wall_s": wall,
            "agent_steps": repeats * ticks * sim.num_rows,
            "tokens": float((sim.tokens[:, :, 1] != 255).sum(1).mean()),
        }

    def _play(self, begin: int, end: int) -> None:
        sim = self.sim
        for row in self.actions[begin:end]:
            sim.actions[:] = row
            sim.step()
