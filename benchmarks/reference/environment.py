"""The environment in which the reference engine runs: Python 3.12 with mettagrid and cogames 0.6.0.

It lies in the user's cache folder, apart from ours: the reference needs exactly Python 3.12 and pins other versions.
Only what the simulator imports is installed, none of the reference's training dependencies.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

VERSION = "0.6.0"
PYTHON = (3, 12)
PYTHON_VARIABLE = "COGLAB_REFERENCE_PYTHON"
"""Environment variable that names a Python 3.12 when none is found."""

ENGINE = (f"mettagrid=={VERSION}", f"cogames=={VERSION}")
"""Installed without dependencies: those would bring in torch and a training framework."""

SUPPORT = (
    "numpy==2.3.3",  # the version that mettagrid 0.6.0 pins
    "pydantic>=2.12.2,<2.13",
    "pyyaml>=6.0.2",
    "importnb>=2023.11.1",
    "scipy>=1.15.3",
    "gymnasium>=1.1.1",
    "boto3>=1.38.32",
)
"""What `import mettagrid.simulator` and the stock missions import, found by trying."""

_CHECK = "import mettagrid.simulator, cogames.cogs_vs_clips.missions"


class ReferenceUnavailableError(Exception):
    """The reference environment cannot be made; the text says why and what would help."""


def cache_folder() -> Path:
    """Return the folder in which the environment lies: `$COGLAB_CACHE_DIR`, or `coglab` in the user's cache folder."""
    root = os.environ.get("COGLAB_CACHE_DIR")
    if root:
        return Path(root)
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "coglab"


def reference_python() -> Path:
    """Return the interpreter of the reference environment, which is made first if it does not exist.

    Prints what it does. Other processes that want the same environment wait.

    Raises:
        ReferenceUnavailableError: there is no Python 3.12, or the packages cannot be installed or imported.
    """
    folder = cache_folder() / f"reference-{VERSION}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _lock(folder.with_suffix(".lock")):
        python = folder / "bin" / "python"
        if not _is_ready(folder):
            _make(folder, python)
        return python


def _stamp(folder: Path) -> Path:
    return folder / "coglab.json"


def _is_ready(folder: Path) -> bool:
    try:
        return json.loads(_stamp(folder).read_text()) == [*ENGINE, *SUPPORT]
    except (OSError, ValueError):
        return False


def _make(folder: Path, python: Path) -> None:
    base = find_python()
    print(
        f"Making the reference environment in {folder} with {base} (once, about 300 MB) ...",
        flush=True,
    )
    shutil.rmtree(folder, ignore_errors=True)
    _run([str(base), "-m", "venv", str(folder)], "create a virtual environment")
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    _run([*pip, *SUPPORT], f"install {', '.join(SUPPORT)}")
    _run(
        [*pip, "--no-deps", *ENGINE],
        f"install {' and '.join(ENGINE)} (wheels exist for Linux and macOS)",
    )
    _run([str(python), "-W", "ignore", "-c", _CHECK], "import the reference engine")
    _stamp(folder).write_text(json.dumps([*ENGINE, *SUPPORT]))
    print("The reference environment is ready.", flush=True)


def find_python() -> Path:
    """Return a Python 3.12: the one in `$COGLAB_REFERENCE_PYTHON`, this one, or one that is installed beside it.

    Raises:
        ReferenceUnavailableError: none was found, or the named one is another version.
    """
    named = os.environ.get(PYTHON_VARIABLE)
    if named:
        if not _is_right_version(named):
            raise ReferenceUnavailableError(f"{PYTHON_VARIABLE}={named} is not a Python 3.12.")
        return Path(named)
    for candidate in _candidates():
        if candidate and _is_right_version(candidate):
            return Path(candidate)
    raise ReferenceUnavailableError(
        "The reference engine needs Python 3.12, and none was found on PATH, among pyenv's versions or by uv. "
        f"Install one (for example `uv python install 3.12`) or set {PYTHON_VARIABLE}=/path/to/python3.12."
    )


def _candidates() -> Iterator[str | None]:
    if sys.version_info[:2] == PYTHON:
        yield sys.executable
    yield shutil.which("python3.12")
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    yield from (str(path) for path in sorted(pyenv.glob("3.12*/bin/python"), reverse=True))
    if uv := shutil.which("uv"):
        found = subprocess.run(
            [uv, "python", "find", "3.12"], capture_output=True, text=True, check=False
        )
        yield found.stdout.strip() or None


def _is_right_version(python: str) -> bool:
    code = f"import sys; sys.exit(sys.version_info[:2] != {PYTHON})"
    try:
        return (
            subprocess.run([python, "-c", code], capture_output=True, check=False).returncode == 0
        )
    except OSError:
        return False


def _run(command: list[str], what: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        said = "\n".join((done.stderr or done.stdout).strip().splitlines()[-8:])
        raise ReferenceUnavailableError(f"Could not {what}.\n{said}")


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    try:
        import fcntl
    except ImportError as error:  # pragma: no cover  (the reference has no Windows wheels)
        raise ReferenceUnavailableError(
            "The reference engine runs on Linux and macOS only."
        ) from error
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            print(f"Waiting for another process that holds {path} ...", flush=True)
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
