"""Threads that share one process: each simulates and learns on its own part of the games.

There is no barrier per tick: a worker collects its whole share of a rollout alone, and the threads meet only when all
are done. Kernels and torch release the interpreter lock, so threads run side by side.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

_Result = TypeVar("_Result")


class WorkerPool:
    """Runs one function per worker and returns when all are done.

    Args:
        num_workers: threads. With one, the caller's own thread does the work.
    """

    def __init__(self, num_workers: int) -> None:
        self.num_workers = num_workers
        # Several torch threads per worker would fight over the cores that the other workers use.
        torch.set_num_threads(1)
        self._executor = (
            ThreadPoolExecutor(
                num_workers, "coglab-worker", initializer=torch.set_num_threads, initargs=(1,)
            )
            if num_workers > 1
            else None
        )

    def run(self, work: Callable[[int], _Result], count: int | None = None) -> list[_Result]:
        """Call `work(w)` for every worker w at once.

        Args:
            work: called with 0 .. count - 1, each on one thread.
            count: how many calls; left out, one per worker.

        Returns:
            What the calls returned, in order of the workers.

        Raises:
            BaseException: the first worker's exception, after all calls have ended.
        """
        count = count or self.num_workers
        if self._executor is None or count == 1:
            return [work(worker) for worker in range(count)]
        futures = [self._executor.submit(work, worker) for worker in range(count)]
        errors = [future.exception() for future in futures]
        for error in errors:
            if error is not None:
                raise error
        return [future.result() for future in futures]

    def close(self) -> None:
        """End the threads."""
        if self._executor is not None:
            self._executor.shutdown()
