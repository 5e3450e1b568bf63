"""docs/05-metrics.md: every metric, from coglab.tracking.names."""

from __future__ import annotations

from coglab.tracking.names import METRICS, PLACEHOLDERS, WINDOWS, Metric, find_metric
from coglab.tracking.run_view import WATCHED
from docpages.markdown import page, table

PATH = "docs/05-metrics.md"

FAMILIES = {
    "overview": "What to look at first",
    "metric": "Counters and the x axis",
    "env_agent": "What agents did in an episode",
    "env_collective": "What a side did in an episode",
    "env_game": "The game as a whole",
    "env_per_label_rewards": "Return by mission",
    "losses": "Losses",
    "grad": "Gradients",
    "weights": "Weights",
    "hyperparameters": "What schedules are at",
    "teacher": "The teacher and its rows",
    "experience": "The batch",
    "evaluator": "Evaluations on held-out maps",
    "checkpoint": "Checkpoints",
    "timing_per_epoch": "Where the time goes",
    "monitor": "The machine",
    "ranks": "Processes that train together",
    "model": "The network",
    "maps": "The maps",
}
"""Family -> heading, in the order of the page."""


def render() -> str:
    """The page."""
    by_family: dict[str, list[str]] = {family: [] for family in FAMILIES}
    for name in METRICS:
        by_family[name.split("/")[0]].append(name)  # a family without a heading is an error
    watched = [f"* `{name}` ({_direction(name)})" for name in WATCHED]
    windows = table(["over", "means"], [[f"*{name}*", text] for name, text in WINDOWS.items()])
    words = table(
        ["placeholder", "stands for"],
        [[f"`{name}`", text] for name, (_, text) in PLACEHOLDERS.items()],
    )
    sections = []
    for family, names in by_family.items():
        rows = [_row(name, METRICS[name]) for name in names]
        heading = f"## {FAMILIES[family]}: `{family}/`"
        sections += [heading, table(["metric", "unit", "over", "better", "meaning"], rows)]
    return page(
        "# Metrics",
        "Every number that a run logs has one name, the same in the ledger "
        "(`train_dir/<run>/metrics.jsonl`), in Weights & Biases and on the terminal. The x axis of "
        "everything is `metric/agent_step`. The numbers by which a run is judged:",
        "\n".join(watched),
        "Values marked † depend on the machine or the clock: two runs of the same command and seed "
        "differ in them, and in nothing else.",
        "## Averaging windows",
        windows,
        *sections,
        "## Placeholders",
        words,
        _LEDGER,
    )


def _direction(name: str) -> str:
    metric = find_metric(name)
    assert metric is not None, name
    if metric.below is not None:
        return f"should stay below {metric.below:g}"
    return f"{metric.better} is better"


def _row(name: str, metric: Metric) -> list[str]:
    better = (
        f"below {metric.below:g}" if metric.below is not None else metric.better.replace("none", "")
    )
    return [
        f"`{name}`{' †' if metric.is_timing else ''}",
        metric.unit,
        metric.window,
        better,
        metric.meaning,
    ]


_LEDGER = """
## Where they are kept

A run directory holds, besides checkpoints:

| file | content |
| --- | --- |
| `run.json` | name, command, code version, machine, state, exit code, how it crashed, its starts ("segments") |
| `config.json` | the effective configuration of the newest start |
| `metrics.jsonl` | one line per logged row: `step`, `time` (seconds since 1970), `metrics`; and one line per start |
| `metrics.npz` | the same numbers by column, once the run has ended well |
| `wandb/` | what Weights & Biases keeps, if it is used |

Lines are strict JSON; values that JSON cannot write are the texts `NaN`, `Infinity`, `-Infinity`. A line is written in
one piece and survives a kill of the process. A start that continues from a checkpoint begins a new segment: rows of
earlier segments at or above its `first_step` are kept in the file and left out by readers, because the weights that
made them were given up.

`run.json` has two clocks: `heartbeat` says that the process lives (every 10 seconds), `progress` that it gets on. A run
whose record says `running` is shown as *crashed* when its process is gone, and as *stalled* when it lives but has
logged nothing for ten minutes.

From Python: `coglab.tracking.ledger_reader.read_ledger(run_dir)` gives `info`, `config`, `steps` and `columns` (metric
-> steps and values); `compare_ledgers(a, b)` lists every difference between two runs except those marked †.
"""
