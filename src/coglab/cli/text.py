"""Plain text for the terminal: width, wrapping, and bold where a terminal shows it."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap


def width() -> int:
    """Columns to fill: those of the terminal, at most 110, which is as much as an eye follows."""
    return min(110, shutil.get_terminal_size((100, 24)).columns)


def bold(text: str) -> str:
    """Make text bold on a terminal, unless `NO_COLOR` asks for plain text."""
    if sys.stdout.isatty() and not os.environ.get("NO_COLOR"):
        return f"\x1b[1m{text}\x1b[0m"
    return text


def paragraph(text: str, indent: int) -> str:
    """Wrap one paragraph to the terminal's width.

    Args:
        text: the paragraph.
        indent: spaces before every line.
    """
    return textwrap.fill(
        " ".join(text.split()),
        width(),
        initial_indent=" " * indent,
        subsequent_indent=" " * indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
