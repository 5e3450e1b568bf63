"""Where the parts of a network are found by name.

A part is a class in a file of `models/components/` under `@component("name")`; a recurrent cell is one in
`models/cells/` under `@cell("letter")`. To add one, add a file: the folders are searched, no list needs editing.
`policy_architecture.components={actor_mlp: my_mlp}` then puts it in place of a stock part.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from typing import Any, TypeVar

from coglab.config.errors import UserError, did_you_mean

_Class = TypeVar("_Class", bound=type)

_COMPONENTS: dict[str, type] = {}
_CELLS: dict[str, type] = {}


def component(name: str) -> Callable[[_Class], _Class]:
    """Register the decorated class as the component `name`."""

    def register(cls: _Class) -> _Class:
        _COMPONENTS[name] = cls
        return cls

    return register


def cell(letter: str) -> Callable[[_Class], _Class]:
    """Register the decorated class as the recurrent cell that `letter` stands for in a cortex pattern."""

    def register(cls: _Class) -> _Class:
        _CELLS[letter] = cls
        return cls

    return register


def _import_all(package_name: str) -> None:
    package = importlib.import_module(package_name)
    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"{package_name}.{module.name}")


def find_component(name: str) -> Any:
    """Look up a component class.

    Args:
        name: the registered name.

    Returns:
        The class.

    Raises:
        UserError: no component has that name.
    """
    _import_all("coglab.models.components")
    if name not in _COMPONENTS:
        raise UserError(
            f"there is no network component `{name}`.{did_you_mean(name, _COMPONENTS)} "
            f"Components: {', '.join(sorted(_COMPONENTS))}."
        )
    return _COMPONENTS[name]


def find_cell(letter: str) -> Any:
    """Look up a recurrent cell class.

    Args:
        letter: its letter in cortex patterns.

    Returns:
        The class.

    Raises:
        UserError: no cell has that letter.
    """
    _import_all("coglab.models.cells")
    if letter not in _CELLS:
        raise UserError(
            f"the cortex pattern names a cell `{letter}` that does not exist. "
            f"Cells: {', '.join(sorted(_CELLS))}; a pattern has one per layer, for example `G` or `GG`."
        )
    return _CELLS[letter]
