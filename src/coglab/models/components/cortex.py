"""`cortex`: the recurrent core, a stack of cells named by a pattern."""

from __future__ import annotations

import re
from typing import Any

import torch
from torch import Tensor, nn

from coglab.config.errors import UserError
from coglab.models.registry import component, find_cell
from coglab.models.spec import BuildSpec

Layer = str | tuple[str, ...]
"""A cell, or the cells of a column."""

_CELLS = r"[A-Za-z][A-Za-z0-9]*(?:[ ,]+[A-Za-z][A-Za-z0-9]*)*"
_PART = re.compile(rf"\[[ ]*({_CELLS})[ ]*\]|({_CELLS})")


def parse_pattern(pattern: str) -> list[Layer]:
    """Split a cortex pattern into layers.

    Args:
        pattern: `G`, `GG`, `G,L`, `G L`: one cell per layer, first layer first; a cell may have a name of several
            letters. `[A,G]` is one layer: a column of cells side by side, mixed by a learned gate.

    Returns:
        A cell's letters, or a tuple of them for a column, per layer.

    Raises:
        UserError: the pattern is empty or holds other characters.
    """
    rest = pattern.strip()
    layers: list[Layer] = []
    while rest:
        match = _PART.match(rest)
        if match is None:
            break
        column, cells = match.groups()
        if column:
            layers.append(tuple(_split(column)))
        else:
            layers += _split(cells)
        after = rest[match.end() :]
        rest = after.lstrip(" ,") or after.strip()
    if rest or not layers:
        raise UserError(
            f"the cortex pattern {pattern!r} is not a list of cells; "
            "write one letter per layer, for example `G`, `GG` or `G,L`, and `[A,G]` for cells side by side."
        )
    return layers


def _split(text: str) -> list[str]:
    if re.search(r"[ ,]", text):
        return re.split(r"[ ,]+", text)
    return re.findall(r"[A-Z][a-z0-9]*|[a-z]", text)


def _make_cell(letter: str, in_width: int, width: int, spec: BuildSpec) -> Any:
    found = find_cell(letter)
    if getattr(found, "reads_inputs", False):
        return found(in_width, width, spec)
    return found(in_width, width)


def _run(layer: Any, *arguments: Any) -> Any:
    """Run a cell or column; only those that ask for them are given the network's inputs, the last argument."""
    return layer(*arguments) if getattr(layer, "reads_inputs", False) else layer(*arguments[:-1])


class Column(nn.Module):
    """Cells that read the same input side by side; the output is their mean, weighted by a learned softmax gate.

    Args:
        letters: the cells.
        in_width: channels of the input.
        width: D, channels of every cell and of the output.
        spec: passed on to cells that read the network's inputs.
    """

    reads_inputs = True

    def __init__(
        self, letters: tuple[str, ...], in_width: int, width: int, spec: BuildSpec
    ) -> None:
        super().__init__()
        cells: list[Any] = [_make_cell(letter, in_width, width, spec) for letter in letters]
        self.cells = nn.ModuleList(cells)
        self.gate = nn.Parameter(torch.zeros(len(cells)))
        self.width = width
        self.state_sizes: list[int] = [cell.state_size for cell in cells]
        self.state_size = sum(self.state_sizes)

    def forward(
        self,
        x_STI: Tensor,
        state: Tensor,
        resets: Tensor,
        inputs: dict[str, Tensor] | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Run whole rows; arguments and results as in `Cortex.forward`."""
        share_E = self.gate.softmax(0)
        mixed: Tensor | float = 0.0
        after = []
        parts = state.split(self.state_sizes, dim=-1)
        for index, (cell, part) in enumerate(zip(self.cells, parts, strict=True)):
            h_STD, last = _run(cell, x_STI, part, resets, inputs)
            mixed = mixed + share_E[index] * h_STD
            after.append(last)
        assert isinstance(mixed, Tensor)
        return mixed, torch.cat(after, dim=-1)

    def multiply_adds(self) -> int:
        """Multiply-adds per step."""
        cells: list[Any] = list(self.cells)
        return sum(cell.multiply_adds() + self.width for cell in cells)


@component("cortex")
class Cortex(nn.Module):
    """Layers of recurrent cells; every layer reads the output of the one before it.

    The output is the input and the last layer's output side by side, so that the heads see the present as it is and
    the memory does not have to carry it.
    """

    reads_inputs = True

    def __init__(self, spec: BuildSpec) -> None:
        super().__init__()
        config = spec.config.cortex
        layers: list[Any] = []
        width = spec.in_width
        for layer in parse_pattern(config.pattern):
            layers.append(
                Column(layer, width, config.width, spec)
                if isinstance(layer, tuple)
                else _make_cell(layer, width, config.width, spec)
            )
            width = config.width
        self.layers = nn.ModuleList(layers)
        self.state_sizes: list[int] = [layer.state_size for layer in layers]
        self.state_size = sum(self.state_sizes)
        self.out_width = spec.in_width + width

    def forward(
        self,
        x_STI: Tensor,
        state: Tensor,
        resets: Tensor,
        inputs: dict[str, Tensor] | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Run whole rows.

        Args:
            x_STI: `[S, T, I]` features of the observations.
            state: `[S, state_size]` before the first observation.
            resets: `[S, T] bool`, true where an observation is the first of an episode; the state is zeroed before it.
            inputs: what the encoder wrote, each `[S, T, ...]`, for cells that read it.

        Returns:
            `[S, T, out_width]` features with memory, and `[S, state_size]` the state after the last observation.
        """
        h_STD = x_STI
        after = []
        for layer, part in zip(self.layers, state.split(self.state_sizes, dim=-1), strict=True):
            h_STD, last = _run(layer, h_STD, part, resets, inputs)
            after.append(last)
        return torch.cat([x_STI, h_STD], dim=-1), torch.cat(after, dim=-1)

    def multiply_adds(self) -> int:
        """Multiply-adds per agent-step."""
        layers: list[Any] = list(self.layers)
        return sum(layer.multiply_adds() for layer in layers)
