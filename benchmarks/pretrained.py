"""Put a run's checkpoint under `pretrained/`, halved in size, with a card that says how it plays.

    python benchmarks/pretrained.py train_dir/first cogsguard
    python benchmarks/pretrained.py train_dir/dinky machina1 --maps 64

Weights are stored as float16; the scores on the card are those of the stored file, on held-out maps. It is then
`metta://policy/pretrained-<name>`.
"""

from __future__ import annotations

import argparse
import json
import shlex
import shutil
import sys
import tempfile
from pathlib import Path

from coglab.evaluation.config import EvaluationConfig
from coglab.evaluation.episodes import EvaluationResult
from coglab.evaluation.report import digits_of
from coglab.games.registry import game_of
from coglab.policies.checkpoint_index import list_checkpoints
from coglab.policies.checkpoints import load_checkpoint, save_checkpoint
from coglab.policies.pretrained import FOLDER, PREFIX
from coglab.tools.evaluate_run import evaluate_uri
from coglab.tools.train import TrainTool
from coglab.training.device import choose_device, prepare_threads


def main() -> int:
    """Store, evaluate, write the card."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("run", type=Path, help="the run's folder")
    parser.add_argument("name", help="its name under pretrained/")
    parser.add_argument("--maps", type=int, default=64, help="held-out maps (default 64)")
    parser.add_argument(
        "--max-steps", type=int, help="ticks of the evaluation (default: the run's)"
    )
    arguments = parser.parse_args()
    prepare_threads()
    source = list_checkpoints(arguments.run)[-1]
    checkpoint = load_checkpoint(source)
    target = FOLDER / arguments.name
    with tempfile.TemporaryDirectory() as aside:
        network = checkpoint.build_network().half()
        saved = save_checkpoint(Path(aside), checkpoint.version, network, checkpoint.info)
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(saved, target)
    config = json.loads((arguments.run / "config.json").read_text(encoding="utf-8"))
    tool = TrainTool.load(config.get("config", config))
    game = tool.training_env.game
    if arguments.max_steps:
        game = game.model_copy(update={"max_steps": arguments.max_steps})
    uris = [f"metta://policy/{PREFIX}{arguments.name}"]
    if tool.training_env.supervisor_policy_uri is not None:
        uris.append(tool.training_env.supervisor_policy_uri)
    results: list[EvaluationResult] = []
    for uri in uris:
        results += evaluate_uri(
            uri,
            game,
            EvaluationConfig(maps=arguments.maps),
            data_dir=arguments.run.parent,
            device=choose_device("cpu"),
        )
    command = json.loads((arguments.run / "run.json").read_text(encoding="utf-8")).get("argv", [])
    lines = [
        f"# {PREFIX}{arguments.name}",
        "",
        f"{game_of(game).describe(game)}, {game.num_agents} agents. Architecture `{checkpoint.architecture.kind}`, "
        f"{checkpoint.build_network().num_parameters:,} weights (float16), "
        f"{checkpoint.info.get('agent_step', 0):,} agent steps.",
        "",
        "| policy | actions | " + " | ".join(results[0].headline) + " |",
        "| --- | --- |" + " --- |" * len(results[0].headline),
    ]
    for result in results:
        cells = [result.interval(metric).text(digits_of(metric)) for metric in result.headline]
        lines.append(f"| `{result.policy_uri}` | {result.mode} | " + " | ".join(cells) + " |")
    lines += [
        "",
        f"Means over {arguments.maps} held-out maps (seeds from 1,000,000) with 95 % intervals. Made by",
        "",
        "```bash",
        shlex.join(["./tools/run.py", *(word for word in command if "train_dir=" not in word)]),
        f"python benchmarks/pretrained.py train_dir/{arguments.run.name} {arguments.name}",
        "```",
        "",
        "Use: `metta://policy/"
        + PREFIX
        + arguments.name
        + "` in `policy_uris=`, `teacher={policy_uri: ...}`, "
        "`initial_policy_uri=`. Its configuration is in `policy.json`.",
    ]
    (target / "CARD.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print((target / "CARD.md").read_text(encoding="utf-8"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
