"""Single keys from a terminal, with names for those that send several bytes."""

from __future__ import annotations

import contextlib
import os
import select
import sys
import termios
import tty
from collections.abc import Iterator

_SEQUENCES = {
    b"\x1b[A": "up",
    b"\x1b[B": "down",
    b"\x1b[C": "right",
    b"\x1b[D": "left",
    b"\x1bOA": "up",
    b"\x1bOB": "down",
    b"\x1bOC": "right",
    b"\x1bOD": "left",
    b"\x1b": "escape",
    b"\r": "enter",
    b"\n": "enter",
}
_READ_BYTES = 64


class Keyboard:
    """Keys that are typed while `raw` is entered.

    Args:
        descriptor: of a terminal; left out, standard input.
    """

    def __init__(self, descriptor: int | None = None) -> None:
        self._descriptor = sys.stdin.fileno() if descriptor is None else descriptor
        self._waiting: list[str] = []

    @contextlib.contextmanager
    def raw(self) -> Iterator[None]:
        """Deliver keys at once and unseen; Ctrl-C still interrupts. The terminal is put back in any case."""
        before = termios.tcgetattr(self._descriptor)
        try:
            tty.setcbreak(self._descriptor)
            yield
        finally:
            termios.tcsetattr(self._descriptor, termios.TCSADRAIN, before)

    def read(self, timeout_s: float | None) -> str | None:
        """Return the next key.

        Args:
            timeout_s: how long to wait; None waits for ever.

        Returns:
            A character or a name such as `up`; None if nothing was typed in time.

        Raises:
            EOFError: the terminal is gone.
        """
        if not self._waiting:
            ready, _, _ = select.select([self._descriptor], [], [], timeout_s)
            if not ready:
                return None
            data = os.read(self._descriptor, _READ_BYTES)
            if not data:
                raise EOFError
            self._waiting = split_keys(data)
        return self._waiting.pop(0)


def split_keys(data: bytes) -> list[str]:
    """Split what a terminal sent into keys.

    Args:
        data: the bytes.

    Returns:
        Characters, and names for cursor keys and the like; bytes that are neither are left out.
    """
    keys: list[str] = []
    while data:
        for sequence in sorted(_SEQUENCES, key=len, reverse=True):
            if data.startswith(sequence):
                keys.append(_SEQUENCES[sequence])
                data = data[len(sequence) :]
                break
        else:
            keys.append(chr(data[0]) if 32 <= data[0] < 127 else "")
            data = data[1:]
    return [key for key in keys if key]
