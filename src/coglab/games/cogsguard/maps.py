"""Maps as kernels read them: immutable arrays that all parallel games share.

A grid of cell names becomes bit rows (one bit per cell), a list of objects in row-major order, and a few masks. One
`CompiledMaps` holds many maps of one size class in stacked arrays; a game keeps only the number of its slot.

`mapgen.pool.MapPool` builds on the `MapTable` of these maps.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from coglab.engine import maps as engine_maps
from coglab.engine.jit import records
from coglab.engine.maps import PAD, bit_rows, bit_set, row_words, set_bits_before
from coglab.games.cogsguard import rules


class MapShape(NamedTuple):
    """Sizes that hold every map of a table; all arrays of `CompiledMaps` follow from them."""

    height: int
    width: int
    objects: int
    """Objects that are neither walls nor agents."""
    sources: int
    """Hubs and junctions."""
    agents: int

    @property
    def row_words(self) -> int:
        """64-bit words of one bit row."""
        return row_words(self.width)

    @property
    def source_words(self) -> int:
        """64-bit words of a set of sources."""
        return max(1, (self.sources + 63) // 64)


MAP = np.dtype(
    [
        ("height", np.int32),
        ("width", np.int32),
        ("objects", np.int32),  # how many objects, sources and junctions there are
        ("sources", np.int32),
        ("junctions", np.int32),
        (
            "kind_count",
            np.int32,
            (rules.NUM_KINDS,),
        ),  # cells of each kind, walls and agents included
    ],
    align=True,
)
"""One map."""

OBJECT = np.dtype(
    [
        ("kind", np.int16),  # see `rules.KINDS`
        ("source", np.int16),  # its number among the sources, -1 if it is none
        ("row", np.int16),
        ("col", np.int16),
    ],
    align=True,
)
"""One object of a map."""


class CompiledMaps(NamedTuple):
    """M maps, read only for kernels. Letters: R padded rows, W words of a row, O objects, S sources, B source words.

    Bit rows: the cell (row, col) is bit `(col + 5) % 64` of word `(col + 5) // 64` of row `row + 5`.
    Objects are everything but walls and agents, numbered in row-major order of the map before the first tick. Sources
    are the hubs and junctions among them, numbered in the same order.
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
    source_object: np.ndarray
    """[M, S] int16, object number of each source"""
    hub_sources: np.ndarray
    """[M, B] uint64, which sources are hubs"""
    junction_sources: np.ndarray
    """[M, B] uint64, which sources are junctions"""
    sources_near_row: np.ndarray
    """[M, height, B] uint64, sources at most 10 rows away from a row"""
    sources_near_col: np.ndarray
    """[M, width, B] uint64, sources at most 10 columns away from a column"""
    spawn_row: np.ndarray
    """[M, A] int16, start cells in row-major order"""
    spawn_col: np.ndarray
    """[M, A] int16"""


def shape_of(grids: Sequence[np.ndarray]) -> MapShape:
    """Return the smallest shape that holds all `grids` ([H, W] arrays of cell names)."""
    sizes = []
    for grid in grids:
        kinds = kinds_of(grid)
        counts = np.bincount(kinds.ravel(), minlength=rules.NUM_KINDS)
        sizes.append(
            (
                kinds.shape[0],
                kinds.shape[1],
                int(counts.sum() - counts[[rules.EMPTY, rules.AGENT, rules.WALL]].sum()),
                int(counts[rules.HUB] + counts[rules.JUNCTION]),
                int(counts[rules.AGENT]),
            )
        )
    return MapShape(*(max(column) for column in zip(*sizes, strict=True)))


def kinds_of(grid: np.ndarray) -> np.ndarray:
    """Translate a grid of cell names ([H, W] str) into kinds ([H, W] uint8); a grid of kinds is returned as it is.

    Raises:
        ValueError: a cell name is not one of `rules.KINDS`.
    """
    return engine_maps.kinds_of(grid, rules.KINDS)


def allocate_maps(count: int, shape: MapShape) -> CompiledMaps:
    """Return `count` empty map slots of one shape; `write_map` fills them."""
    rows, words, sets = shape.height + 2 * PAD, shape.row_words, shape.source_words

    def zeros(dtype: type, *dims: int) -> np.ndarray:
        return np.zeros((count, *dims), dtype)

    return CompiledMaps(
        info=records((count,), MAP),
        objects=records((count, max(1, shape.objects)), OBJECT),
        wall_bits=zeros(np.uint64, rows, words),
        object_bits=zeros(np.uint64, rows, words),
        objects_before=zeros(np.uint16, rows, words),
        source_object=zeros(np.int16, max(1, shape.sources)),
        hub_sources=zeros(np.uint64, sets),
        junction_sources=zeros(np.uint64, sets),
        sources_near_row=zeros(np.uint64, shape.height, sets),
        sources_near_col=zeros(np.uint64, shape.width, sets),
        spawn_row=zeros(np.int16, shape.agents),
        spawn_col=zeros(np.int16, shape.agents),
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
    is_source = (object_kind == rules.HUB) | (object_kind == rules.JUNCTION)
    source_object = np.flatnonzero(is_source)
    spawn_row, spawn_col = np.nonzero(kinds == rules.AGENT)
    _check_fits(maps, height, width, len(object_row), len(source_object), len(spawn_row))

    words, sets = maps.wall_bits.shape[2], maps.hub_sources.shape[1]
    for array in maps:
        array[slot] = np.zeros((), array.dtype)
    maps.wall_bits[slot, PAD : PAD + height] = bit_rows(kinds == rules.WALL, words)
    maps.object_bits[slot, PAD : PAD + height] = bit_rows(is_object, words)
    maps.objects_before[slot] = set_bits_before(maps.object_bits[slot])

    objects = maps.objects[slot, : len(object_row)]
    objects["kind"], objects["row"], objects["col"] = object_kind, object_row, object_col
    objects["source"] = -1
    objects["source"][source_object] = np.arange(len(source_object))
    maps.source_object[slot, : len(source_object)] = source_object
    source_kind = object_kind[source_object]
    maps.hub_sources[slot] = bit_set(source_kind == rules.HUB, sets)
    maps.junction_sources[slot] = bit_set(source_kind == rules.JUNCTION, sets)
    for near, places, size in (
        (maps.sources_near_row, object_row[source_object], height),
        (maps.sources_near_col, object_col[source_object], width),
    ):
        close = np.abs(np.arange(size)[:, None] - places[None, :]) <= rules.AREA_RADIUS
        near[slot, :size] = bit_set(close, sets)
    maps.spawn_row[slot], maps.spawn_col[slot] = spawn_row, spawn_col

    info = maps.info[slot]
    info["height"], info["width"] = height, width
    info["objects"], info["sources"] = len(object_row), len(source_object)
    info["junctions"] = (source_kind == rules.JUNCTION).sum()
    info["kind_count"] = np.bincount(kinds.ravel(), minlength=rules.NUM_KINDS)


def compile_maps(grids: Sequence[np.ndarray]) -> CompiledMaps:
    """Compile grids of cell names ([H, W] str each) that all have the same number of agents."""
    maps = allocate_maps(len(grids), shape_of(grids))
    for slot, grid in enumerate(grids):
        write_map(maps, slot, grid)
    return maps


def _check_fits(
    maps: CompiledMaps, height: int, width: int, objects: int, sources: int, agents: int
) -> None:
    checks = (
        ("rows", height, maps.sources_near_row.shape[1]),
        ("columns", width, maps.sources_near_col.shape[1]),
        ("objects", objects, maps.objects.shape[1]),
        ("hubs and junctions", sources, maps.source_object.shape[1]),
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
