"""What is odd, damaged or absent is said in words, with an exit code, and stops nothing else."""

from __future__ import annotations

import json
import re
import tracemalloc

import numpy as np
import pytest

from coglab.analysis.blocks import markdown
from coglab.analysis.report import build
from coglab.analysis.source_wandb_files import WandbFiles
from coglab.analysis.wandb_log import LogReader
from tests.analysis.synthetic import (
    DAY,
    MESSAGES,
    METRIC,
    NOW,
    config_of,
    frame,
    history,
    item,
    numbered,
    record,
    run_record,
    utc,
    write_log,
    write_run,
)
from tests.analysis.synthetic import exit_record as exit_

WHEN = f"now={int(NOW)}"


def test_no_run_matches(shell, runs):
    code, _, err = shell("runs.analyze", "prefix=rehl", WHEN)
    assert code == 3
    assert "6 in all, 0 after prefix=rehl" in err
    assert "relh.b" in err
    assert "newest run was created on" in err
    assert len(re.findall(r"`relh\.[^`]+`", err)) == 3
    assert shell("runs.ls", "prefix=rehl")[0] == 3
    _, _, err = shell("runs.analyze", "prefix=relh.b1024", "since=1d", "state=finished", WHEN)
    assert "6 in all, 3 after prefix=relh.b1024, 0 after since=1d, 0 after state=finished" in err


def test_a_setting_that_no_run_has_is_named_with_the_nearest(shell, runs):
    code, _, err = shell("runs.analyze", "where=trainer.batchsize=4096", WHEN)
    assert code == 3
    assert "No run has the setting `trainer.batchsize`." in err
    assert "`trainer.batch_size`" in err


def test_the_metric_is_in_no_run(shell, runs):
    code, _, err = shell("runs.analyze", "metric=heart.gaind", WHEN)
    assert code == 4
    assert f"`{METRIC}` (6 runs)" in err


def test_one_run_gets_a_report_without_statistics(shell, tmp_path):
    write_run(tmp_path / "train_dir", "only")
    assert shell("runs.analyze", WHEN)[0] == 0
    text = (tmp_path / "report/report.md").read_text()
    assert "No test was made" in text
    assert "Only 1 run can be compared" in text


def test_mixed_games_are_a_usage_error_unless_asked_for(shell, tmp_path):
    write_run(tmp_path / "train_dir", "one")
    write_run(
        tmp_path / "train_dir", "two", config=config_of(**{"training_env.game.kind": "machina1"})
    )
    code, _, err = shell("runs.analyze", WHEN)
    assert code == 2
    assert "mixed=true" in err
    assert shell("runs.analyze", "mixed=true", WHEN)[0] == 0


@pytest.mark.parametrize(
    "damage", ["run.json", "config.json", "metrics.jsonl", "half a line", "binary"]
)
def test_damaged_run_directories_do_not_stop_the_others(shell, runs, tmp_path, damage):
    place = runs / "relh.b1024.s0"
    if damage == "half a line":
        with open(place / "metrics.jsonl", "a") as file:
            file.write('{"step": 99, "met')
    elif damage == "binary":
        (place / "metrics.jsonl").write_bytes(np.random.default_rng(0).bytes(5000))
    else:
        (place / damage).write_text("{")
    assert shell("runs.analyze", WHEN)[0] == 0
    doc = json.loads((tmp_path / "report/analysis.json").read_text())
    assert len(doc["ranked"]) >= 5
    if damage == "run.json":
        assert doc["unreadable"][0]["place"] == "relh.b1024.s0"
    if damage == "config.json":
        assert any("left out of the contrast" in row["text"] for row in doc["quality"])


@pytest.mark.parametrize(
    "content",
    ["null", "[]", '"x"', '{"segments": 3}', '{"name": {"a": 1}, "created": [], "tags": 7}'],
)
def test_records_of_an_unexpected_form(shell, runs, content):
    (runs / "relh.b1024.s0" / "run.json").write_text(content)
    assert shell("runs.ls", WHEN)[0] == 0
    assert shell("runs.analyze", WHEN)[0] in (0, 2)


def test_a_configuration_that_is_no_map(shell, runs):
    (runs / "relh.b1024.s0" / "config.json").write_text("[1, 2]")
    assert shell("runs.analyze", WHEN)[0] == 0
    doc = json.loads((runs.parent / "report/analysis.json").read_text())
    assert "relh.b1024.s0" in [row["name"] for row in doc["ranked"]]
    assert doc["statistics"]["units_without_config"] == 1


