"""Several processes for one run: `nproc=`, and the launcher that starts them, passes signals on, and ends them together.

    ./tools/run.py nproc=auto recipes.experiment.cogsguard.train run=first
    ./tools/run.py nproc=8 nodes=4 node=$SLURM_NODEID master=$HOST:29500 recipes.experiment.cogsguard.train run=first

Every process is this same command with torchrun's variables set (RANK, WORLD_SIZE, ...), so that under an outer torchrun
nothing is launched here. The launcher computes nothing. Rank 0 writes to the terminal; what other ranks print is kept,
and shown if one of them is the first to fail. Standard library only.
"""

from __future__ import annotations

import collections
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from types import FrameType
from typing import IO, Any, Literal

from coglab.config import UserError
from coglab.config.errors import PeerLostError

GRACE_S = 30.0
"""Once a rank has failed, the others have this long to notice and to record it."""

_PIPE = "COGLAB_RANK_PIPE"
_STORE = "COGLAB_RANK_STORE"
_PORT = 29_500
_KILLED = 128 + 9
_WORDS = ("nproc", "nodes", "node", "master")


@dataclass(frozen=True)
class RankPlan:
    """Which processes of a run start here.

    Attributes:
        asked: what `nproc=` says, None without it.
        nproc: processes of this machine.
        nodes: machines.
        node: number of this machine.
        master: `HOST:PORT` at which the machines find each other; empty on one machine.
        is_launched: this process is one of them already.
    """

    asked: int | Literal["auto"] | None = None
    nproc: int = 1
    nodes: int = 1
    node: int = 0
    master: str = ""
    is_launched: bool = False

    @property
    def count(self) -> int:
        """Processes of the run, on all machines."""
        return self.nproc * self.nodes

    @property
    def must_launch(self) -> bool:
        """Whether processes are to be started."""
        return self.count > 1 and not self.is_launched

    def resolve(self, tool: Any) -> RankPlan:
        """Choose the number of processes.

        Args:
            tool: what will run; has `processes`.

        Raises:
            UserError: it does not run in several.
        """
        launched = os.environ.get("WORLD_SIZE", "1")
        if "RANK" in os.environ and launched.isdigit() and int(launched) > 1:
            return replace(self, nproc=int(launched), nodes=1, is_launched=True)
        return replace(self, nproc=tool.processes(self.asked))


def take_rank_words(words: Sequence[str]) -> tuple[RankPlan, list[str]]:
    """Take `nproc=` and, in front of the target, `nodes=`, `node=` and `master=` out of a command.

    Args:
        words: target and arguments.

    Returns:
        What they say, and the other words.

    Raises:
        UserError: one of them cannot be used.
    """
    given: dict[str, str] = {}
    rest: list[str] = []
    for word in words:
        name, equals, value = word.partition("=")
        is_ours = equals and name in (_WORDS if not rest else _WORDS[:1])
        if not is_ours:
            rest.append(word)
        elif name in given:
            raise UserError(f"{name}= is given twice: {given[name]} and {value}")
        else:
            given[name] = value
    asked: int | Literal["auto"] | None = None
    if "nproc" in given:
        asked = "auto" if given["nproc"] == "auto" else _whole(given, "nproc", 1)
    nodes = _whole(given, "nodes", 1) if "nodes" in given else 1
    node = _whole(given, "node", 0) if "node" in given else 0
    master = given.get("master", "")
    if nodes > 1 and (asked is None or "node" not in given or not master):
        raise UserError(
            f"nodes={nodes} also needs nproc=, node= (0 on the first machine) and master=HOST:PORT of the first machine, "
            "the same on all: nproc=8 nodes=4 node=0 master=10.0.0.1:29500"
        )
    if node >= nodes:
        raise UserError(f"node={node} of nodes={nodes}: machines are numbered 0 to {nodes - 1}")
    host, _, port = master.partition(":")
    if master and (not host or (port and not port.isdigit())):
        raise UserError(
            f"master={master} is no address; use master=HOST:PORT, as in 10.0.0.1:29500"
        )
    return RankPlan(asked, 1, nodes, node, master), rest


def _whole(given: dict[str, str], name: str, least: int) -> int:
    text = given[name].replace("_", "")
    if not text.isdigit() or int(text) < least:
        usual = "`auto` or a number from 1" if name == "nproc" else f"a whole number from {least}"
        raise UserError(f"{name}={given[name]}: expected {usual}, as in {name}={max(least, 1)}")
    return int(text)


def run_ranks(words: Sequence[str], plan: RankPlan) -> int:
    """Run a command in several processes, until all have ended.

    Signals go to every rank, once each. A rank that fails ends the others.

    Args:
        words: the command, as typed.
        plan: which processes.

    Returns:
        The exit code of the rank that failed first, else that of the first rank.
    """
    with tempfile.TemporaryDirectory(prefix="coglab-ranks-") as folder, _pipe() as read:
        ranks = [
            _Rank(words, plan, local, os.path.join(folder, "store"), read)
            for local in range(plan.nproc)
        ]
        os.close(read)
        signals: list[int] = []

        def forward(signum: int, frame: FrameType | None) -> None:
            signals.append(signum)
            for rank in ranks:
                rank.send(signum)

        with _handling(forward):
            _wait(ranks, signals)
    return _verdict(ranks)


