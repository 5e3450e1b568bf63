"""The scripted teachers of machina_1 by name, and how a teacher's URI is read.

Light on purpose (no numpy, no kernels): `--help`, `--dry-run` and error messages read it. How they play is in `teacher.py`
and `decide.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from coglab.games.teacher_uris import PREFIX, Parameter, TeacherInfo, read_uri

Style = Literal["solo", "quartet"]

STYLE = Parameter(
    "style",
    "choice",
    "`solo` (default): every agent gathers for itself and crafts one heart at a time; `quartet`: agents gather two "
    "shares each and craft four hearts together, for 62.5 % of the price of single ones",
    get_args(Style),
)

TEACHERS: dict[str, TeacherInfo] = {
    info.name: info
    for info in (
        TeacherInfo(
            "dinky",
            f"{PREFIX}dinky:v15",
            "gathers the four elements, crafts hearts and takes them to the chest",
            "the teacher of the runs of January 2026, as far as it is known; makes every heart that a map has material for",
            "solo hearts cost 1.6 times as much as those of `style=quartet`",
            "baseline",
            (STYLE,),
            version="v15",
        ),
    )
}


@dataclass(frozen=True)
class DinkySpec:
    """dinky with its parameters, as read from a URI."""

    uri: str
    name: str = "dinky"
    style: Style = "solo"


def parse_teacher_uri(uri: str) -> DinkySpec:
    """Read a teacher's URI, for example `metta://policy/dinky:v15?style=quartet`; the prefix may be missing.

    Args:
        uri: the URI.

    Returns:
        The teacher and its parameters.

    Raises:
        UserError: no such teacher, version, parameter or value; the message names the nearest one.
    """
    info, given = read_uri(uri, TEACHERS, f"{PREFIX}dinky:v15")
    style: Style = given.get("style", "solo")  # type: ignore[assignment]
    return DinkySpec(uri, info.name, style)
