"""The teachers are strong enough to be worth cloning: floors on held-out maps."""

from __future__ import annotations

import pytest

from benchmarks.teacher_ceiling import hearts_bound, reward_bound
from coglab.evaluation.episodes import evaluate_policy, paired_difference
from coglab.games.cogsguard.config import CogsGuardConfig
from coglab.games.cogsguard.mapgen import generate_map
from coglab.games.cogsguard.teachers.scores import read_scores
from coglab.policies.scripted import ScriptedPolicy

SMART = "metta://policy/cogsguard?gear=10"
TEAM = f"{SMART}&memory=team"
FULL = f"{SMART}&memory=full"


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


@pytest.mark.slow
@pytest.mark.parametrize("mission", ["arena", "machina_1"])
def test_knowing_the_whole_map_pays_and_stays_below_the_ceiling(mission):
    game = CogsGuardConfig(mission=mission, num_agents=8, max_steps=1000)
    full, team = (
        evaluate_policy(lambda uri=uri: ScriptedPolicy(uri), uri, game, maps=12, mode="greedy")
        for uri in (FULL, TEAM)
    )
    assert paired_difference(full, team, "reward").mean > 0
    for i, seed in enumerate(full.map_seeds):
        grid = generate_map(mission, 8, int(seed))
        assert full.metrics["reward"][i] <= reward_bound(grid, 8, 1000)
        assert 8 * full.metrics["heart.gained"][i] <= hearts_bound(grid)


def test_the_stored_scores_say_the_same():
    scores = read_scores()
    for uri, setting, reward in (
        (SMART, "arena", 0.32),
        (SMART, "machina_1", 0.14),
        (SMART, "machina_1_long", 0.60),
        (TEAM, "arena", 0.60),
        (TEAM, "machina_1", 0.27),
        (TEAM, "machina_1_long", 0.80),
    ):
        assert scores[uri][setting]["maps"] == 64
        assert scores[uri][setting]["reward"][0] >= reward
