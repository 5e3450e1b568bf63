"""Writing a run's ledger: it never raises into the training loop, and a kill loses no whole line.

The files are described in `ledger_format.py`, reading in `ledger_reader.py`.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from coglab.config.errors import UserError
from coglab.tracking.ledger_format import (
    COLUMNS_FILE,
    CONFIG_FILE,
    INFO_FILE,
    ROWS_FILE,
    SCHEMA_VERSION,
    encode_line,
    encode_value,
    last_row,
    read_json,
    repair_tail,
    replace_json,
    utc_seconds,
    utc_text,
)
from coglab.tracking.ledger_rows import write_columns
from coglab.tracking.processes import this_process
from coglab.tracking.provenance import code_facts
from coglab.tracking.run_lock import RunLock

HEARTBEAT_S = 10.0


class Ledger:
    """The open ledger of one run. Opening it takes the run's lock and begins a new segment.

    Args:
        run_dir: created if absent.
        facts: what is recorded of the command, JSON-able: name, project, entity, group, tags, notes, argv, recipe,
            seed, target_steps, step_metric.
        config: the effective configuration, JSON-able; becomes `config.json`.
        start_step: agent step of the weights that the segment starts from; 0 for a new run.
        checkpoint: where those weights come from, None for new ones.
        warn: is told, once per kind of trouble, what could not be recorded. May be called from another thread.
        heartbeat_s: seconds between heartbeats.

    Raises:
        UserError: if another process trains this run, or the directory cannot be written.
    """

    def __init__(
        self,
        run_dir: Path,
        facts: dict[str, Any],
        config: dict[str, Any],
        *,
        start_step: int = 0,
        checkpoint: str | None = None,
        warn: Callable[[str], None],
        heartbeat_s: float = HEARTBEAT_S,
    ) -> None:
        self.run_dir = run_dir
        self._warn = warn
        self._warned: set[str] = set()
        self._mutex = threading.RLock()
        self._line_is_cut = False
        self._finished = False
        self._beating = threading.Event()
        try:
            run_dir.mkdir(parents=True, exist_ok=True)
            self._lock = RunLock(run_dir, lambda: heartbeat_age(run_dir))
            self._lock.acquire()
            try:
                self.info = self._begin(facts, config, start_step, checkpoint)
            except BaseException:
                self._lock.release()
                raise
        except OSError as error:
            raise UserError(
                f"cannot write the run directory `{run_dir}`: {error.strerror or error}. "
                "Choose a folder that can be written with train_dir=FOLDER, or make room."
            ) from error
        self._thread = threading.Thread(
            target=self._beat, args=(heartbeat_s,), name="ledger-heartbeat", daemon=True
        )
        self._thread.start()

    def log(self, step: int, metrics: dict[str, Any]) -> None:
        """Append one row. What cannot be written is left out, with one warning.

        Args:
            step: agent step.
            metrics: name -> number (also a numpy scalar or a tensor with one element).
        """
        values: dict[str, int | float | str] = {}
        for name, value in metrics.items():
            try:
                values[name] = encode_value(value)
            except (TypeError, ValueError, RuntimeError) as error:
                self._trouble(
                    f"value of {name}", f"metric {name} is not a number ({error}); left out"
                )
        now = time.time()
        with self._mutex:
            self._append({"step": int(step), "time": round(now, 3), "metrics": values})
            self.info["last_step"] = int(step)
            self.info["progress"] = utc_text(now)

    def progress(self, phase: str) -> None:
        """Note what the run is doing now, as a sign that it moves."""
        with self._mutex:
            self.info["phase"] = phase
            self.info["progress"] = utc_text(time.time())

    def update(self, **facts: Any) -> None:
        """Add JSON-able facts to the record, for example `wandb={...}`; a dict is merged into the one that is there."""
        with self._mutex:
            for name, value in facts.items():
                old = self.info.get(name)
                if isinstance(old, dict) and isinstance(value, dict):
                    value = {**old, **value}
                self.info[name] = value
        self._write_info()

    def finish(
        self,
        state: str,
        exit_code: int,
        *,
        message: str | None = None,
        crash: dict[str, Any] | None = None,
    ) -> None:
        """Record the end and give the lock back. Later calls do nothing.

        Args:
            state: `finished`, `failed`, `interrupted` or `terminated`.
            exit_code: what the process will exit with.
            message: one sentence on how it ended.
            crash: `class`, `message` and `tail` (last lines) of an exception.
        """
        with self._mutex:
            if self._finished:
                return
            self._finished = True
        self._beating.set()
        self._thread.join(timeout=5)
        if state == "finished":
            try:
                write_columns(self.run_dir)
            except (OSError, ValueError) as error:
                self._trouble(
                    "columns", f"could not write {COLUMNS_FILE} ({error}); the rows are whole"
                )
        with self._mutex:
            end = {"ended": utc_text(time.time()), "state": state, "exit_code": int(exit_code)}
            self.info.update(end, message=message, crash=crash, phase=None)
            self.info["segments"][-1].update(end, last_step=self.info["last_step"])
        self._write_info()
        os.close(self._file)
        self._lock.release()

    def _begin(
        self, facts: dict[str, Any], config: dict[str, Any], start_step: int, checkpoint: str | None
    ) -> dict[str, Any]:
        """Close what an earlier process left open, and write the record and line of a new segment."""
        now = utc_text(time.time())
        old = read_json(self.run_dir / INFO_FILE) or {}
        if not old and (self.run_dir / INFO_FILE).exists():
            self._warn(f"{INFO_FILE} was damaged; a new one is begun, the rows are kept")
        segments = [dict(segment) for segment in old.get("segments", [])]
        repaired = repair_tail(self.run_dir / ROWS_FILE)
        previous = _end_of_previous(old, last_row(self.run_dir / ROWS_FILE))
        if previous is not None:
            segments[-1].update(previous)
        old_config = read_json(self.run_dir / CONFIG_FILE)
        code, process = code_facts(), this_process().as_dict()
        # Rows at the checkpoint's own step were logged before it was written and stay.
        first_step = start_step + 1 if start_step else 0
        segment: dict[str, Any] = {
            "segment": len(segments),
            "started": now,
            "start_step": start_step,
            "first_step": first_step,
            "checkpoint": checkpoint,
        }
        if previous is not None:
            segment["previous"] = previous
        details: dict[str, Any] = {
            "argv": facts.get("argv"),
            "commit": code["commit"],
            "dirty": code["dirty"],
            "host": process["host"],
            "pid": process["pid"],
            "repaired_bytes": repaired,
            "config_changes": _changes(old_config, config) if old_config else {},
        }
        segments.append({**segment, **details})
        info: dict[str, Any] = {
            **{name: old[name] for name in ("wandb", "summary") if name in old},
            "schema_version": SCHEMA_VERSION,
            "run_id": facts.get("name"),
            **facts,
            "created": old.get("created", now),
            "started": now,
            "heartbeat": now,
            "progress": now,
            "ended": None,
            "state": "running",
            "phase": "start",
            "exit_code": None,
            "message": None,
            "crash": None,
            "last_step": start_step,
            "code": code,
            **process,
            "flags": old.get("flags", {}),
            "segments": segments,
        }
        (self.run_dir / COLUMNS_FILE).unlink(missing_ok=True)
        replace_json(self.run_dir / CONFIG_FILE, config)
        replace_json(self.run_dir / INFO_FILE, info)
        self._file = os.open(
            self.run_dir / ROWS_FILE, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644
        )
        self._write(encode_line(segment))
        return info

    def _append(self, row: dict[str, Any]) -> None:
        """Write a row in one system call, after which it survives the death of this process."""
        if self._finished:
            self._trouble("finished", "metrics were logged after the run had ended; left out")
            return
        try:
            line = encode_line(row)
            self._write(b"\n" + line if self._line_is_cut else line)
        except (OSError, TypeError, ValueError) as error:
            self.info["flags"]["rows_missing"] = self.info["flags"].get("rows_missing", 0) + 1
            self._trouble("rows", f"could not write {ROWS_FILE} ({error}); training goes on")

    def _write(self, data: bytes) -> None:
        """Write all of it; a part that got through is closed by a newline next time."""
        self._line_is_cut = True
        while data:
            data = data[os.write(self._file, data) :]
        self._line_is_cut = False

    def _write_info(self) -> None:
        """Replace `run.json`, with the time as heartbeat."""
        with self._mutex:
            self.info["heartbeat"] = utc_text(time.time())
            try:
                replace_json(self.run_dir / INFO_FILE, self.info)
            except (OSError, TypeError, ValueError) as error:
                self._trouble(INFO_FILE, f"could not write {INFO_FILE} ({error}); training goes on")

    def _beat(self, interval_s: float) -> None:
        """Thread: a sign of life now and then, whatever the training loop does."""
        while not self._beating.wait(interval_s):
            self._write_info()

    def _trouble(self, kind: str, text: str) -> None:
        """Warn once per kind."""
        if kind not in self._warned:
            self._warned.add(kind)
            self._warn(text)


def refuse_if_running(run_dir: Path) -> None:
    """Find out early that a run cannot be begun; `Ledger` looks again when it takes the lock.

    Args:
        run_dir: the run directory, which need not exist.

    Raises:
        UserError: if another process trains this run.
    """
    # A directory that cannot be read or written is reported by `Ledger`.
    with contextlib.suppress(OSError):
        RunLock(run_dir, lambda: heartbeat_age(run_dir)).check()


def heartbeat_age(run_dir: Path) -> float | None:
    """Seconds since a run's last sign of life as its record says, None if it has none."""
    beat = utc_seconds((read_json(run_dir / INFO_FILE) or {}).get("heartbeat"))
    return None if beat is None else time.time() - beat


def _end_of_previous(old: dict[str, Any], row: dict[str, Any] | None) -> dict[str, Any] | None:
    """How the segment before this one ended; a process that said nothing has crashed after its last sign of life."""
    if not old.get("segments"):
        return None
    if old.get("state") == "running":
        row = row or {}
        signs = [sign for sign in (utc_seconds(old.get("heartbeat")), row.get("time")) if sign]
        return {
            "state": "crashed",
            "ended": utc_text(max(signs)) if signs else None,
            "exit_code": None,
            "last_step": row.get("step", old.get("last_step")),
        }
    return {name: old.get(name) for name in ("state", "ended", "exit_code", "last_step")}


def _changes(old: dict[str, Any], new: dict[str, Any], path: str = "") -> dict[str, list[Any]]:
    """Dotted path -> [old value, new value] of everything in which two configurations differ."""
    changes: dict[str, list[Any]] = {}
    for key in sorted(set(old) | set(new)):
        before, after = old.get(key), new.get(key)
        if isinstance(before, dict) and isinstance(after, dict):
            changes |= _changes(before, after, f"{path}{key}.")
        elif before != after:
            changes[f"{path}{key}"] = [before, after]
    return changes
