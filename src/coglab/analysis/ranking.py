"""Scores at a common budget, their errors, ranks and letters; repeats by name."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from coglab.analysis.model import ENDED_STATES, RunInfo
from coglab.analysis.series import CleanSeries, Score, common_budget, score
from coglab.analysis.settings import stem_of
from coglab.analysis.statistics import SEED, pooled_deviation

REACHED = 0.98
"""Share of the budget at which a run counts as having reached it: batches do not divide budgets evenly."""

TEACHER_MARGIN = 0.05
"""So much more of the rows may a teacher have played in one run's window than in another's."""

SAME_SHARE = 0.02
"""Shares of rows no further apart than this differ by chance between seeds of one plan."""

RESAMPLES = 1_000


@dataclass
class Candidate:
    """A run with what is needed to rank it.

    Attributes:
        series: the metric over agent steps; None if the run never logged it.
        on_axis: the metric over the axis that is compared on (steps, or seconds since the start).
        reached: how far the run got on that axis; None if it is not known.
        score: at the budget; at its own end if it did not get there.
        why_not: why it has no rank.
        rank: 1 for the best; low and high: 90 % range over resampled windows.
        letter: one or several letters; runs that share none of them differ by at least twice their combined error.
    """

    run: RunInfo
    series: CleanSeries | None = None
    on_axis: CleanSeries | None = None
    reached: float | None = None
    score: Score | None = None
    why_not: str | None = None
    unit: str = ""
    rank: int | None = None
    rank_low: int | None = None
    rank_high: int | None = None
    letter: str = ""
    flags: list[str] = field(default_factory=list)

    @property
    def value(self) -> float:
        """The score, NaN without one."""
        return (
            self.score.value
            if self.score is not None and self.score.value is not None
            else math.nan
        )


@dataclass
class Ranking:
    """What was ranked, and what could not be.

    Attributes:
        budget: on the axis; 0 if the runs' steps are not known.
        axis: `steps` or `seconds`.
        ranked: best first.
        not_comparable: with a score of their own, without a rank.
        missing: runs without the metric.
        seed_deviation: between repeats, None without repeats; its degrees of freedom.
    """

    budget: float
    axis: str
    ranked: list[Candidate]
    not_comparable: list[Candidate]
    missing: list[Candidate]
    constant: bool = False
    seed_deviation: float | None = None
    seed_df: int = 0


def rank(
    candidates: list[Candidate],
    mode: str,
    parameter: float,
    budget: float | None,
    higher: bool,
) -> Ranking:
    """Score every candidate at one budget and order those that reached it.

    Args:
        candidates: changed in place.
        mode: of `series.score`.
        parameter: of the mode.
        budget: what was asked; None for the common one. In agent steps, for `per-hour` in hours.
        higher: whether higher is better.
    """
    missing = [c for c in candidates if c.series is None and not c.run.scores]
    with_series = [c for c in candidates if c.series is not None]
    points = [c for c in candidates if c.series is None and c.run.scores]
    axis = "seconds" if mode == "per-hour" else "steps"
    limit = 0.0
    if with_series:
        if mode == "at":
            limit = parameter
        elif budget is not None:
            limit = float(budget) * (3600 if axis == "seconds" else 1)
        else:
            limit = common_budget(c.reached or 0.0 for c in with_series)
    ranked: list[Candidate] = []
    rest: list[Candidate] = []
    for candidate in with_series:
        (ranked if _score(candidate, mode, parameter, limit, higher) else rest).append(candidate)
    for candidate in _points(points, bool(with_series)):
        (ranked if candidate.why_not is None else rest).append(candidate)
    ranked.sort(key=lambda c: (-c.value if higher else c.value, c.run.name))
    rest.sort(key=lambda c: (math.isnan(c.value), -c.value if higher else c.value, c.run.name))
    missing.sort(key=lambda c: c.run.name)
    result = Ranking(limit, axis, ranked, rest, missing)
    values = [c.value for c in ranked]
    result.constant = len(values) > 1 and max(values) == min(values)
    return result


def _score(candidate: Candidate, mode: str, parameter: float, limit: float, higher: bool) -> bool:
    """Score one run with a history; whether it may be ranked."""
    series, reached = candidate.on_axis, candidate.reached or 0.0
    assert series is not None
    is_long_enough = mode == "last" or reached >= REACHED * limit
    own = limit if is_long_enough else reached
    candidate.score = score(series, mode, parameter, own, higher)
    if candidate.score.value is None:
        candidate.why_not = candidate.score.why_not
        return False
    if mode in ("tail", "per-hour") and candidate.score.values < 3:
        candidate.flags.append(f"only {candidate.score.values} values in the window")
    if not is_long_enough:
        share = reached / limit if limit else 0.0
        candidate.why_not = f"reached {100 * share:.0f} % of the budget"
        return False
    return True


def set_teacher_s_play_apart(result: Ranking, share_of: Callable[[Candidate], float]) -> None:
    """Take the rank from runs in whose window a teacher played more than in those of others.

    Such a score is partly the teacher's. Where a teacher plays as much in all of them they can be compared. Runs of
    one configuration whose shares are nearly the same are judged by their median: chance must not part them.

    Args:
        result: changed in place.
        share_of: share of rows in a run's window that a teacher played.
    """
    shares = [share_of(candidate) for candidate in result.ranked]
    by_unit: dict[str, list[float]] = {}
    for candidate, share in zip(result.ranked, shares, strict=True):
        by_unit.setdefault(candidate.unit or candidate.run.name, []).append(share)
    for index, candidate in enumerate(result.ranked):
        middle = statistics.median(by_unit[candidate.unit or candidate.run.name])
        if abs(shares[index] - middle) <= SAME_SHARE:
            shares[index] = middle
    least = min(shares, default=0.0)
    kept = []
    for candidate, share in zip(result.ranked, shares, strict=True):
        if share > least + TEACHER_MARGIN:
            candidate.why_not = (
                f"the teacher played {100 * share:.0f} % of the rows in the window: "
                "the score is not the student's own"
            )
            result.not_comparable.append(candidate)
        else:
            kept.append(candidate)
    result.ranked = kept
    values = [c.value for c in kept]
    result.constant = len(values) > 1 and max(values) == min(values)


def _points(points: list[Candidate], beside_histories: bool) -> list[Candidate]:
    """Scores without steps: only finished runs of one target can be set side by side."""
    for candidate in points:
        run = candidate.run
        candidate.score = Score(next(iter(run.scores.values())), None, 1, (math.nan, math.nan))
        if beside_histories:
            candidate.why_not = (
                "a single number at an unknown step; the other runs are compared at a common step"
            )
        elif run.last_step is None and run.state != "finished":
            candidate.why_not = (
                f"{run.state}: its step is not known, so its score is of an unknown moment"
            )
    open_points = [c for c in points if c.why_not is None]
    reached = [c.run.last_step or c.run.target_steps for c in open_points]
    known = [value for value in reached if value]
    if known:
        most = max(known)
        for candidate, value in zip(open_points, reached, strict=True):
            if value and value < REACHED * most:
                candidate.why_not = f"reached {100 * value / most:.0f} % of the longest run's steps"
    return points


def assign_ranks(result: Ranking, higher: bool, groups: Sequence[Sequence[Candidate]]) -> None:
    """Give ranks, 90 % rank ranges and letters to the ranked runs.

    The error of a score is the larger of its within-run error and the deviation between repeats, if there are any:
    two runs of one configuration differ by the latter.

    Args:
        result: changed in place.
        higher: whether higher is better.
        groups: ranked runs that repeat each other, for the deviation between repeats.
    """
    result.seed_deviation, result.seed_df = pooled_deviation([[c.value for c in g] for g in groups])
    ranked = result.ranked
    if not ranked or result.constant:
        return
    errors = np.array([_error(c, result.seed_deviation) for c in ranked])
    values = np.array([c.value for c in ranked])
    order = values if not higher else -values
    rng = np.random.default_rng(SEED)
    known = np.where(np.isfinite(errors), errors, 0.0)
    # Resampling batches of the window amounts to redrawing its mean with its standard error.
    drawn = order[None, :] + known[None, :] * rng.standard_normal((RESAMPLES, len(ranked)))
    places = np.argsort(np.argsort(drawn, axis=1, kind="stable"), axis=1) + 1
    low, high = np.quantile(places, [0.05, 0.95], axis=0, method="nearest")
    for index, candidate in enumerate(ranked):
        candidate.rank = index + 1
        if np.isfinite(errors[index]):
            candidate.rank_low, candidate.rank_high = int(low[index]), int(high[index])
    for number, (first, last) in enumerate(_tied_groups(values, errors)):
        for candidate in ranked[first : last + 1]:
            candidate.letter = " ".join(filter(None, [candidate.letter, _letters(number)]))


def _tied_groups(values: np.ndarray, errors: np.ndarray) -> list[tuple[int, int]]:
    """First and last place of every longest stretch of runs that cannot be told apart from its first.

    A run may be in several: then it has several letters. Two runs that share none differ by at least twice their
    combined error.
    """
    groups: list[tuple[int, int]] = []
    for first in range(len(values)):
        last = first
        while last + 1 < len(values) and _is_tie(values, errors, first, last + 1):
            last += 1
        if not groups or last > groups[-1][1]:
            groups.append((first, last))
    return groups


def _error(candidate: Candidate, deviation: float | None) -> float:
    own = candidate.score.error if candidate.score is not None else None
    known = [value for value in (own, deviation) if value is not None]
    return max(known) if known else math.nan


def _is_tie(values: np.ndarray, errors: np.ndarray, one: int, other: int) -> bool:
    """Whether two runs differ by less than twice their combined error; unknown errors tie."""
    combined = math.hypot(errors[one], errors[other])
    return not abs(values[one] - values[other]) >= 2 * combined


def _letters(index: int) -> str:
    text = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        text = chr(ord("a") + rest) + text
    return text


def presumed_repeats(runs: Sequence[RunInfo]) -> list[tuple[str, list[RunInfo]]]:
    """Runs whose names differ only by a trailing `.vN`: the name says that they repeat each other.

    Returns:
        Common name and runs, for names with at least two.
    """
    by_stem: dict[str, list[RunInfo]] = {}
    for run in runs:
        by_stem.setdefault(stem_of(run.name), []).append(run)
    return sorted((stem, group) for stem, group in by_stem.items() if len(group) > 1)


def is_over(run: RunInfo) -> bool:
    """Whether a run has ended, well or not."""
    return run.state in ENDED_STATES
