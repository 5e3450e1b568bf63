import importlib.util
import json
import os
import subprocess
import sys
import textwrap
import zlib
from pathlib import Path

import pytest

from coglab.config.errors import UserError
from coglab.tracking import wandb_sink
from coglab.tracking.config import WandbConfig
from coglab.tracking.wandb_sink import choose_mode, has_credentials, open_wandb
from tests.tracking.wandb_stub import KEY, StubServer

needs_wandb = pytest.mark.skipif(
    importlib.util.find_spec("wandb") is None, reason="wandb is not installed"
)


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home folder without credentials."""
    for name in [name for name in os.environ if name.startswith("WANDB_") or name == "NETRC"]:
        monkeypatch.delenv(name)
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    return folder


@pytest.fixture
def installed(monkeypatch):
    """Let `wandb` look installed, or not."""
    real = importlib.util.find_spec

    def pretend(is_installed):
        answer = object() if is_installed else None
        monkeypatch.setattr(
            wandb_sink.importlib.util,
            "find_spec",
            lambda name: answer if name == "wandb" else real(name),
        )

    return pretend


def test_auto_goes_online_only_with_credentials(home, installed):
    installed(True)
    auto = WandbConfig()
    assert choose_mode(auto, os.environ) == ("offline", None)
    assert choose_mode(auto, {**os.environ, "WANDB_API_KEY": "k"}) == ("online", None)
    (home / ".netrc").write_text("machine api.wandb.ai\n login user\n password k\n")
    assert choose_mode(auto, os.environ) == ("online", None)


def test_the_environment_wins_over_auto_but_not_over_the_configuration(home, installed):
    installed(True)
    key = {"WANDB_API_KEY": "k"}
    assert choose_mode(WandbConfig(), {**key, "WANDB_MODE": "disabled"})[0] == "disabled"
    assert choose_mode(WandbConfig(), {**key, "WANDB_MODE": "offline"})[0] == "offline"
    assert choose_mode(WandbConfig(mode="online"), {**key, "WANDB_MODE": "disabled"})[0] == "online"
    assert choose_mode(WandbConfig(mode="disabled"), key)[0] == "disabled"


def test_online_without_credentials_records_offline_and_says_so(home, installed):
    installed(True)
    mode, reason = choose_mode(WandbConfig(mode="online"), os.environ)
    assert mode == "offline"
    assert "wandb login" in reason


def test_a_missing_package_costs_one_line_unless_it_was_asked_for(home, installed):
    installed(False)
    mode, reason = choose_mode(WandbConfig(), os.environ)
    assert mode == "disabled"
    assert "not installed" in reason
    with pytest.raises(UserError, match=r"wandb\.mode=offline needs the package wandb"):
        choose_mode(WandbConfig(mode="offline"), os.environ)
    said = []
    assert open_wandb(
        WandbConfig(), home, name="r", run_config={}, capture_console=False, say=said.append
    ) is None  # fmt: skip
    assert len(said) == 1


def test_credentials_of_another_server_do_not_count(home):
    (home / ".netrc").write_text("machine github.com login u password p\n")
    assert not has_credentials(os.environ)
    (home / ".netrc").write_text("machine wandb.example.org login u password p\n")
    assert has_credentials({**os.environ, "WANDB_BASE_URL": "https://wandb.example.org"})
    assert not has_credentials({**os.environ, "WANDB_BASE_URL": "https://other.example.org"})
    (home / ".netrc").write_text("rubbish")
    assert not has_credentials(os.environ)


def test_trouble_with_the_service_is_told_once_and_never_raised():
    class Broken:
        id, url, dir = "r", None, "x/files"

        def log(self, row):
            raise ConnectionError("gone")

        def finish(self, exit_code):
            raise ConnectionError("gone")

    said = []
    sink = wandb_sink.WandbSink(Broken(), "offline", said.append)
    sink.log({"a": 1})
    sink.log({"a": 1})
    sink.finish(0)
    assert said == ["W&B: log failed (gone); training goes on"]


def read_records(path):
    """The protobuf records of a `.wandb` file, by the client's own message class; the framing is LevelDB's."""
    from wandb.proto.wandb_internal_pb2 import Record

    data = Path(path).read_bytes()
    assert data[:4] == b":W&B"
    position, pieces = 7, b""
    while position + 7 <= len(data):
        room = 32768 - position % 32768
        if room < 7:
            position += room
            continue
        checksum, length = (
            int.from_bytes(data[position : position + 4], "little"),
            data[position + 4 : position + 6],
        )
        kind, size = data[position + 6], int.from_bytes(length, "little")
        body = data[position + 7 : position + 7 + size]
        assert zlib.crc32(bytes([kind]) + body) == checksum
        pieces += body
        position += 7 + size
        if kind in (1, 4):
            yield Record.FromString(pieces)
            pieces = b""


SCRIPT = textwrap.dedent(
    """
    import os, sys
    from pathlib import Path
    from coglab.tracking import wandb_sink
    from coglab.tracking.config import WandbConfig

    wandb_sink.INIT_TIMEOUT_S = 2.0
    wandb_sink.FINISH_TIMEOUT_S = 3.0
    mode, run_dir, first, exit_code = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    sink = wandb_sink.open_wandb(
        WandbConfig(mode=mode, tags=("t",), group="g"), run_dir, name="relh.cogsguard.001.v2",
        run_config={"trainer": {"batch_size": 4}}, capture_console=False, say=lambda text: print(text, flush=True),
    )
    for step in range(first, first + 3):
        sink.log({"metric/agent_step": step, "overview/reward": float("nan") if step == 1 else step / 10})
    sink.summary({"model/total_parameters": 7, "checkpoint/latest_uri": "metta://policy/r:v1"})
    if len(sys.argv) > 5:
        sys.stdin.readline()
    sink.finish(exit_code)
    """
)


def run_script(*arguments, **environment):
    paths = os.pathsep.join(sys.path)
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": paths, "WANDB_ERROR_REPORTING": "false", **environment},
    )


@needs_wandb
def test_offline_run_is_whole_and_lies_in_the_run_directory(home, tmp_path):
    run_dir = tmp_path / "relh.cogsguard.001.v2"
    run_dir.mkdir()
    out, err = run_script("auto", run_dir, 0, 5).communicate(timeout=60)
    assert err == ""
    assert out.count("\n") == 1
    assert "upload later with: wandb sync" in out
    assert list(home.iterdir()) == [], "nothing is written outside the run directory"
    (path,) = run_dir.glob("wandb/offline-run-*/*.wandb")
    records = list(read_records(path))
    (run,) = [record.run for record in records if record.HasField("run")]
    assert (run.run_id, run.display_name, run.project) == ("relh.cogsguard.001.v2",) * 2 + (
        "coglab",
    )
    assert list(run.tags) == ["t"]
    assert json.loads(next(u.value_json for u in run.config.update if u.key == "trainer")) == {
        "batch_size": 4
    }
    rows = [
        {"/".join(item.nested_key) or item.key: item.value_json for item in record.history.item}
        for record in records
        if record.HasField("history")
    ]
    assert [row["metric/agent_step"] for row in rows] == ["0", "1", "2"]
    assert [row["overview/reward"] for row in rows] == ["0", "NaN", "0.2"]
    (end,) = [record.exit for record in records if record.HasField("exit")]
    assert end.exit_code == 5
    metrics = {record.metric.name or record.metric.glob_name: record.metric for record in records}
    assert metrics["*"].step_metric == "metric/agent_step"
    assert metrics["overview/reward_vs_total_time"].step_metric == "metric/total_time"


@needs_wandb
def test_online_run_reaches_the_server_and_continues_under_its_id(home, tmp_path):
    with StubServer() as server:
        options = {"WANDB_API_KEY": KEY, "WANDB_BASE_URL": server.url}
        out, err = run_script("auto", tmp_path, 0, 130, **options).communicate(timeout=60)
        assert err == ""
        assert out == f"W&B: {server.url}/e/coglab/runs/relh.cogsguard.001.v2\n"
        run = server.runs["relh.cogsguard.001.v2"]
        assert [row["metric/agent_step"] for row in run["history"]] == [0, 1, 2]
        assert run["exit_code"] == 130
        assert run["summary"]["model/total_parameters"] == 7
        assert run["config"]["trainer"] == {"batch_size": 4}
        # Resumed from the checkpoint at step 1: rows may go back, since W&B's own step is not used.
        run_script("online", tmp_path, 1, 0, **options).communicate(timeout=60)
        assert [row["metric/agent_step"] for row in run["history"]] == [0, 1, 2, 1, 2, 3]
        assert run["exit_code"] == 0
        assert server.unknown == []
        assert KEY not in out
    assert list(home.iterdir()) == []


@needs_wandb
def test_a_server_that_cannot_be_reached_means_offline_once(home, tmp_path):
    child = run_script(
        "online", tmp_path, 0, 0, WANDB_API_KEY=KEY, WANDB_BASE_URL="http://127.0.0.1:9"
    )
    out, err = child.communicate(timeout=60)
    assert err == ""
    first, second = out.splitlines()
    assert first.startswith("W&B: cannot go online")
    assert "upload later with: wandb sync" in second
    (folder,) = tmp_path.glob("wandb/*run-*")
    assert folder.name.startswith("offline-run-"), "the failed attempt leaves nothing behind"


@pytest.mark.slow
@needs_wandb
def test_a_server_that_hangs_at_the_end_does_not_hold_the_run(home, tmp_path):
    with StubServer() as server:
        child = run_script(
            "online", tmp_path, 0, 0, "wait", WANDB_API_KEY=KEY, WANDB_BASE_URL=server.url
        )
        assert child.stdout.readline().startswith("W&B: http")
        server.hang.set()
        child.communicate("\n", timeout=30)
        assert child.returncode == 0
