"""Learning curves in bins, guard rails, and what top runs' key metrics look like."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from coglab.analysis.health import student_from
from coglab.analysis.load import WATCHED, Loaded
from coglab.analysis.ranking import Candidate, Ranking
from coglab.analysis.series import CleanSeries, bin_series
from coglab.analysis.settings import Unit
from coglab.analysis.statistics import SEED
from coglab.tracking.names import find_metric

POINTS = 200
CHECKPOINTS = (0.05, 0.1, 0.25, 0.5)
"""Shares of the budget at which a guard rail is given."""

MAX_UNITS = 12


def curves(
    loaded: Sequence[Loaded], units: Sequence[Unit], result: Ranking, metric: str
) -> dict[str, Any]:
    """Bin the metric of every configuration up to the budget.

    Returns:
        `steps` (bin centres), `units`: rows with `label`, `name`, `middle`, `low`, `high` (None where a bin is empty),
        `teacher_until` (up to that step a teacher played) and `band` (what low and high are), and `milestones`: steps
        and seconds to 50 % and 80 % of the best score.
    """
    order = {id(c): i for i, c in enumerate(result.ranked)}
    rows: list[dict[str, Any]] = []
    axis: list[float] = []
    budget = result.budget
    begins = {id(one.candidate): student_from(one.series) for one in loaded}
    for unit in units:
        members = [loaded[i].candidate for i in unit.runs]
        members = [c for c in members if c.on_axis is not None and len(c.on_axis.values)]
        if not members or not budget:
            continue
        table = []
        for c in members:
            axis_one, means = bin_series(c.on_axis, budget, POINTS)  # type: ignore[arg-type]
            axis = axis_one or axis
            table.append([np.nan if m is None else m for m in means])
        best = min((order.get(id(c), 10**6) for c in members), default=10**6)
        rows.append(
            {
                "place": best,
                "label": unit.label,
                "name": members[0].run.name,
                "runs": len(members),
                "teacher_until": max(begins[id(c)] for c in members),
                **_band(np.array(table)),
            }
        )
    rows.sort(key=lambda r: (r["place"], r["name"]))
    return {
        "metric": metric,
        "axis": result.axis,
        "steps": axis,
        "units": rows[:MAX_UNITS],
        "left_out": max(0, len(rows) - MAX_UNITS),
        "milestones": [
            _milestones(c, result) for c in result.ranked[:MAX_UNITS] if c.on_axis is not None
        ],
    }


def _band(table: np.ndarray) -> dict[str, Any]:
    """Median and range below 5 runs, interquartile mean and bootstrap band from 5 on."""
    count = len(table)
    known = ~np.isnan(table).all(axis=0)
    filled = table[:, known]
    if count < 5:
        middle = np.nanmedian(filled, axis=0)
        low, high = np.nanmin(filled, axis=0), np.nanmax(filled, axis=0)
        band = "single run" if count == 1 else f"median and range of {count} runs"
    else:
        rng = np.random.default_rng(SEED)
        middle = _interquartile_mean(filled)
        drawn = np.array(
            [_interquartile_mean(filled[rng.integers(0, count, count)]) for _ in range(200)]
        )
        drawn = np.where(np.isnan(drawn), middle, drawn)
        low, high = np.quantile(drawn, [0.025, 0.975], axis=0)
        band = f"interquartile mean of {count} runs and 95 % bootstrap band"

    def spread(values: np.ndarray) -> list[float | None]:
        out: list[float | None] = [None] * table.shape[1]
        for index, value in zip(np.flatnonzero(known).tolist(), values.tolist(), strict=True):
            out[index] = value if value == value else None
        return out

    return {"middle": spread(middle), "low": spread(low), "high": spread(high), "band": band}


def _interquartile_mean(table: np.ndarray) -> np.ndarray:
    """Mean of the middle half of each column; NaN where it has no value."""
    ordered = np.sort(table, axis=0)
    cut = len(table) // 4
    middle = ordered[cut : len(table) - cut]
    known = np.isfinite(middle)
    sums = np.where(known, middle, 0.0).sum(axis=0)
    counts = known.sum(axis=0)
    return np.asarray(np.where(counts > 0, sums / np.maximum(counts, 1), np.nan))


def _milestones(candidate: Candidate, result: Ranking) -> dict[str, Any]:
    """Steps (or seconds) at which a run first reached 50 % and 80 % of the best score, on 20-bin means."""
    best = result.ranked[0].value
    series = candidate.on_axis
    assert series is not None
    row: dict[str, Any] = {"name": candidate.run.name}
    for share in (0.5, 0.8):
        at = _first_above(series, share * best, result.budget) if best > 0 else None
        row[f"to_{int(100 * share)}"] = at
        own = candidate.series
        row[f"seconds_to_{int(100 * share)}"] = (
            _seconds(own, at) if own is not None and result.axis == "steps" else at
        )
    return row


def _first_above(series: CleanSeries, level: float, budget: float) -> float | None:
    centres, means = bin_series(series, budget, 40)
    return next(
        (at for at, mean in zip(centres, means, strict=True) if mean is not None and mean >= level),
        None,
    )


def _seconds(series: CleanSeries, step: float | None) -> float | None:
    if step is None or not np.isfinite(series.times).all() or not len(series.times):
        return None
    index = min(int(np.searchsorted(series.steps, step)), len(series.steps) - 1)
    return float(series.times[index] - series.times[0])


def guard_rails(
    result: Ranking, higher: bool, top: int, loaded: Sequence[Loaded]
) -> list[dict[str, Any]]:
    """At a few shares of the budget, the worst value that any top run had: below it, none of them began like that.

    Args:
        result: the ranking.
        higher: whether higher is better.
        top: size of the top group.
        loaded: all runs; a score at a step where a teacher still played is no guard rail for a student.
    """
    rows = []
    begins = {id(one.candidate): student_from(one.series) for one in loaded}
    for share in CHECKPOINTS:
        values = []
        for candidate in result.ranked[:top]:
            series = candidate.on_axis
            if series is None:
                continue
            low, high = (share - 0.025) * result.budget, (share + 0.025) * result.budget
            if result.axis == "steps" and low < begins[id(candidate)]:
                continue
            inside = (series.steps > low) & (series.steps <= high)
            if inside.any():
                values.append(float(series.values[inside].mean()))
        if values:
            rows.append(
                {
                    "share": share,
                    "step": share * result.budget,
                    "worst": min(values) if higher else max(values),
                    "runs": len(values),
                }
            )
    return rows


def monitor_rows(
    loaded: Sequence[Loaded], result: Ranking, top: int, extra: Sequence[str]
) -> list[dict[str, Any]]:
    """The key metrics with their target and what the top runs had in the last fifth."""
    best = {id(c) for c in result.ranked[:top]}
    rows = []
    for name in dict.fromkeys([*WATCHED, *extra]):
        metric = find_metric(name)
        values = []
        for one in loaded:
            series = one.series.get(name)
            if id(one.candidate) in best and series is not None and len(series.values):
                late = series.values[series.steps >= 0.8 * series.last_step]
                if len(late):
                    values.append(float(late.mean()))
        target = "-"
        if metric is not None:
            target = (
                f"below {metric.below:g}"
                if metric.below is not None
                else {"higher": "higher", "lower": "lower"}.get(metric.better, "-")
            )
        rows.append(
            {
                "metric": name,
                "meaning": metric.meaning.split(". ")[0].rstrip(".") if metric else "",
                "unit": metric.unit if metric else "",
                "target": target,
                "median": float(np.median(values)) if values else None,
                "low": min(values, default=None),
                "high": max(values, default=None),
                "runs": len(values),
            }
        )
    return rows
