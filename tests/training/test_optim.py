import copy

import numpy as np
import pytest
import torch
from torch import nn

from coglab.models.ops.summed_table import SummedTable
from coglab.training.config import OptimizerConfig
from coglab.training.optim import AdamW, FlatParameters
from coglab.training.workers import WorkerPool


def make_network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(37, 211), nn.Tanh(), nn.Linear(211, 90), nn.Linear(90, 3))


def test_moving_weights_into_one_array_keeps_their_values():
    network = make_network()
    before = [p.detach().clone() for p in network.parameters()]
    flat = FlatParameters(network, 2)
    for old, new in zip(before, network.parameters(), strict=True):
        assert torch.equal(old, new)
        assert new.data_ptr() % 64 == 0
    flat.weights.zero_()
    assert all((p == 0).all() for p in network.parameters())


@pytest.mark.parametrize("num_workers", [1, 2])
@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
def test_steps_equal_those_of_torch(num_workers, weight_decay):
    config = OptimizerConfig(weight_decay=weight_decay, max_grad_norm=0.5)
    ours, theirs = make_network(), make_network()
    pool = WorkerPool(num_workers)
    flat = FlatParameters(ours, num_workers)
    flat.attach(ours, 0)
    optimizer = AdamW(flat, config, pool)
    matrices = [p for p in theirs.parameters() if p.ndim >= 2]
    vectors = [p for p in theirs.parameters() if p.ndim < 2]
    reference = torch.optim.AdamW(
        [{"params": matrices}, {"params": vectors, "weight_decay": 0.0}],
        lr=0.01, betas=(config.beta1, config.beta2), eps=config.eps, weight_decay=weight_decay,
    )  # fmt: skip
    for step in range(5):
        x = torch.randn(16, 37, generator=torch.Generator().manual_seed(step))
        (ours(x).square().mean() * 5).backward()
        reference.zero_grad()
        (theirs(x).square().mean() * 5).backward()
        expected_norm = nn.utils.clip_grad_norm_(theirs.parameters(), 0.5)
        reference.step()
        norm = optimizer.step(0.01)
        assert norm == pytest.approx(float(expected_norm), rel=1e-5)
        for own, other in zip(ours.parameters(), theirs.parameters(), strict=True):
            torch.testing.assert_close(own, other, rtol=1e-4, atol=1e-6)
            assert (own.grad == 0).all()
    pool.close()


@pytest.mark.parametrize("num_workers", [1, 2])
def test_the_auxiliary_heads_regulariser_is_its_full_norm_and_is_not_clipped(num_workers):
    config = OptimizerConfig(max_grad_norm=1e-3)
    networks = []
    for l2 in (0.0, 0.25):
        torch.manual_seed(0)
        network = nn.ModuleDict({"gtd_aux": nn.Linear(30, 40), "trunk": nn.Linear(50, 30)})
        flat = FlatParameters(network, 1)
        flat.attach(network, 0)
        before = flat.weights.clone()
        flat.gradients.normal_(generator=torch.Generator().manual_seed(1))
        gradient = flat.gradients[0] * (1e-3 / flat.gradients[0].norm())
        with WorkerPoolContext(num_workers) as pool:
            AdamW(flat, config, pool, aux_l2=l2).step(1.0)
        first, last = flat.aux
        assert last - first >= 30 * 40 + 40
        gradient[first:last] += l2 * before[first:last]
        # The first step of Adam is the sign of the gradient, up to epsilon.
        expected = before - gradient / (gradient.abs() + config.eps)
        torch.testing.assert_close(flat.weights, expected, rtol=1e-3, atol=1e-3)
        networks.append(network)
    a, b = networks
    assert torch.equal(a["trunk"].weight, b["trunk"].weight)
    assert not torch.equal(a["gtd_aux"].bias, b["gtd_aux"].bias)


@pytest.mark.parametrize("num_workers", [1, 2])
def test_layers_that_serve_values_alone_have_a_step_size_of_their_own(num_workers):
    torch.manual_seed(0)
    parts = {name: nn.Linear(300, 70) for name in ("actor", "critic", "gtd_aux", "team_critic")}
    network = nn.ModuleDict({**parts, "z_trunk": nn.Linear(50, 30)})
    flat = FlatParameters(network, 1)
    flat.attach(network, 0)
    before = {name: p.detach().clone() for name, p in network.named_parameters()}
    flat.gradients.fill_(1.0)
    with WorkerPoolContext(num_workers) as pool:
        AdamW(flat, OptimizerConfig(weight_decay=0.1), pool).step(0.01, 0.5)
    for name, parameter in network.named_parameters():
        rate = 0.01 if name.startswith(("actor", "z_trunk")) else 0.5
        # The first step of Adam has the size of the learning rate; only matrices decay.
        decay = rate * 0.1 * before[name] if parameter.ndim == 2 else 0.0
        expected = before[name] - rate - decay
        torch.testing.assert_close(parameter, expected, rtol=1e-3, atol=1e-4)


def test_gradients_of_replicas_are_added():
    network = make_network()
    flat = FlatParameters(network, 3)
    flat.gradients.copy_(torch.randn(flat.gradients.shape))
    total = flat.gradients.sum(0)
    with WorkerPoolContext(2) as pool:
        optimizer = AdamW(flat, OptimizerConfig(), pool)
        norm = optimizer._reduce_on_cpu(flat.gradients, flat.touched)
    torch.testing.assert_close(flat.gradients[0], total)
    assert norm == pytest.approx(float(total.norm()), rel=1e-5)


