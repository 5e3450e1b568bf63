"""Settings of the training loop, its losses and the teacher. Imports neither torch nor numba."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from coglab.config import Config, Count, Number
from coglab.games.cogsguard.config import CogsGuardConfig, MapPoolConfig
from coglab.games.config import GameConfig

Auto = Literal["auto"]
SliceUnit = Literal["agent", "env"]


class PpoActorConfig(Config):
    """The clipped policy-gradient loss."""

    enabled: bool = True
    """Whether the loss is used."""

    ent_coef: Number = Field(0.01, ge=0)
    """Weight of the entropy bonus. Typical 0.001 to 0.05; higher keeps play more random."""

    ent_coef_after_teacher: Number = Field(0.0, ge=0)
    """The same once a run's teacher has left (mixed with `ent_coef` as its share falls; runs without a teacher keep
    `ent_coef`). A clone needs no pull towards random play, and the pull is stronger than this game's faint reward."""

    coef_with_teacher: Number = Field(0.1, ge=0)
    """Weight of the policy gradient while a run's teacher still labels rows; 1 afterwards and in runs without one. Its
    noise disturbs a clone that is being made, and the value function needs time first (docs/log.md)."""

    norm_adv: bool = True
    """Normalise advantages to mean 0 and standard deviation 1 over the minibatch rows that the loss uses."""

    clip_coef: Number = Field(0.22, gt=0, lt=1)
    """Clip range of the probability ratio. Typical 0.1 to 0.3."""

    target_kl: Number | None = Field(None, gt=0)
    """Stop the update early once the mean `losses/approx_kl` exceeds this. Left out: never."""

    restrict_to_ppo_slice: bool = False
    """Act only on rows outside the teacher-led and student-led slices, instead of on all student-acted rows."""


class PpoCriticConfig(Config):
    """The value loss."""

    enabled: bool = True
    """Whether the loss is used."""

    vf_coef: Number = Field(0.5, ge=0)
    """Weight of the value loss."""

    critic_update: Literal["mse", "gtd_lambda"] = "gtd_lambda"
    """`mse`: squared error to the V-trace/GAE return. `gtd_lambda`: TDRC(lambda) with the extra head `gtd_aux`."""

    clip_vloss: bool = True
    """mse only: clip the value change as PPO clips the policy change."""

    vf_clip_coef: Number = Field(0.1, gt=0)
    """mse only: the range of `clip_vloss`, in units of the return."""

    aux_coef: Number = Field(1.0, ge=0)
    """gtd_lambda only: weight of the auxiliary head's loss."""

    beta: Number = Field(1.0, ge=0)
    """gtd_lambda only: strength of the auxiliary head's regulariser (full squared norm)."""


TEACHER_PHASE = 0.2
"""Share of `trainer.total_timesteps` that a teacher stays where its `steps` were left out."""

FEWEST_LABELLED = 40_000_000
"""Agent steps that a cloner stays at least, up to `LONGEST_PHASE` of a run: labelled for 4 of 20 million steps, students
reached nine tenths of their teacher; for 16 million, all of it and more (docs/16-january-plan.md)."""

LONGEST_PHASE = 0.8
"""Share of a short run that a cloner stays at most."""

HOLD = 0.75
"""Share of such a lengthened stay up to which its shares stay constant."""


class SlicedScriptedClonerConfig(Config):
    """Cross-entropy on the teacher's label, on teacher-led and student-led rows."""

    enabled: bool = False
    """Whether the loss is used. `teacher={...}` turns it on."""

    action_loss_coef: Number = Field(1.0, ge=0)
    """Weight of the cross-entropy. The denominator is all rows, so the slices' share is part of the weight."""

    student_led_proportion: Number = Field(0.0, ge=0, le=1)
    """Share of rows on which the student acts and the teacher's label is scored, at the start."""

    teacher_led_proportion: Number = Field(0.2, ge=0, le=1)
    """Share of rows on which the teacher acts and its label is scored, at the start."""

    steps: Count | None = Field(None, ge=0)
    """Agent steps at which both shares reach 0. Left out, it is settled at the first start: `default_phase` of
    `trainer.total_timesteps`, but at least 40 million steps, or four fifths of a run that is too short for those."""

    anneal_start_step: Count = Field(0, ge=0)
    """Agent steps up to which both shares stay constant; from there they fall linearly."""

    default_phase: Number = Field(TEACHER_PHASE, gt=0, le=1)
    """Share of `trainer.total_timesteps` that `steps` becomes at least where it is left out."""

    default_hold: Number = Field(0.0, ge=0, le=1)
    """Share of `trainer.total_timesteps` that `anneal_start_step` becomes where `steps` is left out; three quarters of
    `steps` where those were lengthened."""

    anneal: bool = True
    """Off: the shares stay as they are, up to `steps` if it is given, else for the whole run."""

    slice_unit: SliceUnit = "agent"
    """What is drawn into a slice: single agents, or whole games (`env`), so that a team is led by one."""


