"""What the map memory holds: names, codes, sizes and the documented read-out, without any kernel.

`SCALARS` and `ROUTE_CLASSES` are what networks, teachers and the docs read; their order is the order of the arrays
`MapMemory.scalars`, `MapMemory.route_dist` and `MapMemory.route_move`. Everything in them is a fact that one agent
can derive from its own observations of the running episode (and from the constants of the game).

Not in here: how the facts are computed (`memory_kernels.py`, `routes.py`).
"""

from __future__ import annotations

from typing import Literal, NamedTuple

ROWS = 104
"""Rows of the hub-centred grid; rows 0 and 103 stay empty, so that kernels may look one row up and down."""

CENTRE_ROW = 52
"""Grid row of the frame's origin (the hub, or the spawn cell while no hub was seen)."""

CENTRE_COLUMN = 32
"""Bit of the origin's column in the 128-bit row. Columns wrap: a 60-cell wide map lies in the first word alone."""

MAX_COLUMN_OFFSET = 57
"""Cells farther east or west of the origin than this are not remembered."""

ELEMENTS = ("oxygen", "carbon", "germanium", "silicon")
"""The four elements in the order of the rules."""

GEARS = ("aligner", "scrambler", "miner", "scout")
"""The four pieces of gear in the order of the rules."""

VIBES = ("default", "heart", "gear", "scrambler", "aligner", "miner", "scout")
"""The vibes in the order of the rules."""

DIRECTIONS = ("north", "south", "west", "east")
"""Bit 0 to 3 of every move mask; action index minus one."""


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
    Scalar("age", 0, 255, "observations since the episode began, capped"),
    Scalar(
        "last_action", 0, 11, "action index of the last tick if it succeeded, else 0", "category"
    ),
    Scalar("energy", 0, 255, "own energy"),
    Scalar("hp", 0, 400, "own hp"),
    Scalar("heart", 0, 10, "hearts carried"),
    Scalar("influence", 0, 20, "own influence"),
    *(Scalar(f"carried_{name}", 0, 40, f"{name} carried") for name in ELEMENTS),
    Scalar("cargo", 0, 40, "elements carried, all together"),
    Scalar("cargo_room", 0, 40, "elements that still fit"),
    *(_flag(f"gear_{name}", f"holds the {name} gear") for name in GEARS),
    *(_flag(f"vibe_{name}", f"shows the vibe {name}") for name in VIBES),
    *(Scalar(f"stock_{name}", 0, 10000, f"{name} in the team's stock") for name in ELEMENTS),
    Scalar("stock_low", 0, 2500, "the smallest of the four stocks"),
    *(_flag(f"low_{name}", f"{name} is within 10 of the smallest stock") for name in ELEMENTS),
    *(_flag(f"can_pay_{name}", f"the stock covers the price of {name} gear") for name in GEARS),
    _flag("can_pay_heart", "the stock covers a heart (10 of each element)"),
    Scalar("row", -51, 51, "own row minus the hub's (the spawn's while no hub was seen)"),
    Scalar("column", -57, 57, "own column minus the hub's (the spawn's while no hub was seen)"),
    Scalar("spawn_row", -51, 51, "start row minus the hub's"),
    Scalar("spawn_column", -57, 57, "start column minus the hub's"),
    Scalar(
        "slot",
        0,
        20,
        "which of the 20 start pads of the hub compound; 20 for any other cell",
        "category",
    ),
    Scalar(
        "seat",
        0,
        255,
        "share of the team that seems to have started farther west, from the first observation",
    ),
    _flag("hub_seen", "the hub was seen, so rows and columns are relative to it"),
    _flag(
        "on_ground_map",
        "own ground by the map: within 10 of the hub or of a junction remembered as ours",
    ),
    _flag("on_ground_felt", "own ground by the body: hp did not fall in the last tick"),
    _flag("on_enemy_map", "within 10 of a junction remembered as the clips'"),
    Scalar("steps_off_ground", 0, 255, "steps since hp last did not fall, capped"),
    Scalar(
        "drain",
        0,
        20,
        "hp lost in the last tick: 1 off own ground, more on enemy ground, 0 on own ground",
    ),
    Scalar("steps_standing", 0, 255, "steps since the own cell last changed, capped"),
    *(_flag(f"moved_{name}", f"the last tick moved the agent {name}") for name in DIRECTIONS),
    *(
        _flag(f"agent_{name}", f"another agent stands in the cell to the {name}")
        for name in DIRECTIONS
    ),
    *(
        _flag(f"blocked_{name}", f"a wall or an object is in the cell to the {name}")
        for name in DIRECTIONS
    ),
    *(
        Scalar(f"seen_{name}", 0, 20, f"other agents in the window that show the vibe {name}")
        for name in VIBES
    ),
    Scalar("known_neutral", 0, 200, "junctions remembered as neutral"),
    Scalar("known_cogs", 0, 200, "junctions remembered as ours"),
    Scalar("known_clips", 0, 200, "junctions remembered as the clips'"),
    Scalar(
        "ticks_home",
        0,
        255,
        "ticks to own ground along the route, waiting for energy included; 255 if none",
    ),
    Scalar(
        "slack", -255, 400, "hp left on arrival at own ground: hp minus the losses of `ticks_home`"
    ),
)
"""The parsed facts, in the order of `MapMemory.scalars`."""

