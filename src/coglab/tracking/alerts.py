"""Alerts while a run goes on: a metric that stays on the wrong side of its target, or is no longer a number."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Collection, Mapping
from typing import NamedTuple

from coglab.tracking.names import find_metric

WINDOW = 10
"""So many values in a row are looked at; their median must be below the target."""


GUARDED = ("losses/approx_kl",)
"""Metrics that the trainer watches itself and acts on (`trainer.kl_guard`); telling them twice would help nobody."""


WHILE_ALONE = ("losses/clipfrac",)
"""Metrics whose target holds once the teacher has left: imitation moves the policy on purpose, and far at first."""

SHARES = ("losses/teacher_led_proportion", "losses/student_led_proportion")
"""Shares of the rows that a teacher labels."""


class Alert(NamedTuple):
    """What is told, once per metric and reason."""

    title: str
    text: str


class TargetAlerts:
    """Watches the metrics that have a target (`Metric.below`), as `runs watch` does at the end of a run.

    Args:
        ignored: metrics that somebody else watches.
    """

    def __init__(self, ignored: Collection[str] = GUARDED) -> None:
        self._ignored = ignored
        self._recent: dict[str, deque[float]] = {}
        self._told: set[str] = set()

    def update(self, step: int, metrics: Mapping[str, float]) -> list[Alert]:
        """Take in one logged row.

        Args:
            step: agent step.
            metrics: name -> number.

        Returns:
            What is to be told now.
        """
        alerts = []
        is_taught = any(metrics.get(share, 0.0) > 0.0 for share in SHARES)
        passed_over = {*self._told, *self._ignored, *(WHILE_ALONE if is_taught else ())}
        for name, value in metrics.items():
            metric = find_metric(name)
            if metric is None or metric.below is None or name in passed_over:
                continue
            recent = self._recent.setdefault(name, deque(maxlen=WINDOW))
            recent.append(float(value))
            if not math.isfinite(recent[-1]):
                text = f"{name} is not finite at agent step {step:,}"
            elif len(recent) == WINDOW and (middle := sorted(recent)[WINDOW // 2]) >= metric.below:
                text = (
                    f"{name}: median of the last {WINDOW} values is {middle:.3g} at agent step {step:,}; "
                    f"its target is below {metric.below:g}"
                )
            else:
                continue
            self._told.add(name)
            alerts.append(Alert(f"{name} misses its target", text))
        return alerts
