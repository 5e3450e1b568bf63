from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from coglab.config import UserError
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
    ],
)
def test_patterns_name_one_cell_per_layer(pattern, letters):
    assert parse_pattern(pattern) == letters


@pytest.mark.parametrize("pattern", ["", "G;L", "7", ",", "G^"])
def test_what_is_no_pattern_is_refused(pattern):
    with pytest.raises(UserError, match="for example `G`"):
        parse_pattern(pattern)


def test_an_unknown_cell_is_refused_with_the_known_ones():
    with pytest.raises(UserError, match="Cells: G, L"):
        make("GX")


@pytest.mark.parametrize("pattern", ["G", "L", "GG", "GL", "LGL"])
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


@pytest.mark.parametrize("pattern", ["G", "L"])
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
