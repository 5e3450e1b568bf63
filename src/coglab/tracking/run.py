"""One run's record while it goes on: ledger, W&B, terminal and machine together."""

from __future__ import annotations

import os
import traceback
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from coglab.config.errors import Terminated, UserError
from coglab.tracking.alerts import TargetAlerts
from coglab.tracking.config import DisplayConfig, WandbConfig
from coglab.tracking.display import Display, PlainDisplay, open_display
from coglab.tracking.ledger import Ledger
from coglab.tracking.monitor import SystemMonitor
from coglab.tracking.names import STEP_METRIC, check_name, find_metric
from coglab.tracking.run_view import RunView
from coglab.tracking.wandb_sink import WandbSink, open_wandb

if TYPE_CHECKING:
    from rich.console import Console

STRICT_VARIABLE = "COGLAB_STRICT_METRICS"
"""Set to 1 (tests do), a metric that is not in the table is an error instead of a warning."""

_TAIL_LINES = 20


class RunTracker:
    """Where metrics and messages of a run go. Made by `open_run`; a context manager that records how the run ends.

    No method raises into the training loop, except for unknown metrics under `COGLAB_STRICT_METRICS=1`.

    Attributes:
        run_dir: the run directory.
        wandb: the W&B run, None if there is none.
    """

    def __init__(self, run_dir: Path, display: Display, ledger: Ledger) -> None:
        self.run_dir = run_dir
        self.wandb: WandbSink | None = None
        self._display = display
        self._ledger = ledger
        self._monitor = SystemMonitor()
        self._alerts = TargetAlerts()
        self._is_strict = os.environ.get(STRICT_VARIABLE) == "1"
        self._unknown: set[str] = set()
        self._is_finished = False

    def __enter__(self) -> RunTracker:
        """The tracker itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Record how the block ended, unless `finish` was called before."""
        state, exit_code, message = _end_of(error)
        self._finish(exit_code, state, message, error if state == "failed" else None)

    def log(self, step: int, metrics: dict[str, float]) -> None:
        """Record metrics.

        Args:
            step: agent step; also logged as `metric/agent_step`.
            metrics: name -> number; names as in `names.py`.
        """
        self._check(metrics)
        row = {STEP_METRIC: step, **metrics, **self._monitor.sample()}
        self._ledger.log(step, row)
        if self.wandb is not None:
            self.wandb.log(row)
        self._display.update(step, row)
        for alert in self._alerts.update(step, metrics):
            self._display.print(f"attention: {alert.text}")
            if self.wandb is not None:
                self.wandb.alert(alert.title, alert.text)

    def progress(self, phase: str) -> None:
        """Say what is being done; a sign that the run moves."""
        self._ledger.progress(phase)
        self._display.progress(phase)

    def print(self, text: str) -> None:
        """Print a line above the live display."""
        self._display.print(text)

    def alert(self, title: str, text: str) -> None:
        """Print a line, and raise an alert in W&B, which can send a mail.

        Args:
            title: a few words.
            text: a sentence or two.
        """
        self._display.print(f"warning: {text}")
        if self.wandb is not None:
            self.wandb.alert(title, text)

    def summary(self, **values: float | str | None) -> None:
        """Record facts about the run as a whole, for example `best="v12"`; later ones replace earlier ones."""
        self._ledger.update(summary=values)
        if self.wandb is not None:
            self.wandb.summary(values)

    def finish(self, exit_code: int, state: str, message: str | None = None) -> None:
        """Record the end. Later calls do nothing.

        Args:
            exit_code: what the process will exit with.
            state: `finished`, `failed`, `interrupted` or `terminated`.
            message: one sentence.
        """
        self._finish(exit_code, state, message, None)

    def _finish(
        self, exit_code: int, state: str, message: str | None, error: BaseException | None
    ) -> None:
        if self._is_finished:
            return
        self._is_finished = True
        crash = None if error is None else _crash(error)
        try:
            self._display.close()
        finally:
            self._ledger.finish(state, exit_code, message=message, crash=crash)
        if self.wandb is not None:
            self.wandb.finish(exit_code)
            if self.wandb.url is not None:
                self._display.print(f"W&B: {self.wandb.url}")

    def _check(self, metrics: dict[str, float]) -> None:
        """Look for names that the table does not have."""
        for name in metrics:
            if name in self._unknown or find_metric(name) is not None:
                continue
            if self._is_strict:
                check_name(name)
            self._unknown.add(name)
            self.print(f"metric {name} is not in the table of metrics; it is logged all the same")


