"""What the tool `train` does: begin or continue a run, train, compare with the teacher, say what to type next."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from coglab.config import UserError
from coglab.evaluation.report import print_table, results_table
from coglab.games.registry import game_of
from coglab.policies.checkpoints import (
    Checkpoint,
    TrainerState,
    latest_checkpoint,
    load_checkpoint,
    load_trainer_state,
    load_weights,
    save_checkpoint,
)
from coglab.policies.same_game import require_same_game
from coglab.policies.uris import find_checkpoint, parse_uri
from coglab.tools.assembly import Parts, assemble
from coglab.tools.closing import (
    compare_with_teacher,
    evaluator_metrics,
    is_evaluated,
    next_commands,
)
from coglab.tools.invocation import current_invocation
from coglab.tools.resume import continue_from, read_saved_config
from coglab.tools.teacher_spelling import check_rest_is_taught
from coglab.tracking.display import OutputConsole, print_line
from coglab.tracking.ledger import refuse_if_running
from coglab.tracking.run import RunTracker, open_run
from coglab.tracking.signals import StopSignals
from coglab.training.device import Device, choose_device, matmul_precision, prepare_threads
from coglab.training.distributed import Ranks, join
from coglab.training.teacher_plan import TeacherPlan
from coglab.training.trainer import SaveCheckpoint, Tracker, Trainer

if TYPE_CHECKING:
    from rich.console import Console

    from coglab.tools.train import TrainTool


@dataclass
class Start:
    """Where a run starts or continues.

    Attributes:
        step: agent steps done before.
        checkpoint: whose weights are loaded, None for fresh ones.
        state: what the trainer continues from, None if it starts anew.
    """

    step: int = 0
    checkpoint: Checkpoint | None = None
    state: TrainerState | None = None


Watch = Callable[[int], str | None]
"""Told the agent step of every logged row; returns why training is to end there, or None."""


class WatchedTracker:
    """The record of a run, with somebody who looks at every row and may end the training.

    Args:
        tracker: the record.
        watch: asked after every row.

    Attributes:
        reason: why training is to end, None while it may go on.
    """

    def __init__(self, tracker: RunTracker, watch: Watch) -> None:
        self.progress, self.print, self.alert = tracker.progress, tracker.print, tracker.alert
        self._tracker, self._watch = tracker, watch
        self.reason: str | None = None

    def log(self, step: int, metrics: dict[str, float]) -> None:
        """Record metrics, then ask."""
        self._tracker.log(step, metrics)
        self.reason = self.reason or self._watch(step)


def run(tool: TrainTool, watch: Watch | None = None) -> int:
    """Train.

    Args:
        tool: resolved.
        watch: may end the training early; the run is then saved and counts as finished, without an evaluation.

    Returns:
        0 when the budget was spent; 130 after Ctrl-C and 143 after SIGTERM, both saved.

    Raises:
        UserError: the run cannot begin or continue as asked.
    """
    prepare_threads()
    with join(choose_device(tool.system.device).type == "cuda") as ranks:
        return _run(tool, watch, ranks)


def _run(tool: TrainTool, watch: Watch | None, ranks: Ranks) -> int:
    """Train as one of several processes, or alone."""
    console = OutputConsole(quiet=not ranks.is_first)
    with StopSignals() as signals:
        tool, start, notes = _begin(tool, ranks)
        run_dir = Path(tool.train_dir) / str(tool.run_name)
        if start.step >= tool.trainer.total_timesteps and not ranks.is_first:
            return 0
        if start.step >= tool.trainer.total_timesteps:
            if not tool.evaluator.at_end or is_evaluated(run_dir, start.step):
                _say_finished(tool, start, console)
                return 0
            print_line(console, f"all {start.step:,} agent steps are done, the evaluation is not")
            device = choose_device(tool.system.device)
            with _open_record(tool, run_dir, start, console) as tracker:
                _evaluate_and_finish(tool, device, tracker, console, start.step)
            print_line(console, f"results: {run_dir}")
            return 0
        print_line(console, "building maps, games and network ...")
        parts = assemble(tool, ranks.count, ranks.rank)
        tool = type(tool).load(
            {**tool.dump(), "policy_architecture": parts.architecture.model_dump(mode="json")}
        )
        if start.checkpoint is not None:
            load_weights(parts.network, start.checkpoint)
        plan = TeacherPlan.from_meta(
            ranks.from_first(_teacher_plan(tool, start).to_meta() if ranks.is_first else None)
        )
        if not ranks.is_first:
            return _train_along(tool, parts, plan, start, signals, ranks)
        for line in [*_describe(tool, parts, plan, start), *notes]:
            print_line(console, line)
        with _open_record(tool, run_dir, start, console) as tracker:
            return _train_and_close(
                tool, parts, plan, start, tracker, signals, console, run_dir, watch, ranks
            )


def _begin(tool: TrainTool, ranks: Ranks) -> tuple[TrainTool, Start, list[str]]:
    """What the first rank finds in the run's folder, and the other ranks are told: configuration and where it starts."""
    start, notes = Start(), list[str]()
    if ranks.is_first:
        run_dir = Path(tool.train_dir) / str(tool.run_name)
        refuse_if_running(run_dir)
        saved = read_saved_config(run_dir)
        if saved is not None:
            tool, notes = continue_from(tool, saved)
        start = _find_start(tool, run_dir)
    told = ranks.from_first([tool.dump(), start.step, start.state is not None])
    if not ranks.is_first:
        values, step, continues = told
        tool = type(tool).load(values)
        # The trainer gets the rest from the first rank.
        start = Start(step, None, TrainerState({}, {}) if continues else None)
    return tool, start, notes


