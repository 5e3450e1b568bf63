"""Sweeps: what varies, which trials there are, sharing a study, pruning, resuming."""

from __future__ import annotations

import itertools
import json
import signal
import subprocess
import sys
import time

import pytest

from coglab.config import UserError, build
from coglab.config.layers import given_values, read_arguments
from coglab.tools import sweep_run
from coglab.tools.sweep import PruneConfig, SweepTool
from coglab.tools.sweep_optuna import OptunaStudy
from coglab.tools.sweep_run import Pruner, definition_of, score_at
from coglab.tools.sweep_space import grid, random_point, with_ties
from coglab.tools.sweep_study import Study, Trial
from coglab.tracking.ledger import Ledger
from coglab.tracking.processes import ProcessIdentity, this_process
from recipes.experiment import cogsguard
from tests.e2e.commands import SMALL, start, type_command

RATE = "trainer.optimizer.learning_rate"
SHARE, REST = "teacher.teacher_led_proportion", "teacher.student_led_proportion"


def make(*words, **fields):
    """A resolved sweep, as typed."""
    tree = SweepTool.canonical(read_arguments(["run=s", *words]))
    return build(SweepTool, {**tree, **fields}).resolve()


def shares(tool):
    """Teacher-led and student-led share of every trial."""
    found = []
    for number, point in enumerate(grid(tool.space)):
        cloner = tool.trial_tool(number, point).trainer.losses.sliced_scripted_cloner
        found.append((cloner.teacher_led_proportion, cloner.student_led_proportion))
    return found


@pytest.mark.parametrize(
    ("example", "expected"),
    [
        ("teacher_share", [(0.3, 0.7), (0.5, 0.5), (0.7, 0.3)]),
        ("teacher_share_student_0.3", [(0.3, 0.3), (0.5, 0.3), (0.7, 0.3)]),
    ],
)
def test_the_examples_vary_the_teachers_share_and_print_the_students(example, expected):
    tool = build(
        SweepTool, {**given_values(cogsguard.sweep(example=example)), "run": "s"}
    ).resolve()
    assert shares(tool) == expected
    plan = tool.plan()
    assert len(plan) == 4
    for line, (teacher, student) in zip(plan[1:], expected, strict=True):
        assert f"{teacher:.0%} of the rows teacher-led, {student:.0%} student-led" in line
    assert tool.resolve() == tool


def test_a_grid_has_every_combination_and_a_range_gives_it_points():
    tool = make(
        "space={system.seed: [1, 2], trainer.optimizer: {learning_rate: {low: 1e-4, high: 1e-2, log: true, points: 3}}}"
    )
    points = grid(tool.space)
    assert [(p["system.seed"], p[RATE]) for p in points] == [
        (seed, rate) for seed in ("1", "2") for rate in (1e-4, 1e-3, 1e-2)
    ]
    assert tool.num_trials == 6
    last = tool.trial_tool(5, points[5])
    assert (last.run_name, last.system.seed, last.trainer.optimizer.learning_rate) == (
        "s.005",
        2,
        1e-2,
    )
    assert last.wandb.group == "s"


def test_a_list_may_hold_maps_of_several_settings():
    tool = make(
        "space={teacher: [{policy_uri: metta://policy/miner, steps: 5}, {policy_uri: metta://policy/scout}]}"
    )
    uris = [
        tool.trial_tool(0, point).training_env.supervisor_policy_uri for point in grid(tool.space)
    ]
    assert uris == ["metta://policy/miner", "metta://policy/scout"]


def test_null_takes_away_what_a_recipe_varies():
    base = cogsguard.sweep(example="teacher_share")
    given = {"run": "s", "space": {SHARE: None, "system.seed": [1, 2]}, "ties": {REST: None}}
    tool = build(SweepTool, {**given_values(base), **given}).resolve()
    assert tool.num_trials == 2


