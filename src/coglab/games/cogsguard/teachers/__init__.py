"""Scripted teachers of CogsGuard. `registry` names them, `decide` holds their rules, `teacher` runs them on a batch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from coglab.games.cogsguard.memory import MapMemory
    from coglab.games.cogsguard.teachers.registry import TeacherSpec

__all__ = ["make_teacher"]


def make_teacher(spec: TeacherSpec | str, sim: Any, memory: MapMemory | None = None) -> Any:
    """Make a teacher for the games of a simulator; compiles or loads its kernels.

    Args:
        spec: a teacher's URI, or what `registry.parse_teacher_uri` made of it.
        sim: the simulator: its `tokens`, `num_rows`, `num_agents` and `num_envs` are read.
        memory: map memory of every agent that the caller keeps up to date (update and all routes) before it asks for
            labels. Used by teachers with `memory=own` or `labels=own`; others, and without it, keep their own.

    Returns:
        The teacher: a `CogsGuardTeacher`, or what a user registered.

    Raises:
        UserError: there is no such teacher, or a user's teacher cannot be loaded.
    """
    from coglab.games.cogsguard.teachers.registry import TEACHERS, parse_teacher_uri
    from coglab.games.cogsguard.teachers.teacher import CogsGuardTeacher

    if isinstance(spec, str):
        spec = parse_teacher_uri(spec)
    factory = TEACHERS[spec.name].factory
    if factory is not None:
        return _load(factory)(spec, sim)
    return CogsGuardTeacher(spec, sim, memory)


def _load(factory: str) -> Any:
    """What a registered `module:name` stands for."""
    from importlib import import_module

    from coglab.config.errors import UserError

    module, _, name = factory.partition(":")
    try:
        return getattr(import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise UserError(
            f"the registered teacher `{factory}` cannot be loaded: {error}. Its module must be importable where the "
            "command is typed, for example `recipes.experiment.my_teacher:MyTeacher`."
        ) from error
