"""What networks must know about machina_1."""

from __future__ import annotations

from coglab.games.interface import Feature, GameInterface
from coglab.games.machina1.names import ALL_VIBES, RESOURCES, TAGS, action_names
from coglab.games.machina1.team_facts import TEAM_FACTS


def _features() -> tuple[Feature, ...]:
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
    for index, resource in enumerate(RESOURCES):
        named[12 + 2 * index] = (f"inv:{resource}", 256.0)
        named[13 + 2 * index] = (f"inv:{resource}:p1", 256.0)
        named[32 + index] = (f"protocol_input:{resource}", 100.0)
        named[42 + index] = (f"protocol_output:{resource}", 100.0)
    return tuple(Feature(i, name, scale) for i, (name, scale) in sorted(named.items()))


def machina1_interface(vibes: int = ALL_VIBES) -> GameInterface:
    """Return the interface of machina_1 with 152 or 13 vibes (`Machina1Config.vibes`): 157 or 18 actions."""
    return GameInterface(
        name="machina1",
        action_names=action_names(vibes),
        features=_features(),
        tag_names=TAGS,
        team_facts=TEAM_FACTS,
    )


MACHINA1 = machina1_interface()
"""The game machina_1 as published. Source: docs, "The rules of machina_1"."""
