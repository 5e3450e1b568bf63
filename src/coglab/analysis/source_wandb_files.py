"""Runs in the transaction logs that W&B leaves on disk, online and offline, live, killed or damaged."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from coglab.analysis.model import RunInfo, Series, Unreadable
from coglab.analysis.wandb_log import LogError, LogReader, missing_records
from coglab.analysis.wandb_records import (
    FACTS,
    HISTORY,
    SUMMARY,
    LogFacts,
    WireError,
    as_number,
    find_values,
    history_values,
)
from coglab.config import UserError
from coglab.tracking.names import STEP_METRIC

LIVE_FOR_S = 300.0
"""A log without an end that was written to this recently is taken for a running one."""

SUMMARY_BYTES = 1_048_576
"""So much of a log's end is searched for summaries."""

_MAX_DEPTH = 4
_NUMBERED = frozenset({HISTORY})


class WandbFiles:
    """Every `.wandb` file below a folder; see `RunSource`. Several of one run id are one run.

    Args:
        place: a folder or one `.wandb` file.
        spelling: how the user named it.
        now: seconds since 1970; whether a log without an end is live is judged at this time.

    Raises:
        UserError: if there is no such place.
    """

    def __init__(self, place: Path, spelling: str, now: float) -> None:
        self.spelling = spelling
        self.unreadable: list[Unreadable] = []
        self._place = place
        self._now = now
        self._files: dict[tuple[str, str], list[tuple[float, Path, LogFacts]]] = {}
        if not place.exists():
            raise UserError(
                f"`{spelling}`: there is no {place}. Expected a folder such as `wandb-dir:./wandb`."
            )

    def list(self) -> Sequence[RunInfo]:
        """See `RunSource.list`. Reads the files once; rows are skipped."""
        self.unreadable, self._files = [], {}
        runs: dict[tuple[str, str], RunInfo] = {}
        newest: dict[tuple[str, str], float] = {}
        for path in self._logs():
            try:
                facts, reader = self._facts(path)
            except LogError as error:
                kind = "empty" if "empty run" in str(error) else "unreadable"
                self.unreadable.append(Unreadable(self._shown(path), str(error), kind))
                continue
            except OSError as error:
                self.unreadable.append(Unreadable(self._shown(path), error.strerror or str(error)))
                continue
            if "id" not in facts.run:
                self.unreadable.append(Unreadable(self._shown(path), "it holds no record of a run"))
                continue
            run = self._run(path, facts, reader)
            start = facts.run.get("start", 0.0)
            self._files.setdefault(run.key, []).append((start, path, facts))
            known = runs.get(run.key)
            if known is None:
                runs[run.key], newest[run.key] = run, start
                continue
            known.fragments += 1
            notes = known.notes + run.notes
            if start >= newest[run.key]:
                run.fragments, run.created = known.fragments, min(known.created or start, start)
                runs[run.key], newest[run.key] = run, start
            runs[run.key].notes = notes
        for entries in self._files.values():
            entries.sort(key=lambda entry: (entry[0], str(entry[1])))
        return list(runs.values())

    def _logs(self) -> Iterator[Path]:
        """The files, in a fixed order; links are not followed, so nothing outside the folder is read."""
        if self._place.is_file():
            yield self._place
            return
        for folder, folders, files in os.walk(self._place, followlinks=False):
            depth = len(Path(folder).relative_to(self._place).parts)
            folders[:] = sorted(
                name
                for name in folders
                if depth < _MAX_DEPTH and not (Path(folder) / name).is_symlink()
            )
            for name in sorted(files):
                path = Path(folder) / name
                if name.endswith(".wandb") and not path.is_symlink():
                    yield path

    def _shown(self, path: Path) -> str:
        return str(path.relative_to(self._place)) if path != self._place else path.name

    def _facts(self, path: Path) -> tuple[LogFacts, LogReader]:
        facts = LogFacts()
        reader = LogReader(path)
        for kind, data, start in reader.records(FACTS):
            facts.take(kind, data, start)
        # Every row repeats the summary, so that the newest are enough; metrics that were logged long ago are not in it.
        for kind, data, start in LogReader(path).records(frozenset({SUMMARY}), SUMMARY_BYTES):
            facts.take(kind, data, start)
        return facts, reader

    def _run(self, path: Path, facts: LogFacts, reader: LogReader) -> RunInfo:
        written = path.stat().st_mtime
        config = {key: value for key, value in facts.config.items() if key != "_wandb"}
        run = RunInfo(
            id=facts.run["id"],
            name=facts.run.get("name") or facts.run["id"],
            source=self.spelling,
            project=facts.run.get("project"),
            entity=facts.run.get("entity"),
            state=_state(facts, self._now - written),
            exit_code=facts.exit_code,
            created=facts.run.get("start"),
            ended=written if facts.exit_code is not None else None,
            last_data=written,
            group=facts.run.get("group"),
            tags=sorted(facts.run.get("tags", [])),
            run_notes=facts.run.get("notes"),
            directory=str(path.parent),
            step_metric=_step_metric(facts),
            config=config or None,
            summary=facts.summary,
        )
        run.last_step = facts.summary.get(
            run.step_metric or STEP_METRIC, facts.summary.get("_step")
        )
        if facts.exit_code is None:
            run.notes.append(
                "the log has no end: the process was killed or still runs; judged by the file's age"
            )
        note_damage(path, reader, run)
        if reader.cut_at is not None:
            run.notes.append(
                f"{path.name} ends within a record that begins at offset {reader.cut_at:,}, which is left out: it is "
                "being written, or its writer was killed"
            )
        if facts.undecodable:
            run.notes.append(f"{facts.undecodable} records could not be decoded")
        if facts.changed:
            run.config_changes = dict(facts.changed)
        return run

    def complete(self, run: RunInfo) -> None:
        """See `RunSource.complete`; `list` has read everything."""

    def keys(self, run: RunInfo) -> Sequence[str]:
        """See `RunSource.keys`. Looks at the first and the last rows and at the summary."""
        names = {name for name in run.summary if not name.startswith("_")}
        for _, path, _ in self._files.get(run.key, []):
            for index, (_, data, start) in enumerate(LogReader(path).records(_NUMBERED)):
                if index >= 200:
                    break
                try:
                    names |= history_values(data, start).keys()
                except WireError:
                    continue
        return sorted(name for name in names if not name.startswith("_"))

    def history(self, run: RunInfo, names: Iterable[str]) -> dict[str, Series]:
        """See `RunSource.history`. Later fragments replace what earlier ones logged from their first step on."""
        wanted = sorted(set(names))
        step_metric = run.step_metric or STEP_METRIC
        parts: list[dict[str, Series]] = []
        for _, path, _ in self._files.get(run.key, []):
            try:
                parts.append(read_history(path, wanted, step_metric, run))
            except (LogError, OSError) as error:
                run.notes.append(f"{path.name}: {error}")
        merged = merge_fragments(parts, run)
        steps = [series.steps[-1] for series in merged.values() if len(series.steps)]
        if steps:
            run.last_step = float(max(steps))
        return merged


