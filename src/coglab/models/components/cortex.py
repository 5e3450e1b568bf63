"""`cortex`: the recurrent core, a stack of cells named by a pattern."""

from __future__ import annotations

import re
from typing import Any

import torch
from torch import Tensor, nn

from coglab.config.errors import UserError
from coglab.models.registry import component, find_cell
from coglab.models.spec import BuildSpec


def parse_pattern(pattern: str) -> list[str]:
    """Split a cortex pattern into cell letters.

    Args:
        pattern: `G`, `GG`, `G,L`, `G L`: one cell per layer, first layer first; a cell may have a name of several
            letters if commas or spaces separate the cells.

    Returns:
        The letters.

    Raises:
        UserError: the pattern is empty or holds other characters.
    """
    text = pattern.strip()
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9]*([ ,]+[A-Za-z][A-Za-z0-9]*)*", text):
        raise UserError(
            f"the cortex pattern {pattern!r} is not a list of cells; "
            "write one letter per layer, for example `G`, `GG` or `G,L`."
        )
    if re.search(r"[ ,]", text):
        return re.split(r"[ ,]+", text)
    return re.findall(r"[A-Z][a-z0-9]*|[a-z]", text)


@component("cortex")
class Cortex(nn.Module):
    """Layers of recurrent cells; every layer reads the output of the one before it.

    The output is the input and the last layer's output side by side, so that the heads see the present as it is and
    the memory does not have to carry it.
    """

    def __init__(self, spec: BuildSpec) -> None:
        super().__init__()
        config = spec.config.cortex
        layers: list[Any] = []
        width = spec.in_width
        for letter in parse_pattern(config.pattern):
            layers.append(find_cell(letter)(width, config.width))
            width = config.width
        self.layers = nn.ModuleList(layers)
        self.state_sizes: list[int] = [layer.state_size for layer in layers]
        self.state_size = sum(self.state_sizes)
        self.out_width = spec.in_width + width

    def forward(self, x_STI: Tensor, state: Tensor, resets: Tensor) -> tuple[Tensor, Tensor]:
        """Run whole rows.

        Args:
            x_STI: `[S, T, I]` features of the observations.
            state: `[S, state_size]` before the first observation.
            resets: `[S, T] bool`, true where an observation is the first of an episode; the state is zeroed before it.

        Returns:
            `[S, T, out_width]` features with memory, and `[S, state_size]` the state after the last observation.
        """
        h_STD = x_STI
        after = []
        for layer, part in zip(self.layers, state.split(self.state_sizes, dim=-1), strict=True):
            h_STD, last = layer(h_STD, part, resets)
            after.append(last)
        return torch.cat([x_STI, h_STD], dim=-1), torch.cat(after, dim=-1)

    def multiply_adds(self) -> int:
        """Multiply-adds per agent-step."""
        layers: list[Any] = list(self.layers)
        return sum(layer.multiply_adds() for layer in layers)
