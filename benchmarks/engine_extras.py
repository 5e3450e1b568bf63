"""What `engine.py` measures of our simulator alone: memory, resets, compilation, two cores, bytes and limits."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks import machine
from benchmarks.engine_fleet import NUM_AGENTS, Fleet, make_fleet, map_pool
from coglab.games.cogsguard.config import CogsGuardConfig
from coglab.games.cogsguard.sim import CogsGuardSim

_FIRST_CALLS = """
import json, time
def now(): return time.perf_counter(), time.process_time()
begin = now()
from coglab.games.cogsguard.config import CogsGuardConfig
from coglab.games.cogsguard.maps import MapTable
from coglab.games.cogsguard.sim import CogsGuardSim
import numpy as np
imported = now()
grid = np.full((12, 12), "empty", dtype="<U20")
grid[5, 5], grid[2, 2] = "hub", "agent.agent"
sim = CogsGuardSim(CogsGuardConfig(num_agents=1), 16, MapTable.from_grids([grid]))
sim.step()
done = now()
print(json.dumps({"import_s": imported[0] - begin[0], "first_call_s": done[0] - imported[0],
                  "first_call_cpu_s": done[1] - imported[1]}))
"""


def footprint(mission: str) -> dict[str, float]:
    """Return bytes per game of mutable state, of what the caller exchanges with it, and bytes per shared map."""
    num_envs = 64

    def state_bytes(exact_order: bool) -> float:
        return (
            sum(
                array.nbytes
                for array in make_fleet(mission, num_envs, exact_order=exact_order).state
            )
            / num_envs
        )

    sim = make_fleet(mission, num_envs)
    maps = sim.maps.compiled
    rows = sum(
        getattr(sim, name).nbytes for name in ("tokens", "final_tokens", "rewards", "actions")
    )
    return {
        "state": state_bytes(False),
        "state, exact order": state_bytes(True),
        "record of the last episode": sum(array.nbytes for array in sim.episode) / num_envs,
        "observations, rewards, actions": rows / num_envs,
        "a shared map": sum(array.nbytes for array in maps) / len(maps.info),
    }


def reset_cost(mission: str, repeats: int) -> dict[str, float]:
    """Return microseconds per game that the end of an episode adds to a tick.

    That is everything: its statistics are recorded, a map is drawn from the pool, the new episode begins, and the
    agents' first observations are written. Measured with episodes of two ticks, every second tick against the others.
    """
    config = CogsGuardConfig(mission=mission, num_agents=NUM_AGENTS, max_steps=2)
    sim = CogsGuardSim(config, 64, map_pool(mission))
    costs = []
    for _ in range(repeats):
        spent = [0, 0]
        for tick in range(400):
            begin = time.process_time_ns()
            sim.step()
            spent[tick % 2] += time.process_time_ns() - begin
        costs.append((spent[1] - spent[0]) / (200 * sim.num_envs) / 1000)
    return {"end of an episode, next one begun": median(costs)}


def first_calls() -> dict[str, dict[str, float]]:
    """Return seconds until the first step, in a new process, with an empty and with a warm kernel cache."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        path = os.pathsep.join(sys.path)
        environment = {**os.environ, "COGLAB_CACHE_DIR": folder, "PYTHONPATH": path}
        for name in ("cold", "warm"):
            done = subprocess.run(
                [sys.executable, "-c", _FIRST_CALLS],
                env=environment,
                stdout=subprocess.PIPE,
                text=True,
                check=True,
            )
            found[name] = json.loads(done.stdout)
    return found


def two_cores(mission: str, ticks: int, repeats: int) -> dict[str, Any]:
    """Compare one thread with two threads on games of their own, 256 games each, by wall and by CPU time.

    Returns:
        `speedup` (wall, at most 2), `efficiency` (agent steps per CPU second of two threads relative to one), and
        `busy_share` of the machine just before; or `skipped`.
    """
    if machine.cores() < 2:
        return {"skipped": "this process may use one core only"}
    busy = machine.busy_share()
    games = 256
    fleet = Fleet(mission, 2 * games, ticks, "random")
    sim = fleet.sim
    actions = fleet.actions.astype(np.int32)

    def play(first: int, last: int) -> None:
        rows = slice(first * sim.num_agents, last * sim.num_agents)
        for row in actions:
            sim.actions[rows] = row[rows]
            sim.step(first, last)

    def timed(ranges: list[tuple[int, int]]) -> tuple[float, float]:
        threads = [threading.Thread(target=play, args=pair) for pair in ranges]
        wall, cpu = time.perf_counter(), time.process_time()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return time.perf_counter() - wall, time.process_time() - cpu

    timed([(0, games), (games, 2 * games)])
    speedups, efficiencies = [], []
    for _ in range(repeats):
        one_wall, one_cpu = timed([(0, games)])
        two_wall, two_cpu = timed([(0, games), (games, 2 * games)])
        speedups.append(2 * one_wall / two_wall)
        efficiencies.append(2 * one_cpu / two_cpu)
    return {"speedup": median(speedups), "efficiency": median(efficiencies), "busy_share": busy}


def bytes_and_limits(mission: str, play: str, ns_per_step: float) -> dict[str, float]:
    """Count what a tick writes, and how long the machine would take at least to write it.

    Args:
        mission: `machina_1` or `arena`.
        play: `random` or `teacher`.
        ns_per_step: measured time of a whole agent step, for comparison.

    Returns:
        Per agent step: bytes of tokens, of new padding, of outputs, and of state that changed; nanoseconds that writing
        them takes at the speed of the cache and of memory; nanoseconds of one store per token and clock cycle.
    """
    ticks, warmup = 60, 20
    fleet = Fleet(mission, 64, ticks, play)
    sim = fleet.sim
    outputs = sum(
        getattr(sim, name).itemsize for name in ("rewards", "terminated", "truncated", "success")
    )
    tokens = padding = changed = 0
    for tick, row in enumerate(fleet.actions):
        sim.actions[:] = row
        if tick < warmup:
            sim.step()
            continue
        before = _count(sim)
        state = [array.view(np.uint8).copy() for array in sim.state]
        sim.step()
        after = _count(sim)
        tokens += int(after.sum())
        padding += int(np.maximum(before - after, 0).sum())
        changed += sum(
            int((old != new.view(np.uint8)).sum())
            for old, new in zip(state, sim.state, strict=True)
        )
    steps = (ticks - warmup) * sim.num_rows
    written = (3 * tokens + 3 * padding + changed) / steps + outputs
    clock = machine.clock_ghz()
    return {
        "tokens": tokens / steps,
        "bytes of tokens": 3 * tokens / steps,
        "bytes of new padding": 3 * padding / steps,
        "bytes of rewards and flags": outputs,
        "bytes of state that changed": changed / steps,
        "bytes written": written,
        "ns to write them, cache": written / machine.fill_rate(1 << 18) * 1e9,
        "ns to write them, memory": written / machine.fill_rate(1 << 26) * 1e9,
        "ns of one store per token": tokens / steps / clock,
        "clock GHz": clock,
        "ns of an agent step": ns_per_step,
        "cycles of an agent step": ns_per_step * clock,
    }


def _count(sim: CogsGuardSim) -> np.ndarray:
    """Return [N] int64, tokens of each observation."""
    return (sim.tokens[:, :, 1] != 255).sum(1)


def commit() -> str:
    """Return the commit that is measured, with `+` if files differ from it; `unknown` outside git."""
    try:
        folder = Path(__file__).parent
        command = ["git", "-C", str(folder), "describe", "--always", "--dirty=+"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
