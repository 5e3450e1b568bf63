"""`ppo_critic`: the value loss, either squared error to a V-trace return or TDRC(lambda) (`gtd_lambda`).

gtd_lambda minimises the projected Bellman error of the lambda-return with a second head h (`gtd_aux`) that estimates
the expected error: `min_v max_h E[2 h delta_lambda - h^2]`. In the notation of `advantages.gtd_traces`,

    L_c = sum_t z_t delta_t(v) - sum_t (delta_lambda_t - h_t) v_t        z, delta_lambda, h constant
    L_h = 1/2 sum_t (delta_lambda_t - h_t)^2 + 1/2 beta |theta_h|^2      delta_lambda constant

Descending L_c moves v by `delta_lambda grad v - h (grad v + grad delta_lambda)`, which is TDRC's direction; without the
second sum it is GTD2's, with h = 0 the ordinary semi-gradient one. Unlike semi-gradients it converges off-policy, which
is what teacher-led rows are; those are importance-weighted with `rho = min(rho_clip, pi / mu)`.

The last term is the full squared norm, as in TDRC; dividing it by the number of weights, as other implementations do,
makes it vanish. It does not depend on the batch, so the optimiser adds its gradient (`optim.AdamW`).

Sources: Elelimy, Daley, Patterson, Machado, White, White 2025, arXiv 2507.09087; Ghiassian et al. 2020 (TDRC).
"""

from __future__ import annotations

import torch
from torch import Tensor

from coglab.training.advantages import gtd_traces
from coglab.training.config import AdvantageConfig, PpoCriticConfig
from coglab.training.losses.batch import LossBatch, LossOutputs, Metrics
from coglab.training.teacher_plan import TEACHER_LED


def mse_critic_loss(
    batch: LossBatch, outputs: LossOutputs, config: PpoCriticConfig
) -> tuple[Tensor, Metrics]:
    """Half squared error to the return on all rows, with the value change clipped if `clip_vloss`.

    Args:
        batch: the shard.
        outputs: the network's outputs on it.
        config: weight and clip range.

    Returns:
        The loss times `vf_coef`, and `value_loss` (the same, as a mean).
    """
    error_ST = (outputs.values_ST - batch.return_ST).square()
    if config.clip_vloss:
        change_ST = (outputs.values_ST - batch.value_ST).clamp(
            -config.vf_clip_coef, config.vf_clip_coef
        )
        error_ST = torch.maximum(error_ST, (batch.value_ST + change_ST - batch.return_ST).square())
    total = 0.5 * config.vf_coef * error_ST.sum()
    return total / batch.denominator, {"value_loss": (total.detach(), _entries(batch))}


def gtd_lambda_loss(
    batch: LossBatch, outputs: LossOutputs, config: PpoCriticConfig, advantage: AdvantageConfig
) -> tuple[Tensor, Metrics]:
    """TDRC(lambda) on all rows, from the current network's values; the regulariser is in `optim.AdamW`.

    Args:
        batch: the shard.
        outputs: the network's outputs on it.
        config: weights of the two parts.
        advantage: discount, trace decay, clip of the importance weights.

    Returns:
        `vf_coef L_c + aux_coef L_h`, and its parts: `value_loss` (the whole), `gtd_critic_loss`, `gtd_aux_loss`,
        `gtd_h_mse`, `gtd_delta_lambda_abs`, and `teacher_td_lambda_rho_clipfrac` on teacher-led rows.
    """
    v_ST, h_ST = outputs.values_ST, outputs.h_values_ST
    with torch.no_grad():
        ratio_ST = (outputs.action_log_prob_ST - batch.behaviour_log_prob_ST).exp()
        rho_ST = ratio_ST.clamp(max=advantage.vtrace_rho_clip)
        delta_lambda_ST, z_ST = _traces(batch, v_ST, h_ST, rho_ST, advantage)
        alive_ST = (~batch.done_ST).to(v_ST.dtype)
    # One-step errors as a function of the values; the bootstrap is a constant.
    next_ST = torch.cat([v_ST[:, 1:], batch.bootstrap_S.to(v_ST.dtype).unsqueeze(1)], dim=1)
    delta_ST = batch.reward_ST + advantage.gamma * alive_ST * next_ST - v_ST
    h_const_ST = h_ST.detach()
    critic = (z_ST * delta_ST).sum() - ((delta_lambda_ST - h_const_ST) * v_ST).sum()
    squared = (delta_lambda_ST - h_ST).square().sum()
    total = config.vf_coef * critic + 0.5 * config.aux_coef * squared

    with torch.no_grad():
        entries = _entries(batch)
        led_ST = (batch.slice_S == TEACHER_LED).to(v_ST.dtype).unsqueeze(1) * (
            1 - batch.is_student_ST
        )
        clipped_ST = (ratio_ST > advantage.vtrace_rho_clip).to(v_ST.dtype)
        metrics: Metrics = {
            "value_loss": (total.detach(), entries),
            "gtd_critic_loss": (critic.detach(), entries),
            "gtd_aux_loss": (0.5 * squared.detach(), entries),
            "gtd_h_mse": (squared.detach(), entries),
            "gtd_delta_lambda_abs": (delta_lambda_ST.abs().sum(), entries),
            "teacher_td_lambda_rho_clipfrac": ((clipped_ST * led_ST).sum(), led_ST.sum()),
        }
    return total / batch.denominator, metrics


def _entries(batch: LossBatch) -> Tensor:
    return torch.tensor(float(batch.action_ST.numel()))


def _traces(
    batch: LossBatch, v_ST: Tensor, h_ST: Tensor, rho_ST: Tensor, advantage: AdvantageConfig
) -> tuple[Tensor, Tensor]:
    """Run the two scans in the kernel; on a GPU the few numbers per entry make the trip to the CPU and back."""
    delta_lambda_ST = torch.empty_like(v_ST, device="cpu", memory_format=torch.contiguous_format)
    z_ST = torch.empty_like(delta_lambda_ST)
    dtype = v_ST.dtype
    gtd_traces(
        *(
            x.detach().to("cpu", dtype if x.is_floating_point() else None).contiguous().numpy()
            for x in (batch.reward_ST, batch.done_ST, v_ST, batch.bootstrap_S, h_ST, rho_ST)
        ),
        advantage.gamma,
        advantage.gae_lambda,
        delta_lambda_ST.numpy(),
        z_ST.numpy(),
    )
    return delta_lambda_ST.to(v_ST.device), z_ST.to(v_ST.device)
