"""`obs_map_memory`: what the agent's map memory knows, as rows of a summed table.

For every class of targets (chest, neutral junction, own ground, ...) one id for the set of first moves of shortest
routes, one for the distance; and one id per parsed fact by its bucket. The move ids are joint with the agent's mode
(role, gear, load): an aligner with a heart and a miner with a full hold want different routes, and a row of its own
for each saves the network from learning that product.

Source of the joint-with-mode trick: Nasu 2018 (NNUE), where every feature is joint with the king's square.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from coglab.engine.jit import helper, kernel
from coglab.games.reading import Reading, Scalar
from coglab.models.ops.summed_table import SummedTable
from coglab.models.registry import component
from coglab.models.spec import BuildSpec
from coglab.models.vocabulary import RowAllocator, ScalarTable, scalar_table

if TYPE_CHECKING:
    from coglab.games.game import Game

NUM_MEMORY_IDS = 112
"""Ids per observation that the memory can give; enough for every fact at once."""

DISTANCES = (*range(1, 17), 19, 22, 26, 31, 37, 45, 54, 65, 81, 101)
"""Lower ends of the distance buckets, in moves: exact to 16. A distance of 0 has a bucket of its own."""

NO_ROUTE = 255
"""Distance of a class without a known target, in every game."""


class MemoryTable(NamedTuple):
    """How facts become rows; the arrays that the kernel reads."""

    columns: np.ndarray
    """`[F] int32` columns of `MapMemory.scalars` that `scalars` encodes."""
    scalars: ScalarTable
    """Rows of those columns."""
    groups: np.ndarray
    """`[G, 3] int32` first column, number of flags and first row of each group of flags."""
    distance_rows: np.ndarray
    """`[C, 256] int16` row of every distance of every class, 0 for no route."""
    move_first: int
    """First of the move rows: `move_first + ((mode * C) + class) * 15 + mask - 1`."""


class MapMemoryRows:
    """The rows of the map memory's facts and the way to write their ids.

    Args:
        rows: allocator, extended.
        game: the game, which says how it is read.
    """

    num_ids = NUM_MEMORY_IDS

    def __init__(self, rows: RowAllocator, game: Game) -> None:
        self._game, reading = game, game.reading()
        self._reading = reading
        facts = reading.facts
        columns, scalars, groups = [], [], []
        index = 0
        while index < len(facts):
            fact = facts[index]
            prefix = next((p for p in reading.flag_groups if fact.name.startswith(p)), None)
            if prefix is not None:
                size = sum(other.name.startswith(prefix) for other in facts[index:])
                first = rows.take(f"memory_{prefix}*", 2**size - 1, f"patterns of {size} flags")
                groups.append((index, size, first))
                index += size
                continue
            if fact.name not in reading.left_out:
                columns.append(index)
                scalars.append(Scalar(fact.name, (), _edges(fact, reading)))
            index += 1
        table = scalar_table(rows, "memory_", scalars)
        num_classes = self.num_classes = len(reading.route_classes)
        distance_rows = np.zeros((num_classes, 256), np.int16)
        distance = np.searchsorted(np.asarray(DISTANCES), np.arange(256), side="right")
        for route, target in enumerate(reading.route_classes):
            first = rows.take(f"distance_{target.name}", len(DISTANCES) + 1, "distance buckets")
            distance_rows[route] = first + distance
            distance_rows[route, NO_ROUTE] = 0
        move_rows = reading.modes.size * num_classes * 15
        move_first = rows.take("moves", move_rows, "mode x class x first moves")
        self.table = MemoryTable(
            np.asarray(columns, np.int32),
            table,
            np.asarray(groups, np.int32).reshape(-1, 3),
            distance_rows,
            move_first,
        )

    def describe(self) -> dict[str, Any]:
        """The facts and classes by name, as JSON-able data for the signature."""
        return {
            "scalars": [[fact.name, fact.low, fact.high] for fact in self._reading.facts],
            "route_classes": [target.name for target in self._reading.route_classes],
        }

    def make_memory(self, num_rows: int, num_agents: int) -> Any:
        """Make an empty `MapMemory` of `num_rows` rows."""
        return self._game.make_memory(num_rows, num_agents)

    def write(
        self,
        memory: Any,
        first_row: int,
        last_row: int,
        modes: np.ndarray,
        counts: np.ndarray,
        dropped: np.ndarray,
        ids: np.ndarray,
    ) -> None:
        """Append the ids of the rows' facts; arguments as in `write_memory_ids`."""
        write_memory_ids(
            memory.scalars,
            memory.route_dist,
            memory.route_move,
            first_row,
            last_row,
            self.table,
            modes,
            counts,
            dropped,
            ids,
        )


@component("obs_map_memory")
class ObsMapMemory(SummedTable):
    """The facts of the map memory as a summed table of their own; `fast` has them in its joint table instead."""

    def __init__(self, spec: BuildSpec) -> None:
        super().__init__(spec.shim.num_memory_rows, spec.in_width, NUM_MEMORY_IDS // 2)


def _edges(fact: Any, reading: Reading) -> tuple[int, ...]:
    if fact.kind == "flag":
        return (1,)
    if fact.kind == "category":
        return tuple(range(1, fact.high + 1))
    return reading.numbers.get(fact.name, reading.default_edges)


@helper
def _append(ids: np.ndarray, row: int, count: int, value: int) -> int:
    if count < ids.shape[1]:
        ids[row, count] = value
    return count + 1


@kernel(what="the network's kernels", seconds=10)
def write_memory_ids(
    scalars: np.ndarray,
    route_dist: np.ndarray,
    route_move: np.ndarray,
    first_row: int,
    last_row: int,
    table: MemoryTable,
    modes: np.ndarray,
    counts: np.ndarray,
    dropped: np.ndarray,
    ids: np.ndarray,
) -> None:
    """Append the ids of what the memory knows.

    Args:
        scalars: `[N, F] int16` facts.
        route_dist: `[N, C] uint8` distances, 255 = no route.
        route_move: `[N, C] uint8` bit masks of the first moves.
        first_row: first row to encode.
        last_row: one past the last.
        table: which fact has which row.
        modes: `[N] int32` the agents' modes.
        counts: `[N] int32` ids written so far; increased.
        dropped: `[N] int64`, increased by the facts for which there was no room.
        ids: `[N, K] int16`, written behind the first `counts` ids.
    """
    known = table.scalars
    num_classes = route_dist.shape[1]
    for n in range(first_row, last_row):
        count = counts[n]
        for index in range(table.columns.shape[0]):
            value = int(scalars[n, table.columns[index]])
            value = min(max(value, known.low[index]), known.high[index])
            row = known.rows[known.start[index] + value - known.low[index]]
            if row > 0:
                count = _append(ids, n, count, row)
        for group in range(table.groups.shape[0]):
            first = table.groups[group, 0]
            pattern = 0
            for bit in range(table.groups[group, 1]):
                if scalars[n, first + bit] != 0:
                    pattern |= 1 << bit
            if pattern > 0:
                count = _append(ids, n, count, table.groups[group, 2] + pattern - 1)
        for route in range(num_classes):
            row = table.distance_rows[route, route_dist[n, route]]
            if row > 0:
                count = _append(ids, n, count, row)
                mask = route_move[n, route] & 15
                if mask > 0:
                    joint = modes[n] * num_classes + route
                    count = _append(ids, n, count, table.move_first + joint * 15 + mask - 1)
        if count > ids.shape[1]:
            dropped[n] += count - ids.shape[1]
            count = ids.shape[1]
        counts[n] = count
