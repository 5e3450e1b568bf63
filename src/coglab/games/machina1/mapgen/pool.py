"""`MapPool` of machina_1: maps by their seeds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from coglab.engine.mapgen import pool as engine_pool
from coglab.games.machina1 import rules
from coglab.games.machina1.config import Machina1Config
from coglab.games.machina1.mapgen.site import generate_kinds
from coglab.games.machina1.maps import CompiledMaps, MapTable, allocate_maps, kinds_of, shape_of


class MapPool(engine_pool.MapPool[CompiledMaps, Machina1Config], MapTable):
    """Maps in slots; new episodes draw from the active ones, see `engine.mapgen.pool.MapPool`."""

    _kinds_of = staticmethod(kinds_of)
    _start_kind = rules.AGENT

    @classmethod
    def _drawer(cls, config: Machina1Config) -> tuple[engine_pool.Draw, bool]:
        return (lambda seed: generate_kinds(config.num_agents, seed)), True

    @classmethod
    def _allocate(cls, count: int, grids: Sequence[np.ndarray], will_grow: bool) -> CompiledMaps:
        shape = shape_of(grids)
        if will_grow:
            shape = shape._replace(objects=shape.objects * 5 // 4)
        return allocate_maps(count, shape)
