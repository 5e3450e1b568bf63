"""What each section of a report holds, on a pile of runs in which there is something for every one of them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
import yaml

from coglab.analysis.blocks import Report, Table, Text, markdown
from coglab.analysis.report import build
from coglab.analysis.write import render
from tests.analysis.synthetic import DAY, METRIC, NOW, config_of, utc, write_run

GEARS, MINER = "metta://policy/cogsguard?gear=10", "metta://policy/miner"


def plan(uri: str | None) -> dict[str, object]:
    return {
        "trainer.losses.sliced_scripted_cloner.enabled": uri is not None,
        "training_env.supervisor_policy_uri": uri,
    }


@pytest.fixture(scope="module")
def pile(tmp_path_factory) -> Path:
    """Six configurations of three seeds (two teachers, three learning rates), and runs that went wrong."""
    folder = tmp_path_factory.mktemp("pile")
    for index, (uri, level) in enumerate(((GEARS, 3.0), (MINER, 1.0))):
        for rate in (0.001, 0.002, 0.003):
            for seed in range(3):
                write_run(
                    folder,
                    f"t{index}.lr{rate}.s{seed}",
                    level + 50 * rate + 0.02 * seed,
                    seed=seed,
                    created=NOW - DAY * (1 + (7 * index + seed) % 5),
                    config=config_of(**plan(uri), **{"trainer.optimizer.learning_rate": rate}),
                    extra={
                        "losses/approx_kl": lambda at: 0 * at + 0.01,
                        "overview/reward": lambda at: at / 1e6,
                        "losses/supervised_action_loss_student_led": lambda at: 0 * at + 0.25,
                    },
                    wandb={"url": f"https://example.org/t{index}"} if seed == 0 else {},
                )
    write_run(folder, "gone", 9.0, steps=300_000, state="crashed")
    beat = utc(NOW - 5)
    live = {"state": "running", "heartbeat": beat, "progress": beat, "ended": None}
    write_run(folder, "live", 9.0, steps=400_000, **live)
    return folder


@pytest.fixture
def doc(pile, analyse):
    return analyse(pile).data


def section(doc, title: str) -> str:
    rest = markdown(build(doc)).split(f"\n## {title}", 1)[1]
    return rest.split("\n## ", 1)[0]


def tables(report: Report) -> list[Table]:
    return [block for block in report.blocks if isinstance(block, Table)]


def table_of(doc, *columns: str) -> Table:
    """The only table whose header holds these columns."""
    (found,) = [t for t in tables(build(doc)) if set(columns) <= set(t.header)]
    return found


def test_the_head_says_of_what_when_and_by_which_command_it_is(doc):
    facts = dict(build(doc).facts)
    assert facts["Date"] == "2026-09-21 14:13 UTC"
    assert facts["Made by"].startswith("coglab ")
    assert facts["Again"].startswith("`./tools/run.py runs.analyze")
    assert re.search(r"data fingerprint `[0-9a-f]{16}`", facts["Sources"])
    assert facts["Runs"] == "20 in all"
    assert "mean over the last 20 %" in facts["Score"]
    assert "1.00 M steps (1,000,000)" in facts["Score"]


def test_the_ranking_has_score_error_steps_and_letter_and_comes_before_what_has_no_rank(doc):
    text = section(doc, "Ranking")
    header = next(line for line in text.splitlines() if line.startswith("| rank"))
    columns = [name.strip() for name in header.strip("|").split("|")]
    assert columns[:7] == [
        "rank",
        "letter",
        "run",
        "heart.gained",
        "last",
        "best at step",
        "steps / target",
    ]
    assert columns[7:] == ["state", "created", "recipe", "configuration"]
    assert re.search(r"\| \*\*3\.\d+ ± 0\.0\d+\*\* \|", text)
    assert re.search(r"\| 1 \(1-\d\) +\| a", text)
    assert text.index("| 1 (") < text.index("### Not comparable yet") < len(text)
    assert "`live`" in text.split("### Not comparable yet")[1]
    whole = markdown(build(doc))
    assert whole.index("### Not comparable yet") < whole.index("### Runs that did not finish")


def test_runs_are_linked_where_they_have_a_page_and_named_by_folder_where_not(doc, pile):
    text = section(doc, "Where the runs are")
    assert "<https://example.org/t0>" in text
    assert re.search(r"\| `live` +\| `live` +\|", text)
    assert str(pile) not in text


def test_settings_are_sorted_by_what_they_can_explain_and_by_part(doc):
    text = section(doc, "Configuration")
    assert "They cannot explain any difference" in text
    for heading in ("#### Losses", "#### Training", "#### Architecture", "#### Environment"):
        assert heading in text
    shared = text.split("### C: shared by the top group, not by all")[1]
    assert "training_env.supervisor_policy_uri" in shared
    assert "Varying inside the top group" in shared
    assert "trainer.optimizer.learning_rate" in shared
    # On a page, what cannot explain anything is folded.
    page = render(doc, {}, ("html",))["report.html"]
    assert page.count("<details>") == page.count("</details>") >= 4


def test_what_separates_is_tested_with_sizes_rivals_and_a_box_on_association(doc):
    text = section(doc, "What separates the top runs")
    assert "> Association is not cause" in text
    shown = table_of(doc, "bundle", "adjusted p")
    assert shown.header == [
        "bundle", "median score by value", "difference", "Cliff's delta", "association", "p", "adjusted p",
        "goes together with", "grade",
    ]  # fmt: skip
    row = next(r for r in shown.rows if "supervisor_policy_uri" in r[0].text)
    assert f"{GEARS[:20]}" in row[1]
    assert row[1].count("(n=3)") == 2
    assert float(row[3]) == 1.0
    assert "Closest losing neighbour: `t" in text
    assert "differs from" in text
    assert "figures/curves.svg" in section(doc, "Learning curves")


def test_controlled_comparisons_have_seeds_and_an_interval(doc):
    shown = table_of(doc, "first", "second", "seeds", "verdict")
    assert {row[3] for row in shown.rows} == {"3 / 3"}
    assert any(row[5] == "changing this moved the score" for row in shown.rows)
    assert all(re.search(r"\[.+, .+\]$", row[4]) for row in shown.rows)


def test_teachers_are_recommended_from_the_runs_where_these_can_tell(doc):
    rows = {row["uri"]: row for row in doc["teachers"]["rows"]}
    assert doc["teachers"]["recommendation"]["uri"] == GEARS
    assert doc["teachers"]["recommendation"]["basis"] == "from your runs"
    assert rows[GEARS]["runs"] == 9
    assert rows[GEARS]["score"] == pytest.approx(3.12, abs=0.05)
    assert rows[GEARS]["cloning_loss"] == 0.25
    assert rows[GEARS]["rate"] == 1000.0
    text = section(doc, "Teacher options")
    assert "recommended, from your runs" in text
    assert text.count("recommended,") == 1


def test_metrics_to_watch_have_what_the_top_runs_had_and_guard_rails(doc):
    rows = {row["metric"]: row for row in doc["monitor"]}
    assert {METRIC, "env_collective/cogs/aligned.junction.held", "overview/reward"} <= set(rows)
    top = doc["statistics"]["top"]
    kl = rows["losses/approx_kl"]
    assert (kl["target"], kl["runs"]) == ("below 0.03", top)
    assert kl["median"] == pytest.approx(0.01)
    assert rows[METRIC]["low"] < rows[METRIC]["median"] < rows[METRIC]["high"]
    assert [row["share"] for row in doc["guard_rails"]] == [0.05, 0.1, 0.25, 0.5]
    # Scores rise in a straight line over the first half of the steps, to 3.05 in the worst of the top runs.
    assert [row["worst"] for row in doc["guard_rails"]] == pytest.approx(
        [0.3, 0.6, 1.5, 3.0], abs=0.15
    )
    text = section(doc, "Key metrics to monitor")
    assert re.search(r"`losses/approx_kl` .*\| below 0.03 .*\| 0.0100 \(0.0100 to 0.0100\)", text)


def test_next_steps_have_purpose_cost_information_and_a_stop_rule(doc):
    shown = table_of(doc, "rule", "purpose", "cost", "stop when")
    assert shown.header[5:] == ["stop when", "evidence", "what would change this advice"]
    assert [row[0] for row in shown.rows] == [str(i + 1) for i in range(len(shown.rows))]
    for row in shown.rows:
        assert all(cell for cell in row)
    trained = [row for row in shown.rows if row[3] != "no training"]
    assert trained
    for row in trained:
        assert re.fullmatch(r"\d+ x [\d.]+ [kMB] steps, [\d.]+ (s|min|h|days)", row[3])
        assert row[4] != "-"
        assert row[5] != "-"


def test_the_appendix_is_the_recorded_configuration_of_the_run_in_its_heading(doc, pile):
    best = doc["ranked"][0]["name"]
    text = section(doc, "Appendix: configuration")
    assert text.startswith(f" of {best} (finished; the best ranked run)")
    saved = json.loads((pile / best / "config.json").read_text())
    assert yaml.safe_load(text.split("```yaml\n")[1].split("```")[0]) == saved


def test_an_appendix_that_is_not_the_best_run_s_says_so(tmp_path, analyse):
    write_run(tmp_path, "best", 2.0)
    write_run(tmp_path, "second", 1.0)
    (tmp_path / "best" / "config.json").unlink()
    text = markdown(build(analyse(tmp_path).data))
    title = next(line for line in text.splitlines() if line.startswith("## Appendix"))
    assert "second" in title
    assert "not the best run: the first of the table whose configuration is known" in title


def test_sentences_are_short_have_numbers_and_no_causal_words(doc):
    assert len(doc["summary"]) <= 5
    for row in doc["summary"]:
        assert re.search(r"\d", row["text"]), row["text"]
    words = " ".join(
        block.text for block in build(doc).blocks if isinstance(block, Text)
    ).lower()  # fmt: skip
    assert not re.search(r"\b(because|caused|causes|thanks to|leads to|due to)\b", words)


def test_the_summary_of_a_pile_with_everything_keeps_the_controlled_comparison(tmp_path, analyse):
    # Limits, ranking, controlled, association, failures, advice: one more than there is room for.
    rng = np.random.default_rng(4)
    for batch in range(8):
        for seed in range(3):
            write_run(
                tmp_path,
                f"b{batch}s{seed}",
                batch + 0.01 * rng.standard_normal(),
                seed=seed,
                config=config_of(**{"trainer.batch_size": 1000 + batch}),
                created=NOW - float(rng.uniform(1, 9)) * DAY,
            )
    write_run(tmp_path, "gone", 1.0, state="crashed")
    grades = [row["grade"] for row in analyse(tmp_path).data["summary"]]
    assert len(grades) == 5
    assert "controlled" in grades
    assert not {"A", "B"} & set(grades)
