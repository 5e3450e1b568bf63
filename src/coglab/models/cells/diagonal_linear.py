"""Cell `A`: a diagonal linear recurrence whose channels turn and fade."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from coglab.models.ops.affine_scan import affine_scan
from coglab.models.ops.initialization import linear, multiply_adds
from coglab.models.registry import cell

SHORTEST, LONGEST = 2.0, 500.0
"""Steps over which the fastest and the slowest channel forget at the start of training."""

LARGEST_ANGLE = math.pi / 10
"""Largest turn per step at the start: most channels should see trends, not alternations."""


@cell("A")
class DiagonalLinear(nn.Module):
    """`h_t = r e^{i theta} h_{t-1} + sqrt(1 - r^2) B x_t`, output `silu(C [Re h, Im h])`; r and theta per channel, learned.

    Linear in the state, so that a whole row is a scan without a matrix product inside; what is remembered for how long
    does not depend on the input (it does in `G`). The factor keeps the state's size whatever the memory's length.

    Sources: Orvieto et al. 2023, "Resurrecting recurrent neural networks for long sequences" (LRU); Elelimy et al.
    2024, "Real-time recurrent learning using trace units".

    Args:
        in_width: channels of the input.
        width: D, complex channels of the state and channels of the output.
    """

    def __init__(self, in_width: int, width: int) -> None:
        super().__init__()
        self.width = width
        self.state_size = 2 * width
        self.drive = linear(in_width, 2 * width, gain=1.0)
        self.out = linear(2 * width, width, gain=1.0)
        steps = torch.exp(torch.linspace(math.log(SHORTEST), math.log(LONGEST), width))
        # r = exp(-exp(nu)) stays in (0, 1) whatever the optimiser does to nu.
        self.nu = nn.Parameter(torch.log(1.0 / steps))
        self.theta = nn.Parameter(torch.linspace(0.0, LARGEST_ANGLE, width).flip(0))

    def forward(self, x_STI: Tensor, state: Tensor, resets: Tensor) -> tuple[Tensor, Tensor]:
        """Run whole rows; arguments and results as in `MinimalGated.forward`. Always computed in float32."""
        modulus_D = torch.exp(-torch.exp(self.nu.float()))
        pole_D = torch.polar(modulus_D, self.theta.float())
        scale_D = torch.sqrt(1.0 - modulus_D.square() + 1e-8)
        driven_ST2 = self.drive(x_STI).float()
        real_STD, imaginary_STD = driven_ST2.chunk(2, dim=-1)
        add_STD = torch.complex(real_STD * scale_D, imaginary_STD * scale_D)
        keep_STD = pole_D * (~resets).unsqueeze(-1)
        start_SD = torch.complex(*(part.contiguous() for part in state.float().chunk(2, dim=-1)))
        h_STD = affine_scan(keep_STD, add_STD, start_SD)
        h_ST2 = torch.cat([h_STD.real, h_STD.imag], dim=-1)
        return nn.functional.silu(self.out(h_ST2)), h_ST2[:, -1]

    def multiply_adds(self) -> int:
        """Multiply-adds per step: the layers, and a complex product per channel."""
        return multiply_adds(self) + 4 * self.width
