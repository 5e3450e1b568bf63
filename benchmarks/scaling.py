"""Predicts agent steps per second, time and cost of a run for 1 to 64 GPUs, from measured pieces and stated assumptions.

    python benchmarks/train_ranks.py                 # measures the pieces on this machine
    python benchmarks/scaling.py                     # reads what that wrote

One iteration is: ticks of a rollout, then minibatches. A tick costs its rows x (simulate + label + encode + store) on
the host's cores, rows x infer on the GPU, and a fixed time for calls; a minibatch costs its rows x learn, a fixed time
for calls, and one all-reduce of the gradient. Nothing overlaps, so the prediction is a lower bound for a loop that
overlaps. What the host does per agent step is measured; what a GPU does is assumed (`ASSUMED`) until one is at hand.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ASSUMED = {
    "gpu_steps_per_second": 2.5e6,  # vit, inference and one pass of learning; between 1.2 (seen elsewhere) and 3.5 M
    "infer_share": 0.25,  # of that time: a forward pass against forward, backward and the forward of learning
    "cores_per_gpu": 16.0,
    "core_efficiency": 0.9,  # many cores against one: memory bandwidth
    "tick_call_s": 1.0e-3,  # launches and copies of one inference
    "minibatch_call_s": 1.0e-2,  # launches of forward, backward, optimiser
    "gpus_per_machine": 8.0,
    "bytes_per_second_inside": 200e9,  # NVLink, all-reduce
    "bytes_per_second_between": 25e9,  # one 200 Gbit/s card
    "latency_s": 3.0e-5,  # per step of a ring or tree
    "dollars_per_gpu_hour": 3.0,
}
"""What is not measured here; every one can be given with --assume NAME=VALUE."""

HORIZON, BATCH, MINIBATCH, ROWS = 256, 2_097_152, 65_536, 16_384
BUDGET = 20e9


@dataclass(frozen=True)
class Prediction:
    """One row of the table.

    Attributes:
        gpus: how many.
        batch: agent steps per iteration.
        seconds: of one iteration, by part.
        rate: agent steps per second.
    """

    gpus: int
    batch: int
    seconds: dict[str, float]
    rate: float

    @property
    def hours(self) -> float:
        """Hours of 20 billion agent steps."""
        return BUDGET / self.rate / 3600


def predict(
    gpus: int, batch: int, minibatch: int, host_us: float, numbers: int, given: dict[str, float]
) -> Prediction:
    """Predict one iteration on some GPUs.

    Args:
        gpus: how many.
        batch: agent steps per iteration, over all GPUs.
        minibatch: agent steps per gradient step, over all GPUs.
        host_us: microseconds of one core per agent step.
        numbers: weights of the network.
        given: as ASSUMED.
    """
    own = batch / gpus
    rows = min(ROWS, own / HORIZON)
    ticks = own / rows
    minibatches = batch / minibatch
    per_step = 1.0 / given["gpu_steps_per_second"]
    seconds = {
        "host": own * host_us * 1e-6 / (given["cores_per_gpu"] * given["core_efficiency"]),
        "infer": own * per_step * given["infer_share"],
        "learn": own * per_step * (1 - given["infer_share"]),
        "calls": ticks * given["tick_call_s"] + minibatches * given["minibatch_call_s"],
        "all-reduce": minibatches * all_reduce_s(gpus, 4.0 * numbers, given),
    }
    return Prediction(gpus, batch, seconds, batch / sum(seconds.values()))


def all_reduce_s(gpus: int, size: float, given: dict[str, float]) -> float:
    """Seconds of one all-reduce: a ring inside a machine, and one between machines.

    Args:
        gpus: how many.
        size: bytes.
        given: as ASSUMED.
    """
    inside = min(gpus, int(given["gpus_per_machine"]))
    machines = math.ceil(gpus / given["gpus_per_machine"])
    total = 0.0
    for members, speed in (
        (inside, given["bytes_per_second_inside"]),
        (machines, given["bytes_per_second_between"]),
    ):
        if members > 1:
            total += 2 * (members - 1) * given["latency_s"]
            total += 2 * (members - 1) / members * size / speed
    return total


def main() -> int:
    """Print both tables as Markdown."""
    arguments = _parse()
    given = dict(ASSUMED)
    for setting in arguments.assume:
        name, _, value = setting.partition("=")
        if name not in given:
            print(f"--assume {name}: there are {', '.join(given)}", file=sys.stderr)
            return 2
        given[name] = float(value)
    measured = json.loads(arguments.json.read_text())
    print(_measured(measured))
    one = measured["ways"]["1x1"]["microseconds"]
    host_us = sum(one[name] for name in ("simulate", "label", "encode", "store"))
    numbers = measured["sizes"]["gradient_numbers"]
    counts = [1, 2, 4, 8, 16, 32, 64]
    fixed = [predict(n, BATCH, MINIBATCH, host_us, numbers, given) for n in counts]
    grown = [predict(n, ROWS * HORIZON * n, MINIBATCH * n, host_us, numbers, given) for n in counts]
    print(f"\nThe same run on more GPUs: batch {BATCH:,}, minibatch {MINIBATCH:,}\n")
    print(_table(fixed, given))
    print(
        f"\nA batch that grows with the GPUs: {ROWS * HORIZON:,} each, minibatch {MINIBATCH:,} each\n"
    )
    print(_table(grown, given))
    return 0


def _measured(results: dict[str, Any]) -> str:
    """The measured points, and what adding up the pieces of one process predicts for them."""
    sizes, ways = results["sizes"], results["ways"]
    lines = [
        f"{results['machine']['processor']}, {results['machine']['cores']} cores, {results['date']}, commit "
        f"{results['commit']}. {sizes['num_envs']} games, batch {sizes['batch_size']:,}, minibatch "
        f"{sizes['minibatch_size']:,}, {sizes['gradient_numbers']:,} weights.",
        "",
        "| processes x threads | steps / s of processor time | efficiency | speed-up on idle cores, if none waits | "
        "steps / s, wall | waiting and exchanging |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name, way in ways.items():
        cores = way["processes"] * way["threads"]
        lines.append(
            f"| {name} | {way['sps_per_processor_second']:,.0f} | {way['efficiency']:.2f} | "
            f"{cores * way['efficiency']:.2f} | {way['sps_median']:,.0f} | {way['waited_share']:.0%} |"
        )
    pieces = ways["1x1"]["microseconds"]
    lines += [
        "",
        "Microseconds of one core per agent step: "
        + ", ".join(f"{name} {value:.2f}" for name, value in pieces.items()),
    ]
    return "\n".join(lines)


def _table(rows: list[Prediction], given: dict[str, float]) -> str:
    parts = list(rows[0].seconds)
    lines = [
        "| GPUs | M steps / s | per GPU against one | hours for 20 B | dollars | iterations for 20 B | "
        + " | ".join(f"{part} %" for part in parts)
        + " |",
        "| ---: " * (6 + len(parts)) + "|",
    ]
    for row in rows:
        total = sum(row.seconds.values())
        shares = [f"{100 * row.seconds[part] / total:.0f}" for part in parts]
        each = row.rate / row.gpus / rows[0].rate
        dollars = row.hours * row.gpus * given["dollars_per_gpu_hour"]
        cells = [f"{row.gpus}", f"{row.rate / 1e6:.2f}", f"{each:.0%}", f"{row.hours:.1f}"]
        cells += [f"{dollars:,.0f}", f"{BUDGET / row.batch:,.0f}", *shares]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--json", type=Path, default=Path("train_dir/benchmarks/train_ranks.json"), metavar="FILE"
    )
    parser.add_argument("--assume", action="append", default=[], metavar="NAME=VALUE")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
