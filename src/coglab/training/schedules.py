"""Values that change with the step. Each is defined for every step and stays at its end value after the end."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

from coglab.config import Config, UserError
from coglab.training.config import (
    TEACHER_LOSSES,
    LossesConfig,
    OptimizerConfig,
    PpoActorConfig,
    ScheduleConfig,
    TrainerConfig,
)

C = TypeVar("C", bound=Config)


@dataclass(frozen=True)
class Linear:
    """A straight line between two steps, constant before the first and after the second.

    Attributes:
        start_step: step up to which the value is `start`.
        end_step: step from which on the value is `end`; not before `start_step`.
        start: first value.
        end: last value.
    """

    start_step: int
    end_step: int
    start: float
    end: float

    def __call__(self, step: int) -> float:
        """The value at a step, for any step >= 0."""
        if step >= self.end_step:
            return self.end
        if step <= self.start_step:
            return self.start
        fraction = (step - self.start_step) / (self.end_step - self.start_step)
        return self.start + fraction * (self.end - self.start)


class LearningRates(NamedTuple):
    """Step sizes of one gradient step."""

    policy: float
    """Of everything that actions depend on."""
    critic: float
    """Of the layers that serve values alone."""


def learning_rates(
    config: OptimizerConfig,
    total_timesteps: int,
    agent_step: int,
    gradient_step: int,
    teacher_presence: float = 1.0,
) -> LearningRates:
    """Linear warm-up over gradient steps, times a linear fall over agent steps.

    Args:
        config: peaks, warm-up and final fraction.
        total_timesteps: agent steps at which the fall ends.
        agent_step: agent steps done before the current batch.
        gradient_step: gradient steps done so far.
        teacher_presence: the teacher's present share over its first one, 0 to 1; 1 in a run without a teacher.

    Returns:
        The step sizes of the next gradient step.
    """
    warmup = min(1.0, (gradient_step + 1) / config.warmup_steps) if config.warmup_steps else 1.0
    fall = Linear(0, total_timesteps, 1.0, config.final_fraction)
    after = config.learning_rate_after_teacher
    peak = after + teacher_presence * (config.learning_rate - after)
    scale = warmup * fall(agent_step)
    return LearningRates(peak * scale, config.critic_learning_rate * scale)


def entropy_weight(config: PpoActorConfig, teacher_presence: float) -> float:
    """Weight of the entropy bonus while a teacher leaves.

    Args:
        config: the weights with and after a teacher.
        teacher_presence: as in `learning_rates`.

    Returns:
        The weight.
    """
    after = config.ent_coef_after_teacher
    return after + teacher_presence * (config.ent_coef - after)


def surrogate_weight(config: PpoActorConfig, is_taught: bool) -> float:
    """Weight of the policy gradient.

    Args:
        config: the weight while there is a teacher.
        is_taught: whether the teacher labels any row of this batch.

    Returns:
        The weight.
    """
    return config.coef_with_teacher if is_taught else 1.0


FADING = ("action_loss_coef", "value_loss_coef", "reward_coef")
"""Weights of a teacher's loss that fall with the plan's weight."""


def scheduled_value(schedule: ScheduleConfig, step: int) -> float:
    """The value of a schedule at any step >= 0."""
    first, last = schedule.start_step, schedule.end_step
    if schedule.shape == "linear":
        return Linear(first, last, schedule.start, schedule.end)(step)
    share = Linear(first, last, 0.0, 1.0)(step)
    return schedule.start + (schedule.end - schedule.start) * 0.5 * (1 - math.cos(math.pi * share))


def check_schedules(schedules: Sequence[ScheduleConfig]) -> None:
    """Check what belongs together.

    Args:
        schedules: `trainer.schedules`.

    Raises:
        UserError: one ends before it begins, or two move one value.
    """
    for index, schedule in enumerate(schedules):
        if schedule.end_step < schedule.start_step:
            raise UserError(
                f"trainer.schedules: {schedule.value} ends at step {schedule.end_step}, before it begins at "
                f"{schedule.start_step}; use end_step: {2 * schedule.start_step}"
            )
        if any(other.value == schedule.value for other in schedules[:index]):
            raise UserError(
                f"trainer.schedules: {schedule.value} is moved by two schedules; give it one"
            )


def config_at(
    config: TrainerConfig, step: int, teacher_weight: float = 1.0, rate_factor: float = 1.0
) -> TrainerConfig:
    """The settings at a step: the same as `config`, with the values that change put in. `config` itself never changes.

    Args:
        config: the run's settings.
        step: agent steps done.
        teacher_weight: factor on the weights of the enabled teacher's loss, from `TeacherPlan.weight`.
        rate_factor: factor on the policy's step sizes, from `KlGuard.rate_factor`.

    Returns:
        `config` itself if nothing differs.
    """
    now = config
    for schedule in config.schedules:
        now = _with(now, schedule.value.split("."), scheduled_value(schedule, step))
    if rate_factor != 1.0:
        for name in ("learning_rate", "learning_rate_after_teacher"):
            rate = getattr(now.optimizer, name) * rate_factor
            now = _with(now, ["optimizer", name], rate)
    used = now.losses.teacher_loss
    if teacher_weight != 1.0 and used is not None:
        for field in FADING:
            loss = getattr(now.losses, used)
            if field in type(loss).model_fields:
                now = _with(now, ["losses", used, field], getattr(loss, field) * teacher_weight)
    return now


def _with(config: C, path: list[str], value: float) -> C:
    """Copy a configuration with one value replaced; the value is known to be in its range."""
    key, *rest = path
    inner = value if not rest else _with(getattr(config, key), rest, value)
    return config.model_copy(update={key: inner})


def supervised_weight(losses: LossesConfig) -> float:
    """Weight of the imitation term of the enabled teacher's loss; of `sliced_scripted_cloner` if none is enabled."""
    return float(getattr(losses, losses.teacher_loss or TEACHER_LOSSES[0]).action_loss_coef)
