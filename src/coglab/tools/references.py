"""Checks of what a configuration refers to, by name or URI, before anything heavy is imported."""

from __future__ import annotations

from pathlib import Path

from coglab.games.config import GameConfig
from coglab.games.registry import game_of, require_teacher_of
from coglab.games.teacher_uris import PREFIX
from coglab.policies.uris import parse_uri


def check_policy(uri: str, game: GameConfig | None = None) -> None:
    """Refuse what is no policy URI, and a scripted policy of another game.

    Args:
        uri: for example `metta://policy/first:latest`.
        game: the settings of the game that it is to play; None if that does not matter.

    Raises:
        UserError: the URI names no kind of policy, or a teacher of another game. Whether a run or file exists and what
            it was trained in is seen when it is loaded.
    """
    if parse_uri(uri).kind == "teacher" and game is not None:
        require_teacher_of(uri, game)


def check_teacher(uri: str, game: GameConfig, train_dir: str) -> None:
    """Refuse what is no teacher of this game.

    Args:
        uri: for example `metta://policy/cogsguard?gear=10`, or a run, `metta://policy/my-run:latest`.
        game: the game's settings.
        train_dir: folder of all runs.

    Raises:
        UserError: there is no such teacher, it does not take these parameters, or it plays another game. Whether a run
            exists is seen later.
    """
    if not _can_be_a_run(uri, train_dir):
        require_teacher_of(uri, game)


def _can_be_a_run(uri: str, train_dir: str) -> bool:
    """Whether a URI means a checkpoint: a bare name without such a run is a teacher's name with a slip in it."""
    reference = parse_uri(uri)
    if reference.kind == "run" and ":" not in uri.removeprefix(PREFIX):
        return (Path(train_dir) / reference.name).is_dir()
    return reference.kind in ("run", "file", "baseline")


def check_game(game: GameConfig) -> None:
    """Refuse settings of a game that name something that does not exist.

    Args:
        game: the game's settings.

    Raises:
        UserError: with the nearest mission; or the text map is no file.
    """
    game_of(game).check(game)
