"""Processor time and memory of this process, without any package."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

_LIMIT_FILES = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


class SystemMonitor:
    """Measures from one sample to the next. What a system does not tell is left out."""

    def __init__(self) -> None:
        self._limit = _memory_limit()
        self._cores = _cores()
        self._wall, self._cpu = time.monotonic(), time.process_time()

    def sample(self) -> dict[str, float]:
        """`monitor/...` metrics: processor time since the last sample, memory now."""
        wall, cpu = time.monotonic(), time.process_time()
        metrics = {}
        if wall > self._wall:
            used = (cpu - self._cpu) / (wall - self._wall)
            metrics["monitor/cpu_percent"] = 100 * used / self._cores
        self._wall, self._cpu = wall, cpu
        memory = occupied_memory()
        if memory is not None:
            metrics["monitor/memory_gb"] = memory / 1e9
            if self._limit:
                metrics["monitor/memory_percent"] = 100 * memory / self._limit
        return metrics


def _cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def occupied_memory() -> int | None:
    """Bytes that this process occupies now (on systems without /proc: occupied at most)."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        pass
    try:
        import resource
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak if sys.platform == "darwin" else peak * 1024)


def _memory_limit() -> int | None:
    """Bytes of the machine, or of the container if that has less."""
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (OSError, ValueError, AttributeError):
        return None
    for file in _LIMIT_FILES:
        try:
            total = min(total, int(Path(file).read_text()))
        except (OSError, ValueError):
            continue
    return total
