"""Buildings in the open: stations of several kinds, never two of them beside each other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from coglab.engine.jit import kernel
from coglab.engine.mapgen.cells import EMPTY


def paint_buildings(
    cells: np.ndarray,
    coverage: float,
    odds: Sequence[tuple[int, float]],
    rng: np.random.Generator,
) -> None:
    """Place buildings on random cells, clearing the cells around each.

    Args:
        cells: `[S, S] uint8`, mutated.
        coverage: places tried, as a share of the square without its rim; a place beside an earlier building is skipped.
        odds: kinds of buildings with their odds, any scale; their order is part of what a map seed means.
        rng: stream of the scene.

    Source: docs/02-rules.md, "Buildings".
    """
    size = cells.shape[0]
    count = min(int(coverage * (size - 2) ** 2), ((size - 1) // 2) ** 2)
    weights = np.array([weight for _, weight in odds], np.float64)
    rows = rng.integers(1, size - 1, size=count)
    cols = rng.integers(1, size - 1, size=count)
    drawn = rng.choice(len(odds), size=count, p=weights / weights.sum())
    _place(cells, rows, cols, np.array([kind for kind, _ in odds], np.uint8)[drawn])


@kernel
def _place(cells: np.ndarray, rows: np.ndarray, cols: np.ndarray, kinds: np.ndarray) -> None:
    is_taken = np.zeros(cells.shape, np.bool_)  # cells beside a building, and the building
    for k in range(rows.shape[0]):
        row, col = rows[k], cols[k]
        if is_taken[row, col]:
            continue
        for r in range(row - 1, row + 2):
            for c in range(col - 1, col + 2):
                cells[r, c] = EMPTY
                is_taken[r, c] = True
        cells[row, col] = kinds[k]
