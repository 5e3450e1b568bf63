"""Where patches of terrain go: the square is split into zones, and each chosen zone gets one patch in its middle."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

_LEAST_PATCH = 10


class Zone(NamedTuple):
    """A rectangle of the inner square, in cells; (x, y) is its top left corner."""

    x: int
    y: int
    width: int
    height: int


def split_zones(size: int, count: int, rng: np.random.Generator) -> list[Zone]:
    """Split a `size` x `size` square into `count` zones by cutting one rectangle after the other in two.

    Long rectangles are cut across; for the others a coin decides. A cut leaves at least a third on either side.

    Args:
        size: side of the square, in cells.
        count: number of zones, at least 1.
        rng: stream of the layer.

    Returns:
        The zones in the order in which later draws number them.
    """
    queue = [Zone(0, 0, size, size)]
    for _ in range(count - 1):
        zone = queue.pop(0)
        if zone.width > 2 * zone.height:
            is_stacked = False
        elif zone.height > 2 * zone.width:
            is_stacked = True
        else:
            is_stacked = int(rng.integers(0, 2)) == 0
        length = zone.height if is_stacked else zone.width
        first = int(rng.integers(length // 3, length - length // 3 + 1))
        if is_stacked:
            parts = [
                zone._replace(height=first),
                zone._replace(y=zone.y + first, height=zone.height - first),
            ]
        else:
            parts = [
                zone._replace(width=first),
                zone._replace(x=zone.x + first, width=zone.width - first),
            ]
        if rng.random() < 0.5:
            parts.reverse()
        queue += parts
    return queue


def patch_limit(size: int, fraction: float) -> int:
    """Return the longest side of a patch in a square of `size`: a fraction of it, at most half, at least 10 cells."""
    return max(_LEAST_PATCH, int(min(size * fraction, size // 2)))


def patch_in(zone: Zone, limit: int) -> tuple[slice, slice]:
    """Return (rows, columns) of the patch in the middle of `zone`, at most `limit` cells a side."""
    width, height = min(zone.width, limit), min(zone.height, limit)
    x, y = zone.x + (zone.width - width) // 2, zone.y + (zone.height - height) // 2
    return slice(y, y + height), slice(x, x + width)
