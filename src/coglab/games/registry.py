"""The games by name. To add one: a folder with a `game.py`, a line here, its settings in `config.py`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from coglab.config.errors import UserError
from coglab.games.cogsguard.game import CogsGuard
from coglab.games.game import Game
from coglab.games.machina1.game import Machina1
from coglab.games.teacher_uris import PREFIX, TeacherInfo, read_uri

GAMES: dict[str, Game] = {game.kind: game for game in (CogsGuard(), Machina1())}
"""By `kind` of their settings."""


def game_of(config: Any) -> Game:
    """Return the game that settings are for.

    Args:
        config: one of `games.config.GameConfig`.
    """
    return GAMES[config.kind]


def all_teachers() -> Mapping[str, TeacherInfo]:
    """List the scripted teachers of all games by name."""
    return {name: info for game in GAMES.values() for name, info in game.teachers().items()}


def game_of_teacher(uri: str) -> Game:
    """Return the game that a scripted teacher plays; its parameters are checked on the way.

    Args:
        uri: for example `metta://policy/cogsguard?gear=10`.

    Raises:
        UserError: no such teacher, parameter or value; the message names the nearest one.
    """
    info, _ = read_uri(uri, all_teachers(), f"{PREFIX}cogsguard?gear=10")
    game = next(game for game in GAMES.values() if info.name in game.teachers())
    game.parse_teacher(uri)  # knows which values go together
    return game


def require_teacher_of(uri: str, config: Any) -> None:
    """Refuse a scripted teacher of another game.

    Args:
        uri: the teacher.
        config: the game's settings.

    Raises:
        UserError: no such teacher, or it plays another game.
    """
    own, plays = game_of(config), game_of_teacher(uri)
    if plays is not own:
        raise UserError(
            f"the teacher `{uri}` plays {plays.kind}, this is {own.kind}: use `{own.shown_teacher}`, "
            f"or the recipe `{plays.example}`."
        )
