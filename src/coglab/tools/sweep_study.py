"""The record that the workers of a sweep share: one SQLite file in the sweep's folder.

Every change is one transaction that takes the file's write lock first, so that two workers never get the same trial,
and a kill leaves either all of a change or nothing. A trial whose worker is gone is given out again; its run then goes
on from its own checkpoint.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from coglab.config import UserError
from coglab.config.layers import show_value
from coglab.tools.resume import first_difference
from coglab.tools.sweep_space import Point
from coglab.tracking.processes import ProcessIdentity, is_alive, this_process

STUDY_FILE = "sweep.sqlite"

BEAT_S = 10.0
SILENCE_S = 60.0
"""A worker on another machine counts as gone after this long without a beat."""

LOCK_TIMEOUT_S = 60.0

State = Literal["waiting", "running", "finished", "pruned", "failed"]

ENDED: tuple[State, ...] = ("finished", "pruned", "failed")

_TABLES = """
create table if not exists study (definition text not null);
create table if not exists trials (
    number integer primary key, point text not null, state text not null, owner text, beat real,
    step integer, value real, message text, asked integer
);
create table if not exists reports (
    number integer not null, step integer not null, value real not null, primary key (number, step)
);
"""


@dataclass(frozen=True)
class Trial:
    """One trial as it stands.

    Attributes:
        number: from 0.
        point: the values of the space's keys.
        state: `waiting` trials were begun and set aside.
        step: agent steps at its end, None before.
        value: its score, None if it has none (yet).
        message: why it was pruned or failed.
        asked: number of the trial in Optuna's own study, None without Optuna.
    """

    number: int
    point: Point
    state: State
    step: int | None = None
    value: float | None = None
    message: str | None = None
    asked: int | None = None


class Study:
    """Opens or creates the record.

    Args:
        folder: the sweep's folder; created if absent.
        definition: what makes two starts the same sweep, JSON-able.
        name: the sweep, for messages.

    Raises:
        UserError: the folder holds another sweep, or cannot be written.
    """

    def __init__(self, folder: Path, definition: dict[str, Any], name: str) -> None:
        self._mutex = threading.Lock()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._file = sqlite3.connect(
                folder / STUDY_FILE,
                timeout=LOCK_TIMEOUT_S,
                isolation_level=None,
                check_same_thread=False,
            )
            self._file.executescript(_TABLES)
        except (OSError, sqlite3.Error) as error:
            raise UserError(
                f"the sweep's record {folder / STUDY_FILE} cannot be used ({error}). Choose a folder that can be written "
                "with base.train_dir=FOLDER, or give the sweep another name."
            ) from None
        self._begin(json.loads(json.dumps(definition)), name)

    def _begin(self, definition: dict[str, Any], name: str) -> None:
        with self._transaction() as file:
            row = file.execute("select definition from study").fetchone()
            if row is None:
                file.execute("insert into study values (?)", (json.dumps(definition),))
                return
        saved = json.loads(row[0])
        if saved != definition:
            key, was, now = first_difference("", saved, definition)
            raise UserError(
                f"sweep `{name}` was begun with {key.lstrip('.')}={show_value(was)}, now "
                f"{key.lstrip('.')}={show_value(now)} is given. A sweep keeps this; use another name, "
                f"for example run={name}-2."
            )

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._mutex:
            self._file.execute("begin immediate")
            try:
                yield self._file
            except BaseException:
                self._file.execute("rollback")
                raise
            self._file.execute("commit")

    def trials(self) -> list[Trial]:
        """All trials that were begun, by number."""
        with self._mutex:
            return self._trials()

    def _trials(self) -> list[Trial]:
        rows = self._file.execute(
            "select number, point, state, step, value, message, asked from trials order by number"
        )
        return [Trial(row[0], json.loads(row[1]), *row[2:]) for row in rows.fetchall()]

    def claim(
        self, suggest: Callable[[int, Sequence[Trial]], tuple[Point, int | None] | None]
    ) -> Trial | None:
        """Take a trial: one that was set aside, one whose worker is gone, or a new one.

        Args:
            suggest: called with the next number and all trials so far while no other worker can begin one; returns the
                point (and Optuna's number of it), or None if there are to be no more.

        Returns:
            The trial, now this process's, or None.
        """
        me = json.dumps(this_process().as_dict())
        with self._transaction() as file:
            trials = self._trials()
            rows = file.execute("select number, owner, beat from trials where state = 'running'")
            gone = {number for number, owner, beat in rows if not _is_held(owner, beat)}
            free = next((t for t in trials if t.state == "waiting" or t.number in gone), None)
            if free is None:
                suggested = suggest(len(trials), trials)
                if suggested is None:
                    return None
                point, asked = suggested
                free = Trial(len(trials), point, "waiting", asked=asked)
                file.execute(
                    "insert into trials (number, point, state, asked) values (?, ?, 'waiting', ?)",
                    (free.number, json.dumps(point), asked),
                )
            file.execute(
                "update trials set state = 'running', owner = ?, beat = ? where number = ?",
                (me, time.time(), free.number),
            )
        return free

    def set_aside(self, number: int) -> None:
        """Give a trial back unfinished."""
        with self._transaction() as file:
            file.execute(
                "update trials set state = 'waiting', owner = null where number = ?", (number,)
            )

    def end(
        self,
        number: int,
        state: State,
        step: int | None,
        value: float | None,
        message: str | None = None,
    ) -> None:
        """Record how a trial ended."""
        with self._transaction() as file:
            file.execute(
                "update trials set state = ?, owner = null, step = ?, value = ?, message = ? where number = ?",
                (state, step, value, message, number),
            )

    def report(self, number: int, step: int, value: float) -> list[float]:
        """Record a trial's score at one of the budgets at which trials are compared.

        Args:
            number: the trial.
            step: the budget, agent steps.
            value: its score there.

        Returns:
            The scores of all trials that have one at this budget, this one's included.
        """
        with self._transaction() as file:
            file.execute("insert or replace into reports values (?, ?, ?)", (number, step, value))
            rows = file.execute("select value from reports where step = ?", (step,)).fetchall()
        return [row[0] for row in rows]

    def reports(self, number: int) -> dict[int, float]:
        """A trial's scores at the budgets that it has passed."""
        with self._mutex:
            rows = self._file.execute("select step, value from reports where number = ?", (number,))
            return dict(rows.fetchall())

    @contextlib.contextmanager
    def beating(self, number: int) -> Iterator[None]:
        """Show other machines that this process still works on a trial, for as long as this lasts."""
        done = threading.Event()

        def beat() -> None:
            while not done.wait(BEAT_S):
                with contextlib.suppress(sqlite3.Error), self._transaction() as file:
                    file.execute(
                        "update trials set beat = ? where number = ?", (time.time(), number)
                    )

        thread = threading.Thread(target=beat, name="sweep-heartbeat", daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join(timeout=LOCK_TIMEOUT_S)

    def close(self) -> None:
        """Close the file."""
        with self._mutex:
            self._file.close()


def _is_held(owner: str | None, beat: float | None) -> bool:
    """Whether the worker that took a trial still works on it."""
    process = ProcessIdentity.from_dict(json.loads(owner)) if owner else None
    if process is None or process == this_process():
        return False  # a worker has one trial at a time, so one of its own is left over
    alive = is_alive(process)
    return alive if alive is not None else time.time() - (beat or 0.0) < SILENCE_S
