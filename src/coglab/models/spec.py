"""What every component of a network is built from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from coglab.games.interface import GameInterface
    from coglab.models.components.obs_shim_tokens import ObsShimTokens


class BuildSpec(NamedTuple):
    """Argument of every component's constructor."""

    config: Any
    """`FastConfig` or `VitConfig`."""
    game: GameInterface
    """The game."""
    shim: ObsShimTokens
    """The meaning of the network's inputs."""
    in_width: int
    """Channels of the component's input; 0 for components that read the network's inputs."""
