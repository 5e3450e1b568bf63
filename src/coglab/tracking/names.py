"""Every metric that is logged: one table, and the look-up that strict tests and the sinks use.

The rows are in `training_names.py` (the trainer, its evaluations), `loss_names.py` (losses, optimiser, teacher) and
`game_names.py` (what games count in an episode). A name is either exact or a pattern: `<resource>.gained` stands for
every resource. The page docs/05-metrics.md is generated from this table. A metric that is not in it is an error in
tests and, at run time, one warning.
"""

from __future__ import annotations

import re
from functools import lru_cache

from coglab.config.errors import UserError, did_you_mean
from coglab.tracking.game_names import GAME_METRICS, GAME_PLACEHOLDERS
from coglab.tracking.loss_names import LOSS_METRICS
from coglab.tracking.metric import WINDOWS, Metric
from coglab.tracking.training_names import TRAINING_METRICS, TRAINING_PLACEHOLDERS

__all__ = [
    "METRICS",
    "PLACEHOLDERS",
    "STEP_METRIC",
    "WINDOWS",
    "Metric",
    "check_name",
    "find_metric",
    "is_timing",
]

STEP_METRIC = "metric/agent_step"
"""The x axis of everything: agent steps since the run began."""

PLACEHOLDERS: dict[str, tuple[str, str]] = {**GAME_PLACEHOLDERS, **TRAINING_PLACEHOLDERS}
"""Placeholder of a pattern -> (regular expression, what it stands for)."""

METRICS: dict[str, Metric] = {**TRAINING_METRICS, **LOSS_METRICS, **GAME_METRICS}
"""Name or pattern -> what it is."""


def _compile(pattern: str) -> re.Pattern[str]:
    """Turn `env_agent/<resource>.gained` into a regular expression."""
    parts = re.split(r"(<[a-z_ ]+>)", pattern)
    return re.compile(
        "".join(PLACEHOLDERS[p][0] if p in PLACEHOLDERS else re.escape(p) for p in parts)
    )


_PATTERNS = [(_compile(name), name) for name in METRICS if "<" in name]


@lru_cache(maxsize=4096)
def find_metric(name: str) -> Metric | None:
    """Look a metric up; exact names win over patterns, earlier patterns over later ones.

    Args:
        name: a logged name, for example `env_agent/heart.gained`.

    Returns:
        Its entry in `METRICS`, or None if it has none.
    """
    if "<" not in name and name in METRICS:
        return METRICS[name]
    for pattern, key in _PATTERNS:
        if pattern.fullmatch(name):
            return METRICS[key]
    return None


def check_name(name: str) -> None:
    """Refuse a metric that the table does not have.

    Raises:
        UserError: if neither a name nor a pattern matches; says the nearest name.
    """
    if find_metric(name) is None:
        exact = [known for known in METRICS if "<" not in known]
        raise UserError(
            f"metric `{name}` is not in the table of metrics.{did_you_mean(name, exact)} "
            "Add it to the table in coglab/tracking/, with its unit and meaning (see names.py)."
        )


def is_timing(name: str) -> bool:
    """Whether a metric measures the machine, so that two equal runs may differ in it."""
    metric = find_metric(name)
    return metric is not None and metric.is_timing