class KickstarterConfig(Config):
    """Distillation of a learned teacher: divergence from its probabilities and difference from its values."""

    enabled: bool = False
    """Whether the loss is used. `teacher={mode: kickstarter, ...}` turns it on."""

    action_loss_coef: Number = Field(0.6, ge=0)
    """Weight of KL(student || teacher). Constant over the first half of the teacher phase, then falling to 0."""

    value_loss_coef: Number = Field(1.0, ge=0)
    """Weight of the squared difference of the values; falls likewise. Set it to 0 if the teacher was trained with
    another `gamma` or `reward_scale`: its values then mean something else."""

    temperature: Number = Field(2.0, gt=0)
    """Both policies' logits are divided by this in the divergence, which is multiplied by its square."""

    teacher_led_proportion: Number = Field(0.0, ge=0, le=1)
    """Share of rows on which the teacher acts at the start; falls to 0 at `steps`. On the others the student acts."""

    steps: Count | None = Field(None, ge=0)
    """Length of the teacher phase in agent steps. Left out: a fifth of `trainer.total_timesteps` at the first start."""

    slice_unit: SliceUnit = "agent"
    """As in `sliced_scripted_cloner`."""


class EerKickstarterConfig(Config):
    """Expected-entropy regularised distillation of a learned teacher; the student always acts."""

    enabled: bool = False
    """Whether the loss is used. `teacher={mode: eer_kickstarter, ...}` turns it on."""

    action_loss_coef: Number = Field(0.6, ge=0)
    """Weight of the cross-entropy between student and teacher; constant, then falling as in `kickstarter`."""

    value_loss_coef: Number = Field(1.0, ge=0)
    """As in `kickstarter`."""

    reward_coef: Number = Field(1e-4, ge=0)
    """Added to each reward: this times the teacher's log-probability of the student's action. In the game's unit of
    reward, and `reward_scale` applies to it as well. A good teacher earns about 5e-4 per tick and disagreement costs a few
    nats, so 2.5e-4 already is as much as can be earned; ten times that drowns the reward (docs/losses/eer_cloner.md)."""

    steps: Count | None = Field(None, ge=0)
    """As in `kickstarter`."""


class EerClonerConfig(Config):
    """The same idea for a scripted teacher, whose choice has probability 1."""

    enabled: bool = False
    """Whether the loss is used. `teacher={mode: eer_cloner, ...}` turns it on."""

    action_loss_coef: Number = Field(1.0, ge=0)
    """Weight of the cross-entropy on the label; constant, then falling as in `kickstarter`."""

    reward_coef: Number = Field(1e-4, ge=0)
    """As in `eer_kickstarter`; the log-probability is 0 where the student does what the teacher calls right."""

    prob_floor: Number = Field(0.01, gt=0, lt=1)
    """Probability that stands for every other action."""

    steps: Count | None = Field(None, ge=0)
    """As in `kickstarter`."""


class LossesConfig(Config):
    """The losses, by their fixed names."""

    ppo_actor: PpoActorConfig = PpoActorConfig()
    """The policy gradient."""

    ppo_critic: PpoCriticConfig = PpoCriticConfig()
    """The value function."""

    sliced_scripted_cloner: SlicedScriptedClonerConfig = SlicedScriptedClonerConfig()
    """Cloning."""

    kickstarter: KickstarterConfig = KickstarterConfig()
    """Distillation of a learned teacher."""

    eer_kickstarter: EerKickstarterConfig = EerKickstarterConfig()
    """Distillation of a learned teacher that also shapes rewards."""

    eer_cloner: EerClonerConfig = EerClonerConfig()
    """Cloning that also shapes rewards."""

    @property
    def teacher_loss(self) -> str | None:
        """Name of the enabled loss that needs a teacher; None if the run has none."""
        return next((name for name in TEACHER_LOSSES if getattr(self, name).enabled), None)

    @property
    def has_ppo(self) -> bool:
        """Whether anything is learnt from rewards."""
        return self.ppo_actor.enabled or self.ppo_critic.enabled


