import re

import pytest

from coglab.config.errors import UserError
from coglab.games.cogsguard import stats as cogsguard
from coglab.games.machina1 import stats as machina1
from coglab.tracking.names import METRICS, PLACEHOLDERS, WINDOWS, check_name, find_metric, is_timing


@pytest.mark.parametrize(
    "name",
    [
        "env_agent/heart.gained",
        "env_collective/cogs/aligned.junction.held",
        "env_collective/cogs/aligned.junction.held_per_step",
        "overview/reward",
        "losses/approx_kl",
        "metric/agent_step",
    ],
)
def test_metrics_that_users_watch_are_in_the_table(name):
    check_name(name)


@pytest.mark.parametrize("stats", [cogsguard, machina1])
def test_every_statistic_of_a_game_is_in_the_table(stats):
    names = [f"env_agent/{name}" for name in stats.AGENT_STATS]
    names += [f"env_collective/cogs/{name}" for name in stats.COLLECTIVE_STATS]
    names += [f"env_game/{name}" for name in stats.GAME_STATS]
    assert [name for name in names if find_metric(name) is None] == []


def test_exact_names_win_over_patterns():
    assert find_metric("env_agent/heart.gained").better == "higher"
    assert find_metric("env_agent/carbon.gained").better == "none"


def test_a_pattern_accepts_only_the_words_it_stands_for():
    assert find_metric("env_agent/carbon.lost") is not None
    assert find_metric("env_agent/gold.lost") is None
    assert find_metric("env_agent/<resource>.lost") is None


def test_a_slip_of_the_finger_names_the_nearest_metric():
    with pytest.raises(UserError, match=r"losses/aprox_kl.*Did you mean `losses/approx_kl`"):
        check_name("losses/aprox_kl")


def test_speed_and_memory_are_marked_as_depending_on_the_machine():
    assert is_timing("overview/sps")
    assert is_timing("timing_per_epoch/frac/label")
    assert is_timing("monitor/memory_gb")
    assert not is_timing("overview/reward")
    assert not is_timing("unknown/name")


def test_every_row_of_the_table_is_complete():
    for name, metric in METRICS.items():
        assert metric.unit, name
        assert metric.window in WINDOWS, name
        assert metric.better in ("higher", "lower", "none"), name
        assert metric.meaning.endswith("."), name
        for placeholder in re.findall(r"<[^>]*>", name):
            assert placeholder in PLACEHOLDERS, name


def test_every_placeholder_is_used():
    used = {placeholder for name in METRICS for placeholder in re.findall(r"<[^>]*>", name)}
    assert used == set(PLACEHOLDERS)