def test_ties_compute_with_decimal_numbers():
    assert with_ties({"a": "0.7"}, {"b": "1 - a", "c": "a", "d": "2 * a"}) == {
        "a": "0.7", "b": 0.3, "c": "0.7", "d": 1.4,
    }  # fmt: skip


def test_random_points_depend_on_seed_and_number_alone_and_stay_inside():
    space = {
        "x": {"low": 1, "high": 1000, "log": True},
        "n": {"low": 1, "high": 3, "integer": True},
        "c": ["a", "b"],
    }
    points = [random_point(space, 0, n) for n in range(300)]
    assert points[17] == random_point(space, 0, 17) != random_point(space, 1, 17)
    assert all(1 <= p["x"] <= 1000 for p in points)
    assert {p["n"] for p in points} == {1, 2, 3}
    assert {p["c"] for p in points} == {"a", "b"}
    # Spread by ratio: a third of the points in each decade.
    assert 60 < sum(p["x"] < 10 for p in points) < 140


@pytest.mark.parametrize(
    ("words", "part"),
    [
        ([], "needs something to vary"),
        (["space={trainer.optimizer.learning_rat: [1e-3]}"], "Did you mean `trainer.optimizer.learning_rate`"),
        (["space={trainer.optimizer.learning_rate: [1e-3, fast]}"], "learning_rate=fast"),
        (["space={run: [a, b]}"], "cannot be varied"),
        (["space={system.seed: 3}"], "a list of values or a range"),
        (["space={system.seed: [1, 1]}"], "names a value twice"),
        (["space={trainer.optimizer.learning_rate: {low: 0, high: 1}}"], "add `points: 5`"),
        (["sampler=random", "space={trainer.optimizer.learning_rate: {low: 2, high: 1}}"], "must be below"),
        (["sampler=random", "space={trainer.optimizer.learning_rate: {low: 0, high: 1, log: true}}"], "by ratio"),
        (["sampler=random", "space={trainer.optimizer.learning_rate: {low: 0, hihg: 1}}"], "Did you mean"),
        (["sampler=random", "space={trainer.optimizer.beta1: {low: 0.5, high: 2}}"], "beta1"),
        (["space={system.seed: [1, 2]}", "ties={system.device: 1 - sistem.seed}"], "Did you mean `system.seed`"),
        (["space={system.seed: [1, 2]}", "ties={system.device: a + b}"], "NUMBER - KEY"),
        (["space={system.seed: [1, 2]}", "metric=overview/rewrad"], "Did you mean `overview/reward`"),
        (["space={system.seed: [1, 2]}", "metric=metric/agent_step"], "direction=higher"),
        (["space={system.seed: [1, 2]}", "prune={at: 1e12}"], "prune.at"),
        (["space={teacher.teacher_led_proportion: [0.8]}", "ties={teacher.student_led_proportion: 0.9 * "
          "teacher.teacher_led_proportion}", "base.teacher.policy_uri=metta://policy/miner"], "sum to at most 1"),
    ],
)  # fmt: skip
def test_a_sweep_that_cannot_work_is_refused_before_its_first_trial(words, part):
    with pytest.raises(UserError, match=part):
        make(*words)


