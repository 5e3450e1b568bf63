"""Random streams of a map: a tree of numpy generators, so that one scene's draws never move another's."""

from __future__ import annotations

from functools import cached_property

import numpy as np


class Stream:
    """A node of the tree. `rng` draws; `child()` hands out the next independent stream.

    Which numbers a scene gets depends only on the map seed and on its place in the tree, as in the published game:
    maps of equal seeds are equal cell for cell.
    """

    def __init__(self, seeds: np.random.SeedSequence) -> None:
        """Make the stream of a seed sequence; the root of map seed s is `Stream.root(s)`."""
        self._seeds = seeds

    @classmethod
    def root(cls, map_seed: int) -> Stream:
        """Return the stream that `numpy.random.default_rng(map_seed)` would be."""
        return cls(np.random.SeedSequence(map_seed))

    @cached_property
    def rng(self) -> np.random.Generator:
        """The generator, made on first use because most nodes of the tree only pass children on."""
        return np.random.Generator(np.random.PCG64(self._seeds))

    def child(self) -> Stream:
        """Return the next child, what `rng.spawn(1)[0]` would be."""
        return Stream(self._seeds.spawn(1)[0])
