"""What `runs.ls`, `runs.show`, `runs.diff` and `runs.plot` do."""

from __future__ import annotations

import csv
import io
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from coglab.analysis.model import RunInfo
from coglab.analysis.select import nothing_matches, select
from coglab.analysis.series import clean as clean_series
from coglab.analysis.series import resolve_metric
from coglab.analysis.settings import ABSENT, SEEDS, VOLATILE, canonical, flatten, matches, shown
from coglab.analysis.sources import Runs
from coglab.analysis.text import clean, hours, masked, masked_word, moment, number, percent, steps
from coglab.replay.file import write as write_file
from coglab.tools.runs_common import (
    NO_METRIC,
    NO_RUN,
    filters_of,
    find_run,
    guarded,
    no_such_run,
    out,
    plain,
    runs_of,
    say,
    time_of,
)
from coglab.tracking.names import STEP_METRIC
from coglab.tracking.text import format_table, sparkline

if TYPE_CHECKING:
    from coglab.tools.runs import DiffTool, LsTool, PlotTool, ShowTool, _Filtered


def selected(tool: _Filtered, store: Runs) -> list[RunInfo] | None:
    """The runs that fit a tool's filters; None, with a message, if there are none."""
    filters = filters_of(tool)
    selection = select(store, filters, time_of(tool))
    if not selection.runs:
        say("error: " + nothing_matches(store, selection, filters))
        return None
    return selection.runs


def ls(tool: LsTool) -> int:
    """List runs."""
    return guarded(lambda store: _ls(tool, store), runs_of(tool, tool.metric))


def _ls(tool: LsTool, store: Runs) -> int:
    runs = selected(tool, store)
    if runs is None:
        return NO_RUN
    rows = []
    for run in runs:
        values = _newest(store, run)
        name, _ = resolve_metric(tool.metric, dict.fromkeys(values, 1))
        run.last_step = max(run.last_step or 0.0, values.get(STEP_METRIC, 0.0)) or None
        rows.append((run, values.get(name) if name else None))
    _sort(rows, tool.sort)
    if tool.as_json:
        out(
            json.dumps(
                [plain({**facts(run), tool.metric: value}) for run, value in rows],
                indent=1,
                ensure_ascii=False,
            )
        )
        return 0
    header = ["run", "state", "steps", "of target", tool.metric, "created", "recipe"]
    table = [
        [
            clean(run.name, 60),
            run.state,
            steps(run.last_step),
            percent(
                run.last_step / run.target_steps if run.last_step and run.target_steps else None
            ),
            number(value),
            moment(run.created),
            clean((run.recipe or "-").removeprefix("recipes.experiment."), 40),
        ]
        for run, value in rows
    ]
    if tool.as_csv:
        buffer = io.StringIO()
        csv.writer(buffer, lineterminator="\n").writerows([header, *table])
        out(buffer.getvalue())
        return 0
    out(format_table(table, header))
    for place in store.unreadable:
        say(f"{place.kind}: {clean(place.place)}: {clean(place.reason)}")
    return 0


def _newest(store: Runs, run: RunInfo) -> dict[str, float]:
    """Newest values without reading a whole history or a configuration."""
    if run.summary:
        return run.summary
    if run.directory and (Path(run.directory) / "run.json").is_file():
        from coglab.analysis.source_ledger import last_values

        return last_values(Path(run.directory))
    store.complete(run)
    return run.summary


def _sort(rows: list[tuple[RunInfo, float | None]], column: str) -> None:
    keys: dict[str, Any] = {
        "created": lambda r: (r[0].created is not None, r[0].created or 0.0),
        "name": lambda r: r[0].name,
        "state": lambda r: r[0].state,
        "steps": lambda r: r[0].last_step or 0.0,
        "metric": lambda r: (r[1] is not None, r[1] or 0.0),
    }
    rows.sort(key=keys[column.lstrip("-")], reverse=column.startswith("-"))


def facts(run: RunInfo) -> dict[str, Any]:
    """The facts of a run for JSON."""
    names = (
        "id", "name", "source", "project", "state", "exit_code", "created", "ended", "last_step", "target_steps", "recipe",
        "seed", "group", "tags", "url", "directory", "code",
    )  # fmt: skip
    return {name: getattr(run, name) for name in names}


def show(tool: ShowTool) -> int:
    """Show one run."""
    return guarded(lambda store: _show(tool, store), runs_of(tool))


