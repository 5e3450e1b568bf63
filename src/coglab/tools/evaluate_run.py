"""What the tool `evaluate` does."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from coglab.evaluation.episodes import EvaluationResult, evaluate_policy
from coglab.evaluation.report import print_table, results_as_dict, results_table, write_json
from coglab.policies.uris import load_policy
from coglab.tools.references import require_playable_game
from coglab.tracking.display import OutputConsole, print_line
from coglab.training.device import Device, choose_device, prepare_threads
from coglab.training.geometry import cpu_cores

if TYPE_CHECKING:
    from coglab.evaluation.config import EvaluationConfig
    from coglab.games.cogsguard.config import CogsGuardConfig
    from coglab.tools.evaluate import EvaluateTool


def evaluate_uri(
    uri: str,
    game: CogsGuardConfig,
    settings: EvaluationConfig,
    *,
    data_dir: Path,
    device: Device,
) -> list[EvaluationResult]:
    """Play held-out maps with one policy, once for every way of choosing actions that makes a difference for it.

    Args:
        uri: the policy.
        game: mission, agents, rules.
        settings: maps, modes, seed.
        data_dir: where runs are looked up.
        device: where a network runs.

    Returns:
        One result for a scripted policy, one per mode for a learned one.

    Raises:
        UserError: the URI leads nowhere or the policy cannot play this game.
    """
    results: list[EvaluationResult] = []
    for mode in settings.modes:
        result = evaluate_policy(
            lambda: load_policy(uri, data_dir, device=str(device)),
            uri,
            game,
            maps=settings.maps,
            mode=mode,
            seed=settings.seed,
            workers=cpu_cores() if device.type == "cpu" else 1,
        )
        results.append(result)
        if result.mode == "scripted":
            break
    return results


def run(tool: EvaluateTool) -> int:
    """Evaluate every policy, print the table, write the JSON file.

    Args:
        tool: resolved.

    Returns:
        0.
    """
    prepare_threads()
    device = choose_device(tool.system.device)
    log, out = Console(stderr=True), OutputConsole()
    game = require_playable_game(tool.game)
    results: list[EvaluationResult] = []
    for uri in tool.policy_uris:
        done = evaluate_uri(
            uri, game, tool.evaluation, data_dir=Path(tool.train_dir), device=device
        )
        results += done
        for result in done:
            print_line(
                log,
                f"{uri} ({result.mode}): {result.agent_steps:,} agent steps in {result.seconds:.1f} s",
            )
    title = f"{game.mission}, {game.num_agents} agents, {tool.evaluation.maps} held-out maps"
    print_table(out, results_table(results, title))
    if tool.out is not None:
        path = Path(tool.out)
        write_json(path, results_as_dict(results, _settings(tool)))
        print_line(log, f"written: {path}")
    return 0


def _settings(tool: EvaluateTool) -> dict[str, Any]:
    return {
        "game": tool.game.model_dump(mode="json"),
        "evaluation": tool.evaluation.model_dump(mode="json"),
    }
