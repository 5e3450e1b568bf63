"""A scripted teacher as a policy: what trains students can also play."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from coglab.games.registry import game_of, require_teacher_of
from coglab.policies.protocol import ActOutput, Mode, Policy


class ScriptedPolicy(Policy):
    """Plays the labels of a teacher; where the teacher abstains, it does nothing (action 0).

    Args:
        uri: the teacher, for example `metta://policy/cogsguard?gear=10`.
    """

    is_scripted = True

    def __init__(self, uri: str) -> None:
        self.name = uri
        self._teacher: Any = None

    def check_game(self, config: Any) -> None:
        """Refuse games that the teacher does not play; see `Policy.check_game`."""
        require_teacher_of(self.name, config)

    def bind(self, sim: Any, first_env: int, last_env: int) -> None:
        """Make the teacher for these games; see `Policy.bind`."""
        self.check_game(sim.config)
        self._teacher = game_of(sim.config).make_teacher(self.name, sim)
        self._first, self._last = first_env, last_env
        self._rows = slice(first_env * sim.num_agents, last_env * sim.num_agents)
        self._reset = np.zeros(sim.num_rows, np.bool_)

    def act(
        self, reset_mask: npt.NDArray[np.bool_], mode: Mode, rng: np.random.Generator
    ) -> ActOutput:
        """Ask the teacher; see `Policy.act`."""
        teacher = self._teacher
        self._reset[self._rows] = reset_mask
        if teacher.needs_update:
            teacher.observe(self._reset, self._first, self._last)
        teacher.label(self._reset, self._first, self._last)
        actions = np.maximum(teacher.labels[self._rows], 0).astype(np.int32)
        return ActOutput(actions, np.zeros(len(actions), np.float32))

    def get_state(self) -> dict[str, npt.NDArray[Any]]:
        """See `Policy.get_state`."""
        state: dict[str, npt.NDArray[Any]] = self._teacher.get_state()
        return state

    def set_state(self, saved: dict[str, npt.NDArray[Any]]) -> None:
        """See `Policy.set_state`."""
        self._teacher.set_state(saved)
