"""`actor_head`: logits of the actions."""

from __future__ import annotations

from torch import Tensor, nn

from coglab.models.ops.initialization import linear, multiply_adds
from coglab.models.registry import component
from coglab.models.spec import BuildSpec


@component("actor_head")
class ActorHead(nn.Module):
    """A linear layer; its weights start small, so that play starts close to uniformly random."""

    def __init__(self, spec: BuildSpec) -> None:
        super().__init__()
        self.out_width = spec.game.num_actions
        self.layer = linear(spec.in_width, self.out_width, gain=0.01)

    def forward(self, x_RI: Tensor) -> Tensor:
        """Map `[R, I]` to logits `[R, U]`."""
        return self.layer(x_RI)

    def multiply_adds(self) -> int:
        """Multiply-adds per agent-step."""
        return multiply_adds(self)
