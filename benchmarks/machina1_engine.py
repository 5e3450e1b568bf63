"""Speed of the simulator of machina_1: agent steps per CPU second, step and full observation, 64 games of 4 agents.

    python benchmarks/machina1_engine.py                        # about a minute
    python benchmarks/machina1_engine.py --rounds 9 --ticks 300

Three kinds of play take turns: random actions of the 157, random moves only (every view changes every tick), and the
recorded play of four agents that gather and craft together. For comparison on a busy machine CogsGuard's machina_1
(8 agents, random play) is measured in between; the last column is the median of the ratios to it within a round.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np

if not __package__:  # run as a file
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import machine
from benchmarks.engine_fleet import Fleet
from coglab.games.machina1.config import Machina1Config
from coglab.games.machina1.maps import MapTable
from coglab.games.machina1.sim import Machina1Sim

_TRACES = Path(__file__).resolve().parent.parent / "tests" / "data" / "traces_machina1"
_NUM_ENVS = 64
_GOAL = 2.0
"""Million agent steps per CPU second."""


class Series:
    """A simulator with the actions that it plays over and over, and the rates that were measured."""

    def __init__(self, play: str, num_envs: int) -> None:
        """Build the games on the map of a recorded episode, with `random`, `moves` or `crafting` as their play."""
        with np.load(_TRACES / "classic_quartet_2500.npz") as trace:
            grid, recorded = trace["grid"], trace["actions"]
        config = Machina1Config()
        self.sim = Machina1Sim(config, num_envs, MapTable.from_grids([grid]), seed=311)
        rng = np.random.default_rng(0)
        shape = (len(recorded), self.sim.num_rows)
        if play == "crafting":
            self.actions = np.tile(recorded, num_envs).astype(np.int32)
        elif play == "moves":
            self.actions = rng.integers(1, 5, shape, np.int32)
        else:
            self.actions = rng.integers(0, self.sim.num_actions, shape, np.int32)
        self.rates: list[float] = []
        self.next_tick = 0

    def measure(self, ticks: int) -> None:
        """Play some ticks and note the million agent steps per CPU second."""
        rows = [self.actions[(self.next_tick + i) % len(self.actions)] for i in range(ticks)]
        self.next_tick += ticks
        began = time.process_time()
        for row in rows:
            self.sim.actions[:] = row
            self.sim.step()
        self.rates.append(ticks * self.sim.num_rows / (time.process_time() - began) / 1e6)

    def tokens(self) -> float:
        """Return the mean number of tokens of the present observations."""
        return float((self.sim.tokens[:, :, 1] != 255).sum(1).mean())


def main() -> int:
    """Measure and print the table; fail if the goal is missed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=7, help="samples of each kind (default 7)")
    parser.add_argument("--ticks", type=int, default=300, help="ticks per sample (default 300)")
    arguments = parser.parse_args()
    if arguments.rounds < 1 or arguments.ticks < 1:
        parser.error("--rounds and --ticks begin at 1, for example --rounds 7 --ticks 300")
    facts = machine.describe()
    print(f"{facts['processor']}, Python {facts['python']}, numba {facts['numba']}")
    print(f"used by other programs before: {machine.busy_share() or 0:.0%} of the machine")
    series = {play: Series(play, _NUM_ENVS) for play in ("random", "moves", "crafting")}
    other = Fleet("machina_1", _NUM_ENVS, arguments.rounds * (arguments.ticks + 1), "random")
    others: list[float] = []
    for one in series.values():
        one.measure(10)
        one.rates.clear()
    for _ in range(arguments.rounds):
        sample = other.measure(1, arguments.ticks, 1)
        others.append(sample["agent_steps"] / sample["cpu_s"] / 1e6)
        for one in series.values():
            one.measure(arguments.ticks)
    print("\n| play, 64 games | M agent steps / CPU s (least to most) | tokens | to CogsGuard's |")
    print("| --- | ---: | ---: | ---: |")
    for play, one in series.items():
        ratio = np.median(np.divide(one.rates, others))
        print(f"| {play} | {_spread(one.rates)} | {one.tokens():.1f} | {ratio:.2f} |")
    print(f"| CogsGuard, random | {_spread(others)} | | 1 |")
    slowest = min(float(np.median(one.rates)) for one in series.values())
    print(
        f"\ngoal {_GOAL}, slowest median {slowest:.2f}: {'met' if slowest >= _GOAL else 'MISSED'}"
    )
    return 0 if slowest >= _GOAL else 1


def _spread(rates: list[float]) -> str:
    return f"{np.median(rates):.2f} ({min(rates):.2f} to {max(rates):.2f})"


if __name__ == "__main__":
    sys.exit(main())
