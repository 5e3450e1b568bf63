"""`ppo_actor`: the clipped surrogate and the entropy bonus, on rows where the student acted.

Source: Schulman et al. 2017 (PPO).
"""

from __future__ import annotations

import torch
from torch import Tensor

from coglab.training.config import PpoActorConfig
from coglab.training.losses.batch import LossBatch, LossOutputs, Metrics
from coglab.training.teacher_plan import PPO

MAX_LOG_RATIO = 10.0
"""The ratio is clamped at e**10: beyond that its gradient is clipped anyway and its square would overflow."""


def actor_rows(is_student_ST: Tensor, slice_S: Tensor, restrict_to_ppo_slice: bool) -> Tensor:
    """Weight of every entry in the actor loss, which is also the set that advantages are normalised over.

    Args:
        is_student_ST: f32, 1 where the student chose the action.
        slice_S: u8 slices.
        restrict_to_ppo_slice: leave out student-led rows.

    Returns:
        f32 `[S, T]` of 0 and 1.
    """
    if not restrict_to_ppo_slice:
        return is_student_ST
    return is_student_ST * (slice_S == PPO).to(is_student_ST.dtype).unsqueeze(1)


def ppo_actor_loss(
    batch: LossBatch,
    outputs: LossOutputs,
    config: PpoActorConfig,
    ent_coef: float | None = None,
    coef: float = 1.0,
) -> tuple[Tensor, Metrics]:
    """Clipped policy gradient, times `coef`, minus `ent_coef` times the entropy.

    Args:
        batch: the shard.
        outputs: the network's outputs on it.
        config: clip range, entropy weight, which rows.
        ent_coef: the entropy weight at this step; left out, `config.ent_coef`.
        coef: weight of the surrogate at this step.

    Returns:
        The loss, and `policy_loss` over its rows; `approx_kl` (mean of w - 1 - log w), `clipfrac`, `importance`
        (mean w) and `entropy` over all student-acted rows; `ppo_actor_rows`, the share of rows used.
    """
    weight_ST = actor_rows(batch.is_student_ST, batch.slice_S, config.restrict_to_ppo_slice)
    # Teacher-led rows have behaviour log-probability 0; masking the log-ratio keeps them out of everything below.
    log_ratio_ST = (outputs.action_log_prob_ST - batch.behaviour_log_prob_ST) * batch.is_student_ST
    log_ratio_ST = log_ratio_ST.clamp(-MAX_LOG_RATIO, MAX_LOG_RATIO)
    ratio_ST = log_ratio_ST.exp()
    clipped_ST = ratio_ST.clamp(1.0 - config.clip_coef, 1.0 + config.clip_coef)
    surrogate_ST = torch.minimum(batch.advantage_ST * ratio_ST, batch.advantage_ST * clipped_ST)
    entropy_ST = -(outputs.log_probs_STU.exp() * outputs.log_probs_STU).sum(-1)
    bonus = config.ent_coef if ent_coef is None else ent_coef
    loss = -((coef * surrogate_ST + bonus * entropy_ST) * weight_ST).sum() / batch.denominator

    with torch.no_grad():
        acted_ST = batch.is_student_ST
        acted = acted_ST.sum()
        beyond_ST = ((ratio_ST - 1.0).abs() > config.clip_coef).to(acted_ST.dtype)
        entries = torch.tensor(float(weight_ST.numel()))
        metrics: Metrics = {
            "ppo_actor_rows": (weight_ST.sum(), entries),
            "current_logprobs": (outputs.action_log_prob_ST.sum(), entries),
            "policy_loss": (-(surrogate_ST * weight_ST).sum(), weight_ST.sum()),
            "approx_kl": (((ratio_ST - 1.0 - log_ratio_ST) * acted_ST).sum(), acted),
            "clipfrac": ((beyond_ST * acted_ST).sum(), acted),
            "importance": ((ratio_ST * acted_ST).sum(), acted),
            "entropy": ((entropy_ST * acted_ST).sum(), acted),
        }
    return loss, metrics
