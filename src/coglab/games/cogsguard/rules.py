"""The numbers of CogsGuard: ids, names, limits, prices, and the part of them that a configuration can change.

`step.py` holds the rules that use these numbers, `events.py` the schedule of the clips, `preset.py` what configurations
and older versions of the rules change.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from coglab.engine.moves import MOVES

RULES_VERSION = "2026-02-01"

# --- resources -------------------------------------------------------------------------------------------------------
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
NUM_RESOURCES = len(RESOURCES)
ENERGY, HEART, HP, INFLUENCE = 0, 1, 2, 3
OXYGEN, CARBON, GERMANIUM, SILICON = 4, 5, 6, 7
ALIGNER, SCRAMBLER, MINER, SCOUT = 8, 9, 10, 11
FIRST_ELEMENT, FIRST_GEAR = OXYGEN, ALIGNER
MAX_AMOUNT = 65535

# --- actions and vibes -----------------------------------------------------------------------------------------------
VIBES = ("default", "heart", "gear", "scrambler", "aligner", "miner", "scout")
ACTIONS = (
    "noop",
    *(f"move_{name}" for name in MOVES),
    *(f"change_vibe_{name}" for name in VIBES),
)
NUM_ACTIONS = len(ACTIONS)
NOOP, FIRST_MOVE, FIRST_VIBE_ACTION = 0, 1, 5

# --- kinds of objects: the id of a kind is the id of its `type:` tag in the observation -------------------------------
KINDS = (
    "empty",
    "agent.agent",
    "aligner_station",
    "carbon_extractor",
    "chest",
    "germanium_extractor",
    "hub",
    "junction",
    "miner_station",
    "oxygen_extractor",
    "scout_station",
    "scrambler_station",
    "silicon_extractor",
    "wall",
)
NUM_KINDS = len(KINDS)
EMPTY, AGENT, ALIGNER_STATION, CARBON_EXTRACTOR, CHEST, GERMANIUM_EXTRACTOR, HUB, JUNCTION = range(
    8
)
MINER_STATION, OXYGEN_EXTRACTOR, SCOUT_STATION, SCRAMBLER_STATION, SILICON_EXTRACTOR, WALL = range(
    8, 14
)

NO_RESOURCE = -1
ELEMENT_OF_KIND = np.full(NUM_KINDS, NO_RESOURCE, np.int8)
"""[kind] the element that an extractor of this kind holds, -1 for other kinds."""
ELEMENT_OF_KIND[OXYGEN_EXTRACTOR] = OXYGEN
ELEMENT_OF_KIND[CARBON_EXTRACTOR] = CARBON
ELEMENT_OF_KIND[GERMANIUM_EXTRACTOR] = GERMANIUM
ELEMENT_OF_KIND[SILICON_EXTRACTOR] = SILICON

GEAR_OF_KIND = np.full(NUM_KINDS, NO_RESOURCE, np.int8)
"""[kind] the piece of gear that a station of this kind hands out, -1 for other kinds."""
GEAR_OF_KIND[ALIGNER_STATION] = ALIGNER
GEAR_OF_KIND[SCRAMBLER_STATION] = SCRAMBLER
GEAR_OF_KIND[MINER_STATION] = MINER
GEAR_OF_KIND[SCOUT_STATION] = SCOUT

GEAR_PRICE = np.zeros((NUM_RESOURCES, NUM_RESOURCES), np.int64)
"""[gear, element] price of a piece of gear."""
for _gear, _dear_element in (
    (ALIGNER, CARBON),
    (SCRAMBLER, OXYGEN),
    (MINER, GERMANIUM),
    (SCOUT, SILICON),
):
    GEAR_PRICE[_gear, OXYGEN : SILICON + 1] = 1
    GEAR_PRICE[_gear, _dear_element] = 3

PRICE_ORDER = (CARBON, OXYGEN, GERMANIUM, SILICON)
"""The order in which the price of gear is taken; it shows where an over-full stock is cut by its first change."""

# --- collectives and owners ------------------------------------------------------------------------------------------
COLLECTIVES = ("clips", "cogs")
CLIPS, COGS = 0, 1
NEUTRAL = -1

# --- limits: a group's total is at most min(max, max(min, sum of bonuses)) --------------------------------------------
HP_MIN, HP_PER_SCOUT, HP_PER_SCRAMBLER = 100, 400, 200
GEAR_MAX, GEAR_PER_HP = 1, 100
HEART_MAX, HEART_PER_HP = 10, 100
ENERGY_PER_SCOUT = 100
CARGO_MIN, CARGO_PER_MINER = 4, 40
INFLUENCE_PER_ALIGNER = 20
STOCK_LIMIT = 10_000  # the four elements of a collective together

# --- handlers and area effects ---------------------------------------------------------------------------------------
DEPOSIT_MAX = 100
EXTRACT_MINER, EXTRACT_BARE = 10, 1
EXTRACTOR_START = 100
START_ENERGY, START_HP = 100, 50
AREA_RADIUS = 10
FRIENDLY_INFLUENCE, FRIENDLY_ENERGY, FRIENDLY_HP = 10, 100, 100
HOSTILE_HP, HOSTILE_INFLUENCE = -1, -100
CLIPS_RADIUS = 25

INITIAL_STOCK = {"carbon": 10, "oxygen": 10, "germanium": 10, "silicon": 10, "heart": 5}

# --- reward statistics: what an entry of the reward reads -------------------------------------------------------------
READ_HELD, READ_ZERO, READ_SCRAMBLED, READ_ALIGNED, READ_VIBES = range(5)
READ_GAINED = 16  # + resource: gained by the agent
READ_DEPOSITED = 32  # + resource: deposited in the stock of the cogs


EVENT = np.dtype([("tick", np.int32), ("event", np.int32)])
"""One scheduled event of the clips, see `events.py`."""

REWARD_ENTRY = np.dtype([("reads", np.int32), ("weight", np.float32), ("cap", np.float32)])
"""One entry of the reward: which statistic (`READ_*`), its weight, and its cap (infinity for none)."""


class Rules(NamedTuple):
    """What a configuration sets; read only. K reward entries, Q scheduled events."""

    num_agents: int
    max_steps: int
    energy_regen: int
    move_cost: int
    energy_min: int
    """Energy that an agent without a scout can hold."""
    heart_price: int
    """Units of each element that make one heart."""
    start_owner: int
    """Owner of every junction at the start: -1 neutral, 0 clips, 1 cogs."""
    extractors_stay: bool
    """True: an empty extractor stays on the map; it gives nothing, but using it succeeds."""
    shows_stock: bool
    """Whether observations carry the local-position and collective-stock tokens."""
    divides_objective: bool
    """Whether the objective is divided by the number of junctions on the map."""
    initial_stock: np.ndarray
    """[12] int64, the cogs' stock at the start"""
    object_tokens: np.ndarray
    """[14, 256] uint64, see `observe.object_token_table`"""
    events: np.ndarray
    """[Q + 1] of `EVENT` in the order in which they run; the last is never reached"""
    reward: np.ndarray
    """[K] of `REWARD_ENTRY` in the order in which they are summed"""
