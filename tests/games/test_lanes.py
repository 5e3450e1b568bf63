"""The rules hold in the other two ways in which kernels can run: as plain Python, and with every array access checked."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from coglab.engine.jit import CHECKS_BOUNDS, IS_COMPILED

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.skipif(
    CHECKS_BOUNDS or not IS_COMPILED, reason="this run is such a lane itself"
)


def run_lane(setting, *what):
    """Run tests in a process of their own with one setting of the compiler."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *what]
    environment = {
        **os.environ,
        setting: "1",
        "PYTHONPATH": os.pathsep.join(["src", ".", *filter(None, sys.path)]),
    }
    for name in ("PYTEST_ADDOPTS", "PYTEST_XDIST_WORKER", "PYTEST_XDIST_WORKER_COUNT"):
        environment.pop(name, None)
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout


def test_the_rules_hold_as_plain_python():
    run_lane(
        "NUMBA_DISABLE_JIT",
        "tests/games/cogsguard/test_small_facts.py",
        "tests/games/machina1/test_rules.py",
        "tests/engine",
    )


@pytest.mark.slow  # compiles everything once more
def test_the_rules_and_recorded_episodes_hold_with_every_array_access_checked():
    run_lane(
        "NUMBA_BOUNDSCHECK",
        "tests/games/cogsguard/test_small_facts.py",
        "tests/games/cogsguard/test_traces.py",
        "tests/games/cogsguard/test_memory.py::test_observations_that_were_cut_and_those_of_old_rules_are_read_alike",
        "tests/games/cogsguard/teachers/test_teacher.py::test_what_a_teacher_skips_does_not_change_its_labels",
        "tests/games/machina1/test_rules.py",
        "tests/games/machina1/test_traces.py",
        "tests/engine",
    )
