"""From runs to one JSON-able document, from which every form of the report is made."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from coglab.analysis import baseline, failures, health, summary, teachers
from coglab.analysis import contrast as contrasts
from coglab.analysis.config import HealthConfig, RankConfig, read_rank
from coglab.analysis.curves import curves, guard_rails, monitor_rows
from coglab.analysis.load import (
    Loaded,
    Metric,
    find_metric_of,
    game_label,
    load,
    split_groups,
)
from coglab.analysis.model import RunInfo
from coglab.analysis.ranking import Ranking, assign_ranks, rank, set_teacher_s_play_apart
from coglab.analysis.recommend import Facts, recommendations
from coglab.analysis.rows import (
    at_best,
    find_repeats,
    median,
    quality_rows,
    ranked_row,
    run_row,
    unit_rows,
)
from coglab.analysis.select import Selection
from coglab.analysis.settings import (
    Unit,
    make_units,
    matches,
    settings_of,
)
from coglab.analysis.sources import Runs
from coglab.analysis.statistics import detectable
from coglab.analysis.text import masked
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
        refused: sources that could not be read, and why.
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
    refused: Sequence[str] = ()


@dataclass
class Document:
    """The document and what it was made from.

    Attributes:
        data: JSON-able; see `schema.json`.
        loaded: the runs behind it, of the group that the report is about.
        bundles: what was tested.
        others: the runs of the other groups.
    """

    data: dict[str, Any]
    loaded: list[Loaded]
    bundles: Sequence[Any] = ()
    others: list[Loaded] = field(default_factory=list)

    def run(self, name: str) -> RunInfo | None:
        """The record of a run by name."""
        return next(
            (one.candidate.run for one in self.loaded if one.candidate.run.name == name), None
        )


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
        _other_group(store, key, runs, request, metric, mode, parameter, main)
        for key, runs in groups[1:]
    ]
    _frame(main, store, selection, request, metric)
    return main


def _group_text(key: tuple[str, str, str]) -> str:
    project, game, _ = key
    return f"{game}" + (f" in {project}" if project else "")


def _other_group(
    store: Runs,
    key: tuple[str, str, str],
    runs: list[RunInfo],
    request: Request,
    metric: Metric,
    mode: str,
    parameter: float,
    main: Document,
) -> dict[str, Any]:
    """Rank a group by itself; what failed and what is odd in it joins what is said of the main group."""
    loaded = load(store, runs, metric, mode)
    result = _score_group(loaded, request, metric, mode, parameter).result
    name = _group_text(key)
    main.others += loaded
    main.data["failures"] += _failure_rows(loaded, request.now, name)
    main.data["quality"] += [
        {**row, "run": row["run"] or f"all of {name}"}
        for row in quality_rows(loaded, result, metric)
    ]
    return {
        "group": name,
        "budget": result.budget,
        "ranked": [ranked_row(c) for c in result.ranked],
        "not_comparable": [ranked_row(c) for c in result.not_comparable],
        "missing": [c.run.name for c in result.missing],
    }


@dataclass
class _Scored:
    """A group of runs of one game with their ranks, by the same rules whichever group it is.

    Attributes:
        settings: flat, by run.
        result: the ranking.
        units: configurations; the candidates carry their labels.
        repeats: rows of the report's table of repeats.
        are_presumed: whether only names say which runs repeat which.
    """

    settings: list[dict[str, Any]]
    result: Ranking
    units: list[Unit]
    repeats: list[dict[str, Any]]
    are_presumed: bool


def _score_group(
    loaded: Sequence[Loaded], request: Request, metric: Metric, mode: str, parameter: float
) -> _Scored:
    candidates = [one.candidate for one in loaded]
    runs = [candidate.run for candidate in candidates]
    settings = [settings_of(run, request.ignore) for run in runs]
    units = make_units(runs, settings)
    for unit in units:
        for index in unit.runs:
            candidates[index].unit = unit.label
    result = rank(candidates, mode, parameter, request.rank.budget, metric.higher)
    by_candidate = {id(one.candidate): one for one in loaded}
    if result.axis == "steps":
        set_teacher_s_play_apart(
            result,
            lambda c: (
                health.teacher_share(by_candidate[id(c)].series, *c.score.window)
                if c.score
                else 0.0
            ),
        )
    repeats, are_presumed, groups = find_repeats(runs, candidates, units, result)
    assign_ranks(result, metric.higher, groups)
    return _Scored(settings, result, units, repeats, are_presumed)


def _analyze_group(
    store: Runs, runs: list[RunInfo], request: Request, metric: Metric, mode: str, parameter: float
) -> Document:
    loaded = load(store, runs, metric, mode, request.monitor)
    scored = _score_group(loaded, request, metric, mode, parameter)
    candidates = [one.candidate for one in loaded]
    settings, result, units = scored.settings, scored.result, scored.units
    repeats, are_presumed = scored.repeats, scored.are_presumed
    ranked_units = [u for u in units if any(candidates[i] in result.ranked for i in u.runs)]
    found = contrasts.contrast(
        ranked_units, result.ranked, runs, metric.higher, request.rank.top, request.rank.test
    )
    objects = found.pop("objects")
    if request.rank.test is not None:
        _check_test(request.rank.test, settings)
    rows_of_units = unit_rows(ranked_units, result, runs, loaded, metric)
    ranked_settings = contrasts.unit_scores(objects["known"], result.ranked)
    best_of_all = max((c.value for c in result.ranked), default=None) if metric.higher else None
    health_of = {
        one.candidate.run.name: health.check(
            request.health,
            one.series,
            one.candidate.series,
            metric.higher,
            best_of_all,
            metric.name == "overview/reward",
        )
        for one in loaded
        if one.series
    }
    failed = [run.state != "finished" for run in runs]
    failure_rows = _failure_rows(loaded, request.now, None)
    is_failure = [
        f and not run.is_live and run.state not in ("interrupted", "terminated")
        for f, run in zip(failed, runs, strict=True)
    ]
    teacher_rows, teacher_advice = teachers.table(
        request.plan_for or game_label(runs[0]),
        [
            {
                "teacher": u["teacher"],
                "score": u["mean"],
                "cloning_loss": u["cloning_loss"],
                "rate": u["rate"],
                "runs": len(u["runs"]),
            }
            for u in rows_of_units
        ],
        metric.higher,
    )
    statistics = found["statistics"]
    statistics |= {
        "seed_deviation": result.seed_deviation,
        "seed_df": result.seed_df,
        "detectable_3_seeds": detectable(result.seed_deviation, 3, result.seed_df)
        if result.seed_deviation
        else None,
        "configurations": len(units),
        "with_repeats": sum(len(u.runs) > 1 for u in units),
    }
    data: dict[str, Any] = {
        "budget": result.budget,
        "axis": result.axis,
        "constant_metric": result.constant,
        "runs": [run_row(one, settings[i], request.rank.metric) for i, one in enumerate(loaded)],
        "ranked": [ranked_row(c) for c in result.ranked],
        "not_comparable": [ranked_row(c) for c in result.not_comparable],
        "missing": [{"name": c.run.name, "state": c.run.state} for c in result.missing],
        "at_best": at_best(loaded, result, metric),
        "units": rows_of_units,
        "repeats": {"are_presumed": are_presumed, "groups": repeats},
        "config": found["config"],
        "statistics": statistics,
        "controlled": contrasts.controlled(
            objects["known"], ranked_settings, objects["bundles"], runs
        )[:20],
        "neighbour": contrasts.closest_losing_neighbour(
            objects["known"],
            objects["means"],
            metric.higher,
            [runs[u.runs[0]].name for u in objects["known"]],
        ),
        "curves": curves(loaded, units, result, metric.name),
        "health": health_of,
        "health_rules": health.rules(request.health),
        "failures": list(failure_rows),
        "failure_settings": contrasts.failures_by_setting(settings, is_failure),
        "quality": quality_rows(loaded, result, metric),
        "teachers": {"rows": teacher_rows, "recommendation": teacher_advice},
        "guard_rails": guard_rails(result, metric.higher, statistics["top"], loaded),
        "monitor": monitor_rows(loaded, result, statistics["top"], request.monitor),
    }
    facts = Facts(
        data["ranked"], data["not_comparable"], failure_rows, rows_of_units, found["config"]["bundles"], data["controlled"],
        result.seed_deviation, result.seed_df, are_presumed, health_of, result.budget if result.axis == "steps" else 0.0,
        median([u["rate"] for u in rows_of_units]), teacher_advice, any(one.series for one in loaded), metric.name,
        metric.higher, data["failure_settings"],
    )  # fmt: skip
    if not facts.budget:
        facts.budget = max((run.target_steps or 0.0 for run in runs), default=0.0)
    data["recommendations"] = recommendations(facts)
    # What another game's runs measured says nothing about the speed of the planned one.
    data["rate"] = facts.rate if request.plan_for is None else None
    return Document(data, loaded, objects["bundles"])


def _failure_rows(loaded: Sequence[Loaded], now: float, group: str | None) -> list[dict[str, Any]]:
    """Runs that did not finish; `group` is None for those of the main group."""
    return [
        {**failures.row(one.candidate.run, one.series, now), "group": group}
        for one in loaded
        if one.candidate.run.state != "finished"
    ]


def _check_test(key: str, settings: Sequence[Mapping[str, Any]]) -> None:
    import difflib

    known = sorted({name for row in settings for name in row})
    if key not in known:
        near = difflib.get_close_matches(key, known, n=1, cutoff=0.4)
        hint = f" Did you mean `{near[0]}`?" if near else ""
        raise UserError(f"`test={key}` is no setting of these runs.{hint}")


def _frame(
    main: Document, store: Runs, selection: Selection, request: Request, metric: Metric
) -> None:
    """Add what is about the whole: sources, filters, fingerprint, baseline, commands, sentences."""
    from coglab import __version__

    data = main.data
    mode, parameter = read_rank(request.rank.rank)
    data["quality"] += [
        {"run": "", "kind": "source", "text": f"could not be read: {text}"}
        for text in request.refused
    ]
    everything = [*main.loaded, *main.others]
    for run in everything:
        if run.candidate.run.created and run.candidate.run.created > request.now + 3600:
            data["quality"].append(
                {
                    "run": run.candidate.run.name,
                    "kind": "clock",
                    "text": "created in the future: a clock is wrong",
                }
            )
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
        "fingerprint": _fingerprint(everything),
        "baseline": None
        if request.baseline is None
        else baseline.compare(
            main.loaded,
            data["budget"],
            store,
            request.baseline.runs,
            request.baseline_text,
            metric,
            request.rank,
        ),
        "appendix": _appendix(main),
    }
    data["commands"], data["command_defects"] = _commands(main, request)
    data["cannot"] = summary.cannot(data)
    data["summary"] = summary.executive(data)
    data["warnings"] = [
        row["text"] for row in data["quality"] if row["kind"] not in ("resumed", "flag")
    ]
    main.data = clean_numbers(data)


def _fingerprint(loaded: Sequence[Loaded]) -> str:
    """A hash of which runs and how much data the report is about."""
    digest = hashlib.sha256()
    for one in sorted(loaded, key=lambda o: (o.candidate.run.project or "", o.candidate.run.id)):
        run = one.candidate.run
        own = one.candidate.series
        total = float(np.sum(own.values)) if own is not None else sum(run.scores.values())
        digest.update(
            repr((run.project, run.id, run.state, run.rows, run.last_step, total)).encode()
        )
    return digest.hexdigest()[:16]


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
            outcome = request.commander(
                {**wish, "rule": row["rule"], "number": len(made) + 1}, main
            )
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
