"""Observation tokens of the slow twin.

Source: docs/02-observations.md and docs/02-rules.md, "What agents see".
"""

from tests.reference.twin_inventory import RESOURCES

MAX_TOKENS = 200
HERE = 0x55
TAGS = [
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
]
GROUP, FROZEN, COMPLETION, LAST_ACTION, LAST_REWARD, VIBE, TAG, COLLECTIVE = 0, 1, 2, 3, 4, 6, 8, 11
EAST, WEST, NORTH, SOUTH = 12, 13, 14, 15
FIRST_INVENTORY, FIRST_STOCK = 16, 64


def amount_tokens(feature, amount, always=False):
    """Low byte, then the high byte if there is one."""
    tokens = [(feature, amount % 256)] if amount > 0 or always else []
    if amount >= 256:
        tokens.append((feature + 1, amount // 256))
    return tokens


def object_tokens(thing):
    """(feature, value) pairs of anything that stands on the map."""
    if thing.kind == "wall":
        return [(TAG, TAGS.index("type:wall"))]
    tokens = []
    if thing.owner is not None:
        tokens.append((COLLECTIVE, {"clips": 0, "cogs": 1}[thing.owner]))
    tags = [f"type:{thing.kind}"]
    if thing.owner is not None and thing.kind != "junction":
        tags.append("collective:cogs")
    tokens += sorted((TAG, TAGS.index(tag)) for tag in tags)
    if thing.kind == "agent":
        if thing.vibe:
            tokens.append((VIBE, thing.vibe))
        for item in thing.inventory.recent:
            feature = FIRST_INVENTORY + 2 * RESOURCES.index(item)
            tokens += amount_tokens(feature, thing.inventory[item])
        tokens += [(GROUP, 0), (FROZEN, 0)]
    elif thing.element is not None:
        feature = FIRST_INVENTORY + 2 * RESOURCES.index(thing.element)
        tokens += amount_tokens(feature, thing.left)
    return tokens


def global_tokens(game, agent):
    """(feature, value) pairs that do not belong to a cell."""
    percent = 255 if game.tick >= game.max_steps else 256 * game.tick // game.max_steps
    tokens = [(COMPLETION, percent), (LAST_ACTION, agent.last_action), (LAST_REWARD, 0)]
    if not game.numbers.shows_stock:
        return tokens
    row, col = agent.cell[0] - agent.spawn[0], agent.cell[1] - agent.spawn[1]
    if col:
        tokens.append((EAST if col > 0 else WEST, min(abs(col), 255)))
    if row:
        tokens.append((SOUTH if row > 0 else NORTH, min(abs(row), 255)))
    for i, element in enumerate(["oxygen", "carbon", "germanium", "silicon"]):
        tokens += amount_tokens(FIRST_STOCK + 2 * i, game.stock[element], always=True)
    return tokens


def window():
    """(row, column) offsets of the 11x11 window in the order in which its cells are described."""
    cells = []
    for distance in range(11):
        for row in range(-distance, distance + 1):
            side = distance - abs(row)
            cells += [(row, -side), (row, side)] if side else [(row, 0)]
    return [(row, col) for row, col in cells if abs(row) <= 5 and abs(col) <= 5]


WINDOW = window()


def observe(game, agent):
    """All tokens of an agent as (location, feature, value), not cut to 200."""
    tokens = [(HERE, *token) for token in global_tokens(game, agent)]
    for row, col in WINDOW:
        thing = game.cells.get((agent.cell[0] + row, agent.cell[1] + col))
        if thing is not None:
            location = (row + 5) * 16 + col + 5
            tokens += [(location, *token) for token in object_tokens(thing)]
    return tokens
