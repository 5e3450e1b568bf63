"""From an architecture's configuration to a network."""

from __future__ import annotations

from coglab.games.cogsguard.interface import COGSGUARD
from coglab.games.interface import GameInterface
from coglab.models.config import FastConfig, VitConfig
from coglab.models.fast import FastNetwork
from coglab.models.network import Network
from coglab.models.vit import VitNetwork


def build_network(architecture: FastConfig | VitConfig, game: GameInterface = COGSGUARD) -> Network:
    """Build a network with fresh weights from PyTorch's global random generator.

    Args:
        architecture: sizes; `auto` must have been resolved.
        game: what it plays.

    Returns:
        The network, float32 on the CPU.
    """
    if isinstance(architecture, FastConfig):
        return FastNetwork(architecture, game)
    return VitNetwork(architecture, game)
