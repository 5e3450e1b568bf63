"""What to run next: rules in a fixed order, each with its evidence, its grade, and what would change the advice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from coglab.analysis.statistics import detectable, seeds_needed
from coglab.analysis.text import clean, count, number, quoted, steps


@dataclass
class Facts:
    """What the rules look at.

    Attributes:
        ranked: rows of ranked runs, best first; not_comparable, failures: rows.
        units: ranked configurations, best first, each `{label, name, mean, runs, settings, teacher}`.
        bundles: rows of the contrast.
        deviation, deviation_df: between repeats; repeats_are_presumed: by name only.
        health: run name -> rows.
        budget: agent steps.
        rate: agent steps per second, median over runs; None if it was not measured.
        teacher: the recommended teacher, see `teachers.table`.
        has_history: whether any run has a curve.
    """

    ranked: Sequence[dict[str, Any]]
    not_comparable: Sequence[dict[str, Any]]
    failures: Sequence[dict[str, Any]]
    units: Sequence[dict[str, Any]]
    bundles: Sequence[dict[str, Any]]
    controlled: Sequence[dict[str, Any]]
    deviation: float | None
    deviation_df: int
    repeats_are_presumed: bool
    health: dict[str, list[dict[str, Any]]]
    budget: float
    rate: float | None
    teacher: dict[str, Any]
    has_history: bool
    metric: str
    higher: bool
    failure_settings: Sequence[dict[str, Any]] = field(default_factory=list)


Rule = Callable[[Facts], "dict[str, Any] | None"]


def recommendations(facts: Facts) -> list[dict[str, Any]]:
    """Evaluate all rules; those that apply, in order, numbered."""
    found = [row for rule in RULES if (row := rule(facts)) is not None]
    for place, row in enumerate(found):
        row["place"] = place + 1
    return found


def _advice(
    id_: str,
    facts: Facts,
    text: str,
    *,
    grade: str,
    evidence: str,
    change: str,
    purpose: str,
    runs: int = 0,
    run_steps: float | None = None,
    stop: str = "",
    information: str = "",
    commands: Sequence[dict[str, Any]] = (),
) -> dict[str, Any]:
    cost = runs * (run_steps if run_steps is not None else facts.budget)
    return {
        "rule": id_,
        "text": text,
        "grade": grade,
        "evidence": evidence,
        "would_change": change,
        "purpose": purpose,
        "runs": runs,
        "cost_steps": cost or None,
        "cost_seconds": cost / facts.rate if cost and facts.rate else None,
        "information": information,
        "stop_rule": stop,
        "wishes": list(commands),
    }


def _r1(facts: Facts) -> dict[str, Any] | None:
    if len(facts.ranked) >= 3:
        return None
    names = [row["name"] for row in facts.not_comparable][:3]
    more = "; first finish or extend " + ", ".join(quoted(n) for n in names) if names else ""
    return _advice(
        "R1",
        facts,
        f"Only {count(len(facts.ranked), 'run')} can be compared{more}.",
        grade="data",
        evidence=f"{len(facts.ranked)} runs at the common budget, {len(facts.not_comparable)} not comparable",
        change="three runs at one step count",
        purpose="something to compare",
        runs=max(1, len(names)),
        information="makes a ranking possible at all",
        stop="when they reach the budget",
        commands=[{"title": "finish a run that is behind", "base": names[0], "resume": True}]
        if names
        else [],
    )


def _r2(facts: Facts) -> dict[str, Any] | None:
    if not facts.units:
        return None
    best = facts.units[0]
    seeds = len(best["runs"])
    if facts.deviation is None:
        why = "no configuration has two seeds"
    elif facts.repeats_are_presumed:
        why = "the only repeats are presumed from their names"
    elif seeds < 3:
        why = f"the best configuration has {count(seeds, 'run')}; the best of several single runs is mostly luck"
    else:
        return None
    missing = 3 if facts.deviation is None or facts.repeats_are_presumed else 3 - seeds
    return _advice(
        "R2",
        facts,
        f"Repeat the best configuration by the mean of its runs ({quoted(best['name'])}) with "
        f"{count(missing, 'more seed')} before anything else.",
        grade="data",
        evidence=why,
        change="three seeds of the best configuration at or below the others",
        purpose="measure the seed noise that every other comparison is judged by",
        runs=missing,
        information="the standard deviation between seeds, to about 50 % with 3 runs",
        stop="when all reach the budget",
        commands=[
            {
                "title": "repeat the best configuration with another seed",
                "base": best["name"],
                "seed": "new",
                "more_seeds": missing - 1,
            }
        ],
    )


def _r3(facts: Facts) -> dict[str, Any] | None:
    if len(facts.units) < 2 or facts.deviation is None:
        return None
    a, b = facts.units[0], facts.units[1]
    gap = abs(a["mean"] - b["mean"])
    seeds = seeds_needed(facts.deviation, gap)
    smallest = detectable(
        facts.deviation, max(2, min(len(a["runs"]), len(b["runs"]))), facts.deviation_df
    )
    if gap >= smallest:
        return None
    need = (
        f"{seeds} runs per side would find it in 80 % of cases"
        if seeds
        else "more than 100 runs per side would be needed"
    )
    return _advice(
        "R3",
        facts,
        f"The best two configurations ({quoted(a['name'])}, {quoted(b['name'])}) differ by {number(gap)}, less than "
        f"these runs can tell apart; {need}."
        + (
            " Settle it with an equal-budget duel."
            if seeds and seeds <= 10
            else " Do not choose between them by score."
        ),
        grade="data",
        evidence=f"deviation between repeats {number(facts.deviation)} ({count(facts.deviation_df, 'degree')} of freedom"
        + (", presumed from names)" if facts.repeats_are_presumed else ")"),
        change=f"a difference above {number(smallest)}",
        purpose="decide between two configurations",
        runs=2 * min(seeds, 10) if seeds and seeds <= 10 else 0,
        information=f"a difference of {number(gap)}, found in 80 % of cases",
        stop="when both sides have their seeds at the budget" if seeds and seeds <= 10 else "",
        commands=[{"title": "the other side of the duel", "base": b["name"], "seed": "new"}]
        if seeds and seeds <= 10
        else [],
    )


def _r4(facts: Facts) -> dict[str, Any] | None:
    for row in facts.bundles:
        if (
            row["grade"] in ("A", "B")
            and not row["is_context"]
            and len(row["groups"]) == 2
            and not row["rivals"]
        ):
            best, other = row["groups"][0], row["groups"][1]
            text = (
                f"Test `{row['keys'][0]}` alone: the best configuration with "
                f"{clean(other['value'], 60)} in place of {clean(best['value'], 60)}"
            )
            text += (
                f", and the {len(row['keys']) - 1} settings that go with it."
                if len(row["keys"]) > 1
                else "."
            )
            return _advice(
                "R4",
                facts,
                text,
                grade=row["grade"],
                evidence=(
                    f"difference of medians {number(row['effect'])}, p {row['p']:.3f}, "
                    f"adjusted {row['adjusted_p']:.3f}"
                ),
                change="a controlled comparison with three seeds on each side",
                purpose="turn an association into a measured effect",
                runs=3,
                information="whether changing this alone moves the score",
                stop="when three seeds reach the budget, or all three stay below the guard rail at half of it",
                commands=[
                    {
                        "title": f"ablation of {row['keys'][0]}",
                        "base": facts.units[0]["name"],
                        "swap": row["name"],
                        "value": other["value"],
                        "seed": "same",
                    }
                ],
            )
    return None


def _r5(facts: Facts) -> dict[str, Any] | None:
    for row in facts.bundles:
        rivals = [r["name"] for r in row["rivals"]]
        if row["grade"] == "B" and rivals and not row["is_context"]:
            own = [r for r in row["rivals"] if not r["is_context"]]
            if own:
                text = (
                    f"`{row['name']}` and `{own[0]['name']}` changed together; run the two "
                    "combinations that are missing of the four."
                )
                runs = 2
            else:
                text = (
                    f"`{row['name']}` changed together with the {rivals[0].strip('()')}; "
                    "repeat an old value with today's code."
                )
                runs = 1
            return _advice(
                "R5",
                facts,
                text,
                grade="B",
                evidence="Cramér's V or rank correlation "
                + ", ".join(f"{r['strength']:.2f} with {r['name']}" for r in row["rivals"][:3]),
                change="runs in which they vary separately",
                purpose="separate explanations that these runs cannot separate",
                runs=runs,
                information="which of the two goes with the score",
                stop="at the budget",
                commands=[],
            )
    return None


def _r6(facts: Facts) -> dict[str, Any] | None:
    if facts.teacher.get("uri") is None:
        return None
    return _advice(
        "R6",
        facts,
        f"Teacher: {facts.teacher['uri']} ({facts.teacher['basis']}: {facts.teacher['text']}), with a pure-PPO control.",
        grade="B" if facts.teacher["basis"] == "from your runs" else "prior",
        evidence=facts.teacher["text"],
        change="three configurations each with two teachers",
        purpose="know what cloning adds",
        runs=2,
        information="student with this teacher against no teacher",
        stop="the control stops early if it is above the cloned run at half of the budget",
        commands=[
            {
                "title": "with the recommended teacher",
                "teacher": facts.teacher["uri"],
                "seed": "same",
            },
            {"title": "control: pure PPO", "teacher": None, "seed": "same"},
        ],
    )


def _r7(facts: Facts) -> dict[str, Any] | None:
    if not facts.ranked:
        return None
    best = facts.ranked[0]["name"]
    trend = next((r for r in facts.health.get(best, []) if r["id"] == "H7"), None)
    if trend is None or "late_tau" not in trend or trend.get("peak") is not None:
        return None
    if trend["late_tau"] > 0.3:
        return _advice(
            "R7",
            facts,
            f"{quoted(best)} was still rising at the end: run it twice as long, from its checkpoint.",
            grade="data",
            evidence=f"Kendall's tau of the last 30 %: {trend['late_tau']:.2f}",
            change="a flat last 30 %",
            purpose="see where the curve ends",
            runs=1,
            run_steps=facts.budget,
            information="the score at twice the budget",
            stop="when the last 30 % are flat",
            commands=[{"title": "the best run, twice as long", "base": best, "longer": 2}],
        )
    return _advice(
        "R7",
        facts,
        f"{quoted(best)} did not rise over its last 30 %: more steps of the same are not worth their cost.",
        grade="data",
        evidence=f"Kendall's tau of the last 30 %: {trend['late_tau']:.2f}",
        change="a curve that rises again",
        purpose="do not spend steps where nothing comes of them",
        information="",
        stop="",
    )


_REMEDIES: tuple[tuple[str, str, str, dict[str, float]], ...] = (
    (
        "H1",
        "bad",
        "KL is above its target: halve the learning rate, or make fewer passes over the batch.",
        {"trainer.optimizer.learning_rate": 0.5},
    ),
    (
        "H2",
        "bad",
        "Most steps are clipped: halve the learning rate.",
        {"trainer.optimizer.learning_rate": 0.5},
    ),
    (
        "H3",
        "bad",
        "Entropy has collapsed at a low score: raise the entropy bonus.",
        {"trainer.losses.ppo_actor.ent_coef": 3.0},
    ),
    (
        "H4",
        "bad",
        "The critic explains nothing: look at the reward scale and at vf_coef before anything else.",
        {},
    ),
    (
        "H5",
        "bad",
        "Losses or gradients stop being finite: lower the learning rate, or lower max_grad_norm.",
        {"trainer.optimizer.learning_rate": 0.5},
    ),
)


def _r8(facts: Facts) -> dict[str, Any] | None:
    for check, verdict, text, changes in _REMEDIES:
        names = [
            name
            for name, rows in facts.health.items()
            if any(r["id"] == check and r["verdict"] == verdict for r in rows)
        ]
        if names:
            return _advice(
                "R8",
                facts,
                f"{text} ({count(len(names), 'run')}: "
                f"{', '.join(quoted(n) for n in names[:3])}{', ...' if len(names) > 3 else ''})",
                grade="data",
                evidence=f"health check {check}",
                change=f"check {check} ok",
                purpose="a run that can be judged",
                runs=1,
                information="whether the check is well afterwards",
                stop=f"at a tenth of the budget if {check} is still bad",
                commands=[
                    {
                        "title": f"after check {check}",
                        "base": names[0],
                        "scale": changes,
                        "seed": "same",
                    }
                ]
                if changes
                else [],
            )
    return None


def _r9(facts: Facts) -> dict[str, Any] | None:
    for row in facts.ranked:
        trend = next(
            (r for r in facts.health.get(row["name"], []) if r["id"] == "H7" and r.get("peak")),
            None,
        )
        if trend is not None:
            return _advice(
                "R9",
                facts,
                f"{quoted(row['name'])} peaked at step {steps(trend['peak'])}: use the checkpoint there, not the last one.",
                grade="data",
                evidence=trend["where"],
                change="an evaluation on held-out maps that says otherwise",
                purpose="the better policy of the same run",
                information="both checkpoints on the same held-out maps",
                stop="",
            )
    return None


def _r10(facts: Facts) -> dict[str, Any] | None:
    counts: dict[str, int] = {}
    for row in facts.failures:
        if row["signature"] not in (
            "still running",
            "stopped by Ctrl-C",
            "stopped by SIGTERM",
            "stopped without a message",
        ):
            counts[row["signature"]] = counts.get(row["signature"], 0) + 1
    repeated = sorted(
        (name for name, count in counts.items() if count >= 2), key=lambda n: (-counts[n], n)
    )
    if not repeated:
        return None
    name = repeated[0]
    hint = "".join(
        f"; {r['name']} = {clean(r['value'], 40)} in {r['failed']} of {r['of']}"
        for r in facts.failure_settings[:1]
    )
    return _advice(
        "R10",
        facts,
        f"{counts[name]} runs ended with the same failure ({name}): mend that first{hint}.",
        grade="data",
        evidence=f"{counts[name]} equal signatures",
        change="no further run with it",
        purpose="runs that reach their budget",
        information="",
        stop="",
    )


def _r11(facts: Facts) -> dict[str, Any] | None:
    by_teacher: dict[str, list[float]] = {}
    for unit in facts.units:
        if unit.get("rate"):
            by_teacher.setdefault(unit["teacher"], []).append(unit["rate"])
    if len(by_teacher) < 2 or facts.units[0].get("rate") is None:
        return None
    best = facts.units[0]
    fastest = max((max(rates), name) for name, rates in by_teacher.items())
    if best["teacher"] == "none" or best["rate"] > 0.5 * fastest[0]:
        return None
    return _advice(
        "R11",
        facts,
        (
            f"The best configuration makes {steps(best['rate'])} steps/s, others "
            f"{steps(fastest[0])}: shorten its teacher phase."
        ),
        grade="data",
        evidence="measured rates",
        change="equal rates",
        purpose="the same score in fewer hours",
        runs=1,
        information="score per hour",
        stop="at the budget",
        commands=[
            {
                "title": "half the teacher phase",
                "base": best["name"],
                "scale": {"trainer.losses.sliced_scripted_cloner.steps": 0.5},
                "seed": "same",
            }
        ],
    )


def _r12(facts: Facts) -> dict[str, Any] | None:
    names = [
        name
        for name, rows in facts.health.items()
        if any(r["id"] == "H9" and r["verdict"] == "warn" for r in rows)
    ]
    if not names:
        return None
    return _advice(
        "R12",
        facts,
        (
            f"The reward rises while {facts.metric} does not "
            f"({', '.join(quoted(n) for n in names[:3])}): judge by the task metric."
        ),
        grade="data",
        evidence="health check H9",
        change="reward and task metric rising together",
        purpose="do not reward what is not wanted",
        information="",
        stop="",
    )


RULES: tuple[Rule, ...] = (_r10, _r1, _r2, _r3, _r4, _r5, _r6, _r7, _r8, _r9, _r11, _r12)
"""In order of evaluation. A failure that repeats comes first: nothing else can be learnt before it is mended."""
