"""Gymnasium: many games as one `VectorEnv`, every agent of every game a sub-environment."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from coglab.engine.batch_sim import BatchSim
from coglab.engine.mapgen.config import MapPoolConfig
from coglab.envs.games import DEFAULT_MAPS, check_actions, episode_stats, make_sim
from coglab.games.config import GameConfig


def vector_env(
    config: GameConfig | None = None,
    num_envs: int = 16,
    *,
    maps: Any | MapPoolConfig = DEFAULT_MAPS,
    seed: int = 0,
    copy: bool = True,
) -> VectorGames:
    """Return many games as one Gymnasium vector environment.

    Args:
        config: which game; None for CogsGuard's arena.
        num_envs: games; the vector environment has that many times the agents of a game.
        maps: the maps that episodes draw from, or how many are generated.
        seed: seed of the maps, and of the episodes until `reset(seed=...)` is called.
        copy: False returns the simulator's own arrays, which the next step overwrites.
    """
    return VectorGames(make_sim(config, num_envs, maps, seed), copy=copy)


class VectorGames(VectorEnv[np.ndarray, np.ndarray, np.ndarray]):
    """All agents of a batch simulator as sub-environments: number n is agent n % A of game n // A.

    Autoreset mode SAME_STEP: an episode that ends is followed by the next one within the same step. `observations` is
    then the first observation of the new episode; the last one of the old is in `infos["final_obs"]`, the agent's
    statistics of the episode in `infos["final_info"]["stats"]`, both with the usual masks `_final_obs`, `_final_info`.
    Agents of one game end together. `infos["success"]` is [N] bool.

    `reset(seed=s)` takes one number, from which the random streams of all games follow; a list of seeds is refused,
    because the agents of a game share one world. `reset()` starts the games of the last seed again from their first
    episode.
    """

    metadata = {  # noqa: RUF012  (Gymnasium wants an ordinary class attribute)
        "autoreset_mode": AutoresetMode.SAME_STEP,
        "render_modes": [],
    }

    def __init__(self, sim: BatchSim, copy: bool = True) -> None:
        """Wrap a simulator.

        Args:
            sim: the simulator; the adapter resets and steps it.
            copy: False returns the simulator's own arrays, which the next step overwrites.
        """
        self.sim = sim
        self.copy = copy
        self.num_envs = sim.num_rows
        self.single_observation_space = gymnasium.spaces.Box(0, 255, sim.tokens.shape[1:], np.uint8)
        self.single_action_space = gymnasium.spaces.Discrete(sim.num_actions)
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self.action_space = batch_space(self.single_action_space, self.num_envs)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Start all games from their first episode.

        Args:
            seed: one number, or None to keep the last.
            options: ignored; a `reset_mask` is refused.

        Returns:
            First observations [N, K, 3] uint8, and an empty info.

        Raises:
            ValueError: a list of seeds, or a `reset_mask`.
        """
        if seed is not None and not isinstance(seed, int | np.integer):
            raise ValueError(
                "one seed for all games, not a list: the agents of a game share one world"
            )
        if options is not None and "reset_mask" in options:
            raise ValueError(
                "`reset_mask` does not apply: games reset themselves within the step that ends them"
            )
        super().reset(seed=seed)
        self.sim.reset(None if seed is None else int(seed))
        return self._own(self.sim.tokens), {}

    def step(
        self, actions: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """Simulate one tick of all games.

        Args:
            actions: [N] whole numbers.

        Returns:
            Observations [N, K, 3] uint8, rewards [N] float32, terminations [N] bool, truncations [N] bool, infos.

        Raises:
            ValueError: the actions have the wrong shape or type.
        """
        sim = self.sim
        sim.actions[:] = check_actions(actions, sim.num_rows, sim.num_actions)
        sim.step()
        infos: dict[str, Any] = {"success": self._own(sim.success)}
        has_ended = sim.terminated | sim.truncated
        if has_ended.any():
            infos |= self._final_infos(has_ended)
        return (
            self._own(sim.tokens),
            self._own(sim.rewards),
            self._own(sim.terminated),
            self._own(sim.truncated),
            infos,
        )

    def _own(self, array: np.ndarray) -> np.ndarray:
        return array.copy() if self.copy else array

    def _final_infos(self, has_ended: np.ndarray) -> dict[str, Any]:
        sim = self.sim
        final_obs = np.full(self.num_envs, None, object)
        stats = {name: np.zeros(self.num_envs, np.float32) for name in sim.agent_stats}
        for env in np.flatnonzero(has_ended[:: sim.num_agents]):
            first = int(env) * sim.num_agents
            for agent, values in enumerate(episode_stats(sim, int(env))):
                final_obs[first + agent] = sim.final_tokens[first + agent].copy()
                for name, value in values.items():
                    stats[name][first + agent] = value
        mask = has_ended.copy()
        return {
            "final_obs": final_obs,
            "_final_obs": mask,
            "final_info": {"stats": stats, "_stats": mask.copy()},
            "_final_info": mask.copy(),
        }
