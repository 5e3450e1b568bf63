"""The PettingZoo adapter."""

import warnings

import numpy as np
import pytest

pytest.importorskip("pettingzoo", reason="needs pettingzoo: pip install 'coglab[envs]'")
pytest.importorskip("gymnasium", reason="needs gymnasium: pip install 'coglab[envs]'")

from pettingzoo.test import parallel_api_test, parallel_seed_test

from coglab.envs import ParallelGame, parallel_env
from coglab.games.cogsguard.config import CogsGuardConfig, MapPoolConfig
from tests.testing.yard import yard_config, yard_maps, yard_sim


def yard_env(seed=0):
    return parallel_env(yard_config(), maps=yard_maps(), seed=seed)


def still(env):
    return dict.fromkeys(env.agents, 0)


def test_pettingzoo_finds_its_api_kept():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        parallel_api_test(yard_env(), num_cycles=100)


def test_pettingzoo_finds_seeds_kept():
    parallel_seed_test(yard_env, num_cycles=100)


def test_two_environments_with_one_seed_play_the_same_episodes():
    first, second = yard_env(), yard_env()
    first.reset(seed=11)
    second.reset(seed=3)
    second.step(still(second))
    second.reset(seed=11)
    rng = np.random.default_rng(0)
    for _ in range(3):
        while first.agents:
            actions = {name: int(rng.integers(12)) for name in first.agents}
            left, right = first.step(actions), second.step(actions)
            for name in first.possible_agents:
                assert np.array_equal(left[0][name], right[0][name])
            assert left[1:] == right[1:]
        left, right = first.reset()[0], second.reset()[0]
        assert all(np.array_equal(left[name], right[name]) for name in left)


def test_reset_without_a_seed_begins_another_episode():
    env = yard_env()
    starts = [env.reset(seed=1)[0]["agent_0"] for _ in range(2)]
    starts += [env.reset()[0]["agent_0"] for _ in range(8)]
    assert np.array_equal(starts[0], starts[1])
    assert any(not np.array_equal(starts[0], start) for start in starts)  # two maps to draw from


def test_the_last_observation_belongs_to_the_episode_that_ended():
    env = yard_env()
    env.reset(seed=0)
    while env.agents:
        tokens, _, terminated, truncated, infos = env.step(still(env))
    assert all(terminated.values())
    assert not any(truncated.values())
    assert tokens["agent_0"][0].tolist() == [85, 2, 255], "the episode is 255/255 done"
    assert infos["agent_1"]["stats"]["action.noop.success"] == env.sim.max_steps


def test_returned_observations_are_not_overwritten():
    env = yard_env()
    tokens = env.reset(seed=0)[0]["agent_0"]
    before = tokens.copy()
    env.step(still(env))
    assert np.array_equal(tokens, before)


def test_misuse_is_refused_with_a_reason():
    env = yard_env()
    with pytest.raises(ValueError, match="call `reset`"):
        env.step({})
    env.reset()
    with pytest.raises(ValueError, match=r"missing or unknown: \['agent_2'\]"):
        env.step({"agent_0": 0, "agent_1": 0})
    with pytest.raises(ValueError, match="whole numbers from 0 to 11"):
        env.step({"agent_0": 0.5, "agent_1": 0, "agent_2": 0})
    with pytest.raises(ValueError, match="num_envs=2"):
        ParallelGame(yard_sim(num_envs=2))


def test_a_stock_mission_runs():
    env = parallel_env(
        CogsGuardConfig(mission="tutorial", num_agents=1), maps=MapPoolConfig(size=2)
    )
    env.reset(seed=1)
    tokens, rewards, *_ = env.step({"agent_0": 1})
    assert env.observation_space("agent_0").contains(tokens["agent_0"])
    assert rewards == {"agent_0": 0.0}
