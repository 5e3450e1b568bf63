"""Numbers, times, small charts and tables as text."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

_BLOCKS = "▁▂▃▄▅▆▇█"
_PLAIN_BLOCKS = "_.,-=+*#"


def format_number(value: float) -> str:
    """A number with about three significant digits: `0.0123`, `12.3`, `4,512`, `1.2e-05`.

    Args:
        value: any float.
    """
    if not math.isfinite(value):
        return str(value)
    size = abs(value)
    if size == 0:
        return "0"
    if size >= 1e7 or size < 1e-3:
        return f"{value:.2g}"
    if size >= 100:
        return f"{value:,.0f}"
    return f"{value:.{max(0, 2 - math.floor(math.log10(size)))}f}"


def format_count(value: float) -> str:
    """A large count: `950`, `12.3 k`, `2.10 M`, `5.00 B`.

    Args:
        value: at least 0.
    """
    for size, letter in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            scaled = value / size
            return f"{scaled:.{max(0, 2 - math.floor(math.log10(scaled)))}f} {letter}"
    return f"{value:.0f}"


def format_duration(seconds: float) -> str:
    """A duration: `0:42`, `1:23:45`, `3 d 4:05`; `?` if it is not known.

    Args:
        seconds: at least 0, or NaN.
    """
    if not math.isfinite(seconds):
        return "?"
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    if days:
        return f"{days} d {hour}:{minute:02d}"
    return f"{hour}:{minute:02d}:{second:02d}" if hour else f"{minute}:{second:02d}"


def sparkline(values: Sequence[float], width: int, *, ascii_only: bool = False) -> str:
    """A curve in one line of characters, lowest value lowest.

    Args:
        values: the curve; non-finite values are left out.
        width: at most this many characters; longer curves are averaged.
        ascii_only: for terminals that know no block characters.
    """
    finite = [value for value in values if math.isfinite(value)]
    if not finite or width < 1:
        return ""
    if len(finite) > width:
        edges = [len(finite) * i // width for i in range(width + 1)]
        finite = [sum(finite[a:b]) / (b - a) for a, b in itertools.pairwise(edges)]
    low, high = min(finite), max(finite)
    marks = _PLAIN_BLOCKS if ascii_only else _BLOCKS
    if high == low:
        return marks[0] * len(finite)
    scale = (len(marks) - 1) / (high - low)
    return "".join(marks[round((value - low) * scale)] for value in finite)


def format_table(rows: Sequence[Sequence[object]], header: Sequence[str] | None = None) -> str:
    """Rows as aligned columns of text: numbers to the right, the rest to the left.

    Args:
        rows: all of one length; floats are shown with three digits, everything else as `str`.
        header: names of the columns, underlined.

    Returns:
        Lines without trailing blanks; no newline at the end.
    """
    body = [[format_number(c) if isinstance(c, float) else str(c) for c in row] for row in rows]
    lines = [list(header), *body] if header is not None else body
    if not lines:
        return ""
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    is_number = [
        bool(rows) and all(isinstance(row[i], int | float) for row in rows)
        for i in range(len(widths))
    ]

    def shown(line: Sequence[str]) -> str:
        cells = [
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(line, widths, is_number, strict=True)
        ]
        return "  ".join(cells).rstrip()

    text = [shown(line) for line in lines]
    if header is not None:
        text.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(text)
