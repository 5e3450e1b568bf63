"""The compiler's rules: no reference counting, one place that compiles, caches that notice edits."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from coglab.engine import jit
from coglab.engine.jit import count_ones, kernel, trailing_zeros
from coglab.games.cogsguard import batch
from coglab.games.cogsguard.inventory import change
from coglab.games.cogsguard.step import step_game

SOURCE = Path(jit.__file__).parents[1]


@kernel
def bits(words, out):
    for i in range(words.shape[0]):
        out[i, 0] = trailing_zeros(words[i])
        out[i, 1] = count_ones(words[i])


def test_bit_operations_agree_with_python():
    words = [1, 2, 3, 1 << 63, (1 << 64) - 1, 0xF0F0 << 20]
    out = np.zeros((len(words), 2), np.int64)
    bits(np.array(words, np.uint64), out)
    assert out.tolist() == [[(w & -w).bit_length() - 1, w.bit_count()] for w in words]


@pytest.mark.skipif(not jit.IS_COMPILED, reason="looks at machine code")
def test_the_simulators_kernels_are_compiled_without_reference_counting():
    for function in (batch.step_games, batch.reset_games, batch.observe_games, step_game, change):
        assert function.targetoptions["_nrt"] is False, function


@pytest.mark.slow
@pytest.mark.skipif(not jit.IS_COMPILED, reason="looks at machine code")
def test_the_code_of_a_step_counts_no_reference_and_allocates_nothing(tmp_path):
    """Compiles anew, because the code of a cached kernel cannot be looked at."""
    script = tmp_path / "look.py"
    script.write_text(
        "from coglab.games.cogsguard import batch\n"
        "from tests.games.cogsguard.little_world import World\n"
        "World('@HJ').step('noop')\n"
        "for kernel in (batch.step_games, batch.reset_games):\n"
        "    print(kernel.inspect_llvm(kernel.signatures[0]))\n"
    )
    environment = {
        **os.environ,
        "COGLAB_CACHE_DIR": str(tmp_path),
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    run = subprocess.run(
        [sys.executable, script], env=environment, capture_output=True, text=True, check=True
    )
    assert "define" in run.stdout
    assert not re.findall(r"NRT_\w+", run.stdout)
    assert run.stderr.count("compiling the simulator") == 1


def test_nothing_but_the_jit_module_talks_to_numba_directly():
    allowed = {"engine/jit.py", "engine/blocks.py"}
    for path in SOURCE.rglob("*.py"):
        name = path.relative_to(SOURCE).as_posix()
        text = path.read_text(encoding="utf-8")
        if name not in allowed:
            assert not re.search(r"^\s*(import numba|from numba)", text, re.MULTILINE), name


def test_a_kernel_is_keyed_by_everything_it_imports_and_by_nothing_else():
    files = {path.relative_to(SOURCE).as_posix() for path in jit.sources_of(Path(batch.__file__))}
    assert {"games/cogsguard/step.py", "games/cogsguard/rules.py", "engine/rng.py"} <= files
    assert not any("teachers" in name or "models" in name for name in files)
