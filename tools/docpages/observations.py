"""docs/02-observations.md: the bytes that agents see, from the game's tables and from a game that is played here."""

from __future__ import annotations

import re

import numpy as np

from coglab.engine.tokens import BLANK
from coglab.engine.window import CENTRE, NUM_CELLS, POSITION, RADIUS, WINDOW
from coglab.games.cogsguard import observe
from coglab.games.cogsguard.config import CogsGuardConfig
from coglab.games.cogsguard.interface import COGSGUARD
from coglab.games.cogsguard.maps import MapTable
from coglab.games.cogsguard.rules import (
    ACTIONS,
    COLLECTIVES,
    KINDS,
    RESOURCES,
    RULES_VERSION,
    VIBES,
)
from coglab.games.cogsguard.sim import CogsGuardSim
from docpages.markdown import page, table

PATH = "docs/02-observations.md"

_MEANINGS = {
    "agent:group": "always 0; closes the tokens of every agent",
    "agent:frozen": "always 0; the last token of every agent",
    "episode_completion_pct": "256 t / max_steps rounded down, t ticks after the start; 255 at the end",
    "last_action": "index of the last action if it succeeded, else 0",
    "last_reward": "always 0: rewards are summed after observations are written",
    "vibe": "index of the vibe an agent shows; absent for vibe 0",
    "tag": "what the object is, see the table of tags",
    "collective": ", ".join(f"{i} {name}" for i, name in enumerate(COLLECTIVES))
    + ": who owns the object; absent if nobody",
    "lp:east": "columns to the east of the agent's first cell; absent if 0",
    "lp:west": "the same to the west",
    "lp:north": "rows to the north of the agent's first cell; absent if 0",
    "lp:south": "the same to the south",
}

_GRID = """
#######
#..J..#
#.@H1.#
#...@.#
#######
"""
_CELLS = {
    "#": "wall", ".": "empty", "J": "junction", "@": "agent.agent", "H": "hub", "1": "carbon_extractor",
}  # fmt: skip
_PLAYED = (("change_vibe_aligner", "move_north"), ("move_west", "move_south"))


def render() -> str:
    """The page."""
    features = table(
        ["id", "name", "divided by", "value"],
        [
            [f.id, f"`{f.name}`", f"{f.normalization:g}", _meaning(f.name)]
            for f in COGSGUARD.features
        ],
    )
    tags = table(["id", "tag"], [[i, f"`{name}`"] for i, name in enumerate(COGSGUARD.tag_names)])
    actions = table(["index", "action"], [[i, f"`{name}`"] for i, name in enumerate(ACTIONS)])
    vibes = ", ".join(f"{i} {name}" for i, name in enumerate(VIBES))
    return page(
        "# Observations of CogsGuard",
        f"Rules {RULES_VERSION}. An agent sees `[{observe.NUM_TOKENS}, 3]` bytes: tokens of (location, feature, "
        f"value). Tokens in use come first; the bytes of the rest are {BLANK}. What would be token "
        f"{observe.NUM_TOKENS + 1} and later is dropped.",
        "## Location",
        f"The window has {WINDOW} x {WINDOW} cells with the agent in the middle. `location = 16 * row + column`, "
        f"counted from the window's top left corner, so the agent's own cell is {CENTRE}. Nothing hides "
        f"what is in the window. Facts that belong to no cell also carry location {CENTRE}.",
        "## Order",
        _ORDER,
        "Cells are visited nearest first: by distance in moves, then from north to south, then left before right. "
        f"The {NUM_CELLS} cells in that order:",
        f"```\n{_visiting_order()}\n```",
        "## Features",
        "The third column is what networks divide by where they read a value as a number; the bytes themselves are "
        "raw. Amounts above 255 take two tokens: the remainder, then the multiple of 256 under the name with `:p1`.",
        features,
        "## Tags",
        tags,
        "`collective:cogs` is a fixed mark of agents, hub, chests and gear stations. A junction's owner shows in "
        "`collective` alone.",
        "## Actions and vibes",
        actions,
        f"Vibes: {vibes}.",
        "## Rules 2026-01-24",
        "Under `rules=2026-01-24` there are no `lp:` tokens and no stock (`inv:collective:`), and an empty extractor "
        "stays and shows its tag.",
        "## Example",
        *_example(),
    )


