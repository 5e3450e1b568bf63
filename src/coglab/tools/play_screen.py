"""What `play` shows: the map around one agent, the team, and the keys, as one rich renderable."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from coglab.games.cogsguard import rules
from coglab.games.cogsguard.maps import PAD
from coglab.games.cogsguard.state import OWNED, SOURCE_NEUTRAL

if TYPE_CHECKING:
    from coglab.games.cogsguard.sim import CogsGuardSim

RADIUS = 5
KEYS = (
    ("arrows, w a s d", "move, use"),
    ("space", "wait one tick"),
    ("1 … 7", "vibe: default heart gear scrambler aligner miner scout"),
    ("t", "do what the policy would do"),
    ("r", "let the policy drive, or take over again"),
    ("[ ]", "look at another agent"),
    ("q", "quit"),
)
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
_MOST_LINES = 10
_SIDE_COLUMNS = 82
"""Columns that everything beside the map takes."""
_LEAST = 11
_LINES_BELOW = 13
_SHORT_KEYS = "arrows move · space waits · 1-7 vibe · t the policy's move · r policy drives · [ ] look · q quit"


@dataclass
class Screen:
    """What is shown at a moment.

    Attributes:
        sim: the game.
        looked_at: agent in the middle of the map.
        driven: agent that the person drives, None for nobody.
        is_auto: whether the policy drives it at the moment.
        advice: action that its policy would take, None if nobody is waited for.
        teacher: the teacher's label, None for none.
        message: the last line.
        height: lines of the map.
        width: cells of the map.
        is_narrow: whether the rest stands below the map instead of beside it.
    """

    sim: CogsGuardSim
    looked_at: int
    driven: int | None = None
    is_auto: bool = False
    advice: int | None = None
    teacher: int | None = None
    message: str = ""
    height: int = 21
    width: int = 31
    is_narrow: bool = False

    @classmethod
    def fitting(cls, columns: int, lines: int) -> dict[str, int | bool]:
        """Say how large a map fits a terminal.

        Args:
            columns: width of the terminal.
            lines: its height.

        Returns:
            Values for `width`, `height` and `is_narrow`.
        """
        is_narrow = columns < _SIDE_COLUMNS + 2 * _LEAST
        free = columns - 4 if is_narrow else columns - _SIDE_COLUMNS
        below = _LINES_BELOW if is_narrow else 4
        width = max(_LEAST, min(61, free // 2))
        height = max(_LEAST, min(45, lines - below))
        return {"width": width - 1 | 1, "height": height - 1 | 1, "is_narrow": is_narrow}

    def render(self) -> RenderableType:
        """Make the whole screen."""
        if self.is_narrow:
            map_ = Panel.fit(self.map_text(), title=self._title(), padding=0)
            return Group(
                map_, self._team(), self._roster(3), Text(_SHORT_KEYS), Text(self.message, "bold")
            )
        grid = Table.grid(padding=(0, 1))
        grid.add_row(Panel(self.map_text(), title=self._title(), padding=0), self._side())
        return Group(grid, Text(self.message, style="bold"))

    def _title(self) -> str:
        tick = int(self.sim.state.tick[0])
        return f"tick {tick} / {self.sim.max_steps}"

    def map_text(self) -> Text:
        """Draw the cells around the agent; what it sees is bright, the rest dim."""
        state, sim = self.sim.state, self.sim
        compiled, slot = sim.maps.compiled, int(state.map_slot[0])
        info = compiled.info[slot]
        top = int(state.row[self.looked_at]) - self.height // 2
        left = int(state.col[self.looked_at]) - self.width // 2
        agents = {
            (int(row), int(col)): agent
            for agent, (row, col) in enumerate(zip(state.row, state.col, strict=True))
        }
        things = {
            (int(thing["row"]), int(thing["col"])): index
            for index, thing in enumerate(compiled.objects[slot, : int(info["objects"])])
        }
        text = Text(no_wrap=True, overflow="crop")
        for row in range(top, top + self.height):
            for col in range(left, left + self.width):
                inside = 0 <= row < info["height"] and 0 <= col < info["width"]
                sign, style = ("  ", "") if not inside else self._cell(row, col, agents, things)
                far = max(
                    abs(row - int(state.row[self.looked_at])),
                    abs(col - int(state.col[self.looked_at])),
                )
                text.append(sign, style if far <= RADIUS else f"dim {style}")
            text.append("\n")
        return text[:-1]

    def _cell(
        self,
        row: int,
        col: int,
        agents: dict[tuple[int, int], int],
        things: dict[tuple[int, int], int],
    ) -> tuple[str, str]:
        """Return two characters and their style."""
        state, compiled = self.sim.state, self.sim.maps.compiled
        slot = int(state.map_slot[0])
        if (row, col) in agents:
            agent = agents[row, col]
            gear = next((g for g in _GEAR_SIGN if state.inventory[agent, g]), None)
            style = _VIBE_STYLE[int(state.vibe[agent])]
            mark = f"{agent:x}"[-1] + (_GEAR_SIGN[gear] if gear is not None else "·")
            return mark, f"bold {style}" + (" reverse" if agent == self.looked_at else "")
        if (row, col) in things:
            return self._thing(things[row, col])
        word = int(compiled.wall_bits[slot, row + PAD, (col + PAD) >> 6])
        if word >> ((col + PAD) & 63) & 1:
            return "██", "grey30"
        return " ·", "grey23"

    def _thing(self, index: int) -> tuple[str, str]:
        state = self.sim.state
        kind = int(self.sim.maps.compiled.objects[int(state.map_slot[0]), index]["kind"])
        value = int(state.object_value[0, index])
        element = int(rules.ELEMENT_OF_KIND[kind])
        if element >= 0:
            if value == 0 and not self.sim.rules.extractors_stay:
                return " ·", "grey23"
            level = " ▁▂▃▄▅▆▇█"[-(-value * 8 // rules.EXTRACTOR_START)]
            return rules.RESOURCES[element][0].upper() + level, _ELEMENT_STYLE[element]
        if kind == rules.JUNCTION:
            sign = {rules.CLIPS: "✸ ", rules.COGS: "⬢ "}.get(value, "○ ")
            return sign, _OWNER_STYLE.get(value, "grey70")
        return f"{_THING_SIGN.get(kind, '?')} ", "bold deep_sky_blue1"

    def _side(self) -> RenderableType:
        return Group(self._team(), self._roster(_MOST_LINES), self._keys())

    def _team(self) -> Table:
        state = self.sim.state
        table = Table.grid(padding=(0, 1))
        stock = state.stock[0]
        text = Text()
        text.append(f"♥ {stock[rules.HEART]}  ", "pink1")
        for element, style in _ELEMENT_STYLE.items():
            text.append(f"{rules.RESOURCES[element]} {stock[element]}  ", style)
        table.add_row("stock", text)
        owned = state.junctions[0, :, OWNED]
        total = int(self.sim.maps.compiled.info[int(state.map_slot[0])]["junctions"])
        junctions = Text()
        junctions.append(f"cogs {owned[rules.COGS]}  ", "deep_sky_blue1")
        junctions.append(f"clips {owned[rules.CLIPS]}  ", "dark_orange")
        junctions.append(f"of {total}")
        table.add_row("junctions", junctions)
        table.add_row("reward", f"{float(np.mean(state.episode_return)):.4f} per agent")
        return table

    def _roster(self, most: int) -> Table:
        state = self.sim.state
        table = Table(box=None, padding=(0, 1, 0, 0))
        for name in ("agent", "gear", "vibe", "hp", "energy", "cargo", "hearts"):
            table.add_column(name, no_wrap=True)
        first = max(0, min(self.looked_at - most // 2, self.sim.num_agents - most))
        for agent in range(first, min(first + most, self.sim.num_agents)):
            held = state.inventory[agent]
            gear = next((g for g in _GEAR_SIGN if held[g]), None)
            cargo = " ".join(
                f"{rules.RESOURCES[item][0].upper()}{held[item]}"
                for item in _ELEMENT_STYLE
                if held[item]
            )
            vibe = int(state.vibe[agent])
            you = " you" if agent == self.driven else ""
            table.add_row(
                f"{agent}{you}",
                f"{_GEAR_SIGN[gear]} {rules.RESOURCES[gear]}" if gear is not None else "",
                Text(rules.VIBES[vibe], _VIBE_STYLE[vibe]),
                str(held[rules.HP]),
                str(held[rules.ENERGY]),
                cargo,
                str(held[rules.HEART] or ""),
                style="reverse" if agent == self.looked_at else "",
            )
        return table

    def _keys(self) -> Table:
        table = Table.grid(padding=(0, 2))
        names = self.sim.action_names
        if self.advice is not None:
            table.add_row("the policy would", names[self.advice])
        if self.teacher is not None:
            table.add_row(
                "the teacher would", names[self.teacher] if self.teacher >= 0 else "abstain"
            )
        if self.driven is None:
            table.add_row("[ ]", "look at another agent")
            table.add_row("q", "quit")
            return table
        if self.is_auto:
            table.add_row("r", "take over again")
            table.add_row("q", "quit")
            return table
        for key, meaning in KEYS:
            table.add_row(Text(key, "bold"), meaning)
        return table


def action_of_key(key: str) -> int | None:
    """Return the action that a key stands for, None for other keys."""
    moves = {
        "up": 1,
        "w": 1,
        "down": 2,
        "s": 2,
        "left": 3,
        "a": 3,
        "right": 4,
        "d": 4,
        " ": 0,
        ".": 0,
    }
    if key in moves:
        return moves[key]
    if key in "1234567" and len(key) == 1:
        return rules.FIRST_VIBE_ACTION + int(key) - 1
    return None
