"""Prints what a command resolves to: `--show`, `--dry-run`, `--verbose`, `--list`."""

from __future__ import annotations

from coglab.cli.assemble import Assembled
from coglab.cli.targets import RECIPE_PACKAGES, Target
from coglab.cli.text import bold
from coglab.config.layers import dotted, show_value


def show(assembled: Assembled) -> str:
    """List every resolved value with its origin.

    Args:
        assembled: what a command resolves to.

    Returns:
        One line per value; `*` marks those that differ from the defaults, and the default is named behind them.
    """
    rows = []
    for value in assembled.values:
        mark = "*" if value.departs else " "
        origin = value.origin
        if value.departs:
            origin += f" (default {show_value(value.default)})"
        rows.append((mark, dotted(value.path), show_value(value.value), origin))
    name_width = max(len(name) for _, name, _, _ in rows)
    value_width = min(44, max(len(text) for _, _, text, _ in rows))
    lines = [
        f"{assembled.target.name} ({type(assembled.tool).__name__}); * differs from the default"
    ]
    for mark, name, text, origin in rows:
        line = f"{mark} {name:<{name_width}} = {text:<{value_width}}  {origin}"
        lines.append(bold(line) if mark == "*" else line)
    return "\n".join(lines)


def dry_run(assembled: Assembled) -> str:
    """Say what would run.

    Args:
        assembled: what a command resolves to.

    Returns:
        The tool's plan, below a line that says that everything fits.
    """
    lines = [f"  {line}" for line in assembled.tool.plan()]
    return "\n".join([f"{assembled.target.name} resolves and fits; it would run:", *lines])


def listing(targets: list[Target], broken: dict[str, str], name: str | None) -> str:
    """List recipes.

    Args:
        targets: what makes tools.
        broken: modules that cannot be imported, and why.
        name: only recipes or tools of this name; None for all.

    Returns:
        One line per recipe, grouped by module.
    """
    wanted = [
        target
        for target in targets
        if name is None or name in target.name.split(".") or name == target.tool_class.type_name()
    ]
    modules: dict[str, list[Target]] = {}
    for target in wanted:
        modules.setdefault(target.name.rpartition(".")[0], []).append(target)
    column = max((len(target.short_name) for target in wanted), default=0)
    lines = []
    for module, inside in modules.items():
        lines.append(bold(module))
        lines += [f"  {target.short_name:<{column}}  {target.summary}" for target in inside]
    for module, reason in broken.items():
        if name is None or name in module.split("."):
            lines += [bold(module), f"  cannot be imported: {reason}"]
    if not lines:
        where = f"called {name} " if name else ""
        lines.append(f"No recipe {where}in {' or '.join(RECIPE_PACKAGES)}.")
    return "\n".join(lines)
