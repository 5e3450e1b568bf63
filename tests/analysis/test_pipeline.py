"""Does the analysis find what is there, and not what is not?"""

from __future__ import annotations

import itertools
import json
import math

import numpy as np
import pytest

from coglab.analysis.config import FilterConfig
from coglab.analysis.load import MetricMissing
from coglab.config import UserError
from tests.analysis.synthetic import DAY, METRIC, NOW, config_of, write_log, write_run
from tests.analysis.synthetic import exit_record as exit_
from tests.analysis.synthetic import history as row
from tests.analysis.synthetic import run_record as start


def names(rows) -> list[str]:
    return [r["name"] for r in rows]


def bundle(doc, key):
    return next(b for b in doc["config"]["bundles"] if key in b["keys"])


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


def test_seeds_of_one_configuration_are_one_unit_and_measure_the_noise(tmp_path, analyse):
    rng = np.random.default_rng(0)
    for seed in range(3):
        write_run(tmp_path, f"a{seed}", 1 + 0.2 * rng.standard_normal(), seed=seed)
        write_run(
            tmp_path,
            f"b{seed}",
            1 + 0.2 * rng.standard_normal(),
            seed=seed,
            config=config_of(**{"trainer.batch_size": 1}),
        )
    doc = analyse(tmp_path).data
    assert len(doc["units"]) == 2
    assert doc["statistics"]["seed_df"] == 4
    assert 0.05 < doc["statistics"]["seed_deviation"] < 0.6
    assert len({r["letter"] for r in doc["ranked"]}) == 1


def test_a_planted_cause_is_found_and_graded_a(tmp_path, analyse):
    rng = np.random.default_rng(4)
    for index in range(24):
        batch = 4096 if index % 2 else 1024
        config = config_of(
            **{
                "trainer.batch_size": batch,
                "trainer.optimizer.learning_rate": float(rng.choice([0.1, 0.2, 0.3])),
                "trainer.losses.ppo_actor.clip_coef": float(rng.choice([0.1, 0.2])),
                "policy_architecture.width": int(rng.choice([32, 64, 128])),
                "trainer.epochs": index,
            }
        )
        level = (2.0 if batch == 4096 else 1.0) + 0.2 * rng.standard_normal()
        write_run(
            tmp_path,
            f"r{index:02}",
            level,
            config=config,
            created=NOW - float(rng.uniform(1, 9)) * DAY,
        )
    doc = analyse(tmp_path).data
    found = bundle(doc, "trainer.batch_size")
    assert found["grade"] == "A"
    assert found["effect"] == pytest.approx(1.0, abs=0.3)
    others = [b["grade"] for b in doc["config"]["bundles"] if b is not found]
    assert "A" not in others
    assert any("predicts" in s["text"] and "batch_size" in s["text"] for s in doc["summary"])


def test_two_aliased_causes_are_one_bundle_and_never_graded_a(tmp_path, analyse):
    rng = np.random.default_rng(5)
    for index in range(24):
        is_new = index >= 12
        config = config_of(
            **{
                "trainer.batch_size": 1024 + is_new,
                "trainer.gamma": 0.9 + 0.09 * is_new,
                "trainer.x": (index * 7) % 24,
            }
        )
        write_run(
            tmp_path,
            f"r{index:02}",
            1 + is_new + 0.1 * rng.standard_normal(),
            config=config,
            created=NOW - (30 - index) * DAY,
        )
    doc = analyse(tmp_path).data
    found = bundle(doc, "trainer.batch_size")
    assert "trainer.gamma" in found["keys"]
    # Everything new came later, so the order of creation explains it as well.
    assert found["grade"] == "B"
    assert any("order of creation" in r["name"] for r in found["rivals"])
    assert any(r["rule"] == "R5" for r in doc["recommendations"])


