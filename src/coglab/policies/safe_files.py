"""Writing and reading the files of a checkpoint so that a kill, a full disk or a stranger cannot do harm.

A checkpoint is a folder. It is written under a hidden name, flushed to the disk and renamed, so that a folder with a
checkpoint's name is always complete. Imports neither torch nor numba.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import stat
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from coglab.config import UserError

WRITING, TRASH = ".writing-", ".trash-"
"""Beginnings of the hidden names of folders that are being written or deleted."""


def write_folder(parent: Path, name: str, files: Mapping[str, bytes]) -> Path:
    """Write a folder of files so that it appears complete or not at all.

    Args:
        parent: existing folder on the disk that gets the new one.
        name: name of the new folder; must not exist yet.
        files: contents by file name.

    Returns:
        The new folder.
    """
    draft = Path(tempfile.mkdtemp(prefix=f"{WRITING}{name}-", dir=parent))
    try:
        for file_name, content in files.items():
            with open(draft / file_name, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        draft.chmod(0o755)
        flush_folder(draft)
        target = parent / name
        draft.rename(target)
        flush_folder(parent)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    return target


def remove_folder(folder: Path) -> None:
    """Delete a folder; a kill on the way never leaves a damaged one under its name."""
    doomed = Path(tempfile.mkdtemp(prefix=f"{TRASH}{folder.name}-", dir=folder.parent))
    folder.rename(doomed / folder.name)
    shutil.rmtree(doomed, ignore_errors=True)


def remove_leftovers(parent: Path) -> None:
    """Delete what killed processes left half written or half deleted in `parent`."""
    for entry in parent.iterdir():
        if entry.name.startswith((WRITING, TRASH)) and not entry.is_symlink():
            shutil.rmtree(entry, ignore_errors=True)


def flush_folder(folder: Path) -> None:
    """Flush a folder's list of names to the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def read_file(path: Path, advice: str) -> bytes:
    """Read a regular file that is no symbolic link.

    Args:
        path: the file.
        advice: what to do if it cannot be read; ends the message.

    Returns:
        Its content.

    Raises:
        UserError: it is missing, a link, no regular file, or unreadable.
    """
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | os.O_NONBLOCK)
        with os.fdopen(handle, "rb") as file:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise UserError(f"{path} is not a regular file. {advice}")
            return file.read()
    except FileNotFoundError:
        raise UserError(f"{path} does not exist. {advice}") from None
    except OSError as error:
        raise UserError(
            f"{path} cannot be read ({error.strerror}); symbolic links are not followed. {advice}"
        ) from None


def read_json(path: Path, advice: str) -> dict[str, Any]:
    """Read a JSON object; arguments and errors as in `read_file`, also if the text is no JSON object."""
    content = read_file(path, advice)
    try:
        data = json.loads(content)
    except (ValueError, RecursionError):
        data = None
    if not isinstance(data, dict):
        raise UserError(f"{path} is damaged: it holds no JSON object. {advice}")
    return data


def fingerprint(content: bytes) -> dict[str, Any]:
    """Size and SHA-256 of a file's content."""
    return {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def json_bytes(data: Mapping[str, Any]) -> bytes:
    """Render JSON-able data as the content of a file."""
    return (json.dumps(data, indent=1, allow_nan=False) + "\n").encode()
