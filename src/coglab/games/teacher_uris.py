"""What every game's teacher registry is made of: entries, parameters, and how a teacher's URI is read.

Light on purpose (no numpy, no kernels): `--help`, `--dry-run` and error messages read it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from coglab.config.errors import UserError, did_you_mean

PREFIX = "metta://policy/"

Recommendation = Literal["recommended", "baseline", "alternative", "for curriculum"]


@dataclass(frozen=True)
class Parameter:
    """One parameter of a teacher's URI."""

    name: str
    kind: Literal["count", "roles", "choice"]
    meaning: str
    choices: tuple[str, ...] = ()
    """The values that it takes, if there are only a few."""

    @property
    def example(self) -> str:
        """A value that works."""
        return (
            self.choices[0] if self.choices else {"count": "4", "roles": "miner,aligner"}[self.kind]
        )


@dataclass(frozen=True)
class TeacherInfo:
    """One registered teacher."""

    name: str
    uri: str
    """The URI that it is used by and measured with."""
    summary: str
    pros: str
    cons: str
    recommendation: Recommendation
    parameters: tuple[Parameter, ...]
    version: str | None = None
    """The version that its URI must name (`dinky:v15`), None for teachers without versions."""
    factory: str | None = None
    """`module:name` of what makes the teacher from (spec, sim), for teachers of users; None for ours."""


def read_uri(
    uri: str, teachers: Mapping[str, TeacherInfo], example: str
) -> tuple[TeacherInfo, dict[str, str]]:
    """Read a teacher's URI, `metta://policy/NAME:VERSION?key=value&key=value`; the prefix may be missing.

    Args:
        uri: the URI.
        teachers: the game's teachers by name.
        example: a URI that works, for error messages.

    Returns:
        The teacher, and the values that the URI gives by the names of its parameters.

    Raises:
        UserError: no such teacher, version, parameter or value; the message names the nearest one.
    """
    head, _, query = uri.removeprefix(PREFIX).partition("?")
    name, colon, version = head.partition(":")
    info = teachers.get(name)
    if info is None:
        raise UserError(
            f"`{uri}`: there is no teacher `{name}`; the teachers are {', '.join(teachers)}, "
            f"for example `{example}`.{did_you_mean(name, teachers)}"
        )
    if colon and version != info.version:
        works = f"{name}:{info.version}" if info.version else name
        known = f"; the only version is `{info.version}`" if info.version else ""
        raise UserError(
            f"`{uri}`: `{name}` has no version `{version}`{known}; use `{PREFIX}{works}`."
        )
    return info, _read_query(uri, query, info)


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
        parameter = info.parameters[names.index(key)]
        if not equals or not value:
            raise UserError(
                f"`{uri}`: `{key}` needs a value, for example `{key}={parameter.example}`."
            )
        if parameter.kind == "count" and not re.fullmatch(r"\d{1,3}", value):
            raise UserError(
                f"`{uri}`: `{key}={value}` is no number of agents; expected 0 to 999, for example `{key}=4`."
            )
        if parameter.choices and value not in parameter.choices:
            raise UserError(
                f"`{uri}`: `{key}={value}`: expected {' or '.join(f'`{choice}`' for choice in parameter.choices)}, "
                f"for example `{key}={parameter.example}`.{did_you_mean(value, parameter.choices)}"
            )
        given[key] = value
    return given
