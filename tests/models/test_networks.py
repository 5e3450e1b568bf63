from __future__ import annotations

import sys

import numpy as np
import pytest
import torch

from coglab.config import UserError
from coglab.models import components
from coglab.models.build import build_network
from coglab.models.config import (
    AutoConfig,
    CortexConfig,
    FastConfig,
    VitConfig,
    resolve_architecture,
)
from coglab.models.network import TEAM_INPUT
from coglab.models.ops import products
from coglab.training.device import matmul_precision

ARCHITECTURES = {
    "fast": FastConfig(),
    "fast without map memory": FastConfig(map_memory=False),
    "fast with LSTM": FastConfig(map_memory=False, cortex=CortexConfig(pattern="L", width=16)),
    "vit": VitConfig(),
    "vit with map memory": VitConfig(map_memory=True, cortex=CortexConfig(pattern="GL", width=16)),
}


@pytest.fixture(params=ARCHITECTURES)
def network(request):
    return build_network(ARCHITECTURES[request.param])


def batch_of(network, play, num_steps: int):
    """Inputs `[8, num_steps, ...]` of recorded play, and some team facts."""
    encoder = network.make_encoder(8, 4)
    out = encoder.allocate()
    steps = []
    for t in range(num_steps):
        encoder.encode(play[t], np.full(8, t == 0), 0, 8, out)
        steps.append({name: torch.from_numpy(array.copy()) for name, array in out.items()})
    inputs = {name: torch.stack([step[name] for step in steps], dim=1) for name in steps[0]}
    facts = torch.rand(
        8, num_steps, len(network.game.team_facts), generator=torch.Generator().manual_seed(1)
    )
    return inputs | {TEAM_INPUT: facts}


def sum_of(outputs) -> torch.Tensor:
    """A loss that every output matters to, each number with another weight."""
    generator = torch.Generator().manual_seed(3)
    return sum(
        (part * torch.randn(part.shape, generator=generator, dtype=part.dtype)).sum()
        for part in outputs
    )


def gradients(network) -> dict[str, torch.Tensor]:
    return {name: p.grad.clone() for name, p in network.named_parameters()}


