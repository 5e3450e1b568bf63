"""Cell `Ag`: gated linear attention, a matrix per head that is written with keys and read with queries."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from coglab.models.ops.initialization import linear, multiply_adds, uniform_time_constants
from coglab.models.registry import cell

HEAD_WIDTH = 16
"""Channels per head, about; a head's state is a matrix of its square."""

LONGEST_TIME_CONSTANT = 200.0
"""Steps over which the slowest head forgets at the start of training; learning changes it."""


@cell("Ag")
class GatedLinearAttention(nn.Module):
    """`M_t = (1 - z_t) M_{t-1} + k_t v_t^T`, read as `M_t^T q_t`, per head; the gate z is a number per head and step.

    An associative memory: what was written under a key is found again by a query like it. With a scalar gate per head a
    whole row is two small matrix products (a causal attention whose weights fade, without softmax), which equals the
    recurrence step by step.

    Sources: Katharopoulos et al. 2020, "Transformers are RNNs"; Dao and Gu 2024 (the scalar gate and its dual form);
    Sun et al. 2023 (the normalisation per head).

    Args:
        in_width: channels of the input.
        width: D, channels of the output; the state has D x D / heads.
    """

    def __init__(self, in_width: int, width: int) -> None:
        super().__init__()
        wished = max(1, width // HEAD_WIDTH)
        self.width = width
        self.heads = next(heads for heads in range(wished, 0, -1) if width % heads == 0)
        self.depth = width // self.heads
        self.state_size = self.heads * self.depth**2
        self.project = linear(in_width, 4 * width, gain=1.0)
        self.gate = linear(in_width, self.heads, gain=0.1)
        self.out = linear(width, width, gain=1.0)
        with torch.no_grad():
            self.gate.bias.copy_(uniform_time_constants(self.heads, LONGEST_TIME_CONSTANT))

    def forward(self, x_STI: Tensor, state: Tensor, resets: Tensor) -> tuple[Tensor, Tensor]:
        """Run whole rows; arguments and results as in `MinimalGated.forward`. The memory is float32."""
        rows, steps = resets.shape
        split = (rows, steps, self.heads, self.depth)
        q, k, v, swish = self.project(x_STI).float().chunk(4, dim=-1)
        q_STHD = nn.functional.normalize(q.reshape(split), dim=-1)
        k_STHD = nn.functional.normalize(k.reshape(split), dim=-1)
        v_STHD = v.reshape(split)
        start_SHDE = state.float().view(rows, self.heads, self.depth, self.depth)

        # log of the product of all keeps up to a step; differences of it say how far a memory has faded.
        faded_STH = nn.functional.logsigmoid(-self.gate(x_STI).float()).cumsum(1)
        episode_ST = resets.cumsum(1)
        ticks = torch.arange(steps, device=resets.device)
        may_see_STU = (episode_ST.unsqueeze(2) == episode_ST.unsqueeze(1)) & (
            ticks.unsqueeze(1) >= ticks
        )
        difference_STUH = faded_STH.unsqueeze(2) - faded_STH.unsqueeze(1)
        decay_STUH = difference_STUH.masked_fill(~may_see_STU.unsqueeze(-1), -torch.inf).exp()
        score_STUH = torch.einsum("sthd,suhd->stuh", q_STHD, k_STHD) * decay_STUH
        read_STHE = torch.einsum("stuh,suhe->sthe", score_STUH, v_STHD)
        kept_STH = faded_STH.exp() * (episode_ST == 0).unsqueeze(-1)
        old_STHE = torch.einsum("sthd,shde->sthe", q_STHD, start_SHDE)
        read_STHE = read_STHE + old_STHE * kept_STH.unsqueeze(-1)

        last_SUH = decay_STUH[:, -1]
        after_SHDE = torch.einsum("suhd,suhe,suh->shde", k_STHD, v_STHD, last_SUH)
        after_SHDE = after_SHDE + start_SHDE * kept_STH[:, -1, :, None, None]

        size_STH1 = read_STHE.square().mean(-1, keepdim=True)
        normal_STD = (read_STHE * torch.rsqrt(size_STH1 + 1e-3)).flatten(2)
        return self.out(normal_STD * nn.functional.silu(swish)), after_SHDE.flatten(1)

    def multiply_adds(self) -> int:
        """Multiply-adds per step: the layers, and writing, fading and reading the matrices."""
        return multiply_adds(self) + 3 * self.state_size
