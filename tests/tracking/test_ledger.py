import errno
import json
import math
import os
import signal
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest

from coglab.config.errors import UserError
from coglab.tracking import ledger as ledger_module
from coglab.tracking.ledger import Ledger
from coglab.tracking.ledger_format import (
    INFO_FILE,
    ROWS_FILE,
    decode_line,
    repair_tail,
    utc_seconds,
)
from coglab.tracking.ledger_reader import compare_ledgers, read_ledger, run_state

FACTS = {"name": "r", "argv": ["train"], "recipe": "recipes.x.train", "target_steps": 1000}


def open_ledger(run_dir, *, config=None, warnings=None, **options):
    warn = (warnings if warnings is not None else []).append
    return Ledger(run_dir, FACTS, config or {"trainer": {"lr": 0.1}}, warn=warn, **options)


def write_run(run_dir, rows, **options):
    ledger = open_ledger(run_dir, **options)
    for step, metrics in rows:
        ledger.log(step, metrics)
    return ledger


def test_what_is_logged_is_read_back(tmp_path):
    ledger = write_run(
        tmp_path / "r",
        [
            (10, {"a": 1, "b": math.nan}),
            (20, {"a": np.float32(0.5), "c": -math.inf}),
            (30, {"b": 1e300}),
        ],
    )
    for finished in (False, True):
        if finished:
            ledger.finish("finished", 0)
            assert (tmp_path / "r" / "metrics.npz").exists()
        run = read_ledger(tmp_path / "r")
        assert run.steps.tolist() == [10, 20, 30]
        assert run.columns["a"].steps.tolist() == [10, 20]
        assert run.columns["a"].values.tolist() == [1.0, 0.5]
        assert run.columns["b"].steps.tolist() == [10, 30]
        assert math.isnan(run.columns["b"].values[0])
        assert run.columns["c"].values.tolist() == [-math.inf]
        assert run.config == {"trainer": {"lr": 0.1}}
        assert np.all(np.diff(run.times) >= 0)
        assert run.state == ("finished" if finished else "running")


def test_every_line_is_strict_json(tmp_path):
    write_run(tmp_path, [(1, {"a": math.nan, "b": math.inf})]).finish("finished", 0)

    def refuse(word):
        raise AssertionError(word)

    lines = (tmp_path / ROWS_FILE).read_text().splitlines()
    parsed = [json.loads(line, parse_constant=refuse) for line in lines]
    assert parsed[0]["segment"] == 0
    assert parsed[1]["metrics"] == {"a": "NaN", "b": "Infinity"}


def test_the_record_holds_what_analysis_needs(tmp_path):
    ledger = write_run(tmp_path, [(10, {"a": 1.0})])
    ledger.progress("learn")
    ledger.update(wandb={"mode": "offline"})
    ledger.update(wandb={"url": "u"})
    info = json.loads((tmp_path / INFO_FILE).read_text())
    assert info["wandb"] == {"mode": "offline", "url": "u"}
    assert info["phase"] == "learn"
    ledger.finish(
        "failed", 1, message="it broke", crash={"class": "ValueError", "message": "x", "tail": []}
    )
    info = json.loads((tmp_path / INFO_FILE).read_text())
    assert info["schema_version"] == 1
    assert info["state"] == "failed"
    assert info["exit_code"] == 1
    assert info["crash"]["class"] == "ValueError"
    assert info["pid"] == os.getpid()
    assert info["last_step"] == 10
    assert info["target_steps"] == 1000
    assert info["argv"] == ["train"]
    assert set(info["code"]) == {"version", "commit", "dirty", "packages"}
    for name in ("created", "heartbeat", "progress", "ended"):
        assert abs(utc_seconds(info[name]) - time.time()) < 60
    for name in ("host", "process_start", "boot_id", "run_id", "segments"):
        assert info[name], name


def test_heartbeat_and_progress_are_two_clocks(tmp_path):
    ledger = open_ledger(tmp_path, heartbeat_s=0.02)
    first = json.loads((tmp_path / INFO_FILE).read_text())
    deadline = time.time() + 5
    while time.time() < deadline:
        info = json.loads((tmp_path / INFO_FILE).read_text())
        if info["heartbeat"] > first["heartbeat"]:
            break
        time.sleep(0.01)
    assert info["heartbeat"] > first["heartbeat"]
    assert info["progress"] == first["progress"]
    ledger.finish("finished", 0)


