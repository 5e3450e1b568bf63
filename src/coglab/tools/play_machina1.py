"""How `play` shows machina_1: signs and colours, chests and the assembler's price, the roster, the keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from rich.table import Table
from rich.text import Text

from coglab.games.machina1 import rules
from coglab.games.machina1.names import RESOURCES, VIBES
from coglab.tools.play_look import MOVES, Look

if TYPE_CHECKING:
    from coglab.games.machina1.sim import Machina1Sim

_ELEMENT_STYLE = {
    rules.CARBON: "grey58",
    rules.OXYGEN: "bright_white",
    rules.GERMANIUM: "spring_green4",
    rules.SILICON: "yellow1",
}
_ELEMENT_OF_KIND = {kind: item for item, kind in rules.EXTRACTOR_OF_ELEMENT.items()}
_VIBE_OF_KEY = {
    "1": "default",
    "2": "heart_a",
    "3": "heart_b",
    "4": "gear",
    "5": "charger",
    **{str(6 + i): f"{RESOURCES[item]}_a" for i, item in enumerate(rules.ELEMENTS)},
    **{key: f"{RESOURCES[item]}_b" for key, item in zip("zxcv", rules.ELEMENTS, strict=True)},
}
_LEVELS = " ▁▂▃▄▅▆▇█"


class Machina1Look(Look):
    """The signs of machina_1."""

    vibe_keys = "1 … 9, z x c v"
    vibe_names = "default heart_a heart_b gear charger, take c o g s; put c o g s"
    columns = ("vibe", "energy", "cargo", "gear", "hearts")

    def agent(self, sim: Machina1Sim, agent: int) -> tuple[str, str]:
        """See `Look.agent`."""
        sign = "♥" if sim.state.inventory[agent, rules.HEART] else "·"
        return sign, _vibe_style(int(sim.state.vibe[agent]))

    def thing(self, sim: Machina1Sim, index: int) -> tuple[str, str]:
        """See `Look.thing`."""
        state = sim.state
        kind = int(sim.maps.compiled.objects[int(state.map_slot[0]), index]["kind"])
        rests = int(state.ready_at[0, index]) > int(state.tick[0])
        if kind in _ELEMENT_OF_KIND:
            item = _ELEMENT_OF_KIND[kind]
            most = int(rules.MAX_USES[kind])
            left = most - int(state.uses[0, index])
            if left <= 0:
                return "x ", "grey30"
            sign = RESOURCES[item][0].upper() + _LEVELS[-(-left * 8 // most)]
            return sign, _ELEMENT_STYLE[item] + (" strike" if rests else "")
        if kind == rules.CHARGER:
            return "E ", "yellow1" + (" strike" if rests else "")
        return ("♥ " if kind == rules.CHEST else "A "), "bold deep_sky_blue1"

    def team(self, sim: Machina1Sim) -> Table:
        """See `Look.team`."""
        state, slot = sim.state, int(sim.state.map_slot[0])
        table = Table.grid(padding=(0, 1))
        made = int(state.games["created"][0, rules.HEART])
        delivered = int(state.agents["deposited"][:, rules.HEART].sum())
        table.add_row("hearts", Text(f"{made} made, {delivered} delivered", "pink1"))
        held = state.chest_stock[0].sum(axis=0)
        stock = "  ".join(f"{RESOURCES[item]} {held[item]}" for item in np.flatnonzero(held))
        table.add_row("chests", stock or "empty")
        table.add_row("a heart", _price_of_heart(sim, slot))
        table.add_row("reward", f"{float(np.mean(state.episode_return)):.4f} per agent")
        return table

    def row(self, sim: Machina1Sim, agent: int) -> tuple[str | Text, ...]:
        """See `Look.row`."""
        held, vibe = sim.state.inventory[agent], int(sim.state.vibe[agent])
        cargo = " ".join(
            f"{RESOURCES[item][0].upper()}{held[item]}" for item in rules.ELEMENTS if held[item]
        )
        gear = " ".join(
            RESOURCES[item] for item in range(rules.FIRST_GEAR, rules.NUM_RESOURCES) if held[item]
        )
        return (
            Text(VIBES[vibe], _vibe_style(vibe)),
            str(held[rules.ENERGY]),
            cargo,
            gear,
            str(held[rules.HEART] or ""),
        )

    def action_of_key(self, key: str) -> int | None:
        """See `Look.action_of_key`."""
        if key in MOVES:
            return MOVES[key]
        if key in _VIBE_OF_KEY:
            return rules.FIRST_VIBE_ACTION + VIBES.index(_VIBE_OF_KEY[key])
        return None


def _vibe_style(vibe: int) -> str:
    stem = VIBES[vibe].removesuffix("_a").removesuffix("_b")
    styles = {RESOURCES[item]: style for item, style in _ELEMENT_STYLE.items()}
    return {"heart": "pink1", "charger": "yellow1", "gear": "grey70", **styles}.get(stem, "white")


def _price_of_heart(sim: Machina1Sim, slot: int) -> str:
    """Say what the assembler would take for hearts, given the agents beside it that show `heart_a`."""
    state, info = sim.state, sim.maps.compiled.info[slot]
    if info["assembler"] < 0:
        return "there is no assembler"
    place = sim.maps.compiled.objects[slot, int(info["assembler"])]
    beside = np.abs(state.row - place["row"]) <= 1
    beside &= np.abs(state.col - place["col"]) <= 1
    ready = int((beside & (state.vibe == rules.VIBE_HEART_A)).sum())
    together = min(max(ready, 1), rules.MOST_TOGETHER)
    recipe = rules.RECIPES[rules.FIRST_HEART_RECIPE + together - 1]
    price = ", ".join(f"{amount} {RESOURCES[item]}" for item, amount in recipe.price.items())
    who = "nobody beside the assembler shows heart_a" if ready == 0 else f"{ready} beside it"
    return f"{recipe.amount} for {price} ({who})"
