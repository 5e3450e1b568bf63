import math

import numpy as np
import pytest
import torch

from coglab.training.config import (
    AdvantageConfig,
    PpoActorConfig,
    PpoCriticConfig,
    SlicedScriptedClonerConfig,
    TrainerConfig,
)
from coglab.training.losses.batch import LossBatch, LossOutputs
from coglab.training.losses.combined import combined_loss
from coglab.training.losses.ppo_actor import ppo_actor_loss
from coglab.training.losses.ppo_critic import gtd_lambda_loss, mse_critic_loss
from coglab.training.losses.sliced_scripted_cloner import sliced_scripted_cloner_loss
from coglab.training.teacher_plan import PPO, STUDENT_LED, TEACHER_LED


def make_batch(segments=4, ticks=5, actions=3, seed=0, dtype=torch.float64, **changes):
    """Random data with all three slices; the teacher leads the segments of its slice."""
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape):
        return torch.randn(shape, generator=generator, dtype=dtype)

    slices = torch.tensor(
        [STUDENT_LED, TEACHER_LED, PPO, TEACHER_LED] * segments, dtype=torch.uint8
    )
    slices = slices[:segments]
    is_student = (slices != TEACHER_LED).to(dtype).unsqueeze(1).expand(segments, ticks).contiguous()
    mask = torch.randint(0, 2**actions, (segments, ticks), generator=generator, dtype=torch.int32)
    fields = {
        "action_ST": torch.randint(0, actions, (segments, ticks), generator=generator),
        "behaviour_log_prob_ST": -normal(segments, ticks).abs() * is_student,
        "value_ST": normal(segments, ticks),
        "advantage_ST": normal(segments, ticks),
        "return_ST": normal(segments, ticks),
        "reward_ST": normal(segments, ticks),
        "done_ST": torch.rand((segments, ticks), generator=generator) < 0.2,
        "bootstrap_S": normal(segments),
        "label_mask_ST": mask,
        "label_weight_ST": normal(segments, ticks).abs(),
        "is_student_ST": is_student,
        "slice_S": slices,
        "denominator": float(segments * ticks),
    }
    return LossBatch(**{**fields, **changes})


def make_outputs(batch, actions=3, seed=1):
    generator = torch.Generator().manual_seed(seed)
    shape = batch.action_ST.shape
    dtype = batch.value_ST.dtype
    logits = torch.randn((*shape, actions), generator=generator, dtype=dtype, requires_grad=True)
    values = torch.randn(shape, generator=generator, dtype=dtype, requires_grad=True)
    h_values = torch.randn(shape, generator=generator, dtype=dtype, requires_grad=True)
    return (logits, values, h_values), outputs_of(batch, logits, values, h_values)


def outputs_of(batch, logits, values, h_values):
    log_probs = logits.log_softmax(-1)
    chosen = log_probs.gather(-1, batch.action_ST.unsqueeze(-1)).squeeze(-1)
    return LossOutputs(log_probs, chosen, values, h_values)


def pick(batch, index):
    """The same batch with other segments."""
    return LossBatch(*(x[index] if isinstance(x, torch.Tensor) else x for x in batch))


def mean(metrics, name):
    total, weight = metrics[name]
    return float(total) / float(weight)


