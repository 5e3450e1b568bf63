"""The files of a run's ledger and how their lines are written and read.

* `run.json`: who, when, what state; replaced as a whole.
* `config.json`: the effective configuration of the newest start.
* `metrics.jsonl`: one line per log call, `{"step", "time", "metrics"}`, and one per start,
  `{"segment", ...}`. Every line is strict JSON: values that JSON cannot write are the strings `NaN`, `Infinity`,
  `-Infinity`.
* `metrics.npz`: the same data by column, written when a run ends well.

A segment is one start of the run. It begins at the step of its checkpoint; rows of earlier segments at or above its
`first_step` are superseded: they were trained but are not part of the weights' history.
"""

from __future__ import annotations

import json
import math
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

SCHEMA_VERSION = 1

INFO_FILE = "run.json"
CONFIG_FILE = "config.json"
ROWS_FILE = "metrics.jsonl"
COLUMNS_FILE = "metrics.npz"

_WORDS = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def utc_text(seconds: float) -> str:
    """A time as `2026-02-01T12:00:00.000Z`.

    Args:
        seconds: since 1970, UTC.
    """
    moment = datetime.fromtimestamp(seconds, tz=UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def utc_seconds(text: object) -> float | None:
    """Read what `utc_text` wrote; None if it is something else."""
    if not isinstance(text, str):
        return None
    try:
        return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
    except (ValueError, OverflowError):
        return None


def encode_value(value: Any) -> int | float | str:
    """Turn a logged number into what strict JSON can hold.

    Args:
        value: a number, a bool, or anything that `float()` takes: a numpy scalar, a tensor with one element.

    Raises:
        TypeError: if it is not a number.
        ValueError: if it is an array or a text that is not a number.
    """
    if isinstance(value, int):
        return int(value)
    if isinstance(value, str):
        raise TypeError("a text is not a number")
    number = float(value)
    if math.isfinite(number):
        return number
    return "NaN" if math.isnan(number) else "Infinity" if number > 0 else "-Infinity"


def as_float(value: float) -> float:
    """A number of JSON as a float; a whole number beyond a float's range is infinite."""
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def decode_value(value: Any) -> float:
    """Turn a value of a line back into a number.

    Raises:
        ValueError: if it is neither a number nor one of the three words.
    """
    if isinstance(value, int | float):
        return as_float(value)
    if isinstance(value, str) and value in _WORDS:
        return _WORDS[value]
    raise ValueError(f"not a number: {value!r}")


def encode_line(data: dict[str, Any]) -> bytes:
    """One line of `metrics.jsonl`, its newline included."""
    return json.dumps(data, allow_nan=False, separators=(",", ":")).encode() + b"\n"


def decode_line(line: bytes) -> dict[str, Any] | None:
    """Read one line; None if it is cut off, damaged, or no JSON object."""
    try:
        data = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return data if isinstance(data, dict) else None


def read_json(path: Path) -> dict[str, Any] | None:
    """Read a JSON object; None if the file is absent or holds something else."""
    try:
        data = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    return data if isinstance(data, dict) else None


def replace_json(path: Path, data: dict[str, Any]) -> None:
    """Write a JSON file aside and rename it, so that a reader never sees half of it.

    Raises:
        OSError: if that fails; the old file is then untouched.
    """
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        aside.write_text(json.dumps(data, indent=1, allow_nan=False) + "\n", encoding="utf-8")
        os.replace(aside, path)
    except OSError:
        aside.unlink(missing_ok=True)
        raise


def repair_tail(path: Path) -> int:
    """Cut what a killed process left behind after the last whole line.

    Args:
        path: a file of lines; may be absent.

    Returns:
        Number of bytes cut.
    """
    if not path.exists():
        return 0
    with open(path, "r+b") as file:
        size = file.seek(0, os.SEEK_END)
        good = size
        # Whole lines may be damaged too (a power cut leaves blocks of zeros), but only at the end.
        while good > 0:
            start = _line_start(file, good)
            file.seek(start)
            line = file.read(good - start)
            if line.endswith(b"\n") and decode_line(line) is not None:
                break
            good = start
        if good != size:
            file.truncate(good)
    return size - good


def last_row(path: Path) -> dict[str, Any] | None:
    """The last line of a file of whole lines; None if that is not a row, or there is none."""
    try:
        with open(path, "rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(_line_start(file, size))
            data = decode_line(file.read())
    except OSError:
        return None
    return data if data is not None and "step" in data else None


def _line_start(file: Any, end: int) -> int:
    """Offset of the first byte of the line whose last byte (a newline or not) is at `end - 1`."""
    position = end - 1
    while position > 0:
        begin = max(0, position - 65536)
        file.seek(begin)
        found = file.read(position - begin).rfind(b"\n")
        if found >= 0:
            return int(begin + found + 1)
        position = begin
    return 0
