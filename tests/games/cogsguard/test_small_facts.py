"""Small facts of the rules, each on a map of a few cells."""

import numpy as np
import pytest

from coglab.games.cogsguard import rules
from coglab.games.cogsguard.rules import (
    ALIGNER,
    CARBON,
    ENERGY,
    GERMANIUM,
    HEART,
    HP,
    INFLUENCE,
    MINER,
    OXYGEN,
    SCOUT,
    SCRAMBLER,
    SILICON,
)
from tests.games.cogsguard.little_world import DO, World

ELEMENTS = [OXYGEN, CARBON, GERMANIUM, SILICON]


def test_far_from_everything_the_first_tick_leaves_20_energy_and_49_hp():
    world = World("@.")
    world.step("noop")
    assert world.held(ENERGY, HP) == [20, 49]


def test_in_the_square_of_the_hub_the_first_tick_leaves_20_energy_and_100_hp():
    world = World("@.H")
    world.step("noop")
    assert world.held(ENERGY, HP) == [20, 100]


@pytest.mark.parametrize("rows", [-10, 10])
@pytest.mark.parametrize("cols", [-10, 10])
def test_the_square_of_the_hub_reaches_its_corners_and_no_further(rows, cols):
    for extra_rows, extra_cols, hp in ((0, 0, 100), (np.sign(rows), 0, 49), (0, np.sign(cols), 49)):
        grid = np.full((30, 30), "empty", dtype="<U20")
        grid[15, 15] = "hub"
        grid[15 + rows + extra_rows, 15 + cols + extra_cols] = "agent.agent"
        world = World(grid)
        world.step("noop")
        assert world.held(HP) == [hp]


def test_without_gear_an_extractor_gives_one_per_move_and_nothing_to_a_full_hold():
    world = World("@O")
    for held in (1, 2, 3, 4, 4):
        world.give(energy=20)
        assert world.step("move_east") == [True]
        assert world.held(OXYGEN, ENERGY) == [held, 18]  # paid 3, regained 1
    assert world.left("oxygen_extractor") == [96]


def test_a_miner_that_takes_an_aligner_keeps_four_oxygen_only():
    world = World("@A", stock={"carbon": 10, "oxygen": 10, "germanium": 10, "silicon": 10})
    world.give(energy=20, hp=50, miner=1, oxygen=10, carbon=10, germanium=10, silicon=10)
    assert world.step("move_east") == [True]
    assert world.held(*ELEMENTS, ALIGNER, MINER) == [4, 0, 0, 0, 1, 0]
    assert world.stock(CARBON, OXYGEN, GERMANIUM, SILICON) == [7, 9, 9, 9]


def test_who_aligns_a_junction_stands_on_friendly_ground_in_the_same_tick():
    world = World("@J")
    world.give(energy=20, hp=50, aligner=1, influence=2, heart=2)
    assert world.step("move_east") == [True]
    assert world.held(ENERGY, HP, INFLUENCE, HEART, ALIGNER) == [20, 100, 11, 1, 1]
    assert world.owners() == [rules.COGS]


@pytest.mark.parametrize("missing", ["aligner", "influence", "heart"])
def test_aligning_needs_an_aligner_influence_and_a_heart(missing):
    world = World("@J")
    world.give(**{"energy": 20, "hp": 50, "aligner": 1, "influence": 1, "heart": 1, missing: 0})
    assert world.step("move_east") == [False]
    assert world.owners() == [rules.NEUTRAL]


def test_scrambling_takes_a_heart_and_leaves_the_junction_to_nobody():
    world = World("@J", owner=rules.CLIPS)
    world.give(energy=20, hp=150, scrambler=1, heart=1)
    assert world.step("move_east") == [True]
    assert world.owners() == [rules.NEUTRAL]
    assert world.held(HEART, HP) == [0, 149]


def test_the_chest_gives_ten_hearts_and_then_nothing_but_still_works():
    world = World("@C", stock={"heart": 15})
    for held in (*range(1, 11), 10, 10):
        world.give(energy=20, hp=90)
        assert world.step("move_east") == [True]
        assert world.held(HEART, ENERGY) == [held, 18]
    assert world.stock(HEART) == [5]


def test_without_hearts_in_stock_ten_of_each_element_make_one():
    world = World(
        "@C", stock={"heart": 0, "carbon": 10, "oxygen": 10, "germanium": 10, "silicon": 10}
    )
    world.give(energy=20, hp=90)
    assert world.step("move_east") == [True]
    assert world.held(HEART, ENERGY) == [1, 18]
    assert world.stock(*ELEMENTS) == [0, 0, 0, 0]
    assert world.step("move_east") == [False]
    assert world.held(HEART, ENERGY) == [1, 19]


def test_one_junction_held_pays_a_hundredth_per_tick_of_a_hundred():
    world = World("@J", max_steps=100)
    world.give(energy=20, hp=50, aligner=1, influence=1, heart=1)
    world.step("move_east")
    for _ in range(5):
        assert world.sim.rewards[0] == pytest.approx(0.01)
        world.step("noop")


def test_neighbours_that_move_into_each_other_both_fail_for_free():
    world = World("@@")
    world.give(energy=10)
    assert world.step("move_east", "move_west") == [False, False]
    assert world.held(ENERGY) == [11]


