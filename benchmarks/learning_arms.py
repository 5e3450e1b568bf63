"""The runs of `learning.py`: which settings are compared, with how many seeds and agent steps.

An arm is one setting; its runs differ by the seed alone. Arms of a question are compared with a shared baseline.
"""

from __future__ import annotations

from dataclasses import dataclass

OWN = "metta://policy/cogsguard?gear=10"
SEEDS = (1, 2, 3)
STAGES = ("miner", "aligner", "scrambler", "all")
"""Stages of `cogsguard.curriculum`."""
SHORT = 20_000_000
"""Agent steps of a comparison."""


@dataclass(frozen=True)
class Arm:
    """One setting.

    Attributes:
        name: short name; its runs are called `<name>-s<seed>`.
        question: what it is compared for; the heading of its table.
        words: what the command says besides run, seed and budget.
        steps: agent steps of a run.
        seeds: one run each.
        target: the recipe.
        is_compared: whether it is measured against the baseline.
        baseline: the arm that it is measured against.
        is_extra: only run with `--full`.
    """

    name: str
    question: str
    words: tuple[str, ...]
    steps: int = SHORT
    seeds: tuple[int, ...] = SEEDS
    target: str = "recipes.experiment.cogsguard.train"
    is_compared: bool = True
    baseline: str = "option1"
    is_extra: bool = False

    def run(self, seed: int) -> str:
        """Name of the run with a seed."""
        return f"{self.name}-s{seed}"

    @property
    def prefix(self) -> str:
        """What stands before a setting of a training run: a curriculum keeps them under `base`."""
        return "base." if self.target.endswith("curriculum") else ""

    def stage_runs(self, seed: int) -> list[str]:
        """Names of its ledgers, in order: a curriculum has one per stage."""
        if self.target.endswith("curriculum"):
            return [f"{self.run(seed)}.{number}-{name}" for number, name in enumerate(STAGES, 1)]
        return [self.run(seed)]

    def last_run(self, seed: int) -> str:
        """Name of the run that is evaluated: of a curriculum, its last stage."""
        return self.stage_runs(seed)[-1]

    def command(self, seed: int) -> list[str]:
        """The words after `tools/run.py`."""
        budget = f"trainer.total_timesteps={self.steps}"
        workers = f"{self.prefix}training_env.num_workers=1"
        if any(word.startswith("stages=") for word in self.words):
            budget = ""  # each stage has its own
        elif self.target.endswith("curriculum"):
            role = self.steps * 3 // 20
            budget = f"role_timesteps={role} all_timesteps={self.steps - 3 * role}"
        words = (f"run={self.run(seed)}", f"seed={seed}", workers, *budget.split(), *self.words)
        return [self.target, *words]


def cloner(
    uri: str = OWN, teacher_led: float = 0.5, student_led: float | None = 0.5, more: str = ""
) -> str:
    """The word that names a teacher of mode `sliced_cloner`."""
    student = "" if student_led is None else f", student_led_proportion: {student_led}"
    return (
        f'teacher={{mode: sliced_cloner, policy_uri: "{uri}", '
        f"teacher_led_proportion: {teacher_led}{student}{more}}}"
    )


def fifth_stages() -> str:
    """The word that names the stages of `cogsguard.curriculum` with teachers there for a fifth of each."""
    role = SHORT * 3 // 20
    stages = [(name, f"metta://policy/{name}", role) for name in STAGES[:3]]
    stages.append((STAGES[3], OWN, SHORT - 3 * role))
    texts = (
        f"{{name: {name}, total_timesteps: {steps}, teacher: {{policy_uri: {uri}, "
        f"teacher_led_proportion: 0.5, student_led_proportion: 0.5, steps: {steps // 5}}}}}"
        for name, uri, steps in stages
    )
    return f"stages=[{', '.join(texts)}]"


OPTIONS, LONG_OPTIONS, SHARES, CRITIC, SLICES, AHEAD, NETWORKS, MISSIONS, LONG = (
    "The four options, the teacher there for 4 of 20 million steps",
    "The same, the teacher there for 16",
    "The teacher's share",
    "The critic",
    "What is dealt into slices",
    "Collecting ahead",
    "Architectures",
    "Missions",
    "Long runs",
)

