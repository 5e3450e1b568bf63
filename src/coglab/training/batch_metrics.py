"""What a collected batch says about itself: rewards, values, actions, labels. Names: coglab/tracking/names.py."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from coglab.training.experience import Experience
from coglab.training.teacher_plan import PPO, STUDENT, STUDENT_LED, TEACHER_LED


def batch_metrics(experience: Experience, action_names: Sequence[str]) -> dict[str, float]:
    """Means over a batch after `Learner.prepare` and before the update.

    Args:
        experience: the batch.
        action_names: names of the actions, in order of their index.

    Returns:
        `experience/...`, `losses/explained_variance` and, if the teacher was asked, `teacher/...`.
    """
    steps = experience.steps
    advantage, value = experience.advantage, steps.value
    returns = advantage + value
    variance = float(returns.var(dtype=np.float64))
    acted = steps.leader == STUDENT
    metrics = {
        "experience/rewards": float(steps.reward.mean(dtype=np.float64)),
        "experience/terminateds": float(steps.terminated.mean()),
        "experience/truncateds": float(steps.truncated.mean()),
        "experience/values": float(value.mean(dtype=np.float64)),
        "experience/returns": float(returns.mean(dtype=np.float64)),
        "experience/advantages_mean": float(advantage.mean(dtype=np.float64)),
        "experience/advantages_std": float(advantage.std(dtype=np.float64)),
        "losses/explained_variance": 1.0 - float(advantage.var(dtype=np.float64)) / variance
        if variance
        else 0.0,
    }
    if acted.any():
        metrics["experience/act_log_prob"] = float(
            steps.student_log_prob.mean(dtype=np.float64, where=acted)
        )
    counts = np.bincount(steps.action.ravel(), minlength=len(action_names))
    for name, count in zip(action_names, counts.tolist(), strict=True):
        metrics[f"experience/action/{name}"] = count / steps.action.size
    return {**metrics, **_teacher_metrics(experience)}


def _teacher_metrics(experience: Experience) -> dict[str, float]:
    slices, steps = experience.slices, experience.steps
    metrics = {
        "teacher/teacher_led_share": float((slices == TEACHER_LED).mean()),
        "teacher/student_led_share": float((slices == STUDENT_LED).mean()),
        "teacher/ppo_share": float((slices == PPO).mean()),
    }
    led = slices != PPO
    if not led.any():
        return metrics
    masks = steps.label_mask[led]
    labelled = masks != 0
    metrics["teacher/abstained"] = 1.0 - float(labelled.mean())
    if labelled.any():
        metrics["teacher/labels_per_step"] = float(np.bitwise_count(masks[labelled]).mean())
    own = slices == STUDENT_LED
    own_masks, own_actions = steps.label_mask[own], steps.action[own]
    own_labelled = own_masks != 0
    if own_labelled.any():
        agrees = (own_masks >> own_actions.astype(np.uint32)) & 1
        metrics["teacher/agreement"] = float(agrees[own_labelled].mean())
    return metrics
