"""Refuses a network in a game that it was not trained for. Imports neither torch nor numba."""

from __future__ import annotations

from typing import Any

from coglab.config import UserError
from coglab.games.interface import GameInterface
from coglab.games.registry import GAMES, game_of


def require_same_game(who: str, trained: GameInterface, config: Any) -> None:
    """Refuse a network whose game is not the one that settings are for, or is another form of it.

    Args:
        who: what the network is called, for the message.
        trained: what it was trained in.
        config: settings of the game that it is to play.

    Raises:
        UserError: another game, with a recipe and a policy that work; or another form, with the setting.
    """
    game = game_of(config)
    if trained.name != game.kind:
        example = GAMES[trained.name].example
        raise UserError(
            f"`{who}` was trained on {trained.name} and cannot play {game.kind}: use it with "
            f"`{example}.evaluate`, or here a policy of {game.kind}, for example `{game.shown_teacher}`."
        )
    here = game.interface(config)
    if trained.action_names != here.action_names:
        raise UserError(
            f"`{who}` was trained on {game.kind} with {trained.num_actions} actions, this game has "
            f"{here.num_actions}: add `{game.setting_of(trained)}`."
        )
