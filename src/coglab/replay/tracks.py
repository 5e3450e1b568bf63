"""Tracks: one whole number that changes over the steps of an episode, written as small as its history allows.

    7                          it is 7 from the first step to the last
    [[0, 7], [120, 8]]         it is 7 from step 0, 8 from step 120 on
    {"delta": [7, 0, 1, -2]}   it is 7 at step 0; every further entry is the change to the next step

A value that rarely changes is a list of changes, one that changes all the time a list of differences, which compress
better than values. `encode` picks; readers must accept all three.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Track = int | list[Any] | dict[str, list[int]]

_DENSE_SHARE = 5
"""A value that changes in more than one of so many steps is written as differences."""


def encode(values: np.ndarray) -> Track:
    """Write the values of all steps as a track.

    Args:
        values: `[S]` whole numbers, one per step, at least one.

    Returns:
        JSON-able: an int, a list of `[step, value]`, or `{"delta": [...]}`.
    """
    values = np.asarray(values).astype(np.int64)
    changes = np.flatnonzero(np.diff(values)) + 1
    if len(changes) == 0:
        return int(values[0])
    if len(changes) * _DENSE_SHARE > len(values):
        return {"delta": np.diff(values, prepend=0).tolist()}
    steps = np.concatenate([[0], changes])
    return np.stack([steps, values[steps]], axis=1).tolist()


def decode(track: Any, steps: int) -> np.ndarray:
    """Read a track.

    Args:
        track: as in a file.
        steps: how many values there are.

    Returns:
        `[steps]` int64.

    Raises:
        ValueError: it is no track, or one of another length.
    """
    if isinstance(track, bool | float):
        raise ValueError(f"expected a track of whole numbers, got {track!r}")
    if isinstance(track, int):
        return np.full(steps, track, np.int64)
    if isinstance(track, dict):
        delta = np.asarray(track.get("delta"))
        if delta.shape != (steps,) or delta.dtype.kind != "i":
            raise ValueError(f"expected {steps} whole numbers in `delta`, got {_short(track)}")
        return np.cumsum(delta, dtype=np.int64)
    entries = np.asarray(track)
    if entries.ndim != 2 or entries.shape[1] != 2 or entries.dtype.kind != "i":
        raise ValueError(f"expected a list of [step, value], got {_short(track)}")
    starts = entries[:, 0]
    if starts[0] != 0 or (np.diff(starts) <= 0).any() or starts[-1] >= steps:
        raise ValueError(f"the steps of {_short(track)} must rise from 0 and stay below {steps}")
    return np.repeat(entries[:, 1], np.diff(starts, append=steps)).astype(np.int64)


def encode_lists(values: list[list[int]]) -> list[list[Any]]:
    """Write a list of whole numbers that changes over the steps as `[[step, list], ...]`.

    Args:
        values: one list per step, at least one.

    Returns:
        The steps at which it changed, each with the new list; the first is step 0.
    """
    series: list[list[Any]] = []
    for step, value in enumerate(values):
        if not series or series[-1][1] != value:
            series.append([step, value])
    return series


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
