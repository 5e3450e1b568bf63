"""From a stored series to numbers: cleaning, windows, scores and their errors."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from coglab.analysis.model import Series
from coglab.tracking.names import find_metric

WARM_UP = 0.01
"""Share of the budget that counts for nothing: first episodes are short or zero."""

MIN_WINDOW = 3
"""Fewer values than this in the scoring window, and a run's score is flagged."""

ALIASES: dict[str, tuple[str, ...]] = {
    "heart.gained": ("env_agent/heart.gained",),
    "heart.created": (
        "env_agent/heart.created",
        "env_game/assembler.heart.created",
        "env_agent/heart.gained",
    ),
    "aligned.junction.held": ("env_collective/cogs/aligned.junction.held",),
    "junction.held": ("env_collective/cogs/aligned.junction.held",),
    "reward": ("overview/reward",),
    "kl": ("losses/approx_kl",),
    "sps": ("overview/sps", "overview/steps_per_second"),
}
"""What people type -> where it is logged, best first."""

_LOWER = ("loss", "kl", "error", "failed", "time", "clipfrac", "dropped")


@dataclass
class CleanSeries:
    """A series that can be computed with, and what cleaning took out.

    Attributes:
        steps: `[V]` float64, strictly rising.
        values: `[V]` float64, finite.
        times: `[V]` float64, seconds since 1970, or NaN.
        non_finite: number of NaN and infinite values taken out; first_non_finite: the step of the first of them.
        backwards: number of times the steps went back.
        duplicates: values replaced by a later one of the same step.
        zero_filled: zeros alternate with positive values in more than a tenth of the rows.
    """

    steps: np.ndarray
    values: np.ndarray
    times: np.ndarray
    non_finite: int = 0
    first_non_finite: float | None = None
    non_finite_steps: np.ndarray = field(default_factory=lambda: np.empty(0))
    backwards: int = 0
    duplicates: int = 0
    zero_filled: bool = False

    @property
    def last_step(self) -> float:
        """Step of the newest value; 0 without any."""
        return float(self.steps[-1]) if len(self.steps) else 0.0

    def upto(self, budget: float) -> CleanSeries:
        """The part up to a step."""
        end = int(np.searchsorted(self.steps, budget, side="right"))
        return CleanSeries(
            self.steps[:end],
            self.values[:end],
            self.times[:end],
            int((self.non_finite_steps <= budget).sum()),
            self.first_non_finite,
            self.non_finite_steps[self.non_finite_steps <= budget],
        )


def clean(series: Series) -> CleanSeries:
    """Sort by step, keep the last value of each, take out what is not finite."""
    steps, values, times = (np.asarray(column, float) for column in series)
    known = np.isfinite(steps)
    steps, values, times = steps[known], values[known], times[known]
    backwards = int((np.diff(steps) < 0).sum())
    order = np.argsort(steps, kind="stable")
    steps, values, times = steps[order], values[order], times[order]
    is_last = np.ones(len(steps), bool)
    is_last[:-1] = steps[1:] != steps[:-1]
    duplicates = int((~is_last).sum())
    steps, values, times = steps[is_last], values[is_last], times[is_last]
    finite = np.isfinite(values)
    bad = steps[~finite]
    steps, values, times = steps[finite], values[finite], times[finite]
    zero = values == 0
    changes = int((zero[1:] != zero[:-1]).sum()) if len(zero) > 1 else 0
    is_filled = len(values) >= 20 and 0.1 < zero.mean() < 1 and changes > 0.1 * len(values)
    return CleanSeries(
        steps,
        values,
        times,
        int((~finite).sum()),
        float(bad[0]) if len(bad) else None,
        bad,
        backwards,
        duplicates,
        bool(is_filled and (values >= 0).all()),
    )


class Score(NamedTuple):
    """A run's number.

    Attributes:
        value: the score, None if the window is empty or mostly not finite.
        error: standard error within the run, from batch means; None where it cannot be told.
        values: how many values it is made from.
        window: first and last step of the window.
        why_not: why there is no score.
    """

    value: float | None
    error: float | None
    values: int
    window: tuple[float, float]
    why_not: str | None = None


def score(series: CleanSeries, mode: str, parameter: float, budget: float, higher: bool) -> Score:
    """Score a run at a budget.

    Args:
        series: on the axis of the budget (agent steps, or seconds for `per-hour`).
        mode: `tail`, `at`, `last`, `best`, `auc`, `per-hour`.
        parameter: percent for `tail`, step for `at`.
        budget: where the window ends.
        higher: whether higher is better, for `best`.
    """
    limit = math.inf if mode == "last" else parameter if mode == "at" else budget
    part = series.upto(limit)
    start, end = _window(mode, parameter, limit, part)
    inside = (part.steps > start) & (part.steps <= end)
    bad = int(((part.non_finite_steps > start) & (part.non_finite_steps <= end)).sum())
    values = part.values[inside]
    window = (start, end)
    if bad > len(values):
        return Score(
            None, None, len(values), window, f"{bad} of {bad + len(values)} values are not finite"
        )
    if not len(values):
        return Score(None, None, 0, window, "no value in the window")
    if mode in ("last", "at"):
        return Score(float(values[-1]), None, 1, window)
    if mode == "best":
        return Score(float(values.max() if higher else values.min()), None, len(values), window)
    if mode == "auc":
        steps = np.concatenate([[0.0], part.steps[inside], [end]])
        padded = np.concatenate([[values[0]], values, [values[-1]]])
        return Score(
            float(np.trapezoid(padded, steps) / end), batch_error(values), len(values), window
        )
    return Score(float(values.mean()), batch_error(values), len(values), window)


