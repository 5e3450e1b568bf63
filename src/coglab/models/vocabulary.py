"""The rows of the joint table: which observation gives which row ids.

Every fact that an observation states (a wall pattern at a place, an object of an owner at a cell, the agent's own
energy) is one row of a learned table; the first layer of the `fast` network is the sum of the rows of all facts.
Ids are exact, two different known facts never share a row; facts that the game's description does not name share
the `unknown` block by a hash. Row 0 is padding and stays zero.

In this file: what the blocks are and their sizes. The kernels that read tokens are in
`components/obs_shim_tokens.py`; the rows of the map memory are in `components/obs_map_memory.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from coglab.games.interface import GameInterface
from coglab.games.reading import Reading, Scalar, feature_or_none

PATCH = 2
"""Walls are read in patches of 2x2 cells: one row per pattern, half as many look-ups as one per wall."""

UNKNOWN_ROWS = 256
"""Rows that features outside the game's description share by a hash."""


class ScalarTable(NamedTuple):
    """Look-up tables from whole numbers to rows; one entry per scalar."""

    low: np.ndarray
    """`[F] int32` smallest value told apart."""
    high: np.ndarray
    """`[F] int32` largest value told apart; values outside are clipped."""
    start: np.ndarray
    """`[F] int32` where the scalar's part of `rows` begins."""
    rows: np.ndarray
    """`[sum(high - low + 1)] int16` row of every value, 0 = says nothing."""


class TokenTable(NamedTuple):
    """How tokens become rows; the arrays that the encoder's kernel reads."""

    cell_of_location: np.ndarray
    """`[256] uint8` window cell 0..120 of a location byte, 255 outside the window."""
    zone_of_cell: np.ndarray
    """`[2, 121] uint8` place of a cell: exact in row 0, in 25 zones in row 1."""
    first: np.ndarray
    """`[2, 256] int32` by owner (object, agent) and feature: first row, 0 unknown feature, -1 says nothing."""
    levels: np.ndarray
    """`[2, 256] int32` rows per place."""
    zoning: np.ndarray
    """`[2, 256] uint8` which row of `zone_of_cell` is used."""
    bucket: np.ndarray
    """`[2, 256, 256] uint8` by owner, feature, value: 1 + level, 0 = says nothing."""
    known: np.ndarray
    """`[256] bool` features that the game describes."""
    object_row: np.ndarray
    """`[256, 3] int32` by tag and owner (none, clips, cogs): index among the objects, -1 nothing, -2 unknown."""
    special: np.ndarray
    """`[8] int32`: ids of collective, tag, wall tag, agent tag; first object row, objects, first wall row, unknown."""
    term_start: np.ndarray
    """`[F + 1] int32` own scalars are weighted sums of own values: where the terms of each begin."""
    term_feature: np.ndarray
    """`[sum] int32` feature of each term."""
    term_weight: np.ndarray
    """`[sum] int32` weight of each term."""
    scalars: ScalarTable
    """Rows of the own scalars."""
    mode_rule: int
    """Which rule gives the agent's mode, see `games.reading.Modes`."""
    mode_terms: np.ndarray
    """`[..] int32` features that the rule reads."""
    role_of_vibe: np.ndarray
    """`[256] uint8` role by vibe."""
    mode_first: int
    """First row of the modes."""


@dataclass(frozen=True)
class Block:
    """A run of rows with one meaning."""

    name: str
    first: int
    rows: int
    meaning: str


class RowAllocator:
    """Hands out rows of the joint table and remembers what they mean."""

    def __init__(self) -> None:
        self.blocks: list[Block] = [Block("padding", 0, 1, "no fact; always zero")]

    @property
    def num_rows(self) -> int:
        """Rows handed out so far."""
        return self.blocks[-1].first + self.blocks[-1].rows

    def take(self, name: str, rows: int, meaning: str) -> int:
        """Reserve `rows` rows.

        Args:
            name: unique name of the block.
            rows: how many.
            meaning: one line for the documentation and the signature.

        Returns:
            The first row.
        """
        first = self.num_rows
        self.blocks.append(Block(name, first, rows, meaning))
        if self.num_rows > 32767:
            raise ValueError(f"the joint table needs {self.num_rows} rows; ids are 16 bits wide")
        return first

    def describe(self) -> dict[str, list[int]]:
        """First row and number of rows of every block, as JSON-able data."""
        return {block.name: [block.first, block.rows] for block in self.blocks}


def scalar_table(rows: RowAllocator, prefix: str, scalars: Sequence[Scalar]) -> ScalarTable:
    """Reserve the rows of `scalars` and build their look-up tables.

    Args:
        rows: allocator, extended.
        prefix: put before the names of the blocks.
        scalars: what to encode.

    Returns:
        The tables, in the order of `scalars`.
    """
    low, high, start, parts = [], [], [], []
    length = 0
    for scalar in scalars:
        edges = np.asarray(scalar.edges)
        smallest = min(int(edges[0]) - 1, 0)
        largest = int(edges[-1])
        level = np.searchsorted(edges, np.arange(smallest, largest + 1), side="right")
        silent = int(np.searchsorted(edges, 0, side="right"))
        first = rows.take(f"{prefix}{scalar.name}", len(edges), f"buckets from {scalar.edges}")
        row = first + level - (level > silent)
        parts.append(np.where(level == silent, 0, row))
        low.append(smallest)
        high.append(largest)
        start.append(length)
        length += len(level)
    return ScalarTable(
        low=np.asarray(low, np.int32),
        high=np.asarray(high, np.int32),
        start=np.asarray(start, np.int32),
        rows=np.concatenate([np.zeros(0), *parts]).astype(np.int16),
    )


