"""What the vocabulary must know about a game to turn its observations and its map memory into rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from coglab.games.interface import GameInterface

OBJECT, AGENT = 0, 1
"""What a cell's inventory belongs to: the same feature id means other things on an agent."""

NO_FEATURE = 256
"""Index of the always-zero entry behind the own values of the 256 feature ids."""


@dataclass(frozen=True)
class Scalar:
    """A whole number that becomes one row by its bucket."""

    name: str
    terms: tuple[tuple[int, int], ...]
    """Pairs of feature id and weight; empty for numbers that do not come from tokens."""
    edges: tuple[int, ...]
    """Ascending: level i holds the values in edges[i-1] .. edges[i]-1. The level that holds 0 has no row."""


class CellFeature(NamedTuple):
    """How a feature of another cell is read."""

    owner: int
    """`OBJECT` or `AGENT`."""
    name: str
    """The feature."""
    edges: tuple[int, ...]
    """As in `Scalar`; none: the feature says nothing new."""
    by_zone: bool
    """Rows by 25 zones of the window instead of its 121 cells."""


class Modes(NamedTuple):
    """The agent's modes: what decides which of the known routes it wants. Kernel: `components/own_mode.py`."""

    rule: int
    """Which rule computes them, `COGSGUARD_MODES` or `MACHINA1_MODES`."""
    size: int
    """How many there are."""
    meaning: str
    """One line for the documentation and the signature."""
    features: tuple[str, ...]
    """Features that the rule reads, in its order."""
    role_of_vibe: tuple[int, ...] = ()
    """For rules that read it: role by vibe."""


COGSGUARD_MODES, MACHINA1_MODES = 0, 1


@dataclass(frozen=True)
class Reading:
    """How a network reads one game."""

    kind_tags: tuple[str, ...]
    """Tags that say what stands in a cell."""
    owned_kinds: tuple[str, ...]
    """Those that change hands: a row each for nobody's, the opponent's and ours."""
    wall_tag: str
    """The tag of walls, which are read in patches."""
    agent_tag: str
    """The tag of agents."""
    own_scalars: Callable[[GameInterface], list[Scalar]]
    """The numbers about the agent itself that an observation states."""
    cell_features: Callable[[GameInterface], list[CellFeature]]
    """The features of other cells; every feature of the game occurs."""
    modes: Modes
    """The agent's modes."""
    facts: Sequence[Any]
    """The map memory's facts (`SCALARS` of the game's memory layout)."""
    route_classes: Sequence[Any]
    """Its classes of targets (`ROUTE_CLASSES`)."""
    numbers: Mapping[str, tuple[int, ...]]
    """Buckets of the facts that are numbers; those not named here get `default_edges`."""
    default_edges: tuple[int, ...]
    """See `numbers`."""
    left_out: tuple[str, ...]
    """Facts that others imply."""
    flag_groups: tuple[str, ...]
    """Neighbouring flags with one of these beginnings are read together, one id per pattern."""


def feature_or_none(game: GameInterface, name: str) -> int:
    """Id of a feature, `NO_FEATURE` if the game lacks it: it is then read as 0."""
    found = game.feature_id(name)
    return found if found >= 0 else NO_FEATURE


def amount(game: GameInterface, name: str) -> tuple[tuple[int, int], ...]:
    """Terms of an amount that is told in two bytes, `name` and `name:p1`."""
    return ((feature_or_none(game, name), 1), (feature_or_none(game, f"{name}:p1"), 256))


STEPS = (*range(1, 11), 13, 17, 22, 30, 40, 60, 100, 160, 255)
"""Buckets of counts of ticks."""

COUNTS = (1, 2, 3, 4, 6, 8, 11, 16, 23, 32, 64)
"""Buckets of small counts."""

_OFFSET = (2, 3, 4, 5, 6, 7, 8, 9, 11, 14, 18, 23, 31, 46)
SIGNED_OFFSET = (*(1 - edge for edge in reversed(_OFFSET)), 0, 1, *_OFFSET)
"""Buckets of distances along one axis, with a sign."""
