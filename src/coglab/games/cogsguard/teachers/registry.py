"""The scripted teachers by name: what each one is, which parameters it takes, and how its URI is read.

Light on purpose (no numpy, no kernels): `--help`, `--dry-run` and error messages read it. How teachers play is in
`teacher.py` and `decide.py`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from coglab.config.errors import UserError, did_you_mean

PREFIX = "metta://policy/"
ROLES = ("scrambler", "aligner", "miner", "scout")
"""Roles in the order in which counts hand them out to agents."""

SMART = "gear"
"""The role of an agent that chooses its role itself and revises it (smart-gear)."""

Memory = Literal["own", "team"]


@dataclass(frozen=True)
class Parameter:
    """One parameter of a teacher's URI."""

    name: str
    kind: Literal["count", "roles", "memory"]
    meaning: str


@dataclass(frozen=True)
class TeacherInfo:
    """One registered teacher."""

    name: str
    summary: str
    parameters: tuple[Parameter, ...]
    version: str | None = None
    """The version that its URI must name (`dinky:v15`), None for teachers without versions."""
    missing: str | None = None
    """Why it cannot play yet, None if it can."""


MEMORY = Parameter(
    "memory",
    "memory",
    "`own` (default): each agent decides from what it has observed itself; `team`: from what all have observed",
)

COUNTS = tuple(
    Parameter(role, "count", f"how many agents play {role} for the whole episode") for role in ROLES
)

TEACHERS: dict[str, TeacherInfo] = {
    info.name: info
    for info in (
        TeacherInfo(
            "cogsguard",
            "plays the whole game; agents with the role `gear` choose and revise their role",
            (
                *COUNTS,
                Parameter(SMART, "count", "how many agents choose and revise their role themselves"),
                Parameter("role_order", "roles", "the role of each agent, for example `miner,aligner`; the rest: gear"),
                MEMORY,
            ),
        ),
        TeacherInfo(
            "teacher",
            "forces the first vibe of each episode (roles rotate over agents and episodes), then plays it",
            (Parameter("role_vibes", "roles", "the roles that rotate; default miner,scout,aligner,scrambler"), MEMORY),
        ),
        *(
            TeacherInfo(role, f"every agent plays {role}", (MEMORY,))
            for role in ("miner", "scout", "aligner", "scrambler")
        ),
        TeacherInfo(
            "dinky",
            "crafts hearts on machina_1",
            (),
            version="v15",
            missing="it plays machina_1, which cannot be played yet",
        ),
    )
}  # fmt: skip


@dataclass(frozen=True)
class TeacherSpec:
    """A teacher with its parameters, as read from a URI."""

    uri: str
    name: str
    roles: tuple[str, ...] = ()
    """Role of each agent by index; agents past the end play `rest`. Unused by teachers that rotate."""
    rest: str = SMART
    """Role of the agents past the end of `roles`."""
    rotation: tuple[str, ...] = ()
    """Agent i plays rotation[(episode + i) mod length] if this is not empty."""
    memory: Memory = "own"

    def role_of(self, agent: int, episode: int) -> str:
        """The role that an agent starts an episode with.

        Args:
            agent: index of the agent in its team.
            episode: how many episodes its game has finished.
        """
        if self.rotation:
            return self.rotation[(episode + agent) % len(self.rotation)]
        return self.roles[agent] if agent < len(self.roles) else self.rest


