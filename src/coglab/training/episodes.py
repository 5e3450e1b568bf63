"""Statistics of the episodes that ended during an iteration.

Sums are kept per game and added up in the order of the games, so that the result does not depend on the threads.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from coglab.training.distributed import Ranks


class EpisodeRecorder:
    """Sums over ended episodes, one row per game. Episodes that were cut to desynchronise games only count as cut.

    Args:
        sim: its `num_envs`, `num_agents` and names of statistics.
    """

    def __init__(self, sim: Any) -> None:
        self._names = (
            ["overview/reward", "env_game/length"]
            + [f"env_agent/{name}" for name in sim.agent_stats]
            + [
                f"env_collective/{side}/{name}"
                for side in ("clips", "cogs")
                for name in sim.collective_stats
            ]
            + [f"env_game/{name}" for name in sim.game_stats]
        )
        self._sums = np.zeros((sim.num_envs, len(self._names)), np.float64)
        self._held = np.zeros((sim.num_envs, 2), np.float64)
        self._held_column = (
            list(sim.collective_stats).index("aligned.junction.held")
            if "aligned.junction.held" in sim.collective_stats
            else None
        )
        self._ended = np.zeros(sim.num_envs, np.int64)
        self._cut = np.zeros(sim.num_envs, np.int64)
        self._seen = np.zeros(sim.num_envs, np.int64)

    def begin(self, sim: Any) -> None:
        """Forget the sums; episodes that ended before now are not counted.

        Args:
            sim: the simulator between two rollouts.
        """
        self._sums[:] = 0
        self._held[:] = 0
        self._ended[:] = 0
        self._cut[:] = 0
        self._seen[:] = sim.episode.count

    def record(self, sim: Any, first_env: int, last_env: int) -> None:
        """Add the episodes that ended in the last tick. Called after every tick in which one did.

        Args:
            sim: the simulator.
            first_env: first game to look at.
            last_env: end of the games to look at.
        """
        episode = sim.episode
        for env in range(first_env, last_env):
            if episode.count[env] == self._seen[env]:
                continue
            self._seen[env] = episode.count[env]
            if episode.was_cut[env]:
                self._cut[env] += 1
                continue
            self._ended[env] += 1
            self._sums[env] += np.concatenate(
                [
                    [episode.returns[env].mean(dtype=np.float64), episode.length[env]],
                    episode.agent[env].mean(axis=0, dtype=np.float64),
                    episode.collective[env].ravel(),
                    episode.game[env],
                ]
            )
            if self._held_column is not None:
                self._held[env] += episode.collective[env, :, self._held_column] / max(
                    1, episode.length[env]
                )

    def summary(self, ranks: Ranks) -> dict[str, float]:
        """Means over the episodes that ended on all ranks, by metric name.

        Args:
            ranks: who plays the other games of the run.

        Returns:
            `overview/episodes` and `overview/episodes_cut`; if an episode ended, also `overview/reward`,
            `env_agent/...`, `env_collective/...` and `env_game/...`.
        """
        counts = [self._ended.sum(), self._cut.sum()]
        totals = ranks.sum([*counts, *self._sums.sum(axis=0), *self._held.sum(axis=0)])
        ended = int(totals[0])
        metrics = {"overview/episodes": float(ended), "overview/episodes_cut": float(totals[1])}
        if ended:
            means = totals[2:-2] / ended
            metrics.update(zip(self._names, means.tolist(), strict=True))
            if self._held_column is not None:
                for side, held in zip(("clips", "cogs"), totals[-2:] / ended, strict=True):
                    metrics[f"env_collective/{side}/aligned.junction.held_per_step"] = float(held)
        return metrics
