"""The map memory: what one agent, or one team, has observed this episode, as facts and routes.

It is written from observations only and is shared by the own-memory teacher and by networks, which read the
same arrays: `scalars` (parsed facts) and `route_dist`, `route_move` (nearest known target of every class and all
first moves of shortest routes to it). Kernels: `memory_kernels.py`, `routes.py`; names: `memory_layout.py`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from coglab.games.cogsguard.memory_boards import (
    BODY_SIZE,
    MAX_OTHERS,
    OTHER_SIZE,
    ROUTED_SIZE,
    WAY_STEPS,
    MemoryState,
    derive_rows,
)
from coglab.games.cogsguard.memory_layout import (
    ALL_ROUTES,
    CLAIMABLE,
    NO_ROUTE,
    NUM_BOARDS,
    NUM_CODES,
    NUM_SAVED_BOARDS,
    ROUTE_CLASSES,
    ROUTE_INDEX,
    ROWS,
    SCALAR_INDEX,
    SCALARS,
)
from coglab.games.cogsguard.memory_sight import perceive_rows
from coglab.games.cogsguard.memory_tokens import update_rows
from coglab.games.cogsguard.routes import route_rows

if TYPE_CHECKING:
    from coglab.games.cogsguard.sim import CogsGuardSim

__all__ = [
    "ALL_ROUTES",
    "NO_ROUTE",
    "ROUTE_CLASSES",
    "ROUTE_INDEX",
    "SCALARS",
    "SCALAR_INDEX",
    "MapMemory",
]


_DERIVED = ("target_cell", "routed", "way", "span", "present", "failed")
"""Arrays of the state that follow from the others."""


CACHE_LINE = 64
"""Bytes; 8 rows of a board fill one."""


def _aligned_words(shape: tuple[int, ...]) -> np.ndarray:
    """Zeroed uint64 that begin at a cache line, so that a block of 8 rows lies in one line and not in two."""
    size = 8 * math.prod(shape)
    raw = np.zeros(size + CACHE_LINE, dtype=np.uint8)
    start = -raw.ctypes.data % CACHE_LINE
    return raw[start : start + size].view(np.uint64).reshape(shape)


class MapMemory:
    """Map memories of N rows (row n = env * num_agents + agent).

    Attributes:
        scalars: i16 [N, len(SCALARS)], valid after `update`; `ticks_home` and `slack` after `routes`.
        route_dist: u8 [N, len(ROUTE_CLASSES)] moves to the nearest target, bump included; NO_ROUTE = none known.
        route_move: u8 [N, len(ROUTE_CLASSES)] bit 0..3: north, south, west, east begins a shortest route.
        state: the arrays behind it, for kernels.
        is_shared: one memory per team instead of one per agent.
    """

    def __init__(self, num_rows: int, num_agents: int, *, is_shared: bool = False) -> None:
        """Allocate empty memories.

        Args:
            num_rows: N, a multiple of `num_agents`.
            num_agents: agents per game.
            is_shared: all agents of a game write into and read from one map.

        Raises:
            ValueError: `num_rows` is not a multiple of `num_agents`.
        """
        if num_rows % num_agents:
            raise ValueError(f"num_rows {num_rows} is not a multiple of num_agents {num_agents}")
        self.num_rows = num_rows
        self.num_agents = num_agents
        self.is_shared = is_shared
        self.agents_per_memory = num_agents if is_shared else 1
        num_memories = num_rows // self.agents_per_memory
        num_classes = len(ROUTE_CLASSES)
        self.state = MemoryState(
            boards=_aligned_words((num_memories, NUM_BOARDS, 2, ROWS)),
            span=np.tile(np.array([ROWS, -1], dtype=np.int32), (num_memories, 1)),
            codes=np.zeros((num_memories, ROWS, 128), dtype=np.uint8),
            counts=np.zeros((num_memories, NUM_CODES), dtype=np.int32),
            version=np.zeros(num_memories, dtype=np.int64),
            wide=np.zeros(num_memories, dtype=np.uint8),
            body=np.zeros((num_rows, BODY_SIZE), dtype=np.int32),
            others=np.zeros((num_rows, MAX_OTHERS, OTHER_SIZE), dtype=np.int16),
            scalars=np.zeros((num_rows, len(SCALARS)), dtype=np.int16),
            route_dist=np.full((num_rows, num_classes), NO_ROUTE, dtype=np.uint8),
            route_move=np.zeros((num_rows, num_classes), dtype=np.uint8),
            target_cell=np.zeros((num_rows, len(CLAIMABLE)), dtype=np.int16),
            routed=np.full((num_rows, ROUTED_SIZE), -1, dtype=np.int64),
            way=np.zeros((num_rows, WAY_STEPS), dtype=np.uint8),
            present=np.full((num_memories, 3), -1, dtype=np.int64),
            failed=np.full((num_rows, 2), -1, dtype=np.int64),
        )
        self.scalars = self.state.scalars
        self.route_dist = self.state.route_dist
        self.route_move = self.state.route_move

    def update(
        self, tokens: np.ndarray, reset: np.ndarray, first_row: int = 0, last_row: int | None = None
    ) -> None:
        """Take in one observation per row; the GIL is released, threads may own disjoint ranges of whole games.

        Args:
            tokens: u8 [N, 200, 3] observations, read only.
            reset: bool or u8 [N]; true where the observation is the first of an episode: the row forgets first.
            first_row: first row to update.
            last_row: row after the last; all rows when left out.
        """
        last = self.num_rows if last_row is None else last_row
        flags = np.ascontiguousarray(reset)
        flags = flags.view(np.uint8) if flags.dtype == np.bool_ else flags
        flat = np.ascontiguousarray(tokens).reshape(len(tokens), -1)
        update_rows(self.state, flat, flags, first_row, last, self.agents_per_memory)

    def perceive(
        self, sim: CogsGuardSim, reset: np.ndarray, first_env: int = 0, last_env: int | None = None
    ) -> None:
        """Do what `update(sim.tokens, reset)` does, at half the price: read from the simulator what its tokens say.

        Args:
            sim: the simulator of these rows; `tokens` are its present observations.
            reset: as in `update`.
            first_env: first game.
            last_env: game after the last; all when left out.
        """
        last = sim.num_envs if last_env is None else last_env
        flags = np.ascontiguousarray(reset)
        flags = flags.view(np.uint8) if flags.dtype == np.bool_ else flags
        tokens = sim.tokens.reshape(len(sim.tokens), -1)
        perceive_rows(
            self.state, sim.state, sim.maps.compiled, sim.rules, tokens, flags,
            first_env, last, self.agents_per_memory,
        )  # fmt: skip

    def routes(self, first_row: int = 0, last_row: int | None = None) -> None:
        """Bring the routes of the rows up to date; only rows whose cell, neighbours or map changed are computed.

        Args:
            first_row: first row.
            last_row: row after the last; all rows when left out.
        """
        last = self.num_rows if last_row is None else last_row
        route_rows(self.state, first_row, last, self.agents_per_memory)

    def get_state(self) -> dict[str, np.ndarray]:
        """Copies of the arrays that the others can be derived from, for an exact resume."""
        return {name: array.copy() for name, array in self._saved().items()}

    def set_state(self, saved: dict[str, np.ndarray]) -> None:
        """Restore what `get_state` returned; shapes must be the same."""
        for name, array in self._saved().items():
            array[...] = saved[name]
        derive_rows(self.state)

    def _saved(self) -> dict[str, np.ndarray]:
        """Views of what is saved, by name."""
        arrays = {k: a for k, a in self.state._asdict().items() if k not in _DERIVED}
        return arrays | {"boards": self.state.boards[:, :NUM_SAVED_BOARDS]}
