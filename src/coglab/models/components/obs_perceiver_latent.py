"""`obs_perceiver_latent`: learned queries read the tokens by cross-attention.

R observations, K tokens, F token channels, L latents, H heads, D width.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from coglab.models.ops.initialization import linear
from coglab.models.registry import component
from coglab.models.spec import BuildSpec

SIZES: dict[str, tuple[int, int, int, int, int]] = {
    "small": (12, 4, 64, 1, 2),
    "full": (12, 4, 128, 2, 4),
}
"""Size -> latents, heads, width, blocks, MLP expansion."""


class CrossAttention(nn.Module):
    """Cross-attention whose keys and values are never made.

    A token has only F = 21 channels. The key matrix is absorbed into the queries (q K x = (q K) x) and the value
    matrix into the output, so that scores and weighted sums are taken over the F channels of the tokens themselves
    instead of D channels of keys and values: a third of the arithmetic and none of the memory.

    Args:
        token_width: F.
        width: D.
        heads: H.
    """

    def __init__(self, token_width: int, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(width)
        self.query = linear(width, width, gain=1.0)
        self.key = nn.Parameter(torch.randn(heads, width // heads, token_width) * token_width**-0.5)
        self.output = linear(heads * token_width, width, gain=1.0)

    def forward(self, latents_LD: Tensor, x_RKF: Tensor, bias_RK: Tensor) -> Tensor:
        """Let the latents read the tokens.

        Args:
            latents_LD: `[L, D]` the same for all observations, or `[R, L, D]`.
            x_RKF: `[R, K, F]` tokens.
            bias_RK: `[R, K]` 0 for tokens, very negative for padding.

        Returns:
            `[R, L, D]` to be added to the latents.
        """
        q = self.query(self.norm(latents_LD)).unflatten(-1, (self.heads, -1))
        absorbed = torch.einsum("...lhc,hcf->...lhf", q, self.key) * (q.shape[-1] ** -0.5)
        num_latents = latents_LD.shape[-2]
        absorbed = absorbed.flatten(-3, -2)
        scores_RQK = absorbed @ x_RKF.transpose(1, 2) + bias_RK.unsqueeze(1)
        read_RQF = torch.softmax(scores_RQK, dim=-1) @ x_RKF
        return self.output(read_RQF.unflatten(1, (num_latents, self.heads)).flatten(2))

    def multiply_adds(self, num_latents: int, num_tokens: int, *, per_row: bool) -> int:
        """Multiply-adds per observation; the first block's queries are made once for all (`per_row` false)."""
        heads, head_width, token_width = self.key.shape
        reading = 2 * num_latents * heads * num_tokens * token_width
        querying = num_latents * (self.query.weight.numel() + heads * head_width * token_width)
        return reading + num_latents * self.output.weight.numel() + (querying if per_row else 0)


@component("obs_perceiver_latent")
class ObsPerceiverLatent(nn.Module):
    """Latents read the tokens, each block followed by an MLP; their mean and the walls make the features.

    Walls, half of all tokens, come as a bit mask of the window and go through a linear layer instead.

    Source: Jaegle et al. 2021, "Perceiver".
    """

    wall_bits: Tensor

    def __init__(self, spec: BuildSpec) -> None:
        super().__init__()
        num_latents, heads, width, blocks, expansion = SIZES[spec.config.size]
        self.out_width = width
        self.num_tokens = spec.config.num_tokens
        self.latents = nn.Parameter(torch.randn(num_latents, width))
        self.attention = nn.ModuleList(
            CrossAttention(spec.in_width, width, heads) for _ in range(blocks)
        )
        self.mlp = nn.ModuleList(
            nn.Sequential(
                nn.LayerNorm(width),
                linear(width, expansion * width),
                nn.GELU(),
                linear(expansion * width, width, gain=0.5),
            )
            for _ in range(blocks)
        )
        self.norm = nn.LayerNorm(width)
        self.walls = linear(128, width, gain=1.0)
        self.register_buffer("wall_bits", 2 ** torch.arange(8, dtype=torch.uint8), persistent=False)

    def forward(self, x_RKF: Tensor, is_real_RK: Tensor, walls_RB: Tensor) -> Tensor:
        """Summarise an observation.

        Args:
            x_RKF: `[R, K, F]` embedded tokens.
            is_real_RK: `[R, K] bool`, false for padding.
            walls_RB: `[R, 16] uint8` bit mask of the window's cells.

        Returns:
            `[R, D]`, not negative.
        """
        bias_RK = torch.zeros_like(x_RKF[..., 0]).masked_fill(~is_real_RK, -1e9)
        latents = self.latents
        for attention, mlp in zip(self.attention, self.mlp, strict=True):
            latents = latents + attention(latents, x_RKF, bias_RK)
            latents = latents + mlp(latents)
        bits = (walls_RB.unsqueeze(-1) & self.wall_bits) != 0
        walls = self.walls(bits.flatten(1).to(x_RKF.dtype))
        return functional.relu(self.norm(latents.mean(dim=1)) + walls)

    def multiply_adds(self) -> int:
        """Multiply-adds per agent-step."""
        num_latents = len(self.latents)
        total = self.walls.weight.numel()
        for index, (attention, mlp) in enumerate(zip(self.attention, self.mlp, strict=True)):
            total += attention.multiply_adds(num_latents, self.num_tokens, per_row=index > 0)  # type: ignore[operator]
            layers = [layer for layer in mlp.modules() if isinstance(layer, nn.Linear)]
            total += num_latents * sum(layer.weight.numel() for layer in layers)
        return total
