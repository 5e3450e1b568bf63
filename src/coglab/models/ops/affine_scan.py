"""The recurrence `h_t = keep_t h_{t-1} + add_t` over whole rows in log2(T) steps.

S rows, T steps, any further dimensions. Where an episode begins inside a row, `keep_t` is 0.
"""

from __future__ import annotations

import torch
from torch import Tensor


def affine_scan(keep: Tensor, add: Tensor, start: Tensor) -> Tensor:
    """Compose affine maps over 1, 2, 4, ... steps; for T = 1 it is the plain recurrence.

    Args:
        keep: `[S, T, ...]`, real or complex; 0 where the state is reset before the step.
        add: like `keep`, or such that both broadcast to one shape.
        start: `[S, ...]` state before the first step.

    Returns:
        `[S, T, ...]` state after every step.

    Source: Hillis and Steele 1986, "Data parallel algorithms".
    """
    add = torch.cat([add[:, :1] + keep[:, :1] * start.unsqueeze(1), add[:, 1:]], dim=1)
    span = 1
    while span < add.shape[1]:
        add = torch.cat([add[:, :span], add[:, span:] + keep[:, span:] * add[:, :-span]], dim=1)
        keep = torch.cat([keep[:, :span], keep[:, span:] * keep[:, :-span]], dim=1)
        span *= 2
    return add
