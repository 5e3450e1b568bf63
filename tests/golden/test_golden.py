"""Whole episodes and maps come out as they always did."""

import json

import pytest

from tests.golden.episodes import (
    EPISODES,
    MACHINA1_EPISODES,
    MAPS,
    PATH,
    episode_digest,
    machina1_digest,
    maps_digest,
)

DIGESTS = json.loads(PATH.read_text(encoding="utf-8"))
ADVICE = (
    "this changes what trained agents see. If it is meant: run `python -m tests.golden.episodes` and add a line to "
    "CHANGELOG.md under `Trained agents`"
)


@pytest.mark.parametrize("name", list(EPISODES))
def test_an_episode_comes_out_as_it_always_did(name):
    assert episode_digest(name) == DIGESTS[name], ADVICE


@pytest.mark.parametrize("name", list(MACHINA1_EPISODES))
def test_an_episode_of_machina1_comes_out_as_it_always_did(name):
    assert machina1_digest(name) == DIGESTS[name], ADVICE


@pytest.mark.parametrize("mission", list(MAPS))
def test_maps_come_out_as_they_always_did(mission):
    assert maps_digest(mission) == DIGESTS[f"maps of {mission}"], ADVICE
