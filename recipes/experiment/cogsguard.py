"""CogsGuard: train a policy, with or without a scripted teacher, evaluate policies on held-out maps, and watch them."""

from __future__ import annotations

from typing import Any, Literal

from coglab.config import Count
from coglab.config.layers import given_values
from coglab.evaluation.config import EvaluationConfig
from coglab.games.cogsguard.config import CogsGuardConfig, RewardVariant, RulesVersion
from coglab.tools.curriculum import CurriculumTool, Stage
from coglab.tools.evaluate import EvaluateTool, PolicyUris
from coglab.tools.network import NetworkTool
from coglab.tools.play import PlayTool
from coglab.tools.replay import ReplayTool
from coglab.tools.sweep import SweepTool
from coglab.tools.train import TrainTool
from coglab.training.config import SlicedClonerTeacher, SystemConfig, TrainingEnvConfig


def train(
    mission: str = "arena",
    max_steps: int | None = None,
    seed: int = 1,
    num_agents: int = 10,
    rules: RulesVersion = "2026-02-01",
    reward_variants: tuple[RewardVariant, ...] = (),
    policy_architecture: str | dict[str, Any] = "auto",
    initial_policy_uri: str | None = None,
) -> TrainTool:
    r"""Train a policy on CogsGuard.

        ./tools/run.py recipes.experiment.cogsguard.train run=first \
            'teacher={mode: sliced_cloner, policy_uri: "metta://policy/cogsguard?gear=10",
                      teacher_led_proportion: 0.5, student_led_proportion: 0.5}' \
            trainer.total_timesteps=20_000_000

    Args:
        mission: `arena`, `machina_1`, `tutorial`, or the path of a text map, `FILE.map`.
        max_steps: ticks per episode; left out, the mission's own (arena 1,000).
        seed: of games, maps, sampling and weights.
        num_agents: agents per game.
        rules: `2026-02-01`, the published game, or `2026-01-24`, a week earlier.
        reward_variants: extra rewards, such as `[milestones, credit]`.
        policy_architecture: `auto` (vit on a GPU, fast on a CPU), `fast`, `vit`, or a map with `kind`.
        initial_policy_uri: start from another run's checkpoint, `metta://policy/<run>:latest`.
    """
    game = CogsGuardConfig(
        mission=mission,
        max_steps=max_steps,
        num_agents=num_agents,
        rules=rules,
        reward_variants=reward_variants,
    )
    return TrainTool(
        training_env=TrainingEnvConfig(game=game),
        policy_architecture=policy_architecture,
        initial_policy_uri=initial_policy_uri,
        system=SystemConfig(seed=seed),
    )


def evaluate(
    policy_uris: PolicyUris = (),
    maps: int = 64,
    mission: str = "arena",
    max_steps: int | None = None,
    num_agents: int = 10,
    rules: RulesVersion = "2026-02-01",
    seed: int = 0,
) -> EvaluateTool:
    r"""Play held-out maps of CogsGuard with each policy; print a table with 95 % intervals.

        ./tools/run.py recipes.experiment.cogsguard.evaluate \
            'policy_uris=[metta://policy/first, "metta://policy/cogsguard?gear=10", metta://policy/random]'

    Args:
        policy_uris: the policies: runs (`metta://policy/<run>:latest`), scripted ones, `file://...`.
        maps: held-out maps, one episode each.
        mission: as in `train`.
        max_steps: as in `train`.
        num_agents: as in `train`.
        rules: as in `train`.
        seed: of action sampling and of the games' event order.
    """
    game = CogsGuardConfig(mission=mission, max_steps=max_steps, num_agents=num_agents, rules=rules)
    return EvaluateTool(
        policy_uris=policy_uris,
        game=game,
        evaluation=EvaluationConfig(maps=maps, seed=seed),
    )


def replay(
    policy_uris: PolicyUris = (),
    mission: str = "arena",
    map_seed: int = 1_000_000,
    max_steps: int | None = None,
    num_agents: int = 10,
    rules: RulesVersion = "2026-02-01",
    seed: int = 0,
    teacher_uri: str | None = None,
) -> ReplayTool:
    r"""Record one episode of CogsGuard and write a page that shows it in any browser, without a network.

        ./tools/run.py recipes.experiment.cogsguard.replay policy_uris=metta://policy/first \
            'teacher_uri=metta://policy/cogsguard?gear=10'

    Args:
        policy_uris: who plays: one policy for all agents, or one for each agent.
        mission: as in `train`.
        map_seed: which map; evaluations use 1,000,000 and up.
        max_steps: as in `train`.
        num_agents: as in `train`.
        rules: as in `train`.
        seed: of action sampling and of the game's events.
        teacher_uri: whose labels are shown beside the actions.
    """
    game = CogsGuardConfig(mission=mission, max_steps=max_steps, num_agents=num_agents, rules=rules)
    return ReplayTool(
        policy_uris=policy_uris,
        game=game,
        map_seed=map_seed,
        seed=seed,
        teacher_uri=teacher_uri,
    )


