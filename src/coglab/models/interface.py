"""Which games networks can play, by what checkpoints say. Each game describes itself: `games/<game>/interface.py`."""

from __future__ import annotations

from typing import Any

from coglab.games.interface import GameInterface
from coglab.games.registry import GAMES, game_of


def interface_of(config: Any) -> GameInterface:
    """Return the interface of the game that settings (`games.config.GameConfig`) are for."""
    return game_of(config).interface(config)


def described_interface(description: dict[str, Any]) -> GameInterface | None:
    """Find the interface that a checkpoint describes, `GameInterface.describe`; None for an unknown game.

    Of a game with several forms, the one with as many actions, or else its published form.
    """
    game = GAMES.get(str(description.get("name")))
    if game is None:
        return None
    forms = game.interfaces()
    actions = len(description.get("action_names", ()))
    return next((form for form in forms if form.num_actions == actions), forms[0])
