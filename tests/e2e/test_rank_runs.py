"""Runs of two processes through the launcher: ended by signals, killed, and continued."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from coglab.tracking.ledger_reader import compare_ledgers, read_ledger
from tests.e2e.commands import ROOT, SMALL, TEACHER, TRAIN, environment, start, type_command

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="looks for ranks in /proc"),
]

STEPS = 40_960

WORDS = [
    "nproc=2",
    TRAIN,
    "run=two",
    TEACHER,
    "checkpointer.interval_s=0.2",
    "evaluator.at_end=false",
    *(word for word in SMALL if not word.startswith("training_env.num_workers")),
]


def process_of_rank(launcher: int, rank: int) -> int:
    """The process that a launcher started as this rank."""
    children = Path(f"/proc/{launcher}/task/{launcher}/children").read_text().split()
    for child in children:
        variables = Path(f"/proc/{child}/environ").read_bytes().split(b"\0")
        if b"RANK=%d" % rank in variables:
            return int(child)
    raise AssertionError(f"no rank {rank} among {children}")


def start_and_await_checkpoint(folder: Path, *words: str) -> subprocess.Popen[str]:
    """Start the run and wait for its first checkpoint."""
    process = start(folder, *words)
    checkpoints = folder / "train_dir" / "two" / "checkpoints"
    deadline = time.monotonic() + 500
    while time.monotonic() < deadline and not any(checkpoints.glob("v[0-9]*")):
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.05)
    return process


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The ledger of a run that nothing disturbed."""
    folder = tmp_path_factory.mktemp("whole")
    code, output = type_command(folder, *WORDS, f"trainer.total_timesteps={STEPS}")
    assert code == 0, output
    assert "on 2 processes with 1 thread each" in output
    return read_ledger(folder / "train_dir" / "two")


@pytest.mark.parametrize("rank", [0, 1])
def test_a_run_with_a_killed_rank_ends_and_goes_on_as_if_it_had_not_been_killed(
    tmp_path, whole, rank
):
    words = [*WORDS, f"trainer.total_timesteps={STEPS}"]
    process = start_and_await_checkpoint(tmp_path, *words)
    os.kill(process_of_rank(process.pid, rank), signal.SIGKILL)
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 137, output
    if rank == 1:
        assert "rank 1 of the run was killed by signal 9" in output
        ledger = read_ledger(tmp_path / "train_dir" / "two")
        assert ledger.info["state"] == "failed"
    code, output = type_command(tmp_path, *words)
    assert code == 0, output
    assert "continues from" in output
    ledger = read_ledger(tmp_path / "train_dir" / "two")
    assert ledger.info["state"] == "finished"
    assert len(ledger.info["segments"]) == 2
    assert ledger.info["segments"][1]["start_step"] > 0
    assert compare_ledgers(ledger, whole) == []


@pytest.mark.parametrize(
    ("number", "expected", "state"),
    [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")],
)
def test_a_signal_saves_and_the_same_command_goes_on(tmp_path, number, expected, state):
    words = [*WORDS, "trainer.total_timesteps=5_000_000"]
    process = start_and_await_checkpoint(tmp_path, *words)
    process.send_signal(number)
    output, _ = process.communicate(timeout=120)
    assert process.returncode == expected, output
    assert "the same command goes on from here" in output
    ledger = read_ledger(tmp_path / "train_dir" / "two")
    assert ledger.info["state"] == state
    step = ledger.info["last_step"]
    code, output = type_command(tmp_path, *WORDS, f"trainer.total_timesteps={step + 512}")
    assert code == 0, output
    assert f"agent step {step:,}" in output
    assert "start anew" not in output


def test_torchruns_restart_goes_on_from_the_last_checkpoint(tmp_path, whole):
    own = {key: value for key, value in environment().items() if key != "PYTHONPATH"}
    own["PYTHONPATH"] = environment()["PYTHONPATH"]
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "torch.distributed.run", "--nnodes=1", "--nproc-per-node=2"),
            *("--max-restarts=1", "--rdzv-backend=c10d", "--rdzv-endpoint=localhost:0"),
            *("--local-addr=127.0.0.1", str(ROOT / "tools" / "run.py")),
            *(*WORDS[1:], f"trainer.total_timesteps={STEPS}"),
        ],
        cwd=tmp_path,
        env=own,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    checkpoints = tmp_path / "train_dir" / "two" / "checkpoints"
    deadline = time.monotonic() + 500
    while time.monotonic() < deadline and not any(checkpoints.glob("v[0-9]*")):
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.05)
    os.kill(process_of_rank(process.pid, 1), signal.SIGKILL)
    output, _ = process.communicate(timeout=500)
    assert process.returncode == 0, output
    ledger = read_ledger(tmp_path / "train_dir" / "two")
    assert ledger.info["state"] == "finished"
    assert len(ledger.info["segments"]) == 2
    assert compare_ledgers(ledger, whole) == []
