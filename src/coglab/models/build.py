"""From an architecture's configuration to a network."""

from __future__ import annotations

from coglab.games.cogsguard.interface import COGSGUARD
from coglab.games.interface import GameInterface
from coglab.models.config import AutoConfig, FastConfig, VitConfig
from coglab.models.fast import FastNetwork
from coglab.models.network import Network
from coglab.models.vit import VitNetwork


def resolve_architecture(
    architecture: AutoConfig | FastConfig | VitConfig, device: str
) -> tuple[FastConfig | VitConfig, str]:
    """Decide what `auto` means here.

    Args:
        architecture: as configured.
        device: where the network will run, `cpu` or `cuda`.

    Returns:
        The architecture and the reason, one line to print.
    """
    if not isinstance(architecture, AutoConfig):
        return architecture, "as configured"
    if device == "cpu":
        return FastConfig(), "auto: no GPU, so the network made for CPUs"
    return VitConfig(), "auto: a GPU is used, so the attention network"


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