def test_actor_loss_by_hand():
    # One student step and one teacher step; probabilities 0.6 and 0.4 now, 0.5 when collected: ratio 1.2.
    batch = make_batch(
        2, 1, 2,
        action_ST=torch.tensor([[0], [0]]),
        behaviour_log_prob_ST=torch.tensor([[math.log(0.5)], [0.0]], dtype=torch.float64),
        advantage_ST=torch.tensor([[2.0], [100.0]], dtype=torch.float64),
        is_student_ST=torch.tensor([[1.0], [0.0]], dtype=torch.float64),
    )  # fmt: skip
    logits = torch.tensor([[[0.6, 0.4]], [[0.6, 0.4]]], dtype=torch.float64).log()
    outputs = outputs_of(batch, logits, batch.value_ST, batch.value_ST)
    entropy = -(0.6 * math.log(0.6) + 0.4 * math.log(0.4))
    for clip, expected in ((0.3, -2.4), (0.1, -2.2)):
        loss, metrics = ppo_actor_loss(batch, outputs, PpoActorConfig(clip_coef=clip, ent_coef=0.5))
        assert float(loss) == pytest.approx((expected - 0.5 * entropy) / 2)
        weighted, _ = ppo_actor_loss(batch, outputs, PpoActorConfig(clip_coef=clip), 0.5, 0.25)
        assert float(weighted) == pytest.approx((0.25 * expected - 0.5 * entropy) / 2)
        assert mean(metrics, "policy_loss") == pytest.approx(expected)
        assert mean(metrics, "clipfrac") == float(clip < 0.2)
        assert mean(metrics, "approx_kl") == pytest.approx(1.2 - 1 - math.log(1.2))
        assert mean(metrics, "importance") == pytest.approx(1.2)
        assert mean(metrics, "entropy") == pytest.approx(entropy)
        assert mean(metrics, "ppo_actor_rows") == 0.5


def test_the_actor_uses_student_acted_rows_or_only_the_ppo_slice():
    batch = make_batch()
    (logits, _, _), outputs = make_outputs(batch)
    for restrict, used in ((False, {0, 2}), (True, {2})):
        config = PpoActorConfig(restrict_to_ppo_slice=restrict)
        loss, _ = ppo_actor_loss(batch, outputs, config)
        (gradient,) = torch.autograd.grad(loss, logits, retain_graph=True)
        assert {s for s in range(4) if gradient[s].abs().sum() > 0} == used


def test_teacher_rows_do_not_reach_ppo_diagnostics():
    batch = make_batch()
    _, outputs = make_outputs(batch)
    students = batch.is_student_ST[:, 0] == 1
    few = pick(batch, students)
    few_outputs = LossOutputs(*(x[students] for x in outputs))
    _, all_metrics = ppo_actor_loss(batch, outputs, PpoActorConfig())
    _, few_metrics = ppo_actor_loss(few, few_outputs, PpoActorConfig())
    for name in ("approx_kl", "clipfrac", "importance", "entropy", "policy_loss"):
        assert mean(all_metrics, name) == pytest.approx(mean(few_metrics, name))


def test_mse_critic_by_hand():
    batch = make_batch(
        1, 2, 2,
        value_ST=torch.tensor([[0.0, 1.0]], dtype=torch.float64),
        return_ST=torch.tensor([[1.0, 1.0]], dtype=torch.float64),
    )  # fmt: skip
    values = torch.tensor([[0.5, 1.0]], dtype=torch.float64)
    outputs = outputs_of(batch, torch.zeros(1, 2, 2, dtype=torch.float64), values, values)
    loss, _ = mse_critic_loss(batch, outputs, PpoCriticConfig(vf_coef=0.5, clip_vloss=False))
    assert float(loss) == pytest.approx(0.5 * 0.5 * 0.25 / 2)
    loss, _ = mse_critic_loss(batch, outputs, PpoCriticConfig(vf_coef=0.5, vf_clip_coef=0.1))
    assert float(loss) == pytest.approx(0.5 * 0.5 * 0.81 / 2)


def lambda_errors(batch, values, rho, gamma, lam):
    """delta_lambda as a differentiable function of the values, straight from its recursion."""
    ticks = values.shape[1]
    carried = torch.zeros_like(values[:, 0])
    errors = [None] * ticks
    for t in reversed(range(ticks)):
        following = values[:, t + 1] if t + 1 < ticks else batch.bootstrap_S
        alive = (~batch.done_ST[:, t]).to(values.dtype)
        error = batch.reward_ST[:, t] + gamma * alive * following - values[:, t]
        carried = rho[:, t] * (error + gamma * lam * alive * carried)
        errors[t] = carried
    return torch.stack(errors, dim=1)


