"""The games that can be recorded. To add one: a module like `cogsguard.py`, and a line here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from coglab.config import Config, UserError, build
from coglab.games.cogsguard.config import CogsGuardConfig
from coglab.games.cogsguard.missions import is_text_map
from coglab.games.cogsguard.sim import CogsGuardSim
from coglab.games.machina1.config import Machina1Config
from coglab.games.machina1.sim import Machina1Sim
from coglab.replay import cogsguard, machina1
from coglab.replay.file import Document
from coglab.replay.recorder import GameReader

RecordedSim = CogsGuardSim | Machina1Sim
"""A simulator of one of these games."""


@dataclass(frozen=True)
class ReplayGame:
    """What replays need to know of a game.

    Attributes:
        config: class of its settings.
        make_game: makes the simulator of one game, `make_game(config, map_seed=, seed=, env_id=)`.
        make_reader: makes what copies its state.
        takes_grid: whether, given the settings, `make_game` needs `grid=`, the map in the replay itself.
        grid_of: reads that map.
    """

    config: type[Config]
    make_game: Callable[..., RecordedSim]
    make_reader: Callable[[Any], GameReader]
    takes_grid: Callable[[Any], bool] = lambda config: False
    grid_of: Callable[[Document], np.ndarray] | None = None


REPLAY_GAMES = {
    "cogsguard": ReplayGame(
        CogsGuardConfig,
        cogsguard.make_game,
        cogsguard.CogsGuardReader,
        lambda config: is_text_map(config.mission),
        cogsguard.grid_of,
    ),
    "machina1": ReplayGame(Machina1Config, machina1.make_game, machina1.Machina1Reader),
}
"""By `kind` of their settings, which is also the `game` of a replay."""


def game_in(document: Document) -> tuple[ReplayGame, Any]:
    """Read which game a replay is of, and its settings.

    Args:
        document: a replay.

    Returns:
        (game, settings)

    Raises:
        UserError: a game that nobody knows, or settings that it does not take.
    """
    name = document.get("game")
    if not isinstance(name, str) or name not in REPLAY_GAMES:
        raise UserError(
            f"a replay of the game {name!r} cannot be played again; the games are {', '.join(REPLAY_GAMES)}."
        )
    game = REPLAY_GAMES[name]
    return game, build(game.config, document["config"])
