"""Who leads which training row, and how the teacher's share falls over the run.

Every segment (one agent over one horizon) belongs to one slice, drawn anew for every rollout:

| slice | who acts | cloning loss | actor loss | critic loss |
| --- | --- | --- | --- | --- |
| student-led | student | yes | yes, unless restricted to the PPO slice | yes |
| teacher-led | teacher | yes | no (only where the teacher abstained) | yes, importance-weighted |
| PPO | student | no | yes | yes |

Sources: student-led labels are DAgger (Ross, Gordon, Bagnell 2011); mixing roll-ins is LOLS (Chang et al. 2015).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np

from coglab.config import UserError
from coglab.training.config import SlicedScriptedClonerConfig, TrainerConfig
from coglab.training.schedules import Linear

STUDENT_LED, TEACHER_LED, PPO = 0, 1, 2
"""Values of the experience's `slice` column."""

STUDENT, TEACHER = 0, 1
"""Values of the experience's `leader` column: who chose the executed action."""


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
    """

    student_led_proportion: float = 0.0
    teacher_led_proportion: float = 0.0
    anneal_start_step: int = 0
    steps: int = 0

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
        steps = total_timesteps // 5 if cloner.steps is None else cloner.steps
        if cloner.anneal_start_step > steps:
            raise UserError(
                f"anneal_start_step {cloner.anneal_start_step} lies after the end of the teacher phase, "
                f"steps {steps}; use anneal_start_step={steps // 2} or steps={2 * cloner.anneal_start_step}"
            )
        return cls(student, teacher, cloner.anneal_start_step, steps)

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
        student = self.student_led_proportion * fall
        teacher = self.teacher_led_proportion * fall
        return Shares(student, teacher, max(0.0, 1.0 - student - teacher))

    def presence(self, step: int) -> float:
        """The teacher's share at an agent step over its share at the start; 1 if the run has no teacher at all."""
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
        fall = (
            f"constant to step {self.anneal_start_step:,}, then falling to 0 at step {self.steps:,}"
            if self.anneal_start_step
            else f"falling to 0 at step {self.steps:,}"
        )
        return [
            f"rows: {student:.0%} student-led, {teacher:.0%} teacher-led, {ppo:.0%} PPO; {fall}",
            f"sliced_scripted_cloner: teacher-led and student-led rows; ppo_actor: {actor}; ppo_critic: {critic}",
        ]


def assign_slices(shares: Shares, uniforms: np.ndarray, out: np.ndarray) -> None:
    """Turn one random number per segment into its slice.

    Args:
        shares: from `TeacherPlan.shares`.
        uniforms: `[S]` float64 in [0, 1).
        out: `[S]` uint8, written: STUDENT_LED, TEACHER_LED or PPO.
    """
    led = shares.student_led + shares.teacher_led
    # 0.7 + 0.3 may come out a hair below 1; a share of exactly all rows must not leave a PPO row behind.
    led = 1.0 if led > 1.0 - 1e-9 else led
    out[:] = PPO
    out[uniforms < led] = TEACHER_LED
    out[uniforms < shares.student_led] = STUDENT_LED