def token_table(game: GameInterface, rows: RowAllocator, *, with_own: bool = True) -> TokenTable:
    """Reserve the rows of everything that tokens can say and build the kernel's tables.

    Args:
        game: the game.
        rows: allocator, extended.
        with_own: whether to encode the numbers about the agent itself; false if the map memory states them.

    Returns:
        The tables.
    """
    # Imported here: the kernels' place in the cache follows imports at the top, and must not move with any game's settings.
    from coglab.games.registry import GAMES

    reading = GAMES[game.name].reading()
    window = game.window
    cells = window * window
    cell_of_location = np.full(256, 255, np.uint8)
    for row in range(window):
        for column in range(window):
            cell_of_location[row * 16 + column] = row * window + column
    bands = np.minimum(np.arange(window) * 5 // window, 4)
    zones = (bands[:, None] * 5 + bands[None, :]).reshape(-1)
    zone_of_cell = np.stack([np.arange(cells), zones]).astype(np.uint8)

    patches = -(-window // PATCH)
    patterns = 2 ** (PATCH * PATCH) - 1
    wall_first = rows.take("walls", patches * patches * patterns, "2x2 wall patterns, by patch")

    object_row = np.full((256, 3), -2, np.int32)
    num_objects = _number_objects(game, reading, object_row)
    object_first = rows.take("objects", cells * num_objects, "kind and owner, by cell")

    known = np.zeros(256, np.bool_)
    known[[feature.id for feature in game.features]] = True
    first = np.zeros((2, 256), np.int32)
    levels = np.zeros((2, 256), np.int32)
    zoning = np.zeros((2, 256), np.uint8)
    bucket = np.zeros((2, 256, 256), np.uint8)
    for owner, name, edges, zoned in reading.cell_features(game):
        feature = game.feature_id(name)
        if feature < 0:
            continue
        if not edges:
            first[owner, feature] = -1
            continue
        places = 25 if zoned else cells
        label = f"{('object', 'agent')[owner]}_{name}"
        first[owner, feature] = rows.take(label, places * len(edges), "amount, by place")
        levels[owner, feature] = len(edges)
        zoning[owner, feature] = zoned
        bucket[owner, feature] = np.searchsorted(np.asarray(edges), np.arange(256), side="right")

    scalars = reading.own_scalars(game) if with_own else []
    scalar_rows = scalar_table(rows, "own_", scalars)
    modes = reading.modes
    mode_first = rows.take("own_mode", modes.size, modes.meaning)
    unknown = rows.take("unknown", UNKNOWN_ROWS, "hashed: features the game does not describe")
    role_of_vibe = np.zeros(256, np.uint8)
    role_of_vibe[: len(modes.role_of_vibe)] = modes.role_of_vibe
    mode_terms = [feature_or_none(game, name) for name in modes.features]
    special = [
        game.feature_id("collective"),
        game.feature_id("tag"),
        game.tag_id(reading.wall_tag),
        game.tag_id(reading.agent_tag),
        object_first,
        num_objects,
        wall_first,
        unknown,
    ]
    term_start = np.cumsum([0, *(len(scalar.terms) for scalar in scalars)])
    terms = [term for scalar in scalars for term in scalar.terms]
    return TokenTable(
        cell_of_location=cell_of_location,
        zone_of_cell=zone_of_cell,
        first=first,
        levels=levels,
        zoning=zoning,
        bucket=bucket,
        known=known,
        object_row=object_row,
        special=np.asarray(special, np.int32),
        term_start=term_start.astype(np.int32),
        term_feature=np.asarray([feature for feature, _ in terms], np.int32),
        term_weight=np.asarray([weight for _, weight in terms], np.int32),
        scalars=scalar_rows,
        mode_rule=modes.rule,
        mode_terms=np.asarray(mode_terms, np.int32),
        role_of_vibe=role_of_vibe,
        mode_first=mode_first,
    )


def describe_scalars(scalars: Sequence[Scalar]) -> list[list[Any]]:
    """Names and buckets of scalars as JSON-able data for a network's signature."""
    return [[scalar.name, list(scalar.edges)] for scalar in scalars]


def _number_objects(game: GameInterface, reading: Reading, object_row: np.ndarray) -> int:
    """Fill `object_row [256, 3]`; kinds that never change hands have one row whoever owns them."""
    number = 0
    for tag, name in enumerate(game.tag_names):
        if name not in reading.kind_tags:
            object_row[tag] = -1
        elif name in reading.owned_kinds:
            object_row[tag] = (number, number + 1, number + 2)
            number += 3
        elif name != reading.wall_tag:
            object_row[tag] = number
            number += 1
    return number
