"""Settings of runs side by side: flattened, volatile ones set aside, grouped by how they split the runs."""

from __future__ import annotations

import fnmatch
import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np

from coglab.analysis.model import RunInfo
from coglab.analysis.text import MASK, is_secret
from coglab.tracking.ledger_format import as_float

ABSENT = "(absent)"
"""What a setting is in a run whose configuration does not have it; not the same as null."""

VOLATILE = (
    "run", "run_name", "run_id", "name", "id", "*.run_name", "*.run_id", "train_dir", "data_dir", "*_dir", "*.path",
    "*.dir", "*.host", "hostname", "*.hostname", "wandb", "wandb.*", "display", "display.*", "_wandb", "_wandb.*",
    "*.logger", "logger.*", "checkpointer.*", "*.created", "*.timestamp", "evaluator.*", "stats_server*", "group",
    "notes", "tags", "teacher",
)  # fmt: skip
"""Settings that name or place a run and cannot explain its score."""

SEEDS = ("seed", "system.seed", "*.seed")
"""Settings that make repeats of one configuration."""


MAX_DEPTH = 32


def flatten(config: Mapping[str, Any] | None) -> dict[str, Any]:
    """Flatten a configuration into dotted keys.

    Dots in literal keys of an inner map are escaped, top-level dotted keys are taken as paths. Lists of scalars are
    single values, lists of maps are indexed. A single root that holds everything is stripped.

    Args:
        config: nested, or None.
    """
    if not isinstance(config, Mapping):
        return {}
    tree: Mapping[str, Any] = config
    plain = {k: v for k, v in tree.items() if not str(k).startswith("_")}
    while len(plain) == 1:
        (inner,) = plain.values()
        if not isinstance(inner, Mapping) or not inner:
            break
        tree = plain = dict(inner)
    flat: dict[str, Any] = {}
    _flatten(flat, "", tree, True)
    return flat


def _flatten(flat: dict[str, Any], prefix: str, value: Any, is_top: bool = False) -> None:
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            name = str(key) if is_top else str(key).replace(".", "\\.")
            _flatten(flat, f"{prefix}.{name}" if prefix else name, inner)
    elif isinstance(value, list | tuple) and any(isinstance(item, Mapping) for item in value):
        for index, inner in enumerate(value):
            _flatten(flat, f"{prefix}[{index}]", inner)
    elif prefix:
        flat[prefix] = MASK if is_secret(prefix.rpartition(".")[2]) and value else value


def bounded(tree: Any, depth: int = MAX_DEPTH) -> Any:
    """A configuration in which what is nested deeper than `MAX_DEPTH` is a text; a file may nest more than can be walked."""
    if not isinstance(tree, dict | list):
        return tree
    if depth == 0:
        return "(nested too deep)"
    if isinstance(tree, dict):
        return {key: bounded(value, depth - 1) for key, value in tree.items()}
    return [bounded(value, depth - 1) for value in tree]


def matches(key: str, patterns: Iterable[str]) -> bool:
    """Whether a dotted key fits one of the globs."""
    return _any_of(tuple(patterns)).match(key) is not None


@cache
def _any_of(patterns: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(fnmatch.translate(pattern) for pattern in patterns) or r"(?!)")


def canonical(value: Any) -> str:
    """A text that is equal exactly for values that are the same: 1 and 1.0 are, 1 and "1" are not."""
    if isinstance(value, bool) or value is None:
        return json.dumps(value)
    if isinstance(value, int | float):
        number = as_float(value)
        return (
            repr(int(number)) if math.isfinite(number) and number == int(number) else repr(number)
        )
    return json.dumps(value, sort_keys=True, default=str)


def settings_of(run: RunInfo, ignore: Sequence[str] = ()) -> dict[str, Any]:
    """The settings of a run that may explain something: flat, without volatile ones and seeds."""
    flat = flatten(run.config)
    return {k: v for k, v in flat.items() if not matches(k, (*VOLATILE, *SEEDS, *ignore))}


def game_of(run: RunInfo) -> str:
    """Which game a run plays, as far as its record says: kind and mission, or the recipe's name."""
    if run.game:
        return run.game
    flat = flatten(run.config)
    kind = flat.get("training_env.game.kind")
    if kind:
        mission = flat.get("training_env.game.mission")
        return f"{kind}/{mission}" if mission else str(kind)
    recipe = run.recipe or ""
    for word in ("machina1", "cogsguard"):
        if word in recipe or (not recipe and word in run.name):
            return word
    return "unknown"


@dataclass
class Unit:
    """One configuration: the runs that differ in nothing but their seed.

    Attributes:
        label: short name of the unit.
        runs: indices into the list of runs.
        settings: flat; None if no run of it has a configuration.
    """

    label: str
    runs: list[int]
    settings: dict[str, Any] | None
    is_presumed: bool = False


_REPEAT = re.compile(r"^(?P<stem>.+?)\.v\d+$")


def stem_of(name: str) -> str:
    """A name without the `.vN` that people give to repeats."""
    found = _REPEAT.match(name)
    return found.group("stem") if found else name


