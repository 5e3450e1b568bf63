"""Measure what the teachers score and store it where `--list`, the docs and reports read it.

    python -m benchmarks.teacher_scores                        all teachers, all settings (about an hour of one core)
    python -m benchmarks.teacher_scores --settings arena       one setting
    python -m benchmarks.teacher_scores --uris 'metta://policy/miner' --maps 8 --dry-run
    python -m benchmarks.teacher_scores --fresh --uris 'metta://policy/cogsguard?gear=10'

Held-out maps have the seeds 1,000,000 and up; with `--fresh` 1,001,000 and up, on which no rule was ever tried out.
Results are merged into `scores.json` beside the registry: cells that are not measured anew stay.
Speed is measured by `benchmarks/teachers.py`.
"""

from __future__ import annotations

import argparse
import sys

import numpy as np

from coglab.evaluation.config import FIRST_EVALUATION_SEED
from coglab.evaluation.episodes import EvaluationResult, evaluate_policy
from coglab.games.cogsguard.config import CogsGuardConfig
from coglab.games.cogsguard.memory_layout import BOARD_KNOWN, ELEMENTS
from coglab.games.cogsguard.teachers.registry import TEACHERS
from coglab.games.cogsguard.teachers.scores import (
    FRESH,
    FRESH_SEED,
    SETTINGS,
    VARIANTS,
    read_scores,
    write_scores,
)
from coglab.policies.scripted import ScriptedPolicy


def measure(
    uri: str,
    setting: str,
    maps: int,
    first_seed: int = FIRST_EVALUATION_SEED,
    workers: int = 1,
) -> dict[str, object]:
    """Play one teacher on the held-out maps of one setting.

    Returns:
        Metric -> [mean, low, high]; reward and hearts per agent, the rest per team and episode (cells seen per agent).
    """
    how = SETTINGS[setting]
    policies: list[ScriptedPolicy] = []

    def make() -> ScriptedPolicy:
        policies.append(ScriptedPolicy(uri))
        return policies[-1]

    game = CogsGuardConfig(mission=how.mission, num_agents=how.num_agents, max_steps=how.max_steps)
    result = evaluate_policy(
        make, uri, game, maps=maps, mode="greedy", first_map_seed=first_seed, workers=workers
    )
    agents = how.num_agents
    metrics = result.metrics
    metrics["elements"] = sum(
        (metrics[f"cogs/{name}.deposited"] for name in ELEMENTS), np.zeros(maps)
    )
    metrics["aligned"] = agents * metrics["junction.aligned_by_agent"]
    metrics["scrambled"] = agents * metrics["junction.scrambled_by_agent"]
    names = {
        "reward": "reward",
        "hearts": "heart.gained",
        "held": "cogs/aligned.junction.held",
        "clips_held": "clips/aligned.junction.held",
        "elements": "elements",
        "aligned": "aligned",
        "scrambled": "scrambled",
    }
    return {"maps": maps} | {name: _interval(result, metric) for name, metric in names.items()}


def cells_seen(uri: str, maps: int, ticks: int = 999) -> float:
    """Cells that an agent of the teacher has seen after an episode on the arena, mean over agents and maps."""
    from coglab.games.cogsguard.mapgen import MapPool
    from coglab.games.cogsguard.sim import CogsGuardSim
    from coglab.games.cogsguard.teachers import make_teacher

    game = CogsGuardConfig(mission="arena", num_agents=8, max_steps=ticks + 1)
    pool = MapPool.for_evaluation(game, maps, first_seed=1_000_000)
    sim = CogsGuardSim(game, maps, pool, map_choice="by_env")
    teacher = make_teacher(uri, sim)
    reset = np.ones(sim.num_rows, np.bool_)
    for _ in range(ticks):
        teacher.observe(reset)
        teacher.label(reset)
        sim.actions[:] = teacher.labels
        sim.step()
        reset[:] = False
    known = teacher.memory.state.boards[:, BOARD_KNOWN]
    return float(np.bitwise_count(known).sum(axis=(1, 2)).mean())


def _interval(result: EvaluationResult, metric: str) -> list[float]:
    interval = result.interval(metric)
    return [round(float(value), 5) for value in (interval.mean, interval.low, interval.high)]


def main(arguments: list[str]) -> int:
    """Measure, print and store."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    registered = [info.uri for info in TEACHERS.values()]
    parser.add_argument("--uris", nargs="*", default=[*registered, *VARIANTS])
    parser.add_argument("--settings", nargs="*", default=list(SETTINGS), choices=list(SETTINGS))
    parser.add_argument("--maps", type=int, default=64)
    parser.add_argument("--fresh", action="store_true", help=f"maps from seed {FRESH_SEED} on")
    parser.add_argument("--workers", type=int, default=1, help="threads")
    parser.add_argument("--dry-run", action="store_true", help="print, store nothing")
    options = parser.parse_args(arguments)
    for setting in options.settings:
        for uri in options.uris:
            if SETTINGS[setting].only and uri not in SETTINGS[setting].only:
                continue
            seed = FRESH_SEED if options.fresh else FIRST_EVALUATION_SEED
            measured = measure(uri, setting, options.maps, seed, options.workers)
            if setting == "arena" and not options.fresh:
                measured["cells_seen"] = round(cells_seen(uri, min(options.maps, 16)), 0)
            print(setting, uri, measured, flush=True)
            if not options.dry_run:
                scores = read_scores()
                scores.setdefault(uri, {})[setting + (FRESH if options.fresh else "")] = measured
                write_scores(scores)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