def test_empty_and_damaged_logs_are_listed(shell, tmp_path):
    for index in range(3):
        rows = [history({"metric/agent_step": 100 * i, METRIC: float(index)}) for i in range(1, 30)]
        write_log(tmp_path / "wandb", f"r{index}", [run_record(f"r{index}"), *rows, exit_(0)])
    (tmp_path / "wandb" / "empty.wandb").write_bytes(frame([]))
    (tmp_path / "wandb" / "cut.wandb").write_bytes(frame([run_record("cut")])[:40])
    assert shell("runs.analyze", "source=wandb-dir:wandb", WHEN)[0] == 0
    doc = json.loads((tmp_path / "report/analysis.json").read_text())
    assert sorted(u["kind"] for u in doc["unreadable"]) == ["empty", "unreadable"]
    assert len(doc["runs"]) == 3


@pytest.mark.parametrize("settings", [1_500, pytest.param(10_000, marks=pytest.mark.slow)])
def test_thousands_of_settings_make_a_short_report(shell, tmp_path, settings):
    rng = np.random.default_rng(0)
    for index in range(6):
        changes = {f"trainer.many.k{k}": int(rng.integers(0, 3)) for k in range(settings)}
        write_run(
            tmp_path / "train_dir", f"r{index}", float(index), rows=10, config=config_of(**changes)
        )
    assert shell("runs.analyze", WHEN, "format=md,json")[0] == 0
    text = (tmp_path / "report/report.md").read_text()
    assert "more rows are in `analysis.json`" in text
    assert len(text) < 200_000


def test_an_unknown_source_says_which_there_are(shell):
    code, _, err = shell("runs.ls", "source=nowhere")
    assert code == 2
    assert "wandb:entity/project" in err


def test_a_server_that_cannot_be_asked_is_status_five(shell, tmp_path, monkeypatch):
    import importlib.util

    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *a: None if name == "wandb" else real(name, *a)
    )
    code, _, err = shell("runs.analyze", "project=metta-research/metta", WHEN)
    assert code == 5
    assert "wandb" in err
    write_run(tmp_path / "train_dir", "r")
    assert shell("runs.analyze", "project=a/b", "source=runs:train_dir", WHEN)[0] == 0
    text = (tmp_path / "report/report.md").read_text()
    assert "could not be read: wandb:a/b: needs the package wandb" in text
    assert (
        shell("runs.analyze", "project=a/b", "source=runs:train_dir", "strict=true", WHEN)[0] == 6
    )
    assert shell("runs.ls", "project=no-slash")[0] == 2


def test_a_clock_in_the_future_is_noticed(shell, tmp_path):
    write_run(tmp_path / "train_dir", "r", created=NOW + 900_000)
    assert shell("runs.analyze", WHEN)[0] == 0
    assert "clock" in (tmp_path / "report/report.md").read_text()


@pytest.mark.parametrize(
    ("filters", "found"), [(("until=1d",), True), (("since=1d",), False), (("since=3d",), True)]
)
def test_a_run_whose_clock_was_ahead_is_filtered_by_its_data(shell, tmp_path, filters, found):
    # Its clock was set right while it ran: created tomorrow, newest row two days ago.
    data = utc(NOW - 2 * DAY)
    write_run(tmp_path / "train_dir", "r", created=NOW + DAY, progress=data)
    assert shell("runs.ls", *filters, WHEN)[0] == (0 if found else 3)


