"""How checkpoints are kept. Imports neither torch nor numba."""

from __future__ import annotations

from pydantic import Field

from coglab.config import Config


class CheckpointerConfig(Config):
    """When checkpoints are written and how many are kept."""

    interval_s: float = Field(60.0, gt=0)
    """Seconds between checkpoints; at least twenty times as long as writing one took, where that is over a second."""

    keep_last: int = Field(3, ge=1)
    """Newest checkpoints kept. The best one (by `overview/reward`) is kept besides."""
