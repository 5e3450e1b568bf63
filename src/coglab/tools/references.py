"""Checks of what a configuration refers to, policies and teachers by URI, before anything heavy is imported."""

from __future__ import annotations

from importlib.util import find_spec

from coglab.config import UserError

SCHEMES = ("metta://policy/", "file://")
PLANNED_TEACHERS = ("metta://policy/dinky:v15",)
"""Teachers of games that are still to come: configurations with them resolve, runs with them do not start."""


def check_policy(uri: str, key: str) -> None:
    """Refuse what is no policy URI.

    Args:
        uri: for example `metta://policy/first:latest`.
        key: where it was given, for the message.

    Raises:
        UserError: the URI names no kind of policy. Whether a run or file exists is seen when it is loaded.
    """
    if not uri.startswith(SCHEMES) or uri in SCHEMES:
        raise UserError(
            f"`{key}`: `{uri}` is no policy URI; expected `metta://policy/NAME` (a scripted policy or a run, "
            f"`:v3` or `:latest` behind it) or `file://PATH`. For example `{key}=metta://policy/first:latest`."
        )


def check_teacher(uri: str, key: str) -> None:
    """Refuse what is no teacher.

    Args:
        uri: for example `metta://policy/cogsguard?gear=10`.
        key: where it was given, for the message.

    Raises:
        UserError: there is no such teacher, or it does not take these parameters.
    """
    check_policy(uri, key)
    if uri in PLANNED_TEACHERS or find_spec("coglab.games.cogsguard.teachers.registry") is None:
        return
    from coglab.games.cogsguard.teachers.registry import parse_teacher_uri

    parse_teacher_uri(uri)


def require_teacher(uri: str) -> None:
    """Refuse a teacher that resolves but cannot play yet.

    Args:
        uri: a URI that `check_teacher` accepted.

    Raises:
        UserError: with a teacher that can.
    """
    if uri in PLANNED_TEACHERS:
        raise UserError(
            f"the teacher `{uri}` plays machina_1, which cannot be played yet. "
            "For CogsGuard use `metta://policy/cogsguard?gear=10`."
        )
