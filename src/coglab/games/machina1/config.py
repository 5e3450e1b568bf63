"""Settings of the game machina_1 (mission `machina_1.open_world`)."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from coglab.config import Config, Count


class Machina1Config(Config):
    """Which episode of machina_1 is played."""

    kind: Literal["machina1"] = "machina1"
    """The game."""

    num_agents: int = Field(4, ge=1, le=24)
    """Agents per game. One heart for four costs 62.5 % of four single ones, so four is the natural team."""

    max_steps: Count = Field(10_000, ge=1)
    """Ticks per episode."""
