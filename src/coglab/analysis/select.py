"""Which runs: filters, and what each of them took out."""

from __future__ import annotations

import difflib
import math
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass

from coglab.analysis.config import FilterConfig, read_time
from coglab.analysis.model import RunInfo
from coglab.analysis.settings import ABSENT, canonical, flatten
from coglab.analysis.sources import Runs
from coglab.analysis.text import clean, day
from coglab.config import UserError, did_you_mean
from coglab.tracking.ledger_format import as_float


@dataclass
class Selection:
    """What filters left.

    Attributes:
        runs: those that fit.
        counts: filter as typed -> how many runs were left after it, in order; the first is `all`.
        excluded: name and the filter that took it out.
    """

    runs: list[RunInfo]
    counts: list[tuple[str, int]]
    excluded: list[tuple[str, str]]


def select(store: Runs, filters: FilterConfig, now: float) -> Selection:
    """Apply the filters, cheap ones first; settings are read only of runs that passed the others.

    Args:
        store: all runs.
        filters: what was asked.
        now: seconds since 1970, for `since=14d`.

    Raises:
        UserError: a time or a regular expression cannot be read.
    """
    kept = list(store.runs)
    counts = [("all", len(kept))]
    excluded: list[tuple[str, str]] = []
    for shown, test in _tests(store, filters, now):
        passed = [run for run in kept if test(run)]
        names = {id(run) for run in passed}
        excluded += [(run.name, shown) for run in kept if id(run) not in names]
        kept = passed
        counts.append((shown, len(kept)))
    return Selection(kept, counts, excluded)


def _tests(
    store: Runs, filters: FilterConfig, now: float
) -> list[tuple[str, Callable[[RunInfo], bool]]]:
    tests: list[tuple[str, Callable[[RunInfo], bool]]] = []
    f = filters
    if f.ids:
        tests.append((f"ids={','.join(f.ids)}", lambda run: bool({run.id, run.name} & set(f.ids))))
    if f.exclude:
        tests.append(
            (f"exclude={','.join(f.exclude)}", lambda run: not {run.id, run.name} & set(f.exclude))
        )
    if f.prefix is not None:
        tests.append((f"prefix={f.prefix}", lambda run: run.name.startswith(str(f.prefix))))
    if f.name is not None:
        try:
            pattern = re.compile(f.name)
        except re.error as error:
            raise UserError(
                f"`name={f.name}` is no regular expression: {error}. For names that begin so, use `prefix=`."
            ) from None
        tests.append((f"name={f.name}", lambda run: pattern.search(run.name) is not None))
    if f.since is not None:
        since = read_time(f.since, now, "since")
        slack = 86_400.0  # a creation date without a time may be any moment of its day
        tests.append(
            (
                f"since={f.since}",
                lambda run: (
                    (at := _began(run, now)) is not None
                    and at + (slack if run.created_is_day else 0) > since
                ),
            )
        )
    if f.until is not None:
        until = read_time(f.until, now, "until")
        tests.append(
            (
                f"until={f.until}",
                lambda run: (at := _began(run, now)) is not None and at < until,
            )
        )
    if f.state:
        tests.append((f"state={','.join(f.state)}", lambda run: run.state in f.state))
    if f.tag:
        tests.append((f"tag={','.join(f.tag)}", lambda run: set(f.tag) <= set(run.tags)))
    if f.group is not None:
        tests.append((f"group={f.group}", lambda run: run.group == f.group))
    if f.user is not None:
        tests.append((f"user={f.user}", lambda run: run.user == f.user))
    if f.recipe is not None:
        wanted = "." + f.recipe
        tests.append((f"recipe={f.recipe}", lambda run: _is_recipe(run, wanted)))
    if f.min_steps:
        tests.append((f"min_steps={f.min_steps}", lambda run: (run.last_step or 0) >= f.min_steps))
    for condition in f.where:
        tests.append((f"where={condition}", _setting_test(store, condition)))
    return tests


