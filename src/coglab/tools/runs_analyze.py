"""What `runs.analyze` does: open, select, analyse, write."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from coglab.analysis.config import FilterConfig, HealthConfig, RankConfig
from coglab.analysis.load import MetricMissing
from coglab.analysis.pipeline import Document, Request, analyze
from coglab.analysis.select import Selection, nothing_matches, select
from coglab.analysis.sources import Runs
from coglab.analysis.text import clean, file_name, moment, number
from coglab.analysis.write import render, write
from coglab.config.layers import show_value
from coglab.tools.invocation import current_invocation
from coglab.tools.runs_commands import Commander, departures
from coglab.tools.runs_common import (
    NO_METRIC,
    NO_RUN,
    NO_SOURCE,
    STRICT,
    filters_of,
    open_runs,
    out,
    runs_of,
    say,
    time_of,
)

if TYPE_CHECKING:
    from coglab.tools.runs import AnalyzeTool

_FILTERS = tuple(FilterConfig.model_fields)
_RANK = tuple(RankConfig.model_fields)


def run(tool: AnalyzeTool) -> int:
    """Analyse runs and write the report.

    Returns:
        0; 3 no run matched, 4 the metric is in no run, 5 no source could be read, 6 warnings under `strict`.
    """
    now = time_of(tool) // 60 * 60  # the command in the report names the minute
    store, refused = runs_of(tool, tool.metric)
    if store is None:
        say("error: no source could be read: " + "; ".join(refused))
        return NO_SOURCE
    filters = filters_of(tool)
    selection = select(store, filters, now)
    baseline, baseline_text = _baseline(tool, store, now)
    if baseline is not None:
        own = {run_.key for run_ in store.runs}
        store, others = baseline
        taken = {run_.key for run_ in others.runs}
        selection = select(store, filters, now)
        # Runs of the baseline's sources that it did not select belong to neither side.
        selection.runs = [r for r in selection.runs if r.key in own and r.key not in taken]
    if not selection.runs:
        say("error: " + nothing_matches(store, selection, filters))
        return NO_RUN
    say(f"reading {len(selection.runs)} runs of {len(store.runs)}")
    commander = Commander(tool.plan_for, tool.dialect, [run_.name for run_ in store.runs])
    request = Request(
        RankConfig(**{name: getattr(tool, name) for name in _RANK}),
        HealthConfig.model_validate(tool.health.model_dump()),
        now,
        _command(tool, now),
        _shown(tool),
        tool.monitor,
        tool.mixed,
        tool.ignore,
        commander,
        baseline[1] if baseline is not None else None,
        baseline_text,
        commander.game,
        refused,
    )
    try:
        document = analyze(store, selection, request)
    except MetricMissing as error:
        say(f"error: {error}")
        return NO_METRIC
    appendix = document.data["appendix"]
    if appendix is not None and (best := document.run(appendix["name"])) is not None:
        appendix["departures"] = departures(best)
    made = render(document.data, _configs(document), tool.formats)
    write(Path(tool.out), made, tool.force)
    _tell(document.data, Path(tool.out), tool.formats)
    return STRICT if tool.strict and document.data["warnings"] else 0


def _baseline(
    tool: AnalyzeTool, store: Runs, now: float
) -> tuple[tuple[Runs, Selection] | None, str]:
    """The baseline's runs, read from their own sources if it names any."""
    asked = tool.compare_with
    if asked is None:
        return None, ""
    filters = filters_of(asked)
    text = ", ".join(
        f"{key} {show_value(value)}"
        for key, value in asked.model_dump(exclude_defaults=True).items()
    )
    if asked.source or asked.project:
        other, refused = open_runs(asked.source, asked.project, tool.train_dir, now, tool.metric)
        if other is None:
            say("warning: the baseline could not be read: " + "; ".join(refused))
            return (store, Selection([], [], [])), text
        merged = Runs([*store.sources, *other.sources])
        keys = {run_.key for run_ in other.runs}
        selection = select(merged, filters, now)
        selection.runs = [run_ for run_ in selection.runs if run_.key in keys]
        return (merged, selection), text
    return (store, select(store, filters, now)), text


def _shown(tool: AnalyzeTool) -> dict[str, Any]:
    """The filters that were set, as text."""
    return {
        name: show_value(getattr(tool, name)) for name in _FILTERS if name in tool.model_fields_set
    }


def _command(tool: AnalyzeTool, now: float) -> str:
    """The command that makes the report again: as typed, with the time pinned."""
    words = list(current_invocation().argv) or ["runs.analyze"]
    words = [word for word in words if not word.startswith("now=")]
    return shlex.join(["./tools/run.py", *words, f"now={moment(now).replace(' ', 'T')}"])


def _configs(document: Document) -> dict[str, Any]:
    """File name -> configuration of every run that has one; two ids that make one name are told apart."""
    made: dict[str, Any] = {}
    for one in [*document.loaded, *document.others]:
        run_ = one.candidate.run
        if not run_.config:
            continue
        name, count = file_name(run_.id), 1
        while f"configs/{name}.yaml" in made:
            count += 1
            name = f"{file_name(run_.id)}-{count}"
        made[f"configs/{name}.yaml"] = {k: v for k, v in run_.config.items() if k != "_wandb"}
    return made


def _tell(doc: dict[str, Any], folder: Path, formats: tuple[str, ...]) -> None:
    """A few lines for the terminal: the ranking's head, the first step, where the report is."""
    for row in doc["ranked"][:5]:
        error = f" ± {number(row['error'], 2)}" if row["error"] is not None else ""
        out(
            f"{row['rank'] or '-':>3} {row['letter']:<2} {number(row['score'])}{error}  {clean(row['name'], 70)}"
        )
    if doc["recommendations"]:
        out("next: " + doc["recommendations"][0]["text"].replace("`", ""))
    for row in doc["commands"][:1]:
        out(row["text"])
    names = {"md": "report.md", "html": "report.html", "json": "analysis.json"}
    out("written: " + ", ".join(str(folder / names[word]) for word in formats))