def test_states_of_a_run_that_says_it_runs(tmp_path):
    ledger = open_ledger(tmp_path)
    info = json.loads((tmp_path / INFO_FILE).read_text())
    now = time.time()
    assert run_state(info, now) == "running"
    assert run_state(info, now + 1000) == "stalled"
    assert run_state({**info, "process_start": "1"}, now) == "crashed", "the number was used again"
    assert run_state({**info, "boot_id": "another"}, now) == "crashed", "the machine was restarted"
    assert run_state({**info, "host": "elsewhere"}, now) == "running"
    assert run_state({**info, "host": "elsewhere"}, now + 120) == "crashed"
    ledger.finish("terminated", 143)
    assert read_ledger(tmp_path).state == "terminated"


def test_a_later_segment_replaces_rows_after_its_checkpoint(tmp_path):
    first = write_run(tmp_path, [(10, {"a": 1}), (20, {"a": 2}), (30, {"a": 3, "b": 3})])
    first.finish("interrupted", 130)
    second = write_run(
        tmp_path, [(30, {"a": 33}), (40, {"a": 44})], start_step=20, checkpoint="checkpoints/v2",
        config={"trainer": {"lr": 0.2}},
    )  # fmt: skip
    second.finish("finished", 0)
    run = read_ledger(tmp_path)
    assert run.steps.tolist() == [10, 20, 30, 40]
    assert run.columns["a"].values.tolist() == [1, 2, 33, 44]
    assert "b" not in run.columns
    assert run.superseded_rows == 1
    one, two = run.info["segments"]
    assert (one["state"], one["exit_code"], one["last_step"]) == ("interrupted", 130, 30)
    assert (two["checkpoint"], two["start_step"], two["first_step"]) == ("checkpoints/v2", 20, 21)
    assert two["previous"]["state"] == "interrupted"
    assert two["config_changes"] == {"trainer.lr": [0.1, 0.2]}
    assert run.info["created"] == one["started"]


def test_a_start_from_nothing_replaces_everything(tmp_path):
    write_run(tmp_path, [(0, {"a": 1}), (10, {"a": 2})]).finish("failed", 1)
    write_run(tmp_path, [(0, {"a": 5})]).finish("finished", 0)
    run = read_ledger(tmp_path)
    assert run.steps.tolist() == [0]
    assert run.columns["a"].values.tolist() == [5]


def test_logging_twice_at_one_step_keeps_the_later_value_of_each_metric(tmp_path):
    write_run(tmp_path, [(10, {"a": 1, "b": 1}), (10, {"b": 2})]).finish("finished", 0)
    run = read_ledger(tmp_path)
    assert run.columns["a"].values.tolist() == [1]
    assert run.columns["b"].values.tolist() == [2]


@pytest.mark.parametrize(
    "tail", [b'{"step":30,"ti', b"\0" * 500, b'{"step":30}\n\0\0\n', b"x\ny\nz"]
)
def test_a_damaged_tail_is_ignored_by_readers_and_cut_at_the_next_start(tmp_path, tail):
    write_run(tmp_path, [(10, {"a": 1}), (20, {"a": 2})]).finish("failed", 1)
    path = tmp_path / ROWS_FILE
    whole = path.read_bytes()
    path.write_bytes(whole + tail)
    run = read_ledger(tmp_path)
    assert run.columns["a"].values.tolist() == [1, 2]
    assert run.unreadable_lines >= 1
    ledger = write_run(tmp_path, [(30, {"a": 3})], start_step=20, checkpoint="c")
    ledger.finish("finished", 0)
    again = read_ledger(tmp_path)
    assert again.columns["a"].values.tolist() == [1, 2, 3]
    assert all(decode_line(line) is not None for line in path.read_bytes().splitlines())


def test_a_cut_at_every_byte_leaves_a_prefix(tmp_path):
    write_run(tmp_path, [(step, {"a": step}) for step in range(5)]).finish("failed", 1)
    path = tmp_path / ROWS_FILE
    whole = path.read_bytes()
    for size in range(len(whole) + 1):
        path.write_bytes(whole[:size])
        values = read_ledger(tmp_path).columns.get("a")
        values = [] if values is None else values.values.tolist()
        assert values == list(range(len(values)))
        cut = repair_tail(path)
        assert path.read_bytes() == whole[: size - cut]
        assert path.read_bytes().count(b"\n") == whole[:size].count(b"\n")


