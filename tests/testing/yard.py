"""A small game for tests of adapters and checks: two maps of 12x14 cells, three agents, short episodes."""

import numpy as np

from coglab.games.cogsguard.config import CogsGuardConfig
from coglab.games.cogsguard.maps import MapTable
from coglab.games.cogsguard.sim import CogsGuardSim

CELLS = {
    "#": "wall",
    ".": "empty",
    "@": "agent.agent",
    "H": "hub",
    "J": "junction",
    "C": "chest",
    "c": "carbon_extractor",
    "m": "miner_station",
}
YARD = """
##############
#............#
#.@..J....c..#
#............#
#...H...#....#
#.@.....#..J.#
#....C..#....#
#............#
#..m...@.....#
#........#...#
#.J......#...#
##############
"""


def yard_maps() -> MapTable:
    """Two maps: the yard, and the yard upside down."""
    grid = np.array([[CELLS[cell] for cell in line] for line in YARD.split()])
    return MapTable.from_grids([grid, grid[::-1]])


def yard_config(max_steps: int = 30) -> CogsGuardConfig:
    return CogsGuardConfig(
        num_agents=3, max_steps=max_steps, reward_variants=("credit", "penalize_vibe_change")
    )


def yard_sim(
    num_envs: int = 1, first_env_id: int = 0, seed: int = 0, max_steps: int = 30, **options
) -> CogsGuardSim:
    return CogsGuardSim(
        yard_config(max_steps),
        num_envs,
        yard_maps(),
        seed=seed,
        first_env_id=first_env_id,
        **options,
    )
