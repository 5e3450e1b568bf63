"""What is odd about the data is cleaned, counted and said."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tests.analysis.synthetic import (
    METRIC,
    NOW,
    write_run,
)


def test_zero_filling_is_noticed(tmp_path, analyse):
    write_run(
        tmp_path, "r", noise=0, rows=60, curve=lambda at: np.where((at // 20_000) % 2, 0.0, 1.0)
    )
    assert any(r["kind"] == "zero-filled" for r in analyse(tmp_path).data["quality"])


def test_a_best_value_in_the_first_rows_is_noticed(tmp_path, analyse):
    write_run(tmp_path, "r", rows=100, curve=lambda at: np.where(at < 30_000, 9.0, 1.0))
    assert any(r["kind"] == "early-best" for r in analyse(tmp_path).data["quality"])


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


def test_a_setting_that_changed_during_a_run_is_noted(tmp_path, analyse):
    segments = [{"segment": 0}, {"segment": 1, "config_changes": {"trainer.batch_size": [1, 4096]}}]
    write_run(tmp_path, "r", segments=segments)
    doc = analyse(tmp_path).data
    assert any(
        row["kind"] == "config changed" and "trainer.batch_size" in row["text"]
        for row in doc["quality"]
    )
    assert doc["runs"][0]["settings"]["trainer.batch_size"] == "4096"


def test_a_long_stretch_without_values_is_noticed(tmp_path, analyse):
    place = write_run(tmp_path, "r", 1.0, rows=100)
    lines = (place / "metrics.jsonl").read_text().splitlines()
    (place / "metrics.jsonl").write_text("\n".join([*lines[:41], *lines[61:]]) + "\n")
    write_run(tmp_path, "whole", 1.0)
    (row,) = [r for r in analyse(tmp_path).data["quality"] if r["kind"] == "gap"]
    assert row["run"] == "r"
    assert "between the steps 400,000 and 610,000" in row["text"]


def test_several_code_versions_and_budgets_are_noticed(tmp_path, analyse):
    write_run(tmp_path, "old", code={"commit": "b" * 40, "dirty": True})
    write_run(tmp_path, "new", target_steps=2_000_000)
    rows = analyse(tmp_path).data["quality"]
    text = " ".join(f"{row['kind']}: {row['text']}" for row in rows)
    assert "code: 2 code versions" in text
    assert "code: the checkout had changes" in text
    assert "targets: runs have different budgets (1,000,000, 2,000,000)" in text


def test_steps_that_go_back_are_sorted_and_counted(tmp_path, analyse):
    place = write_run(tmp_path, "r", noise=0, curve=lambda at: at / 1e6)
    lines = (place / "metrics.jsonl").read_text().splitlines()
    lines[10], lines[11] = lines[11], lines[10]
    (place / "metrics.jsonl").write_text("\n".join(lines) + "\n")
    doc = analyse(tmp_path).data
    assert doc["ranked"][0]["score"] == pytest.approx(0.91, abs=0.01)
