"""Ctrl-C, SIGTERM and SIGHUP: stop after the iteration and save; asked twice, stop at once; asked three times, die.

While nothing is worth saving (a start, an evaluation) the first signal already stops at once. Python runs its handlers
only between two of its own steps, so a kernel that takes long delays them; what the user sees is printed by a thread
that does not have to wait.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType, TracebackType
from typing import Any

from coglab.config.errors import Terminated

_SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)

_HANDLER_DELAY_S = 0.2
"""Python has called its handler this long after a signal, unless the main thread is in a kernel."""


class StopSignals:
    """Handlers of the three signals; a context manager for the main thread.

    Attributes:
        received: the first signal, None if there was none.
        say: prints a line for the user; called from a thread of its own. Standard error until it is replaced.
    """

    def __init__(self) -> None:
        self.received: int | None = None
        self.say: Callable[[str], None] = _to_stderr
        self._count = 0  # signals that the main thread knows of
        self._seen = 0  # signals that arrived; read by the thread of `_tell`
        self._is_deferring = False
        self._was_deferred = False  # the first signal did not stop at once
        self._thread: threading.Thread | None = None
        self._old: dict[int, Any] = {}
        self._old_fd = -1
        self._pipe: tuple[int, int] | None = None

    def __enter__(self) -> StopSignals:
        """Install the handlers. Elsewhere than in the main thread that is not possible, and nothing is done."""
        if threading.current_thread() is not threading.main_thread():
            return self
        read, write = os.pipe()
        os.set_blocking(write, False)
        self._pipe = (read, write)
        self._old_fd = signal.set_wakeup_fd(write, warn_on_full_buffer=False)
        for signum in _SIGNALS:
            old = signal.getsignal(signum)
            # `nohup` starts its children with SIGHUP ignored; that wish is kept.
            if old is not signal.SIG_IGN:
                self._old[signum] = signal.signal(signum, self._handle)
        self._thread = threading.Thread(
            target=self._tell, args=(read,), name="stop-signals", daemon=True
        )
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Put the old handlers back."""
        if self._pipe is None:
            return
        for signum, old in self._old.items():
            signal.signal(signum, old)
        signal.set_wakeup_fd(self._old_fd)
        os.close(self._pipe[1])  # ends the thread, which closes the other end
        if self._thread is not None:
            self._thread.join(timeout=2)
        self._pipe = None

    @contextlib.contextmanager
    def deferred(self) -> Iterator[None]:
        """While this lasts, the first signal only makes `should_stop` true."""
        self._is_deferring = True
        try:
            yield
        finally:
            self._is_deferring = False

    def should_stop(self) -> bool:
        """Whether the training loop is to save and return."""
        return self.received is not None

    @property
    def exit_code(self) -> int:
        """What the process exits with: 0, or 128 and the signal."""
        return 0 if self.received is None else 128 + self.received

    @property
    def state(self) -> str:
        """How the run ended, in the ledger's words."""
        if self.received is None:
            return "finished"
        return "interrupted" if self.received == signal.SIGINT else "terminated"

    def _handle(self, signum: int, frame: FrameType | None) -> None:
        """Python's handler, in the main thread."""
        if self.received is None:
            self.received = signum
        self._count = max(self._count + 1, self._seen)
        if self._is_deferring and self._count == 1:
            self._was_deferred = True
            return
        if signum == signal.SIGINT:
            raise KeyboardInterrupt
        raise Terminated(signum)

    def _tell(self, read: int) -> None:
        """Thread: every signal arrives here as a byte at once, even while the main thread is deep in a kernel.

        Python calls the handler once for several signals that arrive before it gets to it. If that was one signal
        too few for the handler to stop at once, it is sent again.
        """
        own = 0  # bytes of signals that were sent again
        with open(read, "rb", buffering=0) as pipe:
            while data := pipe.read(1):
                if data[0] not in self._old:
                    continue
                if own:
                    own -= 1
                    continue
                self._seen += 1
                name = "Ctrl-C" if data[0] == signal.SIGINT else signal.Signals(data[0]).name
                # The loop may have ended before this thread comes to say that it will.
                if self._seen == 1 and (self._is_deferring or self._was_deferred):
                    self.say(
                        f"{name}: stopping after this iteration and saving; once more stops at once"
                    )
                elif self._seen <= 2:
                    self.say(f"{name}: stopping")
                else:
                    os._exit(128 + data[0])
                if self._seen == 2:
                    time.sleep(_HANDLER_DELAY_S)
                    if self._count == 1:
                        own += 1
                        os.kill(os.getpid(), data[0])


def _to_stderr(text: str) -> None:
    """Write a line that cannot fail."""
    with contextlib.suppress(OSError):
        os.write(2, f"{text}\n".encode())
