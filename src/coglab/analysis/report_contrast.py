"""Sections of the report about configurations: what all have, what separates the good ones, the baseline."""

from __future__ import annotations

from typing import Any

from coglab.analysis.blocks import Block, Cell, Code, Heading, Items, Note, Table, Text
from coglab.analysis.summary import bundle_sentence
from coglab.analysis.text import clean, count, number, p_value, quoted, steps

MAX_ROWS = 30

_HEADINGS = (
    ("Losses", ("trainer.losses", "losses.")),
    ("Teacher", ("teacher", "supervisor", "cloner")),
    ("Training", ("trainer", "optimizer", "system")),
    ("Architecture", ("policy_architecture", "policy", "components")),
    ("Environment", ("training_env", "env")),
)


def _heading_of(key: str) -> str:
    if "cloner" in key or "supervisor" in key or "teacher" in key:
        return "Teacher"
    return next(
        (name for name, words in _HEADINGS if any(key.startswith(w) for w in words)), "Other"
    )


def configuration(doc: dict[str, Any]) -> list[Block]:
    """What all have (X), what the top group shares (C), what varies inside it."""
    constant = doc["config"]["constant"]
    blocks: list[Block] = [Heading("Configuration")]
    if not constant and not doc["config"]["bundles"]:
        return [*blocks, Text("No ranked run has a known configuration.")]
    blocks.append(
        Text(
            f"X: all {doc['statistics']['units']} ranked configurations have these "
            f"{len(constant)} settings. They cannot explain any difference."
        )
    )
    by_heading: dict[str, list[list[Cell]]] = {}
    for key, value in sorted(constant.items()):
        by_heading.setdefault(_heading_of(key), []).append([Code(key), Code(clean(value, 80))])
    order = [name for name, _ in _HEADINGS] + ["Other"]
    for name in sorted(by_heading, key=order.index):
        rows = by_heading[name]
        blocks += [
            Heading(name, 4),
            Table(
                ["setting", "value"],
                rows[:15],
                more=max(0, len(rows) - 15),
                fold=count(len(rows), "setting"),
            ),
        ]
    shared = [row for row in doc["config"]["bundles"] if row["top_shares"]]
    if shared:
        body: list[list[Cell]] = []
        for row in shared[:MAX_ROWS]:
            s = row["top_shares"]
            body.append(
                [
                    Code(row["name"]),
                    Code(clean(s["value"], 60)),
                    f"{s['others_with']} of {s['others']}",
                    Code(clean(", ".join(s["other_values"]), 60)),
                    row["grade"] or "C",
                    "yes" if row["fragile"] else "no",
                ]
            )
        blocks += [
            Heading("C: shared by the top group, not by all", 3),
            Text(
                f"The top group is the best {doc['statistics']['top']} runs. Something is "
                "shared by a small top group by chance more often than not; "
                "only a test makes it more (next section). Fragile: not so with one run more or less in the group."
            ),
            Table(
                [
                    "setting",
                    "top group",
                    "others that have it too",
                    "others have",
                    "grade",
                    "fragile",
                ],
                body,
                more=max(0, len(shared) - MAX_ROWS),
            ),
        ]
    varying = doc["config"]["varying_in_top"]
    if varying:
        body = [[Code(r["key"]), Code(clean(", ".join(r["values"]), 100))] for r in varying[:15]]
        blocks += [
            Heading("Varying inside the top group", 3),
            Table(["setting", "values"], body, more=max(0, len(varying) - 15)),
        ]
    return blocks


def separates(doc: dict[str, Any]) -> list[Block]:
    """Bundles with their tests and grades, controlled comparisons, the closest losing neighbour."""
    stats = doc["statistics"]
    metric = doc["metric"]["resolved"]
    blocks: list[Block] = [Heading("What separates the top runs")]
    blocks.append(
        Note(
            "Association is not cause: settings were chosen, not drawn, and several "
            "change together. Only a comparison in which one thing was changed, with "
            "three seeds a side, is given causal words."
        )
    )
    if stats["why_not"]:
        blocks.append(Text(f"No test was made: {stats['why_not']}."))
    elif stats["attainable_p"] is not None:
        how = "all orders" if stats["is_exact"] else "10,000 seeded draws"
        text = (
            f"{stats['units']} configurations are the units (seeds of one are averaged), "
            f"{stats['bundles']} bundles of settings were tested "
            f"by permutation ({how}), adjusted for all of them (min-P). The smallest p these data could give at all is "
            f"{p_value(stats['attainable_p'])}, adjusted {p_value(stats['attainable_adjusted_p'])}."
        )
        if stats["tested_in_advance"]:
            text += (
                f" `{stats['tested_in_advance']}` was named in advance (test=) and is not adjusted."
            )
        blocks.append(Text(text))
    rows = [r for r in doc["config"]["bundles"] if r["p"] is not None]
    rows.sort(key=lambda r: (r["p"], r["is_context"], r["name"]))
    graded = [r for r in rows if r["grade"] in ("A", "B")]
    if graded:
        blocks.append(Items([Text(bundle_sentence(r, metric), r["grade"]) for r in graded[:10]]))
    if rows:
        body: list[list[Cell]] = []
        for row in rows[:MAX_ROWS]:
            values = "; ".join(
                f"{clean(g['value'], 24)}: {number(g['median'])} (n={g['units']})"
                for g in row["groups"][:4]
            )
            body.append(
                [
                    Code(clean(row["name"], 70)),
                    values + ("; ..." if len(row["groups"]) > 4 else ""),
                    number(row["effect"]),
                    "-" if row["delta"] is None else f"{row['delta']:+.2f}",
                    f"{row['association']:.2f}",
                    p_value(row["p"]),
                    p_value(row["adjusted_p"]),
                    clean(
                        ", ".join(f"{r['name']} ({r['strength']:.2f})" for r in row["rivals"][:2]),
                        110,
                    ),
                    row["grade"] or "-",
                ]
            )
        blocks.append(
            Table(
                [
                    "bundle",
                    "median score by value",
                    "difference",
                    "Cliff's delta",
                    "association",
                    "p",
                    "adjusted p",
                    "goes together with",
                    "grade",
                ],
                body,
                frozenset({2, 3, 4, 5, 6}),
                (
                    "Association: share of the ranks' variance between groups, or absolute "
                    "rank correlation for numbers. Names in parentheses are no settings but "
                    "rival explanations."
                ),
                max(0, len(rows) - MAX_ROWS),
            )
        )
    blocks += _controlled(doc)
    blocks.append(
        Text(
            "Importance by random forests is not shown: "
            + (
                f"below 25 configurations ({stats['units']} here) it ranks noise."
                if stats["units"] < 25
                else "it tells no cause from its companions; the bundles and their rivals above do."
            )
        )
    )
    return blocks


