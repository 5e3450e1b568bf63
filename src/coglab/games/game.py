"""What everything above the games may ask of a game. One subclass per game, in `games/<game>/game.py`.

Light on purpose: importing a game's description imports neither numba nor torch; what needs them is imported by the
method that needs it. `games/registry.py` lists the games.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    import numpy as np

    from coglab.engine.mapgen.config import MapPoolConfig
    from coglab.games.interface import GameInterface
    from coglab.games.reading import Reading


class Game(ABC):
    """One game: how to make its maps, simulators, teachers and memories, and what its results are called."""

    kind: ClassVar[str]
    """Name of the game: `kind` of its settings."""
    example: ClassVar[str]
    """A recipe that plays it, for error messages."""
    headline: ClassVar[tuple[str, ...]]
    """Metrics that every table of results shows."""
    collectives: ClassVar[tuple[str, ...]]
    """Owners of the columns of `episode.collective`, by their index; empty if the game has none."""
    shown_teacher: ClassVar[str]
    """The teacher whose labels stand beside a student's actions in replays."""
    vibes: ClassVar[tuple[str, ...]]
    """Names of the vibes by id."""

    @abstractmethod
    def check(self, config: Any) -> None:
        """Refuse settings that name something that does not exist.

        Raises:
            UserError: with the nearest name or a value that works.
        """

    @abstractmethod
    def title(self, config: Any) -> str:
        """Name the mission in a word, for tables."""

    @abstractmethod
    def describe(self, config: Any) -> str:
        """Name the game, its mission and what else decides the rules, for the line that a run begins with."""

    @abstractmethod
    def interfaces(self) -> tuple[GameInterface, ...]:
        """List what networks must know about the game, once for every form that it has, the published one first."""

    def interface(self, config: Any) -> GameInterface:
        """Return what networks must know about the game in the form that settings give it."""
        return self.interfaces()[0]

    def setting_of(self, interface: GameInterface) -> str:
        """Say how the game gets a form in which a policy was trained, `vibes=13`; empty if it has one form only."""
        return ""

    @abstractmethod
    def reading(self) -> Reading:
        """Return how networks read the game's observations and map memory."""

    @abstractmethod
    def training_maps(self, config: Any, pool: MapPoolConfig, seed: int) -> Any:
        """Draw the maps that a run trains on, see `MapPool.for_training`."""

    @abstractmethod
    def held_out_maps(self, config: Any, maps: int, first_seed: int) -> Any:
        """Draw maps by their seeds, see `MapPool.for_evaluation`."""

    @abstractmethod
    def make_sim(self, config: Any, num_envs: int, maps: Any, **options: Any) -> Any:
        """Make a simulator, see `CogsGuardSim` for the options."""

    @abstractmethod
    def teachers(self) -> Mapping[str, Any]:
        """List the scripted teachers by name, `TeacherInfo` each."""

    def teacher_rows(self) -> list[dict[str, str]]:
        """Describe the teachers for tables: `uri summary pros cons use measured`, all text; `-` if nothing was measured."""
        return [
            {
                "uri": info.uri,
                "summary": info.summary,
                "pros": info.pros,
                "cons": info.cons,
                "use": info.recommendation,
                "measured": "-",
            }
            for info in self.teachers().values()
        ]

    def teacher_listing(self) -> str:
        """The teachers for a terminal, after the recipes of `--list`."""
        rows = self.teacher_rows()
        column = max((len(row["uri"]) for row in rows), default=0)
        lines = [f"  {row['uri']:<{column}}  {row['use']}: {row['summary']}" for row in rows]
        return "\n".join([f"teachers of {self.kind}", *lines])

    @abstractmethod
    def parse_teacher(self, uri: str) -> Any:
        """Read a teacher's URI.

        Raises:
            UserError: no such teacher, parameter or value.
        """

    @abstractmethod
    def make_teacher(self, uri: str, sim: Any, memory: Any | None = None) -> Any:
        """Make a teacher for a simulator's games, see `CogsGuardTeacher`."""

    @abstractmethod
    def make_memory(self, num_rows: int, num_agents: int) -> Any:
        """Make an empty map memory."""

    @abstractmethod
    def make_team_facts(self, sim: Any) -> Any:
        """Make what writes the team's facts for critics."""

    def map_metrics(self, sim: Any, episode: Any) -> dict[str, np.ndarray]:
        """Metrics that need the map as well as the statistics.

        Args:
            sim: a simulator in which game i plays map i.
            episode: its finished episodes.

        Returns:
            Name -> `[E] float64`; none by default.
        """
        return {}
