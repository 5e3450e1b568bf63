"""`route_pointer`: the actor points at a class of targets, and the first moves of its routes gain weight.

The map memory knows, for every class of targets, which first moves begin a shortest route. Without this part the
actor has to copy those moves through its hidden layers, class by class; with it, it only has to say where it wants
to go. It may still prefer any action against the pointer: the plain logits are added.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from coglab.games.cogsguard.memory_layout import ROUTE_CLASSES

NUM_POINTERS = len(ROUTE_CLASSES) + 1
"""One pointer per class and one for staying away from all of them."""

INITIAL_STRENGTH = 2.0
"""Logit that a move gains at the start when all weight points at classes that it leads to."""

_FIRST_MOVE = 1
_UNREACHABLE = -1e4


class RoutePointer(nn.Module):
    """Turns plain logits and pointers into logits."""

    def __init__(self, num_actions: int) -> None:
        super().__init__()
        self.num_actions = num_actions
        self.strength = nn.Parameter(torch.tensor(INITIAL_STRENGTH))
        self.register_buffer("bits", torch.tensor([1, 2, 4, 8], dtype=torch.uint8), persistent=False)

    def forward(self, raw_RV: Tensor, moves_RC: Tensor) -> Tensor:
        """Add the pointed-at moves to the plain logits.

        Args:
            raw_RV: `[R, U + C + 1]` plain logits of the actions, then pointers, the last one pointing at nothing.
            moves_RC: `[R, C] uint8` bit 0..3: north, south, west, east begins a shortest route.

        Returns:
            `[R, U]` logits.
        """
        actions = self.num_actions
        plain_RU, pointers_RP = raw_RV[:, :actions], raw_RV[:, actions:]
        # A class without a known target is no choice; the weight goes to the others.
        closed_RP = nn.functional.pad(moves_RC == 0, (0, 1))
        weight_RP = torch.softmax(pointers_RP.masked_fill(closed_RP, _UNREACHABLE), dim=1)
        leads_RC4 = (moves_RC.unsqueeze(-1) & self.bits).ne(0).to(raw_RV.dtype)
        gain_R4 = torch.bmm(weight_RP[:, :-1].unsqueeze(1), leads_RC4).squeeze(1)
        gain_RU = nn.functional.pad(
            self.strength * gain_R4, (_FIRST_MOVE, actions - _FIRST_MOVE - gain_R4.shape[1])
        )
        return plain_RU + gain_RU
