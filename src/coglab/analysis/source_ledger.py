"""Runs of this program: the ledgers below a data directory."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from coglab.analysis.model import RunInfo, Series, Unreadable
from coglab.config import UserError
from coglab.tracking.ledger_format import (
    CONFIG_FILE,
    INFO_FILE,
    ROWS_FILE,
    as_float,
    decode_line,
    read_json,
    utc_seconds,
)
from coglab.tracking.ledger_reader import read_ledger, run_state
from coglab.tracking.ledger_rows import read_rows

_TAIL_BYTES = 65_536


class LedgerSource:
    """Every run directory in a folder; see `RunSource`.

    Args:
        folder: a data directory such as `./train_dir`, or a single run directory.
        spelling: how the user named it.
        now: seconds since 1970; states of running runs are judged at this time.

    Raises:
        UserError: if there is no such folder.
    """

    def __init__(self, folder: Path, spelling: str, now: float | None = None) -> None:
        self.spelling = spelling
        self.unreadable: list[Unreadable] = []
        self._folder = folder
        self._now = now
        if not folder.is_dir():
            raise UserError(
                f"`{spelling}`: there is no folder {folder}. Expected a data directory such as `runs:./train_dir`."
            )

    def list(self) -> Sequence[RunInfo]:
        """See `RunSource.list`. Reads one small file a run."""
        self.unreadable = []
        found = []
        for place in self._places():
            info = read_json(place / INFO_FILE)
            if info is None:
                self.unreadable.append(Unreadable(place.name, f"{INFO_FILE} is damaged"))
                continue
            try:
                found.append(self._read(place, info))
            except (TypeError, ValueError, AttributeError) as error:
                self.unreadable.append(
                    Unreadable(place.name, f"{INFO_FILE} has an unexpected form ({error})")
                )
        return found

    def _places(self) -> Iterable[Path]:
        if (self._folder / INFO_FILE).is_file():
            return [self._folder]
        with os.scandir(self._folder) as entries:
            # A link may lead anywhere; runs are folders of their own.
            names = sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
        return [
            self._folder / name for name in names if (self._folder / name / INFO_FILE).is_file()
        ]

    def _read(self, place: Path, info: dict[str, Any]) -> RunInfo:
        code = _dict(info.get("code"))
        crash = _dict(info.get("crash"))
        wandb = _dict(info.get("wandb"))
        segments = [s for s in info.get("segments") or [] if isinstance(s, dict)]
        state = run_state(info, self._now) if info.get("state") == "running" else info.get("state")
        changes: dict[str, Any] = {}
        for segment in segments:
            changes |= _dict(segment.get("config_changes"))
        run = RunInfo(
            id=str(info.get("run_id") or place.name),
            name=str(info.get("name") or place.name),
            source=self.spelling,
            project=_text(info.get("project")),
            entity=_text(info.get("entity")),
            state=str(state or "unknown"),
            exit_code=info.get("exit_code") if isinstance(info.get("exit_code"), int) else None,
            created=utc_seconds(info.get("created")),
            ended=utc_seconds(info.get("ended")),
            last_data=utc_seconds(info.get("progress")),
            last_step=_number(info.get("last_step")),
            target_steps=_number(info.get("target_steps")),
            recipe=_text(info.get("recipe")),
            argv=[str(word) for word in info.get("argv") or []] or None,
            seed=info.get("seed") if isinstance(info.get("seed"), int) else None,
            group=_text(info.get("group")),
            tags=[str(tag) for tag in info.get("tags") or []],
            run_notes=_text(info.get("notes")),
            url=_text(wandb.get("url")),
            directory=str(place),
            code=_text(code.get("commit")) or _text(code.get("version")),
            dirty=code.get("dirty") if isinstance(code.get("dirty"), bool) else None,
            step_metric=_text(info.get("step_metric")),
            crash_class=_text(crash.get("class")),
            crash_message=_text(crash.get("message")),
            message=_text(info.get("message")),
            tail=[str(line) for line in crash.get("tail") or []][-20:],
            config_changes=changes,
            fragments=max(1, len(segments)),
        )
        flags = _dict(info.get("flags"))
        if flags.get("rows_missing"):
            run.notes.append(f"{flags['rows_missing']} rows could not be written (disk full?)")
        return run

    def complete(self, run: RunInfo) -> None:
        """See `RunSource.complete`."""
        place = Path(str(run.directory))
        if run.config is None:
            config = read_json(place / CONFIG_FILE)
            if config is None and (place / CONFIG_FILE).exists():
                run.notes.append(f"{CONFIG_FILE} is damaged; the run is left out of the contrast")
            run.config = config
        if not run.summary:
            run.summary = last_values(place)

    def keys(self, run: RunInfo) -> Sequence[str]:
        """See `RunSource.keys`."""
        return sorted(read_rows(Path(str(run.directory))).columns)

    def history(self, run: RunInfo, names: Iterable[str]) -> dict[str, Series]:
        """See `RunSource.history`. Rows that a later start replaced are dropped and counted in `run`."""
        try:
            ledger = read_ledger(Path(str(run.directory)), set(names))
        except UserError:  # its text names the folder, which stays out of reports
            run.notes.append("its record could not be read when its rows were asked for")
            return {}
        run.rows = len(ledger.steps)
        run.superseded_rows = ledger.superseded_rows
        if ledger.unreadable_lines:
            run.notes.append(f"{ledger.unreadable_lines} damaged lines left out")
        if len(ledger.steps):
            run.last_step = float(ledger.steps[-1])
            run.last_data = float(ledger.times[-1])
        series = {}
        for name, column in ledger.columns.items():
            at = np.searchsorted(ledger.steps, column.steps)
            series[name] = Series(column.steps.astype(float), column.values, ledger.times[at])
        return series


def last_values(place: Path) -> dict[str, float]:
    """The newest value of every metric in the last 64 kB of a run's rows; reads no more than that."""
    try:
        with open(place / ROWS_FILE, "rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _TAIL_BYTES))
            lines = file.read().splitlines()
    except OSError:
        return {}
    values: dict[str, float] = {}
    for line in lines[1 if size > _TAIL_BYTES else 0 :]:
        row = decode_line(line)
        if row is not None and isinstance(row.get("metrics"), dict):
            for name, value in row["metrics"].items():
                if isinstance(value, int | float):
                    values[name] = as_float(value)
    return values


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return as_float(value)
