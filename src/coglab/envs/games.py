"""What the adapters share: making a simulator from a configuration, its spaces, its episode statistics."""

from __future__ import annotations

from typing import Any

import numpy as np

from coglab.engine.batch_sim import BatchSim
from coglab.engine.mapgen.config import MapPoolConfig
from coglab.games.cogsguard.config import CogsGuardConfig
from coglab.games.config import GameConfig
from coglab.games.registry import game_of

DEFAULT_MAPS = MapPoolConfig(size=64, refresh=0)
"""Maps of an adapter: fixed, so that a seed fixes the episode."""


def make_sim(
    config: GameConfig | None, num_envs: int, maps: Any | MapPoolConfig, seed: int
) -> BatchSim:
    """Return a simulator of `num_envs` games.

    Args:
        config: which game; None for CogsGuard's arena.
        num_envs: games, at least 1.
        maps: the maps, or how many are drawn.
        seed: key of the maps and of all random streams.
    """
    config = CogsGuardConfig() if config is None else config
    game = game_of(config)
    if isinstance(maps, MapPoolConfig):
        maps = game.training_maps(config, maps, seed)
    sim: BatchSim = game.make_sim(config, num_envs, maps, seed=seed)
    return sim


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
