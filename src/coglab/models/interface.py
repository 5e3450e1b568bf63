"""What a network must know about a game: its actions and what the numbers of its observations mean.

The description is plain data without torch or numba. It is stored in every checkpoint, so that a network is never
fed with numbers that mean something else than in training.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from coglab.games.cogsguard.team_facts import TEAM_FACTS
from coglab.games.machina1 import names as machina1
from coglab.games.machina1.team_facts import TEAM_FACTS as MACHINA1_TEAM_FACTS


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


RESOURCES = (
    "energy",
    "heart",
    "hp",
    "influence",
    "oxygen",
    "carbon",
    "germanium",
    "silicon",
    "aligner",
    "scrambler",
    "miner",
    "scout",
)
ELEMENTS = ("oxygen", "carbon", "germanium", "silicon")
VIBES = ("default", "heart", "gear", "scrambler", "aligner", "miner", "scout")


def _cogsguard_features() -> tuple[Feature, ...]:
    named = {
        0: ("agent:group", 10.0),
        1: ("agent:frozen", 1.0),
        2: ("episode_completion_pct", 255.0),
        3: ("last_action", 10.0),
        4: ("last_reward", 100.0),
        6: ("vibe", 255.0),
        8: ("tag", 10.0),
        11: ("collective", 10.0),
        12: ("lp:east", 255.0),
        13: ("lp:west", 255.0),
        14: ("lp:north", 255.0),
        15: ("lp:south", 255.0),
    }
    for index, resource in enumerate(RESOURCES):
        named[16 + 2 * index] = (f"inv:{resource}", 256.0)
        named[17 + 2 * index] = (f"inv:{resource}:p1", 256.0)
    for index, element in enumerate(ELEMENTS):
        named[64 + 2 * index] = (f"inv:collective:{element}", 256.0)
        named[65 + 2 * index] = (f"inv:collective:{element}:p1", 256.0)
    return tuple(Feature(i, name, scale) for i, (name, scale) in sorted(named.items()))


COGSGUARD = GameInterface(
    name="cogsguard",
    action_names=(
        "noop",
        "move_north",
        "move_south",
        "move_west",
        "move_east",
        *(f"change_vibe_{vibe}" for vibe in VIBES),
    ),
    features=_cogsguard_features(),
    tag_names=(
        "collective:cogs",
        "type:agent",
        "type:aligner_station",
        "type:carbon_extractor",
        "type:chest",
        "type:germanium_extractor",
        "type:hub",
        "type:junction",
        "type:miner_station",
        "type:oxygen_extractor",
        "type:scout_station",
        "type:scrambler_station",
        "type:silicon_extractor",
        "type:wall",
    ),
    team_facts=TEAM_FACTS,
)
"""The game CogsGuard. Source: docs, "Observations"; the byte values are fixed by the rules."""


def _machina1_features() -> tuple[Feature, ...]:
    named = {
        0: ("agent:group", 10.0),
        1: ("agent:frozen", 1.0),
        2: ("episode_completion_pct", 255.0),
        3: ("last_action", 10.0),
        4: ("last_reward", 100.0),
        6: ("vibe", 255.0),
        7: ("agent:compass", 1.0),
        8: ("tag", 10.0),
        9: ("cooldown_remaining", 255.0),
        11: ("remaining_uses", 255.0),
    }
    for index, resource in enumerate(machina1.RESOURCES):
        named[12 + 2 * index] = (f"inv:{resource}", 256.0)
        named[13 + 2 * index] = (f"inv:{resource}:p1", 256.0)
        named[32 + index] = (f"protocol_input:{resource}", 100.0)
        named[42 + index] = (f"protocol_output:{resource}", 100.0)
    return tuple(Feature(i, name, scale) for i, (name, scale) in sorted(named.items()))


def machina1_interface(vibes: int = machina1.ALL_VIBES) -> GameInterface:
    """Return the interface of machina_1 with 152 or 13 vibes (`Machina1Config.vibes`): 157 or 18 actions."""
    return GameInterface(
        name="machina1",
        action_names=machina1.action_names(vibes),
        features=_machina1_features(),
        tag_names=machina1.TAGS,
        team_facts=MACHINA1_TEAM_FACTS,
    )


MACHINA1 = machina1_interface()
"""The game machina_1 as published. Source: docs, "The rules of machina_1"."""

GAMES: dict[str, GameInterface] = {COGSGUARD.name: COGSGUARD, MACHINA1.name: MACHINA1}
"""Interfaces by name of the game."""
