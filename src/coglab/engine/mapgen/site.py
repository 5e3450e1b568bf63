"""Draw the map of a site: the scenes of this folder, painted one after the other on an empty square."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from coglab.config.errors import UserError
from coglab.engine.mapgen.biomes import paint_city, paint_desert, paint_forest
from coglab.engine.mapgen.buildings import paint_buildings
from coglab.engine.mapgen.cells import BORDER, EMPTY, START, WALL
from coglab.engine.mapgen.compound import Compound, pad_capacity, paint_compound
from coglab.engine.mapgen.connect import connect_floor
from coglab.engine.mapgen.dungeons import (
    paint_depth_first_maze,
    paint_kruskal_maze,
    paint_radial,
)
from coglab.engine.mapgen.plains import paint_plains
from coglab.engine.mapgen.ragged_edge import paint_ragged_edge
from coglab.engine.mapgen.streams import Stream
from coglab.engine.mapgen.zones import Zone, patch_in, patch_limit, split_zones

Scene = Callable[[np.ndarray, np.random.Generator], None]
Lot = tuple[tuple[Scene, float], ...]
"""Scenes and their odds."""

_BIOME_FRACTION, _DUNGEON_FRACTION = 0.27, 0.2
_BIOMES: tuple[Scene, ...] = (paint_forest, paint_desert, paint_city, paint_plains)
_BIOME_LOT: Lot = tuple((scene, 1.0) for scene in _BIOMES)
_MAZE_LOT: Lot = ((paint_depth_first_maze, 0.6), (paint_kruskal_maze, 0.4))
_DUNGEON_LOT: Lot = ((paint_depth_first_maze, 0.3), (paint_kruskal_maze, 0.2), (paint_radial, 0.5))
_LEAST_RAGGED_SIZE = 80


@dataclass(frozen=True)
class Site:
    """What maps of one mission are drawn from. Sizes are in cells."""

    name: str
    """What the mission is called in messages."""
    size: int
    """Side of the square that the scenes paint; the whole map has `BORDER` cells more on every side."""
    layers: Literal["sequential", "drawn"]
    """`sequential`: each biome and each dungeon once. `drawn`: patches whose content is drawn by lot."""
    building_coverage: float
    """Places tried for buildings, as a share of the square without its rim."""
    building_odds: tuple[tuple[int, float], ...]
    """Kinds of buildings with their odds; their order is part of what a map seed means."""
    compound: Compound
    """What stands in the middle."""
    start_pads: int
    """Start pads; of them a random subset is kept. A larger team gets exactly as many pads as it needs."""


def draw_site(site: Site, num_agents: int, seed: int) -> np.ndarray:
    """Draw a map.

    Args:
        site: what to draw it from.
        num_agents: start cells, 1 to the compound's capacity.
        seed: map seed, 0 or more.

    Returns:
        `[H, W] uint8`, see `cells.py`; `kinds_of_cells` turns it into a game's own numbers.

    Raises:
        UserError: more agents than the compound has room for.
    """
    num_pads = max(site.start_pads, num_agents)
    capacity = pad_capacity(site.compound)
    if num_pads > capacity:
        raise UserError(
            f"num_agents={num_agents} is too many for mission `{site.name}`: its compound has room for "
            f"{capacity} start pads; use num_agents={capacity} or fewer."
        )
    root = Stream.root(seed)
    size = site.size
    cells = np.full((size, size), EMPTY, np.uint8)
    paint_plains(cells, root.child().rng)
    if site.layers == "sequential":
        _paint_each(cells, root.child(), _BIOMES, 4, _BIOME_FRACTION)
        _paint_each(cells, root.child(), (_MAZE_LOT, paint_radial), 2, _DUNGEON_FRACTION)
    else:
        zones = max(4, min(48, max(3, size**2 // 1777)))
        _paint_drawn(cells, root.child(), _BIOME_LOT, zones, int(0.6 * zones), _BIOME_FRACTION)
        zones = max(5, min(48, max(3, size**2 // 1666)))
        _paint_drawn(cells, root.child(), _DUNGEON_LOT, zones, int(0.5 * zones), _DUNGEON_FRACTION)
    if size >= _LEAST_RAGGED_SIZE:
        paint_ragged_edge(cells, root.child().rng)
    paint_buildings(cells, site.building_coverage, site.building_odds, root.child().rng)
    paint_compound(cells, site.compound, num_pads)
    connect_floor(cells)
    _keep_pads(cells, num_agents, root.rng)
    return np.pad(cells, BORDER, constant_values=WALL)


def kinds_of_cells(cells: np.ndarray, empty: int, start: int, wall: int) -> np.ndarray:
    """Return a drawn map with a game's numbers for floor, start cells and walls.

    Args:
        cells: `[H, W] uint8`, what `draw_site` returned.
        empty: the game's number of floor.
        start: its number of a start cell.
        wall: its number of a wall; all other kinds are its own already.

    Returns:
        `[H, W] uint8`, a new array.
    """
    kinds = np.arange(256, dtype=np.uint8)
    kinds[[EMPTY, START, WALL]] = empty, start, wall
    return kinds[cells]


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
    pads = np.flatnonzero(cells == START).tolist()
    if len(pads) > num_agents:
        rng.shuffle(pads)
        cells.reshape(-1)[pads[num_agents:]] = EMPTY
