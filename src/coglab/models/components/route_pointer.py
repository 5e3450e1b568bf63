"""`route_pointer`: the actor points at a class of targets, and the first moves of its routes gain weight.

The map memory knows, for every class of targets, which first moves begin a shortest route. Without this part the
actor has to copy those moves through its hidden layers, class by class; with it, it only has to say where it wants
to go. It may still prefer any action against the pointer: the plain logits are added.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from coglab.models.ops.pointed_logits import pointed_logits

INITIAL_STRENGTH = 2.0
"""Logit that a move gains at the start when all weight points at classes that it leads to."""


class RoutePointer(nn.Module):
    """Turns plain logits and pointers into logits."""

    def __init__(self) -> None:
        super().__init__()
        self.strength = nn.Parameter(torch.tensor(INITIAL_STRENGTH))

    def forward(self, raw_RV: Tensor, moves_RC: Tensor) -> Tensor:
        """Map `[R, U + C + 1]` plain logits and pointers and `[R, C] uint8` first moves to logits `[R, U]`."""
        return pointed_logits(raw_RV, moves_RC, self.strength)