def test_columns_that_do_not_belong_to_the_lines_are_not_used(tmp_path):
    write_run(tmp_path, [(10, {"a": 1})]).finish("finished", 0)
    with open(tmp_path / ROWS_FILE, "ab") as file:
        file.write(b'{"step":20,"time":1.0,"metrics":{"a":2}}\n')
    assert read_ledger(tmp_path).columns["a"].values.tolist() == [1, 2]
    (tmp_path / "metrics.npz").write_bytes(b"rubbish")
    assert read_ledger(tmp_path).columns["a"].values.tolist() == [1, 2]


def test_columns_and_lines_say_the_same(tmp_path):
    rng = np.random.default_rng(0)
    rows = [
        (step, {f"m{i}": rng.normal() for i in range(30) if rng.random() < 0.7})
        for step in range(200)
    ]
    write_run(tmp_path, rows).finish("finished", 0)
    from_columns = read_ledger(tmp_path)
    (tmp_path / "metrics.npz").unlink()
    from_lines = read_ledger(tmp_path)
    assert from_columns.steps.tolist() == from_lines.steps.tolist()
    assert from_columns.times.tolist() == from_lines.times.tolist()
    assert set(from_columns.columns) == set(from_lines.columns)
    assert compare_ledgers(from_columns, from_lines) == []


def test_comparison_ignores_speed_and_finds_everything_else(tmp_path):
    a = tmp_path / "a"
    b = tmp_path / "b"
    write_run(a, [(1, {"x": 1.0, "n": math.nan, "overview/sps": 1.0}), (2, {"x": 2.0})]).finish(
        "finished", 0
    )
    write_run(b, [(1, {"x": 1.0, "n": math.nan, "overview/sps": 9.0}), (2, {"x": 2.0})]).finish(
        "finished", 0
    )
    assert compare_ledgers(read_ledger(a), read_ledger(b)) == []
    c = tmp_path / "c"
    write_run(c, [(1, {"x": 1.0}), (2, {"x": 2.5}), (3, {"x": 3.0, "y": 1.0})]).finish(
        "finished", 0
    )
    assert compare_ledgers(read_ledger(a), read_ledger(c)) == [
        "n: only in a",
        "x: step 3 is only in one of them (1 such steps)",
        "x: np.float64(2.0) and np.float64(2.5) at step 2 (1 such steps)",
        "y: only in c",
    ]


def test_a_full_disk_costs_rows_but_never_raises(tmp_path, monkeypatch):
    warnings = []
    ledger = write_run(tmp_path, [(1, {"a": 1})], warnings=warnings)
    real_write = os.write

    def full(fd, data):
        if fd != ledger._file:
            return real_write(fd, data)
        if data.startswith((b"{", b"\n{")):
            return real_write(fd, data[:10])
        raise OSError(errno.ENOSPC, "No space left on device")

    def refuse(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(ledger_module.os, "write", full)
    monkeypatch.setattr(ledger_module, "replace_json", refuse)
    ledger.log(2, {"a": 2})
    ledger.log(3, {"a": 3})
    ledger._write_info()
    ledger._write_info()
    monkeypatch.undo()
    ledger.log(4, {"a": 4})
    ledger.finish("finished", 0)
    assert len(warnings) == 2
    assert "No space left" in warnings[0]
    run = read_ledger(tmp_path)
    assert run.columns["a"].values.tolist() == [1, 4]
    assert run.info["flags"] == {"rows_missing": 2}


def test_values_that_are_no_numbers_are_left_out_with_one_warning(tmp_path):
    warnings = []
    ledger = open_ledger(tmp_path, warnings=warnings)
    for step in (1, 2):
        ledger.log(step, {"a": 1.0, "text": "x", "none": None, "array": np.zeros(3)})
    ledger.finish("finished", 0)
    ledger.log(3, {"a": 1.0})
    assert len(warnings) == 4
    run = read_ledger(tmp_path)
    assert set(run.columns) == {"a"}
    assert run.steps.tolist() == [1, 2]


def test_a_second_start_is_refused_while_the_first_lives(tmp_path):
    first = open_ledger(tmp_path / "r")
    with pytest.raises(
        UserError, match=rf"run `r` is being trained by process {os.getpid()} on .*run=r-2"
    ):
        open_ledger(tmp_path / "r")
    assert read_ledger(tmp_path / "r").state == "running", (
        "the refused start must not touch the record"
    )
    first.finish("finished", 0)
    open_ledger(tmp_path / "r").finish("finished", 0)


def test_a_run_on_another_machine_is_locked_while_its_heart_beats(tmp_path):
    open_ledger(tmp_path).finish("finished", 0)
    info = json.loads((tmp_path / INFO_FILE).read_text())
    elsewhere = {
        "host": "elsewhere",
        "pid": 7,
        "process_start": "1",
        "boot_id": "b",
        "pid_namespace": "n",
    }
    (tmp_path / ".lock").write_text(json.dumps(elsewhere))
    with pytest.raises(UserError, match=r"process 7 on elsewhere \(last sign of life \d+ s ago\)"):
        open_ledger(tmp_path)
    (tmp_path / INFO_FILE).write_text(json.dumps({**info, "heartbeat": "2026-01-01T00:00:00Z"}))
    open_ledger(tmp_path).finish("finished", 0)


def test_a_directory_that_cannot_be_made_is_the_users_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot write the run directory"):
        open_ledger(tmp_path / "file" / "r")


def test_reading_a_folder_without_a_run_says_so(tmp_path):
    with pytest.raises(UserError, match=r"run\.json does not exist"):
        read_ledger(tmp_path)
    (tmp_path / INFO_FILE).write_text("{")
    with pytest.raises(UserError, match=r"run\.json is damaged"):
        read_ledger(tmp_path)


CHILD = textwrap.dedent(
    """
    import sys
    from pathlib import Path
    from coglab.tracking.ledger import Ledger
    start = int(sys.argv[2])
    facts = {"name": "r", "argv": [], "recipe": "x", "target_steps": 10**9}
    ledger = Ledger(Path(sys.argv[1]), facts, {}, start_step=start, checkpoint="c" if start else None,
                    warn=print, heartbeat_s=0.05)
    step = start
    while True:
        step += 1
        ledger.log(step, {"a": step, "b": step / 3})
        print(step, flush=True)
    """
)


def start_child(run_dir, start=0):
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, str(run_dir), str(start)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )


