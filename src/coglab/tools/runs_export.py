"""What `runs.export`, `runs.sync` and `runs.doctor` do."""

from __future__ import annotations

import contextlib
import csv
import importlib
import importlib.metadata
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import numpy as np

from coglab.analysis.sources import Runs
from coglab.analysis.text import clean
from coglab.analysis.wandb_log import LogError, LogReader
from coglab.config import UserError
from coglab.tools.runs_common import NO_RUN, NO_SOURCE, guarded, out, runs_of, say
from coglab.tools.runs_list import selected
from coglab.tracking.wandb_sink import has_credentials

if TYPE_CHECKING:
    from coglab.tools.runs import DoctorTool, ExportTool, SyncTool

COLUMNS = ("run", "step", "time", "metric", "value")


def export(tool: ExportTool) -> int:
    """Write metrics as one long table, one run at a time."""
    return guarded(lambda store: _export(tool, store), runs_of(tool))


def _export(tool: ExportTool, store: Runs) -> int:
    runs = selected(tool, store)
    if runs is None:
        return NO_RUN
    if tool.to == "parquet":
        return _parquet(tool, store, runs)
    with _target(tool.out) as file:
        if tool.to == "csv":
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(COLUMNS)
            for row in _rows(tool, store, runs):
                writer.writerow([_safe(row[0]), *row[1:]])
        else:
            for row in _rows(tool, store, runs):
                record = dict(zip(COLUMNS, row, strict=True))
                file.write(json.dumps(record, ensure_ascii=False) + "\n")
    if tool.out is not None:
        say(f"written: {tool.out}")
    return 0


def _safe(name: str) -> str:
    """A name that no spreadsheet takes for a formula."""
    return "'" + name if name[:1] in ("=", "+", "-", "@", "\t", "\r") else name


@contextlib.contextmanager
def _target(path: str | None) -> Iterator[TextIO]:
    """Standard output, or a file that appears when it is whole."""
    if path is None:
        yield sys.stdout
        return
    with _aside(path) as aside, open(aside, "w", encoding="utf-8", newline="") as file:
        yield file


@contextlib.contextmanager
def _aside(path: str) -> Iterator[Path]:
    """A file beside `path` that takes its place when it is whole."""
    aside = Path(f"{path}.{os.getpid()}.part")
    try:
        yield aside
        os.replace(aside, path)
    except OSError as error:
        raise UserError(f"cannot write `out={path}`: {error.strerror or error}.") from error
    finally:
        with contextlib.suppress(OSError):
            aside.unlink()


def _rows(tool: ExportTool, store: Runs, runs: list[Any]) -> Iterator[list[Any]]:
    for run in runs:
        names = list(tool.metrics) or sorted(store.keys(run))
        for name, series in sorted(store.history(run, names).items()):
            for step, value, time_s in zip(
                series.steps.tolist(), series.values.tolist(), series.times.tolist(), strict=True
            ):
                shown = (
                    value
                    if np.isfinite(value)
                    else "NaN"
                    if value != value
                    else "Infinity"
                    if value > 0
                    else "-Infinity"
                )
                yield [run.name, step, time_s if time_s == time_s else None, name, shown]


def _parquet(tool: ExportTool, store: Runs, runs: list[Any]) -> int:
    if importlib.util.find_spec("pyarrow") is None:
        raise UserError(
            "`to=parquet` needs the package pyarrow: `pip install pyarrow`; `to=csv` and `to=jsonl` need nothing."
        )
    if tool.out is None:
        raise UserError("`to=parquet` needs a file: `out=runs.parquet`.")
    pyarrow = importlib.import_module("pyarrow")
    parquet = importlib.import_module("pyarrow.parquet")
    columns: list[list[Any]] = [[] for _ in COLUMNS]
    for row in _rows(tool, store, runs):
        row[4] = float(row[4])
        for column, value in zip(columns, row, strict=True):
            column.append(value)
    table = pyarrow.table(dict(zip(COLUMNS, columns, strict=True)))
    with _aside(tool.out) as aside:
        parquet.write_table(table, aside)
    say(f"written: {tool.out}")
    return 0


