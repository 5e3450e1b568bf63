"""Threads or processes: the training loop on one core, in one process with two threads, and in two processes.

    python benchmarks/train_ranks.py                 # 1x1, 1x2 and 2x1: processes x threads
    python benchmarks/train_ranks.py --ways 1x1 4x1  # on a machine with more cores

All ways play the same games with the same batch, and take turns, one iteration each, so that a busy neighbour disturbs
them alike. Given are the wall-clock rate (median), which is what a user sees on an idle machine, and the rate per second
of processor time, summed over processes, which stays meaningful on a busy one: `efficiency` is that rate over the one
of the first way, and efficiency x cores is the speed-up on idle cores if none waits.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

if not __package__:  # run as a file
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import engine_extras as extras
from benchmarks import machine

PHASES = ("simulate", "label", "encode", "infer", "store")
"""Phases of a rollout whose shares are kept; the rest is learning, waiting and statistics."""

ROOT = Path(__file__).resolve().parent.parent


class _Way:
    """One way to train: some processes, each with some threads, that iterate when told to."""

    def __init__(self, name: str, arguments: argparse.Namespace, folder: Path) -> None:
        self.name = name
        self.processes, self.threads = (int(part) for part in name.split("x"))
        words = ["--mission", arguments.mission, "--teacher", arguments.teacher]
        words += ["--envs", str(arguments.envs), "--workers", str(self.threads)]
        words += [f"--set={setting}" for setting in arguments.set]
        variables = {
            "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}",
            "WORLD_SIZE": str(self.processes),
            "LOCAL_WORLD_SIZE": str(self.processes),
            "COGLAB_RANK_STORE": str(folder / name),
            "GLOO_SOCKET_IFNAME": "lo",
        }
        self.ranks = [
            subprocess.Popen(
                [sys.executable, __file__, "--as-rank", *words],
                env={**os.environ, **variables, "RANK": str(rank), "LOCAL_RANK": str(rank)},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for rank in range(self.processes)
        ]
        self.samples: list[dict[str, float]] = []
        self.sizes = self._answers()[0]

    def _answers(self) -> list[dict[str, Any]]:
        lines = [rank.stdout.readline() for rank in self.ranks if rank.stdout is not None]
        if not all(lines):
            raise RuntimeError(f"a process of {self.name} ended; its error is above")
        return [json.loads(line) for line in lines]

    def iterate(self) -> None:
        """One iteration of all ranks."""
        for rank in self.ranks:
            assert rank.stdin is not None
            rank.stdin.write("\n")
            rank.stdin.flush()
        told = self._answers()
        names = ("processor", "rollout", "learn", "waited", *PHASES)
        sums = {name: sum(answer[name] for answer in told) for name in names}
        self.samples.append({**sums, "wall": max(answer["wall"] for answer in told)})

    def close(self) -> None:
        """End the processes."""
        for rank in self.ranks:
            assert rank.stdin is not None
            rank.stdin.close()
        for rank in self.ranks:
            rank.wait(timeout=60)

    def summary(self, warmup: int) -> dict[str, Any]:
        """Rates and where the time goes, warm-up left out."""
        samples = self.samples[warmup:]
        steps = self.sizes["batch_size"]
        processor = sum(sample["processor"] for sample in samples)
        wall = [sample["wall"] for sample in samples]
        # Processor time of one agent step, divided among phases by their shares of the wall time.
        per_step = processor / (steps * len(samples))
        ranks_wall = self.processes * sum(wall)
        shares = {
            phase: sum(s[phase] for s in samples) / (self.threads * ranks_wall) for phase in PHASES
        }
        shares["learn"] = sum(s["learn"] - s["waited"] for s in samples) / ranks_wall
        return {
            "processes": self.processes,
            "threads": self.threads,
            "sps_median": steps / statistics.median(wall),
            "sps_best": steps / min(wall),
            "sps_per_processor_second": steps * len(samples) / processor,
            "microseconds": {name: 1e6 * share * per_step for name, share in shares.items()},
            "waited_share": sum(s["waited"] for s in samples) / ranks_wall,
        }


def main() -> int:
    """Measure, print the table, write the JSON file."""
    arguments = _parse()
    if arguments.as_rank:
        return _be_rank(arguments)
    with tempfile.TemporaryDirectory() as folder:
        ways = [_Way(name, arguments, Path(folder)) for name in arguments.ways]
        for _ in range(arguments.warmup + arguments.iterations):
            for way in ways:
                way.iterate()
        for way in ways:
            way.close()
    found = {way.name: way.summary(arguments.warmup) for way in ways}
    first = found[arguments.ways[0]]
    for summary in found.values():
        rate = summary["sps_per_processor_second"]
        summary["efficiency"] = rate / first["sps_per_processor_second"]
        summary["wall_ratio"] = summary["sps_median"] / first["sps_median"]
    results = {
        "date": datetime.datetime.now().astimezone().strftime("%Y-%m-%d %H:%M"),
        "command": " ".join(["python", "benchmarks/train_ranks.py", *sys.argv[1:]]),
        "commit": extras.commit(),
        "machine": machine.describe(),
        "busy_share": machine.busy_share(),
        "sizes": ways[0].sizes,
        "ways": found,
    }
    print(_table(results))
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    arguments.json.write_text(json.dumps(results, indent=1))
    print(f"written: {arguments.json}")
    return 0


def _be_rank(arguments: argparse.Namespace) -> int:
    """One process of one way: an iteration for every line on standard input, and its times on standard output."""
    from benchmarks.train import make_trainer
    from coglab.training.device import matmul_precision
    from coglab.training.distributed import join

    with join(uses_gpu=False) as ranks:
        uri = None if arguments.teacher == "none" else arguments.teacher
        trainer, products = make_trainer(arguments, uri, ranks)
        geometry = trainer.geometry
        sizes = {
            "num_envs": geometry.num_envs * ranks.count,
            "batch_size": geometry.steps_per_iteration,
            "minibatch_size": geometry.minibatch_size * ranks.count,
            "gradient_numbers": trainer.learner.parameters.weights.numel(),
        }
        print(json.dumps(sizes), flush=True)
        for _ in sys.stdin:
            begin, processor = time.perf_counter(), time.process_time()
            with matmul_precision(products):
                metrics = trainer.iterate()
            wall = time.perf_counter() - begin
            told = {
                "wall": wall,
                "processor": time.process_time() - processor,
                "waited": ranks.seconds,
                "rollout": metrics["metric/rollout_time"],
                "learn": metrics["metric/train_time"],
            }
            for phase in PHASES:
                told[phase] = metrics[f"timing_per_epoch/msec/{phase}"] / 1e3
            print(json.dumps(told), flush=True)
        trainer.pool.close()
    return 0


def _table(results: dict[str, Any]) -> str:
    lines = [
        "processes x threads   steps/s (wall)  per CPU-s  efficiency  wall ratio  waited",
        *(
            f"{name:>19}   {way['sps_median']:>14,.0f}  {way['sps_per_processor_second']:>9,.0f}  "
            f"{way['efficiency']:>10.2f}  {way['wall_ratio']:>10.2f}  {way['waited_share']:>6.0%}"
            for name, way in results["ways"].items()
        ),
    ]
    busy = results["busy_share"]
    about = results["machine"]
    lines.append(
        f"{about['processor']}, {about['cores']} cores"
        + (f"; others used {busy:.0%} of the machine afterwards" if busy is not None else "")
    )
    return "\n".join(lines)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--mission", default="arena")
    parser.add_argument("--teacher", default="metta://policy/cogsguard?gear=10")
    parser.add_argument("--ways", nargs="+", default=["1x1", "1x2", "2x1"])
    parser.add_argument("--envs", type=int, default=128, help="parallel games of the run")
    parser.add_argument("--iterations", type=int, default=6, help="measured iterations of each way")
    parser.add_argument("--warmup", type=int, default=1, help="iterations before measuring")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--workers", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--as-rank", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument(
        "--json", type=Path, default=Path("train_dir/benchmarks/train_ranks.json"), metavar="FILE"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
