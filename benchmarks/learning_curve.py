"""Draws the learning curve of a run and prints its curve and, if it was evaluated, its last table as Markdown.

    ./.venv/bin/python benchmarks/learning_curve.py train_dir/first docs/figures/first.svg

Writes the SVG and, beside it, the curve as JSON.
"""

from __future__ import annotations

import argparse
import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np

from coglab.tools.closing import EVALUATION_FILE
from coglab.tracking.ledger_reader import RunLedger, read_ledger

CURVES = {
    "losses/supervised_accuracy_student_led": "agreement with the teacher, student-led rows",
    "env_agent/heart.gained": "hearts gained per agent",
    "overview/reward": "reward (episode return per agent)",
}
"""What is drawn, top to bottom."""

BINS = 15
"""Rows of the Markdown table."""


def binned(ledger: RunLedger, name: str, edges: np.ndarray) -> list[float | None]:
    """Mean of a metric between neighbouring edges (agent steps); None where nothing was logged."""
    steps, values = ledger.columns.get(name, (np.zeros(0), np.zeros(0)))
    inside = [values[(steps > a) & (steps <= b)] for a, b in itertools.pairwise(edges)]
    return [float(np.mean(part)) if len(part) else None for part in inside]


def draw(ledger: RunLedger, path: Path) -> None:
    """Draw the curves, one below the other, with the end of the teacher phase marked."""
    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams["svg.hashsalt"] = "coglab"
    from matplotlib import pyplot

    cloner = ledger.config["trainer"]["losses"]["sliced_scripted_cloner"]
    figure, axes = pyplot.subplots(len(CURVES), 1, figsize=(7, 7), sharex=True)
    for axis, (name, title) in zip(axes, CURVES.items(), strict=True):
        steps, values = ledger.columns.get(name, (np.zeros(0), np.zeros(0)))
        if len(values) == 0:
            continue
        window = max(1, len(values) // 60)
        smooth = np.convolve(values, np.ones(window) / window, mode="valid")
        axis.plot(steps / 1e6, values, color="0.8", linewidth=0.8)
        axis.plot(steps[window - 1 :] / 1e6, smooth, color="tab:blue")
        axis.set_title(title, fontsize=9, loc="left")
        if cloner["enabled"]:
            axis.axvline(cloner["steps"] / 1e6, color="tab:orange", linestyle="--", linewidth=1)
        axis.grid(alpha=0.3)
    axes[-1].set_xlabel("million agent steps (dashed: the teacher has left)")
    figure.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Date": None})


def main() -> None:
    """Read the run, write the figure and the JSON file, print Markdown."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("run_dir", type=Path)
    parser.add_argument("figure", type=Path)
    arguments = parser.parse_args()
    ledger = read_ledger(arguments.run_dir)
    draw(ledger, arguments.figure)
    edges = np.linspace(0, ledger.info["last_step"], BINS + 1)
    table = {name: binned(ledger, name, edges) for name in CURVES}
    data = {"edges": edges.tolist(), **table}
    arguments.figure.with_suffix(".json").write_text(
        json.dumps(data, indent=1) + "\n", encoding="utf-8"
    )
    lines = ["| agent steps | agreement | hearts | reward |", "| --- | --- | --- | --- |"]
    for index, end in enumerate(edges[1:]):
        cells = [
            "" if column[index] is None else f"{column[index]:.3g}" for column in table.values()
        ]
        lines.append(f"| to {end / 1e6:.1f} M | " + " | ".join(cells) + " |")
    evaluation = arguments.run_dir / EVALUATION_FILE
    if evaluation.exists():
        lines += _evaluated(json.loads(evaluation.read_text(encoding="utf-8"))["results"])
    print("\n".join(lines))


def _evaluated(results: list[dict[str, Any]]) -> list[str]:
    lines = [
        "",
        "| policy | actions | reward | hearts per agent | junctions held |",
        "| --- | --- | --- | --- | --- |",
    ]
    for result in results:
        cells = []
        for name, digits in (("reward", 3), ("heart.gained", 2), ("cogs/aligned.junction.held", 0)):
            metric = result["metrics"][name]
            cells.append(
                f"{metric['mean']:.{digits}f} [{metric['low']:.{digits}f}, {metric['high']:.{digits}f}]"
            )
        uri = result["policy_uri"].removeprefix("metta://policy/")
        lines.append(f"| {uri} | {result['mode']} | " + " | ".join(cells) + " |")
    return lines


if __name__ == "__main__":
    main()
