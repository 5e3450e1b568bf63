"""Maps of machina_1 as kernels read them: immutable arrays that all parallel games share.

One `CompiledMaps` holds many maps of one size class in stacked arrays; a game keeps only the number of its slot. Bit rows,
the table of slots and how it renews itself are `engine.maps`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from coglab.engine import maps as engine_maps
from coglab.engine.jit import records
from coglab.engine.maps import PAD, bit_rows, row_words, set_bits_before
from coglab.games.machina1 import rules
from coglab.games.machina1.names import KINDS


class MapShape(NamedTuple):
    """Sizes that hold every map of a table; all arrays of `CompiledMaps` follow from them."""

    height: int
    width: int
    objects: int
    """Objects that are neither walls nor agents."""
    chests: int
    agents: int

    @property
    def row_words(self) -> int:
        """64-bit words of one bit row."""
        return row_words(self.width)


MAP = np.dtype(
    [
        ("height", np.int32),
        ("width", np.int32),
        ("objects", np.int32),  # how many objects and chests there are
        ("chests", np.int32),
        ("assembler", np.int32),  # object number of the first assembler, -1 for none
        ("kind_count", np.int32, (rules.NUM_KINDS,)),  # cells of each kind, walls and agents too
    ],
    align=True,
)
"""One map."""

OBJECT = np.dtype(
    [
        ("kind", np.int16),  # see `names.KINDS`
        ("chest", np.int16),  # its number among the chests, -1 if it is none
        ("row", np.int16),
        ("col", np.int16),
    ],
    align=True,
)
"""One object of a map."""


class CompiledMaps(NamedTuple):
    """M maps, read only for kernels. Letters: R padded rows, W words of a row, O objects, C chests.

    Objects are everything but walls and agents, numbered in row-major order of the map before the first tick.
    """

    info: np.ndarray
    """[M] of `MAP`"""
    objects: np.ndarray
    """[M, O] of `OBJECT`"""
    wall_bits: np.ndarray
    """[M, R, W] uint64"""
    object_bits: np.ndarray
    """[M, R, W] uint64"""
    objects_before: np.ndarray
    """[M, R, W] uint16, objects in earlier words: number of an object = this + set bits left of it in its word"""
    chest_object: np.ndarray
    """[M, C] int16, object number of each chest"""
    spawn_row: np.ndarray
    """[M, A] int16, start cells in row-major order"""
    spawn_col: np.ndarray
    """[M, A] int16"""


def kinds_of(grid: np.ndarray) -> np.ndarray:
    """Translate a grid of cell names ([H, W] str) into kinds ([H, W] uint8); a grid of kinds is returned as it is.

    Raises:
        ValueError: a cell name is not one of `names.KINDS`.
    """
    return engine_maps.kinds_of(grid, KINDS)


def shape_of(grids: Sequence[np.ndarray]) -> MapShape:
    """Return the smallest shape that holds all `grids` ([H, W] arrays of cell names or uint8 kinds)."""
    sizes = []
    for grid in grids:
        kinds = kinds_of(grid)
        counts = np.bincount(kinds.ravel(), minlength=rules.NUM_KINDS)
        objects = int(counts[rules.ASSEMBLER : rules.WALL].sum())
        sizes.append((*kinds.shape, objects, int(counts[rules.CHEST]), int(counts[rules.AGENT])))
    return MapShape(*(max(column) for column in zip(*sizes, strict=True)))


def allocate_maps(count: int, shape: MapShape) -> CompiledMaps:
    """Return `count` empty map slots of one shape; `write_map` fills them."""
    rows, words = shape.height + 2 * PAD, shape.row_words
    return CompiledMaps(
        info=records((count,), MAP),
        objects=records((count, max(1, shape.objects)), OBJECT),
        wall_bits=np.zeros((count, rows, words), np.uint64),
        object_bits=np.zeros((count, rows, words), np.uint64),
        objects_before=np.zeros((count, rows, words), np.uint16),
        chest_object=np.zeros((count, max(1, shape.chests)), np.int16),
        spawn_row=np.zeros((count, shape.agents), np.int16),
        spawn_col=np.zeros((count, shape.agents), np.int16),
    )


def write_map(maps: CompiledMaps, slot: int, grid: np.ndarray) -> None:
    """Compile `grid` ([H, W] cell names, or uint8 kinds) into one slot of `maps`, which is overwritten.

    Raises:
        ValueError: an unknown cell name, or a map that is larger than the slots were allocated for.
    """
    kinds = kinds_of(grid)
    height, width = kinds.shape
    is_object = (kinds != rules.EMPTY) & (kinds != rules.AGENT) & (kinds != rules.WALL)
    object_row, object_col = np.nonzero(is_object)
    object_kind = kinds[object_row, object_col]
    spawn_row, spawn_col = np.nonzero(kinds == rules.AGENT)
    is_chest = object_kind == rules.CHEST
    chests = np.flatnonzero(is_chest)
    _check_fits(maps, height, width, len(object_row), len(chests), len(spawn_row))

    words = maps.wall_bits.shape[2]
    for array in maps:
        array[slot] = np.zeros((), array.dtype)
    maps.wall_bits[slot, PAD : PAD + height] = bit_rows(kinds == rules.WALL, words)
    maps.object_bits[slot, PAD : PAD + height] = bit_rows(is_object, words)
    maps.objects_before[slot] = set_bits_before(maps.object_bits[slot])
    objects = maps.objects[slot, : len(object_row)]
    objects["kind"], objects["row"], objects["col"] = object_kind, object_row, object_col
    maps.chest_object[slot, : len(chests)] = chests
    objects["chest"] = np.where(is_chest, np.cumsum(is_chest) - 1, -1)
    maps.spawn_row[slot], maps.spawn_col[slot] = spawn_row, spawn_col

    assemblers = np.flatnonzero(object_kind == rules.ASSEMBLER)
    info = maps.info[slot]
    info["height"], info["width"] = height, width
    info["objects"], info["chests"] = len(object_row), len(chests)
    info["assembler"] = assemblers[0] if len(assemblers) else -1
    info["kind_count"] = np.bincount(kinds.ravel(), minlength=rules.NUM_KINDS)


def compile_maps(grids: Sequence[np.ndarray]) -> CompiledMaps:
    """Compile grids of cell names ([H, W] str each) that all have the same number of agents."""
    maps = allocate_maps(len(grids), shape_of(grids))
    for slot, grid in enumerate(grids):
        write_map(maps, slot, grid)
    return maps


def _check_fits(
    maps: CompiledMaps, height: int, width: int, objects: int, chests: int, agents: int
) -> None:
    rows, words = maps.wall_bits.shape[1:]
    checks = (
        ("rows", height, rows - 2 * PAD),
        ("columns", width, words * 64 - 2 * PAD),
        ("objects", objects, maps.objects.shape[1]),
        ("chests", chests, maps.chest_object.shape[1]),
    )
    for what, needed, available in checks:
        if needed > available:
            raise ValueError(
                f"the map has {needed} {what}, the table was made for at most {available}"
            )
    if agents != maps.spawn_row.shape[1]:
        raise ValueError(
            f"the map has {agents} start cells, the table was made for {maps.spawn_row.shape[1]} agents"
        )


class MapTable(engine_maps.MapTable[CompiledMaps]):
    """Compiled maps with a list of slots that new episodes draw from, see `engine.maps.MapTable`."""

    _compile = staticmethod(compile_maps)
    _write = staticmethod(write_map)
