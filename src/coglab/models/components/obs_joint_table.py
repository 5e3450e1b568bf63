"""`obs_joint_table`: the first layer of `fast`, a sum of table rows."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from coglab.models.ops.summed_table import summed_table
from coglab.models.registry import component
from coglab.models.spec import BuildSpec

TYPICAL_IDS = 48
"""Facts per observation that the FLOP count assumes."""


@component("obs_joint_table")
class ObsJointTable(nn.Module):
    """`relu(bias + sum of the rows of all facts)`: as good as a dense layer over one-hot facts, at the cost of adds.

    A fact is a joint (cell, feature, value): a plain sum of separate embeddings of cell and feature would lose
    *which* object is *where*.

    Source: Nasu 2018, "Efficiently updatable neural-network-based evaluation functions" (NNUE).
    """

    def __init__(self, spec: BuildSpec) -> None:
        super().__init__()
        width = spec.config.table_width
        self.out_width = width
        self.in_place_gradient = False
        self.weight = nn.Parameter(torch.empty(spec.shim.rows.num_rows, width))
        self.bias = nn.Parameter(torch.zeros(width))
        nn.init.normal_(self.weight, std=TYPICAL_IDS**-0.5)
        with torch.no_grad():
            self.weight[0] = 0.0

    def forward(self, ids_RK: Tensor) -> Tensor:
        """Map ids `[R, K] int16` to `[R, table_width]`."""
        return summed_table(ids_RK, self.weight, self.bias, in_place=self.in_place_gradient)

    def multiply_adds(self) -> int:
        """Adds per agent-step."""
        return TYPICAL_IDS * self.out_width
