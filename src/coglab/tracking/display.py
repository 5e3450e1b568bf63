"""The terminal while a run goes on: a live dashboard, or one plain line now and then. Never both, never in the way.

No method raises: a terminal that goes away ends the display, not the run.
"""

from __future__ import annotations

import contextlib
import math
import os
import time
from collections.abc import Callable, Mapping
from typing import Protocol

from rich import box as boxes
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from coglab.tracking.config import DisplayConfig
from coglab.tracking.run_view import WATCHED, RunView
from coglab.tracking.text import format_count, format_duration, format_number, sparkline

_REFRESH_PER_S = 2
_STYLE = {"good": "green", "attention": "yellow", "neutral": "dim"}

_LOSSES = (
    ("policy", "losses/policy_loss"),
    ("value", "losses/value_loss"),
    ("entropy", "losses/entropy"),
    ("cloning", "losses/supervised_action_loss"),
    ("explained variance", "losses/explained_variance"),
    ("gradient", "grad/norm"),
    ("learning rate", "hyperparameters/learning_rate"),
)
_SHARES = (
    ("teacher-led", "teacher/teacher_led_share"),
    ("student-led", "teacher/student_led_share"),
    ("PPO", "teacher/ppo_share"),
    ("student agrees with its teacher", "losses/supervised_accuracy_student_led"),
)


class OutputConsole(Console):
    """Standard output. When its reader goes away (`... | head`), the run goes on without it."""

    def on_broken_pipe(self) -> None:
        """Print no more. The inherited method would end the process."""
        self.quiet = True
        with contextlib.suppress(OSError, ValueError):
            # Python writes what is left in its buffer when it exits; that must not fail either.
            os.dup2(os.open(os.devnull, os.O_WRONLY), self.file.fileno())


class Display(Protocol):
    """What a run shows itself on."""

    def update(self, step: int, metrics: Mapping[str, float]) -> None:
        """Show one logged row."""

    def progress(self, phase: str) -> None:
        """Show what the run is doing now."""

    def print(self, text: str) -> None:
        """Print a line of its own, above what is live."""

    def close(self) -> None:
        """Leave the terminal as it was; later calls of `print` still print."""


def open_display(
    config: DisplayConfig, view: RunView, *, console: Console | None = None
) -> Display:
    """Choose and start a display.

    Args:
        config: mode and interval.
        view: collects what is shown.
        console: where to; left out, standard output.

    Returns:
        A live dashboard on a terminal, plain lines elsewhere (no terminal, `CI` set, `TERM=dumb`), or none.
    """
    console = console if console is not None else OutputConsole()
    mode = config.mode
    if mode == "auto":
        is_live = console.is_terminal and not console.is_dumb_terminal and not os.environ.get("CI")
        mode = "rich" if is_live else "plain"
    if mode == "rich":
        return LiveDisplay(view, console)
    return PlainDisplay(view, console, config.interval_s if mode == "plain" else math.inf)