def test_a_folder_that_is_no_report_is_not_replaced(shell, runs, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis").write_text("x")
    code, _, err = shell("runs.analyze", "out=out", WHEN)
    assert code == 2
    assert "force=true" in err
    assert (tmp_path / "out" / "thesis").exists()
    assert shell("runs.analyze", "out=out", "force=true", WHEN)[0] == 0
    assert not (tmp_path / "out" / "thesis").exists()
    assert shell("runs.analyze", "out=out", WHEN)[0] == 0, "a report of ours is replaced"


def test_warnings_are_status_six_under_strict(shell, tmp_path):
    write_run(tmp_path / "train_dir", "r", curve=lambda at: np.where(at == 20_000, np.nan, 1.0))
    assert shell("runs.analyze", "strict=true", WHEN)[0] == 6
    assert shell("runs.analyze", WHEN)[0] == 0


@pytest.mark.parametrize(
    "words",
    [
        ("rank=first",),
        ("rank=tail:0",),
        ("format=pdf",),
        ("rank=at:inf",),
        ("budget=0",),
        ("budget=1e999",),
        ("budget=nan",),
        ("since=yesterday",),
        ("since=99999999w",),
        ("until=0000-13-01",),
        ("now=" + "9" * 400,),
        ("name=[",),
        ("where=novalue",),
        ("where=trainer.batch_size=",),
        ("where=trainer.batch_size>many",),
        ("metrc=x",),
    ],
)
def test_options_that_cannot_be_read_are_usage_errors(shell, runs, words):
    code, _, err = shell("runs.analyze", *words)
    assert code == 2
    assert err.startswith("error:")
    assert "Traceback" not in err


def test_tables_as_csv(shell, tmp_path):
    (tmp_path / "t.csv").write_text(
        "name,state,heart.gained,created,lr\na,finished,1.5,2026-09-20,0.1\nb,finished,2.5,2026-09-20,0.2\n,x,,,\n"
    )
    assert shell("runs.analyze", "source=t.csv", WHEN)[0] == 0
    doc = json.loads((tmp_path / "report/analysis.json").read_text())
    assert [(r["name"], r["score"]) for r in doc["ranked"]] == [("b", 2.5), ("a", 1.5)]
    assert doc["unreadable"][0]["reason"] == "it has no name"
    (tmp_path / "bad.json").write_text("{")
    assert shell("runs.ls", "source=bad.json")[0] == 2


HUGE = 10**400


def nested(levels: int) -> str:
    return '{"a":' * levels + "1" + "}" * levels


@pytest.mark.parametrize(
    "content",
    [
        f'{{"runs": [{{"name": "a", "heart.gained": 1, "steps": {HUGE}, "lr": {HUGE}}}]}}',
        '{"runs": [{"name": "a", "heart.gained": 1}], "config_of": [1], "urls": ["x"], "common_config": 3}',
        '{"runs": [{"name": {"x": 1}, "tags": {"y": 2}, "heart.gained": "1.5", "created": []}]}',
        f'{{"runs": [{{"name": "a", "heart.gained": 1, "deep": {"[" * 400}1{"]" * 400}}}]}}',
        f'{{"runs": [{{"name": "a", "heart.gained": 1, "deep": {nested(400)}}}]}}',
    ],
)  # fmt: skip
def test_tables_of_an_unexpected_form(shell, tmp_path, content):
    (tmp_path / "t.json").write_text(content)
    assert shell("runs.analyze", "source=t.json", WHEN)[0] == 0


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("name,heart.gained\na,1,surplus,cells\n", 0),
        ("name,heart.gained\na\n", 4),
        (f'name,heart.gained\na,"{"x" * 200_000}"\n', 2),
        ("", 3),
        ("\x00", 3),
    ],
)
def test_csv_of_an_unexpected_form(shell, tmp_path, content, code):
    (tmp_path / "t.csv").write_text(content)
    found, _, err = shell("runs.analyze", "source=t.csv", WHEN)
    assert found == code
    assert "Traceback" not in err
    assert "internal" not in err


def test_numbers_and_nesting_that_nothing_can_hold(shell, runs, tmp_path):
    place = runs / "relh.b1024.s0"
    (place / "config.json").write_text(
        f'{{"trainer": {{"batch_size": {HUGE}, "x": {nested(700)}}}}}'
    )
    lines = [
        f'{{"step": 1, "time": 1, "metrics": {{"env_agent/heart.gained": {HUGE}}}}}',
        f'{{"step": {HUGE}, "time": 1, "metrics": {{"env_agent/heart.gained": 1}}}}',
        '{"step": 1e999, "time": 1, "metrics": {"env_agent/heart.gained": 1}}',
        f'{{"step": 3, "time": 1, "metrics": {nested(100_000)}}}',
    ]  # fmt: skip
    with open(place / "metrics.jsonl", "a") as file:
        file.write("\n".join(lines) + "\n")
    info = json.loads((place / "run.json").read_text()) | {
        "target_steps": HUGE,
        "created": "0001-01-01",
    }
    (place / "run.json").write_text(json.dumps(info))
    (runs / "relh.b1024.s1" / "run.json").write_text(nested(100_000))
    assert shell("runs.analyze", WHEN)[0] == 0
    doc = json.loads((tmp_path / "report/analysis.json").read_text())
    assert len(doc["ranked"]) >= 4
    assert doc["unreadable"][0]["place"] == "relh.b1024.s1"
    for words in (("ls", "json=true"), ("show", "relh.b1024.s0", "config=true"), ("export",)):
        assert shell("runs", *words, WHEN)[0] == 0


