"""What the tool `play` does: a loop of showing, waiting for a key, and playing a tick."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.live import Live

from coglab.config import UserError
from coglab.evaluation.recording import Episode, make_cast
from coglab.policies.uris import load_policy
from coglab.replay import file as replay_file
from coglab.replay.live import LiveViewer
from coglab.replay.viewer import page
from coglab.tools.keyboard import Keyboard
from coglab.tools.play_screen import LOOKS, Screen
from coglab.tracking.display import print_line
from coglab.training.device import choose_device, prepare_threads

if TYPE_CHECKING:
    from coglab.tools.play import PlayTool

ReadKey = Callable[[float | None], str | None]
"""Waits for a key for so many seconds (None: for ever); None if there was none."""


class Game:
    """The loop, free of terminals: keys come from a function, screens go to a function.

    Args:
        episode: what is played.
        drive: the agent that the person drives, None to watch.
        ticks_per_s: speed while nobody is waited for.
        lock: held while a tick is played.
    """

    def __init__(
        self,
        episode: Episode,
        drive: int | None,
        ticks_per_s: float,
        lock: contextlib.AbstractContextManager[object] | None = None,
    ) -> None:
        self.episode = episode
        self.drive = drive
        self.looked_at = drive or 0
        self.is_auto = drive is None
        self._pause_s = 1 / ticks_per_s
        self._lock = lock or contextlib.nullcontext()
        self._message = ""
        self._look = LOOKS[episode.sim.config.kind]

    def screen(self, columns: int = 150, lines: int = 40) -> Screen:
        """Make what is to be shown now.

        Args:
            columns: width of the terminal.
            lines: its height.
        """
        advice = teacher = None
        if not self.is_auto and self.drive is not None:
            decision = self.episode.decide()
            advice = int(decision.actions[self.drive])
            labels = decision.thoughts.teacher
            teacher = None if labels is None else int(labels[self.drive])
        return Screen(
            sim=self.episode.sim,
            looked_at=self.looked_at,
            driven=self.drive,
            is_auto=self.is_auto,
            advice=advice,
            teacher=teacher,
            message=self._message,
            **Screen.fitting(columns, lines),  # type: ignore[arg-type]
        )

    def play(self, read_key: ReadKey, show: Callable[[], None]) -> None:
        """Play until the episode is over or the person quits.

        Args:
            read_key: where keys come from.
            show: called whenever something has changed.
        """
        show()
        while not self.episode.is_over:
            key = read_key(self._pause_s if self.is_auto else None)
            if key == "q":
                return
            self._obey(key)
            show()

    def _obey(self, key: str | None) -> None:
        """Do what a key says."""
        if key in ("[", "]"):
            step = 1 if key == "]" else -1
            self.looked_at = (self.looked_at + step) % self.episode.sim.num_agents
        elif key == "r" and self.drive is not None:
            self.is_auto = not self.is_auto
            self.looked_at = self.drive
            self._message = "the policy drives" if self.is_auto else "you drive"
        elif self.is_auto:
            if key is None:  # keys for driving mean nothing while the policy drives
                self._tick(None)
        elif key == "t":
            self._tick(None)
        elif (action := self._look.action_of_key(key or "")) is not None:
            self._tick(action)
        else:
            self._message = f"{key!r} does nothing"

    def _tick(self, action: int | None) -> None:
        driven = {} if action is None or self.drive is None else {self.drive: action}
        with self._lock:
            self.episode.tick(driven=driven)
        sim = self.episode.sim
        if self.drive is None:
            return
        name = sim.action_names[int(sim.actions[self.drive])]
        outcome = "" if sim.success[self.drive] else ": that did not work"
        self._message = "" if self.is_auto else f"{name}{outcome}"


def make_episode(tool: PlayTool) -> Episode:
    """Set up the episode that a tool describes.

    Args:
        tool: resolved.
    """
    device = choose_device(tool.system.device)
    game = tool.game
    note = "" if tool.drive is None else f"agent {tool.drive} was driven by a person"
    return Episode(
        game,
        make_cast(tool.policy_uris, tool.policy_of_role, game),
        lambda uri: load_policy(uri, Path(tool.train_dir), device=str(device)),
        map_seed=tool.map_seed,
        seed=tool.seed,
        mode=tool.mode,
        teacher_uri=tool.teacher_uri,
        note=note,
    )


def run(tool: PlayTool) -> int:
    """Play, and write the replay if one is wanted.

    Args:
        tool: resolved.

    Returns:
        0.

    Raises:
        UserError: there is no terminal to drive from.
    """
    prepare_threads()
    console, log = Console(), Console(stderr=True)
    has_terminal = sys.stdin.isatty() and console.is_terminal
    if tool.drive is not None and not has_terminal:
        raise UserError(
            f"`drive={tool.drive}` needs a terminal. `drive=null serve=true` plays without one and shows the episode in "
            "a browser; `cogsguard.replay` records it."
        )
    episode = make_episode(tool)
    viewer = None
    if tool.serve:
        viewer = LiveViewer(
            lambda: episode.recorder.steps, episode.recorder.document, port=tool.port
        )
        print_line(log, f"watch at {viewer.address}")
    game = Game(episode, tool.drive, tool.ticks_per_s, viewer.lock if viewer else None)
    try:
        if has_terminal:
            _play_in_terminal(game, console)
        else:
            game.play(_nobody(), lambda: None)
    finally:
        if tool.out is not None:
            _write(episode, tool.out, log)
        if viewer is not None:
            viewer.close()
    sim = episode.sim
    print_line(
        log,
        f"{episode.recorder.steps:,} ticks, reward {float(sim.state.episode_return.mean()):.4f} per agent",
    )
    return 0


def _play_in_terminal(game: Game, console: Console) -> None:
    keyboard = Keyboard()
    with _screen(console) as live, keyboard.raw(), contextlib.suppress(EOFError):

        def show() -> None:
            live.update(game.screen(console.width, console.height).render(), refresh=True)

        game.play(keyboard.read, show)


@contextlib.contextmanager
def _screen(console: Console) -> Iterator[Live]:
    with Live(console=console, screen=True, auto_refresh=False) as live:
        yield live


def _nobody() -> ReadKey:
    """Return a keyboard that nobody types on."""

    def read(timeout_s: float | None) -> None:
        time.sleep(timeout_s or 0)

    return read


def _write(episode: Episode, out: str, log: Console) -> None:
    base = out.removesuffix(replay_file.SUFFIX).removesuffix(".html")
    data = replay_file.pack(episode.recorder.document())
    replay_file.write(f"{base}{replay_file.SUFFIX}", data)
    replay_file.write(f"{base}.html", page([data]))
    print_line(log, f"written: {base}{replay_file.SUFFIX}, {base}.html")
