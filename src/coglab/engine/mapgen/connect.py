"""Tunnels that join every part of the floor to the largest one."""

from __future__ import annotations

import numpy as np

from coglab.engine.jit import kernel
from coglab.engine.mapgen.cells import EMPTY

_FLOOR_COST = 1
_OTHER_COST = 10
_BUCKETS = _OTHER_COST + 1
# Up, right, down, left: among paths of equal cost the order decides.
_STEP_ROW = np.array([-1, 0, 1, 0], np.int64)
_STEP_COL = np.array([0, 1, 0, -1], np.int64)


@kernel
def connect_floor(cells: np.ndarray) -> None:
    """Dig the cheapest tunnels that leave the floor in one piece.

    Floor costs 1 a cell, anything else 10. Each part is joined to the largest one (the first of them in row-major
    order) from its cheapest cell. Start pads are not floor here, either; a tunnel may run through them.

    Args:
        cells: `[S, S] uint8`, mutated: cells of tunnels become floor.

    Source: docs/02-rules.md, "Tunnels".
    """
    height, width = cells.shape
    size = height * width
    flat = cells.copy().reshape(size)
    part = np.full(size, -1, np.int64)
    part_size = np.zeros(size, np.int64)
    queue = np.empty(size, np.int64)

    # 1. Number the parts in row-major order of their first cells.
    parts = 0
    for start in range(size):
        if flat[start] != EMPTY or part[start] >= 0:
            continue
        part[start] = parts
        queue[0] = start
        head, tail = 0, 1
        while head < tail:
            cell = queue[head]
            head += 1
            row, col = cell // width, cell % width
            for d in range(4):
                r, c = row + _STEP_ROW[d], col + _STEP_COL[d]
                if 0 <= r < height and 0 <= c < width:
                    other = r * width + c
                    if flat[other] == EMPTY and part[other] < 0:
                        part[other] = parts
                        queue[tail] = other
                        tail += 1
        part_size[parts] = tail
        parts += 1
    if parts <= 1:
        return
    largest = np.argmax(part_size[:parts])

    # 2. Cheapest paths from the largest part. Costs grow by 1 or 10, so eleven first-come-first-served queues, used in
    #    turn, replace a heap. A cell is queued again whenever it becomes cheaper, at most once per neighbour.
    entry_cell = np.empty(5 * size, np.int64)
    entry_next = np.full(5 * size, -1, np.int64)
    first = np.full(_BUCKETS, -1, np.int64)
    last = np.full(_BUCKETS, -1, np.int64)
    cost = np.full(size, _OTHER_COST * size, np.int64)
    came_from = np.full(size, -1, np.int64)
    entries = 0
    for cell in range(size):
        if part[cell] == largest:
            cost[cell] = 0
            entry_cell[entries] = cell
            if entries > 0:
                entry_next[entries - 1] = entries
            entries += 1
    first[0], last[0] = 0, entries - 1
    waiting = entries
    now = 0
    while waiting > 0:
        bucket = now % _BUCKETS
        entry = first[bucket]
        if entry < 0:
            now += 1
            continue
        first[bucket] = entry_next[entry]
        waiting -= 1
        cell = entry_cell[entry]
        if cost[cell] < now:
            continue
        row, col = cell // width, cell % width
        for d in range(4):
            r, c = row + _STEP_ROW[d], col + _STEP_COL[d]
            if not (0 <= r < height and 0 <= c < width):
                continue
            other = r * width + c
            new_cost = now + (_FLOOR_COST if flat[other] == EMPTY else _OTHER_COST)
            if new_cost >= cost[other]:
                continue
            cost[other] = new_cost
            came_from[other] = cell
            target = new_cost % _BUCKETS
            entry_cell[entries] = other
            if first[target] < 0:
                first[target] = entries
            else:
                entry_next[last[target]] = entries
            last[target] = entries
            entries += 1
            waiting += 1

    # 3. From the cheapest cell of every other part, dig back.
    nearest = np.full(parts, -1, np.int64)
    for cell in range(size):
        k = part[cell]
        if k >= 0 and (nearest[k] < 0 or cost[cell] < cost[nearest[k]]):
            nearest[k] = cell
    for k in range(parts):
        cell = nearest[k]
        while cell >= 0:
            if flat[cell] != EMPTY:
                cells[cell // width, cell % width] = EMPTY
            cell = came_from[cell]
