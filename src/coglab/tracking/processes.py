"""Who a process is, so that a record of it can be told from another process with the same number."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class ProcessIdentity:
    """One process on one machine since one boot.

    Attributes:
        host: name of the machine.
        pid: its number there. Numbers are used again, hence the rest.
        process_start: when it started, in the system's own notation, or None where that is not known.
        boot_id: which boot of the machine, or None where that is not known.
        pid_namespace: which set of process numbers (containers have their own), or None where that is not known.
    """

    host: str
    pid: int
    process_start: str | None
    boot_id: str | None
    pid_namespace: str | None

    def as_dict(self) -> dict[str, Any]:
        """The identity as JSON-able data."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> ProcessIdentity | None:
        """Read what `as_dict` wrote; None if it is something else."""
        host, pid = data.get("host"), data.get("pid")
        if not isinstance(host, str) or not isinstance(pid, int):
            return None
        return cls(
            host, pid, data.get("process_start"), data.get("boot_id"), data.get("pid_namespace")
        )


def this_process() -> ProcessIdentity:
    """The identity of the calling process."""
    pid = os.getpid()
    return ProcessIdentity(
        socket.gethostname(),
        pid,
        _start_of(pid),
        _read("/proc/sys/kernel/random/boot_id"),
        _namespace(),
    )


def is_alive(process: ProcessIdentity) -> bool | None:
    """Whether a recorded process still runs.

    Returns:
        True or False if it ran on this machine; None if it ran where we cannot look.
    """
    me = this_process()
    if process.host != me.host:
        return None
    if process.boot_id != me.boot_id:
        return False
    if process.pid_namespace != me.pid_namespace:
        return None
    try:
        os.kill(process.pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # it exists and is another user's
    start = _start_of(process.pid)
    if start is None:
        return False
    return process.process_start is None or start == process.process_start


def _start_of(pid: int) -> str | None:
    """When a process started; None if there is none or it is a zombie."""
    if sys.platform.startswith("linux"):
        text = _read(f"/proc/{pid}/stat")
        if text is None:
            return None
        # The second field is the command in parentheses and may contain anything, so count from the last one.
        fields = text.rpartition(")")[2].split()
        return None if fields[0] in "ZX" else fields[19]
    try:
        shown = subprocess.run(
            ["ps", "-o", "lstart=", "-p", str(pid)],
            capture_output=True,
            text=True,
            timeout=5,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return shown.stdout.strip() or None


def _namespace() -> str | None:
    """The set of process numbers that this process belongs to."""
    try:
        return os.readlink("/proc/self/ns/pid")
    except OSError:
        return None


def _read(path: str) -> str | None:
    """A small system file's text, or None if it cannot be read."""
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return None
