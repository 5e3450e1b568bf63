"""What the adapters share: making a simulator from a configuration, its spaces, its episode statistics."""

from __future__ import annotations

from typing import Any

import numpy as np

from coglab.engine.batch_sim import BatchSim
from coglab.games.cogsguard.config import CogsGuardConfig, MapPoolConfig
from coglab.games.cogsguard.maps import MapTable

DEFAULT_MAPS = MapPoolConfig(size=64, refresh=0)
"""Maps of an adapter: fixed, so that a seed fixes the episode."""


def make_sim(
    config: CogsGuardConfig | None, num_envs: int, maps: MapTable | MapPoolConfig, seed: int
) -> BatchSim:
    """Return a simulator of `num_envs` games.

    Args:
        config: which game; None for the default one.
        num_envs: games, at least 1.
        maps: the maps, or how many are drawn.
        seed: key of the maps and of all random streams.
    """
    from coglab.games.cogsguard.mapgen import MapPool
    from coglab.games.cogsguard.sim import CogsGuardSim

    config = CogsGuardConfig() if config is None else config
    if isinstance(maps, MapPoolConfig):
        maps = MapPool.for_training(config, maps, seed)
    return CogsGuardSim(config, num_envs, maps, seed=seed)


def require_one_game(sim: BatchSim) -> None:
    """Refuse simulators with several games.

    Raises:
        ValueError: `sim.num_envs` is not 1.
    """
    if sim.num_envs != 1:
        raise ValueError(f"this adapter shows one game, the simulator has num_envs={sim.num_envs}")


def episode_stats(sim: BatchSim, env: int) -> list[dict[str, float]]:
    """Return the statistics of the last finished episode of game `env`, one dictionary per agent."""
    values = sim.episode.agent[env]
    return [dict(zip(sim.agent_stats, row.tolist(), strict=True)) for row in values]


class SeedSequence:
    """Seeds of the episodes of one game: `reset(seed)` fixes them all, `reset()` takes the next."""

    def __init__(self, seed: int) -> None:
        """Start the sequence of `seed`."""
        self._generator = np.random.default_rng(seed)

    def next(self, seed: int | None) -> int:
        """Start anew if a seed is given; return the simulator's seed for the next episode."""
        if seed is not None:
            self._generator = np.random.default_rng(seed)
        return int(self._generator.integers(2**31))


def check_actions(actions: Any, num_rows: int, num_actions: int) -> np.ndarray:
    """Return actions as [N] int32.

    Raises:
        ValueError: their number or their type is wrong. Whole numbers outside 0 .. U - 1 are left to the game.
    """
    array = np.asarray(actions)
    if array.shape != (num_rows,) or array.dtype.kind not in "iu":
        raise ValueError(
            f"expected {num_rows} whole numbers from 0 to {num_actions - 1}, one per agent, "
            f"got an array of shape {array.shape} and type {array.dtype}"
        )
    return array.astype(np.int32)
