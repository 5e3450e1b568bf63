"""Intervals over maps."""

import numpy as np
import pytest

from coglab.evaluation.statistics import mean_interval


def test_interval_holds_the_mean_and_agrees_with_the_normal_one_for_many_maps():
    values = np.random.default_rng(0).normal(3.0, 2.0, size=400)
    interval = mean_interval(values)
    half = 1.96 * values.std(ddof=1) / np.sqrt(values.size)
    assert interval.mean == pytest.approx(values.mean())
    assert interval.low == pytest.approx(values.mean() - half, abs=0.03)
    assert interval.high == pytest.approx(values.mean() + half, abs=0.03)


def test_same_values_give_the_same_interval():
    values = np.arange(10.0)
    assert mean_interval(values) == mean_interval(values.copy())


def test_coverage_is_near_95_percent():
    rng = np.random.default_rng(1)
    samples = [mean_interval(rng.exponential(1.0, size=64)) for _ in range(200)]
    covered = sum(interval.low <= 1.0 <= interval.high for interval in samples)
    assert 176 <= covered <= 200


def test_one_map_has_no_interval():
    interval = mean_interval(np.array([2.0]))
    assert interval.text() == "2.000"
    assert np.isnan(interval.low)


def test_no_maps_is_an_error():
    with pytest.raises(ValueError, match="one value per map"):
        mean_interval(np.zeros(0))
