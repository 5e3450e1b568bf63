"""The Gymnasium adapters: one game as one agent, and many games as a vector environment."""

# ruff: noqa: E402  (what is imported below exists only if the library does)

import warnings

import numpy as np
import pytest

gymnasium = pytest.importorskip("gymnasium", reason="needs gymnasium: pip install 'coglab[envs]'")

from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode
from gymnasium.wrappers.vector import RecordEpisodeStatistics

from coglab.envs import TeamGame, VectorGames, team_env, vector_env
from tests.testing.yard import yard_config, yard_maps, yard_sim

GAMES, AGENTS, MAX_STEPS = 4, 3, 30
ROWS = GAMES * AGENTS


def yard_team():
    return team_env(yard_config(), maps=yard_maps())


def yard_vector(**options):
    return vector_env(yard_config(), GAMES, maps=yard_maps(), **options)


def random_actions(ticks=100):
    return np.random.default_rng(0).integers(0, 12, (ticks, ROWS))


def test_gymnasium_finds_its_env_api_kept():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings(
            "ignore", message=".*not within the .* registry.*"
        )  # nothing registers it
        warnings.filterwarnings("ignore", message=".*spec.*")
        check_env(yard_team())


def test_the_team_earns_the_mean_reward():
    env = yard_team()
    env.reset(seed=0)
    is_running = True
    while is_running:
        tokens, reward, terminated, truncated, info = env.step(env.action_space.sample())
        assert reward == pytest.approx(float(info["rewards"].mean()))
        is_running = not (terminated or truncated)
    assert tokens[0, 0].tolist() == [85, 2, 255]
    assert len(info["stats"]) == AGENTS
    with pytest.raises(ValueError, match="call `reset`"):
        env.step([0, 0, 0])


def test_the_team_adapter_shows_one_game():
    with pytest.raises(ValueError, match="num_envs=2"):
        TeamGame(yard_sim(num_envs=2))


def test_spaces_of_the_vector_environment_are_batched():
    envs = yard_vector()
    assert envs.num_envs == ROWS
    assert envs.single_observation_space == gymnasium.spaces.Box(0, 255, (200, 3), np.uint8)
    assert envs.observation_space.shape == (ROWS, 200, 3)
    assert envs.action_space == gymnasium.spaces.MultiDiscrete([12] * ROWS)
    assert envs.metadata["autoreset_mode"] is AutoresetMode.SAME_STEP


def test_steps_of_the_vector_environment_lie_in_its_spaces():
    envs = yard_vector()
    tokens, infos = envs.reset(seed=1)
    assert infos == {}
    envs.action_space.seed(0)
    for _ in range(2 * MAX_STEPS + 1):
        tokens, rewards, terminated, truncated, infos = envs.step(envs.action_space.sample())
        assert envs.observation_space.contains(tokens)
        assert (rewards.shape, rewards.dtype) == ((ROWS,), np.float32)
        assert (terminated.shape, terminated.dtype) == ((ROWS,), np.bool_)
        assert (truncated.shape, truncated.dtype) == ((ROWS,), np.bool_)
        assert infos["success"].shape == (ROWS,)


def test_one_seed_gives_one_outcome():
    def play(envs, seed):
        yield envs.reset(seed=seed)[0]
        for actions in random_actions():
            yield from envs.step(actions)[:4]

    first, second = yard_vector(), yard_vector()
    list(play(second, 8))
    for left, right in zip(play(first, 7), play(second, 7), strict=True):
        assert np.array_equal(left, right)
    assert any(
        not np.array_equal(a, b) for a, b in zip(play(first, 7), play(second, 8), strict=True)
    )


def test_an_episode_that_ends_is_followed_by_the_next_in_the_same_step():
    envs = yard_vector()
    envs.reset(seed=0)
    for actions in random_actions(MAX_STEPS):
        tokens, _, terminated, truncated, infos = envs.step(actions)
    assert terminated.all()
    assert not truncated.any()
    assert (tokens[:, 0] == [85, 2, 0]).all(), "the new episode has just begun"
    assert all(last[0].tolist() == [85, 2, 255] for last in infos["final_obs"])
    assert infos["_final_obs"].all()
    assert infos["_final_info"].all()
    assert infos["final_info"]["stats"]["action.noop.success"].shape == (ROWS,)
    assert "final_obs" not in envs.step(np.zeros(ROWS, int))[4]


def test_only_agents_of_games_that_ended_have_a_final_observation():
    envs = VectorGames(yard_sim(num_envs=GAMES, desynchronize=True, seed=3))
    seen = set()
    for actions in random_actions(MAX_STEPS):
        *_, infos = envs.step(actions)
        if "final_obs" in infos:
            mask = infos["_final_obs"]
            assert np.array_equal(
                mask.reshape(GAMES, AGENTS).any(1), mask.reshape(GAMES, AGENTS).all(1)
            )
            assert all(
                (last is not None) == has
                for last, has in zip(infos["final_obs"], mask, strict=True)
            )
            seen.add(int(mask.sum()))
    assert seen
    assert min(seen) < ROWS, "games end at different ticks"


def test_gymnasium_wrappers_count_episodes():
    envs = RecordEpisodeStatistics(yard_vector())
    envs.reset(seed=0)
    for actions in random_actions(MAX_STEPS):
        *_, infos = envs.step(actions)
    assert (infos["episode"]["l"] == MAX_STEPS).all()


def test_copies_are_kept_and_views_are_not():
    for copy in (True, False):
        envs = yard_vector(copy=copy)
        tokens = envs.reset(seed=0)[0]
        before = tokens.copy()
        envs.step(random_actions()[0])
        assert np.array_equal(tokens, before) == copy


def test_misuse_of_the_vector_environment_is_refused_with_a_reason():
    envs = yard_vector()
    with pytest.raises(ValueError, match="not a list"):
        envs.reset(seed=[0] * ROWS)
    with pytest.raises(ValueError, match="reset_mask"):
        envs.reset(options={"reset_mask": np.ones(ROWS, bool)})
    with pytest.raises(ValueError, match="expected 12 whole numbers"):
        envs.step(np.zeros(ROWS - 1, int))
