"""`MapPool` of CogsGuard: maps of stock missions by their seeds, or of a text map by who starts where."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from coglab.engine.mapgen import pool as engine_pool
from coglab.games.cogsguard import rules
from coglab.games.cogsguard.config import CogsGuardConfig
from coglab.games.cogsguard.mapgen.site import generate_kinds
from coglab.games.cogsguard.mapgen.text_map import keep_starts, read_text_map
from coglab.games.cogsguard.maps import CompiledMaps, MapTable, allocate_maps, kinds_of, shape_of
from coglab.games.cogsguard.missions import is_text_map


class MapPool(engine_pool.MapPool[CompiledMaps, CogsGuardConfig], MapTable):
    """Maps in slots; new episodes draw from the active ones, see `engine.mapgen.pool.MapPool`.

    A text map gives one map, or, if it has more start cells than agents, maps that differ in who starts where.
    """

    _kinds_of = staticmethod(kinds_of)
    _start_kind = rules.AGENT

    @classmethod
    def _drawer(cls, config: CogsGuardConfig) -> tuple[engine_pool.Draw, bool]:
        if not is_text_map(config.mission):
            return (
                lambda seed: generate_kinds(config.mission, config.num_agents, seed, config.rules)
            ), True
        cells = read_text_map(config.mission)

        def draw(seed: int) -> np.ndarray:
            return keep_starts(cells, config.num_agents, seed, config.mission)

        return draw, int((cells == rules.AGENT).sum()) > config.num_agents

    @classmethod
    def _allocate(cls, count: int, grids: Sequence[np.ndarray], will_grow: bool) -> CompiledMaps:
        shape = shape_of(grids)
        if will_grow:
            # Sets of sources are 64-bit words: room up to the next word costs nothing.
            shape = shape._replace(objects=shape.objects * 5 // 4, sources=shape.source_words * 64)
        return allocate_maps(count, shape)
