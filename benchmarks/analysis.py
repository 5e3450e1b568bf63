"""How long reading and analysing runs takes. Makes its own data, prints a table, writes JSON with `--out FILE`.

    python -m benchmarks.analysis [--rows 100000] [--runs 1000] [--out FILE]

Goals: three metrics of a 100,000 x 200 `.wandb` file in 6 s on one core and 300 MB of anonymous memory; 1,000 ledger runs
listed in 1 s; a report over 100 runs in 20 s. Times are processor times of this process and its children, so that other
work on the machine counts little; wall times stand beside them.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import struct
import tempfile
import threading
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

METRIC = "env_agent/heart.gained"
NOW = 1_790_000_000.0


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def _field(number: int, data: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def _item(name: str, text: str) -> bytes:
    return _field(1, _field(2, name.encode()) + _field(16, text.encode()))


def make_log(path: Path, rows: int, metrics: int) -> None:
    """Write a log as the client 0.31 does.

    Per row there is a summary of the running time, a history record, and a summary record that repeats it; records are
    numbered, and where control is sent it stands before the payload.
    """
    rng = np.random.default_rng(0)
    names = [f"group{i % 12}/metric_number_{i}.value" for i in range(metrics - 3)]
    fixed = b"".join(_item(name, repr(float(rng.standard_normal()))) for name in names)
    control = _field(16, _field(4, b"3689dh5onvgy"))
    run = _field(1, b"r1") + _field(3, b"p") + _field(8, b"r1")
    run += _field(17, b"\x08" + _varint(int(NOW)))
    runtime = _field(3, _item("_runtime", "0"))
    with open(path, "wb") as file:
        file.write(b":W&B" + struct.pack("<HB", 0xBEE1, 0))
        at, number = 7, 1
        for index in range(-1, rows + 1):
            if index < 0:
                payloads = [control + _field(17, run)]
            elif index == rows:
                payloads = [control + _field(18, b"\x08\x00")]
            else:
                own = _item("metric/agent_step", str(index * 2048)) + _item(
                    METRIC, repr(index / rows)
                )
                own += _item("losses/approx_kl", repr(0.01 + index * 1e-9)) + _item(
                    "_timestamp", repr(NOW + index)
                )
                payloads = [runtime, _field(2, own + fixed), _field(3, own + fixed)]
            for data in payloads:
                at = _append(file, at, b"\x08" + _varint(number) + data)
                number += 1


def _append(file: Any, at: int, data: bytes) -> int:
    first = True
    while True:
        left = 32_768 - at % 32_768
        if left < 7:
            file.write(b"\0" * left)
            at += left
            continue
        piece, data = data[: left - 7], data[left - 7 :]
        kind = (1 if not data else 2) if first else (4 if not data else 3)
        file.write(struct.pack("<IHB", zlib.crc32(bytes([kind]) + piece), len(piece), kind) + piece)
        at += 7 + len(piece)
        first = False
        if not data:
            return at


def make_runs(folder: Path, count: int, rows: int, metrics: int) -> None:
    """Write ledgers: configurations of four settings, levels that follow one of them."""
    from coglab.tools.train import TrainTool
    from coglab.tracking.ledger_format import utc_text

    rng = np.random.default_rng(1)
    config = TrainTool().dump()
    extra = {f"group{i % 12}/metric_{i}": 0.5 for i in range(metrics)}
    for index in range(count):
        place = folder / f"bench.r{index:04}"
        place.mkdir(parents=True)
        created = NOW - 86_400 + index
        batch = int(rng.choice([1024, 4096]))
        config["trainer"]["batch_size"] = batch
        config["trainer"]["optimizer"]["learning_rate"] = float(rng.choice([0.001, 0.003, 0.01]))
        config["trainer"]["update_epochs"] = int(rng.integers(1, 4))
        (place / "config.json").write_text(json.dumps({**config, "run": place.name}))
        info = {
            "run_id": place.name, "name": place.name, "project": "coglab", "state": "finished", "created": utc_text(created),
            "exit_code": 0, "last_step": rows * 1000, "target_steps": rows * 1000, "seed": index,
            "recipe": "recipes.experiment.cogsguard.train", "segments": [{"segment": 0}], "code": {"commit": "a"},
        }  # fmt: skip
        (place / "run.json").write_text(json.dumps(info))
        level = batch / 1000 + rng.standard_normal()
        lines = [
            json.dumps(
                {
                    "step": 1000 * (i + 1),
                    "time": created + i,
                    "metrics": {
                        "metric/agent_step": 1000 * (i + 1),
                        METRIC: level * i / rows,
                        "overview/sps": 1e4,
                        **extra,
                    },
                }
            )
            for i in range(rows)
        ]
        (place / "metrics.jsonl").write_text("\n".join(lines) + "\n")


def read_log(path: Path) -> int:
    """Three metrics of a log."""
    from coglab.analysis.source_wandb_files import WandbFiles

    source = WandbFiles(path, "log", NOW)
    (run,) = source.list()
    series = source.history(run, [METRIC, "losses/approx_kl", "group3/metric_number_3.value"])
    return sum(len(one.steps) for one in series.values())


def list_runs(folder: Path) -> int:
    """The listing of `runs.ls`."""
    from coglab.cli import main

    return main(["runs.ls", f"source=runs:{folder}", f"now={int(NOW)}", "json=true"])


def report(folder: Path) -> int:
    """The report of `runs.analyze`, commands and their dry runs included."""
    from coglab.cli import main

    return main(
        [
            "runs.analyze",
            f"source=runs:{folder}",
            f"now={int(NOW)}",
            f"out={folder.parent / 'report'}",
        ]
    )


def measure(name: str, work: Callable[[Path], int], argument: Path) -> dict[str, Any]:
    """Run something in a process of its own: processor time, wall time, peak of anonymous memory."""
    queue: Any = multiprocessing.get_context("spawn").Queue()
    process = multiprocessing.get_context("spawn").Process(
        target=_measured, args=(work, argument, queue)
    )
    process.start()
    result = queue.get(timeout=900)
    process.join()
    return {"what": name, **result}


def _measured(work: Callable[[Path], int], argument: Path, queue: Any) -> None:
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)
    peak = [0]
    stop = threading.Event()

    def sample() -> None:
        while not stop.wait(0.02):
            for line in Path("/proc/self/status").read_text().splitlines():
                if line.startswith("RssAnon"):
                    peak[0] = max(peak[0], int(line.split()[1]))

    thread = threading.Thread(target=sample, daemon=True)
    thread.start()
    began, before = time.perf_counter(), os.times()
    work(argument)
    after, wall = os.times(), time.perf_counter() - began
    stop.set()
    thread.join()
    cpu = sum(after[:4]) - sum(before[:4])
    queue.put(
        {"cpu_s": round(cpu, 2), "wall_s": round(wall, 2), "anonymous_mb": round(peak[0] / 1024)}
    )


def main() -> None:
    """Measure everything and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=1_000)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    results = []
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        log = place / "run-r1.wandb"
        make_log(log, options.rows, 200)
        small = place / "small.wandb"
        make_log(small, 100, 200)
        measure("warm", read_log, small)  # compiles the kernel
        size = log.stat().st_size / 1e9
        results.append(
            {
                **measure(
                    f"3 metrics of {options.rows:,} rows x 200 ({size:.2f} GB)", read_log, log
                ),
                "goal_s": 6,
            }
        )
        log.unlink()
        make_runs(place / "many", options.runs, 5, 20)
        results.append(
            {**measure(f"list {options.runs:,} runs", list_runs, place / "many"), "goal_s": 1}
        )
        make_runs(place / "hundred", 100, 500, 150)
        results.append(
            {
                **measure("report over 100 runs of 500 rows x 150", report, place / "hundred"),
                "goal_s": 20,
            }
        )
    for row in results:
        times = f"cpu {row['cpu_s']:6.2f} s  wall {row['wall_s']:6.2f} s  goal {row['goal_s']:>3} s"
        print(f"{row['what']:<52} {times}  {row['anonymous_mb']:>4} MB anonymous")
    print("load average:", *(f"{load:.1f}" for load in os.getloadavg()))
    if options.out is not None:
        options.out.write_text(
            json.dumps({"results": results, "load": os.getloadavg()}, indent=1) + "\n"
        )


if __name__ == "__main__":
    main()
