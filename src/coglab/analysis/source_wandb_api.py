"""Runs on the W&B server, through its public client. The package is imported when it is used and only here.

Rules learnt from the client: ask with `lazy=False`, or every configuration costs a query; set the page size of a scan
from the last step, or it makes a request per 1,000 steps; compare rows with `historyLineCount`; take addresses from
`run.url`; apply every filter again here, because servers differ.
"""

from __future__ import annotations

import importlib.util
import math
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np

from coglab.analysis.config import FilterConfig, read_time
from coglab.analysis.model import RunInfo, Series, Unreachable, Unreadable
from coglab.analysis.source_wandb_files import forward_fill
from coglab.analysis.text import clean
from coglab.analysis.wandb_records import as_number
from coglab.config import UserError
from coglab.tracking.ledger_format import as_float
from coglab.tracking.names import STEP_METRIC

TIMEOUT_S = 30
PAGES = 20
"""At most about this many requests for one run's history."""

_PLACE = re.compile(r"[\w.-]+/[\w.-]+")


class WandbApi:
    """A project on the server; see `RunSource`.

    Args:
        place: `entity/project`.
        spelling: how the user named it.
        filters: narrowed on the server where it can be; applied again by `select`.
        now: seconds since 1970, for `since=14d`.

    Raises:
        UserError: the place is not of the form `entity/project`.
    """

    def __init__(
        self, place: str, spelling: str, filters: FilterConfig | None = None, now: float = 0.0
    ) -> None:
        self.spelling = spelling
        self.unreadable: list[Unreadable] = []
        self._place = place
        self._filters = server_filters(filters, now) if filters is not None else {}
        self._runs: dict[tuple[str, str], Any] = {}
        if not _PLACE.fullmatch(place):
            raise UserError(
                f"`{spelling}` names no project; expected `wandb:entity/project`, such as `wandb:metta-research/metta`."
            )

    def list(self) -> Sequence[RunInfo]:
        """See `RunSource.list`. One query per 100 runs.

        Raises:
            Unreachable: wandb is not installed, there are no credentials, or the server refuses or does not answer.
        """
        if importlib.util.find_spec("wandb") is None:
            raise Unreachable(
                "needs the package wandb; start with `./tools/run.py --with wandb ...`"
            )
        self._runs = {}
        try:
            import wandb

            api = wandb.Api(timeout=TIMEOUT_S)
            listed = list(
                api.runs(
                    self._place,
                    filters=self._filters,
                    order="+created_at",
                    per_page=100,
                    lazy=False,
                )
            )
        except Exception as error:  # the client raises a dozen classes, some private
            raise Unreachable(_reason(error, self._place)) from error
        found = []
        for run in listed:
            info = self._read(run)
            self._runs[info.key] = run
            found.append(info)
        return found

    def _read(self, run: Any) -> RunInfo:
        summary = _mapping(getattr(run.summary, "_json_dict", run.summary))
        config = {k: v for k, v in _mapping(run.config).items() if not k.startswith("_")}
        user = getattr(run, "user", None)
        starts = [moment(run.created_at), _started(run)]
        info = RunInfo(
            id=str(run.id),
            name=str(run.name or run.id),
            source=self.spelling,
            project=self._place.partition("/")[2],
            entity=self._place.partition("/")[0],
            state=str(run.state or "unknown"),
            created=min((s for s in starts if s), default=None),
            last_data=moment(getattr(run, "heartbeat_at", None) or _attribute(run, "heartbeatAt")),
            group=getattr(run, "group", None) or None,
            tags=sorted(str(tag) for tag in run.tags or []),
            run_notes=getattr(run, "notes", None) or None,
            user=str(getattr(user, "username", "") or "") or None,
            url=str(run.url),
            config=config or None,
            summary=_numbers(summary),
        )
        info.step_metric = STEP_METRIC if STEP_METRIC in info.summary else None
        info.last_step = info.summary.get(STEP_METRIC, info.summary.get("_step"))
        return info

    def complete(self, run: RunInfo) -> None:
        """See `RunSource.complete`; the listing has everything."""

    def keys(self, run: RunInfo) -> Sequence[str]:
        """See `RunSource.keys`, as far as the summary knows them."""
        return sorted(name for name in run.summary if not name.startswith("_"))

    def history(self, run: RunInfo, names: Iterable[str]) -> dict[str, Series]:
        """See `RunSource.history`. One scan of everything, in at most about 20 requests.

        Asking for single metrics would need a scan each: a scan returns only rows that have all that it was asked for.
        """
        remote = self._runs.get(run.key)
        if remote is None:
            return {}
        expected = _whole(_attribute(remote, "historyLineCount"))
        try:
            last = _whole(remote.lastHistoryStep)
            size = max(1_000, math.ceil((max(last or 0, 0) + 1) / PAGES))
            rows = list(remote.scan_history(page_size=size))
            if expected and len(rows) < expected:
                rows = list(remote.history(samples=expected + 1, pandas=False)) or rows
                if len(rows) < expected:
                    run.notes.append(
                        f"partial: {len(rows)} of {expected} rows came from the server"
                    )
        except Exception as error:  # as above
            run.notes.append(
                f"partial: its history could not be read ({_reason(error, self._place)})"
            )
            return {}
        run.rows = len(rows)
        return from_rows(rows, names, run.step_metric or STEP_METRIC, run)


