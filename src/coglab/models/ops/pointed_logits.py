"""Logits from plain logits and a pointer at route classes, see `components/route_pointer.py`.

`logits[move] = plain[move] + strength * sum of weight[class] over the classes that the move leads to`, where the
weights are the softmax of the pointers over the classes that have a route, and over "none of them", always open.

R observations, U actions, C classes, P = C + 1 pointers, V = U + P.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from coglab.engine.jit import kernel

FIRST_MOVE = 1
"""Action index of the first of the four moves."""

_CLOSED = -1e4


@kernel(what="the network's kernels", seconds=10)
def point_forward(
    raw: np.ndarray, moves: np.ndarray, strength: np.ndarray, weight: np.ndarray, logits: np.ndarray
) -> None:
    """Compute the logits.

    Args:
        raw: `[R, V]` plain logits, then pointers.
        moves: `[R, C] uint8` bit 0..3: move 0..3 leads to the class; 0 = the class has no route.
        strength: `[]`.
        weight: `[R, P]`, written: softmax of the pointers.
        logits: `[R, U]`, written.
    """
    num_actions, num_classes = logits.shape[1], moves.shape[1]
    scale = strength[()]
    for row in range(raw.shape[0]):
        largest = raw[row, num_actions + num_classes]
        for c in range(num_classes):
            if moves[row, c] != 0:
                largest = max(largest, raw[row, num_actions + c])
        total = np.exp(raw[row, num_actions + num_classes] - largest)
        weight[row, num_classes] = total
        for c in range(num_classes):
            weight[row, c] = 0.0
            if moves[row, c] != 0:
                weight[row, c] = np.exp(raw[row, num_actions + c] - largest)
                total += weight[row, c]
        for c in range(num_classes + 1):
            weight[row, c] /= total
        for u in range(num_actions):
            logits[row, u] = raw[row, u]
        for c in range(num_classes):
            if moves[row, c] != 0:
                for d in range(4):
                    if (moves[row, c] >> d) & 1:
                        logits[row, FIRST_MOVE + d] += scale * weight[row, c]


@kernel(what="the network's kernels", seconds=10)
def point_backward(
    moves: np.ndarray,
    strength: np.ndarray,
    weight: np.ndarray,
    grad_logits: np.ndarray,
    grad_raw: np.ndarray,
    grad_strength: np.ndarray,
) -> None:
    """Compute the gradients of `point_forward`.

    Args:
        moves: `[R, C] uint8`, as in the forward pass.
        strength: `[]`, as in the forward pass.
        weight: `[R, P]`, as the forward pass wrote it.
        grad_logits: `[R, U]`.
        grad_raw: `[R, V]`, written.
        grad_strength: `[]`, increased.
    """
    num_actions, num_classes = grad_logits.shape[1], moves.shape[1]
    scale = strength[()]
    for row in range(moves.shape[0]):
        for u in range(num_actions):
            grad_raw[row, u] = grad_logits[row, u]
        mean = scale * 0.0
        for c in range(num_classes):
            felt = scale * 0.0
            if moves[row, c] != 0:
                for d in range(4):
                    if (moves[row, c] >> d) & 1:
                        felt += grad_logits[row, FIRST_MOVE + d]
            grad_raw[row, num_actions + c] = felt
            mean += weight[row, c] * felt
        grad_raw[row, num_actions + num_classes] = 0.0
        for c in range(num_classes + 1):
            felt = grad_raw[row, num_actions + c]
            grad_raw[row, num_actions + c] = scale * weight[row, c] * (felt - mean)
        grad_strength[()] += mean


class _PointedLogits(torch.autograd.Function):
    """Autograd over the kernels."""

    @staticmethod
    def forward(ctx: Any, raw: Tensor, moves: Tensor, strength: Tensor) -> Tensor:
        raw, moves = raw.contiguous(), moves.contiguous()
        num_classes = moves.shape[1]
        weight = raw.new_empty(len(raw), num_classes + 1)
        logits = raw.new_empty(len(raw), raw.shape[1] - num_classes - 1)
        point_forward(raw.numpy(), moves.numpy(), strength.numpy(), weight.numpy(), logits.numpy())
        ctx.save_for_backward(moves, strength, weight)
        return logits

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Any:
        moves, strength, weight = ctx.saved_tensors
        grad = grads[0].contiguous()
        grad_raw = weight.new_empty(len(moves), grad.shape[1] + weight.shape[1])
        grad_strength = torch.zeros_like(strength)
        point_backward(
            moves.numpy(),
            strength.detach().numpy(),
            weight.numpy(),
            grad.numpy(),
            grad_raw.numpy(),
            grad_strength.numpy(),
        )
        return grad_raw, None, grad_strength


def pointed_logits(raw_RV: Tensor, moves_RC: Tensor, strength: Tensor) -> Tensor:
    """Add the pointed-at moves to the plain logits.

    Args:
        raw_RV: `[R, U + C + 1]` plain logits of the actions, then pointers, the last one at no class.
        moves_RC: `[R, C] uint8` bit 0..3: north, south, west, east begins a shortest route; 0 = no route.
        strength: `[]` logit that a move gains when all weight is on classes that it leads to.

    Returns:
        `[R, U]` logits.
    """
    if raw_RV.device.type == "cpu":
        return _PointedLogits.apply(raw_RV, moves_RC, strength)
    return pointed_logits_reference(raw_RV, moves_RC, strength)


def pointed_logits_reference(raw_RV: Tensor, moves_RC: Tensor, strength: Tensor) -> Tensor:
    """Do the same as `pointed_logits` with PyTorch's own operations; arguments and result as there."""
    num_actions = raw_RV.shape[1] - moves_RC.shape[1] - 1
    plain_RU, pointers_RP = raw_RV[:, :num_actions], raw_RV[:, num_actions:]
    closed_RP = functional.pad(moves_RC == 0, (0, 1))
    weight_RP = torch.softmax(pointers_RP.masked_fill(closed_RP, _CLOSED), dim=1)
    bits = 2 ** torch.arange(4, dtype=torch.uint8, device=moves_RC.device)
    leads_RC4 = (moves_RC.unsqueeze(-1) & bits).ne(0).to(raw_RV.dtype)
    gain_R4 = torch.bmm(weight_RP[:, :-1].unsqueeze(1), leads_RC4).squeeze(1)
    behind = num_actions - FIRST_MOVE - gain_R4.shape[1]
    return plain_RU + functional.pad(strength * gain_R4, (FIRST_MOVE, behind))
