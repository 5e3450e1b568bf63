"""The site of machina_1: which stations stand in the open and in the compound. `engine/mapgen` draws it."""

from __future__ import annotations

import numpy as np

from coglab.engine.mapgen.compound import Compound
from coglab.engine.mapgen.site import Site, draw_site, kinds_of_cells
from coglab.games.machina1 import rules
from coglab.games.machina1.names import KINDS

_HUB_SIZE, _MIDDLE = 21, 10
_NAMES = np.array(KINDS)

SITE = Site(
    name="machina_1",
    size=88,
    layers="sequential",
    building_coverage=0.0175,
    building_odds=(
        (rules.CHARGER, 0.6),
        (rules.GERMANIUM_EXTRACTOR, 0.5),
        (rules.SILICON_EXTRACTOR, 0.3),
        (rules.OXYGEN_EXTRACTOR, 0.3),
        (rules.CARBON_EXTRACTOR, 0.3),
    ),
    compound=Compound(
        size=_HUB_SIZE,
        clearing=3,
        objects=(
            (_MIDDLE, _MIDDLE, rules.ASSEMBLER),
            (_MIDDLE, _MIDDLE - 3, rules.CHARGER),
            (_MIDDLE, _MIDDLE + 3, rules.CHEST),
        ),
    ),
    start_pads=20,
)
"""What every map of the mission `machina_1.open_world` is drawn from."""


def generate_map(num_agents: int, seed: int) -> np.ndarray:
    """Draw a map.

    Args:
        num_agents: start cells. The site has 20 pads, of which a random subset is kept; a larger team gets exactly as
            many pads as it needs, at most 58.
        seed: map seed, 0 or more; equal seeds give equal maps.

    Returns:
        `[98, 98] str`: cell names (`names.KINDS`), `agent` for a start cell, 5 cells of wall on every side. The
        assembler stands at (48, 48).

    Raises:
        UserError: more agents than the compound has room for.
    """
    return _NAMES[generate_kinds(num_agents, seed)]


def generate_kinds(num_agents: int, seed: int) -> np.ndarray:
    """Draw a map as kinds: what `generate_map` returns as names.

    Returns:
        `[98, 98] uint8`, see `names.KINDS`.

    Raises:
        UserError: more agents than the compound has room for.
    """
    cells = draw_site(SITE, num_agents, seed)
    return kinds_of_cells(cells, empty=rules.EMPTY, start=rules.AGENT, wall=rules.WALL)
