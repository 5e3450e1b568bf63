"""The report as one HTML file: no script, nothing loaded from elsewhere, every text escaped."""

from __future__ import annotations

import base64
from functools import cache
from importlib.resources import files
from typing import Any

from coglab.analysis import blocks
from coglab.analysis.blocks import Report, inline, is_plain_url


def html(report: Report, figures: dict[str, str], alternatives: dict[str, str]) -> str:
    """Render the report.

    Args:
        report: the blocks.
        figures: path -> SVG text; embedded as data.
        alternatives: path -> what the figure shows, in words.
    """
    data = {
        path: "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()
        for path, svg in figures.items()
    }
    headings = [
        block for block in report.blocks if isinstance(block, blocks.Heading) and block.level == 2
    ]
    return _template().render(
        report=report,
        figures=data,
        alternatives=alternatives,
        kind=_kind,
        inline=inline,
        contents=headings,
        is_url=is_plain_url,
        is_short=_is_short,
    )


def _kind(block: Any) -> str:
    return type(block).__name__


def _is_short(value: Any) -> bool:
    """Whether a cell is better kept on one line."""
    return len(value if isinstance(value, str) else getattr(value, "text", "x" * 99)) <= 26


@cache
def _template() -> Any:
    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(
        files("coglab.analysis").joinpath("report.html.j2").read_text(encoding="utf-8")
    )
