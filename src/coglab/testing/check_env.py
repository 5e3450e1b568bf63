"""`check_env`: does a batch simulator keep the promises of `coglab.engine.batch_sim.BatchSim`?

The checks themselves are in `env_checks.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from coglab.games.cogsguard.interface import COGSGUARD
from coglab.games.interface import GameInterface
from coglab.testing.env_case import Case, CheckFailedError, SimFactory, SkippedCheckError
from coglab.testing.env_checks import CHECKS


class EnvCheckError(AssertionError):
    """A simulator breaks the contract; the text lists every check that failed and what it found."""


@dataclass
class EnvReport:
    """What `check_env` found."""

    passed: list[str] = field(default_factory=list)
    """Names of the checks that held."""
    failed: dict[str, str] = field(default_factory=dict)
    """What was found wrong, by name of the check."""
    skipped: dict[str, str] = field(default_factory=dict)
    """Why a check could not be made, by its name."""

    def __str__(self) -> str:
        """One line per check."""
        lines = [f"ok       {name}" for name in self.passed]
        lines += [f"skipped  {name}: {reason}" for name, reason in self.skipped.items()]
        lines += [f"FAILED   {name}: {found}" for name, found in self.failed.items()]
        return "\n".join(lines)


def check_env(
    make_sim: SimFactory, *, interface: GameInterface = COGSGUARD, ticks: int = 100
) -> EnvReport:
    """Check a batch simulator against the contract of `BatchSim`.

    The end of an episode is checked only if `max_steps` is at most 2,000: let the factory make short episodes.

    Args:
        make_sim: called as `make_sim(num_envs=E, first_env_id=i, seed=s)`.
        interface: what the observations are declared to contain.
        ticks: ticks of random play per check.

    Returns:
        The checks that passed and those that were skipped.

    Raises:
        EnvCheckError: some failed; lists all of them.
    """
    report = EnvReport()
    for name, check in CHECKS.items():
        try:
            check(Case(make_sim, interface, ticks))
        except SkippedCheckError as reason:
            report.skipped[name] = str(reason)
        except CheckFailedError as error:
            report.failed[name] = str(error)
        except Exception as error:
            report.failed[name] = f"raised {type(error).__name__}: {error}"
        else:
            report.passed.append(name)
    if report.failed:
        raise EnvCheckError(f"the simulator breaks its contract\n{report}")
    return report
