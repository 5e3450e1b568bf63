"""Draw a map of a stock mission: the scenes of this folder, painted one after the other on an empty square."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from coglab.config.errors import UserError
from coglab.games.cogsguard import rules
from coglab.games.cogsguard.config import RulesVersion
from coglab.games.cogsguard.mapgen.biomes import paint_city, paint_desert, paint_forest
from coglab.games.cogsguard.mapgen.buildings import paint_buildings
from coglab.games.cogsguard.mapgen.connect import connect_floor
from coglab.games.cogsguard.mapgen.dungeons import (
    paint_depth_first_maze,
    paint_kruskal_maze,
    paint_radial,
)
from coglab.games.cogsguard.mapgen.hub import pad_capacity, paint_hub
from coglab.games.cogsguard.mapgen.plains import paint_plains
from coglab.games.cogsguard.mapgen.ragged_edge import paint_ragged_edge
from coglab.games.cogsguard.mapgen.streams import Stream
from coglab.games.cogsguard.mapgen.zones import Zone, patch_in, patch_limit, split_zones
from coglab.games.cogsguard.missions import BORDER, Mission, find_mission

Scene = Callable[[np.ndarray, np.random.Generator], None]
Lot = tuple[tuple[Scene, float], ...]
"""Scenes and their odds."""

_BIOME_FRACTION, _DUNGEON_FRACTION = 0.27, 0.2
_BIOMES: tuple[Scene, ...] = (paint_forest, paint_desert, paint_city, paint_plains)
_BIOME_LOT: Lot = tuple((scene, 1.0) for scene in _BIOMES)
_MAZE_LOT: Lot = ((paint_depth_first_maze, 0.6), (paint_kruskal_maze, 0.4))
_DUNGEON_LOT: Lot = ((paint_depth_first_maze, 0.3), (paint_kruskal_maze, 0.2), (paint_radial, 0.5))
_LEAST_RAGGED_SIZE = 80
_WEIGHTS_2026_01_24 = (0.6, 0.5, 0.3, 0.3, 0.3)


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
    facts = find_mission(mission)
    num_pads = max(facts.start_pads, num_agents)
    capacity = pad_capacity(facts.hub_size)
    if num_pads > capacity:
        raise UserError(
            f"num_agents={num_agents} is too many for mission `{facts.name}`: its compound has room for "
            f"{capacity} start pads; use num_agents={capacity} or fewer."
        )
    root = Stream.root(seed)
    size = facts.inner_size
    cells = np.full((size, size), rules.EMPTY, np.uint8)
    paint_plains(cells, root.child().rng)
    if facts.layers == "sequential":
        _paint_each(cells, root.child(), _BIOMES, 4, _BIOME_FRACTION)
        _paint_each(cells, root.child(), (_MAZE_LOT, paint_radial), 2, _DUNGEON_FRACTION)
    else:
        zones = max(4, min(48, max(3, size**2 // 1777)))
        _paint_drawn(cells, root.child(), _BIOME_LOT, zones, int(0.6 * zones), _BIOME_FRACTION)
        zones = max(5, min(48, max(3, size**2 // 1666)))
        _paint_drawn(cells, root.child(), _DUNGEON_LOT, zones, int(0.5 * zones), _DUNGEON_FRACTION)
    if size >= _LEAST_RAGGED_SIZE:
        paint_ragged_edge(cells, root.child().rng)
    paint_buildings(
        cells, facts.building_coverage, _building_weights(facts, ruleset), root.child().rng
    )
    paint_hub(cells, facts, num_pads)
    connect_floor(cells)
    _keep_pads(cells, num_agents, root.rng)
    return np.pad(cells, BORDER, constant_values=rules.WALL)


def _building_weights(mission: Mission, ruleset: RulesVersion) -> tuple[float, ...]:
    if ruleset == "2026-01-24":
        return _WEIGHTS_2026_01_24
    return (mission.junction_weight, *(mission.extractor_weight,) * 4)


def _paint_each(
    cells: np.ndarray, layer: Stream, scenes: Sequence[Scene | Lot], num_zones: int, fraction: float
) -> None:
    """Give each scene in turn a random zone that is still free."""
    free = split_zones(len(cells), num_zones, layer.rng)
    for scene in scenes:
        zone = 0 if len(free) == 1 else int(layer.rng.choice(len(free), size=1, replace=False)[0])
        _paint_patch(cells, free.pop(zone), fraction, scene, layer.child().child())


def _paint_drawn(
    cells: np.ndarray, layer: Stream, lot: Lot, num_zones: int, num_patches: int, fraction: float
) -> None:
    """Give random zones a patch each, whose scene is drawn by lot."""
    zones = split_zones(len(cells), num_zones, layer.rng)
    for zone in layer.rng.choice(num_zones, size=num_patches, replace=False):
        _paint_patch(cells, zones[zone], fraction, lot, layer.child().child())


def _paint_patch(
    cells: np.ndarray, zone: Zone, fraction: float, scene: Scene | Lot, stream: Stream
) -> None:
    """Paint a scene in the middle of a zone; a lot is drawn from `stream`, and its scene gets a child of it."""
    if isinstance(scene, tuple):
        # float32 as in the published game: the odds decide in the last bit, too.
        odds = np.array([weight for _, weight in scene], np.float32)
        drawn = int(stream.rng.choice(len(scene), p=odds / odds.sum()))
        chosen, stream = scene[drawn][0], stream.child()
    else:
        chosen = scene
    place = patch_in(zone, patch_limit(len(cells), fraction))
    patch = cells[place].copy()  # contiguous, so that kernels are compiled once
    chosen(patch, stream.rng)
    cells[place] = patch


def _keep_pads(cells: np.ndarray, num_agents: int, rng: np.random.Generator) -> None:
    """Turn all start pads but a random `num_agents` of them into floor."""
    pads = np.flatnonzero(cells == rules.AGENT).tolist()
    if len(pads) > num_agents:
        rng.shuffle(pads)
        cells.reshape(-1)[pads[num_agents:]] = rules.EMPTY
