"""Names of sources, and several sources as one: the same run from two of them is one run."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from coglab.analysis.config import FilterConfig
from coglab.analysis.model import RunInfo, RunSource, Series, Unreachable, Unreadable
from coglab.analysis.settings import bounded
from coglab.analysis.source_ledger import LedgerSource
from coglab.config import UserError

KINDS = {
    "runs": "runs:./train_dir, the ledgers in a data directory",
    "wandb-dir": "wandb-dir:./wandb, the files that W&B leaves on disk",
    "wandb": "wandb:entity/project, a project on the W&B server",
    "table": "table:runs.json or table:runs.csv, a plain table",
}


def open_source(
    spelling: str, now: float, metric: str, filters: FilterConfig | None = None
) -> RunSource:
    """Open what a spelling names.

    Args:
        spelling: `runs:FOLDER`, `wandb-dir:FOLDER`, `wandb:ENTITY/PROJECT`, `table:FILE`; or a bare path, of which the
            kind is seen.
        now: seconds since 1970, UTC.
        metric: the metric that was asked for.
        filters: what a server may narrow by.

    Raises:
        UserError: if it names nothing that is there.
    """
    kind, colon, rest = spelling.partition(":")
    if not colon or kind not in KINDS:
        path = Path(spelling).expanduser()
        if path.suffix.lower() in (".json", ".csv"):
            kind, rest = "table", spelling
        elif path.suffix == ".wandb" or (path.is_dir() and any(path.glob("*run-*/*.wandb"))):
            kind, rest = "wandb-dir", spelling
        elif path.is_dir():
            kind, rest = "runs", spelling
        else:
            raise UserError(
                f"`source={spelling}` is neither a file, a folder, nor a kind of source. There are "
                + "; ".join(KINDS.values())
                + "."
            )
    if kind == "runs":
        return LedgerSource(Path(rest).expanduser(), spelling, now)
    if kind == "wandb-dir":
        from coglab.analysis.source_wandb_files import WandbFiles

        return WandbFiles(Path(rest).expanduser(), spelling, now)
    if kind == "table":
        from coglab.analysis.source_table import TableSource

        return TableSource(Path(rest).expanduser(), spelling, metric)
    from coglab.analysis.source_wandb_api import WandbApi

    return WandbApi(rest, spelling, filters, now)


class Runs:
    """Several sources as one. What a later source adds to a run that an earlier one has is laid over it.

    Sources are asked in the order: ledger, server, files, table. The first that knows a run says what state it is in
    and which code ran; the server's tags and notes win; history comes from the source with more rows.

    Args:
        sources: opened sources.

    Attributes:
        runs: one entry per run, in the order of creation, then name.
        unreadable: what could not be read, over all sources.
        remarks: sentences about the sources as a whole.
        conflicts: facts in which two sources of one run differ.
        refused: sources that could not be read, and why.
    """

    def __init__(self, sources: Iterable[RunSource]) -> None:
        self.sources = sorted(sources, key=_rank)
        self.runs: list[RunInfo] = []
        self.unreadable: list[Unreadable] = []
        self.remarks: list[str] = []
        self.conflicts: list[str] = []
        self.refused: list[str] = []
        self._of: dict[tuple[str, str], list[tuple[RunSource, RunInfo]]] = {}
        for source in list(self.sources):
            try:
                listed = source.list()
            except Unreachable as error:
                self.refused.append(f"{source.spelling}: {error}")
                self.sources.remove(source)
                continue
            for run in listed:
                run.config = bounded(run.config)
                self._of.setdefault(run.key, []).append((source, run))
            self.unreadable += source.unreadable
            self.remarks += getattr(source, "remarks", [])
        for entries in self._of.values():
            self.runs.append(self._merged(entries))
        self.runs.sort(key=lambda run: (run.created is None, run.created or 0.0, run.name, run.id))
        self.unreadable.sort()

    def _merged(self, entries: list[tuple[RunSource, RunInfo]]) -> RunInfo:
        first = entries[0][1]
        for source, other in entries[1:]:
            if first.state != other.state and "unknown" not in (first.state, other.state):
                self.conflicts.append(
                    f"{first.name}: state {first.state} by {first.source}, {other.state} by {other.source}; the first "
                    "is used"
                )
            if source.spelling.startswith("wandb:"):
                first.tags = other.tags or first.tags
                first.run_notes = other.run_notes or first.run_notes
            for name, value in vars(other).items():
                if getattr(first, name) in (None, [], {}, "") and value not in (None, [], {}, ""):
                    setattr(first, name, value)
            if other.created and first.created:
                first.created = min(first.created, other.created)
        return first

    def complete(self, run: RunInfo) -> None:
        """Fill in the configuration and summary of a run, from the first source that has them."""
        for source, info in self._of[run.key]:
            is_known = info.config is not None
            source.complete(info)
            if not is_known:
                info.config = bounded(info.config)
            if info is not run:
                run.config = run.config if run.config is not None else info.config
                run.summary = {**info.summary, **run.summary}

    def keys(self, run: RunInfo) -> set[str]:
        """Names of all metrics of a run."""
        return {key for source, info in self._of[run.key] for key in source.keys(info)}

    def history(self, run: RunInfo, names: Iterable[str]) -> dict[str, Series]:
        """Metrics of a run, from the source that has most of each."""
        wanted = list(names)
        best: dict[str, Series] = {}
        for source, info in self._of[run.key]:
            for name, series in source.history(info, wanted).items():
                if name not in best or len(series.steps) > len(best[name].steps):
                    best[name] = series
            if info is not run:
                run.notes += [note for note in info.notes if note not in run.notes]
                run.rows = max(run.rows, info.rows)
                run.last_step = max(run.last_step or 0.0, info.last_step or 0.0) or None
        return best


def _rank(source: RunSource) -> int:
    name = type(source).__name__
    return {"LedgerSource": 0, "WandbApi": 1, "WandbFiles": 2, "TableSource": 3}.get(name, 4)