class OptimizerConfig(Config):
    """AdamW and its schedule."""

    type: Literal["adamw"] = "adamw"
    """The optimiser."""

    learning_rate: Number = Field(1e-3, gt=0)
    """Peak step size: while a teacher labels, or, in runs without one, throughout."""

    learning_rate_after_teacher: Number = Field(3e-5, gt=0)
    """Peak step size once a run's teacher has left; in between the two are mixed as the teacher's share falls. AdamW
    makes steps of about this size whatever the gradient's size, and the reward's gradient is far noisier than that of
    labels: with the cloning rate, PPO undoes the clone (docs/log.md)."""

    critic_learning_rate: Number = Field(1e-3, gt=0)
    """Peak step size of the layers that serve values alone (`critic`, `team_critic`, `gtd_aux`); the teacher's leaving
    does not change it. A value that lags behind the policy teaches it to exploit the lag."""

    final_fraction: Number = Field(0.1, ge=0, le=1)
    """Learning rate at `total_timesteps` as a fraction of the peak; falls linearly from the end of the warm-up."""

    warmup_steps: int = Field(20, ge=0)
    """Gradient steps over which the learning rate rises linearly."""

    beta1: Number = Field(0.9, ge=0, lt=1)
    """Decay of the gradient mean."""

    beta2: Number = Field(0.99, ge=0, lt=1)
    """Decay of the squared-gradient mean."""

    eps: Number = Field(1e-6, gt=0)
    """Denominator offset."""

    weight_decay: Number = Field(0.0, ge=0)
    """Decoupled weight decay."""

    averaging: Number = Field(0.0, ge=0, lt=1)
    """Checkpoints hold a running mean of the weights over gradient steps with this decay; training itself goes on with the
    newest ones. 0: no averaging. Typical 0.99 to 0.999, a memory of about 1 / (1 - it) steps."""

    max_grad_norm: Number = Field(0.5, gt=0)
    """Gradients are scaled down to this global norm."""


class RewardCenteringConfig(Config):
    """Subtract a running mean of the reward per agent slot."""

    enabled: bool = False
    """Whether rewards are centred."""

    beta: Number = Field(1e-3, gt=0, le=1)
    """Step of the running mean."""


class AdvantageConfig(Config):
    """Advantages and returns."""

    gamma: Number = Field(0.995, gt=0, le=1)
    """Discount per tick."""

    gae_lambda: Number = Field(0.99, ge=0, le=1)
    """Trace decay. Higher trusts rewards more and values less: with gamma 0.995 a reward counts for about 70 ticks
    back, about as long as it takes to carry a heart to a junction. Typical 0.95 to 0.99."""

    vtrace_rho_clip: Number = Field(1.0, gt=0)
    """Upper bound of the importance weight on the temporal difference."""

    vtrace_c_clip: Number = Field(1.0, gt=0)
    """Upper bound of the importance weight on the trace."""

    reward_scale: Number = Field(100.0, gt=0)
    """Rewards are multiplied by this before advantages and values; logged rewards are not."""

    reward_centering: RewardCenteringConfig = RewardCenteringConfig()
    """Reward centring."""


Schedulable = Literal[
    "losses.ppo_actor.ent_coef",
    "losses.ppo_actor.ent_coef_after_teacher",
    "losses.ppo_actor.coef_with_teacher",
    "losses.ppo_actor.clip_coef",
    "losses.ppo_critic.vf_coef",
    "losses.ppo_critic.aux_coef",
    "losses.sliced_scripted_cloner.action_loss_coef",
    "losses.kickstarter.action_loss_coef",
    "losses.kickstarter.value_loss_coef",
    "losses.eer_kickstarter.action_loss_coef",
    "losses.eer_kickstarter.value_loss_coef",
    "losses.eer_kickstarter.reward_coef",
    "losses.eer_cloner.action_loss_coef",
    "losses.eer_cloner.reward_coef",
    "optimizer.learning_rate",
    "optimizer.learning_rate_after_teacher",
    "optimizer.critic_learning_rate",
]


class ScheduleConfig(Config):
    """A value that moves between two steps; before the first it is `start`, after the second `end`."""

    value: Schedulable
    """Which setting below `trainer`. Whatever else changes it (the teacher's leaving, the rates' own fall) still does."""

    start: Number = Field(ge=0)
    """Value up to `start_step`."""

    end: Number = Field(ge=0)
    """Value from `end_step` on."""

    start_step: Count = Field(0, ge=0)
    """Agent step at which it begins to move."""

    end_step: Count = Field(ge=0)
    """Agent step at which it arrives."""

    shape: Literal["linear", "cosine"] = "linear"
    """The way between: a straight line, or half a cosine, slow at both ends."""


