"""The sentences of the report: what was found, each with its grade, and what the data cannot show."""

from __future__ import annotations

from typing import Any

from coglab.analysis.model import LIVE_STATES
from coglab.analysis.text import clean, count, number, p_value, quoted, steps

MAX_SENTENCES = 5


def bundle_sentence(row: dict[str, Any], metric: str) -> str:
    """A bundle in the words of its grade."""
    key = f"{quoted(row['name'], 80)}"
    groups = row["groups"]
    if row["grade"] == "C":
        shared = row["top_shares"]
        return (
            f"The top runs share {key} = {clean(shared['value'], 60)}; "
            f"{shared['others_with']} of {shared['others']} other configurations have it too."
        )
    verb = "predicts" if row["grade"] == "A" else "is associated with"
    tail = " in these runs" if row["grade"] == "A" else ""
    if row["is_number"] and row["direction"] is not None:
        size = f"rank correlation {row['direction']:+.2f}"
    elif len(groups) == 2:
        size = (
            f"median {number(groups[0]['median'])} with {clean(groups[0]['value'], 40)} (n={groups[0]['units']}), "
            f"{number(groups[1]['median'])} with {clean(groups[1]['value'], 40)} (n={groups[1]['units']}), "
            f"Cliff's delta {row['delta']:+.2f}"
        )
    else:
        size = f"medians from {number(groups[-1]['median'])} to {number(groups[0]['median'])} over {len(groups)} values"
    return (
        f"{key} {verb} {metric}{tail}: {size}; p {p_value(row['p'])}, adjusted "
        f"{p_value(row['adjusted_p'])} ({row['why']})."
    )


