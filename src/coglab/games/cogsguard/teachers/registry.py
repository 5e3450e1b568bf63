"""The scripted teachers by name: what each one is, which parameters it takes, and how its URI is read.

Light on purpose (no numpy, no kernels): `--help`, `--dry-run` and error messages read it. How teachers play is in
`teacher.py` and `decide.py`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Literal, get_args

from coglab.config.errors import UserError, did_you_mean
from coglab.games.teacher_uris import PREFIX, Parameter, TeacherInfo, read_uri

ROLES = ("scrambler", "aligner", "miner", "scout")
"""Roles in the order in which counts hand them out to agents."""

SMART = "gear"
"""The role of an agent that chooses its role itself and revises it (smart-gear)."""

STATIC_ROLES = ("miner", "miner", "miner", "aligner", "miner", "aligner", "aligner", "scrambler")
"""Roles by agent index under `roles=static`; larger teams go on with miner and aligner in turn."""

Memory = Literal["own", "team", "full"]
Allocation = Literal["static", "stock", "team"]
Labels = Literal["own", "acting"]


MEMORY = Parameter(
    "memory",
    "choice",
    "what decisions are made from: `own` (default): what the agent itself has observed; `team`: what any agent of "
    "the team has observed, and targets are shared out; `full`: the whole map, which no agent can know: for upper bounds",
    get_args(Memory),
)
ALLOCATION = Parameter(
    "roles",
    "choice",
    "how agents with the role `gear` get their roles: `stock` (default with `memory=own`): each from its start cell and "
    "the stock it sees; `team` (default otherwise): handed out every 40 ticks by what the team needs; `static`: by index",
    get_args(Allocation),
)
LABELS = Parameter(
    "labels",
    "choice",
    "with `memory=team` or `full`: `acting` (default): students imitate what the teacher does; `own`: they imitate what an "
    "own-memory teacher would do in its place",
    get_args(Labels),
)
SHARED = (MEMORY, LABELS)

COUNTS = tuple(
    Parameter(role, "count", f"how many agents play {role} for the whole episode") for role in ROLES
)

_SINGLE = {
    "miner": ("gathers and deposits elements", "never touches a junction, so the reward is 0"),
    "scout": ("explores the map", "brings in nothing: no elements, no junctions"),
    "aligner": (
        "mines by hand, buys gear and hearts, takes neutral junctions",
        "nobody keeps the clips small",
    ),
    "scrambler": (
        "mines by hand, buys gear and hearts, frees junctions of the clips",
        "takes no junction, so the reward is 0",
    ),
}

TEACHERS: dict[str, TeacherInfo] = {
    info.name: info
    for info in (
        TeacherInfo(
            "cogsguard",
            f"{PREFIX}cogsguard?gear=10",
            "plays the whole game; agents with the role `gear` choose and revise their role",
            "the strongest teacher whose every label follows from the agent's own observations",
            "without `gear=10` the roles follow the agent's index, and the play is weaker",
            "recommended",
            (
                *COUNTS,
                Parameter(SMART, "count", "how many agents choose and revise their role themselves"),
                Parameter("role_order", "roles", "the role of each agent, for example `miner,aligner`; the rest: gear"),
                Parameter("role_cycle", "roles", "roles repeated over all agents; wins over counts, loses to `role_order`"),
                ALLOCATION,
                *SHARED,
            ),
        ),
        TeacherInfo(
            "teacher",
            f"{PREFIX}teacher",
            "forces the first vibe of each episode (roles rotate over agents and episodes), then plays it",
            "a learner sees every role from every seat",
            "fixed roles: weaker than `cogsguard?gear=10`; the first label cannot be predicted, so its weight is 0",
            "alternative",
            (Parameter("role_vibes", "roles", "the roles that rotate; default miner,scout,aligner,scrambler"), *SHARED),
        ),
        *(
            TeacherInfo(
                role, f"{PREFIX}{role}", f"every agent plays {role}", f"one skill: {does}", lacks, "for curriculum", SHARED
            )
            for role, (does, lacks) in _SINGLE.items()
        ),
    )
}  # fmt: skip


def register_teacher(name: str, factory: str, summary: str) -> None:
    """Make a teacher of one's own known as `metta://policy/NAME`; call it where the recipe is, before a command runs.

    Args:
        name: letters, digits, `_` and `-`; not the name of another teacher.
        factory: `module:name` of a class or function that is called as `factory(spec, sim)` and returns an object with
            the attributes and methods of `CogsGuardTeacher`; see `PythonTeacher` and `coglab.testing.check_teacher`.
        summary: one line.

    Raises:
        UserError: the name is taken or cannot be part of a URI, or the factory is not spelt `module:name`.
    """
    known = TEACHERS.get(name)
    if known is not None and known.factory != factory:
        raise UserError(
            f"`{name}` is the name of another teacher already; choose a name like `my-{name}`."
        )
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", name):
        raise UserError(
            f"`{name}` cannot be the name of a teacher; use letters and digits, for example `my-teacher`."
        )
    if not re.fullmatch(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*", factory):
        raise UserError(
            f"`{factory}`: expected `module:name`, for example `recipes.experiment.my_teacher:MyTeacher`."
        )
    TEACHERS[name] = TeacherInfo(
        name,
        f"{PREFIX}{name}",
        summary,
        "yours",
        "not measured",
        "alternative",
        (),
        factory=factory,
    )


@dataclass(frozen=True)
class TeacherSpec:
    """A teacher with its parameters, as read from a URI."""

    uri: str
    name: str
    roles: tuple[str, ...] = ()
    """Role of each agent by index; agents past the end play `rest`. Unused by teachers that rotate."""
    rest: str = SMART
    """Role of the agents past the end of `roles`."""
    cycle: tuple[str, ...] = ()
    """Agent i plays cycle[i mod length] if this is not empty."""
    rotation: tuple[str, ...] = ()
    """Agent i plays rotation[(episode + i) mod length] if this is not empty."""
    memory: Memory = "own"
    allocation: Allocation = "stock"
    """How agents with the role `gear` get their roles."""
    labels: Labels = "acting"

    def role_of(self, agent: int, episode: int, num_agents: int) -> str:
        """The role that an agent starts an episode with; SMART: it or the team chooses.

        Args:
            agent: index of the agent in its team.
            episode: how many episodes its game has finished.
            num_agents: agents in the team.
        """
        if self.rotation:
            return self.rotation[(episode + agent) % len(self.rotation)]
        if self.cycle:
            role = self.cycle[agent % len(self.cycle)]
        else:
            role = self.roles[agent] if agent < len(self.roles) else self.rest
        if role == SMART and self.allocation == "static":
            return static_role(agent, num_agents)
        return role

    def with_own_memory(self) -> TeacherSpec:
        """The same teacher, deciding from what each agent has observed itself: what students imitate under `labels=own`."""
        allocation: Allocation = "stock" if self.allocation == "team" else self.allocation
        return replace(self, memory="own", labels="acting", allocation=allocation)


def static_role(agent: int, num_agents: int) -> str:
    """The role of an agent under `roles=static`; small teams have an aligner too."""
    if num_agents <= 3 and agent == min(1, num_agents - 1):
        return "aligner"
    if agent < len(STATIC_ROLES):
        return STATIC_ROLES[agent]
    return ("miner", "aligner")[agent % 2]


def parse_teacher_uri(uri: str) -> TeacherSpec:
    """Read a teacher's URI, `metta://policy/NAME?key=value&key=value`; without the prefix it is understood as well.

    Args:
        uri: the URI.

    Returns:
        The teacher and its parameters.

    Raises:
        UserError: no such teacher, parameter or value; the message names the nearest one.
    """
    info, given = read_uri(uri, TEACHERS, f"{PREFIX}cogsguard?gear=10")
    name = info.name
    memory: Memory = given.get("memory", "own")  # type: ignore[assignment]
    labels: Labels = given.get("labels", "acting")  # type: ignore[assignment]
    allocation: Allocation = given.get("roles", "stock" if memory == "own" else "team")  # type: ignore[assignment]
    if labels == "own" and memory == "own":
        raise UserError(
            f"`{uri}`: with `memory=own` the labels are own ones anyway; leave `labels=own` out, "
            "or use `memory=team&labels=own`."
        )
    common = {"memory": memory, "labels": labels, "allocation": allocation}
    if name == "teacher":
        rotation = _read_roles(
            uri, "role_vibes", given.get("role_vibes", "miner,scout,aligner,scrambler")
        )
        return TeacherSpec(uri, name, rotation=rotation, **common)  # type: ignore[arg-type]
    if name in ROLES:
        return TeacherSpec(uri, name, rest=name, **common)  # type: ignore[arg-type]
    if name == "cogsguard":
        roles: tuple[str, ...] = ()
        cycle: tuple[str, ...] = ()
        if "role_order" in given:
            roles = _read_roles(uri, "role_order", given["role_order"])
        elif "role_cycle" in given:
            cycle = _read_roles(uri, "role_cycle", given["role_cycle"])
        else:
            roles = _counted_roles(given)
        return TeacherSpec(uri, name, roles=roles, cycle=cycle, **common)  # type: ignore[arg-type]
    return TeacherSpec(uri, name)


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


def _counted_roles(given: dict[str, str]) -> tuple[str, ...]:
    """Roles by agent index from the counts; without any 1 scrambler and 4 miners."""
    counts = {role: int(given[role]) for role in (*ROLES, SMART) if role in given}
    if not counts:
        counts = {"scrambler": 1, "miner": 4}
    return tuple(role for role in (*ROLES, SMART) for _ in range(counts.get(role, 0)))