SCALAR_INDEX: dict[str, int] = {scalar.name: i for i, scalar in enumerate(SCALARS)}


class RouteClass(NamedTuple):
    """One class of targets that routes lead to."""

    name: str
    meaning: str


ROUTE_CLASSES: tuple[RouteClass, ...] = (
    *(RouteClass(name, f"{name} extractor") for name in ELEMENTS),
    RouteClass("chest", "chest"),
    RouteClass("deposit", "the hub or a junction of ours: takes elements"),
    RouteClass("hub", "the hub"),
    RouteClass(
        "own_ground",
        "free cell within 10 of the hub or of a junction of ours; distance 0 when on one",
    ),
    RouteClass("safe_ground", "such a cell outside enemy ground, where influence regrows"),
    RouteClass(
        "align",
        "neutral junction outside known enemy ground and within an aligner's reach of own ground",
    ),
    RouteClass("align_home", "such a junction on own ground, where influence regrows on the way"),
    RouteClass("neutral", "any neutral junction"),
    RouteClass("clips", "junction of the clips"),
    RouteClass("revisit", "junction of ours that was not seen for 64 to 128 steps or longer"),
    RouteClass("patrol", "as `revisit`, neutral junctions within an aligner's reach included"),
    *(RouteClass(f"{name}_station", f"station that hands out {name} gear") for name in GEARS),
    RouteClass("frontier", "unknown cell next to known free ground"),
    RouteClass("near_frontier", "such a cell on own ground or at most 3 cells off it"),
    RouteClass(
        "mine",
        "the extractor that is nearest when an element of which the stock has plenty counts as farther",
    ),
)
"""The target classes, in the order of the columns of `MapMemory.route_dist` and `.route_move`."""

ROUTE_INDEX: dict[str, int] = {route.name: i for i, route in enumerate(ROUTE_CLASSES)}

ALL_ROUTES = (1 << len(ROUTE_CLASSES)) - 1
"""Class mask that asks for every route."""

CLAIMABLE = ("align", "align_home", "clips")
"""Classes of which the cell of the nearest target is kept, so that a team can share its targets out."""

NO_ROUTE = 255
"""Distance of a class without a known, reachable target."""

MAX_DEPTH = 120
"""Longest route, in moves. Farther targets count as unreachable."""

TERRITORY = 10
"""Chebyshev radius of the ground around the hub and around junctions (rules, section 2)."""

ALIGN_REACH = 8
"""Cells off own ground at which a neutral junction still counts as `align`: influence lasts 20 ticks off own ground,
and 20 energy buy 9 moves at once and one every third tick after them, 12 in all; the rest is for detours."""

NEAR_GROUND = 3
"""Cells off own ground up to which unknown ground counts as `near_frontier`: seen without leaving own ground."""

SURPLUS_COST = 0.5
"""Steps that an extractor counts as farther in `mine`, per unit that its element's stock exceeds the scarcest one."""