def _show(tool: ShowTool, store: Runs) -> int:
    if not any(
        tool.runs[0] in (r.id, r.name) or r.name.startswith(tool.runs[0]) for r in store.runs
    ):
        return no_such_run(tool.runs[0], store)
    run = find_run(store, tool.runs[0])
    store.complete(run)
    if tool.as_json:
        out(
            json.dumps(
                plain(
                    {
                        **facts(run),
                        "config": masked(run.config),
                        "metrics": run.summary,
                        "message": run.message,
                        "notes": run.notes,
                    }
                ),
                indent=1,
                ensure_ascii=False,
            )
        )
        return 0
    lines = [
        ("run", run.name), ("state", run.state + (f", exit code {run.exit_code}" if run.exit_code is not None else "")),
        ("steps", f"{steps(run.last_step)} of {steps(run.target_steps)}"), ("created", moment(run.created)),
        ("ended", moment(run.ended)), ("recipe", run.recipe), ("command", " ".join(map(masked_word, run.argv or []))),
        ("code", (run.code or "?")[:12] + (", with changes" if run.dirty else "")), ("folder", run.directory),
        ("page", run.url),        ("tags", ", ".join(run.tags)), ("message", run.crash_message or run.message),
    ]  # fmt: skip
    out(
        "\n".join(
            f"{name:<8} {clean(value, 400)}"
            for name, value in lines
            if value not in (None, "", "?")
        )
    )
    if tool.tail and run.tail:
        out("\n".join(["", *(clean(line, 300) for line in run.tail)]))
    for note in run.notes:
        out(f"note     {clean(note, 300)}")
    if tool.config:
        flat = flatten(run.config)
        out(
            "\n"
            + format_table(
                [[key, clean(shown(value), 100)] for key, value in sorted(flat.items())],
                ["setting", "value"],
            )
        )
    if tool.metrics:
        out(
            "\n"
            + format_table(
                [[clean(k), number(v)] for k, v in sorted(run.summary.items())],
                ["metric", "newest"],
            )
        )
    return 0


def diff(tool: DiffTool) -> int:
    """Compare settings of runs."""
    return guarded(lambda store: _diff(tool, store), runs_of(tool))


def _diff(tool: DiffTool, store: Runs) -> int:
    for name in tool.runs:
        if not any(name in (r.id, r.name) or r.name.startswith(name) for r in store.runs):
            return no_such_run(name, store)
    runs = [find_run(store, name) for name in tool.runs]
    for run in runs:
        store.complete(run)
    flats = [flatten(run.config) for run in runs]
    left_out = tool.ignore if tool.show_all else (*VOLATILE, *tool.ignore)
    rows = []
    for key in sorted({key for flat in flats for key in flat}):
        values = [flat.get(key, ABSENT) for flat in flats]
        is_same = len({canonical(value) for value in values}) == 1
        if (is_same and not tool.show_all) or matches(key, left_out):
            continue
        rows.append((key, values, is_same))
    if tool.as_json:
        out(
            json.dumps(
                {
                    key: {run.name: plain(v) for run, v in zip(runs, values, strict=True)}
                    for key, values, _ in rows
                },
                indent=1,
            )
        )
        return 0
    if not rows:
        out(
            "no setting differs"
            + ("" if tool.show_all else " (names and places left out; all=true shows them)")
        )
        return 0
    table = [
        [
            ("" if is_same or not tool.show_all else "* ")
            + key
            + (" (seed)" if matches(key, SEEDS) else ""),
            *(clean(shown(v), 60) for v in values),
        ]
        for key, values, is_same in rows
    ]
    out(format_table(table, ["setting", *(clean(run.name, 40) for run in runs)]))
    return 0


def plot(tool: PlotTool) -> int:
    """Draw a metric of runs."""
    return guarded(lambda store: _plot(tool, store), runs_of(tool, tool.metric))


def _plot(tool: PlotTool, store: Runs) -> int:
    runs = selected(tool, store)
    if runs is None:
        return NO_RUN
    counts: dict[str, int] = {}
    for run in runs:
        store.complete(run)
        for key in store.keys(run):
            counts[key] = counts.get(key, 0) + 1
    name, near = resolve_metric(tool.metric, counts)
    if name is None:
        say(
            f"error: `{tool.metric}` names no metric of these runs, or several. Nearest: {', '.join(near) or 'none'}."
        )
        return NO_METRIC
    drawn = []
    for run in runs:
        series = store.history(run, [name]).get(name)
        if series is not None and len(series.steps):
            drawn.append((run, clean_series(series)))
    out(name)
    rows = [
        [
            clean(run.name, 50),
            sparkline(s.values.tolist(), 50),
            number(float(s.values[-1])),
            steps(s.last_step),
        ]
        for run, s in drawn
        if len(s.values)
    ]
    out(format_table(rows, ["run", "curve", "last", "steps"]))
    if tool.out is not None:
        from coglab.analysis.figures import plot_series

        write_file(tool.out, plot_series(name, [(run.name, s) for run, s in drawn]))
        say(f"written: {tool.out}")
    return 0


def age(seconds: float | None) -> str:
    """How long ago, in words."""
    return "?" if seconds is None else hours(max(0.0, time.time() - seconds)) + " ago"
