"""The learning results of docs/04-results.md: arms of three seeds with a shared baseline, run where they are missing.

    python benchmarks/learning.py                       # what has been run, what is missing, the tables
    python benchmarks/learning.py --run                 # run what is missing of the comparisons, one run per core
    python benchmarks/learning.py --full                # the long runs as well
    python benchmarks/learning.py --run --only option1 critic-mse --jobs 1

Every run is a command that the README could print; it is shown before it starts. A run that was killed goes on where its
last checkpoint left it; a finished one is not repeated, nor one whose outcome stands in the JSON file (`--json`), wherever
it was trained. Each run uses one thread, so that two cores train two of them. Ctrl-C or SIGTERM stops the runs with their
checkpoints written.
"""

from __future__ import annotations

import argparse
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

if not __package__:  # run as a file
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.learning_arms import ARMS, Arm
from benchmarks.learning_report import find_outcome, read_stored, write_report

ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    """Run what is missing, then write the tables."""
    arguments = _parse()
    for number in (
        signal.SIGINT,
        signal.SIGTERM,
    ):  # in the background, a shell lets Ctrl-C be ignored
        signal.signal(number, signal.default_int_handler)
    chosen = [arm for arm in ARMS if not arguments.only or arm.name in arguments.only]
    if arguments.run or arguments.full:
        code = run_missing(_queue(chosen, arguments), arguments.train_dir, arguments.jobs)
        if code:
            return code
    print(write_report(chosen, arguments.train_dir, arguments.json))
    return 0


def _queue(arms: list[Arm], arguments: argparse.Namespace) -> list[tuple[Arm, int]]:
    """Runs that are missing, the first seed of every arm before the second of any."""
    runs = [
        (arm, seed)
        for arm in arms
        for seed in arm.seeds
        if arguments.full or not arm.is_extra or arguments.only
    ]
    stored = read_stored(arguments.json)
    missing = [
        (arm, seed)
        for arm, seed in runs
        if find_outcome(arm, seed, arguments.train_dir, stored) is None
    ]
    return sorted(missing, key=lambda run: run[0].seeds.index(run[1]))


def run_missing(queue: list[tuple[Arm, int]], train_dir: Path, jobs: int) -> int:
    """Run commands, `jobs` at a time.

    Args:
        queue: arms and seeds, in order.
        train_dir: folder of the runs.
        jobs: processes at once.

    Returns:
        0, or 130 after Ctrl-C. A run that fails is reported and does not keep the others from running.
    """
    running: dict[subprocess.Popen[bytes], tuple[str, int]] = {}
    waiting = list(queue)
    logs = train_dir / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                arm, seed = waiting.pop(0)
                words = [*arm.command(seed), f"{arm.prefix}train_dir={train_dir}"]
                print(
                    f"{time.strftime('%H:%M')} {shlex.join(['./tools/run.py', *words])}", flush=True
                )
                with (logs / f"{arm.run(seed)}.log").open("ab") as log:
                    started = subprocess.Popen(
                        [sys.executable, str(ROOT / "tools" / "run.py"), *words],
                        cwd=ROOT, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
                        env=os.environ | {"BOOTSTRAP": "off", "CI": "true", "OMP_NUM_THREADS": "1"},
                    )  # fmt: skip
                taken = {core for _, core in running.values()}
                core = next(number for number in range(jobs) if number not in taken)
                running[started] = (arm.run(seed), core)
                _keep_on_core(started.pid, core)
            time.sleep(1)
            for process in [p for p in running if p.poll() is not None]:
                name, _ = running.pop(process)
                if process.returncode:
                    print(f"{name} ended with exit code {process.returncode}: {logs / name}.log")
    except KeyboardInterrupt:
        for process in running:
            process.terminate()
        for process in running:
            process.wait()
        print("stopped; the same command goes on from the last checkpoints")
        return 130
    return 0


def _keep_on_core(process: int, number: int) -> None:
    """Give a run a core of its own where the system can: two runs on one core while another idles would be slow."""
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(process, {cores[number % len(cores)]})


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--run", action="store_true", help="run what is missing of the comparisons")
    parser.add_argument("--full", action="store_true", help="run everything that is missing")
    parser.add_argument(
        "--only", nargs="+", choices=[arm.name for arm in ARMS], help="these arms", metavar="ARM"
    )
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="runs at a time")
    parser.add_argument("--train-dir", type=Path, default=ROOT / "train_dir")
    parser.add_argument("--json", type=Path, default=ROOT / "docs" / "figures" / "learning.json")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
