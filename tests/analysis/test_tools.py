"""The tools as typed: forms of the command, exit codes, every row of the table of bad input."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

from coglab.cli import main
from tests.analysis.synthetic import (
    METRIC,
    NOW,
    config_of,
    frame,
    history,
    run_record,
    write_log,
    write_run,
)
from tests.analysis.synthetic import exit_record as exit_

WHEN = f"now={int(NOW)}"


@pytest.fixture
def shell(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def run(*words: str) -> tuple[int, str, str]:
        code = main([*words])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


@pytest.fixture
def runs(tmp_path):
    folder = tmp_path / "train_dir"
    for seed in range(3):
        for batch in (1024, 4096):
            config = config_of(**{"trainer.batch_size": batch})
            write_run(
                folder,
                f"relh.b{batch}.s{seed}",
                batch / 1000 + 0.1 * seed,
                seed=seed,
                config=config,
            )
    return folder


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


# --- bad input, row by row -------------------------------------------------------------------------------------------


def test_no_run_matches(shell, runs):
    code, _, err = shell("runs.analyze", "prefix=rehl", WHEN)
    assert code == 3
    assert "6 in all, 0 after prefix=rehl" in err
    assert "relh.b" in err
    assert "newest run was created on" in err
    assert shell("runs.ls", "prefix=rehl")[0] == 3


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
    assert shell("runs.ls", "project=no-slash")[0] == 2


def test_a_clock_in_the_future_is_noticed(shell, tmp_path):
    write_run(tmp_path / "train_dir", "r", created=NOW + 900_000)
    assert shell("runs.analyze", WHEN)[0] == 0
    assert "clock" in (tmp_path / "report/report.md").read_text()


def test_a_folder_that_is_no_report_is_not_replaced(shell, runs, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis").write_text("x")
    code, _, err = shell("runs.analyze", "out=out", WHEN)
    assert code == 2
    assert "force=true" in err
    assert (tmp_path / "out" / "thesis").exists()


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
        ("since=yesterday",),
        ("name=[",),
        ("where=novalue",),
        ("metrc=x",),
    ],
)
def test_options_that_cannot_be_read_are_usage_errors(shell, runs, words):
    code, _, err = shell("runs.analyze", *words)
    assert code == 2
    assert err.startswith("error:")
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("filters", "count"),
    [
        (("prefix=relh.b1024",), 3), (("name=s[01]$",), 4), (("where=trainer.batch_size=4096",), 3),
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


# --- watching --------------------------------------------------------------------------------------------------------


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


def test_without_earlier_runs_nothing_is_said_of_a_score(shell, tmp_path):
    write_run(tmp_path / "train_dir", "new", 0.2)
    code, out, _ = shell("runs", "watch", "new", "once=true")
    assert code == 0
    assert "nothing can be said yet" in out


def test_watching_a_run_that_does_not_exist(shell, earlier):
    assert shell("runs", "watch", "nobody", "once=true")[0] == 3
    assert shell("runs", "watch")[0] == 2
