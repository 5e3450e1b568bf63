"""Replays of machina_1: every state is in them, they play again to the bit, events and pictures are right."""

from __future__ import annotations

import copy

import numpy as np
import pytest

from coglab.config import UserError
from coglab.evaluation.episodes import evaluate_policy
from coglab.evaluation.recording import Episode, make_cast, record, record_again
from coglab.games.machina1.config import Machina1Config
from coglab.games.machina1.names import RESOURCES, VIBES
from coglab.policies.uris import load_policy
from coglab.replay import file as replay_file
from coglab.replay import tracks
from coglab.replay.config import PictureConfig
from coglab.replay.export import export
from coglab.replay.history import History
from coglab.replay.machina1 import EVENT_NAMES, Machina1Reader
from coglab.replay.picture import Painter
from coglab.replay.resimulate import first_difference
from tests.games.machina1.little_world import World
from tests.replay.conftest import record_machina1

DINKY, NOOP = "metta://policy/dinky:v15", "metta://policy/noop"
LIMIT = 2_000_000


@pytest.fixture(scope="module")
def episode():
    """(document, states) of one episode of four agents."""
    return record_machina1()


def _agents(document):
    return [thing for thing in document["objects"] if "agent_id" in thing]


def test_every_state_of_the_simulator_is_in_the_document(episode):
    document, states = episode
    count = document["steps"] + 1
    for i, agent in enumerate(_agents(document)):
        for name, track in (
            ("col", agent["location"][0]),
            ("row", agent["location"][1]),
            ("vibe", agent["vibe_id"]),
        ):
            assert tracks.decode(track, count).tolist() == [int(s[name][i]) for s in states]
        for item in range(len(RESOURCES)):
            amounts = tracks.decode(agent["inventory"].get(str(item), 0), count)
            assert amounts.tolist() == [int(s["inventory"][i, item]) for s in states]
        actions = tracks.decode(agent["action_id"], count - 1)
        assert actions.tolist() == [int(s["actions"][i]) for s in states[1:]]
    assert max(s["actions"].max() for s in states) > 127  # such actions need more than a byte
    chest = 0
    for index, thing in enumerate(document["objects"][: -len(_agents(document))]):
        most = document["max_uses"][thing["type_id"]]
        if most:
            left = tracks.decode(thing["uses_left"], count)
            assert left.tolist() == [most - int(s["uses"][index]) for s in states]
        if "ready_at" in thing:
            ready = tracks.decode(thing["ready_at"], count)
            assert ready.tolist() == [int(s["ready_at"][index]) for s in states]
        if document["type_names"][thing["type_id"]] == "chest":
            for item in range(len(RESOURCES)):
                held = tracks.decode(thing["inventory"].get(str(item), 0), count)
                assert held.tolist() == [int(s["chests"][chest, item]) for s in states]
            chest += 1


def test_playing_again_gives_the_same_to_the_bit(episode):
    assert first_difference(episode[0]) is None


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"map_seed": 1_000_008}, "map"),
        ({"team": {"hearts_made": 1, "hearts_delivered": 0}}, "`team`"),
        ({"observation_crc32": 1}, "observation"),
    ],
)
def test_anything_else_is_noticed(episode, change, says):
    assert says in str(first_difference({**episode[0], **change}))


def test_another_action_is_noticed(episode):
    document = copy.deepcopy(episode[0])
    _agents(document)[1]["action_id"]["delta"][0] += 1
    assert first_difference(document) is not None


def test_a_game_that_nobody_knows_and_settings_of_another_are_refused(episode):
    with pytest.raises(UserError, match="cogsguard, machina1"):
        first_difference({**episode[0], "game": ["machina1"]})
    with pytest.raises(UserError):
        first_difference({**episode[0], "game": "cogsguard"})


def test_policies_of_roles_go_by_the_vibes_of_the_game():
    game = Machina1Config(num_agents=3)
    cast = make_cast([NOOP], {"heart_a": DINKY}, game)
    assert cast.choose(np.array([VIBES.index("heart_a"), 0, 140])).tolist() == [1, 0, 0]
    with pytest.raises(UserError, match="heart_b") as refused:
        make_cast([NOOP], {"heart": NOOP}, game)
    assert "symbol" not in str(refused.value)


def test_the_episodes_of_an_evaluation_are_recorded_as_they_were_played():
    game = Machina1Config(num_agents=2, max_steps=40)
    result = evaluate_policy(
        lambda: load_policy(DINKY), DINKY, game, maps=2, mode="sample", seed=5, keep_actions=True
    )
    document = record_again(result, 1, game, load_policy, seed=5, teacher_uri=DINKY, label="x")
    assert document["map_seed"] == 1_000_001
    assert first_difference(document) is None
    for number, agent in enumerate(_agents(document)):
        labels = tracks.decode(agent["teacher_action_id"], 40)
        np.testing.assert_array_equal(labels, result.actions[:, 1, number])


# --- events ----------------------------------------------------------------------------------------------------------


def _document(world, *ticks):
    reader = Machina1Reader(world.sim)
    reader.capture(0)
    for step, actions in enumerate(ticks, start=1):
        world.step(*actions)
        reader.capture(step)
    return reader.document(len(ticks))


