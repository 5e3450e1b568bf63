"""What every policy can do, whether it was learned, scripted or is a baseline.

E games, A agents per game; a policy plays the rows of a range of games, n rows in all.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

Mode = Literal["sample", "greedy"]


class ActOutput(NamedTuple):
    """What a policy decided for n rows."""

    actions: npt.NDArray[np.int32]
    """`[n] int32`."""
    log_prob: npt.NDArray[np.float32]
    """`[n] float32` log-probability of each action under the policy that was sampled; 0 for a deterministic choice."""
    logits: npt.NDArray[np.float32] | None = None
    """`[n, U] float32`, learned policies only."""
    value: npt.NDArray[np.float32] | None = None
    """`[n] float32`, learned policies only."""


class Policy(ABC):
    """A player of the rows of some games of one simulator.

    Use: `bind` once, then `act` exactly once per tick. The policy reads `sim.tokens` of its rows itself and keeps
    whatever it remembers between ticks.
    """

    name: str
    """What it was loaded as."""

    is_scripted: bool
    """True if it has no probabilities, so that `mode` makes no difference."""

    def check_game(self, config: Any) -> None:
        """Refuse a game that the policy cannot play, before anything of it is made; by default none.

        Args:
            config: the game's settings, one of `games.config.GameConfig`.

        Raises:
            UserError: the policy plays another game.
        """
        return

    @abstractmethod
    def bind(self, sim: Any, first_env: int, last_env: int) -> None:
        """Take over the games first_env .. last_env - 1 of a simulator and forget everything.

        Args:
            sim: the simulator, for example a `CogsGuardSim`.
            first_env: first game.
            last_env: one past the last game.

        Raises:
            UserError: the policy cannot play this game.
        """

    @abstractmethod
    def act(
        self, reset_mask: npt.NDArray[np.bool_], mode: Mode, rng: np.random.Generator
    ) -> ActOutput:
        """Choose an action for every row of the bound games from their current observations.

        Args:
            reset_mask: `[n] bool`, true where the observation is the first of an episode.
            mode: `sample` from the probabilities or take the most probable action (`greedy`).
            rng: source of randomness.

        Returns:
            The actions; the arrays are the caller's to keep.
        """

    def get_state(self) -> dict[str, npt.NDArray[Any]]:
        """Copy everything that the policy remembers between ticks, as arrays by name."""
        return {}

    def set_state(self, saved: dict[str, npt.NDArray[Any]]) -> None:
        """Restore what `get_state` returned, into a policy bound to games of the same number and size.

        Args:
            saved: arrays by name.
        """
        if saved:
            raise ValueError(
                f"the policy {self.name} remembers nothing, but was given {sorted(saved)}"
            )
