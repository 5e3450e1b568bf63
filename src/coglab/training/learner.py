"""One update: passes over a batch in shuffled minibatches, each differentiated by all threads at once.

Letters: S segments, T ticks. A minibatch is a set of whole segments. Its segments are split into one shard per thread;
every thread computes loss and gradients on its shard with its own replica of the network. Because all losses divide by
the size of the whole minibatch, the gradients of the shards add up to the gradient of the minibatch, in fixed order.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from coglab.config import UserError
from coglab.models.network import NetworkOutput
from coglab.training.advantages import learning_rewards, vtrace
from coglab.training.config import TrainerConfig
from coglab.training.distributed import Ranks
from coglab.training.experience import Experience
from coglab.training.geometry import Geometry
from coglab.training.losses.batch import ActorWeights, LossBatch, LossOutputs, Metrics
from coglab.training.losses.combined import combined_loss
from coglab.training.losses.distillation import eer_bonus, eer_label_bonus
from coglab.training.losses.fused import can_fuse, fused_losses
from coglab.training.losses.ppo_actor import actor_rows
from coglab.training.optim import AdamW, FlatParameters
from coglab.training.randomness import SHUFFLE_STREAM
from coglab.training.schedules import entropy_weight, learning_rates, surrogate_weight
from coglab.training.teacher_plan import STUDENT
from coglab.training.workers import WorkerPool

MICRO_BATCH = 2_048
"""Entries that a thread differentiates at once: their activations should stay in the core's cache."""


class NonFiniteLossError(RuntimeError):
    """The loss or its gradient is not a finite number; the weights of the last checkpoint are still good."""


class Latest(NamedTuple):
    """The network's newest outputs on every entry of a batch.

    Attributes:
        log_prob: f32 `[S, T]` log-probability of the executed action.
        value: f32 `[S, T]`.
    """

    log_prob: np.ndarray
    value: np.ndarray


class MetricSums:
    """Adds up `name -> (sum, weight)` pairs."""

    def __init__(self) -> None:
        self.sums: dict[str, list[float]] = {}

    def add(self, name: str, total: float, weight: float) -> None:
        """Add one pair."""
        pair = self.sums.setdefault(name, [0.0, 0.0])
        pair[0] += total
        pair[1] += weight

    def merge(self, other: MetricSums) -> None:
        """Add all pairs of another one."""
        for name, (total, weight) in other.sums.items():
            self.add(name, total, weight)

    def over(self, ranks: Ranks) -> MetricSums:
        """The sums over all ranks; every rank has the same names."""
        names = sorted(self.sums)
        totals = ranks.sum([number for name in names for number in self.sums[name]])
        result = MetricSums()
        for name, (total, weight) in zip(names, totals.reshape(-1, 2).tolist(), strict=True):
            result.add(name, total, weight)
        return result

    def means(self) -> dict[str, float]:
        """Sum / weight of every name whose weight is not 0."""
        return {name: total / weight for name, (total, weight) in self.sums.items() if weight}


