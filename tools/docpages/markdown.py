"""Pieces of Markdown."""

from __future__ import annotations

from collections.abc import Sequence

GENERATED = "<!-- Made by tools/make_docs.py from the code; edit there. -->"


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table; `|` in cells is escaped."""

    def line(cells: Sequence[object]) -> str:
        return "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |"

    return "\n".join([line(header), line(["---"] * len(header)), *map(line, rows)])


def page(*blocks: str) -> str:
    """Blocks with blank lines between them, and the remark that the page is generated."""
    return "\n\n".join([GENERATED, *(block.strip("\n") for block in blocks)]) + "\n"
