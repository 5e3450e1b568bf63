"""Splits the command line into options, target and `key=value` arguments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from coglab.config import UserError, did_you_mean

FLAGS = {
    "--help": "show this; with a target, its parameters and settings (`--help trainer.losses` for a part of them)",
    "--list": "list all recipes and teachers; a name (or `teachers`) narrows the list",
    "--dry-run": "resolve and check everything, say what would run, and stop",
    "--show": "print every resolved value, where it came from and which differ from the defaults, and stop",
    "--config": "read values from a YAML file first; may be repeated, later files and the command line win",
    "--completion": "print a completion script for bash, zsh or fish",
    "--version": "print the version",
    "--verbose": "say which argument goes where, and print tracebacks of errors",
}
SHORT = {"-h": "--help", "-v": "--verbose"}
SHELLS = ("bash", "zsh", "fish")


@dataclass
class CommandLine:
    """What was typed, sorted.

    Attributes:
        flags: long names of the flags that were given.
        config_files: files named with `--config`, in order.
        shell: what `--completion` was given.
        words: everything else, in order: the target, then `key=value` arguments.
    """

    flags: set[str] = field(default_factory=set)
    config_files: list[Path] = field(default_factory=list)
    shell: str | None = None
    words: list[str] = field(default_factory=list)


def parse(argv: Sequence[str]) -> CommandLine:
    """Sort the words of a command line.

    Args:
        argv: the words after the program's name. `--` ends the options.

    Returns:
        The sorted words.

    Raises:
        UserError: an option is unknown or lacks its value.
    """
    line = CommandLine()
    rest = list(argv)
    while rest:
        word = rest.pop(0)
        if word == "--":
            line.words += rest
            break
        if not word.startswith("-") or word == "-":
            line.words.append(word)
            continue
        name, equals, value = word.partition("=")
        name = SHORT.get(name, name)
        if name not in FLAGS:
            raise _unknown(word)
        if name in ("--config", "--completion"):
            if not equals:
                if not rest or rest[0].startswith("-"):
                    wanted = "a file" if name == "--config" else "one of " + ", ".join(SHELLS)
                    raise UserError(f"`{name}` needs {wanted} behind it.")
                value = rest.pop(0)
            _take_value(line, name, value)
        elif equals:
            raise UserError(f"`{name}` takes no value, but `{word}` was given.")
        line.flags.add(name)
    return line


def _take_value(line: CommandLine, name: str, value: str) -> None:
    if name == "--config":
        line.config_files.append(Path(value).expanduser())
        return
    if value not in SHELLS:
        raise UserError(
            f"`--completion {value}`: expected one of {', '.join(SHELLS)}.{did_you_mean(value, SHELLS)}"
        )
    line.shell = value


def _unknown(word: str) -> UserError:
    name = word.partition("=")[0]
    if "=" in word:
        settings = word.lstrip("-")
        return UserError(
            f"unknown option `{word}`. Settings are written without dashes: `{settings}`."
        )
    return UserError(
        f"unknown option `{name}`.{did_you_mean(name, [*FLAGS, *SHORT])} "
        f"Options are {', '.join(FLAGS)}; everything else is `key=value`."
    )
