"""Cell `G`: a minimal gated linear recurrence."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from coglab.models.ops.gated_scan import gated_scan
from coglab.models.ops.initialization import linear, multiply_adds, uniform_time_constants
from coglab.models.ops.precision import widened
from coglab.models.registry import cell

LONGEST_TIME_CONSTANT = 200.0
"""Steps over which the slowest channel forgets at the start of training; learning changes it."""


@cell("G")
class MinimalGated(nn.Module):
    """`h_t = (1 - z_t) h_{t-1} + z_t c_t`, where z and c depend on the input of step t only.

    Without a matrix product inside the recurrence a whole row costs one product for all steps and a cheap scan.

    Source: Feng et al. 2024, "Were RNNs all we needed?" (minGRU, with a linear candidate).

    Args:
        in_width: channels of the input.
        width: D, channels of the state and of the output.
    """

    def __init__(self, in_width: int, width: int) -> None:
        super().__init__()
        self.width = width
        self.state_size = width
        self.project = linear(in_width, 2 * width, gain=1.0)
        with torch.no_grad():
            self.project.bias[:width] = uniform_time_constants(width, LONGEST_TIME_CONSTANT)

    def forward(self, x_STI: Tensor, state: Tensor, resets: Tensor) -> tuple[Tensor, Tensor]:
        """Run whole rows.

        Args:
            x_STI: `[S, T, I]` inputs.
            state: `[S, state_size]` before the first step.
            resets: `[S, T] bool`, true where the state is zeroed before the step.

        Returns:
            `[S, T, D]` outputs and `[S, state_size]` the state after the last step.
        """
        # Under autocast the product may be bfloat16; the state is summed over hundreds of steps in float32.
        h_STD = gated_scan(widened(self.project(x_STI)), widened(state), resets)
        return h_STD, h_STD[:, -1]

    def multiply_adds(self) -> int:
        """Multiply-adds per step."""
        return multiply_adds(self) + 2 * self.width
