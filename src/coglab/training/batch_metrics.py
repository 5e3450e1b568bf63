"""What a collected batch says about itself: rewards, values, actions, labels. Names: coglab/tracking/names.py."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from coglab.training.distributed import Ranks
from coglab.training.experience import Experience
from coglab.training.teacher_plan import PPO, STUDENT, STUDENT_LED, TEACHER_LED

_MEANS = ("rewards", "terminateds", "truncateds", "values", "returns")
_SHARES = (("teacher_led", TEACHER_LED), ("student_led", STUDENT_LED), ("ppo", PPO))


def batch_metrics(
    experience: Experience, action_names: Sequence[str], ranks: Ranks
) -> dict[str, float]:
    """Means over the batch of all ranks, after `Learner.prepare` and before the update.

    Args:
        experience: this rank's part of the batch.
        action_names: names of the actions, in order of their index.
        ranks: who has the other parts.

    Returns:
        `experience/...`, `losses/explained_variance` and, if the teacher was asked, `teacher/...`.
    """
    sums = _sums(experience, len(action_names))
    totals = dict(zip(sums, ranks.sum(list(sums.values())).tolist(), strict=True))
    entries = totals["entries"]
    metrics = {f"experience/{name}": totals[name] / entries for name in _MEANS}
    # Squares are summed about numbers that all ranks share, the means; so this takes a second exchange.
    means = [totals["returns"] / entries, totals["advantages"] / entries]
    returns = experience.advantage + experience.steps.value
    squares = [
        np.square(array - mean, dtype=np.float64).sum()
        for array, mean in zip((returns, experience.advantage), means, strict=True)
    ]
    variance, residual = (ranks.sum(squares) / entries).tolist()
    metrics["experience/advantages_mean"] = means[1]
    metrics["experience/advantages_std"] = math.sqrt(residual)
    metrics["losses/explained_variance"] = 1.0 - residual / variance if variance else 0.0
    if totals["acted"]:
        metrics["experience/act_log_prob"] = totals["act_log_prob"] / totals["acted"]
    for index, name in enumerate(action_names):
        metrics[f"experience/action/{name}"] = totals[f"action {index}"] / entries
    for name, _ in _SHARES:
        metrics[f"teacher/{name}_share"] = totals[name] / totals["segments"]
    if totals["led"]:
        metrics["teacher/abstained"] = 1.0 - totals["labelled"] / totals["led"]
    if totals["labelled"]:
        metrics["teacher/labels_per_step"] = totals["labels"] / totals["labelled"]
    if totals["own_labelled"]:
        metrics["teacher/agreement"] = totals["agrees"] / totals["own_labelled"]
    return metrics


def _sums(experience: Experience, num_actions: int) -> dict[str, float]:
    """What is added up over the ranks, by name; the same names on every rank."""
    steps, slices = experience.steps, experience.slices
    acted = steps.leader == STUDENT
    led_masks = steps.label_mask[slices != PPO]
    labelled = led_masks != 0
    own = slices == STUDENT_LED
    own_masks, own_actions = steps.label_mask[own], steps.action[own]
    own_labelled = own_masks != 0
    agrees = (own_masks >> own_actions.astype(np.uint32)) & 1
    counts = np.bincount(steps.action.ravel(), minlength=num_actions)
    returns = experience.advantage + steps.value
    sums = {
        "entries": steps.reward.size,
        "segments": slices.size,
        "rewards": steps.reward.sum(dtype=np.float64),
        "terminateds": steps.terminated.sum(),
        "truncateds": steps.truncated.sum(),
        "values": steps.value.sum(dtype=np.float64),
        "returns": returns.sum(dtype=np.float64),
        "advantages": experience.advantage.sum(dtype=np.float64),
        "acted": acted.sum(),
        "act_log_prob": steps.student_log_prob.sum(dtype=np.float64, where=acted),
        **{f"action {index}": count for index, count in enumerate(counts.tolist())},
        **{name: (slices == number).sum() for name, number in _SHARES},
        "led": led_masks.size,
        "labelled": labelled.sum(),
        "labels": np.bitwise_count(led_masks).sum(),
        "own_labelled": own_labelled.sum(),
        "agrees": agrees[own_labelled].sum(),
    }
    return {name: float(total) for name, total in sums.items()}