def test_nothing_is_found_where_nothing_is(tmp_path, analyse):
    graded = 0
    for trial in range(5):
        folder = tmp_path / str(trial)
        rng = np.random.default_rng(100 + trial)
        for index in range(12):
            changes = {f"trainer.k{k}": int(rng.integers(0, 2)) for k in range(15)}
            write_run(
                folder,
                f"r{index}",
                1 + 0.3 * rng.standard_normal(),
                rows=20,
                config=config_of(**changes),
                created=NOW - DAY * float(rng.uniform(1, 9)),
            )
        doc = analyse(folder).data
        graded += sum(b["grade"] == "A" for b in doc["config"]["bundles"])
        shared = [b for b in doc["config"]["bundles"] if b["top_shares"]]
        assert all(b["grade"] in ("B", "C") for b in shared)
        assert all(len(b["rivals"]) >= 0 for b in shared)
    assert graded <= 1


def test_constant_settings_are_never_what_separates(tmp_path, analyse):
    for index in range(8):
        write_run(
            tmp_path,
            f"r{index}",
            float(index),
            config=config_of(**{"trainer.k": index % 2, "trainer.constant": 5}),
        )
    doc = analyse(tmp_path).data
    assert doc["config"]["constant"]["trainer.constant"] == "5"
    assert not any("trainer.constant" in b["keys"] for b in doc["config"]["bundles"])
    assert any(r["id"] == "S7" for r in doc["cannot"])


def test_only_a_controlled_comparison_earns_causal_words(tmp_path, analyse):
    for seed, (batch, level) in itertools.product(range(3), ((1, 1.0), (2, 2.0))):
        write_run(
            tmp_path,
            f"b{batch}s{seed}",
            level + 0.05 * seed,
            seed=seed,
            config=config_of(**{"trainer.batch_size": batch}),
        )
    doc = analyse(tmp_path).data
    (pair,) = doc["controlled"]
    assert pair["is_enough"]
    assert abs(pair["difference"]) == pytest.approx(1.0, abs=0.1)
    assert pair["low"] * pair["high"] > 0
    text = " ".join(s["text"] for s in doc["summary"])
    assert "Changing `trainer.batch_size` from" in text
    assert not any(r["id"] == "S10" for r in doc["cannot"])


def test_a_hypothesis_named_in_advance_is_not_adjusted(tmp_path, analyse):
    rng = np.random.default_rng(8)
    for index in range(10):
        changes = {f"trainer.k{k}": int(rng.integers(0, 2)) for k in range(25)} | {
            "trainer.named": index % 2
        }
        write_run(
            tmp_path,
            f"r{index}",
            (index % 2) + 0.3 * rng.standard_normal(),
            config=config_of(**changes),
            created=NOW - DAY * float(rng.uniform(1, 9)),
        )
    plain = bundle(analyse(tmp_path).data, "trainer.named")
    named = bundle(analyse(tmp_path, test="trainer.named").data, "trainer.named")
    assert named["named_in_advance"]
    assert not plain["named_in_advance"]
    assert named["p"] == plain["p"]
    with pytest.raises(UserError, match=r"trainer\.named"):
        analyse(tmp_path, test="trainer.nmed")


def test_best_values_are_labelled_optimistic(tmp_path, analyse):
    from coglab.analysis.blocks import markdown
    from coglab.analysis.report import build

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


