"""What every game's batch simulator offers: many games side by side, stepped by one call.

Letters: E games, A agents per game, N = E * A rows (row = game * A + agent), K tokens per observation.
`coglab.testing.check_env` tests an implementation against everything that is said here.
"""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

import numpy as np


@runtime_checkable
class BatchSim(Protocol):
    """Many games as one object; arrays are allocated once and keep their identity.

    The caller writes `actions` and calls `step`; the simulator writes everything else. An episode that ends is followed
    by the next one within the same step: `tokens` then shows the first observation of the new episode, while the other
    arrays belong to the tick that ended the old one. Random streams depend on the seed and on each game's global id
    alone, so results do not depend on the batch, on the order of ranges, or on threads.
    """

    num_envs: int
    """E"""
    num_agents: int
    """A"""
    num_rows: int
    """N"""
    max_steps: int
    """Ticks of a whole episode."""
    num_actions: int
    """U; actions outside 0 .. U - 1 are legal and do nothing."""
    action_names: tuple[str, ...]
    """[U] names by action index."""
    agent_stats: tuple[str, ...]
    """Names of the columns of `episode.agent`."""
    episode: Any
    """The last finished episode of each game, arrays by name: at least `count` [E] int64 (episodes finished so far),
    `length` [E] int32 (ticks), `was_cut` [E] bool, `returns` [E, A] float32, `agent` [E, A, len(agent_stats)] float32."""

    @property
    def actions(self) -> np.ndarray:
        """[N] int32, written by the caller, read by `step`."""
        ...

    @property
    def tokens(self) -> np.ndarray:
        """[N, K, 3] uint8, what each agent sees next."""
        ...

    @property
    def final_tokens(self) -> np.ndarray:
        """[N, K, 3] uint8, valid where `terminated` or `truncated`: the last observation of that episode."""
        ...

    @property
    def rewards(self) -> np.ndarray:
        """[N] float32, rewards of the last tick."""
        ...

    @property
    def terminated(self) -> np.ndarray:
        """[N] bool, the rules ended the episode in the last tick."""
        ...

    @property
    def truncated(self) -> np.ndarray:
        """[N] bool, the episode was cut in the last tick although the rules would have gone on."""
        ...

    @property
    def success(self) -> np.ndarray:
        """[N] bool, the action of the last tick succeeded."""
        ...

    def reset(self, seed: int | None = None) -> None:
        """Start all games from their first episode and fill `tokens`; without a seed, with the one used last."""
        ...

    def step(self, first_env: int = 0, last_env: int | None = None) -> None:
        """Simulate one tick of the games first_env .. last_env - 1 (default: all); the GIL is released."""
        ...

    def get_state(self) -> dict[str, np.ndarray]:
        """Return copies of everything that the future depends on."""
        ...

    def set_state(self, saved: dict[str, np.ndarray]) -> None:
        """Continue exactly where `get_state` was called."""
        ...
