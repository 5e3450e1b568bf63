"""Errors that are the user's to mend: printed without a traceback, exit code 2."""

from __future__ import annotations

import difflib
import signal
from collections.abc import Iterable


class UserError(Exception):
    """Something the user typed or provided cannot be used.

    The text is the whole message: what was given, what was expected, a value that would work, the nearest name.
    The command line prints it after `error:` and exits with code 2.
    """


class Terminated(KeyboardInterrupt):
    """The process was asked to stop by SIGTERM or SIGHUP; what saves on Ctrl-C saves on this too.

    Args:
        signum: the signal.
    """

    def __init__(self, signum: int = signal.SIGTERM) -> None:
        super().__init__(f"received {signal.Signals(signum).name}")
        self.signum = signum

    @property
    def exit_code(self) -> int:
        """What a process exits with that a signal ended: 143 for SIGTERM."""
        return 128 + self.signum


class PeerLostError(RuntimeError):
    """Another process of the run has ended, so this one cannot go on; the last checkpoint is good."""

    exit_code = 75
    """What a process exits with that only fell with another one; the launcher looks for the one that fell first."""


def nearest(name: str, candidates: Iterable[str]) -> str | None:
    """Find the candidate that a slip of the finger would turn into `name`.

    Args:
        name: what was typed.
        candidates: the names that would have been right.

    Returns:
        The most similar candidate, or None if none is similar.
    """
    matches = difflib.get_close_matches(name, list(candidates), n=1, cutoff=0.6)
    return matches[0] if matches else None


def did_you_mean(name: str, candidates: Iterable[str]) -> str:
    """Say which candidate was probably meant.

    Args:
        name: what was typed.
        candidates: the names that would have been right.

    Returns:
        A sentence that begins with a space, or the empty string if no candidate is similar.
    """
    match = nearest(name, candidates)
    return f" Did you mean `{match}`?" if match else ""
