"""The training loop. It reads from top to bottom: `Trainer.run`, then `Trainer.iterate`.

    ./tools/run.py recipes.experiment.cogsguard.train run=first
    ./tools/run.py recipes.experiment.cogsguard.train run=first 'teacher={policy_uri: "metta://policy/cogsguard?gear=10"}'
    python benchmarks/train.py

One iteration is: shares of the teacher -> rollout by all workers -> advantages -> passes over shuffled minibatches ->
metrics -> checkpoint. Nothing here calls the policy a second time, stores a step a second time, or changes a setting:
schedules are functions of the step. A run that is stopped and resumed continues bit for bit (on a CPU): all randomness
is keyed by seed and step, and the rest of what a run is made of is in `Trainer.state`.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
import torch

from coglab.policies.checkpoints import TrainerState
from coglab.training.batch_metrics import batch_metrics
from coglab.training.collector import Collector, Position
from coglab.training.config import TrainerConfig
from coglab.training.distributed import Ranks
from coglab.training.geometry import Geometry
from coglab.training.kl_guard import KlGuard
from coglab.training.learner import Learner
from coglab.training.rank_metrics import rank_metrics, timing_metrics
from coglab.training.rank_state import gather_states, hand_out_states
from coglab.training.schedules import config_at, scheduled_value, supervised_weight
from coglab.training.teacher_plan import TeacherPlan
from coglab.training.workers import WorkerPool

BRIEF_SAVE_S = 1.0
"""A checkpoint that takes longer to write (a big batch that waits, many map memories) is rarer, so that training goes on."""

REST_AFTER_SAVE = 20
"""Such a checkpoint is followed by this many times its own time without one: a twentieth of the run, at most, is saving."""


class Tracker(Protocol):
    """Where metrics and messages go; see coglab.tracking."""

    def log(self, step: int, metrics: dict[str, float]) -> None:
        """Record metrics at an agent step."""

    def progress(self, phase: str) -> None:
        """Say what is being done."""

    def print(self, text: str) -> None:
        """Print a line."""

    def alert(self, title: str, text: str) -> None:
        """Tell the user, wherever they look."""


class SaveCheckpoint(Protocol):
    """Writes a checkpoint of the weights and of `TrainerState`; called on rank 0 only."""

    def __call__(
        self, step: int, iteration: int, score: float | None, final: bool, state: TrainerState
    ) -> dict[str, float] | None:
        """Write it; returns metrics to log (`checkpoint/...`, `evaluator/...`), or None.

        Args:
            step: agent steps done.
            iteration: iterations done.
            score: mean `overview/reward` of the episodes since the last checkpoint, None if none ended.
            final: the run ends with this checkpoint.
            state: optimiser, counters, games.
        """


@dataclass
class Counters:
    """How far a run is.

    Attributes:
        agent_step: agent steps done.
        iteration: iterations done.
        tick: ticks that every game was simulated for.
        env_step: ticks simulated, summed over games.
        episodes: episodes that ended, cut ones left out.
        maps_refreshed: maps put into the pool since the first.
        seconds: wall time of training, over all restarts.
    """

    agent_step: int = 0
    iteration: int = 0
    tick: int = 0
    env_step: int = 0
    episodes: int = 0
    maps_refreshed: int = 0
    seconds: float = 0.0


class Trainer:
    """Trains a network on a batch of games.

    Args:
        config: losses, optimiser, advantages, budget.
        geometry: sizes, from `resolve_geometry`; its games are those of `sim`.
        plan: the teacher's shares; on resume, that of the first start (`TeacherPlan.from_meta(state.meta["plan"])`).
        seed: seed of sampling, slices and shuffling.
        sim: the games, already reset.
        network: on its device; weights of the checkpoint if the run is resumed.
        encoder: writes network inputs; owns the map memory, if the network reads one.
        teacher: labels; may be None if the plan has no teacher.
        team_facts: `names` and `write(first_env, last_env, out)` of what the critic may see of the whole team, or None.
        tracker: metrics and messages.
        save: writes checkpoints.
        save_interval_s: seconds between checkpoints; more where writing one takes long, see `REST_AFTER_SAVE`.
        map_pool: maps to renew between iterations, or None.
        maps_per_iteration: how many of them.
        precision: `float32`, or `bfloat16` for autocast on a GPU.
        should_stop: asked after every iteration; true, on any rank, ends the run with a checkpoint.
        state: continue from here instead of starting anew; on ranks other than the first, anything but None will do.
        ranks: the processes that train together; left out, this one alone.
    """

    def __init__(
        self,
        config: TrainerConfig,
        geometry: Geometry,
        plan: TeacherPlan,
        *,
        seed: int,
        sim: Any,
        network: Any,
        encoder: Any,
        teacher: Any | None,
        team_facts: Any | None = None,
        tracker: Tracker,
        save: SaveCheckpoint,
        save_interval_s: float = 60.0,
        map_pool: Any | None = None,
        maps_per_iteration: int = 0,
        precision: Literal["float32", "bfloat16"] = "float32",
        should_stop: Callable[[], bool] = lambda: False,
        state: TrainerState | None = None,
        ranks: Ranks | None = None,
    ) -> None:
        if teacher is None and plan.needs_teacher(0):
            raise ValueError(
                "the plan has a share of teacher-led or student-led rows, but there is no teacher"
            )
        self.config, self.geometry, self.plan, self.seed = config, geometry, plan, seed
        self.sim, self.network, self.encoder, self.teacher = sim, network, encoder, teacher
        self.tracker, self.save, self.save_interval_s = tracker, save, save_interval_s
        self.map_pool, self.maps_per_iteration = map_pool, maps_per_iteration
        self.should_stop = should_stop
        self.ranks = ranks or Ranks()
        self.counters = Counters()
        self.kl_guard = KlGuard(config.kl_guard)
        device = next(network.parameters()).device
        use_bfloat16 = precision == "bfloat16" and device.type != "cpu"

        def autocast() -> Any:
            return (
                torch.autocast(device.type, torch.bfloat16)
                if use_bfloat16
                else contextlib.nullcontext()
            )

        learning, collecting = _share_threads(geometry, network)
        self.pool = WorkerPool(learning)
        self.learner = Learner(
            network, geometry, config, seed, self.pool, device, autocast, self.ranks
        )
        replicas = self.learner.replicas
        self.collector = Collector(
            sim, [replicas[w % len(replicas)] for w in range(collecting)], encoder, teacher,
            team_facts, geometry, plan, seed,
            WorkerPool(collecting) if geometry.collects_ahead else self.pool,
            device, autocast, self.ranks, geometry.collects_ahead,
        )  # fmt: skip
        if state is None or not self._restore(state):
            self.collector.begin()
        self._reset_score()

    def run(self) -> Literal["finished", "stopped"]:
        """Train until the budget is spent or a stop is asked for, and write the last checkpoint.

        Returns:
            Why training ended.

        Raises:
            NonFiniteLossError: the loss is not finite; no checkpoint is written, so the last good one stays the latest.
            PolicyDriftError: `trainer.kl_guard` says stop; likewise.
        """
        saved_at = process_start = time.perf_counter()
        interval_s = self.save_interval_s
        first_step = self.counters.agent_step
        total = self.config.total_timesteps
        is_stopping, _ = self._agree(False)
        try:
            while self.counters.agent_step < total and not is_stopping:
                metrics = self.iterate()
                now = time.perf_counter()
                is_stopping, is_due = self._agree(now - saved_at >= interval_s)
                is_last = is_stopping or self.counters.agent_step >= total
                trained = self.counters.agent_step - first_step
                metrics["overview/steps_per_second"] = trained / (now - process_start)
                # Logged before the checkpoint: a kill between the two must not leave a step without its row.
                self.tracker.log(self.counters.agent_step, metrics)
                if is_last or is_due:
                    saved = self._save(is_last)
                    saved_at = time.perf_counter()
                    interval_s = max(self.save_interval_s, _rest_after(saved_at - now))
                    if saved:
                        self.tracker.log(self.counters.agent_step, saved)
        finally:
            self.close()
        return "finished" if self.counters.agent_step >= total else "stopped"

    def close(self) -> None:
        """End all threads."""
        self.collector.close()
        self.pool.close()

    def _agree(self, is_due: bool) -> tuple[bool, bool]:
        """Decide together what clocks and signals say: stop if any rank is to, save when the first rank's time has come.

        Args:
            is_due: whether this rank's clock says that a checkpoint is due.
        """
        votes = self.ranks.gather([self.should_stop(), is_due])
        return bool(votes[:, 0].any()), bool(votes[0, 1])

    def iterate(self) -> dict[str, float]:
        """Collect one batch and learn from it.

        Returns:
            All metrics of the iteration.
        """
        started = time.perf_counter()
        self.ranks.seconds = 0.0
        counters, geometry = self.counters, self.geometry

        # Rollout: collected ahead while the batch before was learnt from, or now.
        self.tracker.progress("rollout")
        batch = self.collector.take(self._position())
        experience, shares = batch.experience, batch.shares
        now = config_at(
            self.config,
            counters.agent_step,
            self.plan.weight(counters.agent_step),
            self.kl_guard.rate_factor,
        )
        collected = time.perf_counter()
        following = self._position(1)
        if self.collector.is_ahead and following.agent_step < self.config.total_timesteps:
            self.collector.start(following)

        # Advantages, then passes over shuffled minibatches.
        self.tracker.progress("learn")
        self.learner.prepare(experience, self.collector.stage.reward_mean, now)
        prepared = time.perf_counter()
        metrics = batch_metrics(experience, self.sim.action_names, self.ranks)
        described = time.perf_counter()
        presence = self.plan.presence(counters.agent_step)
        metrics.update(
            self.learner.update(
                experience,
                counters.iteration,
                counters.agent_step,
                presence,
                batch.uses_teacher,
                now,
            )
        )
        learned = time.perf_counter()
        self.collector.finish()
        waited = time.perf_counter() - learned

        # Counters and metrics; new maps while no game is running.
        counters.agent_step, counters.iteration = following.agent_step, following.iteration
        counters.tick = following.tick
        counters.env_step += geometry.steps_per_iteration // geometry.num_agents
        metrics.update(self._count_episodes(batch.episodes))
        metrics["losses/student_led_proportion"] = shares.student_led
        metrics["losses/teacher_led_proportion"] = shares.teacher_led
        metrics["losses/supervised_action_loss_coef"] = supervised_weight(now.losses)
        for schedule in now.schedules:
            value = scheduled_value(schedule, counters.agent_step - geometry.steps_per_iteration)
            metrics[f"hyperparameters/schedule/{schedule.value}"] = value
        is_guarded = self.config.kl_guard.while_taught or not batch.uses_teacher
        approx_kl = metrics.get("losses/approx_kl") if is_guarded else None
        warning = self.kl_guard.observe(approx_kl, counters.agent_step)
        if warning is not None:
            self.tracker.alert("approx_kl is high", warning)
        if self.map_pool is not None and self.maps_per_iteration:
            # Where a rank has no room, none replaces a map: all ranks play the same maps.
            room = self.ranks.gather([len(self.map_pool.free_slots())]).min()
            self.map_pool.refresh(min(self.maps_per_iteration, int(room)))
            counters.maps_refreshed += self.maps_per_iteration
            metrics["maps/pool_generation"] = float(counters.maps_refreshed)
        ended = time.perf_counter()
        counters.seconds += ended - started
        metrics.update(self._progress_metrics())
        seconds = {"advantage": prepared - collected, "learn": learned - described}
        seconds["stats"] = (described - prepared) + (ended - learned) - waited
        total = ended - started
        rollout = collected - started + waited
        metrics.update(timing_metrics(geometry, total, rollout, seconds, batch.laps))
        metrics.update(rank_metrics(geometry, total, self.ranks))
        return metrics

    def _position(self, ahead: int = 0) -> Position:
        """Where the present batch lies, or the one `ahead` batches later."""
        counters, geometry = self.counters, self.geometry
        return Position(
            counters.agent_step + ahead * geometry.steps_per_iteration,
            counters.iteration + ahead,
            counters.tick + ahead * geometry.rounds * geometry.horizon,
        )

    # --- metrics ------------------------------------------------------------------------------------------------------

    def _count_episodes(self, episodes: dict[str, float]) -> dict[str, float]:
        """Count the episodes that ended in a batch; returns their metrics."""
        metrics = dict(episodes)
        ended = int(metrics["overview/episodes"])
        self.counters.episodes += ended
        if ended:
            metrics["overview/reward_vs_total_time"] = metrics["overview/reward"]
            self._score_sum += metrics["overview/reward"] * ended
            self._score_count += ended
        return metrics

    def _progress_metrics(self) -> dict[str, float]:
        counters = self.counters
        metrics = {
            "metric/agent_step": counters.agent_step,
            "metric/epoch": counters.iteration,
            "metric/env_step": counters.env_step,
            "metric/gradient_step": self.learner.optimizer.gradient_step,
            "metric/episodes": counters.episodes,
            "metric/total_time": counters.seconds,
        }
        if self.config.advantage.reward_centering.enabled:
            means = self.ranks.gather([self.collector.stage.reward_mean.mean(dtype=np.float64)])
            metrics["experience/reward_mean_centered"] = means.mean()
        return {name: float(value) for name, value in metrics.items()}

    # --- checkpoints --------------------------------------------------------------------------------------------------

    def _reset_score(self) -> None:
        self._score_sum, self._score_count = 0.0, 0

    def _save(self, final: bool) -> dict[str, float]:
        self.tracker.progress("checkpoint")
        score = self._score_sum / self._score_count if self._score_count else None
        counters = self.counters
        state = self.state()
        metrics = None
        if self.ranks.is_first:
            with self.learner.optimizer.deployed():
                metrics = self.save(counters.agent_step, counters.iteration, score, final, state)
        self._reset_score()
        return metrics or {}

    def state(self) -> TrainerState:
        """Everything besides the weights, as it is between two iterations. The arrays are copies.

        Ranks must call it together; what it returns is complete on the first one.
        """
        waiting, waiting_meta = self.collector.state()
        parts: dict[str, dict[str, Any]] = {
            "stage": self.collector.stage.to_arrays(),
            "waiting": waiting,
            **{name: part.get_state() for name, part in self._stateful().items()},
        }
        tensors = {
            f"{part}/{name}": np.array(array)
            for part, arrays in parts.items()
            for name, array in arrays.items()
        }
        meta = {
            "counters": vars(self.counters).copy(),
            "gradient_step": self.learner.optimizer.gradient_step,
            "plan": self.plan.to_meta(),
            "kl_guard": self.kl_guard.to_meta(),
            "waiting": waiting_meta,
            "seed": self.seed,
            "rows": [self.geometry.num_envs, self.geometry.num_agents],
            "ranks": self.ranks.count,
        }
        others = gather_states(tensors, self.ranks)
        for name, array in self.learner.optimizer.to_arrays().items():
            tensors[f"optimizer/{name}"] = np.array(array)
        return TrainerState(tensors, meta, others)

    def _stateful(self) -> dict[str, Any]:
        """Parts with `get_state` and `set_state`, by the name that their arrays get in a checkpoint."""
        parts = {
            "maps": self.map_pool,
            "sim": self.sim,
            "memory": getattr(self.encoder, "memory", None),
            "teacher": self.teacher,
        }
        return {name: part for name, part in parts.items() if part is not None}

    def _restore(self, state: TrainerState) -> bool:
        """Continue from a state. Returns whether the games could be continued too."""
        meta = self.ranks.from_first(dict(state.meta))
        arrays: dict[str, dict[str, np.ndarray]] = {}
        optimizer = self.learner.optimizer
        if self.ranks.is_first:
            prefix = "optimizer/"
            saved = {
                name.removeprefix(prefix): array
                for name, array in state.tensors.items()
                if name.startswith(prefix)
            }
            optimizer.load_arrays(saved, meta["gradient_step"])
        for tensor in optimizer.tensors():
            self.ranks.copy_from_first(tensor)
        optimizer.gradient_step = meta["gradient_step"]
        self.counters = Counters(**meta["counters"])
        self.kl_guard.load_meta(meta.get("kl_guard", {}))
        was, was_ranks = meta["rows"], meta.get("ranks", 1)
        rows, ranks = [self.geometry.num_envs, self.geometry.num_agents], self.ranks.count
        if was != rows or was_ranks != ranks:
            before, now = (
                f"{r * e} games of {a} agents" + (f" in {r} processes" if r > 1 else "")
                for r, (e, a) in ((was_ranks, was), (ranks, rows))
            )
            self.tracker.print(
                f"the checkpoint has {before}, this run has {now}: weights, optimiser and counters are kept, the games "
                "start anew"
            )
            return False
        for name, array in hand_out_states(state, self.ranks).items():
            part, _, own = name.partition("/")
            arrays.setdefault(part, {})[own] = np.asarray(array)
        for name, part in self._stateful().items():
            if name in arrays:
                part.set_state(arrays[name])
        self.collector.stage.load_arrays(arrays["stage"])
        if not self.collector.load_state(arrays.get("waiting", {}), meta.get("waiting")):
            self.tracker.print(
                "the checkpoint holds a batch of another size that was collected ahead; it is left out"
            )
        return True


def _rest_after(save_seconds: float) -> float:
    """Seconds without a checkpoint after one that took this long to write."""
    return REST_AFTER_SAVE * save_seconds if save_seconds > BRIEF_SAVE_S else 0.0


def _share_threads(geometry: Geometry, network: Any) -> tuple[int, int]:
    """Threads that learn and threads that collect: the same ones in turn, or, ahead, about half of them each.

    No more threads learn than a minibatch can be split among; the others have more use for them.
    """
    threads = geometry.num_workers
    if not geometry.collects_ahead:
        return threads, threads
    shards = geometry.minibatch_size // getattr(network, "min_shard_rows", 1)
    learning = max(1, min(threads // 2, shards))
    return learning, max(1, threads - learning)
