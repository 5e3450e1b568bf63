"""From a configuration to `rules.Rules`."""

from __future__ import annotations

from coglab.games.machina1.config import Machina1Config
from coglab.games.machina1.rules import FIRST_VIBE_ACTION, Rules


def make_rules(config: Machina1Config) -> Rules:
    """Return the rules that kernels read."""
    return Rules(
        num_agents=config.num_agents,
        max_steps=config.max_steps,
        num_actions=FIRST_VIBE_ACTION + config.vibes,
        pays_chorus=config.reward == "heart_chorus",
        pays_diversity=config.diversity_bonus,
    )
