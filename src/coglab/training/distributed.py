"""Several processes that train one run together: ranks 0 to R-1, each with its own part of the games.

What makes this right by construction: **every rank executes the same collectives in the same order**, and everything that
decides what happens next (stop, save, early end of an update, finite or not) is decided from numbers that have been
through one, so that all ranks decide alike. Sums are made in the order of the ranks, or by one ring whose result all
ranks get, so that all ranks hold the same bits.

`join` reads the variables that torchrun sets and that our own launcher (`cli/ranks.py`) sets: RANK, WORLD_SIZE, LOCAL_RANK,
LOCAL_WORLD_SIZE, MASTER_ADDR, MASTER_PORT. Numbers travel by gloo between processors and by NCCL between GPUs. In a
process that is alone, every method of `Ranks` returns at once.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import time
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor

from coglab.config import UserError
from coglab.config.errors import PeerLostError

__all__ = ["PeerLostError", "Ranks", "join"]

STORE_FILE = "COGLAB_RANK_STORE"
"""Variable that names the file through which the ranks of one machine find each other; without it, MASTER_ADDR."""

TIMEOUT = datetime.timedelta(minutes=30)
"""A rank that is waited for longer than this counts as lost. A rank that ends is noticed at once."""

_ERROR_KEY = "error"


class Ranks:
    """This process among the processes of a run. Made by `join`; `Ranks()` is a process that is alone.

    Args:
        rank: number of this process, 0 to `count - 1`.
        count: processes of the run.
        local_rank: number among the processes of this machine.
        store: where ranks leave a word for each other; None if there is one rank.

    Attributes:
        seconds: time spent in collectives since it was last set to 0: waiting for others, and moving numbers.
    """

    def __init__(
        self, rank: int = 0, count: int = 1, local_rank: int = 0, store: dist.Store | None = None
    ) -> None:
        self.rank, self.count, self.local_rank = rank, count, local_rank
        self.seconds = 0.0
        self._store = store

    @property
    def is_first(self) -> bool:
        """Whether this is rank 0, which keeps the run's record."""
        return self.rank == 0

    @contextlib.contextmanager
    def _talk(self) -> Iterator[None]:
        """Time a collective, and turn the transport's errors into a sentence."""
        begin = time.perf_counter()
        try:
            yield
        except (RuntimeError, ValueError) as error:
            raise PeerLostError(self._explain(error)) from error
        finally:
            self.seconds += time.perf_counter() - begin

    def _explain(self, error: Exception) -> str:
        told = self._told()
        if told is not None:
            return told
        reason = str(error).strip().splitlines()[0][:200]
        return (
            f"rank {self.rank} of {self.count} lost another process of the run, which left no word (killed? out of "
            f"memory?); the last checkpoint is good ({reason})"
        )

    def _told(self) -> str | None:
        """What the rank that failed first left in the store."""
        if self._store is None:
            return None
        try:
            self._store.set_timeout(datetime.timedelta(seconds=5))
            if not self._store.check([_ERROR_KEY]):
                return None
            return self._store.get(_ERROR_KEY).decode("utf-8", "replace")
        except Exception:  # the store went with the process that kept it
            return None

    def tell(self, error: BaseException) -> None:
        """Leave a word about the error that ends this rank, for those that will miss it.

        Args:
            error: what ends it; the loss of another rank is no news.
        """
        if self._store is None or isinstance(error, PeerLostError):
            return
        with contextlib.suppress(Exception):  # nothing more can be done for the others
            if not self._store.check([_ERROR_KEY]):
                text = f"rank {self.rank} failed with {type(error).__name__}: {error}"
                self._store.set(_ERROR_KEY, text)

    def sum(self, numbers: Sequence[float] | np.ndarray) -> np.ndarray:
        """Add up every rank's numbers, in the order of the ranks.

        Args:
            numbers: as many on every rank.

        Returns:
            f64 of the same length, the same bits on all ranks.
        """
        return self.gather(numbers).sum(axis=0)

    def gather(self, numbers: Sequence[float] | np.ndarray) -> np.ndarray:
        """Collect every rank's numbers.

        Args:
            numbers: as many on every rank.

        Returns:
            f64 `[count, len(numbers)]`, on all ranks.
        """
        own = np.array(numbers, np.float64).reshape(1, -1)
        if self.count == 1:
            return own
        every = torch.empty(self.count, own.shape[1], dtype=torch.float64)
        with self._talk():
            dist.all_gather(list(every.unbind()), torch.from_numpy(own[0]))
        return every.numpy()

    def add_up(self, tensor: Tensor) -> None:
        """Replace a tensor by the sum of every rank's, in place.

        Args:
            tensor: contiguous, of the same shape on every rank, on the CPU or on this rank's GPU.
        """
        if self.count == 1:
            return
        with self._talk():
            dist.all_reduce(tensor)
            if tensor.device.type == "cuda":
                torch.cuda.current_stream().synchronize()

    def from_first(self, value: Any) -> Any:
        """Give every rank what rank 0 has.

        Args:
            value: JSON-able; ignored on other ranks.

        Returns:
            Rank 0's value.
        """
        if self.count == 1:
            return value
        content = self._spread(json.dumps(value).encode() if self.is_first else b"")
        return json.loads(content)

    def copy_from_first(self, tensor: Tensor) -> None:
        """Overwrite a tensor with rank 0's.

        Args:
            tensor: contiguous, of the same shape on every rank.
        """
        if self.count == 1:
            return
        with self._talk():
            dist.broadcast(tensor, 0)

    def _spread(self, content: bytes) -> bytes:
        """Rank 0's bytes, on all ranks."""
        size = int(self.gather([len(content)])[0, 0])
        buffer = torch.zeros(size, dtype=torch.uint8)
        if self.is_first:
            buffer[:] = torch.frombuffer(bytearray(content), dtype=torch.uint8)
        with self._talk():
            dist.broadcast(buffer, 0)
        return buffer.numpy().tobytes()

    def collect(self, content: bytes) -> list[bytes]:
        """Bring every rank's bytes to rank 0.

        Args:
            content: of any length.

        Returns:
            One entry per rank on rank 0; nothing elsewhere.
        """
        if self.count == 1:
            return [content]
        sizes = self.gather([len(content)])[:, 0].astype(int)
        if not self.is_first:
            with self._talk():
                dist.send(torch.frombuffer(bytearray(content), dtype=torch.uint8), 0)
            return []
        parts = [content]
        for rank in range(1, self.count):
            buffer = torch.empty(int(sizes[rank]), dtype=torch.uint8)
            with self._talk():
                dist.recv(buffer, rank)
            parts.append(buffer.numpy().tobytes())
        return parts

    def hand_out(self, parts: Sequence[bytes]) -> bytes:
        """Bring rank 0's bytes to the ranks that they belong to.

        Args:
            parts: on rank 0, one entry per rank; ignored elsewhere.

        Returns:
            This rank's entry.
        """
        if self.count == 1:
            return parts[0]
        sizes = self.gather(
            [len(part) for part in parts] if self.is_first else np.zeros(self.count)
        )
        if self.is_first:
            for rank in range(1, self.count):
                buffer = torch.frombuffer(bytearray(parts[rank]), dtype=torch.uint8)
                with self._talk():
                    dist.send(buffer, rank)
            return parts[0]
        own = torch.empty(int(sizes[0, self.rank]), dtype=torch.uint8)
        with self._talk():
            dist.recv(own, 0)
        return own.numpy().tobytes()