def note_damage(path: Path, reader: LogReader, run: RunInfo) -> None:
    """Say of a run what damage took from one of its logs, in place of what was said of that log before.

    Args:
        path: the log.
        reader: has read it, verifying the checksums of some kinds of records.
        run: is told.
    """
    if not reader.lost_bytes:
        return
    start = f"damaged: {path.parent.name}/{path.name}: "
    missing = missing_records(path)
    records = "its records are not numbered" if missing is None else f"{missing:,} records missing"
    run.notes = [note for note in run.notes if not note.startswith(start)]
    run.notes.append(
        f"{start}{reader.lost_bytes:,} bytes lost, first at offset {reader.lost_at:,}; {records}"
    )


def _state(facts: LogFacts, age_s: float) -> str:
    """What the end of a log means; without an end, its age decides."""
    code = facts.exit_code
    if code is None:
        return "running" if age_s < LIVE_FOR_S else "crashed"
    if facts.preempting and code:
        return "preempted"
    known = {
        0: "finished",
        255: "interrupted",
        130: "interrupted",
        143: "terminated",
        137: "killed",
    }
    return known.get(code, "failed")


def _step_metric(facts: LogFacts) -> str | None:
    """The metric that most others are drawn over; a glob `*` counts as all of them."""
    if not facts.metrics:
        return STEP_METRIC if STEP_METRIC in facts.summary else None
    if "*" in facts.metrics:
        return facts.metrics["*"]
    counts: dict[str, int] = {}
    for name in facts.metrics.values():
        counts[name] = counts.get(name, 0) + 1
    return max(sorted(counts), key=lambda name: counts[name])


