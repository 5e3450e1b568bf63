"""Who leads which training row, and how the teacher's share falls over the run.

Every segment (one agent over one horizon) belongs to one slice, drawn anew for every rollout:

| slice | who acts | cloning loss | actor loss | critic loss |
| --- | --- | --- | --- | --- |
| student-led | student | yes | yes, unless restricted to the PPO slice | yes |
| teacher-led | teacher | yes | no (only where the teacher abstained) | yes, importance-weighted |
| PPO | student | no | yes | yes |

That is `sliced_cloner`, where the slices shrink until PPO has all rows. In `supervisor` they stay; in the kickstarter and
expected-entropy modes no row is in the PPO slice until the phase ends, and the losses' weights fall instead.

Sources: student-led labels are DAgger (Ross, Gordon, Bagnell 2011); mixing roll-ins is LOLS (Chang et al. 2015).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal, NamedTuple

import numpy as np

from coglab.config import UserError
from coglab.training.config import (
    TEACHER_LOSSES,
    LossesConfig,
    SlicedScriptedClonerConfig,
    TrainerConfig,
)
from coglab.training.schedules import Linear

STUDENT_LED, TEACHER_LED, PPO = 0, 1, 2
"""Values of the experience's `slice` column."""

STUDENT, TEACHER = 0, 1
"""Values of the experience's `leader` column: who chose the executed action."""

NEVER = 10**15
"""Agent step that no run reaches."""


class Shares(NamedTuple):
    """Shares of the rows that fall into the three slices; they add up to 1."""

    student_led: float
    teacher_led: float
    ppo: float


