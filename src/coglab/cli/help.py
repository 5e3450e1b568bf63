"""Writes help from what is already written: docstrings of recipes, tools and settings."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Sequence

from pydantic_core import PydanticUndefined

from coglab.cli.options import FLAGS, SHORT
from coglab.cli.targets import Target
from coglab.cli.text import bold, paragraph
from coglab.config import Config, UserError, did_you_mean
from coglab.config.describe import config_classes, documentation, expectation, inner_class, walk
from coglab.config.layers import TAGS, KeyPath, dotted, show_value

USAGE = """\
./tools/run.py TARGET [key=value ...] [options]

  TARGET       a recipe: recipes.experiment.cogsguard.train, cogsguard.train, or two words: train cogsguard;
               or a function or tool of a module of your own
  key=value    a parameter of the recipe or a setting of its tool; dots nest: trainer.batch_size=4096,
               and so do braces: 'teacher={mode: sliced_cloner, policy_uri: "metta://policy/teacher"}'

Options
"""

FIRST_STEPS = """
First steps
  ./tools/run.py --list
  ./tools/run.py cogsguard.train --help
  ./tools/run.py cogsguard.train run=first trainer.total_timesteps=1_000_000 --dry-run
"""


def usage() -> str:
    """Describe the command itself."""
    short = {name: letter for letter, name in SHORT.items()}
    lines = []
    for name, text in FLAGS.items():
        spelled = f"{short[name]}, {name}" if name in short else f"    {name}"
        lines.append(f"  {spelled:<20} {text}")
    return USAGE + "\n".join(lines) + "\n" + FIRST_STEPS


def target_help(target: Target, names: Sequence[str] = ()) -> str:
    """Describe a recipe's parameters and the settings of its tool.

    Args:
        target: the recipe or tool.
        names: dotted names of the settings to describe; empty for all.

    Returns:
        The text.

    Raises:
        UserError: no setting has one of the names.
    """
    if names:
        return "\n".join(_part(target, name) for name in names)
    description, argument_texts = _docstring(target)
    lines = [bold(target.name), "", description, ""]
    if target.parameters:
        lines.append(bold("Parameters of the recipe"))
        for name, parameter in target.parameters.items():
            default = (
                ""
                if parameter.default is parameter.empty
                else f"; default {show_value(parameter.default)}"
            )
            lines.append(f"  {bold(name)}  ({expectation(parameter.annotation)}{default})")
            if name in argument_texts:
                lines.append(paragraph(argument_texts[name], 6))
        lines.append("")
    lines.append(bold(f"Settings ({target.tool_class.__name__})"))
    lines += _settings(target.tool_class, (), 1)
    return "\n".join(lines)


def _part(target: Target, name: str) -> str:
    path = tuple(name.split("."))
    fields = dict(walk(target.tool_class))
    if path not in fields:
        names = [dotted(p) for p in fields]
        raise UserError(f"{target.short_name} has no setting `{name}`.{did_you_mean(name, names)}")
    owner: type[Config] = target.tool_class
    for key in path[:-1]:
        owner = inner_class(owner.fields_by_key()[key]) or owner
    return "\n".join(_setting(owner, path, 0))


def _settings(cls: type[Config], prefix: KeyPath, depth: int) -> Iterator[str]:
    for key in cls.fields_by_key():
        yield from _setting(cls, (*prefix, key), depth)


def _setting(cls: type[Config], path: KeyPath, depth: int) -> Iterator[str]:
    """Describe one setting and those inside it."""
    field = cls.fields_by_key()[path[-1]]
    text = documentation(cls).get(path[-1], "")
    inner = config_classes(field.annotation)
    pad = "  " * depth
    if not inner:
        default = field.get_default(call_default_factory=True)
        shown = "; required" if default is PydanticUndefined else f"; default {show_value(default)}"
        expected = expectation(field.annotation, tuple(field.metadata))
        yield f"{pad}{bold(dotted(path))}  ({expected}{shown})"
        if text:
            yield paragraph(text, 2 * depth + 4)
        return
    yield f"{pad}{bold(dotted(path))}"
    if text:
        yield paragraph(text, 2 * depth + 4)
    for kind in inner:
        below = depth + 1
        if len(inner) > 1:
            tag = next(name for name in TAGS if name in kind.model_fields)
            yield f"{pad}  with {tag}: {kind.model_fields[tag].default}"
            below += 1
        for key in kind.fields_by_key():
            if not (len(inner) > 1 and key in TAGS):
                yield from _setting(kind, (*path, key), below)


def _docstring(target: Target) -> tuple[str, dict[str, str]]:
    """Split a Google docstring into what comes before its sections, and the texts of its arguments."""
    text = inspect.getdoc(target.maker) or ""
    description, _, rest = text.partition("\nArgs:\n")
    description = re.split(r"\n(?:Returns|Raises):\n", description)[0]
    arguments: dict[str, str] = {}
    name = ""
    for line in re.split(r"\n\S", rest)[0].splitlines():
        match = re.match(r"    (\w+)(?: \([^)]*\))?: (.*)", line)
        if match:
            name = match.group(1)
            arguments[name] = match.group(2)
        elif name and line.strip():
            arguments[name] += " " + line.strip()
    return description.rstrip(), arguments