def offline_runs(places: list[Path]) -> tuple[list[Path], list[tuple[Path, str]]]:
    """Folders of offline runs that have something to upload, and those that would stop the upload of all others.

    Args:
        places: folders to look in; their `wandb` folders and run directories are found.
    """
    good, bad = [], []
    seen = set()
    for place in places:
        for pattern in (
            "offline-run-*",
            "wandb/offline-run-*",
            "*/wandb/offline-run-*",
            "*/wandb/wandb/offline-run-*",
        ):
            for folder in sorted(place.glob(pattern)):
                if folder.is_symlink() or not folder.is_dir() or folder.resolve() in seen:
                    continue
                seen.add(folder.resolve())
                logs = sorted(folder.glob("*.wandb"))
                if any(log.with_name(log.name + ".synced").exists() for log in logs):
                    continue
                try:
                    if not logs:
                        raise LogError("no log in it")
                    for log in logs:
                        LogReader(log)
                    good.append(folder)
                except (LogError, OSError) as error:
                    bad.append((folder, str(error)))
    return good, bad


def sync(tool: SyncTool) -> int:
    """Upload offline runs with W&B's own command."""
    places = [Path(s.partition(":")[2] if s.startswith("wandb-dir:") else s) for s in tool.source]
    places = places or [Path(tool.train_dir), Path()]
    good, bad = offline_runs(places)
    for folder, reason in bad:
        say(f"left out: {folder}: {reason}")
    if not good:
        out("nothing to upload")
        return 0
    if tool.dry:
        out("\n".join(f"would upload {folder}" for folder in good))
        return 0
    if importlib.util.find_spec("wandb") is None:
        raise UserError(
            "runs.sync needs the package wandb: start with `./tools/run.py --with wandb runs.sync`."
        )
    if not has_credentials(os.environ):
        raise UserError(
            "runs.sync needs credentials: `wandb login` stores them, or set WANDB_API_KEY."
        )
    program = shutil.which(
        "wandb",
        path=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]),
    )
    words = [program] if program else [sys.executable, "-m", "wandb"]
    failed = []
    for folder in good:
        done = subprocess.run(
            [*words, "sync", str(folder)], capture_output=True, text=True, check=False
        )
        if done.returncode:
            failed.append(folder)
            lines = (done.stderr or done.stdout).strip().splitlines()
            say(f"failed: {folder}: {clean(lines[-1] if lines else done.returncode, 300)}")
        else:
            out(f"uploaded {folder}")
    return NO_SOURCE if failed else 0


def doctor(tool: DoctorTool) -> int:
    """Say what can be read here."""
    for name in ("wandb", "protobuf", "numpy", "matplotlib", "jinja2", "pyarrow"):
        try:
            out(f"{name:<12} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            what = {
                "wandb": "the W&B server cannot be read; its files can",
                "pyarrow": "no export to parquet",
            }.get(name, "needed")
            out(f"{name:<12} not installed: {what}")
    out(
        f"{'credentials':<12} {'found' if has_credentials(os.environ) else 'none: `wandb login` stores them'}"
    )
    try:
        store, refused = runs_of(tool)
    except UserError as error:
        say(f"error: {error}")
        return NO_SOURCE
    if store is None:
        return NO_SOURCE
    for source in store.sources:
        mine = [run for run in store.runs if run.source == source.spelling]
        states = {
            state: sum(run.state == state for run in mine)
            for state in sorted({run.state for run in mine})
        }
        listed = ", ".join(f"{count} {state}" for state, count in states.items()) or "no runs"
        out(f"{source.spelling}: {listed}")
    for place in store.unreadable:
        out(f"  {place.kind}: {clean(place.place)}: {clean(place.reason)}")
    return NO_SOURCE if refused else 0
