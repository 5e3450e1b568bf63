"""`actor_head`: logits of the actions."""

from __future__ import annotations

from torch import Tensor, nn

from coglab.models.components.route_pointer import RoutePointer
from coglab.models.ops.initialization import linear, multiply_adds
from coglab.models.ops.precision import in_float32
from coglab.models.registry import component
from coglab.models.spec import BuildSpec


@component("actor_head")
class ActorHead(nn.Module):
    """A linear layer and, if the network reads routes, a pointer at their classes.

    The weights start small, so that play starts close to uniformly random, but for the pointer's moves.
    """

    def __init__(self, spec: BuildSpec) -> None:
        super().__init__()
        self.out_width = spec.game.num_actions
        self.pointer = RoutePointer() if spec.shim.has_route_pointer else None
        # One pointer per class of targets and one for staying away from all of them.
        pointers = spec.shim.num_route_classes + 1 if self.pointer is not None else 0
        rows = self.out_width + pointers
        self.layer = linear(spec.in_width, rows, gain=0.01)

    def forward(self, x_RI: Tensor, inputs: dict[str, Tensor]) -> Tensor:
        """Map `[R, I]` to logits `[R, U]` float32, also under autocast; `inputs` are the encoder's `[R, ...]`."""
        return self.finish(in_float32(self.layer, x_RI), inputs)

    def finish(self, raw_RV: Tensor, inputs: dict[str, Tensor]) -> Tensor:
        """Turn what the linear layer gave, `[R, V]`, into logits `[R, U]`."""
        return raw_RV if self.pointer is None else self.pointer(raw_RV, inputs["moves"])

    def multiply_adds(self) -> int:
        """Multiply-adds per agent-step."""
        return multiply_adds(self)
