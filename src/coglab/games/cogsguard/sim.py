"""`CogsGuardSim`: many games of CogsGuard side by side, stepped by one kernel call."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from coglab.engine.episodes import Episode
from coglab.engine.kernel_sim import Kernels, KernelSim
from coglab.games.cogsguard.batch import observe_games, read_game_stats, reset_games, step_games
from coglab.games.cogsguard.config import CogsGuardConfig
from coglab.games.cogsguard.maps import MapTable
from coglab.games.cogsguard.missions import mission_stock, resolve_max_steps
from coglab.games.cogsguard.preset import make_rules, reward_statistics
from coglab.games.cogsguard.rules import ACTIONS
from coglab.games.cogsguard.state import (
    Scratch,
    State,
    allocate_scratch,
    allocate_state,
)
from coglab.games.cogsguard.stats import (
    AGENT_STATS,
    COLLECTIVE_STATS,
    GAME_STATS,
    allocate_episode,
    named_stats,
)


class CogsGuardSim(KernelSim):
    """E parallel games of A agents each; row n = game * A + agent, N = E * A rows.

    The caller writes `actions` and calls `step`; everything else is written by the simulator. An episode that ends is
    followed by the next one within the same step: `tokens` then shows the first observation of the new episode, while
    `rewards`, `success`, `terminated` and `truncated` belong to the tick that ended the old one. Actions outside
    0..11 are legal: they do nothing and are counted.

    Random streams depend on the seed and on each game's global id alone, so results do not depend on how many games
    share a simulator, on their order, or on threads.

    Attributes:
        num_envs: E.
        num_agents: A.
        num_rows: N.
        max_steps: ticks per episode.
        exact_order: whether random numbers are those of the reference engine; saved with `get_state`.
        action_names: names of the actions by index.
        num_actions: how many there are (12).
        agent_stats: names of the columns of `episode.agent`.
        collective_stats: names of the columns of `episode.collective`.
        game_stats: names of the columns of `episode.game`.
        state: all mutable state, see `state.State`; read only for everyone else.
        episode: the last finished episode of each game, see `engine.episodes.Episode`.
        rules: what the configuration sets, see `rules.Rules`.
        maps: the maps.
    """

    kernels = Kernels(step_games, reset_games, observe_games)
    action_names = ACTIONS
    num_actions = len(ACTIONS)
    agent_stats = AGENT_STATS
    collective_stats = COLLECTIVE_STATS
    game_stats = GAME_STATS

    def __init__(
        self,
        config: CogsGuardConfig,
        num_envs: int,
        maps: MapTable,
        *,
        seed: int = 0,
        first_env_id: int = 0,
        map_choice: Literal["random", "by_env"] = "random",
        exact_order: bool = False,
        desynchronize: bool = False,
        auto_reset: bool = True,
        buffers: dict[str, np.ndarray] | None = None,
    ) -> None:
        """Allocate the games and start their first episodes.

        Args:
            config: which game.
            num_envs: E, at least 1.
            maps: where episodes take their maps from; all with `config.num_agents` start cells.
            seed: key of all random streams.
            first_env_id: global id of game 0.
            map_choice: `random`: a new draw every episode; `by_env`: game i plays map i (modulo their number).
            exact_order: use the random numbers of the reference engine, seeded with `seed` + global id, for the clips
                and for the order of agents. Otherwise a cheaper generator with the same distribution.
            desynchronize: cut the first episode of every game at a random tick (`truncated`).
            auto_reset: False: an episode that has ended goes on until `reset` is called (for replays and debugging).
            buffers: arrays by name (`tokens`, `final_tokens` [N, 200, 3] uint8; `rewards` [N] float32; `actions` [N]
                int32; `terminated`, `truncated`, `success` [N] bool) to be used instead of own ones. Between steps
                nobody may write to `tokens`: the simulator only rewrites what changes.

        Raises:
            ValueError: a size, a buffer or the maps do not fit.
        """
        super().__init__(
            num_envs,
            config.num_agents,
            maps,
            seed=seed,
            first_env_id=first_env_id,
            map_choice=map_choice,
            exact_order=exact_order,
            desynchronize=desynchronize,
            auto_reset=auto_reset,
        )
        self.config = config
        self.max_steps = resolve_max_steps(config)
        self.rules = make_rules(config, self.max_steps, mission_stock(config.mission))
        self.state: State = allocate_state(num_envs, config.num_agents, maps.compiled, exact_order)
        self.episode: Episode = allocate_episode(num_envs, config.num_agents)
        self._start(buffers)

    def _new_scratch(self) -> Scratch:
        return allocate_scratch(self.num_agents, self.maps.compiled)

    def current_stats(self, env: int) -> dict[str, Any]:
        """Return the statistics of the running episode of game `env`, named as in recorded episodes.

        Returns:
            `{"agent": [{name: value}, ...], "collective": {"clips": {...}, "cogs": {...}}, "game": {...}}`.
        """
        record = allocate_episode(1, self.num_agents)
        read_game_stats(self.state, self.maps.compiled, self.rules, env, record)
        first = env * self.num_agents
        extra = [self._invalid_actions(n) for n in range(first, first + self.num_agents)]
        stats = named_stats(record.agent[0], record.collective[0], record.game[0], extra)
        for owner, name in reward_statistics(self.config):  # these exist from the start
            for values in stats["agent"] if owner == "agent" else [stats["collective"][owner]]:
                values.setdefault(name, 0.0)
        return stats