class Learner:
    """Owns the weights' arrays, the replicas and the optimiser.

    Args:
        network: the network, on its device. Its weights are moved into one array.
        geometry: sizes.
        config: losses, optimiser, advantages.
        seed: seed of the shuffling.
        pool: threads.
        device: where the network is.
        autocast: makes the context in which the network runs.
        ranks: the processes that train together; left out, this one alone.

    Raises:
        UserError: no loss is enabled.

    Attributes:
        replicas: one network per shard, all with the same weights; the first is `network`.
        optimizer: its `gradient_step` counts the run's gradient steps.
    """

    def __init__(
        self,
        network: Any,
        geometry: Geometry,
        config: TrainerConfig,
        seed: int,
        pool: WorkerPool,
        device: torch.device,
        autocast: Callable[[], Any],
        ranks: Ranks | None = None,
    ) -> None:
        losses = config.losses
        if not any(loss.enabled for _, loss in losses):
            raise UserError(
                f"all losses are disabled ({', '.join(name for name, _ in losses)}), so there is nothing to learn; "
                "use trainer.losses.ppo_actor.enabled=true"
            )
        self.geometry, self.config, self.seed = geometry, config, seed
        self.pool, self.device, self.autocast = pool, device, autocast
        self._backward = _backward_fused if can_fuse(config, device) else _backward
        self.ranks = ranks or Ranks()
        self._now = config
        self._bonus: float | None = None
        self._actor_weights = ActorWeights(config.losses.ppo_actor.ent_coef, 1.0)
        fewest = getattr(network, "min_shard_rows", 1)
        shards = max(
            1, min(geometry.num_shards, pool.num_workers, geometry.minibatch_size // fewest)
        )
        self.parameters = FlatParameters(network, shards)
        self.ranks.copy_from_first(self.parameters.weights)
        self.replicas = [network] + [network.replica() for _ in range(shards - 1)]
        for index, replica in enumerate(self.replicas):
            self.parameters.attach(replica, index)
            if hasattr(replica, "set_in_place_gradients"):
                replica.set_in_place_gradients(True)
                if device.type == "cpu":
                    self.parameters.watch_rows(replica, index)
        critic = losses.ppo_critic
        uses_aux = critic.enabled and critic.critic_update == "gtd_lambda"
        aux_l2 = critic.aux_coef * critic.beta if uses_aux else 0.0
        self.optimizer = AdamW(self.parameters, config.optimizer, pool, aux_l2)

    def prepare(
        self, experience: Experience, reward_mean: np.ndarray, now: TrainerConfig | None = None
    ) -> None:
        """Turn rewards into learning rewards and compute advantages from the collected values.

        Args:
            experience: a full batch; `learning_reward`, `done` and `advantage` are written.
            reward_mean: f32 `[N]` running means for reward centring, updated if it is enabled.
            now: the settings at this step, see `schedules.config_at`; left out, those of the run.
        """
        advantage, steps = self.config.advantage, experience.steps
        rows = experience.num_rows

        def of_worker(worker: int) -> None:
            first, last = (
                bound * self.geometry.num_agents for bound in self.geometry.env_range(worker)
            )
            learning_rewards(
                steps.reward, steps.truncated, steps.final_value,
                advantage.reward_scale, advantage.gamma,
                advantage.reward_centering.enabled, advantage.reward_centering.beta, reward_mean,
                rows, first, last, experience.learning_reward,
            )  # fmt: skip

        self.pool.run(of_worker, self.geometry.num_workers)
        self._shape_rewards(experience, now or self.config)
        np.logical_or(steps.terminated, steps.truncated, out=experience.done)
        self.compute_advantages(experience, steps.student_log_prob, steps.value)

    def _shape_rewards(self, experience: Experience, now: TrainerConfig) -> None:
        """Add the expected-entropy modes' extra rewards; centring and logged rewards do not see them."""
        steps, losses, scale = experience.steps, now.losses, now.advantage.reward_scale
        self._bonus = None
        bonus: np.ndarray
        if losses.eer_kickstarter.enabled and experience.teacher_log_probs is not None:
            bonus = eer_bonus(
                steps.action,
                experience.teacher_log_probs,
                experience.slices,
                losses.eer_kickstarter.reward_coef * scale,
            )
        elif losses.eer_cloner.enabled:
            eer = losses.eer_cloner
            bonus = eer_label_bonus(
                steps.action, steps.label_mask, eer.prob_floor, eer.reward_coef * scale
            )
        else:
            return
        experience.learning_reward += bonus
        self._bonus = float(self.ranks.sum([bonus.mean(dtype=np.float64)])[0]) / self.ranks.count

    def compute_advantages(
        self, experience: Experience, log_prob: np.ndarray, value: np.ndarray
    ) -> None:
        """Write `experience.advantage` from given log-probabilities and values.

        Args:
            experience: the batch.
            log_prob: f32 `[S, T]` of the executed actions under the student.
            value: f32 `[S, T]`.
        """
        advantage = self.config.advantage
        ratio = np.exp(np.minimum(log_prob - experience.steps.behaviour_log_prob, 10.0))
        bounds = np.linspace(0, experience.num_segments, self.pool.num_workers + 1).astype(int)
        bootstrap = newest_bootstrap(experience, np.arange(experience.num_segments), value)
        self.pool.run(
            lambda w: vtrace(
                experience.learning_reward, experience.done, value, bootstrap, ratio,
                advantage.vtrace_rho_clip, advantage.vtrace_c_clip,
                advantage.gamma, advantage.gae_lambda,
                int(bounds[w]), int(bounds[w + 1]), experience.advantage,
            )
        )  # fmt: skip
        np.add(experience.advantage, value, out=experience.returns)

    def update(
        self,
        experience: Experience,
        iteration: int,
        agent_step: int,
        teacher_presence: float = 1.0,
        is_taught: bool = False,
        now: TrainerConfig | None = None,
    ) -> dict[str, float]:
        """Pass over the batch `update_epochs` times.

        Args:
            experience: a batch after `prepare`.
            iteration: number of the iteration; names the shuffle.
            agent_step: agent steps done before this batch was collected.
            teacher_presence: see `schedules.learning_rates`; also sets the entropy weight.
            is_taught: whether a teacher labelled rows of this batch; sets the weight of the policy gradient.
            now: the settings at this step, see `schedules.config_at`; left out, those of the run.

        Returns:
            Metrics by full name, means over the gradient steps.

        Raises:
            NonFiniteLossError: the loss or its gradient is not finite.
        """
        config, optimizer = now or self.config, self.optimizer
        self._now = config
        actor = config.losses.ppo_actor
        self._actor_weights = ActorWeights(
            entropy_weight(actor, teacher_presence), surrogate_weight(actor, is_taught)
        )
        metrics, drift = MetricSums(), MetricSums()
        extra = {} if self._bonus is None else {"losses/eer_bonus": self._bonus}
        norms: list[float] = []
        target_kl = actor.target_kl
        ranks = self.ranks
        exchange = ranks.add_up if ranks.count > 1 else None
        # What the passes after the first recompute advantages from: every segment's latest outputs.
        latest = Latest(experience.steps.student_log_prob.copy(), experience.steps.value.copy())
        for segments, center, scale in self._minibatches(experience, iteration, latest):
            rates = learning_rates(
                config.optimizer,
                config.total_timesteps,
                agent_step,
                optimizer.gradient_step,
                teacher_presence,
            )
            sums, error = self._gradients(experience, segments, latest, center, scale)
            if not math.isfinite(sums.sums["total_loss"][0]):
                # All ranks must decide alike, so the bad news travels in the gradient: the norm is not finite anywhere.
                self.parameters.gradients[0, 0] = math.nan
                self.parameters.touched[0, :1] = True
            norm = optimizer.step(*rates, exchange)
            if not math.isfinite(norm):
                raise NonFiniteLossError(self._explain(sums, norm, iteration, agent_step))
            # Ahead, other weights played the batch.
            if not norms and not self.geometry.collects_ahead:
                extra["losses/first_minibatch_log_prob_error"] = ranks.gather([error]).max()
            metrics.merge(sums)
            norms.append(norm)
            extra["hyperparameters/learning_rate"] = rates.policy
            extra["hyperparameters/critic_learning_rate"] = rates.critic
            if target_kl is not None:
                drift.add("kl", *ranks.sum(sums.sums.get("approx_kl", [0.0, 0.0])).tolist())
                if drift.means().get("kl", 0.0) > target_kl:
                    break
        metrics = metrics.over(ranks)
        clipped = sum(norm > config.optimizer.max_grad_norm for norm in norms)
        return {
            **{f"losses/{name}": mean for name, mean in metrics.means().items()},
            **extra,
            "hyperparameters/ent_coef": self._actor_weights.entropy,
            "hyperparameters/policy_gradient_coef": self._actor_weights.surrogate,
            "grad/norm": sum(norms) / len(norms),
            "grad/norm_max": max(norms),
            "grad/clipped": clipped / len(norms),
        }

    def _minibatches(
        self, experience: Experience, iteration: int, latest: Latest
    ) -> Iterator[tuple[np.ndarray, float, float]]:
        """Deal shuffled segments into minibatches, pass by pass; later passes see recomputed advantages.

        Every rank shuffles its own segments and contributes equally many to each minibatch, so that none waits.

        Args:
            experience: the batch.
            iteration: names the shuffle.
            latest: what advantages are recomputed from.

        Yields:
            i64 `[M]` this rank's segments of one minibatch; mean and 1 / standard deviation of its advantages.
        """
        for epoch in range(self.config.update_epochs):
            if epoch > 0:
                self.compute_advantages(experience, latest.log_prob, latest.value)
            key = [self.seed, SHUFFLE_STREAM, iteration, epoch]
            rank = self.ranks.rank
            shuffle = np.random.default_rng([*key, rank] if rank else key)
            order = shuffle.permutation(self.geometry.num_segments)
            minibatches = np.array_split(order, self.geometry.num_minibatches)
            norms = self._normalization(experience, minibatches)
            for segments, (center, scale) in zip(minibatches, norms, strict=True):
                yield segments, center, scale

    def _gradients(
        self,
        experience: Experience,
        segments: np.ndarray,
        latest: Latest,
        center: float,
        scale: float,
    ) -> tuple[MetricSums, float]:
        """Accumulate the gradients of one minibatch in all replicas.

        Args:
            experience: the batch.
            segments: i64 `[M]` this rank's segments of the minibatch.
            latest: the minibatch's part is overwritten with the network's outputs.
            center: subtracted from advantages.
            scale: factor on advantages afterwards.

        Returns:
            Metrics, and the largest difference between recomputed and collected log-probability on student-acted rows.
        """
        # Of the whole minibatch, so that the ranks' gradients add up to its gradient.
        denominator = float(len(segments) * experience.horizon * self.ranks.count)
        # Taken before any thread begins: what one of them has learnt must not depend on how fast another is.
        bootstraps = np.array_split(
            newest_bootstrap(experience, segments, latest.value), len(self.replicas)
        )
        shards = np.array_split(segments, len(self.replicas))
        micro = (
            max(1, MICRO_BATCH // experience.horizon)
            if self.device.type == "cpu"
            else len(segments)
        )

        def differentiate(shard: int) -> tuple[MetricSums, float]:
            sums, error = MetricSums(), 0.0
            network, own = self.replicas[shard], shards[shard]
            for start in range(0, len(own), micro):
                part = own[start : start + micro]
                following = bootstraps[shard][start : start + micro]
                batch = gather(experience, part, following, denominator, center, scale, self.device)
                outputs = self._outputs(network, experience, part)
                loss, metrics, log_prob = self._backward(
                    batch, outputs, self._now, self._actor_weights
                )
                sums.add("total_loss", loss * denominator, batch.action_ST.numel())
                for name, (total, weight) in metrics.items():
                    sums.add(name, float(total), float(weight))
                latest.log_prob[part] = log_prob
                latest.value[part] = outputs.values_ST.detach().cpu().numpy()
                acted = experience.steps.leader[part] == STUDENT
                difference = np.abs(log_prob - experience.steps.student_log_prob[part])
                error = max(error, float(difference.max(where=acted, initial=0.0)))
            return sums, error

        results = self.pool.run(differentiate, len(self.replicas))
        sums, errors = MetricSums(), [error for _, error in results]
        for part, _ in results:
            sums.merge(part)
        return sums, max(errors)

    def _outputs(
        self, network: nn.Module, experience: Experience, segments: np.ndarray
    ) -> NetworkOutput:
        """Run the network on whole segments, from the recurrent state that they were collected with."""
        inputs = {
            name: torch.from_numpy(array[segments]).to(self.device, non_blocking=True)
            for name, array in experience.inputs.items()
        }
        state = torch.from_numpy(experience.start_state[segments]).to(
            self.device, non_blocking=True
        )
        resets = torch.from_numpy(experience.steps.reset[segments]).to(
            self.device, non_blocking=True
        )
        with self.autocast():
            out = network(inputs, state, resets)
        return NetworkOutput(
            _wide(out.logits_STU), _wide(out.values_ST), _wide(out.h_values_ST), out.state
        )

    def _normalization(
        self, experience: Experience, minibatches: list[np.ndarray]
    ) -> list[tuple[float, float]]:
        """Mean and 1 / standard deviation of each minibatch's advantages, over the entries that the actor uses."""
        actor = self.config.losses.ppo_actor
        if not actor.norm_adv:
            return [(0.0, 1.0)] * len(minibatches)
        # Squares are taken about a number near the mean, or the difference below would lose its digits.
        base = float(self.ranks.sum([experience.advantage.mean(dtype=np.float64)])[0])
        base /= self.ranks.count
        sums = np.zeros((len(minibatches), 3))
        for segments, row in zip(minibatches, sums, strict=True):
            advantages = experience.advantage[segments].astype(np.float64) - base
            used = actor_rows(
                torch.from_numpy(experience.steps.leader[segments] == STUDENT).float(),
                torch.from_numpy(experience.slices[segments]),
                actor.restrict_to_ppo_slice,
            ).numpy()
            row[:] = used.sum(), (advantages * used).sum(), (np.square(advantages) * used).sum()
        count, total, square = self.ranks.sum(sums.ravel()).reshape(sums.shape).T
        mean = total / np.maximum(1.0, count)
        variance = np.maximum(0.0, square / np.maximum(1.0, count) - np.square(mean))
        scale = 1.0 / (np.sqrt(variance) + 1e-8)
        return list(zip((base + mean).tolist(), scale.tolist(), strict=True))

    def _explain(self, sums: MetricSums, norm: float, iteration: int, agent_step: int) -> str:
        bad = [name for name, (total, _) in sums.sums.items() if not math.isfinite(total)]
        culprits = ", ".join(f"losses/{name}" for name in bad) or f"gradient norm ({norm})"
        return (
            f"agent step {agent_step:,} (iteration {iteration}, gradient step {self.optimizer.gradient_step}): not finite: "
            f"{culprits}. Training stops; the last checkpoint is good. A smaller trainer.optimizer.learning_rate or "
            "trainer.advantage.reward_scale usually helps."
        )


def _backward(
    batch: LossBatch, out: NetworkOutput, config: TrainerConfig, weights: ActorWeights
) -> tuple[float, Metrics, np.ndarray]:
    """Accumulate a shard's gradients by torch's automatic differentiation.

    Args:
        batch: the shard.
        out: the network's outputs on it, with gradients.
        config: the settings at this step.
        weights: the actor's weights at this step.

    Returns:
        The loss, its metrics, f32 `[S, T]` log-probability of the executed actions.
    """
    log_probs_STU = out.logits_STU.log_softmax(-1)
    action_log_prob_ST = log_probs_STU.gather(-1, batch.action_ST.unsqueeze(-1)).squeeze(-1)
    outputs = LossOutputs(log_probs_STU, action_log_prob_ST, out.values_ST, out.h_values_ST)
    loss, metrics = combined_loss(batch, outputs, config, weights)
    loss.backward()
    return float(loss.detach()), metrics, action_log_prob_ST.detach().cpu().numpy()


def _backward_fused(
    batch: LossBatch, out: NetworkOutput, config: TrainerConfig, weights: ActorWeights
) -> tuple[float, Metrics, np.ndarray]:
    """Do the same with the kernels of `losses.fused`."""
    result = fused_losses(batch, out.logits_STU, out.values_ST, out.h_values_ST, config, weights)
    heads = (
        (out.logits_STU, result.grad_logits_STU),
        (out.values_ST, result.grad_values_ST),
        (out.h_values_ST, result.grad_h_values_ST),
    )
    felt = [(output, grad) for output, grad in heads if output.requires_grad]
    torch.autograd.backward([output for output, _ in felt], [grad for _, grad in felt])
    return result.loss, result.metrics, result.action_log_prob_ST


def _wide(tensor: Tensor) -> Tensor:
    """At least float32: losses are no place for bfloat16."""
    return tensor if tensor.dtype == torch.float64 else tensor.float()


def newest_bootstrap(experience: Experience, segments: np.ndarray, value: np.ndarray) -> np.ndarray:
    """Values of the observations after some segments, as new as they are known.

    A segment of the last round ends at an observation that is not in the batch: its value is the one collected. Any other
    one ends where the same row's next segment begins. That one's value is newer, once its minibatch has been passed.

    Args:
        experience: the batch.
        segments: i64 `[M]`.
        value: f32 `[S, T]` the newest values.

    Returns:
        f32 `[M]`.
    """
    following = segments + experience.num_rows
    is_inside = following < experience.num_segments
    values = experience.bootstrap[segments]
    values[is_inside] = value[following[is_inside], 0]
    return values


def gather(
    experience: Experience,
    segments: np.ndarray,
    bootstrap: np.ndarray,
    denominator: float,
    center: float,
    scale: float,
    device: torch.device,
) -> LossBatch:
    """Copy some segments of the batch into tensors.

    Args:
        experience: the batch.
        segments: i64 `[M]`.
        bootstrap: f32 `[M]`, see `newest_bootstrap`.
        denominator: entries of the whole minibatch.
        center: subtracted from advantages.
        scale: factor on advantages afterwards.
        device: where the tensors go.

    Returns:
        What losses read.
    """
    steps = experience.steps
    advantage = experience.advantage[segments]

    def tensor(array: np.ndarray) -> Tensor:
        return torch.from_numpy(array).to(device, non_blocking=True)

    teacher_log_probs, teacher_value = experience.teacher_log_probs, experience.teacher_value
    return LossBatch(
        action_ST=tensor(steps.action[segments].astype(np.int64)),
        behaviour_log_prob_ST=tensor(steps.behaviour_log_prob[segments]),
        value_ST=tensor(steps.value[segments]),
        advantage_ST=tensor((advantage - np.float32(center)) * np.float32(scale)),
        return_ST=tensor(experience.returns[segments]),
        reward_ST=tensor(experience.learning_reward[segments]),
        done_ST=tensor(experience.done[segments]),
        bootstrap_S=tensor(bootstrap),
        label_mask_ST=tensor(steps.label_mask[segments].astype(np.int32)),
        label_weight_ST=tensor(steps.label_weight[segments]),
        is_student_ST=tensor((steps.leader[segments] == STUDENT).astype(np.float32)),
        slice_S=tensor(experience.slices[segments]),
        denominator=denominator,
        teacher_log_probs_STU=None
        if teacher_log_probs is None
        else tensor(teacher_log_probs[segments]),
        teacher_value_ST=None if teacher_value is None else tensor(teacher_value[segments]),
    )
