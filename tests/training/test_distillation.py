import math

import numpy as np
import pytest
import torch

from coglab.models.build import build_network
from coglab.models.config import CortexConfig, FastConfig
from coglab.tracking.names import check_name
from coglab.training.config import (
    EerClonerConfig,
    EerKickstarterConfig,
    KickstarterConfig,
    LossesConfig,
    SlicedScriptedClonerConfig,
    TrainerConfig,
)
from coglab.training.learned_teacher import LearnedTeacher
from coglab.training.losses.distillation import (
    eer_bonus,
    eer_cloner_loss,
    eer_kickstarter_loss,
    eer_label_bonus,
    kickstarter_loss,
)
from coglab.training.losses.sliced_scripted_cloner import sliced_scripted_cloner_loss
from coglab.training.schedules import config_at, supervised_weight
from coglab.training.teacher_plan import (
    PPO,
    STUDENT_LED,
    TEACHER_LED,
    Shares,
    TeacherPlan,
    assign_slices,
)
from tests.training.fakes import NUM_ACTIONS, FakeTeacher, make_geometry, make_trainer
from tests.training.test_losses import make_batch, mean, outputs_of

STUDENT_P, TEACHER_P = [0.5, 0.3, 0.2], [0.1, 0.6, 0.3]


def taught_batch():
    """A student-led and a PPO row of one tick; student and teacher probabilities as above; values 1 and 3."""
    batch = make_batch(
        2, 1, 3,
        slice_S=torch.tensor([STUDENT_LED, PPO], dtype=torch.uint8),
        teacher_log_probs_STU=torch.tensor(TEACHER_P, dtype=torch.float64).log().expand(2, 1, 3),
        teacher_value_ST=torch.full((2, 1), 3.0, dtype=torch.float64),
    )  # fmt: skip
    logits = torch.tensor(STUDENT_P, dtype=torch.float64).log().expand(2, 1, 3)
    values = torch.ones(2, 1, dtype=torch.float64)
    return batch, outputs_of(batch, logits, values, values)


def test_kickstarter_by_hand():
    batch, outputs = taught_batch()
    config = KickstarterConfig(action_loss_coef=0.6, value_loss_coef=0.5, temperature=1.0)
    loss, metrics = kickstarter_loss(batch, outputs, config)
    kl = sum(p * math.log(p / q) for p, q in zip(STUDENT_P, TEACHER_P, strict=True))
    assert mean(metrics, "kickstarter_kl") == pytest.approx(kl)
    assert mean(metrics, "kickstarter_value_loss") == pytest.approx(4.0)
    # Two entries in the minibatch, one of them taught.
    assert float(loss) == pytest.approx((0.6 * kl + 0.5 * 4.0) / 2)


def test_the_temperature_flattens_both_policies_and_its_square_undoes_the_scale():
    batch, outputs = taught_batch()
    _, metrics = kickstarter_loss(batch, outputs, KickstarterConfig(temperature=2.0))
    p = np.sqrt(STUDENT_P) / np.sqrt(STUDENT_P).sum()
    q = np.sqrt(TEACHER_P) / np.sqrt(TEACHER_P).sum()
    assert mean(metrics, "kickstarter_kl") == pytest.approx(4 * (p * np.log(p / q)).sum())


def test_eer_kickstarter_by_hand_and_its_gradient_reaches_the_students_probabilities():
    batch, _ = taught_batch()
    logits = torch.tensor(STUDENT_P, dtype=torch.float64).log().repeat(2, 1, 1).requires_grad_()
    values = torch.ones(2, 1, dtype=torch.float64)
    outputs = outputs_of(batch, logits, values, values)
    loss, metrics = eer_kickstarter_loss(batch, outputs, EerKickstarterConfig(value_loss_coef=0))
    expected = -sum(p * math.log(q) for p, q in zip(STUDENT_P, TEACHER_P, strict=True))
    assert mean(metrics, "eer_cross_entropy") == pytest.approx(expected)
    assert float(loss.detach()) == pytest.approx(0.6 * expected / 2)
    loss.backward()
    # d/dl_a of -sum p log q is p_a (-log q_a - expected); row 1 is PPO's.
    by_hand = [
        0.3 * p * (-math.log(q) - expected) for p, q in zip(STUDENT_P, TEACHER_P, strict=True)
    ]
    np.testing.assert_allclose(logits.grad[0, 0], by_hand)
    assert (logits.grad[1] == 0).all()


