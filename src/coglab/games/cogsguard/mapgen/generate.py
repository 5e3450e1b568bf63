"""`generate_map`: a map of a stock mission as cell names."""

from __future__ import annotations

import numpy as np

from coglab.games.cogsguard import rules
from coglab.games.cogsguard.config import RulesVersion
from coglab.games.cogsguard.mapgen.site import generate_kinds

_NAMES = np.array(rules.KINDS)


def generate_map(
    mission: str, num_agents: int, seed: int, ruleset: RulesVersion = "2026-02-01"
) -> np.ndarray:
    """Draw a map of a stock mission.

    Args:
        mission: `arena`, `machina_1` or `tutorial`.
        num_agents: start cells of the map.
        seed: map seed, 0 or more; equal seeds give equal maps.
        ruleset: the rules of which date; they differ in the odds of buildings.

    Returns:
        `[H, W] str`: cell names (`rules.KINDS`), `agent.agent` for a start cell, 5 cells of wall on every side.

    Raises:
        UserError: no such mission, or more agents than its compound has room for.
    """
    return _NAMES[generate_kinds(mission, num_agents, seed, ruleset)]
