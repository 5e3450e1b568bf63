"""Which checkpoints a run has. Imports neither torch nor numba.

Layout: `<data folder>/<run>/checkpoints/v<N>/policy.json` and the files beside it, see `checkpoints.py`.
"""

from __future__ import annotations

import re
from pathlib import Path

from coglab.config import UserError
from coglab.policies.safe_files import read_json

FOLDER = "checkpoints"
POLICY = "policy.json"
_VERSION = re.compile(r"v(0|[1-9][0-9]{0,17})")


def list_checkpoints(run_dir: Path | str) -> list[Path]:
    """Folders of a run's checkpoints, oldest version first; their files are not looked at."""
    parent = Path(run_dir) / FOLDER
    if not parent.is_dir():
        return []
    found = [entry for entry in parent.iterdir() if _VERSION.fullmatch(entry.name)]
    return sorted((e for e in found if e.is_dir() and not e.is_symlink()), key=version_of)


def version_of(path: Path) -> int:
    """N of a checkpoint folder `v<N>`."""
    return int(path.name[1:])


def latest_checkpoint(run_dir: Path | str) -> Path | None:
    """The checkpoint with the highest version, None if the run has none."""
    found = list_checkpoints(run_dir)
    return found[-1] if found else None


def best_checkpoint(run_dir: Path | str) -> Path | None:
    """The checkpoint with the highest score (the newest of equals; the latest if no score is known)."""
    found = list_checkpoints(run_dir)
    scored = [
        (score, version_of(path), path) for path in found if (score := score_of(path)) is not None
    ]
    if scored:
        return max(scored)[2]
    return found[-1] if found else None


def score_of(path: Path) -> float | None:
    """Score noted in a checkpoint folder, None if unknown or unreadable."""
    try:
        score = read_json(path / POLICY, "").get("score")
    except UserError:
        return None
    return float(score) if isinstance(score, float | int) else None


def list_runs(data_dir: Path | str) -> list[str]:
    """Names of the runs with at least one checkpoint, alphabetically."""
    root = Path(data_dir)
    if not root.is_dir():
        return []
    return sorted(entry.name for entry in root.iterdir() if list_checkpoints(entry))
