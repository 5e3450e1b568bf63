"""`CogsGuardSim`: many games of CogsGuard side by side, stepped by one kernel call."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Literal

import numpy as np

from coglab.engine.jit import direct
from coglab.games.cogsguard.batch import (
    Buffers,
    Settings,
    observe_games,
    read_game_stats,
    reset_games,
    step_games,
)
from coglab.games.cogsguard.config import CogsGuardConfig
from coglab.games.cogsguard.maps import MapTable
from coglab.games.cogsguard.missions import mission_stock, resolve_max_steps
from coglab.games.cogsguard.observe import BLANK, NUM_TOKENS, ROW_BYTES
from coglab.games.cogsguard.preset import make_rules, reward_statistics
from coglab.games.cogsguard.rules import ACTIONS
from coglab.games.cogsguard.state import (
    NUM_INVALID_SLOTS,
    Scratch,
    State,
    allocate_scratch,
    allocate_state,
)
from coglab.games.cogsguard.stats import (
    AGENT_STATS,
    COLLECTIVE_STATS,
    GAME_STATS,
    Episode,
    allocate_episode,
    named_stats,
)

_BUFFER_TYPES = {
    "actions": np.int32,
    "tokens": np.uint8,
    "final_tokens": np.uint8,
    "rewards": np.float32,
    "terminated": np.bool_,
    "truncated": np.bool_,
    "success": np.bool_,
}
_SAVED_BUFFERS = ("rewards", "terminated", "truncated", "success", "final_tokens")


class CogsGuardSim:
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
        episode: the last finished episode of each game, see `stats.Episode`.
        rules: what the configuration sets, see `rules.Rules`.
        maps: the maps.
    """

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
        if num_envs < 1:
            raise ValueError(f"num_envs={num_envs}: at least one game is needed")
        if maps.num_agents != config.num_agents:
            raise ValueError(
                f"the maps have {maps.num_agents} start cells, the game has num_agents={config.num_agents}"
            )
        if map_choice not in ("random", "by_env"):
            raise ValueError(f"map_choice={map_choice!r}: expected 'random' or 'by_env'")
        self.config = config
        self.num_envs, self.num_agents = num_envs, config.num_agents
        self.num_rows = num_envs * config.num_agents
        self.seed, self.first_env_id = seed, first_env_id
        self.exact_order = exact_order
        self.max_steps = resolve_max_steps(config)
        self.rules = make_rules(config, self.max_steps, mission_stock(config.mission))
        self.maps = maps
        self.state: State = allocate_state(num_envs, config.num_agents, maps.compiled, exact_order)
        # The table only holds a weak reference; this one keeps the view alive as long as the simulator.
        self._map_slots = self.state.map_slot
        maps.attach(self._map_slots)
        self.episode: Episode = allocate_episode(num_envs, config.num_agents)
        self._settings = Settings(
            first_env_id, map_choice == "by_env", exact_order, desynchronize, auto_reset
        )
        self._arrays = self._take_buffers(buffers or {})
        self._buffers = Buffers(
            **{
                name: array.reshape(self.num_rows, ROW_BYTES) if array.ndim == 3 else array
                for name, array in self._arrays.items()
            }
        )
        self._thread = threading.local()
        self._step: Callable[..., None] = direct(step_games, *self._step_arguments(), 0, num_envs)
        self.reset(seed)

    def _take_buffers(self, given: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return all buffers by name: the given ones, checked, and new ones for the rest."""
        unknown = set(given) - set(_BUFFER_TYPES)
        if unknown:
            raise ValueError(
                f"unknown buffers {sorted(unknown)}; known are {', '.join(_BUFFER_TYPES)}"
            )
        arrays = {}
        for name, dtype in _BUFFER_TYPES.items():
            shape = (self.num_rows, NUM_TOKENS, 3) if name.endswith("tokens") else (self.num_rows,)
            array = given.get(name)
            if array is None:
                array = np.zeros(shape, dtype)
            elif array.shape != shape or array.dtype != dtype or not array.flags.c_contiguous:
                raise ValueError(
                    f"buffer {name!r}: expected a C-contiguous {np.dtype(dtype).name} array of shape {shape}, "
                    f"got {array.dtype.name} {array.shape}"
                )
            arrays[name] = array
        return arrays

    @property
    def actions(self) -> np.ndarray:
        """[N] int32, written by the caller."""
        return self._arrays["actions"]

    @property
    def tokens(self) -> np.ndarray:
        """[N, 200, 3] uint8, what the policy sees next."""
        return self._arrays["tokens"]

    @property
    def final_tokens(self) -> np.ndarray:
        """[N, 200, 3] uint8, for rows that are terminated or truncated: the last observation of that episode."""
        return self._arrays["final_tokens"]

    @property
    def rewards(self) -> np.ndarray:
        """[N] float32, rewards of the last tick."""
        return self._arrays["rewards"]

    @property
    def terminated(self) -> np.ndarray:
        """[N] bool, the last tick was the episode's last by the rules."""
        return self._arrays["terminated"]

    @property
    def truncated(self) -> np.ndarray:
        """[N] bool, the last tick was cut off to desynchronise the games."""
        return self._arrays["truncated"]

    @property
    def success(self) -> np.ndarray:
        """[N] bool, the action of the last tick succeeded."""
        return self._arrays["success"]

    def _scratch(self) -> Scratch:
        """Return the work space of the calling thread."""
        scratch = getattr(self._thread, "scratch", None)
        if scratch is None:
            scratch = self._thread.scratch = allocate_scratch(self.num_agents, self.maps.compiled)
        return scratch

    def _step_arguments(self) -> tuple[Any, ...]:
        """Return what `batch.step_games` takes before the range of games."""
        return (
            self.state,
            self.maps.compiled,
            self.maps.active,
            self.rules,
            self._settings,
            self._buffers,
            self.episode,
            self._scratch(),
        )

    def reset(self, seed: int | None = None) -> None:
        """Start all games again from their first episode and write the first observations.

        Args:
            seed: key of all random streams; left out, the one used last.
        """
        if seed is not None:
            self.seed = seed
        ids = self.first_env_id + np.arange(self.num_envs)
        self.state.env_key[:] = _env_keys(self.seed, ids)
        self.state.engine_seed[:] = (self.seed + ids) & 0xFFFFFFFF
        self.state.episode[:] = 0
        for name in ("rewards", "terminated", "truncated", "success"):
            self._arrays[name][:] = 0
        for array in self.episode:
            array[:] = 0
        self._arrays["final_tokens"][:] = BLANK
        self._blank_tokens()
        reset_games(
            self.state,
            self.maps.compiled,
            self.maps.active,
            self.rules,
            self._settings,
            self._buffers,
            self._scratch(),
            0,
            self.num_envs,
        )

    def step(self, first_env: int = 0, last_env: int | None = None) -> None:
        """Simulate one tick of the games first_env .. last_env - 1 with the actions in `actions`.

        The GIL is released. Threads may step disjoint ranges at the same time.

        Args:
            first_env: first game of the range.
            last_env: one behind the last; left out, all.

        Raises:
            ValueError: the range does not lie within the games.
        """
        if last_env is None:
            last_env = self.num_envs
        if not 0 <= first_env <= last_env <= self.num_envs:
            raise ValueError(f"games {first_env}..{last_env} are not within 0..{self.num_envs}")
        self._step(*self._step_arguments(), first_env, last_env)

    def current_stats(self, env: int) -> dict[str, Any]:
        """Return the statistics of the running episode of game `env`, named as in recorded episodes.

        Returns:
            `{"agent": [{name: value}, ...], "collective": {"clips": {...}, "cogs": {...}}, "game": {...}}`.
        """
        record = allocate_episode(1, self.num_agents)
        read_game_stats(self.state, self.maps.compiled, self.rules, env, record)
        extra: list[dict[str, float]] = []
        for n in range(env * self.num_agents, (env + 1) * self.num_agents):
            extra.append(
                {
                    f"action.invalid_index.{self.state.invalid_index[n, i]}": float(
                        self.state.invalid_count[n, i]
                    )
                    for i in range(NUM_INVALID_SLOTS)
                    if self.state.invalid_count[n, i]
                }
            )
        stats = named_stats(record.agent[0], record.collective[0], record.game[0], extra)
        for owner, name in reward_statistics(self.config):  # these exist from the start
            for values in stats["agent"] if owner == "agent" else [stats["collective"][owner]]:
                values.setdefault(name, 0.0)
        return stats

    def get_state(self) -> dict[str, np.ndarray]:
        """Return copies of everything that the future depends on; the maps are saved by their owner."""
        saved = {f"state.{name}": array.copy() for name, array in self.state.arrays().items()}
        saved |= {f"episode.{name}": array.copy() for name, array in self.episode._asdict().items()}
        saved |= {f"buffers.{name}": self._arrays[name].copy() for name in _SAVED_BUFFERS}
        saved["seed"] = np.array(self.seed)
        saved["exact_order"] = np.array(self.exact_order)
        return saved

    def set_state(self, saved: dict[str, np.ndarray]) -> None:
        """Continue exactly where `get_state` was called, in a simulator of the same configuration and maps.

        Raises:
            ValueError: an array is missing or has another shape, or the state was saved in the other mode of
                `exact_order`.
        """
        was_exact = bool(saved.get("exact_order", self.exact_order))
        if was_exact != self.exact_order:
            raise ValueError(
                f"the state was saved with exact_order={was_exact}, this simulator has {self.exact_order}; "
                f"make it with exact_order={was_exact} to continue"
            )
        targets = {f"state.{name}": array for name, array in self.state.arrays().items()}
        targets |= {f"episode.{name}": array for name, array in self.episode._asdict().items()}
        targets |= {f"buffers.{name}": self._arrays[name] for name in _SAVED_BUFFERS}
        for name, target in targets.items():
            if (
                name not in saved
                or saved[name].shape != target.shape
                or saved[name].dtype != target.dtype
            ):
                found = (
                    "nothing" if name not in saved else f"{saved[name].dtype} {saved[name].shape}"
                )
                raise ValueError(
                    f"saved simulator state, {name}: expected {target.dtype} {target.shape}, found {found}"
                )
        for name, target in targets.items():
            target[...] = saved[name]
        self.seed = int(saved["seed"])
        self._blank_tokens()
        observe_games(
            self.state,
            self.maps.compiled,
            self.rules,
            self._buffers,
            self._scratch(),
            0,
            self.num_envs,
        )

    def _blank_tokens(self) -> None:
        """Blank the observations, so that the simulator knows what the buffer holds."""
        self._buffers.tokens[:] = BLANK
        self.state.token_count[:] = 0


def _env_keys(seed: int, ids: np.ndarray) -> np.ndarray:
    """Return [E] uint64 keys of games with global ids `ids` ([E] int) under a seed."""
    sequences = [np.random.SeedSequence([seed, int(env_id)]) for env_id in ids]
    return np.array([sequence.generate_state(1, np.uint64)[0] for sequence in sequences], np.uint64)
