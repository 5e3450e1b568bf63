"""The optimiser: all weights in one array, gradients of all threads in one matrix, one AdamW step over both.

P numbers of weights (padded), W threads. The order of the weights makes ranges, not masks, of what is treated apart:
matrices, matrices of `gtd_aux`, vectors of `gtd_aux`, vectors. Weight decay applies to matrices, TDRC's regulariser to
`gtd_aux`. On a CPU the threads share the step by ranges of the array, and every number is read and written once; on a
GPU the same formulas are a handful of torch operations.

Most rows of a summed table (`fast`'s first layer) have no gradient in a minibatch. They are left as they are, running means
included, until they have one: then a step costs a third, and small minibatches are affordable.

The regulariser `l2 / 2 |theta|^2` of `gtd_aux` enters as its gradient `l2 theta` after clipping: it is as large as the
weights themselves and would otherwise use up the norm that the losses are clipped to.

Source: Loshchilov, Hutter 2019 (AdamW); Pascanu et al. 2013 (clipping of the global norm); Polyak, Juditsky 1992
(averaging). Rows without gradient: as in the sparse Adam variants of the common libraries.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from coglab.engine.jit import helper, kernel
from coglab.models.ops.summed_table import SummedTable
from coglab.training.config import OptimizerConfig
from coglab.training.workers import WorkerPool

ALIGNMENT = 16
"""Every weight starts at a multiple of 16 floats (64 bytes): a cache line, and the widest vector instructions."""

AUX = "gtd_aux."
"""How the names of the auxiliary head's weights begin."""

CRITIC = ("critic.", "team_critic.", AUX)
"""How the names of weights that serve values alone begin; they have a step size of their own."""

CHUNK = 1 << 14
"""Numbers whose squares are summed into one partial sum. Fixed, so that the norm does not depend on the threads."""


