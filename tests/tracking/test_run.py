import io
import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time

import pytest
from rich.console import Console

from coglab.config.errors import Terminated, UserError
from coglab.tracking.config import DisplayConfig, WandbConfig
from coglab.tracking.ledger_reader import compare_ledgers, read_ledger
from coglab.tracking.monitor import SystemMonitor
from coglab.tracking.run import STRICT_VARIABLE, open_run
from coglab.tracking.signals import StopSignals


@pytest.fixture
def console():
    return Console(file=io.StringIO(), width=100)


@pytest.fixture
def start(tmp_path, console):
    def start_run(**options):
        settings = {
            "name": "r", "config": {"trainer": {"lr": 1}}, "argv": ["run=r"], "recipe": "x.train", "target_steps": 100,
            "console": console, "display": DisplayConfig(mode="plain"), **options,
        }  # fmt: skip
        return open_run(tmp_path / "r", **settings)

    return start_run


def read_info(tmp_path):
    return json.loads((tmp_path / "r" / "run.json").read_text())


def test_a_run_that_ends_well_is_finished(start, tmp_path, console):
    with start(seed=7, wandb=WandbConfig(mode="disabled", tags=("t",))) as tracker:
        tracker.progress("learn")
        tracker.log(50, {"overview/reward": 0.25})
        tracker.summary(best="v1", parameters=10)
        tracker.print("hello")
    info = read_info(tmp_path)
    assert (info["state"], info["exit_code"], info["crash"]) == ("finished", 0, None)
    assert (info["seed"], info["tags"], info["recipe"]) == (7, ["t"], "x.train")
    assert info["summary"] == {"best": "v1", "parameters": 10}
    run = read_ledger(tmp_path / "r")
    assert run.columns["metric/agent_step"].values.tolist() == [50]
    assert run.columns["overview/reward"].values.tolist() == [0.25]
    assert run.columns["monitor/memory_gb"].values[0] > 0
    text = console.file.getvalue()
    assert "50.0 %" in text
    assert "hello" in text


@pytest.mark.parametrize(
    ("error", "state", "code"),
    [
        (ValueError("bad"), "failed", 1),
        (UserError("bad key"), "failed", 2),
        (KeyboardInterrupt(), "interrupted", 130),
        (Terminated(signal.SIGTERM), "terminated", 143),
        (SystemExit(5), "failed", 5),
        (SystemExit(0), "finished", 0),
        (SystemExit("text"), "failed", 1),
    ],
)
def test_every_way_to_end_is_recorded(start, tmp_path, error, state, code):
    with pytest.raises(type(error)), start():
        raise error
    info = read_info(tmp_path)
    assert (info["state"], info["exit_code"]) == (state, code)
    if state == "failed":
        assert info["crash"]["class"] == type(error).__name__
        assert info["crash"]["tail"][-1].startswith(("ValueError: bad", "coglab", "SystemExit"))
    else:
        assert info["crash"] is None


def test_finish_counts_once(start, tmp_path):
    with start() as tracker:
        tracker.finish(130, "interrupted", "stopped by Ctrl-C; saved")
        tracker.finish(0, "finished")
    info = read_info(tmp_path)
    assert (info["state"], info["message"]) == ("interrupted", "stopped by Ctrl-C; saved")


def test_an_unknown_metric_is_an_error_in_tests_and_one_line_in_life(
    start, monkeypatch, console, tmp_path
):
    monkeypatch.setenv(STRICT_VARIABLE, "1")
    with pytest.raises(UserError, match="losses/entropi"), start() as tracker:
        tracker.log(1, {"losses/entropi": 1.0})
    monkeypatch.delenv(STRICT_VARIABLE)
    with start() as tracker:
        tracker.log(1, {"losses/entropi": 1.0})
        tracker.log(2, {"losses/entropi": 1.0})
    assert console.file.getvalue().count("not in the table of metrics") == 1
    assert read_ledger(tmp_path / "r").columns["losses/entropi"].values.tolist() == [1, 1]


def test_a_second_start_leaves_the_first_alone(start, tmp_path, console):
    with start() as tracker:
        with pytest.raises(UserError, match="is being trained by process"):
            start()
        tracker.log(1, {"overview/reward": 1.0})
    assert read_info(tmp_path)["state"] == "finished"


def test_asking_for_wandb_without_the_package_ends_the_start_cleanly(start, tmp_path, monkeypatch):
    monkeypatch.setattr("coglab.tracking.wandb_sink.importlib.util.find_spec", lambda name: None)
    with pytest.raises(UserError, match="not installed"):
        start(wandb=WandbConfig(mode="online"))
    assert read_info(tmp_path)["state"] == "failed"
    start().finish(0, "finished")


def test_an_interrupted_run_reads_like_an_uninterrupted_one(tmp_path, console):
    def train(run_dir, spans):
        for first, last, checkpoint in spans:
            with open_run(
                run_dir, name="r", config={}, argv=[], recipe="x", target_steps=10, start_step=first,
                checkpoint=checkpoint, console=console,
            ) as tracker:  # fmt: skip
                for step in range(first + 1, last + 1):
                    tracker.log(step, {"overview/reward": step / 7, "overview/sps": time.time()})
        return read_ledger(run_dir)

    whole = train(tmp_path / "a", [(0, 10, None)])
    pieces = train(tmp_path / "b", [(0, 6, None), (4, 8, "v1"), (8, 10, "v2")])
    assert compare_ledgers(whole, pieces) == []
    assert pieces.superseded_rows == 2


