"""What the tool `sweep` does: take a trial, train it, judge it, take the next; then say what came out.

Pruning is asynchronous successive halving: a trial that passes a budget is compared with all that passed it before, so
nobody waits for anybody. Source: Li et al. 2020, "A system for massively parallel hyperparameter tuning" (ASHA).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from coglab.config import UserError
from coglab.config.layers import dotted, flatten, show_value
from coglab.tools import train_run
from coglab.tools.invocation import Invocation, current_invocation, set_invocation
from coglab.tools.sweep_optuna import CLASSES, OptunaStudy
from coglab.tools.sweep_space import Point, describe_point, grid, random_point, with_ties
from coglab.tools.sweep_study import ENDED, Study, Trial
from coglab.tracking.display import OutputConsole, print_line
from coglab.tracking.ledger_format import INFO_FILE
from coglab.tracking.ledger_reader import read_ledger

if TYPE_CHECKING:
    from rich.console import Console

    from coglab.tools.sweep import PruneConfig, SweepTool

TRIAL_RECIPE = "recipes.experiment.cogsguard.train"
"""What a trial could also be started with, by itself."""

JUDGED_SHARE = 0.2
"""A trial's score at a step is the mean over this last part of the steps before it."""


def definition_of(tool: SweepTool) -> dict[str, Any]:
    """What makes two starts the same sweep: everything but its name and how far it is to go."""
    values = tool.dump()
    for key in ("run", "trials", "max_failures"):
        values.pop(key)
    for key in ("display", "train_dir", "wandb"):
        values["base"].pop(key)
    return values


def score_at(
    run_dir: Path, metric: str, step: int | None = None
) -> tuple[int | None, float | None]:
    """Judge a run by its ledger.

    Args:
        run_dir: the run.
        metric: full name.
        step: agent step to judge at; left out, its last.

    Returns:
        The last step looked at, and the metric's mean over the last fifth of the steps up to it; None for a run that has
        not begun or never logged the metric there, or whose mean is not a number.
    """
    if not (run_dir / INFO_FILE).is_file():
        return None, None
    ledger = read_ledger(run_dir, [metric])
    if not len(ledger.steps):
        return None, None
    last = int(ledger.steps[-1]) if step is None else step
    column = ledger.columns.get(metric)
    if column is None:
        return last, None
    chosen = column.values[(column.steps > (1 - JUDGED_SHARE) * last) & (column.steps <= last)]
    value = float(chosen.mean()) if len(chosen) else math.nan
    return last, value if math.isfinite(value) else None


@dataclass
class Pruner:
    """Watches one trial. `reason` says why it is to end, None while it may go on."""

    study: Study
    number: int
    run_dir: Path
    metric: str
    maximizes: bool
    config: PruneConfig | None
    reason: str | None = None

    def __post_init__(self) -> None:
        """Skip the budgets at which the trial was compared before it was interrupted."""
        passed = self.study.reports(self.number)
        steps = self.config.at if self.config is not None else ()
        self._ahead = sorted(step for step in steps if step not in passed)

    def __call__(self, step: int) -> str | None:
        """Take in that a row was logged at an agent step; returns why training is to end, or None."""
        while self._ahead and step >= self._ahead[0] and self.reason is None:
            self._compare(self._ahead.pop(0), step)
        return self.reason

    def _compare(self, budget: int, step: int) -> None:
        assert self.config is not None
        _, value = score_at(self.run_dir, self.metric, step)
        if value is None:
            return
        values = self.study.report(self.number, budget, value)
        if len(values) < self.config.min_trials:
            return
        rank = sum(other > value if self.maximizes else other < value for other in values)
        if rank >= math.ceil(self.config.keep * len(values)):
            self.reason = (
                f"pruned by the sweep at {step:,} agent steps: {self.metric} {value:.4g} is place {rank + 1} of "
                f"{len(values)} trials"
            )


def run(tool: SweepTool) -> int:
    """Work on a sweep until no trial is left to begin.

    Args:
        tool: resolved.

    Returns:
        0 when all trials ended well or are in other workers' hands; 1 when trials failed; 130 or 143 after a signal.

    Raises:
        UserError: the name belongs to another sweep or run.
    """
    console = OutputConsole()
    if (tool.folder / INFO_FILE).exists():
        raise UserError(
            f"`run={tool.run_name}` is a training run, not a sweep. Use another name, for example "
            f"run={tool.run_name}-sweep."
        )
    study = Study(tool.folder, definition_of(tool), str(tool.run_name))
    try:
        print_line(console, tool.headline())
        code = _work(tool, study, console)
        if code < 128:
            _conclude(tool, study.trials(), console)
        return code
    finally:
        study.close()


