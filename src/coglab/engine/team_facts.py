"""`TeamFacts`: how every game's facts about a whole team are written; which facts there are is the game's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np


class TeamFacts:
    """Writes the team facts of a simulator's games; a game derives from it, with its names and its kernel.

    Args:
        sim: a simulator of the game.
    """

    names: ClassVar[tuple[str, ...]]
    """Of the columns."""
    kernel: ClassVar[Callable[..., None]]
    """Writes them, called as `kernel(state, maps, max_steps, num_agents, first_env, last_env, out)`."""

    def __init__(self, sim: Any) -> None:
        self._sim = sim

    def write(self, first_env: int, last_env: int, out: np.ndarray) -> None:
        """Write the present facts of a range of games; threads may write disjoint ranges at the same time.

        Args:
            first_env: first game.
            last_env: game after the last.
            out: f32 `[N, len(names)]`; every agent's row of these games gets the facts of its team.
        """
        sim = self._sim
        self.kernel(
            sim.state, sim.maps.compiled, sim.max_steps, sim.num_agents, first_env, last_env, out
        )
