"""PettingZoo: one game as a `ParallelEnv`."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from pettingzoo import ParallelEnv

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


def parallel_env(
    config: GameConfig | None = None,
    *,
    maps: Any | MapPoolConfig = DEFAULT_MAPS,
    seed: int = 0,
) -> ParallelGame:
    """Return one game as a PettingZoo environment.

    Args:
        config: which game; None for CogsGuard's arena.
        maps: the maps that episodes draw from, or how many are generated.
        seed: seed of the maps, and of the episodes until `reset(seed=...)` is called.
    """
    return ParallelGame(make_sim(config, 1, maps, seed), seed=seed)


class ParallelGame(ParallelEnv[str, np.ndarray, int]):
    """One game of any batch simulator; agents are called `agent_0`, `agent_1`, ...

    An episode ends for all agents in the same tick; `agents` is then empty until `reset`. There is no automatic reset.
    Observations are [K, 3] uint8 copies. `infos[agent]` has `success`, and after the last tick `stats`, the agent's
    statistics of the episode.

    `reset(seed=s)` fixes this episode and all that follow by `reset()`: map, start cells and every random draw.
    """

    metadata = {  # noqa: RUF012  (PettingZoo wants an ordinary class attribute)
        "name": "coglab_game_v0",
        "render_modes": [],
        "is_parallelizable": True,
    }
    render_mode = None

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
        self.possible_agents = [f"agent_{agent}" for agent in range(sim.num_agents)]
        self.agents: list[str] = []
        space = gymnasium.spaces.Box(0, 255, sim.tokens.shape[1:], np.uint8)
        actions = gymnasium.spaces.Discrete(sim.num_actions)
        # One space object per agent, so that seeding one agent's space leaves the others alone.
        names = self.possible_agents
        self.observation_spaces = {name: _copy_space(space) for name in names}
        self.action_spaces = {name: _copy_space(actions) for name in names}
        self._seeds = SeedSequence(seed)

    def observation_space(self, agent: str) -> gymnasium.spaces.Space:
        """Return the space of [K, 3] uint8 tokens."""
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> gymnasium.spaces.Space:
        """Return the space of action indices."""
        return self.action_spaces[agent]

    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, np.ndarray], dict[str, dict[str, Any]]]:
        """Begin an episode; `options` are ignored.

        Returns:
            First observations and empty infos, by agent.
        """
        self.sim.reset(self._seeds.next(seed))
        self.agents = list(self.possible_agents)
        return self._by_agent(self.sim.tokens), {name: {} for name in self.agents}

    def step(
        self, actions: dict[str, int]
    ) -> tuple[
        dict[str, np.ndarray],
        dict[str, float],
        dict[str, bool],
        dict[str, bool],
        dict[str, dict[str, Any]],
    ]:
        """Simulate one tick.

        Args:
            actions: an action index for every agent.

        Returns:
            Observations, rewards, terminations, truncations and infos, by agent.

        Raises:
            ValueError: the episode has ended, or an action is missing, left over or no whole number.
        """
        if not self.agents:
            raise ValueError("the episode has ended or not begun; call `reset` before `step`")
        if set(actions) != set(self.possible_agents):
            odd = sorted(set(actions) ^ set(self.possible_agents))
            raise ValueError(f"every agent acts in every tick; missing or unknown: {odd}")
        sim = self.sim
        sim.actions[:] = check_actions(
            [actions[name] for name in self.possible_agents], sim.num_rows, sim.num_actions
        )
        sim.step()
        has_ended = bool(sim.terminated[0] or sim.truncated[0])
        names = self.possible_agents
        infos: dict[str, dict[str, Any]] = {
            name: {"success": bool(success)}
            for name, success in zip(names, sim.success, strict=True)
        }
        if has_ended:
            for name, stats in zip(names, episode_stats(sim, 0), strict=True):
                infos[name]["stats"] = stats
            self.agents = []
        return (
            self._by_agent(sim.final_tokens if has_ended else sim.tokens),
            dict(zip(names, sim.rewards.tolist(), strict=True)),
            dict(zip(names, sim.terminated.tolist(), strict=True)),
            dict(zip(names, sim.truncated.tolist(), strict=True)),
            infos,
        )

    def _by_agent(self, tokens: np.ndarray) -> dict[str, np.ndarray]:
        return {name: row.copy() for name, row in zip(self.possible_agents, tokens, strict=True)}


def _copy_space(space: gymnasium.spaces.Space) -> gymnasium.spaces.Space:
    if isinstance(space, gymnasium.spaces.Box):
        return gymnasium.spaces.Box(space.low, space.high, dtype=np.uint8)
    assert isinstance(space, gymnasium.spaces.Discrete)
    return gymnasium.spaces.Discrete(int(space.n))
