"""Single rules of machina_1 on maps of a few cells. What the published game did there is in the names of the tests."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coglab.config.errors import UserError
from coglab.config.validate import build
from coglab.games.machina1.config import Machina1Config
from coglab.games.machina1.names import RESOURCES
from tests.games.machina1.little_world import World

ELEMENTS = ("carbon", "oxygen", "germanium", "silicon")
SHARE = {"carbon": 5, "oxygen": 5, "germanium": 1, "silicon": 15}


def energies(world, action, ticks):
    """The energy of the first agent after each of some ticks."""
    values = []
    for _ in range(ticks):
        world.step(action)
        values += world.held("energy")
    return values


QUARTET = World("@@.\n.A@\n@..")


# --- energy and moves ------------------------------------------------------------------------------------------------


def test_walking_costs_two_and_one_comes_back_each_tick():
    world = World("@..")
    assert world.step("move_east") == [True]
    assert world.held("energy") == [99]
    assert world.sim.state.col[0] == 1


def test_with_less_than_two_energy_nothing_can_be_done_every_other_tick():
    world = World("@....")
    world.give(energy=1)
    assert energies(world, "move_east", 4) == [2, 1, 2, 1]
    assert world.sim.state.col[0] == 2


@pytest.mark.parametrize("text", ["@#", "@@", "#@"])
def test_a_wall_an_agent_and_the_edge_cannot_be_entered_and_cost_nothing(text):
    world = World(text)
    world.give(energy=50)
    assert world.step("move_east")[0] is False
    assert world.held("energy") == [51]


def test_vibes_and_noop_are_free():
    world = World("@.")
    world.give(energy=0)
    assert world.step("change_vibe_gear") == [True]
    assert world.step("noop") == [True]
    assert world.held("energy") == [2]
    assert world.sim.state.vibe[0] == 12


def test_an_agent_that_leaves_its_cell_in_time_makes_room_for_the_next():
    outcomes = set()
    for seed in range(20):
        world = World("@@.", seed=seed)
        outcomes.add(tuple(world.step("move_east", "move_east")))
    assert outcomes == {(True, True), (False, True)}


def test_a_gift_of_80_to_30_becomes_59_and_51():
    world = World("@@")
    world.give(0, energy=80)
    world.give(1, energy=30)
    world.show("charger")
    assert world.step("move_east", "noop") == [True, True]
    assert world.all_held("energy") == [59, 51]
    assert world.sim.state.col.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("giver", "receiver", "vibe", "works"),
    [
        (80, 85, "charger", False),
        (80, 80, "charger", True),
        (19, 0, "charger", False),
        (20, 0, "charger", True),
        (80, 30, "default", False),
    ],
)
def test_a_gift_needs_twenty_and_room_for_twenty_and_the_vibe(giver, receiver, vibe, works):
    world = World("@@")
    world.give(0, energy=giver)
    world.give(1, energy=receiver)
    world.show(vibe)
    assert world.step("move_east")[0] is works
    after = [giver + 1, receiver + 1]
    if works:  # of exactly twenty nothing is left for the price of the move
        after = [max(giver - 22, 0) + 1, min(receiver + 21, 100)]
    assert world.all_held("energy") == after


# --- chargers and extractors -----------------------------------------------------------------------------------------


def test_a_charger_pressed_every_tick_gives_59_63_67_and_so_on():
    world = World("@E")
    world.give(energy=10)
    values = energies(world, "move_east", 14)
    assert values[:4] == [59, 63, 67, 71]
    assert values[-3:] == [99, 99, 99]


def test_a_charger_does_nothing_for_a_full_agent():
    world = World("@E")
    assert world.step("move_east") == [False]
    assert world.uses("charger") == 0


def test_a_carbon_extractor_gives_two_for_25_uses():
    world = World("@c")
    successes = 0
    for _ in range(27):
        world.give(energy=100)
        successes += world.step("move_east")[0]
    assert successes == 25
    assert world.held("carbon") == [50]
    assert world.seen(0, 1) == [(8, 2), (11, 0), (43, 2)]


def test_an_oxygen_extractor_pressed_every_tick_is_burnt_by_forty_ticks():
    world = World("@o")
    gains, before = {}, 0
    for tick in range(200):
        world.give(energy=100)
        world.step("move_east")
        now = world.held("oxygen")[0]
        if now > before:
            gains[tick] = now - before
        before = now
    assert gains == {0: 10, 10: 1, 20: 1, 30: 1, 40: 1}


def test_rested_oxygen_gives_all_again():
    world = World("@o")
    world.step("move_east")
    for _ in range(99):
        world.step("noop")
    assert world.seen(0, 1) == [(8, 6), (9, 1), (11, 4), (44, 10)]
    world.step("move_east")
    assert world.held("oxygen") == [20]


def test_silicon_turns_twenty_energy_into_one_and_fifteen_silicon():
    world = World("@s")
    world.give(energy=20)
    assert world.step("move_east") == [True]
    assert world.held("energy", "silicon") == [1, 15]


def test_silicon_needs_twenty_energy():
    world = World("@s")
    world.give(energy=19)
    assert world.step("move_east") == [False]
    assert world.held("energy", "silicon") == [20, 0]


def test_silicon_with_90_cargo_gives_ten_and_with_100_fails_for_free():
    world = World("@s")
    world.give(carbon=90)
    assert world.step("move_east") == [True]
    assert world.held("energy", "silicon") == [79, 10]
    assert world.step("move_east") == [False]
    assert world.held("energy") == [80]
    assert world.uses("silicon_extractor") == 1


def test_the_energy_for_silicon_comes_from_everyone_around_the_one_who_uses_it_first():
    world = World("@s\n@@")
    world.give(0, energy=50)
    world.give(1, energy=50)
    world.give(2, energy=3)
    world.step("move_east")
    # Three pay for 20: who has 3 pays that, the others 17, of which the user pays the odd one and 2 for its move.
    assert world.all_held("energy") == [50 - 9 - 2 + 1, 50 - 8 + 1, 3 - 3 + 1]
    assert world.all_held("silicon") == [15, 0, 0]


@pytest.mark.parametrize(("others", "made"), [("....", 2), ("@...", 3), ("@@..", 4), ("@@@@", 5)])
def test_germanium_grows_with_the_agents_around(others, made):
    world = World(f"@g{others[0]}\n{others[1:]}")
    user = 0
    assert world.seen(0, 1, agent=user)[-1] == (45, made)
    assert world.step("move_east")[user]
    assert world.held("germanium", agent=user) == [made]
    assert sum(world.all_held("germanium")) == made


def test_germanium_rests_for_two_hundred_ticks():
    world = World("@g")
    world.step("move_east")
    assert world.step("move_east") == [False]
    for _ in range(198):
        world.step("noop")
    assert world.seen(0, 1) == [(8, 5), (9, 1), (11, 4), (45, 2)]
    assert world.step("move_east") == [True]
    assert world.held("germanium") == [4]


# --- the assembler ---------------------------------------------------------------------------------------------------

AROUND = "@A@\n.@."


def crafters(*vibes, **config):
    """Three agents around the assembler, each with half of a solo heart's price, except for 15 silicon: exactly half."""
    world = World(AROUND, **config)
    for agent in range(3):
        world.give(agent, **SHARE)
    world.show(*vibes)
    return world


