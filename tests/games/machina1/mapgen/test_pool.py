"""The pool of machina_1's maps: what the game adds to the pool that all games share (see CogsGuard's tests)."""

import numpy as np
import pytest

from coglab.config.errors import UserError
from coglab.engine.mapgen.config import MapPoolConfig
from coglab.engine.mapgen.pool import FIRST_EVALUATION_SEED, training_seed
from coglab.games.machina1 import rules
from coglab.games.machina1.config import Machina1Config
from coglab.games.machina1.mapgen import MapPool, generate_map
from coglab.games.machina1.mapgen.ceiling import count_kinds
from coglab.games.machina1.maps import compile_maps

GAME = Machina1Config(num_agents=4)


def test_evaluation_map_i_has_the_first_seed_plus_i():
    pool = MapPool.for_evaluation(GAME, 3)
    expected = compile_maps([generate_map(4, FIRST_EVALUATION_SEED + i) for i in range(3)])
    for own, array in zip(pool.compiled, expected, strict=True):
        np.testing.assert_array_equal(own, array)
    assert pool.refresh(2) == 0


def test_training_maps_are_replaced_by_the_next_seeds_oldest_first():
    pool = MapPool.for_training(GAME, MapPoolConfig(size=3, refresh=2), seed=7)
    assert pool.refresh(2) == 2
    seeds = pool.slot_seed[pool.active].tolist()
    assert seeds == [training_seed(7, index) for index in (3, 4, 2)]
    for slot, seed in zip(pool.active, seeds, strict=True):
        counted = count_kinds(generate_map(4, seed))
        assert pool.compiled.info["kind_count"][slot].tolist() == counted.tolist()


def test_a_resumed_pool_holds_the_same_maps():
    config = MapPoolConfig(size=2, refresh=1)
    pool = MapPool.for_training(GAME, config, seed=3)
    pool.refresh(1)
    resumed = MapPool.for_training(GAME, config, seed=3)
    resumed.set_state(pool.get_state())
    for slot in pool.active:
        assert (resumed.compiled.wall_bits[slot] == pool.compiled.wall_bits[slot]).all()
    assert resumed.active.tolist() == pool.active.tolist()


def test_slots_have_room_for_richer_maps_than_the_first():
    pool = MapPool.for_training(GAME, MapPoolConfig(size=8, refresh=1), seed=0)
    stations = pool.compiled.info["objects"][pool.active].max()
    assert pool.compiled.objects.shape[1] == stations * 5 // 4


def test_given_maps_must_have_the_same_number_of_start_cells():
    grids = [generate_map(4, 1), generate_map(4, 2)]
    pool = MapPool.from_grids(grids)
    assert pool.num_agents == 4
    assert (pool.compiled.info["kind_count"][:, rules.AGENT] == 4).all()
    with pytest.raises(ValueError, match="different numbers of start cells"):
        MapPool.from_grids([generate_map(4, 1), generate_map(2, 1)])


def test_a_team_that_the_compound_has_no_room_for_is_refused():
    with pytest.raises(UserError, match="num_agents=58 or fewer"):
        MapPool.for_training(Machina1Config(num_agents=60), MapPoolConfig(size=1), seed=0)
