"""The simulator of machina_1 keeps the contract of every batch simulator, and is compiled as tightly as CogsGuard's."""

from pathlib import Path

import numpy as np
import pytest

from coglab.engine.jit import IS_COMPILED
from coglab.games.machina1 import batch
from coglab.games.machina1.config import Machina1Config
from coglab.games.machina1.interface import machina1_interface
from coglab.games.machina1.maps import MapTable
from coglab.games.machina1.sim import Machina1Sim
from coglab.testing import check_env
from coglab.testing.env_checks import CHECKS
from tests.games.machina1.little_world import LETTERS, World

YARD = """
##############
#............#
#.@..E....c..#
#............#
#...A...#..s.#
#.@.....#..E.#
#....X..#....#
#............#
#..g...@.o...#
#........#...#
#.E......#...#
##############
"""


def yard_maps():
    """Two maps: the yard, and the yard upside down."""
    grid = np.array([[LETTERS[cell] for cell in line] for line in YARD.split()])
    return MapTable.from_grids([grid, grid[::-1]])


def yard_sim(num_envs=1, first_env_id=0, seed=0, vibes=152, **options):
    config = Machina1Config(num_agents=3, max_steps=30, vibes=vibes, diversity_bonus=True)
    return Machina1Sim(
        config, num_envs, yard_maps(), seed=seed, first_env_id=first_env_id, **options
    )


@pytest.mark.parametrize(
    ("exact_order", "desynchronize", "vibes"), [(False, False, 152), (True, True, 13)]
)
def test_the_simulator_keeps_the_contract(exact_order, desynchronize, vibes):
    report = check_env(
        lambda **k: yard_sim(
            exact_order=exact_order, desynchronize=desynchronize, vibes=vibes, **k
        ),
        interface=machina1_interface(vibes),
        ticks=50,
    )
    assert report.passed == list(CHECKS)
    assert not report.skipped


def test_maps_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="3 start cells, the game has num_agents=4"):
        Machina1Sim(Machina1Config(), 1, yard_maps())
    table = yard_maps()
    wider = np.full((12, 14), "chest")
    with pytest.raises(ValueError, match="168 objects, the table was made for at most 9"):
        table._write(table.compiled, 0, wider)
    with pytest.raises(ValueError, match="unknown cell 'hub'; known are empty, assembler"):
        MapTable.from_grids([np.array([["agent", "hub"]])])


def test_a_renewed_map_is_played_from_the_next_episode_on():
    compiled = yard_maps().compiled
    table = MapTable(compiled, np.array([0], np.int32))
    config = Machina1Config(num_agents=3, max_steps=5)
    sim = Machina1Sim(config, 1, table)
    assert sim.state.map_slot[0] == 0
    grid = np.array([[LETTERS[cell] for cell in line] for line in YARD.split()])
    assert table.replace_oldest(np.where(grid == "charger", "empty", grid))
    for _ in range(5):
        assert sim.state.map_slot[0] == 0
        sim.step()
    assert sim.state.map_slot[0] == 1
    assert dict(zip(sim.game_stats, sim.episode.game[0], strict=True))["objects.charger"] == 3
    assert sim.current_stats(0)["game"]["objects.charger"] == 0


@pytest.mark.skipif(not IS_COMPILED, reason="nothing is compiled")
@pytest.mark.parametrize("name", ["step_games", "reset_games", "observe_games", "read_game_stats"])
def test_no_kernel_counts_references(name):
    sim = World("@.").sim
    sim.step()
    sim.current_stats(0)
    sim.set_state(sim.get_state())
    kernel = getattr(batch, name)
    files = list(Path(kernel.stats.cache_path).glob(f"*.{name}-*.nbc"))
    code = b"".join(file.read_bytes() for file in files)
    assert len(code) > 1000
    assert b"NRT_incref" not in code
    assert b"NRT_decref" not in code
