"""What the map memory of machina_1 holds: names, codes, sizes and the documented read-out, without any kernel.

`SCALARS` and `ROUTE_CLASSES` are what networks, teachers and the docs read; their order is the order of the arrays
`MapMemory.scalars`, `MapMemory.route_dist` and `MapMemory.route_move`. Everything in them is a fact that one agent
can derive from its own observations of the running episode (and from the constants of the game).

Not in here: how the facts are computed (`memory_kernels.py`, `search.py`, `routes.py`).
"""

from __future__ import annotations

from typing import Literal, NamedTuple

LINES = 112
"""Lines of the grid: a map is 98 rows high, and kernels look over the edge and work in blocks of 8 lines."""

CENTRE_LINE = 56
"""Line of the frame's origin: the assembler, or the spawn cell if none is in view at the start."""

CENTRE_BIT = 60
"""Bit of the origin's column among the 128 of a line."""

FIRST_LINE, LAST_LINE = 6, 106
FIRST_BIT, LAST_BIT = 6, 122
"""Cells outside these lines and bits are not remembered; they hold a 98x98 map around its assembler with room to spare."""

ELEMENTS = ("carbon", "oxygen", "germanium", "silicon")
"""The four elements in the order of the rules."""

DIRECTIONS = ("north", "south", "west", "east")
"""Bit 0 to 3 of every move mask; action index minus one."""

VIBE_DEFAULT, VIBE_CHARGER, VIBE_HEART_A, VIBE_HEART_B = 0, 1, 10, 11

BASE_PRICE = (10, 10, 2, 30)
"""Price of one heart for one agent, by element."""
PRICE_STEP = (5, 5, 1, 15)
"""What every further heart (and agent) adds to it."""

SHARE = (7, 7, 2, 19)
"""A quarter of what four hearts for four agents cost, rounded up."""

CARGO_CAP = 100
ENERGY_CAP = 100

NO_COST = 999
"""Cost of a class without a known, reachable target."""

NO_ROUTE = 255
"""Distance of a class without a known, reachable target."""

LONG_AGO = 9999
"""Cap of counters of ticks."""


class Scalar(NamedTuple):
    """One column of `MapMemory.scalars`."""

    name: str
    low: int
    high: int
    meaning: str
    kind: Literal["number", "flag", "category"] = "number"


def _flag(name: str, meaning: str) -> Scalar:
    return Scalar(name, 0, 1, meaning, "flag")


SCALARS: tuple[Scalar, ...] = (
    Scalar("completion", 0, 255, "elapsed part of the episode, as observed (256ths)"),
    Scalar("age", 0, 10000, "observations since the episode began"),
    Scalar(
        "ticks_left",
        0,
        10000,
        "ticks to the end, from how fast the completion grows; 10000 while it has not grown",
    ),
    Scalar(
        "last_move",
        0,
        4,
        "direction (1 to 4) of the last tick's successful move or use, 0: none",
        "category",
    ),
    Scalar("energy", 0, 100, "own energy"),
    *(Scalar(f"carried_{name}", 0, 100, f"{name} carried") for name in ELEMENTS),
    Scalar("cargo", 0, 100, "elements carried, all together"),
    Scalar("heart", 0, 1, "hearts carried"),
    _flag("load_complete", "carries the price of a heart for one agent: 10, 10, 2, 30"),
    Scalar("shares", 0, 5, "quarters of the price for four agents carried: 7, 7, 2, 19 each"),
    _flag("vibe_default", "shows no vibe"),
    _flag("vibe_heart_a", "shows heart_a"),
    _flag("vibe_heart_b", "shows heart_b"),
    _flag("vibe_other", "shows another vibe"),
    Scalar("row", -51, 51, "own row minus the assembler's"),
    Scalar("column", -57, 57, "own column minus the assembler's"),
    Scalar("spawn_row", -51, 51, "start row minus the assembler's"),
    Scalar("spawn_column", -57, 57, "start column minus the assembler's"),
    Scalar("steps_standing", 0, 255, "ticks since the own cell last changed, capped"),
    _flag("used_charger", "the last tick's use was that of a charger"),
    *(_flag(f"moved_{name}", f"the last tick moved the agent {name}") for name in DIRECTIONS),
    *(
        _flag(f"agent_{name}", f"another agent stands in the cell to the {name}")
        for name in DIRECTIONS
    ),
    *(
        _flag(f"blocked_{name}", f"a wall or a station is in the cell to the {name}")
        for name in DIRECTIONS
    ),
    Scalar("since_heart", 0, LONG_AGO, "ticks since a heart was last received, capped"),
    _flag("in_ring", "stands in one of the 8 cells round the assembler"),
    Scalar("ring_waiting", 0, LONG_AGO, "ticks spent in the ring since it was entered or a heart was received"),
    _flag("ring_in_view", "all 8 cells round the assembler are in view"),
    Scalar("ring_agents", 0, 8, "agents in the ring that are in view, self included"),
    Scalar("ring_heart_a", 0, 8, "of these, agents that show heart_a"),
    Scalar("ring_rank", 0, 7, "of these, other agents whose cell comes before the own one, row by row"),
    Scalar("ring_blocking", 0, 8, "other agents of the ring that show another vibe than heart_a and none"),
    Scalar("ring_holding", 0, 8, "other agents of the ring that hold a heart"),
    *(Scalar(f"ring_{name}", 0, 800, f"{name} that the agents of the ring carry, self included") for name in ELEMENTS),
    Scalar("ring_pays", 0, 4, "hearts that these loads pay for at the price of that many agents"),
    *(
        Scalar(
            f"cost_{name}",
            0,
            NO_COST,
            f"moves to the best {name} extractor and wait there, from where the plan was made; 999: none known",
        )
        for name in ELEMENTS
    ),
    Scalar("cost_charger", 0, NO_COST, "moves to the nearest charger, from where the plan was made; 999: none known"),
    Scalar("cost_explore", -20, NO_COST, "moves to the best unknown ground minus its worth, likewise; 999: all is known"),
    Scalar("steps_silicon", 0, 255, "moves to the best silicon extractor when the plan was made; 255: none"),
    *(Scalar(f"wait_{name}", 0, 255, f"ticks until the best {name} extractor is ready") for name in ("oxygen", "germanium")),
    *(Scalar(f"known_{name}", 0, 40, f"{name} extractors remembered with uses left") for name in ELEMENTS),
    Scalar("others_seen", 0, 24, "other agents in the window"),
)  # fmt: skip
"""The parsed facts, in the order of `MapMemory.scalars`."""

