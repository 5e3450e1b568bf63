"""Shell completion: a script for each shell, which asks `--complete` what could come next.

The answer comes from the recipes and the configuration classes themselves, in a fraction of a second, so nothing
has to be kept up to date. Completion never prints an error: a shell has no place for it.
"""

from __future__ import annotations

import shlex
import typing
from collections.abc import Iterator, Sequence
from pathlib import Path

from coglab.cli.options import FLAGS, SHELLS
from coglab.config import Config
from coglab.config.describe import config_classes, members

SCRIPTS = {
    "bash": """\
# coglab completion for bash: eval "$(./tools/run.py --completion bash)"
_coglab_run() {
    local line="${COMP_LINE:0:COMP_POINT}" IFS=$'\\n'
    compopt -o nospace 2>/dev/null
    COMPREPLY=($("${COMP_WORDS[0]}" --complete bash "$COMP_WORDBREAKS" "$line" 2>/dev/null))
}
complete -o default -F _coglab_run run.py ./tools/run.py tools/run.py""",
    "zsh": """\
# coglab completion for zsh: eval "$(./tools/run.py --completion zsh)"
_coglab_run() {
    local -a found
    found=("${(@f)$("${words[1]}" --complete zsh "" "$LBUFFER" 2>/dev/null)}")
    compadd -S '' -Q -- $found
}
compdef _coglab_run run.py ./tools/run.py tools/run.py""",
    "fish": """\
# coglab completion for fish: ./tools/run.py --completion fish | source
function __coglab_run
    set -l words (commandline -opc)
    $words[1] --complete fish "" (commandline -cp) 2>/dev/null
end
complete -c run.py -f -a '(__coglab_run)'""",
}


def script(shell: str) -> str:
    """Return the completion script of a shell.

    Args:
        shell: `bash`, `zsh` or `fish`.
    """
    return SCRIPTS[shell]


def complete(arguments: Sequence[str]) -> int:
    """Print what could come next.

    Args:
        arguments: the shell, the characters at which it breaks words, and the line up to the cursor.

    Returns:
        0, always.
    """
    if len(arguments) != 3:
        return 0
    _, breaks, line = arguments
    try:
        words, current = _split(line)
        found = sorted(set(candidates(words, current)))
    except Exception:  # a half-typed line may be anything
        return 0
    # A shell that breaks words at `=` or `:` replaces only what follows the last of them.
    kept = max((current.rfind(char) + 1 for char in breaks if char in "=:"), default=0)
    for text in found:
        print(text[kept:])
    return 0


def _split(line: str) -> tuple[list[str], str]:
    """Split a line into whole words behind the program's name and the word that is being typed."""
    try:
        words = shlex.split(line)
    except ValueError:  # inside quotes
        words = line.split()
    current = "" if not words or line[-1:].isspace() else words.pop()
    return words[1:], current


def candidates(words: Sequence[str], current: str) -> Iterator[str]:
    """Yield what the word that is being typed could become.

    Args:
        words: the words before it, without the program's name.
        current: what has been typed of it.

    Yields:
        Whole words that begin with `current`.
    """
    for text in _all_candidates(words, current):
        if text.startswith(current):
            yield text


def _all_candidates(words: Sequence[str], current: str) -> Iterator[str]:
    if words and words[-1] == "--completion":
        yield from SHELLS
        return
    if words and words[-1] == "--config":
        folder = Path(current).parent if not current.endswith("/") else Path(current)
        yield from (str(p) + ("/" if p.is_dir() else " ") for p in folder.iterdir())
        return
    if current.startswith("-"):
        yield from (f"{flag} " for flag in FLAGS)
        return
    from coglab.cli.targets import all_targets, find

    plain = [word for word in words if not word.startswith("-")]
    if not plain:
        targets, _ = all_targets()
        yield from (f"{target.short_name} " for target in targets)
        if current.startswith("recipes"):
            yield from (f"{target.name} " for target in targets)
        yield from {f"{target.tool_class.type_name()} " for target in targets}
        return
    try:
        target, _ = find(plain)
    except Exception:
        # A tool's name, of which the recipe is to follow.
        for candidate in all_targets()[0]:
            recipe, _, maker = candidate.short_name.rpartition(".")
            if plain[-1] in (maker, candidate.tool_class.type_name()):
                yield f"{recipe} "
        return
    name, equals, _ = current.partition("=")
    if equals:
        parameter = target.parameters.get(name)
        annotation = parameter.annotation if parameter else _annotation(target.tool_class, name)
        yield from (f"{name}={value} " for value in _choices(annotation))
        return
    if "." not in name:
        yield from (f"{parameter}=" for parameter in target.parameters)
    yield from _keys(target.tool_class, name)


def _keys(cls: type[Config], name: str) -> Iterator[str]:
    """Yield the keys one level below what has been typed: a dot where more follow, else `=`."""
    *parents, _ = name.split(".")
    classes: list[type[Config]] = [cls]
    for key in parents:
        classes = [
            inner
            for owner in classes
            if key in owner.fields_by_key()
            for inner in config_classes(owner.fields_by_key()[key].annotation)
        ]
    prefix = "".join(f"{key}." for key in parents)
    for owner in classes:
        for key, field in owner.fields_by_key().items():
            yield prefix + key + ("." if config_classes(field.annotation) else "=")


def _annotation(cls: type[Config], name: str) -> object:
    *parents, last = name.split(".")
    for key in parents:
        field = cls.fields_by_key().get(key)
        inner = config_classes(field.annotation) if field is not None else []
        if not inner:
            return None
        cls = inner[0]
    field = cls.fields_by_key().get(last)
    return field.annotation if field is not None else None


def _choices(annotation: object) -> Iterator[str]:
    for member in members(annotation):
        if typing.get_origin(member) is typing.Literal:
            yield from (str(choice) for choice in typing.get_args(member))
        elif member is bool:
            yield from ("true", "false")
        elif (
            isinstance(member, type)
            and issubclass(member, Config)
            and "kind" in member.model_fields
        ):
            yield str(member.model_fields["kind"].default)
