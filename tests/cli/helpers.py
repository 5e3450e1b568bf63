"""Runs the command line in this process."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from coglab.cli import main


@dataclass
class Outcome:
    code: int
    out: str
    err: str

    def values(self) -> dict[str, str]:
        """What `--show` printed: value by path."""
        found = {}
        for line in self.out.splitlines():
            if " = " in line and line[:2] in ("* ", "  "):
                name, _, rest = line[2:].partition(" = ")
                found[name.strip()] = rest.split("  ")[0].strip()
        return found

    def marked(self) -> set[str]:
        """The paths that `--show` marks as departures from the defaults."""
        return {
            line[2:].partition(" = ")[0].strip()
            for line in self.out.splitlines()
            if line.startswith("* ")
        }

    def origin(self, path: str) -> str:
        """What `--show` says of a value behind it."""
        line = next(
            line for line in self.out.splitlines() if line[2:].split(" = ")[0].strip() == path
        )
        return line.partition(" = ")[2].partition("  ")[2].strip()


class Shell:
    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.capsys = capsys

    def __call__(self, *words: str) -> Outcome:
        code = main(words)
        captured = self.capsys.readouterr()
        return Outcome(code, captured.out, captured.err)