def _began(run: RunInfo, now: float) -> float | None:
    """When a run was created; by its newest data if that is earlier, because its clock was ahead then."""
    if run.created is not None and run.created > now and run.last_data is not None:
        return min(run.created, run.last_data)
    return run.created


def _is_recipe(run: RunInfo, wanted: str) -> bool:
    recipe = "." + (run.recipe or "")
    return recipe.endswith(wanted) or recipe.removesuffix(".train").endswith(wanted)


_CONDITION = re.compile(r"\s*([^=<>!]+?)\s*(!=|>=|<=|=|<|>)\s*(.+)", re.DOTALL)
_ORDER: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip


def read_condition(condition: str) -> tuple[str, str, str]:
    """Take `trainer.batch_size>=4096` apart into setting, comparison and value.

    Raises:
        UserError: it is no condition, or compares with what is no number.
    """
    found = _CONDITION.fullmatch(condition)
    if found is None:
        raise UserError(
            f"`where={condition}` is no condition; expected `where=trainer.batch_size=4096`, or `!=`, `<`, `<=`, `>`, "
            "`>=` in place of `=`."
        )
    key, sign, text = found.groups()
    if sign in _ORDER and _as_float(text) is None:
        raise UserError(
            f"`where={condition}`: `{text}` is no number; expected such as `where={key}{sign}4096`."
        )
    return key, sign, text


def _setting_test(store: Runs, condition: str) -> Callable[[RunInfo], bool]:
    """Whether a run's setting is as a condition says; a run without the setting only differs from every value."""
    key, sign, text = read_condition(condition)
    wanted = {text, text.replace("_", "")}

    def test(run: RunInfo) -> bool:
        store.complete(run)
        value = flatten(run.config).get(key, ABSENT)
        if sign in _ORDER:
            number, limit = _as_float(value), _as_float(text)
            return number is not None and limit is not None and _ORDER[sign](number, limit)
        is_equal = str(value) in wanted or canonical(value) in wanted or _as_text(value) in wanted
        return is_equal == (sign == "=")

    return test


def _as_float(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return as_float(value) if not isinstance(value, str) else float(value)
    except ValueError:
        return None


def _as_text(value: object) -> str:
    is_whole = isinstance(value, float) and math.isfinite(value) and value == int(value)
    return str(int(value)) if isinstance(value, float) and is_whole else ""


def nothing_matches(store: Runs, selection: Selection, filters: FilterConfig) -> str:
    """Why no run is left: counts after each filter, nearest names, newest creation.

    Args:
        store: all runs.
        selection: the empty outcome.
        filters: what was asked.
    """
    steps = ", ".join(
        f"{count} {'in all' if shown == 'all' else 'after ' + clean(shown)}"
        for shown, count in selection.counts
    )
    text = f"no run matches: {steps}."
    names = [run.name for run in store.runs]
    asked = filters.prefix or filters.name or (filters.ids[0] if filters.ids else "")
    near = difflib.get_close_matches(asked, names, n=3, cutoff=0.3) if asked else names[-3:]
    if near:
        text += " Nearest names: " + ", ".join(f"`{clean(name)}`" for name in near) + "."
    for condition in filters.where:
        key = read_condition(condition)[0]
        known = _settings(store)
        if key not in known:
            text += f" No run has the setting `{clean(key)}`.{did_you_mean(key, sorted(known))}"
    newest = max((run.created for run in store.runs if run.created), default=None)
    if newest is not None:
        text += f" The newest run was created on {day(newest)}."
    if not names:
        text += " Sources: " + ", ".join(source.spelling for source in store.sources) + "."
    return text


def _settings(store: Runs) -> set[str]:
    """Names of all settings of all runs."""
    names: set[str] = set()
    for run in store.runs:
        store.complete(run)
        names |= flatten(run.config).keys()
    return names
