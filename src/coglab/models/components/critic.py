"""`critic`: the value of a state."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from coglab.models.ops.initialization import linear, multiply_adds
from coglab.models.ops.precision import in_float32
from coglab.models.registry import component
from coglab.models.spec import BuildSpec


@component("critic")
class Critic(nn.Module):
    """Expected return from here, in units of scaled reward."""

    def __init__(self, spec: BuildSpec) -> None:
        super().__init__()
        self.out_width = 1
        self.hidden = linear(spec.in_width, spec.config.critic_hidden)
        self.out = linear(spec.config.critic_hidden, 1, gain=1.0)

    def forward(self, x_RI: Tensor) -> Tensor:
        """Map `[R, I]` to `[R]` float32, also under autocast."""
        hidden_RH = torch.relu_(in_float32(self.hidden, x_RI))
        return in_float32(self.out, hidden_RH).squeeze(-1)

    def multiply_adds(self) -> int:
        """Multiply-adds per agent-step."""
        return multiply_adds(self)
