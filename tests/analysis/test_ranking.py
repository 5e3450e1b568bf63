"""Who is ranked, by what score, at which budget, and who has no rank."""

from __future__ import annotations

import json

import numpy as np
import pytest

from coglab.analysis.blocks import markdown
from coglab.analysis.report import build
from tests.analysis.synthetic import (
    METRIC,
    NOW,
    config_of,
    led,
    names,
    utc,
    write_run,
)


def test_runs_are_ranked_by_the_mean_of_their_last_fifth(tmp_path, analyse):
    for name, level in (("low", 1.0), ("high", 3.0), ("middle", 2.0)):
        write_run(
            tmp_path, name, level, config=config_of(**{"trainer.batch_size": int(1000 * level)})
        )
    doc = analyse(tmp_path).data
    assert names(doc["ranked"]) == ["high", "middle", "low"]
    assert [r["letter"] for r in doc["ranked"]] == ["a", "b", "c"]
    assert doc["ranked"][0]["score"] == pytest.approx(3.0, abs=0.05)
    assert doc["ranked"][0]["rank_low"] == doc["ranked"][0]["rank_high"] == 1
    assert doc["budget"] == 1_000_000


def test_last_values_equal_what_was_logged_last(tmp_path, analyse):
    place = write_run(tmp_path, "one", 1.0)
    last = json.loads((place / "metrics.jsonl").read_text().splitlines()[-1])["metrics"][METRIC]
    (one,) = analyse(tmp_path).data["ranked"]
    assert one["last"] == last


def test_a_longer_bad_run_does_not_win(tmp_path, analyse):
    for seed in range(4):
        write_run(tmp_path, f"good{seed}", 2.0, seed=seed, curve=lambda at: 2 * at / 1e6)
    write_run(tmp_path, "long", steps=10_000_000, rows=200, curve=lambda at: 0.3 * at / 1e6)
    doc = analyse(tmp_path).data
    assert doc["budget"] == 1_000_000
    assert names(doc["ranked"])[-1] == "long"
    assert doc["ranked"][-1]["score"] < 0.5


def test_shorter_and_running_runs_have_no_rank(tmp_path, analyse):
    for seed in range(4):
        write_run(tmp_path, f"whole{seed}", 1.0, seed=seed)
    write_run(tmp_path, "short", 9.0, steps=600_000, state="crashed")
    doc = analyse(tmp_path).data
    assert names(doc["not_comparable"]) == ["short"]
    assert "60 %" in doc["not_comparable"][0]["why_not"]
    assert "short" not in names(doc["ranked"])
    assert any(r["id"] == "S2" and "short" in r["statement"] for r in doc["cannot"])


def test_best_values_are_labelled_optimistic(tmp_path, analyse):
    for index in range(3):
        write_run(tmp_path, f"r{index}", 1.0, noise=0.5)
    text = markdown(build(analyse(tmp_path, rank="best").data))
    assert "optimistic" in text


@pytest.mark.parametrize(
    ("mode", "value"),
    [
        ("tail:20", 0.9),
        ("tail:100", 0.5),
        ("at:500000", 0.5),
        ("last", 1.0),
        ("best", 1.0),
        ("auc", 0.5),
    ],
)
def test_ways_of_scoring_a_straight_line(tmp_path, analyse, mode, value):
    write_run(tmp_path, "r", noise=0, rows=1000, curve=lambda at: at / 1e6)
    (one,) = analyse(tmp_path, rank=mode).data["ranked"]
    assert one["score"] == pytest.approx(value, abs=0.002)


def test_scores_at_equal_wall_time(tmp_path, analyse):
    write_run(tmp_path, "slow", noise=0, rows=100, curve=lambda at: at / 1e6)
    write_run(
        tmp_path, "fast", noise=0, rows=50, curve=lambda at: at / 1e6
    )  # a row a second: twice as fast
    doc = analyse(tmp_path, rank="per-hour").data
    assert doc["axis"] == "seconds"
    assert names(doc["ranked"])[0] == "fast"


def test_all_scores_equal_means_no_ranks(tmp_path, analyse):
    for index in range(4):
        write_run(tmp_path, f"r{index}", 0, noise=0, config=config_of(**{"trainer.k": index}))
    doc = analyse(tmp_path).data
    assert doc["constant_metric"]
    assert all(r["rank"] is None and r["letter"] == "" for r in doc["ranked"])
    assert any("never changed" in s["text"] for s in doc["summary"])
    assert all(b["p"] is None for b in doc["config"]["bundles"])


def test_a_run_that_is_mostly_not_finite_is_not_ranked(tmp_path, analyse):
    write_run(tmp_path, "good", 1.0)
    write_run(tmp_path, "bad", curve=lambda at: np.where(at > 500_000, np.nan, 1.0))
    doc = analyse(tmp_path).data
    assert names(doc["ranked"]) == ["good"]
    assert "not finite" in doc["not_comparable"][0]["why_not"]
    assert any(
        r["kind"] == "non-finite" and "first at step 520,000" in r["text"] for r in doc["quality"]
    )


