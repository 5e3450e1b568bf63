"""What every loss reads: one shard of a minibatch, and the network's outputs on it.

Letters: S segments, T ticks, U actions. Losses return `(scalar, metrics)`: the scalar is a sum over the shard's entries
divided by `denominator`, the number of entries in the **whole** minibatch, so that shards' losses and gradients simply
add up and a row weighs the same whatever shares a minibatch with it. Metrics are `name -> (sum, weight)`; summed over
shards and minibatches, sum / weight is the mean that is logged under `losses/<name>`.
"""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor


class LossBatch(NamedTuple):
    """One shard of a minibatch.

    Attributes:
        action_ST: i64 executed actions.
        behaviour_log_prob_ST: f32 log-probability under whoever chose the action; 0 where the teacher did.
        value_ST: f32 values when the batch was collected.
        advantage_ST: f32, normalised if the actor's settings say so.
        return_ST: f32 regression target of the mse critic.
        reward_ST: f32 learning rewards: scaled, centred, with the value beyond a truncation.
        done_ST: bool, the action ended the episode.
        bootstrap_S: f32 value of the observation after the last entry.
        label_mask_ST: i32, bit u set if the teacher finds action u right; 0 where it abstains.
        label_weight_ST: f32 weight of the label.
        is_student_ST: f32, 1 where the student chose the action.
        slice_S: u8, see `teacher_plan`.
        denominator: entries in the whole minibatch.
        teacher_log_probs_STU: f32 log-probabilities of a learned teacher; None if the run has none.
        teacher_value_ST: f32 its values; None if the run has none.
    """

    action_ST: Tensor
    behaviour_log_prob_ST: Tensor
    value_ST: Tensor
    advantage_ST: Tensor
    return_ST: Tensor
    reward_ST: Tensor
    done_ST: Tensor
    bootstrap_S: Tensor
    label_mask_ST: Tensor
    label_weight_ST: Tensor
    is_student_ST: Tensor
    slice_S: Tensor
    denominator: float
    teacher_log_probs_STU: Tensor | None = None
    teacher_value_ST: Tensor | None = None


class LossOutputs(NamedTuple):
    """The network's outputs on a shard, with gradients.

    Attributes:
        log_probs_STU: f32 log-softmax of the logits.
        action_log_prob_ST: f32 its entry at the executed action.
        values_ST: f32.
        h_values_ST: f32 output of `gtd_aux`.
    """

    log_probs_STU: Tensor
    action_log_prob_ST: Tensor
    values_ST: Tensor
    h_values_ST: Tensor


class ActorWeights(NamedTuple):
    """Weights of the actor's loss at one step, in the order of `ppo_actor_loss`."""

    entropy: float
    surrogate: float


Metrics = dict[str, tuple[Tensor | float, Tensor | float]]
"""name -> (sum, weight), both scalars without gradient."""
