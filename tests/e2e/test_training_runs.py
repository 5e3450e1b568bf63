"""Training, resuming, killing and extending runs through the launcher."""

from __future__ import annotations

import json
import shutil
import signal
import time
from pathlib import Path

import pytest

from coglab.tracking.ledger_reader import compare_ledgers, read_ledger
from coglab.tracking.run_view import WATCHED
from tests.e2e.commands import SMALL, TEACHER, TRAIN, start, type_command

pytestmark = (
    pytest.mark.slow
)  # several whole runs, each in processes of its own: minutes on a busy machine

STEPS = 2048


def train(folder: Path, run: str, steps: int, *words: str) -> tuple[int, str]:
    """Train a small run in `folder/train_dir`."""
    return type_command(
        folder, TRAIN, f"run={run}", TEACHER, f"trainer.total_timesteps={steps}", *SMALL, *words
    )


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A finished run `first`, its folder and what it printed."""
    folder = tmp_path_factory.mktemp("runs")
    code, output = train(folder, "first", STEPS)
    assert code == 0, output
    return folder, output


def test_a_run_trains_compares_with_its_teacher_and_says_what_to_type_next(finished):
    folder, output = finished
    ledger = read_ledger(folder / "train_dir" / "first")
    assert ledger.info["state"] == "finished"
    assert ledger.info["exit_code"] == 0
    assert ledger.info["last_step"] == STEPS
    _, values = ledger.columns["losses/supervised_action_loss"]
    assert len(values) == STEPS // 256
    assert set(WATCHED) <= set(ledger.columns)
    for word in (
        "student",
        "teacher",
        "random",
        "heart.gained",
        "next:",
        "recipes.experiment.cogsguard.evaluate",
    ):
        assert word in output
    results = json.loads((folder / "train_dir" / "first" / "evaluation.json").read_text())[
        "results"
    ]
    assert [(r["policy_uri"].rpartition("/")[2], r["mode"]) for r in results] == [
        ("first", "sample"),
        ("first", "greedy"),
        ("cogsguard?gear=10", "scripted"),
        ("random", "scripted"),
    ]
    assert all(r["first_map_seed"] == 1_000_000 for r in results)


def test_recomputed_log_probabilities_equal_the_stored_ones(finished):
    folder, _ = finished
    code, output = train(folder, "at-once", 512, "trainer.collect_ahead=false")
    assert code == 0, output
    _, errors = read_ledger(folder / "train_dir" / "at-once").columns[
        "losses/first_minibatch_log_prob_error"
    ]
    assert len(errors) == 2
    assert max(errors) < 1e-4


def test_the_same_command_and_seed_give_the_same_ledger_but_for_times(finished):
    folder, _ = finished
    code, output = train(folder, "second", STEPS)
    assert code == 0, output
    runs = [read_ledger(folder / "train_dir" / name) for name in ("first", "second")]
    assert compare_ledgers(*runs) == []


def test_another_seed_gives_another_ledger(finished):
    folder, _ = finished
    code, output = train(folder, "other", STEPS, "seed=2", "evaluator.at_end=false")
    assert code == 0, output
    runs = [read_ledger(folder / "train_dir" / name) for name in ("first", "other")]
    assert compare_ledgers(*runs) != []


def test_a_finished_run_says_so_and_a_larger_budget_extends_it_with_the_same_teacher_phase(
    finished,
):
    folder, _ = finished
    shutil.copytree(folder / "train_dir" / "first", folder / "train_dir" / "longer")
    code, output = train(folder, "longer", STEPS)
    assert code == 0
    assert "already made 2,048 of 2,048" in output
    code, output = train(folder, "longer", 2 * STEPS, "evaluator.at_end=false")
    assert code == 0, output
    ledger = read_ledger(folder / "train_dir" / "longer")
    assert ledger.info["last_step"] == 2 * STEPS
    assert ledger.config["trainer"]["losses"]["sliced_scripted_cloner"]["steps"] == 4 * STEPS // 5
    assert "stays 1638" in output


def test_another_game_or_network_under_the_same_name_is_refused(finished):
    folder, _ = finished
    words = [word.replace("num_agents=4", "num_agents=5") for word in SMALL]
    total = f"trainer.total_timesteps={2 * STEPS}"
    code, output = type_command(folder, TRAIN, "run=first", TEACHER, total, *words)
    assert code == 2
    assert "training_env.game.num_agents=4" in output
    assert "run=first-2" in output
    assert "Traceback" not in output


def test_another_run_starts_from_a_checkpoint(finished):
    folder, _ = finished
    code, output = train(
        folder, "child", 512, "initial_policy_uri=metta://policy/first", "evaluator.at_end=false"
    )
    assert code == 0, output
    assert "starts with the weights" in output


def test_a_truncated_checkpoint_is_named_and_the_one_before_it_goes_on(tmp_path):
    often = ("evaluator.at_end=false", "checkpointer.interval_s=1e-3")
    code, output = train(tmp_path, "damaged", STEPS, *often)
    assert code == 0, output
    run = tmp_path / "train_dir" / "damaged"
    newest, before = run / "checkpoints" / "v8", run / "checkpoints" / "v7"
    weights = newest / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    code, output = train(tmp_path, "damaged", STEPS, *often)
    assert code == 2
    assert "v8/weights.safetensors is damaged" in output
    assert "v8 to go back to v7" in output
    assert "Traceback" not in output
    shutil.rmtree(newest)
    shutil.copytree(run, tmp_path / "whole")
    code, output = train(tmp_path, "damaged", STEPS, *often)
    assert code == 0, output
    assert f"continues from {before.relative_to(tmp_path)}" in output
    ledger = read_ledger(run)
    assert ledger.info["segments"][1]["start_step"] == STEPS - 256
    assert compare_ledgers(ledger, read_ledger(tmp_path / "whole")) == []


def test_a_run_whose_evaluation_was_lost_is_evaluated_by_the_same_command(finished):
    folder, _ = finished
    run = folder / "train_dir" / "unevaluated"
    shutil.copytree(folder / "train_dir" / "first", run)
    (run / "evaluation.json").unlink()
    code, output = train(folder, "unevaluated", STEPS)
    assert code == 0, output
    assert "the evaluation is not" in output
    assert "junction.held" in output
    assert read_ledger(run).info["state"] == "finished"
    ours, theirs = (
        json.loads((folder / "train_dir" / name / "evaluation.json").read_text())["results"]
        for name in ("unevaluated", "first")
    )
    for a, b in zip(ours, theirs, strict=True):
        assert a["metrics"] == b["metrics"]


def test_a_second_terminal_is_told_who_trains_the_run(tmp_path):
    words = [TRAIN, "run=busy", TEACHER, "trainer.total_timesteps=5_000_000", *SMALL]
    process = start(tmp_path, *words)
    rows = tmp_path / "train_dir" / "busy" / "metrics.jsonl"
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline and not rows.exists():
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.05)
    code, output = type_command(tmp_path, *words)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=120)
    assert code == 2
    assert f"run `busy` is being trained by process {process.pid}" in output
    assert "run=busy-2" in output
    assert "building maps" not in output


def test_a_killed_run_goes_on_from_its_last_checkpoint_and_ends_as_if_it_had_not_been_killed(
    tmp_path,
):
    words = [
        TRAIN,
        "run=killed",
        TEACHER,
        "trainer.total_timesteps=40_000",
        "checkpointer.interval_s=0.2",
    ]
    words += [*SMALL, "evaluator.at_end=false"]
    process = start(tmp_path, *words)
    checkpoints = tmp_path / "train_dir" / "killed" / "checkpoints"
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline and not any(checkpoints.glob("v[0-9]*")):
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    code, output = type_command(tmp_path, *words)
    assert code == 0, output
    assert "continues from" in output
    ledger = read_ledger(tmp_path / "train_dir" / "killed")
    assert ledger.info["state"] == "finished"
    assert len(ledger.info["segments"]) == 2
    assert ledger.info["segments"][1]["first_step"] > 1
    whole = tmp_path / "whole"
    whole.mkdir()
    code, output = type_command(whole, *words)
    assert code == 0, output
    assert compare_ledgers(ledger, read_ledger(whole / "train_dir" / "killed")) == []


@pytest.mark.parametrize(
    ("number", "expected", "state"),
    [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")],
)
def test_a_signal_saves_and_says_how_to_go_on(tmp_path, number, expected, state):
    words = [TRAIN, "run=stopped", TEACHER, "trainer.total_timesteps=5_000_000", *SMALL]
    process = start(tmp_path, *words)
    rows = tmp_path / "train_dir" / "stopped" / "metrics.jsonl"
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline and (
        not rows.exists() or len(rows.read_text().splitlines()) < 3
    ):
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.05)
    process.send_signal(number)
    output, _ = process.communicate(timeout=120)
    assert process.returncode == expected, output
    assert "the same command goes on from here" in output
    assert read_ledger(tmp_path / "train_dir" / "stopped").info["state"] == state
    assert any((tmp_path / "train_dir" / "stopped" / "checkpoints").glob("v*"))


@pytest.mark.parametrize(
    ("number", "expected", "state"),
    [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")],
)
def test_a_signal_during_the_evaluation_says_that_training_is_saved(
    tmp_path, number, expected, state
):
    words = [TRAIN, "run=judged", TEACHER, f"trainer.total_timesteps={STEPS}", *SMALL]
    words[words.index("evaluator.maps=2")] = "evaluator.maps=3000"  # long enough to be interrupted
    process = start(tmp_path, *words)
    for line in process.stdout:
        if line.startswith("evaluating student"):
            break
    process.send_signal(number)
    output, _ = process.communicate(timeout=120)
    assert process.returncode == expected, output
    assert "the same command evaluates it" in output
    assert "Traceback" not in output
    assert read_ledger(tmp_path / "train_dir" / "judged").info["state"] == state


def test_evaluate_plays_runs_teachers_and_baselines(finished):
    folder, _ = finished
    code, output = type_command(
        folder,
        "recipes.experiment.cogsguard.evaluate",
        'policy_uris=[metta://policy/first, "metta://policy/cogsguard?gear=10", metta://policy/random]',
        "maps=3",
        "max_steps=64",
        "num_agents=4",
        "out=result.json",
    )
    assert code == 0, output
    data = json.loads((folder / "result.json").read_text())
    assert [r["mode"] for r in data["results"]] == ["sample", "greedy", "scripted", "scripted"]
    assert all(len(r["metrics"]["reward"]["per_map"]) == 3 for r in data["results"])
