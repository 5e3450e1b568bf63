"""The tool `train`: every setting of a training run, and how it is resolved. The work is in `train_run.py`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

from pydantic import Field

from coglab.config import UserError
from coglab.config.layers import KeyPath, given_values, merge
from coglab.config.values import Tree
from coglab.evaluation.config import EvaluatorConfig
from coglab.models.config import ArchitectureConfig, AutoConfig, resolve_architecture
from coglab.policies.config import CheckpointerConfig
from coglab.tools import references
from coglab.tools.base import Tool
from coglab.tools.hardware import count_gpus, has_nvidia_driver
from coglab.tools.invocation import current_invocation
from coglab.tools.run_names import check_run_name, default_run_name
from coglab.tools.teacher_spelling import (
    LOSSES,
    PLACES,
    check_rest_is_taught,
    check_teacher_plan,
    describe_teacher_plan,
    spell_out_teacher,
)
from coglab.tracking.config import DisplayConfig, Wandb, WandbConfig
from coglab.training.config import (
    FEWEST_LABELLED,
    HOLD,
    LONGEST_PHASE,
    TEACHER_PHASE,
    SlicedScriptedClonerConfig,
    SystemConfig,
    TeacherConfig,
    TrainerConfig,
    TrainingEnvConfig,
)
from coglab.training.schedules import check_schedules


class TrainTool(Tool):
    """Train a policy, evaluate it, and say what to do next."""

    SPELLINGS: ClassVar[Mapping[KeyPath, KeyPath]] = {
        ("teacher", key): path for key, path in PLACES.items()
    }

    run_name: str | None = Field(None, alias="run")
    """Name of the run: its folder below `train_dir`, its W&B id, and `metta://policy/<run>`. The same name again
    resumes the run. Left out: `local.<user>.<date>.<time>`."""

    train_dir: str = "./train_dir"
    """Folder of all runs. A run writes only below `train_dir/<run>/`."""

    trainer: TrainerConfig = TrainerConfig()
    """The training loop: budget, batches, losses, optimiser."""

    training_env: TrainingEnvConfig = TrainingEnvConfig()
    """The parallel games, and the teacher that labels them."""

    teacher: TeacherConfig | None = None
    """The teacher in one line. Resolves into `trainer.losses.*` (see its mode) and
    `training_env.supervisor_policy_uri`; `null` turns a recipe's teacher off."""

    policy_architecture: ArchitectureConfig = AutoConfig()
    """The network: `auto`, `fast`, `vit`, or a map such as `{kind: fast, table_width: 256}`."""

    initial_policy_uri: str | None = None
    """Start from the weights of another run's checkpoint: `metta://policy/<run>:latest`, `file://...`."""

    evaluator: EvaluatorConfig = EvaluatorConfig()
    """The comparison at the end."""

    checkpointer: CheckpointerConfig = CheckpointerConfig()
    """When checkpoints are written and how many are kept."""

    wandb: Wandb = WandbConfig()
    """Weights & Biases."""

    display: DisplayConfig = DisplayConfig()
    """What the terminal shows."""

    system: SystemConfig = SystemConfig()
    """Device, precision and seed."""

    @classmethod
    def canonical(cls, tree: Mapping[str, Tree]) -> dict[str, Tree]:
        """Spell `teacher` out; see `Tool.canonical`."""
        return spell_out_teacher(tree)

    def resolve(self) -> Self:
        """Spell the teacher out, name the run, and give the teacher phase its length; see `Tool.resolve`."""
        given = given_values(self)
        if self.teacher is None:
            given.pop("teacher", None)
        tree = self.canonical(given)
        if self.run_name is None:
            tree["run"] = default_run_name()
        tool = self._checked(tree)
        losses, total = tool.trainer.losses, tool.trainer.total_timesteps
        used = losses.teacher_loss
        if used is None or getattr(losses, used).steps is not None:
            return tool
        if not getattr(getattr(losses, used), "anneal", True):
            return tool  # constant for as long as the run lasts
        phase = teacher_phase(getattr(losses, used), total) if losses.has_ppo else {"steps": total}
        length: Tree = {**phase}
        for key in reversed((*LOSSES, used)):
            length = {key: length}
        return self._checked(merge(tree, length))

    def check(self) -> None:
        """Check what belongs together; see `Tool.check`."""
        if self.run_name is not None:
            check_run_name(self.run_name)
        check_schedules(self.trainer.schedules)
        uri = self.training_env.supervisor_policy_uri
        if uri is not None:
            references.check_teacher(uri, self.training_env.game, self.train_dir)
        losses, total = self.trainer.losses, self.trainer.total_timesteps
        check_teacher_plan(losses, uri)
        used = losses.teacher_loss
        if used is not None and getattr(losses, used).steps is not None:
            check_rest_is_taught(losses, getattr(losses, used).steps, total, self.run_name)
        if self.initial_policy_uri is not None:
            references.check_policy(self.initial_policy_uri)
        references.check_game(self.training_env.game)

    def processes(self, asked: int | Literal["auto"] | None) -> int:
        """One process, whose threads use all cores; `auto` is one per GPU, or per core; see `Tool.processes`.

        Two threads of one process were no slower than two processes (benchmarks/train_ranks.py).
        """
        if asked != "auto":
            return asked or 1
        from coglab.training.geometry import cpu_cores, resolve_geometry

        if self._device() == "cuda":
            return count_gpus()
        # Fewer than cores where the batch or the games cannot be shared out evenly.
        for count in range(cpu_cores(), 1, -1):
            try:
                resolve_geometry(self.trainer, self.training_env, device="cpu", num_ranks=count)
            except UserError:
                continue
            return count
        return 1

    def _device(self) -> str:
        if self.system.device != "auto":
            return self.system.device
        return "cuda" if has_nvidia_driver() else "cpu"

    def plan(self) -> list[str]:
        """Name the run's folder, its sizes and its teacher; see `Tool.plan`."""
        from coglab.training.geometry import resolve_geometry

        processes = current_invocation().processes
        device = self._device()
        architecture, _ = resolve_architecture(self.policy_architecture, device)
        sizes = resolve_geometry(
            self.trainer,
            self.training_env,
            device=device,
            is_light=architecture.is_light,
            num_ranks=processes,
        )
        return [
            f"run {self.run_name} in {Path(self.train_dir) / str(self.run_name)}",
            *sizes.describe(),
            describe_teacher_plan(self.trainer.losses, self.training_env.supervisor_policy_uri),
        ]

    def run(self) -> int:
        """Train; see `Tool.run`."""
        tool = self.resolve()
        from coglab.tools import train_run

        return train_run.run(tool)


def teacher_phase(loss: Any, total: int) -> dict[str, int]:
    """How long a teacher stays whose `steps` were left out.

    Args:
        loss: the teacher's loss, such as `trainer.losses.sliced_scripted_cloner`.
        total: agent steps of the run.

    Returns:
        Agent steps: `steps`, and `anneal_start_step` unless it was typed; keys of the loss.
    """
    if not isinstance(loss, SlicedScriptedClonerConfig):
        return {"steps": int(total * TEACHER_PHASE)}
    usual = int(total * loss.default_phase)
    steps = max(usual, min(FEWEST_LABELLED, int(total * LONGEST_PHASE)))
    hold = int(steps * HOLD) if steps > usual else int(total * loss.default_hold)
    is_typed = "anneal_start_step" in loss.model_fields_set
    return {"steps": steps} if is_typed else {"steps": steps, "anneal_start_step": hold}
