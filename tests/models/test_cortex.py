from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from coglab.config import UserError
from coglab.models.cells.diagonal_linear import DiagonalLinear
from coglab.models.cells.gated_linear_attention import GatedLinearAttention
from coglab.models.cells.lstm import Lstm
from coglab.models.components.cortex import Cortex, parse_pattern
from coglab.models.config import CortexConfig
from coglab.models.spec import BuildSpec


def make(pattern: str, in_width: int = 10, width: int = 8) -> Cortex:
    config = SimpleNamespace(cortex=CortexConfig(pattern=pattern, width=width))
    return Cortex(BuildSpec(config, None, None, in_width))


@pytest.mark.parametrize(
    ("pattern", "letters"),
    [
        ("G", ["G"]),
        ("GG", ["G", "G"]),
        ("G,L", ["G", "L"]),
        (" G L ", ["G", "L"]),
        ("Ag,S", ["Ag", "S"]),
        ("AgA", ["Ag", "A"]),
        ("[A,G]", [("A", "G")]),
        ("[AgA]", [("Ag", "A")]),
        ("G[A, Ag]L", ["G", ("A", "Ag"), "L"]),
        ("G, [A G], L", ["G", ("A", "G"), "L"]),
    ],
)
def test_patterns_name_one_cell_per_layer(pattern, letters):
    assert parse_pattern(pattern) == letters


@pytest.mark.parametrize(
    "pattern", ["", "G;L", "7", ",", "G^", "G,", "[", "[]", "[G", "G]", "[[G]]"]
)
def test_what_is_no_pattern_is_refused(pattern):
    with pytest.raises(UserError, match="for example `G`"):
        parse_pattern(pattern)


def test_an_unknown_cell_is_refused_with_the_known_ones():
    with pytest.raises(UserError, match="Cells: A, Ag, G, L"):
        make("GX")


