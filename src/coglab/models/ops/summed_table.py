"""The sum of table rows by id, with bias and ReLU: the first layer of `fast`.

`out[r] = relu(bias + sum_k weight[ids[r, k]])`; id 0 is padding and stands at the end of a row. On a CPU the sum and
its scatter are numba kernels (order of additions fixed, so results do not depend on threads); elsewhere and for
checking, `F.embedding_bag` says the same in PyTorch.

R rows, K ids, V table rows, D width.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from coglab.engine.jit import kernel


@kernel(what="the network's kernels", seconds=10)
def sum_rows(ids: np.ndarray, weight: np.ndarray, bias: np.ndarray, out: np.ndarray) -> None:
    """Write `relu(bias [D] + sum of weight [V, D] over ids [R, K])` to the first D columns of `out [R, >= D]`."""
    # Eight table rows at a time: the running sum is then read and written once for eight additions, which is what the
    # plain loop (`for k: out[row] += weight[ids[row, k]]`) spends most of its time on.
    width = weight.shape[1]
    for row in range(ids.shape[0]):
        count = 0
        while count < ids.shape[1] and ids[row, count] != 0:
            count += 1
        for d in range(width):
            out[row, d] = bias[d]
        k = 0
        while k + 8 <= count:
            w0, w1, w2, w3 = (
                weight[ids[row, k]],
                weight[ids[row, k + 1]],
                weight[ids[row, k + 2]],
                weight[ids[row, k + 3]],
            )
            w4, w5, w6, w7 = (
                weight[ids[row, k + 4]],
                weight[ids[row, k + 5]],
                weight[ids[row, k + 6]],
                weight[ids[row, k + 7]],
            )
            for d in range(width):
                left = (w0[d] + w1[d]) + (w2[d] + w3[d])
                right = (w4[d] + w5[d]) + (w6[d] + w7[d])
                out[row, d] += left + right
            k += 8
        while k < count:
            last = weight[ids[row, k]]
            for d in range(width):
                out[row, d] += last[d]
            k += 1
        for d in range(width):
            out[row, d] = max(out[row, d], 0.0)


@kernel(what="the network's kernels", seconds=10)
def scatter_rows(
    ids: np.ndarray,
    out: np.ndarray,
    grad_out: np.ndarray,
    grad_weight: np.ndarray,
    grad_bias: np.ndarray,
    touched: np.ndarray,
) -> None:
    """Add the gradient of `sum_rows` to `grad_weight [V, D]` and `grad_bias [D]`.

    Args:
        ids: `[R, K] int16`, as in the forward pass.
        out: `[R, >= D]` result of the forward pass; its sign says where the ReLU lets gradients through.
        grad_out: `[R, >= D]` gradient of it.
        grad_weight: increased.
        grad_bias: increased.
        touched: bool `[V]`, set for every row of `grad_weight` that is added to.
    """
    width = grad_weight.shape[1]
    masked = np.zeros(width, grad_weight.dtype)
    for row in range(ids.shape[0]):
        for d in range(width):
            masked[d] = grad_out[row, d] if out[row, d] > 0.0 else 0.0
        for d in range(width):
            grad_bias[d] += masked[d]
        for k in range(ids.shape[1]):
            v = ids[row, k]
            if v == 0:
                break
            touched[v] = True
            for d in range(width):
                grad_weight[v, d] += masked[d]


class _SummedTable(torch.autograd.Function):
    """Autograd over the kernels."""

    @staticmethod
    def forward(
        ctx: Any,
        ids: Tensor,
        weight: Tensor,
        bias: Tensor,
        in_place: bool,
        touched: np.ndarray | None,
    ) -> Tensor:
        out = torch.empty(ids.shape[0], weight.shape[1], dtype=weight.dtype)
        sum_rows(ids.numpy(), weight.detach().numpy(), bias.detach().numpy(), out.numpy())
        ctx.save_for_backward(ids, out)
        ctx.weight, ctx.bias, ctx.in_place, ctx.touched = weight, bias, in_place, touched
        return out

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Any:
        ids, out = ctx.saved_tensors
        weight, bias = ctx.weight, ctx.bias
        add_in_place = ctx.in_place and weight.grad is not None
        grad_weight = weight.grad if add_in_place else torch.zeros_like(weight)
        grad_bias = torch.zeros_like(bias)
        scatter_rows(
            ids.numpy(),
            out.detach().numpy(),
            grads[0].contiguous().numpy(),
            grad_weight.detach().numpy(),
            grad_bias.numpy(),
            rows_to_mark(weight, ctx.touched, add_in_place),
        )
        return None, None if add_in_place else grad_weight, grad_bias, None, None


def rows_to_mark(weight: Tensor, touched: np.ndarray | None, adds_in_place: bool) -> np.ndarray:
    """Where `scatter_rows` marks rows: in `touched`, unless the gradient reaches `weight.grad` by another way.

    Args:
        weight: the table.
        touched: bool `[V]` of `SummedTable.touched`; all of it is set if marks could be missing.
        adds_in_place: the gradient is added to `weight.grad` directly.

    Returns:
        bool `[V]`.
    """
    if touched is not None and adds_in_place:
        return touched
    if touched is not None:
        touched[:] = True
    return np.empty(weight.shape[0], np.bool_)


def summed_table(
    ids: Tensor,
    weight: Tensor,
    bias: Tensor,
    *,
    in_place: bool = False,
    touched: np.ndarray | None = None,
) -> Tensor:
    """Sum table rows, add the bias, apply ReLU.

    Args:
        ids: `[R, K] int16`, 0 = padding, only at the end of a row.
        weight: `[V, D]`; row 0 is never read and receives no gradient.
        bias: `[D]`.
        in_place: on a CPU, where `weight.grad` exists already, `backward()` adds to it directly instead of making
            a second `[V, D]` gradient. Only for training loops that call `backward()`; `torch.autograd.grad` would
            then miss the gradient.
        touched: bool `[V]`, set on a CPU for rows that `backward()` adds to; rows without a mark have no gradient.

    Returns:
        `[R, D]`.
    """
    if weight.device.type == "cpu":
        return _SummedTable.apply(ids, weight, bias, in_place, touched)
    return summed_table_reference(ids, weight, bias)


def summed_table_reference(ids: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Do the same as `summed_table` with PyTorch's own operations.

    Args:
        ids: `[R, K]` integers, 0 = padding anywhere.
        weight: `[V, D]`.
        bias: `[D]`.

    Returns:
        `[R, D]`.
    """
    total = functional.embedding_bag(ids.int(), weight, mode="sum", padding_idx=0)
    return torch.relu(total + bias)


class SummedTable(nn.Module):
    """A learned table whose rows are summed by id, with bias and ReLU.

    Args:
        num_rows: V; row 0 is padding.
        width: D.
        typical_ids: ids per observation; sets the scale of the initial weights and the FLOP count.

    Attributes:
        in_place_gradient: see `summed_table`.
        touched: bool `[V]` or None, see `summed_table`.
    """

    def __init__(self, num_rows: int, width: int, typical_ids: int) -> None:
        super().__init__()
        self.out_width = width
        self.typical_ids = typical_ids
        self.in_place_gradient = False
        self.touched: np.ndarray | None = None
        self.weight = nn.Parameter(torch.empty(num_rows, width))
        self.bias = nn.Parameter(torch.zeros(width))
        nn.init.normal_(self.weight, std=typical_ids**-0.5)
        with torch.no_grad():
            self.weight[0] = 0.0

    def forward(self, ids_RK: Tensor) -> Tensor:
        """Map ids `[R, K] int16` to `[R, D]`."""
        return summed_table(
            ids_RK,
            self.weight,
            self.bias,
            in_place=self.in_place_gradient,
            touched=self.touched,
        )

    def multiply_adds(self) -> int:
        """Adds per agent-step."""
        return self.typical_ids * self.out_width