@dataclass(frozen=True)
class TeacherPlan:
    """The shares as a function of the agent step. Frozen when a run first starts, so extending a run keeps it.

    Attributes:
        student_led_proportion: share at the start.
        teacher_led_proportion: share at the start.
        anneal_start_step: agent steps up to which the shares stay constant.
        steps: agent steps from which on both are 0; between the two they fall linearly.
        fades: what falls: `shares`, or `weight`: then the student leads what the teacher no longer does, and the losses'
            weights fall over the second half of the phase.
        slice_unit: what is drawn into a slice, single agents or whole games.
    """

    student_led_proportion: float = 0.0
    teacher_led_proportion: float = 0.0
    anneal_start_step: int = 0
    steps: int = 0
    fades: Literal["shares", "weight"] = "shares"
    slice_unit: Literal["agent", "env"] = "agent"

    @classmethod
    def from_losses(cls, losses: LossesConfig, total_timesteps: int) -> TeacherPlan:
        """Resolve the plan of a run that starts now, whichever loss uses the teacher.

        Args:
            losses: the settings of all losses.
            total_timesteps: the run's budget.

        Returns:
            The plan; one without a teacher if no loss uses one.

        Raises:
            UserError: as in `from_config`.
        """
        if losses.kickstarter.enabled:
            led, unit = losses.kickstarter.teacher_led_proportion, losses.kickstarter.slice_unit
            length = losses.kickstarter.steps
        elif losses.eer_kickstarter.enabled:
            led, unit, length = 0.0, "agent", losses.eer_kickstarter.steps
        elif losses.eer_cloner.enabled:
            led, unit, length = 0.0, "agent", losses.eer_cloner.steps
        else:
            return cls.from_config(losses.sliced_scripted_cloner, total_timesteps)
        steps = total_timesteps // 5 if length is None else length
        return cls(1.0 - led, led, 0, steps, "weight", unit)

    @classmethod
    def from_config(cls, cloner: SlicedScriptedClonerConfig, total_timesteps: int) -> TeacherPlan:
        """Resolve the plan of a run that starts now.

        Args:
            cloner: the loss's settings; a disabled loss gives a plan without a teacher.
            total_timesteps: the run's budget; its fifth is the default length of the teacher phase.

        Returns:
            The plan.

        Raises:
            UserError: the shares exceed 1, or the fall ends before it begins.
        """
        if not cloner.enabled:
            return cls()
        student, teacher = cloner.student_led_proportion, cloner.teacher_led_proportion
        if student + teacher > 1 + 1e-9:
            raise UserError(
                f"student_led_proportion {student} and teacher_led_proportion {teacher} add up to "
                f"{student + teacher:g}, more than all rows; use student_led_proportion={1 - teacher:g}"
            )
        if not cloner.anneal:
            steps = NEVER if cloner.steps is None else cloner.steps
            return cls(student, teacher, steps, steps, slice_unit=cloner.slice_unit)
        steps = total_timesteps // 5 if cloner.steps is None else cloner.steps
        if cloner.anneal_start_step > steps:
            raise UserError(
                f"anneal_start_step {cloner.anneal_start_step} lies after the end of the teacher phase, "
                f"steps {steps}; use anneal_start_step={steps // 2} or steps={2 * cloner.anneal_start_step}"
            )
        return cls(student, teacher, cloner.anneal_start_step, steps, slice_unit=cloner.slice_unit)

    @classmethod
    def from_meta(cls, meta: dict[str, Any]) -> TeacherPlan:
        """Rebuild a plan that `to_meta` wrote into a checkpoint."""
        return cls(**meta)

    def to_meta(self) -> dict[str, Any]:
        """The plan as JSON-able values."""
        return asdict(self)

    def shares(self, step: int) -> Shares:
        """The shares at an agent step.

        Args:
            step: agent steps done before the rollout.

        Returns:
            Shares that add up to 1.
        """
        fall = Linear(self.anneal_start_step, self.steps, 1.0, 0.0)(step)
        if self.fades == "weight":
            teacher = self.teacher_led_proportion * fall
            led = self.student_led_proportion + self.teacher_led_proportion
            if step >= self.steps:
                return Shares(0.0, 0.0, 1.0)
            return Shares(led - teacher, teacher, 1.0 - led)
        student = self.student_led_proportion * fall
        teacher = self.teacher_led_proportion * fall
        return Shares(student, teacher, max(0.0, 1.0 - student - teacher))

    def weight(self, step: int) -> float:
        """Factor on the weights of the losses that need the teacher; 1 unless the plan says that they fall."""
        if self.fades == "shares":
            return 1.0
        return Linear(self.steps // 2, self.steps, 1.0, 0.0)(step)

    def presence(self, step: int) -> float:
        """The teacher's influence at an agent step over that at the start; 1 if the run has no teacher at all."""
        if self.fades == "weight":
            return self.weight(step)
        first = self.shares(0).ppo
        return 1.0 if first == 1.0 else (1.0 - self.shares(step).ppo) / (1.0 - first)

    def needs_teacher(self, step: int) -> bool:
        """Whether any row of a rollout that starts at this step uses a label."""
        return self.shares(step).ppo < 1.0

    def describe(self, trainer: TrainerConfig) -> list[str]:
        """Say which rows each loss uses and how the shares fall.

        Args:
            trainer: the losses' settings.

        Returns:
            Lines to print at start.
        """
        student, teacher, ppo = self.shares(0)
        losses = trainer.losses
        actor_rows = (
            "the PPO slice" if losses.ppo_actor.restrict_to_ppo_slice else "all student-acted rows"
        )
        actor = actor_rows if losses.ppo_actor.enabled else "off"
        critic = "all rows" if losses.ppo_critic.enabled else "off"
        if ppo == 1.0:
            return [f"no teacher. ppo_actor: {actor}; ppo_critic: {critic}"]
        name = losses.teacher_loss or TEACHER_LOSSES[0]
        if self.fades == "weight":
            fall = f"its weight falls from step {self.steps // 2:,} to 0 at step {self.steps:,}"
        elif self.steps == NEVER:
            fall = "constant"
        elif self.anneal_start_step:
            fall = f"constant to step {self.anneal_start_step:,}, then falling to 0 at step {self.steps:,}"
        else:
            fall = f"falling to 0 at step {self.steps:,}"
        unit = ", drawn by game" if self.slice_unit == "env" else ""
        return [
            f"rows: {student:.0%} student-led, {teacher:.0%} teacher-led, {ppo:.0%} PPO{unit}; {fall}",
            f"{name}: teacher-led and student-led rows; ppo_actor: {actor}; ppo_critic: {critic}",
        ]


def assign_slices(
    shares: Shares, uniforms: np.ndarray, out: np.ndarray, unit_size: int = 1
) -> None:
    """Turn one random number per segment, or per game and round, into slices.

    Args:
        shares: from `TeacherPlan.shares`.
        uniforms: `[S / unit_size]` float64 in [0, 1).
        out: `[S]` uint8, written: STUDENT_LED, TEACHER_LED or PPO.
        unit_size: segments that share a number: 1, or the agents of a game, whose segments lie side by side.
    """
    if unit_size > 1:
        uniforms = np.repeat(uniforms, unit_size)
    led = shares.student_led + shares.teacher_led
    # 0.7 + 0.3 may come out a hair below 1; a share of exactly all rows must not leave a PPO row behind.
    led = 1.0 if led > 1.0 - 1e-9 else led
    out[:] = PPO
    out[uniforms < led] = TEACHER_LED
    out[uniforms < shares.student_led] = STUDENT_LED