def test_step_by_step_equals_whole_rows_with_resets_inside(network, recorded):
    inputs = batch_of(network, recorded["play"], 10)
    resets = torch.rand(8, 10) < 0.2
    start = torch.randn(8, network.state_size)
    with torch.no_grad():
        whole = network(inputs, start, resets)
        state = start
        for t in range(10):
            part = {name: value[:, t : t + 1] for name, value in inputs.items()}
            step = network(part, state, resets[:, t : t + 1])
            state = step.state
            for ours, theirs in zip(step[:3], whole[:3], strict=True):
                torch.testing.assert_close(ours[:, 0], theirs[:, t], rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(state, whole.state, rtol=1e-5, atol=1e-5)


def test_shapes_and_a_start_close_to_uniform_play(network, recorded):
    inputs = batch_of(network, recorded["play"], 3)
    out = network(inputs, network.initial_state(8), torch.zeros(8, 3, dtype=torch.bool))
    assert out.logits_STU.shape == (8, 3, 12)
    assert out.values_ST.shape == out.h_values_ST.shape == (8, 3)
    assert out.state.shape == (8, network.state_size)
    stays = [
        0,
        *range(5, 12),
    ]  # the route pointer makes first moves of routes likelier from the start
    logits = out.logits_STU[..., stays]
    assert torch.softmax(logits, -1).sub(1 / len(stays)).abs().max() < 0.03


def test_table_lists_every_parameter(network):
    rows = network.table()
    assert sum(row.parameters for row in rows) == network.num_parameters
    assert all(row.flops >= 0 for row in rows)
    assert {"cortex", "actor_mlp", "critic", "gtd_aux", "actor_head"} <= {r.component for r in rows}


def test_auxiliary_loss_trains_the_auxiliary_head_alone_unless_asked(recorded):
    for fused in (True, False):
        for detach in (True, False):
            network = build_network(FastConfig(map_memory=False, detach_gtd_aux=detach))
            network.is_fused = fused
            inputs = batch_of(network, recorded["play"], 3)
            resets = torch.zeros(8, 3, dtype=torch.bool)
            network(inputs, network.initial_state(8), resets).h_values_ST.sum().backward()
            trunk = network.cortex.layers[0].project.weight.grad
            reached = trunk is not None and bool(trunk.abs().sum() > 0)
            assert reached != detach
            assert network.gtd_aux.hidden.weight.grad.abs().sum() > 0


@pytest.mark.parametrize("detach", [True, False])
def test_fused_evaluation_equals_the_parts_one_after_the_other(recorded, detach):
    network = build_network(FastConfig(detach_gtd_aux=detach)).double()
    inputs = {n: v.repeat(30, 1, 1) for n, v in batch_of(network, recorded["play"], 7).items()}
    resets = torch.rand(240, 7) < 0.1
    results = []
    for fused in (True, False):
        network.is_fused = fused
        network.zero_grad()
        torch.manual_seed(5)
        start = torch.randn(240, network.state_size, dtype=torch.double, requires_grad=True)
        out = network(inputs, start, resets)
        sum_of(out).backward()
        results.append((out, gradients(network), start.grad))
    (out_a, grads_a, start_a), (out_b, grads_b, start_b) = results
    for ours, theirs in zip(out_a, out_b, strict=True):
        torch.testing.assert_close(ours, theirs)
    torch.testing.assert_close(start_a, start_b)
    for name in grads_a:
        torch.testing.assert_close(grads_a[name], grads_b[name])


def test_rounded_factors_change_a_fused_evaluation_by_no_more_than_their_rounding(
    recorded, monkeypatch
):
    monkeypatch.setattr(products, "has_bfloat16_products", lambda: True)
    network = build_network(FastConfig(map_memory=False))
    inputs = batch_of(network, recorded["play"], 7)
    resets = torch.zeros(8, 7, dtype=torch.bool)
    torch.manual_seed(5)
    start = torch.randn(8, network.state_size)
    results = []
    for precision in ("highest", "medium"):
        with matmul_precision(precision):
            network.zero_grad()
            out = network(inputs, start, resets)
            sum_of(out).backward()
            results.append((out, gradients(network)))
    (exact, exact_grads), (rounded, rounded_grads) = results
    assert any(not torch.equal(a, b) for a, b in zip(exact, rounded, strict=True))
    for ours, theirs in zip(rounded, exact, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0.02, atol=0.02)
    for name, gradient in rounded_grads.items():
        # Mostly 0.3 %; 7 % behind a ReLU, where some of these 56 observations come to lie on its other side.
        difference = (gradient - exact_grads[name]).norm()
        assert difference <= 0.1 * exact_grads[name].norm(), name


def test_fused_workspaces_do_not_mix_evaluations(recorded):
    network = build_network(FastConfig(map_memory=False))
    inputs = batch_of(network, recorded["play"], 4)
    resets = torch.zeros(8, 4, dtype=torch.bool)
    network.zero_grad()
    first = network(inputs, network.initial_state(8), resets)
    other = {name: value.flip(0) for name, value in inputs.items()}
    network(other, network.initial_state(8), resets)
    with torch.no_grad():
        network(other, network.initial_state(8), resets)
    sum_of(first).backward()
    expected = gradients(network)
    network.zero_grad()
    sum_of(network(inputs, network.initial_state(8), resets)).backward()
    for name, gradient in gradients(network).items():
        torch.testing.assert_close(gradient, expected[name])
    with pytest.raises(RuntimeError):
        sum_of(first).backward()


def test_in_place_gradients_add_up_to_the_same_sum(recorded):
    network = build_network(FastConfig(map_memory=False))
    inputs = batch_of(network, recorded["play"], 4)
    resets = torch.zeros(8, 4, dtype=torch.bool)
    results = []
    for in_place in (False, True):
        network.set_in_place_gradients(in_place)
        network.zero_grad()
        for rows in (slice(0, 5), slice(5, 8)):
            part = {name: value[rows] for name, value in inputs.items()}
            state = network.initial_state(rows.stop - rows.start)
            network(part, state, resets[rows]).logits_STU.square().sum().backward()
        results.append(network.obs_joint_table.weight.grad)
    torch.testing.assert_close(*results)


def test_replicas_share_weights_and_their_gradients_add_up(network, recorded):
    inputs = batch_of(network, recorded["play"], 5)
    resets = torch.rand(8, 5) < 0.1
    state = torch.randn(8, network.state_size)
    sum_of(o.sum(0) for o in network(inputs, state, resets)[:3]).backward()
    whole = gradients(network)
    network.zero_grad()
    replica = network.replica()
    halves = []
    for part, rows in ((network, slice(0, 4)), (replica, slice(4, 8))):
        taken = {name: value[rows] for name, value in inputs.items()}
        out = part(taken, state[rows], resets[rows])
        sum_of(o.sum(0) for o in out[:3]).backward()
        halves.append(gradients(part))
    for name in whole:
        torch.testing.assert_close(
            halves[0][name] + halves[1][name], whole[name], rtol=1e-4, atol=1e-5
        )
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.01)
    for ours, theirs in zip(network.parameters(), replica.parameters(), strict=True):
        assert ours.data_ptr() == theirs.data_ptr()
        assert ours.grad is not theirs.grad


def test_a_component_of_the_user_takes_a_stock_ones_place(tmp_path, monkeypatch, recorded):
    (tmp_path / "my_head_for_test.py").write_text(
        "from coglab.models.components.actor_head import ActorHead\n"
        "from coglab.models.registry import component\n"
        "@component('my_head')\n"
        "class MyHead(ActorHead):\n"
        "    def forward(self, x_RI, inputs):\n"
        "        return super().forward(x_RI, inputs) * 0 + 1.5\n"
    )
    monkeypatch.setattr(components, "__path__", [*components.__path__, str(tmp_path)])
    network = build_network(FastConfig(map_memory=False, components={"actor_head": "my_head"}))
    inputs = batch_of(network, recorded["play"], 2)
    out = network(inputs, network.initial_state(8), torch.zeros(8, 2, dtype=torch.bool))
    assert (out.logits_STU == 1.5).all()
    sys.modules.pop("coglab.models.components.my_head_for_test", None)


