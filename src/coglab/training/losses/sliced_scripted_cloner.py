"""`sliced_scripted_cloner`: make the teacher's choice likely, on teacher-led and student-led rows.

The target is the set of actions that the teacher finds equally right (all optimal first moves, say), so the loss is
`-log sum_{u in set} pi(u)`: no gradient is spent on a choice that is arbitrary.
"""

from __future__ import annotations

import torch
from torch import Tensor

from coglab.training.config import SlicedScriptedClonerConfig
from coglab.training.losses.batch import LossBatch, LossOutputs, Metrics
from coglab.training.teacher_plan import PPO, STUDENT_LED, TEACHER_LED


def sliced_scripted_cloner_loss(
    batch: LossBatch, outputs: LossOutputs, config: SlicedScriptedClonerConfig
) -> tuple[Tensor, Metrics]:
    """Cross-entropy on the set of right actions, divided by **all** rows, so that the slices' share is its weight.

    Args:
        batch: the shard.
        outputs: the network's outputs on it.
        config: the coefficient.

    Returns:
        The loss; `supervised_action_loss`, the same without its coefficient; as means over the labelled entries of each
        slice, `supervised_action_loss_<slice>` and `supervised_accuracy_<slice>`, the share of entries whose likeliest
        action is right.
    """
    num_actions = outputs.log_probs_STU.shape[-1]
    bits_U = torch.arange(num_actions, dtype=torch.int32, device=batch.label_mask_ST.device)
    # Masks have bits 0 to 30. Bit 31, the sign, stands for all actions from there on: no label names them.
    bits_U = bits_U.clamp(max=31)
    is_labelled_ST = (batch.label_mask_ST != 0) & (batch.slice_S != PPO).unsqueeze(1)
    # Abstentions and PPO rows get the full set: log 1 = 0 instead of log 0, with weight 0 besides.
    mask_ST = torch.where(is_labelled_ST, batch.label_mask_ST, -1)
    is_right_STU = (mask_ST.unsqueeze(-1) >> bits_U) & 1 == 1
    cross_entropy_ST = -outputs.log_probs_STU.masked_fill(~is_right_STU, -torch.inf).logsumexp(-1)
    weight_ST = batch.label_weight_ST * is_labelled_ST.to(batch.label_weight_ST.dtype)
    weighted_ST = cross_entropy_ST * weight_ST
    loss = config.action_loss_coef * weighted_ST.sum() / batch.denominator

    with torch.no_grad():
        best_ST = outputs.log_probs_STU.argmax(-1, keepdim=True)
        is_hit_ST = is_right_STU.gather(-1, best_ST).squeeze(-1).to(weight_ST.dtype)
        scored_ST = (weight_ST > 0).to(weight_ST.dtype)
        entries = torch.tensor(float(weight_ST.numel()))
        metrics: Metrics = {"supervised_action_loss": (weighted_ST.detach().sum(), entries)}
        for name, number in (("student_led", STUDENT_LED), ("teacher_led", TEACHER_LED)):
            of_slice_ST = (batch.slice_S == number).to(weight_ST.dtype).unsqueeze(1)
            metrics[f"supervised_action_loss_{name}"] = (
                (weighted_ST.detach() * of_slice_ST).sum(),
                (weight_ST * of_slice_ST).sum(),
            )
            metrics[f"supervised_accuracy_{name}"] = (
                (is_hit_ST * scored_ST * of_slice_ST).sum(),
                (scored_ST * of_slice_ST).sum(),
            )
    return loss, metrics
