"""The pool of maps: seeds, renewal, and resuming."""

import gc
from pathlib import Path

import numpy as np
import pytest

from coglab.config.errors import UserError
from coglab.engine.mapgen.pool import FIRST_EVALUATION_SEED, training_seed
from coglab.games.cogsguard.config import CogsGuardConfig, MapPoolConfig
from coglab.games.cogsguard.mapgen import MapPool, generate_map
from coglab.games.cogsguard.maps import compile_maps
from coglab.games.cogsguard.missions import TEXT_MAP_STEPS

TUTORIAL = CogsGuardConfig(mission="tutorial", num_agents=2)
YARD = str(Path(__file__).parents[3] / "data" / "maps" / "yard.map")


def slots_of(pool):
    """What each active slot holds, as bytes of a few arrays."""
    parts = (pool.compiled.wall_bits, pool.compiled.object_bits, pool.compiled.spawn_col)
    return [tuple(part[slot].tobytes() for part in parts) for slot in pool.active]


def test_training_maps_depend_on_the_runs_seed_alone():
    config = MapPoolConfig(size=4)
    first, again = (MapPool.for_training(TUTORIAL, config, seed=7) for _ in range(2))
    other = MapPool.for_training(TUTORIAL, config, seed=8)
    assert slots_of(first) == slots_of(again)
    assert not set(slots_of(first)) & set(slots_of(other))


def test_training_seeds_do_not_repeat_and_stay_below_those_of_evaluation():
    seeds = [training_seed(3, index) for index in range(5000)]
    assert len(set(seeds)) == 5000
    assert min(seeds) >= 0
    assert max(seeds) < FIRST_EVALUATION_SEED


def test_evaluation_map_i_has_the_first_seed_plus_i():
    pool = MapPool.for_evaluation(TUTORIAL, 3)
    expected = compile_maps(
        [generate_map("tutorial", 2, FIRST_EVALUATION_SEED + i) for i in range(3)]
    )
    for own, array in zip(pool.compiled, expected, strict=True):
        np.testing.assert_array_equal(own, array)
    assert pool.refresh(2) == 0


def test_refresh_replaces_the_oldest_maps_and_continues_the_sequence_of_seeds():
    pool = MapPool.for_training(TUTORIAL, MapPoolConfig(size=4, refresh=2), seed=7)
    assert pool.refresh(3) == 3
    seeds = pool.slot_seed[pool.active].tolist()
    assert seeds == [training_seed(7, index) for index in (4, 5, 6, 3)]


def test_a_map_that_is_being_played_is_not_overwritten():
    pool = MapPool.for_training(TUTORIAL, MapPoolConfig(size=2, refresh=1), seed=7)
    played = pool.active.copy()
    pool.attach(played)
    before = slots_of(pool)
    assert pool.refresh(10) == 2  # both spare slots; then every slot is drawn from or played on
    assert pool.refresh(1) == 0
    parts = (pool.compiled.wall_bits, pool.compiled.object_bits, pool.compiled.spawn_col)
    assert [tuple(part[slot].tobytes() for part in parts) for slot in played] == before
    del played
    gc.collect()
    assert pool.refresh(1) == 1


def test_a_resumed_pool_holds_the_same_maps_in_the_same_slots_and_goes_on_alike():
    config = MapPoolConfig(size=3, refresh=2)
    pool = MapPool.for_training(TUTORIAL, config, seed=7)
    played = np.array([1], np.int32)
    pool.attach(played)
    pool.refresh(4)
    state = pool.get_state()
    resumed = MapPool.for_training(TUTORIAL, config, seed=7)
    also_played = played.copy()
    resumed.attach(also_played)
    resumed.set_state(state)
    assert resumed.compiled.wall_bits[1].tobytes() == pool.compiled.wall_bits[1].tobytes()
    for _ in range(3):
        assert resumed.active.tolist() == pool.active.tolist()
        assert slots_of(resumed) == slots_of(pool)
        assert resumed.refresh(1) == pool.refresh(1)


def test_a_pool_of_another_making_refuses_the_saved_state():
    state = MapPool.for_training(TUTORIAL, MapPoolConfig(size=3), seed=7).get_state()
    with pytest.raises(ValueError, match="slot_seed: expected 4 entries, found 6"):
        MapPool.for_training(TUTORIAL, MapPoolConfig(size=2), seed=7).set_state(state)
    yard = CogsGuardConfig(mission=YARD, num_agents=6)
    state = MapPool.for_training(yard, MapPoolConfig(), seed=0).get_state()
    MapPool.for_training(yard, MapPoolConfig(), seed=0).set_state(state)
    with pytest.raises(ValueError, match="other given maps"):
        MapPool.from_grids([generate_map("tutorial", 6, 1)]).set_state(state)


def test_the_state_of_a_pool_is_numbers_only():
    state = MapPool.for_training(TUTORIAL, MapPoolConfig(size=2), seed=7).get_state()
    assert all(array.dtype.kind == "i" for array in state.values())


def test_a_text_map_is_one_map_unless_it_has_more_start_cells_than_agents():
    everyone = CogsGuardConfig(mission=YARD, num_agents=6)
    assert len(MapPool.for_training(everyone, MapPoolConfig(), seed=0).active) == 1
    assert len(MapPool.for_evaluation(everyone, 5).active) == 1
    some = CogsGuardConfig(mission=YARD, num_agents=2)
    pool = MapPool.for_training(some, MapPoolConfig(size=20, refresh=1), seed=0)
    assert len(set(slots_of(pool))) > 5
    assert pool.refresh(1) == 1
    with pytest.raises(UserError, match="num_agents=6 or fewer"):
        MapPool.for_training(CogsGuardConfig(mission=YARD, num_agents=7), MapPoolConfig(), seed=0)


def test_given_maps_must_have_the_same_number_of_start_cells():
    with pytest.raises(ValueError, match="different numbers of start cells"):
        MapPool.from_grids([generate_map("tutorial", 1, 0), generate_map("tutorial", 2, 0)])
    with pytest.raises(ValueError, match="at least one map"):
        MapPool.from_grids([])


def test_missions_and_text_maps_have_an_episode_length_and_a_stock():
    from coglab.games.cogsguard.missions import mission_stock, resolve_max_steps

    assert resolve_max_steps(CogsGuardConfig(mission="machina_1")) == 10_000
    assert resolve_max_steps(CogsGuardConfig(mission=YARD)) == TEXT_MAP_STEPS
    assert resolve_max_steps(CogsGuardConfig(mission="arena", max_steps=5)) == 5
    assert mission_stock("cogsguard_tutorial.tutorial")["carbon"] == 50
    assert mission_stock(YARD)["heart"] == 5
