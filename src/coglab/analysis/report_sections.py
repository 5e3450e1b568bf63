"""Sections of the report about single runs: data quality, health, failures, teachers, commands, key metrics."""

from __future__ import annotations

from collections import Counter
from typing import Any

from coglab.analysis.blocks import Block, Cell, Code, Heading, Items, Listing, Table, Text
from coglab.analysis.model import LIVE_STATES
from coglab.analysis.text import clean, hours, number, p_value, percent, quoted, steps
from coglab.games.cogsguard.teachers.scores import SETTINGS

MAX_ROWS = 30
_MARK = {
    "ok": "ok",
    "warn": "WARN",
    "bad": "BAD",
    "not logged": "-",
    "not applicable": "n/a",
    "note": "note",
}


def quality(doc: dict[str, Any]) -> list[Block]:
    """What is odd about the data: gaps, NaN, zero filling, rewinds, mixed code, unreadable files."""
    blocks: list[Block] = [Heading("Data quality")]
    rows: list[list[Cell]] = [
        [Code(r["run"]) if r["run"] else "all", r["kind"], clean(r["text"], 300)]
        for r in doc["quality"]
    ]
    rows += [[Code(r["place"]), r["kind"], clean(r["reason"], 200)] for r in doc["unreadable"]]
    rows += [["several sources", "conflict", clean(text, 250)] for text in doc["conflicts"]]
    if not rows:
        return [*blocks, Text("Nothing odd was found.")]
    empty = sum(r["kind"] == "empty" for r in doc["unreadable"])
    if empty:
        blocks.append(
            Text(
                f"{empty} empty W&B runs (killed before they wrote anything) are listed here and nowhere else."
            )
        )
    return [
        *blocks,
        Table(["run", "kind", "what"], rows[:MAX_ROWS], more=max(0, len(rows) - MAX_ROWS)),
    ]


def health(doc: dict[str, Any]) -> list[Block]:
    """One column per check, one row per run."""
    blocks: list[Block] = [Heading("Health and failures")]
    if not doc["health"]:
        return [*blocks, Text("No run has curves, so nothing can be said about its health.")]
    checks = list(dict.fromkeys(row["check"] for rows in doc["health"].values() for row in rows))
    ranked = [row["name"] for row in doc["ranked"]]
    order = sorted(
        doc["health"],
        key=lambda name: (ranked.index(name) if name in ranked else len(ranked), name),
    )
    body: list[list[Cell]] = []
    details: list[Text] = []
    for name in order[:MAX_ROWS]:
        by_check = {row["check"]: row for row in doc["health"][name]}
        cells: list[Cell] = [Code(name)]
        for check in checks:
            row = by_check.get(check)
            cells.append(
                "-"
                if row is None
                else _MARK[row["verdict"]]
                + (f" {number(row['value'])}" if row["value"] is not None else "")
            )
            if row is not None and row["verdict"] in ("bad", "warn", "note"):
                details.append(
                    Text(
                        f"{quoted(name, 60)} {check} is {row['verdict']}: "
                        f"{row['where'] or number(row['value'])} ({row['id']})."
                    )
                )
        body.append(cells)
    blocks.append(
        Table(
            ["run", *checks],
            body,
            frozenset(range(1, len(checks) + 1)),
            "The value that the rule looks at; -: not logged. The rules are in the section Method.",
            max(0, len(order) - MAX_ROWS),
        )
    )
    bad_first = sorted(details, key=lambda item: " is bad:" not in item.text)
    if bad_first:
        blocks.append(Items(bad_first[:20]))
        if len(bad_first) > 20:
            blocks.append(Text(f"{len(bad_first) - 20} more are in `analysis.json`."))
    return blocks


def failures(doc: dict[str, Any]) -> list[Block]:
    """Runs that did not finish, their reasons, and settings that go with failing."""
    rows = doc["failures"]
    is_mixed = any(r["group"] is not None for r in rows)
    blocks: list[Block] = [Heading("Runs that did not finish", 3)]
    if not rows:
        return [*blocks, Text("All runs finished.")]
    body: list[list[Cell]] = [
        [
            Code(r["name"]),
            r["state"],
            "-" if r["exit_code"] is None else str(r["exit_code"]),
            steps(r["last_step"]),
            percent(r["share_of_target"]),
            "-" if r["age_s"] is None else hours(max(0.0, r["age_s"])) + " ago",
            r["signature"],
            clean(r["reason"], 160),
            r["reason_from"],
            *([clean(r["group"] or doc["game"], 80)] if is_mixed else []),
        ]
        for r in rows[:MAX_ROWS]
    ]
    blocks.append(
        Table(
            [
                "run",
                "state",
                "exit code",
                "last step",
                "of target",
                "last data",
                "signature",
                "reason",
                "taken from",
                *(["group"] if is_mixed else []),
            ],
            body,
            frozenset({2, 3, 4}),
            more=max(0, len(rows) - MAX_ROWS),
        )
    )
    counts = Counter(r["signature"] for r in rows)
    same = [
        f"{count} x {name}"
        for name, count in sorted(counts.items(), key=lambda i: (-i[1], i[0]))
        if count > 1
    ]
    if same:
        blocks.append(Text("Equal signatures: " + ", ".join(same) + "."))
    found = doc["failure_settings"]
    if found:
        items = [
            Text(
                f"{quoted(r['name'], 80)} = {clean(r['value'], 40)}: {r['failed']} of "
                f"{r['of']} failed, Fisher p {p_value(r['p'])}, adjusted "
                f"{p_value(r['adjusted_p'])}."
            )
            for r in found[:5]
        ]
        blocks += [Text("Settings that go with failing (association, not cause):"), Items(items)]
    elif sum(r["state"] not in LIVE_STATES and r["group"] is None for r in rows) < 3:
        blocks.append(
            Text("Fewer than 3 runs failed: which settings go with failing is not tested.")
        )
    return blocks


