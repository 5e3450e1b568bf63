"""`obs_shim_tokens`: token bytes become what a network reads; kernels on the CPU, without torch.

Two encoders: `JointIdEncoder` for `fast` (every fact becomes the id of a row of the joint table) and `TokenEncoder`
for `vit` (walls become a bit mask, the other tokens are copied).

N rows, K ids or tokens per row.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from coglab.engine.jit import helper, kernel
from coglab.games.interface import GameInterface
from coglab.models.components.obs_map_memory import MapMemoryRows
from coglab.models.components.own_mode import own_mode
from coglab.models.encoder import Encoder, Spec
from coglab.models.registry import component
from coglab.models.vocabulary import RowAllocator, TokenTable, token_table

NUM_TOKEN_IDS, NUM_ALL_IDS = 128, 160
"""Facts per observation that `fast` reads without and with map memory; more are dropped and counted.

With 8 to 10 agents about 33 and 72 occur on average, 70 and 110 at most; with 20 agents in a crowd 116 and 150."""

CENTER = 5 * 16 + 5
"""Location byte of the agent's own cell and of global tokens."""


@component("obs_shim_tokens")
class ObsShimTokens:
    """The meaning of the inputs of one network, and the factory of its encoders."""

    def __init__(self, config: Any, game: GameInterface) -> None:
        from coglab.games.registry import (
            GAMES,  # here for the reason given in `vocabulary.token_table`
        )

        self.game = game
        self.kind = config.kind
        self.num_tokens = getattr(config, "num_tokens", 0)
        self.rows = RowAllocator()
        self.tokens = token_table(game, self.rows, with_own=not config.map_memory)
        self.num_token_rows = self.rows.num_rows
        memory_rows = self.rows if self.kind == "fast" else RowAllocator()
        self.memory = MapMemoryRows(memory_rows, GAMES[game.name]) if config.map_memory else None
        self.num_memory_rows = memory_rows.num_rows
        self.has_route_pointer = bool(config.map_memory and getattr(config, "route_pointer", False))

    @property
    def num_route_classes(self) -> int:
        """Classes of targets that the map memory knows routes to; 0 without map memory."""
        return self.memory.num_classes if self.memory is not None else 0

    def describe(self) -> dict[str, Any]:
        """Everything that fixes the meaning of the inputs, as JSON-able data."""
        data: dict[str, Any] = {"kind": self.kind, "game": self.game.describe()}
        if self.kind == "fast":
            data["rows"] = self.rows.describe()
        else:
            data["num_tokens"] = self.num_tokens
        data["map_memory"] = self.memory.describe() if self.memory else None
        return data

    def make_encoder(self, num_rows: int, num_agents: int, memory: Any | None = None) -> Encoder:
        """Make the encoder of a batch of rows.

        Args:
            num_rows: N.
            num_agents: agents per game; the rows of a game are neighbours.
            memory: a `MapMemory` of N rows to share; made here if the network reads one and none is given.

        Returns:
            The encoder.
        """
        if self.memory is None:
            memory = None
        elif memory is None:
            memory = self.memory.make_memory(num_rows, num_agents)
        if self.kind == "fast":
            return JointIdEncoder(
                num_rows, self.tokens, self.memory, memory, with_moves=self.has_route_pointer
            )
        return TokenEncoder(num_rows, self.num_tokens, self.tokens, self.memory, memory)


class JointIdEncoder(Encoder):
    """Writes `ids [N, K] int16`: the rows of the joint table that are summed; 0 is padding, at the end.

    If asked, also `moves [N, C] uint8`: the first moves of the routes to every class of targets, as bits.
    """

    def __init__(
        self,
        num_rows: int,
        table: TokenTable,
        memory_rows: MapMemoryRows | None,
        memory: Any,
        *,
        with_moves: bool,
    ) -> None:
        num_ids = NUM_TOKEN_IDS if memory_rows is None else NUM_ALL_IDS
        spec: Spec = {"ids": ((num_ids,), np.dtype(np.int16))}
        if with_moves:
            spec["moves"] = ((memory.route_move.shape[1],), np.dtype(np.uint8))
        super().__init__(num_rows, spec, memory)
        self._table = table
        self._memory_rows = memory_rows
        self._modes = np.zeros(num_rows, np.int32)
        self._counts = np.zeros(num_rows, np.int32)

    def _encode(
        self, tokens: np.ndarray, first_row: int, last_row: int, out: dict[str, np.ndarray]
    ) -> None:
        ids = out["ids"]
        table, modes, counts = self._table, self._modes, self._counts
        write_token_ids(tokens, first_row, last_row, table, modes, counts, self._dropped, ids)
        if self.memory is not None and self._memory_rows is not None:
            self._memory_rows.write(
                self.memory, first_row, last_row, modes, counts, self._dropped, ids
            )
        pad_ids(first_row, last_row, counts, ids)
        if "moves" in out:
            out["moves"][first_row:last_row] = self.memory.route_move[first_row:last_row]  # type: ignore[union-attr]


