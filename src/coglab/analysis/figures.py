"""Figures as SVG: the same data give the same bytes. matplotlib is imported here, when a figure is drawn."""

from __future__ import annotations

import io
from typing import Any

from coglab.analysis.text import clean, number

_COLOURS = ("#1f5f8b", "#c2571a", "#3a7d44", "#8a4f9e", "#b03a48", "#6b7280", "#b8860b", "#2a9d8f")
_STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "coglab",
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.25,
    "figure.facecolor": "white",
    "text.usetex": False,
    "text.parse_math": False,
    "axes.formatter.use_locale": False,
    "path.simplify": False,
}


def figures(doc: dict[str, Any]) -> dict[str, str]:
    """Draw what the report shows.

    Args:
        doc: the document.

    Returns:
        Path inside the report's folder -> SVG text.
    """
    drawn = {}
    if doc["metric"]["has_history"] and doc["ranked"]:
        drawn["figures/ranking.svg"] = _ranking(doc)
    if doc["curves"]["units"]:
        drawn["figures/curves.svg"] = _curves(doc)
    return drawn


def _ranking(doc: dict[str, Any]) -> str:
    from matplotlib import rc_context

    rows = doc["ranked"][:40][::-1]
    with rc_context(_STYLE):
        figure, axes = _new(7.5, 1.1 + 0.28 * len(rows))
        for place, row in enumerate(rows):
            colour = (
                _COLOURS[(ord(row["letter"][0]) - ord("a")) % len(_COLOURS)]
                if row["letter"]
                else _COLOURS[5]
            )
            error = row["error"] or 0.0
            axes.errorbar(
                row["score"], place, xerr=2 * error, fmt="o", color=colour, capsize=3, markersize=5
            )
        axes.set_yticks(range(len(rows)), [f"{clean(r['name'], 44)}  {r['letter']}" for r in rows])
        axes.set_xlabel(
            f"{doc['metric']['resolved']} (bars: two standard errors within the run; letters: ties)"
        )
        axes.set_ylim(-0.6, len(rows) - 0.4)
        return _svg(figure)


def _curves(doc: dict[str, Any]) -> str:
    from matplotlib import rc_context

    data = doc["curves"]
    with rc_context(_STYLE):
        figure, axes = _new(7.5, 4.4)
        scale, word = _scale(doc["budget"], data["axis"])
        x = [value / scale for value in data["steps"]]
        for index, row in enumerate(data["units"]):
            colour = _COLOURS[index % len(_COLOURS)]
            points = [
                (a, b, c, d)
                for a, b, c, d in zip(x, row["middle"], row["low"], row["high"], strict=True)
                if b is not None
            ]
            if not points:
                continue
            axis, middle, low, high = zip(*points, strict=True)
            style = "-" if index < len(_COLOURS) else "--"
            name = clean(row["name"], 36) + (f" x{row['runs']}" if row["runs"] > 1 else "")
            # What a teacher played is not the student's own curve.
            until = row["teacher_until"] / scale if data["axis"] == "steps" else 0.0
            led = [index for index, at in enumerate(axis) if at <= until]
            cut = max(0, len(led) - 1)
            axes.plot(axis[: len(led)], middle[: len(led)], ":", color=colour, linewidth=1.2)
            axes.plot(axis[cut:], middle[cut:], style, color=colour, label=name, linewidth=1.5)
            if row["runs"] > 1:
                axes.fill_between(axis, low, high, color=colour, alpha=0.15, linewidth=0)
        axes.set_xlabel(word)
        axes.set_ylabel(data["metric"].rpartition("/")[2])
        axes.set_xlim(0, doc["budget"] / scale)
        axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), frameon=False, fontsize=8)
        for row in doc["guard_rails"]:
            axes.plot(
                [row["step"] / scale],
                [row["worst"]],
                "_",
                color="#333333",
                markersize=14,
                markeredgewidth=1.5,
            )
        return _svg(figure)


def _scale(budget: float, axis: str) -> tuple[float, str]:
    if axis == "seconds":
        return 3600.0, "hours since the run's first row"
    for size, word in ((1e9, "billion"), (1e6, "million"), (1e3, "thousand")):
        if budget >= size:
            return (
                size,
                f"{word} agent steps (dotted: a teacher still played; short bars: guard rails)",
            )
    return 1.0, "agent steps"


def _new(width: float, height: float) -> Any:
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height))
    FigureCanvasSVG(figure)
    return figure, figure.add_subplot()


def _svg(figure: Any) -> str:
    buffer = io.StringIO()
    figure.savefig(
        buffer, format="svg", bbox_inches="tight", metadata={"Date": None, "Creator": "coglab"}
    )
    text = buffer.getvalue()
    return "\n".join(line.rstrip() for line in text.splitlines()) + "\n"


def alternative(doc: dict[str, Any], file: str) -> str:
    """What a figure shows, in words, for those who cannot see it."""
    if file == "figures/ranking.svg":
        best, worst = doc["ranked"][0], doc["ranked"][-1]
        return (
            f"Scores from {number(worst['score'])} ({clean(worst['name'], 40)}) to "
            f"{number(best['score'])} ({clean(best['name'], 40)})"
        )
    names = ", ".join(clean(row["name"], 30) for row in doc["curves"]["units"][:4])
    return f"Learning curves, best first: {names}"


def plot_series(name: str, series: list[tuple[str, Any]]) -> str:
    """One metric of several runs over agent steps.

    Args:
        name: of the metric.
        series: run name and `CleanSeries` of each.

    Returns:
        SVG text.
    """
    from matplotlib import rc_context

    with rc_context(_STYLE):
        figure, axes = _new(7.5, 4.4)
        for index, (label, one) in enumerate(series):
            style = "-" if index < len(_COLOURS) else "--"
            axes.plot(
                one.steps,
                one.values,
                style,
                color=_COLOURS[index % len(_COLOURS)],
                label=clean(label, 36),
            )
        axes.set_xlabel("agent steps")
        axes.set_ylabel(name)
        if series:
            axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), frameon=False, fontsize=8)
        return _svg(figure)
