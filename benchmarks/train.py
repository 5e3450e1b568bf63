"""Speed of the whole training loop: agent steps per second, and where the time goes.

    python benchmarks/train.py                       # CogsGuard's arena, with and without the teacher, at once and ahead
    python benchmarks/train.py --workers 1           # one core
    python benchmarks/train_ranks.py                 # threads against processes
    python benchmarks/train.py --set trainer.bptt_horizon=128 --set policy_architecture=vit

All loops are those that `tools/run.py` runs: rollout, labels, advantages, one pass of minibatches, metrics; collected at
once or ahead. They take turns, one iteration each, so that a busy neighbour disturbs all alike. Given are the wall-clock
rate (median and best iteration), which is what a user sees on an idle machine, and the rate per second of processor time
used, which stays meaningful on a busy one. Phases are shares of an iteration's wall time; ahead, the rollout's lie beside
the others.
"""

from __future__ import annotations

import argparse
import datetime
import json
import statistics
import sys
import time
from pathlib import Path
from typing import Any

if not __package__:  # run as a file
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import engine_extras as extras
from benchmarks import machine
from coglab.cli import assemble as command_line
from coglab.cli import targets
from coglab.tools.assembly import assemble
from coglab.tools.train import TrainTool
from coglab.training.device import MatmulPrecision, matmul_precision
from coglab.training.distributed import Ranks
from coglab.training.teacher_plan import TeacherPlan
from coglab.training.trainer import Trainer

RECIPE = "recipes.experiment.cogsguard.train"
TEACHER = "metta://policy/cogsguard?gear=10"
PHASES = ("simulate", "encode", "label", "infer", "store", "wait", "advantage", "learn", "stats")


class _Silent:
    """A tracker that keeps nothing."""

    def log(self, step: int, metrics: dict[str, float]) -> None:
        """Do nothing."""

    def progress(self, phase: str) -> None:
        """Do nothing."""

    def print(self, text: str) -> None:
        """Do nothing."""


def main() -> int:
    """Measure, print the table, write the JSON file."""
    arguments = _parse()
    at_once, ahead = (("trainer.collect_ahead=" + word,) for word in ("false", "true"))
    loops: dict[str, tuple[str | None, tuple[str, ...]]] = {
        "pure PPO": (None, at_once),
        "pure PPO, collected ahead": (None, ahead),
        "with teacher": (arguments.teacher, at_once),
        "with teacher, collected ahead": (arguments.teacher, ahead),
    }
    if arguments.teacher == "none":
        loops = {name: loop for name, loop in loops.items() if loop[0] is None}
    made = {name: make_trainer(arguments, uri, more=more) for name, (uri, more) in loops.items()}
    trainers = {name: trainer for name, (trainer, _) in made.items()}
    geometry = next(iter(trainers.values())).geometry
    products: MatmulPrecision = next(iter(made.values()))[1]
    print("\n".join(geometry.describe()), flush=True)
    samples: dict[str, list[dict[str, float]]] = {name: [] for name in trainers}
    for number in range(arguments.warmup + arguments.iterations):
        for name, trainer in trainers.items():
            processor = time.process_time()
            with matmul_precision(products):
                metrics = trainer.iterate()
            metrics["processor_seconds"] = time.process_time() - processor
            if number >= arguments.warmup:
                samples[name].append(metrics)
    results = {
        "date": datetime.datetime.now().astimezone().strftime("%Y-%m-%d %H:%M"),
        "command": " ".join(["python", "benchmarks/train.py", *sys.argv[1:]]),
        "commit": extras.commit(),
        "machine": machine.describe(),
        "busy_share": machine.busy_share(),
        "geometry": {
            "num_envs": geometry.num_envs,
            "num_agents": geometry.num_agents,
            "num_workers": geometry.num_workers,
            "horizon": geometry.horizon,
            "batch_size": geometry.batch_size,
            "minibatch_size": geometry.minibatch_size,
        },
        "matmul_precision": products,
        "loops": {name: _summary(s, geometry.batch_size) for name, s in samples.items()},
    }
    print("\n" + _table(results))
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    arguments.json.write_text(json.dumps(results, indent=1))
    print(f"written: {arguments.json}")
    return 0


