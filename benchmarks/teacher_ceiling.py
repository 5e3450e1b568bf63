"""An upper bound of the reward on each map, and the hearts that the map can pay for.

    python -m benchmarks.teacher_ceiling                     arena and machina_1, 1,000 and 10,000 ticks, 64 held-out maps
    python -m benchmarks.teacher_ceiling --first-seed 500000 --maps 10

No team of A agents, whatever it knows, can own more than n junctions at tick t unless it had the time for it:

* nobody is at a junction before the length of the shortest way from the nearest start cell;
* each junction taken costs an agent the bump that takes it, the bump at the chest, and the moves from where it took
  the one before (at least the distance to the nearest other junction, less 2) or from its start;
* each heart but the first six (five in the bank, one from the first stock) costs four bumps at extractors and one
  at a depot.

So the n-th junction is not taken before tick max(D_n, W_n / A), with D the sorted ways and W the summed work of the
n cheapest. Left out, in the team's favour: gear, energy, walls between junctions, ways to extractors and back,
exploration, and everything that the clips do. Hearts: 5 in the bank and a tenth of the scarcest element on the map
and in the first stock, if nothing is spent on gear.
"""

from __future__ import annotations

import argparse
import sys
from collections import deque

import numpy as np

from coglab.evaluation.config import FIRST_EVALUATION_SEED
from coglab.evaluation.statistics import mean_interval
from coglab.games.cogsguard.mapgen import generate_map

FREE_HEARTS = 6
"""Hearts that cost no mining: five in the bank and one from the first 10 of each element."""
EXTRACTOR = 100
"""Elements in an extractor."""
ELEMENTS = ("carbon", "oxygen", "germanium", "silicon")


def ways(grid: np.ndarray) -> np.ndarray:
    """Moves of the shortest way from the nearest start cell to a bump into each cell; -1 where there is none."""
    distance = np.full(grid.shape, -1)
    queue = deque(map(tuple, np.argwhere(grid == "agent.agent")))
    for cell in queue:
        distance[cell] = 0
    while queue:
        row, column = queue.popleft()
        for there in ((row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1)):
            if distance[there] >= 0 or grid[there] == "wall":
                continue
            distance[there] = distance[row, column] + 1
            if grid[there] == "empty":
                queue.append(there)
    return distance


def reward_bound(grid: np.ndarray, agents: int, ticks: int) -> float:
    """Reward that no team can exceed on a map, 0 to 1."""
    junctions = np.argwhere(grid == "junction")
    starts = np.argwhere(grid == "agent.agent")
    apart = np.abs(junctions[:, None] - junctions[None]).sum(axis=2) - 2
    np.fill_diagonal(apart, np.iinfo(apart.dtype).max)
    from_start = np.abs(junctions[:, None] - starts[None]).sum(axis=2) - 1
    moves = np.minimum(apart.min(axis=1), from_start.min(axis=1)).clip(0)
    number = 1 + np.arange(len(junctions))
    work = np.cumsum(np.sort(moves) + 2) + 5 * (number - FREE_HEARTS).clip(0)
    way = ways(grid)[tuple(junctions.T)]
    earliest = np.sort(np.where(way < 0, ticks, way))
    taken_at = np.maximum(earliest, work / agents)
    return float((ticks - taken_at).clip(0).sum() / (len(junctions) * ticks))


def hearts_bound(grid: np.ndarray) -> float:
    """Hearts that a team can have in an episode without end."""
    counts = [np.char.startswith(grid, name).sum() for name in ELEMENTS]
    return 5 + (10 + EXTRACTOR * int(min(counts))) // 10


def main(arguments: list[str]) -> int:
    """Print the bounds, mean and 95 % interval over maps."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--maps", type=int, default=64)
    parser.add_argument("--first-seed", type=int, default=FIRST_EVALUATION_SEED)
    parser.add_argument("--agents", type=int, default=8)
    options = parser.parse_args(arguments)
    for mission, lengths in (("arena", (1000,)), ("machina_1", (1000, 10_000))):
        seeds = range(options.first_seed, options.first_seed + options.maps)
        grids = [generate_map(mission, options.agents, seed) for seed in seeds]
        hearts = mean_interval(np.array([hearts_bound(grid) for grid in grids]))
        junctions = np.mean([(grid == "junction").sum() for grid in grids])
        print(f"{mission}: {junctions:.1f} junctions, hearts {hearts.mean:.0f} per team")
        for ticks in lengths:
            bound = mean_interval(
                np.array([reward_bound(grid, options.agents, ticks) for grid in grids])
            )
            print(f"  {ticks} ticks: reward {bound.mean:.3f} [{bound.low:.3f}, {bound.high:.3f}]")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
