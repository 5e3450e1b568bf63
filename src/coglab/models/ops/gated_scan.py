"""The recurrence `h_t = (1 - z_t) h_{t-1} + z_t c_t` over whole rows, with resets inside the rows.

Gates z and candidates c depend on the input only, so one matrix product makes them for all T and only this scan is
sequential. On a CPU it is a numba kernel, elsewhere a scan in log2(T) steps.

S rows, T steps, D channels.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from coglab.engine.jit import kernel


@kernel
def scan_forward(
    gates: np.ndarray,
    candidates: np.ndarray,
    start: np.ndarray,
    resets: np.ndarray,
    out: np.ndarray,
) -> None:
    """Write `out [S, T, D]`; `candidates [S, T, >= D]` may be a wider array of which the last D columns count."""
    width = gates.shape[2]
    shift = candidates.shape[2] - width
    for s in range(gates.shape[0]):
        for t in range(gates.shape[1]):
            if resets[s, t]:
                for d in range(width):
                    out[s, t, d] = gates[s, t, d] * candidates[s, t, shift + d]
            elif t == 0:
                for d in range(width):
                    before = start[s, d]
                    step = gates[s, t, d] * (candidates[s, t, shift + d] - before)
                    out[s, t, d] = before + step
            else:
                for d in range(width):
                    before = out[s, t - 1, d]
                    step = gates[s, t, d] * (candidates[s, t, shift + d] - before)
                    out[s, t, d] = before + step


@kernel
def scan_backward(
    gates: np.ndarray,
    candidates: np.ndarray,
    start: np.ndarray,
    resets: np.ndarray,
    out: np.ndarray,
    grad_out: np.ndarray,
    grad_last: np.ndarray,
    grad_pre: np.ndarray,
    grad_start: np.ndarray,
) -> None:
    """Write the gradients of `scan_forward`.

    Args:
        gates: `[S, T, D]`, after the sigmoid.
        candidates: `[S, T, 2 D]`, of which the last D columns count.
        start: `[S, D]` state before the first step.
        resets: `[S, T] bool`.
        out: `[S, T, D]` result of the forward scan.
        grad_out: `[S, T, D]`.
        grad_last: `[S, D]` gradient of the state after the last step.
        grad_pre: `[S, T, 2 D]`, written: gradient of the gate before its sigmoid, then of the candidate.
        grad_start: `[S, D]`, written.
    """
    width = gates.shape[2]
    shift = candidates.shape[2] - width
    carried = np.zeros(width, gates.dtype)
    for s in range(gates.shape[0]):
        for d in range(width):
            carried[d] = grad_last[s, d]
        for back in range(gates.shape[1]):
            t = gates.shape[1] - 1 - back
            if resets[s, t]:
                for d in range(width):
                    gate = gates[s, t, d]
                    total = carried[d] + grad_out[s, t, d]
                    grad_pre[s, t, d] = total * candidates[s, t, shift + d] * gate * (1.0 - gate)
                    grad_pre[s, t, width + d] = total * gate
                    carried[d] = 0.0
            else:
                for d in range(width):
                    before = out[s, t - 1, d] if t > 0 else start[s, d]
                    gate = gates[s, t, d]
                    total = carried[d] + grad_out[s, t, d]
                    change = candidates[s, t, shift + d] - before
                    grad_pre[s, t, d] = total * change * gate * (1.0 - gate)
                    grad_pre[s, t, width + d] = total * gate
                    carried[d] = total * (1.0 - gate)
        for d in range(width):
            grad_start[s, d] = carried[d]


class _GatedScan(torch.autograd.Function):
    """Autograd over the kernels."""

    @staticmethod
    def forward(ctx: Any, pre: Tensor, start: Tensor, resets: Tensor) -> Tensor:
        pre, start = pre.detach().contiguous(), start.detach().contiguous()
        width = pre.shape[2] // 2
        gates = torch.sigmoid(pre[..., :width]).contiguous()
        out = torch.empty_like(gates)
        resets = resets.contiguous()
        scan_forward(gates.numpy(), pre.numpy(), start.numpy(), resets.numpy(), out.numpy())
        ctx.save_for_backward(gates, pre, start, resets, out)
        return out

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Any:
        gates, pre, start, resets, out = ctx.saved_tensors
        grad_pre = torch.empty_like(pre)
        grad_start = torch.empty_like(start)
        scan_backward(
            gates.numpy(),
            pre.numpy(),
            start.numpy(),
            resets.numpy(),
            out.detach().numpy(),
            grads[0].contiguous().numpy(),
            np.zeros(start.shape, gates.numpy().dtype),
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

    Every step is the affine map `h -> keep h + add`; maps over 1, 2, 4, ... steps are composed (Hillis and Steele
    1986, "Data parallel algorithms").

    Args:
        pre: `[S, T, 2 D]`.
        start: `[S, D]`.
        resets: `[S, T] bool`.

    Returns:
        `[S, T, D]`.
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
