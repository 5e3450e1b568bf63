"""The policies that have a name of their own. Imports neither torch nor numba.

To add one: write a `Policy` class and add a line to `BASELINES`, or register a teacher with the game's teachers.
Registered names cannot be taken by runs.
"""

from __future__ import annotations

from importlib import import_module

from coglab.games.registry import all_teachers
from coglab.policies.pretrained import pretrained_names
from coglab.policies.protocol import Policy

BASELINES: dict[str, tuple[str, str]] = {
    "random": ("coglab.policies.baselines:RandomPolicy", "every action equally often"),
    "noop": ("coglab.policies.baselines:NoopPolicy", "never does anything"),
}
"""Name -> where the class is, what it does."""


def make_baseline(name: str) -> Policy:
    """Make a registered policy that is no teacher.

    Args:
        name: a key of `BASELINES`.

    Returns:
        The policy, not bound to any game.
    """
    module_name, class_name = BASELINES[name][0].split(":")
    policy: Policy = getattr(import_module(module_name), class_name)()
    return policy


def teacher_names() -> tuple[str, ...]:
    """Names of the scripted teachers, as in `metta://policy/NAME`."""
    return tuple(all_teachers())


def registered_names() -> tuple[str, ...]:
    """All names that `metta://policy/NAME` finds without looking for a run."""
    return (*teacher_names(), *BASELINES, *pretrained_names())
