"""Observation tokens of the slow twin of machina_1."""

from tests.reference.machina1_twin_recipes import RESOURCES, STATIONS
from tests.reference.twin_observation import (
    COMPLETION,
    FROZEN,
    GROUP,
    HERE,
    LAST_ACTION,
    LAST_REWARD,
    MAX_TOKENS,
    TAG,
    VIBE,
    WINDOW,
    amount_tokens,
)

__all__ = ["MAX_TOKENS", "observe"]

COMPASS, COOLDOWN, USES = 7, 9, 11
FIRST_INVENTORY, FIRST_INPUT, FIRST_OUTPUT = 12, 32, 42
TAGS = [
    "agent",
    "assembler",
    "carbon_extractor",
    "charger",
    "chest",
    "germanium_extractor",
    "oxygen_extractor",
    "silicon_extractor",
    "wall",
]


def held_tokens(amounts):
    """(feature, value) pairs of what is held, low byte and high byte."""
    tokens = []
    for item, amount in amounts.items():
        tokens += amount_tokens(FIRST_INVENTORY + 2 * RESOURCES.index(item), amount)
    return tokens


def station_tokens(game, station):
    """(feature, value) pairs of a station, but for its tag."""
    tokens = []
    rest = station.ready_at - game.tick
    if rest > 0:
        tokens.append((COOLDOWN, min(rest, 255)))
    limit = STATIONS[station.kind].uses
    if limit:
        tokens.append((USES, limit - station.uses))
    recipe = game.recipe_of(station)
    if recipe is not None:
        for item, amount in recipe.price.items():
            tokens.append((FIRST_INPUT + RESOURCES.index(item), amount))
        tokens.append((FIRST_OUTPUT + RESOURCES.index(recipe.item), recipe.amount))
    return tokens


def object_tokens(game, thing):
    """(feature, value) pairs of anything that stands on the map; their order has no meaning."""
    tokens = [(TAG, TAGS.index(thing.kind))]
    if thing.kind == "agent":
        tokens += [(GROUP, 0), (FROZEN, 0)]
        if thing.vibe:
            tokens.append((VIBE, thing.vibe))
        tokens += held_tokens(thing.amounts)
    elif thing.kind == "chest":
        tokens += held_tokens(thing.stock)
    elif thing.kind in STATIONS:
        tokens += station_tokens(game, thing)
    return tokens


def observe(game, agent):
    """All tokens of an agent as (location, feature, value), not cut to 200."""
    percent = 255 if game.tick >= game.max_steps else 256 * game.tick // game.max_steps
    row, col = agent.cell
    tokens = [
        (HERE, COMPLETION, percent),
        (HERE, LAST_ACTION, agent.last_action),
        (HERE, LAST_REWARD, 0),
    ]
    down, right = _sign(game.height // 2 - row), _sign(game.width // 2 - col)
    if down or right:
        tokens.append(((5 + down) * 16 + 5 + right, COMPASS, 1))
    for dr, dc in WINDOW:
        thing = game.cells.get((row + dr, col + dc))
        if thing is not None:
            location = (dr + 5) * 16 + dc + 5
            tokens += [(location, *token) for token in object_tokens(game, thing)]
    return tokens


def _sign(number):
    return (number > 0) - (number < 0)
