"""What separates good configurations from bad ones, in grades that bind the wording.

X constant over all runs: cannot explain anything. C shared by the top group, no test passed. B unadjusted p <= 0.05, or
more but inseparable from another explanation. A adjusted p <= 0.05, at least 3 units on each side, no rival above 0.8.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from coglab.analysis.ranking import Candidate
from coglab.analysis.settings import (
    ABSENT,
    Bundle,
    Unit,
    canonical,
    differences,
    make_bundles,
    matches,
    shown,
)
from coglab.analysis.statistics import (
    cliffs_delta,
    cramers_v,
    fisher_exact,
    permutation_tests,
    spearman,
    welch_interval,
)

ALPHA = 0.05
RIVAL = 0.8
SIDE = 3

TEACHER_PLAN = ("trainer.losses.sliced_scripted_cloner.", "training_env.supervisor_policy_uri")
"""Settings that `teacher={...}` sets together."""


def unit_scores(units: Sequence[Unit], ranked: Sequence[Candidate]) -> list[list[float]]:
    """Scores of the ranked runs of each unit, in the order of `units`."""
    by_label: dict[str, list[float]] = {unit.label: [] for unit in units}
    for candidate in ranked:
        if candidate.unit in by_label:
            by_label[candidate.unit].append(candidate.value)
    return [by_label[unit.label] for unit in units]


def contrast(
    units: Sequence[Unit],
    ranked: Sequence[Candidate],
    runs: Sequence[Any],
    higher: bool,
    top: int,
    test: str | None,
) -> dict[str, Any]:
    """Compare configurations.

    Args:
        units: configurations that have at least one ranked run.
        ranked: ranked runs, best first.
        runs: what `Unit.runs` indexes.
        higher: whether higher is better.
        top: size of the top group in runs; 0 for the upper third.
        test: a setting named in advance.

    Returns:
        The parts `config` and `statistics` of the document.
    """
    known = [unit for unit in units if unit.settings is not None]
    scores_of = dict(zip([u.label for u in units], unit_scores(units, ranked), strict=True))
    context = _context(known, runs)
    partial = [unit.is_presumed for unit in known]
    rows_of = [unit.settings or {} for unit in known]
    constant, bundles = make_bundles(rows_of, context, partial)
    means = [float(np.mean(scores_of[unit.label])) for unit in known]
    top = top or max(2, round(len(ranked) / 3))
    top = min(top, len(ranked))
    statistics: dict[str, Any] = {
        "units": len(known),
        "units_without_config": len(units) - len(known),
        "bundles": len(bundles),
        "settings_varying": sum(len(b.keys) for b in bundles if not b.is_context),
        "settings_constant": len(constant),
        "settings_unknown": len(
            {k for row in rows_of for k in row}
            - {k for b in bundles for k in b.keys}
            - set(constant)
        ),
        "top": top,
        "is_exact": None,
        "attainable_p": None,
        "attainable_adjusted_p": None,
        "tested_in_advance": test,
        "why_not": None,
    }
    rows: list[dict[str, Any]] = []
    if len(known) < 3 or len(set(means)) < 2:
        statistics["why_not"] = (
            f"{len(known)} comparable configurations with known settings: no test can be made below 3"
            if len(known) < 3
            else "all configurations have the same score"
        )
        rows = [_row(bundle, means, higher) for bundle in bundles]
    elif bundles:
        rows = _tested(bundles, means, higher, test, statistics)
    labels = [candidate.unit for candidate in ranked]
    for row, bundle in zip(rows, bundles, strict=True):
        place = {unit.label: i for i, unit in enumerate(known)}
        in_top = [place[label] for label in labels[:top] if label in place]
        below = [place[label] for label in labels[top:] if label in place]
        row["top_shares"] = _shared(bundle, in_top, below)
        row["fragile"] = row["top_shares"] is not None and any(
            _shared(
                bundle,
                [place[x] for x in labels[:n] if x in place],
                [place[x] for x in labels[n:] if x in place],
            )
            is None
            for n in (top - 1, top + 1)
            if 2 <= n < len(labels)
        )
        if row["grade"] is None and row["top_shares"] is not None:
            row["grade"] = "C"
    return {
        "config": {
            "constant": {key: shown(value) for key, value in constant.items()},
            "bundles": rows,
            "varying_in_top": _varying_in_top(known, ranked[:top]),
        },
        "statistics": statistics,
        "objects": {"bundles": bundles, "known": known, "means": means},
    }


def _context(known: Sequence[Unit], runs: Sequence[Any]) -> dict[str, list[Any]]:
    """Facts that are no settings and always rival explanations."""
    created = [min((runs[i].created or 0.0) for i in unit.runs) for unit in known]
    order = {value: place for place, value in enumerate(sorted(set(created)))}
    return {
        "(order of creation)": [order[value] for value in created],
        "(code version)": [", ".join(codes_of(unit, runs)) for unit in known],
        "(device)": [runs[unit.runs[0]].device or "?" for unit in known],
    }


def codes_of(unit: Unit, runs: Sequence[Any]) -> list[str]:
    """Code versions that the runs of a unit were made with, shortened."""
    return sorted({(runs[i].code or "?")[:10] for i in unit.runs})


def _row(bundle: Bundle, means: Sequence[float], higher: bool) -> dict[str, Any]:
    """What is said of a bundle before any test."""
    groups: list[dict[str, Any]] = []
    for group in np.unique(bundle.groups):
        members = np.flatnonzero(bundle.groups == group)
        values = [means[int(i)] for i in members]
        groups.append(
            {
                "value": bundle.values[members[0]],
                "units": len(members),
                "median": float(np.median(values)),
                "low": min(values),
                "high": max(values),
            }
        )
    groups.sort(key=lambda g: ((-g["median"]) if higher else g["median"], str(g["value"])))
    row: dict[str, Any] = {
        "name": bundle.name,
        "keys": bundle.keys,
        "is_context": bundle.is_context,
        "groups": groups,
        "is_number": bundle.numbers is not None,
        "effect": None,
        "delta": None,
        "association": None,
        "direction": None,
        "p": None,
        "adjusted_p": None,
        "rivals": [],
        "grade": None,
        "why": None,
        "named_in_advance": False,
    }
    if bundle.numbers is not None:
        row["direction"] = spearman(bundle.numbers, means)
    if len(groups) == 2:
        row["effect"] = groups[0]["median"] - groups[1]["median"]
        first = bundle.groups == bundle.groups[bundle.values.index(groups[0]["value"])]
        row["delta"] = cliffs_delta(
            [m for m, f in zip(means, first, strict=True) if f],
            [m for m, f in zip(means, first, strict=True) if not f],
        )
    return row


def _tested(
    bundles: Sequence[Bundle],
    means: Sequence[float],
    higher: bool,
    test: str | None,
    statistics: dict[str, Any],
) -> list[dict[str, Any]]:
    variables = [
        ("numbers", b.numbers) if b.numbers is not None else ("groups", b.groups) for b in bundles
    ]
    tested = permutation_tests(means, variables)
    statistics["is_exact"] = tested.is_exact
    statistics["attainable_p"] = tested.attainable
    statistics["attainable_adjusted_p"] = tested.attainable_adjusted
    rows = []
    for index, bundle in enumerate(bundles):
        row = _row(bundle, means, higher)
        row["association"] = float(tested.statistic[index])
        row["p"] = float(tested.p[index])
        row["adjusted_p"] = float(tested.adjusted[index])
        row["named_in_advance"] = test is not None and test in bundle.keys
        row["rivals"] = _rivals(bundle, bundles)
        _grade(row, bundle)
        rows.append(row)
    return rows


def _rivals(bundle: Bundle, bundles: Sequence[Bundle]) -> list[dict[str, Any]]:
    """Other bundles that go with this one so closely that either could be the explanation."""
    found: list[dict[str, Any]] = []
    for other in bundles:
        if other is bundle:
            continue
        if bundle.numbers is not None and other.numbers is not None:
            strength = abs(spearman(bundle.numbers, other.numbers))
        elif bundle.numbers is None and other.numbers is None:
            # A grouping into single units goes with everything and explains nothing.
            if len(np.unique(other.groups)) == len(other.groups):
                continue
            strength = cramers_v(bundle.groups, other.groups)
        else:
            numbers, groups = (
                (bundle.numbers, other.groups)
                if bundle.numbers is not None
                else (other.numbers, bundle.groups)
            )
            if len(np.unique(groups)) == len(groups):
                continue
            strength = _correlation_ratio(np.asarray(numbers), groups)
        if strength >= RIVAL:
            found.append({"name": other.name, "strength": strength, "is_context": other.is_context})
    found.sort(key=lambda r: (-r["strength"], r["name"]))
    return found


def _correlation_ratio(numbers: np.ndarray, groups: np.ndarray) -> float:
    """Eta: square root of the share of the variance of ranks that lies between groups."""
    from coglab.analysis.statistics import group_share, ranks

    share = group_share(ranks(numbers), groups, np.arange(len(numbers))[None, :])[0]
    return float(np.sqrt(share))


def _grade(row: dict[str, Any], bundle: Bundle) -> None:
    """Give a grade and say what it hangs on."""
    p = row["p"] if row["named_in_advance"] else row["adjusted_p"]
    sizes = [group["units"] for group in row["groups"]]
    is_wide = sum(size >= SIDE for size in sizes) >= 2
    if bundle.numbers is not None:
        is_wide = len(bundle.groups) >= 2 * SIDE
    if row["p"] > ALPHA:
        return
    if p > ALPHA:
        row["grade"], row["why"] = (
            "B",
            "does not survive the correction for looking at all settings",
        )
    elif not is_wide:
        row["grade"], row["why"] = "B", f"fewer than {SIDE} configurations on one side"
    elif row["rivals"]:
        row["grade"] = "B"
        row["why"] = "cannot be told apart from " + ", ".join(r["name"] for r in row["rivals"][:3])
    else:
        row["grade"], row["why"] = (
            "A",
            "survives the correction; no rival explanation in these runs",
        )


def _shared(bundle: Bundle, in_top: Sequence[int], below: Sequence[int]) -> dict[str, Any] | None:
    """The value that the whole top group has and not all others have; None if there is none."""
    values = {bundle.values[i] for i in in_top}
    if len(values) != 1 or not below:
        return None
    (value,) = values
    others = [bundle.values[i] for i in below]
    if all(other == value for other in others):
        return None
    return {
        "value": value,
        "others_with": sum(other == value for other in others),
        "others": len(others),
        "other_values": sorted(set(others) - {value})[:5],
    }


def _varying_in_top(known: Sequence[Unit], ranked: Sequence[Candidate]) -> list[dict[str, Any]]:
    """Settings that differ inside the top group: they are not what makes it the top group."""
    labels = {candidate.unit for candidate in ranked}
    units = [unit for unit in known if unit.label in labels]
    rows = [unit.settings or {} for unit in units]
    found = []
    for key in sorted({key for row in rows for key in row}):
        if any(unit.is_presumed and key not in row for unit, row in zip(units, rows, strict=True)):
            continue  # not stated, so not known
        values = {canonical(row.get(key, ABSENT)): row.get(key, ABSENT) for row in rows}
        if len(values) > 1:
            found.append({"key": key, "values": sorted(shown(value) for value in values.values())})
    return found


def controlled(
    units: Sequence[Unit],
    scores: Sequence[Sequence[float]],
    bundles: Sequence[Bundle],
    runs: Sequence[Any],
) -> list[dict[str, Any]]:
    """Pairs of configurations that differ in one thing alone; with 3 seeds each, an interval and causal words.

    One thing is one bundle, or the teacher plan, which users give in one argument: its URI, shares and length.

    Args:
        units: configurations.
        scores: of the runs of each.
        bundles: how settings go together.
        runs: what `Unit.runs` indexes; code versions must agree.
    """
    bundle_of = {key: index for index, bundle in enumerate(bundles) for key in bundle.keys}
    found = []
    for i, a in enumerate(units):
        for j in range(i + 1, len(units)):
            b = units[j]
            if a.is_presumed or b.is_presumed:
                continue  # what else differs is not known
            if a.settings is None or b.settings is None or not scores[i] or not scores[j]:
                continue
            apart = differences(a.settings, b.settings)
            touched = {bundle_of.get(key) for key in apart}
            same_code = codes_of(a, runs) == codes_of(b, runs)
            is_plan = all(key.startswith(TEACHER_PLAN) for key in apart)
            if not apart or not (len(touched) == 1 or is_plan) or not same_code:
                continue
            is_enough = len(scores[i]) >= SIDE and len(scores[j]) >= SIDE
            row: dict[str, Any] = {
                "a": runs[a.runs[0]].name,
                "b": runs[b.runs[0]].name,
                "keys": {key: [shown(one), shown(two)] for key, (one, two) in apart.items()},
                "seeds": [len(scores[i]), len(scores[j])],
                "difference": float(np.mean(scores[i]) - np.mean(scores[j])),
                "low": None,
                "high": None,
                "is_enough": is_enough,
                "thing": "the teacher plan" if is_plan and len(apart) > 1 else next(iter(apart)),
            }
            if is_enough:
                row["difference"], row["low"], row["high"] = welch_interval(scores[i], scores[j])
            found.append(row)
    found.sort(key=lambda r: (not r["is_enough"], -abs(r["difference"]), r["a"], r["b"]))
    return found


def closest_losing_neighbour(
    units: Sequence[Unit], means: Sequence[float], higher: bool, names: Sequence[str]
) -> dict[str, Any] | None:
    """Of the pairs that differ in the fewest settings, the one whose scores differ most."""
    best: tuple[int, float, int, int] | None = None
    for i, a in enumerate(units):
        for j, b in enumerate(units):
            if i == j or a.settings is None or b.settings is None or a.is_presumed or b.is_presumed:
                continue
            gain = (means[i] - means[j]) * (1 if higher else -1)
            if gain <= 0:
                continue
            count = len(differences(a.settings, b.settings))
            if count and (best is None or (count, -gain) < best[:2]):
                best = (count, -gain, i, j)
    if best is None:
        return None
    count, gain, i, j = best
    apart = differences(units[i].settings or {}, units[j].settings or {})
    return {
        "better": names[i],
        "worse": names[j],
        "difference": means[i] - means[j],
        "count": count,
        "keys": {key: [shown(one), shown(two)] for key, (one, two) in list(apart.items())[:30]},
    }


def failures_by_setting(
    rows: Sequence[dict[str, Any]], failed: Sequence[bool], ignore: Sequence[str] = ()
) -> list[dict[str, Any]]:
    """Settings whose value goes with failing, by Fisher's exact test; only with at least 3 failures.

    Args:
        rows: flat settings, one per run.
        failed: whether each run failed.
        ignore: globs of settings to leave out.
    """
    if sum(failed) < 3 or sum(failed) == len(failed):
        return []
    _, bundles = make_bundles(
        [{k: v for k, v in row.items() if not matches(k, ignore)} for row in rows]
    )
    found: list[dict[str, Any]] = []
    for bundle in bundles:
        for group in np.unique(bundle.groups):
            inside = bundle.groups == group
            a = sum(1 for f, g in zip(failed, inside, strict=True) if f and g)
            b = int(inside.sum()) - a
            c = sum(failed) - a
            d = len(failed) - a - b - c
            p = fisher_exact(a, b, c, d)
            if p <= ALPHA and a / max(1, a + b) > c / max(1, c + d):
                value = bundle.values[int(np.flatnonzero(inside)[0])]
                found.append(
                    {"name": bundle.name, "value": value, "failed": a, "of": a + b, "p": p}
                )
    # Each value was one test; the correction is Bonferroni's.
    tests = sum(len(np.unique(b.groups)) for b in bundles)
    for row in found:
        row["adjusted_p"] = min(1.0, row["p"] * tests)
    found.sort(key=lambda r: (r["p"], r["name"]))
    return found[:10]
