"""The checkpoints that come with coglab: one folder each under `pretrained/`, with a card that says how good it is.

`metta://policy/pretrained-<name>` finds them wherever a policy's URI is asked for; no run can take such a name. They lie
beside the sources, not in the installed package: a wheel has none.
"""

from __future__ import annotations

from pathlib import Path

PREFIX = "pretrained-"
"""How the names begin."""

FOLDER = Path(__file__).resolve().parents[3] / "pretrained"
"""Where they are."""


def pretrained_names() -> tuple[str, ...]:
    """Names of the checkpoints that are there, as in `metta://policy/NAME`."""
    return tuple(sorted(f"{PREFIX}{path.parent.name}" for path in FOLDER.glob("*/policy.json")))


def pretrained_folder(name: str) -> Path | None:
    """Return the folder of a checkpoint, None if there is none of that name.

    Args:
        name: `pretrained-<name>`.
    """
    return FOLDER / name.removeprefix(PREFIX) if name in pretrained_names() else None
