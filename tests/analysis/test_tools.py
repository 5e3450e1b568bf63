"""The tools as typed: forms of the command, what they print, exit codes."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys

import pytest

from coglab.cli import main
from tests.analysis.synthetic import (
    METRIC,
    NOW,
    config_of,
    write_run,
)

WHEN = f"now={int(NOW)}"


def test_both_spellings_of_a_tool_work(shell, runs):
    assert shell("runs.ls", WHEN)[1] == shell("runs", "ls", WHEN)[1]
    assert "relh.b1024.s0" in shell("runs", "ls", WHEN)[1]


def test_tools_are_listed_and_explain_themselves(shell):
    listed = shell("--list")[1]
    for name in ("ls", "show", "diff", "plot", "analyze", "export", "sync", "doctor", "watch"):
        assert f"runs.{name}" in listed
        code, out, _ = shell(f"runs.{name}", "--help")
        assert code == 0
        assert "train_dir" in out


def test_help_loads_neither_matplotlib_nor_torch_nor_wandb():
    words = "import sys; from coglab.cli import main; main(['runs.analyze', '--help']); "
    words += "main(['runs', 'show', 'x', '--dry-run'])"
    code = (
        words
        + "; print([m for m in ('matplotlib', 'torch', 'wandb', 'numba') if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip().endswith("[]")


def test_a_bare_word_names_the_run(shell, runs):
    code, out, _ = shell("runs", "show", "relh.b1024.s0", "config=true", "metrics=true")
    assert code == 0
    assert "trainer.batch_size" in out
    assert METRIC in out
    assert shell("runs.show", "relh.b1024.s1")[0] == 0


def test_secrets_of_a_command_are_not_shown(shell, tmp_path):
    argv = [
        "cogsguard.train",
        "server.api_key=sk-123",
        "x={token: sk-456}",
        "trainer.batch_size=4096",
    ]
    write_run(
        tmp_path / "train_dir", "r", argv=argv, config=config_of(**{"server.api_key": "sk-789"})
    )
    code, out, _ = shell("runs", "show", "r", "config=true", "tail=true")
    assert code == 0
    assert "sk-" not in out
    assert "trainer.batch_size=4096" in out
    assert "sk-" not in shell("runs", "show", "r", "json=true")[1]


def test_a_run_s_name_is_never_imported(shell, runs, tmp_path, monkeypatch):
    (tmp_path / "trap.py").write_text("raise SystemExit('imported')")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert shell("runs.show", "trap")[0] == 3
    assert shell("runs", "show", "trap")[0] == 3


def test_differences_of_any_number_of_runs(shell, runs):
    code, out, _ = shell("runs", "diff", "relh.b1024.s0", "relh.b4096.s0", "relh.b4096.s1")
    assert code == 0
    assert "trainer.batch_size" in out
    assert "(seed)" in out
    assert "clip_coef" not in out
    assert "clip_coef" in shell("runs", "diff", "relh.b1024.s0", "relh.b4096.s0", "all=true")[1]
    assert "no setting differs" in shell("runs", "diff", "relh.b4096.s0", "relh.b4096.s0")[1]


def test_listing_as_json_is_clean_and_sorted(shell, runs):
    code, out, _ = shell("runs.ls", "json=true", "sort=-metric", WHEN)
    rows = json.loads(out)
    assert code == 0
    values = [row["heart.gained"] for row in rows]
    assert values == sorted(values, reverse=True)
    assert shell("runs.ls", "csv=true", WHEN)[1].startswith("run,state")
    assert shell("runs.ls", "sort=nothing")[0] == 2


def test_plots_and_exports(shell, runs, tmp_path):
    code, out, _ = shell("runs", "plot", "heart.gained", "prefix=relh", "out=p.svg", WHEN)
    assert code == 0
    assert METRIC in out
    assert (tmp_path / "p.svg").read_text().startswith("<?xml")
    (tmp_path / "file").touch()
    code, _, said = shell("runs", "plot", "heart.gained", "prefix=relh", "out=file/p.svg", WHEN)
    assert code == 2
    assert "cannot be written" in said
    assert "Traceback" not in said
    code, out, _ = shell("runs.export", "metrics=overview/sps", WHEN)
    assert code == 0
    assert out.splitlines()[0] == "run,step,time,metric,value"
    assert len(out.splitlines()) == 1 + 6 * 50
    assert shell("runs.export", "to=jsonl", "out=x.jsonl", "metrics=overview/sps", WHEN)[0] == 0
    assert json.loads((tmp_path / "x.jsonl").read_text().splitlines()[0])["value"] == 1000.0


def test_doctor_says_what_it_sees(shell, runs):
    code, out, _ = shell("runs.doctor")
    assert code == 0
    assert "6 finished" in out


def test_one_command_makes_the_report(shell, runs, tmp_path):
    code, out, _ = shell("runs.analyze", "prefix=relh", "since=14d", "metric=heart.gained", WHEN)
    assert code == 0
    assert "written: report/report.md" in out
    names = {
        p.relative_to(tmp_path / "report").as_posix()
        for p in (tmp_path / "report").rglob("*")
        if p.is_file()
    }
    assert {
        "report.md",
        "report.html",
        "analysis.json",
        "figures/ranking.svg",
        "configs/relh.b1024.s0.yaml",
        "runs.csv",
    } <= names
    doc = json.loads((tmp_path / "report/analysis.json").read_text())
    assert doc["command"].startswith(
        "./tools/run.py runs.analyze prefix=relh since=14d metric=heart.gained now="
    )
    assert 1 <= len(doc["commands"]) <= 4
    assert (tmp_path / "report/report.md").read_text().count("passed the runner's own dry run") == 1


def test_every_printed_command_passes_the_dry_run(shell, runs, tmp_path):
    shell("runs.analyze", WHEN)
    doc = json.loads((tmp_path / "report/analysis.json").read_text())
    for row in doc["commands"]:
        # As a shell would take it from the report.
        words = subprocess.run(
            ["bash", "-c", "printf '%s\\0' " + row["text"].removeprefix("./tools/run.py ")],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split("\0")[:-1]
        assert words == row["words"]
        assert main([*words, "--dry-run"]) == 0
        name = next(w for w in words if w.startswith("run=")).removeprefix("run=")
        assert name not in [r["name"] for r in doc["runs"]]
        assert any(w.startswith(("seed=", "system.seed=")) for w in words)


def test_the_appendix_says_what_departs_from_the_recipe(shell, runs, tmp_path):
    shell("runs.analyze", WHEN)
    doc = json.loads((tmp_path / "report/analysis.json").read_text())
    rows = {row["key"]: row for row in doc["appendix"]["departures"]}
    assert rows["trainer.batch_size"] == {
        "key": "trainer.batch_size",
        "value": "4096",
        "default": "auto",
    }
    assert "training_env.game.mission" not in rows


def test_a_setting_that_the_runner_lacks_is_named_and_left_out(shell, tmp_path):
    for seed in range(3):
        write_run(
            tmp_path / "train_dir",
            f"r{seed}",
            seed=seed,
            config=config_of(**{"trainer.unheard_of": 3}),
        )
    shell("runs.analyze", WHEN)
    doc = json.loads((tmp_path / "report/analysis.json").read_text())
    assert any("trainer.unheard_of" in row["title"] for row in doc["commands"])
    assert not any("unheard_of" in word for row in doc["commands"] for word in row["words"])


def test_commands_state_both_shares_and_say_when_ppo_has_no_rows(shell, tmp_path):
    plan = {
        "trainer.losses.sliced_scripted_cloner": {
            "enabled": True,
            "teacher_led_proportion": 0.5,
            "student_led_proportion": 0.5,
        },
        "training_env.supervisor_policy_uri": "metta://policy/cogsguard?gear=10",
    }
    for seed in range(2):
        write_run(tmp_path / "train_dir", f"r{seed}", seed=seed, config=config_of(**plan))
    shell("runs.analyze", WHEN)
    doc = json.loads((tmp_path / "report/analysis.json").read_text())
    cloned = [
        row for row in doc["commands"] if any(w.startswith("teacher={") for w in row["words"])
    ]
    assert cloned
    for row in cloned:
        (teacher,) = [w for w in row["words"] if w.startswith("teacher={")]
        assert "teacher_led_proportion: 0.5, student_led_proportion: 0.5" in teacher
        assert "PPO has rows of its own only as they fall" in row["title"]


def test_a_foreign_recipe_is_never_imported(shell, tmp_path, monkeypatch):
    (tmp_path / "evil.py").write_text("open('owned', 'w')")
    monkeypatch.syspath_prepend(str(tmp_path))
    for seed in range(3):
        write_run(tmp_path / "train_dir", f"r{seed}", seed=seed, recipe="evil.train")
    assert shell("runs.analyze", WHEN)[0] == 0
    assert not (tmp_path / "owned").exists()
    doc = json.loads((tmp_path / "report/analysis.json").read_text())
    assert doc["commands"] == []
    assert any("not one of ours" in text for text in doc["command_defects"])


def test_the_upstream_dialect_writes_json(shell, runs, tmp_path):
    shell("runs.analyze", "dialect=metta", WHEN)
    doc = json.loads((tmp_path / "report/analysis.json").read_text())
    teachers = [w for row in doc["commands"] for w in row["words"] if w.startswith("teacher={")]
    assert teachers
    for word in teachers:
        assert json.loads(word.removeprefix("teacher="))["mode"] == "sliced_cloner"


def test_a_baseline_of_another_game_is_compared_relatively(shell, tmp_path):
    def evaluations(student, teacher, random_):
        return {
            "evaluator/student/sample/heart.gained": lambda at: 0 * at + student,
            "evaluator/teacher/scripted/heart.gained": lambda at: 0 * at + teacher,
            "evaluator/random/sample/heart.gained": lambda at: 0 * at + random_,
        }

    for seed in range(3):
        write_run(
            tmp_path / "train_dir",
            f"own{seed}",
            4.0,
            seed=seed,
            noise=0,
            extra=evaluations(4, 5, 1),
        )
        other = config_of(**{"training_env.game.kind": "machina1"})
        write_run(
            tmp_path / "train_dir",
            f"base{seed}",
            10.0,
            seed=seed,
            noise=0,
            config=other,
            extra=evaluations(10, 20, 0),
        )
    assert shell("runs.analyze", "prefix=own", "compare_with=base", WHEN)[0] == 0
    doc = json.loads((tmp_path / "report/analysis.json").read_text())
    assert [r["name"][:3] for r in doc["ranked"]] == ["own"] * 3
    assert not doc["baseline"]["same_game"]
    own, base = doc["baseline"]["rows"]
    assert own["relative"] == pytest.approx((4 - 1) / (5 - 1))
    assert base["relative"] == pytest.approx(10 / 20)
    text = (tmp_path / "report/report.md").read_text()
    assert "never ranked together" in text


def test_a_baseline_from_a_source_of_its_own_does_not_leak_into_the_ranking(shell, runs, tmp_path):
    for name in ("base.1", "base.2", "other.1"):
        write_run(tmp_path / "elsewhere", name, 9.0)
    compare = "compare_with={source: 'runs:elsewhere', prefix: base}"
    assert shell("runs.analyze", compare, WHEN)[0] == 0
    doc = json.loads((tmp_path / "report/analysis.json").read_text())
    assert {r["name"][:4] for r in doc["runs"]} == {"relh"}
    assert doc["baseline"]["same_game"]
    assert doc["baseline"]["rows"][1]["runs"] == 2
    table = tmp_path / "old.json"
    table.write_text(
        json.dumps(
            {"project": "coglab", "runs": [{"name": "o", "heart.gained": 3.0, "state": "finished"}]}
        )
    )
    assert shell("runs.analyze", "compare_with={source: 'table:old.json'}", WHEN)[0] == 0
    doc = json.loads((tmp_path / "report/analysis.json").read_text())
    assert doc["baseline"]["points"][0]["score"] == 3.0
    assert "no common budget" in doc["baseline"]["why_not"]


@pytest.mark.parametrize(
    ("filters", "count"),
    [
        (("prefix=relh.b1024",), 3), (("name=s[01]$",), 4), (("where=trainer.batch_size=4096",), 3),
        (("where=trainer.batch_size>=4096",), 3), (("where=trainer.batch_size<4_096",), 3),
        (("where=trainer.batch_size!=4096",), 3), (("where=trainer.nothing!=1",), 6), (("where=trainer.nothing>1",), 0),
        (("where=policy_architecture.kind>1",), 0), (("where=[trainer.batch_size>1, trainer.batch_size<=1024]",), 3),
        (("state=finished",), 6), (("state=crashed",), 0),
        (("ids=relh.b1024.s0",), 1), (("exclude=relh.b1024.s0",), 5),
        (("recipe=cogsguard.train",), 6),
        (("since=1d",), 0), (("since=3d", "until=1d"), 6), (("min_steps=2_000_000",), 0), (("prefix=relhxb",), 0),
    ],
)  # fmt: skip
def test_filters(shell, runs, filters, count):
    code, out, _ = shell("runs.ls", "json=true", *filters, WHEN)
    assert (len(json.loads(out)) if code == 0 else 0) == count


def test_filters_of_the_server_are_escaped_and_anchored():
    from coglab.analysis.config import FilterConfig
    from coglab.analysis.source_wandb_api import server_filters

    made = server_filters(FilterConfig(prefix="relh.m*", tag=("x",)), NOW)
    assert {"display_name": {"$regex": r"^relh\.m\*"}} in made["$and"]
    assert {"tags": {"$in": ["x"]}} in made["$and"]


def test_parquet_holds_what_csv_holds(shell, runs, tmp_path):
    parquet = pytest.importorskip(
        "pyarrow.parquet", reason="pyarrow is not installed (`pip install pyarrow`)"
    )
    place = runs / "relh.b1024.s0" / "metrics.jsonl"
    line = {"step": 2_000_000, "time": NOW, "metrics": {"overview/sps": "NaN", METRIC: "-Infinity"}}
    with open(place, "a") as file:
        file.write(json.dumps(line) + "\n")
    words = (f"metrics={METRIC},overview/sps", "prefix=relh.b1024", WHEN)
    assert shell("runs.export", "to=parquet", "out=x.parquet", *words)[0] == 0
    table = parquet.read_table(tmp_path / "x.parquet")
    assert table.column_names == ["run", "step", "time", "metric", "value"]
    assert str(table.schema.field("value").type) == "double"
    got = [
        f"{run},{step},{time},{metric},{value}"
        for run, step, time, metric, value in zip(*table.to_pydict().values(), strict=True)
    ]
    code, out, _ = shell("runs.export", *words)
    assert code == 0
    assert [
        line.replace(",nan", ",NaN").replace(",-inf", ",-Infinity") for line in got
    ] == out.splitlines()[1:]
    assert len(got) == 3 * 50 * 2 + 2
    (tmp_path / "file").touch()
    for form in ("parquet", "csv"):
        code, _, err = shell("runs.export", f"to={form}", f"out=file/x.{form}", WHEN)
        assert code == 2
        assert f"cannot write `out=file/x.{form}`" in err
    assert shell("runs.export", "to=parquet", WHEN)[2].startswith(
        "error: `to=parquet` needs a file"
    )


def test_parquet_without_its_library_names_the_library_and_what_needs_none(
    shell, runs, monkeypatch
):
    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *a: None if name == "pyarrow" else real(name, *a)
    )
    code, _, err = shell("runs.export", "to=parquet", "out=x.parquet", WHEN)
    assert code == 2
    assert "pip install pyarrow" in err
    assert "`to=csv` and `to=jsonl` need nothing" in err