@pytest.mark.parametrize("pattern", ["G", "L", "A", "Ag", "GG", "GL", "LGL", "[A,Ag]", "G[A,L]Ag"])
def test_step_by_step_equals_whole_rows_with_resets_inside(pattern):
    cortex = make(pattern)
    x, resets = torch.randn(6, 12, 10), torch.rand(6, 12) < 0.2
    start = torch.randn(6, cortex.state_size)
    whole, after = cortex(x, start, resets)
    state = start
    for t in range(12):
        step, state = cortex(x[:, t : t + 1], state, resets[:, t : t + 1])
        torch.testing.assert_close(step[:, 0], whole[:, t], rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(state, after, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("pattern", ["G", "L", "A", "Ag", "[A,G]"])
def test_nothing_crosses_a_reset(pattern):
    cortex = make(pattern)
    x = torch.randn(3, 5, 10)
    resets = torch.zeros(3, 5, dtype=torch.bool)
    resets[:, 2] = True
    start = torch.randn(3, cortex.state_size)
    other = x.clone()
    other[:, :2] += 1.0
    a, b = cortex(x, start, resets)[0], cortex(other, start + 1.0, resets)[0]
    torch.testing.assert_close(a[:, 2:], b[:, 2:])
    assert not torch.allclose(a[:, :2, 10:], b[:, :2, 10:])


def test_a_reset_at_the_first_step_means_a_zero_state():
    cortex = make("G")
    x, resets = torch.randn(3, 4, 10), torch.zeros(3, 4, dtype=torch.bool)
    resets[:, 0] = True
    with_reset = cortex(x, torch.randn(3, 8), resets)[0]
    from_zero = cortex(x, torch.zeros(3, 8), torch.zeros_like(resets))[0]
    torch.testing.assert_close(with_reset, from_zero)


def test_lstm_equals_pytorch():
    ours = Lstm(7, 5)
    theirs = torch.nn.LSTM(7, 5, batch_first=True)
    with torch.no_grad():
        theirs.weight_ih_l0.copy_(ours.from_input.weight)
        theirs.weight_hh_l0.copy_(ours.from_hidden.weight)
        theirs.bias_ih_l0.copy_(ours.from_input.bias)
        theirs.bias_hh_l0.copy_(ours.from_hidden.bias)
    x, h, c = torch.randn(4, 9, 7), torch.randn(4, 5), torch.randn(4, 5)
    out, after = ours(x, torch.cat([h, c], dim=-1), torch.zeros(4, 9, dtype=torch.bool))
    expected, (h_n, c_n) = theirs(x, (h[None], c[None]))
    torch.testing.assert_close(out, expected)
    torch.testing.assert_close(after, torch.cat([h_n[0], c_n[0]], dim=-1))


def test_diagonal_linear_equals_its_recurrence_in_complex_numbers():
    cell = DiagonalLinear(3, 4)
    x, resets = torch.randn(2, 7, 3), torch.rand(2, 7) < 0.3
    start = torch.randn(2, 8)
    out, after = cell(x, start, resets)
    modulus, angle = np.exp(-np.exp(cell.nu.detach().numpy())), cell.theta.detach().numpy()
    driven = cell.drive(x).detach().numpy()
    h = start.numpy()[:, :4] + 1j * start.numpy()[:, 4:]
    for t in range(7):
        h = np.where(resets[:, t, None].numpy(), 0.0, h) * modulus * np.exp(1j * angle)
        h = h + np.sqrt(1 - modulus**2) * (driven[:, t, :4] + 1j * driven[:, t, 4:])
        both = torch.from_numpy(np.concatenate([h.real, h.imag], axis=1)).float()
        expected = torch.nn.functional.silu(cell.out(both))
        torch.testing.assert_close(out[:, t], expected, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(after, both, rtol=1e-5, atol=1e-5, check_dtype=False)


def test_gated_linear_attention_finds_a_value_under_its_key():
    cell = GatedLinearAttention(3, 4)
    with torch.no_grad():
        for layer in (cell.project, cell.gate):
            layer.weight.zero_()
            layer.bias.zero_()
        # Input 0 writes key e0 with value (1, 2, 0, 0) and asks for nothing else; input 1 writes and asks e1.
        cell.project.weight[0, 0] = cell.project.weight[4, 0] = 1.0
        cell.project.weight[1, 1] = cell.project.weight[5, 1] = 1.0
        cell.project.weight[8, 0], cell.project.weight[9, 0] = 1.0, 2.0
        cell.gate.bias.fill_(-30.0)  # forgets nothing
    x = torch.eye(3)[[0, 1, 1]].unsqueeze(0)
    _, after = cell(x, torch.zeros(1, 16), torch.zeros(1, 3, dtype=torch.bool))
    matrix = after.view(4, 4)
    torch.testing.assert_close(matrix[0], torch.tensor([1.0, 2.0, 0.0, 0.0]))
    torch.testing.assert_close(matrix[1:], torch.zeros(3, 4))


@pytest.mark.parametrize("pattern", ["A", "Ag", "[A,Ag]"])
def test_every_parameter_learns_and_gradients_reach_the_first_state(pattern):
    cortex = make(pattern)
    start = torch.randn(4, cortex.state_size, requires_grad=True)
    out, after = cortex(torch.randn(4, 9, 10), start, torch.zeros(4, 9, dtype=torch.bool))
    (out.square().sum() + after.sum()).backward()
    for name, parameter in cortex.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name
    assert start.grad.abs().sum() > 0


def test_a_columns_gate_weighs_its_cells():
    column = make("[G,A]").layers[0]
    x, resets = torch.randn(2, 3, 10), torch.zeros(2, 3, dtype=torch.bool)
    start = torch.zeros(2, column.state_size)
    first, _ = column.cells[0](x, start[:, :8], resets)
    second, _ = column.cells[1](x, start[:, 8:], resets)
    torch.testing.assert_close(column(x, start, resets)[0], (first + second) / 2)
    with torch.no_grad():
        column.gate[0] = np.log(3.0)
    torch.testing.assert_close(column(x, start, resets)[0], 0.75 * first + 0.25 * second)
