"""Replay files: zlib-compressed JSON, written whole, read with care because they may come from anywhere.

What is in them is described in docs/08-replays.md. Files of a newer version are refused, not guessed at.
"""

from __future__ import annotations

import json
import os
import zlib
from pathlib import Path
from typing import Any

from coglab.config import UserError

VERSION = 1
FORMAT = "coglab.replay"
SUFFIX = ".json.z"

Document = dict[str, Any]
"""A replay as JSON-able values."""

_MAX_BYTES = 512 * 1024 * 1024
"""Unpacked size from which a file is refused: a small file can unpack to anything."""
_MAX_AGENTS, _MAX_STEPS, _MAX_SIDE, _MAX_OBJECTS = 256, 1_000_000, 1024, 100_000
_LEVEL = 9


def pack(document: Document, level: int = _LEVEL) -> bytes:
    """Compress a replay to the bytes of a file.

    Args:
        document: JSON-able.
        level: of zlib, 1 (fast) to 9 (small).
    """
    text = json.dumps(document, separators=(",", ":"), allow_nan=False, ensure_ascii=True)
    return zlib.compress(text.encode("ascii"), level)


def unpack(data: bytes, name: str = "replay") -> Document:
    """Read the bytes of a replay file.

    Args:
        data: the file.
        name: what error messages call it.

    Returns:
        The replay; its head has been checked, its tracks are checked where they are decoded.

    Raises:
        UserError: it is no replay, damaged, too large, or of a newer version.
    """
    unpacker = zlib.decompressobj()
    try:
        text = unpacker.decompress(data, _MAX_BYTES)
    except zlib.error as error:
        raise UserError(f"{name} is no replay: it cannot be decompressed ({error}).") from None
    if unpacker.unconsumed_tail:
        raise UserError(f"{name} unpacks to more than {_MAX_BYTES >> 20} MB; it is not read.")
    if not unpacker.eof:
        raise UserError(f"{name} is cut off. Record it again.")
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise UserError(f"{name} is no replay: there is no JSON in it.") from None
    _check_head(document, name)
    return document


def read(path: str | Path) -> Document:
    """Read a replay file.

    Args:
        path: `*.json.z`.

    Returns:
        The replay.

    Raises:
        UserError: there is no such file, or `unpack` refuses it.
    """
    path = Path(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UserError(
            f"`{path}`: {error.strerror or error}. Expected a replay, for example `episode{SUFFIX}`."
        ) from None
    return unpack(data, f"`{path}`")


def write(path: str | Path, data: bytes | str) -> None:
    """Write a file aside and rename it, so that a reader never sees half of it.

    Args:
        path: where to; folders are made.
        data: its content.

    Raises:
        UserError: it cannot be written there.
    """
    path = Path(path)
    raw = data.encode() if isinstance(data, str) else data
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = path.with_name(f".{path.name}.{os.getpid()}")
        aside.write_bytes(raw)
        os.replace(aside, path)
    except OSError as error:
        raise UserError(f"`{path}` cannot be written: {error.strerror or error}.") from None


def _check_head(document: Any, name: str) -> None:
    """Refuse what is no replay of this version, or has sizes that no game has."""
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise UserError(f"{name} is no coglab replay: it does not say `format: {FORMAT}`.")
    version = document.get("version")
    if version != VERSION:
        raise UserError(
            f"{name} has version {version!r}, this coglab reads version {VERSION}. "
            "Record it again, or open it with the coglab that wrote it."
        )
    width, height = _numbers(document, "map_size", name)
    limits = (
        ("num_agents", document.get("num_agents"), _MAX_AGENTS),
        ("steps", document.get("steps"), _MAX_STEPS),
        ("map_size", width, _MAX_SIDE),
        ("map_size", height, _MAX_SIDE),
    )
    for what, value, most in limits:
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
            raise UserError(f"{name}: `{what}` is {value!r}; expected 0 to {most}.")
    objects = document.get("objects")
    if not isinstance(objects, list) or len(objects) > _MAX_OBJECTS:
        raise UserError(f"{name}: `objects` is no list of at most {_MAX_OBJECTS} objects.")
    for key in ("config", "action_names", "type_names", "item_names", "walls", "collectives"):
        if key not in document:
            raise UserError(f"{name} is damaged: `{key}` is missing.")


def _numbers(document: Document, key: str, name: str) -> tuple[Any, Any]:
    value = document.get(key)
    if not isinstance(value, list) or len(value) != 2:
        raise UserError(f"{name}: `{key}` is {value!r}; expected two numbers.")
    return value[0], value[1]
