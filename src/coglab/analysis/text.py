"""Numbers, times and untrusted names as text."""

from __future__ import annotations

import math
import re
import unicodedata
from datetime import UTC, datetime
from typing import Any

_SECRET = re.compile(r"token|secret|passw|api_?key|credential|authorization", re.IGNORECASE)
MASK = "(masked)"


def number(value: float | None, digits: int = 3) -> str:
    """A number with three significant digits: `14.0`, `0.0123`, `1,230`; `-` if there is none."""
    if value is None or not math.isfinite(value):
        return "-"
    if value == 0:
        return "0"
    size = math.floor(math.log10(abs(value)))
    if size > 15 or size < -5:  # beyond what is written out; rounding the largest would overflow
        return f"{value:.{digits - 1}e}"
    rounded = round(value, digits - 1 - size)
    size = math.floor(math.log10(abs(rounded)))
    if size >= 15 or size < -4:
        return f"{value:.{digits - 1}e}"
    return f"{rounded:,.{max(0, digits - 1 - size)}f}"


def steps(value: float | None) -> str:
    """A count of steps: `950`, `12.3 k`, `2.10 M`, `20.0 B`; `?` if it is not known."""
    if value is None or not math.isfinite(value):
        return "?"
    for size, letter in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= 0.9995 * size:
            return f"{number(value / size)} {letter}"
    return f"{value:.0f}"


def percent(value: float | None) -> str:
    """A share as `12 %`; `-` if there is none."""
    return "-" if value is None or not math.isfinite(value) else f"{100 * value:.0f} %"


def p_value(value: float | None) -> str:
    """A p-value: `0.031`, `< 0.001`."""
    if value is None:
        return "-"
    return "< 0.001" if value < 0.001 else f"{value:.3f}" if value < 0.1 else f"{value:.2f}"


def hours(seconds: float | None) -> str:
    """A duration for planning: `12 s`, `4 min`, `8.7 h`, `3.1 days`."""
    if seconds is None or not math.isfinite(seconds):
        return "?"
    for size, word in ((86400 * 2, "days"), (3600, "h"), (60, "min")):
        if seconds >= size:
            unit = 86400 if word == "days" else size
            return f"{number(seconds / unit, 2)} {word}"
    return f"{seconds:.0f} s"


def day(seconds: float | None) -> str:
    """A date in UTC, `2026-01-16`."""
    return moment(seconds)[:10] if seconds is not None else "?"


def moment(seconds: float | None) -> str:
    """A time in UTC, `2026-01-16 12:30`; `?` if it is not known or no date at all."""
    if seconds is None:
        return "?"
    try:
        return datetime.fromtimestamp(seconds, tz=UTC).strftime("%Y-%m-%d %H:%M")
    except (OverflowError, OSError, ValueError):
        return "?"


def clean(text: object, limit: int = 120) -> str:
    """Untrusted text in one line without control characters, cut at `limit` characters."""
    shown = "".join(
        " " if char in "\n\r\t" else char
        for char in str(text)
        if char in "\n\r\t" or unicodedata.category(char)[0] != "C"
    )
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def cell(text: object, limit: int = 120) -> str:
    """Untrusted text for a cell of a Markdown table: nothing in it is taken for markup."""
    shown = clean(text, limit)
    return re.sub(r"([\\|`*_<>\[\]~$])", r"\\\1", shown).replace("&", "&amp;")


def code(text: object, limit: int = 200) -> str:
    """Untrusted text in Markdown's code font, whatever backticks it holds; a bar would end a table's cell."""
    shown = clean(text, limit).replace("|", "¦")
    longest = max((len(run) for run in re.findall(r"`+", shown)), default=0)
    fence = "`" * (longest + 1)
    pad = " " if shown.startswith("`") or shown.endswith("`") or not shown else ""
    return f"{fence}{pad}{shown}{pad}{fence}"


def file_name(text: str, limit: int = 80) -> str:
    """A plain file name made from an untrusted id; never empty, never a path, never hidden."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", unicodedata.normalize("NFKD", text))
    return plain.strip(".-")[:limit] or "run"


def masked(tree: Any, key: str = "") -> Any:
    """A configuration in which values of keys that sound like secrets are replaced."""
    if isinstance(tree, dict):
        return {str(k): masked(v, str(k)) for k, v in tree.items()}
    if key and _SECRET.search(key) and tree not in (None, "", False, True):
        return MASK
    if isinstance(tree, list | tuple):
        return [masked(item) for item in tree]
    return tree


def masked_word(word: str) -> str:
    """A word of a command without its value, where its key sounds like a secret, also inside a map: `{api_key: ...}`."""
    key, equals, value = word.partition("=")
    return f"{key}={MASK}" if equals and value and _SECRET.search(word) else word


def is_secret(key: str) -> bool:
    """Whether the value of a key is to be hidden."""
    return bool(_SECRET.search(key))


def quoted(text: object, limit: int = 80) -> str:
    """A name inside a sentence: in backticks, without any of its own."""
    return "`" + clean(text, limit).replace("`", "'") + "`"


def count(number_of: int, word: str) -> str:
    """`1 run`, `3 runs`."""
    return f"{number_of} {word}" if number_of == 1 else f"{number_of} {word}s"