def test_two_of_three_agents_make_two_hearts_of_what_all_three_carry():
    world = crafters("heart_a", "heart_a", "default")
    assert world.step("move_east")[0]
    assert world.all_held("heart") == [1, 1, 0]
    for element in ELEMENTS:
        assert world.all_held(element) == [0, 0, 0]
    assert world.rewards() == [2, 2, 2]


def test_the_agent_without_the_vibe_can_press_for_the_two():
    world = crafters("heart_a", "default", "heart_a")
    assert world.step("noop", "move_west")[1]
    assert world.all_held("heart") == [1, 0, 1]


def test_a_heart_without_room_is_lost_at_the_full_price():
    world = crafters("heart_a", "heart_a", "default")
    world.give(1, heart=1)
    assert world.step("move_east")[0]
    assert world.all_held("heart") == [1, 1, 0]
    assert [sum(world.all_held(element)) for element in ELEMENTS] == [0, 0, 0, 0]
    assert world.rewards() == [1, 1, 1]


def test_another_vibe_beside_the_assembler_blocks_it():
    world = crafters("heart_a", "heart_a", "carbon_a")
    assert world.step("move_east")[0] is False
    assert world.seen(0, 1) == [(8, 1)]
    assert world.held("energy") == [100]


def test_nobody_has_room_for_a_heart():
    world = crafters("heart_a", "heart_a", "default")
    world.give(0, heart=1)
    world.give(1, heart=1)
    assert world.step("move_east")[0] is False
    assert world.held("carbon", "energy") == [5, 100]


