"""Schedules of settings, and the guard on the policy's drift."""

import pytest

from coglab.config import UserError
from coglab.tracking.names import check_name
from coglab.training.config import KlGuardConfig, ScheduleConfig, TrainerConfig
from coglab.training.kl_guard import KlGuard, PolicyDriftError
from coglab.training.schedules import check_schedules, config_at, scheduled_value
from coglab.training.teacher_plan import TeacherPlan
from tests.training.fakes import make_trainer

ENTROPY = "losses.ppo_actor.ent_coef"


def entropy_schedule(**changes):
    fields = {"value": ENTROPY, "start": 1.0, "end": 0.0, "start_step": 100, "end_step": 200}
    return ScheduleConfig(**{**fields, **changes})


def test_a_schedule_is_clamped_at_both_ends():
    steps = (0, 100, 150, 200, 10**12)
    assert [scheduled_value(entropy_schedule(), s) for s in steps] == [1.0, 1.0, 0.5, 0.0, 0.0]
    cosine = entropy_schedule(shape="cosine")
    assert [scheduled_value(cosine, s) for s in steps] == pytest.approx([1.0, 1.0, 0.5, 0.0, 0.0])
    assert scheduled_value(cosine, 125) == pytest.approx(0.853553)


def test_the_settings_at_a_step_hold_the_scheduled_value_and_nothing_else_moves():
    config = TrainerConfig(schedules=(entropy_schedule(),))
    now = config_at(config, 150)
    assert now.losses.ppo_actor.ent_coef == 0.5
    assert config.losses.ppo_actor.ent_coef == 0.01
    back = now.model_copy(update={"losses": config.losses})
    assert back == config


def test_the_trainer_uses_and_logs_the_scheduled_value():
    config = TrainerConfig(
        schedules=(entropy_schedule(start_step=0, end_step=256),
                   entropy_schedule(value="optimizer.learning_rate", start=1e-3, end=1e-4, start_step=0, end_step=128)),
        optimizer={"warmup_steps": 0, "final_fraction": 1.0},
    )  # fmt: skip
    trainer = make_trainer(config=config, plan=TeacherPlan(), teacher=None)
    first, second = trainer.iterate(), trainer.iterate()
    assert (first["hyperparameters/ent_coef"], second["hyperparameters/ent_coef"]) == (1.0, 0.5)
    assert first[f"hyperparameters/schedule/{ENTROPY}"] == 1.0
    assert second["hyperparameters/learning_rate"] == pytest.approx(1e-4)
    check_name(f"hyperparameters/schedule/{ENTROPY}")


@pytest.mark.parametrize(
    "bad", [[entropy_schedule(end_step=50)], [entropy_schedule(), entropy_schedule(end=0.5)]]
)
def test_impossible_schedules_are_refused(bad):
    with pytest.raises(UserError, match="ent_coef"):
        check_schedules(bad)


def test_the_guard_speaks_after_its_patience_and_calm_resets_it():
    guard = KlGuard(KlGuardConfig(target=0.03, patience=3, action="lower_learning_rate"))
    said = [guard.observe(kl, 7) for kl in (0.1, 0.1, 0.01, 0.1, 0.1, 0.1, 0.1, None, 0.1)]
    assert [text is not None for text in said] == [False] * 5 + [True] + [False] * 3
    assert "agent step 7" in said[5]


def test_the_guard_lowers_the_step_size_or_stops_if_told_to():
    guard = KlGuard(KlGuardConfig(patience=1, action="lower_learning_rate", factor=0.5))
    guard.observe(1.0, 1)
    guard.observe(1.0, 2)
    assert guard.rate_factor == 0.25
    other = KlGuard(guard.config)
    other.load_meta(guard.to_meta())
    assert other.rate_factor == 0.25
    now = config_at(TrainerConfig(), 0, rate_factor=0.25)
    assert now.optimizer.learning_rate == pytest.approx(0.25e-3)
    assert now.optimizer.critic_learning_rate == TrainerConfig().optimizer.critic_learning_rate
    with pytest.raises(PolicyDriftError, match="agent step 5"):
        KlGuard(KlGuardConfig(patience=1, action="stop")).observe(1.0, 5)


def test_a_run_with_a_strict_guard_lowers_its_step_size_and_goes_on():
    guard = {"target": 1e-12, "patience": 2, "action": "lower_learning_rate"}
    trainer = make_trainer(config=TrainerConfig(kl_guard=guard), plan=TeacherPlan(), teacher=None)
    for _ in range(5):
        trainer.iterate()
    assert sum("losses/approx_kl" in text for text in trainer.tracker.printed) == 2
    assert trainer.kl_guard.rate_factor == 0.25
    quiet = make_trainer(
        config=TrainerConfig(kl_guard={**guard, "action": "warn"}), plan=TeacherPlan(), teacher=None
    )
    for _ in range(5):
        quiet.iterate()
    assert quiet.kl_guard.rate_factor == 1.0
    assert len(quiet.tracker.printed) == 1
    assert "losses/approx_kl" in quiet.tracker.printed[0]


def test_the_guard_waits_for_the_teacher_to_leave_unless_told_otherwise():
    guard = {"target": 1e-12, "patience": 2, "action": "lower_learning_rate"}

    def rate_factor(**more) -> float:
        trainer = make_trainer(config=TrainerConfig(kl_guard={**guard, **more}))
        for _ in range(2):
            assert trainer.iterate()["losses/teacher_led_proportion"] > 0
        return trainer.kl_guard.rate_factor

    assert rate_factor() == 1.0
    assert rate_factor(while_taught=True) == 0.5


def test_a_warning_is_given_once_until_it_is_calm_again():
    guard = KlGuard(KlGuardConfig(target=0.03, patience=2))
    said = [guard.observe(kl, 7) is not None for kl in (1, 1, 1, 1, 1, 0.01, 1, 1)]
    assert said == [False, True, False, False, False, False, False, True]
    resumed = KlGuard(guard.config)
    resumed.load_meta(guard.to_meta())
    assert [resumed.observe(1, 8) for _ in range(4)] == [None] * 4
