"""The ragged edge of large maps: wedges of rock that reach in from all four sides."""

from __future__ import annotations

import numpy as np

from coglab.engine.mapgen.cells import WALL

_PERIOD = 3
_CHANCE = 0.6
_DEPTH = (2, 8)
_HALF_WIDTH = (2, 6)


def paint_ragged_edge(cells: np.ndarray, rng: np.random.Generator) -> None:
    """Stamp wedges along the sides: at the top and bottom of every third column, then the sides of every third row.

    Args:
        cells: `[h, w] uint8`, mutated; only walls are written.
        rng: stream of the scene.

    Source: docs/02-rules.md, "Terrain".
    """
    # A wedge is painted on a view that is turned so that its side is the top.
    for view in (cells, cells.T):
        for place in range(0, view.shape[1], _PERIOD):
            for side in (view, view[::-1]):
                if rng.random() < _CHANCE:
                    _paint_wedge(side, place, rng)


def _paint_wedge(cells: np.ndarray, place: int, rng: np.random.Generator) -> None:
    """Stamp one wedge that hangs from the top row at column `place`."""
    depth = int(rng.integers(_DEPTH[0], _DEPTH[1] + 1))
    half_width = int(rng.integers(_HALF_WIDTH[0], _HALF_WIDTH[1] + 1))
    for row in range(depth):
        spread = round(half_width * (1 - row / depth))
        if spread > 0:
            cells[row, max(0, place - spread) : place + spread + 1] = WALL
