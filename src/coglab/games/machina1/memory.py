"""The map memory of machina_1: what one agent has observed this episode, as facts and routes.

It is written from observation tokens only and is shared by the teacher and by networks, which read the same arrays:
`scalars` (parsed facts) and `route_dist`, `route_move` (target of every class and all first moves of shortest routes
to it). Kernels: `memory_kernels.py`, `search.py`, `routes.py`; names: `memory_layout.py`.
"""

from __future__ import annotations

import numpy as np

from coglab.games.machina1.memory_kernels import update_rows
from coglab.games.machina1.memory_layout import (
    ALL_ROUTES,
    NO_ROUTE,
    ROUTE_CLASSES,
    ROUTE_INDEX,
    SCALAR_INDEX,
    SCALARS,
)
from coglab.games.machina1.memory_state import (
    KIND,
    KNOWN_KIND,
    NUM_STATIONS,
    S_CELL,
    S_KIND,
    S_USES,
    make_state,
)
from coglab.games.machina1.routes import route_rows

__all__ = [
    "ALL_ROUTES",
    "NO_ROUTE",
    "ROUTE_CLASSES",
    "ROUTE_INDEX",
    "SCALARS",
    "SCALAR_INDEX",
    "MapMemory",
]

_DERIVED = ("numbers", "fields", "field_info")
"""Arrays of the state that follow from the others."""


class MapMemory:
    """Map memories of N rows (row n = env * num_agents + agent), one for every agent.

    Attributes:
        scalars: i16 [N, len(SCALARS)], valid after `update`; `cost_*`, `steps_*` and `wait_*` after `routes`.
        route_dist: u8 [N, len(ROUTE_CLASSES)] moves to the target, bump included; NO_ROUTE = none known.
        route_move: u8 [N, len(ROUTE_CLASSES)] bit 0..3: north, south, west, east begins a shortest route.
        state: the arrays behind it, for kernels.
    """

    is_shared = False

    def __init__(self, num_rows: int, num_agents: int) -> None:
        """Allocate empty memories.

        Args:
            num_rows: N, a multiple of `num_agents`.
            num_agents: agents per game.

        Raises:
            ValueError: `num_rows` is not a multiple of `num_agents`.
        """
        if num_rows % num_agents:
            raise ValueError(f"num_rows {num_rows} is not a multiple of num_agents {num_agents}")
        self.num_rows = num_rows
        self.num_agents = num_agents
        self.state = make_state(num_rows)
        self.scalars = self.state.scalars
        self.route_dist = self.state.route_dist
        self.route_move = self.state.route_move

    def update(
        self, tokens: np.ndarray, reset: np.ndarray, first_row: int = 0, last_row: int | None = None
    ) -> None:
        """Take in one observation per row; the GIL is released, threads may own disjoint ranges of rows.

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
        update_rows(self.state, flat, flags, first_row, last)

    def routes(self, first_row: int = 0, last_row: int | None = None) -> None:
        """Bring all routes of the rows up to date; what did not change since the last call is not looked for again.

        Args:
            first_row: first row.
            last_row: row after the last; all rows when left out.
        """
        route_rows(self.state, first_row, self.num_rows if last_row is None else last_row)

    def get_state(self) -> dict[str, np.ndarray]:
        """Copies of the arrays that the others can be derived from, for an exact resume."""
        return {name: array.copy() for name, array in self._saved().items()}

    def set_state(self, saved: dict[str, np.ndarray]) -> None:
        """Restore what `get_state` returned; shapes must be the same."""
        for name, array in self._saved().items():
            array[...] = saved[name]
        state = self.state
        state.numbers[...] = 0
        state.boards[:, KIND:] = 0
        state.body[:, KNOWN_KIND : KNOWN_KIND + 5] = 0
        state.field_info[...] = -1
        for n in range(self.num_rows):
            stations = state.stations[n, : state.body[n, NUM_STATIONS]]
            cells = stations[:, S_CELL]
            state.numbers[n].reshape(-1)[cells] = np.arange(1, len(cells) + 1)
            for kind in range(5):
                usable = cells[(stations[:, S_KIND] == kind) & (stations[:, S_USES] > 0)]
                state.body[n, KNOWN_KIND + kind] = len(usable)
                for cell in usable.tolist():
                    line, bit = divmod(cell, 128)
                    state.boards[n, KIND + kind, bit // 64, line] |= np.uint64(1 << (bit % 64))

    def _saved(self) -> dict[str, np.ndarray]:
        """Views of what is saved, by name."""
        arrays = {k: a for k, a in self.state._asdict().items() if k not in _DERIVED}
        return arrays | {"boards": self.state.boards[:, :KIND]}
