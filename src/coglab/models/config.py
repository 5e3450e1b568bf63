"""Sizes of the networks. Imports neither torch nor numba."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from coglab.config import Config


class CortexConfig(Config):
    """The recurrent core."""

    pattern: str = "G"
    """One cell per layer: `G` minimal gated linear recurrence, `A` diagonal linear recurrence, `Ag` gated linear
    attention, `L` LSTM. `GG` or `G,L` is two layers; `[A,Ag]` is one layer of cells side by side, mixed by a learned
    gate."""

    width: int = Field(128, ge=8, le=4096)
    """Channels of every layer's state."""


class FastConfig(Config):
    """`fast`: summed joint (cell, feature, value) table instead of Fourier embedding and perceiver."""

    is_light: ClassVar[bool] = True
    """It learns nearly as fast on one thread as on several, so the others are better used for the next batch."""

    kind: Literal["fast"] = "fast"
    """The architecture."""

    map_memory: bool = True
    """Read the agent's own map memory: what its observations have shown this episode, as routes to the nearest
    known target of each class. Off: only the current window and the learned recurrent state."""

    route_pointer: bool = True
    """Let the actor point at a class of targets; the first moves of its routes then gain weight. Needs `map_memory`."""

    table_width: int = Field(128, ge=8, le=4096)
    """Width of the summed table row."""

    cortex: CortexConfig = CortexConfig(width=64)
    """The recurrent core."""

    actor_hidden: int = Field(128, ge=8)
    """Width of `actor_mlp`."""

    critic_hidden: int = Field(32, ge=8)
    """Width of the hidden layer of `critic` and `gtd_aux`."""

    detach_gtd_aux: bool = True
    """Whether `gtd_aux` trains only itself, not the layers below it."""

    team_critic: bool = True
    """Let the value see the whole team while training (junctions held, stock, what all agents carry). Actions never
    depend on it. Off: a value from the agent's own observations alone, with which PPO undoes a clone (docs/log.md)."""

    components: dict[str, str] = Field(default_factory=dict)
    """Parts of your own instead of stock ones, `{actor_mlp: my_mlp}`; see docs, "Add a network component"."""


class VitConfig(Config):
    """`vit`: Fourier token embedding and a latent perceiver with absorbed keys and values."""

    is_light: ClassVar[bool] = False
    """Most of an iteration is learning, in which all threads share."""

    kind: Literal["vit"] = "vit"
    """The architecture."""

    size: Literal["small", "full"] = "small"
    """`small`: 12 latents, one block, width 64. `full`: 12 latents, two blocks, width 128."""

    map_memory: bool = False
    """As in `fast`."""

    num_tokens: int = Field(96, ge=96, le=200)
    """Tokens other than walls that the encoder reads; a fixed count. More are dropped and counted."""

    cortex: CortexConfig = CortexConfig()
    """The recurrent core."""

    actor_hidden: int = Field(256, ge=8)
    """Width of `actor_mlp`."""

    critic_hidden: int = Field(512, ge=8)
    """Width of the hidden layer of `critic` and `gtd_aux`."""

    detach_gtd_aux: bool = True
    """As in `fast`."""

    team_critic: bool = True
    """As in `fast`."""

    components: dict[str, str] = Field(default_factory=dict)
    """As in `fast`."""


class AutoConfig(Config):
    """`auto`: `vit` on a GPU, `fast` on a CPU; the choice and its reason are printed."""

    kind: Literal["auto"] = "auto"
    """The architecture."""


ArchitectureConfig = Annotated[AutoConfig | FastConfig | VitConfig, Field(discriminator="kind")]


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
