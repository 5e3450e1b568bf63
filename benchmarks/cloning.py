"""Which teacher clones best: students of the same budget, by own memory, by a team's, and "team acts, own labels".

    python -m benchmarks.cloning                                three teachers, three seeds, arena, `fast`
    python -m benchmarks.cloning --steps 3000000 --seeds 1 2    shorter
    python -m benchmarks.cloning --table                        only print what has been measured

Every student is trained by the recipe, on labels only (half of the rows led by the teacher, half by the student, to
the end), and then plays held-out maps. While it plays, the own-memory teacher labels what it sees: agreement is the
share of its steps at which the action is one that this teacher calls right, wherever the label has weight. So all
students answer the same question, whoever taught them. Results are written after every student; what has been
measured is not measured again.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Literal

import numpy as np

from coglab.evaluation.config import FIRST_EVALUATION_SEED
from coglab.evaluation.statistics import mean_interval
from coglab.games.cogsguard.config import CogsGuardConfig
from coglab.games.cogsguard.mapgen import MapPool
from coglab.games.cogsguard.sim import CogsGuardSim
from coglab.games.cogsguard.teachers import make_teacher

OWN = "metta://policy/cogsguard?gear=10"
TEACHERS = {
    "own memory": OWN,
    "team memory": f"{OWN}&memory=team",
    "team acts, own labels": f"{OWN}&memory=team&labels=own",
}
MODE: Literal["sample"] = "sample"
"""How students act while they are measured: as they do in training."""
MINIBATCH = 1024
"""Small ones: with the default of 8,192 a clone of a few million steps is far from its teacher."""
BLOCK = 16
"""Maps played side by side."""


def train(uri: str, seed: int, steps: int, run: str) -> None:
    """Train one student with the recipe, in a process of its own."""
    teacher = (
        f'{{mode: sliced_cloner, policy_uri: "{uri}", teacher_led_proportion: 0.5, '
        f"student_led_proportion: 0.5, anneal_start_step: {steps}, steps: {steps + 1}}}"
    )
    command = [
        sys.executable, "tools/run.py", "recipes.experiment.cogsguard.train", f"run={run}",
        f"teacher={teacher}", f"trainer.total_timesteps={steps}", f"system.seed={seed}",
        "policy_architecture=fast", f"trainer.minibatch_size={MINIBATCH}",
        "trainer.losses.ppo_actor.enabled=false", "evaluator.at_end=false",
    ]  # fmt: skip
    root = Path(__file__).parents[1]
    environment = os.environ | {"BOOTSTRAP": "off", "CI": "true"}
    subprocess.run(command, check=True, cwd=root, env=environment, stdout=sys.stderr)


def play(run: str, maps: int, ticks: int) -> dict[str, Any]:
    """Let a student play held-out maps and label what it sees.

    Args:
        run: name of the run, latest checkpoint.
        maps: number of maps, seeds from 1,000,000; a multiple of BLOCK is played.
        ticks: length of the episodes.

    Returns:
        `reward`, `hearts` (per agent) and `agreement`, each [mean, low, high] over maps.
    """
    from coglab.policies.uris import load_policy

    data_dir = Path(__file__).parents[1] / "train_dir"
    values: dict[str, list[np.ndarray]] = {"reward": [], "hearts": [], "agreement": []}
    for first in range(0, maps, BLOCK):
        game = CogsGuardConfig(mission="arena", num_agents=10, max_steps=ticks)
        pool = MapPool.for_evaluation(game, BLOCK, first_seed=FIRST_EVALUATION_SEED + first)
        sim = CogsGuardSim(game, BLOCK, pool, map_choice="by_env")
        sim.reset()
        policy = load_policy(f"metta://policy/{run}:latest", data_dir, device="cpu")
        policy.bind(sim, 0, BLOCK)
        teacher = make_teacher(OWN, sim)
        rng = np.random.default_rng([0, first])
        reset = np.ones(sim.num_rows, np.bool_)
        right, counted = np.zeros(BLOCK), np.zeros(BLOCK)
        for _ in range(ticks):
            teacher.observe(reset)
            teacher.label(reset)
            sim.actions[:] = policy.act(reset, MODE, rng).actions
            agrees = (teacher.label_mask >> sim.actions.astype(np.uint16)) & 1
            counts = teacher.label_weight > 0
            right += (agrees * counts).reshape(BLOCK, -1).sum(axis=1)
            counted += counts.reshape(BLOCK, -1).sum(axis=1)
            sim.step()
            reset[:] = False
        hearts = sim.agent_stats.index("heart.gained")
        values["reward"].append(sim.episode.returns.mean(axis=1).astype(np.float64))
        values["hearts"].append(sim.episode.agent[:, :, hearts].mean(axis=1).astype(np.float64))
        values["agreement"].append(right / counted)
    table = {}
    for name, parts in values.items():
        interval = mean_interval(np.concatenate(parts))
        table[name] = [round(float(x), 4) for x in (interval.mean, interval.low, interval.high)]
    return table


def print_table(results: list[dict[str, Any]]) -> None:
    """One row per student and one per teacher over its seeds, as Markdown."""
    print("| teacher | seed | agreement | reward | hearts |")
    print("| --- | --- | --- | --- | --- |")
    for name in TEACHERS:
        rows = []
        for result in (r for r in results if r["teacher"] == name):
            row = [result[key][0] for key in ("agreement", "reward", "hearts")]
            rows.append(row)
            print(f"| {name} | {result['seed']} | " + " | ".join(f"{x:.3f}" for x in row) + " |")
        if len(rows) > 1:
            mean, error = np.mean(rows, axis=0), np.std(rows, axis=0, ddof=1) / len(rows) ** 0.5
            cells = [f"{m:.3f} ± {e:.3f}" for m, e in zip(mean, error, strict=True)]
            print(f"| **{name}** | {len(rows)} seeds | " + " | ".join(cells) + " |")


def main(arguments: list[str]) -> int:
    """Train and measure what is missing; print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=6_000_000)
    parser.add_argument("--seeds", nargs="*", type=int, default=[1, 2, 3])
    parser.add_argument("--maps", type=int, default=64)
    parser.add_argument("--ticks", type=int, default=1000)
    parser.add_argument("--json", type=Path, default=Path("train_dir/cloning.json"))
    parser.add_argument("--table", action="store_true", help="measure nothing")
    options = parser.parse_args(arguments)
    file: Path = options.json
    results = json.loads(file.read_text(encoding="utf-8")) if file.exists() else []
    done = {(r["teacher"], r["seed"], r["steps"], r["maps"], r["ticks"]) for r in results}
    for seed in () if options.table else options.seeds:
        for number, (name, uri) in enumerate(TEACHERS.items()):
            if (name, seed, options.steps, options.maps, options.ticks) in done:
                continue
            run = f"cloning-{options.steps}-{number}-{seed}"
            train(uri, seed, options.steps, run)
            result = {"teacher": name, "uri": uri, "seed": seed, "steps": options.steps}
            result |= {"maps": options.maps, "ticks": options.ticks}
            result |= play(run, options.maps, options.ticks)
            results.append(result)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
            print(result, flush=True)
    print_table([r for r in results if r["steps"] == options.steps])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