def test_names_that_differ_by_a_version_are_presumed_repeats(tmp_path, analyse):
    write_run(tmp_path, "exp.v1", 1.0, config=config_of())
    write_run(tmp_path, "exp.v2", 1.4, config=config_of(**{"trainer.batch_size": 9}))
    (group,) = analyse(tmp_path).data["repeats"]["groups"]
    assert group["kind"] == "presumed from names"
    assert group["differ_in"] == ["trainer.batch_size"]
    assert group["spread"] == pytest.approx(0.4, abs=0.1)


def test_a_run_that_a_teacher_played_has_no_rank_beside_students(tmp_path, analyse):
    for seed in range(3):
        write_run(tmp_path, f"student{seed}", 1.0, seed=seed, extra=led(0.0))
    write_run(tmp_path, "led", 9.0, extra=led(0.5))
    doc = analyse(tmp_path).data
    assert names(doc["not_comparable"]) == ["led"]
    assert "the teacher played 50 %" in doc["not_comparable"][0]["why_not"]


def test_runs_that_a_teacher_played_alike_are_compared(tmp_path, analyse):
    for seed in range(3):
        write_run(tmp_path, f"r{seed}", float(seed), seed=seed, extra=led(0.5))
    assert len(analyse(tmp_path).data["ranked"]) == 3


def test_a_budget_at_which_the_teacher_still_plays_in_all_runs_is_named_with_a_better_one(
    tmp_path, analyse
):
    leaves = {**led(0.0), "teacher/teacher_led_share": lambda at: np.maximum(0.0, 0.5 - at / 1e6)}
    for name, steps in (("a", 400_000), ("b", 400_000), ("c", 800_000)):
        write_run(tmp_path, name, steps=steps, seed=ord(name), extra=leaves)
    row = next(r for r in analyse(tmp_path).data["quality"] if r["kind"] == "teacher")
    assert "plays 13 to 14 % of the rows" in row["text"]  # 0.5 less 0.36, the middle of the window
    # The last row with more than 1 % is that of 480,000 steps, where the last fifth of 600,000 begins.
    assert "`budget=600000` compares the 1 of 3" in row["text"]
    of_students = analyse(tmp_path, budget=600_000).data
    assert names(of_students["ranked"]) == ["c"]
    assert not any(row["kind"] == "teacher" for row in of_students["quality"])


def test_runs_led_throughout_have_no_budget_of_their_own(tmp_path, analyse):
    for name in "ab":
        write_run(tmp_path, name, seed=ord(name), extra=led(0.5))
    row = next(r for r in analyse(tmp_path).data["quality"] if r["kind"] == "teacher")
    assert "none of them went on" in row["text"]


def test_chance_does_not_part_runs_of_one_configuration_by_their_teacher_s_share(tmp_path, analyse):
    write_run(
        tmp_path, "alone", 1.0, config=config_of(**{"trainer.update_epochs": 7}), extra=led(0.0)
    )
    for seed, share in enumerate((0.049, 0.048, 0.052)):
        write_run(tmp_path, f"led.s{seed}", 2.0, seed=seed, extra=led(share))
    assert len(analyse(tmp_path).data["ranked"]) == 4


def test_runs_that_share_no_letter_differ_by_twice_their_error():
    from coglab.analysis.model import RunInfo
    from coglab.analysis.ranking import Candidate, Ranking, assign_ranks
    from coglab.analysis.series import Score

    # Each 1.5 errors below the one above: twice the combined error is 2.83, so that neighbours tie and the ends do not.
    ranked = [
        Candidate(RunInfo(n, n, "s"), score=Score(v, 1.0, 9, (0, 1)))
        for n, v in zip("wxyz", (9.0, 7.5, 6.0, 4.5), strict=True)
    ]
    assign_ranks(Ranking(1.0, "steps", ranked, [], []), True, [])
    assert [c.letter for c in ranked] == ["a", "a b", "b c", "c"]


def test_a_running_run_is_read_up_to_its_newest_row_and_marked(tmp_path, analyse):
    for seed in range(3):
        write_run(tmp_path, f"done{seed}", 1.0, seed=seed)
    beat = utc(NOW - 5)
    write_run(
        tmp_path,
        "live",
        9.0,
        steps=400_000,
        state="running",
        heartbeat=beat,
        progress=beat,
        ended=None,
    )
    doc = analyse(tmp_path).data
    assert doc["not_comparable"][0]["state"] == "running"
    assert "still running" in doc["not_comparable"][0]["flags"]
    (row,) = doc["failures"]
    assert row["signature"] == "still running"
    assert row["age_s"] is not None
    assert "still running" in markdown(build(doc))


def test_a_baseline_whose_teacher_still_played_says_so(tmp_path):
    from coglab.analysis import baseline
    from coglab.analysis.config import RankConfig
    from coglab.analysis.load import find_metric_of, load
    from coglab.analysis.sources import Runs, open_source

    write_run(tmp_path, "mine", 1.0)
    write_run(tmp_path, "theirs", 2.0, extra=led(0.5))
    ranking = RankConfig()
    store = Runs([open_source(str(tmp_path), NOW, ranking.metric)])
    mine, theirs = sorted(store.runs, key=lambda run: run.name)
    metric = find_metric_of(store, [mine, theirs], ranking)
    main = load(store, [mine], metric, "tail")
    made = baseline.compare(main, 1e6, store, [theirs], "theirs", metric, ranking)
    assert made["why_not"].startswith("none of the baseline has a score at the common budget")
