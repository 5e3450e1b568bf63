"""`obs_attr_embed_fourier`: a token's three bytes become a short vector."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from coglab.models.registry import component
from coglab.models.spec import BuildSpec

EMBEDDING_WIDTH = 8
"""Channels of the learned embedding of the feature id."""

FREQUENCIES = (1.0, 2.0, 4.0)
"""Of the Fourier features, in half periods per half window."""

EMPTY = 255
"""Location byte of padding."""


@component("obs_attr_embed_fourier")
class ObsAttrEmbedFourier(nn.Module):
    """Embedding of the feature id, sines and cosines of row and column, scaled value: 21 channels.

    A location is one byte, so its 12 Fourier features are a table with 256 rows.
    """

    location_table: Tensor
    scale: Tensor

    def __init__(self, spec: BuildSpec) -> None:
        super().__init__()
        self.embedding = nn.Parameter(torch.randn(256, EMBEDDING_WIDTH) * 0.5)
        half = (spec.game.window - 1) / 2
        location = torch.arange(256)
        row, column = (location // 16 - half) / half, (location % 16 - half) / half
        angles = [torch.pi * f * axis for axis in (row, column) for f in FREQUENCIES]
        parts = [wave(angle) for angle in angles for wave in (torch.sin, torch.cos)]
        scale = torch.ones(256)
        for feature in spec.game.features:
            scale[feature.id] = 1.0 / feature.normalization
        self.register_buffer("location_table", torch.stack(parts, dim=1), persistent=False)
        self.register_buffer("scale", scale, persistent=False)
        self.out_width = EMBEDDING_WIDTH + len(parts) + 1

    def forward(self, tokens_RK3: Tensor) -> tuple[Tensor, Tensor]:
        """Embed tokens.

        Args:
            tokens_RK3: `[R, K, 3] uint8`, padded with 255.

        Returns:
            `[R, K, 21]`, zero for padding, and `[R, K] bool`, true for real tokens.
        """
        location, feature, value = tokens_RK3.int().unbind(-1)
        is_real = location != EMPTY
        x_RKF = torch.cat(
            [
                functional.embedding(feature, self.embedding),
                functional.embedding(location, self.location_table),
                (
                    value * functional.embedding(feature, self.scale.unsqueeze(1)).squeeze(-1)
                ).unsqueeze(-1),
            ],
            dim=-1,
        )
        return x_RKF * is_real.unsqueeze(-1), is_real

    def multiply_adds(self) -> int:
        """Nothing to speak of: table look-ups."""
        return 0
