"""Marks on the time line, in worlds where it is known what happens."""

from __future__ import annotations

import numpy as np

from coglab.games.cogsguard import rules
from coglab.replay.cogsguard import EVENT_NAMES, CogsGuardReader
from tests.games.cogsguard.little_world import DO, World


def _events(world, *ticks, before=None):
    reader = CogsGuardReader(world.sim)
    reader.capture(0)
    for step, actions in enumerate(ticks, start=1):
        world.step(*actions)
        reader.capture(step)
    document = reader.document(len(ticks))
    return [[step, EVENT_NAMES[kind], agent] for step, kind, agent, _, _ in document["events"]]


def test_aligning_a_junction_names_the_agent_beside_it():
    world = World("########\n#@J..H.#\n#@.....#\n########", max_steps=5)
    world.give(0, hp=100, energy=20, aligner=1, heart=2, influence=10)
    world.give(1, hp=100, energy=20)
    assert _events(world, ("move_east", "noop")) == [[1, "aligned", 0]]


def test_scrambling_a_junction_of_the_clips():
    world = World("########\n#@J..H.#\n#@.....#\n########", owner=rules.CLIPS, max_steps=5)
    world.give(0, hp=100, energy=20, scrambler=1, heart=2)
    world.give(1, hp=100, energy=20)
    assert _events(world, ("move_east", "noop")) == [[1, "scrambled", 0]]


def test_running_out_of_hp_loses_the_gear():
    world = World("#####\n#@..#\n#####", max_steps=5)
    world.give(0, hp=1, energy=20, miner=1)
    assert _events(world, ("noop",)) == [[1, "gear_lost", 0], [1, "collapsed", 0]]


def test_a_heart_from_the_stock_is_no_heart_that_was_made():
    stock = {"heart": 1, "oxygen": 10, "carbon": 10, "germanium": 10, "silicon": 10}
    world = World("#####\n#@C.#\n#####", stock=stock, max_steps=5)
    world.give(0, hp=100, energy=20)
    assert _events(world, ("move_east",), ("move_east",)) == [[2, "heart_made", 0]]


def test_buying_gear_and_emptying_an_extractor():
    world = World("######\n#O@A.#\n######", max_steps=5)
    world.give(0, hp=100, energy=20)
    world.set_left("oxygen_extractor", 1)
    events = _events(world, ("move_west",), ("move_east",))
    assert events == [[1, "depleted", -1], [2, "gear_gained", 0]]


def test_the_clips_take_a_junction_at_tick_ten():
    world = World("#####\n#@J.#\n#####", max_steps=100)
    noop = [("noop",)] * 10
    assert _events(world, *noop) == [[10, "clips_took", -1]]
    assert np.all(world.sim.state.tick == 10)
    assert DO["noop"] == 0
