"""Settings of the training loop, its losses and the teacher. Imports neither torch nor numba."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from coglab.config import Config, Count, Number
from coglab.games.cogsguard.config import CogsGuardConfig, MapPoolConfig
from coglab.games.config import GameConfig

Auto = Literal["auto"]


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
    """Agent steps at which both shares reach 0. Left out: a fifth of `trainer.total_timesteps` at the first start."""

    anneal_start_step: Count = Field(0, ge=0)
    """Agent steps up to which both shares stay constant; from there they fall linearly."""


class LossesConfig(Config):
    """The losses, by their fixed names."""

    ppo_actor: PpoActorConfig = PpoActorConfig()
    """The policy gradient."""

    ppo_critic: PpoCriticConfig = PpoCriticConfig()
    """The value function."""

    sliced_scripted_cloner: SlicedScriptedClonerConfig = SlicedScriptedClonerConfig()
    """Cloning."""


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


class TrainerConfig(Config):
    """The training loop."""

    total_timesteps: Count = Field(10_000_000_000, ge=1)
    """Budget in agent steps. Whole batches are trained, so a run overshoots by up to one batch."""

    batch_size: Count | Auto = "auto"
    """Agent steps per iteration, rounded down to whole rows of all parallel agents. `auto`: 2,097,152 on a GPU,
    parallel agents x bptt_horizon on a CPU."""

    minibatch_size: Count | Auto = "auto"
    """Agent steps per gradient step. Must divide `batch_size` and be a multiple of `bptt_horizon`. `auto`: 8,192 on a
    CPU, 65,536 on a GPU, about."""

    bptt_horizon: int | Auto = "auto"
    """Consecutive agent steps per training row. `auto`: 64, or 256 on a GPU."""

    update_epochs: int = Field(1, ge=1, le=32)
    """Passes over each batch."""

    optimizer: OptimizerConfig = OptimizerConfig()
    """The optimiser."""

    advantage: AdvantageConfig = AdvantageConfig()
    """Advantages."""

    losses: LossesConfig = LossesConfig()
    """The losses."""


class TeacherConfig(Config):
    """A teacher in one line.

    Resolves into `trainer.losses.sliced_scripted_cloner` and `training_env.supervisor_policy_uri`.
    """

    mode: Literal["sliced_cloner"] = "sliced_cloner"
    """How the teacher is used."""

    policy_uri: str | None = None
    """Which teacher: `metta://policy/cogsguard?gear=10`, ... Left out: the recipe's, if it has one."""

    teacher_led_proportion: Number | None = Field(None, ge=0, le=1)
    """Share of rows on which the teacher acts. Left out: 0.2."""

    student_led_proportion: Number | None = Field(None, ge=0, le=1)
    """Share of rows on which the student acts and the label is scored. Left out: 0."""

    steps: Count | None = Field(None, ge=0)
    """Length of the teacher phase in agent steps. Left out: a fifth of `trainer.total_timesteps`."""

    anneal_start_step: Count | None = Field(None, ge=0)
    """Agent steps up to which the shares stay constant. Left out: 0."""

    action_loss_coef: Number | None = Field(None, ge=0)
    """Weight of the cross-entropy. Left out: 1."""


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