def make_trainer(
    arguments: argparse.Namespace,
    uri: str | None,
    ranks: Ranks | None = None,
    more: tuple[str, ...] = (),
) -> tuple[Trainer, MatmulPrecision]:
    """Build a training run exactly as the tool does, without its record; with the precision of its products.

    Args:
        arguments: `mission`, `set`, `workers`, `envs`.
        uri: the teacher.
        ranks: the processes that train together; left out, this one alone.
        more: further settings, `KEY=VALUE`.
    """
    ranks = ranks or Ranks()
    given: list[str] = [*arguments.set, *more]
    if arguments.workers:
        given.append(f"training_env.num_workers={arguments.workers}")
    if arguments.envs:
        given.append(f"training_env.num_envs={arguments.envs}")
    if uri is not None:
        given.append(
            f'teacher={{policy_uri: "{uri}", teacher_led_proportion: 0.5, student_led_proportion: 0.5}}'
        )
    target, _ = targets.find([RECIPE])
    tool = command_line.assemble(target, [f"mission={arguments.mission}", *given]).tool.resolve()
    if not isinstance(tool, TrainTool):
        raise TypeError(f"{RECIPE} makes {type(tool).__name__}")
    parts = assemble(tool, ranks.count, ranks.rank)
    cloner = tool.trainer.losses.sliced_scripted_cloner
    trainer = Trainer(
        tool.trainer,
        parts.geometry,
        TeacherPlan.from_config(cloner, tool.trainer.total_timesteps),
        seed=tool.system.seed,
        sim=parts.sim,
        network=parts.network,
        encoder=parts.encoder,
        teacher=parts.teacher,
        team_facts=parts.team_facts,
        tracker=_Silent(),
        save=lambda *_: None,
        map_pool=parts.pool,
        maps_per_iteration=tool.training_env.map_pool.refresh,
        precision=parts.precision,
        ranks=ranks,
    )
    return trainer, parts.matmul_precision


def _summary(samples: list[dict[str, float]], batch_size: int) -> dict[str, Any]:
    rates = sorted(sample["overview/sps"] for sample in samples)
    processor = sum(sample["processor_seconds"] for sample in samples)
    return {
        "sps_median": statistics.median(rates),
        "sps_best": rates[-1],
        "sps_per_processor_second": batch_size * len(samples) / processor,
        "shares": {
            phase: statistics.mean(s[f"timing_per_epoch/frac/{phase}"] for s in samples)
            for phase in PHASES
        },
    }


def _table(results: dict[str, Any]) -> str:
    loops = results["loops"]
    head = ["", *loops]
    rows = [
        ["agent steps/s, median", *(f"{loop['sps_median']:,.0f}" for loop in loops.values())],
        ["agent steps/s, best", *(f"{loop['sps_best']:,.0f}" for loop in loops.values())],
        [
            "per processor second",
            *(f"{loop['sps_per_processor_second']:,.0f}" for loop in loops.values()),
        ],
    ]
    rows += [
        [phase, *(f"{loop['shares'][phase]:.1%}" for loop in loops.values())] for phase in PHASES
    ]
    lines = ["| " + " | ".join(row) + " |" for row in [head, ["---"] * len(head), *rows]]
    busy = results["busy_share"]
    machine_ = results["machine"]
    lines.append(
        f"\n{machine_['processor']}, {machine_['cores']} cores, {results['geometry']['num_workers']} workers"
        + (f"; others used {busy:.0%} of the machine" if busy is not None else "")
    )
    return "\n".join(lines)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--mission", default="arena")
    parser.add_argument("--teacher", default=TEACHER, help="URI of the teacher, or `none`")
    parser.add_argument("--workers", type=int, help="threads (default: by hardware)")
    parser.add_argument("--envs", type=int, help="parallel games (default: by hardware)")
    parser.add_argument("--iterations", type=int, default=10, help="measured iterations of each")
    parser.add_argument("--warmup", type=int, default=2, help="iterations before measuring")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="any setting of the tool"
    )
    parser.add_argument(
        "--json", type=Path, default=Path("train_dir/benchmarks/train.json"), metavar="FILE"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
