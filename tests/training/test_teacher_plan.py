import numpy as np
import pytest

from coglab.config import UserError
from coglab.training.config import (
    OptimizerConfig,
    PpoActorConfig,
    SlicedScriptedClonerConfig,
    TrainerConfig,
)
from coglab.training.randomness import stream_key, uniforms
from coglab.training.schedules import Linear, learning_rates, surrogate_weight
from coglab.training.teacher_plan import (
    PPO,
    STUDENT_LED,
    TEACHER_LED,
    Shares,
    TeacherPlan,
    assign_slices,
)


def draw(shares, count=20_000, seed=1):
    numbers = np.empty(count)
    uniforms(stream_key(seed), 0, numbers)
    slices = np.empty(count, np.uint8)
    assign_slices(shares, numbers, slices)
    return [float((slices == s).mean()) for s in (STUDENT_LED, TEACHER_LED, PPO)]


@pytest.mark.parametrize("shares", [(0.5, 0.2, 0.3), (0.1, 0.6, 0.3), (0.0, 0.2, 0.8)])
def test_slices_have_the_planned_shares(shares):
    np.testing.assert_allclose(draw(Shares(*shares)), shares, atol=0.02)


@pytest.mark.parametrize("shares", [(1, 0, 0), (0, 1, 0), (0, 0, 1)])
def test_a_share_of_0_or_1_is_exact(shares):
    assert draw(Shares(*map(float, shares))) == list(shares)


@pytest.mark.parametrize("student", [0.1, 0.3, 0.7, 0.9])
def test_shares_that_add_up_to_1_leave_no_ppo_row(student):
    numbers = np.array([0.0, student, np.nextafter(1.0, 0.0)])
    slices = np.empty(3, np.uint8)
    assign_slices(Shares(student, 1.0 - student, 0.0), numbers, slices)
    assert slices.tolist() == [STUDENT_LED, TEACHER_LED, TEACHER_LED]


def test_random_numbers_depend_on_their_index_alone():
    whole, part = np.empty(100), np.empty(10)
    uniforms(stream_key(1, 2), 0, whole)
    uniforms(stream_key(1, 2), 50, part)
    np.testing.assert_array_equal(whole[50:60], part)
    assert stream_key(1, 2) != stream_key(2, 1)
    many = np.empty(100_000)
    uniforms(stream_key(5), 0, many)
    assert 0 <= many.min() <= many.max() < 1
    np.testing.assert_allclose(np.histogram(many, 10, (0, 1))[0], 10_000, rtol=0.05)


def test_shares_are_constant_then_fall_to_0_and_stay_there():
    plan = TeacherPlan(0.5, 0.2, anneal_start_step=100, steps=200)
    assert plan.shares(0) == plan.shares(100) == (0.5, 0.2, pytest.approx(0.3))
    assert plan.shares(150) == pytest.approx((0.25, 0.1, 0.65))
    assert plan.shares(200) == plan.shares(10**12) == (0.0, 0.0, 1.0)
    assert plan.needs_teacher(199)
    assert not plan.needs_teacher(200)


def test_the_teacher_phase_is_a_fifth_of_the_budget_unless_given():
    cloner = SlicedScriptedClonerConfig(enabled=True)
    assert TeacherPlan.from_config(cloner, 1000).steps == 200
    cloner = SlicedScriptedClonerConfig(enabled=True, steps=70)
    assert TeacherPlan.from_config(cloner, 1000).steps == 70


def test_a_disabled_cloner_needs_no_teacher():
    plan = TeacherPlan.from_config(SlicedScriptedClonerConfig(), 1000)
    assert plan.shares(0) == (0.0, 0.0, 1.0)
    assert plan.describe(TrainerConfig())[0].startswith("no teacher")


def test_a_saved_plan_is_not_moved_by_a_longer_budget():
    plan = TeacherPlan.from_config(SlicedScriptedClonerConfig(enabled=True), 1000)
    assert TeacherPlan.from_meta(plan.to_meta()) == plan


def test_the_plan_says_its_shares_and_the_rows_of_each_loss():
    text = "\n".join(TeacherPlan(0.5, 0.3, 0, 5_000_000).describe(TrainerConfig()))
    for part in ("50% student-led", "30% teacher-led", "20% PPO", "5,000,000", "all student-acted"):
        assert part in text


@pytest.mark.parametrize(
    "bad",
    [
        {"student_led_proportion": 0.7, "teacher_led_proportion": 0.5},
        {"steps": 10, "anneal_start_step": 20},
    ],
)
def test_impossible_plans_are_refused(bad):
    with pytest.raises(UserError, match="use "):
        TeacherPlan.from_config(SlicedScriptedClonerConfig(enabled=True, **bad), 1000)


def test_a_line_is_clamped_at_both_ends():
    line = Linear(10, 20, 1.0, 3.0)
    assert [line(s) for s in (0, 10, 15, 20, 99)] == [1.0, 1.0, 2.0, 3.0, 3.0]
    assert Linear(10, 10, 1.0, 3.0)(10) == 3.0


def test_the_learning_rates_warm_up_over_gradient_steps_and_fall_over_agent_steps():
    config = OptimizerConfig(
        learning_rate=1.0, critic_learning_rate=2.0, warmup_steps=4, final_fraction=0.1
    )
    rates = [learning_rates(config, 100, 0, g) for g in range(5)]
    assert [rate.policy for rate in rates] == [0.25, 0.5, 0.75, 1.0, 1.0]
    assert [rate.critic for rate in rates] == [0.5, 1.0, 1.5, 2.0, 2.0]
    assert learning_rates(config, 100, 50, 99) == pytest.approx((0.55, 1.1))
    assert learning_rates(config, 100, 500, 99) == pytest.approx((0.1, 0.2))


def test_the_teachers_leaving_lowers_the_policys_learning_rate_but_not_the_critics():
    config = OptimizerConfig(
        learning_rate=1.0,
        learning_rate_after_teacher=0.2,
        critic_learning_rate=2.0,
        warmup_steps=0,
        final_fraction=1.0,
    )
    assert learning_rates(config, 100, 0, 0, 0.5) == pytest.approx((0.6, 2.0))
    assert learning_rates(config, 100, 0, 0, 0.0) == pytest.approx((0.2, 2.0))


def test_the_policy_gradient_has_its_full_weight_only_once_the_teacher_has_left():
    config = PpoActorConfig(coef_with_teacher=0.2)
    assert surrogate_weight(config, is_taught=True) == 0.2
    assert surrogate_weight(config, is_taught=False) == 1.0