def read_history(path: Path, names: list[str], step_metric: str, run: RunInfo) -> dict[str, Series]:
    """Read a few metrics of one log.

    Args:
        path: the file.
        names: metrics.
        step_metric: the axis; a row without it belongs to the newest step before it.
        run: is told how many rows were read and what was lost.

    Returns:
        name -> its series; absent without a value. Where no row has the axis, W&B's own step is used and noted.
    """
    wanted = [*names, step_metric, "_step", "_timestamp"]
    encoded = [name.encode() for name in wanted]
    joined = np.frombuffer(b"".join(encoded) or b"\0", np.uint8)
    starts = np.cumsum([0, *map(len, encoded)]).astype(np.int64)
    out = np.empty((len(wanted), 2), np.int64)
    num_names = len(names)
    rows: list[list[Any]] = [[] for _ in names]
    values: list[list[float]] = [[] for _ in names]
    steps: list[float] = []
    own_steps: list[float] = []
    times: list[float] = []
    row, undecodable = 0, 0
    nan = float("nan")
    reader = LogReader(path)
    for _, data, start in reader.records(_NUMBERED):
        code = find_values(np.frombuffer(data, np.uint8), start, joined, starts, out)
        if code == 2:
            undecodable += 1
            continue
        found: list[float | None]
        if code == 1:
            try:
                everything = history_values(data, start)
            except WireError:
                undecodable += 1
                continue
            found = [everything.get(name) for name in wanted]
        else:
            found = [
                as_number(bytes(data[begin:end])) if begin >= 0 else None
                for begin, end in out.tolist()
            ]
        for index in range(num_names):
            value = found[index]
            if value is not None:
                rows[index].append(row)
                values[index].append(value)
        steps.append(nan if found[-3] is None else found[-3])
        own_steps.append(nan if found[-2] is None else found[-2])
        times.append(nan if found[-1] is None else found[-1])
        row += 1
    note_damage(path, reader, run)
    axis = forward_fill(np.array(steps))
    if row and not np.isfinite(axis).any():
        axis = forward_fill(np.array(own_steps))
        if not np.isfinite(axis).any():
            axis = np.arange(row, dtype=float)
        run.notes.append(f"no row has the step axis {step_metric}; W&B's own step is used instead")
    run.rows += row
    if undecodable:
        run.notes.append(f"{undecodable} rows could not be decoded")
    clock = np.array(times)
    series = {}
    for name, at, column in zip(names, rows, values, strict=True):
        if at:
            places = np.array(at)
            keep = np.isfinite(axis[places])
            series[name] = Series(axis[places][keep], np.array(column)[keep], clock[places][keep])
    return series


def forward_fill(steps: np.ndarray) -> np.ndarray:
    """Give rows without a step the newest step before them; rows before the first keep NaN."""
    if not len(steps):
        return steps
    index = np.where(np.isfinite(steps), np.arange(len(steps)), -1)
    newest = np.maximum.accumulate(index)
    return np.where(newest >= 0, steps[np.maximum(newest, 0)], np.nan)


def merge_fragments(parts: list[dict[str, Series]], run: RunInfo) -> dict[str, Series]:
    """Lay fragments of one run over each other, oldest first: from its first step on, a later one wins.

    Args:
        parts: metric -> series, one per fragment.
        run: is told about rewinds and dropped rows.
    """
    merged: dict[str, Series] = {}
    for part in parts:
        firsts = [series.steps[0] for series in part.values() if len(series.steps)]
        if not firsts:
            continue
        first = min(firsts)
        last = max((s.steps.max() for s in merged.values() if len(s.steps)), default=-np.inf)
        if last >= first:
            run.rewinds.append((float(last), float(first)))
        for name, series in list(merged.items()):
            keep = series.steps < first
            run.superseded_rows = max(run.superseded_rows, int((~keep).sum()))
            merged[name] = Series(*(column[keep] for column in series))
        for name, series in part.items():
            old = merged.get(name)
            merged[name] = (
                series
                if old is None
                else Series(*(np.concatenate(pair) for pair in zip(old, series, strict=True)))
            )
    return {name: series for name, series in merged.items() if len(series.steps)}
