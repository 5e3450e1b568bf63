"""How `play` shows CogsGuard: signs and colours, the team, the roster, the keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from rich.table import Table
from rich.text import Text

from coglab.games.cogsguard import rules
from coglab.games.cogsguard.state import OWNED, SOURCE_NEUTRAL
from coglab.tools.play_look import MOVES, NOTHING, Look

if TYPE_CHECKING:
    from coglab.games.cogsguard.sim import CogsGuardSim

_OWNER_STYLE = {rules.CLIPS: "dark_orange", rules.COGS: "deep_sky_blue1", SOURCE_NEUTRAL: "grey70"}
_ELEMENT_STYLE = {
    rules.OXYGEN: "bright_white",
    rules.CARBON: "grey58",
    rules.GERMANIUM: "spring_green4",
    rules.SILICON: "yellow1",
}
_VIBE_STYLE = (
    "white",
    "pink1",
    "grey70",
    "orange_red1",
    "deep_sky_blue1",
    "yellow1",
    "spring_green3",
)
_GEAR_SIGN = {rules.ALIGNER: "◆", rules.SCRAMBLER: "✖", rules.MINER: "■", rules.SCOUT: "▲"}
_THING_SIGN = {
    rules.HUB: "H",
    rules.CHEST: "♥",
    rules.ALIGNER_STATION: "◆",
    rules.SCRAMBLER_STATION: "✖",
    rules.MINER_STATION: "■",
    rules.SCOUT_STATION: "▲",
}


class CogsGuardLook(Look):
    """The signs of CogsGuard."""

    vibe_keys = "1 … 7"
    vibe_names = "default heart gear scrambler aligner miner scout"
    columns = ("gear", "vibe", "hp", "energy", "cargo", "hearts")

    def agent(self, sim: CogsGuardSim, agent: int) -> tuple[str, str]:
        """See `Look.agent`."""
        gear = _gear(sim, agent)
        sign = _GEAR_SIGN[gear] if gear is not None else "·"
        return sign, _VIBE_STYLE[int(sim.state.vibe[agent])]

    def thing(self, sim: CogsGuardSim, index: int) -> tuple[str, str]:
        """See `Look.thing`."""
        state = sim.state
        kind = int(sim.maps.compiled.objects[int(state.map_slot[0]), index]["kind"])
        value = int(state.object_value[0, index])
        element = int(rules.ELEMENT_OF_KIND[kind])
        if element >= 0:
            if value == 0 and not sim.rules.extractors_stay:
                return NOTHING
            level = " ▁▂▃▄▅▆▇█"[-(-value * 8 // rules.EXTRACTOR_START)]
            return rules.RESOURCES[element][0].upper() + level, _ELEMENT_STYLE[element]
        if kind == rules.JUNCTION:
            sign = {rules.CLIPS: "✸ ", rules.COGS: "⬢ "}.get(value, "○ ")
            return sign, _OWNER_STYLE.get(value, "grey70")
        return f"{_THING_SIGN.get(kind, '?')} ", "bold deep_sky_blue1"

    def team(self, sim: CogsGuardSim) -> Table:
        """See `Look.team`."""
        state = sim.state
        table = Table.grid(padding=(0, 1))
        stock = state.stock[0]
        text = Text()
        text.append(f"♥ {stock[rules.HEART]}  ", "pink1")
        for element, style in _ELEMENT_STYLE.items():
            text.append(f"{rules.RESOURCES[element]} {stock[element]}  ", style)
        table.add_row("stock", text)
        owned = state.junctions[0, :, OWNED]
        total = int(sim.maps.compiled.info[int(state.map_slot[0])]["junctions"])
        junctions = Text()
        junctions.append(f"cogs {owned[rules.COGS]}  ", "deep_sky_blue1")
        junctions.append(f"clips {owned[rules.CLIPS]}  ", "dark_orange")
        junctions.append(f"of {total}")
        table.add_row("junctions", junctions)
        table.add_row("reward", f"{float(np.mean(state.episode_return)):.4f} per agent")
        return table

    def row(self, sim: CogsGuardSim, agent: int) -> tuple[str | Text, ...]:
        """See `Look.row`."""
        held, vibe = sim.state.inventory[agent], int(sim.state.vibe[agent])
        gear = _gear(sim, agent)
        cargo = " ".join(
            f"{rules.RESOURCES[item][0].upper()}{held[item]}"
            for item in _ELEMENT_STYLE
            if held[item]
        )
        return (
            f"{_GEAR_SIGN[gear]} {rules.RESOURCES[gear]}" if gear is not None else "",
            Text(rules.VIBES[vibe], _VIBE_STYLE[vibe]),
            str(held[rules.HP]),
            str(held[rules.ENERGY]),
            cargo,
            str(held[rules.HEART] or ""),
        )

    def action_of_key(self, key: str) -> int | None:
        """See `Look.action_of_key`."""
        if key in MOVES:
            return MOVES[key]
        if key in "1234567" and len(key) == 1:
            return rules.FIRST_VIBE_ACTION + int(key) - 1
        return None


def _gear(sim: CogsGuardSim, agent: int) -> int | None:
    return next((gear for gear in _GEAR_SIGN if sim.state.inventory[agent, gear]), None)
