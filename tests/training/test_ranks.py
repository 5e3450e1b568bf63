"""Several processes that train together, against one that trains alone."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from coglab.policies.checkpoints import TrainerState
from tests.training.fakes import make_geometry, make_trainer

ROOT = Path(__file__).resolve().parents[2]


def run_program(folder, scenes, count):
    """Run `rank_program` in `count` processes; returns exit codes and what each wrote to standard error."""
    own = {"NUMBA_DISABLE_JIT": "1", "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"}
    own |= {"COGLAB_RANK_STORE": str(folder / "store"), "GLOO_SOCKET_IFNAME": "lo"}
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.training.rank_program", scenes, str(folder)],
            cwd=ROOT,
            env={**os.environ, **own, "RANK": str(rank), "WORLD_SIZE": str(count)},
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(count)
    ]
    said = [process.communicate(timeout=240)[1] for process in processes]
    return [process.returncode for process in processes], said


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """What one process and two wrote."""
    folder = tmp_path_factory.mktemp("ranks")
    for scenes, count in (("train", 1), ("train,stop,drift", 2)):
        codes, said = run_program(folder, scenes, count)
        assert codes == [0] * count, said
    return folder


def test_two_ranks_have_the_gradient_of_one_process(folder):
    one = load_file(folder / "1.0.safetensors")["gradient"]
    assert one.dtype == np.float64
    assert np.abs(one).max() > 1e-3
    for rank in (0, 1):
        two = load_file(folder / f"2.{rank}.safetensors")["gradient"]
        np.testing.assert_allclose(two, one, rtol=1e-9, atol=1e-12)


def test_two_ranks_learn_and_report_what_one_process_does(folder):
    one = json.loads((folder / "1.0.json").read_text())
    weights = load_file(folder / "1.0.safetensors")
    for rank in (0, 1):
        for ours, theirs in zip(
            json.loads((folder / f"2.{rank}.json").read_text()), one, strict=True
        ):
            assert ours.keys() == theirs.keys()
            for name, value in theirs.items():
                assert ours[name] == pytest.approx(value, rel=1e-5, abs=1e-7), name
        for name, value in load_file(folder / f"2.{rank}.safetensors").items():
            if name.startswith("w."):
                np.testing.assert_allclose(value, weights[name], rtol=1e-5, atol=1e-7)
    assert sum(row["overview/episodes"] for row in one) > 10
    assert one[0]["teacher/agreement"] > 0


def test_all_ranks_hold_the_same_bits(folder):
    first, second = (load_file(folder / f"2.{rank}.safetensors") for rank in (0, 1))
    for name in first:
        np.testing.assert_array_equal(first[name], second[name], err_msg=name)


def test_two_ranks_continue_bit_for_bit(folder):
    for rank in (0, 1):
        result = load_file(folder / f"2.{rank}.safetensors")
        assert result["resumed_as_shown"]
        assert result["resumed_weights"]


def test_one_process_continues_a_run_of_two_with_new_games(folder):
    meta = json.loads((folder / "state.json").read_text())
    tensors = load_file(folder / "state.safetensors")
    trainer = make_trainer(make_geometry(num_envs=4), state=TrainerState(tensors, meta))
    assert trainer.counters.agent_step == 2 * 128
    assert trainer.learner.optimizer.gradient_step == 4
    np.testing.assert_allclose(trainer.learner.optimizer.mean, tensors["optimizer/mean"], rtol=1e-6)
    (line,) = trainer.tracker.printed
    assert "4 games of 2 agents in 2 processes, this run has 4 games of 2 agents" in line
    assert "the games start anew" in line
    trainer.iterate()
    assert trainer.counters.agent_step == 3 * 128


def test_a_stop_that_one_rank_is_asked_for_stops_all_and_the_first_saves(folder):
    for rank in (0, 1):
        told = json.loads((folder / f"stop.{rank}.json").read_text())
        assert told == {"ended": "stopped", "iteration": 2, "saved": int(rank == 0)}


def test_a_loss_that_is_not_finite_on_one_rank_is_noticed_by_all(folder):
    assert [(folder / f"drift.{rank}.txt").read_text() for rank in (0, 1)] == [
        "NonFiniteLossError"
    ] * 2


def test_a_rank_that_fails_ends_the_others_with_its_own_error(tmp_path):
    codes, said = run_program(tmp_path, "fail", 2)
    assert codes[1] == 1
    assert "ValueError: broken on purpose" in said[1]
    assert (tmp_path / "fail.0.txt").read_text() == (
        "rank 1 failed with ValueError: broken on purpose"
    )
