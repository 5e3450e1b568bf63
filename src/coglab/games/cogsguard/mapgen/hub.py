"""The compound in the middle of every generated map: walls with gates, the hub, stations, chests and start pads."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import numpy as np

from coglab.games.cogsguard import rules
from coglab.games.cogsguard.missions import Mission

_GATE_HALF_WIDTH = 2
_CORNER = 2
"""The corner extractors stand this many cells from the compound's sides, its walls included."""


def paint_hub(cells: np.ndarray, mission: Mission, num_pads: int) -> None:
    """Clear the middle of the square and build the compound there.

    Args:
        cells: `[S, S] uint8` kinds, mutated; start pads are written as `rules.AGENT`.
        mission: sizes of the compound.
        num_pads: start pads, at most `pad_capacity(mission.hub_size)`.

    Source: docs/02-rules.md, "The compound".
    """
    size = mission.hub_size
    offset = (cells.shape[0] - size) // 2
    cleared = slice(offset - mission.hub_clearing, offset + size + mission.hub_clearing)
    cells[cleared, cleared] = rules.EMPTY
    compound = cells[offset : offset + size, offset : offset + size]
    _build(compound)
    for (x, y), _ in zip(_free_pads(compound), range(num_pads), strict=False):
        compound[y, x] = rules.AGENT


@cache
def pad_capacity(hub_size: int) -> int:
    """Return how many start pads a compound of `hub_size` cells a side has room for."""
    compound = np.full((hub_size, hub_size), rules.EMPTY, np.uint8)
    _build(compound)
    return sum(1 for _ in _free_pads(compound))


def _build(compound: np.ndarray) -> None:
    size = len(compound)
    middle = size // 2
    gate = slice(middle - _GATE_HALF_WIDTH, middle + _GATE_HALF_WIDTH + 1)
    for side in (compound[0], compound[-1], compound[:, 0], compound[:, -1]):
        side[:] = rules.WALL
    for side in (compound[0], compound[-1], compound[:, 0], compound[:, -1]):
        side[gate] = rules.EMPTY
    far = size - 1 - _CORNER
    for x, y, kind in (
        (middle, middle, rules.HUB),
        (middle, middle - 3, rules.JUNCTION),
        (middle, middle + 3, rules.CHEST),
        (middle - 4, middle + 5, rules.ALIGNER_STATION),
        (middle - 2, middle + 5, rules.SCRAMBLER_STATION),
        (middle, middle + 5, rules.MINER_STATION),
        (middle + 2, middle + 5, rules.SCOUT_STATION),
        (middle + 4, middle + 5, rules.CHEST),
        (_CORNER, _CORNER, rules.CARBON_EXTRACTOR),
        (far, _CORNER, rules.OXYGEN_EXTRACTOR),
        (_CORNER, far, rules.GERMANIUM_EXTRACTOR),
        (far, far, rules.SILICON_EXTRACTOR),
    ):
        compound[y, x] = kind


def _free_pads(compound: np.ndarray) -> Iterator[tuple[int, int]]:
    """Yield the (x, y) that pads take, in order: four beside the hub, then ever larger stars around it."""
    middle = len(compound) // 2
    near = ((0, -2), (2, 0), (0, 2), (-2, 0))
    star = ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (1, -1), (-1, 1), (-1, -1))
    places = [*near, *((dx * r, dy * r) for r in range(3, middle) for dx, dy in star)]
    for dx, dy in places:
        if compound[middle + dy, middle + dx] == rules.EMPTY:
            yield middle + dx, middle + dy