def _controlled(doc: dict[str, Any]) -> list[Block]:
    blocks: list[Block] = []
    if doc["controlled"]:
        body: list[list[Cell]] = []
        for row in doc["controlled"][:10]:
            keys = "; ".join(
                f"{k}: {clean(v[0], 30)} / {clean(v[1], 30)}"
                for k, v in list(row["keys"].items())[:3]
            )
            verdict = "one pair is not enough: seed noise is not excluded"
            if row["is_enough"]:
                sure = row["low"] * row["high"] > 0
                verdict = (
                    "changing this moved the score" if sure else "no difference beyond seed noise"
                )
            span = (
                f" [{number(row['low'])}, {number(row['high'])}]" if row["low"] is not None else ""
            )
            body.append(
                [
                    Code(row["a"]),
                    Code(row["b"]),
                    clean(keys, 160) + ("; ..." if len(row["keys"]) > 3 else ""),
                    f"{row['seeds'][0]} / {row['seeds'][1]}",
                    number(row["difference"]) + span,
                    verdict,
                ]
            )
        blocks += [
            Heading("Controlled comparisons", 3),
            Text(
                "Pairs of configurations that differ in one bundle alone, or in the teacher plan (one "
                "argument), on the same code."
            ),
            Table(
                ["first", "second", "first / second", "seeds", "first - second [95 %]", "verdict"],
                body,
                frozenset({3}),
            ),
        ]
    near = doc["neighbour"]
    if near:
        keys = ", ".join(
            f"{quoted(k)}: {clean(v[1], 40)} against {clean(v[0], 40)}"
            for k, v in list(near["keys"].items())[:4]
        )
        more = f" and {near['count'] - 4} more" if near["count"] > 4 else ""
        blocks.append(
            Text(
                f"Closest losing neighbour: {quoted(near['worse'], 80)} differs from "
                f"{quoted(near['better'], 80)} in {count(near['count'], 'setting')} "
                f"({keys}{more}) and scores {number(abs(near['difference']))} worse."
            )
        )
    return blocks


def baseline(doc: dict[str, Any]) -> list[Block]:
    """The baseline beside these runs."""
    base = doc["baseline"]
    if base is None:
        return []
    blocks: list[Block] = [Heading(f"Beside the baseline: {clean(base['text'], 80)}")]
    if base.get("why_not"):
        blocks.append(Text(f"No comparison: {base['why_not']}."))
    if not base["rows"]:
        return blocks
    if not base["same_game"]:
        blocks.append(
            Note(
                f"The baseline is another game ({clean(base['game'], 80)}). Raw scores "
                "stand side by side and are never ranked together; what can be compared "
                "is how far each student got from a random player to its own teacher: "
                "(student - random) / (teacher - random), at equal budget."
            )
        )
    body: list[list[Cell]] = [
        [
            r["side"],
            str(r["runs"]),
            number(r["median"]),
            number(r["best"]),
            number(r["random"]),
            number(r["teacher"]),
            "-" if r["relative"] is None else f"{r['relative']:.2f}",
        ]
        for r in base["rows"]
    ]
    blocks.append(
        Table(
            [
                "set",
                "runs",
                "median",
                "best",
                "random player",
                "teacher",
                "(student - random) / (teacher - random)",
            ],
            body,
            frozenset(range(1, 7)),
            f"At {steps(base['budget'])} steps; teacher and random player from the runs' own "
            "evaluations; a student's score counts where a teacher played at most 7 % of the rows.",
        )
    )
    if base["points"]:
        listed = ", ".join(
            f"{quoted(p['name'], 50)} {number(p['score'])} ({p['state']})"
            for p in base["points"][:10]
        )
        blocks.append(Text(f"Numbers without a step in the baseline: {listed}."))
    return blocks
