"""How big everything is: parallel games, threads, rows, batches. Decided once, before anything is built.

Several processes (ranks) that train one run together have equal parts of the games and of every batch. What is typed
and what is printed are the numbers of the whole run; a `Geometry` holds those of one rank, and says how many there are.

Letters: E games, A agents per game, N = E*A rows (row n = env*A + agent), T = `bptt_horizon` ticks,
R rounds of T ticks per iteration, S = R*N segments (segment s = round*N + row), M segments per minibatch.

Every number that the user leaves at `auto` is chosen by hardware. Every number that the user types is kept, with one
exception: a `batch_size` that is not a whole number of segments of all parallel agents is rounded **down** to one,
because a batch must hold every agent equally often (otherwise part of what is collected would be thrown away). What is
used is in `Geometry.describe()`, which the trainer prints. A typed `minibatch_size` must be a multiple of
`bptt_horizon` and divide the typed `batch_size`; where the rounding above, or an automatic `batch_size`, leaves a
remainder, the segments are dealt into minibatches whose sizes differ by at most one segment, so no data is dropped.

Imports neither torch nor numba: the command line checks a geometry in `--dry-run`.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass

from coglab.config import UserError
from coglab.training.config import TrainerConfig, TrainingEnvConfig

CPU_HORIZON = 64
GPU_HORIZON = 256
GPU_BATCH_SIZE = 2_097_152
CPU_ROWS_PER_WORKER = 640
"""Rows that one thread simulates and infers per tick: enough to hide the cost of calling torch, few enough that their
memory stays in the core's cache (benchmarks/train.py, `--rows`)."""
GPU_ROWS = 16_384
CPU_MINIBATCH_SIZE = 1_024
"""Clones need gradient steps more than they need exact gradients: with 8,192 they took five times as many agent steps to
play as well (docs/log.md)."""
MAX_ROUNDS = 4
"""Larger batches get more games instead of longer stretches of the same ones, which tell less that is new. It costs no time:
819 games took 17.1 us a step on one thread, 128 took 17.5 (docs/log.md)."""
CPU_MAX_ROWS = 16_384
"""Rows of larger batches; each needs about 40 kB."""
CPU_MAX_MINIBATCHES = 80
"""Larger batches get larger minibatches: the policy moves with every gradient step, and after hundreds of them a batch tells
little about it."""
GPU_MINIBATCH_SIZE = 65_536
MAX_GPU_WORKERS = 8
"""On a GPU the workers only simulate and encode; more threads than this fight over the interpreter."""


def cpu_cores() -> int:
    """Count the processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return max(1, os.cpu_count() or 1)


def local_ranks(num_ranks: int) -> int:
    """Count the ranks that share this machine's cores; launchers say so in LOCAL_WORLD_SIZE."""
    given = os.environ.get("LOCAL_WORLD_SIZE", "")
    return min(num_ranks, int(given)) if given.isdigit() and int(given) else num_ranks


