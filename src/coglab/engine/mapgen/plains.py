"""Plains: small clusters of rock, grown by random walkers around jittered anchors."""

from __future__ import annotations

import numpy as np

from coglab.engine.jit import helper, kernel
from coglab.engine.mapgen.cells import WALL

_PERIOD = 7
_KEEP = 0.8
_JITTER = 2
_MAX_RADIUS = 2
_FILL = 0.7
_TURN = 0.35
_SPUR = 0.12
_STEP_X = np.array([1, -1, 0, 0], np.int64)  # headings: right, left, down, up
_STEP_Y = np.array([0, 0, 1, -1], np.int64)
_MOST_WALKERS = 4


def paint_plains(cells: np.ndarray, rng: np.random.Generator) -> None:
    """Stamp clusters of rock on a patch.

    Args:
        cells: `[h, w] uint8`, mutated; only walls are written.
        rng: stream of the scene.

    Source: docs/02-rules.md, "Terrain".
    """
    height, width = cells.shape
    x, y = np.meshgrid(np.arange(0, width, _PERIOD), np.arange(0, height, _PERIOD))
    anchors = np.stack([x.ravel(), y.ravel()], axis=1)
    anchors = anchors[rng.random(len(anchors)) <= _KEEP]
    anchors = anchors + rng.integers(-_JITTER, _JITTER + 1, size=anchors.shape)
    is_inside = ((anchors >= 0) & (anchors < (width, height))).all(axis=1)
    _grow_clusters(cells, anchors[is_inside], rng)


@helper
def _put_wall(cells: np.ndarray, x: int, y: int) -> None:
    if 0 <= y < cells.shape[0] and 0 <= x < cells.shape[1]:
        cells[y, x] = WALL


@kernel
def _grow_spurs(
    cells: np.ndarray,
    anchor_x: int,
    anchor_y: int,
    reach: int,
    fill: float,
    walkers: int,
    x: np.ndarray,
    y: np.ndarray,
    rng: np.random.Generator,
) -> None:
    """5. Some walkers grow a spur of up to two cells beside them (a kernel, because helpers cannot draw)."""
    spur_x = np.empty(_MOST_WALKERS, np.int64)
    spur_y = np.empty(_MOST_WALKERS, np.int64)
    step_x = np.empty(_MOST_WALKERS, np.int64)
    step_y = np.empty(_MOST_WALKERS, np.int64)
    is_near = np.empty(_MOST_WALKERS, np.bool_)
    spurs = 0
    for k in range(walkers):
        if rng.random() < _SPUR:
            spur_x[spurs], spur_y[spurs] = x[k], y[k]
            spurs += 1
    for k in range(spurs):
        direction = rng.integers(0, 4)
        step_x[k], step_y[k] = _STEP_X[direction], _STEP_Y[direction]
        is_near[k] = True
    # The second cell needs the first one to be in reach, not to have become rock.
    for _ in range(2):
        any_near = False
        for k in range(spurs):
            spur_x[k] += step_x[k]
            spur_y[k] += step_y[k]
            away_x, away_y = spur_x[k] - anchor_x, spur_y[k] - anchor_y
            is_near[k] = is_near[k] and away_x * away_x + away_y * away_y <= reach
            any_near = any_near or is_near[k]
        if not any_near:
            return
        # Every spur draws, near or not, as long as one is near.
        for k in range(spurs):
            if rng.random() <= fill and is_near[k]:
                _put_wall(cells, spur_x[k], spur_y[k])


@kernel
def _grow_clusters(cells: np.ndarray, anchors: np.ndarray, rng: np.random.Generator) -> None:
    """Let walkers leave rock around every anchor.

    One stream feeds all walkers, so the order of draws is part of the result: each numbered step below draws for all
    walkers of the cluster before the next step begins.
    """
    x = np.empty(_MOST_WALKERS, np.int64)
    y = np.empty(_MOST_WALKERS, np.int64)
    heading = np.empty(_MOST_WALKERS, np.int64)
    is_chosen = np.empty(_MOST_WALKERS, np.bool_)
    for anchor in range(anchors.shape[0]):
        anchor_x, anchor_y = anchors[anchor, 0], anchors[anchor, 1]
        radius = rng.integers(0, _MAX_RADIUS + 1)
        if radius == 0:
            _put_wall(cells, anchor_x, anchor_y)
            continue
        fill = _FILL * (0.6 + (1.0 - 0.6) * rng.random())
        walkers = rng.integers(2, _MOST_WALKERS + 1)
        reach = (radius + 1) * (radius + 1)
        for k in range(walkers):
            x[k], y[k], heading[k] = anchor_x, anchor_y, rng.integers(0, 4)
        for step in range(3 * radius):
            # 1. Rock where the walkers stand.
            for k in range(walkers):
                if rng.random() <= fill:
                    _put_wall(cells, x[k], y[k])
            # 2. Some turn.
            for k in range(walkers):
                is_chosen[k] = rng.random() < _TURN
            for k in range(walkers):
                if is_chosen[k]:
                    heading[k] = rng.integers(0, 4)
            # 3. Those about to leave the cluster turn, once: they may still leave it.
            for k in range(walkers):
                away_x = x[k] + _STEP_X[heading[k]] - anchor_x
                away_y = y[k] + _STEP_Y[heading[k]] - anchor_y
                if away_x * away_x + away_y * away_y > reach:
                    heading[k] = rng.integers(0, 4)
            # 4. All advance.
            for k in range(walkers):
                x[k] += _STEP_X[heading[k]]
                y[k] += _STEP_Y[heading[k]]
            if step > 1:
                _grow_spurs(cells, anchor_x, anchor_y, reach, fill, walkers, x, y, rng)
