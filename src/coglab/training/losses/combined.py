"""The sum of all enabled losses, one after the other in torch; `fused` does the usual ones at once on a CPU."""

from __future__ import annotations

from torch import Tensor

from coglab.training.config import TrainerConfig
from coglab.training.losses.batch import ActorWeights, LossBatch, LossOutputs, Metrics
from coglab.training.losses.distillation import (
    eer_cloner_loss,
    eer_kickstarter_loss,
    kickstarter_loss,
)
from coglab.training.losses.ppo_actor import ppo_actor_loss
from coglab.training.losses.ppo_critic import gtd_lambda_loss, mse_critic_loss
from coglab.training.losses.sliced_scripted_cloner import sliced_scripted_cloner_loss


def combined_loss(
    batch: LossBatch,
    outputs: LossOutputs,
    config: TrainerConfig,
    weights: ActorWeights | None = None,
) -> tuple[Tensor, Metrics]:
    """The sum of all enabled losses on a shard.

    Args:
        batch: the shard.
        outputs: the network's outputs on it.
        config: which losses, with which weights.
        weights: the actor's weights at this step; left out, those of a run without a teacher.

    Returns:
        The loss and all metrics.
    """
    losses = config.losses
    parts = []
    if losses.ppo_actor.enabled:
        chosen = weights or ActorWeights(losses.ppo_actor.ent_coef, 1.0)
        parts.append(ppo_actor_loss(batch, outputs, losses.ppo_actor, *chosen))
    if losses.ppo_critic.enabled:
        if losses.ppo_critic.critic_update == "mse":
            parts.append(mse_critic_loss(batch, outputs, losses.ppo_critic))
        else:
            parts.append(gtd_lambda_loss(batch, outputs, losses.ppo_critic, config.advantage))
    if losses.sliced_scripted_cloner.enabled:
        parts.append(sliced_scripted_cloner_loss(batch, outputs, losses.sliced_scripted_cloner))
    if losses.kickstarter.enabled:
        parts.append(kickstarter_loss(batch, outputs, losses.kickstarter))
    if losses.eer_kickstarter.enabled:
        parts.append(eer_kickstarter_loss(batch, outputs, losses.eer_kickstarter))
    if losses.eer_cloner.enabled:
        parts.append(eer_cloner_loss(batch, outputs, losses.eer_cloner))
    total = outputs.values_ST.new_zeros(())
    metrics: Metrics = {}
    for loss, part in parts:
        total = total + loss
        metrics.update(part)
    return total, metrics
