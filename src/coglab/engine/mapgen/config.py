"""Settings of the maps that parallel games share."""

from __future__ import annotations

from pydantic import Field

from coglab.config import Config


class MapPoolConfig(Config):
    """The maps that parallel games draw from."""

    size: int = Field(256, ge=1, le=100_000)
    """Maps kept in memory and shared by all games. More maps: less over-fitting, a longer start-up."""

    refresh: int = Field(4, ge=0)
    """Maps replaced by new ones after every iteration, oldest first. 0 keeps the first pool for the whole run."""
