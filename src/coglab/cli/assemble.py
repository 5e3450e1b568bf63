"""Makes a tool from a target and what the user typed, and keeps track of where every value came from."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from coglab.cli.targets import Target
from coglab.config import Config, UserError, build
from coglab.config.layers import (
    KeyPath,
    all_values,
    dotted,
    flatten,
    given_values,
    merge,
    nest_dotted,
    read_arguments,
    show_value,
)
from coglab.config.validate import build_parameter, explain
from coglab.config.values import Tree, read_file
from coglab.tools.base import Tool

COMMAND_LINE = "command line"


@dataclass(frozen=True)
class Value:
    """One value of a resolved tool.

    Attributes:
        path: where it is kept.
        value: what it is.
        default: what it would be if nobody had set it.
        origin: `default`, `recipe`, the name of a file, `command line`, or `derived` from other values.
    """

    path: KeyPath
    value: Any
    default: Any
    origin: str

    @property
    def departs(self) -> bool:
        """Whether it differs from the default."""
        return bool(self.value != self.default)


@dataclass(frozen=True)
class Assembled:
    """A tool, ready to run.

    Attributes:
        target: what made it.
        tool: the resolved tool.
        values: every value of it.
        placed: for each thing that was given, where it went; `--verbose` prints this.
    """

    target: Target
    tool: Tool
    values: list[Value]
    placed: list[str]


def assemble(target: Target, arguments: Sequence[str], files: Sequence[Path] = ()) -> Assembled:
    """Call the recipe, lay files and arguments over what it returns, validate once, resolve.

    Args:
        target: what makes the tool.
        arguments: `key=value` words.
        files: configuration files, in order.

    Returns:
        The resolved tool and the origin of its values.

    Raises:
        UserError: something that was given does not fit; the text names all such things.
    """
    given, origins = _read(_named(target.tool_class, arguments), files)
    parameters = target.parameters
    bound = {name: given.pop(name) for name in list(given) if name in parameters}
    plain = _call(target, {})
    made = _call(target, bound) if bound else plain
    if made is None:
        missing = [n for n, p in parameters.items() if p.default is p.empty and n not in bound]
        raise UserError(
            f"`{target.short_name}` needs {', '.join(f'`{name}=...`' for name in missing)}."
        )
    cls = type(made)
    below = cls.canonical(given_values(made))
    canonical = cls.canonical(given)
    tool = build(cls, merge(below, canonical), origins=origins, also=parameters)
    by_parameter = _changed(plain, made)
    _check_parameters(bound, by_parameter, flatten(canonical), tool)
    tool = tool.resolve()

    origin_of = _canonical_origins(cls, canonical, origins)
    parameter_origin = ", ".join(
        dict.fromkeys(o for path, o in origins.items() if path[0] in bound)
    )
    origin_of |= {path: parameter_origin for path in by_parameter if path not in origin_of}
    from_recipe = set(flatten(cls.canonical(given_values(plain)))) if plain is not None else set()
    placed = [
        f"{name}={show_value(value)}: parameter of {target.short_name}"
        for name, value in bound.items()
    ] + [
        f"{dotted(path)}={show_value(value)}: {origins.get(path)}"
        for path, value in flatten(given).items()
    ]
    return Assembled(target, tool, list(_values(tool, origin_of, from_recipe)), placed)


def _named(cls: type[Tool], arguments: Sequence[str]) -> list[str]:
    """Give bare words the name of the setting that they stand for, where the tool has one: `runs show first`."""
    name = cls.POSITIONAL
    bare = [word for word in arguments if "=" not in word]
    if name is None or not bare:
        return list(arguments)
    value = bare[0] if len(bare) == 1 else json.dumps(bare)
    return [*(word for word in arguments if "=" in word), f"{name}={value}"]


def _read(
    arguments: Sequence[str], files: Sequence[Path]
) -> tuple[dict[str, Tree], dict[KeyPath, str]]:
    """Read files, then arguments over them, and where each leaf came from."""
    given: dict[str, Tree] = {}
    origins: dict[KeyPath, str] = {}
    for file in files:
        tree = nest_dotted(read_file(file))
        given = merge(given, tree)
        origins |= dict.fromkeys(flatten(tree), str(file))
    tree = read_arguments(arguments)
    origins |= dict.fromkeys(flatten(tree), COMMAND_LINE)
    return merge(given, tree), origins


def _call(target: Target, bound: Mapping[str, Tree]) -> Tool | None:
    """Call the maker with validated arguments; None if it needs more than it is given."""
    parameters = target.parameters
    arguments = {
        name: _argument(name, value, parameters[name].annotation, parameters[name].default)
        for name, value in bound.items()
    }
    if any(p.default is p.empty and name not in bound for name, p in parameters.items()):
        return None
    try:
        tool = target.maker(**arguments)
    except ValidationError as error:
        # The recipe put an argument into a configuration that does not take it.
        cls = next((c for c in _subclasses(Config) if c.__name__ == error.title), Config)
        raise UserError(explain(cls, {}, error, (), {})) from None
    if not isinstance(tool, Tool):
        raise TypeError(f"{target.name} returned {type(tool).__name__}, not a Tool")
    return tool


def _argument(name: str, value: Tree, annotation: Any, default: object) -> Any:
    if isinstance(default, Config) and isinstance(value, dict):
        return build(type(default), merge(given_values(default), value), prefix=(name,))
    if isinstance(default, dict) and isinstance(value, dict):
        value = merge(default, value)
    return build_parameter(annotation, name, value, default)


def _subclasses(cls: type[Config]) -> list[type[Config]]:
    return [inner for sub in cls.__subclasses__() for inner in (sub, *_subclasses(sub))]


def _changed(plain: Tool | None, made: Tool) -> dict[KeyPath, Any]:
    """List the values that the given parameters changed in what the recipe returns."""
    before = flatten(all_values(plain)) if plain is not None else {}
    after = flatten(all_values(made))
    return {path: value for path, value in after.items() if before.get(path, before) != value}


def _check_parameters(
    bound: Mapping[str, Tree],
    by_parameter: Mapping[KeyPath, Any],
    typed: Mapping[KeyPath, Tree],
    tool: Tool,
) -> None:
    """Refuse a parameter and a setting that decide the same value differently."""
    final = flatten(all_values(tool))
    for path, value in by_parameter.items():
        if path in typed and final.get(path) != value:
            names = ", ".join(f"{name}={show_value(v)}" for name, v in bound.items())
            raise UserError(
                f"two spellings of one value disagree: `{dotted(path)}={show_value(final.get(path))}` and "
                f"`{names}`, which sets it to {show_value(value)}. Give one of them."
            )


def _canonical_origins(
    cls: type[Tool], canonical: Mapping[str, Tree], origins: Mapping[KeyPath, str]
) -> dict[KeyPath, str]:
    """Find the origin of each value after the spellings were made one."""
    sources = {place: typed for typed, place in cls.SPELLINGS.items()}
    origin_of = {}
    for path in flatten(canonical):
        typed = sources.get(path, path)
        near = [o for p, o in origins.items() if p[: len(typed)] == typed or typed[: len(p)] == p]
        # `enabled` has no spelling of its own in `teacher={...}`: it follows from the rest.
        origin_of[path] = near[-1] if near else "derived"
    return origin_of


def _values(tool: Tool, origin_of: Mapping[KeyPath, str], from_recipe: set[KeyPath]) -> list[Value]:
    defaults = flatten(_defaults(tool, None))
    values = []
    for path, value in flatten(all_values(tool)).items():
        if any(path[: len(typed)] == typed or path == typed[:1] for typed in tool.SPELLINGS):
            continue  # said in its other spelling
        default = defaults.get(path)
        # A list or map that was given as a whole is the origin of what is inside it.
        origin = next(
            (origin_of[path[:n]] for n in range(len(path), 0, -1) if path[:n] in origin_of), ""
        )
        if not origin:
            origin = (
                "default" if value == default else "recipe" if path in from_recipe else "derived"
            )
        values.append(Value(path, value, default, origin))
    return values


def _defaults(config: Config, default: object) -> dict[str, Any]:
    """List the defaults of a configuration, of the kinds that it has."""
    if type(default) is not type(config):
        default = None
    fields = type(config).fields_by_key()
    below = dict(default.entries()) if isinstance(default, Config) else {}
    tree: dict[str, Any] = {}
    for key, value in config.entries():
        expected = below.get(key, fields[key].get_default(call_default_factory=True))
        if isinstance(value, Config):
            tree[key] = _defaults(value, expected)
            if "kind" in tree[key] and isinstance(expected, Config):
                tree[key]["kind"] = dict(expected.entries()).get("kind")
        else:
            tree[key] = list(expected) if isinstance(expected, tuple) else expected
    return tree
