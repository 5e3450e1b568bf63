"""`nproc=`: which processes are started, and how they end together. The tool here trains nothing."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from coglab.cli.ranks import RankPlan, take_rank_words
from coglab.config import UserError

ROOT = Path(__file__).resolve().parents[2]

RECIPE = '''
import os, signal, sys, time
from coglab.config.errors import PeerLostError
from coglab.tools.base import Tool

RANK = os.environ.get("RANK", "alone")


class ActTool(Tool):
    """Does in each rank what `play` says: `0:sleep,1:fail`."""

    play: str = ""
    """What to do."""

    def processes(self, asked):
        return 3 if asked == "auto" else asked or 1

    def run(self):
        act = dict(part.split(":") for part in self.play.split(",") if part).get(RANK, "end")
        print(f"out of {RANK}/{os.environ.get('WORLD_SIZE', 1)}", flush=True)
        if act == "fail":
            raise ValueError(f"broken in {RANK}")
        if act == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        if act == "fall":
            time.sleep(0.5)
            raise PeerLostError("fell along")
        if act == "stop":
            try:
                open(f"ready.{RANK}", "w").close()
                time.sleep(120)
            except KeyboardInterrupt as stopped:
                open(f"stopped.{RANK}", "a").write(f"{stopped.__class__.__name__} ")
                raise
        return 0


def act() -> ActTool:
    """Act."""
    return ActTool()
'''


def start(folder, *words):
    """Start a command in a folder that has the recipe above."""
    (folder / "mine.py").write_text(RECIPE)
    cleared = {
        name: value for name, value in os.environ.items() if name not in ("RANK", "WORLD_SIZE")
    }
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "coglab.cli", *words],
        cwd=folder,
        env={**cleared, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(folder, *words):
    """Run it; returns exit code, standard output, standard error."""
    process = start(folder, *words)
    out, error = process.communicate(timeout=120)
    return process.returncode, out, error


def await_ranks(folder, process):
    """Wait until both ranks stop at nothing but a signal."""
    deadline = time.monotonic() + 100
    while not all((folder / f"ready.{rank}").exists() for rank in (0, 1)):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_words_for_the_launcher_are_taken_out_and_the_rest_stays():
    plan, rest = take_rank_words(
        ["nproc=4", "nodes=2", "node=1", "master=h:7", "train", "run=a", "node=x"]
    )
    assert plan == RankPlan(4, 1, 2, 1, "h:7")
    assert rest == ["train", "run=a", "node=x"]
    assert take_rank_words(["train", "nproc=auto"])[0].asked == "auto"


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        (["nproc=0"], "nproc=1"),
        (["nproc=many"], "`auto` or a number"),
        (["nproc=1", "nproc=2"], "twice"),
        (["nproc=2", "nodes=2"], "master=10.0.0.1:29500"),
        (["nproc=2", "nodes=2", "node=2", "master=h"], "0 to 1"),
        (["nproc=2", "nodes=2", "node=1", "master=h:x"], "HOST:PORT"),
    ],
)
def test_words_that_cannot_be_used_are_answered_with_one_that_works(word, hint):
    with pytest.raises(UserError, match=hint):
        take_rank_words([*word, "train"])


def test_every_rank_runs_and_only_the_first_prints(tmp_path):
    code, out, error = run(tmp_path, "nproc=auto", "mine.act")
    assert (code, out.strip(), error) == (0, "out of 0/3", "")


def test_a_process_of_an_outer_launcher_launches_nothing(tmp_path, monkeypatch):
    (tmp_path / "mine.py").write_text(RECIPE)
    done = subprocess.run(
        [sys.executable, "-P", "-m", "coglab.cli", "nproc=auto", "mine.act"],
        cwd=tmp_path,
        env={
            **os.environ,
            "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}",
            "RANK": "1",
            "WORLD_SIZE": "2",
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stdout.strip()) == (0, "out of 1/2")


def test_the_rank_that_failed_first_is_shown_and_its_code_is_the_runs(tmp_path):
    code, _, error = run(tmp_path, "nproc=2", "mine.act", "play=0:fall,1:fail")
    assert code == 1
    assert "ValueError: broken in 1" in error
    assert error.strip().endswith("error: rank 1 of the run failed")


def test_a_killed_rank_is_named(tmp_path):
    code, _, error = run(tmp_path, "nproc=2", "mine.act", "play=0:fall,1:die")
    assert code == 137
    assert "rank 1 of the run was killed by signal 9" in error


@pytest.mark.parametrize(
    ("number", "expected"), [(signal.SIGINT, "KeyboardInterrupt"), (signal.SIGTERM, "Terminated")]
)
def test_a_signal_reaches_every_rank_once(tmp_path, number, expected):
    process = start(tmp_path, "nproc=2", "mine.act", "play=0:stop,1:stop")
    await_ranks(tmp_path, process)
    process.send_signal(number)
    process.communicate(timeout=120)
    assert process.returncode == 128 + number
    assert [(tmp_path / f"stopped.{rank}").read_text() for rank in (0, 1)] == [f"{expected} "] * 2


def test_ranks_end_with_a_killed_launcher(tmp_path):
    process = start(tmp_path, "nproc=2", "mine.act", "play=0:stop,1:stop")
    await_ranks(tmp_path, process)
    process.kill()
    # Standard output is the first rank's too: it ends only when that rank has.
    process.communicate(timeout=120)
    assert not (tmp_path / "stopped.0").exists()


def test_tools_that_do_not_train_refuse_several_processes(tmp_path):
    code, _, error = run(tmp_path, "nproc=2", "runs.ls")
    assert code == 2
    assert "runs in one process" in error
