"""Finds what a target names: a recipe by its full or short name, in two words, or a module of the user's own."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import pkgutil
import sys
import traceback
import typing
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from coglab.config import UserError, nearest
from coglab.tools.base import Tool

RECIPE_PACKAGES = ("recipes.prod", "recipes.experiment")

TOOL_MODULES = {"runs": "coglab.tools.runs"}
"""Short name -> module of tools that need no recipe: `runs.ls`, or in two words `runs ls`."""


class BrokenRecipeError(Exception):
    """A module of recipes raised something while it was imported. The text says what and where."""


@dataclass(frozen=True)
class Target:
    """Something that makes a tool.

    Attributes:
        name: full dotted name.
        maker: a function that returns a tool, or a tool class.
        tool_class: the class of the tool that it makes.
    """

    name: str
    maker: Callable[..., Tool]
    tool_class: type[Tool]

    @property
    def short_name(self) -> str:
        """The name without the package of recipes: `cogsguard.train`."""
        for package in RECIPE_PACKAGES:
            if self.name.startswith(package + "."):
                return self.name[len(package) + 1 :]
        for short, module in TOOL_MODULES.items():
            if self.name.startswith(module + "."):
                return f"{short}.{self.tool_class.type_name()}"
        return self.name

    @property
    def parameters(self) -> dict[str, inspect.Parameter]:
        """Parameters of a recipe function, with their types resolved; none for a tool class."""
        if isinstance(self.maker, type):
            return {}
        types = typing.get_type_hints(self.maker, include_extras=True)
        return {
            name: parameter.replace(annotation=types.get(name, Any))
            for name, parameter in inspect.signature(self.maker).parameters.items()
            if parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
        }

    @property
    def summary(self) -> str:
        """The first sentence of the docstring."""
        text = (inspect.getdoc(self.maker) or "").strip()
        return text.splitlines()[0] if text else ""


def recipe_modules() -> list[str]:
    """List the modules of the recipe packages without importing them."""
    names = []
    for package in RECIPE_PACKAGES:
        try:
            spec = importlib.util.find_spec(package)
        except ModuleNotFoundError:
            continue
        places = spec.submodule_search_locations if spec else None
        names += [f"{package}.{m.name}" for m in pkgutil.iter_modules(places or [])]
    return [*sorted(names), *TOOL_MODULES.values()]


def load_module(name: str) -> ModuleType:
    """Import a module of recipes.

    Args:
        name: full dotted name.

    Raises:
        BrokenRecipeError: importing it raised anything, `SystemExit` included.
    """
    try:
        return importlib.import_module(name)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise BrokenRecipeError(_where(error)) from error


def _where(error: BaseException) -> str:
    """Name an error and the line of the user's file that it came from."""
    text = f"{type(error).__name__}: {error}".strip()
    if isinstance(error, SyntaxError) and error.filename:
        return f"{text.partition(' (')[0]} ({error.filename}, line {error.lineno})"
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if "importlib" not in frame.filename and frame.filename != __file__
    ]
    return f"{text} ({frames[-1].filename}, line {frames[-1].lineno})" if frames else text


def makers(module: ModuleType) -> list[Target]:
    """List what makes tools in a module: functions annotated to return one, and tool classes, defined there.

    Args:
        module: an imported module.

    Returns:
        Targets in the order of the file.

    Raises:
        BrokenRecipeError: a function's annotations cannot be resolved.
    """
    targets = []
    for name, value in vars(module).items():
        if name.startswith("_") or getattr(value, "__module__", None) != module.__name__:
            continue
        try:
            tool_class = _made_by(value)
        except Exception as error:
            text = f"{type(error).__name__}: {error}"
            place = f"{module.__file__}, function {name}"
            raise BrokenRecipeError(f"{text} ({place})") from error
        if tool_class is not None:
            targets.append(Target(f"{module.__name__}.{name}", value, tool_class))
    return targets


def _made_by(value: object) -> type[Tool] | None:
    made: object = value
    if inspect.isfunction(value):
        made = typing.get_type_hints(value).get("return")
    return made if isinstance(made, type) and issubclass(made, Tool) and made is not Tool else None


def find(words: Sequence[str]) -> tuple[Target, list[str]]:
    """Find the target that a command line begins with.

    Args:
        words: target, or tool and recipe, then arguments.

    Returns:
        The target and the words behind it.

    Raises:
        UserError: nothing has this name; the text lists what has.
        BrokenRecipeError: its module cannot be imported.
    """
    first, rest = words[0], list(words[1:])
    # A dotted name says it all. What follows may then be anything, and is not to be taken for a module.
    target = _look_up(first) if "." in first else None
    if target is not None:
        return target, rest
    if rest and "=" not in rest[0] and not rest[0].startswith("-"):
        for name in (f"{rest[0]}.{first}", f"{first}.{rest[0]}"):
            target = _look_up(name)
            if target is not None:
                return target, rest[1:]
    target = _look_up(first)
    if target is None:
        raise _not_found(first)
    return target, rest


def _look_up(name: str) -> Target | None:
    """Look a dotted name up among the recipes, then among all modules that can be imported."""
    module_name, _, attribute = name.rpartition(".")
    if not all(part.isidentifier() for part in name.split(".")) or not module_name:
        return None
    # Recipes first, so that a documented command means the same in whatever folder it is typed.
    candidates = [f"{package}.{module_name}" for package in RECIPE_PACKAGES]
    candidates += [TOOL_MODULES[module_name]] if module_name in TOOL_MODULES else [module_name]
    for candidate in candidates:
        if not _exists(candidate):
            continue
        targets = makers(load_module(candidate))
        for target in targets:
            if target.name == f"{candidate}.{attribute}":
                return target
        for target in targets:
            if target.tool_class.type_name() == attribute:
                return target
    return None


def _exists(module_name: str) -> bool:
    if module_name in sys.modules:
        return True
    try:
        return importlib.util.find_spec(module_name) is not None
    except (ModuleNotFoundError, ValueError):
        return False
    except Exception as error:  # a package above it fails to import
        raise BrokenRecipeError(_where(error)) from error


def all_targets() -> tuple[list[Target], dict[str, str]]:
    """Import every recipe.

    Returns:
        What makes tools, and for every module that cannot be imported its error.
    """
    targets: list[Target] = []
    broken: dict[str, str] = {}
    for name in recipe_modules():
        try:
            targets += makers(load_module(name))
        except BrokenRecipeError as error:
            broken[name] = str(error)
    return targets, broken


def _not_found(name: str) -> UserError:
    targets, _ = all_targets()
    of_type = [t.short_name for t in targets if t.tool_class.type_name() == name]
    of_recipe = [t.short_name for t in targets if name in t.name.split(".")[:-1]]
    choices = of_type or of_recipe
    if choices:
        return UserError(f"`{name}` alone says too little; there are {', '.join(choices)}.")
    names = [n for t in targets for n in (t.short_name, t.name)]
    guess = nearest(name, names)
    hint = f" Did you mean `{guess}`?" if guess else ""
    if "=" in name:
        hint = " The target comes first, for example `cogsguard.train run=first`."
    return UserError(
        f"nothing is called `{name}`.{hint} There are {', '.join(t.short_name for t in targets)}; "
        "`--list` says what they do. A module of your own works too, if it can be imported."
    )
