"""How many hearts a map has material for: what evaluations divide by."""

from __future__ import annotations

import numpy as np

from coglab.games.machina1.names import KINDS

MOST_TOGETHER = 4
"""Agents of the largest recipe."""

# What one extractor gives until it is empty, pressed by one agent that waits for its cooldown.
_YIELD = {
    "carbon_extractor": 50,
    "oxygen_extractor": 50,
    "germanium_extractor": 10,
    "silicon_extractor": 150,
}


def count_kinds(grid: np.ndarray) -> np.ndarray:
    """Count the cells of each kind on a map.

    Args:
        grid: `[H, W] str` cell names, or uint8 kinds.

    Returns:
        `[len(KINDS)] int64`.
    """
    if grid.dtype == np.uint8:
        return np.bincount(grid.ravel(), minlength=len(KINDS))
    return np.array([(grid == name).sum() for name in KINDS], np.int64)


def material_ceiling(kind_count: np.ndarray, together: int) -> np.ndarray:
    """Return the hearts that a team can make on a map if it always crafts by one recipe and wastes nothing.

    A recipe for n agents makes n hearts of 10 + 5 (n - 1) carbon and as much oxygen, a fifth of that germanium and
    three times that silicon. Germanium is counted as one agent presses it: 10 from each extractor. Several agents
    beside one get up to 25, but germanium is the scarcest on 4 of 1,000 drawn maps only.

    Args:
        kind_count: `[..., len(KINDS)] int`, extractors by kind; see `count_kinds`.
        together: n, the agents of the recipe, 1 to 4.

    Returns:
        `[...] int64`, hearts of the whole team; divide by the agents for hearts per agent.

    Raises:
        ValueError: there is no recipe for so many agents.

    Source: means over 200 published maps: 15.85 hearts per agent of four crafting alone, 25.36 together.
    """
    if not 1 <= together <= MOST_TOGETHER:
        raise ValueError(f"together={together}: recipes are for 1 to {MOST_TOGETHER} agents")
    carbon = 10 + 5 * (together - 1)
    price = {
        "carbon_extractor": carbon,
        "oxygen_extractor": carbon,
        "germanium_extractor": carbon // 5,
        "silicon_extractor": 3 * carbon,
    }
    kind_count = np.asarray(kind_count, np.int64)
    crafts = [
        kind_count[..., KINDS.index(name)] * amount // price[name]
        for name, amount in _YIELD.items()
    ]
    return together * np.min(crafts, axis=0)
