"""The compound in the middle of every drawn map: walls with gates, the game's own objects, and start pads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np

from coglab.engine.mapgen.cells import EMPTY, START, WALL

_GATE_HALF_WIDTH = 2


@dataclass(frozen=True)
class Compound:
    """What a compound looks like. Sizes are in cells."""

    size: int
    """Side of the walled square, odd."""
    clearing: int
    """Cells around it that are cleared as well."""
    objects: tuple[tuple[int, int, int], ...]
    """(x, y, kind) of what stands in it, from its top left corner; the later hides the earlier."""


def paint_compound(cells: np.ndarray, compound: Compound, num_pads: int) -> None:
    """Clear the middle of the square and build the compound there.

    Args:
        cells: `[S, S] uint8`, mutated.
        compound: what to build.
        num_pads: start pads, at most `pad_capacity(compound)`.

    Source: docs/02-rules.md, "The compound".
    """
    size = compound.size
    offset = (cells.shape[0] - size) // 2
    cleared = slice(offset - compound.clearing, offset + size + compound.clearing)
    cells[cleared, cleared] = EMPTY
    place = cells[offset : offset + size, offset : offset + size]
    _build(place, compound)
    for (x, y), _ in zip(_free_pads(place), range(num_pads), strict=False):
        place[y, x] = START


@cache
def pad_capacity(compound: Compound) -> int:
    """Return how many start pads a compound has room for."""
    place = np.full((compound.size, compound.size), EMPTY, np.uint8)
    _build(place, compound)
    return sum(1 for _ in _free_pads(place))


def _build(place: np.ndarray, compound: Compound) -> None:
    middle = compound.size // 2
    gate = slice(middle - _GATE_HALF_WIDTH, middle + _GATE_HALF_WIDTH + 1)
    for side in (place[0], place[-1], place[:, 0], place[:, -1]):
        side[:] = WALL
    for side in (place[0], place[-1], place[:, 0], place[:, -1]):
        side[gate] = EMPTY
    for x, y, kind in compound.objects:
        place[y, x] = kind


def _free_pads(place: np.ndarray) -> Iterator[tuple[int, int]]:
    """Yield the (x, y) that pads take, in order: four beside the middle, then ever larger stars around it."""
    middle = len(place) // 2
    near = ((0, -2), (2, 0), (0, 2), (-2, 0))
    star = ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (1, -1), (-1, 1), (-1, -1))
    places = [*near, *((dx * r, dy * r) for r in range(3, middle) for dx, dy in star)]
    for dx, dy in places:
        if place[middle + dy, middle + dx] == EMPTY:
            yield middle + dx, middle + dy
