import pytest

from coglab.games.cogsguard.config import CogsGuardConfig, MapPoolConfig
from coglab.games.cogsguard.mapgen import MapPool
from coglab.games.cogsguard.sim import CogsGuardSim


@pytest.fixture
def real_sim():
    """Two real games of three agents."""
    game = CogsGuardConfig(mission="tutorial", num_agents=3, max_steps=50)
    maps = MapPool.for_training(game, MapPoolConfig(size=2), seed=1)
    return CogsGuardSim(game, 2, maps, seed=1, desynchronize=False)
