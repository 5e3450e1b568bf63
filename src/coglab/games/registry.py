"""The games by name. To add one: a folder with a `game.py`, a line here, its settings in `config.py`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from coglab.config.errors import UserError, did_you_mean
from coglab.games.cogsguard.game import CogsGuard
from coglab.games.game import Game
from coglab.games.machina1.game import Machina1

PREFIX = "metta://policy/"

GAMES: dict[str, Game] = {game.kind: game for game in (CogsGuard(), Machina1())}
"""By `kind` of their settings."""


def game_of(config: Any) -> Game:
    """Return the game that settings are for.

    Args:
        config: one of `games.config.GameConfig`.
    """
    return GAMES[config.kind]


def all_teachers() -> Mapping[str, Any]:
    """List the scripted teachers of all games by name, `TeacherInfo` each."""
    return {name: info for game in GAMES.values() for name, info in game.teachers().items()}


def game_of_teacher(uri: str) -> Game:
    """Return the game that a scripted teacher plays; its parameters are checked on the way.

    Args:
        uri: for example `metta://policy/cogsguard?gear=10`.

    Raises:
        UserError: no such teacher, parameter or value; the message names the nearest one.
    """
    name = uri.removeprefix(PREFIX).partition("?")[0].partition(":")[0]
    for game in GAMES.values():
        if name in game.teachers():
            game.parse_teacher(uri)
            return game
    known = all_teachers()
    raise UserError(
        f"`{uri}`: there is no teacher `{name}`; the teachers are {', '.join(known)}, "
        f"for example `{PREFIX}cogsguard?gear=10`.{did_you_mean(name, known)}"
    )


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