def test_zero_filling_is_noticed(tmp_path, analyse):
    write_run(
        tmp_path, "r", noise=0, rows=60, curve=lambda at: np.where((at // 20_000) % 2, 0.0, 1.0)
    )
    assert any(r["kind"] == "zero-filled" for r in analyse(tmp_path).data["quality"])


def test_a_best_value_in_the_first_rows_is_noticed(tmp_path, analyse):
    write_run(tmp_path, "r", rows=100, curve=lambda at: np.where(at < 30_000, 9.0, 1.0))
    assert any(r["kind"] == "early-best" for r in analyse(tmp_path).data["quality"])


def test_different_games_are_never_ranked_together(tmp_path, analyse):
    write_run(tmp_path, "arena", 1.0)
    write_run(
        tmp_path, "other", 9.0, config=config_of(**{"training_env.game.mission": "machina_1"})
    )
    write_run(tmp_path, "longer", 5.0, config=config_of(**{"training_env.game.max_steps": 5000}))
    with pytest.raises(UserError, match="cannot be ranked together"):
        analyse(tmp_path)
    doc = analyse(tmp_path, mixed=True).data
    assert len(doc["ranked"]) == 1
    assert sorted(len(g["ranked"]) for g in doc["other_groups"]) == [1, 1]


def test_a_metric_in_no_run_names_the_nearest(tmp_path, analyse):
    write_run(tmp_path, "r")
    with pytest.raises(MetricMissing) as error:
        analyse(tmp_path, metric="heart.gaind")
    assert METRIC in error.value.near


@pytest.mark.parametrize("asked", ["heart.gained", METRIC, "heart.created"])
def test_both_names_of_hearts_resolve_and_the_title_says_which(tmp_path, analyse, asked):
    from coglab.analysis.report import build

    write_run(tmp_path, "r")
    doc = analyse(tmp_path, metric=asked).data
    assert doc["metric"]["resolved"] == METRIC
    assert METRIC in build(doc).title
    assert bool(doc["metric"]["note"]) == (asked == "heart.created")


def test_created_hearts_are_found_where_they_are_logged(tmp_path, analyse):
    write_run(tmp_path, "r", metric="env_game/assembler.heart.created")
    assert (
        analyse(tmp_path, metric="heart.created").data["metric"]["resolved"]
        == "env_game/assembler.heart.created"
    )


def test_runs_without_the_metric_are_listed_apart(tmp_path, analyse):
    write_run(tmp_path, "has", 1.0)
    write_run(tmp_path, "has_not", 1.0, metric="overview/reward")
    doc = analyse(tmp_path).data
    assert names(doc["missing"]) == ["has_not"]
    assert any(r["kind"] == "missing" for r in doc["quality"])


def test_names_that_differ_by_a_version_are_presumed_repeats(tmp_path, analyse):
    write_run(tmp_path, "exp.v1", 1.0, config=config_of())
    write_run(tmp_path, "exp.v2", 1.4, config=config_of(**{"trainer.batch_size": 9}))
    (group,) = analyse(tmp_path).data["repeats"]["groups"]
    assert group["kind"] == "presumed from names"
    assert group["differ_in"] == ["trainer.batch_size"]
    assert group["spread"] == pytest.approx(0.4, abs=0.1)


def test_rows_that_a_later_start_replaced_do_not_count(tmp_path, analyse):
    place = write_run(tmp_path, "r", 1.0)
    lines = (place / "metrics.jsonl").read_text().splitlines()
    again = json.dumps({"segment": 1, "first_step": 500_001})
    rows = [
        json.dumps({"step": s, "time": NOW, "metrics": {METRIC: 7.0}})
        for s in range(520_000, 1_000_001, 20_000)
    ]
    (place / "metrics.jsonl").write_text("\n".join([*lines, again, *rows]) + "\n")
    doc = analyse(tmp_path).data
    assert doc["ranked"][0]["score"] == pytest.approx(7.0)
    assert any("rewound" in r["text"] for r in doc["quality"])


def test_the_teacher_s_play_is_not_taken_for_the_student_s(tmp_path, analyse):
    # The score falls as the teacher leaves, and the student alone is flat: no peak, no guard rail from that phase.
    led = {
        "teacher/teacher_led_share": lambda at: np.maximum(0.0, 0.5 - at / 1e6),
        "teacher/student_led_share": lambda at: 0 * at,
    }
    for seed in range(3):
        write_run(
            tmp_path,
            f"r{seed}",
            seed=seed,
            noise=0.01,
            curve=lambda at: 1 + np.maximum(0, 0.5 - at / 1e6),
            extra=led,
        )
    doc = analyse(tmp_path).data
    trend = next(r for r in doc["health"]["r0"] if r["id"] == "H7")
    assert trend["peak"] is None
    assert "after the teacher" in trend["where"]
    assert all(r["step"] > 490_000 for r in doc["guard_rails"])
    assert any("while the teacher played" in r["text"] for r in doc["quality"])


def test_failures_have_reasons_and_equal_ones_are_grouped(tmp_path, analyse):
    for index in range(3):
        crash = {
            "class": "OutOfMemoryError",
            "message": "CUDA out of memory. Tried to allocate",
            "tail": ["x"],
        }
        write_run(
            tmp_path,
            f"oom{index}",
            steps=200_000,
            state="failed",
            crash=crash,
            config=config_of(**{"trainer.batch_size": 9}),
        )
    for index in range(6):
        write_run(tmp_path, f"ok{index}", 1.0, seed=index)
    write_run(tmp_path, "gone", steps=100_000, state="crashed")
    doc = analyse(tmp_path).data
    reasons = {r["name"]: (r["signature"], r["reason_from"]) for r in doc["failures"]}
    assert reasons["oom0"] == ("GPU out of memory", "record")
    assert reasons["gone"][0] == "stopped without a message"
    assert doc["failure_settings"][0]["name"].startswith("trainer.batch_size")
    assert doc["recommendations"][0]["rule"] == "R10"


def test_non_finite_losses_explain_a_silent_crash(tmp_path, analyse):
    write_run(
        tmp_path,
        "nan",
        state="crashed",
        extra={"losses/value_loss": lambda at: np.where(at > 8e5, np.nan, 1.0)},
    )
    (failure,) = analyse(tmp_path).data["failures"]
    assert failure["signature"] == "non-finite numbers"
    assert failure["reason_from"] == "metrics"


@pytest.mark.parametrize(
    ("metric", "function", "check", "verdict"),
    [
        ("losses/approx_kl", lambda at: 0 * at + 0.1, "H1", "bad"),
        ("losses/approx_kl", lambda at: np.where(at % 200_000 == 0, 0.1, 0.001), "H1", "warn"),
        ("losses/approx_kl", lambda at: 0 * at + 0.001, "H1", "ok"),
        ("losses/clipfrac", lambda at: 0 * at + 0.4, "H2", "warn"),
        ("losses/clipfrac", lambda at: 0 * at + 0.6, "H2", "bad"),
        ("losses/entropy", lambda at: 1 + np.maximum(0, at - 8e5) / 1e6, "H3", "warn"),
        ("losses/explained_variance", lambda at: 0 * at - 1, "H4", "bad"),
        ("losses/explained_variance", lambda at: 0 * at + 0.1, "H4", "warn"),
        ("losses/value_loss", lambda at: np.where(at > 9e5, np.inf, 1), "H5", "bad"),
        ("grad/norm", lambda at: np.where(at > 7e5, 100.0, 1.0), "H5", "warn"),
        ("losses/supervised_action_loss", lambda at: 0 * at + 1, "H6", "warn"),
        ("overview/reward", lambda at: at / 1e6, "H9", "warn"),
    ],
)
def test_health_checks(tmp_path, analyse, metric, function, check, verdict):
    write_run(tmp_path, "r", noise=0.01, curve=lambda at: 1 - at / 1e7, extra={metric: function})
    rows = [r for r in analyse(tmp_path).data["health"]["r"] if r["id"] == check]
    assert verdict in [r["verdict"] for r in rows]


def test_kl_of_teacher_rows_alone_is_not_judged(tmp_path, analyse):
    extra = {
        "losses/approx_kl": lambda at: 0 * at + 5.0,
        "teacher/teacher_led_share": lambda at: 0 * at + 0.5,
        "teacher/student_led_share": lambda at: 0 * at + 0.5,
    }
    write_run(tmp_path, "r", extra=extra)
    rows = {r["id"]: r for r in analyse(tmp_path).data["health"]["r"]}
    assert rows["H1"]["verdict"] == "not applicable"
    assert rows["H10"]["verdict"] == "note"


def test_three_sources_of_the_same_rows_give_the_same_document(tmp_path, analyse):
    """Ledger and W&B log hold the same numbers; apart from facts that a log has not, the documents agree."""
    rng = np.random.default_rng(2)
    for index in range(4):
        config = config_of(**{"trainer.batch_size": 10 + index})
        place = write_run(
            tmp_path / "runs",
            f"r{index}",
            1 + index,
            seed=index,
            config=config,
            created=NOW - DAY * (index + 1),
        )
        saved = json.loads((place / "config.json").read_text())
        data = [start(f"r{index}", NOW - DAY * (index + 1), saved)]
        for line in (place / "metrics.jsonl").read_text().splitlines()[1:]:
            entry = json.loads(line)
            items = list({**entry["metrics"], "_timestamp": entry["time"]}.items())
            rng.shuffle(items)
            data.append(row(dict(items)))
        summary_free = [*data, exit_(0)]
        write_log(tmp_path / "wandb", f"r{index}", summary_free)
    one, two = analyse(tmp_path / "runs").data, analyse(tmp_path / "wandb").data
    assert [(r["name"], r["score"], r["error"], r["letter"]) for r in one["ranked"]] == [
        (r["name"], r["score"], r["error"], r["letter"]) for r in two["ranked"]
    ]
    assert one["curves"] == two["curves"]
    strip = ("rivals", "keys", "name")

    def keep(doc):
        rows = [b for b in doc["config"]["bundles"] if not b["is_context"]]
        return [{k: v for k, v in b.items() if k not in strip} for b in rows]

    assert keep(one) == keep(two)


def test_the_same_run_from_two_sources_is_one_run(tmp_path, analyse):
    write_run(tmp_path / "runs", "r1", 1.0, project="p")
    write_log(
        tmp_path / "wandb",
        "r1",
        [start("r1"), row({"metric/agent_step": 1, METRIC: 5.0}), exit_(1)],
    )
    doc = analyse(tmp_path / "runs", tmp_path / "wandb").data
    assert names(doc["runs"]) == ["r1"]
    assert doc["runs"][0]["state"] == "finished"
    assert doc["conflicts"]
    assert doc["ranked"][0]["values"] > 5


def test_an_excluded_run_is_listed_with_its_filter(tmp_path, analyse):
    write_run(tmp_path, "a.one")
    write_run(tmp_path, "b.two")
    doc = analyse(tmp_path, filters=FilterConfig(prefix="a.")).data
    assert doc["excluded"] == [{"name": "b.two", "by": "prefix=a."}]


def test_the_document_fits_its_schema_and_strict_json(tmp_path, analyse):
    from tests.analysis.schema import check

    for index in range(4):
        write_run(tmp_path, f"r{index}", 1.0 * index, config=config_of(**{"trainer.k": index}))
    write_run(tmp_path, "bad", curve=lambda at: at * math.nan, steps=400_000, state="crashed")
    doc = analyse(tmp_path).data
    check(json.loads(json.dumps(doc, allow_nan=False)))


def test_a_run_that_a_teacher_played_has_no_rank_beside_students(tmp_path, analyse):
    def led(share):
        return {
            "teacher/teacher_led_share": lambda at: 0 * at + share,
            "teacher/student_led_share": lambda at: 0 * at,
        }

    for seed in range(3):
        write_run(tmp_path, f"student{seed}", 1.0, seed=seed, extra=led(0.0))
    write_run(tmp_path, "led", 9.0, extra=led(0.5))
    doc = analyse(tmp_path).data
    assert names(doc["not_comparable"]) == ["led"]
    assert "the teacher played 50 %" in doc["not_comparable"][0]["why_not"]


def test_runs_that_a_teacher_played_alike_are_compared(tmp_path, analyse):
    led = {
        "teacher/teacher_led_share": lambda at: 0 * at + 0.5,
        "teacher/student_led_share": lambda at: 0 * at,
    }
    for seed in range(3):
        write_run(tmp_path, f"r{seed}", float(seed), seed=seed, extra=led)
    assert len(analyse(tmp_path).data["ranked"]) == 3


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
    from coglab.analysis.blocks import markdown
    from coglab.analysis.report import build
    from tests.analysis.synthetic import utc

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


def test_a_setting_that_changed_during_a_run_is_noted(tmp_path, analyse):
    segments = [{"segment": 0}, {"segment": 1, "config_changes": {"trainer.batch_size": [1, 4096]}}]
    write_run(tmp_path, "r", segments=segments)
    doc = analyse(tmp_path).data
    assert any(
        row["kind"] == "config changed" and "trainer.batch_size" in row["text"]
        for row in doc["quality"]
    )
    assert doc["runs"][0]["settings"]["trainer.batch_size"] == "4096"


def test_every_group_is_ranked_by_the_same_rules_and_lists_all_its_runs(tmp_path, analyse):
    from coglab.analysis.report import build

    other = config_of(**{"training_env.game.kind": "machina1", "training_env.game.mission": None})
    for seed in (1, 2, 3, 4, 5, 6):
        write_run(tmp_path, f"arena.s{seed}", 1.0, seed=seed)
    for seed in (1, 2, 3):
        write_run(tmp_path, f"m.s{seed}", 9.0, seed=seed, config=other)
    write_run(tmp_path, "m.short", 9.0, steps=100_000, config=other)
    write_run(tmp_path, "m.silent", config=other, metric="overview/reward")
    led = {
        "teacher/teacher_led_share": lambda at: 0 * at + 0.5,
        "teacher/student_led_share": lambda at: 0 * at,
    }
    write_run(tmp_path, "m.led", 20.0, config=other, extra=led)
    doc = analyse(tmp_path, mixed=True).data
    (group,) = doc["other_groups"]
    assert sorted(names(group["ranked"])) == ["m.s1", "m.s2", "m.s3"]
    assert all(row["unit"] for row in group["ranked"])
    why = {row["name"]: row["why_not"] for row in group["not_comparable"]}
    assert "reached 10 % of the budget" in why["m.short"]
    assert "the teacher played 50 %" in why["m.led"]
    assert group["missing"] == ["m.silent"]
    text = "".join(str(block) for block in build(doc).blocks)
    assert all(name in text for name in ("m.short", "m.led", "m.silent"))


def test_the_mission_s_own_ticks_left_out_or_spelt_out_are_one_game(tmp_path, analyse):
    game = {"training_env.game.kind": "cogsguard", "training_env.game.mission": "arena"}
    for name, ticks in (("left_out", None), ("spelt_out", 1000)):
        write_run(
            tmp_path, name, config=config_of(**game, **{"training_env.game.max_steps": ticks})
        )
    doc = analyse(tmp_path).data
    assert len(doc["ranked"]) == 2
    assert "1000 ticks" in doc["game"]


def test_chance_does_not_part_runs_of_one_configuration_by_their_teacher_s_share(tmp_path, analyse):
    def led(share):
        return {
            "teacher/teacher_led_share": lambda at: 0 * at + share,
            "teacher/student_led_share": lambda at: 0 * at,
        }

    write_run(
        tmp_path, "alone", 1.0, config=config_of(**{"trainer.update_epochs": 7}), extra=led(0.0)
    )
    for seed, share in enumerate((0.049, 0.048, 0.052)):
        write_run(tmp_path, f"led.s{seed}", 2.0, seed=seed, extra=led(share))
    assert len(analyse(tmp_path).data["ranked"]) == 4


def test_a_baseline_whose_teacher_still_played_says_so(tmp_path):
    from coglab.analysis import baseline
    from coglab.analysis.config import RankConfig
    from coglab.analysis.load import find_metric_of, load
    from coglab.analysis.sources import Runs, open_source

    led = {
        "teacher/teacher_led_share": lambda at: 0 * at + 0.5,
        "teacher/student_led_share": lambda at: 0 * at,
    }
    write_run(tmp_path, "mine", 1.0)
    write_run(tmp_path, "theirs", 2.0, extra=led)
    ranking = RankConfig()
    store = Runs([open_source(str(tmp_path), NOW, ranking.metric)])
    mine, theirs = sorted(store.runs, key=lambda run: run.name)
    metric = find_metric_of(store, [mine, theirs], ranking)
    main = load(store, [mine], metric, "tail")
    made = baseline.compare(main, 1e6, store, [theirs], "theirs", metric, ranking)
    assert made["why_not"].startswith("none of the baseline has a score at the common budget")
