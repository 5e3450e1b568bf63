"""machina_1 as everything above the games sees it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from coglab.games.game import Game
from coglab.games.machina1.config import Machina1Config
from coglab.games.machina1.interface import MACHINA1, machina1_interface
from coglab.games.machina1.names import USED_VIBES, VIBES
from coglab.games.machina1.teachers import registry

if TYPE_CHECKING:
    import numpy as np

    from coglab.engine.mapgen.config import MapPoolConfig
    from coglab.games.interface import GameInterface
    from coglab.games.reading import Reading


class Machina1(Game):
    """The game machina_1."""

    kind = "machina1"
    example = "recipes.experiment.machina1_cloner"
    headline = ("reward", "heart.gained", "of_solo_ceiling", "of_quartet_ceiling")
    collectives = ()
    shown_teacher = "metta://policy/dinky:v15"
    vibes = VIBES

    def check(self, config: Machina1Config) -> None:
        """Nothing in the settings refers to anything by name; see `Game.check`."""

    def title(self, config: Machina1Config) -> str:
        """See `Game.title`."""
        return "machina_1"

    def describe(self, config: Machina1Config) -> str:
        """See `Game.describe`."""
        return f"{config.kind} ({config.reward}, {config.vibes} vibes)"

    def interfaces(self) -> tuple[GameInterface, ...]:
        """See `Game.interfaces`."""
        return (MACHINA1, machina1_interface(USED_VIBES))

    def interface(self, config: Machina1Config) -> GameInterface:
        """See `Game.interface`."""
        return machina1_interface(config.vibes)

    def setting_of(self, interface: GameInterface) -> str:
        """See `Game.setting_of`."""
        vibes = sum(name.startswith("change_vibe_") for name in interface.action_names)
        return f"vibes={vibes}"

    def reading(self) -> Reading:
        """See `Game.reading`."""
        from coglab.games.machina1.reading import READING

        return READING

    def training_maps(self, config: Machina1Config, pool: MapPoolConfig, seed: int) -> Any:
        """See `Game.training_maps`."""
        from coglab.games.machina1.mapgen import MapPool

        return MapPool.for_training(config, pool, seed)

    def held_out_maps(self, config: Machina1Config, maps: int, first_seed: int) -> Any:
        """See `Game.held_out_maps`."""
        from coglab.games.machina1.mapgen import MapPool

        return MapPool.for_evaluation(config, maps, first_seed=first_seed)

    def make_sim(self, config: Machina1Config, num_envs: int, maps: Any, **options: Any) -> Any:
        """See `Game.make_sim`."""
        from coglab.games.machina1.sim import Machina1Sim

        return Machina1Sim(config, num_envs, maps, **options)

    def teachers(self) -> Mapping[str, Any]:
        """See `Game.teachers`."""
        return registry.TEACHERS

    def parse_teacher(self, uri: str) -> Any:
        """See `Game.parse_teacher`."""
        return registry.parse_teacher_uri(uri)

    def make_teacher(self, uri: str, sim: Any, memory: Any | None = None) -> Any:
        """See `Game.make_teacher`."""
        from coglab.games.machina1.teachers import make_teacher

        return make_teacher(uri, sim, memory=memory)

    def make_memory(self, num_rows: int, num_agents: int) -> Any:
        """See `Game.make_memory`."""
        from coglab.games.machina1.memory import MapMemory

        return MapMemory(num_rows, num_agents)

    def make_team_facts(self, sim: Any) -> Any:
        """See `Game.make_team_facts`."""
        from coglab.games.machina1.team_view import TeamFacts

        return TeamFacts(sim)

    def map_metrics(self, sim: Any, episode: Any) -> dict[str, np.ndarray]:
        """Hearts made as a share of what the map has material for, crafting alone and four together."""
        from coglab.games.machina1.mapgen.ceiling import material_ceiling

        made = episode.agent[:, :, sim.agent_stats.index("heart.gained")].sum(axis=1)
        counts = sim.maps.compiled.info["kind_count"][sim.state.games["map_slot"]]
        return {
            "of_solo_ceiling": made / material_ceiling(counts, 1),
            "of_quartet_ceiling": made / material_ceiling(counts, min(4, sim.num_agents)),
        }
