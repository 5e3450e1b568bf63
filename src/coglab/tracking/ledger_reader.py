"""Reading a run: its record, its configuration, its metrics, its state; comparing two runs."""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from coglab.config.errors import UserError
from coglab.tracking.ledger_format import CONFIG_FILE, INFO_FILE, read_json, utc_seconds
from coglab.tracking.ledger_rows import Rows, read_rows
from coglab.tracking.names import is_timing
from coglab.tracking.processes import ProcessIdentity, is_alive
from coglab.tracking.run_lock import OTHER_HOST_SILENCE_S


class Column(NamedTuple):
    """One metric over the run: `steps [V]` int64, strictly rising; `values [V]` float64, may be NaN or infinite."""

    steps: np.ndarray
    values: np.ndarray


@dataclass
class RunLedger:
    """What a run directory says about a run.

    Attributes:
        run_dir: where it was read from.
        info: `run.json`.
        config: `config.json`, None if it is absent or damaged.
        steps: `[R]` int64, strictly rising: the agent steps at which something was logged.
        times: `[R]` float64: when, seconds since 1970, UTC.
        columns: metric -> its values; only steps at which it was logged.
        superseded_rows: rows that a later start of the run replaced; they are in no column.
        unreadable_lines: damaged lines that were left out.
    """

    run_dir: Path
    info: dict[str, Any]
    config: dict[str, Any] | None
    steps: np.ndarray
    times: np.ndarray
    columns: dict[str, Column]
    superseded_rows: int = 0
    unreadable_lines: int = 0

    @property
    def state(self) -> str:
        """The state now, see `run_state`."""
        return run_state(self.info)


def read_ledger(run_dir: Path, only: Collection[str] | None = None) -> RunLedger:
    """Read a run, finished or not, at any time.

    A start that continues from a checkpoint replaces what earlier starts logged after that checkpoint. When a metric
    was logged twice at one step, the later value counts.

    Args:
        run_dir: a run directory.
        only: metrics to read; left out, all. A few are read faster.

    Raises:
        UserError: if there is no run, or its record is damaged.
    """
    info_path = run_dir / INFO_FILE
    info = read_json(info_path)
    if info is None:
        what = "is damaged" if info_path.exists() else "does not exist"
        raise UserError(
            f"no run in `{run_dir}`: {info_path} {what}. Expected a run directory such as train_dir/<run>."
        )
    rows = read_rows(run_dir, only)
    kept = _not_superseded(rows)
    columns = {}
    for name, (row_of_value, values) in rows.columns.items():
        mask = kept[row_of_value]
        if mask.any():
            steps, last = _last_of_each(rows.steps[row_of_value[mask]])
            columns[name] = Column(steps, values[mask][last])
    steps, last = _last_of_each(rows.steps[kept])
    return RunLedger(
        run_dir,
        info,
        read_json(run_dir / CONFIG_FILE),
        steps,
        rows.times[kept][last],
        columns,
        int((~kept).sum()),
        rows.unreadable,
    )


def _not_superseded(rows: Rows) -> np.ndarray:
    """`[R]` bool: rows that no later segment replaces."""
    first_steps = [int(line.get("first_step", 0)) for line in rows.segments] or [0]
    no_limit = np.iinfo(np.int64).max
    limit_of_segment = np.array(
        [min(first_steps[later:], default=no_limit) for later in range(1, len(first_steps) + 1)],
        np.int64,
    )
    return np.asarray(rows.steps < limit_of_segment[rows.segment])


def _last_of_each(steps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distinct steps in rising order and the index of the last entry of each."""
    distinct, index_from_end = np.unique(steps[::-1], return_index=True)
    return distinct, len(steps) - 1 - index_from_end


def run_state(
    info: dict[str, Any], now: float | None = None, stalled_after_s: float = 600.0
) -> str:
    """What a run is doing.

    Args:
        info: its `run.json`.
        now: seconds since 1970; left out, the present.
        stalled_after_s: a living run that has logged nothing for this long is stalled.

    Returns:
        `running`, `stalled` (alive, but nothing happens), `crashed` (its process is gone and said nothing), or what
        the run itself recorded at its end: `finished`, `failed`, `interrupted`, `terminated`.
    """
    if info.get("state") != "running":
        return str(info.get("state", "unknown"))
    now = time.time() if now is None else now
    process = ProcessIdentity.from_dict(info)
    alive = is_alive(process) if process is not None else None
    if alive is None:
        beat = utc_seconds(info.get("heartbeat"))
        alive = beat is not None and now - beat < OTHER_HOST_SILENCE_S
    if not alive:
        return "crashed"
    progress = utc_seconds(info.get("progress"))
    if progress is not None and now - progress > stalled_after_s:
        return "stalled"
    return "running"


def compare_ledgers(a: RunLedger, b: RunLedger, limit: int = 20) -> list[str]:
    """Compare what two runs logged, speed and memory left out.

    Two runs of the same command and seed must not differ, whether or not they were interrupted.

    Args:
        a: one run.
        b: the other.
        limit: longest list returned.

    Returns:
        One line per difference, first steps first within a metric; empty if there is none.
    """
    differences: list[str] = []
    for name in sorted(set(a.columns) | set(b.columns)):
        if is_timing(name):
            continue
        if name not in a.columns or name not in b.columns:
            where = a.run_dir.name if name in a.columns else b.run_dir.name
            differences.append(f"{name}: only in {where}")
            continue
        one, two = a.columns[name], b.columns[name]
        only = np.setxor1d(one.steps, two.steps)
        if only.size:
            differences.append(
                f"{name}: step {only[0]} is only in one of them ({only.size} such steps)"
            )
        common, i, j = np.intersect1d(one.steps, two.steps, return_indices=True)
        x, y = one.values[i], two.values[j]
        unequal = np.flatnonzero(~((x == y) | (np.isnan(x) & np.isnan(y))))
        if unequal.size:
            first = unequal[0]
            differences.append(
                f"{name}: {x[first]!r} and {y[first]!r} at step {common[first]} ({unequal.size} such steps)"
            )
    return differences[:limit]
