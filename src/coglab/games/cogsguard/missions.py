"""The stock missions of CogsGuard as typed facts: map sizes, episode lengths, teams, initial stocks.

Light on purpose (no numpy, no kernels): `--help`, `--dry-run` and error messages read it. How a map is drawn from
these facts is in `mapgen/`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from coglab.config.errors import UserError, did_you_mean
from coglab.engine.mapgen.cells import BORDER
from coglab.games.cogsguard.config import CogsGuardConfig

TEXT_MAP_STEPS = 1000
"""Ticks of an episode on a text map when `max_steps` is left out."""

TEXT_MAP_SUFFIXES = (".map", ".txt")

STANDARD_STOCK: Mapping[str, int] = {
    "carbon": 10,
    "oxygen": 10,
    "germanium": 10,
    "silicon": 10,
    "heart": 5,
}
"""What the team owns at the start, before `wealth` multiplies it."""

Layers = Literal["sequential", "drawn"]


@dataclass(frozen=True)
class Mission:
    """One stock mission. Coordinates and sizes are in cells."""

    name: str
    inner_size: int
    """Side of the square that the scenes paint; the whole map has `BORDER` cells more on every side."""
    max_steps: int
    """Ticks per episode."""
    default_agents: int
    """Team size of the published mission."""
    start_pads: int
    """Pads around the hub; a team that is smaller starts on a random subset of them."""
    building_coverage: float
    """Places tried for buildings, as a share of the inner square without its rim."""
    layers: Layers
    """`sequential`: each biome and each dungeon once. `drawn`: patches whose content is drawn by lot."""
    junction_weight: int
    """Odds of a building being a junction, relative to `extractor_weight` for each of the four extractors."""
    extractor_weight: int
    hub_size: int
    """Side of the walled compound in the middle of the map."""
    hub_clearing: int
    """Cells around the compound that are cleared as well."""
    initial_stock: Mapping[str, int] = field(default_factory=lambda: STANDARD_STOCK)
    published_names: tuple[str, ...] = ()
    """Names of the same mission in the published package, accepted as aliases."""

    @property
    def map_size(self) -> int:
        """Side of the whole map."""
        return self.inner_size + 2 * BORDER


MISSIONS: dict[str, Mission] = {
    mission.name: mission
    for mission in (
        Mission(
            name="arena",
            inner_size=50,
            max_steps=1000,
            default_agents=8,
            start_pads=20,
            building_coverage=0.10,
            layers="drawn",
            junction_weight=7,
            extractor_weight=3,
            hub_size=21,
            hub_clearing=3,
            published_names=("cogsguard_arena", "cogsguard_arena.basic"),
        ),
        Mission(
            name="machina_1",
            inner_size=88,
            max_steps=10_000,
            default_agents=8,
            start_pads=20,
            building_coverage=0.05,
            layers="sequential",
            junction_weight=3,
            extractor_weight=1,
            hub_size=21,
            hub_clearing=3,
            published_names=("cogsguard_machina_1", "cogsguard_machina_1.basic"),
        ),
        Mission(
            name="tutorial",
            inner_size=35,
            max_steps=2000,
            default_agents=1,
            start_pads=1,
            building_coverage=0.05,
            layers="drawn",
            junction_weight=7,
            extractor_weight=3,
            hub_size=15,
            hub_clearing=2,
            initial_stock={"carbon": 50, "oxygen": 50, "germanium": 50, "silicon": 50, "heart": 10},
            published_names=("cogsguard_tutorial", "cogsguard_tutorial.tutorial"),
        ),
    )
}


def is_text_map(mission: str) -> bool:
    """Whether `mission` names a text map (a path) rather than a stock mission."""
    return mission.endswith(TEXT_MAP_SUFFIXES) or "/" in mission or Path(mission).is_file()


def find_mission(name: str) -> Mission:
    """Return the stock mission of that name, or of that published name.

    Raises:
        UserError: no such mission; names the nearest one.
    """
    if name in MISSIONS:
        return MISSIONS[name]
    for mission in MISSIONS.values():
        if name in mission.published_names:
            return mission
    raise UserError(
        f"There is no mission `{name}`; the missions are {', '.join(MISSIONS)}, or the path of a text map, "
        f"for example `mission=my_yard.map`.{did_you_mean(name, MISSIONS)}"
    )


def resolve_max_steps(config: CogsGuardConfig) -> int:
    """Return the ticks per episode: the configuration's own, else the mission's.

    Raises:
        UserError: there is no such mission.
    """
    if config.max_steps is not None:
        return config.max_steps
    return TEXT_MAP_STEPS if is_text_map(config.mission) else find_mission(config.mission).max_steps


def mission_stock(mission: str) -> dict[str, int]:
    """Return the initial stock of a mission or text map by resource, before a configuration changes it.

    Raises:
        UserError: there is no such mission.
    """
    return dict(STANDARD_STOCK if is_text_map(mission) else find_mission(mission).initial_stock)
