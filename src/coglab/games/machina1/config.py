"""Settings of the game machina_1 (mission `machina_1.open_world`). The rules themselves are in `step.py`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from coglab.config import Config, Count
from coglab.games.machina1.names import ALL_VIBES, USED_VIBES

RewardVariant = Literal["heart_chorus", "base"]


class Machina1Config(Config):
    """Which episode of machina_1 is played."""

    kind: Literal["machina1"] = "machina1"
    """The game."""

    num_agents: int = Field(4, ge=1, le=64)
    """Agents per game. One heart for four costs 62.5 % of four single ones, so four is the natural team. The stock map
    has 20 start pads; a map of one's own has as many as it has `agent` cells."""

    max_steps: Count = Field(10_000, ge=1)
    """Ticks per episode."""

    vibes: int = ALL_VIBES
    """Vibes, each an action: 152 as published (157 actions), or 13, those that do anything (18 actions). Fewer actions
    are learned sooner; policies of the two forms do not fit each other."""

    reward: RewardVariant = "heart_chorus"
    """`heart_chorus`: every heart made pays 1 to every agent, and every heart put into a chest 1 to who put it there.
    `base`: the latter only."""

    diversity_bonus: bool = False
    """Pay an agent once per episode when it first holds 2, 3, 4, 5 kinds of (energy, elements, heart) at the end of a
    tick: 0.17, 0.18, 0.60, 0.97. The published variant names this bonus but its engine never pays it."""

    @field_validator("vibes")
    @classmethod
    def _is_one_of_two_forms(cls, vibes: int) -> int:
        if vibes not in (ALL_VIBES, USED_VIBES):
            raise ValueError(f"{ALL_VIBES} for all, {USED_VIBES} for those that do anything")
        return vibes
