import numpy as np
import pytest

from coglab.games.machina1.interface import MACHINA1
from coglab.games.machina1.names import VIBES
from coglab.games.machina1.team_facts import TEAM_FACTS
from coglab.games.machina1.team_view import TeamFacts
from tests.games.machina1.test_contract import yard_sim


def facts_of(sim, env):
    out = np.full((sim.num_rows, len(TEAM_FACTS)), -1.0, np.float32)
    TeamFacts(sim).write(env, env + 1, out)
    rows = slice(env * 3, env * 3 + 3)
    assert (np.delete(out, np.r_[rows], axis=0) == -1.0).all(), "rows of other games were written"
    assert (out[rows] == out[rows.start]).all(), "agents of one team got different facts"
    return dict(zip(TEAM_FACTS, out[rows.start].tolist(), strict=True))


def test_team_facts_are_what_the_team_has():
    sim = yard_sim(2, map_choice="by_env")
    state = sim.state
    state.tick[1] = 15
    state.uses_left[1, [2, 6, 5, 7]] = (25, 4, 0, 1)  # carbon, oxygen, germanium, silicon
    state.created[1, 5] = 24
    state.games["deposited"][1, 5] = 12
    state.inventory[3:6] = 0
    state.inventory[3, :6] = (30, 30, 0, 6, 90, 1)
    state.inventory[4, :6] = (90, 0, 15, 0, 0, 0)
    state.vibe[3:6] = [VIBES.index(name) for name in ("heart_a", "heart_a", "heart_b")]
    # The second map is the yard upside down: its assembler stands at (7, 4).
    state.row[3:6] = (6, 7, 8)
    state.col[3:6] = (3, 2, 5)
    expected = {
        "elapsed": 0.5,
        "carbon_left": 1.0,
        "oxygen_left": 0.8,
        "germanium_left": 0.0,
        "silicon_left": 0.1,
        "hearts_made": 0.5,  # 24 / 3 / 16
        "hearts_delivered": 0.25,
        "cargo_carbon": 1.0,  # 30 / 10 / 3
        "cargo_oxygen": 0.5,
        "cargo_germanium": 1.0,
        "cargo_silicon": 1.0,
        "lowest_share": 0.5,
        "energy": 0.4,
        "with_heart": 1 / 3,
        "near_assembler": 2 / 3,
        "near_for_hearts": 1 / 3,
        "showing_heart_a": 2 / 3,
        "showing_heart_b": 1 / 3,
    }
    assert facts_of(sim, 1) == pytest.approx(expected, abs=1e-6)


def test_networks_know_the_facts_by_the_same_names():
    assert MACHINA1.team_facts == TEAM_FACTS