def test_the_norm_does_not_depend_on_the_number_of_threads():
    norms = []
    for workers in (1, 2, 3):
        flat = FlatParameters(make_network(), 1)
        flat.gradients.copy_(
            torch.randn(flat.gradients.shape, generator=torch.Generator().manual_seed(0))
        )
        with WorkerPoolContext(workers) as pool:
            optimizer = AdamW(flat, OptimizerConfig(), pool)
            norms.append(optimizer._reduce_on_cpu(flat.gradients, flat.touched))
    assert norms[0] == norms[1] == norms[2]


def test_a_gradient_that_is_not_finite_changes_nothing():
    network = make_network()
    flat = FlatParameters(network, 1)
    before = flat.weights.clone()
    flat.gradients[0, 5] = torch.nan
    optimizer = AdamW(flat, OptimizerConfig(), WorkerPool(1))
    assert not np.isfinite(optimizer.step(0.1))
    assert torch.equal(flat.weights, before)
    assert optimizer.gradient_step == 0


class WorkerPoolContext(WorkerPool):
    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def test_an_error_in_a_worker_reaches_the_caller():
    def work(worker):
        if worker == 1:
            raise ZeroDivisionError("worker 1")
        return worker

    with WorkerPoolContext(2) as pool:
        with pytest.raises(ZeroDivisionError, match="worker 1"):
            pool.run(work)
        assert pool.run(lambda w: w) == [0, 1]


class _Table(nn.Module):
    """A summed table of 300 rows before a layer."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.table = SummedTable(300, 128, 4)
        self.layer = nn.Linear(128, 5)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        return self.layer(self.table(ids))


@pytest.mark.parametrize("num_workers", [1, 2])
def test_rows_of_a_table_wait_for_their_gradients(num_workers):
    config = OptimizerConfig(max_grad_norm=1e9, weight_decay=0.1)
    network, pool = _Table(), WorkerPool(num_workers)
    flat = FlatParameters(network, num_workers)
    replicas = [network] + [copy.deepcopy(network) for _ in range(num_workers - 1)]
    for index, replica in enumerate(replicas):
        flat.attach(replica, index)
    optimizer = AdamW(flat, config, pool)
    weight = network.table.weight
    expected, mean, square = (np.zeros((300, 128)) for _ in range(3))
    expected[:] = weight.detach().numpy()
    for step, rows in enumerate(([3, 7, 299], [7, 8, 0], [3, 9, 0]), start=1):
        ids = torch.tensor([rows], dtype=torch.int16)
        for replica in replicas:  # the same gradient from each: the sum is that many times one
            replica(ids).square().sum().backward()
        gradient = sum(r.table.weight.grad.double().numpy() for r in replicas)
        touched = [row for row in rows if row]
        assert set(np.flatnonzero(np.abs(gradient).sum(1))) == set(touched)
        optimizer.step(0.01)
        for row in touched:  # AdamW by hand, for the rows that were looked up and for no other
            mean[row] += (1 - config.beta1) * (gradient[row] - mean[row])
            square[row] += (1 - config.beta2) * (gradient[row] ** 2 - square[row])
            root = np.sqrt(square[row] / (1 - config.beta2**step)) + config.eps
            expected[row] *= 1 - 0.01 * 0.1
            expected[row] -= 0.01 * mean[row] / (1 - config.beta1**step) / root
        np.testing.assert_allclose(weight.detach().numpy(), expected, rtol=1e-4, atol=1e-6)
        assert all((replica.table.weight.grad == 0).all() for replica in replicas)
    assert (flat.rows_end, flat.row) == (300 * 128, 128)
    pool.close()


def test_rows_that_a_replica_marks_are_those_that_would_be_found():
    steps = []
    for is_watched in (False, True):
        torch.manual_seed(3)
        network = _Table()
        flat = FlatParameters(network, 2)
        replicas = [network, copy.deepcopy(network)]
        for index, replica in enumerate(replicas):
            flat.attach(replica, index)
            replica.table.in_place_gradient = is_watched
            if is_watched:
                flat.watch_rows(replica, index)
        optimizer, norms = AdamW(flat, OptimizerConfig(), WorkerPool(1)), []
        for step in range(4):
            ids = torch.randint(0, 300, (2, 9), generator=torch.Generator().manual_seed(step))
            for replica, own in zip(replicas, ids, strict=True):
                replica(own.short().unsqueeze(0)).square().sum().backward()
            if is_watched and step == 0:
                marked = [set(np.flatnonzero(rows)) for rows in flat.touched]
                assert marked == [set(own.tolist()) - {0} for own in ids]
            norms.append(optimizer.step(0.01))
            assert flat.touched.any() != is_watched
            assert (flat.gradients == 0).all()
        steps.append((norms, flat.weights.clone()))
    assert steps[0][0] == steps[1][0]
    assert torch.equal(steps[0][1], steps[1][1])


def test_a_gradient_that_takes_another_way_counts_for_all_rows():
    network = _Table()
    flat = FlatParameters(network, 1)
    flat.watch_rows(network, 0)  # but it is not attached, so nothing is added in place
    network(torch.tensor([[1, 2]], dtype=torch.int16)).sum().backward()
    assert flat.touched.all()
