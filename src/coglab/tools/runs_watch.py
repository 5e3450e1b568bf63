"""What `runs.watch` does: look at a run again and again, and judge it at the end."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from coglab.analysis.load import WATCHED, game_label
from coglab.analysis.model import RunInfo
from coglab.analysis.series import CleanSeries, clean, resolve_metric
from coglab.analysis.sources import Runs
from coglab.analysis.text import clean as clean_text
from coglab.analysis.text import number, percent, steps
from coglab.analysis.watch import Verdict, judge, overall
from coglab.config import UserError
from coglab.tools.runs_common import NO_SOURCE, find_run, no_such_run, out, runs_of, say
from coglab.tracking.text import format_table

if TYPE_CHECKING:
    from coglab.tools.runs import WatchTool

STOP = 7
"""Exit code of a run that should be stopped; 0 for one that should go on, or of which nothing can be said yet."""

MAX_EARLIER = 20


def watch(tool: WatchTool) -> int:
    """Look until the run ends or reaches `until`, then judge.

    Returns:
        0 continue, or nothing can be said; 7 stop; 3 no such run; 5 no source could be read.
    """
    earlier: list[dict[str, CleanSeries]] | None = None
    shown_at = -1.0
    while True:
        store, refused = runs_of(tool)
        if store is None:
            say("error: no source could be read: " + "; ".join(refused))
            return NO_SOURCE
        try:
            run = find_run(store, tool.runs[0])
        except UserError:
            return no_such_run(tool.runs[0], store)
        store.complete(run)
        names = _names(tool, run)
        if earlier is None:
            earlier = _earlier(tool, store, run, names)
        series = {name: clean(one) for name, one in store.history(run, names).items()}
        last = max((s.last_step for s in series.values() if len(s.steps)), default=0.0)
        verdicts = judge(run, series, earlier, tool.until, names)
        is_over = tool.once or not run.is_live or (tool.until is not None and last >= tool.until)
        if last != shown_at or is_over:
            shown_at = last
            _tell(run, last, verdicts)
        if is_over:
            return _judge(verdicts)
        time.sleep(tool.interval_s)


def _names(tool: WatchTool, run: RunInfo) -> list[str]:
    name, _ = resolve_metric(tool.metric, dict.fromkeys(run.summary, 1))
    return list(dict.fromkeys([name or tool.metric, *WATCHED]))


def _earlier(
    tool: WatchTool, store: Runs, run: RunInfo, names: list[str]
) -> list[dict[str, CleanSeries]]:
    """Series of the newest runs to compare with: finished, of the same game."""
    found = []
    for other in reversed(store.runs):
        if other.key == run.key or (
            tool.against is not None and not other.name.startswith(tool.against)
        ):
            continue
        if tool.against is None and other.state != "finished":
            continue
        store.complete(other)
        if game_label(other) != game_label(run):
            continue
        found.append({name: clean(one) for name, one in store.history(other, names).items()})
        if len(found) == MAX_EARLIER:
            break
    return found


def _tell(run: RunInfo, last: float, verdicts: list[Verdict]) -> None:
    share = percent(last / run.target_steps) if run.target_steps else "?"
    out(f"{clean_text(run.name, 60)}: {run.state}, {steps(last)} steps, {share} of its budget")
    rows = []
    for v in verdicts:
        span = (
            f"{number(min(v.earlier))} to {number(max(v.earlier))} (n={len(v.earlier)})"
            if v.earlier
            else "-"
        )
        change = "-"
        if v.change is not None:
            difference, error = v.change
            sign = "-" if difference < 0 else "+"
            change = f"{sign}{number(abs(difference))} ± {number(error)}"
        rows.append([v.metric, number(v.value), change, v.target, span, v.judgement, v.reason])
    heads = ["metric", "now", "late change", "target", "earlier runs at this step", "", "reason"]
    out(format_table(rows, heads))


def _judge(verdicts: list[Verdict]) -> int:
    result = overall(verdicts)
    reasons = "; ".join(f"{v.metric} {v.reason}" for v in verdicts if v.judgement == result)
    if result == "unknown":
        out("nothing can be said yet: " + reasons)
        return 0
    out(f"{result}: {reasons}")
    return STOP if result == "stop" else 0
