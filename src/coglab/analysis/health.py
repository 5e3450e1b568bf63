"""Health checks: does a run learn as it should? One verdict per check and run, each with its rule."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np

from coglab.analysis.config import HealthConfig
from coglab.analysis.series import CleanSeries
from coglab.analysis.statistics import mann_kendall, spearman

Verdict = Literal["ok", "warn", "bad", "not logged", "not applicable", "note"]

METRICS = (
    "losses/approx_kl",
    "losses/clipfrac",
    "losses/entropy",
    "losses/explained_variance",
    "losses/value_loss",
    "losses/gtd_critic_loss",
    "losses/supervised_action_loss",
    "losses/supervised_action_loss_student_led",
    "losses/supervised_action_loss_teacher_led",
    "grad/norm",
    "overview/sps",
    "overview/reward",
    "teacher/teacher_led_share",
    "teacher/student_led_share",
    "losses/teacher_led_proportion",
    "losses/student_led_proportion",
)
"""Metrics that the checks read."""


TEACHER_PLAYS = 0.01
"""Share of teacher-led rows above which a score is not the student's own."""


def rules(limits: HealthConfig) -> list[dict[str, str]]:
    """The checks in words, with the thresholds in force."""
    h = limits
    return [
        _rule(
            "H1",
            "approx_kl",
            f"on PPO rows after warm-up: warn if over {100 * h.kl_share:g} % of the updates are above "
            f"{h.kl:g}, bad if the median is; not applicable where no row was PPO's",
        ),
        _rule(
            "H2",
            "clipfrac",
            f"warn if the median is above {h.clip_warn:g}, bad above {h.clip_bad:g}",
        ),
        _rule(
            "H3",
            "entropy",
            f"bad below {100 * h.entropy_floor:g} % of its early value while the score is below half of "
            "the best; warn if it rises over the last fifth",
        ),
        _rule(
            "H4",
            "explained variance",
            f"over the last fifth: warn below {h.explained_warn:g}, bad below 0",
        ),
        _rule(
            "H5",
            "value loss, gradient norm",
            f"bad with any non-finite value; warn if the last fifth is above {h.growth:g} times the "
            "middle of the run",
        ),
        _rule(
            "H6",
            "cloning loss",
            f"warn if it stays above {100 * h.cloning:g} % of its early value",
        ),
        _rule(
            "H7",
            "score trend",
            "Kendall's tau of up to 20 binned values: rising above 0.3, falling below -0.3; a fall that "
            "stands out from noise names the peak; rows that a teacher played are left out",
        ),
        _rule(
            "H8",
            "throughput",
            f"warn if the last fifth is below {100 * h.throughput:g} % of the median",
        ),
        _rule(
            "H9",
            "reward against task",
            "warn if the reward rises and its rank correlation with the task metric is below "
            f"{h.hacking:g}: shaping being exploited",
        ),
        _rule(
            "H10",
            "shares",
            "note if teacher-led and student-led rows are all rows at the start: PPO begins with none of "
            "its own",
        ),
    ]


def _rule(id_: str, check: str, rule: str) -> dict[str, str]:
    return {"id": id_, "check": check, "rule": rule}


def check(
    limits: HealthConfig,
    series: Mapping[str, CleanSeries],
    score: CleanSeries | None,
    higher: bool,
    best_of_all: float | None,
    score_is_reward: bool = False,
) -> list[dict[str, Any]]:
    """Look at one run.

    Args:
        limits: thresholds.
        series: cleaned metrics of `METRICS`.
        score: the ranking metric.
        higher: whether a higher score is better.
        best_of_all: best score over all runs.
        score_is_reward: the ranking metric is the reward itself.

    Returns:
        Rows `{id, check, value, verdict, where}`.
    """
    rows: list[dict[str, Any]] = []

    def say(
        id_: str, name: str, verdict: Verdict, value: float | None = None, where: str = ""
    ) -> None:
        rows.append({"id": id_, "check": name, "verdict": verdict, "value": value, "where": where})

    ppo_from = _ppo_from(series)
    _kl(say, limits, series, ppo_from)
    clip = series.get("losses/clipfrac")
    if clip is None or not len(clip.values):
        say("H2", "clipfrac", "not logged")
    else:
        clip = _from(clip, ppo_from or 0.0)
        if ppo_from is None or not len(clip.values):
            say("H2", "clipfrac", "not applicable", None, "no row was PPO's")
        else:
            middle = float(np.median(clip.values))
            verdict: Verdict = (
                "bad" if middle > limits.clip_bad else "warn" if middle > limits.clip_warn else "ok"
            )
            say("H2", "clipfrac", verdict, middle, "median")
    _entropy(say, limits, series, score, higher, best_of_all)
    explained = series.get("losses/explained_variance")
    if explained is None or not len(explained.values):
        say("H4", "explained variance", "not logged")
    else:
        late = float(_late(explained).mean())
        say(
            "H4",
            "explained variance",
            "bad" if late < 0 else "warn" if late < limits.explained_warn else "ok",
            late,
            f"{late:.3g} over the last fifth",
        )
    for name in ("losses/value_loss", "grad/norm"):
        _growth(say, limits, name, series.get(name))
    _cloning(say, limits, series)
    if score is not None:
        rows.append(_trend(score, higher, student_from(series)))
    else:
        say("H7", "score trend", "not logged")
    rate = series.get("overview/sps")
    if rate is None or len(rate.values) < 5:
        say("H8", "throughput", "not logged")
    else:
        share = (
            float(np.median(_late(rate)) / np.median(rate.values))
            if np.median(rate.values) > 0
            else 1.0
        )
        say(
            "H8",
            "throughput",
            "warn" if share < limits.throughput else "ok",
            share,
            "last fifth over median",
        )
    _hacking(say, limits, series.get("overview/reward"), score, higher, score_is_reward)
    _shares(say, series)
    return rows


