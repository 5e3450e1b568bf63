"""Tests and intervals for a handful of runs: exact or seeded, nothing assumed that can be avoided."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

EXACT_UP_TO = 8
DRAWS = 10_000
SEED = 20_260_124
MAX_ORDERS = 10_000_000
"""At most so many orders are looked at, over all variables."""


def ranks(values: Sequence[float] | np.ndarray) -> np.ndarray:
    """Ranks from 1, ties sharing their mean rank; `[n]` float64."""
    array = np.asarray(values, float)
    order = np.argsort(array, kind="stable")
    result = np.empty(len(array))
    result[order] = np.arange(1, len(array) + 1)
    for value in np.unique(array):
        same = array == value
        if same.sum() > 1:
            result[same] = result[same].mean()
    return result


def permutations(count: int, seed: int = SEED) -> tuple[np.ndarray, bool]:
    """All orders of `count` things up to 8, else 10,000 drawn ones.

    Returns:
        `[P, count]` int64 and whether they are all of them (the given order among them).
    """
    if count <= EXACT_UP_TO:
        return np.array(list(itertools.permutations(range(count)))), True
    rng = np.random.default_rng(seed)
    return np.argsort(rng.random((DRAWS, count)), axis=1), False


def group_share(rank: np.ndarray, groups: np.ndarray, orders: np.ndarray) -> np.ndarray:
    """Eta-squared on ranks for every order: the share of the ranks' variance that lies between groups.

    Args:
        rank: `[n]` ranks of the scores.
        groups: `[n]` int, group of each unit.
        orders: `[P, n]` permutations.

    Returns:
        `[P]` float64, 0 to 1.
    """
    member = (groups[:, None] == np.unique(groups)[None, :]).astype(float)
    sizes = member.sum(axis=0)
    centred = rank - rank.mean()
    total = float((centred**2).sum())
    if total == 0:
        return np.zeros(len(orders))
    sums = centred[orders] @ member
    return np.asarray((sums**2 / sizes).sum(axis=1) / total)


def rank_correlation(rank: np.ndarray, numbers: np.ndarray, orders: np.ndarray) -> np.ndarray:
    """Absolute Spearman correlation for every order; `[P]` float64, 0 to 1."""
    x = ranks(numbers)
    x = x - x.mean()
    y = rank - rank.mean()
    scale = math.sqrt(float((x**2).sum()) * float((y**2).sum()))
    return np.zeros(len(orders)) if scale == 0 else np.abs(y[orders] @ x) / scale


def spearman(a: Sequence[float] | np.ndarray, b: Sequence[float] | np.ndarray) -> float:
    """Spearman correlation; 0 if one of them is constant."""
    x, y = ranks(a), ranks(b)
    x, y = x - x.mean(), y - y.mean()
    scale = math.sqrt(float((x**2).sum()) * float((y**2).sum()))
    return 0.0 if scale == 0 else float(x @ y) / scale


def cramers_v(a: np.ndarray, b: np.ndarray) -> float:
    """Cramér's V of two groupings, 0 to 1; of two identical ones 1."""
    one, a_index = np.unique(a, return_inverse=True)
    two, b_index = np.unique(b, return_inverse=True)
    smaller = min(len(one), len(two)) - 1
    if smaller < 1:
        return 0.0
    table = np.zeros((len(one), len(two)))
    np.add.at(table, (a_index, b_index), 1)
    expected = table.sum(1, keepdims=True) * table.sum(0, keepdims=True) / table.sum()
    return float(math.sqrt(((table - expected) ** 2 / expected).sum() / (table.sum() * smaller)))


def cliffs_delta(a: Sequence[float], b: Sequence[float]) -> float:
    """How often a value of `a` is above one of `b`, less how often below; -1 to 1."""
    x, y = np.asarray(a, float)[:, None], np.asarray(b, float)[None, :]
    return float(np.sign(x - y).mean())