def _window(mode: str, parameter: float, limit: float, part: CleanSeries) -> tuple[float, float]:
    end = limit if math.isfinite(limit) else part.last_step
    if mode in ("tail", "per-hour"):
        share = parameter / 100 if mode == "tail" else 0.2
        return end * (1 - share), end
    if mode == "best":
        return WARM_UP * end, end
    return -1.0, end


def batch_error(values: np.ndarray) -> float | None:
    """Standard error of a mean of values that follow each other in time, from the means of up to 10 batches.

    Neighbouring values of a training curve are alike, so the plain error would be too small. Below 8 values there
    is none.
    """
    count = len(values)
    if count < 8:
        return None
    batches = min(10, count // 4) if count >= 16 else 4
    means = [float(batch.mean()) for batch in np.array_split(values, batches)]
    return float(np.std(means, ddof=1) / math.sqrt(batches))


def common_budget(last_steps: Iterable[float]) -> float:
    """The step at which runs are compared: of the runs at least half as long as the median one, 80 % reached it."""
    steps = sorted((float(step) for step in last_steps if step and step > 0), reverse=True)
    if not steps:
        return 0.0
    median = float(np.median(steps))
    longer = [step for step in steps if step >= 0.5 * median]
    return longer[math.ceil(0.8 * len(longer)) - 1]


def resolve_metric(asked: str, counts: dict[str, int]) -> tuple[str | None, list[str]]:
    """Find the logged metric that a user means.

    Args:
        asked: as typed.
        counts: logged name -> number of runs that have it.

    Returns:
        The name, or None; and names that come near, those logged by most runs first.
    """
    if asked in counts:
        return asked, []
    for name in ALIASES.get(asked, ()):
        if name in counts:
            return name, []
    ends = [name for name in counts if name.rpartition("/")[2] == asked]
    own = [name for name in ends if not name.startswith("evaluator/")] or ends
    if len(own) == 1:
        return own[0], []
    near = own or _near(asked, counts)
    return None, sorted(near, key=lambda name: (-counts[name], name))[:5]


def _near(asked: str, counts: dict[str, int]) -> list[str]:
    import difflib

    by_end: dict[str, list[str]] = {}
    for name in counts:
        by_end.setdefault(name.rpartition("/")[2], []).append(name)
    near = difflib.get_close_matches(asked.rpartition("/")[2], by_end, n=5, cutoff=0.5)
    return [name for end in near for name in by_end[end]]


def is_higher_better(name: str, direction: str) -> bool:
    """Which way a metric is good: what was asked, else the table of metrics, else its name."""
    if direction != "auto":
        return direction == "higher"
    metric = find_metric(name)
    if metric is not None and metric.better != "none":
        return metric.better == "higher"
    return not any(word in name.lower() for word in _LOWER)


def bin_series(
    series: CleanSeries, budget: float, points: int = 200
) -> tuple[list[float], list[float | None]]:
    """Means over equal bins of the axis up to a budget; None where a bin is empty."""
    if budget <= 0 or not len(series.steps):
        return [], []
    edges = np.linspace(0, budget, points + 1)
    index = np.searchsorted(edges, series.steps, side="left") - 1
    index = np.where(series.steps == 0, 0, index)
    inside = (index >= 0) & (index < points)
    counts = np.bincount(index[inside], minlength=points)
    sums = np.bincount(index[inside], weights=series.values[inside], minlength=points)
    centres = (edges[1:] + edges[:-1]) / 2
    means: list[float | None] = [
        float(s / c) if c else None for s, c in zip(sums.tolist(), counts.tolist(), strict=True)
    ]
    return centres.tolist(), means


def widest_gap(steps: np.ndarray, budget: float) -> tuple[float, float] | None:
    """The longest stretch without a value, if it is both 10 times the usual distance and 5 % of the budget.

    Args:
        steps: `[V]` float64, rising.
        budget: agent steps, or seconds.
    """
    if len(steps) < 10:
        return None
    distances = np.diff(steps)
    at = int(np.argmax(distances))
    if distances[at] < max(10 * float(np.median(distances)), 0.05 * budget):
        return None
    return float(steps[at]), float(steps[at + 1])


def quality(name: str, series: CleanSeries, budget: float) -> list[dict[str, Any]]:
    """What is odd about a series, as rows `{kind, text}`."""
    rows: list[dict[str, Any]] = []

    def say(kind: str, text: str) -> None:
        rows.append({"kind": kind, "text": text})

    if series.non_finite:
        say(
            "non-finite",
            f"{name}: {series.non_finite} values are not finite, first at step {series.first_non_finite:,.0f}",
        )
    if series.backwards:
        say(
            "steps",
            f"{name}: steps go back {series.backwards} times; sorted, the last value of a step counts",
        )
    gap = widest_gap(series.steps, budget)
    if gap is not None:
        say("gap", f"{name}: no value between the steps {gap[0]:,.0f} and {gap[1]:,.0f}")
    if series.zero_filled:
        say(
            "zero-filled",
            f"{name}: zeros alternate with positive values; zeros may mean that no episode ended",
        )
    if len(series.values) > 20 and budget > 0:
        early = series.steps <= 0.05 * budget
        if (
            early.any()
            and not early.all()
            and series.values[early].max() > series.values[~early].max()
        ):
            say(
                "early-best",
                f"{name}: the best value lies in the first 5 % of steps (warm-up or zero-filled rows)",
            )
    return rows
