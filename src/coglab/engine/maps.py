"""Maps, as far as they are the same in every game: bit rows, objects in reading order, and a table of slots.

A grid of cell names becomes bit rows (one bit per cell) and a list of objects in row-major order. The cell (row, col) is
bit `(col + 5) % 64` of word `(col + 5) // 64` of row `row + 5`. What else a game keeps about a map is in its `maps.py`.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from typing import Generic, Protocol, Self, TypeVar

import numpy as np

from coglab.engine.jit import count_ones, inlined

PAD = 5
"""Empty cells around the map in bit rows, so that an 11x11 window never leaves them."""

_ONE = np.uint64(1)


class CompiledMaps(Protocol):
    """What a table must know about the maps of any game."""

    @property
    def info(self) -> np.ndarray:
        """[M] one record per slot."""
        ...

    @property
    def spawn_row(self) -> np.ndarray:
        """[M, A] int16, rows of the start cells."""
        ...


Compiled = TypeVar("Compiled", bound=CompiledMaps)


@inlined
def object_at(maps, slot, row, col):
    """Return the number of the object at a cell of a map that has one there."""
    word, bit = (col + PAD) >> 6, _ONE << np.uint64((col + PAD) & 63)
    left_of_it = maps.object_bits[slot, row + PAD, word] & (bit - _ONE)
    return np.int64(maps.objects_before[slot, row + PAD, word]) + count_ones(left_of_it)


def row_words(width: int) -> int:
    """Return the number of 64-bit words of one bit row of a map that is `width` cells wide."""
    return (width + 2 * PAD + 63) // 64


def bit_rows(cells: np.ndarray, words: int) -> np.ndarray:
    """Pack [H, W] bool into [H, words] uint64 with `PAD` empty columns on the left."""
    wide = np.zeros((cells.shape[0], words * 64), bool)
    wide[:, PAD : PAD + cells.shape[1]] = cells
    return np.packbits(wide, axis=1, bitorder="little").view("<u8")


def bit_set(members: np.ndarray, words: int) -> np.ndarray:
    """Pack [..., S] bool into [..., words] uint64."""
    wide = np.zeros((*members.shape[:-1], words * 64), bool)
    wide[..., : members.shape[-1]] = members
    return np.packbits(wide, axis=-1, bitorder="little").view("<u8")


def set_bits_before(bits: np.ndarray) -> np.ndarray:
    """Return [R, W] integers, the number of set bits in all earlier words of [R, W] uint64."""
    in_words = np.bitwise_count(bits).ravel()
    return (np.cumsum(in_words) - in_words).reshape(bits.shape)


def kinds_of(grid: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """Translate a grid of cell names ([H, W] str) into kinds ([H, W] uint8); a grid of kinds is returned as it is.

    Raises:
        ValueError: a cell name is not one of `names`, which are in the order of the kinds.
    """
    if grid.ndim != 2:
        raise ValueError(
            f"a map is a two-dimensional array of cell names, this one has shape {grid.shape}"
        )
    if grid.dtype == np.uint8:
        return grid
    kinds = np.full(grid.shape, 255, np.uint8)
    for kind, name in enumerate(names):
        kinds[grid == name] = kind
    if (kinds == 255).any():
        row, col = np.argwhere(kinds == 255)[0]
        raise ValueError(
            f"row {row}, column {col}: unknown cell {str(grid[row, col])!r}; known are {', '.join(names)}"
        )
    return kinds


class MapTable(Generic[Compiled]):
    """Compiled maps with a list of slots that new episodes draw from.

    A simulator draws `active[i]` for a new episode and keeps the slot until the episode ends. `replace_oldest` writes a
    new map into a slot that is neither active nor played, so that running episodes keep their map. Call it only while
    no step is running.

    Attributes:
        compiled: the maps of a game, stacked arrays with one entry per slot; `info` and `spawn_row` are among them.
        active: [K] int32, slots that new episodes draw from, oldest first is `active[oldest]`.
        oldest: position in `active` that `replace_oldest` overwrites next.
    """

    _compile: Callable[[Sequence[np.ndarray]], Compiled]
    """The game's way to compile grids of cell names, map i in slot i."""
    _write: Callable[[Compiled, int, np.ndarray], None]
    """The game's way to compile one grid into a slot."""

    def __init__(self, compiled: Compiled, active: np.ndarray) -> None:
        """Use `compiled`; `active` is [K] int32 of slots that hold a map."""
        self.compiled = compiled
        self.active = active
        self.oldest = 0
        self._in_play: list[weakref.ref[np.ndarray]] = []

    @classmethod
    def from_grids(cls, grids: Sequence[np.ndarray]) -> Self:
        """Return a table of exactly these maps; map i is slot i."""
        return cls(cls._compile(grids), np.arange(len(grids), dtype=np.int32))

    @property
    def num_agents(self) -> int:
        """Agents per map."""
        return int(self.compiled.spawn_row.shape[1])

    def attach(self, map_slots: np.ndarray) -> None:
        """Tell the table where a simulator keeps the slots that its games play on ([E] int32)."""
        self._in_play = [ref for ref in self._in_play if ref() is not None]
        self._in_play.append(weakref.ref(map_slots))

    def free_slots(self) -> np.ndarray:
        """Return the slots that are neither active nor played, ascending."""
        is_free = np.ones(len(self.compiled.info), bool)
        is_free[self.active] = False
        for ref in self._in_play:
            slots = ref()
            if slots is not None:
                is_free[slots] = False
        return np.flatnonzero(is_free)

    def replace_oldest(self, grid: np.ndarray) -> bool:
        """Put a new map in the place of the oldest active one.

        Returns:
            False if no slot was free (every spare slot is still being played); nothing changed then.
        """
        free = self.free_slots()
        if len(free) == 0:
            return False
        self._write(self.compiled, int(free[0]), grid)
        self.active[self.oldest] = free[0]
        self.oldest = (self.oldest + 1) % len(self.active)
        return True
