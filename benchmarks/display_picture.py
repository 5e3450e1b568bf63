"""Draws the training display as it looked at some point of a run, from the run's ledger.

    ./.venv/bin/python benchmarks/display_picture.py train_dir/first docs/figures/display.svg --share 0.12
"""

from __future__ import annotations

import argparse
import io
import re
import time
from pathlib import Path

from rich.console import Console

from coglab.tracking.display import dashboard
from coglab.tracking.ledger_reader import RunLedger, read_ledger
from coglab.tracking.run_view import RunView


def view_at(ledger: RunLedger, share: float) -> RunView:
    """Give the display all rows of a run up to a share of its budget.

    Args:
        ledger: the run.
        share: of the budget, 0 to 1.
    """
    target = int(ledger.info["target_steps"])
    view = RunView(str(ledger.info["name"]), str(ledger.info["recipe"]), target, phase="learn")
    by_step: dict[int, dict[str, float]] = {}
    for name, column in ledger.columns.items():
        for step, value in zip(column.steps.tolist(), column.values.tolist(), strict=True):
            if step <= share * target:
                by_step.setdefault(step, {})[name] = value
    began = float(ledger.times[0])
    for step, at in zip(ledger.steps.tolist(), ledger.times.tolist(), strict=True):
        if step in by_step:
            view.update(step, by_step[step], now=at)
            view.started = time.monotonic() - (at - began)
    return view


def main() -> None:
    """Write the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run_dir", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--share", type=float, default=0.5)
    given = parser.parse_args()
    view = view_at(read_ledger(given.run_dir), given.share)
    console = Console(record=True, width=110, file=io.StringIO(), force_terminal=True)
    console.print(dashboard(view, console))
    picture = console.export_svg(title=f"coglab: {view.name}")
    # rich names typefaces on a server; a picture in the documentation loads nothing.
    given.out.write_text(re.sub(r"@font-face \{.*?\}", "", picture, flags=re.DOTALL), encoding="utf-8")


if __name__ == "__main__":
    main()
