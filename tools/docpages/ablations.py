"""docs/teachers/ablations.md and the short table of it in docs/06-teachers.md, from the stored results."""

# ruff: noqa: E501 (the prose of the pages)
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from coglab.games.cogsguard.teachers.scores import SETTINGS
from docpages.markdown import page, table

PATH = "docs/teachers/ablations.md"
STORE = Path(__file__).parents[2] / "docs" / "teachers" / "ablations.json"
FULL = "full teacher"
DIGITS = {"reward": 3, "hearts": 2, "junctions": 1}
TITLES = {
    "own": "`metta://policy/cogsguard?gear=10`",
    "team": "`metta://policy/cogsguard?gear=10&memory=team`",
}


def _stored() -> dict[str, Any]:
    stored: dict[str, Any] = json.loads(STORE.read_text(encoding="utf-8"))
    return stored


def _signed(value: float, digits: int) -> str:
    return f"{value:+.{digits}f}".replace("-", "−")


def _matters(interval: list[float]) -> bool:
    """Whether the interval excludes zero."""
    return interval[1] > 0 or interval[2] < 0


def _difference(interval: list[float], digits: int) -> str:
    mean, low, high = (_signed(value, digits) for value in interval)
    text = f"{mean} [{low}, {high}]"
    return f"**{text}**" if _matters(interval) else text


def summary() -> str:
    """Differences in reward on every setting, one row per element."""
    stored = _stored()
    columns = [
        (teacher, setting)
        for teacher in TITLES
        for setting in SETTINGS
        if setting in stored.get(teacher, {})
    ]
    rows = []
    for name, without in stored["elements"].items():
        cells = []
        for teacher, setting in columns:
            cell = stored[teacher][setting].get(name)
            if cell is None:
                cells.append("")
                continue
            text = _signed(cell["reward"][0], 3)
            cells.append(f"**{text}**" if _matters(cell["reward"]) else text)
        rows.append([name, without, *cells])
    header = [f"{teacher}: {SETTINGS[setting].title}" for teacher, setting in columns]
    return table(["element", "without it", *header], rows)


def render() -> str:
    """All differences with their intervals."""
    stored = _stored()
    blocks = []
    for teacher, title in TITLES.items():
        for setting, how in SETTINGS.items():
            cells = stored.get(teacher, {}).get(setting)
            if cells is None:
                continue
            full = " / ".join(f"{cells[FULL][key][0]:.{digits}f}" for key, digits in DIGITS.items())
            rows = [
                [
                    name,
                    without,
                    *(_difference(cells[name][key], digits) for key, digits in DIGITS.items()),
                ]
                for name, without in stored["elements"].items()
                if name in cells
            ]
            blocks += [
                f"## {title}, {how.title}",
                f"Full teacher: {full} (reward / hearts per agent / junctions held), {cells['maps']} maps.",
                table(["element", "without it", "reward", "hearts", "junctions"], rows),
            ]
    return page(
        "# What each element of the CogsGuard teachers is worth",
        "One element switched off at a time, 8 agents, the same held-out maps (seeds from 1,000,000), differences to the full teacher paired over maps with 95 % "
        "bootstrap intervals; bold where the interval excludes 0. Junctions: held by the team, mean over ticks. What it shows is in [Teachers](../06-teachers.md).",
        "```bash\npython -m benchmarks.teacher_ablations\n```",
        *blocks,
    )