def play(
    policy_uris: PolicyUris = ("metta://policy/cogsguard?gear=10",),
    drive: int | None = 0,
    mission: str = "arena",
    map_seed: int = 1_000_000,
    max_steps: int | None = None,
    num_agents: int = 10,
    rules: RulesVersion = "2026-02-01",
    seed: int = 0,
    serve: bool = False,
) -> PlayTool:
    """Play CogsGuard in the terminal: you drive one agent, policies the others.

        ./tools/run.py recipes.experiment.cogsguard.play policy_uris=metta://policy/first serve=true

    Args:
        policy_uris: who plays the others: one policy for all, or one for each agent.
        drive: the agent that you drive; `null` watches.
        mission: as in `train`.
        map_seed: which map; evaluations use 1,000,000 and up.
        max_steps: as in `train`.
        num_agents: as in `train`.
        rules: as in `train`.
        seed: of action sampling and of the game's events.
        serve: show the running episode in a browser on this machine besides.
    """
    game = CogsGuardConfig(mission=mission, max_steps=max_steps, num_agents=num_agents, rules=rules)
    return PlayTool(
        policy_uris=policy_uris, drive=drive, game=game, map_seed=map_seed, seed=seed, serve=serve
    )


def curriculum(
    roles: tuple[str, ...] = ("miner", "aligner", "scrambler"),
    role_timesteps: Count = 100_000_000,
    all_timesteps: Count = 1_000_000_000,
    mission: str = "arena",
    seed: int = 1,
    num_agents: int = 10,
    policy_architecture: str | dict[str, Any] = "auto",
) -> CurriculumTool:
    r"""Learn the roles one after another from their teachers, then all of them together.

        ./tools/run.py recipes.experiment.cogsguard.curriculum run=roles \
            role_timesteps=20_000_000 all_timesteps=60_000_000

    Stages of your own: `stages=[{name: miner, total_timesteps: 1e7, teacher: {policy_uri: metta://policy/miner}}, ...]`.

    Args:
        roles: teachers of the first stages, one after another.
        role_timesteps: budget of each of them, in agent steps.
        all_timesteps: budget of the last stage, whose teacher chooses roles by itself.
        mission: as in `train`.
        seed: as in `train`.
        num_agents: as in `train`.
        policy_architecture: as in `train`.
    """

    def stage(name: str, uri: str, steps: int) -> Stage:
        teacher = SlicedClonerTeacher(
            policy_uri=uri, teacher_led_proportion=0.5, student_led_proportion=0.5
        )
        return Stage(name=name, total_timesteps=steps, teacher=teacher)

    last = f"metta://policy/cogsguard?gear={num_agents}"
    return CurriculumTool(
        stages=(
            *(stage(role, f"metta://policy/{role}", role_timesteps) for role in roles),
            stage("all", last, all_timesteps),
        ),
        base=train(mission, None, seed, num_agents, policy_architecture=policy_architecture),
    )


def sweep(
    example: Literal["teacher_share", "teacher_share_student_0.3"] | None = None,
    total_timesteps: Count = 20_000_000,
    mission: str = "arena",
    max_steps: int | None = None,
    num_agents: int = 10,
    policy_architecture: str | dict[str, Any] = "auto",
) -> SweepTool:
    r"""Train with different settings and compare: a grid, random points, or what one of Optuna's samplers proposes.

        ./tools/run.py recipes.experiment.cogsguard.sweep run=share example=teacher_share
        ./tools/run.py recipes.experiment.cogsguard.sweep run=rates sampler=tpe trials=30 \
            'space={trainer.optimizer.learning_rate: {low: 1e-4, high: 1e-2, log: true}}' \
            'prune={at: [2e6, 6e6]}'

    The same command in a second terminal works on the same sweep; after a stop it goes on.

    Args:
        example: a sweep that is ready to run. `teacher_share`: the teacher leads 0.3, 0.5 or 0.7 of the rows, the student
            the rest. `teacher_share_student_0.3`: the student always leads 0.3, PPO has the rest.
        total_timesteps: budget of every trial, in agent steps.
        mission: as in `train`.
        max_steps: as in `train`.
        num_agents: as in `train`.
        policy_architecture: as in `train`.
    """
    base = train(mission, max_steps, 1, num_agents, policy_architecture=policy_architecture)
    given = {**given_values(base), "trainer": {"total_timesteps": total_timesteps}}
    if example is None:
        return SweepTool(base=TrainTool(**given))
    teacher = SlicedClonerTeacher(policy_uri=f"metta://policy/cogsguard?gear={num_agents}")
    share = "teacher.teacher_led_proportion"
    rest = {"teacher.student_led_proportion": f"1 - {share}"}
    if example == "teacher_share_student_0.3":
        rest = {}
        teacher = SlicedClonerTeacher(policy_uri=teacher.policy_uri, student_led_proportion=0.3)
    return SweepTool(
        space={share: [0.3, 0.5, 0.7]}, ties=rest, base=TrainTool(**given, teacher=teacher)
    )


def network(policy_architecture: str | dict[str, Any] = "auto") -> NetworkTool:
    r"""Print what a network is made of: components, shapes, parameters, FLOPs per agent-step.

        ./tools/run.py recipes.experiment.cogsguard.network 'policy_architecture={kind: vit, size: full}'

    Args:
        policy_architecture: as in `train`.
    """
    return NetworkTool(policy_architecture=policy_architecture)
