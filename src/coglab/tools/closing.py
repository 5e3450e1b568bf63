"""The end of a training run: student, teacher and random play on held-out maps, and what to type next."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from coglab.evaluation.config import EvaluationConfig
from coglab.evaluation.episodes import EvaluationResult
from coglab.evaluation.report import results_as_dict, write_json
from coglab.games.registry import game_of
from coglab.tools.evaluate_run import evaluate_uri
from coglab.tools.invocation import current_invocation
from coglab.training.device import Device

if TYPE_CHECKING:
    from coglab.tools.train import TrainTool

EVALUATION_FILE = "evaluation.json"

RANDOM_URI = "metta://policy/random"


def compare_with_teacher(
    tool: TrainTool, device: Device, step: int, say: Callable[[str], None]
) -> tuple[list[EvaluationResult], list[str]]:
    """Evaluate the run's newest checkpoint, its teacher and random play on the same held-out maps.

    The results are also written to `<run>/evaluation.json`.

    Args:
        tool: resolved configuration of the run.
        device: where the network runs.
        step: agent step of that checkpoint.
        say: told what is being played.

    Returns:
        Results and what to call each of them in a table.
    """
    data_dir = Path(tool.train_dir)
    game = tool.training_env.game
    players: list[tuple[str, str, tuple[Literal["sample", "greedy"], ...]]] = [
        ("student", f"metta://policy/{tool.run_name}", ("sample", "greedy"))
    ]
    if tool.training_env.supervisor_policy_uri is not None:
        players.append(("teacher", tool.training_env.supervisor_policy_uri, ("sample",)))
    players.append(("random", RANDOM_URI, ("sample",)))
    results: list[EvaluationResult] = []
    labels: list[str] = []
    for role, uri, modes in players:
        settings = EvaluationConfig(maps=tool.evaluator.maps, modes=modes, seed=tool.system.seed)
        say(f"evaluating {role} {uri} on {settings.maps} held-out maps")
        done = evaluate_uri(uri, game, settings, data_dir=data_dir, device=device)
        results += done
        labels += [role] * len(done)
    write_json(
        data_dir / str(tool.run_name) / EVALUATION_FILE,
        results_as_dict(
            results,
            {"run": tool.run_name, "agent_step": step, "game": game.model_dump(mode="json")},
        ),
    )
    return results, labels


def is_evaluated(run_dir: Path, step: int) -> bool:
    """Whether a run was compared with its teacher after `step` agent steps; false after a kill on the way."""
    try:
        data = json.loads((run_dir / EVALUATION_FILE).read_text(encoding="utf-8"))
        return bool(data["settings"]["agent_step"] == step)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def evaluator_metrics(results: list[EvaluationResult], labels: list[str]) -> dict[str, float]:
    """The means as metrics of the ledger: `evaluator/student/sample/reward`, `evaluator/teacher/scripted/...`."""
    metrics = {
        "evaluator/maps": float(len(results[0].map_seeds)),
        "evaluator/seconds": sum(result.seconds for result in results),
    }
    for result, role in zip(results, labels, strict=True):
        for name in result.headline:
            metrics[f"evaluator/{role}/{result.mode}/{name}"] = result.interval(name).mean
    return metrics


def next_commands(tool: TrainTool) -> list[str]:
    """Commands that a user may want to type after this run, each with a word on what it does."""
    total = tool.trainer.total_timesteps
    uris = [f"metta://policy/{tool.run_name}"]
    if tool.training_env.supervisor_policy_uri is not None:
        uris.append(tool.training_env.supervisor_policy_uri)
    listed = "policy_uris=[" + ", ".join(f'"{uri}"' for uri in uris) + "]"
    typed = [
        word
        for word in current_invocation().argv
        if not word.startswith(("run=", "trainer.total_timesteps="))
    ]
    # Words such as `nproc=2` may come before the recipe; settings come after it.
    target = next((index for index, word in enumerate(typed, 1) if "=" not in word), 1)
    again = _command(
        [
            *typed[:target],
            f"run={tool.run_name}",
            *typed[target:],
            f"trainer.total_timesteps={2 * total:_}",
        ]
    )
    evaluate = f"{game_of(tool.training_env.game).example}.evaluate"
    return [
        "train twice as long:       " + again,
        "evaluate on more maps:     "
        + _command([evaluate, listed, "maps=256", *_game(tool), *_folder(tool)]),
    ]


def _game(tool: TrainTool) -> list[str]:
    """The game's settings that are not its defaults: without `vibes=13`, say, the command would be refused."""
    changed = tool.training_env.game.model_dump(mode="json", exclude_defaults=True)
    changed.pop("kind", None)
    return [
        f"game.{name}={value if isinstance(value, str) else json.dumps(value)}"
        for name, value in changed.items()
    ]


def _folder(tool: TrainTool) -> list[str]:
    return [] if tool.train_dir == "./train_dir" else [f"train_dir={tool.train_dir}"]


def _command(words: list[str]) -> str:
    return shlex.join(["./tools/run.py", *words])