class TokenEncoder(Encoder):
    """Writes `tokens [N, K, 3] uint8` (padding 255) and `walls [N, 16] uint8` (bit c % 8 of byte c // 8 = cell c)."""

    def __init__(
        self,
        num_rows: int,
        num_tokens: int,
        table: TokenTable,
        memory_rows: MapMemoryRows | None,
        memory: Any,
    ) -> None:
        spec: Spec = {
            "tokens": ((num_tokens, 3), np.dtype(np.uint8)),
            "walls": ((16,), np.dtype(np.uint8)),
        }
        if memory_rows is not None:
            spec["memory_ids"] = ((memory_rows.num_ids,), np.dtype(np.int16))
        super().__init__(num_rows, spec, memory)
        self._table = table
        self._memory_rows = memory_rows
        self._modes = np.zeros(num_rows, np.int32)
        self._counts = np.zeros(num_rows, np.int32)
        self._scratch = np.zeros((num_rows, 1), np.int16)

    def _encode(
        self, tokens: np.ndarray, first_row: int, last_row: int, out: dict[str, np.ndarray]
    ) -> None:
        copy_tokens(
            tokens,
            first_row,
            last_row,
            self._table,
            self._modes,
            self._dropped,
            out["tokens"],
            out["walls"],
        )
        if self.memory is not None and self._memory_rows is not None:
            ids = out["memory_ids"]
            self._counts[first_row:last_row] = 0
            self._memory_rows.write(
                self.memory, first_row, last_row, self._modes, self._counts, self._dropped, ids
            )
            pad_ids(first_row, last_row, self._counts, ids)


@helper
def _append(ids: np.ndarray, row: int, count: int, value: int) -> int:
    """Write one id if there is room; the count grows either way, so that drops can be counted."""
    if count < ids.shape[1]:
        ids[row, count] = value
    return count + 1


@helper
def _write_own_ids(
    own: np.ndarray, table: TokenTable, row: int, count: int, ids: np.ndarray
) -> int:
    scalars = table.scalars
    for index in range(scalars.low.shape[0]):
        value = 0
        for term in range(table.term_start[index], table.term_start[index + 1]):
            value += own[table.term_feature[term]] * table.term_weight[term]
        value = min(max(value, scalars.low[index]), scalars.high[index])
        found = scalars.rows[scalars.start[index] + value - scalars.low[index]]
        if found > 0:
            count = _append(ids, row, count, found)
    return count


@helper
def _write_wall_ids(walls: np.ndarray, first_id: int, row: int, count: int, ids: np.ndarray) -> int:
    """`walls [12] int32`: bit c of entry r is a wall in row r, column c of the window."""
    patch = first_id
    for pair in range(6):
        upper, lower = walls[2 * pair], walls[2 * pair + 1]
        for _ in range(6):
            pattern = (upper & 3) | ((lower & 3) << 2)
            if pattern != 0:
                count = _append(ids, row, count, patch + pattern - 1)
            patch += 15
            upper >>= 2
            lower >>= 2
    return count