def gtd_by_autograd(batch, outputs, config, advantage):
    """The published saddle-point loss, with delta_lambda differentiated through time."""
    ratio = (outputs.action_log_prob_ST - batch.behaviour_log_prob_ST).exp().detach()
    rho = ratio.clamp(max=advantage.vtrace_rho_clip)
    errors = lambda_errors(batch, outputs.values_ST, rho, advantage.gamma, advantage.gae_lambda)
    h = outputs.h_values_ST
    critic = (h.detach() * errors).sum() - ((errors - h).detach() * outputs.values_ST).sum()
    aux = 0.5 * (errors.detach() - h).square().sum()
    return (config.vf_coef * critic + config.aux_coef * aux) / batch.denominator


def test_gtd_gradient_equals_autograd_through_time():
    batch = make_batch(segments=6, ticks=11)
    inputs, outputs = make_outputs(batch)
    config, advantage = PpoCriticConfig(vf_coef=0.7, aux_coef=0.3), AdvantageConfig()
    loss, metrics = gtd_lambda_loss(batch, outputs, config, advantage)
    expected = gtd_by_autograd(batch, outputs, config, advantage)
    assert loss.item() == pytest.approx(expected.item(), rel=1e-12)
    for x in inputs[1:]:
        (ours,) = torch.autograd.grad(loss, x, retain_graph=True)
        (theirs,) = torch.autograd.grad(expected, x, retain_graph=True)
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)
    assert torch.autograd.grad(loss, inputs[0], allow_unused=True)[0] is None
    assert mean(metrics, "gtd_h_mse") == pytest.approx(2 * mean(metrics, "gtd_aux_loss"))


def test_gtd_with_h_0_is_the_semi_gradient():
    batch = make_batch()
    (logits, values, _), _ = make_outputs(batch)
    zero = torch.zeros_like(values, requires_grad=True)
    outputs = outputs_of(batch, logits, values, zero)
    advantage = AdvantageConfig()
    loss, _ = gtd_lambda_loss(batch, outputs, PpoCriticConfig(vf_coef=1.0, aux_coef=0.0), advantage)
    (gradient,) = torch.autograd.grad(loss, values)
    ratio = (outputs.action_log_prob_ST - batch.behaviour_log_prob_ST).exp().detach()
    errors = lambda_errors(
        batch, values, ratio.clamp(max=1.0), advantage.gamma, advantage.gae_lambda
    )
    torch.testing.assert_close(gradient, -errors.detach() / batch.denominator)


def _two_state_chain(semi_gradient):
    """Tsitsiklis and Van Roy's w -> 2w: values w and 2w, features 1 and 2, only the first transition is sampled."""
    w = torch.tensor(1.0, dtype=torch.float64, requires_grad=True)
    theta = torch.tensor(0.0, dtype=torch.float64, requires_grad=True)
    config = PpoCriticConfig(vf_coef=1.0, aux_coef=1.0, beta=0.0)
    advantage = AdvantageConfig(gamma=0.99, gae_lambda=0.0)
    for _ in range(2000):
        values = torch.stack([w, 2 * w]).view(1, 2)
        h = torch.stack([theta, 2 * theta]).view(1, 2) * (0.0 if semi_gradient else 1.0)
        # Behaviour probability 1; the target policy never leaves state 2, so its transition has ratio 0.
        log_prob = torch.tensor([[0.0, -torch.inf]], dtype=torch.float64)
        zero = torch.zeros(1, 2, dtype=torch.float64)
        batch = make_batch(
            1, 2, 2, reward_ST=zero, done_ST=zero.bool(), behaviour_log_prob_ST=zero,
            bootstrap_S=zero[:, 0], denominator=2.0,
        )  # fmt: skip
        outputs = LossOutputs(zero.unsqueeze(-1), log_prob, values, h)
        loss, _ = gtd_lambda_loss(batch, outputs, config, advantage)
        gradients = torch.autograd.grad(loss, [w, theta], allow_unused=True)
        with torch.no_grad():
            w -= 0.05 * gradients[0]
            theta -= 0.2 * (gradients[1] if gradients[1] is not None else 0.0)
        if abs(w.item()) > 1e3:
            break
    return w.item()


def test_gtd_converges_where_the_semi_gradient_diverges():
    assert abs(_two_state_chain(semi_gradient=True)) > 1e3
    assert abs(_two_state_chain(semi_gradient=False)) < 0.05