def test_the_bonus_is_the_teachers_log_probability_of_what_the_student_did():
    log_probs = np.log(np.array([[[0.1, 0.9], [0.5, 0.5]], [[0.2, 0.8], [0.3, 0.7]]], np.float32))
    action = np.array([[1, 0], [0, 1]], np.int32)
    bonus = eer_bonus(action, log_probs, np.array([STUDENT_LED, PPO], np.uint8), 2.0)
    np.testing.assert_allclose(bonus, [[2 * math.log(0.9), 2 * math.log(0.5)], [0, 0]], rtol=1e-6)


def test_the_bonus_of_a_script_is_0_on_agreement_and_where_it_abstains():
    action = np.array([[0, 1, 1]], np.int32)
    mask = np.array([[0b01, 0b01, 0]], np.uint16)
    np.testing.assert_allclose(
        eer_label_bonus(action, mask, 0.01, 2.0), [[0.0, 2 * math.log(0.01), 0.0]], rtol=1e-6
    )


def test_eer_cloner_has_the_cloners_cross_entropy():
    batch = make_batch()
    outputs = outputs_of(
        batch, torch.zeros(4, 5, 3, dtype=torch.float64), batch.value_ST, batch.value_ST
    )
    ours, _ = eer_cloner_loss(batch, outputs, EerClonerConfig(action_loss_coef=0.3))
    theirs, _ = sliced_scripted_cloner_loss(
        batch, outputs, SlicedScriptedClonerConfig(action_loss_coef=0.3)
    )
    assert float(ours) == float(theirs) > 0


def test_the_weights_of_distillation_fall_over_the_second_half_of_the_phase():
    losses = LossesConfig(
        kickstarter={"enabled": True, "teacher_led_proportion": 0.4, "steps": 100}
    )
    plan = TeacherPlan.from_losses(losses, 10**9)
    assert plan.shares(0) == pytest.approx((0.6, 0.4, 0.0))
    assert plan.shares(50) == pytest.approx((0.8, 0.2, 0.0))
    assert plan.shares(100) == (0.0, 0.0, 1.0)
    assert [plan.weight(s) for s in (0, 50, 75, 100, 999)] == [1.0, 1.0, 0.5, 0.0, 0.0]
    assert plan.needs_teacher(99)
    assert not plan.needs_teacher(100)
    assert TeacherPlan.from_meta(plan.to_meta()) == plan
    config = TrainerConfig(losses=losses)
    assert config_at(config, 0, 1.0) is config
    now = config_at(config, 75, 0.5).losses
    assert (now.kickstarter.action_loss_coef, now.kickstarter.value_loss_coef) == (0.3, 0.5)
    assert supervised_weight(now) == 0.3
    assert config.losses.kickstarter.action_loss_coef == 0.6


def test_plans_of_older_checkpoints_still_load():
    old = {
        "student_led_proportion": 0.5,
        "teacher_led_proportion": 0.2,
        "anneal_start_step": 1,
        "steps": 9,
    }
    assert TeacherPlan.from_meta(old) == TeacherPlan(0.5, 0.2, 1, 9)


def test_a_supervisors_shares_stay():
    cloner = SlicedScriptedClonerConfig(
        enabled=True, student_led_proportion=0.8, teacher_led_proportion=0.2, anneal=False
    )
    plan = TeacherPlan.from_config(cloner, 1000)
    assert plan.shares(0) == plan.shares(10**12) == (0.8, 0.2, 0.0)
    assert plan.presence(10**12) == 1.0