_ORDER = """
1. `episode_completion_pct`, `last_action`, `last_reward`, always.
2. At most one of `lp:east` and `lp:west`, then at most one of `lp:north` and `lp:south`.
3. The team's stock: oxygen, carbon, germanium, silicon. The stock of hearts is not shown.
4. The objects in the window. Each gives, in this order: its owner, its tags by rising id, its vibe, what it holds, and
   for agents `agent:group` and `agent:frozen`. What it holds is listed with the resource first that it acquired last
   (whose amount rose from 0 last). Extractors show what is left in them; nothing else but agents shows what it holds.
"""


def _meaning(name: str) -> str:
    """What a feature's value is."""
    amount = re.fullmatch(r"inv:(collective:)?([a-z]+)(:p1)?", name)
    if amount is None:
        return _MEANINGS[name]
    of, resource, high = amount.groups()
    owner = "in the team's stock" if of else "held by the object in this cell"
    if resource not in RESOURCES:
        raise ValueError(f"{name} is no resource")
    return f"{resource} {owner}, {'divided by 256; absent if 0' if high else 'modulo 256'}"


def _visiting_order() -> str:
    """The window with the place of each cell in the visiting order."""
    rows = [" ".join(f"{POSITION[row, col]:3d}" for col in range(WINDOW)) for row in range(WINDOW)]
    if POSITION[RADIUS, RADIUS] != 0:
        raise ValueError("the agent's own cell is the first")
    return "\n".join(rows)


def _example() -> list[str]:
    """Two ticks on a small map, played by the simulator."""
    config = CogsGuardConfig(
        num_agents=2, initial_stock={"carbon": 400, "oxygen": 400, "germanium": 400, "silicon": 400}
    )
    grid = np.array([[_CELLS[cell] for cell in line] for line in _GRID.split()])
    sim = CogsGuardSim(config, 1, MapTable.from_grids([grid]))
    for actions in _PLAYED:
        sim.actions[:] = [ACTIONS.index(action) for action in actions]
        sim.step()
    tokens = [token for token in sim.tokens[0].tolist() if token != [BLANK] * 3]
    rows = [[*token, _words(*token)] for token in tokens]
    told = "; ".join(
        f"tick {i}: agent 0 `{a}`, agent 1 `{b}`" for i, (a, b) in enumerate(_PLAYED, 1)
    )
    return [
        f"`max_steps` {sim.max_steps}, a stock of 400 of each element, agent 0 is the left `@`, `H` is the hub, `J` a "
        "junction, `1` a carbon extractor:",
        f"```{_GRID}```",
        f"Played: {told}. Agent 1's first move takes a unit of carbon from the extractor above it, its second is into "
        f"the wall and fails. Agent 0 then sees {len(tokens)} tokens:",
        table(["location", "feature", "value", "read"], rows),
    ]


def _words(location: int, feature: int, value: int) -> str:
    """A token in words."""
    name = next(f.name for f in COGSGUARD.features if f.id == feature)
    text = f"`{name}`"
    if name == "tag":
        text += f" `{COGSGUARD.tag_names[value]}`"
    elif name == "last_action":
        text += f" `{ACTIONS[value]}`"
    elif name == "vibe":
        text += f" {VIBES[value]}"
    elif name == "collective":
        text += f" {COLLECTIVES[value]}"
    row, col = (location >> 4) - RADIUS, (location & 15) - RADIUS
    where = [f"{abs(row)} {'north' if row < 0 else 'south'}"] if row else []
    where += [f"{abs(col)} {'west' if col < 0 else 'east'}"] if col else []
    return f"{text}, {' '.join(where)}" if where else text


if tuple(f"type:{name.split('.')[0]}" for name in KINDS[1:]) != COGSGUARD.tag_names[1:]:
    raise ValueError("the network's table of tags is not the game's")
