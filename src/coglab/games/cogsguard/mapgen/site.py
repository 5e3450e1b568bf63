"""The stock missions as sites: which buildings stand in the open and in the compound. `engine/mapgen` draws them."""

from __future__ import annotations

from functools import cache

import numpy as np

from coglab.engine.mapgen.compound import Compound
from coglab.engine.mapgen.site import Site, draw_site, kinds_of_cells
from coglab.games.cogsguard import rules
from coglab.games.cogsguard.config import RulesVersion
from coglab.games.cogsguard.missions import Mission, find_mission

_CORNER = 2
"""The corner extractors stand this many cells from the compound's sides, its walls included."""

_EXTRACTORS = (
    rules.GERMANIUM_EXTRACTOR,
    rules.SILICON_EXTRACTOR,
    rules.OXYGEN_EXTRACTOR,
    rules.CARBON_EXTRACTOR,
)


def generate_kinds(
    mission: str, num_agents: int, seed: int, ruleset: RulesVersion = "2026-02-01"
) -> np.ndarray:
    """Draw a map as kinds: what `generate_map` returns as names.

    Args:
        mission: name of a stock mission.
        num_agents: start cells, 1 to the compound's capacity. Missions have 20 pads (tutorial 1), of which a random
            subset is kept; a larger team gets exactly as many pads as it needs.
        seed: map seed, 0 or more.
        ruleset: the rules of which date; they differ in the odds of buildings.

    Returns:
        `[H, W] uint8`, see `rules.KINDS`.

    Raises:
        UserError: no such mission, or more agents than the compound has room for.
    """
    cells = draw_site(site_of(find_mission(mission).name, ruleset), num_agents, seed)
    return kinds_of_cells(cells, empty=rules.EMPTY, start=rules.AGENT, wall=rules.WALL)


@cache
def site_of(mission: str, ruleset: RulesVersion = "2026-02-01") -> Site:
    """Return what the maps of a stock mission are drawn from.

    Raises:
        UserError: no such mission.
    """
    facts = find_mission(mission)
    return Site(
        name=facts.name,
        size=facts.inner_size,
        layers=facts.layers,
        building_coverage=facts.building_coverage,
        building_odds=_building_odds(facts, ruleset),
        compound=compound_of(facts),
        start_pads=facts.start_pads,
    )


def compound_of(mission: Mission) -> Compound:
    """Return the compound of a stock mission: hub, junction, stations, chests, and an extractor in every corner."""
    middle, far = mission.hub_size // 2, mission.hub_size - 1 - _CORNER
    return Compound(
        size=mission.hub_size,
        clearing=mission.hub_clearing,
        objects=(
            (middle, middle, rules.HUB),
            (middle, middle - 3, rules.JUNCTION),
            (middle, middle + 3, rules.CHEST),
            (middle - 4, middle + 5, rules.ALIGNER_STATION),
            (middle - 2, middle + 5, rules.SCRAMBLER_STATION),
            (middle, middle + 5, rules.MINER_STATION),
            (middle + 2, middle + 5, rules.SCOUT_STATION),
            (middle + 4, middle + 5, rules.CHEST),
            (_CORNER, _CORNER, rules.CARBON_EXTRACTOR),
            (far, _CORNER, rules.OXYGEN_EXTRACTOR),
            (_CORNER, far, rules.GERMANIUM_EXTRACTOR),
            (far, far, rules.SILICON_EXTRACTOR),
        ),
    )


def _building_odds(mission: Mission, ruleset: RulesVersion) -> tuple[tuple[int, float], ...]:
    if ruleset == "2026-01-24":
        junction, extractors = 0.6, (0.5, 0.3, 0.3, 0.3)
    else:
        junction, extractors = mission.junction_weight, (mission.extractor_weight,) * 4
    return ((rules.JUNCTION, junction), *zip(_EXTRACTORS, extractors, strict=True))
