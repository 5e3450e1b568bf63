"""The dungeons that are painted on patches: two kinds of maze, and open rays from a centre."""

from __future__ import annotations

import math

import numpy as np

from coglab.engine.mapgen.cells import EMPTY, WALL

_ROOM = 3
_PITCH = _ROOM + 1
"""Rooms are 3 cells a side, the walls between them one; room (i, j) begins at cell (4 i, 4 j)."""

_RAYS = 8


def paint_depth_first_maze(cells: np.ndarray, rng: np.random.Generator) -> None:
    """Fill the patch with walls and dig a maze that always prefers to go on; long, winding corridors.

    Args:
        cells: `[h, w] uint8`, overwritten. A strip that no room fits in stays wall.
        rng: stream of the scene.

    Source: docs/02-rules.md, "Terrain"; the same for every scene of this file.
    """
    rows, cols = _rooms(cells)
    cells[:] = WALL
    _open_room(cells, 0, 0)
    visited, stack = {(0, 0)}, [(0, 0)]
    while stack:
        i, j = stack[-1]
        around = ((i - 1, j), (i + 1, j), (i, j + 1), (i, j - 1))
        free = [
            (a, b) for a, b in around if 0 <= a < rows and 0 <= b < cols and (a, b) not in visited
        ]
        if not free:
            stack.pop()
            continue
        room = free[int(rng.integers(0, len(free)))]
        _open_room(cells, *room)
        _open_between(cells, (i, j), room)
        visited.add(room)
        stack.append(room)


def paint_kruskal_maze(cells: np.ndarray, rng: np.random.Generator) -> None:
    """Wall the rooms off and open walls in random order where that joins two parts; many short dead ends.

    Args:
        cells: `[h, w] uint8`, overwritten. A strip that no room fits in stays open.
        rng: stream of the scene.
    """
    rows, cols = _rooms(cells)
    cells[:] = EMPTY
    cells[:, _ROOM : (cols - 1) * _PITCH : _PITCH] = WALL
    cells[_ROOM : (rows - 1) * _PITCH : _PITCH, :] = WALL
    walls = [((i, j), (i + 1, j)) for j in range(cols) for i in range(rows - 1)]
    walls += [((i, j), (i, j + 1)) for j in range(cols - 1) for i in range(rows)]
    rng.shuffle(walls)
    leader = {(i, j): (i, j) for i in range(rows) for j in range(cols)}

    def part_of(room: tuple[int, int]) -> tuple[int, int]:
        while leader[room] != room:
            room = leader[room]
        return room

    for first, second in walls:
        if part_of(first) != part_of(second):
            leader[part_of(first)] = part_of(second)
            _open_between(cells, first, second)


def paint_radial(cells: np.ndarray, rng: np.random.Generator) -> None:
    """Clear eight rays of two cells' width from the centre of the patch; nothing is walled.

    Args:
        cells: `[h, w] uint8`, mutated.
        rng: unused; all scenes are called alike.
    """
    height, width = cells.shape
    x, y = width // 2, height // 2
    length = min(width, height) // 2 - 1
    for ray in range(_RAYS):
        angle = 2 * math.pi * ray / _RAYS
        # Rays run along rows, columns and exact diagonals, so a line is the same step over and over.
        step_x, step_y = round(math.cos(angle)), round(math.sin(angle))
        for k in range(round(length * max(abs(math.cos(angle)), abs(math.sin(angle)))) + 1):
            row, col = y + k * step_y, x + k * step_x
            cells[max(0, row - 1) : row + 1, max(0, col - 1) : col + 1] = EMPTY


def _rooms(cells: np.ndarray) -> tuple[int, int]:
    """Return how many rooms fit in rows and columns."""
    return (cells.shape[0] + 1) // _PITCH, (cells.shape[1] + 1) // _PITCH


def _open_room(cells: np.ndarray, i: int, j: int) -> None:
    cells[i * _PITCH : i * _PITCH + _ROOM, j * _PITCH : j * _PITCH + _ROOM] = EMPTY


def _open_between(cells: np.ndarray, first: tuple[int, int], second: tuple[int, int]) -> None:
    """Open the wall between two rooms that are neighbours."""
    i, j = min(first, second)
    if first[0] == second[0]:
        cells[i * _PITCH : i * _PITCH + _ROOM, j * _PITCH + _ROOM] = EMPTY
    else:
        cells[i * _PITCH + _ROOM, j * _PITCH : j * _PITCH + _ROOM] = EMPTY