def test_one_missing_unit_is_too_little():
    world = crafters("heart_a", "heart_a", "default")
    world.give(2, silicon=14)
    assert world.step("move_east")[0] is False


@pytest.mark.parametrize(
    ("vibers", "price"),
    [(1, (10, 10, 2, 30)), (2, (15, 15, 3, 45)), (3, (20, 20, 4, 60)), (4, (25, 25, 5, 75))],
)
def test_the_assembler_shows_and_takes_the_price_of_the_vibes_around_it(vibers, price):
    world = World("@@.\n@A.\n@..")
    world.show(*["heart_a"] * vibers)
    world.step("noop")
    shown = dict(world.seen(0, 1, agent=2))
    assert [shown[32 + RESOURCES.index(element)] for element in ELEMENTS] == list(price)
    assert shown[47] == vibers
    world.give(2, **dict(zip(ELEMENTS, price, strict=True)))
    if vibers > 2:  # more than one agent can carry
        world.give(2, silicon=0)
        world.give(3, silicon=price[3])
    assert world.step("noop", "noop", "move_east")[2]
    assert sum(world.all_held("heart")) == vibers
    assert [sum(world.all_held(element)) for element in ELEMENTS] == [0, 0, 0, 0]


def parts_of(price, held, order):
    """What each pays if they pay one unit each in turn, as long as they hold any, until the price is paid."""
    paid = dict.fromkeys(order, 0)
    while price > 0:
        for agent in order:
            if price > 0 and held[agent] > paid[agent]:
                paid[agent] += 1
                price -= 1
    return [paid[agent] for agent in sorted(order)]


@given(
    st.lists(st.tuples(*[st.integers(0, 25)] * 4), min_size=4, max_size=4), st.sampled_from([1, 2])
)
@settings(max_examples=40, deadline=None)
def test_a_price_is_shared_evenly_and_the_odd_units_begin_with_who_presses(cargo, user):
    world = QUARTET
    world.sim.reset()
    world.show(*["heart_a"] * 4)
    for agent, amounts in enumerate(cargo):
        world.give(agent, **dict(zip(ELEMENTS, amounts, strict=True)))
    world.give(0, silicon=60)  # so that some can pay
    held = {element: world.all_held(element) for element in ELEMENTS}
    price = dict(zip(ELEMENTS, (25, 25, 5, 75), strict=True))
    actions = ["noop"] * 4
    actions[user] = "move_south" if user == 1 else "move_west"
    can_pay = all(sum(held[element]) >= price[element] for element in ELEMENTS)
    assert world.step(*actions)[user] is can_pay
    for element in ELEMENTS:
        after = held[element]
        if can_pay:
            order = [(user + i) % 4 for i in range(4)]  # as one reads, from the user on, and round
            paid = parts_of(price[element], held[element], order)
            after = [old - part for old, part in zip(after, paid, strict=True)]
        assert world.all_held(element) == after


def test_five_are_too_many():
    world = World("@@@\n@A@")
    world.show(*["heart_a"] * 5)
    world.give(3, carbon=25, oxygen=25, germanium=5)
    world.give(4, silicon=75)
    assert world.step("noop", "noop", "noop", "move_east")[3] is False


def test_who_shows_nothing_gets_the_heart_of_a_single_vibe_if_it_presses():
    world = World("@A@")
    world.show("default", "heart_a")
    world.give(1, carbon=10, oxygen=10, germanium=2, silicon=30)
    assert world.step("move_east")[0]
    assert world.all_held("heart") == [1, 0]


@pytest.mark.parametrize(
    ("element", "gear"),
    [
        ("carbon", "decoder"),
        ("oxygen", "modulator"),
        ("germanium", "scrambler"),
        ("silicon", "resonator"),
    ],
)
def test_gear_is_made_by_two_vibes_and_goes_to_who_presses(element, gear):
    world = World("@A@")
    world.show(f"{element}_a", "gear")
    world.give(1, **{element: 1})
    assert world.step("move_east")[0]
    assert world.all_held(gear) == [1, 0]
    assert world.all_held(element) == [0, 0]


