"""The measured scores and speeds of the teachers: one stored table, shown by `--list`, the docs and reports.

Written by `benchmarks/teacher_scores.py` and `benchmarks/teachers.py`; light to read (no numpy, no kernels).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from coglab.games.cogsguard.teachers.registry import PREFIX, TEACHERS

FILE = Path(__file__).with_name("scores.json")

VARIANTS = (
    f"{PREFIX}cogsguard?gear=10&memory=team",
    f"{PREFIX}cogsguard?gear=10&memory=full",
    f"{PREFIX}cogsguard?gear=10&roles=static",
    f"{PREFIX}cogsguard",
)
"""URIs that are measured besides those of the registry."""


FRESH_SEED = 1_001_000
"""First seed of 64 held-out maps on which no number of the rules was ever tried out: some were chosen by looking at maps
from seed 1,000,000 on, so their scores there may flatter."""
FRESH = "_fresh"
"""Ends the name of a setting whose score is of these maps."""


@dataclass(frozen=True)
class Setting:
    """What a score was measured on: 64 held-out maps of a mission."""

    title: str
    mission: str
    max_steps: int
    num_agents: int = 8
    only: tuple[str, ...] = ()
    """URIs that are measured on it; empty: all."""


SETTINGS: dict[str, Setting] = {
    "arena": Setting("arena, 1,000 ticks", "arena", 1000),
    "machina_1": Setting("machina_1, 1,000 ticks", "machina_1", 1000),
    "machina_1_long": Setting(
        "machina_1, 10,000 ticks",
        "machina_1",
        10_000,
        only=(f"{PREFIX}cogsguard?gear=10", f"{PREFIX}cogsguard?gear=10&memory=team"),
    ),
}


def read_scores() -> dict[str, dict[str, Any]]:
    """The stored table: URI -> setting -> metric -> [mean, low, high] (95 % interval over maps); and `speed`."""
    if not FILE.exists():
        return {}
    table: dict[str, dict[str, Any]] = json.loads(FILE.read_text(encoding="utf-8"))
    return table


def write_scores(scores: dict[str, dict[str, Any]]) -> None:
    """Replace the stored table."""
    FILE.write_text(json.dumps(scores, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def score_text(scores: dict[str, dict[str, Any]], uri: str, setting: str) -> str:
    """Reward and hearts of one cell of the table for people, `0.46 / 10.4`; `-` if it was not measured."""
    cell = scores.get(uri, {}).get(setting)
    if cell is None:
        return "-"
    return f"{cell['reward'][0]:.2f} / {cell['hearts'][0]:.1f}"


def speed_text(scores: dict[str, dict[str, Any]], uri: str) -> str:
    """Labelled agent steps per second and core, `0.55 M/s`; `-` if it was not measured."""
    speed = scores.get(uri, {}).get("speed")
    return "-" if speed is None else f"{speed['steps_per_s'] / 1e6:.2f} M/s"


def teacher_rows() -> list[dict[str, str]]:
    """One row per teacher and measured variant: URI, what it is, recommendation, scores and speed, all as text."""
    scores = read_scores()
    rows = []
    for info in TEACHERS.values():
        uris = [info.uri, *(u for u in VARIANTS if u.partition("?")[0] == PREFIX + info.name)]
        for uri in uris:
            is_variant = uri != info.uri
            rows.append(
                {
                    "uri": uri,
                    "summary": _OF_VARIANTS[uri].summary if is_variant else info.summary,
                    "recommendation": "alternative" if is_variant else info.recommendation,
                    "pros": _OF_VARIANTS[uri].pros if is_variant else info.pros,
                    "cons": _OF_VARIANTS[uri].cons if is_variant else info.cons,
                    "speed": speed_text(scores, uri),
                    **{setting: score_text(scores, uri, setting) for setting in SETTINGS},
                }
            )
    return rows


class _Words(NamedTuple):
    summary: str
    pros: str
    cons: str


_OF_VARIANTS = {
    VARIANTS[0]: _Words(
        "decides from what the whole team has seen, and shares out roles and targets",
        "the strongest play that needs no look at the map",
        "clones of its labels score 0: no student can see which role the team hands it; `labels=own` avoids it",
    ),
    VARIANTS[1]: _Words(
        "as `memory=team`, and sees the whole map: an upper bound",
        "shows what knowing the map is worth",
        "no student can know what it knows",
    ),
    VARIANTS[2]: _Words(
        "roles by index for the whole episode",
        "no role ever changes",
        "does not react to what the team lacks; the first label cannot be predicted",
    ),
    VARIANTS[3]: _Words(
        "one scrambler and four miners by index; the others choose",
        "the distribution that runs of January 2026 name",
        "too many miners once the stock is full; the first label cannot be predicted",
    ),
}


def listing() -> str:
    """The table for a terminal, after the recipes of `--list`."""
    rows = teacher_rows()
    column = max(len(row["uri"]) for row in rows)
    lines = [
        "teachers (reward / hearts per agent over 64 held-out maps, 8 agents: arena 1,000 ticks | machina_1 1,000 | "
        "machina_1 10,000; labelled agent steps per second and core)"
    ]
    for row in rows:
        numbers = " | ".join(row[setting] for setting in SETTINGS)
        lines.append(f"  {row['uri']:<{column}}  {row['recommendation']}: {row['summary']}")
        lines.append(f"  {'':<{column}}    {numbers}; {row['speed']}")
        lines.append(f"  {'':<{column}}    good: {row['pros']}; bad: {row['cons']}")
    return "\n".join(lines)
