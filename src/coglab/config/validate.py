"""Turns a tree of values into a configuration, once, and explains what does not fit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from coglab.config.base import Config
from coglab.config.describe import (
    config_classes,
    documentation,
    example,
    expectation,
    inner_class,
    walk,
)
from coglab.config.errors import UserError, did_you_mean, nearest
from coglab.config.layers import KeyPath, dotted, show_value
from coglab.config.values import Tree

C = TypeVar("C", bound=Config)
MAX_SHOWN = 8
_MISSING = object()


def build(
    cls: type[C],
    tree: Mapping[str, Tree],
    *,
    prefix: KeyPath = (),
    origins: Mapping[KeyPath, str] | None = None,
    also: Iterable[str] = (),
) -> C:
    """Validate a whole tree into a new configuration.

    Args:
        cls: the configuration class.
        tree: values by key; text is converted by the type of its field.
        prefix: the path of this configuration inside what the user typed, for messages.
        origins: where leaves came from, for messages.
        also: names that would have been right at the top level besides its keys.

    Returns:
        The configuration.

    Raises:
        UserError: with one paragraph for each key that is unknown, missing, or holds what its field cannot take.
    """
    try:
        return cls.model_validate(dict(tree))
    except ValidationError as error:
        raise UserError(explain(cls, tree, error, prefix, origins or {}, also)) from None


def build_parameter(annotation: Any, name: str, value: Tree, default: object) -> Any:
    """Validate the value of one function parameter.

    Args:
        annotation: the parameter's type.
        name: its name.
        value: what was given.
        default: its default, for the example.

    Returns:
        The converted value.

    Raises:
        UserError: the type cannot take the value.
    """
    try:
        return TypeAdapter(annotation).validate_python(value)
    except ValidationError as error:
        reasons = _reasons(error.errors(include_url=False))
        raise UserError(_misfit((name,), value, annotation, (), default, reasons, "")) from None


def explain(
    cls: type[Config],
    tree: Mapping[str, Tree],
    error: ValidationError,
    prefix: KeyPath,
    origins: Mapping[KeyPath, str],
    also: Iterable[str] = (),
) -> str:
    """Write what is wrong with a tree.

    Args:
        cls: the class that it was meant for.
        tree: what was given.
        error: what pydantic said.
        prefix: as in `build`.
        origins: as in `build`.
        also: as in `build`.

    Returns:
        One paragraph per key.
    """
    by_path: dict[KeyPath, list[ErrorDetails]] = {}
    for detail in error.errors(include_url=False):
        path = _path(cls, tree, detail)
        by_path.setdefault(path, []).append(detail)
    # Where a union was tried, an error inside one of its members says more than one about the whole.
    paragraphs = [
        _paragraph(cls, tree, path, details, prefix, origins, list(also))
        for path, details in by_path.items()
    ]
    more = len(paragraphs) - MAX_SHOWN
    return "\n".join([*paragraphs[:MAX_SHOWN], *([f"... and {more} more."] if more > 0 else [])])


def _path(cls: type[Config], tree: Mapping[str, Tree], detail: ErrorDetails) -> KeyPath:
    """Reduce pydantic's location to the keys that the user typed: it also names union members and validators."""
    path: list[str] = []
    owner: type[Config] | None = cls
    value: Any = tree
    field: FieldInfo | None = None
    location = list(detail["loc"])
    for index, part in enumerate(location):
        is_last = index == len(location) - 1
        if owner is not None and part in owner.fields_by_key():
            field = owner.fields_by_key()[str(part)]
            value = (
                value.get(part) if isinstance(value, Mapping) else getattr(value, str(part), None)
            )
            owner = inner_class(field, value)
            path.append(str(part))
        elif owner is not None:
            if is_last and detail["type"] == "extra_forbidden":
                path.append(str(part))
        elif (inner := _value(value, (str(part),))) is not _MISSING:
            path.append(str(part))
            value = inner
    return tuple(path)


def _paragraph(
    cls: type[Config],
    tree: Mapping[str, Tree],
    path: KeyPath,
    details: list[ErrorDetails],
    prefix: KeyPath,
    origins: Mapping[KeyPath, str],
    also: list[str],
) -> str:
    types = {detail["type"] for detail in details}
    origin = origins.get((*prefix, *path), "")
    source = f" (from {origin})" if origin not in ("", "command line") else ""
    if "extra_forbidden" in types:
        return _unknown(cls, tree, path, prefix, source, also)
    field = _field(cls, tree, path) if path else None
    name = dotted((*prefix, *path)) or cls.__name__
    if "missing" in types and field is not None:
        would = example(field.annotation, None)
        owner = _owner(cls, tree, path[:-1]) or cls
        text = documentation(owner).get(path[-1], "")
        return f"`{name}` is missing; expected {_expects(field)}, such as `{name}={would}`. {text}".rstrip()
    given = _value(tree, path)
    parent = _field(cls, tree, path[:-1]) if path else None
    if field is None and parent is not None:  # an item of a list or map: show the whole
        name, field, given = dotted((*prefix, *path[:-1])), parent, _value(tree, path[:-1])
    if field is None or ("value_error" in types and config_classes(field.annotation)):
        # A rule about several keys: its own words say all there is to say.
        return f"`{name}`{source}: " + "; ".join(_reasons(details))
    if given is _MISSING:
        given = details[0]["input"]
    if types & {"union_tag_invalid", "union_tag_not_found"}:
        return _unknown_kind(name, given, field, source)
    return _misfit(
        tuple(name.split(".")),
        given,
        field.annotation,
        tuple(field.metadata),
        field.default,
        _reasons(details),
        source,
    )


