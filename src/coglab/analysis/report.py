"""The document as a report, section by section. A pure function of the document."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import yaml

from coglab.analysis.blocks import (
    Block,
    Cell,
    Code,
    Figure,
    Heading,
    Items,
    Link,
    Listing,
    Report,
    Strong,
    Table,
    Text,
)
from coglab.analysis.report_contrast import baseline, configuration, separates
from coglab.analysis.report_sections import (
    commands,
    cost_line,
    failures,
    health,
    monitor,
    quality,
    teachers,
)
from coglab.analysis.text import clean, count, day, moment, number, quoted, steps

MAX_ROWS = 30


def build(doc: dict[str, Any]) -> Report:
    """Lay out the report.

    Args:
        doc: the document of `pipeline.analyze`, or what was read from `analysis.json`.
    """
    report = Report(_title(doc), _facts(doc))
    for section in (
        _summary,
        _ranking,
        _cannot,
        configuration,
        separates,
        _curves,
        baseline,
        quality,
        health,
        failures,
        teachers,
        commands,
        monitor,
        _next_steps,
        _links,
        _appendix,
        _method,
    ):
        report.blocks += section(doc)
    return report


def _title(doc: dict[str, Any]) -> str:
    metric = doc["metric"]
    name = metric["resolved"]
    which = " ".join(
        f"{k}={v}"
        for k, v in doc["filters"].items()
        if k in ("prefix", "name", "since", "recipe", "tag")
    )
    return f"Runs ranked by {name}" + (f" ({clean(which, 100)})" if which else "")


def _facts(doc: dict[str, Any]) -> list[tuple[str, str]]:
    metric = doc["metric"]
    rank = {
        "tail": f"mean over the last {metric['parameter']:g} % of steps up to the budget",
        "at": f"value at step {metric['parameter']:,.0f}",
        "last": "last value, each run at its own end",
        "best": "best value (optimistic: the maximum of many noisy values)",
        "auc": "area under the curve up to the budget",
        "per-hour": "mean over the last 20 % of a common wall time",
    }[metric["mode"]]
    if not metric["has_history"]:
        rank = "the single number that the table gives; its step is not known"
    budget = (
        f"{steps(doc['budget'])} steps ({doc['budget']:,.0f})"
        if doc["axis"] == "steps" and doc["budget"]
        else f"{doc['budget'] / 3600:.2f} h"
        if doc["budget"]
        else "not known"
    )
    matched = ", ".join(
        f"{row['left']} {'in all' if row['filter'] == 'all' else 'after `' + row['filter'] + '`'}"
        for row in doc["matched"]
    )
    facts = [
        ("Date", moment(doc["now"]) + " UTC"),
        ("Made by", f"{doc['tool']}, without a language model"),
        ("Again", f"`{doc['command']}`"),
        (
            "Sources",
            ", ".join(f"{quoted(s)}" for s in doc["sources"])
            + f"; data fingerprint `{doc['fingerprint']}`",
        ),
        ("Runs", matched),
        ("Game", doc["game"]),
        (
            "Metric",
            f"`{metric['resolved']}`, {metric['direction']} is better"
            + (f". {metric['note']}" if metric["note"] else ""),
        ),
        ("Score", f"{rank}; budget {budget}"),
    ]
    return facts


def _summary(doc: dict[str, Any]) -> list[Block]:
    return [
        Heading("Executive summary"),
        Items([Text(row["text"], row["grade"], row["anchor"]) for row in doc["summary"]]),
        Text(
            "Grades: A predicts the score in these runs; B is associated with it; C is "
            "shared by the top runs; X is the same in all "
            "runs and can explain nothing; `controlled` is a comparison in which one "
            "thing was changed; `data` is read off a table; "
            "`prior` is from outside these runs."
        ),
    ]


def _score(row: dict[str, Any]) -> str:
    error = f" ± {number(row['error'], 2)}" if row["error"] is not None else ""
    return f"{number(row['score'])}{error}"


def _ranking(doc: dict[str, Any]) -> list[Block]:
    blocks: list[Block] = [Heading("Ranking")]
    metric = doc["metric"]
    if doc["ranked"]:
        caption = (
            "± is the standard error within the run (batch means); the rank range is where a "
            "run lands in 90 % of redrawn windows. Runs that share a letter cannot be told apart: "
            "they differ by less than twice their combined error"
        )
        caption += (
            (
                ", for which the deviation between repeats "
                f"({number(doc['statistics']['seed_deviation'])}) is used where it is larger."
            )
            if doc["statistics"]["seed_deviation"]
            else "."
        )
        if metric["mode"] == "best":
            caption += (
                " Best values are optimistic: each is the maximum of up to "
                f"{max(r['values'] for r in doc['ranked'])} noisy values."
            )
        if doc["constant_metric"]:
            caption = "The metric never changed: no ranks, no letters, no contrast."
        blocks.append(_run_table(doc["ranked"], metric["resolved"], True, caption))
    else:
        blocks.append(Text("No two runs can be compared; see below what each of them has."))
    if doc["not_comparable"]:
        blocks += [
            Heading("Not comparable yet", 3),
            Text(
                "Each with its score at its own last step. These numbers have no rank: "
                "they were taken at other steps than those above, or are not of the student alone."
            ),
            _run_table(doc["not_comparable"], metric["resolved"], False, ""),
        ]
    if doc["missing"]:
        names = ", ".join(f"{quoted(row['name'], 60)}" for row in doc["missing"][:MAX_ROWS])
        blocks += [
            Heading("Metric not logged", 3),
            Text(f"{count(len(doc['missing']), 'run')}: {names}."),
        ]
    blocks += _repeats(doc)
    if doc["metric"]["has_history"] and doc["ranked"]:
        blocks.append(
            Figure("figures/ranking.svg", f"Scores of the ranked runs, {metric['resolved']}")
        )
    for group in doc["other_groups"]:
        blocks += [
            Heading(f"Another group: {clean(group['group'], 100)}", 3),
        ]
        if group["ranked"]:
            blocks += [
                Text(
                    f"Ranked by itself, at a budget of {steps(group['budget'])} steps; never beside the runs above. "
                    "Its configurations have numbers of their own."
                ),
                _run_table(group["ranked"], metric["resolved"], True, ""),
            ]
        else:
            blocks.append(Text("None of its runs can be ranked."))
        if group["not_comparable"]:
            blocks += [
                Text("Not comparable yet, each with its score at its own last step:"),
                _run_table(group["not_comparable"], metric["resolved"], False, ""),
            ]
        if group["missing"]:
            listed = ", ".join(quoted(name, 60) for name in group["missing"][:MAX_ROWS])
            blocks.append(
                Text(f"Metric not logged by {count(len(group['missing']), 'run')}: {listed}.")
            )
    return blocks


def _run_table(rows: Sequence[dict[str, Any]], metric: str, is_ranked: bool, caption: str) -> Table:
    header = ["rank", "letter", "run"] if is_ranked else ["run"]
    header += [
        metric.rpartition("/")[2],
        "last",
        "best at step",
        "steps / target",
        "state",
        "created",
        "recipe",
        "configuration",
    ]
    if not is_ranked:
        header.append("why it has no rank")
    body: list[list[Cell]] = []
    for row in rows[:MAX_ROWS]:
        span = "" if row["rank_low"] is None else f" ({row['rank_low']}-{row['rank_high']})"
        best = "-" if row["best"] is None else f"{number(row['best'])} at {steps(row['best_step'])}"
        front: list[Cell] = (
            [f"{row['rank'] or '-'}{span}", row["letter"] or "-"] if is_ranked else []
        )
        cells: list[Cell] = [
            *front,
            Code(row["name"]),
            Strong(_score(row)) if is_ranked else _score(row),
            number(row["last"]),
            best,
            f"{steps(row['steps'])} / {steps(row['target_steps'])}",
            row["state"],
            day(row["created"]),
            (row["recipe"] or "-").removeprefix("recipes.experiment."),
            row["unit"] + (f", seed {row['seed']}" if row["seed"] is not None else ""),
        ]
        if not is_ranked:
            cells.append("; ".join(filter(None, [row["why_not"], *row["flags"]])))
        body.append(cells)
    first = 3 if is_ranked else 1
    return Table(
        header, body, frozenset(range(first, first + 2)), caption, max(0, len(rows) - MAX_ROWS)
    )


def _repeats(doc: dict[str, Any]) -> list[Block]:
    rows = doc["repeats"]["groups"]
    if not rows:
        return []
    stats = doc["statistics"]
    text = (
        "How much runs of one configuration differ. A difference between configurations that "
        "is not larger than this is no difference."
    )
    if stats["seed_deviation"]:
        text += (
            f" Deviation between repeats: {number(stats['seed_deviation'])} "
            f"({count(stats['seed_df'], 'degree')} of freedom)"
        )
        text += (
            (
                "; with 3 seeds a side, differences below "
                f"{number(stats['detectable_3_seeds'])} would be missed more than one time in "
                "five."
            )
            if stats["detectable_3_seeds"]
            else "."
        )
    body: list[list[Cell]] = [
        [
            Code(row["name"]),
            row["kind"],
            str(len(row["runs"])),
            ", ".join(number(v) for v in row["scores"][:8]),
            number(row["spread"]),
            str(row["comparable"]),
            f"configurations differ: {', '.join(row['differ_in'][:4])}"
            if row["differ_in"]
            else f"on {row['codes']} code versions"
            if row["codes"] > 1
            else "",
        ]
        for row in rows[:MAX_ROWS]
    ]
    header = [
        "runs",
        "kind",
        "count",
        "scores",
        "spread of the comparable ones",
        "comparable",
        "remark",
    ]
    return [
        Heading("Repeats", 3),
        Text(text),
        Table(header, body, frozenset({2, 4, 5}), "", max(0, len(rows) - MAX_ROWS)),
    ]


def _cannot(doc: dict[str, Any]) -> list[Block]:
    rows = doc["cannot"]
    blocks: list[Block] = [Heading("What the data cannot show")]
    if not rows:
        return [*blocks, Text("Nothing was refused.")]
    body: list[list[Cell]] = [
        [row["id"], row["statement"], row["why"], row["needs"]] for row in rows
    ]
    return [
        *blocks,
        Text("Statements that this report refuses to make."),
        Table(["", "refused", "because", "what would allow it"], body),
    ]


def _curves(doc: dict[str, Any]) -> list[Block]:
    data = doc["curves"]
    if not data["units"]:
        return []
    blocks: list[Block] = [
        Heading("Learning curves"),
        Figure(
            "figures/curves.svg", f"{data['metric']} up to the budget, one line per configuration"
        ),
    ]
    body: list[list[Cell]] = []
    for row in data["milestones"]:
        unit = "s" if data["axis"] == "seconds" else ""
        body.append(
            [
                Code(row["name"]),
                *(f"{steps(row[k])}{unit}" for k in ("to_50", "to_80")),
                *(_time(row[k]) for k in ("seconds_to_50", "seconds_to_80")),
            ]
        )
    if body:
        blocks.append(
            Table(
                ["run", "to 50 % of the best score", "to 80 %", "time to 50 %", "time to 80 %"],
                body,
                frozenset({1, 2, 3, 4}),
                "Steps, and wall time since the run's first row, at which the binned curve first reached the level.",
            )
        )
    if data["left_out"]:
        blocks.append(Text(f"{data['left_out']} more configurations are not drawn."))
    if doc["at_best"]:
        names = sorted(
            {
                n
                for r in doc["at_best"]
                for n in r["others"]
                if n.startswith(
                    ("losses/approx_kl", "losses/entropy", "losses/explained", "overview/reward")
                )
            }
        )
        body = [
            [
                Code(r["name"]),
                steps(r["step"]),
                number(r["value"]),
                *(number(r["others"].get(n)) for n in names),
            ]
            for r in doc["at_best"]
        ]
        blocks += [
            Heading("Other metrics where the score is best", 3),
            Table(["run", "step", "best", *names], body, frozenset(range(1, 3 + len(names)))),
        ]
    return blocks


def _time(seconds: float | None) -> str:
    from coglab.analysis.text import hours

    return "-" if seconds is None else hours(seconds)


def _next_steps(doc: dict[str, Any]) -> list[Block]:
    blocks: list[Block] = [Heading("Next steps")]
    rows: list[list[Cell]] = []
    items = []
    for row in doc["recommendations"]:
        items.append(Text(row["text"], row["grade"]))
        rows.append(
            [
                str(row["place"]),
                row["rule"],
                row["purpose"],
                cost_line(row),
                row["information"] or "-",
                row["stop_rule"] or "-",
                row["evidence"],
                row["would_change"],
            ]
        )
    if not items:
        return [*blocks, Text("No rule applies.")]
    return [
        *blocks,
        Items(items, True),
        Table(
            [
                "",
                "rule",
                "purpose",
                "cost",
                "what it tells",
                "stop when",
                "evidence",
                "what would change this advice",
            ],
            rows,
        ),
    ]


def _links(doc: dict[str, Any]) -> list[Block]:
    urls = [(row["name"], row["url"]) for row in doc["runs"] if row["url"]]
    rows: list[list[Cell]] = [[Code(name), Link(url)] for name, url in urls[:MAX_ROWS]]
    local: list[list[Cell]] = [
        [Code(r["name"]), Code(str(r["place"]))] for r in doc["runs"] if not r["url"] and r["place"]
    ]
    rows += local[: MAX_ROWS - len(rows)]
    if not rows:
        return []
    return [
        Heading("Where the runs are"),
        Table(
            ["run", "page, or folder in the data directory"],
            rows,
            more=max(0, len(doc["runs"]) - len(rows)),
        ),
    ]


def _appendix(doc: dict[str, Any]) -> list[Block]:
    part = doc["appendix"]
    if part is None:
        return [Heading("Appendix: configuration"), Text("No run has a configuration.")]
    which = (
        "the best ranked run"
        if part["is_best"]
        else "not the best run: the first of the table whose configuration is known"
    )
    title = f"Appendix: configuration of {clean(part['name'], 80)} ({part['state']}; {which})"
    blocks: list[Block] = [Heading(title)]
    if part["is_partial"]:
        blocks.append(Text("A part of the configuration: what the table says of this run."))
    departures = part.get("departures")
    if departures:
        rows: list[list[Cell]] = [
            [Code(r["key"]), Code(clean(r["value"], 80)), Code(clean(r["default"], 60))]
            for r in departures[:MAX_ROWS]
        ]
        blocks.append(
            Table(
                ["departs from the recipe's default", "value", "default"],
                rows,
                more=max(0, len(departures) - MAX_ROWS),
            )
        )
    dumped = yaml.safe_dump(
        part["config"], sort_keys=True, allow_unicode=True, default_flow_style=False
    )
    lines = dumped.splitlines()
    blocks.append(
        Listing(
            "\n".join(lines[:250])
            + ("\n# ... the rest is in configs/" if len(lines) > 250 else ""),
            "yaml",
        )
    )
    return blocks


def _method(doc: dict[str, Any]) -> list[Block]:
    rules: list[list[Cell]] = [[r["id"], r["check"], r["rule"]] for r in doc["health_rules"]]
    excluded = len(doc["excluded"])
    text = (
        f"{excluded} runs were excluded by filters (listed in `analysis.json`). The unit "
        "of every test is a configuration, not a run. "
        "Runs below 98 % of the budget have no rank. Percentages of budgets are of agent steps. "
        "A share of 20 % is the tail window unless said otherwise."
    )
    return [Heading("Method"), Text(text), Table(["rule", "health check", "threshold"], rules)]
