"""`ppo_actor`, `ppo_critic` and `sliced_scripted_cloner` on a CPU: values and gradients of all three in two kernels.

The losses' own files say what is computed and are the reference (a test compares values, metrics and gradients). There,
a small minibatch costs some two hundred operations of a few microseconds each, and threads queue for the interpreter
between them; here it is two calls that leave the interpreter alone.

With p = softmax(z), H the entropy, r the ratio and P the probability of the right actions, the gradients to the logits z are

    log pi(a)     [j = a] - p_j
    H             -p_j (log p_j + H)
    -log P        p_j - [j right] p_j / P

and those to values follow from the formulas in `ppo_critic`, where all but v and h are constants.

S segments, T ticks, U actions.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from coglab.engine.jit import kernel
from coglab.training.advantages import gtd_traces
from coglab.training.config import TrainerConfig
from coglab.training.losses.batch import ActorWeights, LossBatch, Metrics
from coglab.training.losses.ppo_actor import MAX_LOG_RATIO
from coglab.training.teacher_plan import PPO, STUDENT_LED, TEACHER_LED

FUSED = ("ppo_actor", "ppo_critic", "sliced_scripted_cloner")
"""The losses that are known here."""

(
    ACTOR_LOSS, ACTOR_ROWS, LOG_PROB, SURROGATE, KL, BEYOND, RATIO, ENTROPY, ACTED,
    CROSS_ENTROPY, STUDENT_LED_LOSS, STUDENT_LED_WEIGHT, STUDENT_LED_HITS, STUDENT_LED_SCORED,
    TEACHER_LED_LOSS, TEACHER_LED_WEIGHT, TEACHER_LED_HITS, TEACHER_LED_SCORED,
    VALUE_LOSS, GTD_CRITIC, GTD_SQUARED, GTD_DELTA, RHO_CLIPPED, RHO_ROWS, NUM_SUMS,
) = range(25)  # fmt: skip
"""Places of the sums that the kernels write."""


class FusedResult(NamedTuple):
    """Losses and their gradients.

    Attributes:
        loss: sum of the losses, each with its weight.
        metrics: as the losses name them.
        action_log_prob_ST: log-probability of the executed actions.
        grad_logits_STU: gradient of `loss`.
        grad_values_ST: gradient of `loss`.
        grad_h_values_ST: gradient of `loss`; zeros with the mse critic.
    """

    loss: float
    metrics: Metrics
    action_log_prob_ST: np.ndarray
    grad_logits_STU: Tensor
    grad_values_ST: Tensor
    grad_h_values_ST: Tensor


def can_fuse(config: TrainerConfig, device: torch.device) -> bool:
    """Whether `fused_losses` knows everything that is enabled, on this device."""
    enabled = (name for name, loss in config.losses if loss.enabled)
    return device.type == "cpu" and all(name in FUSED for name in enabled)


@kernel(what="the losses", seconds=5)
def policy_terms(
    logits, action, behaviour, advantage, is_student, slices, label_mask, label_weight,
    has_actor, coef, bonus, clip, restrict, cloner_coef, denominator, grad, log_prob, sums,
):  # fmt: skip
    """Losses that read the action probabilities, and their gradient.

    Args:
        logits: f[S,T,U].
        action: i64[S,T]; this and the following as in `LossBatch`.
        behaviour: f[S,T].
        advantage: f[S,T].
        is_student: f[S,T].
        slices: u8[S].
        label_mask: i32[S,T].
        label_weight: f[S,T].
        has_actor: whether `ppo_actor` is enabled.
        coef: weight of its surrogate.
        bonus: weight of its entropy.
        clip: its clip range.
        restrict: whether it acts on the PPO slice alone.
        cloner_coef: weight of the cross-entropy; negative: the cloner is not enabled.
        denominator: entries of the whole minibatch.
        grad: f[S,T,U], written.
        log_prob: f[S,T], written: of the executed actions.
        sums: f64[NUM_SUMS], increased.
    """
    num_actions = logits.shape[2]
    p = np.empty(num_actions, logits.dtype)
    log_p = np.empty(num_actions, logits.dtype)
    for s in range(logits.shape[0]):
        for t in range(logits.shape[1]):
            best = 0
            for u in range(num_actions):
                if logits[s, t, u] > logits[s, t, best]:
                    best = u
            top = logits[s, t, best]
            total = logits.dtype.type(0.0)
            for u in range(num_actions):
                p[u] = np.exp(logits[s, t, u] - top)
                total += p[u]
            log_total = np.log(total)
            entropy = 0.0
            for u in range(num_actions):
                p[u] /= total
                log_p[u] = logits[s, t, u] - top - log_total
                entropy -= p[u] * log_p[u]
            a = action[s, t]
            log_prob[s, t] = log_p[a]
            for u in range(num_actions):
                grad[s, t, u] = 0.0
            if has_actor:
                acted = np.float64(is_student[s, t])
                weight = acted if not restrict or slices[s] == PPO else 0.0
                raw = (log_p[a] - behaviour[s, t]) * acted
                log_ratio = min(max(raw, -MAX_LOG_RATIO), MAX_LOG_RATIO)
                ratio = np.exp(log_ratio)
                clipped = min(max(ratio, 1.0 - clip), 1.0 + clip)
                free, held = advantage[s, t] * ratio, advantage[s, t] * clipped
                surrogate = min(free, held)
                # Beyond the range the clipped term is constant; where it is the smaller one, nothing pulls.
                pull = 0.0
                if raw == log_ratio and (clipped == ratio or free < held):
                    pull = -coef * advantage[s, t] * ratio * acted * weight / denominator
                push = bonus * weight / denominator
                for u in range(num_actions):
                    grad[s, t, u] += -pull * p[u] + push * p[u] * (log_p[u] + entropy)
                grad[s, t, a] += pull
                sums[ACTOR_LOSS] -= (coef * surrogate + bonus * entropy) * weight
                sums[ACTOR_ROWS] += weight
                sums[LOG_PROB] += log_p[a]
                sums[SURROGATE] -= surrogate * weight
                sums[KL] += (ratio - 1.0 - log_ratio) * acted
                sums[BEYOND] += acted if abs(ratio - 1.0) > clip else 0.0
                sums[RATIO] += ratio * acted
                sums[ENTROPY] += entropy * acted
                sums[ACTED] += acted
            mask, label = label_mask[s, t], np.float64(label_weight[s, t])
            if cloner_coef < 0.0 or mask == 0 or slices[s] == PPO or label == 0.0:
                continue
            highest = -np.inf
            for u in range(num_actions):
                if (mask >> min(u, 31)) & 1:
                    highest = max(highest, log_p[u])
            right = 0.0
            for u in range(num_actions):
                if (mask >> min(u, 31)) & 1:
                    right += np.exp(log_p[u] - highest)
            log_right = highest + np.log(right)
            scale = cloner_coef * label / denominator
            for u in range(num_actions):
                share = np.exp(log_p[u] - log_right) if (mask >> min(u, 31)) & 1 else 0.0
                grad[s, t, u] += scale * (p[u] - share)
            hit = np.float64((mask >> min(best, 31)) & 1)
            sums[CROSS_ENTROPY] -= log_right * label
            first = STUDENT_LED_LOSS if slices[s] == STUDENT_LED else TEACHER_LED_LOSS
            sums[first] -= log_right * label
            sums[first + 1] += label
            sums[first + 2] += hit
            sums[first + 3] += 1.0


@kernel(what="the losses", seconds=5)
def mse_terms(value, target, old_value, clip, coef, denominator, grad, sums):
    """Half squared error to the return, and its gradient.

    Args:
        value: f[S,T].
        target: f[S,T] returns.
        old_value: f[S,T] values when the batch was collected.
        clip: range of the value's change; negative: no clipping.
        coef: weight.
        denominator: entries of the whole minibatch.
        grad: f[S,T], written.
        sums: f64[NUM_SUMS], increased.
    """
    for s in range(value.shape[0]):
        for t in range(value.shape[1]):
            error = np.float64(value[s, t]) - target[s, t]
            squared, slope = error * error, error
            change = np.float64(value[s, t]) - old_value[s, t]
            if clip >= 0.0 and abs(change) > clip:
                held = old_value[s, t] + min(max(change, -clip), clip) - target[s, t]
                if held * held > squared:
                    squared, slope = held * held, 0.0
            sums[VALUE_LOSS] += 0.5 * coef * squared
            grad[s, t] = coef * slope / denominator


@kernel(what="the losses", seconds=5)
def gtd_terms(
    value, h, log_prob, behaviour, reward, done, bootstrap, is_student, slices,
    rho_clip, gamma, lam, coef, aux_coef, denominator, grad, grad_h, sums,
):  # fmt: skip
    """TDRC(lambda) and its gradient; see `ppo_critic`.

    Args:
        value: f[S,T].
        h: f[S,T] output of the auxiliary head.
        log_prob: f[S,T] of the executed actions.
        behaviour: f[S,T]; this and the following as in `LossBatch`.
        reward: f[S,T].
        done: bool[S,T].
        bootstrap: f[S].
        is_student: f[S,T].
        slices: u8[S].
        rho_clip: clip of the importance weights.
        gamma: discount.
        lam: trace decay.
        coef: weight of the critic's part.
        aux_coef: weight of the auxiliary head's part.
        denominator: entries of the whole minibatch.
        grad: f[S,T], written.
        grad_h: f[S,T], written.
        sums: f64[NUM_SUMS], increased.
    """
    rho, delta_lambda, z = np.empty_like(value), np.empty_like(value), np.empty_like(value)
    num_segments, horizon = value.shape
    for s in range(num_segments):
        for t in range(horizon):
            ratio = np.exp(log_prob[s, t] - behaviour[s, t])
            rho[s, t] = min(ratio, value.dtype.type(rho_clip))
            if slices[s] == TEACHER_LED:
                led = 1.0 - is_student[s, t]
                sums[RHO_ROWS] += led
                sums[RHO_CLIPPED] += led if ratio > rho_clip else 0.0
    gtd_traces(reward, done, value, bootstrap, h, rho, gamma, lam, delta_lambda, z)
    for s in range(num_segments):
        before = 0.0  # weight with which the value enters the error of the tick before
        for t in range(horizon):
            following = bootstrap[s] if t == horizon - 1 else value[s, t + 1]
            alive = 0.0 if done[s, t] else 1.0
            delta = reward[s, t] + gamma * alive * following - value[s, t]
            rest = np.float64(delta_lambda[s, t]) - h[s, t]
            sums[GTD_CRITIC] += z[s, t] * delta - rest * value[s, t]
            sums[GTD_SQUARED] += rest * rest
            sums[GTD_DELTA] += abs(delta_lambda[s, t])
            grad[s, t] = coef * (before - z[s, t] - rest) / denominator
            grad_h[s, t] = -aux_coef * rest / denominator
            before = gamma * alive * z[s, t]


def fused_losses(
    batch: LossBatch,
    logits_STU: Tensor,
    values_ST: Tensor,
    h_values_ST: Tensor,
    config: TrainerConfig,
    weights: ActorWeights,
) -> FusedResult:
    """Evaluate all enabled losses on a shard and differentiate them.

    Args:
        batch: the shard, on the CPU.
        logits_STU: the network's outputs on it, all of one dtype.
        values_ST: the same.
        h_values_ST: the same.
        config: which losses, with which weights; `can_fuse` must hold.
        weights: the actor's weights at this step.

    Returns:
        Loss, metrics and gradients.
    """
    losses, advantage = config.losses, config.advantage
    actor, critic, cloner = losses.ppo_actor, losses.ppo_critic, losses.sliced_scripted_cloner
    sums = np.zeros(NUM_SUMS)
    logits, values, h_values = (
        x.detach().contiguous().numpy() for x in (logits_STU, values_ST, h_values_ST)
    )
    grad_logits = np.empty_like(logits)
    grad_values, grad_h = np.zeros_like(values), np.zeros_like(values)
    log_prob = np.empty_like(values)
    behaviour, is_student, slices = (
        x.numpy() for x in (batch.behaviour_log_prob_ST, batch.is_student_ST, batch.slice_S)
    )
    denominator = batch.denominator
    policy_terms(
        logits, batch.action_ST.numpy(), behaviour, batch.advantage_ST.numpy(), is_student, slices,
        batch.label_mask_ST.numpy(), batch.label_weight_ST.numpy(),
        actor.enabled, weights.surrogate, weights.entropy, actor.clip_coef,
        actor.restrict_to_ppo_slice, cloner.action_loss_coef if cloner.enabled else -1.0,
        denominator, grad_logits, log_prob, sums,
    )  # fmt: skip
    uses_gtd = critic.enabled and critic.critic_update == "gtd_lambda"
    if uses_gtd:
        gtd_terms(
            values, h_values, log_prob, behaviour, batch.reward_ST.numpy(), batch.done_ST.numpy(),
            batch.bootstrap_S.numpy(), is_student, slices, advantage.vtrace_rho_clip,
            advantage.gamma, advantage.gae_lambda, critic.vf_coef, critic.aux_coef,
            denominator, grad_values, grad_h, sums,
        )  # fmt: skip
        sums[VALUE_LOSS] = (
            critic.vf_coef * sums[GTD_CRITIC] + 0.5 * critic.aux_coef * sums[GTD_SQUARED]
        )
    elif critic.enabled:
        mse_terms(
            values, batch.return_ST.numpy(), batch.value_ST.numpy(),
            critic.vf_clip_coef if critic.clip_vloss else -1.0,
            critic.vf_coef, denominator, grad_values, sums,
        )  # fmt: skip
    loss = sums[ACTOR_LOSS] + sums[VALUE_LOSS]
    loss += cloner.action_loss_coef * sums[CROSS_ENTROPY] if cloner.enabled else 0.0
    return FusedResult(
        float(loss) / denominator,
        _metrics(sums, float(values.size), config, uses_gtd),
        log_prob,
        *(torch.from_numpy(grad) for grad in (grad_logits, grad_values, grad_h)),
    )


def _metrics(sums: np.ndarray, entries: float, config: TrainerConfig, uses_gtd: bool) -> Metrics:
    """The sums under the losses' names."""
    total = sums.tolist()
    acted = total[ACTED]
    metrics: Metrics = {}
    if config.losses.ppo_actor.enabled:
        metrics |= {
            "ppo_actor_rows": (total[ACTOR_ROWS], entries),
            "current_logprobs": (total[LOG_PROB], entries),
            "policy_loss": (total[SURROGATE], total[ACTOR_ROWS]),
            "approx_kl": (total[KL], acted),
            "clipfrac": (total[BEYOND], acted),
            "importance": (total[RATIO], acted),
            "entropy": (total[ENTROPY], acted),
        }
    if config.losses.ppo_critic.enabled:
        metrics["value_loss"] = (total[VALUE_LOSS], entries)
    if uses_gtd:
        metrics |= {
            "gtd_critic_loss": (total[GTD_CRITIC], entries),
            "gtd_aux_loss": (0.5 * total[GTD_SQUARED], entries),
            "gtd_h_mse": (total[GTD_SQUARED], entries),
            "gtd_delta_lambda_abs": (total[GTD_DELTA], entries),
            "teacher_td_lambda_rho_clipfrac": (total[RHO_CLIPPED], total[RHO_ROWS]),
        }
    if config.losses.sliced_scripted_cloner.enabled:
        metrics["supervised_action_loss"] = (total[CROSS_ENTROPY], entries)
        for name, first in (("student_led", STUDENT_LED_LOSS), ("teacher_led", TEACHER_LED_LOSS)):
            loss, weight, hits, scored = total[first : first + 4]
            metrics[f"supervised_action_loss_{name}"] = (loss, weight)
            metrics[f"supervised_accuracy_{name}"] = (hits, scored)
    return metrics
