"""Episodes that policies play and a recorder writes down."""

from __future__ import annotations

import numpy as np
import pytest

from coglab.config import UserError
from coglab.evaluation.episodes import evaluate_policy
from coglab.evaluation.recording import Episode, make_cast, pick_episodes, record, record_again
from coglab.games.cogsguard.config import CogsGuardConfig
from coglab.games.cogsguard.rules import VIBES
from coglab.policies.uris import load_policy
from coglab.replay import tracks
from coglab.replay.resimulate import first_difference

RANDOM, NOOP, MINER = "metta://policy/random", "metta://policy/noop", "metta://policy/miner"
GAME = CogsGuardConfig(num_agents=4, max_steps=60)


def _agents(document):
    return [thing for thing in document["objects"] if "agent_id" in thing]


def test_each_agent_is_played_by_its_own_policy():
    cast = make_cast([NOOP, RANDOM, NOOP, RANDOM], {}, GAME)
    assert (cast.uris, cast.by_agent) == ((NOOP, RANDOM), (0, 1, 0, 1))
    document = record(Episode(GAME, cast, load_policy, map_seed=1_000_000, seed=2))
    for index, agent in enumerate(_agents(document)):
        actions = tracks.decode(agent["action_id"], 60)
        assert (len(set(actions.tolist())) == 1) == (index % 2 == 0)
        assert agent["policy_id"] == index % 2


def test_a_role_is_played_by_its_policy_from_when_it_shows():
    cast = make_cast([RANDOM], {"miner": NOOP}, GAME)
    vibes = np.array([0, VIBES.index("miner"), VIBES.index("scout"), VIBES.index("miner")])
    assert cast.choose(vibes).tolist() == [0, 1, 0, 1]


@pytest.mark.parametrize(
    ("uris", "roles"), [([NOOP, NOOP], {}), ([], {}), ([NOOP], {"minor": NOOP})]
)
def test_a_cast_that_does_not_fit_is_refused(uris, roles):
    with pytest.raises(UserError, match=r"example|miner"):
        make_cast(uris, roles, GAME)


def test_a_driven_agent_does_what_its_driver_says():
    episode = Episode(GAME, make_cast([NOOP], {}, GAME), load_policy, map_seed=1_000_000, seed=2)
    episode.tick(driven={2: 9})
    assert episode.sim.state.vibe.tolist() == [0, 0, 4, 0]
    assert episode.decide() is episode.decide()


def test_the_episodes_of_an_evaluation_are_recorded_as_they_were_played():
    result = evaluate_policy(
        lambda: load_policy(MINER), MINER, GAME, maps=3, mode="sample", seed=5, keep_actions=True
    )
    for index in range(3):
        document = record_again(
            result, index, GAME, load_policy, seed=5, teacher_uri=MINER, label="x"
        )
        assert document["map_seed"] == 1_000_000 + index
        assert first_difference(document) is None
        last = [tracks.decode(agent["total_reward"], 61)[-1] for agent in _agents(document)]
        assert np.mean(last) * 1e-6 == pytest.approx(result.metrics["reward"][index], abs=1e-5)
        for number, agent in enumerate(_agents(document)):
            actions = tracks.decode(agent["action_id"], 60)
            np.testing.assert_array_equal(actions, result.actions[:, index, number])
            # The teacher is the policy here: its labels are the actions wherever it does not abstain.
            labels = tracks.decode(agent["teacher_action_id"], 60)
            np.testing.assert_array_equal(np.maximum(labels, 0), actions)


def test_best_median_and_worst_are_picked_by_reward():
    assert pick_episodes(np.array([3.0, 1.0, 2.0, 9.0])) == {"best": 3, "median": 2, "worst": 1}
    assert pick_episodes(np.array([3.0, 1.0])) == {"best": 0, "median": 1}
    assert pick_episodes(np.array([3.0])) == {"best": 0}
