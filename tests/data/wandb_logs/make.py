"""Makes the logs beside this file with the real client, offline; needs wandb: `python tests/data/wandb_logs/make.py`.

finished: ends with code 0; a histogram, a nested setting, a late setting, an alert, tags.
killed: SIGKILL three seconds after the last flush; what was logged after it is lost and there is no exit record.
resumed: two folders of one id; the second starts from step 300 again, which the first had passed, and ends with code 3.
finished-VERSION: the first of these by an older client; the others need 0.31.

The bytes are the client's. It is told to record nothing of the machine, and what it wrote is searched for that.
"""

from __future__ import annotations

import getpass
import importlib.metadata
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

HERE = Path(__file__).parent

PROGRAM = textwrap.dedent(
    """
    import sys, time, wandb

    name, first, rows, code = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    wanted = dict(
        console="off", disable_git=True, disable_code=True, x_disable_meta=True, x_disable_stats=True,
        x_disable_machine_info=True, x_save_requirements=False, x_transaction_log_flush_interval=1, host="host",
        username="user", email="user@example.org",
    )
    known = dir(wandb.Settings())  # 0.17 spells x_disable_meta _disable_meta
    forms = {form: value for key, value in wanted.items() for form in (key, key.removeprefix("x")) if form in known}
    run = wandb.init(
        project="fixtures", id=name, name=name, mode="offline", dir=".", tags=["small", "real"],
        settings=wandb.Settings(**forms),
        notes="made for tests", config={"trainer": {"batch_size": 4096, "optimizer": {"learning_rate": 0.001}}},
    )
    run.define_metric("*", step_metric="metric/agent_step")
    for i in range(first, first + rows):
        row = {"metric/agent_step": 100 * i, "env_agent/heart.gained": i / 8}
        row["losses/approx_kl"] = float("nan") if i == 2 else float("inf") if i == 3 else 0.01
        if i % 4 == 0:
            row["sparse"] = i
            row["nested"] = {"inner": {"value": -i}}
        run.log(row)
    if name.startswith("finished"):
        run.log({"metric/agent_step": 1000, "shape": wandb.Histogram([1, 2, 2, 3])})
        run.config.update({"late": True})
        run.alert("low", "the score is low")
    if name == "killed":
        time.sleep(3)
        run.log({"metric/agent_step": 9999, "env_agent/heart.gained": 9.0})
        print("flushed", flush=True)
        time.sleep(60)
    run.finish(exit_code=code)
    """
)


def record(folder: Path, *words: str) -> None:
    """Run the program in `folder`; the run called `killed` is."""
    home = {"HOME": str(folder), "WANDB_SILENT": "true", "WANDB_ERROR_REPORTING": "false"}
    path = {"PATH": os.environ["PATH"]}
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *words], cwd=folder, env={**home, **path}, stdout=subprocess.PIPE
    )  # fmt: skip
    if words[0] == "killed":
        assert process.stdout is not None
        assert process.stdout.readline() == b"flushed\n"
        process.send_signal(signal.SIGKILL)
    process.wait(120)


def main() -> None:
    """Make all of them."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        version = importlib.metadata.version("wandb")
        if version.startswith("0.31."):
            record(folder, "finished", "1", "9", "0")
            record(folder, "killed", "1", "6", "0")
            record(folder, "resumed", "1", "5", "1")
            record(folder, "resumed", "3", "5", "3")
        else:
            record(folder, f"finished-{version}", "1", "9", "0")
        private = [
            socket.gethostname(),
            str(folder),
            os.getcwd(),
            sys.executable,
            getpass.getuser(),
        ]
        for number, log in enumerate(sorted(folder.glob("wandb/offline-run-*/*.wandb"))):
            data = log.read_bytes()
            for word in private:
                assert word.encode() not in data, f"{log.name} holds {word}"
            name = log.stem.removeprefix("run-")
            target = HERE / f"offline-run-20261201_00000{number}-{name}" / log.name
            target.parent.mkdir(exist_ok=True)
            shutil.copyfile(log, target)
            print(f"{target.relative_to(HERE)}: {len(data)} bytes")


if __name__ == "__main__":
    main()