def make_units(runs: Sequence[RunInfo], settings: Sequence[dict[str, Any]]) -> list[Unit]:
    """Group runs of one configuration (and game). Where it is not wholly known, names that differ by `.vN` alone decide.

    Returns:
        Units in the order of their first run. `is_presumed` marks those whose sameness only names suggest; keys that one
        of their runs does not state are taken from another.
    """
    units: dict[str, Unit] = {}
    for index, (run, flat) in enumerate(zip(runs, settings, strict=True)):
        if not flat or run.config_is_partial:
            key = f"presumed {game_of(run)} {stem_of(run.name)}"
            known = units.setdefault(key, Unit("", [], None, True))
            known.runs.append(index)
            known.settings = {**flat, **(known.settings or {})} or None
            continue
        items = sorted((k, canonical(v)) for k, v in flat.items())
        key = json.dumps([game_of(run), items])
        if key in units:
            units[key].runs.append(index)
        else:
            units[key] = Unit("", [index], flat or None)
    made = list(units.values())
    for number, unit in enumerate(made):
        unit.label = f"c{number + 1}"
    return made


@dataclass
class Bundle:
    """Settings that split the units in the same way, so that no data can tell them apart.

    Attributes:
        keys: the settings, the one that is named first the most telling.
        groups: `[n]` int64, group of each unit.
        numbers: `[n]` float64 if the first key is a number with at least 4 values, else None.
        values: for each unit the value of the first key, as text.
        all_values: key -> per unit value, as text.
        is_context: calendar order, code version, device: no setting, but always a rival explanation.
    """

    keys: list[str]
    groups: np.ndarray
    numbers: np.ndarray | None
    values: list[str]
    all_values: dict[str, list[str]] = field(default_factory=dict)
    is_context: bool = False

    @property
    def name(self) -> str:
        """The first key, and how many go with it."""
        more = len(self.keys) - 1
        return self.keys[0] + (f" (and {more} more)" if more else "")


def shown(value: Any) -> str:
    """A value for a table: text as it is, everything else as JSON."""
    if isinstance(value, str):
        return value
    if (
        isinstance(value, float) and value == int(value)
        if isinstance(value, float) and math.isfinite(value)
        else False
    ):
        return repr(int(value))
    return json.dumps(value, sort_keys=True, default=str)


def make_bundles(
    rows: Sequence[Mapping[str, Any]],
    context: Mapping[str, Sequence[Any]] | None = None,
    partial: Sequence[bool] | None = None,
) -> tuple[dict[str, Any], list[Bundle]]:
    """Sort the settings of units into constant ones and bundles of varying ones.

    Args:
        rows: flat settings, one per unit.
        context: further facts, name -> one value per unit: order of creation, code version, device.
        partial: units of which only some settings are known; what one of them does not state is unknown, not absent, and
            is left out.

    Returns:
        Constant settings with their value, and the bundles, those of fewest settings last.
    """
    if not rows:
        return {}, []
    keys = sorted({key for row in rows for key in row})
    for row, is_partial in zip(rows, partial or [], strict=bool(partial)):
        if is_partial:
            keys = [key for key in keys if key in row]
    constant: dict[str, Any] = {}
    grouped: dict[tuple[Any, ...], list[tuple[str, list[Any], bool]]] = {}
    columns = [(key, [row.get(key, ABSENT) for row in rows], False) for key in keys]
    columns += [(name, list(values), True) for name, values in (context or {}).items()]
    for key, values, is_context in columns:
        seen: dict[str, int] = {}
        pattern = tuple(seen.setdefault(canonical(value), len(seen)) for value in values)
        if len(seen) == 1:
            if not is_context:
                constant[key] = values[0]
            continue
        grouped.setdefault((pattern, _order(values)), []).append((key, values, is_context))
    bundles = []
    for (pattern, _), members in grouped.items():
        members.sort(key=lambda m: (m[2], _interest(m[0]), m[0]))
        key, values, _ = members[0]
        bundles.append(
            Bundle(
                [member[0] for member in members],
                np.array(pattern),
                _numbers(values),
                [shown(value) for value in values],
                {member[0]: [shown(value) for value in member[1]] for member in members},
                all(member[2] for member in members),
            )
        )
    bundles.sort(key=lambda b: (b.is_context, _interest(b.keys[0]), b.keys[0]))
    return constant, bundles


def _numbers(values: Sequence[Any]) -> np.ndarray | None:
    if not all(isinstance(v, int | float) and not isinstance(v, bool) for v in values):
        return None
    array = np.array([as_float(value) for value in values])
    return array if np.isfinite(array).all() and len(np.unique(array)) >= 4 else None


def _order(values: Sequence[Any]) -> tuple[int, ...]:
    """The order of a numeric column, rising or falling being the same; empty for what is no number.

    Two columns of all different numbers split the units in the same way, and still say different things.
    """
    numbers = _numbers(values)
    if numbers is None:
        return ()
    order = np.unique(numbers, return_inverse=True)[1]
    return min(tuple(order.tolist()), tuple((order.max() - order).tolist()))


_INTEREST = (
    "supervisor_policy_uri",
    "teacher",
    "cloner",
    "losses",
    "trainer",
    "policy_architecture",
    "training_env",
)


def _interest(key: str) -> int:
    """Keys that people change come before those that follow from them."""
    return next((i for i, word in enumerate(_INTEREST) if word in key), len(_INTEREST))


def differences(a: Mapping[str, Any], b: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Settings in which two runs differ, absent ones told from null."""
    found = {}
    for key in sorted(set(a) | set(b)):
        one, two = a.get(key, ABSENT), b.get(key, ABSENT)
        if canonical(one) != canonical(two):
            found[key] = (one, two)
    return found
