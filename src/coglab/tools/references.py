"""Checks of what a configuration refers to, by name or URI, before anything heavy is imported."""

from __future__ import annotations

from pathlib import Path

from coglab.config import UserError
from coglab.games.cogsguard.config import CogsGuardConfig
from coglab.games.cogsguard.missions import find_mission, is_text_map
from coglab.games.cogsguard.teachers.registry import parse_teacher_uri, require_playable
from coglab.games.config import GameConfig
from coglab.policies.uris import PREFIX, parse_uri


def check_policy(uri: str) -> None:
    """Refuse what is no policy URI.

    Args:
        uri: for example `metta://policy/first:latest`.

    Raises:
        UserError: the URI names no kind of policy. Whether a run or file exists is seen when it is loaded.
    """
    parse_uri(uri)


def check_teacher(uri: str, train_dir: str) -> None:
    """Refuse what is no teacher.

    Args:
        uri: for example `metta://policy/cogsguard?gear=10`, or a run, `metta://policy/my-run:latest`.
        train_dir: folder of all runs.

    Raises:
        UserError: there is no such teacher, or it does not take these parameters. Whether a run exists is seen later.
    """
    if not _can_be_a_run(uri, train_dir):
        parse_teacher_uri(uri)


def require_teacher(uri: str, train_dir: str) -> None:
    """Refuse a teacher that resolves but cannot play yet.

    Args:
        uri: a URI that `check_teacher` accepted.
        train_dir: folder of all runs.

    Raises:
        UserError: with a teacher that can.
    """
    if not _can_be_a_run(uri, train_dir):
        require_scripted_teacher(uri)


def require_scripted_teacher(uri: str) -> None:
    """Refuse what is no scripted teacher that can play.

    Args:
        uri: for example `metta://policy/cogsguard?gear=10`.

    Raises:
        UserError: there is no such teacher, it does not take these parameters, or it cannot play yet.
    """
    require_playable(parse_teacher_uri(uri))


def _can_be_a_run(uri: str, train_dir: str) -> bool:
    """Whether a URI means a checkpoint: a bare name without such a run is a teacher's name with a slip in it."""
    reference = parse_uri(uri)
    if reference.kind == "run" and ":" not in uri.removeprefix(PREFIX):
        return (Path(train_dir) / reference.name).is_dir()
    return reference.kind in ("run", "file", "baseline")


def check_game(game: GameConfig) -> None:
    """Refuse a mission that does not exist.

    Args:
        game: the game's settings.

    Raises:
        UserError: with the nearest mission; or the text map is no file.
    """
    if game.kind != "cogsguard":
        return
    if not is_text_map(game.mission):
        find_mission(game.mission)
    elif not Path(game.mission).is_file():
        raise UserError(
            f"`mission={game.mission}`: there is no such file. A text map is named by its path, "
            "for example `mission=maps/yard.map`; `mission=arena` is a stock mission."
        )


def require_playable_game(game: GameConfig) -> CogsGuardConfig:
    """Refuse a game whose recipe resolves but whose rules are still to come.

    Args:
        game: the game's settings.

    Returns:
        The settings, now known to be those of a game that can be played.

    Raises:
        UserError: with a command for such a game.
    """
    if not isinstance(game, CogsGuardConfig):
        raise UserError(
            f"the game {game.kind} cannot be played yet: its recipe resolves (`--dry-run`, `--show`), "
            "its rules are still to come. For example "
            "`./tools/run.py recipes.experiment.cogsguard.train run=first` plays CogsGuard."
        )
    return game
