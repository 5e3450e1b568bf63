"""The table of teachers: what each is for, and what the runs at hand say of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from coglab.games.registry import GAMES, PREFIX


def _known() -> dict[str, list[dict[str, str]]]:
    """Game -> its scripted teachers: the one table that `--list` and the docs show, scores and speed as text."""
    return {
        kind: [{"name": row["uri"].removeprefix(PREFIX), **row} for row in game.teacher_rows()]
        for kind, game in GAMES.items()
    }


PRIOR = {kind: game.shown_teacher for kind, game in GAMES.items()}
"""Game -> the teacher to begin with where no run says anything."""


def teacher_of(settings: dict[str, Any] | None) -> str:
    """The teacher of a configuration: a URI, or `none`; `?` if its configuration does not say."""
    if settings is None:
        return "?"
    enabled = settings.get("trainer.losses.sliced_scripted_cloner.enabled")
    uri = settings.get("training_env.supervisor_policy_uri")
    if enabled is False or (enabled is not None and not uri):
        return "none"
    return str(uri) if uri else "?"


def table(
    game: str, units: Sequence[dict[str, Any]], higher: bool
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Teachers with what the runs say of them.

    Args:
        game: `cogsguard`, `machina1`, or another name.
        units: per configuration `teacher`, `score`, `cloning_loss`, `rate`, `runs`.
        higher: whether higher is better.

    Returns:
        Rows, and the recommendation: `uri`, `basis` (`from your runs` or `prior only`), `text`.
    """
    kind = game.partition("/")[0].partition(",")[0]
    by_game = _known()
    known = by_game.get(kind, [])
    uris = {row["uri"] for row in known}
    is_other_game = kind in by_game and any(
        u["teacher"] in {r["uri"] for r in rows}
        for g, rows in by_game.items()
        if g != kind
        for u in units
    )
    extra = [] if is_other_game else sorted({u["teacher"] for u in units} - uris - {"?"})
    rows = []
    blank = {"summary": "", "pros": "", "cons": "", "use": "", "measured": "-"}
    for row in [*known, *({"name": uri, "uri": uri, **blank} for uri in extra)]:
        mine = [u for u in units if u["teacher"] == row["uri"]]
        scores = [u["score"] for u in mine if u["score"] is not None]
        losses = [u["cloning_loss"] for u in mine if u["cloning_loss"] is not None]
        rates = [u["rate"] for u in mine if u["rate"] is not None]
        rows.append(
            {
                **row,
                "runs": sum(u["runs"] for u in mine),
                "units": len(mine),
                "score": float(np.median(scores)) if scores else None,
                "cloning_loss": float(np.median(losses)) if losses else None,
                "rate": float(np.median(rates)) if rates else None,
            }
        )
    tried = [r for r in rows if r["units"] >= 3 and r["score"] is not None and r["uri"] != "none"]
    used = [r["uri"] for r in rows if r["runs"] and r["uri"] != "none"]
    prior = PRIOR.get(kind)
    if len(tried) >= 2:
        best = max(tried, key=lambda r: r["score"] * (1 if higher else -1))
        return rows, {
            "uri": best["uri"],
            "basis": "from your runs",
            "text": f"best median over {best['units']} configurations; an association, not a controlled comparison",
        }
    if prior is None:
        return rows, {
            "uri": None,
            "basis": "prior only",
            "text": "no teacher is known for this game",
        }
    if prior in used:
        text = "your runs use it, but no two teachers have 3 configurations each, so they cannot be compared"
    else:
        text = "no run in this set used it"
    return rows, {"uri": prior, "basis": "prior only", "text": text}