@dataclass
class Tested:
    """Results for K variables.

    Attributes:
        statistic: `[K]` what was observed.
        p: `[K]` for each alone.
        adjusted: `[K]` for the best of all of them (Westfall and Young's single-step min-P).
        attainable: smallest `p` that these scores and groupings could give at all.
        attainable_adjusted: the same, adjusted.
        is_exact: all orders were looked at.
    """

    statistic: np.ndarray
    p: np.ndarray
    adjusted: np.ndarray
    attainable: float
    attainable_adjusted: float
    is_exact: bool


def permutation_tests(
    scores: Sequence[float], variables: Sequence[tuple[str, np.ndarray]]
) -> Tested:
    """Test whether each variable goes with the score, and correct for having looked at all of them.

    Args:
        scores: `[n]`, one per unit.
        variables: kind (`groups` or `numbers`) and `[n]` values of each.

    Source: Westfall and Young, Resampling-Based Multiple Testing (1993), section 2.3. Phipson and Smyth (2010) for
    the +1 of drawn permutations.
    """
    rank = ranks(scores)
    orders, is_exact = permutations(len(rank))
    if (
        len(variables) * len(orders) > MAX_ORDERS
    ):  # thousands of settings: fewer draws, still seeded
        fewer = np.random.default_rng(SEED).permutation(len(orders))[:2_000]
        orders, is_exact = orders[fewer], is_exact and len(fewer) == len(orders)
    identity = np.arange(len(rank))[None, :]
    num = len(orders)
    lowest = np.full(num, 2.0)
    own = np.empty(len(variables))
    observed = np.empty(len(variables))
    best = np.empty(len(variables))
    extra = 0 if is_exact else 1
    for index, (kind, values) in enumerate(variables):
        function = group_share if kind == "groups" else rank_correlation
        null = function(rank, values, orders)
        observed[index] = function(rank, values, identity)[0]
        ordered = np.sort(null)
        # A small tolerance: sums in another order differ in the last digits.
        at_least = num - np.searchsorted(ordered, null - 1e-9, side="left")
        p_null = (at_least + extra) / (num + extra)
        lowest = np.minimum(lowest, p_null)
        above = num - int(np.searchsorted(ordered, observed[index] - 1e-9, side="left"))
        own[index] = (above + extra) / (num + extra)
        best[index] = p_null.min()
    sorted_lowest = np.sort(lowest)

    def adjust(p: float) -> float:
        count = int(np.searchsorted(sorted_lowest, p + 1e-12, side="right"))
        return min(1.0, (count + extra) / (num + extra))

    adjusted = np.array([max(adjust(p), p) for p in own])
    attainable = float(best.min()) if len(variables) else 1.0
    return Tested(
        observed, own, adjusted, attainable, max(adjust(attainable), attainable), is_exact
    )


def t_quantile(p: float, df: float) -> float:
    """Quantile of Student's t distribution.

    Args:
        p: 0.5 < p < 1.
        df: degrees of freedom, at least 1.
    """
    low, high = 0.0, 1e4
    for _ in range(200):
        middle = (low + high) / 2
        if t_cdf(middle, df) < p:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def t_cdf(t: float, df: float) -> float:
    """Distribution function of Student's t for t >= 0, by its continued fraction.

    Source: Press et al., Numerical Recipes, 6.4 (incomplete beta function).
    """
    x = df / (df + t * t)
    return 1 - 0.5 * _incomplete_beta(df / 2, 0.5, x)


def _incomplete_beta(a: float, b: float, x: float) -> float:
    if x <= 0 or x >= 1:
        return 0.0 if x <= 0 else 1.0
    front = math.exp(
        math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    )
    if x < (a + 1) / (a + b + 2):
        return front * _fraction(a, b, x) / a
    return 1 - front * _fraction(b, a, 1 - x) / b


def _fraction(a: float, b: float, x: float) -> float:
    tiny = 1e-300
    c, d = 1.0, 1 - (a + b) * x / (a + 1)
    d = 1 / (d if abs(d) > tiny else tiny)
    result = d
    for m in range(1, 300):
        for numerator in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1 + numerator * d
            d = 1 / (d if abs(d) > tiny else tiny)
            c = 1 + numerator / c
            c = c if abs(c) > tiny else tiny
            result *= d * c
        if abs(d * c - 1) < 1e-14:
            break
    return result