@dataclass(frozen=True)
class Geometry:
    """Sizes of a training run, all resolved.

    Attributes:
        device: `cpu` or `cuda`.
        num_envs: parallel games E.
        num_agents: agents per game A.
        num_workers: threads; worker w owns games `[w*E/W, (w+1)*E/W)`.
        horizon: ticks per segment T.
        rounds: segments that every row contributes to a batch R.
        num_minibatches: gradient steps per pass over the batch.
        update_epochs: passes over each batch.
        total_timesteps: budget in agent steps.
        num_ranks: processes that train the run together; the sizes above are those of each.
        rank: which of them this is.
        collects_ahead: the next batch is collected while one is learnt from.
        notes: one sentence for every number that differs from what was typed.
    """

    device: str
    num_envs: int
    num_agents: int
    num_workers: int
    horizon: int
    rounds: int
    num_minibatches: int
    update_epochs: int
    total_timesteps: int
    num_ranks: int = 1
    rank: int = 0
    collects_ahead: bool = False
    notes: tuple[str, ...] = ()

    @property
    def num_rows(self) -> int:
        """Parallel agents N."""
        return self.num_envs * self.num_agents

    @property
    def num_segments(self) -> int:
        """Training rows S of one batch."""
        return self.rounds * self.num_rows

    @property
    def batch_size(self) -> int:
        """Agent steps of one batch on one rank."""
        return self.num_segments * self.horizon

    @property
    def steps_per_iteration(self) -> int:
        """Agent steps of one batch, over all ranks."""
        return self.batch_size * self.num_ranks

    @property
    def first_env_id(self) -> int:
        """Global number of this rank's first game."""
        return self.rank * self.num_envs

    @property
    def first_row(self) -> int:
        """Global number of this rank's first row."""
        return self.rank * self.num_rows

    @property
    def minibatch_size(self) -> int:
        """Agent steps of the largest minibatch on one rank."""
        return math.ceil(self.num_segments / self.num_minibatches) * self.horizon

    @property
    def num_shards(self) -> int:
        """Most parts that a minibatch is split into, each differentiated by one thread."""
        return self.num_workers if self.device == "cpu" else 1

    def env_range(self, worker: int) -> tuple[int, int]:
        """Games `[first, last)` that a worker owns."""
        per_worker = self.num_envs // self.num_workers
        return worker * per_worker, (worker + 1) * per_worker

    def iterations_from(self, agent_step: int) -> int:
        """Iterations still to run when `agent_step` agent steps are done."""
        return max(0, math.ceil((self.total_timesteps - agent_step) / self.steps_per_iteration))

    def describe(self, bytes_per_step: int = 0) -> list[str]:
        """Say in words what will run.

        Args:
            bytes_per_step: what one agent step takes in the experience buffer; 0 if unknown.

        Returns:
            Lines to print at start.
        """
        iterations, ranks = self.iterations_from(0), self.num_ranks
        overshoot = iterations * self.steps_per_iteration - self.total_timesteps
        threads = f"{self.num_workers} {'thread' if self.num_workers == 1 else 'threads'}"
        where = "network on the GPU" if self.device == "cuda" else "everything on the CPU"
        if ranks > 1:
            threads = f"{ranks} processes with {threads} each"
            where = "a GPU for each" if self.device == "cuda" else where
        if self.collects_ahead:
            where += "; the next batch is collected while one is learnt from"
        lines = [
            f"{self.num_envs * ranks:,} games x {self.num_agents} agents on {threads}, {where}",
            f"batch: {self.num_segments * ranks:,} segments x {self.horizon} ticks = {self.steps_per_iteration:,} agent "
            f"steps, {self.num_minibatches} minibatches of {self.minibatch_size * ranks:,}"
            + (f", {self.update_epochs} passes" if self.update_epochs > 1 else ""),
            f"budget: {self.total_timesteps:,} agent steps = {iterations:,} iterations"
            + (f" (whole batches: {overshoot:,} more)" if overshoot else ""),
        ]
        memory = bytes_per_step * self.batch_size * (2 if self.collects_ahead else 1)
        if memory > 1 << 30:
            each = " in each process" if ranks > 1 else ""
            batch = "both batches take" if self.collects_ahead else "the batch takes"
            lines.append(f"{batch} about {memory / (1 << 30):.1f} GiB of memory{each}")
        return lines + list(self.notes)


