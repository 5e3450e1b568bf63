"""Settings of the game CogsGuard. The rules themselves are in `step.py`, their numbers in `rules.py`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from coglab.config import Config
from coglab.engine.mapgen.config import MapPoolConfig as MapPoolConfig

RewardVariant = Literal["objective", "no_objective", "milestones", "credit", "penalize_vibe_change"]
RulesVersion = Literal["2026-02-01", "2026-01-24"]


class CogsGuardConfig(Config):
    """Which episode of CogsGuard is played."""

    kind: Literal["cogsguard"] = "cogsguard"
    """The game."""

    mission: str = "arena"
    """`arena` (50x50 cells), `machina_1` (88x88), `tutorial` (35x35), or the path of a text map (`FILE.map`)."""

    num_agents: int = Field(10, ge=1, le=64)
    """Agents per game. The stock missions have 20 start pads; a text map has as many as it has `@` cells."""

    max_steps: int | None = Field(None, ge=1)
    """Ticks per episode; left out, the mission's own: arena 1,000, machina_1 10,000, tutorial 2,000, text maps 1,000."""

    rules: RulesVersion = "2026-02-01"
    """Rule preset: `2026-02-01` (the published game) or `2026-01-24` (a week earlier, see docs)."""

    reward_variants: tuple[RewardVariant, ...] = ()
    """Extra reward entries, stackable: `milestones`, `credit`, `penalize_vibe_change`, `no_objective`."""

    wealth: int = Field(1, ge=1, le=6000)
    """Multiplies the team's initial stock (10 of each element and 5 hearts)."""

    initial_stock: dict[str, int] = Field(default_factory=dict)
    """Overrides of the initial stock by resource name, before `wealth`: `{heart: 10}`."""

    energy_regen: int = Field(1, ge=0, le=1000)
    """Energy that every agent gains each tick."""

    move_cost: int = Field(3, ge=0, le=1000)
    """Energy that a successful move or use costs."""
