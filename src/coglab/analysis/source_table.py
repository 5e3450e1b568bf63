"""A plain table, JSON or CSV: runs of which only scores and settings are known.

JSON: an object with `runs`, a list of objects with `name`, or that list itself. Beside `runs` there may be `metric`,
`project`, `common_config` (settings of every run), `config_of` (run name -> settings), `urls`, `runs_found`, `note`.
CSV: a header line; the same columns. Columns that are no facts of a run and no metric are settings.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from coglab.analysis.config import read_time
from coglab.analysis.model import RunInfo, Series, Unreadable
from coglab.config import UserError

MAX_BYTES = 64 * 2**20
_FACTS = {
    "id", "name", "state", "created", "ended", "recipe", "seed", "group", "tags", "user", "url", "steps", "last_step",
    "target_steps", "commit", "code", "exit_code", "notes", "project", "entity", "reason", "game",
}  # fmt: skip


class TableSource:
    """The rows of a file; see `RunSource`.

    Args:
        path: a `.json` or `.csv` file.
        spelling: how the user named it.
        metric: the metric that was asked for, so that its column is not taken for a setting.

    Raises:
        UserError: if the file cannot be read as a table.
    """

    def __init__(self, path: Path, spelling: str, metric: str) -> None:
        self.spelling = spelling
        self.unreadable: list[Unreadable] = []
        self.remarks: list[str] = []
        data = _load(path, spelling)
        self._rows: list[dict[str, Any]] = [r for r in data["runs"] if isinstance(r, dict)]
        self._data = data
        self._metrics = {metric, str(data.get("metric", metric))}
        found = data.get("runs_found")
        if isinstance(found, int) and found > len(self._rows):
            self.remarks.append(
                f"{spelling}: the table lists {len(self._rows)} of the {found} runs that were found; the other "
                f"{found - len(self._rows)} are not known, so nothing can be said about what the listed runs have "
                "and the others lack."
            )

    def list(self) -> Sequence[RunInfo]:
        """See `RunSource.list`."""
        self.unreadable = []
        runs = []
        for index, row in enumerate(self._rows):
            name = str(row.get("name") or row.get("id") or "")
            if not name:
                self.unreadable.append(Unreadable(f"row {index + 1}", "it has no name"))
                continue
            runs.append(self._read(name, row))
        return runs

    def _read(self, name: str, row: dict[str, Any]) -> RunInfo:
        common = _map(self._data.get("common_config"))
        own = _map(_map(self._data.get("config_of")).get(name))
        created, is_day = _created(row.get("created"))
        run = RunInfo(
            id=str(row.get("id") or name),
            name=name,
            source=self.spelling,
            project=_text(row.get("project") or self._data.get("project")),
            state=str(row.get("state") or "unknown"),
            exit_code=_whole(row.get("exit_code")),
            created=created,
            created_is_day=is_day,
            last_step=_number(row.get("last_step", row.get("steps"))),
            target_steps=_number(row.get("target_steps")),
            recipe=_text(row.get("recipe")),
            seed=_whole(row.get("seed")),
            group=_text(row.get("group")),
            tags=_tags(row.get("tags")),
            user=_text(row.get("user")),
            url=_text(row.get("url")),
            code=_text(row.get("commit") or row.get("code")),
            game=_text(row.get("game")),
            message=_text(row.get("reason")),
            config_is_partial=True,
        )
        settings: dict[str, Any] = dict(common)
        for key, value in row.items():
            if key is None or key in _FACTS or value in (None, ""):  # None: cells beyond the header
                continue
            number = _number(value)
            if key in self._metrics or "/" in key:
                if number is not None:
                    run.scores[key] = number
            else:
                settings[key] = number if isinstance(value, str) and number is not None else value
        for key, value in own.items():
            if key in settings and settings[key] != value:
                run.notes.append(
                    f"the table gives `{key}` twice: {settings[key]} for all runs, {value} for this one; the second "
                    "is used"
                )
            settings[key] = value
        run.config = settings or None
        if run.target_steps is None:
            run.target_steps = _number(settings.get("trainer.total_timesteps"))
        for url in _map(self._data.get("urls")).values():
            if isinstance(url, str) and url.rstrip("/").endswith("/" + name):
                run.url = url
        run.summary = dict(run.scores)
        return run

    def complete(self, run: RunInfo) -> None:
        """See `RunSource.complete`; nothing is left out."""

    def keys(self, run: RunInfo) -> Sequence[str]:
        """See `RunSource.keys`."""
        return sorted(run.scores)

    def history(self, run: RunInfo, names: Iterable[str]) -> dict[str, Series]:
        """See `RunSource.history`; a table has none."""
        return {}


def _load(path: Path, spelling: str) -> dict[str, Any]:
    try:
        with open(path, "rb") as file:
            raw = file.read(MAX_BYTES + 1)
        text = raw.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UserError(f"`{spelling}`: {path} cannot be read: {reason}.") from None
    if len(raw) > MAX_BYTES:
        raise UserError(f"`{spelling}`: {path} is larger than {MAX_BYTES // 2**20} MiB.")
    if path.suffix.lower() == ".csv":
        try:
            return {"runs": list(csv.DictReader(io.StringIO(text)))}
        except csv.Error as error:
            raise UserError(f"`{spelling}`: {path} is no CSV: {error}.") from None
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UserError(f"`{spelling}`: {path} is no JSON: {error}.") from None
    if isinstance(data, list):
        data = {"runs": data}
    if not isinstance(data, dict) or not isinstance(data.get("runs"), list):
        raise UserError(
            f"`{spelling}`: {path} is no table of runs; expected "
            '{"metric": "heart.gained", "runs": [{"name": "first", "heart.gained": 1.5, "state": "finished"}]}.'
        )
    return data


def _map(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _created(value: Any) -> tuple[float | None, bool]:
    if value in (None, ""):
        return None, False
    try:
        text = str(value)
        return read_time(text, 0.0, "created"), len(text) == 10 and "-" in text
    except (UserError, ValueError):
        return None, False


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or value is None:
        return None
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _whole(value: Any) -> int | None:
    number = _number(value)
    return int(number) if number is not None and number == int(number) else None


def _text(value: Any) -> str | None:
    return str(value) if value not in (None, "") else None


def _tags(value: Any) -> list[str]:
    if isinstance(value, list):
        return [str(tag) for tag in value]
    return [tag.strip() for tag in str(value or "").split(",") if tag.strip()]