def _open_record(tool: TrainTool, run_dir: Path, start: Start, console: Console) -> RunTracker:
    """Begin or continue the run's record."""
    invocation = current_invocation()
    return open_run(
        run_dir,
        name=str(tool.run_name),
        config=tool.dump(),
        argv=list(invocation.argv),
        recipe=invocation.recipe or tool.type_name(),
        target_steps=tool.trainer.total_timesteps,
        start_step=start.step,
        checkpoint=None if start.checkpoint is None else start.checkpoint.path.as_posix(),
        wandb=tool.wandb,
        display=tool.display,
        seed=tool.system.seed,
        console=console,
    )


def _find_start(tool: TrainTool, run_dir: Path) -> Start:
    """Find what to continue from: this run's newest checkpoint, another run's weights, or nothing."""
    own = latest_checkpoint(run_dir)
    if own is not None:
        checkpoint = load_checkpoint(own)
        state = load_trainer_state(own)
        if state is None:
            raise UserError(
                f"{own} holds weights only, so the run cannot go on from it: the trainer's state is kept with the two "
                f"newest checkpoints of a run. A new run can start from it: run={tool.run_name}-2 "
                f"initial_policy_uri=file://{own}"
            )
        return Start(int(checkpoint.info["agent_step"]), checkpoint, state)
    if tool.initial_policy_uri is None:
        return Start()
    reference = parse_uri(tool.initial_policy_uri)
    if reference.kind not in ("run", "file"):
        raise UserError(
            f"initial_policy_uri={tool.initial_policy_uri} is no checkpoint, so it has no weights to start from. "
            "For example initial_policy_uri=metta://policy/my-run:latest, or file://PATH of a checkpoint."
        )
    checkpoint = load_checkpoint(find_checkpoint(reference, tool.train_dir))
    require_same_game(tool.initial_policy_uri, checkpoint.game(), tool.training_env.game)
    return Start(0, checkpoint)


def _teacher_plan(tool: TrainTool, start: Start) -> TeacherPlan:
    """The plan of the first start, or a new one for a new run.

    Raises:
        UserError: nothing would teach after the teacher has left.
    """
    losses, total = tool.trainer.losses, tool.trainer.total_timesteps
    plan = (
        TeacherPlan.from_losses(losses, total)
        if start.state is None
        else TeacherPlan.from_meta(start.state.meta["plan"])
    )
    check_rest_is_taught(losses, plan.steps, total, tool.run_name)
    return plan


def _describe(tool: TrainTool, parts: Parts, plan: TeacherPlan, start: Start) -> list[str]:
    """What is about to run, in lines to print."""
    game = tool.training_env.game
    lines = [
        f"run {tool.run_name}: {game_of(game).describe(game)}, {parts.sim.max_steps:,} ticks, {game.num_agents} agents, "
        f"seed {tool.system.seed}",
        f"policy_architecture {parts.architecture.kind} ({parts.reason}), {parts.network.num_parameters:,} parameters, "
        f"{parts.precision} on {parts.device.type}"
        + (
            f", products in {parts.matmul_precision} precision"
            if parts.matmul_precision != "highest"
            else ""
        ),
        *parts.geometry.describe(),
        *plan.describe(tool.trainer),
    ]
    if tool.training_env.supervisor_policy_uri is not None:
        lines.append(f"teacher {tool.training_env.supervisor_policy_uri}")
    if start.checkpoint is not None:
        verb = "continues" if start.state is not None else "starts with the weights"
        lines.append(
            f"{verb} from {start.checkpoint.path}"
            + (f", agent step {start.step:,}" if start.step else "")
        )
    return lines