def cannot(doc: dict[str, Any]) -> list[dict[str, str]]:
    """Statements that a reader might expect and that these data do not allow.

    Returns:
        Rows `{id, statement, why, needs}`; the gravest first.
    """
    rows: list[dict[str, str]] = []
    ranked, rest = doc["ranked"], doc["not_comparable"]
    stats = doc["statistics"]

    def refuse(id_: str, statement: str, why: str, needs: str) -> None:
        rows.append({"id": id_, "statement": statement, "why": why, "needs": needs})

    if not doc["metric"]["has_history"] and (ranked or rest):
        refuse(
            "S1",
            "where a run stood at a common step",
            "only one number per run is known, without its step",
            "histories: a ledger, a .wandb file, or the server",
        )
    live = [r for r in rest if r["state"] != "finished"]
    if rest:
        names = ", ".join(quoted(r["name"], 50) for r in rest[:4]) + (
            ", ..." if len(rest) > 4 else ""
        )
        best = max((r["score"] for r in rest if r["score"] is not None), default=None)
        top = ranked[0]["score"] if ranked else None
        above = (
            "; a number above those of the ranked runs is of another step"
            if best is not None
            and top is not None
            and best > top
            and doc["metric"]["direction"] == "higher"
            else ""
        )
        why = "; ".join(sorted({r["why_not"] for r in rest})[:3])
        refuse(
            "S2",
            f"a rank for {count(len(rest), 'run')} ({names})",
            f"{why}{above}",
            "the same number of steps" + (" (finish or extend them)" if live else ""),
        )
    if len(ranked) < 3:
        refuse(
            "S3",
            "which configuration is best",
            f"{count(len(ranked), 'run')} can be compared",
            "three runs at one step count",
        )
    if stats["seed_deviation"] is None:
        refuse(
            "S4",
            "whether differences between configurations are more than seed noise",
            "every configuration ran once",
            "two or more seeds of at least one configuration",
        )
    elif doc["repeats"]["are_presumed"]:
        refuse(
            "S4", "whether differences between configurations are more than seed noise, for certain",
            ("the only repeats are presumed from names "
                f"({count(stats['seed_df'], 'degree')} of freedom)"), "runs whose recorded configurations are the same",
        )  # fmt: skip
    if (
        len(ranked) > 1
        and not doc["constant_metric"]
        and all("a" in r["letter"].split() for r in ranked)
    ):
        refuse(
            "S5",
            "an order among the ranked runs",
            "neighbours differ by less than twice their combined error, or the error is not known",
            "smaller errors: more seeds, longer windows",
        )
    if stats["why_not"]:
        refuse(
            "S6",
            "which settings separate good runs from bad ones",
            stats["why_not"],
            "at least 6 configurations that differ in few settings",
        )
    elif stats["attainable_adjusted_p"] is not None and stats["attainable_adjusted_p"] > 0.05:
        refuse(
            "S6", "that any setting predicts the score (grade A)",
            (f"with {count(stats['units'], 'configuration')} and {count(stats['bundles'], 'bundle')} the "
                "smallest adjusted p that could come out is "
                f"{stats['attainable_adjusted_p']:.2f}"),
            "more configurations"
            + (", or one setting named in advance with test=KEY" if stats["attainable_p"] <= 0.05 else " (6 at the least)"),
        )  # fmt: skip
    constant = doc["config"]["constant"]
    if constant and (ranked or rest):
        refuse(
            "S7",
            f"that any of the {len(constant)} settings that all runs share made them good",
            "what does not vary cannot explain a difference",
            "runs without them",
        )
    partial = [r["name"] for r in doc["runs"] if r["config_is_partial"] or not r["has_config"]]
    if partial:
        refuse(
            "S8",
            f"the configuration of {count(len(partial), 'run')}",
            "the record holds no configuration, or a part of it",
            "config.json, or W&B's config",
        )
    if (
        doc["teachers"]["recommendation"]["basis"] == "prior only"
        and doc["teachers"]["recommendation"]["uri"]
    ):
        refuse(
            "S9",
            "which teacher is best, from these runs",
            doc["teachers"]["recommendation"]["text"],
            "three configurations each with two teachers",
        )
    if not any(r["is_enough"] for r in doc["controlled"]):
        refuse(
            "S10",
            "that any setting caused a difference",
            "no two configurations differ in one thing alone with three seeds each",
            "an ablation with three seeds on each side",
        )
    if not doc["metric"]["has_history"]:
        refuse(
            "S11",
            "why runs failed, how they learn, when to stop a run early",
            "no curves, no messages",
            "histories",
        )
    for remark in doc["remarks"]:
        refuse(
            "S12",
            "anything about runs that are not in the data",
            clean(remark, 400),
            "all runs that were started, failures included",
        )
    return rows