def _work(tool: SweepTool, study: Study, console: Console) -> int:
    points = grid(tool.space) if tool.sampler == "grid" else []
    optuna = None
    if tool.sampler in CLASSES:
        optuna = OptunaStudy(
            tool.folder, str(tool.run_name), tool.sampler, tool.space, tool.seed, tool.maximizes
        )

    def suggest(number: int, trials: Sequence[Trial]) -> tuple[Point, int | None] | None:
        if number >= tool.num_trials:
            return None
        if optuna is not None:
            return optuna.ask(number, trials)
        return (points[number] if points else random_point(tool.space, tool.seed, number)), None

    while True:
        failed = [trial for trial in study.trials() if trial.state == "failed"]
        if len(failed) >= tool.max_failures:
            print_line(
                console,
                f"{len(failed)} trials failed, the last with: {failed[-1].message}. The sweep stops; mend the cause, then "
                f"max_failures={2 * len(failed)} goes on.",
            )
            return 1
        trial = study.claim(suggest)
        if trial is None:
            return 1 if failed else 0
        code = _train(tool, study, trial, console)
        if code >= 128:
            return code


def _train(tool: SweepTool, study: Study, trial: Trial, console: Console) -> int:
    """Train one trial to its end. Returns 0, or what the process is to exit with after a signal."""
    number = trial.number
    try:
        made, described = (
            tool.trial_tool(number, trial.point),
            tool.describe_trial(number, trial.point),
        )
    except (
        UserError
    ) as error:  # values that fit one by one and not together: drawn, so not seen beforehand
        study.end(number, "failed", None, None, str(error))
        print_line(console, f"{tool.trial_run(number)} cannot be trained: {error}")
        return 0
    print_line(console, f"== trial {number + 1} of {tool.num_trials}, {described}")
    run_dir = Path(tool.base.train_dir) / tool.trial_run(number)
    watch = Pruner(study, number, run_dir, tool.metric, tool.maximizes, tool.prune)
    called = current_invocation()
    tree = tool.trial_tree(number, trial.point)
    words = [f"{dotted(path)}={show_value(value)}" for path, value in flatten(tree).items()]
    set_invocation(Invocation(called.recipe or TRIAL_RECIPE, (TRIAL_RECIPE, *words)))
    try:
        with study.beating(number):
            code = train_run.run(made, watch)
    except UserError:
        study.set_aside(number)
        raise
    except Exception as error:  # the run's own record has the traceback
        step, value = score_at(run_dir, tool.metric)
        study.end(number, "failed", step, value, f"{type(error).__name__}: {error}")
        print_line(console, f"{tool.trial_run(number)} failed: {type(error).__name__}: {error}")
        return 0
    except BaseException:
        study.set_aside(number)
        raise
    finally:
        set_invocation(called)
    if code >= 128:
        study.set_aside(number)
        return code
    step, value = score_at(run_dir, tool.metric)
    message = watch.reason or (None if value is not None else f"{tool.metric} was never logged")
    study.end(number, "finished" if watch.reason is None else "pruned", step, value, message)
    return 0


def _conclude(tool: SweepTool, trials: Sequence[Trial], console: Console) -> None:
    """Print trials from best to worst and what to type next."""
    sign = -1.0 if tool.maximizes else 1.0
    judged = [trial for trial in trials if trial.value is not None and trial.state != "failed"]
    # Pruned trials were judged earlier than the others, so they come after them.
    judged.sort(key=lambda t: (t.state != "finished", sign * (t.value or 0.0)))
    print_line(console, f"== sweep {tool.run_name}: {tool.metric}, best first")
    width = max((len(tool.trial_run(trial.number)) for trial in trials), default=0)
    for trial in [*judged, *(trial for trial in trials if trial not in judged)]:
        value = "-" if trial.value is None else f"{trial.value:.4g}"
        steps = "" if trial.step is None else f"{trial.step:,} steps"
        values = describe_point(with_ties(trial.point, tool.ties))
        print_line(
            console,
            f"  {tool.trial_run(trial.number):{width}}  {value:>9}  {trial.state:8}  {steps:>18}  {values}",
        )
    open_trials = sum(trial.state not in ENDED for trial in trials)
    if open_trials:
        print_line(console, f"{open_trials} trials are still being trained by other workers")
    folder = [] if tool.base.train_dir == "./train_dir" else [f"train_dir={tool.base.train_dir}"]
    print_line(console, "next:")
    analyze = ["runs analyze", f"prefix={tool.run_name}.", f"metric={tool.metric}", *folder]
    print_line(console, f"  what made the difference:  ./tools/run.py {' '.join(analyze)}")
    if judged:
        best = tool.trial_run(judged[0].number)
        words = ["recipes.experiment.cogsguard.evaluate", f"policy_uris=metta://policy/{best}"]
        print_line(
            console, f"  evaluate the best:         ./tools/run.py {' '.join([*words, *folder])}"
        )