@contextlib.contextmanager
def _pipe() -> Iterator[int]:
    """A pipe whose writing end only the launcher holds: its end tells the ranks that the launcher is gone."""
    read, write = os.pipe()
    try:
        yield read
    finally:
        os.close(write)


@contextlib.contextmanager
def _handling(handler: Any) -> Iterator[None]:
    old = {}
    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # `nohup` starts its children with SIGHUP ignored; that wish is kept.
        if signal.getsignal(signum) is not signal.SIG_IGN:
            old[signum] = signal.signal(signum, handler)
    try:
        yield
    finally:
        for signum, before in old.items():
            signal.signal(signum, before)


class _Rank:
    """One process.

    Args:
        words: the command.
        plan: which processes there are.
        local: number on this machine.
        store: file through which ranks of one machine find each other.
        pipe: reading end of the launcher's pipe.
    """

    def __init__(
        self, words: Sequence[str], plan: RankPlan, local: int, store: str, pipe: int
    ) -> None:
        self.number = plan.node * plan.nproc + local
        variables = {
            "RANK": self.number,
            "WORLD_SIZE": plan.count,
            "LOCAL_RANK": local,
            "LOCAL_WORLD_SIZE": plan.nproc,
            _PIPE: pipe,
        }
        environment = {**os.environ, **{name: str(value) for name, value in variables.items()}}
        if plan.master:
            host, _, port = plan.master.partition(":")
            environment |= {"MASTER_ADDR": host, "MASTER_PORT": port or str(_PORT)}
        else:
            environment[_STORE] = store
            # A machine's own name may lead nowhere; the loopback is always there.
            loopback = "lo0" if sys.platform == "darwin" else "lo"
            environment.setdefault("GLOO_SOCKET_IFNAME", loopback)
        is_first = self.number == 0
        self.said: collections.deque[bytes] = collections.deque(maxlen=200)
        # A group of its own: Ctrl-C in the terminal reaches the ranks through the launcher only, once.
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "coglab.cli", *words],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=None if is_first else subprocess.DEVNULL,
            stderr=None if is_first else subprocess.PIPE,
            process_group=0,
            pass_fds=[pipe],
        )
        self._reader: threading.Thread | None = None
        if self.process.stderr is not None:
            self._reader = threading.Thread(
                target=self._read, args=(self.process.stderr,), daemon=True
            )
            self._reader.start()

    def _read(self, stream: IO[bytes]) -> None:
        for line in stream:
            self.said.append(line)

    def send(self, signum: int) -> None:
        """Pass a signal on to a rank that is still there."""
        if self.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                self.process.send_signal(signum)

    def text(self) -> str:
        """The last lines of what it wrote to standard error."""
        if self._reader is not None:
            self._reader.join(timeout=5)
        return b"".join(self.said).decode("utf-8", "replace")

    @property
    def code(self) -> int:
        """Exit code as a shell would give it."""
        code = self.process.returncode
        return 128 - code if code < 0 else code


def _wait(ranks: Sequence[_Rank], signals: Sequence[int]) -> None:
    """Wait for all; kill those that outlive a failure for too long."""
    failed_at: float | None = None
    pause = 0.02
    while any(rank.process.poll() is None for rank in ranks):
        stopped = {0, *(128 + signum for signum in signals)}
        ended = [rank for rank in ranks if rank.process.poll() is not None]
        if failed_at is None and any(rank.code not in stopped for rank in ended):
            failed_at = time.monotonic()
        if failed_at is not None and time.monotonic() - failed_at > GRACE_S:
            for rank in ranks:
                rank.send(signal.SIGKILL)
        time.sleep(pause)
        pause = min(0.25, pause * 1.1)


def _verdict(ranks: Sequence[_Rank]) -> int:
    """Say which rank failed, and give its exit code."""
    fell_along = (0, PeerLostError.exit_code)
    first = ranks[0]
    culprits = [rank for rank in ranks if rank.code not in fell_along]
    if not culprits:
        # Either all is well, or the rank that failed first is another machine's.
        return 1 if any(rank.code for rank in ranks) else 0
    culprit = first if first in culprits and first.code != _KILLED else culprits[0]
    # A rank that was killed for outliving the failure is not its cause.
    own = [rank for rank in culprits if rank.code != _KILLED]
    culprit = own[0] if own and culprit.code == _KILLED else culprit
    if culprit.number:
        sys.stdout.flush()
        text = culprit.text().strip()
        if text:
            print(text, file=sys.stderr)
        how = f"was killed by signal {culprit.code - 128}" if culprit.code > 128 else "failed"
        if culprit.code <= 128 or culprit.process.returncode < 0:
            print(f"error: rank {culprit.number} of the run {how}", file=sys.stderr)
    return culprit.code


def end_with_launcher() -> None:
    """In a rank: end at once when the launcher is gone, as a process does that was killed."""
    text = os.environ.pop(_PIPE, "")
    if not text.isdigit():
        return

    def watch() -> None:
        with contextlib.suppress(OSError):
            os.read(int(text), 1)
        os._exit(_KILLED)

    threading.Thread(target=watch, name="launcher-watch", daemon=True).start()
