"""Layers that stay in float32 while the rest of a network runs in bfloat16 autocast.

bfloat16 has three decimal digits. That is enough inside the network, but not for what it says: values are differences
of returns, log-probabilities are compared with stored ones, and a recurrent state sums over hundreds of steps.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


def in_float32(layer: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Apply a layer in float32, whether autocast is on or not.

    Args:
        layer: with parameters in float32 (or float64, with an input in float64).
        x: its input, in any floating type.

    Returns:
        `layer(x)`, not narrower than float32.
    """
    with torch.autocast(x.device.type, enabled=False):
        return layer(widened(x))


def widened(x: Tensor) -> Tensor:
    """Turn bfloat16 and float16 into float32; anything wider stays as it is."""
    return x.float() if x.dtype in (torch.bfloat16, torch.float16) else x
