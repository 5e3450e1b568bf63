"""Means with 95 % intervals over maps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_RESAMPLES = 10_000
_RESAMPLING_SEED = 20_260_201


@dataclass(frozen=True)
class Interval:
    """A mean over maps and its 95 % interval; `low` and `high` are NaN for fewer than two maps."""

    mean: float
    low: float
    high: float
    maps: int

    def text(self, digits: int = 3) -> str:
        """The interval for people: `0.214 [0.190, 0.239]`."""
        if self.maps < 2:
            return f"{self.mean:.{digits}f}"
        return f"{self.mean:.{digits}f} [{self.low:.{digits}f}, {self.high:.{digits}f}]"


def mean_interval(values: np.ndarray) -> Interval:
    """Bootstrap interval of the mean, the maps being the independent units.

    Episodes on one map share everything, so agents of one map count once: pass one value per map.

    Args:
        values: `[maps]` float, one value per map.

    Returns:
        The mean and the 2.5 % and 97.5 % points of 10,000 resampled means. The resampling has a fixed seed, so the
        same values give the same interval.

    Raises:
        ValueError: if `values` is empty or not one-dimensional.

    Source: Efron and Tibshirani, An Introduction to the Bootstrap (1993), chapter 13 (percentile interval).
    """
    values = np.asarray(values, dtype=np.float64)
    if values.ndim != 1 or values.size == 0:
        raise ValueError(f"expected one value per map, got an array of shape {values.shape}")
    mean = float(values.mean())
    if values.size < 2:
        return Interval(mean, float("nan"), float("nan"), int(values.size))
    rng = np.random.default_rng(_RESAMPLING_SEED)
    picks = rng.integers(0, values.size, size=(_RESAMPLES, values.size))
    low, high = np.quantile(values[picks].mean(axis=1), [0.025, 0.975])
    return Interval(mean, float(low), float(high), int(values.size))
