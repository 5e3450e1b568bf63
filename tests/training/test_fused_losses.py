"""The kernels of `losses.fused` against the losses in torch and their automatic differentiation."""

import itertools

import numpy as np
import pytest
import torch

from coglab.training.config import TrainerConfig
from coglab.training.losses.batch import ActorWeights
from coglab.training.losses.combined import combined_loss
from coglab.training.losses.fused import can_fuse, fused_losses
from coglab.training.teacher_plan import PPO, STUDENT_LED, TEACHER_LED
from tests.training.test_losses import make_batch, make_outputs, outputs_of

CPU = torch.device("cpu")
WEIGHTS = ActorWeights(0.013, 0.37)


def settings(**changes):
    losses = {
        "ppo_actor": {"clip_coef": 0.2},
        "ppo_critic": {"critic_update": "gtd_lambda", "vf_coef": 0.7, "aux_coef": 1.3},
        "sliced_scripted_cloner": {"enabled": True, "action_loss_coef": 1.7},
    }
    for name, values in changes.items():
        losses[name] = losses[name] | values
    return TrainerConfig.model_validate(
        {"losses": losses, "advantage": {"gamma": 0.9, "gae_lambda": 0.8, "vtrace_rho_clip": 0.9}}
    )


def compare(config, batch, tensors, rtol, atol):
    """Losses, metrics and gradients of both; returns the fused result."""
    leaves = [x.detach().clone().requires_grad_() for x in tensors]
    outputs = outputs_of(batch, *leaves)
    loss, metrics = combined_loss(batch, outputs, config, WEIGHTS)
    grads = torch.autograd.grad(loss, leaves, allow_unused=True)
    fused = fused_losses(batch, *tensors, config, WEIGHTS)
    assert fused.loss == pytest.approx(float(loss.detach()), rel=rtol, abs=atol)
    assert list(fused.metrics) == list(metrics)
    for name, (total, weight) in metrics.items():
        expected = (float(total), float(weight))
        assert fused.metrics[name] == pytest.approx(expected, rel=rtol, abs=atol), name
    chosen = outputs.action_log_prob_ST.detach().numpy()
    np.testing.assert_allclose(fused.action_log_prob_ST, chosen, rtol=rtol, atol=atol)
    own = (fused.grad_logits_STU, fused.grad_values_ST, fused.grad_h_values_ST)
    for mine, reference in zip(own, grads, strict=True):
        expected = torch.zeros_like(mine) if reference is None else reference
        torch.testing.assert_close(mine, expected, rtol=rtol, atol=atol)
    return fused


CHANGES = [
    {},
    {"ppo_actor": {"restrict_to_ppo_slice": True}},
    {"ppo_actor": {"enabled": False}},
    {"ppo_critic": {"enabled": False}},
    {"ppo_critic": {"critic_update": "mse"}},
    {"ppo_critic": {"critic_update": "mse", "clip_vloss": False}},
    {"sliced_scripted_cloner": {"enabled": False}},
    {"ppo_actor": {"enabled": False}, "ppo_critic": {"enabled": False}},
]


@pytest.mark.parametrize("changes", CHANGES, ids=str)
@pytest.mark.parametrize("actions", [3, 12, 40])
def test_values_metrics_and_gradients_are_those_of_the_losses_in_torch(changes, actions):
    for seed in range(5):
        batch = make_batch(8, 7, min(actions, 30), seed=seed)
        tensors, _ = make_outputs(batch, actions, seed=100 + seed)
        tensors = tuple(x.detach() for x in tensors)
        compare(settings(**changes), batch, tensors, rtol=1e-10, atol=1e-12)


def test_float32_agrees_to_its_rounding():
    batch = make_batch(16, 20, 12, seed=3, dtype=torch.float32)
    tensors, _ = make_outputs(batch, 12, seed=4)
    compare(settings(), batch, tuple(x.detach() for x in tensors), rtol=2e-5, atol=1e-6)


def test_every_case_of_the_actors_clipping_is_met():
    # Ratios far below, inside and far above the range, beyond the clamp, with advantages of both signs and none.
    logs = torch.tensor([-12.0, -1.0, -0.05, 0.0, 0.05, 1.0, 12.0], dtype=torch.float64)
    cases = torch.tensor(list(itertools.product(logs, [-1.0, 0.0, 2.0])), dtype=torch.float64)
    count = len(cases)
    batch = make_batch(1, count, 2, slice_S=torch.tensor([PPO], dtype=torch.uint8),
                       is_student_ST=torch.ones(1, count, dtype=torch.float64),
                       advantage_ST=cases[:, 1].unsqueeze(0).contiguous())  # fmt: skip
    tensors, outputs = make_outputs(batch, 2)
    batch = batch._replace(
        behaviour_log_prob_ST=outputs.action_log_prob_ST.detach() - cases[:, 0].unsqueeze(0)
    )
    fused = compare(settings(), batch, tuple(x.detach() for x in tensors), rtol=1e-9, atol=1e-12)
    beyond, acted = fused.metrics["clipfrac"]
    assert (beyond, acted) == (12, count)


def test_labels_count_by_slice_and_abstentions_do_not():
    slices = torch.tensor([STUDENT_LED, TEACHER_LED, PPO], dtype=torch.uint8)
    mask = torch.tensor([[0, 7, 2], [4, 0, 5], [1, 1, 1]], dtype=torch.int32)
    weight = torch.tensor([[1.0, 1.0, 0.0], [0.5, 1.0, 2.0], [1.0, 1.0, 1.0]], dtype=torch.float64)
    batch = make_batch(3, 3, 3, slice_S=slices, label_mask_ST=mask, label_weight_ST=weight)
    tensors, _ = make_outputs(batch, 3)
    fused = compare(settings(), batch, tuple(x.detach() for x in tensors), rtol=1e-10, atol=1e-12)
    assert fused.metrics["supervised_accuracy_student_led"] == (1.0, 1.0)  # any action is right
    assert fused.metrics["supervised_action_loss_teacher_led"][1] == 2.5
    assert float(fused.grad_logits_STU[0, 0].abs().sum()) > 0  # the actor's, not the label's


def test_numbers_that_are_not_finite_are_passed_on():
    batch = make_batch()
    tensors, _ = make_outputs(batch)
    logits = tensors[0].detach().clone()
    logits[1, 2, 0] = torch.nan
    result = fused_losses(batch, logits, tensors[1], tensors[2], settings(), WEIGHTS)
    assert np.isnan(result.loss)


def test_only_the_usual_losses_on_a_cpu_are_fused():
    assert can_fuse(settings(), CPU)
    assert not can_fuse(settings(), torch.device("cuda"))
    for name in ("kickstarter", "eer_kickstarter", "eer_cloner"):
        config = TrainerConfig.model_validate({"losses": {name: {"enabled": True}}})
        assert not can_fuse(config, CPU)
