"""What networks must know about CogsGuard."""

from __future__ import annotations

from coglab.games.cogsguard.team_facts import TEAM_FACTS
from coglab.games.interface import Feature, GameInterface

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


def _features() -> tuple[Feature, ...]:
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
    features=_features(),
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