FIFTH = f", steps: {SHORT // 5}"
"""What was the default when most arms were run: labels for a fifth of the run, fewer from the start on."""
BRIEF = cloner(more=", anneal_start_step: 2_400_000, steps: 3_200_000")
"""The teacher of runs that are too short for a fifth of them to teach much."""
STAY_20M = ", anneal_start_step: 12_000_000, steps: 16_000_000"
"""What is the default now, for 20 million steps."""
STAY_15M = ", anneal_start_step: 9_000_000, steps: 12_000_000"
"""The same for 15 million steps."""

ARMS = (
    Arm("option1", OPTIONS, (cloner(more=FIFTH),)),
    Arm("option2", OPTIONS, (cloner("metta://policy/teacher", student_led=None, more=FIFTH),)),
    Arm("option3", OPTIONS, ()),
    Arm("option4", OPTIONS, (fifth_stages(),), target="recipes.experiment.cogsguard.curriculum"),
    Arm("stay-long", LONG_OPTIONS, (cloner(more=STAY_20M),)),
    Arm(
        "labels-only",
        LONG_OPTIONS,
        (cloner(more=STAY_20M).replace("sliced_cloner", "sliced_cloner_no_ppo"),),
        steps=16_000_000,  # until the teacher leaves
        baseline="stay-long",
    ),
    Arm(
        "option2-long",
        LONG_OPTIONS,
        (cloner("metta://policy/teacher", student_led=None, more=STAY_20M),),
        baseline="stay-long",
    ),
    Arm(
        "option4-long",
        LONG_OPTIONS,
        (),
        target="recipes.experiment.cogsguard.curriculum",
        baseline="stay-long",
    ),
    Arm("share-03", SHARES, (cloner(teacher_led=0.3, student_led=0.7, more=FIFTH),)),
    Arm("share-07", SHARES, (cloner(teacher_led=0.7, student_led=0.3, more=FIFTH),)),
    Arm("critic-mse", CRITIC, (cloner(more=FIFTH), "trainer.losses.ppo_critic.critic_update=mse")),
    Arm("slices-env", SLICES, (cloner(more=f"{FIFTH}, slice_unit: env"),)),
    Arm("ahead", AHEAD, (cloner(more=FIFTH), "trainer.collect_ahead=true")),
    Arm(
        "fast-4M", NETWORKS, ("policy_architecture=fast", BRIEF), 4_000_000, (1,), is_compared=False
    ),
    Arm(
        "vit-4M",
        NETWORKS,
        ("policy_architecture={kind: vit, map_memory: true}", BRIEF),
        4_000_000,
        (1,),
        is_compared=False,
    ),
    Arm(
        "fast-15M",
        NETWORKS,
        ("policy_architecture=fast", cloner(more=STAY_15M)),
        15_000_000,
        (1,),
        is_compared=False,
    ),
    Arm(
        "vit-15M",
        NETWORKS,
        ("policy_architecture={kind: vit, map_memory: true}", cloner(more=STAY_15M)),
        15_000_000,
        (1,),
        is_compared=False,
    ),
    Arm(
        "machina1-1000",
        MISSIONS,
        ("mission=machina_1", "num_agents=8", "max_steps=1000", cloner(more=FIFTH)),
        seeds=(1,),
        is_compared=False,
    ),
    Arm(
        "machina1-1000-long",
        MISSIONS,
        ("mission=machina_1", "num_agents=8", "max_steps=1000", cloner(more=STAY_20M)),
        seeds=(1,),
        is_compared=False,
    ),
    Arm(
        "machina1-10000",
        MISSIONS,
        # Few games, so that the teacher is there for more than one whole episode of 10,000 ticks.
        (
            "mission=machina_1",
            "num_agents=8",
            "training_env.num_envs=64",
            cloner(more=", anneal_start_step: 10_000_000, steps: 15_000_000"),
        ),
        steps=25_000_000,
        seeds=(1,),
        is_compared=False,
    ),
    Arm(
        "option1-1e9",
        LONG,
        (cloner(),),
        steps=1_000_000_000,
        seeds=(1,),
        is_compared=False,
        is_extra=True,
    ),
)
