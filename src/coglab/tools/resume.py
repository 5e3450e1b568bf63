"""What a run keeps from its first start when the same name is given again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from coglab.config import UserError
from coglab.config.layers import merge, show_value
from coglab.training.config import TEACHER_LOSSES

if TYPE_CHECKING:
    from coglab.tools.train import TrainTool

CONFIG_FILE = "config.json"

FROZEN: tuple[tuple[str, ...], ...] = (
    ("training_env", "game"),
    ("policy_architecture",),
    ("system", "seed"),
)
"""Settings that make another run of it: giving other values under the same name is an error."""

KEPT: tuple[tuple[str, ...], ...] = tuple(
    ("trainer", "losses", name, "steps") for name in TEACHER_LOSSES
)
"""Settings that follow from others at the first start and stay as they were, so that extending a run moves nothing."""


def read_saved_config(run_dir: Path) -> dict[str, Any] | None:
    """Read the configuration with which a run was begun.

    Args:
        run_dir: the run's folder.

    Returns:
        The saved values, or None if the run has never begun.

    Raises:
        UserError: the file is damaged.
    """
    path = run_dir / CONFIG_FILE
    try:
        saved = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise UserError(
            f"{path} cannot be read ({error}). Give the run another name, or move {run_dir} away."
        ) from error
    if not isinstance(saved, dict):
        raise UserError(
            f"{path} does not hold a configuration. Give the run another name, or move {run_dir} away."
        )
    return saved


def continue_from(tool: TrainTool, saved: dict[str, Any]) -> tuple[TrainTool, list[str]]:
    """Lay what a run keeps over a new start of it.

    Args:
        tool: what was asked for now, resolved.
        saved: the configuration of the first start.

    Returns:
        The tool to run, and a line for every setting that is kept or that differs from the last start.

    Raises:
        UserError: a setting differs that a run cannot change.
    """
    given = tool.dump()
    notes = []
    for path in FROZEN:
        old, new = _lookup(saved, path), _lookup(given, path)
        if path == ("policy_architecture",) and isinstance(new, dict) and new.get("kind") == "auto":
            given = merge(given, _nest(path, old))
        elif old != new:
            name, was, now = first_difference(".".join(path), old, new)
            raise UserError(
                f"run `{tool.run_name}` was begun with {name}={show_value(was)}, "
                f"now {name}={show_value(now)} is given. "
                f"A run keeps this; use another name, for example run={tool.run_name}-2, "
                f"with initial_policy_uri=metta://policy/{tool.run_name} to start from its weights."
            )
    for path in KEPT:
        old, new = _lookup(saved, path), _lookup(given, path)
        if old != new and old is not None:
            notes.append(f"{'.'.join(path)} stays {show_value(old)}, as at the first start")
            given = merge(given, _nest(path, old))
    old_total = _lookup(saved, ("trainer", "total_timesteps"))
    new_total = _lookup(given, ("trainer", "total_timesteps"))
    if old_total != new_total:
        notes.append(
            f"trainer.total_timesteps is now {show_value(new_total)}, before {show_value(old_total)}"
        )
    return type(tool).load(given), notes


def _lookup(tree: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        tree = tree.get(key) if isinstance(tree, dict) else None
    return tree


def _nest(path: tuple[str, ...], value: Any) -> dict[str, Any]:
    for key in reversed(path):
        value = {key: value}
    return value


def first_difference(name: str, old: Any, new: Any) -> tuple[str, Any, Any]:
    """Walk down to the first value that differs.

    Args:
        name: dotted path of the two trees.
        old: one tree.
        new: another, different one.

    Returns:
        The path of that value, and what the two trees have there.
    """
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(old.keys() | new.keys()):
            if old.get(key) != new.get(key):
                return first_difference(f"{name}.{key}", old.get(key), new.get(key))
    return name, old, new
