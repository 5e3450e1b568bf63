"""dinky: the contract, what it decides from, hand-made situations, and how strong it is."""

import numpy as np
import pytest

from coglab.engine.jit import IS_COMPILED
from coglab.games.machina1.config import Machina1Config
from coglab.games.machina1.mapgen import MapPool
from coglab.games.machina1.mapgen.ceiling import material_ceiling
from coglab.games.machina1.memory import MapMemory
from coglab.games.machina1.memory_layout import ROUTE_CLASSES
from coglab.games.machina1.sim import Machina1Sim
from coglab.games.machina1.teachers import make_teacher
from coglab.testing import check_teacher
from tests.games.machina1.little_world import DO, World
from tests.games.machina1.test_traces import load

pytestmark = pytest.mark.skipif(not IS_COMPILED, reason="too slow as plain Python")

SOLO = "metta://policy/dinky:v15"
QUARTET = "metta://policy/dinky:v15?style=quartet"
NORTH, SOUTH, WEST, EAST = (DO[f"move_{name}"] for name in ("north", "south", "west", "east"))
HEART_A, HEART_B, DEFAULT = (
    DO[f"change_vibe_{vibe}"] for vibe in ("heart_a", "heart_b", "default")
)
LOAD = {"carbon": 10, "oxygen": 10, "germanium": 2, "silicon": 30}
SHARE = {"carbon": 7, "oxygen": 7, "germanium": 2, "silicon": 19}


class Play:
    """A world with a teacher that has seen its present observation."""

    def __init__(self, text, uri=SOLO, **config):
        self.world = World(text, **config)
        self.teacher = make_teacher(uri, self.world.sim)
        self.is_new = True

    def ask(self, agent=0):
        """The actions that are right for an agent now."""
        reset = np.full(self.world.sim.num_rows, self.is_new)
        self.is_new = False
        self.teacher.observe(reset)
        self.teacher.label(reset)
        mask = int(self.teacher.label_mask[agent])
        actions = {action for action in range(32) if mask >> action & 1}
        assert int(self.teacher.labels[agent]) in actions
        return actions

    def goal(self, agent=0):
        number = self.teacher.goals[agent]
        return ROUTE_CLASSES[number].name if number >= 0 else None


def shown(text, uri=SOLO, *, vibes=(), agents=1, **held):
    """A play in which the first agents hold the same things, as they see it after a tick of nothing."""
    play = Play(text, uri)
    for agent in range(agents):
        play.world.give(agent=agent, **held)
    play.world.show(*vibes)
    play.world.step()
    return play


ROOM = "######### #....A..# #.......# #..@..X.# #.......# #########"


@pytest.mark.parametrize("uri", [SOLO, QUARTET])
def test_the_teacher_keeps_the_contract(uri):
    report = check_teacher(lambda sim: make_teacher(uri, sim), game=Machina1Config(), ticks=400)
    assert not report.failed


def test_a_held_heart_is_shown_and_carried_to_the_chest():
    play = shown(ROOM, heart=1)
    assert play.ask() == {HEART_B}
    play.world.step(HEART_B)
    assert play.ask() == {EAST}
    assert play.goal() == "chest"


def test_all_first_moves_of_shortest_ways_are_right():
    play = shown(ROOM, vibes=["heart_a"], **LOAD)
    assert play.ask() == {EAST, NORTH}
    assert play.goal() == "assembler"


def test_with_a_full_load_heart_a_is_shown():
    assert shown(ROOM, **LOAD).ask() == {HEART_A}
    short = {**LOAD, "germanium": 1}
    assert shown(ROOM, **short).ask() == {0}  # nothing to gather, nothing unknown


def test_when_nothing_is_left_the_label_does_not_count():
    play = shown(ROOM)
    assert play.ask() == {0}
    assert play.teacher.label_weight[0] == 0
    assert play.goal() is None
    busy = shown(ROOM, **LOAD)
    busy.ask()
    assert busy.teacher.label_weight[0] == 1


MINE = "########### #A........# #.........# #.c..@...s# #.........# #........o# ###########"


def test_the_cheapest_of_the_missing_elements_is_gathered_first():
    assert shown(MINE).ask() == {WEST}
    assert shown(MINE, carbon=10).ask() == {EAST}
    play = shown(MINE, carbon=10, silicon=30)
    play.ask()
    assert play.goal() == "oxygen"
    # The carbon, of which a quartet needs 14, is 3 moves away, bump included; the oxygen 6.
    assert shown(MINE, QUARTET, carbon=13, silicon=38).ask() == {WEST}
    assert shown(MINE, QUARTET, carbon=14, silicon=38).ask() == {EAST, SOUTH}


def test_an_agent_waits_for_the_energy_that_silicon_takes():
    text = "####### #A....# #.....# #...@s# #.....# #######"
    assert shown(text, energy=21).ask() == {EAST}  # 22 after the tick's growth
    assert shown(text, energy=19).ask() == {0}


def test_an_agent_never_presses_an_extractor_that_cools_down():
    play = Play("####### #A....# #.....# #...@o# #.....# #######")
    assert play.ask() == {EAST}
    play.world.step(EAST)
    play.world.give(oxygen=0)
    play.world.step()
    assert play.ask() == {0}
    for _ in range(97):
        play.world.step()
        assert play.ask() == {0}
    play.world.step()
    assert play.ask() == {EAST}


