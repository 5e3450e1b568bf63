"""What the terminal shows of a run, collected from what is logged."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from coglab.tracking.names import find_metric

WATCHED = (
    "env_agent/heart.gained",
    "env_collective/cogs/aligned.junction.held",
    "overview/reward",
    "losses/approx_kl",
)
"""The metrics by which a user judges a run: each has a curve and a mark."""

PHASE_GROUPS = {
    "simulate": ("simulate",),
    "label": ("label",),
    "infer": ("encode", "infer"),
    "learn": ("advantage", "learn"),
}
"""What is shown -> the phases of `timing_per_epoch/frac/` that it sums."""

Mark = Literal["good", "attention", "neutral"]

_MAX_POINTS = 128
_RATE_ROWS = 20


class Curve:
    """A metric's history over the whole run in a bounded number of points: full, it averages neighbours."""

    def __init__(self) -> None:
        self.points: list[float] = []
        self._per_point = 1
        self._pending: list[float] = []

    def add(self, value: float) -> None:
        """Append a value; non-finite ones are left out."""
        if not math.isfinite(value):
            return
        self._pending.append(value)
        if len(self._pending) < self._per_point:
            return
        self.points.append(sum(self._pending) / len(self._pending))
        self._pending.clear()
        if len(self.points) == _MAX_POINTS:
            pairs = zip(self.points[::2], self.points[1::2], strict=True)
            self.points = [(a + b) / 2 for a, b in pairs]
            self._per_point *= 2

    def trend(self) -> Literal["rising", "falling", "flat"]:
        """Direction: the last third against the third before it, changes below 2 % of the range are none."""
        third = len(self.points) // 3
        if third < 1:
            return "flat"
        late = sum(self.points[-third:]) / third
        early = sum(self.points[-2 * third : -third]) / third
        threshold = 0.02 * (max(self.points) - min(self.points))
        if abs(late - early) <= threshold:
            return "flat"
        return "rising" if late > early else "falling"


@dataclass
class RunView:
    """The state of the display.

    Attributes:
        name: the run.
        recipe: what it was started with.
        target_steps: budget in agent steps.
        start_step: step at which this process began.
        step: newest step.
        phase: what the run is doing now.
        latest: newest value of every metric.
        curves: history of the watched metrics.
    """

    name: str
    recipe: str
    target_steps: int
    start_step: int = 0
    step: int = 0
    phase: str = "starting"
    latest: dict[str, float] = field(default_factory=dict)
    curves: dict[str, Curve] = field(default_factory=lambda: {name: Curve() for name in WATCHED})
    started: float = field(default_factory=time.monotonic)
    _marks: deque[tuple[float, int]] = field(default_factory=lambda: deque(maxlen=_RATE_ROWS))

    def __post_init__(self) -> None:
        self.step = self.start_step

    def update(self, step: int, metrics: Mapping[str, float], now: float | None = None) -> None:
        """Take in one logged row.

        Args:
            step: agent step.
            metrics: name -> number.
            now: seconds on the clock of `time.monotonic`; left out, the present.
        """
        self.step = step
        self._marks.append((time.monotonic() if now is None else now, step))
        self.latest.update(metrics)
        for name, curve in self.curves.items():
            if name in metrics:
                curve.add(metrics[name])

    def watched(self) -> list[str]:
        """List the metrics of `WATCHED` that this run has, or may still have: not every game has collectives."""
        has_game = any(name in self.latest for name in WATCHED if name.startswith("env_agent/"))
        return [
            name
            for name in WATCHED
            if name in self.latest or not (has_game and name.startswith("env_collective/"))
        ]

    def share_done(self) -> float:
        """Share of the budget that is used, 0 to 1."""
        return min(1.0, self.step / self.target_steps) if self.target_steps > 0 else 0.0

    def rate(self) -> float:
        """Agent steps per second over the last rows; NaN before there are two."""
        if len(self._marks) < 2:
            return self.latest.get("overview/sps", math.nan)
        (t0, s0), (t1, s1) = self._marks[0], self._marks[-1]
        return (s1 - s0) / (t1 - t0) if t1 > t0 else math.nan

    def seconds_left(self) -> float:
        """Time to the end of the budget at the present rate; NaN if that is not known."""
        rate = self.rate()
        return max(0, self.target_steps - self.step) / rate if rate > 0 else math.nan

    def phase_shares(self) -> dict[str, float]:
        """Share of the time of each of `PHASE_GROUPS`, and `other`; empty before it is measured."""
        prefix = "timing_per_epoch/frac/"
        shares = {
            group: sum(self.latest.get(prefix + phase, 0.0) for phase in phases)
            for group, phases in PHASE_GROUPS.items()
        }
        if not any(shares.values()):
            return {}
        return {**shares, "other": max(0.0, 1.0 - sum(shares.values()))}

    def judge(self, name: str) -> tuple[Mark, str]:
        """How a watched metric stands.

        Args:
            name: a metric.

        Returns:
            A mark, and words for it: against its target if it has one, else its trend.
        """
        metric, value = find_metric(name), self.latest.get(name)
        if metric is None or value is None or not math.isfinite(value):
            return "neutral", ""
        if metric.below is not None:
            is_below = value < metric.below
            return (
                "good" if is_below else "attention"
            ), f"{'below' if is_below else 'above'} {metric.below:g}"
        trend = self.curves[name].trend() if name in self.curves else "flat"
        if trend == "flat" or metric.better == "none":
            return "neutral", trend
        is_better = (trend == "rising") == (metric.better == "higher")
        return ("good" if is_better else "attention"), trend
