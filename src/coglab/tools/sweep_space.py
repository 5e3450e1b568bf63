"""What a sweep varies: lists and ranges by key, ties between keys, and the points of a grid or of random numbers.

A *space* maps dotted keys of `train` to a list of values or to a range, a *point* the same keys to one value each.
Values that were typed stay text until the trial's configuration converts them by the type of their field.
"""

from __future__ import annotations

import itertools
import math
import random
import re
from collections.abc import Mapping
from typing import Any

from pydantic import Field

from coglab.config import Config, Number, UserError, build, did_you_mean
from coglab.config.layers import dotted, show_value
from coglab.config.values import Tree

Space = dict[str, Any]
Point = dict[str, Any]

OF_THE_SWEEP = ("run", "train_dir")
"""Keys of `train` that are not a trial's to choose."""

MAX_GRID = 1000
"""Points of the largest grid; more than anyone trains, and still checked in a second or two."""

_TIE = re.compile(r"(?:(?P<number>[0-9.eE+]+)\s*(?P<sign>[-*])\s*)?(?P<key>[A-Za-z_][\w.]*)")


class Range(Config):
    """Numbers between two ends, both included."""

    low: Number
    """Smallest value."""

    high: Number
    """Largest value."""

    log: bool = False
    """Whether values are spread evenly by ratio, as step sizes should be, instead of by difference."""

    integer: bool = False
    """Whether only whole numbers are meant."""

    points: int | None = Field(None, ge=2, le=MAX_GRID)
    """How many values a grid takes from it."""

    def at(self, share: float) -> float | int:
        """The value at a share, 0 to 1, of the way from `low` to `high`."""
        ratio, difference = self.high / self.low if self.log else 1.0, self.high - self.low
        value = self.low * ratio**share if self.log else self.low + share * difference
        # Eleven digits, so that 0.1 + 0.2 is shown, stored and compared as what it is meant to be.
        return round(value) if self.integer else float(f"{value:.11g}")


def flat_keys(tree: Mapping[str, Tree], what: str) -> dict[str, Tree]:
    """Spell nested keys with dots, `{teacher: {steps: [1, 2]}}` as `{teacher.steps: [1, 2]}`; a range is a leaf.

    Args:
        tree: as typed or as a recipe has it.
        what: `space` or `ties`, for messages.

    Returns:
        Dotted keys; those whose value is null are kept, so that they can take away what a recipe set.

    Raises:
        UserError: one key is given in both spellings.
    """
    flat: dict[str, Tree] = {}

    def visit(prefix: tuple[str, ...], value: Tree) -> None:
        is_range = isinstance(value, Mapping) and ("low" in value or "high" in value)
        if isinstance(value, Mapping) and value and not is_range:
            for key, inner in value.items():
                visit((*prefix, key), inner)
            return
        key = dotted(prefix)
        if key in flat:
            raise UserError(f"`{what}` gives `{key}` twice. Give it once.")
        flat[key] = value

    for key, value in tree.items():
        visit((key,), value)
    return flat


def check_space(space: Space) -> None:
    """Refuse what is neither a list nor a range.

    Args:
        space: dotted keys.

    Raises:
        UserError: with a value that would work.
    """
    for key, value in space.items():
        if key in OF_THE_SWEEP:
            raise UserError(
                f"`space`: a sweep names its trials' folders itself, so `{key}` cannot be varied. "
                "For example `space={trainer.optimizer.learning_rate: [3e-4, 1e-3]}`."
            )
        if isinstance(value, Mapping):
            _range(key, value)
        elif not isinstance(value, list | tuple) or not value:
            raise UserError(
                f"`space.{key}={show_value(value)}`: expected a list of values or a range, for example "
                f"`space={{{key}: [1, 2]}}` or `space={{{key}: {{low: 1, high: 2}}}}`."
            )
        elif len({repr(item) for item in value}) < len(value):
            raise UserError(f"`space.{key}={show_value(value)}` names a value twice.")


def _range(key: str, value: Mapping[str, Any]) -> Range:
    found = build(Range, value, prefix=("space", *key.split(".")))
    if not found.low < found.high:
        raise UserError(
            f"`space.{key}`: low {found.low:g} must be below high {found.high:g}, "
            f"for example `{{low: {min(found.low, found.high):g}, high: {max(found.low, found.high) + 1:g}}}`."
        )
    if found.log and found.low <= 0:
        raise UserError(
            f"`space.{key}`: values by ratio cannot begin at {found.low:g}; for example `low: 1e-5`, or `log: false`."
        )
    if found.integer and (found.low % 1 or found.high % 1):
        raise UserError(f"`space.{key}`: with `integer: true` both ends must be whole numbers.")
    return found