def test_the_rear_of_a_column_advances_only_if_the_front_acts_first():
    outcomes = set()
    for seed in range(8):
        world = World("@@...", seed=seed)
        order = tuple(world.step("move_east", "move_east"))
        world.check_places([(0, 1 if order[0] else 0), (0, 2)])
        outcomes.add(order)
    assert outcomes == {(True, True), (False, True)}


def test_losing_the_last_hp_costs_gear_hearts_and_what_gear_let_one_hold():
    world = World("@.")
    world.give(energy=5, hp=1, miner=1, heart=2, oxygen=5, carbon=20, germanium=3, silicon=10)
    world.step("noop")
    assert world.held(HP, MINER, HEART, *ELEMENTS) == [0, 0, 0, 4, 0, 0, 0]
    assert world.step("move_east") == [True]  # it keeps acting


def test_a_scout_that_dies_keeps_20_energy_and_an_aligner_no_influence():
    world = World("@.@")
    world.give(agent=0, energy=90, hp=1, scout=1)
    world.give(agent=1, energy=5, hp=1, aligner=1, influence=20)
    world.step("noop", "noop")
    assert world.held(SCOUT, ENERGY, agent=0) == [0, 20]
    assert world.held(ALIGNER, INFLUENCE, agent=1) == [0, 0]


def test_gear_bought_at_zero_hp_is_paid_and_not_received():
    world = World("@S", stock={"carbon": 10, "oxygen": 10, "germanium": 10, "silicon": 10})
    world.give(energy=20, hp=0)
    assert world.step("move_east") == [True]
    assert world.held(SCRAMBLER) == [0]
    assert world.stock(OXYGEN) == [7]


def test_an_emptied_extractor_is_gone_at_once():
    world = World("@O.")
    world.give(energy=20, hp=90, miner=1)
    world.set_left("oxygen_extractor", 10)
    assert world.step("move_east") == [True]
    assert world.left("oxygen_extractor") == [0]
    assert world.held(OXYGEN) == [10]
    world.give(energy=20)
    assert world.step("move_east") == [True]
    world.check_places([(0, 1)])


def test_a_junction_of_the_clips_hurts_and_takes_influence():
    world = World("@.J", owner=rules.CLIPS)
    world.give(energy=5, hp=50, aligner=1, influence=20)
    world.step("noop")
    assert world.held(HP, INFLUENCE) == [48, 0]


@pytest.mark.parametrize(("line", "hp"), [("H.@J", 99), ("J@.H", 100)])
def test_sources_act_in_reading_order(line, hp):
    world = World(line, owner=rules.CLIPS)
    world.give(energy=5, hp=100)
    world.step("noop")
    assert world.held(HP) == [hp]


def test_moves_need_three_energy_and_failed_moves_are_free():
    world = World("@#")
    world.give(energy=2)
    assert world.step("move_south") == [False]
    world.give(energy=3)
    assert world.step("move_east") == [False]
    assert world.held(ENERGY) == [4]


def test_the_edge_of_the_map_cannot_be_left():
    world = World("@")
    for direction in rules.MOVES:
        assert world.step(f"move_{direction}") == [False]
    world.check_places([(0, 0)])


def test_an_action_outside_the_list_does_nothing_and_counts_twice():
    world = World("@.")
    for action in (12, -1, 12, 2**31 - 1):
        assert world.step(action) == [False]
    stats = world.sim.current_stats(0)["agent"][0]
    assert stats["action.invalid_index"] == 8
    assert stats["action.invalid_index.12"] == 4
    assert stats["action.invalid_index.-1"] == 2
    assert "action.failed" not in stats
    assert "status.max_steps_without_motion" not in stats


def test_changing_to_the_vibe_one_has_succeeds_and_is_free():
    world = World("@.")
    world.give(energy=10)
    for _ in range(2):
        assert world.step("change_vibe_miner") == [True]
    assert world.held(ENERGY) == [12]
    assert world.sim.state.vibe[0] == rules.VIBES.index("miner")


def test_initial_stock_counts_as_deposited_and_credit_pays_for_it():
    world = World("@.", reward_variants=("credit",))
    world.step("noop")
    assert world.sim.rewards[0] == pytest.approx(0.08)
    assert world.sim.current_stats(0)["collective"]["cogs"]["carbon.deposited"] == 10


def test_a_stock_above_its_limit_is_cut_by_its_next_change():
    world = World("@H", wealth=1100)
    assert world.stock(*ELEMENTS) == [11000] * 4
    world.give(energy=20, hp=90)
    world.step("move_east")
    assert world.stock(*ELEMENTS) == [0, 0, 0, 10000]


def test_the_order_in_which_resources_were_acquired_is_shown():
    world = World("@OH")
    world.step("move_east")
    shown = [
        (feature, value) for _, feature, value in world.sim.tokens[0].tolist() if 16 <= feature < 40
    ]
    own = shown[:3]
    assert [feature for feature, _ in own] == [16 + 2 * OXYGEN, 16 + 2 * ENERGY, 16 + 2 * HP]


def test_every_action_name_is_known():
    assert len(DO) == rules.NUM_ACTIONS == 12
