"""Labelled agent steps per second and core: teacher, step and observation together.

    python -m benchmarks.teachers                      64 and 512 games, machina_1 and arena, ticks 500 to 1500
    python -m benchmarks.teachers --games 64 --ticks 500 600 --uris 'metta://policy/miner'
    python -m benchmarks.teachers --store              also write the speed at 64 games of machina_1 into the stored table

CPU time of this process (others on the machine slow it down through the caches, but do not count). `worst tick` is the
slowest tick's CPU time over the mean. `worst label` is one label of an agent in the corner of an open map of the largest
size whose target cannot be reached: its search, which ends after MAX_DEPTH moves, is the longest that there is.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
import time
from typing import Any

import numpy as np

from benchmarks import machine
from coglab.games.cogsguard import memory_layout as layout
from coglab.games.cogsguard.config import CogsGuardConfig, MapPoolConfig
from coglab.games.cogsguard.mapgen.pool import MapPool
from coglab.games.cogsguard.memory import MapMemory
from coglab.games.cogsguard.memory_boards import COLUMN, HAS_FRAME, ROW
from coglab.games.cogsguard.sim import CogsGuardSim
from coglab.games.cogsguard.teachers import make_teacher
from coglab.games.cogsguard.teachers.decide import TUNING
from coglab.games.cogsguard.teachers.plan import plan_rows
from coglab.games.cogsguard.teachers.registry import TEACHERS
from coglab.games.cogsguard.teachers.scores import VARIANTS, read_scores, write_scores

NUM_AGENTS = 8


def measure(uri: str, mission: str, num_games: int, first: int, last: int) -> dict[str, Any]:
    """Let a teacher play games side by side and time the ticks `first` to `last`."""
    game = CogsGuardConfig(mission=mission, num_agents=NUM_AGENTS, max_steps=10_000)
    pool = MapPool.for_training(game, MapPoolConfig(), seed=0)
    sim = CogsGuardSim(game, num_games, pool, map_choice="by_env")
    teacher = make_teacher(uri, sim)
    reset = np.ones(sim.num_rows, np.bool_)
    clock = time.process_time
    seconds = {"update and routes": 0.0, "label": 0.0, "step": 0.0}
    ticks = []
    for tick in range(last):
        start = clock()
        teacher.observe(reset)
        observed = clock()
        teacher.label(reset)
        labelled = clock()
        sim.actions[:] = teacher.labels
        sim.step()
        stepped = clock()
        reset[:] = sim.terminated | sim.truncated
        if tick >= first:
            seconds["update and routes"] += observed - start
            seconds["label"] += labelled - observed
            seconds["step"] += stepped - labelled
            ticks.append(stepped - start)
    total = sum(seconds.values())
    steps = sim.num_rows * (last - first)
    return {
        "uri": uri,
        "mission": mission,
        "games": num_games,
        "ticks": [first, last],
        "steps_per_s": round(steps / total),
        "ns_per_step": {name: round(1e9 * s / steps) for name, s in seconds.items()},
        "teacher_share": round(1 - seconds["step"] / total, 3),
        "worst": round(max(ticks) / (total / (last - first)), 2),
    }


def worst_label(rounds: int = 200) -> dict[str, float]:
    """Microseconds of the longest search: of a label, and of all routes, as a network reads them."""
    memory = MapMemory(1, 1)
    state = memory.state
    state.boards[0, layout.BOARD_KNOWN, :, 2 : layout.ROWS - 2] = np.uint64(2**64 - 1)
    state.span[0] = 2, layout.ROWS - 3
    state.wide[0] = 1
    # There is a junction of the clips, but in no cell: every search for it goes on to the end.
    state.counts[0, layout.CODE_CLIPS] = 1
    state.body[0, HAS_FRAME] = 1
    state.body[0, ROW] = 2 - layout.CENTRE_ROW
    state.body[0, COLUMN] = -50
    for name in ("vibe_scrambler", "gear_scrambler", "heart"):
        memory.scalars[0, layout.SCALAR_INDEX[name]] = 1
    found = {}
    for name, run in (
        ("label", lambda: plan_rows(TUNING, state, 0, 1, 1)),
        ("all routes", memory.routes),
    ):
        times = []
        for _ in range(rounds):
            state.version[0] += 1
            start = time.process_time()
            run()
            times.append(time.process_time() - start)
        found[name] = round(1e6 * float(np.median(times)), 1)
    return found


def main(arguments: list[str]) -> int:
    """Measure, print a table, optionally write JSON or the stored table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    registered = [info.uri for info in TEACHERS.values()]
    parser.add_argument("--uris", nargs="*", default=[*registered, *VARIANTS])
    parser.add_argument("--missions", nargs="*", default=["machina_1", "arena"])
    parser.add_argument("--games", nargs="*", type=int, default=[64, 512])
    parser.add_argument("--ticks", nargs=2, type=int, default=[500, 1500])
    parser.add_argument("--store", action="store_true")
    parser.add_argument("--json", help="file to write")
    options = parser.parse_args(arguments)
    busy = machine.busy_share()
    results = []
    print(f"busy before: {busy}; machine: {machine.describe()['processor']}")
    for mission, games, uri in itertools.product(options.missions, options.games, options.uris):
        measure(uri, mission, 2, 0, 3)
        found = measure(uri, mission, games, *options.ticks)
        results.append(found)
        parts = ", ".join(f"{name} {ns} ns" for name, ns in found["ns_per_step"].items())
        print(
            f"{uri}: {mission}, {games} games: {found['steps_per_s'] / 1e6:.2f} M/s ({parts}; "
            f"teacher {found['teacher_share']:.0%}, worst tick {found['worst']} x mean)",
            flush=True,
        )
    worst = worst_label()
    print("worst label:", ", ".join(f"{name} {us} us" for name, us in worst.items()))
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(
                {
                    "machine": machine.describe(),
                    "busy": busy,
                    "results": results,
                    "worst_label_us": worst,
                },
                file,
                indent=1,
            )
    if options.store:
        scores = read_scores()
        for found in results:
            if found["games"] == 64 and found["mission"] == "machina_1":
                speed = {"steps_per_s": found["steps_per_s"], "busy": busy}
                scores.setdefault(found["uri"], {})["speed"] = speed
        write_scores(scores)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
