"""A 10,000-tick episode of 8 agents stays below 2 MB."""

from __future__ import annotations

import numpy as np
import pytest

from coglab.evaluation.recording import Episode, make_cast, record
from coglab.games.cogsguard.config import CogsGuardConfig
from coglab.policies.uris import load_policy
from coglab.replay import file as replay_file
from coglab.replay import tracks

LIMIT = 2_000_000


def _with_noisy_thoughts(document):
    """Add probabilities and values that are as hard to compress as those of an undecided network."""
    rng = np.random.default_rng(0)
    steps = document["steps"]
    for thing in document["objects"]:
        if "agent_id" in thing:
            shares = rng.dirichlet(np.full(12, 0.25), steps)
            percent = np.rint(100 * shares).astype(int)
            thing["probabilities"] = [tracks.encode(column) for column in percent.T]
            thing["value"] = tracks.encode(rng.normal(500, 30, steps).astype(int))
    return document


def _record(ticks):
    game = CogsGuardConfig(mission="machina_1", num_agents=8, max_steps=ticks)
    uri = "metta://policy/cogsguard?gear=10"
    cast = make_cast([uri], {}, game)
    episode = Episode(game, cast, load_policy, map_seed=1_000_000, seed=0, teacher_uri=uri)
    return _with_noisy_thoughts(record(episode))


def test_a_hundredth_of_a_long_episode_says_how_large_it_will_be():
    short, longer = (len(replay_file.pack(_record(ticks))) for ticks in (50, 150))
    per_tick = (longer - short) / 100
    assert longer + per_tick * 9_850 < LIMIT


@pytest.mark.slow
def test_a_long_episode_is_below_two_megabytes():
    assert len(replay_file.pack(_record(10_000))) < LIMIT
