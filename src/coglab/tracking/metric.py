"""What is known about a metric."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

WINDOWS = {
    "run": "since the run's first step, over all restarts",
    "process": "since this process started",
    "iteration": "one iteration: a rollout and the update made from it",
    "gradient steps": "mean over the gradient steps of one iteration",
    "batch": "mean over the agent steps of one batch",
    "episodes": "mean over the episodes that ended in the iteration; episodes that the trainer cut are left out, and "
    "nothing is logged when none ended",
    "moment": "the value at the time of logging",
    "evaluation": "mean over the held-out maps of one evaluation",
}
"""Averaging window -> its definition."""

SHARE = "share, 0 to 1"
"""The unit of fractions."""

Window = Literal[
    "run", "process", "iteration", "gradient steps", "batch", "episodes", "moment", "evaluation"
]


@dataclass(frozen=True)
class Metric:
    """One row of the table of metrics.

    Attributes:
        unit: the unit of the number; `1` for pure numbers.
        window: what it is taken over, a key of `WINDOWS`.
        better: which direction is better; `none` if neither is.
        meaning: one or two sentences.
        is_timing: depends on the machine and the clock: differs between two runs of the same command.
        below: the value should stay below this.
    """

    unit: str
    window: Window
    better: Literal["higher", "lower", "none"]
    meaning: str
    is_timing: bool = False
    below: float | None = None