def executive(doc: dict[str, Any]) -> list[dict[str, Any]]:
    """Three to five sentences, each with a grade and the anchor of its table; the first says what cannot be shown."""
    metric = doc["metric"]["resolved"]
    ranked, stats = doc["ranked"], doc["statistics"]
    found: list[dict[str, Any]] = []
    limits = [
        row for row in doc["cannot"] if row["id"] in ("S1", "S2", "S3", "S4", "S5", "S6", "S10")
    ]
    if limits:
        parts = "; ".join(f"{row['statement']} ({row['why']})" for row in limits[:2])
        found.append(
            {
                "text": f"What these runs cannot show: {parts}.",
                "grade": "limit",
                "anchor": "what-the-data-cannot-show",
            }
        )
    else:
        found.append(
            {
                "text": "Everything below is from runs at one step count; only controlled comparisons earn causal words.",
                "grade": "limit",
                "anchor": "what-the-data-cannot-show",
            }
        )
    if doc["constant_metric"]:
        found.append(
            {
                "text": f"{metric} never changed: all {len(ranked)} ranked runs have {number(ranked[0]['score'])}.",
                "grade": "data",
                "anchor": "ranking",
            }
        )
    elif ranked:
        best = ranked[0]
        ties = sum(1 for r in ranked if "a" in r["letter"].split()) - 1
        error = f" ± {number(best['error'], 2)}" if best["error"] is not None else ""
        at = f" at {steps(doc['budget'])} steps" if doc["budget"] else ""
        tied = f"; {count(ties, 'other')} cannot be told apart from it" if ties > 0 else ""
        others = sum(
            len(group[part])
            for group in doc["other_groups"]
            for part in ("ranked", "not_comparable", "missing")
        )
        of = f" of {clean(doc['game'], 60)}" if others else ""
        apart = f" {count(others, 'run')} of other groups are ranked apart." if others else ""
        found.append(
            {
                "text": (
                    f"Of {count(len(doc['runs']), 'run')}{of}, {len(ranked)} can be ranked{at}; the best "
                    f"is {quoted(best['name'])} with {metric} "
                    f"{number(best['score'])}{error}{tied}.{apart}"
                ),
                "grade": "data",
                "anchor": "ranking",
            }
        )
    strong = [
        row
        for row in doc["config"]["bundles"]
        if row["grade"] in ("A", "B") and not row["is_context"]
    ]
    strong.sort(key=lambda r: (r["grade"], r["p"]))
    sure = [row for row in doc["controlled"] if row["is_enough"] and row["low"] * row["high"] > 0]
    if sure:
        row = sure[0]
        plan = {
            k: v
            for k, v in row["keys"].items()
            if "supervisor" in k or "proportion" in k or k == row["thing"]
        }
        key = next(iter(sorted(plan, key=lambda k: "supervisor" not in k)), next(iter(row["keys"])))
        one, two = row["keys"][key]
        more = f" (and {len(row['keys']) - 1} settings with it)" if len(row["keys"]) > 1 else ""
        found.append(
            {
                "text": (
                    f"Changing {quoted(key, 80)}{more} from {clean(two, 40)} to "
                    f"{clean(one, 40)} moved the score by {number(row['difference'])} "
                    f"[{number(row['low'])}, {number(row['high'])}] ({row['seeds'][0]} and "
                    f"{row['seeds'][1]} seeds)."
                ),
                "grade": "controlled",
                "anchor": "what-separates-the-top-runs",
            }
        )
    if strong:
        found.append(
            {
                "text": bundle_sentence(strong[0], metric),
                "grade": strong[0]["grade"],
                "anchor": "what-separates-the-top-runs",
            }
        )
    elif not sure and ranked and stats["attainable_p"] is not None and stats["attainable_p"] > 0.05:
        found.append(
            {
                "text": (
                    f"With {count(stats['units'], 'configuration')} no setting could pass a "
                    "test, whatever its effect (smallest possible p "
                    f"{p_value(stats['attainable_p'])})."
                ),
                "grade": "limit",
                "anchor": "what-separates-the-top-runs",
            }
        )
    elif not sure and ranked and not stats["why_not"]:
        found.append(
            {
                "text": (
                    f"None of the {stats['settings_varying']} settings that vary passed a "
                    f"test against {metric}; that is no proof that none matters."
                ),
                "grade": "data",
                "anchor": "what-separates-the-top-runs",
            }
        )
    if doc["failures"]:
        over = [r for r in doc["failures"] if r["state"] not in LIVE_STATES]
        bad = sum(1 for rows in doc["health"].values() if any(r["verdict"] == "bad" for r in rows))
        found.append(
            {
                "text": (
                    f"{count(len(over), 'run')} did not finish, "
                    f"{len(doc['failures']) - len(over)} still running"
                    + (
                        f"; {count(bad, 'run')}{' of the main group' if doc['other_groups'] else ''} with a "
                        "health check that is bad."
                        if doc["health"]
                        else "."
                    )
                ),
                "grade": "data",
                "anchor": "health-and-failures",
            }
        )
    if doc["recommendations"]:
        first = doc["recommendations"][0]
        found.append(
            {"text": "Next: " + first["text"], "grade": first["grade"], "anchor": "next-steps"}
        )
    if len(found) > MAX_SENTENCES and sure:
        found = [
            row for row in found if row["grade"] not in ("A", "B")
        ]  # the controlled one says more
    return found[:MAX_SENTENCES]
