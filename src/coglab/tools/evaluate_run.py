"""What the tool `evaluate` does."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from coglab.evaluation.episodes import EvaluationResult, evaluate_policy
from coglab.evaluation.recording import pick_episodes, record_again
from coglab.evaluation.report import print_table, results_as_dict, results_table, write_json
from coglab.games.registry import game_of
from coglab.policies.uris import load_policy
from coglab.replay import file as replay_file
from coglab.replay.viewer import page
from coglab.tracking.display import OutputConsole, print_line
from coglab.training.device import Device, choose_device, prepare_threads
from coglab.training.geometry import cpu_cores

if TYPE_CHECKING:
    from coglab.evaluation.config import EvaluationConfig
    from coglab.games.config import GameConfig
    from coglab.tools.evaluate import EvaluateTool


def evaluate_uri(
    uri: str,
    game: GameConfig,
    settings: EvaluationConfig,
    *,
    data_dir: Path,
    device: Device,
    keep_actions: bool = False,
) -> list[EvaluationResult]:
    """Play held-out maps with one policy, once for every way of choosing actions that makes a difference for it.

    Args:
        uri: the policy.
        game: mission, agents, rules.
        settings: maps, modes, seed.
        data_dir: where runs are looked up.
        device: where a network runs.
        keep_actions: whether the results have every action.

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
            keep_actions=keep_actions,
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
    game = tool.game
    for uri in tool.policy_uris:  # hours of play must not end in an error about the next policy
        load_policy(uri, Path(tool.train_dir), device=str(device)).check_game(game)
    results: list[EvaluationResult] = []
    for uri in tool.policy_uris:
        done = evaluate_uri(
            uri,
            game,
            tool.evaluation,
            data_dir=Path(tool.train_dir),
            device=device,
            keep_actions=tool.replays is not None,
        )
        results += done
        for result in done:
            print_line(
                log,
                f"{uri} ({result.mode}): {result.agent_steps:,} agent steps in {result.seconds:.1f} s",
            )
            if tool.replays is not None:
                for path in write_replays(tool, game, result, device):
                    print_line(log, f"written: {path}")
            result.actions = None
    title = f"{game_of(game).title(game)}, {game.num_agents} agents, {tool.evaluation.maps} held-out maps"
    print_table(out, results_table(results, title))
    if tool.out is not None:
        path = Path(tool.out)
        write_json(path, results_as_dict(results, _settings(tool)))
        print_line(log, f"written: {path}")
    return 0


def write_replays(
    tool: EvaluateTool, game: GameConfig, result: EvaluationResult, device: Device
) -> list[Path]:
    """Write the best, the median and the worst episode of a result as replays with their pages.

    Args:
        tool: resolved, with a folder in `replays`.
        game: mission, agents, rules.
        result: with its actions.
        device: where a network runs.

    Returns:
        The pages.
    """
    assert tool.replays is not None
    pages = []
    who = re.sub(r"[^A-Za-z0-9.]+", "-", result.policy_uri.removeprefix("metta://policy/"))
    for name, index in pick_episodes(result.metrics["reward"]).items():
        reward = result.metrics["reward"][index]
        document = record_again(
            result,
            index,
            game,
            lambda uri: load_policy(uri, Path(tool.train_dir), device=str(device)),
            seed=tool.evaluation.seed,
            teacher_uri=None if result.mode == "scripted" else game_of(game).shown_teacher,
            label=f"{name}: {result.policy_uri} ({result.mode}), reward {reward:.3f}",
        )
        base = Path(tool.replays) / f"{who.strip('-.')[:80]}-{result.mode}-{name}"
        data = replay_file.pack(document)
        replay_file.write(f"{base}{replay_file.SUFFIX}", data)
        replay_file.write(f"{base}.html", page([data]))
        pages.append(Path(f"{base}.html"))
    return pages


def _settings(tool: EvaluateTool) -> dict[str, Any]:
    return {
        "game": tool.game.model_dump(mode="json"),
        "evaluation": tool.evaluation.model_dump(mode="json"),
    }