def _late(series: CleanSeries) -> np.ndarray:
    """Values of the last fifth of the steps."""
    return series.values[series.steps >= 0.8 * series.last_step]


def _from(series: CleanSeries, step: float) -> CleanSeries:
    keep = series.steps >= step
    return CleanSeries(series.steps[keep], series.values[keep], series.times[keep])


def _share(series: Mapping[str, CleanSeries], who: str) -> CleanSeries | None:
    for name in (f"teacher/{who}_led_share", f"losses/{who}_led_proportion"):
        if name in series and len(series[name].values):
            return series[name]
    return None


def _ppo_from(series: Mapping[str, CleanSeries]) -> float | None:
    """First step at which PPO had rows of its own; 0 without a teacher, None if it never had any."""
    teacher, student = _share(series, "teacher"), _share(series, "student")
    if teacher is None or student is None:
        return 0.0
    steps = np.intersect1d(teacher.steps, student.steps)
    total = (
        teacher.values[np.searchsorted(teacher.steps, steps)]
        + student.values[np.searchsorted(student.steps, steps)]
    )
    free = steps[total < 1 - 1e-6]
    return float(free[0]) if len(free) else None


def _kl(
    say: Any, limits: HealthConfig, series: Mapping[str, CleanSeries], ppo_from: float | None
) -> None:
    kl = series.get("losses/approx_kl")
    if kl is None or not len(kl.values):
        say("H1", "approx_kl", "not logged")
        return
    if ppo_from is None:
        say("H1", "approx_kl", "not applicable", None, "no row was PPO's")
        return
    part = _from(kl, max(ppo_from, 0.01 * kl.last_step))
    if not len(part.values):
        say("H1", "approx_kl", "not applicable", None, "no update after PPO began")
        return
    middle = float(np.median(part.values))
    above = float((part.values > limits.kl).mean())
    verdict = "bad" if middle > limits.kl else "warn" if above > limits.kl_share else "ok"
    first = part.steps[part.values > limits.kl]
    where = f"{100 * above:.0f} % of updates above {limits.kl:g}" + (
        f", first at step {first[0]:,.0f}" if len(first) else ""
    )
    say("H1", "approx_kl", verdict, middle, where)


