"""The speed benchmark measures what it says: same ticks, same phases, and it says when it cannot."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks import engine_report, machine
from benchmarks.engine_compare import Series
from benchmarks.engine_fleet import Fleet
from benchmarks.engine_phases import PHASES, measure_phases
from benchmarks.reference import environment
from benchmarks.reference.environment import (
    ReferenceUnavailableError,
    find_python,
    reference_python,
)
from tests.testing.yard import yard_sim

REPOSITORY = Path(machine.__file__).resolve().parent.parent
ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}


@pytest.mark.slow  # compiles every phase as a kernel of its own
def test_phases_in_turn_are_a_tick():
    actions = np.random.default_rng(0).integers(0, 12, (70, 12)).astype(np.int8)
    whole, phased = yard_sim(num_envs=4), yard_sim(num_envs=4)
    for row in actions:
        whole.actions[:] = row
        whole.step()
    spent = measure_phases(phased, actions)
    assert list(spent) == list(PHASES)
    assert np.array_equal(whole.tokens, phased.tokens)
    assert np.array_equal(whole.episode.returns, phased.episode.returns)
    for left, right in zip(whole.state, phased.state, strict=True):
        assert np.array_equal(left, right)


def test_a_window_is_measured_several_times_from_one_state(monkeypatch):
    monkeypatch.setattr("benchmarks.engine_fleet.NUM_AGENTS", 3)
    monkeypatch.setattr(
        "benchmarks.engine_fleet.make_fleet", lambda _, num_envs, **__: yard_sim(num_envs=num_envs)
    )
    once, often = (Fleet("yard", 2, 20, "random") for _ in range(2))
    for fleet, repeats in ((once, 1), (often, 3)):
        sample = fleet.measure(warmup=2, ticks=5, repeats=repeats)
        assert sample["agent_steps"] == repeats * 5 * 6
        assert sample["cpu_s"] > 0
        assert fleet.next_tick == 7
    assert np.array_equal(once.sim.tokens, often.sim.tokens)


def test_the_clock_and_the_memory_of_the_machine_are_plausible():
    assert 0.2 < machine.clock_ghz() < 10
    assert 1e8 < machine.fill_rate(1 << 16) < 1e13


def comparison(rates, cpu_of_wall=1.0):
    series = {}
    for name, rate in rates.items():
        samples = Series()
        for factor in (0.9, 1.0, 1.2):
            samples.add(
                {
                    "agent_steps": rate * factor,
                    "cpu_s": 1.0,
                    "wall_s": 1 / cpu_of_wall,
                    "tokens": 45.0,
                }
            )
        series[name] = samples.summary()
    return {
        "mission": "arena",
        "play": "random",
        "series": series,
        "ratios": {"4096 games, against our own 64": 0.7},
    }


def results(**changes):
    own = {
        "play": "random",
        "phases": {"actions": 50.0},
        "limits": {"tokens": 45.0},
        "footprint": {"state": 2345.0},
        "reset": {"end of an episode, next one begun": 3.0},
        "two_cores": {"speedup": 1.95, "efficiency": 0.97, "busy_share": 0.01},
    }
    first = {"import_s": 0.5, "first_call_s": 0.1, "first_call_cpu_s": 0.1}
    return {
        "date": "2026-01-01 12:00",
        "commit": "abc",
        "machine": {"processor": "a chip", "cores": 2, "python": "3.11", "numba": "0.68"},
        "busy_share": 0.0,
        "rounds": 3,
        "ticks": 20,
        "comparisons": [comparison({"ours 64": 4e6, "reference 64": 4e4})],
        "own": {"arena": own},
        "first_calls": {"cold": first, "warm": first},
        **changes,
    }


def test_tables_show_medians_with_their_range_and_the_goals():
    text = engine_report.markdown(results())
    assert "| arena, random | 4000 (3600 to 4800) | 40 (36 to 48) |" in text
    assert "| 4096 games, against our own 64 | 0.7 | 0.4, 0.6 |" in text
    assert "1.95 times one thread by the wall clock," in text
    assert "noisy" not in text.lower()


def test_noise_is_labelled():
    text = engine_report.markdown(
        results(busy_share=0.5, comparisons=[comparison({"ours 64": 4e6}, cpu_of_wall=0.4)])
    )
    assert "NOISY: other programs used 50% of the machine" in text
    assert "| 4000 (3600 to 4800) * |" in text


def test_a_missing_python_is_named_with_a_cure(monkeypatch, tmp_path):
    monkeypatch.setattr(
        environment, "_candidates", lambda: iter([None, str(tmp_path / "python3.12")])
    )
    monkeypatch.delenv(environment.PYTHON_VARIABLE, raising=False)
    with pytest.raises(
        ReferenceUnavailableError, match=r"needs Python 3\.12.*COGLAB_REFERENCE_PYTHON"
    ):
        find_python()


def test_a_named_python_must_be_3_12(monkeypatch):
    monkeypatch.setenv(environment.PYTHON_VARIABLE, "/bin/false")
    with pytest.raises(ReferenceUnavailableError, match="/bin/false is not a Python"):
        find_python()


def test_an_environment_that_is_ready_is_not_made_again(monkeypatch, tmp_path):
    monkeypatch.setenv("COGLAB_CACHE_DIR", str(tmp_path))
    folder = tmp_path / f"reference-{environment.VERSION}"
    folder.mkdir()
    (folder / "coglab.json").write_text(json.dumps([*environment.ENGINE, *environment.SUPPORT]))
    assert reference_python() == folder / "bin" / "python"


def test_an_environment_that_cannot_be_made_says_what_failed(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("COGLAB_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(environment, "find_python", lambda: "/bin/false")
    with pytest.raises(ReferenceUnavailableError, match="Could not create a virtual environment"):
        reference_python()
    assert "Making the reference environment" in capsys.readouterr().out


def test_samples_must_fit_into_an_episode():
    command = [sys.executable, "-m", "benchmarks.engine", "--rounds", "50"]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=REPOSITORY, env=ENVIRONMENT
    )
    assert done.returncode == 2
    assert "--rounds 9 --ticks 100" in done.stderr
