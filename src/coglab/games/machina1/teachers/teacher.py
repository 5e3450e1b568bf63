"""`DinkyTeacher`: the scripted teacher over a batch of games.

It keeps no state of its own: what it remembers lies in a `MapMemory`, and every label is a function of the memory's
scalars and routes. So it never matters who acted before, and a network that reads the same memory sees everything that
decides a label.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from coglab.games.machina1.memory import MapMemory
from coglab.games.machina1.teachers.decide import QUARTET, SOLO, TUNING, label_rows
from coglab.games.machina1.teachers.registry import DinkySpec

_STYLES = {"solo": SOLO, "quartet": QUARTET}


class DinkyTeacher:
    """Labels for the rows of a simulator (row n = env * num_agents + agent).

    Attributes:
        spec: which teacher, with its parameters.
        memory: what it decides from.
        needs_update: the caller must call `observe` before `label`; False if the caller keeps the given memory
            up to date itself.
        labels: i16 [N] the action that the teacher takes where it leads; it never abstains.
        label_mask: u32 [N] bit u: action u is to be imitated. 32 bits because heart_b is action 16; actions from 31 on are
            free symbols and never labels.
        label_weight: f32 [N] 1, or 0 once the agent has nothing left to do in this episode and only waits for its end.
        goals: i8 [N] route class that is being followed, -1 for none; for diagnosis.
    """

    def __init__(self, spec: DinkySpec, sim: Any, memory: MapMemory | None = None) -> None:
        """Allocate the labels.

        Args:
            spec: which teacher.
            sim: the simulator.
            memory: see `make_teacher`.
        """
        self.spec = spec
        self._sim = sim
        self._style = _STYLES[spec.style]
        num_rows = sim.num_rows
        self.needs_update = memory is None
        self.memory = MapMemory(num_rows, sim.num_agents) if memory is None else memory
        self.labels = np.full(num_rows, -1, np.int16)
        self.label_mask = np.zeros(num_rows, np.uint32)
        self.label_weight = np.zeros(num_rows, np.float32)
        self.goals = np.full(num_rows, -1, np.int8)

    def observe(self, reset: np.ndarray, first_env: int = 0, last_env: int | None = None) -> None:
        """Take in the simulator's current observations; only when `needs_update`.

        Args:
            reset: bool [N] true where the observation is the first of an episode.
            first_env: first game.
            last_env: game after the last; all when left out.
        """
        first, last = self._rows(first_env, last_env)
        self.memory.update(self._sim.tokens, reset, first, last)

    def label(self, reset: np.ndarray, first_env: int = 0, last_env: int | None = None) -> None:
        """Write `labels`, `label_mask` and `label_weight` for the current observations; the GIL is released.

        Args:
            reset: not used: the memory knows.
            first_env: first game.
            last_env: game after the last; all when left out.
        """
        first, last = self._rows(first_env, last_env)
        label_rows(
            TUNING, self._style, self.memory.state, self.labels, self.label_mask, self.label_weight,
            self.goals, first, last,
        )  # fmt: skip

    def get_state(self) -> dict[str, np.ndarray]:
        """Copies of what the next labels depend on: the memory, if it is the teacher's own."""
        saved = self.memory.get_state() if self.needs_update else {}
        return {f"memory.{name}": array for name, array in saved.items()}

    def set_state(self, saved: dict[str, np.ndarray]) -> None:
        """Restore what `get_state` returned."""
        if self.needs_update:
            self.memory.set_state(
                {name.removeprefix("memory."): array for name, array in saved.items()}
            )

    def _rows(self, first_env: int, last_env: int | None) -> tuple[int, int]:
        """First row and row after the last of a range of games."""
        agents = self._sim.num_agents
        return first_env * agents, (self._sim.num_envs if last_env is None else last_env) * agents
