"""The real client against the stub server on the loopback address: listing with filters, whole histories, refusals, and
the upload of a folder with an empty run in it. Each is a process of its own, as the client keeps one service per process.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from tests.tracking.wandb_stub import KEY, StubServer

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        importlib.util.find_spec("wandb") is None,
        reason="wandb is not installed (`pip install '.[wandb]'`)",
    ),
]

READ = textwrap.dedent(
    """
    import json, sys
    from coglab.analysis.config import FilterConfig
    from coglab.analysis.model import Unreachable
    from coglab.analysis.source_wandb_api import WandbApi

    place, filters = sys.argv[1], json.loads(sys.argv[2])
    source = WandbApi(place, "wandb:" + place, FilterConfig(**filters), 1_769_000_000.0)
    try:
        runs = source.list()
    except Unreachable as error:
        print(json.dumps({"error": str(error)}))
        raise SystemExit
    print(json.dumps([
        {
            "name": run.name, "state": run.state, "tags": run.tags, "config": run.config, "url": run.url,
            "created": run.created,
            "history": {
                key: [one.steps.tolist(), [str(v) for v in one.values.tolist()]]
                for key, one in source.history(run, ["heart"]).items()
            },
            "notes": run.notes,
        }
        for run in runs
    ]))
    """
)


@pytest.fixture
def environment(tmp_path, monkeypatch) -> dict[str, str]:
    """A home of its own; nothing of the user's settings or credentials."""
    for name in [name for name in os.environ if name.startswith("WANDB_") or name == "NETRC"]:
        monkeypatch.delenv(name)
    home = tmp_path / "home"
    home.mkdir()
    folders = {f"WANDB_{name}_DIR": str(home) for name in ("CACHE", "CONFIG", "DATA")}
    return {
        **os.environ, **folders, "HOME": str(home), "WANDB_API_KEY": KEY, "WANDB_ERROR_REPORTING": "false",
        "WANDB_SILENT": "true", "PYTHONPATH": os.pathsep.join(sys.path),
    }  # fmt: skip


def python(words: list[str], environment: dict[str, str], server: StubServer, folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, *words], capture_output=True, text=True, timeout=240, check=True, cwd=folder,
        env={**environment, "WANDB_BASE_URL": server.url},
    )  # fmt: skip
    return done.stdout


def read(server: StubServer, environment: dict[str, str], folder: Path, **filters: Any) -> Any:
    place = filters.pop("place", "e/p")
    words = ["-c", READ, place, json.dumps(filters)]
    return json.loads(python(words, environment, server, folder))


def stored(name: str, rows: int, stride: int = 1, **facts: Any) -> dict[str, Any]:
    """A run as the server has it: a score on each row, a word for a number that is none in the third."""
    history = [
        {
            "_step": i * stride,
            "_timestamp": 1.7e9 + i,
            "metric/agent_step": i * 10,
            "heart": "NaN" if i == 2 else float(i),
        }
        for i in range(rows)
    ]
    return {
        "project": "p", "displayName": name, "history": history, "exit_code": 0, "createdAt": "2026-01-16T10:00:00Z",
        "summary": {"heart": rows - 1.0, "metric/agent_step": rows * 10 - 10},
        "config": {"trainer": {"batch_size": 4}}, "tags": ["t"], **facts,
    }  # fmt: skip


def test_one_query_a_page_lists_what_the_filters_leave(tmp_path, environment):
    with StubServer() as server:
        for i in range(120):
            server.runs[f"id{i}"] = stored(f"relh.{i}", 3)
        server.runs["wild"] = stored("relhx1", 3)  # what an unescaped dot would let in
        server.runs["untagged"] = stored("relh.u", 3, tags=[])
        server.runs["old"] = stored("relh.old", 3, createdAt="2025-01-16T10:00:00Z")
        server.runs["bad"] = stored("relh.failed", 3, exit_code=1)
        found = read(server, environment, tmp_path, prefix="relh.", since="2026-01-10", tag=["t"])
    names = {row["name"] for row in found}
    assert names == {f"relh.{i}" for i in range(120)} | {"relh.failed"}
    assert {row["name"]: row["state"] for row in found}["relh.failed"] == "failed"
    assert found[0]["config"] == {"trainer": {"batch_size": 4}}
    assert found[0]["tags"] == ["t"]
    assert found[0]["url"].startswith("http://127.0.0.1")
    assert server.operations.count("Runs") == 2, "100 runs a page, and none asked for by itself"
    assert "Run" not in server.operations
    assert server.unknown == []