def test_a_missing_optuna_matters_only_to_its_samplers(monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    words = ["space={system.seed: [1, 2]}", "trials=2"]
    assert make(*words).num_trials == make("sampler=random", *words).num_trials == 2
    with pytest.raises(UserError, match="--with sweep"):
        make("sampler=tpe", *words)


def test_a_sampler_that_needs_more_than_optuna_says_so(monkeypatch):
    present = lambda name: None if name == "cmaes" else object()  # noqa: E731
    monkeypatch.setattr("importlib.util.find_spec", present)
    with pytest.raises(UserError, match="pip install cmaes"):
        make("sampler=cmaes", "space={trainer.optimizer.learning_rate: {low: 0.1, high: 1}}")


def test_a_metric_may_be_named_by_its_end():
    assert (
        make("space={system.seed: [1, 2]}", "metric=heart.gained").metric
        == "env_agent/heart.gained"
    )
    tool = make("space={system.seed: [1, 2]}", "metric=approx_kl")
    assert not tool.maximizes


WORKER = """
import json, sys, time
from pathlib import Path
from coglab.tools.sweep_study import Study

folder, me, count = Path(sys.argv[1]), *map(int, sys.argv[2:])
study, taken = Study(folder, {"a": 1}, "s"), []
(folder / f"ready-{me}").touch()
while len(list(folder.glob("ready-*"))) < count:
    time.sleep(0.01)
while (trial := study.claim(lambda n, trials: ({"n": n}, None) if n < 40 else None)) is not None:
    taken.append((trial.number, trial.point["n"]))
    time.sleep(0.02)  # the others look for a trial while this one is held
    study.end(trial.number, "finished", 5, 1.0)
print(json.dumps(taken))
"""


def test_two_workers_never_get_the_same_trial(tmp_path):
    # Processes, as in a sweep: a process has one trial at a time, so threads would take one another's for left over.
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, str(tmp_path), str(me), "3"],
            stdout=subprocess.PIPE,
            text=True,
        )
        for me in range(3)
    ]
    taken = [json.loads(worker.communicate(timeout=120)[0]) for worker in workers]
    assert sorted(map(tuple, itertools.chain(*taken))) == [(n, n) for n in range(40)]
    assert sum(bool(of_worker) for of_worker in taken) > 1


def test_a_trial_whose_worker_died_is_given_out_again_and_one_at_work_is_not(tmp_path, monkeypatch):
    me = this_process()
    dead = ProcessIdentity(me.host, 2**22 - 1, "1", me.boot_id, me.pid_namespace)
    other = ProcessIdentity(me.host, 1, None, me.boot_id, me.pid_namespace)
    study = Study(tmp_path, {}, "s")
    suggest = lambda n, trials: ({"n": n}, None) if n < 3 else None  # noqa: E731
    for owner in (other, dead):
        monkeypatch.setattr("coglab.tools.sweep_study.this_process", lambda owner=owner: owner)
        study.claim(suggest)
    monkeypatch.undo()
    assert [t.state for t in study.trials()] == ["running", "running"]
    # The first is process 1's, which runs; the second one's worker is gone.
    assert study.claim(suggest).number == 1
    study.end(1, "finished", 1, 1.0)
    assert study.claim(suggest).number == 2
    study.set_aside(2)
    assert study.claim(suggest).number == 2
    study.end(2, "finished", 1, 1.0)
    assert study.claim(suggest) is None


def test_another_sweep_under_the_same_name_is_refused_and_a_longer_one_is_not(tmp_path):
    word = f"base.train_dir={tmp_path}"
    first = make("space={system.seed: [1, 2]}", word)
    Study(first.folder, definition_of(first), "s")
    longer = make("space={system.seed: [1, 2]}", "trials=1", "max_failures=9", word)
    Study(longer.folder, definition_of(longer), "s")
    other = make("space={system.seed: [1, 3]}", word)
    with pytest.raises(UserError, match=r"begun with space.system.seed=\[.*run=s-2"):
        Study(other.folder, definition_of(other), "s")


def write_run(folder, values, metric="overview/reward"):
    """A run whose metric has these values at steps 100, 200, ..."""
    ledger = Ledger(folder, {"name": folder.name}, {}, warn=print, heartbeat_s=60)
    for index, value in enumerate(values):
        ledger.log(100 * (index + 1), {metric: value})
    ledger.finish("finished", 0)


def test_a_trial_is_judged_by_the_last_fifth_of_its_steps(tmp_path):
    write_run(tmp_path / "r", [*range(1, 11)])
    assert score_at(tmp_path / "r", "overview/reward") == (1000, 9.5)
    assert score_at(tmp_path / "r", "overview/reward", 500) == (500, 5.0)
    assert score_at(tmp_path / "r", "losses/entropy") == (1000, None)
    assert score_at(tmp_path / "none", "overview/reward") == (None, None)


