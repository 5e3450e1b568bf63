"""The tables of `learning.py`, from the evaluations and ledgers that runs leave in their folders.

What was read once is kept in the JSON file: a run that was measured on another machine, or whose folder is gone, stays in
the tables and is not run again.

A seed is the unit: a run's score is its mean over the held-out maps, an arm's interval is Student's over its seeds, and
differences between arms are Welch's. Three seeds are few, so these intervals are wide; they say how much another three
seeds could differ, which an interval over maps does not.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from benchmarks.learning_arms import Arm
from coglab.analysis.statistics import mean_interval, welch_interval
from coglab.evaluation.report import write_json
from coglab.tools.closing import EVALUATION_FILE
from coglab.tracking.ledger_reader import RunLedger, read_ledger

REWARD, HEARTS, HELD = "reward", "heart.gained", "cogs/aligned.junction.held"
WHOLE_BATCHES = 0.05
"""Share of a budget that the last batch may exceed it by."""
AFTER = 0.5
"""Share of a run after which nothing but PPO is left; what is reported of training is from there on."""


@dataclass(frozen=True)
class Outcome:
    """What became of one run.

    Attributes:
        run: its name.
        sampled: metric -> mean over held-out maps, actions drawn.
        greedy: the same with the likeliest actions.
        teacher: its teacher's reward on the same maps and events; None without one.
        agent_steps: trained, as the ledgers say: whole batches, so a little more than asked for.
        minutes: wall-clock minutes of training on one thread, beside other work.
        approx_kl: mean over the second half; None without PPO.
        agreement: mean agreement with the teacher on student-led rows late in its stay; None without such rows.
        commit: of the code that trained it, as in the ledger; None if unknown.
    """

    run: str
    sampled: dict[str, float]
    greedy: dict[str, float]
    teacher: float | None
    agent_steps: int
    minutes: float
    approx_kl: float | None
    agreement: float | None
    commit: str | None = None


def read_stored(path: Path) -> dict[str, list[Outcome]]:
    """Outcomes by arm that `write_report` wrote; none if the file is not there."""
    if not path.exists():
        return {}
    stored = json.loads(path.read_text(encoding="utf-8"))
    return {arm: [Outcome(**one) for one in runs] for arm, runs in stored.items()}


def find_outcome(
    arm: Arm, seed: int, train_dir: Path, stored: dict[str, list[Outcome]]
) -> Outcome | None:
    """What became of a run: read from its folder, else as it was stored at the arm's budget; None if it is missing."""
    run = arm.last_run(seed)
    if (train_dir / run / EVALUATION_FILE).exists():
        return _read_outcome(arm, seed, train_dir)
    for kept in stored.get(arm.name, []):
        if kept.run == run and abs(kept.agent_steps - arm.steps) <= WHOLE_BATCHES * arm.steps:
            return kept
    return None


def _read_outcome(arm: Arm, seed: int, train_dir: Path) -> Outcome:
    run = arm.last_run(seed)
    data = json.loads((train_dir / run / EVALUATION_FILE).read_text(encoding="utf-8"))
    scores: dict[str, dict[str, float]] = {}
    teacher = None
    for result in data["results"]:
        if result["policy_uri"].startswith(f"metta://policy/{run}"):
            metrics = result["metrics"]
            scores[result["mode"]] = {
                name: metrics[name]["mean"] for name in (REWARD, HEARTS, HELD)
            }
        elif result["policy_uri"] != "metta://policy/random":
            teacher = result["metrics"][REWARD]["mean"]
    ledgers = [read_ledger(train_dir / name) for name in arm.stage_runs(seed)]
    ledger = ledgers[-1]
    kl = ledger.columns.get("losses/approx_kl")
    return Outcome(
        run=run,
        sampled=scores["sample"],
        greedy=scores["greedy"],
        teacher=teacher,
        agent_steps=sum(one.info["last_step"] for one in ledgers),
        minutes=sum(one.columns["metric/total_time"].values[-1] for one in ledgers) / 60.0,
        approx_kl=None if kl is None else float(kl.values[kl.steps > AFTER * kl.steps[-1]].mean()),
        agreement=_late_agreement(ledger),
        commit=(ledger.info.get("code") or {}).get("commit"),
    )


