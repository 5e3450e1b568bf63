"""`runs watch`: a verdict on a run while it goes on."""

from __future__ import annotations

import pytest

from tests.analysis.synthetic import (
    NOW,
    write_run,
)

WHEN = f"now={int(NOW)}"


def kl(value):
    return {"losses/approx_kl": lambda at: 0 * at + value}


@pytest.fixture
def earlier(tmp_path):
    for seed in range(4):
        write_run(
            tmp_path / "train_dir",
            f"old{seed}",
            2.0 + 0.1 * seed,
            seed=seed,
            noise=0.01,
            extra=kl(0.001),
        )
    return tmp_path / "train_dir"


def test_a_run_like_earlier_ones_goes_on(shell, earlier):
    write_run(earlier, "new", 2.2, noise=0.01, extra=kl(0.001))
    code, out, _ = shell("runs", "watch", "new", "once=true", "until=500000")
    assert code == 0
    assert "continue:" in out
    assert "earlier runs at this step" in out


def test_a_run_worse_than_all_earlier_ones_is_to_stop(shell, earlier):
    write_run(earlier, "new", 0.2, noise=0.01, extra=kl(0.001))
    code, out, _ = shell("runs", "watch", "new", "once=true")
    assert code == 7
    assert "worse than all 4 earlier runs" in out


def test_a_run_above_its_kl_target_is_to_stop(shell, earlier):
    write_run(earlier, "new", 2.2, noise=0.01, extra=kl(0.2))
    code, out, _ = shell("runs", "watch", "new", "once=true")
    assert code == 7
    assert "losses/approx_kl above 0.03" in out


def test_what_the_newest_steps_have_over_those_before_is_said(shell, tmp_path):
    # 1 per 100,000 steps: the middles of 700,000 to 850,000 and 850,000 to 1,000,000 lie 1.5 apart.
    write_run(tmp_path / "train_dir", "new", curve=lambda at: at / 1e5, noise=0.0, rows=200)
    code, out, _ = shell("runs", "watch", "new", "once=true")
    assert code == 0
    assert "late change" in out
    assert "+1.50 ± 0." in out


def test_without_earlier_runs_nothing_is_said_of_a_score(shell, tmp_path):
    write_run(tmp_path / "train_dir", "new", 0.2)
    code, out, _ = shell("runs", "watch", "new", "once=true")
    assert code == 0
    assert "nothing can be said yet" in out


def test_watching_a_run_that_does_not_exist(shell, earlier):
    assert shell("runs", "watch", "nobody", "once=true")[0] == 3
    assert shell("runs", "watch")[0] == 2
