"""Says in words what a field takes and what would work; walks the fields of a configuration by path."""

from __future__ import annotations

import ast
import inspect
import itertools
import types
import typing
from collections.abc import Iterator
from functools import cache
from typing import Any, Literal

import annotated_types
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from coglab.config.base import MAX_COUNT, Config
from coglab.config.layers import KeyPath, show_value


def members(annotation: Any) -> list[Any]:
    """Take a type apart: `Annotated` is opened, unions become their members."""
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated:
        return members(typing.get_args(annotation)[0])
    if origin in (typing.Union, types.UnionType):
        return [m for inner in typing.get_args(annotation) for m in members(inner)]
    return [annotation]


def config_classes(annotation: Any) -> list[type[Config]]:
    """List the configuration classes that a type admits."""
    return [m for m in members(annotation) if isinstance(m, type) and issubclass(m, Config)]


def inner_class(field: FieldInfo, value: object = None) -> type[Config] | None:
    """Find the configuration class that holds the keys below a field.

    Args:
        field: the field.
        value: what it holds or was given (a configuration, or a map with `kind`); the default where it says nothing.

    Returns:
        The class, or None if the field holds no configuration.
    """
    classes = config_classes(field.annotation)
    for candidate in (value, field.default):
        if isinstance(candidate, Config):
            return type(candidate)
        kind = candidate.get("kind") if isinstance(candidate, dict) else candidate
        for cls in classes:
            if (
                isinstance(kind, str)
                and "kind" in cls.model_fields
                and cls.model_fields["kind"].default == kind
            ):
                return cls
    return classes[0] if classes else None


@cache
def documentation(cls: type[Config]) -> dict[str, str]:
    """Read the docstrings below the fields of a configuration class, by key.

    Args:
        cls: the class; fields that it inherits are included.

    Returns:
        One paragraph per documented field; nothing where the source is not at hand.
    """
    texts: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        if not (issubclass(base, Config) and base is not Config):
            continue
        try:
            tree = ast.parse(inspect.cleandoc("\n" + inspect.getsource(base)))
        except (OSError, TypeError, SyntaxError):
            continue
        body = tree.body[0].body if isinstance(tree.body[0], ast.ClassDef) else []
        for statement, following in itertools.pairwise(body):
            if not (
                isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name)
            ):
                continue
            text = following.value if isinstance(following, ast.Expr) else None
            if isinstance(text, ast.Constant) and isinstance(text.value, str):
                texts[statement.target.id] = " ".join(text.value.split())
    return {
        field.alias or name: texts[name]
        for name, field in cls.model_fields.items()
        if name in texts
    }


def walk(cls: type[Config], prefix: KeyPath = ()) -> Iterator[tuple[KeyPath, FieldInfo]]:
    """Yield every field of a configuration class and of those inside it, parents first.

    Args:
        cls: the class. Where a field admits several kinds, the fields of each are listed.
        prefix: put before every path.
    """
    for name, field in cls.fields_by_key().items():
        path = (*prefix, name)
        yield path, field
        seen = set()
        for inner in config_classes(field.annotation):
            for inner_path, inner_field in walk(inner, path):
                if inner_path not in seen:
                    seen.add(inner_path)
                    yield inner_path, inner_field


def expectation(annotation: Any, metadata: list[Any] | tuple[Any, ...] = ()) -> str:
    """Say what a type takes.

    Args:
        annotation: the type.
        metadata: bounds that pydantic keeps beside it.

    Returns:
        For example `a whole number of at least 1, or auto`.
    """
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated:
        inner, *more = typing.get_args(annotation)
        more = [
            m
            for extra in more
            for m in (extra.metadata if isinstance(extra, FieldInfo) else [extra])
        ]
        return expectation(inner, [*more, *metadata])
    if origin in (typing.Union, types.UnionType):
        # A map is all that a user can type for any of several configuration classes.
        words = [expectation(member, metadata) for member in typing.get_args(annotation)]
        return ", or ".join(dict.fromkeys(words))
    is_number = annotation in (int, float)
    return _words(annotation) + (_bounds(metadata) if is_number else "")


def _words(annotation: Any) -> str:
    origin = typing.get_origin(annotation)
    if origin is Literal:
        choices = [f"`{choice}`" for choice in typing.get_args(annotation)]
        return choices[0] if len(choices) == 1 else "one of " + ", ".join(choices)
    if origin in (tuple, list):
        inner = [a for a in typing.get_args(annotation) if a is not Ellipsis]
        return f"a list, each item {expectation(inner[0])}" if inner else "a list"
    if origin is dict:
        key, value = typing.get_args(annotation)
        return (
            f"a map from {expectation(key)} to {expectation(value)}" if key is not Any else "a map"
        )
    if isinstance(annotation, type) and issubclass(annotation, Config):
        return "a map"
    names = {int: "a whole number", float: "a number", bool: "`true` or `false`", str: "text"}
    names |= {type(None): "`null`", dict: "a map", list: "a list", tuple: "a list", Any: "anything"}
    return names.get(annotation) or str(getattr(annotation, "__name__", annotation))


def _bounds(metadata: list[Any] | tuple[Any, ...]) -> str:
    low, high = "", ""
    for bound in metadata:
        if isinstance(bound, annotated_types.Ge):
            low = f" of at least {show_value(bound.ge)}"
        elif isinstance(bound, annotated_types.Gt):
            low = f" above {show_value(bound.gt)}"
        elif isinstance(bound, annotated_types.Le) and bound.le != MAX_COUNT:
            high = f" at most {show_value(bound.le)}"
        elif isinstance(bound, annotated_types.Lt):
            high = f" below {show_value(bound.lt)}"
    return low + (" and" if low and high else "") + high


def example(annotation: Any, default: object, given: object = None) -> str:
    """Find a value that the field would take.

    Args:
        annotation: the field's type.
        default: its default, if it has one.
        given: what was given instead; a single item is shown as a list where a list is meant.

    Returns:
        The value as a user would type it.
    """
    kinds = members(annotation)
    if any(typing.get_origin(kind) in (tuple, list) for kind in kinds) and isinstance(given, str):
        return show_value([given])
    is_plain = default is not PydanticUndefined and not isinstance(default, Config)
    if is_plain and default not in (None, (), [], {}):
        return show_value(default)
    for kind in kinds:
        if typing.get_origin(kind) is Literal:
            return show_value(typing.get_args(kind)[0])
        if typing.get_origin(kind) in (tuple, list) and typing.get_args(kind):
            return f"[{example(typing.get_args(kind)[0], None)}]"
        if typing.get_origin(kind) is dict:
            key, value = typing.get_args(kind)
            return f"{{{example(key, None)}: {example(value, None)}}}"
        if isinstance(kind, type) and issubclass(kind, Config):
            return show_value({next(iter(kind.fields_by_key())): "..."})
        known = {int: "1000", float: "0.5", bool: "true", str: "text"}.get(kind)
        if known:
            return known
    return "null"
