"""`KernelSim`: many games side by side, stepped by one kernel call; what any simulator does outside its kernels."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import numpy as np

from coglab.engine.episodes import Buffers, Settings
from coglab.engine.jit import direct
from coglab.engine.tokens import BLANK, NUM_TOKENS, ROW_BYTES
from coglab.engine.turns import NUM_INVALID_SLOTS

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


class Kernels(NamedTuple):
    """The kernels of a game, all over a range of games that is given last."""

    step: Callable[..., None]
    """(state, maps, active, rules, settings, buffers, episode, scratch, first_env, last_env)"""
    reset: Callable[..., None]
    """(state, maps, active, rules, settings, buffers, scratch, first_env, last_env)"""
    observe: Callable[..., None]
    """(state, maps, rules, buffers, scratch, first_env, last_env)"""


class KernelSim:
    """E parallel games of A agents each; row n = game * A + agent, N = E * A rows. See `BatchSim` for the contract.

    A game's simulator calls `__init__`, makes its state, and ends with `_start`. Its state is a NamedTuple with
    `arrays()`, and with the fields that `engine.episodes` names; its episodes have `count`, `length`, `was_cut`, `returns`.
    """

    kernels: Kernels
    action_names: tuple[str, ...]
    num_actions: int
    config: Any
    max_steps: int
    rules: Any
    state: Any
    episode: Any

    def __init__(
        self,
        num_envs: int,
        num_agents: int,
        maps: Any,
        *,
        seed: int,
        first_env_id: int,
        map_choice: Literal["random", "by_env"],
        exact_order: bool,
        desynchronize: bool,
        auto_reset: bool,
    ) -> None:
        """Check the sizes and note the settings.

        Raises:
            ValueError: a size or the maps do not fit.
        """
        if num_envs < 1:
            raise ValueError(f"num_envs={num_envs}: at least one game is needed")
        if maps.num_agents != num_agents:
            raise ValueError(
                f"the maps have {maps.num_agents} start cells, the game has num_agents={num_agents}"
            )
        if map_choice not in ("random", "by_env"):
            raise ValueError(f"map_choice={map_choice!r}: expected 'random' or 'by_env'")
        self.num_envs, self.num_agents = num_envs, num_agents
        self.num_rows = num_envs * num_agents
        self.seed, self.first_env_id = seed, first_env_id
        self.exact_order = exact_order
        self.maps = maps
        self._settings = Settings(
            first_env_id, map_choice == "by_env", exact_order, desynchronize, auto_reset
        )

    def _start(self, buffers: dict[str, np.ndarray] | None) -> None:
        """Take the buffers and start the first episodes, once `state`, `rules` and `episode` are there."""
        # The table only holds a weak reference; this one keeps the view alive as long as the simulator.
        self._map_slots = self.state.map_slot
        self.maps.attach(self._map_slots)
        self._arrays = self._take_buffers(buffers or {})
        self._buffers = Buffers(
            **{
                name: array.reshape(self.num_rows, ROW_BYTES) if array.ndim == 3 else array
                for name, array in self._arrays.items()
            }
        )
        self._thread = threading.local()
        self._step: Callable[..., None] = direct(
            self.kernels.step, *self._step_arguments(), 0, self.num_envs
        )
        self.reset(self.seed)

    def _new_scratch(self) -> Any:
        """Return the work space that one thread needs; every game has its own."""
        raise NotImplementedError

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

    def _scratch(self) -> Any:
        """Return the work space of the calling thread."""
        scratch = getattr(self._thread, "scratch", None)
        if scratch is None:
            scratch = self._thread.scratch = self._new_scratch()
        return scratch

    def _step_arguments(self) -> tuple[Any, ...]:
        """Return what the kernel `step` takes before the range of games."""
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
        self.kernels.reset(
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

    def _invalid_actions(self, row: int) -> dict[str, float]:
        """Return how often an agent tried which action outside the list, by the name of the statistic."""
        return {
            f"action.invalid_index.{self.state.invalid_index[row, i]}": float(
                self.state.invalid_count[row, i]
            )
            for i in range(NUM_INVALID_SLOTS)
            if self.state.invalid_count[row, i]
        }

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
        self.kernels.observe(
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
