"""machina_1: clone the teacher dinky. Resolves already; the game itself is still to come."""

from __future__ import annotations

from typing import Any

from coglab.games.machina1.config import Machina1Config
from coglab.tools.train import TrainTool
from coglab.training.config import SlicedClonerTeacher, SystemConfig, TrainingEnvConfig


def train(
    seed: int = 1,
    num_agents: int = 4,
    max_steps: int = 10_000,
    policy_architecture: str | dict[str, Any] = "vit",
    initial_policy_uri: str | None = None,
) -> TrainTool:
    r"""Train a policy on machina_1 by cloning `dinky:v15` (not playable yet; `--dry-run` and `--show` work).

        ./tools/run.py recipes.experiment.machina1_cloner.train run=dinky-001 \
            trainer.total_timesteps=20_001_317_888 trainer.batch_size=2097152 --dry-run

    Args:
        seed: of games, maps, sampling and weights.
        num_agents: agents per game.
        max_steps: ticks per episode.
        policy_architecture: `vit`, `fast`, `auto`, or a map with `kind`.
        initial_policy_uri: start from another run's checkpoint, `metta://policy/<run>:latest`.
    """
    return TrainTool(
        training_env=TrainingEnvConfig(
            game=Machina1Config(num_agents=num_agents, max_steps=max_steps)
        ),
        teacher=SlicedClonerTeacher(policy_uri="metta://policy/dinky:v15"),
        policy_architecture=policy_architecture,
        initial_policy_uri=initial_policy_uri,
        system=SystemConfig(seed=seed),
    )
