"""Another set of runs beside this one; another game is compared only relative to teacher and random player."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from coglab.analysis import health
from coglab.analysis.config import RankConfig, read_rank
from coglab.analysis.load import Loaded, Metric, game_label, load, reference_values
from coglab.analysis.model import RunInfo
from coglab.analysis.ranking import REACHED, SAME_SHARE, TEACHER_MARGIN, rank
from coglab.analysis.rows import finite, median
from coglab.analysis.series import score as score_series
from coglab.analysis.sources import Runs


def compare(
    main: Sequence[Loaded],
    own_budget: float,
    store: Runs,
    runs: Sequence[RunInfo],
    text: str,
    metric: Metric,
    ranking: RankConfig,
) -> dict[str, Any]:
    """Set two sets side by side at the smaller of their budgets.

    Args:
        main: the runs of the report.
        own_budget: their budget; 0 if it is not known.
        store: where the baseline is read from.
        runs: the baseline.
        text: how it was asked for.
        metric: the metric.
        ranking: how runs are scored.
    """
    mode, parameter = read_rank(ranking.rank)
    if not runs:
        return {
            "text": text,
            "rows": [],
            "points": [],
            "game": "?",
            "why_not": "no run matches",
            "same_game": False,
            "budget": None,
        }
    loaded = load(store, runs, metric, mode)
    own = [
        one for one in main if one.candidate.series is not None and one.candidate.why_not is None
    ]
    result = rank([one.candidate for one in loaded], mode, parameter, ranking.budget, metric.higher)
    budgets = [b for b in (own_budget, result.budget) if b]
    budget = min(budgets) if len(budgets) == 2 else 0.0
    other_game = game_label(runs[0])
    same = {game_label(run) for run in runs} == {game_label(one.candidate.run) for one in main}
    rows = []
    for name, members in (
        ("these runs", own),
        ("baseline", [o for o in loaded if o.candidate.series is not None]),
    ):
        rows.append(_side(name, members, metric, budget, mode, parameter))
    why_not = None
    if not budget:
        why_not = "one side has no curves, so no common budget exists"
    elif any(not row["runs"] for row in rows):
        side = next(row["side"] for row in rows if not row["runs"])
        why_not = (
            f"{'none of the baseline' if side == 'baseline' else 'none of these runs'} has a score at the common budget "
            "that its student made alone"
        )
    elif not same and any(row["relative"] is None for row in rows):
        why_not = (
            "the games differ, and one side has no evaluation of its teacher and of a random player"
        )
    return {
        "text": text,
        "game": other_game,
        "same_game": same,
        "budget": budget or None,
        "rows": rows,
        "points": [
            {"name": c.run.name, "score": finite(c.value), "state": c.run.state}
            for c in (o.candidate for o in loaded)
            if c.series is None
        ],
        "why_not": why_not,
    }


def _side(
    name: str, members: Sequence[Loaded], metric: Metric, budget: float, mode: str, parameter: float
) -> dict[str, Any]:
    scores: list[float] = []
    references: dict[str, list[float | None]] = {"teacher": [], "random": []}
    for one in members:
        series = one.candidate.on_axis
        if series is not None and budget and (one.candidate.reached or 0) >= REACHED * budget:
            scored = score_series(series, mode, parameter, budget, metric.higher)
            led = health.teacher_share(one.series, *scored.window)
            is_own = led <= TEACHER_MARGIN + SAME_SHARE
            if scored.value is not None and is_own:
                scores.append(scored.value)
        found = reference_values(one.series, metric.name)
        for role in references:
            if role in found:
                references[role].append(found[role])
    middle = median(scores)
    teacher, random_ = median(references["teacher"]), median(references["random"])
    relative = None
    if middle is not None and teacher is not None and random_ is not None and teacher != random_:
        relative = (middle - random_) / (teacher - random_)
    return {
        "side": name,
        "runs": len(scores),
        "median": middle,
        "best": max(scores, default=None) if metric.higher else min(scores, default=None),
        "teacher": teacher,
        "random": random_,
        "relative": relative,
    }
