"""Judging one run while it goes on: its key metrics against their targets and against earlier runs at the same step."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from coglab.analysis.load import WATCHED
from coglab.analysis.model import RunInfo
from coglab.analysis.series import CleanSeries, batch_error, is_higher_better
from coglab.tracking.names import find_metric

Judgement = Literal["continue", "stop", "unknown"]

SPAN = 0.05
"""A value at a step is the mean over this share of the steps before it."""

GRACE = 0.05
"""Before this share of the budget nothing is judged."""


@dataclass
class Verdict:
    """What is said of one metric.

    Attributes:
        value: now, mean over the last 5 % of steps.
        target: in words.
        earlier: values of earlier runs at the same step.
        judgement: continue, stop or unknown; reason: why.
        change: mean of the last 15 % of steps less that of the 15 % before, and its standard error; None with too few
            values.
    """

    metric: str
    value: float | None
    target: str
    earlier: list[float]
    judgement: Judgement
    reason: str
    change: tuple[float, float] | None = None


def judge(
    run: RunInfo,
    series: Mapping[str, CleanSeries],
    earlier: Sequence[Mapping[str, CleanSeries]],
    step: float | None = None,
    names: Sequence[str] = WATCHED,
) -> list[Verdict]:
    """Judge every key metric of a run.

    A metric with a target says stop if it is on the wrong side of it. One without says stop if it is worse than in every
    one of at least three earlier runs at the same step; with fewer, nothing is known.

    Args:
        run: the run; its budget tells how far it is.
        series: its cleaned metrics.
        earlier: those of earlier runs.
        step: agent steps at which to judge; left out, its newest.
        names: metrics.
    """
    last = max((s.last_step for s in series.values() if len(s.steps)), default=0.0)
    at = min(step, last) if step is not None else last
    is_early = bool(run.target_steps) and at < GRACE * float(run.target_steps or 0)
    verdicts = []
    for name in names:
        own = series.get(name)
        verdict = _judge(name, own, [other.get(name) for other in earlier], at, is_early)
        verdict.change = None if own is None else late_change(own, at)
        verdicts.append(verdict)
    return verdicts


def _judge(
    name: str,
    own: CleanSeries | None,
    others: Sequence[CleanSeries | None],
    at: float,
    is_early: bool,
) -> Verdict:
    metric = find_metric(name)
    below = metric.below if metric is not None else None
    higher = is_higher_better(name, "auto")
    target = (
        f"below {below:g}"
        if below is not None
        else "as high as earlier runs"
        if higher
        else "as low as earlier runs"
    )
    earlier = [
        v
        for v in (value_at(s, at) for s in others if s is not None and s.last_step >= 0.98 * at)
        if v is not None
    ]
    if own is None or not (len(own.values) or own.non_finite):
        return Verdict(name, None, target, earlier, "unknown", "not logged")
    if own.non_finite and (not len(own.steps) or own.non_finite_steps[-1] >= own.steps[-1]):
        return Verdict(
            name,
            None,
            target,
            earlier,
            "stop",
            f"not finite since step {own.non_finite_steps[-1]:,.0f}",
        )
    value = value_at(own, at)
    if value is None:
        return Verdict(name, None, target, earlier, "unknown", "no value near this step")
    if is_early:
        return Verdict(
            name,
            value,
            target,
            earlier,
            "unknown",
            f"too early: below {100 * GRACE:.0f} % of the budget",
        )
    if below is not None:
        ok = value < below
        return Verdict(
            name,
            value,
            target,
            earlier,
            "continue" if ok else "stop",
            f"{'below' if ok else 'above'} {below:g}",
        )
    if len(earlier) < 3:
        return Verdict(
            name,
            value,
            target,
            earlier,
            "unknown",
            f"{len(earlier)} earlier runs at this step; 3 are needed",
        )
    worst = min(earlier) if higher else max(earlier)
    is_worse = value < worst if higher else value > worst
    better = sum(value > e if higher else value < e for e in earlier)
    if is_worse:
        return Verdict(
            name,
            value,
            target,
            earlier,
            "stop",
            f"worse than all {len(earlier)} earlier runs at this step",
        )
    return Verdict(
        name,
        value,
        target,
        earlier,
        "continue",
        f"better than {better} of {len(earlier)} earlier runs at this step",
    )


def value_at(series: CleanSeries, at: float) -> float | None:
    """Mean over the last 5 % of steps before a step; the newest value before it if there is none."""
    inside = (series.steps > (1 - SPAN) * at) & (series.steps <= at)
    if inside.any():
        return float(series.values[inside].mean())
    before = np.flatnonzero(series.steps <= at)
    return (
        float(series.values[before[-1]])
        if len(before) and series.steps[before[-1]] >= 0.8 * at
        else None
    )


def late_change(series: CleanSeries, at: float) -> tuple[float, float] | None:
    """What the newest 15 % of the steps up to `at` have over the 15 % before, and its standard error.

    It says whether going on still changes anything; a value alone does not.
    """
    means, variance = [], 0.0
    for begin, end in ((0.70, 0.85), (0.85, 1.00)):
        values = series.values[(series.steps > begin * at) & (series.steps <= end * at)]
        error = batch_error(values)
        if error is None:
            return None
        means.append(float(values.mean()))
        variance += error**2
    return means[1] - means[0], math.sqrt(variance)


def overall(verdicts: Sequence[Verdict]) -> Judgement:
    """Stop if any metric says so, unknown if none says anything, else continue."""
    if any(v.judgement == "stop" for v in verdicts):
        return "stop"
    return "continue" if any(v.judgement == "continue" for v in verdicts) else "unknown"
