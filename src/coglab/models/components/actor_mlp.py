"""`actor_mlp`: the actor's hidden layer."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from coglab.models.ops.initialization import linear, multiply_adds
from coglab.models.registry import component
from coglab.models.spec import BuildSpec


@component("actor_mlp")
class ActorMlp(nn.Module):
    """One hidden layer with ReLU (`fast`), or two (`vit`)."""

    def __init__(self, spec: BuildSpec) -> None:
        super().__init__()
        hidden = spec.config.actor_hidden
        self.out_width = hidden
        self.layers = nn.ModuleList([linear(spec.in_width, hidden)])
        if spec.config.kind == "vit":
            self.layers.append(linear(hidden, hidden))

    def forward(self, x_RI: Tensor) -> Tensor:
        """Map `[R, I]` to `[R, actor_hidden]`."""
        for layer in self.layers:
            x_RI = torch.relu_(layer(x_RI))
        return x_RI

    def multiply_adds(self) -> int:
        """Multiply-adds per agent-step."""
        return multiply_adds(self)
