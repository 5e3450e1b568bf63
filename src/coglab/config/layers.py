"""Combines what was typed with what a recipe set: maps merge, and later layers win.

Trees are those of `values.py`; a path is a tuple of keys. Nothing here knows which keys exist.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from coglab.config.base import Config
from coglab.config.errors import UserError
from coglab.config.values import NULLS, Tree, read_value

KeyPath = tuple[str, ...]

TAGS = ("kind", "mode")
"""Fields that say which of several configuration classes a map is meant for."""


def dotted(path: Iterable[object]) -> str:
    """Spell a path as users type it: `trainer.batch_size`."""
    return ".".join(str(part) for part in path)


def read_arguments(arguments: Iterable[str]) -> dict[str, Tree]:
    """Read `key=value` arguments into one tree; the dotted form and the map form mean the same.

    Args:
        arguments: such as `trainer.batch_size=4096` and `teacher={mode: sliced_cloner}`.

    Returns:
        The tree of everything that was given.

    Raises:
        UserError: an argument is no `key=value`, or one key is given twice, or as a value and as a map.
    """
    tree: dict[str, Tree] = {}
    for argument in arguments:
        name, equals, text = argument.partition("=")
        if not equals:
            raise UserError(f"`{argument}` is not of the form `key=value`, such as `run=first`.")
        insert(tree, split_name(name, argument), read_value(text, name))
    return tree


def nest_dotted(tree: Mapping[str, Tree]) -> dict[str, Tree]:
    """Nest the dotted keys at the top level of a file: `trainer.batch_size: 4096`.

    Args:
        tree: a map as read from a file.

    Returns:
        A new map without dots in its keys.
    """
    nested: dict[str, Tree] = {}
    for name, value in tree.items():
        insert(nested, split_name(name, name), value)
    return nested


def split_name(name: str, argument: str) -> KeyPath:
    """Split a dotted key into its path.

    Args:
        name: such as `trainer.batch_size`.
        argument: what it is part of, for the message.

    Raises:
        UserError: a part between the dots is empty.
    """
    path = tuple(part.strip() for part in name.split("."))
    if not all(path):
        raise UserError(
            f"`{argument}`: `{name}` is no key; keys look like `run` or `trainer.batch_size`."
        )
    return path


def insert(tree: dict[str, Tree], path: KeyPath, value: Tree) -> None:
    """Put a value into a tree that is being collected from one source.

    Args:
        tree: changed in place.
        path: where.
        value: what.

    Raises:
        UserError: something is there already.
    """
    for depth, key in enumerate(path[:-1]):
        inner = tree.setdefault(key, {})
        if not isinstance(inner, dict):
            raise _twice(path[: depth + 1], inner, {path[depth + 1]: "..."})
        tree = inner
    _put(tree, path, value)


def _put(tree: dict[str, Tree], path: KeyPath, value: Tree) -> None:
    key = path[-1]
    if key not in tree:
        # Copied, because later arguments may add to it.
        tree[key] = _copy(value)
    elif isinstance(tree[key], dict) and isinstance(value, dict):
        for inner_key, inner in value.items():
            _put(tree[key], (*path, inner_key), inner)
    else:
        raise _twice(path, tree[key], value)


def _copy(tree: Tree) -> Tree:
    return {key: _copy(value) for key, value in tree.items()} if isinstance(tree, dict) else tree


def _twice(path: KeyPath, first: Tree, second: Tree) -> UserError:
    name = dotted(path)
    if isinstance(first, dict) != isinstance(second, dict):
        return UserError(
            f"`{name}` is given both as a value and as a map: `{name}={show_value(first)}` and "
            f"`{name}={show_value(second)}`. Give one of them."
        )
    return UserError(
        f"`{name}` is given twice: `{show_value(first)}` and `{show_value(second)}`. Give it once."
    )


def merge(base: Mapping[str, Tree], over: Mapping[str, Tree]) -> dict[str, Tree]:
    """Lay one tree over another: maps merge, everything else is replaced.

    A map whose `kind` differs replaces the map below it, since the keys of one kind mean nothing to another.

    Args:
        base: the tree below; not changed.
        over: the tree on top; not changed.

    Returns:
        A new tree.
    """
    merged = dict(base)
    for key, value in over.items():
        below = merged.get(key)
        if isinstance(below, dict) and isinstance(value, dict) and _same_kind(below, value):
            merged[key] = merge(below, value)
        else:
            merged[key] = _copy(value)
    return merged


def _same_kind(below: dict[str, Tree], value: dict[str, Tree]) -> bool:
    return "kind" not in below or "kind" not in value or below["kind"] == value["kind"]


def flatten(tree: Mapping[str, Tree], prefix: KeyPath = ()) -> dict[KeyPath, Tree]:
    """List the leaves of a tree by path; an empty map is a leaf.

    Args:
        tree: the tree.
        prefix: put before every path.
    """
    leaves: dict[KeyPath, Tree] = {}
    for key, value in tree.items():
        path = (*prefix, key)
        if isinstance(value, Mapping) and value:
            leaves.update(flatten(value, path))
        else:
            leaves[path] = value
    return leaves


def given_values(config: Config) -> dict[str, Any]:
    """List what was set when a configuration was made, without what its defaults filled in.

    Args:
        config: any configuration.

    Returns:
        A tree of Python values. `kind` and `mode` are always in it, because they say how the rest is to be read.
    """
    given = {
        field.alias or name
        for name, field in type(config).model_fields.items()
        if name in config.model_fields_set or name in TAGS
    }
    return {key: _plain(value, given_values) for key, value in config.entries() if key in given}


def all_values(config: Config) -> dict[str, Any]:
    """List every value of a configuration, defaults included, as a tree of Python values."""
    return {key: _plain(value, all_values) for key, value in config.entries()}


def _plain(value: Any, inner: Any) -> Any:
    if isinstance(value, Config):
        return inner(value)
    if isinstance(value, tuple | list):
        return [_plain(item, inner) for item in value]
    return value


def show_value(value: object) -> str:
    """Write a value so that the reader would read it back: `5_000_000_000`, `null`, `{mode: sliced_cloner}`."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int():
            return f"{value:_}" if abs(value) >= 10_000 else str(value)
        case Mapping():
            return (
                "{"
                + ", ".join(f"{_show_inner(k)}: {_show_inner(v)}" for k, v in value.items())
                + "}"
            )
        case list() | tuple():
            return "[" + ", ".join(_show_inner(item) for item in value) + "]"
    return str(value)


def _show_inner(value: object) -> str:
    """As `show_value`, with quotes round text that braces would take for something else."""
    if not isinstance(value, str) or (_PLAIN.fullmatch(value) and value not in NULLS):
        return show_value(value)
    return json.dumps(value).replace("\x7f", "\\x7f")


_PLAIN = re.compile(r"[\w./+]([\w./+ -]*[\w./+-])?", re.ASCII)
