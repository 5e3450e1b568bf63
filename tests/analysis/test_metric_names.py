"""From what was asked for to what is logged."""

from __future__ import annotations

import pytest

from coglab.analysis.load import MetricMissing
from coglab.analysis.report import build
from tests.analysis.synthetic import (
    METRIC,
    names,
    write_run,
)


def test_a_metric_in_no_run_names_the_nearest(tmp_path, analyse):
    write_run(tmp_path, "r")
    with pytest.raises(MetricMissing) as error:
        analyse(tmp_path, metric="heart.gaind")
    assert METRIC in error.value.near


@pytest.mark.parametrize("asked", ["heart.gained", METRIC, "heart.created"])
def test_both_names_of_hearts_resolve_and_the_title_says_which(tmp_path, analyse, asked):
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


@pytest.mark.parametrize(("count", "warns"), [(4, False), (3, True)])
def test_only_a_metric_that_many_runs_lack_is_warned_of(tmp_path, analyse, count, warns):
    for seed in range(count):
        write_run(tmp_path, f"has{seed}", 1.0, seed=seed)
    write_run(tmp_path, "has_not", 1.0, metric="overview/reward")
    doc = analyse(tmp_path).data  # a fifth of the runs lack it, then a quarter
    assert len(doc["ranked"]) == count
    assert any(r["kind"] == "missing" for r in doc["quality"]) == warns


def test_runs_without_the_metric_are_listed_apart(tmp_path, analyse):
    write_run(tmp_path, "has", 1.0)
    write_run(tmp_path, "has_not", 1.0, metric="overview/reward")
    doc = analyse(tmp_path).data
    assert names(doc["missing"]) == ["has_not"]
    assert any(r["kind"] == "missing" for r in doc["quality"])
