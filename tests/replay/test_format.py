"""The file: what goes in comes out, and what is no replay is refused."""

from __future__ import annotations

import json
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coglab.config import UserError
from coglab.replay import file as replay_file
from coglab.replay import tracks


@given(st.lists(st.integers(-70_000, 70_000), min_size=1, max_size=60))
def test_a_track_gives_back_the_values_that_it_was_made_of(values):
    track = json.loads(json.dumps(tracks.encode(np.array(values))))
    assert tracks.decode(track, len(values)).tolist() == values


def test_the_three_forms_of_a_track():
    assert tracks.encode(np.array([7, 7, 7])) == 7
    assert tracks.encode(np.array([7] * 10 + [8] * 10)) == [[0, 7], [10, 8]]
    assert tracks.encode(np.array([7, 7, 8, 6])) == {"delta": [7, 0, 1, -2]}


@pytest.mark.parametrize(
    "track",
    [
        True,
        1.5,
        "7",
        None,
        [],
        [[1, 7]],
        [[0, 7], [0, 8]],
        [[0, 7], [4, 8]],
        [[0, 7, 1]],
        {"delta": [1, 2]},
        {"delta": [1, 2, 3, 0.5]},
        {},
    ],
)
def test_what_is_no_track_of_four_steps_is_refused(track):
    with pytest.raises(ValueError, match=r"expected|rise"):
        tracks.decode(track, 4)


def test_lists_are_written_when_they_change():
    assert tracks.encode_lists([[0], [0], [2, 0], [0]]) == [[0, [0]], [2, [2, 0]], [3, [0]]]


def test_a_file_gives_back_the_document(episode, tmp_path):
    document, _ = episode
    path = tmp_path / "deep" / "a.json.z"
    replay_file.write(path, replay_file.pack(document))
    assert replay_file.read(path) == document
    assert [entry.name for entry in path.parent.iterdir()] == ["a.json.z"]


def test_every_state_of_the_simulator_is_in_the_document(episode):
    document, states = episode
    count = document["steps"] + 1
    agents = [thing for thing in document["objects"] if "agent_id" in thing]
    assert [agent["agent_id"] for agent in agents] == [0, 1, 2, 3]

    def of_states(name, *index):
        return [int(state[name][index]) for state in states]

    for i, agent in enumerate(agents):
        assert tracks.decode(agent["location"][0], count).tolist() == of_states("col", i)
        assert tracks.decode(agent["location"][1], count).tolist() == of_states("row", i)
        assert tracks.decode(agent["vibe_id"], count).tolist() == of_states("vibe", i)
        for item in range(12):
            amounts = tracks.decode(agent["inventory"].get(str(item), 0), count)
            assert amounts.tolist() == of_states("inventory", i, item)
        actions = tracks.decode(agent["action_id"], count - 1)
        assert actions.tolist() == of_states("actions", i)[1:]
        success = tracks.decode(agent["action_success"], count - 1)
        assert success.tolist() == of_states("success", i)[1:]
        returns = tracks.decode(agent["total_reward"], count) * document["scales"]["total_reward"]
        exact = np.cumsum([state["rewards"][i] for state in states], dtype=np.float64)
        np.testing.assert_allclose(returns, exact, atol=1e-6)
    clips, cogs = document["collectives"]
    assert tracks.decode(clips["junctions"], count).tolist() == of_states("owned", 0)
    assert tracks.decode(cogs["junctions"], count).tolist() == of_states("owned", 1)
    for item, track in cogs["inventory"].items():
        assert tracks.decode(track, count).tolist() == of_states("stock", int(item))
    things = [thing for thing in document["objects"] if "agent_id" not in thing]
    for index, thing in enumerate(things):
        values = of_states("object_value", index)
        if document["type_names"][thing["type_id"]] == "junction":
            owners = [-1 if value == 255 else value for value in values]
            assert tracks.decode(thing["collective_id"], count).tolist() == owners
        elif "inventory" in thing:
            ((_, amounts),) = thing["inventory"].items()
            assert tracks.decode(amounts, count).tolist() == values


def test_what_policies_thought_is_kept_rounded(episode):
    document, _ = episode
    first, second, third = [thing for thing in document["objects"] if "agent_id" in thing][:3]
    assert "probabilities" not in first
    assert "value" not in first
    assert tracks.decode(first["teacher_action_id"], 150).tolist() == [-1] * 150
    assert tracks.decode(third["teacher_action_id"], 150).tolist() == [t % 12 for t in range(150)]
    assert second["value"] == 500
    assert third["value"] == -1250
    share = tracks.decode(second["probabilities"][3], 150)
    assert share.tolist() == [45 if tick % 12 == 3 else 5 for tick in range(150)]


def _packed(document, **changes):
    return zlib.compress(json.dumps({**document, **changes}).encode())


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"version": 2}, "version 2"),
        ({"format": "other"}, "no coglab replay"),
        ({"steps": -1}, "steps"),
        ({"steps": 10**9}, "steps"),
        ({"num_agents": True}, "num_agents"),
        ({"map_size": [10**6, 4]}, "map_size"),
        ({"map_size": 4}, "map_size"),
        ({"objects": {}}, "objects"),
    ],
)
def test_a_head_that_no_game_has_is_refused(episode, changes, says):
    with pytest.raises(UserError, match=says):
        replay_file.unpack(_packed(episode[0], **changes))


def test_damaged_files_are_refused_in_words(episode, tmp_path):
    packed = replay_file.pack(episode[0])
    for data, says in (
        (b"", "cut off"),
        (b"hello", "no replay"),
        (packed[:-40], "cut off"),
        (zlib.compress(b"hello"), "JSON"),
        (zlib.compress(b"[" * 100_000), "JSON"),
        (zlib.compress(b"[1]"), "no coglab replay"),
    ):
        with pytest.raises(UserError, match=says):
            replay_file.unpack(data)
    with pytest.raises(UserError, match="No such file"):
        replay_file.read(tmp_path / "none.json.z")


def test_a_small_file_that_unpacks_to_too_much_is_refused(monkeypatch):
    monkeypatch.setattr(replay_file, "_MAX_BYTES", 1000)
    with pytest.raises(UserError, match="unpacks to more"):
        replay_file.unpack(zlib.compress(b"[" + b" " * 5000 + b"]"))
