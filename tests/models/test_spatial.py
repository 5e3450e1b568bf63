"""The cell `Sp`: what is written where, equal forms, and a task that needs a map."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from coglab.config import UserError
from coglab.games.cogsguard.interface import COGSGUARD
from coglab.models.build import build_network
from coglab.models.cells.spatial import CELL, CELLS, CHANNELS, Spatial
from coglab.models.components.cortex import Cortex
from coglab.models.config import CortexConfig, FastConfig, VitConfig
from coglab.models.spec import BuildSpec

TAG = COGSGUARD.feature_id("tag")
SOUTH, NORTH, EAST, WEST = (
    COGSGUARD.feature_id(f"lp:{name}") for name in ("south", "north", "east", "west")
)
OWN = 5 * 16 + 5
K = 6


def make(pattern: str, in_width: int = 10, width: int = 8) -> Cortex:
    config = SimpleNamespace(kind="vit", cortex=CortexConfig(pattern=pattern, width=width))
    return Cortex(BuildSpec(config, COGSGUARD, None, in_width))


def observation(row, column, objects=()):
    """Tokens of an agent at an offset from its first place that sees `(down, right, tag)` in its window."""
    tokens = []
    if row:
        tokens.append((OWN, SOUTH if row > 0 else NORTH, abs(row)))
    if column:
        tokens.append((OWN, EAST if column > 0 else WEST, abs(column)))
    tokens += [(16 * (5 + down) + 5 + right, TAG, tag) for down, right, tag in objects]
    return tokens + [(255, 255, 255)] * (K - len(tokens))


def random_tokens(rows, steps, seed=0):
    rng = np.random.default_rng(seed)
    return torch.tensor(
        [
            [
                observation(
                    int(rng.integers(-40, 41)),
                    int(rng.integers(-40, 41)),
                    [(int(d), int(r), int(t)) for d, r, t in rng.integers((-5, -5, 1), (6, 6, 14), (3, 3)) if d or r],
                )
                for _ in range(steps)
            ]
            for _ in range(rows)
        ],
        dtype=torch.uint8,
    )  # fmt: skip


@pytest.mark.parametrize("pattern", ["Sp", "[G,Sp]", "G,Sp", "Sp,Ag"])
def test_step_by_step_equals_whole_rows_with_resets_inside(pattern):
    cortex = make(pattern)
    x, resets, tokens = torch.randn(5, 12, 10), torch.rand(5, 12) < 0.2, random_tokens(5, 12)
    start = torch.randn(5, cortex.state_size)
    whole, after = cortex(x, start, resets, {"tokens": tokens})
    state = start
    for t in range(12):
        here = slice(t, t + 1)
        step, state = cortex(x[:, here], state, resets[:, here], {"tokens": tokens[:, here]})
        torch.testing.assert_close(step[:, 0], whole[:, t], rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(state, after, rtol=1e-5, atol=1e-5)


def test_nothing_crosses_a_reset():
    cortex = make("Sp")
    x, resets = torch.randn(3, 5, 10), torch.zeros(3, 5, dtype=torch.bool)
    resets[:, 2] = True
    start = torch.randn(3, cortex.state_size)
    tokens, other = random_tokens(3, 5), random_tokens(3, 5, seed=1)
    other[:, 2:] = tokens[:, 2:]
    a = cortex(x, start, resets, {"tokens": tokens})
    b = cortex(x, start + 1.0, resets, {"tokens": other})
    torch.testing.assert_close(a[0][:, 2:], b[0][:, 2:])
    torch.testing.assert_close(a[1], b[1])
    assert not torch.allclose(a[0][:, :2, 10:], b[0][:, :2, 10:])


def written_by_hand(cell, row, column, objects):
    """The map after one observation on an empty one, place by place: a slow twin of what the cell writes."""
    table = {}
    for down in range(-5, 6):
        for right in range(-5, 6):
            key = ((row + down) // CELL, (column + right) // CELL)
            table.setdefault(key, []).append([t for d, r, t in objects if (d, r) == (down, right)])
    grid = torch.zeros(CELLS, CELLS, CHANNELS)
    for (i, j), places in table.items():
        if len(places) < CELL * CELL and not any(places):
            continue
        value = cell.seen.detach().clone()
        for tags in places:
            if tags:
                summed = sum(cell.embedding[TAG * 64 + tag] for tag in tags)
                value = value + nn.functional.silu(cell.place(summed)).detach()
        grid[i % CELLS, j % CELLS] = value
    return grid


@pytest.mark.parametrize("place", [(0, 0), (3, -7), (-30, 31), (5, 40)])
def test_what_is_seen_is_written_where_it_lies(place):
    cell = make("Sp").layers[0]
    objects = [(0, 3, 5), (-5, -5, 6), (5, 2, 7), (5, 2, 8)]
    tokens = torch.tensor([[observation(*place, objects)]], dtype=torch.uint8)
    _, after = cell(
        torch.zeros(1, 1, 10), torch.zeros(1, cell.state_size), torch.zeros(1, 1).bool(), {"tokens": tokens}
    )  # fmt: skip
    expected = written_by_hand(cell, *place, objects)
    torch.testing.assert_close(after.view(CELLS, CELLS, CHANNELS), expected, rtol=1e-5, atol=1e-6)


def test_the_same_thing_looks_the_same_from_wherever_it_has_the_same_bearing():
    cell = make("Sp").layers[0]
    outs = []
    for row, column in ((0, 0), (8, -12)):
        path = [observation(row, column, [(2, 2, 7)]), observation(row, column + 20)]
        tokens = torch.tensor([path], dtype=torch.uint8)
        x, resets = torch.zeros(1, 2, 10), torch.zeros(1, 2).bool()
        outs.append(cell(x, torch.zeros(1, cell.state_size), resets, {"tokens": tokens})[0])
    torch.testing.assert_close(outs[0], outs[1], rtol=1e-5, atol=1e-6)


def test_every_parameter_learns_and_gradients_reach_the_first_state():
    cortex = make("[G,Sp]")
    start = torch.randn(4, cortex.state_size, requires_grad=True)
    inputs = {"tokens": random_tokens(4, 9)}
    out, after = cortex(torch.randn(4, 9, 10), start, torch.zeros(4, 9).bool(), inputs)
    (out.square().sum() + after.sum()).backward()
    for name, parameter in cortex.named_parameters():
        assert parameter.grad.abs().sum() > 0, name
    assert (start.grad != 0).float().mean() > 0.5


def test_architectures_that_cannot_have_it_say_so():
    with pytest.raises(UserError, match="kind: vit"):
        build_network(FastConfig(cortex=CortexConfig(pattern="Sp")))
    network = build_network(VitConfig(cortex=CortexConfig(pattern="[G,Sp]", width=16)))
    assert network.state_size == 16 + CELLS * CELLS * CHANNELS
    spec = BuildSpec(
        VitConfig(), SimpleNamespace(feature_id=lambda name: -1, name="chess"), None, 4
    )
    with pytest.raises(UserError, match="chess has them not"):
        Spatial(4, 4, spec)


SIDE, APART = 4, 12
"""Places of the task, in a square; from one of them no other can be seen."""

BEARINGS = ((-1, 0), (1, 0), (0, -1), (0, 1))


def recall_task(rows, rng):
    """Every place has one of four objects. The agent walks by all of them in some order; then, at random places, it is
    asked what lies up, down, left or right of it, out of sight.

    Returns:
        Tokens; features with the same content and the question; the right answers, -1 where nothing is asked.
    """
    kinds = rng.integers(4, size=(rows, SIDE, SIDE))
    num_steps = 2 * SIDE**2
    tokens = []
    features = np.zeros((rows, num_steps, 2 * SIDE + 8), np.float32)
    answers = np.full((rows, num_steps), -1)
    for s in range(rows):
        path = []
        for t, place in enumerate(
            [*rng.permutation(SIDE**2), *rng.integers(SIDE**2, size=SIDE**2)]
        ):
            row, column = divmod(int(place), SIDE)
            path.append(
                observation(APART * row, APART * column, [(1, 1, 1 + int(kinds[s, row, column]))])
            )
            features[s, t, [row, SIDE + column, 2 * SIDE + kinds[s, row, column]]] = 1
            asked = int(rng.integers(4))
            down, right = row + BEARINGS[asked][0], column + BEARINGS[asked][1]
            if t >= SIDE**2 and 0 <= down < SIDE and 0 <= right < SIDE:
                features[s, t, 2 * SIDE + 4 + asked] = 1
                answers[s, t] = kinds[s, down, right]
        tokens.append(path)
    return torch.tensor(tokens, dtype=torch.uint8), torch.tensor(features), torch.tensor(answers)


def learn_recall(pattern, updates, seed=0):
    """Share of right answers after learning, on new tasks."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    cortex = make(pattern, in_width=2 * SIDE + 8, width=48)
    head = nn.Sequential(nn.Linear(cortex.out_width, 64), nn.ReLU(), nn.Linear(64, 4))
    optimizer = torch.optim.Adam([*cortex.parameters(), *head.parameters()], lr=3e-3)
    for update in range(updates + 1):
        tokens, x, answers = recall_task(64 if update < updates else 256, rng)
        start = torch.zeros(len(x), cortex.state_size)
        out, _ = cortex(x, start, torch.zeros(x.shape[:2]).bool(), {"tokens": tokens})
        logits = head(out)
        if update < updates:
            loss = nn.functional.cross_entropy(
                logits.flatten(0, 1), answers.flatten(), ignore_index=-1
            )
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    asked = answers >= 0
    return float((logits.argmax(-1)[asked] == answers[asked]).float().mean())


@pytest.mark.slow
def test_only_the_map_learns_in_few_steps_what_lies_out_of_sight():
    scores = {pattern: learn_recall(pattern, 200) for pattern in ("Sp", "G", "L", "Ag")}
    assert scores["Sp"] > 0.9
    # A quarter is chance.
    assert max(scores[p] for p in ("G", "L", "Ag")) < 0.8, scores
