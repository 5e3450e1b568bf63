"""From runs to one JSON-able document, from which every form of the report is made."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from coglab.analysis import contrast as contrasts
from coglab.analysis import failures, health, summary, teachers
from coglab.analysis.config import HealthConfig, RankConfig, read_rank
from coglab.analysis.curves import curves, guard_rails, monitor_rows
from coglab.analysis.load import (
    Loaded,
    Metric,
    find_metric_of,
    game_label,
    load,
    reference_values,
    split_groups,
)
from coglab.analysis.model import RunInfo
from coglab.analysis.ranking import Candidate, Ranking, assign_ranks, presumed_repeats, rank
from coglab.analysis.recommend import Facts, recommendations
from coglab.analysis.select import Selection
from coglab.analysis.series import score as score_series
from coglab.analysis.settings import Unit, differences, flatten, make_units, matches, settings_of, shown
from coglab.analysis.sources import Runs
from coglab.analysis.statistics import detectable
from coglab.analysis.text import file_name, masked
from coglab.config import UserError

SCHEMA_VERSION = 1


@dataclass
class Command:
    """A command that the runner has checked."""

    title: str
    words: list[str]
    text: str
    steps: float | None
    why: str = ""


Commander = Callable[[Mapping[str, Any], "Document"], "Command | str"]
"""Makes a command of a wish of a recommendation; a text says why it could not."""


@dataclass
class Request:
    """What was asked.

    Attributes:
        rank: metric, mode, budget, direction, top, test.
        health: thresholds.
        now: seconds since 1970.
        command: the command line that makes the report again.
        filters: as typed, for the report.
        commander: makes and checks commands; None for none.
        baseline, baseline_text: runs to compare with, and how they were asked for.
        plan_for: the game that new commands are for, if it is another one.
        monitor: further metrics with a section of their own in `Key metrics`.
        mixed: rank each game by itself instead of refusing.
        ignore: globs of settings that are left out of the contrast.
        show_places: keep directories as they are.
    """

    rank: RankConfig
    health: HealthConfig
    now: float
    command: str
    filters: dict[str, Any] = field(default_factory=dict)
    monitor: Sequence[str] = ()
    mixed: bool = False
    ignore: Sequence[str] = ()
    commander: Commander | None = None
    baseline: Selection | None = None
    baseline_text: str = ""
    plan_for: str | None = None


@dataclass
class Document:
    """The document and what it was made from.

    Attributes:
        data: JSON-able; see `schema.json`.
        loaded: the runs behind it.
    """

    data: dict[str, Any]
    loaded: list[Loaded]
    bundles: Sequence[Any] = ()

    def run(self, name: str) -> RunInfo | None:
        """The record of a run by name."""
        return next((one.candidate.run for one in self.loaded if one.candidate.run.name == name), None)


def analyze(store: Runs, selection: Selection, request: Request) -> Document:
    """Analyse the selected runs.

    Args:
        store: where histories are read from.
        selection: the runs.
        request: what was asked.

    Raises:
        MetricMissing: no run logged the metric.
        UserError: the runs play different games and `mixed` is not set.
    """
    mode, parameter = read_rank(request.rank.rank)
    metric = find_metric_of(store, selection.runs, request.rank)
    groups = split_groups(selection.runs)
    if len(groups) > 1 and not request.mixed:
        listed = "; ".join(f"{len(runs)} of {_group_text(key)}" for key, runs in groups[:6])
        raise UserError(
            f"the runs cannot be ranked together: {listed}. Narrow them (`recipe=`, `prefix=`, `where=`), compare two "
            "sets with `compare_with=`, or rank each group by itself with `mixed=true`."
        )
    main = _analyze_group(store, groups[0][1], request, metric, mode, parameter)
    main.data["game"] = groups[0][0][1]
    main.data["other_groups"] = [
        _other_group(store, key, runs, request, metric, mode, parameter) for key, runs in groups[1:]
    ]
    _frame(main, store, selection, request, metric)
    return main


def _group_text(key: tuple[str, str, str]) -> str:
    project, game, _ = key
    return f"{game}" + (f" in {project}" if project else "")


def _other_group(
    store: Runs, key: tuple[str, str, str], runs: list[RunInfo], request: Request, metric: Metric, mode: str, parameter: float
) -> dict[str, Any]:
    loaded = load(store, runs, metric, mode)
    result = rank([one.candidate for one in loaded], mode, parameter, request.rank.budget, metric.higher)
    assign_ranks(result, metric.higher, [])
    return {
        "group": _group_text(key),
        "budget": result.budget,
        "ranked": [_ranked_row(c) for c in result.ranked],
        "not_comparable": [_ranked_row(c) for c in result.not_comparable],
        "missing": [c.run.name for c in result.missing],
    }


def _analyze_group(
    store: Runs, runs: list[RunInfo], request: Request, metric: Metric, mode: str, parameter: float
) -> Document:
    loaded = load(store, runs, metric, mode, request.monitor)
    candidates = [one.candidate for one in loaded]
    settings = [settings_of(run, request.ignore) for run in runs]
    result = rank(candidates, mode, parameter, request.rank.budget, metric.higher)
    units = make_units(runs, settings)
    for unit in units:
        for index in unit.runs:
            candidates[index].unit = unit.label
    repeats, are_presumed, groups = _repeats(runs, candidates, units, result)
    assign_ranks(result, metric.higher, groups)
    ranked_units = [u for u in units if any(candidates[i] in result.ranked for i in u.runs)]
    found = contrasts.contrast(
        ranked_units, result.ranked, runs, metric.higher, request.rank.top, request.rank.test
    )
    objects = found.pop("objects")
    if request.rank.test is not None:
        _check_test(request.rank.test, settings)
    rows_of_units = _unit_rows(ranked_units, result, runs, loaded, metric)
    ranked_settings = contrasts.unit_scores(objects["known"], result.ranked)
    best_of_all = max((c.value for c in result.ranked), default=None) if metric.higher else None
    health_of = {
        one.candidate.run.name: health.check(
            request.health, one.series, one.candidate.series, metric.higher, best_of_all, metric.name == "overview/reward"
        )
        for one in loaded
        if one.series
    }
    failed = [run.state != "finished" for run in runs]
    failure_rows = [
        failures.row(one.candidate.run, one.series, request.now)
        for one in loaded
        if one.candidate.run.state != "finished"
    ]
    is_failure = [f and not run.is_live and run.state not in ("interrupted", "terminated") for f, run in zip(failed, runs, strict=True)]
    teacher_rows, teacher_advice = teachers.table(
        request.plan_for or game_label(runs[0]),
        [
            {"teacher": u["teacher"], "score": u["mean"], "cloning_loss": u["cloning_loss"], "rate": u["rate"], "runs": len(u["runs"])}
            for u in rows_of_units
        ],
        metric.higher,
    )
    statistics = found["statistics"]
    statistics |= {
        "seed_deviation": result.seed_deviation,
        "seed_df": result.seed_df,
        "detectable_3_seeds": detectable(result.seed_deviation, 3, result.seed_df) if result.seed_deviation else None,
        "configurations": len(units),
        "with_repeats": sum(len(u.runs) > 1 for u in units),
    }
    data: dict[str, Any] = {
        "budget": result.budget,
        "axis": result.axis,
        "constant_metric": result.constant,
        "runs": [_run_row(one, settings[i], request) for i, one in enumerate(loaded)],
        "ranked": [_ranked_row(c) for c in result.ranked],
        "not_comparable": [_ranked_row(c) for c in result.not_comparable],
        "missing": [{"name": c.run.name, "state": c.run.state} for c in result.missing],
        "at_best": _at_best(loaded, result, metric),
        "units": rows_of_units,
        "repeats": {"are_presumed": are_presumed, "groups": repeats},
        "config": found["config"],
        "statistics": statistics,
        "controlled": contrasts.controlled(objects["known"], ranked_settings, objects["bundles"], runs)[:20],
        "neighbour": contrasts.closest_losing_neighbour(
            objects["known"], objects["means"], metric.higher, [runs[u.runs[0]].name for u in objects["known"]]
        ),
        "curves": curves(loaded, units, result, metric.name),
        "health": health_of,
        "health_rules": health.rules(request.health),
        "failures": failure_rows,
        "failure_settings": contrasts.failures_by_setting(settings, is_failure),
        "quality": _quality(loaded, result, metric),
        "teachers": {"rows": teacher_rows, "recommendation": teacher_advice},
        "guard_rails": guard_rails(result, metric.higher, statistics["top"]),
        "monitor": monitor_rows(loaded, result, statistics["top"], request.monitor),
    }
    facts = Facts(
        data["ranked"], data["not_comparable"], failure_rows, rows_of_units, found["config"]["bundles"], data["controlled"],
        result.seed_deviation, result.seed_df, are_presumed, health_of, result.budget if result.axis == "steps" else 0.0,
        _median([u["rate"] for u in rows_of_units]), teacher_advice, any(one.series for one in loaded), metric.name,
        metric.higher, data["failure_settings"],
    )  # fmt: skip
    if not facts.budget:
        facts.budget = max((run.target_steps or 0.0 for run in runs), default=0.0)
    data["recommendations"] = recommendations(facts)
    # What another game's runs measured says nothing about the speed of the planned one.
    data["rate"] = facts.rate if request.plan_for is None else None
    return Document(data, loaded, objects["bundles"])


def _check_test(key: str, settings: Sequence[Mapping[str, Any]]) -> None:
    import difflib

    known = sorted({name for row in settings for name in row})
    if key not in known:
        near = difflib.get_close_matches(key, known, n=1, cutoff=0.4)
        hint = f" Did you mean `{near[0]}`?" if near else ""
        raise UserError(f"`test={key}` is no setting of these runs.{hint}")


def _repeats(
    runs: Sequence[RunInfo], candidates: Sequence[Candidate], units: Sequence[Unit], result: Ranking
) -> tuple[list[dict[str, Any]], bool, list[list[Candidate]]]:
    """Repeats by configuration, and those that only names suggest; the groups that measure the noise."""
    ranked = {id(c) for c in result.ranked}
    rows: list[dict[str, Any]] = []
    groups: list[list[Candidate]] = []
    in_units = set()
    for unit in units:
        if len(unit.runs) > 1 and not unit.is_presumed:
            members = [candidates[i] for i in unit.runs]
            in_units.update(id(candidates[i].run) for i in unit.runs)
            inside = [c for c in members if id(c) in ranked]
            groups.append(inside)
            rows.append(_repeat_row(runs[unit.runs[0]].name, members, inside, "same configuration", []))
    are_presumed = not any(len(g) > 1 for g in groups)
    place = {id(c.run): c for c in candidates}
    for stem, members in presumed_repeats(runs):
        if all(id(run) in in_units for run in members):
            continue
        apart: list[str] = []
        if all(run.config and not run.config_is_partial for run in members):
            first = settings_of(members[0])
            apart = sorted({key for run in members[1:] for key in differences(first, settings_of(run))})
        inside = [place[id(run)] for run in members if id(place[id(run)]) in ranked]
        rows.append(_repeat_row(stem, [place[id(run)] for run in members], inside, "presumed from names", apart))
        if are_presumed and not apart:
            groups.append(inside)
    return rows, are_presumed and any(len(g) > 1 for g in groups), groups


def _repeat_row(
    name: str, members: Sequence[Candidate], inside: Sequence[Candidate], kind: str, apart: Sequence[str]
) -> dict[str, Any]:
    values = [c.value for c in inside]
    return {
        "name": name,
        "kind": kind,
        "runs": [c.run.name for c in members],
        "scores": [_finite(c.value) for c in members],
        "comparable": len(inside),
        "spread": max(values) - min(values) if len(values) > 1 else None,
        "differ_in": list(apart)[:10],
    }


def _unit_rows(
    units: Sequence[Unit], result: Ranking, runs: Sequence[RunInfo], loaded: Sequence[Loaded], metric: Metric
) -> list[dict[str, Any]]:
    ranked = {id(c) for c in result.ranked}
    rows = []
    for unit in units:
        inside = [loaded[i] for i in unit.runs if id(loaded[i].candidate) in ranked]
        values = [one.candidate.value for one in inside]
        losses = [_late(one, "losses/supervised_action_loss_student_led") for one in inside]
        losses = [v for v in losses if v is not None] or [
            v for one in inside if (v := _late(one, "losses/supervised_action_loss")) is not None
        ]
        rows.append(
            {
                "label": unit.label,
                "name": max(inside, key=lambda one: one.candidate.value if metric.higher else -one.candidate.value).candidate.run.name,
                "mean": float(np.mean(values)),
                "runs": [one.candidate.run.name for one in inside],
                "scores": values,
                "teacher": teachers.teacher_of(unit.settings),
                "cloning_loss": _median(losses),
                "rate": _median([_rate(one) for one in inside]),
            }
        )
    rows.sort(key=lambda r: (-r["mean"] if metric.higher else r["mean"], r["name"]))
    return rows


def _late(one: Loaded, name: str) -> float | None:
    series = one.series.get(name)
    if series is None or not len(series.values):
        return None
    return float(series.values[-max(1, len(series.values) // 10) :].mean())


def _rate(one: Loaded) -> float | None:
    series = one.series.get("overview/sps")
    return float(np.median(series.values)) if series is not None and len(series.values) else None


def _median(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None and math.isfinite(value)]
    return float(np.median(known)) if known else None


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _ranked_row(c: Candidate) -> dict[str, Any]:
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
        "score": _finite(c.value),
        "error": c.score.error if c.score is not None else None,
        "values": c.score.values if c.score is not None else 0,
        "last": float(values[-1]) if has and values is not None else None,
        "best": float(values[best]) if has and values is not None else None,
        "best_step": float(own.steps[best]) if has and own is not None else None,
        "steps": _finite(c.reached if own is not None else run.last_step),
        "target_steps": run.target_steps,
        "state": run.state,
        "created": run.created,
        "recipe": run.recipe,
        "seed": run.seed,
        "unit": c.unit,
        "why_not": c.why_not,
        "flags": list(c.flags),
    }


def _run_row(one: Loaded, settings: Mapping[str, Any], request: Request) -> dict[str, Any]:
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
        "references": reference_values(one.series, request.rank.metric) if one.series else {},
    }


def _at_best(loaded: Sequence[Loaded], result: Ranking, metric: Metric) -> list[dict[str, Any]]:
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
        rows.append({"name": candidate.run.name, "step": float(at), "value": float(own.values[index]), "others": others})
    return rows


def _quality(loaded: Sequence[Loaded], result: Ranking, metric: Metric) -> list[dict[str, Any]]:
    rows = []
    for one in loaded:
        run = one.candidate.run
        rows += [{"run": run.name, "kind": "note", "text": note} for note in dict.fromkeys(run.notes)]
        rows += [{"run": run.name, **row} for row in one.quality]
        rows += [{"run": run.name, "kind": "flag", "text": flag} for flag in one.candidate.flags]
        if run.fragments > 1:
            rows.append({"run": run.name, "kind": "resumed", "text": f"{run.fragments} starts; {run.superseded_rows} rows replaced"})
        if run.config_changes:
            keys = ", ".join(sorted(run.config_changes)[:5])
            rows.append({"run": run.name, "kind": "config changed", "text": f"changed during the run: {keys}; the last value counts"})
        if run.dirty:
            rows.append({"run": run.name, "kind": "code", "text": "the checkout had changes that are in no commit"})
    codes = sorted({one.candidate.run.code or "?" for one in loaded})
    if len(codes) > 1:
        rows.append({"run": "", "kind": "code", "text": f"{len(codes)} code versions: {', '.join(code[:10] for code in codes[:6])}"})
    share = len(result.missing) / max(1, len(loaded))
    if share > 0.2:
        rows.append({"run": "", "kind": "missing", "text": f"{len(result.missing)} of {len(loaded)} runs never logged {metric.name}"})
    targets = {one.candidate.run.target_steps for one in loaded if one.candidate.run.target_steps}
    if len(targets) > 1:
        rows.append(
            {"run": "", "kind": "targets", "text": "runs have different budgets (" + ", ".join(f"{t:,.0f}" for t in sorted(targets)[:5]) + "): schedules that follow the budget are at different points at one step"}
        )
    return rows


def _frame(main: Document, store: Runs, selection: Selection, request: Request, metric: Metric) -> None:
    """Add what is about the whole: sources, filters, fingerprint, baseline, commands, sentences."""
    from coglab import __version__

    data = main.data
    mode, parameter = read_rank(request.rank.rank)
    for run in main.loaded:
        if run.candidate.run.created and run.candidate.run.created > request.now + 3600:
            data["quality"].append({"run": run.candidate.run.name, "kind": "clock", "text": "created in the future: a clock is wrong"})
    data |= {
        "schema_version": SCHEMA_VERSION,
        "tool": f"coglab {__version__}",
        "command": request.command,
        "now": request.now,
        "sources": [source.spelling for source in store.sources],
        "filters": request.filters,
        "matched": [{"filter": shown_, "left": count} for shown_, count in selection.counts],
        "excluded": [{"name": name, "by": by} for name, by in selection.excluded],
        "unreadable": [u._asdict() for u in store.unreadable],
        "conflicts": list(store.conflicts),
        "remarks": list(store.remarks),
        "metric": {
            "asked": metric.asked,
            "resolved": metric.name,
            "note": metric.note,
            "direction": "higher" if metric.higher else "lower",
            "mode": mode,
            "parameter": parameter,
            "has_history": any(one.candidate.series is not None for one in main.loaded),
        },
        "fingerprint": _fingerprint(main.loaded),
        "baseline": _baseline(main, store, request, metric),
        "appendix": _appendix(main),
    }
    data["commands"], data["command_defects"] = _commands(main, request)
    data["cannot"] = summary.cannot(data)
    data["summary"] = summary.executive(data)
    data["warnings"] = [row["text"] for row in data["quality"] if row["kind"] not in ("resumed", "flag")]
    main.data = clean_numbers(data)


def _fingerprint(loaded: Sequence[Loaded]) -> str:
    """A hash of which runs and how much data the report is about."""
    digest = hashlib.sha256()
    for one in sorted(loaded, key=lambda o: (o.candidate.run.project or "", o.candidate.run.id)):
        run = one.candidate.run
        own = one.candidate.series
        total = float(np.sum(own.values)) if own is not None else sum(run.scores.values())
        digest.update(repr((run.project, run.id, run.state, run.rows, run.last_step, total)).encode())
    return digest.hexdigest()[:16]


def _baseline(main: Document, store: Runs, request: Request, metric: Metric) -> dict[str, Any] | None:
    """Another set beside this one; another game is compared only relative to teacher and random player."""
    if request.baseline is None:
        return None
    mode, parameter = read_rank(request.rank.rank)
    runs = request.baseline.runs
    if not runs:
        return {"text": request.baseline_text, "rows": [], "why_not": "no run matches", "same_game": False, "budget": None}
    loaded = load(store, runs, metric, mode)
    own = [one for one in main.loaded if one.candidate.series is not None and one.candidate.why_not is None]
    result = rank([one.candidate for one in loaded], mode, parameter, request.rank.budget, metric.higher)
    budgets = [b for b in (main.data["budget"], result.budget) if b]
    budget = min(budgets) if len(budgets) == 2 else 0.0
    other_game = game_label(runs[0])
    same = {game_label(run) for run in runs} == {game_label(one.candidate.run) for one in main.loaded}
    rows = []
    for name, members in (("these runs", own), ("baseline", [o for o in loaded if o.candidate.series is not None])):
        rows.append(_side(name, members, metric, budget, mode, parameter))
    why_not = None
    if not budget:
        why_not = "one side has no curves, so no common budget exists"
    elif not same and any(row["relative"] is None for row in rows):
        why_not = "the games differ, and one side has no evaluation of its teacher and of a random player"
    return {
        "text": request.baseline_text,
        "game": other_game,
        "same_game": same,
        "budget": budget or None,
        "rows": rows,
        "points": [{"name": c.run.name, "score": _finite(c.value), "state": c.run.state} for c in (o.candidate for o in loaded) if c.series is None],
        "why_not": why_not,
    }


def _side(
    name: str, members: Sequence[Loaded], metric: Metric, budget: float, mode: str, parameter: float
) -> dict[str, Any]:
    scores, references = [], {"teacher": [], "random": []}  # type: ignore[var-annotated]
    for one in members:
        series = one.candidate.on_axis
        if series is not None and budget and (one.candidate.reached or 0) >= 0.98 * budget:
            value = score_series(series, mode, parameter, budget, metric.higher).value
            if value is not None:
                scores.append(value)
        found = reference_values(one.series, metric.name)
        for role in references:
            if role in found:
                references[role].append(found[role])
    median = _median(scores)
    teacher, random_ = _median(references["teacher"]), _median(references["random"])
    relative = None
    if median is not None and teacher is not None and random_ is not None and teacher != random_:
        relative = (median - random_) / (teacher - random_)
    return {
        "side": name,
        "runs": len(scores),
        "median": median,
        "best": max(scores, default=None) if metric.higher else min(scores, default=None),
        "teacher": teacher,
        "random": random_,
        "relative": relative,
    }


def _appendix(main: Document) -> dict[str, Any] | None:
    """The configuration of the best run, as recorded: the first ranked one, else the first with one."""
    ranked = [row["name"] for row in main.data["ranked"]]
    others = [row["name"] for row in main.data["not_comparable"]]
    for name in [*ranked, *others]:
        run = main.run(name)
        if run is not None and run.config:
            return {
                "name": run.name,
                "state": run.state,
                "is_best": ranked[:1] == [name],
                "is_partial": run.config_is_partial,
                "config": masked(_nested(run)),
            }
    return None


def _nested(run: RunInfo) -> Any:
    return {k: v for k, v in (run.config or {}).items() if not matches(k, ("_wandb", "wandb"))}


def _commands(main: Document, request: Request) -> tuple[list[dict[str, Any]], list[str]]:
    """Turn the wishes of the recommendations into at most four commands that the runner takes."""
    made: list[dict[str, Any]] = []
    defects: list[str] = []
    if request.commander is None:
        return made, ["no runner is at hand: commands were not made"]
    rate = main.data["rate"]
    for row in main.data["recommendations"]:
        for wish in row.pop("wishes"):
            if len(made) >= 4:
                continue
            outcome = request.commander({**wish, "rule": row["rule"], "number": len(made) + 1}, main)
            if isinstance(outcome, str):
                defects.append(f"{row['rule']}, {wish['title']}: {outcome}")
                continue
            made.append(
                {
                    "rule": row["rule"],
                    "title": outcome.title,
                    "why": row["text"],
                    "words": outcome.words,
                    "text": outcome.text,
                    "steps": outcome.steps,
                    "seconds": outcome.steps / rate if outcome.steps and rate else None,
                }
            )
    return made, defects


def clean_numbers(value: Any) -> Any:
    """JSON has no NaN: non-finite numbers become null, numpy numbers plain ones."""
    if isinstance(value, dict):
        return {str(k): clean_numbers(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [clean_numbers(v) for v in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def settings_table(runs: Sequence[RunInfo]) -> list[dict[str, Any]]:
    """Flat settings of runs, for `runs.diff`."""
    return [flatten(run.config) for run in runs]
