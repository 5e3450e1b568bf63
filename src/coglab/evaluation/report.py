"""The table and the JSON file of an evaluation."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from coglab.evaluation.episodes import EXACT_ORDER, EvaluationResult

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

SCHEMA_VERSION = 1

_DIGITS = {"heart.gained": 2, "cogs/aligned.junction.held": 0}
"""Digits behind the point; 3 for all others."""


def digits_of(metric: str) -> int:
    """Digits behind the point that a metric is shown with."""
    return _DIGITS.get(metric, 3)


def results_table(
    results: list[EvaluationResult], title: str, labels: list[str] | None = None
) -> Table:
    """A table with one row per result and one column per headline metric, each with its 95 % interval.

    Args:
        results: at least one result.
        title: printed above the table.
        labels: what to call each row instead of the policy's URI.
    """
    from rich.table import Table

    table = Table(
        title=title,
        title_justify="left",
        caption="mean over maps [95 % interval]",
        caption_justify="left",
    )
    # On a narrow terminal the intervals go to a second line; without a least width rich would leave out the policy.
    table.add_column("policy", overflow="fold", min_width=8)
    table.add_column("actions", no_wrap=True)
    headline = results[0].headline
    for metric in headline:
        table.add_column(metric.removeprefix("cogs/"), justify="right", overflow="fold")
    for index, result in enumerate(results):
        label = labels[index] if labels else result.policy_uri
        cells = [result.interval(metric).text(digits_of(metric)) for metric in headline]
        table.add_row(label, result.mode, *cells)
    return table


def print_table(console: Console, table: Table) -> None:
    """Print a table; in a file or a pipe as wide as it needs.

    Args:
        console: where to. If it is no terminal, its width, a guess, is raised to the table's.
        table: the table.
    """
    from rich.measure import Measurement

    if not console.is_terminal:
        unlimited = console.options.update(max_width=1_000)
        console.width = max(console.width, Measurement.get(console, unlimited, table).maximum)
    console.print(table)


def results_as_dict(results: list[EvaluationResult], settings: dict[str, Any]) -> dict[str, Any]:
    """Everything about an evaluation as JSON-able data: settings, intervals and one value per map."""
    return {
        "schema_version": SCHEMA_VERSION,
        "settings": {**settings, "exact_order": EXACT_ORDER},
        "results": [
            {
                "policy_uri": result.policy_uri,
                "mode": result.mode,
                "maps": len(result.map_seeds),
                "first_map_seed": int(result.map_seeds[0]),
                "agent_steps": result.agent_steps,
                "seconds": round(result.seconds, 3),
                "metrics": {
                    name: {
                        "mean": interval.mean,
                        "low": None if interval.maps < 2 else interval.low,
                        "high": None if interval.maps < 2 else interval.high,
                        "per_map": [float(value) for value in result.metrics[name]],
                    }
                    for name in sorted(result.metrics)
                    for interval in (result.interval(name),)
                },
            }
            for result in results
        ],
    }


def write_json(path: Path, data: dict[str, Any]) -> None:
    """Write a JSON file aside and rename it, so that a reader never sees half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    aside.write_text(json.dumps(data, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    os.replace(aside, path)
