"""Losses of learned teachers (`kickstarter`, `eer_kickstarter`) and of `eer_cloner`, and their reward shaping.

`kickstarter` pulls the student's distribution towards the teacher's, at a temperature tau:

    L = action_loss_coef tau^2 KL(softmax(l_S / tau) || softmax(l_T / tau)) + value_loss_coef (v_S - v_T)^2

`eer_kickstarter` has the teacher's log-probability as an extra reward, `r + reward_coef log pi_T(a)`, which policy
gradients follow into the future, and beside it the cross-entropy `-sum_a pi_S(a) log pi_T(a)` for the present step.
`eer_cloner` is the same for a teacher without probabilities: 1 for what it calls right, `prob_floor` for the rest.

All act on rows outside the PPO slice and divide by all rows of the minibatch.

Sources: Schmitt et al. 2018 (kickstarting); Czarnecki et al. 2019 (expected entropy regularised distillation).
"""

from __future__ import annotations

import math

import numpy as np
from torch import Tensor

from coglab.training.config import (
    EerClonerConfig,
    EerKickstarterConfig,
    KickstarterConfig,
    SlicedScriptedClonerConfig,
)
from coglab.training.losses.batch import LossBatch, LossOutputs, Metrics
from coglab.training.losses.sliced_scripted_cloner import sliced_scripted_cloner_loss
from coglab.training.teacher_plan import PPO


def kickstarter_loss(
    batch: LossBatch, outputs: LossOutputs, config: KickstarterConfig
) -> tuple[Tensor, Metrics]:
    """Divergence from the teacher's distribution and squared difference from its values.

    Args:
        batch: the shard, with the teacher's probabilities and values.
        outputs: the network's outputs on it.
        config: weights and temperature.

    Returns:
        The loss; `kickstarter_kl` (with tau^2) and `kickstarter_value_loss`, without their weights, as means over the
        rows used.
    """
    teacher_STU, teacher_value_ST = _teacher(batch)
    tau = config.temperature
    student_STU = (outputs.log_probs_STU / tau).log_softmax(-1)
    target_STU = (teacher_STU / tau).log_softmax(-1)
    kl_ST = tau**2 * (student_STU.exp() * (student_STU - target_STU)).sum(-1)
    error_ST = (outputs.values_ST - teacher_value_ST).square()
    return _weighted(
        batch,
        ("kickstarter_kl", config.action_loss_coef, kl_ST),
        ("kickstarter_value_loss", config.value_loss_coef, error_ST),
    )


def eer_kickstarter_loss(
    batch: LossBatch, outputs: LossOutputs, config: EerKickstarterConfig
) -> tuple[Tensor, Metrics]:
    """Cross-entropy between the student's and the teacher's distributions, and the difference of values.

    Args:
        batch: the shard, with the teacher's probabilities and values.
        outputs: the network's outputs on it.
        config: weights.

    Returns:
        The loss; `eer_cross_entropy` and `eer_value_loss`, without their weights, as means over the rows used.
    """
    teacher_STU, teacher_value_ST = _teacher(batch)
    cross_entropy_ST = -(outputs.log_probs_STU.exp() * teacher_STU).sum(-1)
    error_ST = (outputs.values_ST - teacher_value_ST).square()
    return _weighted(
        batch,
        ("eer_cross_entropy", config.action_loss_coef, cross_entropy_ST),
        ("eer_value_loss", config.value_loss_coef, error_ST),
    )


def eer_cloner_loss(
    batch: LossBatch, outputs: LossOutputs, config: EerClonerConfig
) -> tuple[Tensor, Metrics]:
    """Cross-entropy on the label, as in `sliced_scripted_cloner`; its rewards are shaped by `eer_label_bonus`.

    Args:
        batch: the shard.
        outputs: the network's outputs on it.
        config: the weight.

    Returns:
        As `sliced_scripted_cloner_loss`.
    """
    cloner = SlicedScriptedClonerConfig(action_loss_coef=config.action_loss_coef)
    return sliced_scripted_cloner_loss(batch, outputs, cloner)


def eer_bonus(
    action: np.ndarray, teacher_log_probs: np.ndarray, slices: np.ndarray, coef: float
) -> np.ndarray:
    """Extra reward of `eer_kickstarter`: `coef log pi_T(a)` outside the PPO slice.

    Args:
        action: i32 `[S, T]` executed actions, all the student's.
        teacher_log_probs: f32 `[S, T, U]`.
        slices: u8 `[S]`.
        coef: weight, in units of the learning reward.

    Returns:
        f32 `[S, T]`, at most 0.
    """
    chosen = np.take_along_axis(teacher_log_probs, action[..., None].astype(np.int64), -1)[..., 0]
    return np.asarray(coef * chosen * (slices != PPO)[:, None], np.float32)


def eer_label_bonus(
    action: np.ndarray, label_mask: np.ndarray, prob_floor: float, coef: float
) -> np.ndarray:
    """Extra reward of `eer_cloner`: `coef log prob_floor` where the action is not one that the teacher calls right.

    Args:
        action: i32 `[S, T]` executed actions, all the student's.
        label_mask: u32 `[S, T]` right actions, one bit each; 0 where there is no label, which gives no bonus.
        prob_floor: probability that stands for wrong actions.
        coef: weight, in units of the learning reward.

    Returns:
        f32 `[S, T]`, at most 0.
    """
    is_wrong = (label_mask != 0) & ((label_mask >> action.astype(label_mask.dtype)) & 1 == 0)
    return np.asarray(coef * math.log(prob_floor) * is_wrong, np.float32)


def _teacher(batch: LossBatch) -> tuple[Tensor, Tensor]:
    if batch.teacher_log_probs_STU is None or batch.teacher_value_ST is None:
        raise ValueError("this loss needs a teacher with probabilities and values")
    return batch.teacher_log_probs_STU, batch.teacher_value_ST


def _weighted(batch: LossBatch, *parts: tuple[str, float, Tensor]) -> tuple[Tensor, Metrics]:
    """Sum parts `(name, coefficient, [S, T])` over the rows outside the PPO slice."""
    first_ST = parts[0][2]
    weight_ST = (batch.slice_S != PPO).to(first_ST.dtype).unsqueeze(1).expand_as(first_ST)
    loss = first_ST.new_zeros(())
    metrics: Metrics = {}
    for name, coef, part_ST in parts:
        total = (part_ST * weight_ST).sum()
        loss = loss + coef * total
        metrics[name] = (total.detach(), weight_ST.sum())
    return loss / batch.denominator, metrics
