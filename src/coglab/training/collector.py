"""Collecting batches: at once, or ahead, while the last one is learnt from.

At once, a batch is played by the newest weights, then learnt from, and one of the two always waits for the other.
Ahead, batch k + 1 is played on threads of its own while batch k is learnt from, by a copy of the weights as they were when
that learning began. So every batch but the first is one iteration old when it is learnt from; the stored probabilities are
those of the weights that played, which is what the ratios of PPO and V-trace need. Which weights play which batch does
not depend on the speed of anything, so runs repeat and resume to the bit either way; a batch that waits is a part of the
run's state.

Source: Espeholt et al. 2018 (IMPALA), Petrenko et al. 2020 (Sample Factory): rollouts beside learning, policy lag.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from coglab.models.network import TEAM_INPUT
from coglab.training.distributed import Ranks
from coglab.training.episodes import EpisodeRecorder
from coglab.training.experience import Experience
from coglab.training.geometry import Geometry
from coglab.training.randomness import SLICE_STREAM, stream_key, uniforms
from coglab.training.rollout import RolloutPlan, RolloutWorker, Stage
from coglab.training.teacher_plan import Shares, TeacherPlan, assign_slices
from coglab.training.workers import WorkerPool


@dataclass(frozen=True)
class Position:
    """Where in a run a batch lies.

    Attributes:
        agent_step: agent steps before it.
        iteration: batches before it.
        tick: ticks that every game was simulated for before it.
    """

    agent_step: int
    iteration: int
    tick: int


@dataclass
class Batch:
    """A batch that has been played.

    Attributes:
        experience: the data.
        shares: who led which part of it.
        uses_teacher: whether a teacher labelled any of it.
        episodes: means over the episodes that ended, see `EpisodeRecorder.summary`.
        laps: seconds per phase, for every worker.
    """

    experience: Experience
    shares: Shares
    uses_teacher: bool
    episodes: dict[str, float] = field(default_factory=dict)
    laps: list[dict[str, float]] = field(default_factory=list)


class Collector:
    """Plays the games of a run.

    Args:
        sim: the games, already reset.
        networks: one per thread that collects, all with the weights that are learnt.
        encoder: writes network inputs.
        teacher: labels, or None.
        team_facts: what the critic may see of the whole team, or None.
        geometry: sizes.
        plan: the teacher's shares.
        seed: of the run.
        pool: threads that collect; with `is_ahead`, not those that learn.
        device: where the networks are.
        autocast: makes the context in which they run.
        ranks: the processes that train together.
        is_ahead: collect the next batch while one is learnt from.

    Attributes:
        stage: what rows carry from one batch to the next.
        waiting: a batch that was collected ahead and has not been taken yet.
    """

    def __init__(
        self,
        sim: Any,
        networks: list[Any],
        encoder: Any,
        teacher: Any | None,
        team_facts: Any | None,
        geometry: Geometry,
        plan: TeacherPlan,
        seed: int,
        pool: WorkerPool,
        device: torch.device,
        autocast: Callable[[], Any],
        ranks: Ranks,
        is_ahead: bool,
    ) -> None:
        self.sim, self.geometry, self.plan, self.seed = sim, geometry, plan, seed
        self.pool, self.ranks = pool, ranks
        spec, inputs = dict(encoder.spec), encoder.allocate()
        if team_facts is not None:
            spec[TEAM_INPUT] = ((len(team_facts.names),), np.dtype(np.float32))
            inputs[TEAM_INPUT] = np.zeros((geometry.num_rows, len(team_facts.names)), np.float32)
        self._learnt = networks[0]
        self._copies = [_copy_weights(network) for network in networks] if is_ahead else []
        outputs = getattr(teacher, "log_probs", None)
        num_buffers = 2 if is_ahead else 1
        self._buffers = [
            Experience(
                geometry,
                spec,
                self._learnt.state_size,
                0 if outputs is None else outputs.shape[1],
            )
            for _ in range(num_buffers)
        ]
        self.episodes = EpisodeRecorder(sim)
        self.stage = Stage(
            inputs=inputs,
            reset=np.ones(geometry.num_rows, np.bool_),
            state=np.zeros((geometry.num_rows, self._learnt.state_size), np.float32),
            reward_mean=np.zeros(geometry.num_rows, np.float32),
        )
        players = self._copies or networks
        bounds = np.linspace(0, geometry.num_envs, pool.num_workers + 1).astype(int)
        self.workers = [
            RolloutWorker(
                sim, players[w], encoder, teacher, self.stage, self._buffers[0],
                self.episodes, team_facts, geometry, device, autocast,
                int(bounds[w]), int(bounds[w + 1]),
            )
            for w in range(pool.num_workers)
        ]  # fmt: skip
        self._thread = ThreadPoolExecutor(1, "coglab-ahead") if is_ahead else None
        self._running: tuple[Batch, Future[None]] | None = None
        self.waiting: Batch | None = None

    @property
    def experience(self) -> Experience:
        """The buffer of the batch that was begun last."""
        return self._buffers[-1]

    @property
    def is_ahead(self) -> bool:
        """Whether batches are collected while others are learnt from."""
        return self._thread is not None

    def begin(self) -> None:
        """Encode the first observation of a run that starts anew."""
        self.pool.run(lambda w: self.workers[w].begin())

    def take(self, position: Position) -> Batch:
        """Hand out the batch that lies at a position: the one that waits, or one collected now by the newest weights.

        Args:
            position: of the batch.
        """
        if self.waiting is not None:
            batch, self.waiting = self.waiting, None
            return batch
        self._take_over_weights()
        batch = self._prepare(position)
        self._play(batch, position)
        batch.episodes = self.episodes.summary(self.ranks)
        return batch

    def start(self, position: Position) -> None:
        """Start to collect the next batch ahead, with the weights as they are now.

        Args:
            position: of the batch.
        """
        if self._thread is None:
            raise ValueError("made without `is_ahead`, a collector cannot collect ahead")
        self._take_over_weights()
        batch = self._prepare(position)
        self._running = batch, self._thread.submit(self._play, batch, position)

    def finish(self) -> None:
        """Wait for the batch that was started, if there is one; it is then the one that waits.

        Ranks must call it together: episodes are counted over all of them.
        """
        if self._running is None:
            return
        batch, future = self._running
        self._running = None
        future.result()
        batch.episodes = self.episodes.summary(self.ranks)
        self.waiting = batch

    def close(self) -> None:
        """End the threads, after the batch that is being collected."""
        if self._thread is not None:
            self._thread.shutdown()
        self.pool.close()

    def _take_over_weights(self) -> None:
        """Copy the weights that are learnt; a rollout beside learning must not see them change."""
        for copy in self._copies:
            for own, learnt in zip(copy.parameters(), self._learnt.parameters(), strict=True):
                own.data.copy_(learnt.data)

    def _prepare(self, position: Position) -> Batch:
        """Decide who leads which segment of a batch."""
        geometry, plan, experience = self.geometry, self.plan, self._next_buffer()
        shares = plan.shares(position.agent_step)
        unit_size = geometry.num_agents if plan.slice_unit == "env" else 1
        draws = np.empty(geometry.num_segments // unit_size)
        key = stream_key(self.seed, SLICE_STREAM, position.iteration)
        for r, of_round in enumerate(np.split(draws, geometry.rounds)):
            rows_before = r * geometry.num_rows * geometry.num_ranks + geometry.first_row
            uniforms(key, rows_before // unit_size, of_round)
        assign_slices(shares, draws, experience.slices, unit_size)
        return Batch(experience, shares, plan.needs_teacher(position.agent_step))

    def _next_buffer(self) -> Experience:
        """The buffer that was handed out longest ago: ahead, the other one is being learnt from."""
        self._buffers.append(self._buffers.pop(0))
        return self.experience

    def _play(self, batch: Batch, position: Position) -> None:
        """Let every worker play its games to the end of the batch, without waiting for the others."""
        self.episodes.begin(self.sim)
        rollout = RolloutPlan(self.seed, position.tick, batch.uses_teacher)

        def of_worker(w: int) -> None:
            self.workers[w].experience = batch.experience
            self.workers[w].collect(rollout)

        self.pool.run(of_worker)
        batch.laps = [worker.seconds for worker in self.workers]

    # --- checkpoints --------------------------------------------------------------------------------------------------

    def state(self) -> tuple[dict[str, np.ndarray], dict[str, Any] | None]:
        """The batch that waits: arrays by name, and what is no array; nothing if none waits."""
        if self.waiting is None:
            return {}, None
        batch = self.waiting
        meta = {
            "shares": batch.shares._asdict(),
            "uses_teacher": batch.uses_teacher,
            "episodes": batch.episodes,
            "laps": batch.laps,
        }
        return batch.experience.to_arrays(), meta

    def load_state(self, arrays: dict[str, np.ndarray], meta: dict[str, Any] | None) -> bool:
        """Continue from what `state` returned.

        Args:
            arrays: by name.
            meta: None if no batch waited.

        Returns:
            False if the batch that waited has another size than this run's and is left out.
        """
        if meta is None:
            return True
        experience = self._next_buffer()
        own = {name: array.shape for name, array in experience.to_arrays().items()}
        if own != {name: array.shape for name, array in arrays.items()}:
            return False
        experience.load_arrays(arrays)
        self.waiting = Batch(
            experience,
            Shares(**meta["shares"]),
            meta["uses_teacher"],
            dict(meta["episodes"]),
            [dict(laps) for laps in meta["laps"]],
        )
        return True


def _copy_weights(network: Any) -> Any:
    """A network like this one with weights of its own."""
    twin = network.replica()
    for parameter in twin.parameters():
        parameter.data = parameter.data.clone()
    return twin
