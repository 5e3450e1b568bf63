"""The machine that a benchmark runs on: what it is, how busy it is, and its limits."""

from __future__ import annotations

import platform
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from coglab.engine.jit import add64, kernel, multiply64

IDLE_SHARE = 0.1
"""With less of the processor taken by others, a wall-clock figure is called undisturbed."""

_MULTIPLY_ADD_CYCLES = 4
"""Latency of a 64-bit multiplication and an addition on x86-64 processors since 2013."""


def describe() -> dict[str, Any]:
    """Return processor, system and package versions."""
    model = platform.processor()
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    except OSError:
        pass
    return {
        "processor": model,
        "cores": cores(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": sys.version.split()[0],
        **{name: version(name) for name in ("numba", "numpy")},
    }


def cores() -> int:
    """Return how many cores this process may use."""
    import os

    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def busy_share(seconds: float = 1.0) -> float | None:
    """Watch the machine for a while without doing anything; return the share of its cores that others used.

    None where /proc/stat does not exist.
    """

    def read() -> np.ndarray:
        first_line = Path("/proc/stat").read_text().splitlines()[0]
        return np.array(first_line.split()[1:], float)

    try:
        before = read()
        time.sleep(seconds)
        spent = read() - before
    except OSError:
        return None
    idle = spent[3] + spent[4]  # idle, waiting for a disk
    return float(1 - idle / max(1.0, spent[:8].sum()))


@kernel
def _multiply_add_chain(a, b, count):
    x = np.uint64(1)
    for _ in range(count):
        x = add64(multiply64(x, a), b)
    return x


def clock_ghz() -> float:
    """Return the clock of the core, from a chain of operations whose latency is known."""
    a, b, count = np.uint64(6364136223846793005), np.uint64(1442695040888963407), 5_000_000
    _multiply_add_chain(a, b, 10)
    return count * _MULTIPLY_ADD_CYCLES / _best_time(lambda: _multiply_add_chain(a, b, count)) / 1e9


def fill_rate(size_bytes: int) -> float:
    """Return bytes per second at which one core fills an array of `size_bytes`, again and again."""
    array = np.zeros(size_bytes, np.uint8)
    rounds = max(1, 200_000_000 // size_bytes)

    def fill() -> None:
        for _ in range(rounds):
            array.fill(255)

    return rounds * size_bytes / _best_time(fill)


def _best_time(function: Any, repeats: int = 5) -> float:
    """Return the least CPU seconds that a call took."""
    times = []
    for _ in range(repeats):
        begin = time.process_time()
        function()
        times.append(time.process_time() - begin)
    return max(min(times), 1e-9)
