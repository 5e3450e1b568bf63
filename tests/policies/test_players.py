from __future__ import annotations

import numpy as np
import pytest
import torch

from coglab.config import UserError
from coglab.games.cogsguard.config import CogsGuardConfig
from coglab.games.machina1.config import Machina1Config
from coglab.games.machina1.interface import machina1_interface
from coglab.models.build import build_network
from coglab.models.config import FastConfig
from coglab.policies.baselines import NoopPolicy, RandomPolicy
from coglab.policies.learned import LearnedPolicy, log_softmax, sample_actions
from coglab.policies.scripted import ScriptedPolicy

ROWS = 8


def run(policy, sim, ticks, mode="sample", seed=1, first_tick=0):
    rng = np.random.default_rng(seed)
    outputs = []
    for tick in range(first_tick, ticks):
        sim.show(tick)
        outputs.append(policy.act(np.full(ROWS, tick == 0), mode, rng))
    return outputs


def test_sampled_actions_follow_the_probabilities():
    logits = np.tile(np.log(np.array([0.5, 0.3, 0.2, 0.0001])), (20_000, 1)).astype(np.float32)
    actions, log_prob = sample_actions(logits, np.random.default_rng(0))
    shares = np.bincount(actions, minlength=4) / len(actions)
    np.testing.assert_allclose(shares, [0.5, 0.3, 0.2, 0.0], atol=0.01)
    np.testing.assert_allclose(log_prob, log_softmax(logits)[np.arange(20_000), actions])


def test_impossible_actions_are_never_drawn():
    logits = np.full((1000, 3), -1e9, np.float32)
    logits[:, 1] = 0
    assert (sample_actions(logits, np.random.default_rng(0))[0] == 1).all()


def test_log_softmax_equals_pytorch():
    logits = np.random.default_rng(0).normal(size=(5, 12)).astype(np.float32) * 10
    expected = torch.log_softmax(torch.from_numpy(logits), -1).numpy()
    np.testing.assert_allclose(log_softmax(logits), expected, atol=1e-5)


def test_random_play_uses_every_action_equally(sim):
    policy = RandomPolicy()
    policy.bind(sim, 0, 2)
    out = policy.act(np.zeros(12_000, bool), "greedy", np.random.default_rng(0))
    np.testing.assert_allclose(np.bincount(out.actions, minlength=12) / 12_000, 1 / 12, atol=0.02)
    assert out.log_prob[0] == pytest.approx(-np.log(12))


def test_noop_does_nothing(sim):
    policy = NoopPolicy()
    policy.bind(sim, 0, 2)
    assert (policy.act(np.zeros(3, bool), "sample", np.random.default_rng(0)).actions == 0).all()


def test_a_network_plays_as_it_is_evaluated_in_training(sim, network_with_memory):
    network = network_with_memory
    policy = LearnedPolicy(network)
    policy.bind(sim, 0, 2)
    outputs = run(policy, sim, 6)
    encoder = network.make_encoder(ROWS, 4)
    ticks = []
    for tick in range(6):
        arrays = encoder.allocate()
        encoder.encode(sim.play[tick], np.full(ROWS, tick == 0), 0, ROWS, arrays)
        ticks.append(arrays)
    inputs = {
        name: torch.from_numpy(np.stack([tick[name] for tick in ticks], axis=1))
        for name in ticks[0]
    }
    resets = torch.zeros(ROWS, 6, dtype=torch.bool)
    resets[:, 0] = True
    with torch.no_grad():
        row = network(inputs, network.initial_state(ROWS) + 1, resets)
    log_prob = torch.log_softmax(row.logits_STU, -1)
    for tick, out in enumerate(outputs):
        np.testing.assert_allclose(out.logits, row.logits_STU[:, tick], atol=1e-5)
        np.testing.assert_allclose(out.value, row.values_ST[:, tick], atol=1e-5)
        chosen = log_prob[torch.arange(ROWS), tick, torch.from_numpy(out.actions).long()]
        np.testing.assert_allclose(out.log_prob, chosen, atol=1e-5)


def test_greedy_takes_the_most_probable_action(sim, network):
    policy = LearnedPolicy(network)
    policy.bind(sim, 0, 2)
    for out in run(policy, sim, 3, mode="greedy"):
        np.testing.assert_array_equal(out.actions, out.logits.argmax(1))


def test_ranges_of_games_are_played_as_in_the_whole(sim, network_with_memory):
    whole, part = LearnedPolicy(network_with_memory), LearnedPolicy(network_with_memory)
    whole.bind(sim, 0, 2)
    part.bind(sim, 1, 2)
    for tick in range(4):
        sim.show(tick)
        a = whole.act(np.full(8, tick == 0), "greedy", np.random.default_rng(0))
        b = part.act(np.full(4, tick == 0), "greedy", np.random.default_rng(0))
        np.testing.assert_allclose(a.logits[4:], b.logits, atol=1e-6)


def test_saved_state_continues_as_if_nothing_had_happened(sim, network_with_memory):
    policy = LearnedPolicy(network_with_memory)
    policy.bind(sim, 0, 2)
    run(policy, sim, 4)
    saved = policy.get_state()
    expected = run(policy, sim, 8, first_tick=4)
    other = LearnedPolicy(network_with_memory)
    other.bind(sim, 0, 2)
    other.set_state(saved)
    for ours, theirs in zip(run(other, sim, 8, first_tick=4), expected, strict=True):
        np.testing.assert_array_equal(ours.actions, theirs.actions)
        np.testing.assert_array_equal(ours.logits, theirs.logits)


def test_a_policy_of_another_game_is_refused(network, other_game):
    with pytest.raises(UserError) as caught:
        LearnedPolicy(network, "metta://policy/first").bind(other_game, 0, 1)
    text = str(caught.value)
    for part in (
        "`metta://policy/first` was trained on cogsguard and cannot play machina1",
        "recipes.experiment.cogsguard.evaluate",
        "metta://policy/dinky:v15",
    ):
        assert part in text


def test_a_policy_of_another_form_of_its_game_is_told_the_setting():
    few = build_network(FastConfig(table_width=16, actor_hidden=16), machina1_interface(13))
    policy = LearnedPolicy(few, "metta://policy/first")
    policy.check_game(Machina1Config(vibes=13))
    with pytest.raises(UserError, match=r"18 actions, this game has 157: add `vibes=13`"):
        policy.check_game(Machina1Config())


def test_a_teacher_of_another_game_is_refused_before_the_game_is_made():
    policy = ScriptedPolicy("metta://policy/dinky:v15")
    policy.check_game(Machina1Config())
    with pytest.raises(UserError, match=r"plays machina1, this is cogsguard"):
        policy.check_game(CogsGuardConfig())


def test_baselines_play_every_game():
    for config in (Machina1Config(), CogsGuardConfig()):
        assert RandomPolicy().check_game(config) is None


def test_policies_without_memory_refuse_a_state():
    with pytest.raises(ValueError, match="remembers nothing"):
        NoopPolicy().set_state({"x": np.zeros(1)})
