"""The rows of a ledger in memory: read from lines, from columns, written as columns."""

from __future__ import annotations

import contextlib
import os
import zipfile
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from coglab.tracking.ledger_format import (
    COLUMNS_FILE,
    ROWS_FILE,
    decode_line,
    decode_value,
    encode_line,
)


@dataclass
class Rows:
    """Every row that was ever written, superseded ones included. R rows in the order of writing.

    Attributes:
        steps: `[R]` int64, agent step of each row.
        times: `[R]` float64, seconds since 1970, UTC.
        segment: `[R]` int32, index into `segments`.
        segments: what the segment lines say.
        columns: metric -> (`[V]` int32 row of each value, `[V]` float64 values); rows without the metric are absent.
        unreadable: lines that could not be read and were left out.
    """

    steps: np.ndarray
    times: np.ndarray
    segment: np.ndarray
    segments: list[dict[str, Any]]
    columns: dict[str, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)
    unreadable: int = 0


def read_rows(run_dir: Path, only: Collection[str] | None = None) -> Rows:
    """Read the rows of a run, from the columns if they agree with the lines, else from the lines.

    A file that is being written may be read at any time: a last line without its end is not there yet.

    Args:
        run_dir: a run directory.
        only: metrics to read; left out, all.
    """
    rows = _read_columns(run_dir, only)
    return rows if rows is not None else _read_lines(run_dir / ROWS_FILE, only)


def write_columns(run_dir: Path) -> None:
    """Write `metrics.npz` from `metrics.jsonl`, aside and renamed.

    Raises:
        OSError: if it cannot be written.
    """
    rows = _read_lines(run_dir / ROWS_FILE)
    names = list(rows.columns)
    counts = [len(rows.columns[name][0]) for name in names]
    size, last = _fingerprint(run_dir / ROWS_FILE)
    aside = run_dir / f".{COLUMNS_FILE}.{os.getpid()}"
    try:
        with open(aside, "wb") as file:
            np.savez_compressed(
                file,
                steps=rows.steps,
                times=rows.times,
                segment=rows.segment,
                segments=np.frombuffer(
                    b"".join(encode_line(line) for line in rows.segments), np.uint8
                ),
                names=np.array(names, dtype=np.str_),
                column_start=np.cumsum([0, *counts]).astype(np.int64),
                row_of_value=_joined([rows.columns[name][0] for name in names], np.int32),
                value=_joined([rows.columns[name][1] for name in names], np.float64),
                unreadable=np.int64(rows.unreadable),
                lines_size=np.int64(size),
                last_line=np.frombuffer(last, np.uint8),
            )
        os.replace(aside, run_dir / COLUMNS_FILE)
    finally:
        aside.unlink(missing_ok=True)


def _joined(arrays: list[np.ndarray], dtype: Any) -> np.ndarray:
    """Arrays one after the other; an empty list gives an empty array."""
    return np.concatenate([np.empty(0, dtype), *arrays]).astype(dtype)


def _fingerprint(path: Path) -> tuple[int, bytes]:
    """Size of the file of lines and its last 4,096 bytes, by which columns are known to belong to it."""
    with open(path, "rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - 4096))
        return size, file.read()


def _read_columns(run_dir: Path, only: Collection[str] | None) -> Rows | None:
    """Read `metrics.npz`; None if it is absent, damaged, or not of the present lines."""
    path = run_dir / COLUMNS_FILE
    if not path.exists():
        return None
    try:
        size, last = _fingerprint(run_dir / ROWS_FILE)
        with np.load(path, allow_pickle=False) as data:
            if int(data["lines_size"]) != size or data["last_line"].tobytes() != last:
                return None
            start, rows_of, values = data["column_start"], data["row_of_value"], data["value"]
            columns = {
                str(name): (rows_of[a:b], values[a:b])
                for name, a, b in zip(data["names"], start[:-1], start[1:], strict=True)
                if only is None or name in only
            }
            segments = [decode_line(line) for line in data["segments"].tobytes().splitlines()]
            return Rows(
                data["steps"],
                data["times"],
                data["segment"],
                [line for line in segments if line is not None],
                columns,
                int(data["unreadable"]),
            )
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        return None


def _read_lines(path: Path, only: Collection[str] | None = None) -> Rows:
    """Read `metrics.jsonl`; an absent file has no rows."""
    steps: list[int] = []
    times: list[float] = []
    segment: list[int] = []
    segments: list[dict[str, Any]] = []
    columns: dict[str, tuple[list[int], list[Any]]] = {}
    unreadable = 0
    for line in _lines(path):
        data = decode_line(line) if line.endswith(b"\n") else None
        if data is not None and "segment" in data:
            segments.append(data)
            continue
        try:
            step, time_s, metrics = int(data["step"]), float(data["time"]), data["metrics"]  # type: ignore[index]
            items = metrics.items()
            if not -(2**63) <= step < 2**63:
                raise ValueError("no count of steps")
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
            unreadable += 1
            continue
        row = len(steps)
        for name, value in items:
            if only is None or name in only:
                rows, values = columns.setdefault(name, ([], []))
                rows.append(row)
                values.append(value)
        steps.append(step)
        times.append(time_s)
        segment.append(max(len(segments) - 1, 0))
    return Rows(
        np.array(steps, np.int64),
        np.array(times, np.float64),
        np.array(segment, np.int32),
        segments,
        {name: _column(rows, values) for name, (rows, values) in columns.items()},
        unreadable,
    )


def _lines(path: Path) -> Iterator[bytes]:
    """The lines of a file; none if it is absent."""
    with contextlib.suppress(FileNotFoundError), open(path, "rb") as file:
        yield from file


def _column(rows: list[int], values: list[Any]) -> tuple[np.ndarray, np.ndarray]:
    """Arrays of a metric's rows and values; what is no number is left out."""
    # Millions of values: they are looked at one by one only where there is more than plain numbers.
    if not all(
        type(value) is float or (type(value) is int and abs(value) < 2**63) for value in values
    ):
        good = []
        for row, value in zip(rows, values, strict=True):
            with contextlib.suppress(ValueError):
                good.append((row, decode_value(value)))
        rows, values = [row for row, _ in good], [value for _, value in good]
    return np.array(rows, np.int32), np.array(values, np.float64)