def _events(document):
    return [[step, EVENT_NAMES[kind], agent, thing] for step, kind, agent, thing, _ in document["events"]]


def test_a_heart_is_made_by_its_maker_and_delivered_to_the_chest_beside():
    world = World("#####\n#A@X#\n#...#\n#####")
    world.give(carbon=10, oxygen=10, germanium=2, silicon=30)
    world.show("heart_a")
    document = _document(world, ("move_west",), ("change_vibe_heart_b",), ("move_east",))
    assert _events(document) == [[1, "heart_made", 0, 0], [3, "heart_delivered", 0, 1]]
    assert document["team"] == {
        "hearts_made": {"delta": [0, 1, 0, 0]},
        "hearts_delivered": {"delta": [0, 0, 0, 1]},
    }


def test_a_heart_that_is_taken_from_a_chest_was_not_made():
    world = World("#####\n#@X.#\n#...#\n#####")
    world.fill_chest(heart=1)
    world.show("heart_a")
    assert _events(_document(world, ("move_east",), ("noop",))) == []


def test_two_together_make_two_hearts_one_event_each():
    world = World("#####\n#@A@#\n#...#\n#####")
    for agent in range(2):
        world.give(agent, carbon=15, oxygen=15, germanium=3, silicon=45)
    world.show("heart_a", "heart_a")
    document = _document(world, ("move_east", "noop"))
    assert _events(document) == [[1, "heart_made", 0, 0], [1, "heart_made", 1, 0]]
    assert document["team"]["hearts_made"] == {"delta": [0, 2]}


def test_the_last_use_of_an_extractor_is_marked():
    world = World("#####\n#@o.#\n#...#\n#####")
    world.sim.state.uses[0, world.find("oxygen_extractor")] = 4
    document = _document(world, ("move_east",))
    assert _events(document) == [[1, "depleted", -1, 0]]
    assert document["objects"][0]["uses_left"] == {"delta": [1, -1]}
    assert tracks.decode(document["objects"][0]["ready_at"], 2).tolist() == [0, 101]  # rests 100 ticks


# --- pictures --------------------------------------------------------------------------------------------------------


def test_pictures_say_how_many_hearts_there_are(episode, tmp_path):
    document = copy.deepcopy(episode[0])
    document["team"] = {"hearts_made": [[0, 0], [20, 4], [60, 8]], "hearts_delivered": [[0, 0], [70, 1]]}
    document["events"] = [[20, 0, 1, 0, -1], [30, 3, -1, 5, -1], [70, 1, 2, 1, -1]]
    history = History(document)
    assert Painter(history).score(65).startswith("tick 65   hearts: 8 made, 0 delivered")
    assert history.key_moments() == [
        (0, "start"),
        (20, "half of all hearts made"),
        (30, "first extractor emptied"),
        (60, "the last heart made"),
        (70, "first heart delivered"),
        (document["steps"], "end"),
    ]
    paths = export(document, PictureConfig(ticks=(3,), sheet=True, cell_px=4), tmp_path / "a")
    assert [path.name for path in paths] == ["a-3.png", "a-moments.png"]


def test_an_extractor_is_painted_as_full_as_it_is(episode):
    document = copy.deepcopy(episode[0])
    name = document["type_names"].index("silicon_extractor")
    thing = next(thing for thing in document["objects"] if thing["type_id"] == name)
    thing["uses_left"] = [[0, 10], [50, 0]]
    painter = Painter(History(document), cell_px=16)
    col, row = thing["location"]
    place = [(index - first) * 16 + 8 for index, first in ((col, painter._left), (row, painter._top))]
    full, empty = (painter.paint(state).getpixel(tuple(place)) for state in (0, 50))
    assert sum(full) > 2 * sum(empty)


# --- size ------------------------------------------------------------------------------------------------------------


def _size(agents, ticks):
    """Bytes of an episode with thoughts as hard to compress as those of an undecided network."""
    game = Machina1Config(num_agents=agents, max_steps=ticks)
    cast = make_cast([DINKY], {}, game)
    document = record(
        Episode(game, cast, load_policy, map_seed=1_000_000, seed=0, teacher_uri=DINKY)
    )
    rng = np.random.default_rng(0)
    for agent in _agents(document):
        shares = np.zeros((ticks, len(document["action_names"])))
        shares[:, :18] = rng.dirichlet(np.full(18, 0.25), ticks)  # the actions that do anything
        percent = np.rint(100 * shares).astype(int)
        agent["probabilities"] = [tracks.encode(column) for column in percent.T]
        agent["value"] = tracks.encode(rng.normal(500, 30, ticks).astype(int))
    return len(replay_file.pack(document))


def test_a_hundredth_of_a_long_episode_says_how_large_it_will_be():
    short, longer = _size(8, 50), _size(8, 150)
    assert longer + (longer - short) / 100 * 9_850 < LIMIT


@pytest.mark.slow
@pytest.mark.parametrize("agents", [4, 8])
def test_a_long_episode_is_below_two_megabytes(agents):
    assert _size(agents, 10_000) < LIMIT
