"""Gymnasium: one game as an `Env` whose action is the actions of the whole team."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np

from coglab.engine.batch_sim import BatchSim
from coglab.engine.mapgen.config import MapPoolConfig
from coglab.envs.games import (
    DEFAULT_MAPS,
    SeedSequence,
    check_actions,
    episode_stats,
    make_sim,
    require_one_game,
)
from coglab.games.config import GameConfig


def team_env(
    config: GameConfig | None = None,
    *,
    maps: Any | MapPoolConfig = DEFAULT_MAPS,
    seed: int = 0,
) -> TeamGame:
    """Return one game as a Gymnasium environment.

    Args:
        config: which game; None for CogsGuard's arena.
        maps: the maps that episodes draw from, or how many are generated.
        seed: seed of the maps, and of the episodes until `reset(seed=...)` is called.
    """
    return TeamGame(make_sim(config, 1, maps, seed), seed=seed)


class TeamGame(gymnasium.Env[np.ndarray, np.ndarray]):
    """One game of any batch simulator, seen as one agent that moves the whole team.

    Observations are [A, K, 3] uint8 copies, actions [A] action indices, the reward is the mean over the team. `info`
    has `success` [A] bool and `rewards` [A] float32, and after the last tick `stats`, the agents' statistics of the
    episode. There is no automatic reset.
    """

    # Gymnasium wants an ordinary class attribute.
    metadata: dict[str, list[str]] = {"render_modes": []}  # noqa: RUF012

    def __init__(self, sim: BatchSim, seed: int = 0) -> None:
        """Wrap a simulator with one game.

        Args:
            sim: the simulator; the adapter resets and steps it.
            seed: seed of the episodes until `reset` is called with one.

        Raises:
            ValueError: the simulator has more than one game.
        """
        require_one_game(sim)
        self.sim = sim
        self.observation_space = gymnasium.spaces.Box(0, 255, sim.tokens.shape, np.uint8)
        self.action_space = gymnasium.spaces.MultiDiscrete([sim.num_actions] * sim.num_agents)
        self._seeds = SeedSequence(seed)
        self._is_running = False

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Begin an episode; `options` are ignored.

        Returns:
            The first observation and an empty info.
        """
        super().reset(seed=seed)
        self.sim.reset(self._seeds.next(seed))
        self._is_running = True
        return self.sim.tokens.copy(), {}

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        """Simulate one tick.

        Args:
            action: [A] whole numbers, an action index per agent.

        Returns:
            Observation, mean reward, terminated, truncated, info.

        Raises:
            ValueError: the episode has ended, or the action has the wrong shape or type.
        """
        if not self._is_running:
            raise ValueError("the episode has ended or not begun; call `reset` before `step`")
        sim = self.sim
        sim.actions[:] = check_actions(action, sim.num_rows, sim.num_actions)
        sim.step()
        terminated, truncated = bool(sim.terminated[0]), bool(sim.truncated[0])
        info: dict[str, Any] = {"success": sim.success.copy(), "rewards": sim.rewards.copy()}
        self._is_running = not (terminated or truncated)
        if not self._is_running:
            info["stats"] = episode_stats(sim, 0)
        tokens = sim.tokens if self._is_running else sim.final_tokens
        return tokens.copy(), float(sim.rewards.mean()), terminated, truncated, info