@kernel(what="the network's kernels", seconds=10)
def write_token_ids(
    tokens: np.ndarray,
    first_row: int,
    last_row: int,
    table: TokenTable,
    modes: np.ndarray,
    counts: np.ndarray,
    dropped: np.ndarray,
    ids: np.ndarray,
) -> None:
    """Write the ids of everything that the tokens of a row say.

    Args:
        tokens: `[N, 200, 3] uint8`.
        first_row: first row to encode.
        last_row: one past the last.
        table: which fact has which row.
        modes: `[N] int32`, written: the agent's mode.
        counts: `[N] int32`, written: ids written.
        dropped: `[N] int64`, increased by the facts for which there was no room.
        ids: `[N, K] int16`, written from the front; the tail is left as it is.
    """
    collective, tag_feature, wall_tag, agent_tag = table.special[:4]
    object_first, num_objects, wall_first, unknown_first = table.special[4:8]
    own = np.zeros(257, np.int32)
    walls = np.zeros(12, np.int32)
    for n in range(first_row, last_row):
        own[:] = 0
        walls[:] = 0
        count = 0
        previous, owner, holder = 255, 0, 0
        for j in range(tokens.shape[1]):
            location = tokens[n, j, 0]
            if location == 255:
                break
            feature = tokens[n, j, 1]
            value = tokens[n, j, 2]
            if location == CENTER:
                own[feature] = value
                if not table.known[feature]:
                    mixed = (feature * 31 + value * 7) & 255
                    count = _append(ids, n, count, unknown_first + mixed)
                continue
            cell = table.cell_of_location[location]
            if cell == 255:
                dropped[n] += 1
                continue
            if location != previous:
                previous, owner, holder = location, 0, 0
            if feature == collective:
                owner = min(value + 1, 2)
            elif feature == tag_feature:
                if value == wall_tag:
                    walls[location >> 4] |= 1 << (location & 15)
                    continue
                if value == agent_tag:
                    holder = 1
                index = table.object_row[value, owner]
                if index >= 0:
                    count = _append(ids, n, count, object_first + cell * num_objects + index)
                elif index == -2:
                    mixed = (feature * 31 + value * 7 + cell * 13) & 255
                    count = _append(ids, n, count, unknown_first + mixed)
            else:
                base = table.first[holder, feature]
                if base > 0:
                    level = table.bucket[holder, feature, value]
                    if level > 0:
                        place = table.zone_of_cell[table.zoning[holder, feature], cell]
                        offset = place * table.levels[holder, feature] + level - 1
                        count = _append(ids, n, count, base + offset)
                elif base == 0:
                    mixed = (feature * 31 + value * 7 + cell * 13) & 255
                    count = _append(ids, n, count, unknown_first + mixed)
        count = _write_own_ids(own, table, n, count, ids)
        modes[n] = own_mode(own, table.mode_rule, table.mode_terms, table.role_of_vibe)
        count = _append(ids, n, count, table.mode_first + modes[n])
        count = _write_wall_ids(walls, wall_first, n, count, ids)
        if count > ids.shape[1]:
            dropped[n] += count - ids.shape[1]
            count = ids.shape[1]
        counts[n] = count


@kernel(what="the network's kernels", seconds=10)
def pad_ids(first_row: int, last_row: int, counts: np.ndarray, ids: np.ndarray) -> None:
    """Set the ids behind the first `counts [N]` of each row of `ids [N, K]` to 0."""
    for n in range(first_row, last_row):
        for k in range(counts[n], ids.shape[1]):
            ids[n, k] = 0


@kernel(what="the network's kernels", seconds=10)
def copy_tokens(
    tokens: np.ndarray,
    first_row: int,
    last_row: int,
    table: TokenTable,
    modes: np.ndarray,
    dropped: np.ndarray,
    out_tokens: np.ndarray,
    out_walls: np.ndarray,
) -> None:
    """Copy the tokens that are not walls and pack the walls into bits.

    Args:
        tokens: `[N, 200, 3] uint8`.
        first_row: first row to encode.
        last_row: one past the last.
        table: which features and tags are known or special; unknown features are left out and counted.
        modes: `[N] int32`, written: the agent's mode.
        dropped: `[N] int64`, increased by the tokens for which there was no room.
        out_tokens: `[N, K, 3] uint8`, written; padded with 255.
        out_walls: `[N, 16] uint8`, written.
    """
    tag_feature, wall_tag = table.special[1], table.special[2]
    own = np.zeros(257, np.int32)
    for n in range(first_row, last_row):
        own[:] = 0
        out_walls[n] = 0
        count = 0
        for j in range(tokens.shape[1]):
            location = tokens[n, j, 0]
            if location == 255:
                break
            feature = tokens[n, j, 1]
            value = tokens[n, j, 2]
            if location == CENTER:
                own[feature] = value
            cell = table.cell_of_location[location]
            if feature == tag_feature and value == wall_tag and cell != 255:
                out_walls[n, cell >> 3] |= 1 << (cell & 7)
            elif not table.known[feature] or cell == 255 or count == out_tokens.shape[1]:
                dropped[n] += 1
            else:
                out_tokens[n, count, 0] = location
                out_tokens[n, count, 1] = feature
                out_tokens[n, count, 2] = value
                count += 1
        out_tokens[n, count:] = 255
        modes[n] = own_mode(own, table.mode_rule, table.mode_terms, table.role_of_vibe)
