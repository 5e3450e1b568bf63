"""The biomes that are painted on patches: forest, desert, city; each ends by dithering the edges of its walls."""

from __future__ import annotations

import math

import numpy as np

from coglab.engine.mapgen.cells import EMPTY, WALL

_TREE_SEED, _TREE_GROWTH, _TREE_NEIGHBOURS, _TREE_ROUNDS = 0.03, 0.5, 3, 2
_DUNE_PERIOD, _DUNE_WIDTH, _DUNE_GAP = 8, 1, 0.1
_BLOCK_PERIOD, _BLOCK_OFFSET, _BLOCK_SIZE, _BLOCK_KEEP = 10, 3, 4, 0.9
_DITHER_DEPTH, _DITHER_CHANCE = 5, 0.15


def paint_forest(cells: np.ndarray, rng: np.random.Generator) -> None:
    """Stamp trees that cluster, then dither.

    Args:
        cells: `[h, w] uint8`, mutated.
        rng: stream of the scene.

    Source: docs/02-rules.md, "Terrain"; the same for every scene of this file.
    """
    is_tree = rng.random(cells.shape) < _TREE_SEED
    for _ in range(_TREE_ROUNDS):
        is_crowded = _count_neighbours(is_tree) >= _TREE_NEIGHBOURS
        is_tree = is_tree | (is_crowded & (rng.random(cells.shape) < _TREE_GROWTH))
    cells[is_tree] = WALL
    dither(cells, rng)


def paint_desert(cells: np.ndarray, rng: np.random.Generator) -> None:
    """Stamp diagonal dunes with gaps, then dither.

    Args:
        cells: `[h, w] uint8`, mutated.
        rng: stream of the scene.
    """
    height, width = cells.shape
    diagonal = (np.arange(height)[:, None] + np.arange(width)[None, :]) / math.sqrt(2)
    is_dune = diagonal % _DUNE_PERIOD < _DUNE_WIDTH
    is_dune &= ~(rng.random(cells.shape) < _DUNE_GAP)
    cells[is_dune] = WALL
    dither(cells, rng)


def paint_city(cells: np.ndarray, rng: np.random.Generator) -> None:
    """Stamp square blocks of wall on a lattice, then dither.

    Args:
        cells: `[h, w] uint8`, mutated.
        rng: stream of the scene.
    """
    height, width = cells.shape
    for y in range(0, height, _BLOCK_PERIOD):
        for x in range(0, width, _BLOCK_PERIOD):
            if rng.random() <= _BLOCK_KEEP:
                rng.integers(-1, 2, size=2)  # drawn by the published game, and unused there too
                top, left = y + _BLOCK_OFFSET, x + _BLOCK_OFFSET
                cells[top : top + _BLOCK_SIZE, left : left + _BLOCK_SIZE] = WALL
    dither(cells, rng)


def dither(cells: np.ndarray, rng: np.random.Generator) -> None:
    """Flip cells near the border of wall and open ground, the likelier the nearer.

    A rim of 5 cells stays as it is, so patches of 10 cells a side or less do not change.

    Args:
        cells: `[h, w] uint8`, mutated: walls become floor, everything else becomes wall.
        rng: stream of the scene.
    """
    if min(cells.shape) <= 2 * _DITHER_DEPTH:
        return  # nothing inside the rim; the draws that this saves are the scene's last
    is_wall = cells == WALL
    is_reached = np.where(is_wall, _grow(~is_wall), _grow(is_wall))
    steps_to_edge = np.full(cells.shape, _DITHER_DEPTH + 1)
    steps_to_edge[is_reached] = 1  # the edge itself counts like the cells beside it
    for step in range(1, _DITHER_DEPTH + 1):
        is_grown = _grow(is_reached)
        steps_to_edge[is_grown & ~is_reached] = step
        is_reached = is_grown
    chance = _DITHER_CHANCE * (_DITHER_DEPTH + 1 - steps_to_edge) / _DITHER_DEPTH
    does_flip = rng.random(cells.shape) < chance
    inner = (slice(_DITHER_DEPTH, -_DITHER_DEPTH), slice(_DITHER_DEPTH, -_DITHER_DEPTH))
    flipped = np.where(is_wall, EMPTY, WALL)
    cells[inner] = np.where(does_flip, flipped, cells)[inner]


def _count_neighbours(cells: np.ndarray) -> np.ndarray:
    """Count the true cells among the 8 neighbours ([h, w] bool -> int); outside there are none."""
    wide = np.pad(cells.astype(np.int8), 1)
    rows = wide[:-2] + wide[1:-1] + wide[2:]
    return rows[:, :-2] + rows[:, 1:-1] + rows[:, 2:] - cells


def _grow(cells: np.ndarray) -> np.ndarray:
    """Add the 8 neighbours of every true cell ([h, w] bool)."""
    rows = cells.copy()
    rows[1:] |= cells[:-1]
    rows[:-1] |= cells[1:]
    grown = rows.copy()
    grown[:, 1:] |= rows[:, :-1]
    grown[:, :-1] |= rows[:, 1:]
    return grown