@contextlib.contextmanager
def join(uses_gpu: bool) -> Iterator[Ranks]:
    """Take this process's place among the processes of the run, if it was started as one of several.

    An error that ends the block is told to the other ranks before it goes on.

    Args:
        uses_gpu: this rank computes on the GPU whose number is its `LOCAL_RANK`.

    Yields:
        The ranks.

    Raises:
        UserError: the variables of the environment contradict each other.
        PeerLostError: the other processes did not come.
    """
    count = _number("WORLD_SIZE", 1)
    if count == 1 or "RANK" not in os.environ:
        yield Ranks()
        return
    rank, local = _number("RANK", 0), _number("LOCAL_RANK", 0)
    if not 0 <= rank < count:
        raise UserError(
            f"RANK={rank} does not lie between 0 and WORLD_SIZE-1, which is {count - 1}"
        )
    if uses_gpu:
        found = torch.cuda.device_count()
        if local >= found:
            raise UserError(
                f"this machine has {found} usable GPUs, so no process {local + 1} can have one of its own; use "
                f"nproc={found}"
            )
        torch.cuda.set_device(local)
    try:
        store = _open_store(rank, count)
        dist.init_process_group(
            "cpu:gloo,cuda:nccl" if uses_gpu else "gloo",
            store=dist.PrefixStore("group", store),
            rank=rank,
            world_size=count,
            timeout=TIMEOUT,
        )
    except (RuntimeError, ValueError) as error:
        raise PeerLostError(
            f"rank {rank} of {count} did not find the others: {str(error).strip().splitlines()[0][:200]}"
        ) from error
    ranks = Ranks(rank, count, local, dist.PrefixStore("coglab", store))
    try:
        yield ranks
    except BaseException as error:
        ranks.tell(error)
        raise
    finally:
        # Not on errors: NCCL would wait for ranks that will not come.
        with contextlib.suppress(Exception):
            dist.destroy_process_group()


def _open_store(rank: int, count: int) -> dist.Store:
    """The place where ranks find each other: a file on one machine, else a port of the first machine."""
    path = os.environ.get(STORE_FILE)
    if path is not None:
        return dist.FileStore(path, count)
    host, port = os.environ.get("MASTER_ADDR"), _number("MASTER_PORT", 29500)
    if not host:
        raise UserError(
            f"WORLD_SIZE={count}, but MASTER_ADDR is not set; start with nproc={count}, or with torchrun, which sets it"
        )
    # torchrun keeps a store open at that port across restarts; its count of restarts keeps them apart.
    is_agents = os.environ.get("TORCHELASTIC_USE_AGENT_STORE") == "True"
    store = dist.TCPStore(host, port, count, is_master=rank == 0 and not is_agents, timeout=TIMEOUT)
    restart = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
    return dist.PrefixStore(f"restart{restart}", store)


def _number(name: str, default: int) -> int:
    text = os.environ.get(name, "").strip()
    if not text:
        return default
    try:
        return int(text)
    except ValueError:
        raise UserError(
            f"{name}={text} is no whole number; start with nproc=N, or with torchrun, which sets it"
        ) from None
