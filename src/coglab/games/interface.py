"""What a network must know about a game: its actions and what the numbers of its observations mean.

The description is plain data without torch or numba. It is stored in every checkpoint, so that a network is never
fed with numbers that mean something else than in training.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Feature:
    """One feature id of the observation tokens."""

    id: int
    """Second byte of the token."""

    name: str
    """The game's name of it, `inv:energy` for example."""

    normalization: float
    """Values are divided by this where a network reads them as numbers."""


@dataclass(frozen=True)
class GameInterface:
    """Everything about a game that shapes a network."""

    name: str
    """The game."""

    action_names: tuple[str, ...]
    """Names of the actions, in the order of the action index."""

    features: tuple[Feature, ...]
    """The features that occur, in ascending id."""

    tag_names: tuple[str, ...]
    """Names of the tags, in the order of the tag id."""

    team_facts: tuple[str, ...] = ()
    """Names of the numbers about the whole team that a critic may read while training; none if the game has none."""

    num_tokens: int = 200
    """Tokens per observation."""

    window: int = 11
    """Rows and columns of the window; the agent stands in the middle."""

    @property
    def num_actions(self) -> int:
        """Number of actions."""
        return len(self.action_names)

    def feature_id(self, name: str) -> int:
        """Id of the feature called `name`, -1 if the game has none."""
        return next((feature.id for feature in self.features if feature.name == name), -1)

    def tag_id(self, name: str) -> int:
        """Id of the tag called `name`, -1 if the game has none."""
        return self.tag_names.index(name) if name in self.tag_names else -1

    def describe(self) -> dict[str, Any]:
        """The interface as JSON-able data."""
        data = asdict(self)
        data["features"] = {str(f.id): [f.name, f.normalization] for f in self.features}
        data["action_names"] = list(self.action_names)
        data["tag_names"] = list(self.tag_names)
        data["team_facts"] = list(self.team_facts)
        return data
