"""The reference engine as a process that loads games and measures itself on command."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from benchmarks.reference.environment import (
    ReferenceUnavailableError,
    cache_folder,
    reference_python,
)


class Reference:
    """A running worker. Use as a context manager; it ends with the block."""

    def __init__(self) -> None:
        """Start the worker, making its environment first if necessary."""
        python = reference_python()
        self._process = subprocess.Popen(
            [str(python), str(Path(__file__).with_name("worker.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Reference:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def ask(self, command: str, **arguments: Any) -> dict[str, Any]:
        """Send one command (a method of `worker.Worker`) and wait for the answer.

        Raises:
            ReferenceUnavailableError: the worker died; what it said is on standard error.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"command": command, **arguments}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise ReferenceUnavailableError(
                f"The reference process ended while it did `{command}`; see its error above."
            )
        return json.loads(line)

    def load(self, mission: str, num_envs: int, ticks: int, play: str, seed: int) -> dict[str, Any]:
        """Build `num_envs` games with `ticks` ticks of actions; see `worker.Worker.load`.

        The first time, teacher play is recorded from the reference's own scripted agents, which takes about a minute.
        """
        record = cache_folder() / f"reference-play-{mission}-{num_envs}x{ticks}.npz"
        if play == "teacher" and not record.exists():
            print(
                f"Recording {num_envs} games of {mission} played by the reference's scripted agents ...",
                flush=True,
            )
        return self.ask(
            "load",
            mission=mission,
            num_envs=num_envs,
            ticks=ticks,
            play=play,
            record=str(record),
            seed=seed,
        )

    def measure(self, warmup: int, ticks: int, alone: bool) -> dict[str, Any]:
        """Measure the next window of ticks; see `worker.Worker.measure`."""
        return self.ask("measure", warmup=warmup, ticks=ticks, alone=alone)
