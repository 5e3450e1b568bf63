"""Buildings in the open: junctions and extractors, never two of them beside each other."""

from __future__ import annotations

import numpy as np

from coglab.engine.jit import kernel
from coglab.games.cogsguard import rules

DRAW_ORDER = (
    rules.JUNCTION,
    rules.GERMANIUM_EXTRACTOR,
    rules.SILICON_EXTRACTOR,
    rules.OXYGEN_EXTRACTOR,
    rules.CARBON_EXTRACTOR,
)
"""The order in which the odds of a building are listed; part of what a map seed means."""

_EMPTY = rules.EMPTY


def paint_buildings(
    cells: np.ndarray, coverage: float, weights: tuple[float, ...], rng: np.random.Generator
) -> None:
    """Place buildings on random cells, clearing the cells around each.

    Args:
        cells: `[S, S] uint8` kinds, mutated.
        coverage: places tried, as a share of the square without its rim; a place beside an earlier building is skipped.
        weights: odds of each kind in `DRAW_ORDER`, any scale.
        rng: stream of the scene.

    Source: docs/02-rules.md, "Buildings".
    """
    size = cells.shape[0]
    count = min(int(coverage * (size - 2) ** 2), ((size - 1) // 2) ** 2)
    odds = np.asarray(weights, np.float64)
    rows = rng.integers(1, size - 1, size=count)
    cols = rng.integers(1, size - 1, size=count)
    drawn = rng.choice(len(DRAW_ORDER), size=count, p=odds / odds.sum())
    _place(cells, rows, cols, np.array(DRAW_ORDER, np.uint8)[drawn])


@kernel
def _place(cells: np.ndarray, rows: np.ndarray, cols: np.ndarray, kinds: np.ndarray) -> None:
    is_taken = np.zeros(cells.shape, np.bool_)  # cells beside a building, and the building
    for k in range(rows.shape[0]):
        row, col = rows[k], cols[k]
        if is_taken[row, col]:
            continue
        for r in range(row - 1, row + 2):
            for c in range(col - 1, col + 2):
                cells[r, c] = _EMPTY
                is_taken[r, c] = True
        cells[row, col] = kinds[k]
