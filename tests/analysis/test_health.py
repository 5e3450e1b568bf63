"""Health checks, and why runs failed."""

from __future__ import annotations

import numpy as np
import pytest

from tests.analysis.synthetic import (
    config_of,
    led,
    write_run,
)


def test_the_teacher_s_play_is_not_taken_for_the_student_s(tmp_path, analyse):
    # The score falls as the teacher leaves, and the student alone is flat: no peak, no guard rail from that phase.
    leaves = {**led(0.0), "teacher/teacher_led_share": lambda at: np.maximum(0.0, 0.5 - at / 1e6)}
    for seed in range(3):
        write_run(
            tmp_path,
            f"r{seed}",
            seed=seed,
            noise=0.01,
            curve=lambda at: 1 + np.maximum(0, 0.5 - at / 1e6),
            extra=leaves,
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
    extra = {"losses/approx_kl": lambda at: 0 * at + 5.0, **led(0.5, 0.5)}
    write_run(tmp_path, "r", extra=extra)
    rows = {r["id"]: r for r in analyse(tmp_path).data["health"]["r"]}
    assert rows["H1"]["verdict"] == "not applicable"
    assert rows["H10"]["verdict"] == "note"