def dimensions(space: Space) -> dict[str, Range | tuple[Any, ...]]:
    """Every key's values: a range, or a tuple of choices."""
    return {
        key: _range(key, value) if isinstance(value, Mapping) else tuple(value)
        for key, value in space.items()
    }


def grid(space: Space) -> list[Point]:
    """Every combination, the last key changing fastest.

    Args:
        space: checked.

    Returns:
        The points.

    Raises:
        UserError: a range does not say how many values to take, or there are too many combinations.
    """
    values: dict[str, list[Any]] = {}
    for key, dimension in dimensions(space).items():
        if not isinstance(dimension, Range):
            values[key] = list(dimension)
            continue
        if dimension.points is None:
            raise UserError(
                f"`space.{key}` is a range, and a grid must know how many values to take from it: add `points: 5` to it, "
                "or draw with `sampler=random`."
            )
        steps = dimension.points - 1
        values[key] = list(dict.fromkeys(dimension.at(i / steps) for i in range(steps + 1)))
    size = math.prod(len(choices) for choices in values.values())
    if size > MAX_GRID:
        raise UserError(
            f"the grid has {size:,} points, more than {MAX_GRID:,}; draw from it with `sampler=random trials=50`."
        )
    return [
        dict(zip(values, combination, strict=True))
        for combination in itertools.product(*values.values())
    ]


def random_point(space: Space, seed: int, number: int) -> Point:
    """The point of a trial of a random sweep: it depends on seed and number only, not on which worker asks.

    Args:
        space: checked.
        seed: of the sweep.
        number: of the trial.

    Returns:
        The point.
    """
    rng = random.Random(f"sweep {seed} {number}")
    return {
        key: dimension.at(rng.random()) if isinstance(dimension, Range) else rng.choice(dimension)
        for key, dimension in dimensions(space).items()
    }


def corners(space: Space) -> list[Point]:
    """Points in which every end of every range and every choice occurs; what a dry run tries to build.

    Args:
        space: checked.

    Returns:
        One point of first values, and one for every other value.
    """
    ends = {
        key: [dimension.at(0), dimension.at(1)] if isinstance(dimension, Range) else list(dimension)
        for key, dimension in dimensions(space).items()
    }
    first = {key: values[0] for key, values in ends.items()}
    others = [{**first, key: value} for key, values in ends.items() for value in values[1:]]
    return [first, *others]


def check_ties(ties: Mapping[str, Any], space: Space) -> None:
    """Refuse ties that cannot be followed.

    Args:
        ties: dotted key -> formula.
        space: checked.

    Raises:
        UserError: with a formula that would work.
    """
    for key, formula in ties.items():
        match = _TIE.fullmatch(str(formula).strip())
        if match is None:
            raise UserError(
                f"`ties.{key}={formula}`: expected a key of `space`, or `NUMBER - KEY`, or `NUMBER * KEY`, for example "
                f"`ties={{{key}: 1 - {next(iter(space), 'teacher.teacher_led_proportion')}}}`."
            )
        source = match["key"]
        if source not in space:
            raise UserError(
                f"`ties.{key}={formula}`: `{source}` is not varied.{did_you_mean(source, space)} "
                f"`space` has {', '.join(space)}."
            )
        if key in space:
            raise UserError(f"`{key}` is both in `space` and in `ties`. Give it in one of them.")


def with_ties(point: Point, ties: Mapping[str, Any]) -> Point:
    """Add what follows from a point.

    Args:
        point: one value per key of the space.
        ties: checked.

    Returns:
        A new point.

    Raises:
        UserError: a formula needs a number and the key holds something else.
    """
    whole = dict(point)
    for key, formula in ties.items():
        match = _TIE.fullmatch(str(formula).strip())
        assert match is not None
        value = point[match["key"]]
        if match["sign"] is None:
            whole[key] = value
            continue
        try:
            number, other = float(match["number"]), float(str(value).replace("_", ""))
        except ValueError as error:
            raise UserError(f"`ties.{key}={formula}` needs numbers ({error}).") from None
        result = number - other if match["sign"] == "-" else number * other
        whole[key] = float(f"{result:.11g}")
    return whole


def describe_point(point: Point) -> str:
    """A point as it would be typed: `trainer.batch_size=4096 system.seed=2`."""
    return " ".join(f"{key}={show_value(value)}" for key, value in point.items())