def _train_and_close(
    tool: TrainTool,
    parts: Parts,
    plan: TeacherPlan,
    start: Start,
    tracker: RunTracker,
    signals: StopSignals,
    console: Console,
    run_dir: Path,
    watch: Watch | None,
    ranks: Ranks,
) -> int:
    """Train inside the open record of the run, evaluate, and print the results."""

    def save(
        step: int, iteration: int, score: float | None, final: bool, state: TrainerState
    ) -> dict[str, float]:
        info = {
            "run": tool.run_name,
            "agent_step": step,
            "iteration": iteration,
            "game": tool.training_env.game.model_dump(mode="json"),
            "teacher": tool.training_env.supervisor_policy_uri,
        }
        started = time.perf_counter()
        save_checkpoint(
            run_dir,
            iteration,
            parts.network,
            info,
            state,
            score,
            keep_last=tool.checkpointer.keep_last,
        )
        return {
            "checkpoint/version": float(iteration),
            "checkpoint/seconds": time.perf_counter() - started,
        }

    signals.say = tracker.print
    watched = WatchedTracker(tracker, watch or (lambda step: None))

    def should_stop() -> bool:
        return signals.should_stop() or watched.reason is not None

    trainer = _make_trainer(tool, parts, plan, start, watched, save, should_stop, ranks)
    ended = _train(trainer, parts, signals)
    if ended == "stopped" and not signals.should_stop():
        tracker.finish(0, "finished", watched.reason)
        print_line(console, str(watched.reason))
        return 0
    if ended == "stopped":
        tracker.finish(signals.exit_code, signals.state, "stopped by a signal; saved")
        print_line(
            console, f"stopped at agent step {trainer.counters.agent_step:,}, saved in {run_dir}"
        )
        print_line(console, "the same command goes on from here")
        return signals.exit_code
    _evaluate_and_finish(tool, parts.device, tracker, console, trainer.counters.agent_step)
    print_line(console, f"results: {run_dir}")
    return 0


class _NoRecord:
    """The tracker of ranks other than the first, which keeps the record for all."""

    def log(self, step: int, metrics: dict[str, float]) -> None:
        """Do nothing."""

    def progress(self, phase: str) -> None:
        """Do nothing."""

    def print(self, text: str) -> None:
        """Do nothing."""

    def alert(self, title: str, text: str) -> None:
        """Do nothing."""


def _train_along(
    tool: TrainTool,
    parts: Parts,
    plan: TeacherPlan,
    start: Start,
    signals: StopSignals,
    ranks: Ranks,
) -> int:
    """Train as a rank that keeps no record."""

    def save(
        step: int, iteration: int, score: float | None, final: bool, state: TrainerState
    ) -> None:
        raise AssertionError("only the first rank saves")

    signals.say = lambda text: None
    trainer = _make_trainer(tool, parts, plan, start, _NoRecord(), save, signals.should_stop, ranks)
    _train(trainer, parts, signals)
    return signals.exit_code


def _train(trainer: Trainer, parts: Parts, signals: StopSignals) -> Literal["finished", "stopped"]:
    """Run the loop. A signal that any rank got counts as this one's."""
    with signals.deferred(), matmul_precision(parts.matmul_precision):
        ended = trainer.run()
    if ended == "stopped":
        signals.received = int(trainer.ranks.gather([signals.received or 0]).max()) or None
    return ended


def _make_trainer(
    tool: TrainTool,
    parts: Parts,
    plan: TeacherPlan,
    start: Start,
    tracker: Tracker,
    save: SaveCheckpoint,
    should_stop: Callable[[], bool],
    ranks: Ranks,
) -> Trainer:
    return Trainer(
        tool.trainer,
        parts.geometry,
        plan,
        seed=tool.system.seed,
        sim=parts.sim,
        network=parts.network,
        encoder=parts.encoder,
        teacher=parts.teacher,
        team_facts=parts.team_facts,
        tracker=tracker,
        save=save,
        save_interval_s=tool.checkpointer.interval_s,
        map_pool=parts.pool,
        maps_per_iteration=tool.training_env.map_pool.refresh,
        precision=parts.precision,
        should_stop=should_stop,
        state=start.state,
        ranks=ranks,
    )


def _evaluate_and_finish(
    tool: TrainTool, device: Device, tracker: RunTracker, console: Console, step: int
) -> None:
    """The table at the end. Training itself is over, so what is interrupted here loses nothing."""
    table: Any = None
    if tool.evaluator.at_end:
        tracker.progress("evaluate")
        try:
            results, labels = compare_with_teacher(tool, device, step, tracker.print)
        except KeyboardInterrupt:  # by Ctrl-C or, as its subclass, another signal
            tracker.print("training is done and saved; the same command evaluates it")
            raise
        tracker.log(step, evaluator_metrics(results, labels))
        game = tool.training_env.game
        title = f"{game_of(game).title(game)}, {game.num_agents} agents, held-out maps"
        table = results_table(results, title, labels)
    tracker.finish(0, "finished")
    if table is not None:
        print_table(console, table)
    _print_next(tool, console)


def _say_finished(tool: TrainTool, start: Start, console: Console) -> None:
    """The budget is already spent: say so, and how to extend it."""
    print_line(
        console,
        f"run {tool.run_name} has already made {start.step:,} of {tool.trainer.total_timesteps:,} agent steps; "
        "a larger trainer.total_timesteps extends it",
    )
    _print_next(tool, console)


def _print_next(tool: TrainTool, console: Console) -> None:
    print_line(console, "next:")
    for line in next_commands(tool):
        print_line(console, f"  {line}")
