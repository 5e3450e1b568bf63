"""`MapPool`: the maps that parallel games share, where they come from, and how they are replaced."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence

import numpy as np

from coglab.games.cogsguard import rules
from coglab.games.cogsguard.config import CogsGuardConfig, MapPoolConfig
from coglab.games.cogsguard.mapgen.site import generate_kinds
from coglab.games.cogsguard.mapgen.text_map import keep_starts, read_text_map
from coglab.games.cogsguard.maps import (
    MapShape,
    MapTable,
    allocate_maps,
    kinds_of,
    shape_of,
    write_map,
)
from coglab.games.cogsguard.missions import is_text_map

FIRST_EVALUATION_SEED = 1_000_000
"""Training draws map seeds below this one, evaluation from here on: no policy is judged on a map it has seen."""

_SPARE_REFRESHES = 64
"""Slots for maps that are no longer drawn but still played, in refreshes of the pool."""

_NO_MAP = -1
_Draw = Callable[[int], np.ndarray]


class MapPool(MapTable):
    """Maps in slots; new episodes draw from the active ones, running episodes keep theirs.

    A map is identified by its map seed, so that saving a pool means saving numbers, and a resumed run draws the same
    maps again. See `MapTable` for what the simulator reads.

    Attributes:
        slot_seed: [M] int64, the map seed in each slot, -1 for an empty one.
        drawn: how many map seeds have been taken so far.
    """

    slot_seed: np.ndarray
    drawn: int

    def __init__(
        self,
        grids: Sequence[np.ndarray],
        seeds: Sequence[int],
        spare: int,
        draw: _Draw | None,
        run_seed: int,
    ) -> None:
        """Fill the first slots; the class methods below are the ways to make a pool.

        Args:
            grids: maps ([H, W] uint8 kinds), all with the same number of start cells.
            seeds: their map seeds.
            spare: empty slots for replacements.
            draw: makes a map ([H, W] uint8 kinds) from its seed; None if the pool cannot draw.
            run_seed: what the sequence of map seeds depends on.
        """
        compiled = allocate_maps(len(grids) + spare, _shape_with_headroom(grids, spare > 0))
        for slot, grid in enumerate(grids):
            write_map(compiled, slot, grid)
        super().__init__(compiled, np.arange(len(grids), dtype=np.int32))
        self.slot_seed = np.full(len(grids) + spare, _NO_MAP, np.int64)
        self.slot_seed[: len(grids)] = seeds
        self.drawn = len(grids)
        self._draw = draw
        self._run_seed = run_seed

    @classmethod
    def for_training(cls, config: CogsGuardConfig, pool: MapPoolConfig, seed: int) -> MapPool:
        """Draw the maps that a training run begins with.

        Args:
            config: mission, team size, rules. A text map gives one map, or, if it has more start cells than agents,
                maps that differ in who starts where.
            pool: how many maps, and how many are replaced at a time.
            seed: the run's seed; which map seeds (all below 1,000,000) are drawn depends on it alone.

        Raises:
            UserError: no such mission, a text map that cannot be used, or too many agents.
        """
        draw, has_variants = _drawer(config)
        size = pool.size if has_variants else 1
        spare = min(size, _SPARE_REFRESHES * pool.refresh) if has_variants else 0
        seeds = [training_seed(seed, index) for index in range(size)]
        return cls(
            [draw(map_seed) for map_seed in seeds], seeds, spare, draw if spare else None, seed
        )

    @classmethod
    def for_evaluation(
        cls, config: CogsGuardConfig, maps: int, first_seed: int = FIRST_EVALUATION_SEED
    ) -> MapPool:
        """Draw held-out maps; map i, in slot i, has map seed `first_seed` + i.

        Args:
            config: mission, team size, rules.
            maps: number of maps, at least 1. A text map whose start cells all are taken gives one map only.
            first_seed: map seed of the first one.

        Raises:
            UserError: no such mission, a text map that cannot be used, or too many agents.
        """
        draw, has_variants = _drawer(config)
        seeds = [first_seed + index for index in range(maps if has_variants else 1)]
        return cls([draw(map_seed) for map_seed in seeds], seeds, 0, None, 0)

    @classmethod
    def from_grids(cls, grids: Sequence[np.ndarray]) -> MapPool:
        """Make a pool of exactly these maps ([H, W] cell names or uint8 kinds); map i is slot i.

        Raises:
            ValueError: no map, an unknown cell name, or maps with different numbers of start cells.
        """
        if not grids:
            raise ValueError("a pool needs at least one map")
        return cls([kinds_of(grid) for grid in grids], [_NO_MAP] * len(grids), 0, None, 0)

    def refresh(self, count: int) -> int:
        """Replace the oldest maps by new ones. Call it only while no step is running.

        Running episodes keep their maps; where every spare slot is still being played, nothing is replaced.

        Args:
            count: maps to replace, at least 0.

        Returns:
            How many were replaced; 0 for pools that cannot draw (evaluation, given maps, a single text map).
        """
        if self._draw is None:
            return 0
        for replaced in range(count):
            if len(self.free_slots()) == 0:
                return replaced
            while True:
                map_seed = training_seed(self._run_seed, self.drawn)
                self.drawn += 1
                position = self.oldest
                try:
                    self.replace_oldest(self._draw(map_seed))
                except ValueError:
                    continue  # richer than the slots have room for, at most one in 10,000: take the next
                break
            self.slot_seed[self.active[position]] = map_seed
        return count

    def get_state(self) -> dict[str, np.ndarray]:
        """Return which map is in which slot; slots that nobody draws from or plays on count as empty."""
        slot_seed = self.slot_seed.copy()
        slot_seed[self.free_slots()] = _NO_MAP
        return {
            "slot_seed": slot_seed,
            "active": self.active.copy(),
            "oldest": np.array(self.oldest),
            "drawn": np.array(self.drawn),
            "given_maps": np.array(self._digest_given_maps()),
        }

    def set_state(self, saved: dict[str, np.ndarray]) -> None:
        """Put the maps back where they were when `get_state` was called on a pool of the same making.

        Raises:
            ValueError: the pool has other sizes, or was made of other given maps.
        """
        for name, own in (("slot_seed", self.slot_seed), ("active", self.active)):
            if name not in saved or saved[name].shape != own.shape:
                found = "nothing" if name not in saved else f"{saved[name].shape[0]} entries"
                raise ValueError(
                    f"saved map pool, {name}: expected {own.shape[0]} entries, found {found}"
                )
        if saved["given_maps"].item() != self._digest_given_maps():
            raise ValueError("the saved pool held other given maps than this one")
        for slot, map_seed in enumerate(saved["slot_seed"].tolist()):
            if map_seed not in (_NO_MAP, int(self.slot_seed[slot])):
                assert self._draw is not None
                write_map(self.compiled, slot, self._draw(map_seed))
        self.slot_seed[:] = saved["slot_seed"]
        self.active[:] = saved["active"]
        self.oldest, self.drawn = saved["oldest"].item(), saved["drawn"].item()

    def _digest_given_maps(self) -> int:
        """Return a number that stands for the maps of a pool that cannot draw; 0 if their seeds say all."""
        if self._draw is not None:
            return 0
        digest = hashlib.sha256()
        for array in self.compiled:
            digest.update(np.ascontiguousarray(array).tobytes())
        return int.from_bytes(digest.digest()[:7], "little")


def training_seed(run_seed: int, index: int) -> int:
    """Return the map seed that a run draws as its `index`-th: below 1,000,000, and no repetition before all were used.

    The seeds walk through 0..999,999 from a start and with a step that depend on the run's seed.
    """
    start, raw_step = (
        np.random.SeedSequence([run_seed, 0x6D617073]).generate_state(2, np.uint64).tolist()
    )
    step = raw_step % FIRST_EVALUATION_SEED
    while math.gcd(step, FIRST_EVALUATION_SEED) != 1:
        step += 1
    return (start + index * step) % FIRST_EVALUATION_SEED


def _drawer(config: CogsGuardConfig) -> tuple[_Draw, bool]:
    """Return (map of a map seed, whether different seeds make different maps)."""
    if not is_text_map(config.mission):
        return (
            lambda seed: generate_kinds(config.mission, config.num_agents, seed, config.rules)
        ), True
    cells = read_text_map(config.mission)

    def draw(seed: int) -> np.ndarray:
        return keep_starts(cells, config.num_agents, seed, config.mission)

    return draw, int((cells == rules.AGENT).sum()) > config.num_agents


def _shape_with_headroom(grids: Sequence[np.ndarray], will_grow: bool) -> MapShape:
    """Return the shape that holds `grids` and, if more maps will follow, practically every further one."""
    shape = shape_of(grids)
    counts = {int((grid == rules.AGENT).sum()) for grid in grids}
    if len(counts) > 1:
        raise ValueError(
            f"maps with different numbers of start cells ({sorted(counts)}) cannot share a pool"
        )
    if not will_grow:
        return shape
    # Sets of sources are 64-bit words: room up to the next word costs nothing.
    return shape._replace(objects=shape.objects * 5 // 4, sources=shape.source_words * 64)