def test_an_unknown_component_is_refused_with_the_nearest_name():
    with pytest.raises(UserError, match="Did you mean `actor_mlp`"):
        build_network(FastConfig(components={"actor_mlp": "actor_mpl"}))


def test_signature_tells_architectures_apart_and_is_plain_data():
    import json

    texts = {
        json.dumps(build_network(config).signature(), sort_keys=True)
        for config in ARCHITECTURES.values()
    }
    assert len(texts) == 4  # the core does not change what the inputs mean


def test_auto_means_vit_on_a_gpu_and_fast_on_a_cpu():
    assert resolve_architecture(AutoConfig(), "cpu")[0] == FastConfig()
    assert resolve_architecture(AutoConfig(), "cuda")[0] == VitConfig()
    given = FastConfig(table_width=64)
    assert resolve_architecture(given, "cuda")[0] is given


def test_the_same_seed_gives_the_same_weights():
    weights = []
    for _ in range(2):
        torch.manual_seed(11)
        weights.append(build_network(FastConfig()).state_dict())
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


def test_acting_in_inference_mode_and_learning_take_turns(recorded):
    network = build_network(FastConfig(map_memory=False))
    inputs = batch_of(network, recorded["play"], 2)
    resets = torch.zeros(8, 2, dtype=torch.bool)
    for _ in range(2):
        with torch.inference_mode():
            acted = network(inputs, network.initial_state(8), resets).logits_STU.numpy().copy()
        learned = network(inputs, network.initial_state(8), resets)
        learned.logits_STU.sum().backward()
        np.testing.assert_array_equal(acted, learned.logits_STU.detach().numpy())


def test_threads_may_share_a_network(recorded):
    from concurrent.futures import ThreadPoolExecutor

    network = build_network(FastConfig(map_memory=False))
    inputs = batch_of(network, recorded["play"], 8)
    resets, state = torch.zeros(8, 8, dtype=torch.bool), network.initial_state(8)

    def act(_):
        with torch.inference_mode():
            return network(inputs, state, resets).logits_STU.numpy().copy()

    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(act, range(40)))
    for result in results:
        np.testing.assert_array_equal(result, results[0])


@pytest.mark.parametrize("config", [FastConfig(), VitConfig()])
def test_the_teams_facts_change_values_but_never_actions_or_memory(config, recorded):
    torch.manual_seed(0)
    network = build_network(config)
    inputs = batch_of(network, recorded["play"], 3)
    resets, start = torch.zeros(8, 3, dtype=torch.bool), torch.zeros(8, network.state_size)
    outputs = []
    for scale in (0.0, 1.0, 5.0):
        facts = torch.full((8, 3, len(network.game.team_facts)), scale)
        outputs.append(network(inputs | {TEAM_INPUT: facts}, start, resets))
    a, b, c = outputs
    assert torch.equal(a.logits_STU, c.logits_STU)
    assert torch.equal(a.state, c.state)
    assert torch.equal(a.h_values_ST, c.h_values_ST)
    assert (b.values_ST - c.values_ST).abs().min() > 1e-4
    c.values_ST.sum().backward()
    assert network.team_critic.first.weight.grad.abs().sum() > 0
    del inputs[TEAM_INPUT]
    with torch.no_grad():
        without = network(inputs, start, resets)
    torch.testing.assert_close(without.logits_STU, c.logits_STU)


def test_a_network_without_a_team_critic_ignores_the_facts(recorded):
    network = build_network(FastConfig(team_critic=False))
    assert network.team_critic is None
    inputs = batch_of(network, recorded["play"], 2)
    resets, start = torch.zeros(8, 2, dtype=torch.bool), torch.zeros(8, network.state_size)
    with torch.no_grad():
        given = network(inputs, start, resets)
        del inputs[TEAM_INPUT]
        left_out = network(inputs, start, resets)
    assert torch.equal(given.values_ST, left_out.values_ST)


def test_what_a_network_says_and_remembers_stays_float32_under_bfloat16(network, recorded):
    if hasattr(network, "is_fused"):
        network.is_fused = False  # the fused operation never runs in bfloat16
    inputs = batch_of(network, recorded["play"], 6)
    resets = torch.rand(8, 6) < 0.2
    start = torch.randn(8, network.state_size)
    exact = network(inputs, start, resets)
    with torch.autocast("cpu", torch.bfloat16):
        whole = network(inputs, start, resets)
    sum_of(whole).backward()
    assert all(p.grad is None or torch.isfinite(p.grad).all() for p in network.parameters())
    for ours, theirs in zip(whole, exact, strict=True):
        assert ours.dtype == torch.float32
        torch.testing.assert_close(ours, theirs, rtol=5e-2, atol=5e-2)
    # Not only the type: numbers that were rounded to bfloat16 on the way out would survive this unchanged.
    for said in (whole.logits_STU, whole.values_ST, whole.h_values_ST, whole.state):
        assert (said.bfloat16().float() != said).float().mean() > 0.5
