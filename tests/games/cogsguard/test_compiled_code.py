"""What the simulator's kernels are compiled to."""

from pathlib import Path

import numpy as np
import pytest

from coglab.engine.jit import IS_COMPILED, direct
from coglab.engine.mapgen import connect
from coglab.games.cogsguard import batch
from tests.games.cogsguard.little_world import World

pytestmark = pytest.mark.skipif(not IS_COMPILED, reason="nothing is compiled")

KERNELS = ["step_games", "reset_games", "observe_games", "read_game_stats"]


def compiled_code(kernel) -> bytes:
    """Return the machine code of a kernel, with the names of what it calls, as it lies in the cache."""
    files = list(Path(kernel.stats.cache_path).glob(f"*.{kernel.__name__}-*.nbc"))
    assert files
    return b"".join(file.read_bytes() for file in files)


@pytest.mark.parametrize("name", KERNELS)
def test_no_kernel_of_the_simulator_counts_references(name):
    sim = World("@.").sim
    sim.step()
    sim.current_stats(0)
    sim.set_state(sim.get_state())
    code = compiled_code(getattr(batch, name))
    assert len(code) > 1000
    assert b"NRT_incref" not in code
    assert b"NRT_decref" not in code


def test_reference_counting_would_be_noticed():
    connect.connect_floor(np.zeros((3, 3), np.uint8))
    assert b"NRT_incref" in compiled_code(connect.connect_floor)


def test_a_direct_call_does_what_the_kernel_does():
    ours, other = World("@.H"), World("@.H")
    other.sim._step = batch.step_games
    assert ours.sim._step is not batch.step_games
    assert callable(direct(batch.step_games, *ours.sim._step_arguments(), 0, 1))
    for action in ("move_east", "noop", "move_south"):
        assert ours.step(action) == other.step(action)
        assert np.array_equal(ours.sim.tokens, other.sim.tokens)