def _late_agreement(ledger: RunLedger) -> float | None:
    """Mean over the part of the teacher's stay in which its shares are small but not yet too small to average over."""
    column = ledger.columns.get("losses/supervised_accuracy_student_led")
    if column is None or ledger.config is None:
        return None
    stay = ledger.config["trainer"]["losses"]["sliced_scripted_cloner"]["steps"]
    late = (column.steps > 0.6 * stay) & (column.steps <= 0.9 * stay)
    return float(column.values[late].mean()) if late.any() else None


def write_report(arms: list[Arm], train_dir: Path, path: Path) -> str:
    """Write all outcomes as JSON, those of other arms as they were; return the arms' tables and what is missing."""
    stored = read_stored(path)
    found = {
        arm: [find_outcome(arm, seed, train_dir, stored) for seed in arm.seeds] for arm in arms
    }
    outcomes = {arm.name: [one for one in runs if one is not None] for arm, runs in found.items()}
    written = {name: [asdict(one) for one in runs] for name, runs in (stored | outcomes).items()}
    write_json(path, written)
    missing = [
        arm.run(seed)
        for arm, runs in found.items()
        for seed, one in zip(arm.seeds, runs, strict=True)
        if one is None
    ]
    parts = []
    for question in dict.fromkeys(arm.question for arm in arms):
        shown = [arm for arm in arms if arm.question == question and outcomes[arm.name]]
        if not shown:
            continue
        names = {arm.baseline for arm in shown if arm.is_compared}
        shown = [arm for arm in arms if arm in shown or (arm.name in names and outcomes[arm.name])]
        rows = [_row(arm, outcomes[arm.name], outcomes.get(arm.baseline, [])) for arm in shown]
        parts.append(f"### {question}\n\n{_HEAD}\n" + "\n".join(rows))
    parts.append("Missing: " + (", ".join(missing) or "none"))
    return "\n\n".join(parts)


_HEAD = (
    "| arm | seeds | reward, sampled | to the baseline | by seed | greedy | its teacher | hearts | junctions held "
    "| approx_kl | agreement | million steps | minutes |\n" + "| --- " * 13 + "|"
)


def _row(arm: Arm, runs: list[Outcome], baseline: list[Outcome]) -> str:
    sampled = [run.sampled[REWARD] for run in runs]
    difference = ""
    if arm.name != arm.baseline and arm.is_compared and len(runs) > 1 and len(baseline) > 1:
        mean, low, high = welch_interval(sampled, [run.sampled[REWARD] for run in baseline])
        difference = f"{mean:+.3f} [{low:.3f}, {high:.3f}]"
    teachers = [run.teacher for run in runs if run.teacher is not None]
    drifts = [run.approx_kl for run in runs if run.approx_kl is not None]
    agreements = [run.agreement for run in runs if run.agreement is not None]
    cells = (
        arm.name,
        str(len(runs)),
        _interval(sampled, 3),
        difference,
        ", ".join(f"{value:.3f}" for value in sampled),
        _interval([run.greedy[REWARD] for run in runs], 3),
        f"{np.mean(teachers):.3f}" if teachers else "",
        _interval([run.sampled[HEARTS] for run in runs], 2),
        _interval([run.sampled[HELD] for run in runs], 0),
        f"{np.mean(drifts):.4f}" if drifts else "",
        f"{np.mean(agreements):.3f}" if agreements else "",
        f"{runs[0].agent_steps / 1e6:.3g}",
        f"{np.mean([run.minutes for run in runs]):.0f}",
    )
    return "| " + " | ".join(cells) + " |"


def _interval(values: list[float], digits: int) -> str:
    """Mean and 95 % interval over seeds; for fewer than three the mean alone."""
    interval = mean_interval(values)
    text = f"{interval.mean:.{digits}f}"
    if interval.low is None or interval.high is None:
        return text
    return f"{text} [{interval.low:.{digits}f}, {interval.high:.{digits}f}]"
