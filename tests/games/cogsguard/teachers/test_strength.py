"""The teachers are strong enough to be worth cloning: floors on held-out maps."""

from __future__ import annotations

import pytest

from coglab.evaluation.episodes import evaluate_policy
from coglab.games.cogsguard.config import CogsGuardConfig
from coglab.games.cogsguard.teachers.scores import read_scores
from coglab.policies.scripted import ScriptedPolicy

SMART = "metta://policy/cogsguard?gear=10"
TEAM = f"{SMART}&memory=team"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("uri", "mission", "reward", "hearts"),
    [
        (SMART, "arena", 0.32, 6),
        (SMART, "machina_1", 0.14, 6),
        (TEAM, "arena", 0.60, 12),
        (TEAM, "machina_1", 0.27, 12),
    ],
)
def test_a_teacher_reaches_its_floor_in_a_thousand_ticks(uri, mission, reward, hearts):
    game = CogsGuardConfig(mission=mission, num_agents=8, max_steps=1000)
    result = evaluate_policy(lambda: ScriptedPolicy(uri), uri, game, maps=24, mode="greedy")
    assert result.interval("reward").mean >= reward
    assert result.interval("heart.gained").mean >= hearts


def test_the_stored_scores_say_the_same():
    scores = read_scores()
    for uri, setting, reward in (
        (SMART, "arena", 0.32),
        (SMART, "machina_1", 0.14),
        (SMART, "machina_1_long", 0.50),
        (TEAM, "arena", 0.60),
        (TEAM, "machina_1", 0.27),
        (TEAM, "machina_1_long", 0.75),
    ):
        assert scores[uri][setting]["maps"] == 64
        assert scores[uri][setting]["reward"][0] >= reward
