"""machina_1: clone the teacher dinky and improve on it with PPO, evaluate policies on held-out maps, and watch them."""

from __future__ import annotations

from typing import Any

from coglab.config import Count
from coglab.evaluation.config import EvaluationConfig
from coglab.games.machina1.config import Machina1Config, RewardVariant
from coglab.tools.evaluate import EvaluateTool, PolicyUris
from coglab.tools.network import NetworkTool
from coglab.tools.play import PlayTool
from coglab.tools.replay import ReplayTool
from coglab.tools.runs import AnalyzeTool
from coglab.tools.train import TrainTool
from coglab.training.config import (
    AdvantageConfig,
    LossesConfig,
    SlicedClonerTeacher,
    SlicedScriptedClonerConfig,
    SystemConfig,
    TrainerConfig,
    TrainingEnvConfig,
)

DINKY = "metta://policy/dinky:v15"


def train(
    seed: int = 1,
    num_agents: int = 4,
    max_steps: Count = 10_000,
    vibes: int = 152,
    reward: RewardVariant = "heart_chorus",
    policy_architecture: str | dict[str, Any] = "vit",
    initial_policy_uri: str | None = None,
) -> TrainTool:
    r"""Train a policy on machina_1 by cloning `dinky:v15`: cloning, then a linear anneal, PPO throughout.

        ./tools/run.py recipes.experiment.machina1_cloner.train run=dinky-001 \
            'teacher={mode: sliced_cloner, policy_uri: "metta://policy/dinky:v15",
                      teacher_led_proportion: 0.5, student_led_proportion: 0.5}' \
            policy_architecture=fast max_steps=4000 vibes=13 training_env.num_envs=128 trainer.total_timesteps=12_000_000

    The shares stay as they are for a quarter of the budget and fall to 0 by 55 % of it; `teacher.steps` and
    `teacher.anneal_start_step` set other lengths.

    Args:
        seed: of games, maps, sampling and weights.
        num_agents: agents per game.
        max_steps: ticks per episode. Maps are empty after about 4,000: shorter episodes teach more per step.
        vibes: 152 as published (157 actions), or 13, those that do anything (18 actions), which learns sooner.
        reward: `heart_chorus`: a heart made pays everyone; `base`: only hearts put into the chest pay.
        policy_architecture: `vit`, `fast`, `auto`, or a map with `kind`.
        initial_policy_uri: start from another run's checkpoint, `metta://policy/<run>:latest`.
    """
    game = Machina1Config(num_agents=num_agents, max_steps=max_steps, vibes=vibes, reward=reward)
    return TrainTool(
        training_env=TrainingEnvConfig(game=game),
        trainer=TrainerConfig(
            # A heart pays 1 to everyone, about once in 60 ticks while the map lasts; a load takes some 200 ticks.
            advantage=AdvantageConfig(reward_scale=5.0, gamma=0.998),
            losses=LossesConfig(
                sliced_scripted_cloner=SlicedScriptedClonerConfig(
                    default_phase=0.55, default_hold=0.25
                )
            ),
        ),
        teacher=SlicedClonerTeacher(
            policy_uri=DINKY, teacher_led_proportion=0.0, student_led_proportion=1.0
        ),
        policy_architecture=policy_architecture,
        initial_policy_uri=initial_policy_uri,
        system=SystemConfig(seed=seed),
    )


def evaluate(
    policy_uris: PolicyUris = (),
    maps: int = 64,
    max_steps: Count = 10_000,
    num_agents: int = 4,
    vibes: int = 152,
    seed: int = 0,
) -> EvaluateTool:
    r"""Play held-out maps of machina_1 with each policy; print a table with 95 % intervals.

        ./tools/run.py recipes.experiment.machina1_cloner.evaluate \
            'policy_uris=["metta://policy/dinky:v15", "metta://policy/dinky:v15?style=quartet"]'

    Args:
        policy_uris: the policies: runs (`metta://policy/<run>:latest`), scripted ones, `file://...`.
        maps: held-out maps, one episode each.
        max_steps: as in `train`.
        num_agents: as in `train`.
        vibes: as in `train`; a learned policy plays the form that it was trained in.
        seed: of action sampling and of the games' turns.
    """
    return EvaluateTool(
        policy_uris=policy_uris,
        game=Machina1Config(num_agents=num_agents, max_steps=max_steps, vibes=vibes),
        evaluation=EvaluationConfig(maps=maps, seed=seed),
    )


def replay(
    policy_uris: PolicyUris = (),
    map_seed: int = 1_000_000,
    max_steps: Count = 10_000,
    num_agents: int = 4,
    vibes: int = 152,
    seed: int = 0,
    teacher_uri: str | None = None,
) -> ReplayTool:
    r"""Record one episode of machina_1 and write a page that shows it in any browser, without a network.

        ./tools/run.py recipes.experiment.machina1_cloner.replay policy_uris=metta://policy/dinky:v15

    Args:
        policy_uris: who plays: one policy for all agents, or one for each agent.
        map_seed: which map; evaluations use 1,000,000 and up.
        max_steps: as in `train`.
        num_agents: as in `train`.
        vibes: as in `train`.
        seed: of action sampling and of the game's turns.
        teacher_uri: whose labels are shown beside the actions.
    """
    return ReplayTool(
        policy_uris=policy_uris,
        game=Machina1Config(num_agents=num_agents, max_steps=max_steps, vibes=vibes),
        map_seed=map_seed,
        seed=seed,
        teacher_uri=teacher_uri,
    )


def play(
    policy_uris: PolicyUris = (DINKY,),
    drive: int | None = 0,
    map_seed: int = 1_000_000,
    max_steps: Count = 10_000,
    num_agents: int = 4,
    seed: int = 0,
    serve: bool = False,
) -> PlayTool:
    """Play machina_1 in the terminal: you drive one agent, policies the others.

        ./tools/run.py recipes.experiment.machina1_cloner.play

    Args:
        policy_uris: who plays the others: one policy for all, or one for each agent.
        drive: the agent that you drive; `null` watches.
        map_seed: which map; evaluations use 1,000,000 and up.
        max_steps: as in `train`.
        num_agents: as in `train`.
        seed: of action sampling and of the game's turns.
        serve: show the running episode in a browser on this machine besides.
    """
    return PlayTool(
        policy_uris=policy_uris,
        drive=drive,
        game=Machina1Config(num_agents=num_agents, max_steps=max_steps),
        map_seed=map_seed,
        seed=seed,
        serve=serve,
    )


def network(policy_architecture: str | dict[str, Any] = "vit", vibes: int = 152) -> NetworkTool:
    r"""Print what a network for machina_1 is made of: components, shapes, parameters, FLOPs per agent-step.

        ./tools/run.py recipes.experiment.machina1_cloner.network policy_architecture=fast vibes=13

    Args:
        policy_architecture: as in `train`.
        vibes: as in `train`.
    """
    return NetworkTool(policy_architecture=policy_architecture, game=Machina1Config(vibes=vibes))


def report(
    prefix: str | None = None, metric: str = "heart.gained", out: str = "./report"
) -> AnalyzeTool:
    """Rank the runs of this recipe, find what goes with the score, and say what to run next; writes a report.

        ./tools/run.py recipes.experiment.machina1_cloner.report prefix=dinky

    Args:
        prefix: names that begin with this.
        metric: the metric, its full name or what follows the last `/`.
        out: folder of the report.
    """
    return AnalyzeTool(recipe="machina1_cloner.train", prefix=prefix, metric=metric, out=out)