def test_energy_is_fetched_when_it_is_short_or_near():
    near = "########### #A........# #.........# #..E.@.s..# #.........# ###########"
    for energy, goal in ((98, "silicon"), (74, "silicon"), (73, "charger"), (20, "charger")):
        play = shown(near, energy=energy)  # one more when it is asked
        play.ask()
        assert play.goal() == goal, energy
    far = "########### #A........# #.........# #E...@.s..# #.........# ###########"
    for energy, goal in ((60, "silicon"), (40, "charger")):
        play = shown(far, energy=energy)
        play.ask()
        assert play.goal() == goal, energy


def test_a_charger_is_pressed_until_energy_is_full():
    play = shown(
        "########### #A........# #.........# #...E@.s..# #.........# ###########", energy=20
    )
    presses = 0
    while play.ask() == {WEST}:
        play.world.step(WEST)
        presses += 1
    # 21, then 70 and 4 more with every press.
    assert presses == 8
    assert play.world.held("energy") == [98]


def test_unknown_ground_is_explored():
    play = Play("#" * 30 + " #A@" + "." * 26 + "# " + "#" * 30)
    assert play.ask() == {EAST}
    assert play.goal() == "explore"


RING = "######### #.......# #...@...# #..@A@..# #...@...# #.......# #...X...# #########"


def test_four_agents_press_together_and_not_before():
    play = shown(RING, QUARTET, agents=4, vibes=["heart_a"] * 3, **SHARE)
    for agent in range(4):
        play.world.give(agent=agent, **{name: 2 * amount for name, amount in SHARE.items()})
    play.world.step()
    assert play.ask(0) == {0}
    assert play.ask(3) == {HEART_A}
    play.world.step(0, 0, 0, HEART_A)
    assert [play.ask(agent) for agent in range(4)] == [{SOUTH}, {EAST}, {WEST}, {NORTH}]
    play.world.step(*play.teacher.labels)
    assert play.world.all_held("heart") == [1, 1, 1, 1]
    assert play.ask() == {HEART_B}
    play.world.step(HEART_B, HEART_B, HEART_B, HEART_B)
    for _ in range(40):
        play.ask()
        play.world.step(*play.teacher.labels)
    # All hearts are in the chest or made anew: every agent had a second share.
    assert play.world.chest("heart")[0] + sum(play.world.all_held("heart")) == 8


def test_a_team_that_cannot_pay_for_four_makes_fewer():
    play = shown(RING, QUARTET, agents=4, **SHARE)
    for agent in range(4):
        play.world.give(agent=agent, carbon=5, oxygen=5, germanium=1, silicon=15)
    for _ in range(6):
        play.ask()
        play.world.step(*play.teacher.labels)
    # 20, 20, 4 and 60 is the price of three.
    made = play.world.chest("heart")[0] + sum(play.world.all_held("heart"))
    assert made == 3
    assert play.world.all_held("carbon") == [0, 0, 0, 0]


def test_a_quartet_waits_for_the_fourth_only_so_long():
    text = "########### #.........# #....@....# #...@A@...# #.........# #.........# #.........# #....X....# ###########"
    play = shown(text, QUARTET, agents=3, **{name: 2 * amount for name, amount in SHARE.items()})
    made = []
    for _ in range(920):
        play.ask()
        play.world.step(*play.teacher.labels)
        made.append(sum(play.world.all_held("heart")))
    assert max(made[:890]) == 0
    assert max(made) == 3


def test_labels_do_not_depend_on_which_routes_others_asked_for():
    trace, _, _ = load("classic_quartet_2500")
    sim = World("##### #.A.# #@@@# #..@# #####").sim
    for uri in (SOLO, QUARTET):
        memory = MapMemory(4, 4)
        shares, keeps = make_teacher(uri, sim, memory), make_teacher(uri, sim)
        assert keeps.needs_update
        assert not shares.needs_update
        for tick in range(600):
            reset = np.full(4, tick == 0)
            memory.update(trace["obs"][tick], reset)
            memory.routes()
            keeps.memory.update(trace["obs"][tick], reset)
            shares.label(reset)
            keeps.label(reset)
            assert (shares.labels == keeps.labels).all(), tick
            assert (shares.label_mask == keeps.label_mask).all(), tick
            assert (shares.goals == keeps.goals).all(), tick


def play_episode(uri, maps, ticks, max_steps):
    """Hearts of each team after some ticks, and what their maps have material for, alone and together."""
    config = Machina1Config(max_steps=max_steps)
    pool = MapPool.for_evaluation(config, maps, first_seed=1_000_000)
    sim = Machina1Sim(config, maps, pool, seed=1, map_choice="by_env")
    teacher = make_teacher(uri, sim)
    reset = np.ones(sim.num_rows, np.bool_)
    for _ in range(ticks):
        teacher.observe(reset)
        teacher.label(reset)
        sim.actions[:] = teacher.labels
        sim.step()
        reset[:] = sim.terminated
    made = sim.episode.agent[:, :, sim.agent_stats.index("heart.gained")].sum(axis=1)
    counts = sim.maps.compiled.info["kind_count"][sim.state.games["map_slot"]]
    return made, material_ceiling(counts, 1), material_ceiling(counts, 4)


def test_a_thousand_ticks_bring_four_hearts_and_more():
    made, _, _ = play_episode(SOLO, 8, 1000, 1000)
    assert made.mean() / 4 >= 3.8
    made, _, _ = play_episode(QUARTET, 8, 1000, 1000)
    assert made.mean() / 4 >= 4.2


@pytest.mark.slow
def test_whole_episodes_use_up_what_the_maps_have():
    made, alone, _ = play_episode(SOLO, 16, 10_000, 10_000)
    assert made.sum() >= 0.99 * alone.sum()
    made, _, together = play_episode(QUARTET, 16, 10_000, 10_000)
    assert made.sum() >= 0.98 * together.sum()
