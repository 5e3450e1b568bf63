"""Reads what a user typed after `=`, and configuration files, into text, lists and maps of text.

Every scalar stays text: the type of the field that receives it decides what `on`, `001` or `12:30:45` means.
Files are YAML without its traps: no tags, anchors, merges, implicit types or repeated keys, and of bounded size.
Not here: which keys exist (`validate.py`) and how values are combined (`layers.py`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from yaml.tokens import ScalarToken

from coglab.config.errors import UserError

MAX_VALUE_CHARS = 65_536
MAX_FILE_BYTES = 262_144
MAX_DEPTH = 32
NULLS = ("null", "None", "~")
_BLANK = "\0 \t\r\n\x85\u2028\u2029"

Tree = Any
"""None, text, a list of trees, or a map from text to trees."""


class _Loader(yaml.BaseLoader):
    """PyYAML's scanner, with one rule of YAML 1.2: `?` is an ordinary character inside plain text in braces.

    Without it `{policy_uri: metta://policy/cogsguard?gear=10}` would need quotes.
    """

    def scan_plain(self) -> ScalarToken:
        if not self.flow_level:
            return super().scan_plain()
        start = end = self.get_mark()
        text, spaces = "", ""
        while self.peek() != "#":
            length = 0
            while not self._ends_plain(length):
                length += 1
            if length == 0:
                break
            self.allow_simple_key = False
            text += spaces + self.prefix(length)
            self.forward(length)
            end = self.get_mark()
            spaces = "".join(self.scan_plain_spaces(self.indent + 1, start) or ())
            if not spaces:
                break
        return ScalarToken(text, True, start, end)

    def _ends_plain(self, offset: int) -> bool:
        char = self.peek(offset)
        return (
            char in _BLANK
            or char in ",[]{}"
            or (char == ":" and self.peek(offset + 1) in _BLANK + ",[]{}")
        )


def read_value(text: str, name: str) -> Tree:
    """Read one value as typed on the command line.

    Args:
        text: what follows the first `=`.
        name: the key before it, for messages.

    Returns:
        None for a bare `null`, `None` or `~`; a map or list if the text starts with `{` or `[`; else the text itself.

    Raises:
        UserError: the text starts like a map or list and is not one.
    """
    if len(text) > MAX_VALUE_CHARS:
        raise UserError(
            f"`{name}` is {len(text):,} characters long; at most {MAX_VALUE_CHARS:,} are read. "
            "Put it in a file and name that with `--config FILE`."
        )
    if text in NULLS:
        return None
    if text.lstrip()[:1] in ("{", "["):
        return _read_yaml(text, f"`{name}`")
    return text


def read_file(path: Path) -> dict[str, Tree]:
    """Read a configuration file.

    Args:
        path: a YAML file whose top level is a map, such as `trainer: ...`.

    Returns:
        The map. Dots in keys are not yet split.

    Raises:
        UserError: there is no such file, or it is too large, not UTF-8, not YAML, or not a map.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
        text = data.decode("utf-8")
    except (OSError, UnicodeDecodeError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UserError(f"--config {path}: cannot be read: {reason}.") from None
    if len(data) > MAX_FILE_BYTES:
        raise UserError(f"--config {path}: larger than {MAX_FILE_BYTES:,} bytes.")
    tree = _read_yaml(text, f"--config {path}")
    if tree is None:
        return {}
    if not isinstance(tree, dict):
        raise UserError(
            f"--config {path}: expected `key: value` lines at the top level, such as `trainer:`; "
            f"this file holds {_kind(tree)}."
        )
    return tree


def _kind(tree: Tree) -> str:
    return "a list" if isinstance(tree, list) else "plain text"


def _read_yaml(text: str, where: str) -> Tree:
    """Build the tree from the parser's events, without recursion, so that depth is ours to bound.

    Args:
        text: a YAML document.
        where: what it is, for messages.

    Returns:
        The tree; None for an empty document.
    """
    stack: list[_Open] = []
    root = _Open(where, [])
    top = root
    try:
        for event in yaml.parse(text, Loader=_Loader):
            if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
                raise _refused(where, event, "anchors and aliases (`&name`, `*name`) are not read")
            if getattr(event, "tag", None):
                raise _refused(where, event, "tags (`!name`) are not read")
            if isinstance(event, yaml.ScalarEvent):
                top.add(event, _scalar(event, top, where))
            elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
                if len(stack) >= MAX_DEPTH:
                    raise _refused(where, event, f"more than {MAX_DEPTH} levels deep")
                held: Any = {} if isinstance(event, yaml.MappingStartEvent) else []
                top.add(event, held)
                stack.append(top)
                top = _Open(where, held)
            elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
                top = stack.pop()
            elif isinstance(event, yaml.DocumentStartEvent) and root.held:
                raise _refused(where, event, "only one document is read")
    except yaml.YAMLError as error:
        raise UserError(_explain(error, text, where)) from None
    return root.held[0] if root.held else None


class _Open:
    """A map or list that is being filled."""

    def __init__(self, where: str, held: Any) -> None:
        self.where = where
        self.held = held
        self.key: str | None = None

    def add(self, event: yaml.Event, tree: Tree) -> None:
        """Take the next key, value or item."""
        if isinstance(self.held, list):
            self.held.append(tree)
        elif self.key is not None:
            self.held[self.key] = tree
            self.key = None
        elif not isinstance(event, yaml.ScalarEvent):
            raise _refused(self.where, event, "a key must be plain text")
        elif event.value in self.held:
            raise _refused(self.where, event, f"the key `{event.value}` is given twice")
        elif event.value == "<<" and not event.style:  # in quotes it is a name like any other
            raise _refused(self.where, event, "merges (`<<`) are not read")
        else:
            self.key = event.value


def _scalar(event: yaml.ScalarEvent, top: _Open, where: str) -> str | None:
    """Read a scalar: plain `null`, `None`, `~` are None; a missing value is an error; the rest stays text."""
    is_key = isinstance(top.held, dict) and top.key is None
    if is_key or event.style:
        return str(event.value)
    if event.value in NULLS:
        return None
    if event.value == "" and top.key is not None:
        hint = ""
        if ":" in top.key:
            name, _, value = top.key.partition(":")
            hint = f" Write a space after the colon: `{name}: {value}`."
        raise _refused(
            where, event, f"`{top.key}` has no value; `null` is a value, `{{}}` too.{hint}"
        )
    return str(event.value)


def _refused(where: str, event: yaml.Event, reason: str) -> UserError:
    mark = event.start_mark
    place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark is not None else ""
    return UserError(f"{where}: {place}{reason.rstrip('.')}.")


def _explain(error: yaml.YAMLError, text: str, where: str) -> str:
    """Say where the text stops being YAML, with the line and a caret under the place."""
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error)
    if mark is None:
        return f"{where}: cannot be read: {problem}."
    lines = text.splitlines() or [""]
    line = lines[min(mark.line, len(lines) - 1)]
    start = max(0, mark.column - 60)
    shown = line[start : mark.column + 20]
    problem = problem.replace("<stream end>", "the end of the text").replace("'", "`")
    return (
        f"{where}: cannot be read as a map or list: {problem}, line {mark.line + 1}, column {mark.column + 1}\n"
        f"    {shown}\n    {' ' * (mark.column - start)}^\n"
        'Quote text that contains `,`, `: `, `#` or brackets, for example `{policy_uri: "metta://policy/teacher"}`.'
    )