def test_slices_by_game_give_a_whole_team_one_leader():
    slices = np.empty(12, np.uint8)
    assign_slices(Shares(0.5, 0.25, 0.25), np.array([0.1, 0.6, 0.9]), slices, unit_size=4)
    assert slices.tolist() == [STUDENT_LED] * 4 + [TEACHER_LED] * 4 + [PPO] * 4
    trainer = make_trainer(
        make_geometry(num_envs=16, num_agents=3),
        plan=TeacherPlan(0.3, 0.3, 0, 10**9, slice_unit="env"),
    )
    trainer.iterate()
    by_team = trainer.collector.experience.slices.reshape(-1, 3)
    assert (by_team == by_team[:, :1]).all()
    assert len(np.unique(by_team)) == 3


class FakeLearnedTeacher(FakeTeacher):
    """Gives the right action probability 0.9."""

    def __init__(self, sim):
        super().__init__(sim)
        self.log_probs = np.zeros((sim.num_rows, NUM_ACTIONS), np.float32)
        self.values = np.full(sim.num_rows, 0.5, np.float32)

    def label(self, reset, first_env, last_env):
        super().label(reset, first_env, last_env)
        rows = slice(first_env * self.sim.num_agents, last_env * self.sim.num_agents)
        self.log_probs[rows] = math.log(0.1 / (NUM_ACTIONS - 1))
        right = self.sim.tokens[rows, 1, 2].astype(int)
        self.log_probs[rows][np.arange(len(right)), right] = math.log(0.9)


@pytest.mark.parametrize("mode", ["kickstarter", "eer_kickstarter", "eer_cloner"])
def test_a_student_comes_nearer_to_its_teacher_and_every_metric_has_a_name(mode):
    geometry = make_geometry(num_envs=16, num_agents=2, horizon=16, rounds=1, num_minibatches=4)
    losses = LossesConfig(
        **{
            mode: {"enabled": True, "steps": 10**9, "reward_coef": 1e-4}
            if mode != "kickstarter"
            else {"enabled": True, "steps": 10**9}
        }
    )
    config = TrainerConfig(losses=losses, optimizer={"learning_rate": 1e-2})
    trainer = make_trainer(geometry, config, TeacherPlan.from_losses(losses, 10**9))
    if mode != "eer_cloner":
        trainer = make_trainer(
            geometry, config, TeacherPlan.from_losses(losses, 10**9), sim=trainer.sim,
            teacher=FakeLearnedTeacher(trainer.sim),
        )  # fmt: skip
    first = trainer.iterate()
    for _ in range(15):
        last = trainer.iterate()
    name = {
        "kickstarter": "kickstarter_kl",
        "eer_kickstarter": "eer_cross_entropy",
        "eer_cloner": "supervised_action_loss_student_led",
    }[mode]
    assert last[f"losses/{name}"] < 0.9 * first[f"losses/{name}"]
    if mode != "kickstarter":
        assert last["losses/eer_bonus"] < 0
    for key in last:
        if key.startswith(("losses/", "hyperparameters/", "teacher/")):
            check_name(key)


def test_a_learned_teacher_labels_what_its_network_would_do_and_resumes(real_sim):
    torch.manual_seed(1)
    network = build_network(
        FastConfig(table_width=32, cortex=CortexConfig(width=32), actor_hidden=32, critic_hidden=16)
    )
    teacher = LearnedTeacher(network, real_sim)
    reset = np.ones(real_sim.num_rows, np.bool_)
    teacher.label(reset, 0, 1)
    teacher.label(reset, 1, 2)
    np.testing.assert_array_equal(teacher.labels, teacher.log_probs.argmax(1))
    np.testing.assert_array_equal(teacher.label_mask, 1 << teacher.labels)
    np.testing.assert_allclose(np.exp(teacher.log_probs).sum(1), 1, rtol=1e-5)
    saved = {name: np.array(array) for name, array in teacher.get_state().items()}
    reset[:] = False
    teacher.label(reset)
    expected = teacher.log_probs.copy()
    other = LearnedTeacher(network, real_sim)
    other.set_state(saved)
    other.label(reset)
    np.testing.assert_array_equal(other.log_probs, expected)
