"""`Machina1Sim`: many games of machina_1 side by side, stepped by one kernel call."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from coglab.engine.episodes import Episode
from coglab.engine.kernel_sim import Kernels, KernelSim
from coglab.games.machina1.batch import observe_games, read_game_stats, reset_games, step_games
from coglab.games.machina1.config import Machina1Config
from coglab.games.machina1.maps import MapTable
from coglab.games.machina1.names import action_names
from coglab.games.machina1.preset import make_rules
from coglab.games.machina1.state import Scratch, State, allocate_scratch, allocate_state
from coglab.games.machina1.stats import (
    AGENT_STATS,
    COLLECTIVE_STATS,
    GAME_STATS,
    allocate_episode,
)


class Machina1Sim(KernelSim):
    """E parallel games of A agents each; row n = game * A + agent, N = E * A rows.

    The caller writes `actions` and calls `step`; everything else is written by the simulator. An episode that ends is
    followed by the next one within the same step: `tokens` then shows the first observation of the new episode, while
    `rewards`, `success`, `terminated` and `truncated` belong to the tick that ended the old one. Actions outside
    the list are legal: they do nothing and are counted.

    Random streams depend on the seed and on each game's global id alone, so results do not depend on how many games
    share a simulator, on their order, or on threads.

    Attributes:
        num_envs: E.
        num_agents: A.
        num_rows: N.
        max_steps: ticks per episode.
        exact_order: whether random numbers are those of the reference engine; saved with `get_state`.
        action_names: names of the actions by index.
        num_actions: how many there are: 157, or 18 with `vibes=13`.
        agent_stats: names of the columns of `episode.agent`.
        collective_stats: empty, the game has no collectives.
        game_stats: names of the columns of `episode.game`.
        state: all mutable state, see `state.State`; read only for everyone else.
        episode: the last finished episode of each game, see `engine.episodes.Episode`.
        rules: what the configuration sets, see `rules.Rules`.
        maps: the maps.
    """

    kernels = Kernels(step_games, reset_games, observe_games)
    agent_stats = AGENT_STATS
    collective_stats = COLLECTIVE_STATS
    game_stats = GAME_STATS

    def __init__(
        self,
        config: Machina1Config,
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
            exact_order: draw the order of agents as the reference engine does, seeded with `seed` + global id. Otherwise
                a cheaper generator with the same distribution.
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
        self.max_steps = config.max_steps
        self.action_names = action_names(config.vibes)
        self.num_actions = len(self.action_names)
        self.rules = make_rules(config)
        self.state: State = allocate_state(num_envs, config.num_agents, maps.compiled, exact_order)
        self.episode: Episode = allocate_episode(num_envs, config.num_agents)
        self._start(buffers)

    def _new_scratch(self) -> Scratch:
        return allocate_scratch(self.num_agents)

    def current_stats(self, env: int) -> dict[str, Any]:
        """Return the statistics of the running episode of game `env`.

        Returns:
            `{"agent": [{name: value}, ...], "game": {...}}`, zeros included.
        """
        record = allocate_episode(1, self.num_agents)
        read_game_stats(self.state, self.maps.compiled, self.rules, env, record)
        first = env * self.num_agents
        agents = [
            {
                **dict(zip(AGENT_STATS, row.tolist(), strict=True)),
                **self._invalid_actions(first + i),
            }
            for i, row in enumerate(record.agent[0])
        ]
        return {
            "agent": agents,
            "game": dict(zip(GAME_STATS, record.game[0].tolist(), strict=True)),
        }
