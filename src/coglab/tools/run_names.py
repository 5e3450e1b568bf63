"""Names of runs: what they may look like, and the one that is made up when none is given."""

from __future__ import annotations

import getpass
import re
import time

from coglab.config import UserError
from coglab.policies.pretrained import PREFIX as RESERVED_PREFIX
from coglab.policies.registry import registered_names

MAX_LENGTH = 120
_ALLOWED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def check_run_name(name: str) -> None:
    """Refuse a name that is no plain folder name, or that a policy has.

    Args:
        name: the name of a run; its folder below `train_dir` has the same name.

    Raises:
        UserError: with a name that would do.
    """
    suggestion = re.sub(r"[^A-Za-z0-9._-]+", "-", name)
    suggestion = re.sub(r"\.{2,}", ".", suggestion).strip("-._")[:MAX_LENGTH] or "first"
    if not _ALLOWED.fullmatch(name) or ".." in name or len(name) > MAX_LENGTH:
        raise UserError(
            f"`run={name[:200]}`: a run's name is a folder's name: letters, digits, `.`, `_` and `-` "
            f"(beginning with a letter or digit, no `..`, at most {MAX_LENGTH} characters). "
            f"For example `run={suggestion}`."
        )
    if name in registered_names() or name.startswith(RESERVED_PREFIX):
        raise UserError(
            f"`run={name}`: `metta://policy/{name}` is a policy's name, so no run can have it. "
            f"For example `run=my-{name}`."
        )


def default_run_name() -> str:
    """Make up the name of a run that was given none: `local.<user>.<date>.<time>`."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container may have a user id without a name
        user = "user"
    user = re.sub(r"[^A-Za-z0-9_-]+", "-", user) or "user"
    return f"local.{user}.{time.strftime('%Y%m%d.%H%M%S')}"