def resolve_geometry(
    trainer: TrainerConfig,
    env: TrainingEnvConfig,
    *,
    device: str,
    cores: int | None = None,
    is_light: bool = False,
    num_agents: int | None = None,
    num_ranks: int = 1,
    rank: int = 0,
) -> Geometry:
    """Choose every automatic size and check every typed one.

    Args:
        trainer: batch, minibatch, horizon, passes, budget.
        env: games and threads.
        device: `cpu` or `cuda`, already resolved.
        cores: processor cores for each rank; left out, an equal part of those of this process.
        is_light: the network learns as fast on one thread as on several, see `FastConfig.is_light`.
        num_agents: agents per game, if the mission decides it; left out, `training_env.game.num_agents`.
        num_ranks: processes that train the run together.
        rank: which of them this is.

    Returns:
        The sizes of one rank.

    Raises:
        UserError: two typed numbers cannot both be kept; the text names both and a value that works.
    """
    if trainer.collect_ahead is True and device != "cpu":
        raise UserError(
            "trainer.collect_ahead=true is for networks on a CPU; use trainer.collect_ahead=false or system.device=cpu"
        )
    cores = cores or max(1, cpu_cores() // local_ranks(num_ranks))
    agents = num_agents or env.game.num_agents
    horizon = _horizon(trainer, device)
    # One game of every rank is what a batch must have room for; with one rank, one game.
    team = agents * num_ranks
    typed_batch = trainer.batch_size if trainer.batch_size != "auto" else None
    wanted = typed_batch if typed_batch else (GPU_BATCH_SIZE if device == "cuda" else None)
    if env.num_envs != "auto" and env.num_envs >= 1 and env.num_envs % num_ranks:
        nearest = max(1, round(env.num_envs / num_ranks)) * num_ranks
        raise UserError(
            f"training_env.num_envs {env.num_envs} is not a multiple of the {num_ranks} processes that train together; "
            f"use training_env.num_envs={nearest} or another nproc"
        )
    own = (
        env
        if env.num_envs == "auto"
        else env.model_copy(update={"num_envs": env.num_envs // num_ranks})
    )
    workers, num_envs = _workers_and_envs(
        trainer, own, agents, team, horizon, wanted, device, cores
    )
    row_steps = num_envs * team * horizon
    if wanted is not None and wanted < row_steps:
        if typed_batch:
            fitting = _fitting_envs(typed_batch, team, horizon) * num_ranks
            raise UserError(
                f"trainer.batch_size {typed_batch} is smaller than training_env.num_envs {num_envs * num_ranks} x "
                f"{agents} agents x trainer.bptt_horizon {horizon} = {row_steps}, one segment of every agent; use "
                f"trainer.batch_size={row_steps} or training_env.num_envs={fitting}"
            )
        wanted = row_steps
    rounds = max(1, (wanted or row_steps) // row_steps)
    batch = rounds * row_steps
    notes = []
    if typed_batch and batch != typed_batch:
        notes.append(
            f"batch_size {typed_batch:,} is rounded down to {batch:,}: {rounds} x {horizon} ticks of "
            f"{num_envs * team:,} agents"
        )
    minibatches = _num_minibatches(trainer, typed_batch, batch, horizon, device)
    own_segments = batch // horizon // num_ranks
    if trainer.minibatch_size == "auto":
        minibatches = min(minibatches, own_segments)
    elif minibatches > own_segments:
        raise UserError(
            f"trainer.minibatch_size {trainer.minibatch_size} has no segment of {horizon} ticks for each of the "
            f"{num_ranks} processes; use trainer.minibatch_size={num_ranks * horizon} or more"
        )
    return Geometry(
        device=device,
        num_envs=num_envs,
        num_agents=agents,
        num_workers=workers,
        horizon=horizon,
        rounds=rounds,
        num_minibatches=minibatches,
        update_epochs=trainer.update_epochs,
        total_timesteps=trainer.total_timesteps,
        num_ranks=num_ranks,
        rank=rank,
        collects_ahead=(device == "cpu" and is_light and workers > 1)
        if trainer.collect_ahead == "auto"
        else trainer.collect_ahead,
        notes=tuple(notes),
    )


def _horizon(trainer: TrainerConfig, device: str) -> int:
    if trainer.bptt_horizon == "auto":
        return GPU_HORIZON if device == "cuda" else CPU_HORIZON
    if trainer.bptt_horizon < 1:
        raise UserError(
            f"trainer.bptt_horizon {trainer.bptt_horizon} must be at least 1 tick; use {CPU_HORIZON}"
        )
    return trainer.bptt_horizon


def _workers_and_envs(
    trainer: TrainerConfig,
    env: TrainingEnvConfig,
    agents: int,
    team: int,
    horizon: int,
    wanted: int | None,
    device: str,
    cores: int,
) -> tuple[int, int]:
    """Threads and games of one rank. Typed numbers are kept; `wanted` is the run's batch size, None if free.

    Args:
        trainer: batch and horizon.
        env: games of one rank, and threads.
        agents: agents per game.
        team: agents of one game of every rank.
        horizon: ticks per segment.
        wanted: agent steps per batch, of all ranks.
        device: `cpu` or `cuda`.
        cores: processor cores for each rank.
    """
    auto_workers = max(1, min(cores, MAX_GPU_WORKERS) if device == "cuda" else cores)
    for name, value in (("num_workers", env.num_workers), ("num_envs", env.num_envs)):
        if value != "auto" and value < 1:
            raise UserError(f"training_env.{name} {value} must be at least 1; use {name}=auto")

    if env.num_envs != "auto":
        if env.num_workers == "auto":
            workers = max(w for w in range(1, auto_workers + 1) if env.num_envs % w == 0)
            return workers, env.num_envs
        if env.num_envs % env.num_workers:
            nearest = max(1, round(env.num_envs / env.num_workers)) * env.num_workers
            raise UserError(
                f"training_env.num_envs {env.num_envs} is not a multiple of training_env.num_workers "
                f"{env.num_workers}; use training_env.num_envs={nearest}"
            )
        return env.num_workers, env.num_envs

    rows = GPU_ROWS if device == "cuda" else CPU_ROWS_PER_WORKER * auto_workers
    workers = env.num_workers if env.num_workers != "auto" else auto_workers
    if wanted is not None:
        if wanted < team * horizon:
            together = (
                "one game" if team == agents else f"one game of each of {team // agents} processes"
            )
            raise UserError(
                f"trainer.batch_size {wanted} is smaller than one segment of every agent of {together}: {team} agents "
                f"x trainer.bptt_horizon {horizon}; use trainer.batch_size={team * horizon} or more"
            )
        games_worth = wanted // (team * horizon)
        if device == "cpu":
            rows = max(rows, min(CPU_MAX_ROWS, games_worth // MAX_ROUNDS * agents))
        if env.num_workers == "auto":
            workers = min(workers, games_worth)
        elif games_worth < workers:
            raise UserError(
                f"trainer.batch_size {wanted} is too small for training_env.num_workers {workers}: each needs a game "
                f"of {agents} agents x trainer.bptt_horizon {horizon}; use "
                f"trainer.batch_size={workers * team * horizon} or training_env.num_workers={games_worth}"
            )
        return workers, _best_num_envs(games_worth, workers, max(workers, rows // agents))
    return workers, max(1, round(rows / (agents * workers))) * workers


def _best_num_envs(games_worth: int, workers: int, most: int) -> int:
    """The number of games, a multiple of `workers` near `most`, whose rounds fill a batch best.

    Args:
        games_worth: segments of one game that the batch has room for.
        workers: threads.
        most: games that the machine should have side by side.

    Returns:
        Games; between about half of `most` and `most`, unless the batch is smaller.
    """
    fewest_rounds = math.ceil(games_worth / most)
    most_rounds = max(fewest_rounds, min(2 * fewest_rounds, MAX_ROUNDS))
    choices = (
        (games_worth // (rounds * workers) * workers, rounds)
        for rounds in range(fewest_rounds, most_rounds + 1)
    )
    num_envs, _ = max(choices, key=lambda choice: (choice[0] * choice[1], choice[0]))
    return num_envs


def _fitting_envs(batch: int, agents: int, horizon: int) -> int:
    return max(1, batch // (agents * horizon))


def _num_minibatches(
    trainer: TrainerConfig, typed_batch: int | None, batch: int, horizon: int, device: str
) -> int:
    segments = batch // horizon
    if trainer.minibatch_size == "auto":
        if device == "cuda":
            minibatches = round(batch / GPU_MINIBATCH_SIZE)
        else:
            minibatches = min(CPU_MAX_MINIBATCHES, round(batch / CPU_MINIBATCH_SIZE))
        return min(segments, max(1, minibatches))
    size = trainer.minibatch_size
    if typed_batch and typed_batch % size:
        raise UserError(
            f"trainer.batch_size {typed_batch} is not a multiple of trainer.minibatch_size {size}; use "
            f"{_sizes_that_work(typed_batch, size, horizon)}"
        )
    if size % horizon or size < horizon:
        raise UserError(
            f"trainer.minibatch_size {size} is not a multiple of trainer.bptt_horizon {horizon}; use "
            f"{_sizes_that_work(typed_batch or batch, size, horizon)}"
        )
    if size > (typed_batch or batch):
        raise UserError(
            f"trainer.minibatch_size {size} is larger than the batch of {batch} agent steps; use "
            f"trainer.minibatch_size={batch}"
        )
    return max(1, math.ceil(batch / size))


def _sizes_that_work(batch: int, size: int, horizon: int) -> str:
    """Settings near the typed ones: the minibatch divides the batch, and whole segments of `horizon` fill both."""
    units = max(1, round(batch / horizon))
    divisors = {
        d for k in range(1, math.isqrt(units) + 1) if units % k == 0 for d in (k, units // k)
    }
    minibatch = min((d * horizon for d in divisors), key=lambda d: (abs(d - size), d))
    words = [] if units * horizon == batch else [f"trainer.batch_size={units * horizon}"]
    return " ".join([*words, f"trainer.minibatch_size={minibatch}"])
