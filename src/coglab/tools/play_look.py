"""What `play` needs to know of a game to show it: see `play_cogsguard.py` and `play_machina1.py`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

from rich.table import Table
from rich.text import Text

MOVES = {
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
"""Key -> action; the same in all games."""
NOTHING = (" ·", "grey23")
"""A free cell: two characters and their style."""


class Look(ABC):
    """Signs and words of a game in the terminal."""

    vibe_keys: ClassVar[str]
    """Keys that change the vibe."""
    vibe_names: ClassVar[str]
    """What these keys stand for."""
    columns: ClassVar[tuple[str, ...]]
    """Columns of the roster, behind the agent's number."""

    @abstractmethod
    def agent(self, sim: Any, agent: int) -> tuple[str, str]:
        """Return the character that follows an agent's number on the map, and its style."""

    @abstractmethod
    def thing(self, sim: Any, index: int) -> tuple[str, str]:
        """Return the two characters of an object, and their style."""

    @abstractmethod
    def team(self, sim: Any) -> Table:
        """Return what stands about the whole team."""

    @abstractmethod
    def row(self, sim: Any, agent: int) -> tuple[str | Text, ...]:
        """Return the cells of an agent's line in the roster."""

    @abstractmethod
    def action_of_key(self, key: str) -> int | None:
        """Return the action that a key stands for, None for other keys."""

    def key_help(self) -> tuple[tuple[str, str], ...]:
        """List the keys and what they do."""
        return (
            ("arrows, w a s d", "move, use"),
            ("space", "wait one tick"),
            (self.vibe_keys, f"vibe: {self.vibe_names}"),
            ("t", "do what the policy would do"),
            ("r", "let the policy drive, or take over again"),
            ("[ ]", "look at another agent"),
            ("q", "quit"),
        )
