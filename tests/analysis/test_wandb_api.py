"""The server's source against a stand-in for the client that answers as the client was seen to: what it asks, and what
it makes of the answers. The stand-in counts requests as the client makes them, one per page of steps."""

from __future__ import annotations

import importlib.util
import math
import sys
import types
from typing import Any

import pytest

from coglab.analysis.config import FilterConfig
from coglab.analysis.model import Unreachable
from coglab.analysis.source_wandb_api import WandbApi, moment
from tests.analysis.synthetic import NOW


class FakeRun:
    def __init__(self, name: str, rows: list[dict[str, Any]], **facts: Any) -> None:
        self.id = self.name = name
        self.rows, self.requests = rows, 0
        self.state = facts.get("state", "finished")
        self.config = facts.get("config", {"trainer": {"batch_size": 1}, "_wandb": {}})
        self.summary = types.SimpleNamespace(
            _json_dict=facts.get("summary", dict(rows[-1]) if rows else {})
        )
        self.created_at = facts.get("created_at", "2026-01-16T10:00:00")
        self.rawconfig = facts.get("rawconfig", {})
        self.tags, self.notes, self.group = ["t"], "n", None
        self.url = f"https://example.org/{name}"
        self.user = types.SimpleNamespace(username="someone")
        self._attrs = {
            "historyLineCount": facts.get("count", len(rows)),
            "heartbeatAt": "2026-01-16T11:00:00Z",
        }
        self.lost = facts.get("lost", 0)

    @property
    def lastHistoryStep(self) -> int:
        return max((row["_step"] for row in self.rows), default=-1)

    def scan_history(self, page_size: int = 1000, **other: Any):
        assert not other, "keys would leave out rows that lack one of them"
        self.requests += math.ceil((self.lastHistoryStep + 1) / page_size)
        return iter(self.rows[self.lost :])

    def history(self, samples: int, pandas: bool):
        assert not pandas
        assert samples > len(self.rows)
        return self.rows


@pytest.fixture
def server(monkeypatch):
    """Installs a module `wandb`; returns what it was asked and lets the runs be set."""
    asked: dict[str, Any] = {"calls": [], "runs": [], "error": None}

    class Api:
        def __init__(self, timeout: int) -> None:
            if asked["error"]:
                raise asked["error"]

        def runs(self, path: str, **arguments: Any):
            asked["calls"].append((path, arguments))
            return iter(asked["runs"])

    module = types.ModuleType("wandb")
    module.Api = Api  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "wandb", module)
    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name, *a: object() if name == "wandb" else real(name, *a),
    )
    return asked


def rows(count: int, step: int = 1) -> list[dict[str, Any]]:
    return [
        {"metric/agent_step": i * 10, "heart": float(i), "_step": i * step, "_timestamp": NOW + i}
        for i in range(count)
    ]


def test_one_call_lists_everything_with_configurations(server):
    server["runs"] = [FakeRun(f"r{i}", rows(3)) for i in range(120)]
    source = WandbApi("e/p", "wandb:e/p", FilterConfig(prefix="r.1", since="14d"), NOW)
    runs = source.list()
    ((path, arguments),) = server["calls"]
    assert (path, arguments["lazy"], arguments["per_page"]) == ("e/p", False, 100)
    assert {"display_name": {"$regex": r"^r\.1"}} in arguments["filters"]["$and"]
    assert len(runs) == 120
    assert (runs[0].state, runs[0].tags, runs[0].user, runs[0].url) == (
        "finished",
        ["t"],
        "someone",
        "https://example.org/r0",
    )
    assert runs[0].config == {"trainer": {"batch_size": 1}}


@pytest.mark.parametrize("last_step", [50, 980_000, 20_000_000_000])
def test_a_history_takes_at_most_25_requests(server, last_step):
    run = FakeRun("r", rows(50, step=last_step // 49))
    server["runs"] = [run]
    source = WandbApi("e/p", "wandb:e/p")
    (info,) = source.list()
    series = source.history(info, ["heart"])["heart"]
    assert run.requests <= 25
    assert series.values.tolist() == [float(i) for i in range(50)]
    assert series.steps.tolist() == [10.0 * i for i in range(50)]


def test_sparse_rows_and_words_for_non_finite_values(server):
    data = [
        {"metric/agent_step": 5, "_step": 0},
        {"heart": "NaN", "_step": 1},
        {"heart": 2, "_step": 2, "metric/agent_step": 9},
    ]
    server["runs"] = [FakeRun("r", data)]
    source = WandbApi("e/p", "wandb:e/p")
    (info,) = source.list()
    series = source.history(info, ["heart", "absent"])
    assert list(series) == ["heart"]
    assert series["heart"].steps.tolist() == [5.0, 9.0]
    assert math.isnan(series["heart"].values[0])


def test_an_incomplete_scan_falls_back_and_is_marked_if_that_does_not_help(server):
    server["runs"] = [FakeRun("r", rows(20), lost=20), FakeRun("s", rows(20), lost=20, count=30)]
    source = WandbApi("e/p", "wandb:e/p")
    whole, partial = source.list()
    assert len(source.history(whole, ["heart"])["heart"].steps) == 20
    assert not whole.notes
    source.history(partial, ["heart"])
    assert "20 of 30 rows" in partial.notes[0]


def test_a_synced_run_began_when_its_writer_says(server):
    raw = {"_wandb": {"e": {"w": {"startedAt": "2026-01-14T08:00:00Z"}}}}
    server["runs"] = [FakeRun("r", rows(2), rawconfig=raw)]
    (info,) = WandbApi("e/p", "wandb:e/p").list()
    assert info.created == moment("2026-01-14T08:00:00Z")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ValueError("Could not find project p"), "no project e/p"),
        (RuntimeError("api_key not configured"), "wandb login"),
        (TimeoutError("timed out"), "TimeoutError"),
    ],
)
def test_refusals_say_why(server, error, words):
    server["error"] = error
    with pytest.raises(Unreachable, match=words):
        WandbApi("e/p", "wandb:e/p").list()


def test_a_history_that_fails_marks_the_run(server):
    run = FakeRun("r", rows(2))
    run.scan_history = lambda **_: 1 / 0  # type: ignore[method-assign]
    server["runs"] = [run]
    source = WandbApi("e/p", "wandb:e/p")
    (info,) = source.list()
    assert source.history(info, ["heart"]) == {}
    assert "could not be read" in info.notes[0]
