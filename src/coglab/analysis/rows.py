"""Rows of the document: what is said of each run, configuration and repeat."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from coglab.analysis import contrast as contrasts
from coglab.analysis import health, teachers
from coglab.analysis.load import Loaded, Metric, reference_values
from coglab.analysis.model import RunInfo
from coglab.analysis.ranking import Candidate, Ranking, presumed_repeats
from coglab.analysis.settings import Unit, differences, settings_of, shown
from coglab.analysis.text import file_name


def find_repeats(
    runs: Sequence[RunInfo], candidates: Sequence[Candidate], units: Sequence[Unit], result: Ranking
) -> tuple[list[dict[str, Any]], bool, list[list[Candidate]]]:
    """Repeats by configuration, and those that only names suggest; the groups that measure the noise."""
    ranked = {id(c) for c in result.ranked}
    rows: list[dict[str, Any]] = []
    groups: list[list[Candidate]] = []
    in_units: set[int] = set()
    for unit in units:
        if len(unit.runs) > 1 and not unit.is_presumed:
            members = [candidates[i] for i in unit.runs]
            in_units.update(id(candidates[i].run) for i in unit.runs)
            inside = [c for c in members if id(c) in ranked]
            groups.append(inside)
            codes = contrasts.codes_of(unit, runs)
            row = _repeat_row(runs[unit.runs[0]].name, members, inside, "same configuration", [])
            row["codes"] = len(codes)
            rows.append(row)
    are_presumed = not any(len(g) > 1 for g in groups)
    place = {id(c.run): c for c in candidates}
    for stem, named in presumed_repeats(runs):
        if all(id(run) in in_units for run in named):
            continue
        apart: list[str] = []
        if all(run.config and not run.config_is_partial for run in named):
            first = settings_of(named[0])
            apart = sorted(
                {key for run in named[1:] for key in differences(first, settings_of(run))}
            )
        inside = [place[id(run)] for run in named if id(place[id(run)]) in ranked]
        rows.append(
            _repeat_row(
                stem, [place[id(run)] for run in named], inside, "presumed from names", apart
            )
        )
        if are_presumed and not apart:
            groups.append(inside)
    return rows, are_presumed and any(len(g) > 1 for g in groups), groups


def _repeat_row(
    name: str,
    members: Sequence[Candidate],
    inside: Sequence[Candidate],
    kind: str,
    apart: Sequence[str],
) -> dict[str, Any]:
    values = [c.value for c in inside]
    return {
        "name": name,
        "kind": kind,
        "runs": [c.run.name for c in members],
        "scores": [finite(c.value) for c in members],
        "comparable": len(inside),
        "spread": max(values) - min(values) if len(values) > 1 else None,
        "differ_in": list(apart)[:10],
        "codes": 1,
    }


def unit_rows(
    units: Sequence[Unit],
    result: Ranking,
    runs: Sequence[RunInfo],
    loaded: Sequence[Loaded],
    metric: Metric,
) -> list[dict[str, Any]]:
    """One row per ranked configuration, best first: mean score, runs, teacher, cloning loss, rate."""
    ranked = {id(c) for c in result.ranked}
    rows: list[dict[str, Any]] = []
    for unit in units:
        inside = [loaded[i] for i in unit.runs if id(loaded[i].candidate) in ranked]
        values = [one.candidate.value for one in inside]
        losses = [value for one in inside if (value := _cloning_loss(one)) is not None]
        rows.append(
            {
                "label": unit.label,
                "name": max(
                    inside,
                    key=lambda one: one.candidate.value if metric.higher else -one.candidate.value,
                ).candidate.run.name,
                "mean": float(np.mean(values)),
                "runs": [one.candidate.run.name for one in inside],
                "scores": values,
                "teacher": teachers.teacher_of(unit.settings),
                "cloning_loss": median(losses),
                "rate": median([_rate(one) for one in inside]),
            }
        )
    rows.sort(key=lambda r: (-r["mean"] if metric.higher else r["mean"], r["name"]))
    return rows


def _cloning_loss(one: Loaded) -> float | None:
    """How well a student repeats its teacher at the end of the teacher's phase, on its own states if it had any."""
    for side in ("student_led", "teacher_led"):
        series = one.series.get(f"losses/supervised_action_loss_{side}")
        if series is not None and (series.values > 0).any():
            values = series.values[series.values > 0]  # 0 where no row was labelled
            return float(values[-max(1, len(values) // 10) :].mean())
    return None


def _rate(one: Loaded) -> float | None:
    series = one.series.get("overview/sps")
    return float(np.median(series.values)) if series is not None and len(series.values) else None


def median(values: Sequence[float | None]) -> float | None:
    """Median of what is known and finite; None if nothing is."""
    known = [value for value in values if value is not None and math.isfinite(value)]
    return float(np.median(known)) if known else None


def finite(value: float | None) -> float | None:
    """The value, None if it is not finite."""
    return value if value is not None and math.isfinite(value) else None


def ranked_row(c: Candidate) -> dict[str, Any]:
    """One row of the ranking, of a run with or without a rank."""
    run, own = c.run, c.series
    values = own.values if own is not None else None
    has = values is not None and len(values) > 0
    best = int(np.argmax(values)) if has and values is not None else 0
    return {
        "name": run.name,
        "rank": c.rank,
        "rank_low": c.rank_low,
        "rank_high": c.rank_high,
        "letter": c.letter,
        "score": finite(c.value),
        "error": c.score.error if c.score is not None else None,
        "values": c.score.values if c.score is not None else 0,
        "last": float(values[-1]) if has and values is not None else None,
        "best": float(values[best]) if has and values is not None else None,
        "best_step": float(own.steps[best]) if has and own is not None else None,
        "steps": finite(c.reached if own is not None else run.last_step),
        "target_steps": run.target_steps,
        "state": run.state,
        "created": run.created,
        "recipe": run.recipe,
        "seed": run.seed,
        "unit": c.unit,
        "why_not": c.why_not,
        "flags": list(c.flags),
    }


def run_row(one: Loaded, settings: Mapping[str, Any], asked: str) -> dict[str, Any]:
    """Everything about one run but its score.

    Args:
        one: the run.
        settings: flat.
        asked: the metric, for what the held-out evaluation says of it.
    """
    run = one.candidate.run
    return {
        "name": run.name,
        "id": run.id,
        "source": run.source,
        "project": run.project,
        "state": run.state,
        "exit_code": run.exit_code,
        "created": run.created,
        "created_is_day": run.created_is_day,
        "ended": run.ended,
        "last_data": run.last_data if run.is_live else None,
        "last_step": run.last_step,
        "target_steps": run.target_steps,
        "recipe": run.recipe,
        "seed": run.seed,
        "tags": list(run.tags),
        "url": run.url,
        "place": Path(run.directory).name if run.directory else None,
        "code": run.code,
        "dirty": run.dirty,
        "rows": run.rows,
        "superseded_rows": run.superseded_rows,
        "fragments": run.fragments,
        "unit": one.candidate.unit,
        "has_config": bool(run.config),
        "config_is_partial": run.config_is_partial,
        "config_file": f"configs/{file_name(run.id)}.yaml" if run.config else None,
        "settings": {key: shown(value) for key, value in settings.items()},
        "references": reference_values(one.series, asked) if one.series else {},
    }


def at_best(loaded: Sequence[Loaded], result: Ranking, metric: Metric) -> list[dict[str, Any]]:
    """Other metrics at the step where the ranking metric is best."""
    rows = []
    by_id = {id(one.candidate): one for one in loaded}
    for candidate in result.ranked[:10]:
        own = candidate.series
        if own is None or not len(own.values):
            continue
        index = int(np.argmax(own.values if metric.higher else -own.values))
        at = own.steps[index]
        others = {}
        for name, series in by_id[id(candidate)].series.items():
            if name != metric.name and name in health.METRICS and len(series.steps):
                nearest = int(np.argmin(np.abs(series.steps - at)))
                others[name] = float(series.values[nearest])
        rows.append(
            {
                "name": candidate.run.name,
                "step": float(at),
                "value": float(own.values[index]),
                "others": others,
            }
        )
    return rows


def quality_rows(loaded: Sequence[Loaded], result: Ranking, metric: Metric) -> list[dict[str, Any]]:
    """What is odd about the data: notes of the sources, cleaning, flags, mixed code and budgets."""
    rows = []
    for one in loaded:
        run = one.candidate.run
        rows += [
            {"run": run.name, "kind": "note", "text": note} for note in dict.fromkeys(run.notes)
        ]
        rows += [{"run": run.name, **row} for row in one.quality]
        rows += [{"run": run.name, "kind": "flag", "text": flag} for flag in one.candidate.flags]
        if run.fragments > 1:
            rows.append(
                {
                    "run": run.name,
                    "kind": "resumed",
                    "text": f"{run.fragments} starts; {run.superseded_rows} rows replaced",
                }
            )
        if run.config_changes:
            keys = ", ".join(sorted(run.config_changes)[:5])
            rows.append(
                {
                    "run": run.name,
                    "kind": "config changed",
                    "text": f"changed during the run: {keys}; the last value counts",
                }
            )
        if run.dirty:
            rows.append(
                {
                    "run": run.name,
                    "kind": "code",
                    "text": "the checkout had changes that are in no commit",
                }
            )
    codes = sorted({one.candidate.run.code or "?" for one in loaded})
    if len(codes) > 1:
        rows.append(
            {
                "run": "",
                "kind": "code",
                "text": f"{len(codes)} code versions: {', '.join(code[:10] for code in codes[:6])}",
            }
        )
    rows += _teacher_s_play(loaded, result)
    share = len(result.missing) / max(1, len(loaded))
    if share > 0.2:
        rows.append(
            {
                "run": "",
                "kind": "missing",
                "text": f"{len(result.missing)} of {len(loaded)} runs never logged {metric.name}",
            }
        )
    targets = {one.candidate.run.target_steps for one in loaded if one.candidate.run.target_steps}
    if len(targets) > 1:
        rows.append(
            {
                "run": "",
                "kind": "targets",
                "text": "runs have different budgets ("
                + ", ".join(f"{t:,.0f}" for t in sorted(targets)[:5])
                + "): schedules that follow the budget are at different points at one step",
            }
        )
    return rows


def _teacher_s_play(loaded: Sequence[Loaded], result: Ranking) -> list[dict[str, Any]]:
    """Say that a teacher still played in all windows that were compared, and which budget would leave it out."""
    ranked = [
        one
        for one in loaded
        if one.candidate in result.ranked and one.candidate.series is not None and one.series
    ]
    windows = [one.candidate.score.window if one.candidate.score else (0.0, 0.0) for one in ranked]
    shares = [health.teacher_share(one.series, *w) for one, w in zip(ranked, windows, strict=True)]
    if result.axis != "steps" or not shares or min(shares) <= health.TEACHER_PLAYS:
        return []
    alone = []
    for one, (begin, end) in zip(ranked, windows, strict=True):
        # The window of a budget begins at the same share of it as here.
        budget = health.student_from(one.series) * end / begin if begin > 0 else math.inf
        if (one.candidate.reached or 0.0) >= budget:
            alone.append(budget)
    least, most = f"{100 * min(shares):.0f}", f"{100 * max(shares):.0f}"
    text = (
        f"a teacher plays {least if least == most else f'{least} to {most}'} % of the rows in the windows of all ranked "
        "runs: these scores are not the students' own; "
    )
    if not alone:
        text += "none of them went on long enough without it"
    else:
        unit = 10 ** max(0, math.floor(math.log10(max(alone))) - 2)
        text += (
            f"`budget={math.ceil(max(alone) / unit) * unit:.0f}` compares the {len(alone)} of {len(ranked)} that went on "
            "long enough without it"
        )
    return [{"run": "", "kind": "teacher", "text": text}]