STAR = torch.zeros(7, 8, dtype=torch.float64)
"""Baird's star: the values of the six outer states are 2 w_i + w_8, that of the centre w_7 + 2 w_8."""
STAR[:6, :6] = 2 * torch.eye(6)
STAR[:6, 7], STAR[6, 6], STAR[6, 7] = 1.0, 1.0, 2.0


def _learn_star(semi_gradient, updates, rate=0.3, beta=1.0):
    """Norm of the values after some updates; all rewards are 0, so it should vanish. At first it is 14.

    The behaviour goes to the centre with probability 1/7, else to one of the outer states; the target always goes to the
    centre, so the importance weight is 7 there and 0 elsewhere.

    Source: Baird 1995; Sutton and Barto 2018, figure 11.1.
    """
    rng = np.random.default_rng(0)
    segments, ticks = 16, 32
    w = torch.tensor([1.0] * 6 + [10.0, 1.0], dtype=torch.float64, requires_grad=True)
    theta = torch.zeros(8, dtype=torch.float64, requires_grad=True)
    config = PpoCriticConfig(vf_coef=1.0, aux_coef=1.0)
    advantage = AdvantageConfig(gamma=0.99, gae_lambda=0.9, vtrace_rho_clip=7.0)
    zero = torch.zeros(segments, ticks, dtype=torch.float64)
    for _ in range(updates):
        to_centre = rng.random((segments, ticks)) < 1 / 7
        states = rng.integers(7, size=(segments, ticks + 1))
        states[:, 1:] = np.where(to_centre, 6, rng.integers(6, size=(segments, ticks)))
        x = STAR[torch.from_numpy(states)]
        values, h = x @ w, (x @ theta)[:, :-1]
        log_ratio = torch.where(torch.from_numpy(to_centre), math.log(7.0), -torch.inf).double()
        batch = make_batch(
            segments, ticks, 2, reward_ST=zero, done_ST=zero.bool(), behaviour_log_prob_ST=zero,
            bootstrap_S=values[:, -1].detach(), denominator=float(segments * ticks),
        )  # fmt: skip
        outputs = LossOutputs(
            zero.unsqueeze(-1), log_ratio, values[:, :-1], h * (0.0 if semi_gradient else 1.0)
        )
        loss, _ = gtd_lambda_loss(batch, outputs, config, advantage)
        gradients = torch.autograd.grad(loss, [w, theta], allow_unused=True)
        with torch.no_grad():
            w -= rate * gradients[0]
            if not semi_gradient:
                theta -= 0.5 * (gradients[1] + beta * theta)  # the optimiser adds the regulariser
        if w.abs().max() > 1e4:
            break
    return float((STAR @ w).norm().detach())


def test_on_bairds_star_the_semi_gradient_diverges_and_gtd_lambda_converges():
    assert _learn_star(semi_gradient=True, updates=300) > 1e4
    assert _learn_star(semi_gradient=False, updates=800) < 1.0


def test_cloner_by_hand():
    # Three actions with probabilities 0.5, 0.3, 0.2; actions 0 and 2 are right.
    logits = torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64).log().expand(3, 2, 3)
    batch = make_batch(
        3, 2, 3,
        slice_S=torch.tensor([STUDENT_LED, TEACHER_LED, PPO], dtype=torch.uint8),
        label_mask_ST=torch.tensor([[0b101, 0], [0b010, 0b010], [0b001, 0b001]], dtype=torch.int32),
        label_weight_ST=torch.tensor([[1.0, 1.0], [1.0, 0.5], [1.0, 1.0]], dtype=torch.float64),
    )  # fmt: skip
    outputs = outputs_of(batch, logits, batch.value_ST, batch.value_ST)
    config = SlicedScriptedClonerConfig(action_loss_coef=2.0)
    loss, metrics = sliced_scripted_cloner_loss(batch, outputs, config)
    student, teacher = -math.log(0.7), -1.5 * math.log(0.3)
    assert float(loss) == pytest.approx(2.0 * (student + teacher) / 6)
    assert mean(metrics, "supervised_action_loss") == pytest.approx((student + teacher) / 6)
    assert mean(metrics, "supervised_action_loss_student_led") == pytest.approx(student)
    assert mean(metrics, "supervised_action_loss_teacher_led") == pytest.approx(teacher / 1.5)
    assert mean(metrics, "supervised_accuracy_student_led") == 1.0
    assert mean(metrics, "supervised_accuracy_teacher_led") == 0.0


