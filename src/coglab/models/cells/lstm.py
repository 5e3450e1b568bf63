"""Cell `L`: the standard LSTM, the reference that other cells are compared with."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from coglab.models.ops.initialization import linear, multiply_adds
from coglab.models.ops.precision import in_float32, widened
from coglab.models.registry import cell


@cell("L")
class Lstm(nn.Module):
    """Long short-term memory; the state is hidden and cell side by side.

    Source: Hochreiter and Schmidhuber 1997; forget bias 1 as in Jozefowicz et al. 2015.

    Args:
        in_width: channels of the input.
        width: D, channels of the output; the state has twice as many.
    """

    def __init__(self, in_width: int, width: int) -> None:
        super().__init__()
        self.width = width
        self.state_size = 2 * width
        self.from_input = linear(in_width, 4 * width, gain=1.0)
        self.from_hidden = linear(width, 4 * width, gain=1.0)
        with torch.no_grad():
            self.from_input.bias[width : 2 * width] = 1.0

    def forward(self, x_STI: Tensor, state: Tensor, resets: Tensor) -> tuple[Tensor, Tensor]:
        """Run whole rows; arguments and results as in `MinimalGated.forward`."""
        driven_ST4 = widened(
            self.from_input(x_STI)
        )  # the recurrence stays in float32 under autocast
        kept_ST = (~resets).to(driven_ST4.dtype).unsqueeze(-1)
        h_SD, c_SD = widened(state).chunk(2, dim=-1)
        outputs = []
        for t in range(x_STI.shape[1]):
            h_SD, c_SD = h_SD * kept_ST[:, t], c_SD * kept_ST[:, t]
            i, f, g, o = (driven_ST4[:, t] + in_float32(self.from_hidden, h_SD)).chunk(4, dim=-1)
            c_SD = torch.sigmoid(f) * c_SD + torch.sigmoid(i) * torch.tanh(g)
            h_SD = torch.sigmoid(o) * torch.tanh(c_SD)
            outputs.append(h_SD)
        return torch.stack(outputs, dim=1), torch.cat([h_SD, c_SD], dim=-1)

    def multiply_adds(self) -> int:
        """Multiply-adds per step."""
        return multiply_adds(self) + 3 * self.width
