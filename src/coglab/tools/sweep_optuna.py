"""Asks Optuna for the next point of a sweep. The only file that imports it.

Optuna keeps a study of its own, `optuna.sqlite` beside the sweep's record, so that every sampler has the state that it
wants, and `optuna-dashboard sqlite:///train_dir/<sweep>/optuna.sqlite` shows it. Before each question it is told what
has ended since. Questions are asked while the sweep's record is locked, so one at a time.
"""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from coglab.config import UserError
from coglab.tools.sweep_space import Point, Range, Space, dimensions
from coglab.tools.sweep_study import ENDED, Trial

OPTUNA_FILE = "optuna.sqlite"

CLASSES = {
    "tpe": "TPESampler",
    "gp": "GPSampler",
    "cmaes": "CmaEsSampler",
    "nsga2": "NSGAIISampler",
    "qmc": "QMCSampler",
}
"""Our name of a sampler -> Optuna's class."""

NEEDS = {"gp": "scipy", "cmaes": "cmaes", "qmc": "scipy"}
"""Packages that Optuna itself does not bring along."""


def require_optuna(sampler: str) -> None:
    """Refuse a sampler of Optuna's where it, or what it needs, is not installed.

    Args:
        sampler: a key of `CLASSES`.

    Raises:
        UserError: with the ways to go on.
    """
    if importlib.util.find_spec("optuna") is None:
        raise UserError(
            f"`sampler={sampler}` is one of Optuna's, which is not installed; put `--with sweep` behind ./tools/run.py "
            "once to add it. `sampler=grid` and `sampler=random` need nothing."
        )
    package = NEEDS.get(sampler)
    if package is not None and importlib.util.find_spec(package) is None:
        raise UserError(
            f"`sampler={sampler}` needs the package {package} besides Optuna; `.venv/bin/pip install {package}` adds it, "
            "and `sampler=tpe` needs nothing more."
        )


class OptunaStudy:
    """Optuna's side of a sweep.

    Args:
        folder: the sweep's folder.
        name: of the sweep.
        sampler: a key of `CLASSES`.
        space: checked.
        seed: of the sampler.
        maximize: whether a higher score is better.
    """

    def __init__(
        self, folder: Path, name: str, sampler: str, space: Space, seed: int, maximize: bool
    ) -> None:
        require_optuna(sampler)
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._optuna = optuna
        self._sampler = sampler
        self._seed = seed
        self._dimensions = dimensions(space)
        self._study = optuna.create_study(
            storage=f"sqlite:///{folder / OPTUNA_FILE}",
            study_name=name,
            sampler=self._make_sampler(0),
            direction="maximize" if maximize else "minimize",
            load_if_exists=True,
        )

    def ask(self, number: int, trials: Sequence[Trial]) -> tuple[Point, int]:
        """Choose the next point.

        Args:
            number: of the next trial.
            trials: all so far.

        Returns:
            The point, and Optuna's number of it.
        """
        self._tell(trials)
        self._study.sampler = self._make_sampler(number)
        asked = self._study.ask(self._distributions())
        point = {}
        for key, dimension in self._dimensions.items():
            value = asked.params[key]
            point[key] = value if isinstance(dimension, Range) else dimension[value]
        return point, int(asked.number)

    def _make_sampler(self, number: int) -> Any:
        """A sampler for one question: its random stream depends on seed and trial, not on which worker asks."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", self._optuna.exceptions.ExperimentalWarning)
            kind = getattr(self._optuna.samplers, CLASSES[self._sampler])
            return kind(seed=1000 * self._seed + number)

    def _tell(self, trials: Sequence[Trial]) -> None:
        """Tell Optuna which trials have ended; what it knows already is skipped."""
        states = self._optuna.trial.TrialState
        for trial in trials:
            if trial.asked is None or trial.state not in ENDED:
                continue
            if trial.value is None or trial.state == "failed":
                self._study.tell(trial.asked, state=states.FAIL, skip_if_finished=True)
            elif trial.state == "finished":
                self._study.tell(trial.asked, trial.value, skip_if_finished=True)
            else:
                self._tell_pruned(trial, states.PRUNED)

    def _tell_pruned(self, trial: Trial, state: Any) -> None:
        """A pruned trial's score counts as the intermediate value at the step where it ended."""
        assert trial.asked is not None
        assert trial.value is not None
        known = self._study.get_trials(deepcopy=False)[trial.asked]
        if known.state.is_finished():
            return
        reporter = self._optuna.trial.Trial(self._study, known._trial_id)
        reporter.report(trial.value, trial.step or 0)
        self._study.tell(trial.asked, state=state)

    def _distributions(self) -> dict[str, Any]:
        kinds = self._optuna.distributions
        found: dict[str, Any] = {}
        for key, dimension in self._dimensions.items():
            if not isinstance(dimension, Range):
                # By index: Optuna's categories must be numbers or text, ours may be maps.
                found[key] = kinds.CategoricalDistribution(tuple(range(len(dimension))))
            elif dimension.integer:
                found[key] = kinds.IntDistribution(
                    int(dimension.low), int(dimension.high), log=dimension.log
                )
            else:
                found[key] = kinds.FloatDistribution(
                    dimension.low, dimension.high, log=dimension.log
                )
        return found
