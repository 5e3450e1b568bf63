"""A replay's seeds and actions give the same episode again; anything else is noticed and named."""

from __future__ import annotations

import copy

import numpy as np
import pytest

from coglab.config import UserError
from coglab.replay.resimulate import actions_of, first_difference
from tests.replay.conftest import record


def _agent(document, index):
    return [thing for thing in document["objects"] if "agent_id" in thing][index]


def test_playing_again_gives_the_same_to_the_bit(episode):
    assert first_difference(episode[0]) is None


def test_an_episode_that_was_broken_off_plays_again_as_far_as_it_went():
    recorder, _ = record(steps=40)
    recorder.steps = 25
    document = recorder.document()
    assert document["steps"] == 25
    document["observation_crc32"] = None  # belongs to the later end
    assert first_difference(document) == "`observation_crc32` differs"


def test_another_action_is_noticed(episode):
    document = copy.deepcopy(episode[0])
    agent = _agent(document, 1)
    agent["action_id"]["delta"][0] += 1
    assert first_difference(document) is not None


def test_another_seed_is_noticed(episode):
    assert first_difference({**episode[0], "seed": 4}) is not None


def test_another_map_is_noticed(episode):
    assert "map" in str(first_difference({**episode[0], "map_seed": 1_000_008}))


def test_a_changed_amount_is_named_with_its_step(episode):
    document = copy.deepcopy(episode[0])
    energy = _agent(document, 2)["inventory"]["0"]["delta"]
    energy[30] += 1
    energy[31] -= 1
    assert first_difference(document) == "`inventory` of agent 2 differs from step 30 on"


def test_a_changed_observation_is_noticed(episode):
    document = {**episode[0], "observation_crc32": episode[0]["observation_crc32"] ^ 1}
    assert first_difference(document) == "`observation_crc32` differs"


def test_a_text_map_is_played_again_from_the_replay_alone(tmp_path):
    path = tmp_path / "yard.map"
    path.write_text("#########\n#@..C..@#\n#..J.&..#\n#@.O...@#\n#########\n")
    recorder, _ = record(steps=60, mission=str(path))
    path.unlink()
    assert first_difference(recorder.document()) is None


def test_actions_are_read_as_they_were_given(episode):
    document, states = episode
    np.testing.assert_array_equal(actions_of(document), [state["actions"] for state in states[1:]])


@pytest.mark.parametrize(
    "damage",
    [
        lambda d: d.update(game="chess"),
        lambda d: _agent(d, 0).update(action_id="x"),
        lambda d: _agent(d, 0).update(agent_id=1),
        lambda d: _agent(d, 0).pop("action_id"),
        lambda d: d["config"].update(num_agents=3),
        lambda d: d["config"].update(max_steps=10),
        lambda d: d.update(map_seed="x"),
    ],
)
def test_a_damaged_replay_is_refused_in_words(episode, damage):
    document = copy.deepcopy(episode[0])
    damage(document)
    with pytest.raises(UserError):
        first_difference(document)


def test_no_path_in_a_replay_is_ever_opened(episode):
    config = {**episode[0]["config"], "mission": "/nowhere/at/all.map"}
    assert first_difference({**episode[0], "config": config}) is None