class KlGuardConfig(Config):
    """What happens when updates move the policy too far for too long."""

    target: Number = Field(0.03, gt=0)
    """`losses/approx_kl` should be below this."""

    patience: int = Field(10, ge=1)
    """Iterations in a row that must be above."""

    while_taught: bool = False
    """Count iterations in which a teacher labels too. Off: imitation moves the policy on purpose, and far at first."""

    action: Literal["warn", "lower_learning_rate", "stop"] = "warn"
    """`warn`: a line on the terminal and an alert in W&B, once until it is calm again. `lower_learning_rate`: besides, the
    policy's step size is multiplied by `factor`, every `patience` iterations. `stop`: the run fails; its last checkpoint
    is kept."""

    factor: Number = Field(0.5, gt=0, lt=1)
    """See `action`."""


class TrainerConfig(Config):
    """The training loop."""

    total_timesteps: Count = Field(10_000_000_000, ge=1)
    """Budget in agent steps. Whole batches are trained, so a run overshoots by up to one batch."""

    batch_size: Count | Auto = "auto"
    """Agent steps per iteration, rounded down to whole rows of all parallel agents. `auto`: 2,097,152 on a GPU,
    parallel agents x bptt_horizon on a CPU."""

    minibatch_size: Count | Auto = "auto"
    """Agent steps per gradient step. Must divide `batch_size` and be a multiple of `bptt_horizon`. `auto`: about
    65,536 on a GPU; 1,024 on a CPU, more where that would be over 80 minibatches per batch."""

    bptt_horizon: int | Auto = "auto"
    """Consecutive agent steps per training row. `auto`: 64, or 256 on a GPU."""

    update_epochs: int = Field(1, ge=1, le=32)
    """Passes over each batch."""

    collect_ahead: bool | Auto = "auto"
    """Collect the next batch while one is learnt from (on a CPU). With two threads and `fast` a third faster; each batch
    is then played by weights that are one iteration old, which the ratios of PPO and V-trace account for. `auto`: with
    `fast` and more than one thread."""

    optimizer: OptimizerConfig = OptimizerConfig()
    """The optimiser."""

    advantage: AdvantageConfig = AdvantageConfig()
    """Advantages."""

    losses: LossesConfig = LossesConfig()
    """The losses."""

    schedules: tuple[ScheduleConfig, ...] = ()
    """Settings that move with the step: `[{value: losses.ppo_actor.ent_coef, start: 0.01, end: 0.001, end_step: 1e9}]`.
    Takes the place of the setting's own value."""

    kl_guard: KlGuardConfig = KlGuardConfig()
    """What happens when updates move the policy too far for too long."""


class _Teacher(Config):
    """What every mode has."""

    policy_uri: str | None = None
    """Which teacher: `metta://policy/cogsguard?gear=10`, ... Left out: the recipe's, if it has one."""

    steps: Count | None = Field(None, ge=0)
    """Length of the teacher phase in agent steps. Left out: a fifth of `trainer.total_timesteps`; in the modes
    without PPO, the whole run."""

    action_loss_coef: Number | None = Field(None, ge=0)
    """Weight of imitation. Left out: 1, or 0.6 in the kickstarter modes."""


class _SlicedTeacher(_Teacher):
    """What the modes with three slices have."""

    teacher_led_proportion: Number | None = Field(None, ge=0, le=1)
    """Share of rows on which the teacher acts. Left out: 0.2."""

    student_led_proportion: Number | None = Field(None, ge=0, le=1)
    """Share of rows on which the student acts and the label is scored. Left out: 0."""

    anneal_start_step: Count | None = Field(None, ge=0)
    """Agent steps up to which the shares stay constant. Left out: 0."""

    slice_unit: SliceUnit | None = None
    """What is drawn into a slice: single agents, or whole games (`env`). Left out: `agent`."""


class SlicedClonerTeacher(_SlicedTeacher):
    """Clone on two slices of the rows, learn from rewards on all that the student acts on; the slices shrink."""

    mode: Literal["sliced_cloner"] = "sliced_cloner"
    """How the teacher is used."""


class SlicedClonerNoPpoTeacher(_SlicedTeacher):
    """The same without PPO: only labels teach."""

    mode: Literal["sliced_cloner_no_ppo"] = "sliced_cloner_no_ppo"
    """How the teacher is used."""


