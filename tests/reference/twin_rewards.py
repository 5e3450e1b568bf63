"""The reward's entries of the slow twin.

Source: docs/02-rules.md, "Rewards" and "The earlier rules".
"""

from tests.reference.twin_inventory import GEAR

ELEMENTS_IN_REWARDS = ["carbon", "oxygen", "germanium", "silicon"]


def reward_entries(game, agent):
    """List (statistics, name, weight, cap) in the order in which they are added up."""
    cogs = game.team_stats["cogs"]
    entries = []
    if "no_objective" not in game.variants:
        entries.append((cogs, "aligned.junction.held", 1 / game.max_steps, None))
    entries += _earlier_extras(game, agent) if game.rules == "2026-01-24" else _extras(game, agent)
    if "penalize_vibe_change" in game.variants:
        entries.append((agent.stats, "action.change_vibe.success", -0.01, None))
    return entries


def _extras(game, agent):
    cogs = game.team_stats["cogs"]
    entries = []
    if "milestones" in game.variants:
        entries.append((cogs, "junction", 1.0, 100))
        entries.append((agent.stats, "junction.scrambled_by_agent", 0.5, 50))
        entries.append((agent.stats, "junction.aligned_by_agent", 1.0, 100))
    if "credit" in game.variants:
        entries.append((agent.stats, "heart.gained", 0.05, 0.5))
        entries += [(agent.stats, f"{gear}.gained", 0.2, 0.4) for gear in GEAR[:2]]
        entries += [(agent.stats, f"{e}.gained", 0.001, 0.1) for e in ELEMENTS_IN_REWARDS]
        entries += [(cogs, f"{e}.deposited", 0.002, 0.2) for e in ELEMENTS_IN_REWARDS]
    return entries


def _earlier_extras(game, agent):
    if not game.variants & {"milestones", "credit"}:
        return []
    entries = [(agent.stats, "heart.gained", 0.02, 0.2)]
    entries += [(agent.stats, f"{gear}.gained", 0.05, 0.1) for gear in GEAR[:2]]
    cogs = game.team_stats["cogs"]
    return entries + [(cogs, f"{e}.deposited", 0.0005, 0.02) for e in ELEMENTS_IN_REWARDS]
