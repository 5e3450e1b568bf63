"""The numbers of machina_1: ids, limits, prices, what stations and chests do, and what a configuration can change.

`step.py` holds the rules that use these numbers. Names by id are in `names.py`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from coglab.games.machina1.names import KINDS, RESOURCES, VIBES

RULES_VERSION = "2026-01-09"

# --- resources -------------------------------------------------------------------------------------------------------
NUM_RESOURCES = len(RESOURCES)
ENERGY, CARBON, OXYGEN, GERMANIUM, SILICON, HEART = range(6)
DECODER, MODULATOR, RESONATOR, SCRAMBLER = range(6, 10)
ELEMENTS = (CARBON, OXYGEN, GERMANIUM, SILICON)
FIRST_ELEMENT, LAST_ELEMENT, FIRST_GEAR = CARBON, SILICON, DECODER
MAX_AMOUNT = 65535

ENERGY_LIMIT, CARGO_LIMIT, HEART_LIMIT, GEAR_LIMIT = 100, 100, 1, 5
START_ENERGY = 100
ENERGY_REGEN = 1
MOVE_COST = 2
GIFT = 20
"""Energy that a move into another agent hands over under the vibe `charger`."""

# --- actions and vibes -----------------------------------------------------------------------------------------------
NOOP, FIRST_MOVE, FIRST_VIBE_ACTION = 0, 1, 5
VIBE_DEFAULT, VIBE_CHARGER = VIBES.index("default"), VIBES.index("charger")
VIBE_HEART_A, VIBE_HEART_B, VIBE_GEAR = (
    VIBES.index("heart_a"),
    VIBES.index("heart_b"),
    VIBES.index("gear"),
)
VIBE_OF_ELEMENT = {item: VIBES.index(f"{RESOURCES[item]}_a") for item in ELEMENTS}

# --- kinds of cells --------------------------------------------------------------------------------------------------
NUM_KINDS = len(KINDS)
EMPTY, ASSEMBLER, CARBON_EXTRACTOR, CHARGER, CHEST = range(5)
GERMANIUM_EXTRACTOR, OXYGEN_EXTRACTOR, SILICON_EXTRACTOR, WALL, AGENT = range(5, 10)
EXTRACTOR_OF_ELEMENT = {
    CARBON: CARBON_EXTRACTOR,
    OXYGEN: OXYGEN_EXTRACTOR,
    GERMANIUM: GERMANIUM_EXTRACTOR,
    SILICON: SILICON_EXTRACTOR,
}

MAX_USES = np.zeros(NUM_KINDS, np.int64)
"""[kind] uses of a station until it is empty, 0 for unlimited."""
MAX_USES[CARBON_EXTRACTOR] = 25
MAX_USES[OXYGEN_EXTRACTOR] = 5
MAX_USES[GERMANIUM_EXTRACTOR] = 5
MAX_USES[SILICON_EXTRACTOR] = 10

COOLDOWN = np.zeros(NUM_KINDS, np.int64)
"""[kind] ticks that a station rests after a use."""
COOLDOWN[CHARGER] = 10
COOLDOWN[OXYGEN_EXTRACTOR] = 100
COOLDOWN[GERMANIUM_EXTRACTOR] = 200

IS_PARTIAL = np.zeros(NUM_KINDS, bool)
"""[kind] whether a resting station can be used, for a part of its output."""
IS_PARTIAL[CHARGER] = IS_PARTIAL[OXYGEN_EXTRACTOR] = True

# --- recipes: what one use of a station takes and makes ----------------------------------------------------------------
MOST_TOGETHER = 4
"""Agents whose number still makes a difference, for a germanium extractor and for hearts."""


class Recipe(NamedTuple):
    """One way to use a station."""

    kind: int
    """The station."""
    vibes: tuple[int, ...]
    """Vibes that the agents around it must show, exactly these; none: whatever they show."""
    price: dict[int, int]
    """Amount by resource, taken from all agents around."""
    item: int
    """What it makes."""
    amount: int
    """How much of it."""


def _recipes() -> list[Recipe]:
    recipes = [
        Recipe(CHARGER, (), {}, ENERGY, 50),
        Recipe(CARBON_EXTRACTOR, (), {}, CARBON, 2),
        Recipe(OXYGEN_EXTRACTOR, (), {}, OXYGEN, 10),
        Recipe(SILICON_EXTRACTOR, (), {ENERGY: 20}, SILICON, 15),
    ]
    for agents in range(1, MOST_TOGETHER + 1):  # synergy: 50 % of 2 for each further agent
        recipes.append(Recipe(GERMANIUM_EXTRACTOR, (), {}, GERMANIUM, 1 + agents))
    for agents in range(1, MOST_TOGETHER + 1):
        carbon = 10 + 5 * (agents - 1)
        price = {CARBON: carbon, OXYGEN: carbon, GERMANIUM: carbon // 5, SILICON: 3 * carbon}
        recipes.append(Recipe(ASSEMBLER, (VIBE_HEART_A,) * agents, price, HEART, agents))
    for element, gear in (
        (CARBON, DECODER),
        (OXYGEN, MODULATOR),
        (GERMANIUM, SCRAMBLER),
        (SILICON, RESONATOR),
    ):
        vibes = (VIBE_OF_ELEMENT[element], VIBE_GEAR)
        recipes.append(Recipe(ASSEMBLER, vibes, {element: 1}, gear, 1))
    return recipes


RECIPES = tuple(_recipes())
NUM_RECIPES = len(RECIPES)
NO_RECIPE = NUM_RECIPES
"""Stands for an assembler that can make nothing under the vibes around it."""
FIRST_RECIPE = np.full(NUM_KINDS, NO_RECIPE, np.int64)
"""[kind] the first recipe of a station; those of germanium and hearts go up with the agents from there."""
for _number, _recipe in reversed(list(enumerate(RECIPES))):
    FIRST_RECIPE[_recipe.kind] = _number
FIRST_HEART_RECIPE = int(FIRST_RECIPE[ASSEMBLER])
FIRST_GEAR_RECIPE = FIRST_HEART_RECIPE + MOST_TOGETHER

PRICE = np.zeros((NUM_RECIPES, NUM_RESOURCES), np.int64)
"""[recipe, resource] what it takes."""
for _number, _recipe in enumerate(RECIPES):
    for _item, _amount in _recipe.price.items():
        PRICE[_number, _item] = _amount
OUTPUT_ITEM = np.array([recipe.item for recipe in RECIPES], np.int64)
"""[recipe] what it makes."""
OUTPUT_AMOUNT = np.array([recipe.amount for recipe in RECIPES], np.int64)
"""[recipe] how much of it."""
NUM_VIBES_OF_RECIPE = np.array([len(recipe.vibes) for recipe in RECIPES], np.int64)
"""[recipe] vibes that it asks for."""
GEAR_RECIPE_OF_VIBE = np.full(len(VIBES), NO_RECIPE, np.int64)
"""[vibe] the recipe of that vibe together with `gear`."""
for _number, _recipe in enumerate(RECIPES):
    if VIBE_GEAR in _recipe.vibes:
        GEAR_RECIPE_OF_VIBE[_recipe.vibes[0]] = _number

# --- the chest -------------------------------------------------------------------------------------------------------
CHEST_MOVES = np.zeros((len(VIBES), NUM_RESOURCES), np.int64)
"""[vibe, resource] most that a use puts into the chest; negative: takes out of it."""
CHEST_MOVES[VIBE_DEFAULT, FIRST_ELEMENT : HEART + 1] = 255
CHEST_MOVES[VIBE_HEART_B, HEART] = 1
for _item, _amount in ((CARBON, 10), (OXYGEN, 10), (GERMANIUM, 1), (SILICON, 25)):
    CHEST_MOVES[VIBES.index(f"{RESOURCES[_item]}_a"), _item] = -_amount
    CHEST_MOVES[VIBES.index(f"{RESOURCES[_item]}_b"), _item] = _amount

# --- rewards ---------------------------------------------------------------------------------------------------------
DIVERSITY_BONUS = np.array([0, 0, 0.17, 0.18, 0.60, 0.97, 0], np.float32)
"""[kinds held] what the first time is worth, beyond what fewer kinds were."""


class Rules(NamedTuple):
    """What a configuration sets; read only."""

    num_agents: int
    max_steps: int
    num_actions: int
    """5 + vibes; actions from there on are invalid"""
    pays_chorus: bool
    """Whether every heart made pays every agent."""
    pays_diversity: bool
    """Whether the first time of holding many kinds at once pays."""
