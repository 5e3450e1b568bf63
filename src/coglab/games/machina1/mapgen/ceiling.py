"""How many hearts a map has material for: what evaluations divide by."""

from __future__ import annotations

import numpy as np

from coglab.games.machina1 import rules
from coglab.games.machina1.maps import kinds_of


def count_kinds(grid: np.ndarray) -> np.ndarray:
    """Count the cells of each kind on a map.

    Args:
        grid: `[H, W] str` cell names, or uint8 kinds.

    Returns:
        `[len(KINDS)] int64`.
    """
    return np.bincount(kinds_of(grid).ravel(), minlength=rules.NUM_KINDS)


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
    if not 1 <= together <= rules.MOST_TOGETHER:
        raise ValueError(f"together={together}: recipes are for 1 to {rules.MOST_TOGETHER} agents")
    price = rules.PRICE[rules.FIRST_HEART_RECIPE + together - 1]
    kind_count = np.asarray(kind_count, np.int64)
    crafts = [
        kind_count[..., kind] * _yield_of(kind) // price[element]
        for element, kind in rules.EXTRACTOR_OF_ELEMENT.items()
    ]
    return together * np.min(crafts, axis=0)


def _yield_of(kind: int) -> int:
    """Return what an extractor gives until it is empty, if one agent presses it and waits for every cooldown."""
    return int(rules.MAX_USES[kind] * rules.OUTPUT_AMOUNT[rules.FIRST_RECIPE[kind]])