# --- the chest -------------------------------------------------------------------------------------------------------


def test_the_default_vibe_dumps_everything_but_energy_and_gear():
    world = World("@X")
    world.give(carbon=1, oxygen=2, germanium=3, silicon=4, heart=1, decoder=1)
    assert world.step("move_east") == [True]
    assert world.held("carbon", "oxygen", "germanium", "silicon", "heart") == [0] * 5
    assert world.chest("carbon", "oxygen", "germanium", "silicon", "heart") == [1, 2, 3, 4, 1]
    assert world.held("decoder") == [1]
    assert world.rewards() == [1]
    assert world.seen(0, 1) == [(8, 4), (14, 1), (16, 2), (18, 3), (20, 4), (22, 1)]
    assert world.step("move_east") == [False]


def test_silicon_a_takes_25_and_then_what_is_there():
    world = World("@X")
    world.fill_chest(silicon=40)
    world.show("silicon_a")
    world.step("move_east")
    assert world.held("silicon") == [25]
    world.step("move_east")
    assert world.held("silicon") == [40]
    assert world.step("move_east") == [False]


def test_what_is_taken_out_and_does_not_fit_is_lost():
    world = World("@X")
    world.fill_chest(carbon=30)
    world.give(silicon=95)
    world.show("carbon_a")
    assert world.step("move_east") == [True]
    assert world.held("carbon") == [5]
    assert world.chest("carbon") == [20]
    assert world.step("move_east") == [False]  # nothing fits: it is lost all the same
    assert world.chest("carbon") == [10]
    assert world.held("carbon", "energy") == [5, 100]


@pytest.mark.parametrize(
    ("vibe", "element", "moved"),
    [
        ("carbon_b", "carbon", 10),
        ("oxygen_b", "oxygen", 10),
        ("germanium_b", "germanium", 1),
        ("silicon_b", "silicon", 25),
    ],
)
def test_b_vibes_put_in_one_portion(vibe, element, moved):
    world = World("@X")
    world.give(**{element: 30})
    world.show(vibe)
    assert world.step("move_east") == [True]
    assert world.chest(element) == [moved]
    assert world.held(element) == [30 - moved]
    assert world.rewards() == [0]


def test_heart_b_delivers_a_heart_and_heart_a_does_not():
    world = World("@X")
    world.give(heart=1, carbon=5)
    world.show("heart_a")
    assert world.step("move_east") == [False]
    world.show("heart_b")
    assert world.step("move_east") == [True]
    assert (world.rewards(), world.chest("heart", "carbon")) == ([1], [1, 0])


@pytest.mark.parametrize("vibe", ["charger", "gear", "assembler", "symbol_151"])
def test_other_vibes_do_nothing_at_the_chest(vibe):
    world = World("@X")
    world.give(carbon=5)
    world.show(vibe)
    assert world.step("move_east") == [False]