def _entropy(
    say: Any,
    limits: HealthConfig,
    series: Mapping[str, CleanSeries],
    score: CleanSeries | None,
    higher: bool,
    best_of_all: float | None,
) -> None:
    entropy = series.get("losses/entropy")
    if entropy is None or len(entropy.values) < 5:
        say("H3", "entropy", "not logged")
        return
    early = float(entropy.values[: max(1, len(entropy.values) // 10)].mean())
    late = _late(entropy)
    share = float(late.mean()) / early if early > 0 else 1.0
    is_low_score = False
    if score is not None and len(score.values) and best_of_all is not None and higher:
        is_low_score = float(_late(score).mean()) < 0.5 * best_of_all
    if share < limits.entropy_floor and is_low_score:
        say(
            "H3",
            "entropy",
            "bad",
            float(late.mean()),
            f"{100 * share:.0f} % of its early value, score below half of the best",
        )
    elif len(late) >= 8 and mann_kendall(late) > 0.5:
        say("H3", "entropy", "warn", float(late.mean()), "rising over the last fifth")
    else:
        say("H3", "entropy", "ok", float(late.mean()), f"{100 * share:.0f} % of its early value")


def _growth(say: Any, limits: HealthConfig, name: str, series: CleanSeries | None) -> None:
    label = {"losses/value_loss": "value loss", "grad/norm": "gradient norm"}[name]
    if series is None or (not len(series.values) and not series.non_finite):
        say("H5", label, "not logged")
    elif series.non_finite:
        say(
            "H5",
            label,
            "bad",
            None,
            f"{series.non_finite} non-finite, first at step {series.first_non_finite:,.0f}",
        )
    else:
        inside = (series.steps >= 0.4 * series.last_step) & (series.steps <= 0.6 * series.last_step)
        if not inside.any():
            say("H5", label, "not applicable", None, "too few values")
            return
        middle, late = float(np.median(series.values[inside])), float(np.median(_late(series)))
        verdict = "warn" if middle > 0 and late > limits.growth * middle else "ok"
        say("H5", label, verdict, late, f"middle of the run {middle:.3g}")


def _cloning(say: Any, limits: HealthConfig, series: Mapping[str, CleanSeries]) -> None:
    names = (
        "losses/supervised_action_loss_student_led",
        "losses/supervised_action_loss_teacher_led",
        "losses/supervised_action_loss",
    )
    loss = next((series[n] for n in names if n in series and len(series[n].values) >= 4), None)
    if loss is None:
        say("H6", "cloning loss", "not logged")
        return
    early = float(loss.values[: max(1, len(loss.values) // 10)].mean())
    late = float(loss.values[-max(1, len(loss.values) // 10) :].mean())
    share = late / early if early > 0 else 1.0
    say(
        "H6",
        "cloning loss",
        "warn" if share > limits.cloning else "ok",
        late,
        f"{100 * share:.0f} % of its early value",
    )


def student_from(series: Mapping[str, CleanSeries]) -> float:
    """First step from which the student plays (almost) all rows by itself; 0 without a teacher that acts."""
    share = _share(series, "teacher")
    if share is None or not (share.values > TEACHER_PLAYS).any():
        return 0.0
    return float(share.steps[np.flatnonzero(share.values > TEACHER_PLAYS)[-1]])


def teacher_share(series: Mapping[str, CleanSeries], begin: float, end: float) -> float:
    """Share of rows that a teacher played between two steps; 0 where nothing says so."""
    share = _share(series, "teacher")
    if share is None:
        return 0.0
    inside = (share.steps > begin) & (share.steps <= end)
    return float(share.values[inside].mean()) if inside.any() else 0.0


def _trend(score: CleanSeries, higher: bool, begins: float) -> dict[str, Any]:
    """Where the score is going, by Kendall's tau of binned values; rows that a teacher played are left out."""
    own = _from(score, np.nextafter(begins, np.inf)) if begins else score
    row: dict[str, Any] = {
        "id": "H7",
        "check": "score trend",
        "verdict": "not applicable",
        "value": None,
        "where": "",
        "peak": None,
    }
    if len(own.values) < 8:
        row["where"] = "fewer than 8 values" + (" that the student played alone" if begins else "")
        return row
    sign = 1 if higher else -1
    bins = sign * np.array(
        [float(part.mean()) for part in np.array_split(own.values, min(20, len(own.values) // 2))]
    )
    tau = mann_kendall(bins)
    row["value"] = tau
    row["late_tau"] = mann_kendall(bins[-max(4, round(len(bins) * 0.3)) :])
    row["where"] = "rising" if tau > 0.3 else "falling" if tau < -0.3 else "flat"
    row["verdict"] = "ok" if row["where"] == "rising" else "warn"
    smooth = np.convolve(bins, np.ones(3) / 3, "valid") if len(bins) >= 5 else bins
    # Neighbouring bins differ by noise alone where the curve is smooth; a fall must stand out from that.
    noise = float(np.median(np.abs(np.diff(bins)))) / 0.954
    top = int(np.argmax(smooth))
    drop = float(smooth[top] - smooth[-1])
    if top < len(smooth) - 2 and drop > max(
        0.3 * float(np.ptp(smooth)), 3 * noise * np.sqrt(2 / 3)
    ):
        edges = np.array_split(own.steps, len(bins))
        row["peak"] = (
            float(np.concatenate(edges[top : top + 3]).mean())
            if len(bins) >= 5
            else float(edges[top].mean())
        )
        row["where"], row["verdict"] = f"peaked near step {row['peak']:,.0f} and fell since", "warn"
    if begins:
        row["where"] += f" (from step {begins:,.0f}, after the teacher)"
    return row


def _hacking(
    say: Any,
    limits: HealthConfig,
    reward: CleanSeries | None,
    score: CleanSeries | None,
    higher: bool,
    same: bool,
) -> None:
    if same:
        return
    if reward is None or score is None:
        say("H9", "reward against task", "not logged")
        return
    steps = np.intersect1d(reward.steps, score.steps)
    if len(steps) < 10:
        say("H9", "reward against task", "not applicable", None, "fewer than 10 common steps")
        return
    a = reward.values[np.searchsorted(reward.steps, steps)]
    b = score.values[np.searchsorted(score.steps, steps)] * (1 if higher else -1)
    rises = mann_kendall([float(part.mean()) for part in np.array_split(a, min(10, len(a)))]) > 0.3
    together = spearman(a, b)
    say(
        "H9",
        "reward against task",
        "warn" if rises and together < limits.hacking else "ok",
        together,
        "rank correlation",
    )


def _shares(say: Any, series: Mapping[str, CleanSeries]) -> None:
    teacher, student = _share(series, "teacher"), _share(series, "student")
    if teacher is None or student is None:
        return
    total = float(teacher.values[0] + student.values[0])
    if total >= 1 - 1e-6:
        say(
            "H10",
            "shares",
            "note",
            total,
            "PPO starts with no rows of its own; it gets some as the shares anneal",
        )
    else:
        say("H10", "shares", "ok", total, "of the rows belong to the teacher's slices at the start")
