"""The CPU side of a network: observation tokens in, compact network inputs out.

N rows, K ids. An encoder keeps nothing but counters and, if the network reads it, the map memory.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np

Spec = dict[str, tuple[tuple[int, ...], np.dtype[Any]]]


class Encoder(ABC):
    """Turns observation tokens into the inputs of one network."""

    spec: Spec
    """Name, shape and dtype of what one row of network input consists of."""

    def __init__(self, num_rows: int, spec: Spec, memory: Any | None) -> None:
        self.num_rows = num_rows
        self.spec = spec
        self.memory = memory
        self._dropped = np.zeros(num_rows, np.int64)

    @property
    def uses_map_memory(self) -> bool:
        """Whether the inputs hold facts of the map memory."""
        return self.memory is not None

    @property
    def dropped(self) -> int:
        """Facts left out so far because a row had more than the fixed input holds."""
        return int(self._dropped.sum())

    def allocate(self, num_rows: int | None = None) -> dict[str, np.ndarray]:
        """Make arrays that fit `encode`.

        Args:
            num_rows: rows of each array; the encoder's own number if left out.

        Returns:
            One zeroed array `[num_rows, ...]` per input.
        """
        rows = self.num_rows if num_rows is None else num_rows
        return {name: np.zeros((rows, *shape), dtype) for name, (shape, dtype) in self.spec.items()}

    def encode(
        self,
        tokens: np.ndarray,
        reset: np.ndarray,
        first_row: int,
        last_row: int,
        out: dict[str, np.ndarray],
        *,
        update_memory: bool = True,
    ) -> None:
        """Encode the observations of rows first_row .. last_row - 1.

        Call it exactly once per observation: it first writes the observation into the map memory. Threads may
        encode disjoint ranges at the same time; the kernels release the GIL.

        Args:
            tokens: `[N, 200, 3] uint8`.
            reset: `[N] bool or uint8`, true where the observation is the first of an episode.
            first_row: first row of the range.
            last_row: one past the last row of the range.
            out: arrays `[N, ...]` by the names of `spec`; rows of the range are overwritten.
            update_memory: false if the caller has already updated `memory` and its routes with this observation.
        """
        if self.memory is not None and update_memory:
            self.memory.update(tokens, reset, first_row, last_row)
            self.memory.routes(first_row, last_row)
        self._encode(tokens, first_row, last_row, out)

    @abstractmethod
    def _encode(
        self, tokens: np.ndarray, first_row: int, last_row: int, out: dict[str, np.ndarray]
    ) -> None:
        """Write rows of `out`; the memory is up to date."""