def _unknown(
    cls: type[Config],
    tree: Mapping[str, Tree],
    path: KeyPath,
    prefix: KeyPath,
    source: str,
    also: list[str],
) -> str:
    owner = _owner(cls, tree, path[:-1]) or cls
    valid = list(owner.fields_by_key())
    if len(path) == 1:
        valid = list(dict.fromkeys([*also, *valid]))
    where = dotted((*prefix, *path[:-1]))
    hint = ""
    guess = nearest(path[-1], valid)
    kind = _kind_with(cls, tree, path)
    if kind:
        hint = f" It belongs to another kind: `{where}={{kind: {kind}, {path[-1]}: ...}}`."
    elif guess:
        hint = f" Did you mean `{dotted((*prefix, *path[:-1], guess))}`?"
    else:
        elsewhere = [p for p, _ in walk(cls) if p[-1] == path[-1]]
        if elsewhere:
            hint = f" Did you mean `{dotted((*prefix, *elsewhere[0]))}`?"
    holder = f"`{where}` has" if where else "There are"
    return (
        f"unknown key `{dotted((*prefix, *path))}`{source}.{hint}\n"
        f"    {holder} these keys: {', '.join(valid)}."
    )


def _kind_with(cls: type[Config], tree: Mapping[str, Tree], path: KeyPath) -> str | None:
    """Find the other kind of the field above `path` that has this key."""
    field = _field(cls, tree, path[:-1]) if len(path) > 1 else None
    for other in config_classes(field.annotation) if field is not None else ():
        if path[-1] in other.model_fields and "kind" in other.model_fields:
            return str(other.model_fields["kind"].default)
    return None


def _unknown_kind(name: str, given: object, field: FieldInfo, source: str) -> str:
    kinds = [str(c.model_fields["kind"].default) for c in config_classes(field.annotation)]
    kind = given.get("kind") if isinstance(given, Mapping) else given
    choices = ", ".join(f"`{k}`" for k in kinds)
    return (
        f"`{name}`{source}: `{show_value(kind)}` is none of {choices}.{did_you_mean(str(kind), kinds)} "
        f"For example `{name}={kinds[0]}` or `{name}={{kind: {kinds[0]}}}`."
    )


def _misfit(
    path: KeyPath,
    given: object,
    annotation: Any,
    metadata: tuple[Any, ...],
    default: object,
    reasons: list[str],
    source: str,
) -> str:
    name = dotted(path)
    expected = expectation(annotation, metadata)
    would = example(annotation, default, given)
    choices = [word.strip("`") for word in expected.replace(",", " ").split() if word[0] == "`"]
    items = given if isinstance(given, list | tuple) else [given]
    slips = [item for item in items if isinstance(item, str) and item not in choices]
    hint = did_you_mean(slips[0], choices) if slips else ""
    extra = f" ({'; '.join(reasons)})" if reasons else ""
    return (
        f"`{name}`{source}: `{show_value(given)}` given, {expected} expected{extra}.{hint} "
        f"For example `{name}={would}`."
    )


def _reasons(details: list[ErrorDetails]) -> list[str]:
    """Keep the sentences that our own checks wrote; pydantic's are said better by `expectation`."""
    return list(
        dict.fromkeys(
            str(detail["ctx"]["error"]).rstrip(".")
            for detail in details
            if detail["type"] == "value_error" and "error" in detail.get("ctx", {})
        )
    )


def _expects(field: FieldInfo) -> str:
    return expectation(field.annotation, tuple(field.metadata))


def _value(tree: object, path: KeyPath) -> object:
    for part in path:
        if isinstance(tree, Mapping):
            tree = tree.get(part, _MISSING)
        elif isinstance(tree, list | tuple) and part.isdigit() and int(part) < len(tree):
            tree = tree[int(part)]
        else:
            return _MISSING
    return tree


def _owner(cls: type[Config], tree: Mapping[str, Tree], path: KeyPath) -> type[Config] | None:
    """Find the class whose keys lie below `path`."""
    if not path:
        return cls
    field = _field(cls, tree, path)
    return inner_class(field, _value(tree, path)) if field is not None else None


def _field(cls: type[Config], tree: Mapping[str, Tree], path: KeyPath) -> FieldInfo | None:
    """Find the field at `path`."""
    owner = _owner(cls, tree, path[:-1]) if path else None
    return owner.fields_by_key().get(path[-1]) if owner is not None else None