LARGEST_SURPLUS = 100
"""Surplus above which an extractor does not count as still farther."""

SEARCH_COST = 20
"""Steps that unknown ground counts as farther in `mine`, where no extractor of the scarcest element is known."""

TEAM_SEATS = 9
"""Neighbours from west to east have different own elements in a team of this many agents plus one."""

PERSONAL_STEPS = 0
"""Steps that an agent's own element (by its seat) counts as nearer in `mine` in the first `PERSONAL_AGE` ticks."""

PERSONAL_AGE = 40

REVISIT_PERIOD = 64
"""Steps between two agings of the boards that remember which junctions were seen lately."""

PATIENCE = 2
"""Ticks that an agent stands still before routes lead around the agents next to it."""

# Codes of remembered objects. 1..4 are the extractors in the order of ELEMENTS, 10..13 the stations as in GEARS.
CODE_NONE = 0
CODE_CHEST = 5
CODE_HUB = 6
CODE_NEUTRAL = 7
CODE_COGS = 8
CODE_CLIPS = 9
CODE_STATION = 10
CODE_UNKNOWN = 14
NUM_CODES = 15

CODE_OF_TAG = (0, 0, 10, 2, CODE_CHEST, 3, CODE_HUB, CODE_NEUTRAL, 12, 1, 13, 11, 4, 0)
"""Object code of each type tag (observation.md, section 5); junctions are told apart by their owner."""

TAG_AGENT = 1
TAG_WALL = 13

# Bit boards of one memory.
BOARD_KNOWN = 0
BOARD_BLOCKED = 1
BOARD_OBJECT = 2
BOARD_COGS = 3
BOARD_CLIPS = 4
BOARD_NEUTRAL = 5
BOARD_FRIENDLY = 6
BOARD_ENEMY = 7
BOARD_REACH = 8
BOARD_SEEN_NEW = 9
BOARD_SEEN_OLD = 10
BOARD_NEAR = 11
BOARD_HURT_NEW = 12
BOARD_HURT_OLD = 13
BOARD_ELEMENT = 14
"""First of four boards with the extractors of each element; these and the next follow from the object codes."""
BOARD_PLACE = 18
"""The hub, chests, stations and objects of unknown kind."""
NUM_BOARDS = 19
NUM_SAVED_BOARDS = 14
"""Boards that do not follow from others."""

PADS: tuple[tuple[int, int], ...] = (
    (-2, 0), (0, 2), (2, 0), (0, -2), (0, 3), (0, -3), (3, 3), (-3, 3), (3, -3), (-3, -3),
    (0, 4), (0, -4), (4, 0), (-4, 0), (4, 4), (-4, 4), (4, -4), (-4, -4), (0, 5), (0, -5),
)  # fmt: skip
"""Start pads of the hub compound as (row, column) from the hub, in the order in which the map maker places them."""


class Layout(NamedTuple):
    """What surrounds a hub on generated maps: constant, so known as soon as the hub is recognised.

    Rows and columns are offsets from the hub in -radius..radius.
    """

    radius: int
    walls: tuple[tuple[int, int], ...]
    objects: tuple[tuple[int, int, int], ...]
    """(row, column, code)"""


def hub_layout(size: int, margin: int) -> Layout:
    """The compound of a hub of `size` cells with `margin` cleared cells around it (rules, section 9.5)."""
    half = size // 2
    walls = []
    for i in range(-half, half + 1):
        if abs(i) > 2:
            walls += [(-half, i), (half, i)]
            if abs(i) < half:
                walls += [(i, -half), (i, half)]
    corner = half - 2
    objects = (
        (0, 0, CODE_HUB),
        (-3, 0, CODE_NEUTRAL),
        (3, 0, CODE_CHEST),
        (5, 4, CODE_CHEST),
        *((5, -4 + 2 * i, CODE_STATION + i) for i in range(4)),
        (-corner, -corner, 2),
        (-corner, corner, 1),
        (corner, -corner, 3),
        (corner, corner, 4),
    )
    return Layout(half + margin, tuple(walls), objects)


LAYOUTS = (hub_layout(21, 3), hub_layout(15, 2))
"""The compound of the large missions and that of the tutorial."""
