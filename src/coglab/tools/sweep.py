"""The tool `sweep`: training runs over chosen settings. The work is in `sweep_run.py`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from coglab.config import Config, Count, Number, UserError, build, did_you_mean
from coglab.config.layers import given_values, merge, show_value
from coglab.config.values import Tree
from coglab.tools.base import Tool
from coglab.tools.run_names import check_run_name, default_run_name
from coglab.tools.sweep_optuna import CLASSES, require_optuna
from coglab.tools.sweep_space import (
    Point,
    check_space,
    check_ties,
    corners,
    describe_point,
    flat_keys,
    grid,
    random_point,
    with_ties,
)
from coglab.tools.teacher_spelling import describe_teacher_plan
from coglab.tools.train import TrainTool
from coglab.tracking.names import METRICS, find_metric

TRIALS = 20
"""Trials of a sweep that draws its points, when none is given."""

SHOWN = 24
"""Trials that `--dry-run` lists one by one."""

METRIC_GROUPS = ("env_agent/", "env_collective/cogs/", "overview/", "losses/")
"""Groups in which a metric is looked for that is given without one."""


class PruneConfig(Config):
    """Ends trials early that do worse than others did after as many steps."""

    at: Annotated[
        tuple[Count, ...], BeforeValidator(lambda v: v if isinstance(v, list | tuple) else [v])
    ]
    """Agent steps at which a trial is compared: `[2e6, 6e6]`."""

    keep: Number = Field(0.5, gt=0, lt=1)
    """Share of the trials that go on, best first, among those that have come as far. Lower ends more trials."""

    min_trials: int = Field(4, ge=2)
    """No trial is ended before this many have come as far."""


class SweepTool(Tool):
    """Train with different settings and compare: a grid, random points, or what one of Optuna's samplers proposes.

    Every trial is a run of its own, `<run>.000`, `<run>.001` and so on, with ledger, curves and checkpoints. The same
    command again goes on where it stopped; in a second terminal meanwhile, it works on further trials of the same sweep.
    """

    run_name: str | None = Field(None, alias="run")
    """Name of the sweep. Left out: `local.<user>.<date>.<time>`."""

    space: dict[str, Any] = Field(default_factory=dict)
    """What varies: `{trainer.optimizer.learning_rate: [3e-4, 1e-3], trainer.losses.ppo_actor.ent_coef: {low: 1e-3, high:
    0.1, log: true}}`. Keys are those of `train`; values are a list (of maps, too), or a range with `low`, `high`, and if
    wanted `log`, `integer`, `points` (values that a grid takes from it). `null` takes away what a recipe set."""

    ties: dict[str, Any] = Field(default_factory=dict)
    """What follows from it: `{teacher.student_led_proportion: 1 - teacher.teacher_led_proportion}`. A key of `space`, or
    `NUMBER - KEY`, or `NUMBER * KEY`."""

    sampler: Literal["grid", "random", "tpe", "gp", "cmaes", "nsga2", "qmc"] = "grid"
    """How points are chosen. `grid`: all combinations. `random`. The others are Optuna's (`--with sweep` adds it): `tpe`
    suits most, `gp` few trials of few settings, `cmaes` many trials of numbers, `nsga2` choices, `qmc` an even cover."""

    trials: int | None = Field(None, ge=1, le=100_000)
    """Number of trials. Left out: all points of a grid, 20 otherwise. A larger number extends a sweep."""

    seed: int = Field(0, ge=0, lt=1_000_000)
    """Seed of the drawing; `system.seed` in `space` or `base` is that of the runs."""

    metric: str = "overview/reward"
    """What trials are judged by: its mean over the last fifth of a trial's steps, or for `evaluator/...` its one value.
    The full name, or what follows the last `/`."""

    direction: Literal["auto", "higher", "lower"] = "auto"
    """Which way is better; `auto` knows it from the metric."""

    prune: PruneConfig | None = None
    """Ends bad trials early: `{at: [2e6, 6e6], keep: 0.5}`. Left out: all trials are trained to the end."""

    max_failures: int = Field(3, ge=1)
    """After this many failed trials the sweep stops."""

    base: TrainTool = TrainTool()
    """What all trials share: budget, games, teacher, architecture, ..."""

    @classmethod
    def canonical(cls, tree: Mapping[str, Tree]) -> dict[str, Tree]:
        """Spell the keys of `space` and `ties` with dots; see `Tool.canonical`."""
        spelled = dict(tree)
        for what in ("space", "ties"):
            given = spelled.get(what)
            if isinstance(given, Mapping):
                spelled[what] = flat_keys(given, what)
        return spelled

    def resolve(self) -> SweepTool:
        """Name the sweep, drop what `null` took away, complete the metric's name; see `Tool.resolve`."""
        given = self.canonical(given_values(self))
        if self.run_name is None:
            given["run"] = default_run_name()
        for what in ("space", "ties"):
            given[what] = {k: v for k, v in given.get(what, {}).items() if v is not None}
        given["metric"] = complete_metric(self.metric)
        return type(self)._checked(given)

    def check(self) -> None:
        """Check every trial that can be named beforehand; see `Tool.check`."""
        if not self.space:
            raise UserError(
                "a sweep needs something to vary, for example "
                "`'space={trainer.optimizer.learning_rate: [3e-4, 1e-3], system.seed: [1, 2]}'`, or a ready example: "
                "`example=teacher_share`."
            )
        check_space(self.space)
        check_ties(self.ties, self.space)
        metric = find_metric(self.metric)
        if self.direction == "auto" and (metric is None or metric.better == "none"):
            raise UserError(
                f"`metric={self.metric}`: neither more nor less of it is better; say `direction=higher` or "
                "`direction=lower`."
            )
        if self.sampler in CLASSES:
            require_optuna(self.sampler)
        if self.run_name is not None:
            check_run_name(self.run_name)
            check_run_name(self.trial_run(self.num_trials - 1))
        total = self.base.trainer.total_timesteps
        for point in self._examples():
            total = min(total, self.trial_tool(0, point).trainer.total_timesteps)
        for step in self.prune.at if self.prune is not None else ():
            if not 0 < step < total:
                raise UserError(
                    f"`prune.at`: {show_value(step)} is not between 0 and a trial's {show_value(total)} agent steps; "
                    f"for example `prune.at=[{show_value(max(1, total // 4))}]`."
                )

    def _examples(self) -> list[Point]:
        """Points that a dry run builds: a grid's, or every end and choice."""
        return grid(self.space) if self.sampler == "grid" else corners(self.space)

    @property
    def num_trials(self) -> int:
        """How many trials there are to be."""
        if self.sampler != "grid":
            return TRIALS if self.trials is None else self.trials
        size = len(grid(self.space))
        return size if self.trials is None else min(size, self.trials)

    @property
    def maximizes(self) -> bool:
        """Whether a higher score is better."""
        if self.direction != "auto":
            return self.direction == "higher"
        metric = find_metric(self.metric)
        return metric is not None and metric.better == "higher"

    @property
    def folder(self) -> Path:
        """Where the sweep's own files are."""
        return Path(self.base.train_dir) / str(self.run_name)

    def trial_run(self, number: int) -> str:
        """Name of a trial's run."""
        return f"{self.run_name}.{number:03d}"

    def trial_tree(self, number: int, point: Point) -> dict[str, Tree]:
        """What a trial's run is started with.

        Args:
            number: of the trial.
            point: one value per key of the space.

        Returns:
            The settings that are not defaults.

        Raises:
            UserError: a tie cannot be followed.
        """
        own: dict[str, Tree] = {}
        for key, value in with_ties(point, self.ties).items():
            inner: Tree = value
            for part in reversed(key.split(".")):
                inner = {part: inner}
            own = merge(own, inner)
        own = merge(own, {"run": self.trial_run(number)})
        if self.base.wandb.group is None and self.run_name is not None:
            own = merge({"wandb": {"group": self.run_name}}, own)
        shared = given_values(self.base)
        if isinstance(own.get("teacher"), Mapping) and isinstance(shared.get("teacher"), Mapping):
            own["teacher"] = merge(shared["teacher"], own["teacher"])
        # Each is spelled out for itself, so that a trial's teacher lies over the base's, however that is spelt.
        return merge(TrainTool.canonical(shared), TrainTool.canonical(own))

    def trial_tool(self, number: int, point: Point) -> TrainTool:
        """The training run of a trial, resolved.

        Args:
            number: of the trial.
            point: one value per key of the space.

        Returns:
            The tool.

        Raises:
            UserError: the settings do not fit `train`, or each other.
        """
        try:
            return build(TrainTool, self.trial_tree(number, point)).resolve()
        except UserError as error:
            raise UserError(
                f"with {describe_point(with_ties(point, self.ties))}: {error}"
            ) from None

    def describe_trial(self, number: int, point: Point) -> str:
        """A trial's run, its values and who acts on which share of its rows, in one line."""
        tool = self.trial_tool(number, point)
        values = describe_point(with_ties(point, self.ties))
        teacher = describe_teacher_plan(
            tool.trainer.losses, tool.training_env.supervisor_policy_uri
        )
        return f"{self.trial_run(number)}: {values}; {teacher}"

    def headline(self) -> str:
        """Folder, number and size of the trials, sampler and metric, in one line."""
        budget = self.trial_tool(0, self._examples()[0]).trainer.total_timesteps
        return (
            f"sweep {self.run_name} in {self.folder}: {self.num_trials} trials of {budget:,} agent steps, {self.sampler}, "
            f"judged by {self.metric} ({'higher' if self.maximizes else 'lower'} is better)"
        )

    def plan(self) -> list[str]:
        """Name trials and budget; see `Tool.plan`."""
        total = self.num_trials
        lines = [self.headline()]
        if self.prune is not None:
            steps = ", ".join(f"{step:,}" for step in self.prune.at)
            lines.append(
                f"after {steps} agent steps the better {self.prune.keep:.0%} of the trials go on"
            )
        if self.sampler == "grid":
            points = grid(self.space)[:total]
        elif self.sampler == "random":
            points = [random_point(self.space, self.seed, n) for n in range(min(total, SHOWN))]
        else:
            points = []
            lines += [f"{key} from {show_value(value)}" for key, value in self.space.items()]
        for number, point in enumerate(points[:SHOWN]):
            try:
                lines.append(self.describe_trial(number, point))
            except UserError as error:  # drawn values that do not fit each other
                lines.append(f"{self.trial_run(number)} will be left out: {error}")
        if points and total > SHOWN:
            lines.append(f"... and {total - SHOWN} more")
        return lines

    def run(self) -> int:
        """Train trial after trial; see `Tool.run`."""
        from coglab.tools import sweep_run

        return sweep_run.run(self.resolve())


def complete_metric(name: str) -> str:
    """Find the full name of a metric.

    Args:
        name: full, or what follows the last `/`.

    Returns:
        The full name.

    Raises:
        UserError: there is no such metric; with the nearest.
    """
    if find_metric(name) is not None:
        return name
    full = next((group + name for group in METRIC_GROUPS if find_metric(group + name)), None)
    if full is not None:
        return full
    known = [metric for metric in METRICS if "<" not in metric]
    short = {metric.rpartition("/")[2]: metric for metric in known}
    hint = did_you_mean(name, known) or did_you_mean(name, short)
    raise UserError(
        f"`metric={name}` is no metric.{hint} docs/05-metrics.md lists them; for example `metric=overview/reward` or "
        "`metric=heart.gained`."
    )
