"""The base class of tools."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Self

from coglab.config import Config, UserError, build
from coglab.config.layers import KeyPath, given_values
from coglab.config.values import Tree


class Tool(Config):
    """Something that can be run: a configuration with `run() -> exit code`.

    Life of a tool: a recipe makes it, the command line lays the user's values over it, `resolve()` fills in what
    follows from them and checks what belongs together, and `run()` does the work.
    """

    SPELLINGS: ClassVar[Mapping[KeyPath, KeyPath]] = {}
    """Where `canonical` moves values that may be typed in two ways: path as typed -> path in the configuration."""

    POSITIONAL: ClassVar[str | None] = None
    """The setting that bare words stand for, `first` in `runs show first`; None if every word needs its `key=`."""

    def processes(self, asked: int | Literal["auto"] | None) -> int:
        """Say in how many processes of this machine the tool runs.

        Args:
            asked: what `nproc=` says, None without it.

        Returns:
            At least 1.

        Raises:
            UserError: the tool does not run in several processes.
        """
        if asked not in (None, 1):
            raise UserError(
                f"`{self.type_name()}` runs in one process; nproc={asked} is for `train`. Leave it out."
            )
        return 1

    @classmethod
    def type_name(cls) -> str:
        """Name the tool as users type it: `TrainTool` is `train`."""
        name = cls.__name__.removesuffix("Tool")
        return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()

    @classmethod
    def canonical(cls, tree: Mapping[str, Tree]) -> dict[str, Tree]:
        """Rewrite what one source gave into one spelling.

        Args:
            tree: values by key, from one source (the user, or a recipe).

        Returns:
            A new tree in which every value has one place.

        Raises:
            UserError: two spellings of one value disagree.
        """
        return dict(tree)

    def resolve(self) -> Self:
        """Fill in what follows from the given values, and check what belongs together.

        Returns:
            A tool that says everything explicitly; resolving it again changes nothing.

        Raises:
            UserError: values do not fit each other.
        """
        return type(self)._checked(self.canonical(given_values(self)))

    @classmethod
    def _checked(cls, tree: Mapping[str, Tree]) -> Self:
        tool = build(cls, tree)
        tool.check()
        return tool

    def check(self) -> None:
        """Check what belongs together in a resolved tool.

        Raises:
            UserError: values do not fit each other.
        """

    def plan(self) -> list[str]:
        """Say in a few lines what running the resolved tool would do; `--dry-run` prints them."""
        return []

    def dump(self) -> dict[str, Any]:
        """Write the tool as JSON-able values; `load` makes an equal tool of them."""
        return self.model_dump(mode="json")

    @classmethod
    def load(cls, values: Mapping[str, Any]) -> Self:
        """Make the tool that `dump` wrote.

        Args:
            values: what `dump` returned, or what was read from `config.json`.

        Raises:
            UserError: the values are those of another tool or version.
        """
        return build(cls, values)

    def run(self) -> int:
        """Do the work.

        Returns:
            The exit code: 0 for success.
        """
        raise NotImplementedError(type(self).__name__)