def from_rows(
    rows: Sequence[Any], names: Iterable[str], step_metric: str, run: RunInfo
) -> dict[str, Series]:
    """Columns of rows as the client returns them.

    Args:
        rows: maps from metric to value; sparse.
        names: metrics.
        step_metric: the axis; a row without it belongs to the newest step before it.
        run: is told if W&B's own step had to be used.
    """
    axis = forward_fill(np.array([_value(row, step_metric) for row in rows]))
    if len(rows) and not np.isfinite(axis).any():
        axis = forward_fill(np.array([_value(row, "_step") for row in rows]))
        run.notes.append(f"no row has the step axis {step_metric}; W&B's own step is used instead")
    clock = np.array([_value(row, "_timestamp") for row in rows])
    series = {}
    for name in names:
        index = [
            i for i, row in enumerate(rows) if row.get(name) is not None and np.isfinite(axis[i])
        ]
        pairs = [(i, number) for i in index if (number := _number(rows[i][name])) is not None]
        if pairs:
            at = np.array([i for i, _ in pairs])
            series[name] = Series(axis[at], np.array([v for _, v in pairs]), clock[at])
    steps = [one.steps[-1] for one in series.values()]
    if steps:
        run.last_step = max(run.last_step or 0.0, float(max(steps)))
    return series


def server_filters(filters: FilterConfig, now: float) -> dict[str, Any]:
    """What the server can narrow by: name prefix (escaped and anchored), creation, tags."""
    parts: list[dict[str, Any]] = []
    if filters.prefix:
        parts.append({"display_name": {"$regex": "^" + re.escape(filters.prefix)}})
    created = {}
    if filters.since:
        # A day of slack: what the server calls creation is the upload of a synced run.
        created["$gte"] = _iso(read_time(filters.since, now, "since") - 86_400)
    if filters.until and not filters.since:
        created = {}
    if created:
        parts.append({"created_at": created})
    if filters.tag:
        parts.append({"tags": {"$in": list(filters.tag)}})
    return {"$and": parts} if parts else {}


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, tz=UTC).strftime("%Y-%m-%dT%H:%M:%S")


def moment(value: Any) -> float | None:
    """A time of the server as seconds since 1970; it is UTC whether it says so or not."""
    if not isinstance(value, str):
        return None
    try:
        parsed = datetime.fromisoformat(value.replace("Z", "+00:00"))
    except ValueError:
        return None
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()


def _started(run: Any) -> float | None:
    """When a synced run really began: its writer says so in the raw configuration."""
    raw = _mapping(_mapping(getattr(run, "rawconfig", None)).get("_wandb"))
    raw = _mapping(raw.get("value", raw))
    starts = [
        moment(_mapping(writer).get("startedAt")) for writer in _mapping(raw.get("e")).values()
    ]
    return min((s for s in starts if s), default=None)


def _reason(error: Exception, place: str) -> str:
    text = clean(str(error) or type(error).__name__, 200)
    name = type(error).__name__
    if name == "UsageError" or "api_key" in text.lower() or "not logged in" in text.lower():
        return f"no credentials: `wandb login` stores them ({text})"
    if name == "AuthenticationError":
        return f"the server does not answer or does not take the credentials: `wandb login` renews them ({text})"
    if isinstance(error, ValueError) and "find project" in text:
        return f"there is no project {place}, or you may not see it"
    return f"{name}: {text}"


def _attribute(run: Any, name: str) -> Any:
    return getattr(run, "_attrs", {}).get(name)


def _mapping(value: Any) -> dict[str, Any]:
    return dict(value) if isinstance(value, dict) else {}


def _whole(value: Any) -> int | None:
    return int(value) if isinstance(value, int | float) and math.isfinite(value) else None


def _number(value: Any) -> float | None:
    if isinstance(value, bool | int | float):
        return as_float(value)
    return (
        as_number(value.encode())
        if isinstance(value, str) and value in ("NaN", "Infinity", "-Infinity")
        else None
    )


def _value(row: Any, name: str) -> float:
    number = _number(row.get(name))
    return math.nan if number is None else number


def _numbers(summary: dict[str, Any], prefix: str = "") -> dict[str, float]:
    flat: dict[str, float] = {}
    for key, value in summary.items():
        if isinstance(value, dict):
            if "_type" not in value:
                flat |= _numbers(value, f"{prefix}{key}.")
        else:
            number = _number(value)
            if number is not None:
                flat[f"{prefix}{key}"] = number
    return flat