def test_processor_time_is_measured():
    monitor = SystemMonitor()
    end = time.monotonic() + 0.05
    while time.monotonic() < end:
        pass
    sample = monitor.sample()
    assert 0 < sample["monitor/cpu_percent"] <= 110
    assert 0 < sample["monitor/memory_percent"] < 100


def test_handlers_are_put_back_and_threads_end():
    old = signal.getsignal(signal.SIGTERM)
    before = threading.active_count()
    with StopSignals() as signals:
        assert signal.getsignal(signal.SIGTERM) != old
        assert (signals.should_stop(), signals.exit_code, signals.state) == (False, 0, "finished")
    assert signal.getsignal(signal.SIGTERM) == old
    deadline = time.time() + 5
    while threading.active_count() > before and time.time() < deadline:
        time.sleep(0.01)
    assert threading.active_count() == before


def receive(signum):
    """Send this process a signal and be somewhere when it arrives."""
    os.kill(os.getpid(), signum)
    time.sleep(5)


def test_outside_of_the_loop_a_signal_stops_at_once():
    said = []
    with StopSignals() as signals:
        signals.say = said.append
        with pytest.raises(Terminated) as caught:
            receive(signal.SIGTERM)
        assert caught.value.exit_code == 143
        with pytest.raises(KeyboardInterrupt):
            receive(signal.SIGINT)
        deadline = time.time() + 5
        while len(said) < 2 and time.time() < deadline:
            time.sleep(0.01)
    assert said == ["SIGTERM: stopping", "Ctrl-C: stopping"]


CHILD = textwrap.dedent(
    """
    import hashlib, sys, time
    from pathlib import Path
    from coglab.tracking.config import DisplayConfig
    from coglab.tracking.run import open_run
    from coglab.tracking.signals import StopSignals

    with StopSignals() as signals, open_run(
        Path(sys.argv[1]), name="r", config={}, argv=[], recipe="x", target_steps=10**9,
        display=DisplayConfig(mode="plain"),
    ) as tracker:
        signals.say = tracker.print
        with signals.deferred():
            step = 0
            while not signals.should_stop():
                step += 1
                tracker.log(step, {"overview/reward": step / 3})
                exec(sys.argv[3])
                time.sleep(float(sys.argv[2]))
        tracker.print(f"saved at {step}")
        tracker.finish(signals.exit_code, signals.state, "stopped by a signal; saved")
    sys.exit(signals.exit_code)
    """
)


def start_child(run_dir, seconds=0.01, busy=""):
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(run_dir), str(seconds), busy],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    child.stdout.readline()
    return child


@pytest.mark.parametrize(
    ("signum", "code", "state"),
    [
        (signal.SIGINT, 130, "interrupted"),
        (signal.SIGTERM, 143, "terminated"),
        (signal.SIGHUP, 129, "terminated"),
    ],
)
def test_a_signal_stops_after_the_iteration_and_saves(tmp_path, signum, code, state):
    child = start_child(tmp_path / "r")
    child.send_signal(signum)
    out, err = child.communicate(timeout=30)
    assert child.returncode == code
    assert err == ""
    assert "stopping after this iteration and saving" in out
    assert "saved at" in out
    info = read_info(tmp_path)
    assert (info["state"], info["exit_code"]) == (state, code)
    assert info["segments"][0]["state"] == state


KERNEL = "hashlib.pbkdf2_hmac('sha256', b'a', b'b', 1_500_000)"  # Python runs no handler during it


@pytest.mark.parametrize("busy", ["", KERNEL])
def test_a_second_signal_stops_at_once_even_if_both_arrive_in_one_kernel(tmp_path, busy):
    child = start_child(tmp_path / "r", seconds=60, busy=busy)
    child.send_signal(signal.SIGINT)
    assert "once more stops at once" in child.stdout.readline()
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=30)
    assert "saved at" not in out
    assert "KeyboardInterrupt" in err
    info = read_info(tmp_path)
    assert (info["state"], info["exit_code"]) == ("interrupted", 130)


def test_ctrl_c_in_a_terminal_saves_and_gives_the_terminal_back(tmp_path):
    pty = pytest.importorskip("pty")
    terminal, end = pty.openpty()
    environment = {
        name: value for name, value in os.environ.items() if name not in ("CI", "NO_COLOR")
    }
    child = subprocess.Popen(
        [
            sys.executable,
            "-c",
            CHILD.replace('mode="plain"', 'mode="auto"'),
            str(tmp_path / "r"),
            "0.01",
            "",
        ],
        stdin=end,
        stdout=end,
        stderr=end,
        start_new_session=True,
        env={
            **environment,
            "PYTHONPATH": os.pathsep.join(sys.path),
            "TERM": "xterm",
            "COLUMNS": "100",
        },
    )
    os.close(end)
    shown, is_asked = b"", False
    while True:
        try:
            data = os.read(terminal, 65536)
        except OSError:  # Linux: the other end is closed
            break
        if not data:
            break
        shown += data
        if not is_asked and b"steps/s" in shown:
            is_asked = True
            child.send_signal(signal.SIGINT)
    os.close(terminal)
    assert child.wait(timeout=30) == 130
    text = shown.decode()
    assert "Ctrl-C: stopping after this iteration and saving" in text
    assert text.index("\x1b[?25l") < text.rindex("\x1b[?25h"), "the cursor is shown again"
    assert "saved at" in text
    assert read_info(tmp_path)["state"] == "interrupted"
