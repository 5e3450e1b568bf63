"""The recurrence `h_t = (1 - z_t) h_{t-1} + z_t c_t` over whole rows, with resets inside the rows.

Gates z and candidates c depend on the input only, so one matrix product makes them for all T and only this scan is
sequential. On a CPU it is a numba kernel, elsewhere a scan in log2(T) steps.

S rows, T steps, D channels. The kernels read and write D columns of wider arrays, from column `shift` on, so that
the fused network needs no copies.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from coglab.engine.jit import kernel


@kernel(what="the network's kernels", seconds=10)
def scan_forward(
    gated: np.ndarray, start: np.ndarray, resets: np.ndarray, shift: int, out: np.ndarray
) -> None:
    """Run the recurrence.

    Args:
        gated: `[S, T, 2 D]` gates after the sigmoid, then candidates.
        start: `[S, D]` state before the first step.
        resets: `[S, T] bool`, true where the state is 0 before the step.
        shift: first column of `out` to write.
        out: `[S, T, >= shift + D]`, D columns written: the state after every step.
    """
    width = start.shape[1]
    state = np.zeros(width, gated.dtype)
    for s in range(gated.shape[0]):
        for d in range(width):
            state[d] = start[s, d]
        for t in range(gated.shape[1]):
            if resets[s, t]:
                for d in range(width):
                    state[d] = 0.0
            for d in range(width):
                state[d] += gated[s, t, d] * (gated[s, t, width + d] - state[d])
            for d in range(width):
                out[s, t, shift + d] = state[d]


@kernel(what="the network's kernels", seconds=10)
def scan_backward(
    gated: np.ndarray,
    start: np.ndarray,
    resets: np.ndarray,
    shift: int,
    out: np.ndarray,
    grad_out: np.ndarray,
    grad_last: np.ndarray,
    grad_pre: np.ndarray,
    grad_start: np.ndarray,
) -> None:
    """Write the gradients of `scan_forward`.

    Args:
        gated: `[S, T, 2 D]`, as in the forward scan.
        start: `[S, D]`, as in the forward scan.
        resets: `[S, T] bool`, as in the forward scan.
        shift: first column of `out` and `grad_out` that counts.
        out: `[S, T, >= shift + D]` result of the forward scan.
        grad_out: `[S, T, >= shift + D]` gradient of it.
        grad_last: `[S, D]` gradient of the state after the last step.
        grad_pre: `[S, T, 2 D]`, written: gradient of the gate before its sigmoid, then of the candidate.
        grad_start: `[S, D]`, written.
    """
    width = start.shape[1]
    carried = np.zeros(width, gated.dtype)
    before = np.zeros(width, gated.dtype)
    for s in range(gated.shape[0]):
        for d in range(width):
            carried[d] = grad_last[s, d]
        for back in range(gated.shape[1]):
            t = gated.shape[1] - 1 - back
            if resets[s, t]:
                for d in range(width):
                    before[d] = 0.0
            elif t > 0:
                for d in range(width):
                    before[d] = out[s, t - 1, shift + d]
            else:
                for d in range(width):
                    before[d] = start[s, d]
            for d in range(width):
                carried[d] += grad_out[s, t, shift + d]
            for d in range(width):
                gate = gated[s, t, d]
                change = gated[s, t, width + d] - before[d]
                grad_pre[s, t, d] = carried[d] * change * gate * (1.0 - gate)
                grad_pre[s, t, width + d] = carried[d] * gate
            if resets[s, t]:
                for d in range(width):
                    carried[d] = 0.0
            else:
                for d in range(width):
                    carried[d] *= 1.0 - gated[s, t, d]
        for d in range(width):
            grad_start[s, d] = carried[d]


class _GatedScan(torch.autograd.Function):
    """Autograd over the kernels."""

    @staticmethod
    def forward(ctx: Any, pre: Tensor, start: Tensor, resets: Tensor) -> Tensor:
        width = pre.shape[2] // 2
        gated = torch.cat([torch.sigmoid(pre[..., :width]), pre[..., width:]], dim=-1)
        start, resets = start.contiguous(), resets.contiguous()
        out = pre.new_empty(*pre.shape[:2], width)
        scan_forward(gated.numpy(), start.numpy(), resets.numpy(), 0, out.numpy())
        ctx.save_for_backward(gated, start, resets, out)
        return out

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Any:
        gated, start, resets, out = ctx.saved_tensors
        grad_pre, grad_start = torch.empty_like(gated), torch.empty_like(start)
        scan_backward(
            gated.numpy(),
            start.numpy(),
            resets.numpy(),
            0,
            out.detach().numpy(),
            grads[0].contiguous().numpy(),
            np.zeros(start.shape, start.numpy().dtype),
            grad_pre.numpy(),
            grad_start.numpy(),
        )
        return grad_pre, grad_start, None


def gated_scan(pre: Tensor, start: Tensor, resets: Tensor) -> Tensor:
    """Run the recurrence over whole rows.

    Args:
        pre: `[S, T, 2 D]`: gates before their sigmoid, then candidates.
        start: `[S, D]` state before the first step.
        resets: `[S, T] bool`; where true the state is 0 before the step.

    Returns:
        `[S, T, D]` state after every step.
    """
    if pre.device.type == "cpu":
        return _GatedScan.apply(pre, start, resets)
    return gated_scan_reference(pre, start, resets)


def gated_scan_reference(pre: Tensor, start: Tensor, resets: Tensor) -> Tensor:
    """Do the same as `gated_scan` with PyTorch's own operations, in log2(T) steps.

    Every step is the affine map `h -> keep h + add`; maps over 1, 2, 4, ... steps are composed.

    Args:
        pre: `[S, T, 2 D]`.
        start: `[S, D]`.
        resets: `[S, T] bool`.

    Returns:
        `[S, T, D]`.

    Source: Hillis and Steele 1986, "Data parallel algorithms".
    """
    gate_pre, candidate = pre.chunk(2, dim=-1)
    gate = torch.sigmoid(gate_pre)
    keep = (1.0 - gate) * (~resets).unsqueeze(-1)
    add = gate * candidate
    add = torch.cat([add[:, :1] + keep[:, :1] * start.unsqueeze(1), add[:, 1:]], dim=1)
    span = 1
    while span < pre.shape[1]:
        add = torch.cat([add[:, :span], add[:, span:] + keep[:, span:] * add[:, :-span]], dim=1)
        keep = torch.cat([keep[:, :span], keep[:, span:] * keep[:, :-span]], dim=1)
        span *= 2
    return add
