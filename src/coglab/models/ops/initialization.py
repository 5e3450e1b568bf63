"""How weights start."""

from __future__ import annotations

import math

import torch
from torch import nn


def linear(in_width: int, out_width: int, gain: float = math.sqrt(2.0)) -> nn.Linear:
    """Make a linear layer with orthogonal weights and zero bias.

    Args:
        in_width: inputs.
        out_width: outputs.
        gain: scale of the weights; sqrt(2) keeps the variance through a ReLU.

    Returns:
        The layer.

    Source: Saxe et al. 2014, "Exact solutions to the nonlinear dynamics of learning in deep linear networks".
    """
    layer = nn.Linear(in_width, out_width)
    nn.init.orthogonal_(layer.weight, gain)
    nn.init.zeros_(layer.bias)
    return layer


def multiply_adds(module: nn.Module) -> int:
    """Multiply-adds of all linear layers inside `module` for one input row."""
    total = 0
    for layer in module.modules():
        if isinstance(layer, nn.Linear):
            total += layer.weight.numel()
    return total


def uniform_time_constants(width: int, longest: float) -> torch.Tensor:
    """Gate biases that give time constants from 1 step to `longest` steps, evenly spaced in the logarithm.

    Args:
        width: D.
        longest: the slowest channel forgets over this many steps.

    Returns:
        `[D]` values for the bias of a gate that is the share of the state that is replaced per step.

    Source: Tallec and Ollivier 2018, "Can recurrent neural networks warp time?".
    """
    steps = torch.exp(torch.linspace(0.0, math.log(longest), width))
    replaced = (1.0 / (1.0 + steps)).clamp(1e-4, 0.5)
    return torch.log(replaced / (1.0 - replaced))
