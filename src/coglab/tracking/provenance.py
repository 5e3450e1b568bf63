"""Which code ran: version, commit, packages."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path
from typing import Any

import coglab

_PACKAGES = ("numpy", "numba", "torch", "pydantic", "wandb")


def code_facts() -> dict[str, Any]:
    """Collect what is needed to get the same code again.

    Returns:
        `version` of coglab; `commit` of the checkout it was imported from and whether tracked files differ from it
        (`dirty`), both None outside a checkout; `packages`, name -> version.
    """
    commit = _git("rev-parse", "HEAD")
    changes = _git("status", "--porcelain", "--untracked-files=no") if commit else None
    packages = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            packages[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return {
        "version": coglab.__version__,
        "commit": commit,
        "dirty": None if changes is None else bool(changes),
        "packages": packages,
    }


def _git(*arguments: str) -> str | None:
    """Ask git about the checkout that this package lies in; None if there is no answer."""
    folder = Path(__file__).resolve().parent
    try:
        answer = subprocess.run(
            ["git", "-C", str(folder), *arguments],
            capture_output=True,
            text=True,
            timeout=5,
            check=False,
            # Asking must not touch the index: another git may be at work in the same checkout.
            env={**os.environ, "GIT_OPTIONAL_LOCKS": "0"},
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip() if answer.returncode == 0 else None