def test_cloning_is_finite_where_the_teacher_abstains():
    batch = make_batch(label_mask_ST=torch.zeros(4, 5, dtype=torch.int32))
    (logits, _, _), outputs = make_outputs(batch)
    loss, _ = sliced_scripted_cloner_loss(batch, outputs, SlicedScriptedClonerConfig())
    loss.backward()
    assert float(loss) == 0.0
    assert (logits.grad == 0).all()


def test_the_weight_of_cloning_is_proportional_to_the_slices_share():
    batch = make_batch(8, 5, label_mask_ST=torch.ones(8, 5, dtype=torch.int32))
    batch = batch._replace(label_weight_ST=torch.ones_like(batch.label_weight_ST))
    logits = torch.zeros(8, 5, 3, dtype=torch.float64)
    outputs = outputs_of(batch, logits, batch.value_ST, batch.value_ST)
    losses = []
    for led in range(9):
        slices = torch.tensor([STUDENT_LED] * led + [PPO] * (8 - led), dtype=torch.uint8)
        loss, _ = sliced_scripted_cloner_loss(
            batch._replace(slice_S=slices), outputs, SlicedScriptedClonerConfig()
        )
        losses.append(float(loss))
    np.testing.assert_allclose(losses, np.arange(9) / 8 * math.log(3), atol=1e-12)


@pytest.mark.parametrize("critic_update", ["mse", "gtd_lambda"])
def test_order_and_sharding_of_rows_do_not_matter(critic_update):
    config = TrainerConfig(
        losses={
            "ppo_critic": {"critic_update": critic_update},
            "sliced_scripted_cloner": {"enabled": True},
        }
    )
    batch = make_batch(8, 5)
    inputs, outputs = make_outputs(batch)
    loss, metrics = combined_loss(batch, outputs, config)
    gradients = torch.autograd.grad(loss, inputs, retain_graph=True, allow_unused=True)
    order = torch.randperm(8, generator=torch.Generator().manual_seed(9))
    total, parts = 0.0, []
    for index in (order[:3], order[3:]):
        part_outputs = LossOutputs(*(x[index] for x in outputs))
        part, part_metrics = combined_loss(pick(batch, index), part_outputs, config)
        total = total + part
        parts.append(part_metrics)
    assert float(total) == pytest.approx(float(loss), rel=1e-10)
    sharded = torch.autograd.grad(total, inputs, allow_unused=True)
    for whole, split in zip(gradients, sharded, strict=True):
        if whole is not None:
            torch.testing.assert_close(whole, split, rtol=1e-10, atol=1e-10)
    for name, (value, weight) in metrics.items():
        assert sum(float(p[name][0]) for p in parts) == pytest.approx(float(value), abs=1e-9), name
        assert sum(float(p[name][1]) for p in parts) == pytest.approx(float(weight), abs=1e-9), name


@pytest.mark.parametrize("number", [STUDENT_LED, TEACHER_LED, PPO])
def test_a_batch_of_one_slice_only_gives_finite_losses(number):
    config = TrainerConfig(losses={"sliced_scripted_cloner": {"enabled": True}})
    batch = make_batch(4, 5, slice_S=torch.full((4,), number, dtype=torch.uint8))
    is_student = torch.full((4, 5), float(number != TEACHER_LED), dtype=torch.float64)
    batch = batch._replace(is_student_ST=is_student)
    inputs, outputs = make_outputs(batch)
    loss, metrics = combined_loss(batch, outputs, config)
    loss.backward()
    assert torch.isfinite(loss)
    assert all(torch.isfinite(x.grad).all() for x in inputs if x.grad is not None)
    assert all(torch.isfinite(total) for total, _ in metrics.values())
