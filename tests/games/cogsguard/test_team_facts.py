import numpy as np
import pytest

from coglab.games.cogsguard import rules
from coglab.games.cogsguard.config import CogsGuardConfig, MapPoolConfig
from coglab.games.cogsguard.interface import COGSGUARD
from coglab.games.cogsguard.mapgen import MapPool
from coglab.games.cogsguard.sim import CogsGuardSim
from coglab.games.cogsguard.state import OWNED
from coglab.games.cogsguard.team_facts import TEAM_FACTS
from coglab.games.cogsguard.team_view import TeamFacts


@pytest.fixture
def sim():
    game = CogsGuardConfig(num_agents=4)
    maps = MapPool.for_training(game, MapPoolConfig(size=2), 1)
    return CogsGuardSim(game, 2, maps, seed=1)


def facts_of(sim, env):
    out = np.full((sim.num_rows, len(TEAM_FACTS)), -1.0, np.float32)
    TeamFacts(sim).write(env, env + 1, out)
    rows = slice(env * 4, env * 4 + 4)
    assert (np.delete(out, np.r_[rows], axis=0) == -1.0).all(), "rows of other games were written"
    assert (out[rows] == out[rows.start]).all(), "agents of one team got different facts"
    return dict(zip(TEAM_FACTS, out[rows.start].tolist(), strict=True))


def test_team_facts_are_what_the_team_holds(sim):
    state = sim.state
    junctions = int(sim.maps.compiled.info[state.map_slot[1]]["junctions"])
    state.tick[1] = 250
    state.junctions[1, 1, OWNED] = 5
    state.junctions[1, 0, OWNED] = 2
    state.stock[1] = 0
    state.stock[1, rules.HEART] = 15
    state.stock[1, rules.OXYGEN : rules.SILICON + 1] = (255, 3, 7, 15)
    state.inventory[4:8] = 0
    state.inventory[4, rules.HEART], state.inventory[4, rules.ALIGNER] = 6, 1
    state.inventory[5, rules.HEART], state.inventory[5, rules.SCRAMBLER] = 2, 1
    state.inventory[6, rules.CARBON], state.inventory[6, rules.MINER] = 40, 1
    state.inventory[7, rules.HP] = 200
    facts = facts_of(sim, 1)
    expected = {
        "elapsed": 0.25,
        "held_by_cogs": 5 / junctions,
        "held_by_clips": 2 / junctions,
        "held_by_nobody": 1 - 7 / junctions,
        "stock_hearts": 1.0,  # log2(1 + 15) / 4
        "stock_lowest_element": 0.25,  # log2(1 + 3) / 8
        "stock_oxygen": 1.0,
        "stock_carbon": 0.25,
        "stock_germanium": 0.375,
        "stock_silicon": 0.5,
        "hearts": 2.0,
        "cargo": 0.5,
        "with_aligner": 0.25,
        "with_scrambler": 0.25,
        "with_miner": 0.25,
        "with_scout": 0.0,
        "hp": 0.5,
        "hearts_of_aligners": 1.5,
        "hearts_of_scramblers": 0.5,
    }
    assert facts == pytest.approx(expected, abs=1e-6)


def test_networks_know_the_facts_by_the_same_names():
    assert COGSGUARD.team_facts == TEAM_FACTS
