"""The tool `curriculum`: training runs one after another, each from the weights of the one before."""

from __future__ import annotations

import re
from typing import Any

from pydantic import Field

from coglab.config import Config, Count, UserError, build
from coglab.config.layers import dotted, flatten, given_values, merge, show_value
from coglab.config.values import Tree
from coglab.tools.base import Tool
from coglab.tools.invocation import Invocation, current_invocation, set_invocation
from coglab.tools.run_names import check_run_name, default_run_name
from coglab.tools.train import TrainTool
from coglab.training.config import TeacherConfig

STAGE_RECIPE = "recipes.experiment.cogsguard.train"
"""What a stage could also be started with, by itself."""


class Stage(Config):
    """One training run of a curriculum."""

    name: str
    """Short word; the stage's run is called `<run>.<number>-<name>`."""

    total_timesteps: Count = Field(ge=1)
    """Budget of this stage, in agent steps."""

    teacher: TeacherConfig | None = None
    """Its teacher, as in `train`; left out, pure PPO."""


class CurriculumTool(Tool):
    """Train in stages; each starts from the last one's checkpoint.

    Every stage is a run of its own, with its own ledger, curves and checkpoints: `metta://policy/<run>.2-aligner`. The
    same command again goes on where it stopped, in the middle of a stage too: finished stages are skipped.
    """

    run_name: str | None = Field(None, alias="run")
    """Name of the curriculum. Left out: `local.<user>.<date>.<time>`."""

    stages: tuple[Stage, ...] = ()
    """The stages, in order."""

    base: TrainTool = TrainTool()
    """What all stages share: games, architecture, optimiser, ... Name, budget, teacher and first weights come from the
    stage; only the last stage is compared with its teacher at the end, unless `evaluate_stages`."""

    evaluate_stages: bool = False
    """Play the held-out maps after every stage."""

    def resolve(self) -> CurriculumTool:
        """Name the curriculum; see `Tool.resolve`."""
        given = given_values(self)
        if self.run_name is None:
            given["run"] = default_run_name()
        return type(self)._checked(given)

    def check(self) -> None:
        """Check that every stage can be built; see `Tool.check`."""
        if not self.stages:
            raise UserError(
                "a curriculum needs stages, for example `stages=[{name: clone, total_timesteps: 1e6, teacher: "
                '{policy_uri: "metta://policy/cogsguard?gear=10"}}, {name: ppo, total_timesteps: 1e6}]`.'
            )
        for stage in self.stages:
            if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", stage.name):
                raise UserError(
                    f"`{stage.name}` cannot be the name of a stage; use letters and digits, for example `name: miner`."
                )
        if self.run_name is not None:
            check_run_name(self.run_name)
            for index in range(len(self.stages)):
                self.stage_tool(index)

    def stage_run(self, index: int) -> str:
        """Name of a stage's run."""
        return f"{self.run_name}.{index + 1}-{self.stages[index].name}"

    def stage_tool(self, index: int) -> TrainTool:
        """The training run of a stage, resolved.

        Args:
            index: from 0.

        Returns:
            The tool.

        Raises:
            UserError: the stage's settings do not fit each other.
        """
        return build(TrainTool, self._stage_tree(index)).resolve()

    def _stage_tree(self, index: int) -> dict[str, Tree]:
        stage = self.stages[index]
        own: dict[str, Any] = {
            "run": self.stage_run(index),
            "teacher": None if stage.teacher is None else given_values(stage.teacher),
            "trainer": {"total_timesteps": stage.total_timesteps},
        }
        if index > 0:
            own["initial_policy_uri"] = f"metta://policy/{self.stage_run(index - 1)}:latest"
        if index < len(self.stages) - 1 and not self.evaluate_stages:
            own["evaluator"] = {"at_end": False}
        shared = TrainTool.canonical(given_values(self.base))
        return merge(shared, TrainTool.canonical(own))

    def plan(self) -> list[str]:
        """Name the stages; see `Tool.plan`."""
        lines = []
        for index, stage in enumerate(self.stages):
            tool = self.stage_tool(index)
            start = tool.initial_policy_uri or "fresh weights"
            lines.append(
                f"stage {index + 1} of {len(self.stages)}, {stage.total_timesteps:,} agent steps from {start}: "
                f"run {tool.run_name}; {tool.plan()[-1]}"
            )
        return lines

    def run(self) -> int:
        """Train stage after stage; see `Tool.run`."""
        from coglab.tracking.display import OutputConsole, print_line

        tool = self.resolve()
        called = current_invocation()
        try:
            for index in range(len(tool.stages)):
                print_line(
                    OutputConsole(),
                    f"== stage {index + 1} of {len(tool.stages)}: {tool.stage_run(index)}",
                )
                tree = tool._stage_tree(index)
                words = [
                    f"{dotted(path)}={show_value(value)}" for path, value in flatten(tree).items()
                ]
                set_invocation(Invocation(called.recipe or STAGE_RECIPE, (STAGE_RECIPE, *words)))
                code = tool.stage_tool(index).run()
                if code != 0:
                    return code
        finally:
            set_invocation(called)
        return 0
