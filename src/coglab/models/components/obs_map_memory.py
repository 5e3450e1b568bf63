"""`obs_map_memory`: what the agent's map memory knows, as rows of a summed table."""

from __future__ import annotations

from typing import Any

from coglab.models.vocabulary import RowAllocator


class MapMemoryRows:
    """Placeholder until the map memory exists."""

    num_ids = 64

    def __init__(self, rows: RowAllocator) -> None:
        raise NotImplementedError

    def describe(self) -> dict[str, Any]:
        """Nothing yet."""
        return {}


def write_memory_ids() -> None:
    """Nothing yet."""
