"""CogsGuard as everything above the games sees it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from coglab.config.errors import UserError
from coglab.games.cogsguard.config import CogsGuardConfig
from coglab.games.cogsguard.interface import COGSGUARD
from coglab.games.cogsguard.memory_layout import VIBES
from coglab.games.cogsguard.missions import find_mission, is_text_map
from coglab.games.cogsguard.teachers import registry
from coglab.games.game import Game

if TYPE_CHECKING:
    from coglab.engine.mapgen.config import MapPoolConfig
    from coglab.games.interface import GameInterface
    from coglab.games.reading import Reading


class CogsGuard(Game):
    """The game CogsGuard."""

    kind = "cogsguard"
    example = "recipes.experiment.cogsguard"
    headline = ("reward", "heart.gained", "cogs/aligned.junction.held")
    collectives = ("clips", "cogs")
    shown_teacher = "metta://policy/cogsguard?gear=10"
    vibes = VIBES

    def check(self, config: CogsGuardConfig) -> None:
        """Refuse a mission that does not exist; see `Game.check`."""
        if not is_text_map(config.mission):
            find_mission(config.mission)
        elif not Path(config.mission).is_file():
            raise UserError(
                f"`mission={config.mission}`: there is no such file. A text map is named by its path, "
                "for example `mission=maps/yard.map`; `mission=arena` is a stock mission."
            )

    def title(self, config: CogsGuardConfig) -> str:
        """See `Game.title`."""
        return config.mission

    def describe(self, config: CogsGuardConfig) -> str:
        """See `Game.describe`."""
        return f"{config.kind} {config.mission}, rules {config.rules}"

    def interfaces(self) -> tuple[GameInterface, ...]:
        """See `Game.interfaces`."""
        return (COGSGUARD,)

    def reading(self) -> Reading:
        """See `Game.reading`."""
        from coglab.games.cogsguard.reading import READING

        return READING

    def training_maps(self, config: CogsGuardConfig, pool: MapPoolConfig, seed: int) -> Any:
        """See `Game.training_maps`."""
        from coglab.games.cogsguard.mapgen import MapPool

        return MapPool.for_training(config, pool, seed)

    def held_out_maps(self, config: CogsGuardConfig, maps: int, first_seed: int) -> Any:
        """See `Game.held_out_maps`."""
        from coglab.games.cogsguard.mapgen import MapPool

        return MapPool.for_evaluation(config, maps, first_seed=first_seed)

    def make_sim(self, config: CogsGuardConfig, num_envs: int, maps: Any, **options: Any) -> Any:
        """See `Game.make_sim`."""
        from coglab.games.cogsguard.sim import CogsGuardSim

        return CogsGuardSim(config, num_envs, maps, **options)

    def teachers(self) -> Mapping[str, Any]:
        """See `Game.teachers`."""
        return registry.TEACHERS

    def teacher_rows(self) -> list[dict[str, str]]:
        """With what was measured; see `Game.teacher_rows`."""
        from coglab.games.cogsguard.teachers.scores import SETTINGS, teacher_rows

        return [
            {key: row[key] for key in ("uri", "summary", "pros", "cons")}
            | {
                "use": row["recommendation"],
                "measured": " | ".join(row[setting] for setting in SETTINGS) + f"; {row['speed']}",
            }
            for row in teacher_rows()
        ]

    def teacher_listing(self) -> str:
        """With what was measured; see `Game.teacher_listing`."""
        from coglab.games.cogsguard.teachers.scores import listing

        return listing()

    def parse_teacher(self, uri: str) -> Any:
        """See `Game.parse_teacher`."""
        return registry.parse_teacher_uri(uri)

    def make_teacher(self, uri: str, sim: Any, memory: Any | None = None) -> Any:
        """See `Game.make_teacher`."""
        from coglab.games.cogsguard.teachers import make_teacher

        return make_teacher(uri, sim, memory=memory)

    def make_memory(self, num_rows: int, num_agents: int) -> Any:
        """See `Game.make_memory`."""
        from coglab.games.cogsguard.memory import MapMemory

        return MapMemory(num_rows, num_agents)

    def make_team_facts(self, sim: Any) -> Any:
        """See `Game.make_team_facts`."""
        from coglab.games.cogsguard.team_view import TeamFacts

        return TeamFacts(sim)
