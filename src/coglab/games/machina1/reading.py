"""How networks read machina_1."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coglab.games.machina1.memory_layout import ELEMENTS, ROUTE_CLASSES, SCALARS
from coglab.games.machina1.names import TAGS, USED_VIBES
from coglab.games.reading import (
    AGENT,
    COUNTS,
    MACHINA1_MODES,
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

ENERGY = (*range(1, 32), 36, 41, 46, 50, 55, 60, 65, 70, 75, 80, 85, 90, 96, 100)
CARGO = (*range(1, 41), 45, 50, 55, 60, 65, 70, 75, 80, 85, 90, 95, 100)
STOCK = (1, 10, 25, 50, 100, 200)
COSTS = (*range(1, 41), *range(42, 72, 2), *range(75, 125, 5), 140, 170, 250, 999)
"""Costs are compared with each other: fine where it matters."""
TICKS_LEFT = (1, 25, 50, 75, 100, 150, 200, 300, 400, 500, 600, 700, 1000)
"""Everything above 1,000 is one bucket: how long an episode lasts must not matter, so that short ones can teach."""
WAITS = (*range(1, 21), 25, 30, 40, 50, 60, 80, 100, 120, 150, 200)
RING_SUM = (1, 5, 7, 10, 14, 15, 19, 20, 25, 30, 38, 45, 60, 75, 100)


def own_scalars(game: GameInterface) -> list[Scalar]:
    """List the numbers about the agent itself that an observation states; see `cogsguard.own_scalars`."""
    time = feature_or_none(game, "episode_completion_pct")
    last_action = feature_or_none(game, "last_action")
    vibe = feature_or_none(game, "vibe")
    scalars = [
        Scalar("time", ((time, 1),), tuple(range(8, 256, 8))),
        Scalar("last_action", ((last_action, 1),), tuple(range(1, 5 + USED_VIBES))),
        Scalar("vibe", ((vibe, 1),), tuple(range(1, USED_VIBES))),
        Scalar("energy", amount(game, "inv:energy"), ENERGY),
        Scalar("heart", amount(game, "inv:heart"), (1,)),
    ]
    total: tuple[tuple[int, int], ...] = ()
    for element in ELEMENTS:
        terms = amount(game, f"inv:{element}")
        total += terms
        scalars.append(Scalar(f"cargo_{element}", terms, CARGO))
    return [*scalars, Scalar("cargo", total, CARGO)]


def cell_features(game: GameInterface) -> list[CellFeature]:
    """List how every feature of other cells is read."""
    rules: list[CellFeature] = []

    def add(name: str, of_object: tuple[int, ...], of_agent: tuple[int, ...]) -> None:
        rules.append(CellFeature(OBJECT, name, of_object, True))
        rules.append(CellFeature(AGENT, name, of_agent, True))

    for feature in game.features:
        name = feature.name
        resource = name.removeprefix("inv:")
        if name == "vibe":
            add(name, (), tuple(range(1, USED_VIBES + 1)))
        elif name == "remaining_uses":
            add(name, (1, 2, 4, 6, 11), ())
        elif name == "cooldown_remaining":
            add(name, (1, 11, 51, 101), ())
        elif name == "protocol_output:heart":
            add(name, (1, 2, 3, 4), ())
        elif resource in ELEMENTS:
            add(name, STOCK, (1, 10, 20, 40))
        elif name == "inv:energy":
            add(name, (), (2, 20, 50))
        elif name == "inv:heart":
            add(name, STOCK, (1,))
        else:  # prices, gear without use, and what tags and the compass say otherwise
            add(name, (), ())
    return rules


READING = Reading(
    kind_tags=TAGS,
    owned_kinds=(),
    wall_tag="wall",
    agent_tag="agent",
    own_scalars=own_scalars,
    cell_features=cell_features,
    modes=Modes(
        rule=MACHINA1_MODES,
        size=32 * 4,
        meaning="heart held or elements missing for one heart, then for two shares of four x energy",
        features=("inv:heart", "inv:energy", *(f"inv:{element}" for element in ELEMENTS)),
    ),
    facts=SCALARS,
    route_classes=ROUTE_CLASSES,
    numbers={
        "ticks_left": TICKS_LEFT,
        "energy": ENERGY,
        "cargo": CARGO,
        "row": SIGNED_OFFSET,
        "column": SIGNED_OFFSET,
        "steps_standing": STEPS,
        "since_heart": (*STEPS, 400, 600, 900),
        "ring_waiting": (*STEPS, 400, 600, 900),
        "steps_silicon": COSTS[:-2],
        **{f"carried_{name}": CARGO for name in ELEMENTS},
        **{f"ring_{name}": RING_SUM for name in ELEMENTS},
        **{f"cost_{name}": COSTS for name in (*ELEMENTS, "charger")},
        "cost_explore": (*range(-19, 1), *COSTS),
        **{f"wait_{name}": WAITS for name in ("oxygen", "germanium")},
    },
    default_edges=COUNTS,
    left_out=("completion", "age", "spawn_row", "spawn_column"),
    flag_groups=("vibe_", "moved_", "agent_", "blocked_"),
)
