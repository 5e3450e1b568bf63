"""Scripted teachers of CogsGuard. `registry` names them, `decide` holds their rules, `teacher` runs them on a batch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from coglab.games.cogsguard.memory import MapMemory
    from coglab.games.cogsguard.teachers.registry import TeacherSpec
    from coglab.games.cogsguard.teachers.teacher import CogsGuardTeacher

__all__ = ["make_teacher"]


def make_teacher(
    spec: TeacherSpec | str, sim: Any, memory: MapMemory | None = None
) -> CogsGuardTeacher:
    """Make a teacher for the games of a simulator; compiles or loads its kernels.

    Args:
        spec: a teacher's URI, or what `registry.parse_teacher_uri` made of it.
        sim: the simulator: its `tokens`, `num_rows`, `num_agents` and `num_envs` are read.
        memory: map memory of every agent that the caller keeps up to date (update and all routes) before it asks for
            labels. Used by teachers with `memory=own` or `labels=own`; others, and without it, keep their own.

    Returns:
        The teacher.

    Raises:
        UserError: there is no such teacher, or it cannot play yet.
    """
    from coglab.games.cogsguard.teachers.registry import parse_teacher_uri, require_playable
    from coglab.games.cogsguard.teachers.teacher import CogsGuardTeacher

    if isinstance(spec, str):
        spec = parse_teacher_uri(spec)
    require_playable(spec)
    return CogsGuardTeacher(spec, sim, memory)
