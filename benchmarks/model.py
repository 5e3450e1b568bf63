"""Cost of the networks on one core: microseconds per agent-step for encoding, acting and learning.

    python benchmarks/model.py                         # fast and vit, table and JSON
    python benchmarks/model.py --only fast --rounds 20 --out model.json

Rows are real play of the simulator with a mix of wandering agents. All cases are measured in turn, `--rounds` times,
and the smallest and the median processor time are reported: on a machine that others use as well, the smallest is
what the code costs, the median what it cost at that time. `gemm` is a matrix product of PyTorch, for scale.

Cases per network: `encode` (tokens to inputs), `memory` (map memory update and routes), `act` (rollout batch of 320
rows, T = 1), `train` (forward and backward of rows of 64 steps), `adam` (optimiser step, per agent-step of a
minibatch of 8,192).
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from coglab.games.cogsguard.config import CogsGuardConfig
from coglab.games.cogsguard.mapgen import MapPool
from coglab.games.cogsguard.sim import CogsGuardSim
from coglab.models.build import build_network
from coglab.models.config import FastConfig, VitConfig
from coglab.models.network import Network

STEPS = 64
ACT_ROWS = 320
MINIBATCH = 8192

NETWORKS: dict[str, Any] = {
    "fast": FastConfig(),
    "fast without map memory": FastConfig(map_memory=False),
    "vit small": VitConfig(),
    "vit full": VitConfig(size="full"),
}


def play(num_agents: int, rows: int, warm_up: int) -> tuple[np.ndarray, int]:
    """Tokens of STEPS consecutive ticks, `[STEPS, rows, 200, 3]`, after `warm_up` ticks of wandering."""
    config = CogsGuardConfig(num_agents=num_agents)
    num_envs = rows // num_agents
    sim = CogsGuardSim(config, num_envs, MapPool.for_evaluation(config, min(num_envs, 8)), seed=1)
    rng = np.random.default_rng(1)
    heading = rng.integers(1, 5, sim.num_rows)
    frames = []
    for tick in range(warm_up + STEPS):
        turns = (rng.random(sim.num_rows) < 0.1) | ~sim.success
        heading = np.where(turns, rng.integers(1, 5, sim.num_rows), heading)
        vibes = rng.integers(5, 12, sim.num_rows)
        sim.actions[:] = np.where(rng.random(sim.num_rows) < 0.02, vibes, heading)
        sim.step()
        if tick >= warm_up:
            frames.append(sim.tokens.copy())
    return np.stack(frames), sim.num_agents


def cases_of(
    network: Network, tokens: np.ndarray, num_agents: int, minibatch: int
) -> dict[str, tuple[int, Callable[[], Any]]]:
    """Name -> (agent-steps per call, call)."""
    rows = tokens.shape[1]
    encoder = network.make_encoder(rows, num_agents)
    no_reset, out = np.zeros(rows, np.bool_), encoder.allocate()
    stored = {name: np.zeros((rows, STEPS, *a.shape[1:]), a.dtype) for name, a in out.items()}
    for t in range(STEPS):
        encoder.encode(tokens[t], np.full(rows, t == 0), 0, rows, out)
        for name, array in out.items():
            stored[name][:, t] = array
    segments = minibatch // STEPS
    pick = torch.arange(segments) % rows
    batch = {name: torch.from_numpy(array)[pick].contiguous() for name, array in stored.items()}
    resets, state = torch.zeros(segments, STEPS, dtype=torch.bool), network.initial_state(segments)
    act = {
        name: torch.from_numpy(array)[:ACT_ROWS, :1].contiguous() for name, array in stored.items()
    }
    act_resets = torch.zeros(ACT_ROWS, 1, dtype=torch.bool)
    act_state = network.initial_state(ACT_ROWS)
    optimizer = torch.optim.AdamW(network.parameters(), fused=True)
    network.set_in_place_gradients()
    tick = [0]

    def encode() -> None:
        tick[0] = (tick[0] + 1) % STEPS
        encoder.encode(tokens[tick[0]], no_reset, 0, rows, out, update_memory=False)

    def memory() -> None:
        tick[0] = (tick[0] + 1) % STEPS
        encoder.memory.update(tokens[tick[0]], no_reset, 0, rows)
        encoder.memory.routes(0, rows)

    def act_once() -> None:
        with torch.no_grad():
            network(act, act_state, act_resets)

    def train() -> None:
        output = network(batch, state, resets)
        log_prob = torch.log_softmax(output.logits_STU, -1)
        loss = -log_prob[..., 3].mean() + output.values_ST.square().mean()
        (loss + output.h_values_ST.square().mean()).backward()

    def adam() -> None:
        optimizer.step()
        optimizer.zero_grad(set_to_none=False)

    train()
    cases: dict[str, tuple[int, Callable[[], Any]]] = {"encode": (rows, encode)}
    if encoder.memory is not None:
        cases["memory"] = (rows, memory)
    cases["act"] = (ACT_ROWS, act_once)
    cases["train"] = (minibatch, train)
    cases["adam"] = (MINIBATCH, adam)
    return cases


def main() -> None:
    """Measure, print a table, write JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--only", default="", help="measure networks whose name contains this")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--minibatch", type=int, default=MINIBATCH)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    tokens, num_agents = play(10, ACT_ROWS, 200)
    cases: dict[str, tuple[int, Callable[[], Any]]] = {}
    tables = {}
    for name, config in NETWORKS.items():
        if arguments.only not in name:
            continue
        network = build_network(config)
        tables[name] = [row._asdict() for row in network.table()]
        minibatch = arguments.minibatch if name.startswith("fast") else arguments.minibatch // 8
        for case, pair in cases_of(network, tokens, num_agents, minibatch).items():
            cases[f"{name}: {case}"] = pair
    matrix = torch.randn(512, 512)
    cases["gemm 512 (per million multiply-adds)"] = (134, lambda: matrix @ matrix)
    times: dict[str, list[float]] = {name: [] for name in cases}
    for _ in range(arguments.rounds):
        for name, (steps, call) in cases.items():
            repeats = 1 if steps > 4000 else 5
            call()
            start = time.process_time()
            for _ in range(repeats):
                call()
            times[name].append((time.process_time() - start) / repeats / steps * 1e6)
    print(f"{'microseconds per agent-step':40} {'smallest':>9} {'median':>9}")
    for name, values in times.items():
        print(f"{name:40} {min(values):9.3f} {float(np.median(values)):9.3f}")
    if arguments.out:
        result = {
            "unit": "microseconds of one core per agent-step",
            "minibatch": arguments.minibatch,
            "smallest": {name: min(values) for name, values in times.items()},
            "median": {name: float(np.median(values)) for name, values in times.items()},
            "components": tables,
        }
        arguments.out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