def parse_teacher_uri(uri: str) -> TeacherSpec:
    """Read a teacher's URI, `metta://policy/NAME?key=value&key=value`; without the prefix it is understood as well.

    Args:
        uri: the URI.

    Returns:
        The teacher and its parameters. Whether the teacher can play is not checked, see `require_playable`.

    Raises:
        UserError: no such teacher, parameter or value; the message names the nearest one.
    """
    text = uri.removeprefix(PREFIX)
    head, _, query = text.partition("?")
    name, _, version = head.partition(":")
    info = TEACHERS.get(name)
    if info is None:
        raise UserError(
            f"`{uri}`: there is no teacher `{name}`; the teachers are {', '.join(TEACHERS)}, "
            f"for example `{PREFIX}cogsguard?gear=10`.{did_you_mean(name, TEACHERS)}"
        )
    if version and version != info.version:
        works = f"{name}:{info.version}" if info.version else name
        raise UserError(f"`{uri}`: `{name}` has no version `{version}`; use `{PREFIX}{works}`.")
    given = _read_query(uri, query, info)
    memory: Memory = "team" if given.get("memory") == "team" else "own"
    if name == "teacher":
        rotation = _read_roles(
            uri, "role_vibes", given.get("role_vibes", "miner,scout,aligner,scrambler")
        )
        return TeacherSpec(uri, name, rotation=rotation, memory=memory)
    if name in ROLES:
        return TeacherSpec(uri, name, rest=name, memory=memory)
    if name == "cogsguard":
        return TeacherSpec(uri, name, roles=_starting_roles(uri, given), memory=memory)
    return TeacherSpec(uri, name)


def require_playable(spec: TeacherSpec) -> None:
    """Refuse a teacher that resolves but cannot play yet.

    Raises:
        UserError: with a teacher that can.
    """
    missing = TEACHERS[spec.name].missing
    if missing is not None:
        raise UserError(
            f"the teacher `{spec.uri}` is not available yet: {missing}. "
            f"For CogsGuard use `{PREFIX}cogsguard?gear=10`."
        )


def _read_query(uri: str, query: str, info: TeacherInfo) -> dict[str, str]:
    """Split `a=1&b=2`, check names and values; of a repeated name the last counts."""
    given: dict[str, str] = {}
    names = [parameter.name for parameter in info.parameters]
    for part in query.split("&") if query else ():
        key, equals, value = part.partition("=")
        if key not in names:
            takes = f"it takes {', '.join(names)}" if names else "it takes none"
            raise UserError(
                f"`{uri}`: `{info.name}` has no parameter `{key}`; {takes}.{did_you_mean(key, names)}"
            )
        if not equals or not value:
            raise UserError(f"`{uri}`: `{key}` needs a value, for example `{_example(info, key)}`.")
        parameter = info.parameters[names.index(key)]
        if parameter.kind == "count" and not re.fullmatch(r"\d{1,3}", value):
            raise UserError(
                f"`{uri}`: `{key}={value}` is no number of agents; expected 0 to 999, for example `{key}=4`."
            )
        if parameter.kind == "memory" and value not in ("own", "team"):
            raise UserError(
                f"`{uri}`: `memory={value}`: expected `own` or `team`, for example `memory=own`."
                f"{did_you_mean(value, ('own', 'team'))}"
            )
        given[key] = value
    return given


def _example(info: TeacherInfo, key: str) -> str:
    """A value that works for a parameter, as `key=value`."""
    kind = next(parameter.kind for parameter in info.parameters if parameter.name == key)
    return f"{key}={ {'count': '4', 'roles': 'miner,aligner', 'memory': 'own'}[kind] }".replace(
        " ", ""
    )


def _read_roles(uri: str, key: str, value: str) -> tuple[str, ...]:
    """Read a comma-separated list of roles."""
    roles = tuple(value.split(","))
    for role in roles:
        if role not in (*ROLES, SMART):
            raise UserError(
                f"`{uri}`: `{key}` names the role `{role}`; the roles are {', '.join(ROLES)}, {SMART}, "
                f"for example `{key}=miner,aligner`.{did_you_mean(role, (*ROLES, SMART))}"
            )
    return roles


def _starting_roles(uri: str, given: dict[str, str]) -> tuple[str, ...]:
    """Roles by agent index from `role_order`, else from the counts; without either 1 scrambler and 4 miners."""
    if "role_order" in given:
        return _read_roles(uri, "role_order", given["role_order"])
    counts = {role: int(given[role]) for role in (*ROLES, SMART) if role in given}
    if not counts:
        counts = {"scrambler": 1, "miner": 4}
    return tuple(role for role in (*ROLES, SMART) for _ in range(counts.get(role, 0)))
