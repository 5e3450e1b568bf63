"""The whole `fast` network as one autograd operation on a CPU.

It computes exactly what the components compute one after the other (a test compares them); fusing them saves the
copies, the small operations and the allocations between them, which cost more than the arithmetic. The layout, for
R = S * T observations processed in blocks of rows that stay in the processor's cache:

    core   [R, D + H]       table sum after ReLU, then the recurrent state
    gated  [R, 2 H]         gates after the sigmoid, then candidates
    hidden [R, A + 2 C]     hidden layers of actor, critic, auxiliary head after ReLU

S rows, T steps, D table width, H recurrent width, A actor hidden, C critic hidden, U actions.
"""

from __future__ import annotations

import threading
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from coglab.engine.jit import kernel
from coglab.models.ops.gated_scan import scan_backward, scan_forward
from coglab.models.ops.products import add_product, as_factor, multiply
from coglab.models.ops.summed_table import rows_to_mark, scatter_rows, sum_rows

BLOCK_ROWS = 1024
"""Observations per block: its arrays (about 2 KB per observation) fit into a 2 MB cache."""


class FastWeights(NamedTuple):
    """All parameters of the `fast` network, in the order in which the operation takes them."""

    table: Tensor
    """`[V, D]`"""
    table_bias: Tensor
    """`[D]`"""
    project: Tensor
    """`[2 H, D]`"""
    project_bias: Tensor
    """`[2 H]`"""
    actor: Tensor
    """`[A, D + H]`"""
    actor_bias: Tensor
    """`[A]`"""
    critic: Tensor
    """`[C, D + H]`"""
    critic_bias: Tensor
    """`[C]`"""
    auxiliary: Tensor
    """`[C, D + H]`"""
    auxiliary_bias: Tensor
    """`[C]`"""
    logits: Tensor
    """`[U, A]`"""
    logits_bias: Tensor
    """`[U]`"""
    value: Tensor
    """`[1, C]`"""
    value_bias: Tensor
    """`[1]`"""
    h_value: Tensor
    """`[1, C]`"""
    h_value_bias: Tensor
    """`[1]`"""


class Workspace(NamedTuple):
    """Arrays of one evaluation; kept until its gradients have been computed, then used again."""

    core: Tensor
    gated: Tensor
    hidden: Tensor


class WorkspacePool:
    """Hands out workspaces, so that a training loop allocates them once; threads may share a pool."""

    def __init__(self) -> None:
        self._free: list[Workspace] = []
        self._lock = threading.Lock()

    def take(self, num_rows: int, like: FastWeights) -> Workspace:
        """Get a workspace for `num_rows` observations."""
        with self._lock:
            for index, space in enumerate(self._free):
                core = space.core
                # What was made in inference mode cannot be written to outside of it.
                usable = torch.is_inference_mode_enabled() or not core.is_inference()
                if core.shape[0] == num_rows and core.dtype == like.table.dtype and usable:
                    return self._free.pop(index)
        core_width = like.actor.shape[1]
        hidden_width = like.actor.shape[0] + like.critic.shape[0] + like.auxiliary.shape[0]
        widths = (core_width, like.project.shape[0], hidden_width)
        return Workspace(*(like.table.new_empty(num_rows, width) for width in widths))

    def give_back(self, space: Workspace) -> None:
        """Return a workspace whose content is no longer needed; a few sizes are kept."""
        with self._lock:
            self._free.append(space)
            del self._free[:-4]

    def __deepcopy__(self, memo: dict[int, Any]) -> WorkspacePool:
        """Replicas start with a pool of their own."""
        return WorkspacePool()


@kernel(what="the network's kernels", seconds=10)
def mask_hidden(
    hidden: np.ndarray,
    grad_value: np.ndarray,
    value_weight: np.ndarray,
    grad_auxiliary: np.ndarray,
    auxiliary_weight: np.ndarray,
    grad_hidden: np.ndarray,
    grad_bias: np.ndarray,
) -> None:
    """Complete the gradient of the hidden layers and take it through their ReLU.

    Args:
        hidden: `[R, A + 2 C]` after ReLU.
        grad_value: `[R]` gradient of the values.
        value_weight: `[1, C]`.
        grad_auxiliary: `[R]` gradient of the auxiliary values.
        auxiliary_weight: `[1, C]`.
        grad_hidden: `[R, A + 2 C]`; the actor's columns hold their gradient after the ReLU, the others are written.
        grad_bias: `[A + 2 C]`, increased by the sum over rows.
    """
    critic_width = value_weight.shape[1]
    actor_width = hidden.shape[1] - 2 * critic_width
    for row in range(hidden.shape[0]):
        for c in range(critic_width):
            grad_hidden[row, actor_width + c] = grad_value[row] * value_weight[0, c]
        for c in range(critic_width):
            column = actor_width + critic_width + c
            grad_hidden[row, column] = grad_auxiliary[row] * auxiliary_weight[0, c]
        for c in range(hidden.shape[1]):
            grad_hidden[row, c] = grad_hidden[row, c] if hidden[row, c] > 0.0 else 0.0
        for c in range(hidden.shape[1]):
            grad_bias[c] += grad_hidden[row, c]