def test_a_large_stock_is_shown_in_two_bytes():
    world = World("@X")
    world.fill_chest(silicon=1000)
    world.step("noop")
    assert world.seen(0, 1) == [(8, 4), (20, 1000 % 256), (21, 1000 // 256)]


# --- rewards and settings --------------------------------------------------------------------------------------------


def test_the_base_reward_pays_deliveries_only():
    world = crafters("heart_a", "heart_a", "default", reward="base")
    world.step("move_east")
    assert world.rewards() == [0, 0, 0]
    delivery = World("@X", reward="base")
    delivery.give(heart=1)
    delivery.step("move_east")
    assert delivery.rewards() == [1]


def test_the_diversity_bonus_pays_once_for_every_number_of_kinds():
    world = World("@.", diversity_bonus=True)
    paid = []
    for amounts in (
        {"carbon": 1},
        {"carbon": 0},
        {"oxygen": 1},
        {"silicon": 1, "germanium": 1},
        {"heart": 1},
        {"carbon": 1},
    ):
        world.give(**amounts)
        world.step("noop")
        paid.append(round(float(world.sim.rewards[0]), 5))
    # kinds held: 2, 1, 2, 4, 5, 6
    assert paid == [0.17, 0, 0, 0.78, 0.97, 0]


def test_the_diversity_bonus_is_off_by_default():
    world = World("@.")
    world.give(carbon=1, oxygen=1)
    world.step("noop")
    assert world.rewards() == [0]


def test_thirteen_vibes_make_eighteen_actions():
    world = World("@.", vibes=13)
    assert world.sim.num_actions == 18
    assert world.sim.action_names[-1] == "change_vibe_gear"
    assert world.step(17) == [True]
    assert world.step(18) == [False]
    assert world.sim.state.vibe[0] == 12
    assert World("@.").sim.num_actions == 157
    assert World("@.").step(156) == [True]


def test_another_number_of_vibes_is_refused():
    with pytest.raises(UserError, match=r"expected \(152 for all, 13 for those"):
        build(Machina1Config, {"vibes": "14"})


# --- observation -----------------------------------------------------------------------------------------------------


def test_the_compass_points_to_the_middle_of_the_map():
    world = World("@....\n.....\n..@..\n.....\n....@")
    assert world.compass(agent=0) == [(1, 1, 1)]
    assert world.compass(agent=1) == []
    assert world.compass(agent=2) == [(-1, -1, 1)]
    world.step("move_south", "move_west", "move_west")
    world.step("move_south", "noop", "move_north")
    assert world.compass(agent=0) == [(0, 1, 1)]
    assert world.compass(agent=1) == [(0, 1, 1)]
    assert world.compass(agent=2) == [(-1, -1, 1)]


def test_globals_come_first_and_the_own_cell_next():
    world = World("@.#", max_steps=100)
    for _ in range(50):
        world.step("noop")
    world.step("move_east")
    assert world.sim.tokens[0, :6].tolist() == [
        [85, 2, 256 * 51 // 100],
        [85, 3, 4],
        [85, 4, 0],  # the reward is always shown as 0; on the middle cell there is no compass
        [85, 0, 0],
        [85, 1, 0],
        [85, 12, 99],
    ]
    assert world.sim.tokens[0, 7].tolist() == [86, 8, 8]
    assert (world.sim.tokens[0, 8:] == 255).all()


def test_what_others_hold_and_show_is_seen():
    world = World("@@")
    world.give(1, energy=7, silicon=9, heart=1)
    world.show("default", "symbol_17")
    world.step("noop", "noop")
    assert world.seen(0, 1) == [(0, 0), (1, 0), (6, 17), (8, 0), (12, 8), (20, 9), (22, 1)]


def test_a_crowded_view_is_cut_at_200_tokens():
    world = World("\n".join(["@@@@@@@@"] * 8))
    assert world.sim.num_agents == 64
    assert (world.sim.tokens[27, :, 1] != 255).all()
    game = world.sim.current_stats(0)["game"]
    assert game["tokens_dropped"] > 0
    assert game["tokens_written"] + game["tokens_free_space"] == 64 * 200


def test_an_episode_ends_by_the_rules_and_the_next_begins_at_once():
    world = World("@X", max_steps=3)
    world.give(heart=1)
    world.show("heart_b")
    for _ in range(3):
        assert not world.sim.terminated.any()
        world.step("move_east")
    assert world.sim.terminated.all()
    assert not world.sim.truncated.any()
    assert world.chest("heart") == [0]
    assert world.held("energy", "heart") == [100, 0]
    assert world.sim.final_tokens[0, 0].tolist() == [85, 2, 255]
    assert world.sim.tokens[0, 0].tolist() == [85, 2, 0]
    record = dict(zip(world.sim.agent_stats, world.sim.episode.agent[0, 0], strict=True))
    assert record["chest.heart.deposited_by_agent"] == 1
    assert record["action.move.failed"] == 2
    assert world.sim.episode.returns[0].tolist() == [1]


def test_nothing_of_an_episode_is_left_in_the_next():
    world = World("@c\noX", max_steps=40)
    start = world.sim.tokens.copy()
    rng = np.random.default_rng(3)
    for _ in range(40):
        world.sim.actions[:] = rng.integers(0, 17, 1)
        world.sim.step()
    np.testing.assert_array_equal(world.sim.tokens, start)
    assert not world.sim.state.uses.any()
    assert world.sim.state.uses_left[0].sum() == 25 + 5
