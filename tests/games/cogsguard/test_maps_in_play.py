"""A pool that renews itself must not touch a map that is still being played."""

import gc

import numpy as np

from coglab.games.cogsguard.config import CogsGuardConfig, MapPoolConfig
from coglab.games.cogsguard.mapgen import MapPool
from coglab.games.cogsguard.sim import CogsGuardSim


def test_a_map_that_is_being_played_is_never_replaced():
    config = CogsGuardConfig(mission="tutorial", num_agents=1, max_steps=500)
    pool = MapPool.for_training(config, MapPoolConfig(size=4, refresh=2), seed=1)
    sim = CogsGuardSim(config, 3, pool, seed=1)
    gc.collect()
    played = sim.state.games["map_slot"].copy()
    walls = [array[played].copy() for array in pool.compiled]
    for _ in range(200):
        pool.refresh(2)
    for before, array in zip(walls, pool.compiled, strict=True):
        np.testing.assert_array_equal(before, array[played])


def test_rewards_stay_within_the_rules_while_the_pool_renews_itself():
    config = CogsGuardConfig(mission="arena", num_agents=8, max_steps=300)
    pool = MapPool.for_training(config, MapPoolConfig(size=4, refresh=2), seed=1)
    sim = CogsGuardSim(config, 4, pool, seed=1)
    rng = np.random.default_rng(0)
    for tick in range(900):
        sim.actions[:] = rng.integers(1, 5, sim.num_rows)
        sim.step()
        assert (np.abs(sim.rewards) <= 1 / config.max_steps + 1e-6).all()
        if tick % 20 == 0:
            pool.refresh(2)
