"""One process per run: a lock that a dead owner loses by itself."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from coglab.config.errors import UserError
from coglab.tracking.processes import ProcessIdentity, is_alive, this_process

LOCK_FILE = ".lock"

OTHER_HOST_SILENCE_S = 60.0
"""A run on another machine counts as dead after this long without a heartbeat (they come every 10 s)."""


class RunLock:
    """The lock of one run directory.

    The file names the owner; it is the owner's being alive that counts, not the file. A kernel lock would be simpler
    but is inherited by child processes, so that a forgotten child would keep a dead run locked. It is held only
    while the file is looked at and written.

    Args:
        run_dir: the run directory; it exists.
        heartbeat_age: says how many seconds ago the run gave its last sign of life, None if that is not known.
    """

    def __init__(self, run_dir: Path, heartbeat_age: Callable[[], float | None]) -> None:
        self._path = run_dir / LOCK_FILE
        self._name = run_dir.name
        self._heartbeat_age = heartbeat_age
        self._owned = False

    def acquire(self) -> ProcessIdentity | None:
        """Take the lock.

        Returns:
            The dead process that had not given it back, or None if it was free.

        Raises:
            UserError: if another process trains this run; names its number and machine.
        """
        with self._opened() as file:
            owner = _owner(file.read())
            self._refuse_if_held(owner)
            file.seek(0)
            file.truncate()
            file.write(json.dumps(this_process().as_dict()))
        self._owned = True
        return owner

    def check(self) -> None:
        """Look whether the lock could be taken now, without taking it.

        Raises:
            UserError: as `acquire`.
        """
        if self._path.exists():
            with self._opened() as file:
                self._refuse_if_held(_owner(file.read()))

    def release(self) -> None:
        """Give the lock back. Does nothing if it is not ours."""
        if not self._owned:
            return
        self._owned = False
        with contextlib.suppress(OSError), self._opened() as file:
            if _owner(file.read()) == this_process():
                file.seek(0)
                file.truncate()

    def _refuse_if_held(self, owner: ProcessIdentity | None) -> None:
        if owner is None or not self._holds(owner):
            return
        where = f"process {owner.pid} on {owner.host}"
        age = self._heartbeat_age()
        sign = "" if age is None else f" (last sign of life {max(age, 0):.0f} s ago)"
        raise UserError(
            f"run `{self._name}` is being trained by {where}{sign}. "
            f"Stop that process first, or choose another name, for example run={self._name}-2."
        )

    def _holds(self, owner: ProcessIdentity) -> bool:
        """Whether a recorded owner is still at work."""
        alive = is_alive(owner)
        if alive is None:
            age = self._heartbeat_age()
            return age is not None and age < OTHER_HOST_SILENCE_S
        return alive

    @contextlib.contextmanager
    def _opened(self) -> Iterator[IO[str]]:
        """The lock file, open for reading and writing, and nobody else's for that long."""
        with open(self._path, "a+", encoding="utf-8") as file:
            try:
                import fcntl

                fcntl.flock(file, fcntl.LOCK_EX)
            except (ImportError, OSError):
                pass  # no such locks on this system or file system: two starts in the same millisecond may collide
            file.seek(0)
            yield file


def _owner(text: str) -> ProcessIdentity | None:
    """The process that a lock file names."""
    try:
        data = json.loads(text)
    except ValueError:
        return None
    return ProcessIdentity.from_dict(data) if isinstance(data, dict) else None
