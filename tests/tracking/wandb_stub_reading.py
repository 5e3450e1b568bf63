"""The half of the stub server that answers `wandb.Api`: listing with filters, and histories by page of steps."""

from __future__ import annotations

import json
import re
from typing import Any

PROJECT_ID = "17"


def answer(
    operation: str, values: dict[str, Any], runs: dict[str, dict[str, Any]]
) -> dict[str, Any] | None:
    """Answer a query of the reading client.

    Args:
        operation: the query's name.
        values: its variables.
        runs: the stub's runs.

    Returns:
        The answer's `data`; None if the query is none of these.
    """
    if operation == "GetDefaultEntity":
        return {"viewer": {"id": "u", "entity": "e"}}
    if operation == "Runs":
        return {"project": _listing(values, runs)}
    if operation not in _RUN_FIELDS:
        return None
    run = runs.get(values.get("run") or values.get("runName") or values.get("name") or "")
    return {"project": {"run": None if run is None else _RUN_FIELDS[operation](run, values)}}


def _listing(values: dict[str, Any], runs: dict[str, dict[str, Any]]) -> dict[str, Any] | None:
    """One page of a project's runs that pass the filters; None if no run is of that project."""
    mine = [
        (name, run)
        for name, run in sorted(runs.items(), key=lambda pair: pair[1].get("createdAt", ""))
        if run.get("project") == values["project"]
    ]
    if not mine:
        return None
    filters = json.loads(values.get("filters") or "{}")
    found = [pair for pair in mine if matches(*pair, filters)]
    start, size = int(values.get("cursor") or 0), values.get("perPage") or 50
    page = found[start : start + size]
    end = start + len(page)
    return {
        "internalId": PROJECT_ID, "runCount": len(found), "readOnly": False,
        "runs": {
            "edges": [
                {"node": _node(name, run), "cursor": str(start + i + 1)}
                for i, (name, run) in enumerate(page)
            ],
            "pageInfo": {"endCursor": str(end), "hasNextPage": end < len(found)},
        },
    }  # fmt: skip


def matches(name: str, run: dict[str, Any], filters: dict[str, Any]) -> bool:
    """Whether a run passes the server's filter language, as far as it is used here; the rest is a `KeyError`."""
    facts = {
        "display_name": run.get("displayName", name),
        "created_at": run.get("createdAt", ""),
        "tags": run.get("tags") or [],
    }
    for key, wanted in filters.items():
        if key == "$and":
            if not all(matches(name, run, part) for part in wanted):
                return False
            continue
        for operator, value in wanted.items():
            fact = facts[key]
            passes = {
                "$regex": lambda v=value, f=fact: re.search(v, f) is not None,
                "$gte": lambda v=value, f=fact: f >= v,
                "$lte": lambda v=value, f=fact: f <= v,
                "$in": lambda v=value, f=fact: bool(set(v) & set(f)),
            }[operator]
            if not passes():
                return False
    return True


def _node(name: str, run: dict[str, Any]) -> dict[str, Any]:
    config = {key: {"value": value} for key, value in run["config"].items()}
    code = run.get("exit_code")
    return {
        "projectId": PROJECT_ID, "id": name, "name": name, "displayName": run.get("displayName", name),
        "tags": run.get("tags") or [], "sweepName": None, "config": json.dumps(config),
        "state": "running" if code is None else "finished" if code == 0 else "failed",
        "group": run.get("groupName"), "jobType": None, "commit": None, "readOnly": False,
        "createdAt": run.get("createdAt"), "heartbeatAt": run.get("createdAt"), "description": None,
        "notes": run.get("notes"), "systemMetrics": "{}", "summaryMetrics": json.dumps(run["summary"]),
        "historyLineCount": len(run["history"]), "user": {"name": "u", "username": "u"},
        "historyKeys": _history_keys(run)["historyKeys"],
    }  # fmt: skip


def _last_step(run: dict[str, Any]) -> int:
    return max((int(row["_step"]) for row in run["history"]), default=-1)


def _history_keys(run: dict[str, Any], values: dict[str, Any] | None = None) -> dict[str, Any]:
    names = sorted({name for row in run["history"] for name in row})
    keys = {name: {"typeCounts": [{"type": "number", "count": 1}]} for name in names}
    return {"historyKeys": {"sets": [], "keys": keys, "lastStep": _last_step(run)}}


def _parquet_history(run: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    return {
        "parquetHistory": {
            "parquetUrls": [],
            "liveData": []
            if run.get("lost")
            else [json.loads(_text(row)) for row in run["history"]],
        }
    }


def _history_page(run: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    """Rows with a step from `minStep` up to, without, `maxStep`, as texts."""
    kept = [
        row
        for row in run["history"][run.get("lost", 0) :]
        if values["minStep"] <= row["_step"] < values["maxStep"]
    ]
    return {"history": [_text(row) for row in kept[: values["pageSize"]]]}


def _text(row: dict[str, Any]) -> str:
    """A row as strict JSON: the client's core takes no bare NaN."""
    quoted = {
        name: str(value).replace("nan", "NaN")
        if isinstance(value, float) and value != value
        else value
        for name, value in row.items()
    }
    return json.dumps(quoted)


def _full_history(run: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    kept = run["history"][: values.get("samples") or 500]
    return {"history": [_text(row) for row in kept], "events": []}


_RUN_FIELDS = {
    "RunHistoryKeys": _history_keys,
    "RunParquetHistory": _parquet_history,
    "HistoryPage": _history_page,
    "RunFullHistory": _full_history,
}
