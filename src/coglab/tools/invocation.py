"""How the running tool was called: what goes into a run's record beside its configuration."""

from __future__ import annotations

import shlex
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True)
class Invocation:
    """One call of a tool.

    Attributes:
        recipe: full name of what made the tool, `recipes.experiment.cogsguard.train`; empty outside the command line.
        argv: the words typed behind `./tools/run.py`.
        processes: how many processes run it together, on all machines.
    """

    recipe: str = ""
    argv: tuple[str, ...] = ()
    processes: int = 1

    @property
    def command(self) -> str:
        """The command, quoted so that a shell takes it as it was typed."""
        return shlex.join(["./tools/run.py", *self.argv])


_current: ContextVar[Invocation | None] = ContextVar("coglab_invocation", default=None)


def current_invocation() -> Invocation:
    """Say how the running tool was called."""
    return _current.get() or Invocation()


def set_invocation(invocation: Invocation) -> None:
    """Remember how the tool that is about to run was called."""
    _current.set(invocation)
