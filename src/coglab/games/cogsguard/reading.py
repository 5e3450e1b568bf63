"""How networks read CogsGuard."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coglab.games.cogsguard.interface import COGSGUARD
from coglab.games.cogsguard.memory_layout import ELEMENTS, ROUTE_CLASSES, SCALARS, VIBES
from coglab.games.reading import (
    AGENT,
    COGSGUARD_MODES,
    COUNTS,
    OBJECT,
    SIGNED_OFFSET,
    STEPS,
    CellFeature,
    Modes,
    Reading,
    Scalar,
    amount,
    feature_or_none,
)

if TYPE_CHECKING:
    from coglab.games.interface import GameInterface

ROLES = ("none", "scrambler", "aligner", "miner", "scout")
"""Roles that a vibe shows; `none` for the vibes that are no role."""

STOCK = (*range(1, 15), 17, 20, 25, 30, 40, 60, 100, 200, 500)
ENERGY = (*range(1, 22), 41, 61, 100)
HP = (*range(1, 102, 5), 126, 151, 201, 251, 301, 351, 400)
HEARTS = tuple(range(1, 11))
CARGO = (1, 2, 3, 4, 5, 8, 11, 16, 21, 26, 31, 36, 40)
INFLUENCE = (1, 5, 9, 10, 11, 15, 20)
SLACK = (-99, -49, -29, -19, -9, 0, *range(1, 31, 2), 36, 41, 51, 61, 76, 91, 151, 251)


def own_scalars(game: GameInterface) -> list[Scalar]:
    """List the numbers about the agent itself that an observation states.

    Args:
        game: the game; features that it lacks are read as 0.

    Returns:
        The scalars with their feature terms and buckets.
    """

    def offset(plus: str, minus: str) -> tuple[tuple[int, int], ...]:
        return ((feature_or_none(game, plus), 1), (feature_or_none(game, minus), -1))

    time = feature_or_none(game, "episode_completion_pct")
    last_action = feature_or_none(game, "last_action")
    vibe = feature_or_none(game, "vibe")
    scalars = [
        Scalar("time", ((time, 1),), tuple(range(8, 256, 8))),
        Scalar("last_action", ((last_action, 1),), tuple(range(1, max(2, game.num_actions)))),
        Scalar("column_from_spawn", offset("lp:east", "lp:west"), SIGNED_OFFSET),
        Scalar("row_from_spawn", offset("lp:south", "lp:north"), SIGNED_OFFSET),
        Scalar("vibe", ((vibe, 1),), tuple(range(1, 16))),
        Scalar("energy", amount(game, "inv:energy"), ENERGY),
        Scalar("hp", amount(game, "inv:hp"), HP),
        Scalar("hearts", amount(game, "inv:heart"), HEARTS),
        Scalar("influence", amount(game, "inv:influence"), INFLUENCE),
    ]
    scalars += [
        Scalar(f"stock_{element}", amount(game, f"inv:collective:{element}"), STOCK)
        for element in ELEMENTS
    ]
    total: tuple[tuple[int, int], ...] = ()
    for element in ELEMENTS:
        terms = amount(game, f"inv:{element}")
        total += terms
        scalars.append(Scalar(f"cargo_{element}", terms, CARGO))
    scalars.append(Scalar("cargo", total, CARGO))
    scalars += [Scalar(f"gear_{role}", amount(game, f"inv:{role}"), (1,)) for role in ROLES[1:]]
    return scalars


def cell_features(game: GameInterface) -> list[CellFeature]:
    """List how every feature of other cells is read."""
    silent = ("agent:group", "agent:frozen", "last_reward", "collective", "tag")
    rules: list[CellFeature] = []

    def add(owner: int, name: str, edges: tuple[int, ...], by_zone: bool) -> None:
        rules.append(CellFeature(owner, name, edges, by_zone))

    for feature in game.features:
        name = feature.name
        resource = name.removeprefix("inv:")
        if name in silent or name.endswith(":p1"):
            add(OBJECT, name, (), False)
            add(AGENT, name, (), False)
        elif name == "vibe":
            add(OBJECT, name, (), False)
            add(AGENT, name, tuple(range(1, 16)), True)
        elif resource in ELEMENTS:
            add(OBJECT, name, (1, 11, 41, 91), True)
            add(AGENT, name, (1, 5, 31), True)
        elif name == "inv:energy":
            add(AGENT, name, (1, 3, 10, 20), True)
        elif name == "inv:hp":
            add(AGENT, name, (1, 11, 31, 61), True)
        elif name == "inv:heart":
            add(AGENT, name, (1, 2, 4), True)
        elif name == "inv:influence":
            add(AGENT, name, (1,), True)
        elif resource in ROLES:
            add(AGENT, name, (1,), False)
    return rules


READING = Reading(
    kind_tags=tuple(tag for tag in COGSGUARD.tag_names if tag.startswith("type:")),
    owned_kinds=("type:junction",),
    wall_tag="type:wall",
    agent_tag="type:agent",
    own_scalars=own_scalars,
    cell_features=cell_features,
    modes=Modes(
        rule=COGSGUARD_MODES,
        size=len(ROLES) * 2 * 3,
        meaning="role x gear x load",
        features=(
            "vibe",
            *(f"inv:{role}" for role in ROLES[1:]),
            "inv:heart",
            *(f"inv:{element}" for element in ELEMENTS),
        ),
        role_of_vibe=tuple(ROLES.index(vibe) if vibe in ROLES else 0 for vibe in VIBES),
    ),
    facts=SCALARS,
    route_classes=ROUTE_CLASSES,
    numbers={
        "completion": tuple(range(8, 256, 8)),
        "age": STEPS,
        "energy": ENERGY,
        "hp": HP,
        "heart": HEARTS,
        "influence": INFLUENCE,
        "cargo": CARGO,
        "stock_low": STOCK,
        "row": SIGNED_OFFSET,
        "column": SIGNED_OFFSET,
        "ticks_home": STEPS,
        "slack": SLACK,
        "seat": tuple(range(8, 256, 8)),
        "steps_off_ground": STEPS,
        "steps_standing": STEPS,
        **{f"stock_{name}": STOCK for name in ELEMENTS},
        **{f"carried_{name}": CARGO for name in ELEMENTS},
    },
    default_edges=COUNTS,
    left_out=("cargo_room", "spawn_row", "spawn_column"),
    flag_groups=("low_", "can_pay_", "moved_", "agent_", "blocked_", "on_"),
)
"""Gear and cargo imply the room for more, the slot implies the start cell."""
