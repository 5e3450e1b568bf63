"""From a selection of runs to candidates: metric found, series cleaned, games told apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from coglab.analysis import health
from coglab.analysis.config import RankConfig
from coglab.analysis.model import RunInfo
from coglab.analysis.ranking import Candidate
from coglab.analysis.series import (
    CleanSeries,
    clean,
    is_higher_better,
    quality,
    resolve_metric,
)
from coglab.analysis.settings import flatten, game_of
from coglab.analysis.sources import Runs
from coglab.games.cogsguard.missions import MISSIONS
from coglab.tracking.names import STEP_METRIC

WATCHED = (
    "env_agent/heart.gained",
    "env_collective/cogs/aligned.junction.held",
    "overview/reward",
    "losses/approx_kl",
)
"""The metrics by which users judge a run."""

REFERENCES = ("student/sample", "teacher/scripted", "random/sample", "random/scripted")


class MetricMissing(Exception):
    """No run logged the metric. `near` are names that come near, `counts` how many runs have each."""

    def __init__(self, asked: str, near: Sequence[str], counts: dict[str, int]) -> None:
        super().__init__(asked)
        self.asked, self.near, self.counts = asked, list(near), counts

    def __str__(self) -> str:
        """The message for the user."""
        if not self.near:
            common = sorted(self.counts, key=lambda n: (-self.counts[n], n))[:5]
            rest = ", ".join(f"`{n}` ({self.counts[n]} runs)" for n in common)
            return f"`metric={self.asked}` is in no run." + (
                f" The runs log {rest}." if rest else " The runs log nothing."
            )
        rest = ", ".join(f"`{name}` ({self.counts[name]} runs)" for name in self.near)
        return f"`metric={self.asked}` names no metric of these runs, or several. Nearest: {rest}."


@dataclass
class Metric:
    """The metric in force.

    Attributes:
        asked: as typed; name: as logged.
        higher: whether higher is better.
        note: a sentence if the two differ in more than the group before the `/`.
    """

    asked: str
    name: str
    higher: bool
    note: str | None = None


@dataclass
class Loaded:
    """One run's data: its candidate, and the cleaned series of everything that is looked at."""

    candidate: Candidate
    series: dict[str, CleanSeries] = field(default_factory=dict)
    quality: list[dict[str, Any]] = field(default_factory=list)


def find_metric_of(store: Runs, runs: Sequence[RunInfo], wanted: RankConfig) -> Metric:
    """Find the logged name of the metric that was asked for.

    Raises:
        MetricMissing: no run logged it.
    """
    counts: Counter[str] = Counter()
    for run in runs:
        store.complete(run)
        counts.update(name for name in {*run.summary, *run.scores} if not name.startswith("_"))
    name, near = resolve_metric(wanted.metric, dict(counts))
    if name is None:
        # Summaries are short; the whole of the logs may know it.
        counts = Counter()
        for run in runs:
            counts.update(store.keys(run))
        name, near = resolve_metric(wanted.metric, dict(counts))
    if name is None:
        raise MetricMissing(wanted.metric, near, dict(counts))
    note = None
    if name.rpartition("/")[2] != wanted.metric.rpartition("/")[2]:
        note = f"`{wanted.metric}` was asked for; no run logs it, `{name}` is what these runs log in its place."
    return Metric(wanted.metric, name, is_higher_better(name, wanted.direction), note)


def wanted_names(metric: str, extra: Iterable[str] = ()) -> set[str]:
    """Names of all series that an analysis reads."""
    end = metric.rpartition("/")[2]
    short = end if end != "aligned.junction.held" else "cogs/aligned.junction.held"
    references = {f"evaluator/{who}/{name}" for who in REFERENCES for name in (short, "reward")}
    return {metric, f"{metric}.avg", *health.METRICS, *WATCHED, *references, *extra, STEP_METRIC}


def load(
    store: Runs, runs: Sequence[RunInfo], metric: Metric, mode: str, extra: Iterable[str] = ()
) -> list[Loaded]:
    """Read and clean what is needed of every run, one run at a time."""
    names = wanted_names(metric.name, extra)
    return [_load_one(store, run, metric, mode, names) for run in runs]


def _load_one(store: Runs, run: RunInfo, metric: Metric, mode: str, names: set[str]) -> Loaded:
    store.complete(run)
    raw = store.history(run, names)
    series = {name: clean(one) for name, one in raw.items()}
    own = series.get(metric.name)
    rows: list[dict[str, Any]] = []
    if own is not None and own.zero_filled and f"{metric.name}.avg" in series:
        own = series[f"{metric.name}.avg"]
        rows.append(
            {
                "kind": "zero-filled",
                "text": f"{metric.name} is zero-filled; {metric.name}.avg is used instead",
            }
        )
    candidate = Candidate(run)
    if own is not None and (len(own.values) or own.non_finite):
        candidate.series = own
        candidate.reached = max(own.last_step, run.last_step or 0.0)
        candidate.on_axis = own if mode != "per-hour" else _over_time(own)
        if mode == "per-hour":
            candidate.reached = candidate.on_axis.last_step
        rows += quality(metric.name, own, candidate.reached)
    elif metric.name in run.scores:
        run.scores = {metric.name: run.scores[metric.name]}
    elif metric.asked in run.scores:
        run.scores = {metric.name: run.scores[metric.asked]}
    else:
        run.scores = {}
    for name in ("losses/value_loss", "grad/norm", "losses/approx_kl"):
        if name in series and series[name].non_finite and name != metric.name:
            rows += quality(name, series[name], candidate.reached or 0.0)[:1]
    _flags(candidate, series)
    run.device = run.device or _text(flatten(run.config).get("system.device"))
    return Loaded(candidate, series, rows)


