from __future__ import annotations

import pytest
import torch

from coglab.models.ops.gated_scan import gated_scan, gated_scan_reference
from coglab.models.ops.initialization import linear, uniform_time_constants
from coglab.models.ops.pointed_logits import pointed_logits, pointed_logits_reference
from coglab.models.ops.summed_table import SummedTable, summed_table, summed_table_reference


def random_ids(rows: int, num_rows: int, width: int = 9) -> torch.Tensor:
    ids = torch.randint(1, num_rows, (rows, width))
    lengths = torch.randint(0, width + 1, (rows, 1))
    return ids.masked_fill(torch.arange(width) >= lengths, 0).to(torch.int16)


def test_summed_table_by_hand():
    weight = torch.tensor([[9.0, 9.0], [1.0, -2.0], [3.0, 0.5]], requires_grad=True)
    bias = torch.tensor([0.5, 0.25], requires_grad=True)
    ids = torch.tensor([[1, 2, 0], [2, 2, 1], [0, 0, 0]], dtype=torch.int16)
    out = summed_table(ids, weight, bias)
    assert out.tolist() == [[4.5, 0.0], [7.5, 0.0], [0.5, 0.25]]
    out.backward(torch.ones(3, 2))
    assert weight.grad.tolist() == [[0, 0], [2, 0], [3, 0]]
    assert bias.grad.tolist() == [3, 1]


def test_summed_table_gradients_equal_finite_differences():
    weight = torch.randn(12, 5, dtype=torch.double, requires_grad=True)
    bias = torch.randn(5, dtype=torch.double, requires_grad=True)
    ids = random_ids(7, 12)
    assert torch.autograd.gradcheck(lambda w, b: summed_table(ids, w, b), (weight, bias))


def test_summed_table_equals_embedding_bag():
    weight, bias, ids = torch.randn(50, 16), torch.randn(16), random_ids(40, 50)
    grads = []
    for function in (summed_table, summed_table_reference):
        w, b = weight.clone().requires_grad_(), bias.clone().requires_grad_()
        out = function(ids, w, b)
        out.square().sum().backward()
        grads.append((out.detach(), w.grad[1:], b.grad))
    for ours, theirs in zip(*grads, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


def test_gradients_added_in_place_are_the_same():
    ids = random_ids(30, 20)
    grads = []
    for in_place in (False, True):
        torch.manual_seed(1)
        table = SummedTable(20, 6, 4)
        table.in_place_gradient = in_place
        for part in ids.split(10):
            table(part).square().sum().backward()
        grads.append(table.weight.grad)
    torch.testing.assert_close(*grads)


def scan_loop(pre, start, resets):
    """The recurrence as it is defined."""
    gate, candidate = torch.sigmoid(pre[..., : start.shape[1]]), pre[..., start.shape[1] :]
    state, out = start, []
    for t in range(pre.shape[1]):
        state = torch.where(resets[:, t, None], torch.zeros_like(state), state)
        state = (1 - gate[:, t]) * state + gate[:, t] * candidate[:, t]
        out.append(state)
    return torch.stack(out, dim=1)


@pytest.mark.parametrize("scan", [gated_scan, gated_scan_reference])
@pytest.mark.parametrize("num_steps", [1, 2, 13])
def test_scan_equals_the_loop_with_resets_inside_rows(scan, num_steps):
    pre = torch.randn(5, num_steps, 6, dtype=torch.double, requires_grad=True)
    start = torch.randn(5, 3, dtype=torch.double, requires_grad=True)
    resets = torch.rand(5, num_steps) < 0.3
    weight = torch.randn(5, num_steps, 3, dtype=torch.double)
    results = []
    for function in (scan, scan_loop):
        out = function(pre, start, resets)
        results.append((out, *torch.autograd.grad((out * weight).sum(), (pre, start))))
    for ours, theirs in zip(*results, strict=True):
        torch.testing.assert_close(ours, theirs)


def test_scan_gradients_equal_finite_differences():
    pre = torch.randn(2, 5, 4, dtype=torch.double, requires_grad=True)
    start = torch.randn(2, 2, dtype=torch.double, requires_grad=True)
    resets = torch.tensor([[False, True, False, False, False], [True, False, False, True, False]])
    assert torch.autograd.gradcheck(lambda p, s: gated_scan(p, s, resets), (pre, start))


def test_time_constants_reach_from_one_step_to_the_longest():
    replaced = torch.sigmoid(uniform_time_constants(64, 200.0))
    assert replaced[0] == pytest.approx(0.5)
    assert replaced[-1] == pytest.approx(1 / 201, rel=1e-3)
    assert (replaced.diff() < 0).all()


def test_linear_layers_start_orthogonal():
    weight = linear(8, 8, gain=2.0).weight
    torch.testing.assert_close(weight @ weight.T, 4 * torch.eye(8))


def test_pointed_logits_by_hand():
    raw = torch.zeros(2, 12 + 4)
    raw[:, 0] = 0.5
    raw[:, 13] = 1.0
    moves = torch.tensor([[0b0001, 0b1010, 0], [0, 0, 0]], dtype=torch.uint8)
    logits = pointed_logits(raw, moves, torch.tensor(2.0))
    e = torch.e
    north, south = 2 / (1 + e + 1), 2 * e / (1 + e + 1)
    torch.testing.assert_close(logits[0, :5], torch.tensor([0.5, north, south, 0.0, south]))
    assert logits[1].tolist() == [0.5] + [0.0] * 11


def test_pointed_logits_equal_their_reference_and_finite_differences():
    raw = torch.randn(9, 6 + 8, dtype=torch.double, requires_grad=True)
    moves = torch.randint(0, 16, (9, 7), dtype=torch.uint8)
    moves[0] = 0
    strength = torch.tensor(1.7, dtype=torch.double, requires_grad=True)
    weight = torch.randn(9, 6, dtype=torch.double)
    results = []
    for function in (pointed_logits, pointed_logits_reference):
        out = function(raw, moves, strength)
        results.append((out, *torch.autograd.grad((out * weight).sum(), (raw, strength))))
    for ours, theirs in zip(*results, strict=True):
        torch.testing.assert_close(ours, theirs)
    assert torch.autograd.gradcheck(lambda r, s: pointed_logits(r, moves, s), (raw, strength))