@pytest.mark.parametrize("maximizes", [True, False])
def test_pruning_keeps_the_better_share_of_those_that_came_as_far(tmp_path, maximizes):
    study = Study(tmp_path / "s", {}, "s")
    config = PruneConfig(at=[500], keep=0.5, min_trials=3)
    pruned = []
    for number, value in enumerate((1.0, 2.0, 3.0, 0.5, 2.5)):
        write_run(tmp_path / f"s.{number:03d}", [value * (1 if maximizes else -1)] * 6)
        watch = Pruner(
            study, number, tmp_path / f"s.{number:03d}", "overview/reward", maximizes, config
        )
        assert watch(400) is None
        if watch(600) is not None:
            pruned.append(number)
            assert "place" in watch.reason
    # 1 and 2 pass unjudged; 3 is first of three, 0.5 last of four, 2.5 second of five.
    assert pruned == [3]
    assert Pruner(study, 3, tmp_path, "overview/reward", maximizes, config)(600) is None


def fake_training(monkeypatch, score):
    """Trials that take no time: `score(tool)` gives their reward, or raises."""

    def run(tool, watch):
        value = score(tool)
        write_run(sweep_run.Path(tool.train_dir) / tool.run_name, [value] * 10)
        watch(1000)
        return 0

    monkeypatch.setattr(sweep_run.train_run, "run", run)


@pytest.mark.parametrize("sampler", ["tpe", "nsga2"])
def test_optunas_samplers_are_asked_and_told_across_restarts(tmp_path, monkeypatch, sampler):
    pytest.importorskip("optuna")
    fake_training(monkeypatch, lambda tool: -abs(tool.trainer.optimizer.learning_rate - 0.3))
    words = [
        f"sampler={sampler}", "space={trainer.optimizer.learning_rate: {low: 0.1, high: 1}, system.seed: [1, 2]}",
        f"base.train_dir={tmp_path}", "prune={at: 500, min_trials: 3}", "base.trainer.total_timesteps=1000",
    ]  # fmt: skip
    assert make("trials=4", *words).run() == 0
    assert make("trials=13", *words).run() == 0
    tool = make("trials=13", *words)
    study = Study(tool.folder, definition_of(tool), "s")
    trials = study.trials()
    assert [t.state in ("finished", "pruned") for t in trials] == [True] * 13
    rates = [t.point[RATE] for t in trials]
    assert len(set(rates)) == 13
    optuna = OptunaStudy(tool.folder, "s", sampler, tool.space, 0, True)
    optuna.ask(13, trials)
    told = optuna._study.get_trials(deepcopy=False)[:13]
    assert [t.state.name for t in told] == [
        "COMPLETE" if t.state == "finished" else "PRUNED" for t in trials
    ]
    assert [t.params[RATE] for t in told] == rates


def test_failed_trials_are_kept_and_many_of_them_stop_the_sweep(tmp_path, monkeypatch, capsys):
    def score(tool):
        if tool.system.seed in (2, 3):
            raise RuntimeError("no luck")
        return 1.0

    fake_training(monkeypatch, score)
    words = ["space={system.seed: [1, 2, 3, 4]}", f"base.train_dir={tmp_path}"]
    assert make("max_failures=2", *words).run() == 1
    assert "mend the cause" in capsys.readouterr().out
    assert make("max_failures=4", *words).run() == 1
    printed = capsys.readouterr().out
    assert printed.count("failed") >= 2
    assert "s.003" in printed


def test_drawn_values_that_do_not_fit_each_other_are_a_failed_trial(tmp_path, monkeypatch, capsys):
    fake_training(monkeypatch, lambda tool: 1.0)
    words = [
        "sampler=random", "trials=6", "space={teacher: {teacher_led_proportion: [0.3, 0.8], student_led_proportion: [0.1, "
        "0.6]}}", "base.teacher.policy_uri=metta://policy/miner", f"base.train_dir={tmp_path}", "max_failures=9",
    ]  # fmt: skip
    assert any("will be left out" in line for line in make(*words).plan())
    assert make(*words).run() == 1
    printed = capsys.readouterr().out
    assert "cannot be trained" in printed
    assert "finished" in printed


