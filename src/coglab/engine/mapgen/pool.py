"""`MapPool`: the maps that parallel games share, where they come from, and how they are replaced."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Generic, Self, TypeVar, cast

import numpy as np

from coglab.engine.mapgen.config import MapPoolConfig
from coglab.engine.maps import Compiled, MapTable

FIRST_EVALUATION_SEED = 1_000_000
"""Training draws map seeds below this one, evaluation from here on: no policy is judged on a map it has seen."""

_SPARE_REFRESHES = 64
"""Slots for maps that are no longer drawn but still played, in refreshes of the pool."""

_NO_MAP = -1
Draw = Callable[[int], np.ndarray]
"""Makes a map ([H, W] uint8 kinds) from its seed."""

Settings = TypeVar("Settings")
"""A game's configuration."""


class MapPool(MapTable[Compiled], Generic[Compiled, Settings]):
    """Maps in slots; new episodes draw from the active ones, running episodes keep theirs.

    A map is identified by its map seed, so that saving a pool means saving numbers, and a resumed run draws the same
    maps again. See `MapTable` for what the simulator reads. A game's pool derives from this and from the game's own
    `MapTable`, and says how its maps are drawn (`_drawer`) and how large its slots are (`_allocate`).

    Attributes:
        slot_seed: [M] int64, the map seed in each slot, -1 for an empty one.
        drawn: how many map seeds have been taken so far.
    """

    slot_seed: np.ndarray
    drawn: int
    _kinds_of: Callable[[np.ndarray], np.ndarray]
    """The game's way to turn [H, W] cell names into kinds."""
    _start_kind: int
    """The game's kind of a start cell."""

    def __init__(
        self,
        grids: Sequence[np.ndarray],
        seeds: Sequence[int],
        spare: int,
        draw: Draw | None,
        run_seed: int,
    ) -> None:
        """Fill the first slots; the class methods below are the ways to make a pool.

        Args:
            grids: maps ([H, W] uint8 kinds), all with the same number of start cells.
            seeds: their map seeds.
            spare: empty slots for replacements.
            draw: makes further maps; None if the pool cannot draw.
            run_seed: what the sequence of map seeds depends on.
        """
        counts = {int((grid == self._start_kind).sum()) for grid in grids}
        if len(counts) > 1:
            raise ValueError(
                f"maps with different numbers of start cells ({sorted(counts)}) cannot share a pool"
            )
        compiled = self._allocate(len(grids) + spare, grids, spare > 0)
        for slot, grid in enumerate(grids):
            self._write(compiled, slot, grid)
        super().__init__(compiled, np.arange(len(grids), dtype=np.int32))
        self.slot_seed = np.full(len(grids) + spare, _NO_MAP, np.int64)
        self.slot_seed[: len(grids)] = seeds
        self.drawn = len(grids)
        self._draw = draw
        self._run_seed = run_seed

    @classmethod
    def _drawer(cls, config: Settings) -> tuple[Draw, bool]:
        """Return (map of a map seed, whether different seeds make different maps)."""
        raise NotImplementedError

    @classmethod
    def _allocate(cls, count: int, grids: Sequence[np.ndarray], will_grow: bool) -> Compiled:
        """Return `count` slots that hold `grids` and, if more maps will follow, practically every further one."""
        raise NotImplementedError

    @classmethod
    def for_training(cls, config: Settings, pool: MapPoolConfig, seed: int) -> Self:
        """Draw the maps that a training run begins with.

        Args:
            config: the game. Where every seed would give the same map (a text map whose start cells are all taken),
                the pool has one map only.
            pool: how many maps, and how many are replaced at a time.
            seed: the run's seed; which map seeds (all below 1,000,000) are drawn depends on it alone.

        Raises:
            UserError: no such mission, a text map that cannot be used, or too many agents.
        """
        draw, has_variants = cls._drawer(config)
        size = pool.size if has_variants else 1
        spare = min(size, _SPARE_REFRESHES * pool.refresh) if has_variants else 0
        seeds = [training_seed(seed, index) for index in range(size)]
        return cls(
            [draw(map_seed) for map_seed in seeds], seeds, spare, draw if spare else None, seed
        )

    @classmethod
    def for_evaluation(
        cls, config: Settings, maps: int, first_seed: int = FIRST_EVALUATION_SEED
    ) -> Self:
        """Draw held-out maps; map i, in slot i, has map seed `first_seed` + i.

        Args:
            config: the game.
            maps: number of maps, at least 1. Where every seed would give the same map, there is one map only.
            first_seed: map seed of the first one.

        Raises:
            UserError: no such mission, a text map that cannot be used, or too many agents.
        """
        draw, has_variants = cls._drawer(config)
        seeds = [first_seed + index for index in range(maps if has_variants else 1)]
        return cls([draw(map_seed) for map_seed in seeds], seeds, 0, None, 0)

    @classmethod
    def from_grids(cls, grids: Sequence[np.ndarray]) -> Self:
        """Make a pool of exactly these maps ([H, W] cell names or uint8 kinds); map i is slot i.

        Raises:
            ValueError: no map, an unknown cell name, or maps with different numbers of start cells.
        """
        if not grids:
            raise ValueError("a pool needs at least one map")
        return cls([cls._kinds_of(grid) for grid in grids], [_NO_MAP] * len(grids), 0, None, 0)

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
                self._write(self.compiled, slot, self._draw(map_seed))
        self.slot_seed[:] = saved["slot_seed"]
        self.active[:] = saved["active"]
        self.oldest, self.drawn = saved["oldest"].item(), saved["drawn"].item()

    def _digest_given_maps(self) -> int:
        """Return a number that stands for the maps of a pool that cannot draw; 0 if their seeds say all."""
        if self._draw is not None:
            return 0
        digest = hashlib.sha256()
        for array in cast(Iterable[np.ndarray], self.compiled):
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