@pytest.mark.parametrize("stride", [1, 400_000_000])
def test_a_whole_history_comes_in_few_requests_whatever_its_steps(tmp_path, environment, stride):
    with StubServer() as server:
        server.runs["r"] = stored("r", 50, stride)
        (run,) = read(server, environment, tmp_path)
    steps, values = run["history"]["heart"]
    assert steps == [10.0 * i for i in range(50)]
    assert values == ["nan" if i == 2 else str(float(i)) for i in range(50)]
    assert run["notes"] == []
    asked = [name for name in server.operations if "History" in name]
    assert len(asked) <= 25
    assert server.unknown == []


def test_rows_that_a_scan_leaves_out_are_fetched_otherwise(tmp_path, environment):
    with StubServer() as server:
        server.runs["r"] = stored("r", 50, lost=20)
        (run,) = read(server, environment, tmp_path)
    assert len(run["history"]["heart"][0]) == 50
    assert "RunFullHistory" in server.operations


def test_a_missing_project_and_a_refusal_are_told_apart(tmp_path, environment):
    with StubServer() as server:
        server.runs["r"] = stored("r", 3)
        assert (
            "there is no project e/other"
            in read(server, environment, tmp_path, place="e/other")["error"]
        )
        server.refuse = 401
        assert "does not take the credentials" in read(server, environment, tmp_path)["error"]


WRITE = textwrap.dedent(
    """
    import sys, wandb
    run = wandb.init(entity="e", project="p", id=sys.argv[1], name=sys.argv[1], mode=sys.argv[2],
                     config={"trainer": {"batch_size": 4}}, dir=".")
    run.define_metric("*", step_metric="metric/agent_step")
    for i in range(5):
        run.log({"metric/agent_step": i * 10, "heart": float("nan") if i == 2 else float(i), "env.agent/x": i / 8})
    run.alert("low", "the score is low")
    run.finish(exit_code=int(sys.argv[3]))
    """
)


def test_a_run_and_its_alert_reach_the_server_and_are_read_back(tmp_path, environment):
    with StubServer() as server:
        python(["-c", WRITE, "live.1", "online", "3"], environment, server, tmp_path)
        assert [(a["title"], a["text"]) for a in server.alerts] == [("low", "the score is low")]
        (run,) = read(server, environment, tmp_path)
    assert run["state"] == "failed"
    assert run["config"] == {"trainer": {"batch_size": 4}}
    assert run["history"]["heart"] == [
        [0.0, 10.0, 20.0, 30.0, 40.0],
        ["0.0", "1.0", "nan", "3.0", "4.0"],
    ]
    assert server.unknown == []


def test_offline_runs_are_decoded_and_uploaded_past_an_empty_one(tmp_path, environment):
    from coglab.analysis.source_wandb_files import WandbFiles

    with StubServer() as server:
        for name, code in (("off.1", "0"), ("off.2", "5")):
            python(["-c", WRITE, name, "offline", code], environment, server, tmp_path)
        assert server.operations == []
        empty = tmp_path / "wandb" / "offline-run-20260101_000000-empty"
        empty.mkdir()
        (empty / "run-empty.wandb").write_bytes(b":W&B\xe1\xbe\x00")
        source = WandbFiles(tmp_path / "wandb", "wandb-dir:wandb", 2e9)
        runs = {run.id: run for run in source.list()}
        assert {name: run.state for name, run in runs.items()} == {
            "off.1": "finished",
            "off.2": "failed",
        }
        heart = source.history(runs["off.1"], ["heart"])["heart"]
        assert heart.steps.tolist() == [0.0, 10.0, 20.0, 30.0, 40.0]
        assert [str(v) for v in heart.values] == ["0.0", "1.0", "nan", "3.0", "4.0"]
        words = ["-m", "coglab.cli", "runs.sync", "source=wandb-dir:wandb"]
        told = python(words, environment, server, tmp_path)
        assert told.count("uploaded") == 2
    assert sorted(server.runs) == ["off.1", "off.2"]
    assert [row["metric/agent_step"] for row in server.runs["off.2"]["history"]] == [
        0,
        10,
        20,
        30,
        40,
    ]
    assert [a["title"] for a in server.alerts] == ["low", "low"]
    assert server.unknown == []