def _over_time(series: CleanSeries) -> CleanSeries:
    """The series over seconds since its first row; rows without a time are left out."""
    known = np.isfinite(series.times)
    times = series.times[known] - (series.times[known][0] if known.any() else 0.0)
    times = np.maximum.accumulate(times) if len(times) else times
    return CleanSeries(times, series.values[known], series.times[known])


def _flags(candidate: Candidate, series: dict[str, CleanSeries]) -> None:
    run = candidate.run
    if run.rewinds or run.superseded_rows:
        text = ", ".join(f"from {a:,.0f} to {b:,.0f}" for a, b in run.rewinds[:3])
        candidate.flags.append(f"rewound {text or str(run.superseded_rows) + ' rows'}")
    share = series.get("teacher/teacher_led_share")
    own = candidate.series
    if share is not None and own is not None and len(share.values):
        late = share.values[share.steps >= 0.8 * own.last_step]
        if len(late) and late.mean() > 0.01:
            candidate.flags.append(
                f"the teacher played {100 * late.mean():.0f} % of the rows in the last fifth"
            )
    begins = health.student_from(series)
    if own is not None and len(own.values) and begins:
        best = own.steps[int(np.argmax(own.values))]
        if best <= begins:
            candidate.flags.append(
                f"its highest value is from before step {begins:,.0f}, while the teacher played"
            )
    if run.is_live:
        candidate.flags.append("still running")


def group_of(run: RunInfo) -> tuple[str, str, str]:
    """What must agree for two scores to be set side by side: project, game, step axis."""
    return (run.project or "", game_label(run), run.step_metric or STEP_METRIC)


def game_label(run: RunInfo) -> str:
    """The game with everything that changes what a score means: agents, ticks, rules."""
    flat = flatten(run.config)
    prefix = "training_env.game."
    label = game_of(run)
    parts = []
    if flat.get(prefix + "num_agents") is not None:
        parts.append(f"{flat[prefix + 'num_agents']} agents")
    ticks = flat.get(prefix + "max_steps")
    if ticks is None and flat.get(prefix + "kind") == "cogsguard":
        # Left out is the mission's own: a run that spells it out plays the same game.
        mission = MISSIONS.get(str(flat.get(prefix + "mission")))
        ticks = None if mission is None else mission.max_steps
    if ticks is not None:
        parts.append(f"{ticks} ticks")
    if flat.get(prefix + "rules") is not None:
        parts.append(f"rules {flat[prefix + 'rules']}")
    return ", ".join([label, *parts])


def split_groups(runs: Sequence[RunInfo]) -> list[tuple[tuple[str, str, str], list[RunInfo]]]:
    """Runs by what must agree, the largest group first.

    A run whose record does not say its game in full (no configuration) joins the only group that it may belong to.
    """
    groups: dict[tuple[str, str, str], list[RunInfo]] = {}
    for run in runs:
        groups.setdefault(group_of(run), []).append(run)
    for key in sorted(groups):
        fits = [other for other in groups if other != key and _may_be(key, other)]
        if len(fits) == 1:
            groups[fits[0]] += groups.pop(key)
    return sorted(groups.items(), key=lambda item: (-len(item[1]), item[0]))


def _may_be(vague: tuple[str, str, str], exact: tuple[str, str, str]) -> bool:
    """Whether runs of a group that says little may be of one that says more."""
    project, game, axis = vague
    is_vague = game == "unknown" or ("," not in game and "/" not in game)
    kind = exact[1].partition(",")[0].partition("/")[0]
    is_more = exact[1] != game and (game in ("unknown", kind))
    return is_vague and is_more and project in ("", exact[0]) and axis == exact[2]


def reference_values(series: dict[str, CleanSeries], metric: str) -> dict[str, float]:
    """What the held-out evaluation of a run says of `student`, `teacher` and `random` under a metric."""
    end = metric.rpartition("/")[2]
    short = (
        "reward"
        if metric == "overview/reward"
        else "cogs/" + end
        if end == "aligned.junction.held"
        else end
    )
    found: dict[str, float] = {}
    for who in REFERENCES:
        one = series.get(f"evaluator/{who}/{short}")
        role = who.partition("/")[0]
        if one is not None and len(one.values) and role not in found:
            found[role] = float(one.values[-1])
    return found


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
