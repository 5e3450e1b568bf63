"""`CogsGuardTeacher`: one scripted teacher over a batch of games.

The teacher keeps no state of its own beyond counting episodes: what it remembers lies in a `MapMemory`, its role is
the vibe that the agent shows, and every label is a function of the memory's scalars and routes. So it never matters
who acted before, and a network that reads the same memory sees everything that decides a label.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from coglab.games.cogsguard.memory import MapMemory
from coglab.games.cogsguard.memory_layout import VIBES
from coglab.games.cogsguard.teachers.decide import TUNING, ask_rows, label_rows
from coglab.games.cogsguard.teachers.registry import SMART, TeacherSpec


class CogsGuardTeacher:
    """Labels for the rows of a simulator (row n = env * num_agents + agent).

    Attributes:
        spec: which teacher, with its parameters.
        memory: what it decides from.
        needs_update: the caller must call `observe` before `label`; False if the caller keeps the given memory
            up to date itself.
        labels: i16 [N] the action to take, -1 where the teacher abstains.
        label_mask: u16 [N] bit u: action u is as good; 0 where the teacher abstains.
        label_weight: f32 [N] 1, or 0 where the choice is arbitrary or the teacher abstains.
        goals: i8 [N] route class that is being followed, -1 for none; for diagnosis.
    """

    def __init__(self, spec: TeacherSpec, sim: Any, memory: MapMemory | None = None) -> None:
        """Allocate the labels.

        Args:
            spec: which teacher.
            sim: the simulator.
            memory: see `make_teacher`.
        """
        self.spec = spec
        self._sim = sim
        num_rows, num_agents = sim.num_rows, sim.num_agents
        if memory is not None and spec.memory == "own" and not memory.is_shared:
            self.memory = memory
            self.needs_update = False
        else:
            self.memory = MapMemory(num_rows, num_agents, is_shared=spec.memory == "team")
            self.needs_update = True
        self.labels = np.full(num_rows, -1, np.int16)
        self.label_mask = np.zeros(num_rows, np.uint16)
        self.label_weight = np.zeros(num_rows, np.float32)
        self.goals = np.full(num_rows, -1, np.int8)
        self._asked = np.zeros(num_rows, np.int64)
        self._episode = np.full(sim.num_envs, -1, np.int32)
        self._fixed_role = np.full(num_rows, -1, np.int8)

    def observe(self, reset: np.ndarray, first_env: int = 0, last_env: int | None = None) -> None:
        """Take in the simulator's current observations; only when `needs_update`.

        Args:
            reset: bool [N] true where the observation is the first of an episode.
            first_env: first game.
            last_env: game after the last; all when left out.
        """
        first, last = self._rows(first_env, last_env)
        self.memory.update(self._sim.tokens, reset, first, last)
        ask_rows(TUNING, self.memory.state, self._asked, first, last)
        self.memory.routes(first, last, self._asked)

    def label(self, reset: np.ndarray, first_env: int = 0, last_env: int | None = None) -> None:
        """Write `labels`, `label_mask` and `label_weight` for the current observations; the GIL is released.

        Args:
            reset: bool [N] true where the observation is the first of an episode.
            first_env: first game.
            last_env: game after the last; all when left out.
        """
        first, last = self._rows(first_env, last_env)
        agents = self._sim.num_agents
        for env in np.flatnonzero(reset[first:last:agents]) + first_env:
            self._begin_episode(int(env))
        label_rows(
            TUNING,
            self.memory.state,
            self._fixed_role,
            self.labels,
            self.label_mask,
            self.label_weight,
            self.goals,
            first,
            last,
        )

    def get_state(self) -> dict[str, np.ndarray]:
        """Copies of what the next labels depend on; the memory only if it is the teacher's own."""
        saved = {"episode": self._episode.copy(), "fixed_role": self._fixed_role.copy()}
        if self.needs_update:
            saved |= {f"memory.{name}": array for name, array in self.memory.get_state().items()}
        return saved

    def set_state(self, saved: dict[str, np.ndarray]) -> None:
        """Restore what `get_state` returned."""
        self._episode[:] = saved["episode"]
        self._fixed_role[:] = saved["fixed_role"]
        if self.needs_update:
            prefix = "memory."
            self.memory.set_state(
                {
                    name.removeprefix(prefix): array
                    for name, array in saved.items()
                    if name.startswith(prefix)
                }
            )

    def _begin_episode(self, env: int) -> None:
        """Count the episode and hand out the roles that are fixed for its length."""
        self._episode[env] += 1
        agents = self._sim.num_agents
        for agent in range(agents):
            role = self.spec.role_of(agent, int(self._episode[env]))
            self._fixed_role[env * agents + agent] = -1 if role == SMART else VIBES.index(role)

    def _rows(self, first_env: int, last_env: int | None) -> tuple[int, int]:
        """First row and row after the last of a range of games."""
        agents = self._sim.num_agents
        return first_env * agents, (self._sim.num_envs if last_env is None else last_env) * agents
