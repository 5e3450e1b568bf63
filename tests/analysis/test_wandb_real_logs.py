"""Logs that the real client wrote, 0.31.0 and older (tests/data/wandb_logs/make.py), read as what its program logged."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest

from coglab.analysis.source_wandb_files import WandbFiles
from coglab.analysis.wandb_log import LogReader
from coglab.analysis.wandb_records import HISTORY, SUMMARY, history_values

LOGS = Path(__file__).parent.parent / "data" / "wandb_logs"
LATER = 4e9
FINISHED = ("finished", "finished-0.17.9", "finished-0.22.3")
HEART, KL = "env_agent/heart.gained", "losses/approx_kl"


@pytest.fixture
def source() -> WandbFiles:
    source = WandbFiles(LOGS, "wandb-dir:logs", LATER)
    source.list()
    return source


def runs(source: WandbFiles):
    return {run.id: run for run in source.list()}


def log(name: str) -> Path:
    return next(LOGS.glob(f"*-{name}/*.wandb"))


@pytest.mark.parametrize("name", FINISHED)
def test_every_record_of_a_finished_log_is_of_a_known_kind(name):
    kinds = [kind for kind, _, _ in LogReader(log(name)).records()]
    assert kinds.count(HISTORY) == 10
    assert kinds[0] == 21  # the header
    assert kinds.count(18) == 1  # the exit; 0.17 wrote more behind it
    assert 0 not in kinds
    assert {17, 5, 10, 12, SUMMARY} <= set(kinds)


@pytest.mark.parametrize("name", FINISHED)
def test_a_finished_run_has_what_its_program_logged(source, name):
    run = runs(source)[name]
    assert (run.state, run.exit_code, run.project) == ("finished", 0, "fixtures")
    assert (run.tags, run.run_notes) == (["real", "small"], "made for tests")
    assert run.config == {
        "trainer": {"batch_size": 4096, "optimizer": {"learning_rate": 0.001}},
        "late": True,
    }
    assert run.step_metric == "metric/agent_step"
    assert run.config_changes
    assert run.created == pytest.approx(1_796_090_000, abs=3_000)
    series = source.history(run, [HEART, KL, "sparse", "nested.inner.value", "shape"])
    assert series[HEART].steps.tolist() == [100.0 * i for i in range(1, 10)]
    assert series[HEART].values.tolist() == [i / 8 for i in range(1, 10)]
    assert math.isnan(series[KL].values[1])
    assert series[KL].values[2] == math.inf
    assert set(series[KL].values[3:]) == {0.01}
    assert series["sparse"].steps.tolist() == [400.0, 800.0]
    assert series["nested.inner.value"].values.tolist() == [-4.0, -8.0]
    assert "shape" not in series
    assert run.last_step == 900.0
    assert run.notes == []


def test_a_killed_run_ends_where_it_was_last_flushed(source):
    run = runs(source)["killed"]
    assert (run.state, run.exit_code) == ("crashed", None)
    assert any("no end" in note for note in run.notes)
    series = source.history(run, [HEART])[HEART]
    assert series.values.tolist() == [i / 8 for i in range(1, 7)]
    age = log("killed").stat().st_mtime
    live = {run.id: run for run in WandbFiles(LOGS, "s", age + 10).list()}["killed"]
    assert live.state == "running"


def test_a_resumed_run_is_one_run_whose_later_rows_count(source):
    run = runs(source)["resumed"]
    assert (run.state, run.exit_code, run.fragments) == ("failed", 3, 2)
    series = source.history(run, [HEART])[HEART]
    assert series.steps.tolist() == [100.0 * i for i in range(1, 8)]
    assert series.values.tolist() == [i / 8 for i in range(1, 8)]
    assert run.rewinds == [(500.0, 300.0)]
    assert run.superseded_rows == 3


@pytest.mark.parametrize("name", FINISHED)
def test_the_compiled_scan_reads_what_the_plain_reader_reads(source, name):
    run = runs(source)[name]
    fast = source.history(run, [HEART, KL, "sparse", "nested.inner.value"])
    plain: dict[str, list[float]] = {}
    for _, data, start in LogReader(log(name)).records(frozenset({HISTORY})):
        for name, value in history_values(data, start).items():
            plain.setdefault(name, []).append(value)
    for key, one in fast.items():
        assert [str(v) for v in one.values] == [str(v) for v in plain[key]]


def test_a_real_log_cut_anywhere_gives_a_prefix(tmp_path):
    whole = log("finished").read_bytes()
    every = [bytes(data) for _, data, _ in LogReader(log("finished")).records()]
    path = tmp_path / "x.wandb"
    for end in range(8, len(whole)):
        path.write_bytes(whole[:end])
        got = [bytes(data) for _, data, _ in LogReader(path).records()]
        assert got == every[: len(got)]


def test_the_logs_say_nothing_of_the_machine_that_made_them():
    for path in LOGS.glob("*/*.wandb"):
        data = path.read_bytes()
        assert not re.search(rb"/(home|root|tmp|usr|opt)/|fc-v\d|glibc|Xeon|Intel", data), path.name
        assert len(data) < 8_000
