"""dinky on held-out maps of machina_1: hearts, share of what the maps have material for, speed.

    python -m benchmarks.machina1_teacher                              both styles, 64 maps, 10,000 and 1,000 ticks
    python -m benchmarks.machina1_teacher --styles solo --maps 16 --ticks 1000
    python -m benchmarks.machina1_teacher --json FILE

Maps have the seeds 1,000,000 and up. CPU time of this process for step, observation, memory and label; `active`: of the
ticks up to 2,000, before maps run empty.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from typing import Any

import numpy as np

from benchmarks import machine
from coglab.games.machina1.config import Machina1Config
from coglab.games.machina1.mapgen import MapPool
from coglab.games.machina1.mapgen.ceiling import material_ceiling
from coglab.games.machina1.sim import Machina1Sim
from coglab.games.machina1.teachers import make_teacher

ACTIVE_TICKS = 2000


def measure(style: str, maps: int, ticks: int) -> dict[str, Any]:
    """Play one episode on every map."""
    config = Machina1Config(max_steps=ticks)
    pool = MapPool.for_evaluation(config, maps, first_seed=1_000_000)
    sim = Machina1Sim(config, maps, pool, seed=1, map_choice="by_env")
    teacher = make_teacher(f"metta://policy/dinky:v15?style={style}", sim)
    reset = np.ones(sim.num_rows, np.bool_)
    clock, seconds = time.process_time, np.zeros((ticks, 3))
    for tick in range(ticks):
        start = clock()
        teacher.observe(reset)
        observed = clock()
        teacher.label(reset)
        labelled = clock()
        sim.actions[:] = teacher.labels
        sim.step()
        seconds[tick] = observed - start, labelled - observed, clock() - labelled
        reset[:] = sim.terminated
    made = sim.episode.agent[:, :, sim.agent_stats.index("heart.gained")].sum(axis=1)
    counts = sim.maps.compiled.info["kind_count"][sim.state.games["map_slot"]]
    ceiling = material_ceiling(counts, 4 if style == "quartet" else 1)
    # The first ticks load or compile the kernels.
    update, label, step = seconds[5:].mean(axis=0) / sim.num_rows * 1e6
    active = sim.num_rows / seconds[5:ACTIVE_TICKS].sum(axis=1).mean()
    return {
        "style": style,
        "ticks": ticks,
        "maps": maps,
        "hearts_per_agent": round(float(made.mean()) / 4, 3),
        "error": round(float(made.std(ddof=1)) / 4 / np.sqrt(maps), 3),
        "share_of_ceiling": round(float(made.sum() / ceiling.sum()), 4),
        "us_per_agent_step": {
            "memory": round(update, 3),
            "label": round(label, 3),
            "step": round(step, 3),
        },
        "steps_per_s": round(sim.num_rows / seconds[5:].sum(axis=1).mean()),
        "active_steps_per_s": round(active),
    }


def main(arguments: list[str]) -> int:
    """Measure, print, optionally write JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--styles", nargs="*", default=["solo", "quartet"])
    parser.add_argument("--ticks", nargs="*", type=int, default=[10_000, 1000])
    parser.add_argument("--maps", type=int, default=64)
    parser.add_argument("--json", help="file to write")
    options = parser.parse_args(arguments)
    busy = machine.busy_share()
    print(f"busy before: {busy}; machine: {machine.describe()['processor']}")
    results = []
    for style in options.styles:
        for ticks in options.ticks:
            results.append(measure(style, options.maps, ticks))
            print(json.dumps(results[-1]), flush=True)
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(
                {"machine": machine.describe(), "busy": busy, "results": results}, file, indent=1
            )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