SCALAR_INDEX: dict[str, int] = {scalar.name: i for i, scalar in enumerate(SCALARS)}


class RouteClass(NamedTuple):
    """One class of targets that routes lead to."""

    name: str
    meaning: str


ROUTE_CLASSES: tuple[RouteClass, ...] = (
    *(RouteClass(name, f"the {name} extractor of `cost_{name}`") for name in ELEMENTS),
    RouteClass("charger", "the charger of `cost_charger`"),
    RouteClass("explore", "open cell beside unknown ground, of `cost_explore`"),
    RouteClass("chest", "chest"),
    RouteClass("assembler", "assembler"),
    RouteClass(
        "ring",
        "free side of the assembler, distance 0 when on it; a corner once other agents stand on all sides",
    ),
)
"""The target classes, in the order of the columns of `MapMemory.route_dist` and `.route_move`."""

ROUTE_INDEX: dict[str, int] = {route.name: i for i, route in enumerate(ROUTE_CLASSES)}

ALL_ROUTES = (1 << len(ROUTE_CLASSES)) - 1
"""Class mask that asks for every route."""

UNKNOWN_WORTH = 15
"""Hundredths of a move that each unknown cell in the window around unknown ground is worth."""

WAIT_TENTHS = 9
"""Tenths of a move that a tick of waiting beside an extractor costs."""

CROWD_COST = 4
"""Moves that an extractor counts as farther while another agent stands beside it."""

REPLAN_NEWS = 5
"""Ticks after which routes take in newly seen ground."""

REPLAN_ALWAYS = 12
"""Ticks after which targets are chosen anew in any case."""

MAX_STATIONS = 200
"""Stations remembered; more are taken for walls. Generated maps have at most 131."""

# Kinds of stations: extractors in the order of ELEMENTS, then the others.
KIND_CHARGER, KIND_ASSEMBLER, KIND_CHEST = 4, 5, 6
NO_KIND = 255

KIND_OF_TAG = (NO_KIND, KIND_ASSEMBLER, 0, KIND_CHARGER, KIND_CHEST, 2, 1, 3, NO_KIND)
"""Kind of each tag of the observation."""
TAG_AGENT = 0
TAG_WALL = 8

# Bit boards of one memory.
BOARD_KNOWN = 0
BOARD_OPEN = 1
"""Known cells without wall or station."""
BOARD_PLAN_KNOWN = 2
BOARD_PLAN_OPEN = 3
"""The same two as they were when routes last took in new ground."""
BOARD_KIND = 4
"""First of five boards: extractors of each element that have uses left, then chargers."""
NUM_BOARDS = 9