def test_numbers_that_nothing_can_hold_in_a_log(shell, tmp_path):
    rows = [
        history({"metric/agent_step": 100 * i, METRIC: HUGE if i == 5 else 1.0})
        for i in range(1, 30)
    ]
    summary = record(summary=MESSAGES["Update"](update=[item(METRIC, HUGE)]))
    config = {"trainer": {"batch_size": HUGE, "x": json.loads(nested(300))}}
    write_log(tmp_path / "wandb", "r", [run_record("r", config=config), *rows, summary, exit_(0)])
    assert shell("runs.analyze", "source=wandb-dir:wandb", WHEN)[0] == 0
    doc = json.loads((tmp_path / "report/analysis.json").read_text())
    assert any(row["kind"] == "non-finite" for row in doc["quality"])


def test_a_damaged_log_says_what_it_lost_and_where(shell, tmp_path):
    first = [run_record("r")]
    pad = {"pad": "y" * 900}
    rows = [history({"metric/agent_step": 100 * i, METRIC: 1.0, **pad}) for i in range(1, 121)]
    path = write_log(tmp_path / "wandb", "r", numbered([*first, *rows, exit_(0)]))
    whole = path.read_bytes()
    at = whole.index(b"y" * 900, 40_000)
    path.write_bytes(whole[:at] + b"z" + whole[at + 1 :])
    assert shell("runs.analyze", "source=wandb-dir:wandb", WHEN)[0] == 0
    doc = json.loads((tmp_path / "report/analysis.json").read_text())
    (text,) = [row["text"] for row in doc["quality"] if "damaged" in row["text"]]
    lost = 122 - sum(1 for _ in LogReader(path).records())
    assert 20 < lost < 40
    assert f"; {lost} records missing" in text
    offset = int(re.search(r"first at offset ([\d,]+);", text).group(1).replace(",", ""))
    assert 0 < at - offset < 300
    count = int(re.search(r"([\d,]+) bytes lost", text).group(1).replace(",", ""))
    assert count >= 65_536 - offset


def test_a_log_that_is_cut_within_a_record_says_where(shell, tmp_path):
    rows = [history({"metric/agent_step": 100 * i, METRIC: 1.0}) for i in range(1, 30)]
    path = write_log(tmp_path / "wandb", "r", [run_record("r"), *rows])
    whole = path.read_bytes()
    path.write_bytes(whole[:-3])
    begin = len(frame([run_record("r"), *rows[:-1]]))
    assert shell("runs.analyze", "source=wandb-dir:wandb", WHEN)[0] == 0
    doc = json.loads((tmp_path / "report/analysis.json").read_text())
    assert any(f"begins at offset {begin:,}" in row["text"] for row in doc["quality"])
    assert doc["ranked"] == [] or doc["ranked"][0]["steps"] == 2800.0


def test_an_incomplete_history_of_the_server_is_marked_in_the_report(
    analyse, tmp_path, monkeypatch
):
    from coglab.analysis.source_ledger import LedgerSource

    real = LedgerSource.history

    def partial(self, run, names):
        run.notes.append("partial: 20 of 30 rows came from the server")
        return real(self, run, names)

    monkeypatch.setattr(LedgerSource, "history", partial)
    write_run(tmp_path / "runs", "r")
    text = markdown(build(analyse(tmp_path / "runs").data))
    assert (
        "partial: 20 of 30 rows came from the server"
        in text.split("## Data quality")[1].split("\n## ")[0]
    )


def test_a_log_larger_than_what_is_held_of_it_is_streamed(tmp_path):
    row = history(
        {f"m{k}": 0.123456789 for k in range(200)} | {"metric/agent_step": 5, "loss": 1.0}
    )
    path = write_log(tmp_path, "r", [run_record("r"), *([row] * 5_000), exit_(0)])
    assert path.stat().st_size > 20_000_000
    source = WandbFiles(path, "s", NOW)
    tracemalloc.start()
    try:
        (run,) = source.list()
        series = source.history(run, ["loss"])["loss"]
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(series.values) == 5_000
    assert peak < 12_000_000  # bytes; a buffer of 4 MB and three columns