class PlainDisplay:
    """One line at the first row and then every `interval_s`; with an infinite interval only what is printed.

    Args:
        view: collects what is shown.
        console: where to.
        interval_s: seconds between lines.
    """

    def __init__(
        self,
        view: RunView,
        console: Console,
        interval_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.view = view
        self._console = console
        self._interval_s = interval_s
        self._clock = clock
        self._next = 0.0 if math.isfinite(interval_s) else math.inf
        self._shown_step: int | None = None

    def update(self, step: int, metrics: Mapping[str, float]) -> None:
        """Show one logged row, if it is time."""
        self.view.update(step, metrics)
        now = self._clock()
        if now >= self._next:
            self._next = now + self._interval_s
            self._line()

    def progress(self, phase: str) -> None:
        """Remember the phase; plain lines do not show it."""
        self.view.phase = phase

    def print(self, text: str) -> None:
        """Print a line."""
        print_line(self._console, text)

    def close(self) -> None:
        """Show the last row, if it has not been."""
        if math.isfinite(self._interval_s) and self.view.latest:
            self._line()
        self._interval_s = math.inf

    def _line(self) -> None:
        if self.view.step != self._shown_step:
            self._shown_step = self.view.step
            print_line(self._console, plain_line(self.view))


def plain_line(view: RunView) -> str:
    """The state of a run in one line."""
    parts = [
        f"{100 * view.share_done():5.1f} %",
        f"{format_count(view.step)} of {format_count(view.target_steps)} steps",
    ]
    rate = view.rate()
    if math.isfinite(rate):
        parts.append(f"{format_count(rate)} steps/s")
        parts.append(f"{format_duration(view.seconds_left())} left")
    parts += [
        f"{_short_name(name)} {format_number(view.latest[name])}"
        for name in WATCHED
        if name in view.latest
    ]
    led = view.latest.get("teacher/teacher_led_share", 0.0)
    led += view.latest.get("teacher/student_led_share", 0.0)
    if led:
        parts.append(f"taught {100 * led:.0f} %")
    return " | ".join(parts)


class LiveDisplay:
    """A dashboard that is drawn in place, twice a second.

    Args:
        view: collects what is shown.
        console: a terminal.
    """

    def __init__(self, view: RunView, console: Console) -> None:
        self.view = view
        self._console = console
        self._live: Live | None = Live(
            get_renderable=lambda: dashboard(view, console),
            console=console,
            refresh_per_second=_REFRESH_PER_S,
            vertical_overflow="ellipsis",
        )
        try:
            self._live.start()
        except Exception:  # a terminal that cannot be drawn on
            self._live = None

    def update(self, step: int, metrics: Mapping[str, float]) -> None:
        """Take in one logged row; it is drawn with the next refresh."""
        self.view.update(step, metrics)

    def progress(self, phase: str) -> None:
        """Show what the run is doing now."""
        self.view.phase = phase

    def print(self, text: str) -> None:
        """Print a line above the dashboard."""
        print_line(self._console, text)

    def close(self) -> None:
        """Draw once more, leave the dashboard on the screen and give the terminal back."""
        live, self._live = self._live, None
        if live is not None:
            try:
                live.stop()
            except Exception:  # the terminal is gone; nothing is left to give back
                return


def dashboard(view: RunView, console: Console) -> RenderableType:
    """The live display as a rich renderable.

    Args:
        view: what to show.
        console: tells the width and which characters it knows.
    """
    ascii_only = "utf" not in console.encoding.lower()
    passed = time.monotonic() - view.started
    head = Table.grid(padding=(0, 2), expand=True)
    head.add_column(ratio=1)
    head.add_column(no_wrap=True)
    done = f"{100 * view.share_done():.1f} %  {format_count(view.step)} of {format_count(view.target_steps)} steps"
    times = f"{format_duration(passed)} passed, {format_duration(view.seconds_left())} left"
    head.add_row(
        ProgressBar(total=1.0, completed=view.share_done()), Text(f"{done}  {times}", no_wrap=True)
    )

    lines: list[RenderableType] = [head]
    rate = view.rate()
    if math.isfinite(rate):
        shares = "  ".join(
            f"{name} {100 * share:.0f} %" for name, share in view.phase_shares().items()
        )
        lines.append(Text.assemble((f"{format_count(rate)} steps/s", "bold"), "   ", shares))

    curves = Table.grid(padding=(0, 2))
    curves.add_column(no_wrap=True)
    curves.add_column(justify="right", no_wrap=True)
    curves.add_column(no_wrap=True)
    curves.add_column(no_wrap=True)
    width = max(8, min(32, console.width - 72))
    for name in view.watched():
        value = view.latest.get(name)
        mark, words = view.judge(name)
        curves.add_row(
            name,
            Text("-" if value is None else format_number(value), style="bold"),
            sparkline(view.curves[name].points, width, ascii_only=ascii_only),
            Text(words, style=_STYLE[mark]),
        )
    lines += [Text(), curves, Text()]
    if view.latest.get("teacher/ppo_share", 1.0) < 1.0:
        shown = [
            f"{label} {100 * view.latest[name]:.0f} %"
            for label, name in _SHARES
            if name in view.latest
        ]
        lines.append(Text("  ".join(["rows:", *shown])))
    losses = [
        f"{label} {format_number(view.latest[name])}"
        for label, name in _LOSSES
        if name in view.latest
    ]
    if losses:
        lines.append(Text("  ".join(losses)))
    machine = _machine(view)
    if machine:
        lines.append(Text(machine, style="dim"))
    title = Text.assemble((view.name, "bold"), f"  {view.recipe}  ", (view.phase, "cyan"))
    box = boxes.ASCII if ascii_only else boxes.ROUNDED
    return Panel(Group(*lines), title=title, title_align="left", box=box)


def _machine(view: RunView) -> str:
    """Processor, memory, GPU and the newest checkpoint."""
    latest, parts = view.latest, []
    if "monitor/cpu_percent" in latest:
        parts.append(f"cpu {latest['monitor/cpu_percent']:.0f} %")
    if "monitor/memory_gb" in latest:
        text = f"memory {latest['monitor/memory_gb']:.1f} GB"
        if "monitor/memory_percent" in latest:
            text += f" ({latest['monitor/memory_percent']:.0f} %)"
        parts.append(text)
    if "ranks/count" in latest:
        rates = [
            value
            for name, value in latest.items()
            if name.startswith("ranks/") and name.endswith("/sps")
        ]
        parts.append(
            f"{latest['ranks/count']:.0f} processes: {format_count(min(rates))} to {format_count(max(rates))} steps/s "
            f"each, waiting {100 * latest['ranks/wait']:.0f} %, memory {latest['ranks/memory_gb']:.1f} GB together"
        )
    if "monitor/gpu0/utilization_percent" in latest:
        parts.append(f"gpu {latest['monitor/gpu0/utilization_percent']:.0f} %")
    if "monitor/gpu0/memory_gb" in latest:
        parts.append(f"gpu memory {latest['monitor/gpu0/memory_gb']:.1f} GB")
    if "checkpoint/version" in latest:
        parts.append(f"checkpoint v{latest['checkpoint/version']:.0f}")
    return "  ".join(parts)


def _short_name(name: str) -> str:
    """`env_agent/heart.gained` -> `heart.gained`."""
    return name.rpartition("/")[2]


def print_line(console: Console, text: str) -> None:
    """Print text as it is, brackets and long lines included; a closed output is no reason to stop training.

    Args:
        console: where to.
        text: without the newline.
    """
    try:
        console.print(text, markup=False, highlight=False, soft_wrap=True)
        console.file.flush()
    except (OSError, ValueError):  # the terminal is gone, the file is closed
        console.quiet = True
