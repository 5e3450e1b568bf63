"""What `play` shows: the map around one agent, the team, and the keys, as one rich renderable.

Signs and words of a game are in its `Look`: `play_cogsguard.py`, `play_machina1.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from coglab.engine.maps import PAD
from coglab.tools.play_cogsguard import CogsGuardLook
from coglab.tools.play_look import NOTHING, Look
from coglab.tools.play_machina1 import Machina1Look

if TYPE_CHECKING:
    from coglab.engine.kernel_sim import KernelSim

LOOKS: dict[str, Look] = {"cogsguard": CogsGuardLook(), "machina1": Machina1Look()}
"""By `kind` of a game's settings."""

RADIUS = 5
_MOST_LINES = 10
_SIDE_COLUMNS = 82
"""Columns that everything beside the map takes."""
_LEAST = 11
_LINES_BELOW = 13
_SHORT_KEYS = "arrows move · space waits · numbers vibe · t the policy's move · r policy drives · [ ] look · q quit"


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

    sim: KernelSim
    looked_at: int
    driven: int | None = None
    is_auto: bool = False
    advice: int | None = None
    teacher: int | None = None
    message: str = ""
    height: int = 21
    width: int = 31
    is_narrow: bool = False

    @property
    def look(self) -> Look:
        """Signs and words of the game."""
        return LOOKS[self.sim.config.kind]

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
                map_,
                self.look.team(self.sim),
                self._roster(3),
                Text(_SHORT_KEYS),
                Text(self.message, "bold"),
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
            sign, style = self.look.agent(self.sim, agent)
            is_looked_at = agent == self.looked_at
            return f"{agent:x}"[-1] + sign, f"bold {style}" + (" reverse" if is_looked_at else "")
        if (row, col) in things:
            return self.look.thing(self.sim, things[row, col])
        word = int(compiled.wall_bits[slot, row + PAD, (col + PAD) >> 6])
        return ("██", "grey30") if word >> ((col + PAD) & 63) & 1 else NOTHING

    def _side(self) -> RenderableType:
        return Group(self.look.team(self.sim), self._roster(_MOST_LINES), self._keys())

    def _roster(self, most: int) -> Table:
        table = Table(box=None, padding=(0, 1, 0, 0))
        for name in ("agent", *self.look.columns):
            table.add_column(name, no_wrap=True)
        first = max(0, min(self.looked_at - most // 2, self.sim.num_agents - most))
        for agent in range(first, min(first + most, self.sim.num_agents)):
            you = " you" if agent == self.driven else ""
            table.add_row(
                f"{agent}{you}",
                *self.look.row(self.sim, agent),
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
        for key, meaning in self.look.key_help():
            table.add_row(Text(key, "bold"), meaning)
        return table
