"""The report as blocks, and blocks as Markdown. What is written here is text; nothing in it is taken for markup.

Inside text, a pair of backticks marks code. A name from outside may hold backticks and shift that; it stays text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from coglab.analysis.text import cell, clean, code


@dataclass(frozen=True)
class Code:
    """Text in code font: names, keys, values."""

    text: str


@dataclass(frozen=True)
class Strong:
    """Text that stands out."""

    text: str


@dataclass(frozen=True)
class Link:
    """A link to a web page; only http and https."""

    url: str


Cell = str | Code | Strong | Link
"""What a table's cell holds."""


@dataclass
class Heading:
    """A heading; `anchor` is what links to it name."""

    text: str
    level: int = 2

    @property
    def anchor(self) -> str:
        """The heading's name in links."""
        return re.sub(r"[^a-z0-9]+", "-", self.text.lower()).strip("-")[:60]


@dataclass
class Text:
    """A paragraph; `grade` and `anchor` are shown behind it."""

    text: str
    grade: str | None = None
    anchor: str | None = None


@dataclass
class Items:
    """A list of sentences."""

    items: list[Text]
    is_numbered: bool = False


@dataclass
class Table:
    """A table; numbers stand right. On a page, one with a `fold` is shut until that text is clicked."""

    header: list[str]
    rows: list[list[Cell]]
    right: frozenset[int] = frozenset()
    caption: str = ""
    more: int = 0
    fold: str = ""


@dataclass
class Listing:
    """A block of code."""

    text: str
    language: str = ""


@dataclass
class Figure:
    """A picture beside the report."""

    file: str
    title: str


@dataclass
class Note:
    """A box."""

    text: str


Block = Heading | Text | Items | Table | Listing | Figure | Note


@dataclass
class Report:
    """Title and blocks."""

    title: str
    facts: list[tuple[str, str]] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)


_INLINE = re.compile(r"`([^`]*)`")


def inline(text: str) -> list[tuple[bool, str]]:
    """Split text into pieces `(is code, piece)`."""
    pieces: list[tuple[bool, str]] = []
    end = 0
    for match in _INLINE.finditer(text):
        if match.start() > end:
            pieces.append((False, text[end : match.start()]))
        pieces.append((True, match.group(1)))
        end = match.end()
    if end < len(text):
        pieces.append((False, text[end:]))
    return pieces


def _paragraph(text: str, limit: int = 2_000) -> str:
    return "".join(
        code(piece, limit) if is_code else cell(piece, limit)
        for is_code, piece in inline(clean(text, limit))
    )


def _cell(content: Cell) -> str:
    if isinstance(content, Code):
        return code(content.text) if content.text else ""
    if isinstance(content, Strong):
        return f"**{cell(content.text)}**"
    if isinstance(content, Link):
        return f"<{content.url}>" if is_plain_url(content.url) else code(content.url)
    return _paragraph(content, 300)


def is_plain_url(url: str) -> bool:
    """Whether an address from outside may become a link."""
    return re.fullmatch(r"https?://[A-Za-z0-9._~:/?#@!&'*+,;=%-]{1,300}", url) is not None


def markdown(report: Report) -> str:
    """The report as Markdown, with a newline at its end."""
    lines = [f"# {_paragraph(report.title)}", ""]
    lines += [f"> **{cell(name)}:** {_paragraph(value)}  " for name, value in report.facts]
    lines.append("")
    for block in report.blocks:
        lines += [*_lines(block), ""]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).rstrip() + "\n"


def _lines(block: Block) -> Iterable[str]:
    if isinstance(block, Heading):
        return ["#" * block.level + " " + _paragraph(block.text)]
    if isinstance(block, Text):
        return [_sentence(block)]
    if isinstance(block, Note):
        return [f"> {_paragraph(block.text)}"]
    if isinstance(block, Items):
        return [
            (f"{i + 1}. " if block.is_numbered else "- ") + _sentence(item)
            for i, item in enumerate(block.items)
        ]
    if isinstance(block, Listing):
        fence = "`" * max(
            3, max((len(run) for run in re.findall(r"`+", block.text)), default=0) + 1
        )
        return [fence + block.language, block.text.rstrip("\n"), fence]
    if isinstance(block, Figure):
        return [f"![{cell(block.title)}]({block.file})"]
    return _table(block)


def _sentence(block: Text) -> str:
    tail = ""
    if block.grade is not None:
        shown = f"grade {block.grade}" if len(block.grade) == 1 else block.grade
        tail = f" _[{shown}]_" if block.anchor is None else f" [_{shown}_](#{block.anchor})"
    return _paragraph(block.text) + tail


def _table(table: Table) -> list[str]:
    rows = [[_cell(content) for content in row] for row in table.rows]
    header = [cell(name) for name in table.header]
    widths = [max([len(header[i]), 3, *(len(row[i]) for row in rows)]) for i in range(len(header))]

    def line(cells: Sequence[str]) -> str:
        padded = [
            c.rjust(w) if i in table.right else c.ljust(w)
            for i, (c, w) in enumerate(zip(cells, widths, strict=True))
        ]
        return "| " + " | ".join(padded) + " |"

    rule = (
        "| "
        + " | ".join(
            "-" * (w - 1) + ":" if i in table.right else "-" * w for i, w in enumerate(widths)
        )
        + " |"
    )
    lines = [line(header), rule, *(line(row) for row in rows)]
    if table.more:
        lines += ["", f"{table.more} more rows are in `analysis.json`."]
    if table.caption:
        lines += ["", _paragraph(table.caption)]
    return lines