@dataclass(frozen=True)
class MeanInterval:
    """A mean and its 95 % interval; `method` says how, and is `none` below three values."""

    mean: float
    low: float | None
    high: float | None
    count: int
    method: str


def mean_interval(values: Sequence[float]) -> MeanInterval:
    """Interval of a mean over seeds: none for one or two, Student's t below ten, bootstrap from ten on."""
    array = np.asarray(values, float)
    mean, count = float(array.mean()), len(array)
    if count < 3:
        return MeanInterval(mean, None, None, count, "none")
    if count < 10:
        half = t_quantile(0.975, count - 1) * float(array.std(ddof=1)) / math.sqrt(count)
        return MeanInterval(
            mean, mean - half, mean + half, count, "Student t, assumes roughly normal"
        )
    rng = np.random.default_rng(SEED)
    means = array[rng.integers(0, count, (DRAWS, count))].mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return MeanInterval(mean, float(low), float(high), count, "bootstrap")


def welch_interval(a: Sequence[float], b: Sequence[float]) -> tuple[float, float, float]:
    """Difference of two means (a - b) and its 95 % interval, variances not assumed equal; at least 2 values each."""
    x, y = np.asarray(a, float), np.asarray(b, float)
    vx, vy = x.var(ddof=1) / len(x), y.var(ddof=1) / len(y)
    difference = float(x.mean() - y.mean())
    if vx + vy == 0:
        return difference, difference, difference
    df = (vx + vy) ** 2 / (vx**2 / (len(x) - 1) + vy**2 / (len(y) - 1))
    half = t_quantile(0.975, float(df)) * math.sqrt(float(vx + vy))
    return difference, difference - half, difference + half


def pooled_deviation(groups: Sequence[Sequence[float]]) -> tuple[float | None, int]:
    """Standard deviation between repeats of one configuration, over all that have repeats, and its degrees of freedom."""
    squares, df = 0.0, 0
    for group in groups:
        if len(group) >= 2:
            array = np.asarray(group, float)
            squares += float(((array - array.mean()) ** 2).sum())
            df += len(array) - 1
    return (math.sqrt(squares / df), df) if df else (None, 0)


def detectable(deviation: float, seeds: int, df: int) -> float:
    """Smallest difference of two means of `seeds` runs each that a 5 % test finds in 80 % of cases."""
    df = max(df, 2 * (seeds - 1), 1)
    return (t_quantile(0.975, df) + t_quantile(0.8, df)) * deviation * math.sqrt(2 / seeds)


def seeds_needed(deviation: float, difference: float) -> int | None:
    """Runs per side that find a difference in 80 % of cases at 5 %; None if there is none or it takes over 100."""
    if difference <= 0:
        return None
    for seeds in range(2, 101):
        if detectable(deviation, seeds, 0) <= difference:
            return seeds
    return None


def mann_kendall(values: Sequence[float] | np.ndarray) -> float:
    """Kendall's tau of a series with time: 1 always rising, -1 always falling."""
    array = np.asarray(values, float)
    count = len(array)
    if count < 2:
        return 0.0
    signs = np.sign(array[None, :] - array[:, None])
    return float(np.triu(signs, 1).sum() / (count * (count - 1) / 2))


def fisher_exact(a: int, b: int, c: int, d: int) -> float:
    """Two-sided Fisher test of a two-by-two table."""
    n, row, column = a + b + c + d, a + b, a + c

    def probability(x: int) -> float:
        return math.comb(column, x) * math.comb(n - column, row - x) / math.comb(n, row)

    seen = probability(a)
    low, high = max(0, row + column - n), min(row, column)
    return min(
        1.0, sum(p for x in range(low, high + 1) if (p := probability(x)) <= seen * (1 + 1e-9))
    )