@pytest.mark.parametrize("error", [KeyboardInterrupt, UserError])
def test_an_interrupted_trial_is_set_aside_and_taken_up_again(tmp_path, monkeypatch, error):
    calls = []

    def score(tool):
        calls.append(tool.run_name)
        if len(calls) == 2:
            raise error("stop")
        return 1.0

    fake_training(monkeypatch, score)
    tool = make("space={system.seed: [1, 2, 3]}", f"base.train_dir={tmp_path}")
    with pytest.raises(error):
        tool.run()
    assert tool.run() == 0
    assert calls == ["s.000", "s.001", "s.001", "s.002"]


def test_optuna_sees_a_failed_trial_as_failed(tmp_path):
    pytest.importorskip("optuna")
    study = OptunaStudy(tmp_path, "s", "tpe", {"x": {"low": 0, "high": 1}}, 0, True)
    _, asked = study.ask(0, [])
    study.ask(1, [Trial(0, {}, "failed", asked=asked)])
    assert study._study.get_trials(deepcopy=False)[asked].state.name == "FAIL"


SWEEP = "recipes.experiment.cogsguard.sweep"

TINY = (
    *(word for word in SMALL if word.startswith(("max_steps", "num_agents", "policy"))),
    *(f"base.{word}" for word in SMALL if not word.startswith(("max_steps", "num_agents", "policy"))),
    "mission=tutorial", "base.evaluator.at_end=false", "metric=losses/entropy", "direction=lower",
)  # fmt: skip


@pytest.mark.slow
def test_two_tiny_trials_run_and_the_run_analysis_reads_them(tmp_path):
    words = [SWEEP, "run=s", "example=teacher_share", "trials=2", "total_timesteps=1024", *TINY]
    code, output = type_command(tmp_path, *words)
    assert code == 0, output
    assert "50% of the rows teacher-led, 50% student-led" in output
    assert "trial 2 of 2" in output
    assert "trial 3" not in output
    code, output = type_command(tmp_path, *words)
    assert code == 0, output
    assert "== trial" not in output
    code, output = type_command(
        tmp_path, "runs", "analyze", "prefix=s.", "metric=losses/entropy", "direction=lower"
    )
    assert code == 0, output
    assert "2 runs" in output
    code, output = type_command(tmp_path, "runs", "diff", "s.000", "s.001")
    assert "teacher_led_proportion" in output, output


@pytest.mark.slow
def test_a_killed_sweep_goes_on_with_the_trial_that_was_cut_off(tmp_path):
    words = [
        SWEEP, "run=s", "space={system.seed: [1, 2]}", "total_timesteps=20_000",
        "base.checkpointer.interval_s=0.001", *TINY,
    ]  # fmt: skip
    process = start(tmp_path, *words)
    rows = tmp_path / "train_dir" / "s.000" / "metrics.jsonl"
    for _ in range(3000):
        if rows.is_file() and rows.read_text().count("\n") > 5:
            break
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    code, output = type_command(tmp_path, *words)
    assert code == 0, output
    assert "continues from" in output
    assert output.count("== trial") == 2
    assert "trial 1 of 2" in output


@pytest.mark.slow
def test_a_second_terminal_works_on_the_same_sweep(tmp_path):
    words = [SWEEP, "run=s", "space={system.seed: [1, 2, 3, 4]}", "total_timesteps=8192", *TINY]
    processes = [start(tmp_path, *words) for _ in range(2)]
    outputs = [process.communicate(timeout=600)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outputs
    trained = [output.count("== trial") for output in outputs]
    assert sum(trained) == 4
    assert min(trained) >= 1
    _, output = type_command(tmp_path, *words)
    assert output.count("finished") == 4, output