class _FusedFast(torch.autograd.Function):
    """Forward and backward of the whole network."""

    @staticmethod
    def forward(
        ctx: Any,
        ids: Tensor,
        state: Tensor,
        resets: Tensor,
        options: tuple[WorkspacePool, bool, bool, bool, np.ndarray | None],
        *parameters: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        pool, needs_gradient, *_ = options
        weights = FastWeights(*parameters)
        num_rows, num_steps = resets.shape
        space = pool.take(num_rows * num_steps, weights)
        width, actor_width = weights.table.shape[1], weights.actor.shape[0]
        half = weights.project.shape[0] // 2
        critic_end = actor_width + weights.critic.shape[0]
        hidden_weight, hidden_bias = _stack(weights)
        project_factor, hidden_factor = as_factor(weights.project), as_factor(hidden_weight)
        logits = space.core.new_empty(num_rows * num_steps, weights.logits.shape[0])
        values, h_values = space.core.new_empty(2, num_rows * num_steps, 1)
        table, table_bias = weights.table.numpy(), weights.table_bias.numpy()
        for first, last in _blocks(num_rows, num_steps):
            rows = slice(first * num_steps, last * num_steps)
            core, gated, hidden = space.core[rows], space.gated[rows], space.hidden[rows]
            sum_rows(ids[rows].numpy(), table, table_bias, core.numpy())
            table_factor = as_factor(core[:, :width])
            multiply(table_factor, project_factor.t(), gated, bias=weights.project_bias)
            gated[:, :half].sigmoid_()
            scan_forward(
                gated.view(last - first, num_steps, -1).numpy(),
                state[first:last].numpy(),
                resets[first:last].numpy(),
                width,
                core.view(last - first, num_steps, -1).numpy(),
            )
            multiply(as_factor(core), hidden_factor.t(), hidden, bias=hidden_bias)
            hidden.relu_()
            torch.addmm(
                weights.logits_bias,
                hidden[:, :actor_width],
                weights.logits.t(),
                out=logits[rows],
            )
            critic_hidden = hidden[:, actor_width:critic_end]
            torch.addmm(weights.value_bias, critic_hidden, weights.value.t(), out=values[rows])
            torch.addmm(
                weights.h_value_bias,
                hidden[:, critic_end:],
                weights.h_value.t(),
                out=h_values[rows],
            )
        after = space.core.view(num_rows, num_steps, -1)[:, -1, width:].clone()
        if needs_gradient:
            ctx.save_for_backward(ids, state, resets)
            ctx.space, ctx.parameters, ctx.options = space, parameters, options
            ctx.hidden_weight = hidden_weight
        else:
            pool.give_back(space)
        shape = (num_rows, num_steps)
        return logits.view(*shape, -1), values.view(shape), h_values.view(shape), after

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Any:
        ids, state, resets = ctx.saved_tensors
        pool, _, detach_auxiliary, in_place, touched = ctx.options
        weights, space = FastWeights(*ctx.parameters), ctx.space
        if space is None:
            raise RuntimeError("backward of the fused network can run only once per evaluation")
        num_rows, num_steps = resets.shape
        width, actor_width = weights.table.shape[1], weights.actor.shape[0]
        critic_width = weights.critic.shape[0]
        critic_end = actor_width + critic_width
        grad_logits, grad_values, grad_h_values = (g.contiguous().flatten(0, 1) for g in grads[:3])
        grad_after = grads[3].contiguous()
        hidden_weight = ctx.hidden_weight
        project_factor, felt = as_factor(weights.project), as_factor(hidden_weight)
        felt = felt[:critic_end] if detach_auxiliary else felt

        adds_in_place = in_place and weights.table.grad is not None
        table_grad = weights.table.grad if adds_in_place else torch.zeros_like(weights.table)
        marks = rows_to_mark(weights.table, touched, adds_in_place)
        table_bias_grad = torch.zeros_like(weights.table_bias)
        project_grad = torch.zeros_like(weights.project)
        project_bias_grad = torch.zeros_like(weights.project_bias)
        hidden_grad = torch.zeros_like(hidden_weight)
        hidden_bias_grad = hidden_weight.new_zeros(len(hidden_weight))
        logits_grad = torch.zeros_like(weights.logits)
        value_grad, h_value_grad = (torch.zeros_like(w) for w in (weights.value, weights.h_value))
        state_grad = torch.empty_like(state)
        block = min(num_rows * num_steps, _block_segments(num_steps) * num_steps)
        grad_hidden_block = space.hidden.new_empty(block, space.hidden.shape[1])
        grad_core_block = space.core.new_empty(block, space.core.shape[1])
        grad_pre_block = space.gated.new_empty(block, space.gated.shape[1])

        for first, last in _blocks(num_rows, num_steps):
            rows = slice(first * num_steps, last * num_steps)
            size = rows.stop - rows.start
            core, gated, hidden = space.core[rows], space.gated[rows], space.hidden[rows]
            grad_hidden, grad_core = grad_hidden_block[:size], grad_core_block[:size]
            grad_pre, block_logits = grad_pre_block[:size], grad_logits[rows]
            logits_grad.addmm_(block_logits.t(), hidden[:, :actor_width])
            value_grad.addmm_(grad_values[rows].unsqueeze(0), hidden[:, actor_width:critic_end])
            h_value_grad.addmm_(grad_h_values[rows].unsqueeze(0), hidden[:, critic_end:])
            torch.mm(block_logits, weights.logits, out=grad_hidden[:, :actor_width])
            mask_hidden(
                hidden.numpy(),
                grad_values[rows].numpy(),
                weights.value.detach().numpy(),
                grad_h_values[rows].numpy(),
                weights.h_value.detach().numpy(),
                grad_hidden.numpy(),
                hidden_bias_grad.numpy(),
            )
            core_factor, grad_factor = as_factor(core), as_factor(grad_hidden)
            add_product(grad_factor.t(), core_factor, hidden_grad)
            multiply(grad_factor[:, : len(felt)], felt, grad_core)
            shape = (last - first, num_steps, -1)
            scan_backward(
                gated.view(shape).numpy(),
                state[first:last].numpy(),
                resets[first:last].numpy(),
                width,
                core.view(shape).numpy(),
                grad_core.view(shape).numpy(),
                grad_after[first:last].numpy(),
                grad_pre.view(shape).numpy(),
                state_grad[first:last].numpy(),
            )
            grad_factor = as_factor(grad_pre)
            add_product(grad_factor.t(), core_factor[:, :width], project_grad)
            project_bias_grad += grad_pre.sum(0)
            add_product(grad_factor, project_factor, grad_core[:, :width])
            scatter_rows(
                ids[rows].numpy(),
                core.numpy(),
                grad_core.numpy(),
                table_grad.detach().numpy(),  # type: ignore[union-attr]
                table_bias_grad.numpy(),
                marks,
            )
        ctx.space = None
        pool.give_back(space)
        parts = (actor_width, critic_width, len(hidden_weight) - critic_end)
        actor_grads, critic_grads, auxiliary_grads = zip(
            hidden_grad.split(parts), hidden_bias_grad.split(parts), strict=True
        )
        gradients = FastWeights(
            None if adds_in_place else table_grad,  # type: ignore[arg-type]
            table_bias_grad,
            project_grad,
            project_bias_grad,
            *actor_grads,
            *critic_grads,
            *auxiliary_grads,
            logits_grad,
            grad_logits.sum(0),
            value_grad,
            grad_values.sum().view(1),
            h_value_grad,
            grad_h_values.sum().view(1),
        )
        return None, state_grad, None, None, *gradients


def fused_fast(
    ids: Tensor,
    state: Tensor,
    resets: Tensor,
    weights: FastWeights,
    pool: WorkspacePool,
    *,
    detach_auxiliary: bool,
    in_place: bool,
    touched: np.ndarray | None = None,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Evaluate the `fast` network.

    Args:
        ids: `[R, K] int16`, contiguous.
        state: `[S, H]` before the first observation.
        resets: `[S, T] bool`.
        weights: all parameters, on the CPU.
        pool: where workspaces come from and go back to.
        detach_auxiliary: the auxiliary head's loss trains that head alone.
        in_place: as in `summed_table`.
        touched: as in `summed_table`.

    Returns:
        logits `[S, T, U]`, values `[S, T]`, auxiliary values `[S, T]`, state after the last observation `[S, H]`.
    """
    needs_gradient = torch.is_grad_enabled() and any(w.requires_grad for w in weights)
    options = (pool, needs_gradient, detach_auxiliary, in_place, touched)
    result: tuple[Tensor, Tensor, Tensor, Tensor] = _FusedFast.apply(
        ids, state.contiguous(), resets.contiguous(), options, *weights
    )
    return result


def _stack(weights: FastWeights) -> tuple[Tensor, Tensor]:
    """Hidden layers of actor, critic and auxiliary head as one layer."""
    matrices = (weights.actor, weights.critic, weights.auxiliary)
    biases = (weights.actor_bias, weights.critic_bias, weights.auxiliary_bias)
    return torch.cat([m.detach() for m in matrices]), torch.cat([b.detach() for b in biases])


def _block_segments(num_steps: int) -> int:
    return max(1, BLOCK_ROWS // num_steps)


def _blocks(num_rows: int, num_steps: int) -> list[tuple[int, int]]:
    """Ranges of rows whose observations are processed together."""
    step = _block_segments(num_steps)
    return [(first, min(first + step, num_rows)) for first in range(0, num_rows, step)]
