"""Runs that did not finish: what stopped them, as far as something says so."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from coglab.analysis.model import RunInfo
from coglab.analysis.series import CleanSeries
from coglab.analysis.text import clean

SIGNATURES = (
    ("GPU out of memory", r"CUDA out of memory|OutOfMemoryError|CUBLAS_STATUS_ALLOC_FAILED"),
    ("host out of memory", r"MemoryError|Cannot allocate memory|oom-kill|Killed process"),
    ("non-finite numbers", r"non-?finite|\bNaN\b|is nan|FloatingPointError|not finite"),
    ("disk full", r"No space left on device|ENOSPC|Disk quota exceeded"),
    (
        "collective timeout",
        r"NCCL.*(timeout|timed out)|Watchdog caught collective|ProcessGroup.*timeout",
    ),
    ("GPU error", r"CUDA error|device-side assert|illegal memory access"),
    ("configuration", r"UserError|ValidationError"),
    ("stopped by SIGTERM", r"SIGTERM|received signal 15"),
    ("stopped by Ctrl-C", r"KeyboardInterrupt|Ctrl-C|SIGINT"),
)
"""Name of a signature -> what in a message or in the last lines shows it. The first that fits counts."""


def explain(run: RunInfo, health: dict[str, CleanSeries]) -> tuple[str, str, str]:
    """Say why a run stopped.

    Args:
        run: a run that did not finish.
        health: cleaned series of the metrics that health checks look at.

    Returns:
        Signature, reason in words, and what that is taken from: `record`, `console`, `metrics` or `none`.
    """
    sentences = [" ".join(filter(None, (run.crash_class, run.crash_message))), run.message or ""]
    for text in sentences:
        if text.strip():
            return _signature(text) or run.crash_class or _end(run), clean(text, 160), "record"
    for line in reversed(run.tail):
        signature = _signature(line)
        if signature:
            return signature, clean(line, 160), "console"
    if run.state in ("interrupted", "terminated", "preempted", "killed"):
        return (
            _end(run),
            f"{run.state}" + (f", exit code {run.exit_code}" if run.exit_code is not None else ""),
            "record",
        )
    sign = _metric_sign(health)
    if sign:
        return sign[0], sign[1], "metrics"
    if run.is_live:
        return "still running", "no end yet", "record"
    return "stopped without a message", "its process is gone; nothing says why", "none"


def _signature(text: str) -> str | None:
    return next((name for name, pattern in SIGNATURES if re.search(pattern, text)), None)


def _end(run: RunInfo) -> str:
    return {"interrupted": "stopped by Ctrl-C", "terminated": "stopped by SIGTERM"}.get(
        run.state, run.state
    )


def _metric_sign(health: dict[str, CleanSeries]) -> tuple[str, str] | None:
    for name, series in sorted(health.items()):
        if series.first_non_finite is not None:
            return (
                "non-finite numbers",
                f"{name} is not finite from step {series.first_non_finite:,.0f}",
            )
    kl = health.get("losses/approx_kl")
    if (
        kl is not None
        and len(kl.values) >= 8
        and kl.values[-3:].max() > 10 * max(float(np.median(kl.values)), 1e-9)
    ):
        return "KL spike", f"losses/approx_kl rose to {kl.values[-3:].max():.3g} at the end"
    rate = health.get("overview/sps")
    if (
        rate is not None
        and len(rate.values) >= 8
        and rate.values[-1] < 0.05 * float(np.median(rate.values))
    ):
        return "rate dropped", "overview/sps fell to almost 0 at the end"
    return None


def row(run: RunInfo, health: dict[str, CleanSeries], now: float) -> dict[str, Any]:
    """One row of the table of failures."""
    signature, reason, source = explain(run, health)
    share = run.last_step / run.target_steps if run.last_step and run.target_steps else None
    return {
        "name": run.name,
        "state": run.state,
        "exit_code": run.exit_code,
        "last_step": run.last_step,
        "share_of_target": share,
        "age_s": now - run.last_data if run.last_data else None,
        "signature": signature,
        "reason": reason,
        "reason_from": source,
    }