def teachers(doc: dict[str, Any]) -> list[Block]:
    """Teachers of the game, and what the runs at hand say of each."""
    part = doc["teachers"]
    if not part["rows"]:
        return []
    advice = part["recommendation"]
    body: list[list[Cell]] = []
    for row in part["rows"]:
        mark = f"recommended, {advice['basis']}" if row["uri"] == advice["uri"] else ""
        body.append(
            [
                row["name"],
                Code(row["uri"]),
                row["summary"],
                row["pros"],
                row["cons"],
                row["use"],
                row["measured"],
                str(row["runs"]),
                number(row["score"]),
                number(row["cloning_loss"]),
                steps(row["rate"]) if row["rate"] else "-",
                mark,
            ]
        )
    text = (
        f"Recommended: `{advice['uri']}`, {advice['basis']}: {advice['text']}."
        if advice["uri"]
        else f"No recommendation: {advice['text']}."
    )
    return [
        Heading("Teacher options"),
        Table(
            [
                "teacher",
                "URI",
                "what it does",
                "for it",
                "against it",
                "use",
                f"reward / hearts ({' | '.join(s.title for s in SETTINGS.values())}); speed",
                "runs in your data",
                "median score",
                "cloning loss",
                "steps/s",
                "",
            ],
            body,
            frozenset({7, 8, 9, 10}),
        ),
        Text(text),
    ]


def commands(doc: dict[str, Any]) -> list[Block]:
    """Commands that the runner has taken in a dry run."""
    blocks: list[Block] = [Heading("Ready-to-run commands")]
    if doc["commands"]:
        blocks.append(
            Text(
                "Each has passed the runner's own dry run. Hours are from the rates that these runs measured."
            )
        )
    for index, row in enumerate(doc["commands"]):
        cost = (
            f"{steps(row['steps'])} steps, {hours(row['seconds'])}"
            if row["steps"]
            else "cost not known"
        )
        blocks += [
            Heading(f"Option {index + 1}: {row['title']}", 3),
            Text(f"{row['why']} ({row['rule']}; {cost})"),
            Listing(row["text"], "bash"),
        ]
    if not doc["commands"]:
        blocks.append(Text("No command can be given."))
    for text in doc["command_defects"]:
        blocks.append(Text(f"Not printed: {clean(text, 400)}"))
    return blocks


def monitor(doc: dict[str, Any]) -> list[Block]:
    """Key metrics with targets, and the values below which no top run ever was."""
    body: list[list[Cell]] = []
    for r in doc["monitor"]:
        span = (
            "-"
            if r["median"] is None
            else f"{number(r['median'])} ({number(r['low'])} to {number(r['high'])})"
        )
        body.append([Code(r["metric"]), r["meaning"], r["unit"], r["target"], span, str(r["runs"])])
    blocks: list[Block] = [
        Heading("Key metrics to monitor"),
        Table(
            ["metric", "meaning", "unit", "target", "top runs, last fifth: median (range)", "runs"],
            body,
            frozenset({5}),
        ),
    ]
    rails = doc["guard_rails"]
    if rails:
        word = "below" if doc["metric"]["direction"] == "higher" else "above"
        rows: list[list[Cell]] = [
            [percent(r["share"]), steps(r["step"]), number(r["worst"]), str(r["runs"])]
            for r in rails
        ]
        blocks += [
            Heading("Guard rails: when to stop early", 3),
            Table(
                [
                    "of the budget",
                    "step",
                    f"{doc['metric']['resolved']} in the worst top run",
                    "top runs",
                ],
                rows,
                frozenset({0, 1, 2, 3}),
                (
                    f"A run that is {word} this at that step is unlike every top run so far. "
                    "A hint, not a proof. Steps at which a teacher still played are left out."
                ),
            ),
        ]
    return blocks


def cost_line(row: dict[str, Any]) -> str:
    """Steps and hours of a recommendation."""
    if not row["cost_steps"]:
        return "no training"
    time = hours(row["cost_seconds"]) if row["cost_seconds"] else "time not known"
    return f"{row['runs']} x {steps(row['cost_steps'] / max(1, row['runs']))} steps, {time}"
