"""Scripted teachers of machina_1. `registry` names them, `decide` holds their rules, `teacher` runs them on a batch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from coglab.games.machina1.memory import MapMemory
    from coglab.games.machina1.teachers.registry import DinkySpec

__all__ = ["make_teacher"]


def make_teacher(spec: DinkySpec | str, sim: Any, memory: MapMemory | None = None) -> Any:
    """Make a teacher for the games of a simulator; compiles or loads its kernels.

    Args:
        spec: a teacher's URI, or what `registry.parse_teacher_uri` made of it.
        sim: the simulator: its `tokens`, `num_rows`, `num_agents` and `num_envs` are read.
        memory: map memory that the caller keeps up to date (`update`; routes are made where the teacher needs them)
            before it asks for labels; without it the teacher keeps its own.

    Returns:
        The teacher, a `DinkyTeacher`.

    Raises:
        UserError: there is no such teacher, version or parameter.
    """
    from coglab.games.machina1.teachers.registry import parse_teacher_uri
    from coglab.games.machina1.teachers.teacher import DinkyTeacher

    return DinkyTeacher(parse_teacher_uri(spec) if isinstance(spec, str) else spec, sim, memory)
