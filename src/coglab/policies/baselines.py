"""Policies that need no skill: the floor that others are compared with."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from coglab.policies.protocol import ActOutput, Mode, Policy


class RandomPolicy(Policy):
    """Every action equally often, in both modes."""

    name = "random"
    is_scripted = True

    def bind(self, sim: Any, first_env: int, last_env: int) -> None:
        """Remember how many actions there are; see `Policy.bind`."""
        self._num_actions = int(sim.num_actions)

    def act(
        self, reset_mask: npt.NDArray[np.bool_], mode: Mode, rng: np.random.Generator
    ) -> ActOutput:
        """Draw uniformly; see `Policy.act`."""
        num_rows = len(reset_mask)
        actions = rng.integers(0, self._num_actions, num_rows, dtype=np.int32)
        log_prob = np.full(num_rows, -np.log(self._num_actions), np.float32)
        return ActOutput(actions, log_prob)


class NoopPolicy(Policy):
    """Action 0, always."""

    name = "noop"
    is_scripted = True

    def bind(self, sim: Any, first_env: int, last_env: int) -> None:
        """Do nothing; see `Policy.bind`."""

    def act(
        self, reset_mask: npt.NDArray[np.bool_], mode: Mode, rng: np.random.Generator
    ) -> ActOutput:
        """Do nothing; see `Policy.act`."""
        num_rows = len(reset_mask)
        return ActOutput(np.zeros(num_rows, np.int32), np.zeros(num_rows, np.float32))