def open_run(
    run_dir: Path,
    *,
    name: str,
    config: dict[str, Any],
    argv: list[str],
    recipe: str,
    target_steps: int,
    start_step: int = 0,
    checkpoint: str | None = None,
    wandb: WandbConfig | None = None,
    display: DisplayConfig | None = None,
    project: str | None = None,
    seed: int | None = None,
    console: Console | None = None,
) -> RunTracker:
    """Begin or continue the record of a run and show it on the terminal.

    Args:
        run_dir: `train_dir/<run>`; created if absent.
        name: the run.
        config: the effective configuration, JSON-able.
        argv: the command line.
        recipe: what was started.
        target_steps: budget in agent steps.
        start_step: agent step of the weights that are continued; 0 for new ones.
        checkpoint: where those weights come from.
        wandb: the W&B sink; left out, none.
        display: the terminal; left out, chosen by what the output is.
        project: what the run belongs to; left out, W&B's project.
        seed: the run's seed.
        console: where the display goes; left out, standard output.

    Returns:
        The open record.

    Raises:
        UserError: if another process trains this run, the directory cannot be written, or W&B is asked for explicitly
            and is not installed.
    """
    wandb = wandb if wandb is not None else WandbConfig(mode="disabled")
    display = display if display is not None else DisplayConfig()
    facts = {
        "name": name,
        "project": project if project is not None else wandb.project,
        "entity": wandb.entity,
        "group": wandb.group,
        "tags": list(wandb.tags),
        "notes": wandb.notes,
        "argv": list(argv),
        "recipe": recipe,
        "seed": seed,
        "step_metric": STEP_METRIC,
        "target_steps": target_steps,
    }
    early: list[str] = []  # until there is a display
    say = early.append
    ledger = Ledger(
        run_dir,
        facts,
        config,
        start_step=start_step,
        checkpoint=checkpoint,
        warn=lambda text: say(text),
    )
    shown = open_display(display, RunView(name, recipe, target_steps, start_step), console=console)
    tracker = RunTracker(run_dir, shown, ledger)
    say = shown.print
    for text in early:
        say(text)
    try:
        tracker.wandb = open_wandb(
            wandb,
            run_dir,
            name=name,
            run_config=config,
            # W&B would keep every frame of the dashboard.
            capture_console=isinstance(shown, PlainDisplay),
            say=shown.print,
        )
    except BaseException as error:
        tracker.__exit__(type(error), error, error.__traceback__)
        raise
    if tracker.wandb is not None:
        ledger.update(wandb=tracker.wandb.describe())
    return tracker


def _end_of(error: BaseException | None) -> tuple[str, int, str | None]:
    """State, exit code and sentence for the exception that ended a run."""
    if error is None:
        return "finished", 0, None
    if isinstance(error, Terminated):  # a kind of KeyboardInterrupt
        return "terminated", error.exit_code, str(error)
    if isinstance(error, KeyboardInterrupt):
        return "interrupted", 130, "stopped by Ctrl-C"
    if isinstance(error, SystemExit):
        code = error.code if isinstance(error.code, int) else 0 if error.code is None else 1
        return ("finished" if code == 0 else "failed"), code, None
    return "failed", 2 if isinstance(error, UserError) else 1, f"{type(error).__name__}: {error}"


def _crash(error: BaseException) -> dict[str, Any]:
    """What the ledger keeps of an exception."""
    lines = "".join(traceback.format_exception(error)).splitlines()
    return {"class": type(error).__name__, "message": str(error), "tail": lines[-_TAIL_LINES:]}