class FlatParameters:
    """Moves a network's weights into one contiguous array and gives each thread's copy of it gradients in one matrix.

    Args:
        network: its weights are moved; their values stay. Replicas must be made afterwards.
        num_replicas: rows of the gradient matrix.

    Attributes:
        weights: f32 `[P]`.
        gradients: f32 `[num_replicas, P]`.
        decayed: the first `decayed` numbers belong to weights of two or more dimensions.
        aux: (first, last) of the auxiliary head's weights.
        row: numbers in a row of the table whose rows wait for a gradient; 0 if there is none.
        rows_end: end of that table; it lies first.
        touched: bool `[num_replicas, rows]`, rows of that table that may have a gradient; the others have none.
        critic: (first, last) of all weights that serve values alone, the auxiliary head's among them.
        ranges: name of a weight -> (first, last) in the array.
    """

    def __init__(self, network: nn.Module, num_replicas: int) -> None:
        tables = {
            f"{name}.weight": module.out_width
            for name, module in network.named_modules()
            if isinstance(module, SummedTable) and CHUNK % module.out_width == 0
        }
        lazy = max(tables, key=lambda name: network.get_parameter(name).numel(), default=None)
        named = sorted(
            network.named_parameters(), key=lambda item: (item[0] != lazy, *_order(item))
        )
        self.ranges: dict[str, tuple[int, int]] = {}
        size = 0
        self.decayed = 0
        for name, parameter in named:
            self.ranges[name] = (size, size + parameter.numel())
            size += -(-parameter.numel() // ALIGNMENT) * ALIGNMENT
            if parameter.ndim >= 2:
                self.decayed = size
        self.row = tables[lazy] if lazy is not None else 0
        self.rows_end = self.ranges[lazy][1] if lazy is not None else 0
        self.is_watched = False
        self._table = lazy.removesuffix(".weight") if lazy is not None else None
        self.touched = np.ones((num_replicas, self.rows_end // max(1, self.row)), np.bool_)
        self.aux = self._hull(AUX)
        self.critic = self._hull(CRITIC)
        device = named[0][1].device
        self.weights = _aligned_zeros(size, device)
        self.gradients = _aligned_zeros(num_replicas * size, device).view(num_replicas, size)
        for name, parameter in named:
            view = self._view(self.weights, name, parameter)
            view.copy_(parameter.data)
            parameter.data = view

    def _hull(self, prefixes: str | tuple[str, ...]) -> tuple[int, int]:
        """First and last number of the weights whose names begin so; they lie next to each other."""
        bounds = [bounds for name, bounds in self.ranges.items() if name.startswith(prefixes)]
        return (bounds[0][0], bounds[-1][1]) if bounds else (0, 0)

    def attach(self, replica: nn.Module, index: int) -> None:
        """Let a replica's gradients be accumulated in row `index` of `gradients`.

        Args:
            replica: a network that shares the weights (the original counts).
            index: the row.
        """
        for name, parameter in replica.named_parameters():
            parameter.grad = self._view(self.gradients[index], name, parameter)

    def watch_rows(self, replica: nn.Module, index: int) -> None:
        """Let a replica say which rows of the table it adds a gradient to, instead of looking for them.

        Args:
            replica: a network that is attached and adds to its gradients in place, on a CPU.
            index: its row of `gradients`.
        """
        if self._table is not None:
            table = replica.get_submodule(self._table)
            table.touched = self.touched[index]
            self.touched[index] = False
            self.is_watched = True

    def _view(self, flat: Tensor, name: str, parameter: Tensor) -> Tensor:
        first, last = self.ranges[name]
        return flat[first:last].view(parameter.shape)


def _order(item: tuple[str, Tensor]) -> tuple[bool, int]:
    """Matrices first; within them, and mirrored within the vectors, trunk and actor - critic - auxiliary head."""
    name, parameter = item
    is_vector = parameter.ndim < 2
    rank = name.startswith(CRITIC) + name.startswith(AUX)
    return is_vector, -rank if is_vector else rank


def _aligned_zeros(size: int, device: torch.device) -> Tensor:
    """Zeros that start at a cache line."""
    buffer = torch.zeros(size + ALIGNMENT, device=device)
    offset = -(buffer.data_ptr() // 4) % ALIGNMENT
    return buffer[offset : offset + size]


class AdamW:
    """AdamW with clipping of the global gradient norm.

    Args:
        parameters: the weights and gradients.
        config: decay rates, epsilon, weight decay, norm.
        pool: the threads that share a step.
        aux_l2: strength of the auxiliary head's regulariser.
    """

    def __init__(
        self,
        parameters: FlatParameters,
        config: OptimizerConfig,
        pool: WorkerPool,
        aux_l2: float = 0.0,
    ) -> None:
        self.parameters = parameters
        self.aux_l2 = aux_l2
        self.config = config
        self.pool = pool
        self.gradient_step = 0
        self.mean = torch.zeros_like(parameters.weights)
        self.square = torch.zeros_like(parameters.weights)
        self.average = parameters.weights.clone() if config.averaging else None
        chunks = -(-parameters.weights.numel() // CHUNK)
        self._partial = np.zeros(chunks, np.float64)
        self._active = np.zeros(parameters.rows_end // max(1, parameters.row), np.bool_)
        bounds = np.linspace(0, chunks, pool.num_workers + 1).astype(int) * CHUNK
        self._bounds = np.minimum(bounds, parameters.weights.numel())

    def step(
        self,
        learning_rate: float,
        critic_learning_rate: float | None = None,
        exchange: Callable[[Tensor], None] | None = None,
    ) -> float:
        """Add up the replicas' gradients, clip, update the weights and their average, and clear the gradients.

        Args:
            learning_rate: step size.
            critic_learning_rate: step size of weights that serve values alone; left out, the same.
            exchange: replaces the sum of this process's gradients by the sum over all processes, in place.

        Returns:
            The global norm before clipping. If it is not finite, the weights are left alone.
        """
        reduce = self._reduce_on_cpu if self.mean.device.type == "cpu" else self._reduce_on_gpu
        touched = self.parameters.touched
        norm = reduce(self.parameters.gradients, touched)
        if exchange is not None:
            total = self.parameters.gradients[:1]
            exchange(total[0])
            norm = reduce(total, np.ones_like(touched[:1]))
        if not math.isfinite(norm):
            return norm
        self.gradient_step += 1
        config = self.config
        scale = min(1.0, config.max_grad_norm / (norm + 1e-6))
        correct_mean = 1.0 - config.beta1**self.gradient_step
        correct_square = 1.0 - config.beta2**self.gradient_step
        root = math.sqrt(correct_square)
        decayed = self.parameters.decayed
        gradient = self.parameters.gradients
        first, last = self.parameters.critic
        size = self.parameters.weights.numel()
        critic_rate = learning_rate if critic_learning_rate is None else critic_learning_rate
        # Ranges of weights with one step size each.
        parts = [(0, first, learning_rate), (first, last, critic_rate), (last, size, learning_rate)]
        if self.mean.device.type != "cpu":
            weights, aux = self.parameters.weights, slice(*self.parameters.aux)
            total = gradient[0] * scale
            total[aux] += self.aux_l2 * weights[aux]
            mean = self.mean.lerp(total, 1.0 - config.beta1)
            square = (self.square * config.beta2).addcmul_(total, total, value=1.0 - config.beta2)
            change = mean / ((square.sqrt() / root).add_(config.eps))
            rows = slice(0, self.parameters.rows_end)
            if self.parameters.row:
                shape = (-1, self.parameters.row)
                waits = (total[rows].view(shape) == 0).all(dim=1, keepdim=True)
                for new, old in ((mean, self.mean), (square, self.square)):
                    new[rows].view(shape).copy_(
                        torch.where(waits, old[rows].view(shape), new[rows].view(shape))
                    )
                change[rows].view(shape).masked_fill_(waits, 0.0)
            self.mean.copy_(mean)
            self.square.copy_(square)
            for start, stop, rate in parts:
                weights[start : min(stop, decayed)] *= 1.0 - rate * config.weight_decay
                weights[start:stop].sub_(change[start:stop], alpha=rate / correct_mean)
            gradient.zero_()
            self._update_average()
            return norm
        arrays = (
            self.parameters.weights.numpy(), gradient.numpy(), self.mean.numpy(), self.square.numpy(),
        )  # fmt: skip
        constants = [
            np.array(
                [
                    scale, config.beta1, config.beta2, 1.0 / root, config.eps, rate / correct_mean,
                    1.0 - rate * config.weight_decay, self.aux_l2,
                ],
                np.float32,
            )
            for _, _, rate in parts
        ]  # fmt: skip

        def of_worker(worker: int) -> None:
            begin, end = int(self._bounds[worker]), int(self._bounds[worker + 1])
            for (start, stop, _), numbers in zip(parts, constants, strict=True):
                low, high = max(begin, start), min(end, stop)
                rows_end = min(high, self.parameters.rows_end)
                if low < rows_end:
                    adamw_rows(*arrays, numbers, self.parameters.row, self._active, low, rows_end)
                    low = rows_end
                if low < high:
                    adamw(*arrays, numbers, decayed, *self.parameters.aux, low, high)

        self.pool.run(of_worker)
        if self.parameters.is_watched:
            self.parameters.touched[:] = False
        self._update_average()
        return norm

    def _update_average(self) -> None:
        """Move the average towards the new weights; over the first steps it is their plain mean."""
        if self.average is not None:
            decay = min(self.config.averaging, 1.0 - 1.0 / self.gradient_step)
            self.average.lerp_(self.parameters.weights, 1.0 - decay)

    @contextlib.contextmanager
    def deployed(self) -> Iterator[None]:
        """While this lasts, the network has the weights to be deployed: the averages, if there are any."""
        if self.average is None:
            yield
            return
        newest = self.parameters.weights.clone()
        self.parameters.weights.copy_(self.average)
        try:
            yield
        finally:
            self.parameters.weights.copy_(newest)

    def _reduce_on_cpu(self, rows: Tensor, touched: np.ndarray) -> float:
        """Add all rows into the first; returns the norm of the sum. `touched` as in `add_gradients`."""
        gradients = rows.numpy()
        bits = gradients.view(np.uint32)
        rows_end = self.parameters.rows_end

        def of_worker(worker: int) -> None:
            first, last = int(self._bounds[worker]), int(self._bounds[worker + 1])
            row = self.parameters.row
            add_gradients(
                gradients, bits, touched, row, rows_end, self._active, first, last, self._partial
            )

        self.pool.run(of_worker)
        return math.sqrt(float(self._partial.sum()))

    def _reduce_on_gpu(self, gradients: Tensor, _: np.ndarray) -> float:
        if gradients.shape[0] > 1:
            gradients[0] = gradients.sum(dim=0)
        return float(torch.linalg.vector_norm(gradients[0]))

    def tensors(self) -> list[Tensor]:
        """What `load_arrays` may change, the weights included."""
        average = [] if self.average is None else [self.average]
        return [self.mean, self.square, self.parameters.weights, *average]

    def to_arrays(self) -> dict[str, Any]:
        """What another optimiser needs to go on, by name: running means, and the newest weights if others are deployed."""
        arrays = {"mean": self.mean, "square": self.square}
        if self.average is not None:
            arrays |= {"average": self.average, "weights": self.parameters.weights}
        return {name: array.cpu().numpy() for name, array in arrays.items()}

    def load_arrays(self, arrays: dict[str, Any], gradient_step: int) -> None:
        """Continue from what `to_arrays` wrote.

        Args:
            arrays: by name.
            gradient_step: gradient steps done when they were written.
        """
        self.mean.copy_(torch.as_tensor(arrays["mean"]))
        self.square.copy_(torch.as_tensor(arrays["square"]))
        if "weights" in arrays:  # the checkpoint's own weights are the average
            self.parameters.weights.copy_(torch.as_tensor(arrays["weights"]))
        if self.average is not None:
            self.average.copy_(torch.as_tensor(arrays.get("average", self.parameters.weights)))
        self.gradient_step = gradient_step


@helper
def _add_up(gradients, first, last, lanes):
    """Add all rows of `gradients` f32[W,P] into row 0 on `[first, last)`; return the sum of the result's squares."""
    total = gradients[0, first:last]
    for w in range(1, gradients.shape[0]):
        part = gradients[w, first:last]
        for i in range(part.shape[0]):
            total[i] += part[i]
    # Sixteen independent sums: one running sum would wait for each addition before the next.
    lanes[:] = 0.0
    whole = (last - first) // 16 * 16
    for i in range(0, whole, 16):
        for j in range(16):
            lanes[j] += total[i + j] * total[i + j]
    squares = 0.0
    for j in range(16):
        squares += np.float64(lanes[j])
    for i in range(whole, last - first):
        squares += np.float64(total[i]) * total[i]
    return squares


@kernel
def add_gradients(gradients, bits, touched, row, rows_end, active, first, last, partial):
    """Add all rows of `gradients` f32[W,P] into row 0, and sum the squares of the result chunk by chunk.

    Args:
        gradients: f32[W,P].
        bits: u32[W,P], the same memory: a number is 0 if all its bits but the sign are.
        touched: bool[W, rows_end / row], rows of the table that are looked at; the others are known to have no gradient.
        row: numbers in a row of the table at the beginning of P, rows without gradient are passed over; 0: none.
        rows_end: end of that table.
        active: bool[rows_end / row], written for the rows in the range: whether they have a gradient.
        first: first number; a multiple of CHUNK.
        last: end of the numbers.
        partial: f64[chunks], written for the chunks of the range.
    """
    lanes = np.zeros(16, np.float32)
    for start in range(first, last, CHUNK):
        end = min(start + CHUNK, last)
        squares = 0.0
        at = start
        while at < min(end, rows_end):
            found = np.uint32(0)
            for w in range(bits.shape[0]):
                if touched[w, at // row]:
                    part = bits[w, at : at + row]
                    for i in range(part.shape[0]):
                        found |= part[i]
            active[at // row] = (found & np.uint32(0x7FFFFFFF)) != 0
            if active[at // row]:
                squares += _add_up(gradients, at, at + row, lanes)
            at += row
        if at < end:
            squares += _add_up(gradients, at, end, lanes)
        partial[start // CHUNK] = squares


@kernel
def adamw_rows(weights, gradients, mean, square, constants, row, active, first, last):
    """One AdamW step on the rows of a table that have a gradient; arguments as in `adamw` and `add_gradients`."""
    scale, beta1, beta2 = constants[0], constants[1], constants[2]
    inverse_root, eps, rate, keep = constants[3], constants[4], constants[5], constants[6]
    one = np.float32(1.0)
    for at in range(first, last, row):
        if not active[at // row]:
            continue
        weight, gradient = weights[at : at + row], gradients[0, at : at + row]
        average, average_square = mean[at : at + row], square[at : at + row]
        for i in range(weight.shape[0]):
            g = gradient[i] * scale
            m = beta1 * average[i] + (one - beta1) * g
            s = beta2 * average_square[i] + (one - beta2) * g * g
            average[i] = m
            average_square[i] = s
            weight[i] = weight[i] * keep - rate * m / (np.sqrt(s) * inverse_root + eps)
            gradient[i] = 0.0
        for w in range(1, gradients.shape[0]):
            gradients[w, at : at + row] = 0.0


@kernel
def adamw(weights, gradients, mean, square, constants, decayed, first_aux, last_aux, first, last):
    """One AdamW step on `[first, last)`, and gradients back to 0.

    Args:
        weights: f32[P].
        gradients: f32[W,P], the sum in row 0; all rows cleared.
        mean: f32[P] running mean of the clipped gradient.
        square: f32[P] running mean of its square.
        constants: f32[8]: gradient scale, beta1, beta2, 1 / sqrt(bias correction of the square), epsilon, learning
            rate / bias correction of the mean, 1 - learning rate x weight decay, strength of
            the auxiliary head's regulariser.
        decayed: weight decay applies below this index.
        first_aux: first number of the auxiliary head.
        last_aux: end of them.
        first: first number.
        last: end of the numbers.
    """
    scale, beta1, beta2 = constants[0], constants[1], constants[2]
    inverse_root, eps, rate, keep = constants[3], constants[4], constants[5], constants[6]
    one = np.float32(1.0)
    l2 = constants[7] / scale
    for i in range(max(first, first_aux), min(last, last_aux)):
        gradients[0, i] += l2 * weights[i]
    if keep != one:
        for i in range(first, min(last, decayed)):
            weights[i] *= keep
    # Views that are read from index 0 up are what lets the compiler use vector instructions (7 times faster).
    weight, gradient = weights[first:last], gradients[0, first:last]
    average, average_square = mean[first:last], square[first:last]
    for i in range(weight.shape[0]):
        g = gradient[i] * scale
        m = beta1 * average[i] + (one - beta1) * g
        s = beta2 * average_square[i] + (one - beta2) * g * g
        average[i] = m
        average_square[i] = s
        weight[i] -= rate * m / (np.sqrt(s) * inverse_root + eps)
        gradient[i] = 0.0
    for w in range(1, gradients.shape[0]):
        gradients[w, first:last] = 0.0
