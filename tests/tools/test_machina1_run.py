"""A tiny run of machina_1 from the command line on: training, exact resume, evaluation, and what is refused."""

from __future__ import annotations

import json
import os
import shlex
import shutil
from pathlib import Path

import pytest

from coglab.cli import main
from coglab.tools.closing import next_commands
from coglab.tools.train import TrainTool
from coglab.tracking.ledger_reader import compare_ledgers, read_ledger
from coglab.tracking.run import STRICT_VARIABLE

RECIPE = "recipes.experiment.machina1_cloner"
TEACHER = (
    'teacher={mode: sliced_cloner, policy_uri: "metta://policy/dinky:v15", '
    "teacher_led_proportion: 0.5, student_led_proportion: 0.5}"
)
STEPS, ITERATION = 1024, 256
SMALL = (
    "max_steps=40",
    "training_env.num_envs=4",
    "training_env.num_workers=1",
    "training_env.map_pool.size=2",
    "trainer.bptt_horizon=16",
    f"trainer.batch_size={ITERATION}",
    "trainer.minibatch_size=128",
    "evaluator.maps=2",
    "wandb.mode=disabled",
    "checkpointer.interval_s=1e-6",
    "display.mode=off",
)
FAST = "policy_architecture={kind: fast, table_width: 32, cortex: {width: 32}}"


def train(run: str, *words: str, steps: int = STEPS) -> int:
    return main(
        [
            f"{RECIPE}.train",
            f"run={run}",
            TEACHER,
            f"trainer.total_timesteps={steps}",
            *SMALL,
            *words,
        ]
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder in which `first` has been trained, with 13 vibes and an evaluation."""
    before, path = Path.cwd(), tmp_path_factory.mktemp("machina1")
    os.chdir(path)
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv(STRICT_VARIABLE, "1")
            assert train("first", "vibes=13", FAST) == 0
        yield path
    finally:
        os.chdir(before)


def test_a_run_trains_and_is_compared_with_its_teacher(folder):
    ledger = read_ledger(folder / "train_dir" / "first")
    assert ledger.info["state"] == "finished"
    assert ledger.info["last_step"] == STEPS
    _, labels = ledger.columns["losses/supervised_action_loss"]
    assert len(labels) > 0
    assert "env_agent/heart.gained" in ledger.columns
    assert not any(name.startswith("env_collective/") for name in ledger.columns)
    results = json.loads((folder / "train_dir" / "first" / "evaluation.json").read_text())[
        "results"
    ]
    assert [(r["policy_uri"].rpartition("/")[2], r["mode"]) for r in results] == [
        ("first", "sample"),
        ("first", "greedy"),
        ("dinky:v15", "scripted"),
        ("random", "scripted"),
    ]
    assert all(0 <= r["metrics"]["of_solo_ceiling"]["mean"] <= 1 for r in results)


def test_recomputed_log_probabilities_equal_the_stored_ones(folder):
    _, errors = read_ledger(folder / "train_dir" / "first").columns[
        "losses/first_minibatch_log_prob_error"
    ]
    assert max(errors) < 1e-4


def test_a_resumed_run_equals_one_that_was_never_stopped(folder):
    runs = folder / "train_dir"
    shutil.copytree(runs / "first", runs / "again")
    newest = STEPS // ITERATION
    shutil.rmtree(runs / "again" / "checkpoints" / f"v{newest}")
    (runs / "again" / "evaluation.json").unlink()
    assert train("again", "vibes=13", FAST) == 0
    ledger = read_ledger(runs / "again")
    assert ledger.info["segments"][1]["start_step"] == STEPS - ITERATION
    assert compare_ledgers(ledger, read_ledger(runs / "first")) == []
    ours, theirs = (
        (runs / name / "checkpoints" / f"v{newest}" / "weights.safetensors").read_bytes()
        for name in ("again", "first")
    )
    assert ours == theirs


def test_evaluate_plays_the_checkpoint_longer_than_it_was_trained(folder):
    words = [
        "policy_uris=metta://policy/first",
        "maps=2",
        "vibes=13",
        "max_steps=120",
        "out=long.json",
    ]
    assert main([f"{RECIPE}.evaluate", *words]) == 0
    results = json.loads((folder / "long.json").read_text())["results"]
    assert [(r["mode"], r["agent_steps"]) for r in results] == [
        ("sample", 2 * 4 * 120),
        ("greedy", 2 * 4 * 120),
    ]


def test_the_command_that_a_run_ends_with_names_the_form_of_its_game(folder):
    config = json.loads((folder / "train_dir" / "first" / "config.json").read_text())
    command = next_commands(TrainTool.load(config))[1]
    words = shlex.split(command.partition("./tools/run.py ")[2])
    assert words[0] == f"{RECIPE}.evaluate"
    assert {"game.vibes=13", "game.max_steps=40"} <= set(words)
    assert main([*words, "--dry-run"]) == 0


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (
            [f"{RECIPE}.evaluate", "policy_uris=metta://policy/first", "maps=2"],
            ["18 actions, this game has 157", "vibes=13"],
        ),
        (
            ["recipes.experiment.cogsguard.evaluate", "policy_uris=metta://policy/first", "maps=2"],
            ["trained on machina1 and cannot play cogsguard", f"{RECIPE}.evaluate", "gear=10"],
        ),
        (
            [
                "recipes.experiment.cogsguard.train", "run=child", "wandb.mode=disabled",
                "initial_policy_uri=metta://policy/first", "trainer.total_timesteps=1e6",
            ],
            ["trained on machina1 and cannot play cogsguard"],
        ),
        (
            [
                f"{RECIPE}.train", "run=child", "wandb.mode=disabled", "teacher=null",
                "initial_policy_uri=metta://policy/first", "trainer.total_timesteps=1e6",
            ],
            ["18 actions, this game has 157", "vibes=13"],
        ),
    ],
)  # fmt: skip
def test_a_policy_in_the_wrong_game_or_form_is_refused_before_games_are_made(words, parts, capsys):
    assert main(words) == 2
    printed = capsys.readouterr()
    for part in parts:
        assert part in " ".join(printed.err.split())
    assert "Traceback" not in printed.err
    assert "building maps" not in printed.out


@pytest.mark.usefixtures("folder")
def test_a_number_of_vibes_that_is_no_form_of_the_game_names_both_forms(capsys):
    assert main([f"{RECIPE}.train", "vibes=20", "--dry-run"]) == 2
    assert capsys.readouterr().err == (
        "error: `vibes`: `20` given, a whole number expected (152 for all, 13 for those that do anything). "
        "For example `vibes=152`.\n"
    )


def test_the_published_form_trains_with_every_architecture():
    architecture = "policy_architecture={kind: vit, size: small}"
    assert train("wide", architecture, "evaluator.at_end=false", steps=ITERATION) == 0