def test_a_killed_process_loses_no_row_and_the_next_start_takes_over(tmp_path):
    run_dir = tmp_path / "r"
    child = start_child(run_dir)
    said = [int(child.stdout.readline()) for _ in range(200)]
    while_it_runs = read_ledger(run_dir)
    assert while_it_runs.state == "running"
    with pytest.raises(UserError, match=f"process {child.pid} on "):
        open_ledger(run_dir)
    os.kill(child.pid, signal.SIGKILL)
    said += [int(line) for line in child.stdout.read().splitlines()]
    child.wait()
    run = read_ledger(run_dir)
    assert run.info["state"] == "running", "the killed process could not say more"
    assert run.state == "crashed"
    assert run.unreadable_lines <= 1
    logged = len(run.steps)
    assert logged in (len(said), len(said) + 1), "a row is written before the loop goes on"
    assert run.columns["a"].values.tolist() == list(range(1, logged + 1))
    ledger = open_ledger(run_dir, start_step=100, checkpoint="checkpoints/v1")
    ledger.log(101, {"a": -1})
    ledger.finish("finished", 0)
    resumed = read_ledger(run_dir)
    assert resumed.columns["a"].values.tolist() == [*range(1, 101), -1]
    assert resumed.superseded_rows == logged - 100
    one, two = resumed.info["segments"]
    assert (one["state"], one["last_step"]) == ("crashed", logged)
    assert two["previous"]["state"] == "crashed"


def test_of_two_starts_at_once_exactly_one_trains(tmp_path):
    run_dir = tmp_path / "r"
    children = [start_child(run_dir) for _ in range(2)]
    try:
        deadline = time.time() + 30
        while all(child.poll() is None for child in children) and time.time() < deadline:
            time.sleep(0.05)
        ended = [child for child in children if child.poll() is not None]
        assert len(ended) == 1
        assert "is being trained by process" in ended[0].stderr.read()
    finally:
        for child in children:
            child.kill()
            child.communicate()


def test_a_few_metrics_can_be_read_alone_and_what_is_no_number_is_left_out(tmp_path):
    write_run(tmp_path, [(1, {"a": 1, "b": 2})]).finish("finished", 0)
    assert set(read_ledger(tmp_path, only=["b"]).columns) == {"b"}
    with open(tmp_path / ROWS_FILE, "ab") as file:
        file.write(
            b'{"step":2,"time":1.0,"metrics":{"a":null,"b":"NaN"}}\n{"step":3,"metrics":{}}\n[]\n'
        )
    run = read_ledger(tmp_path, only=["a", "b"])
    assert run.columns["a"].steps.tolist() == [1]
    assert run.columns["b"].steps.tolist() == [1, 2]
    assert run.unreadable_lines == 2