class SupervisorTeacher(_Teacher):
    """Pure cloning on every row for the whole run; shares do not change."""

    mode: Literal["supervisor"] = "supervisor"
    """How the teacher is used."""

    teacher_led_proportion: Number = Field(0.2, ge=0, le=1)
    """Share of rows on which the teacher acts. On all others the student acts and the label is scored."""

    slice_unit: SliceUnit | None = None
    """What the teacher leads: single agents, or whole games (`env`). Left out: `agent`."""


class KickstarterTeacher(_Teacher):
    """Distil a learned teacher while PPO runs."""

    mode: Literal["kickstarter"] = "kickstarter"
    """How the teacher is used."""

    teacher_led_proportion: Number | None = Field(None, ge=0, le=1)
    """Share of rows on which the teacher acts at the start. Left out: 0."""

    value_loss_coef: Number | None = Field(None, ge=0)
    """Weight of the difference of the values. Left out: 1."""

    temperature: Number | None = Field(None, gt=0)
    """Temperature of the divergence. Left out: 2."""

    slice_unit: SliceUnit | None = None
    """What the teacher leads: single agents, or whole games (`env`). Left out: `agent`."""


class EerKickstarterTeacher(_Teacher):
    """Distil a learned teacher by cross-entropy and by rewards for what it would have done; the student acts."""

    mode: Literal["eer_kickstarter"] = "eer_kickstarter"
    """How the teacher is used."""

    value_loss_coef: Number | None = Field(None, ge=0)
    """Weight of the difference of the values. Left out: 1."""

    reward_coef: Number | None = Field(None, ge=0)
    """Weight of the shaped reward. Left out: 1e-4."""


class EerClonerTeacher(_Teacher):
    """Clone a scripted teacher, and reward agreement with it; the student acts."""

    mode: Literal["eer_cloner"] = "eer_cloner"
    """How the teacher is used."""

    reward_coef: Number | None = Field(None, ge=0)
    """Weight of the shaped reward. Left out: 1e-4."""

    prob_floor: Number | None = Field(None, gt=0, lt=1)
    """Probability that stands for actions that the teacher would not take. Left out: 0.01."""


def _with_mode(value: Any) -> Any:
    """A map without `mode` means the first one."""
    return {"mode": "sliced_cloner", **value} if isinstance(value, dict) else value


TeacherConfig = Annotated[
    SlicedClonerTeacher
    | SlicedClonerNoPpoTeacher
    | SupervisorTeacher
    | KickstarterTeacher
    | EerKickstarterTeacher
    | EerClonerTeacher,
    Field(discriminator="mode"),
    BeforeValidator(_with_mode),
]
"""A teacher in one line; resolves into `trainer.losses.*` and `training_env.supervisor_policy_uri`."""

TEACHER_LOSSES = ("sliced_scripted_cloner", "kickstarter", "eer_kickstarter", "eer_cloner")
"""Losses that need a teacher; a run uses at most one of them."""

LEARNED_TEACHER_LOSSES = ("kickstarter", "eer_kickstarter")
"""Losses that need a teacher with probabilities and values."""


class TrainingEnvConfig(Config):
    """The parallel games that are trained on."""

    game: GameConfig = CogsGuardConfig()
    """Which game."""

    num_envs: int | Auto = Field("auto")
    """Parallel games. `auto`: by hardware, printed at start."""

    num_workers: int | Auto = Field("auto")
    """Threads that simulate and learn, each with its own games. `auto`: one per core on a CPU."""

    map_pool: MapPoolConfig = MapPoolConfig()
    """The maps."""

    supervisor_policy_uri: str | None = None
    """The teacher that labels. `teacher={policy_uri: ...}` sets it."""

    exact_order: bool = False
    """Draw events and turns from the reference engine's own random streams, as evaluations always do. Off: a cheaper
    generator with the same distributions, 1.1 times as fast with thousands of games."""

    desynchronize: bool = True
    """Cut the first episode of every game at a random tick, so that episodes do not end together."""


class SystemConfig(Config):
    """Device, precision and seeds."""

    seed: int = Field(1, ge=0, lt=1_000_000)
    """Seed of games, maps, sampling and weights."""

    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where the network runs."""

    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """`auto`: bfloat16 autocast on GPUs that have it, float32 elsewhere."""

    matmul_precision: Literal["auto", "highest", "high", "medium"] = "auto"
    """Factors of float32 matrix products while training, in PyTorch's words: `highest` float32, `high` TensorFloat32,
    `medium` bfloat16 (sums stay float32). `auto`: `medium` on CPUs with instructions for bfloat16, `highest` elsewhere."""
