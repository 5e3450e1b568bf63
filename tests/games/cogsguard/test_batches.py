"""A game does not depend on the others: batch size, order of ranges, threads, and what was played before."""

import threading

import numpy as np
import pytest

from coglab.games.cogsguard.config import CogsGuardConfig, MapPoolConfig
from coglab.games.cogsguard.mapgen import MapPool
from coglab.games.cogsguard.sim import CogsGuardSim

GAMES, AGENTS, TICKS = 5, 8, 70
CONFIG = CogsGuardConfig(mission="arena", num_agents=AGENTS, max_steps=30)
OUTCOMES = ("tokens", "final_tokens", "rewards", "terminated", "truncated", "success")


@pytest.fixture(scope="module")
def maps():
    return MapPool.for_training(CONFIG, MapPoolConfig(size=4), seed=3)


def make_sim(maps, num_envs=GAMES, **options):
    return CogsGuardSim(CONFIG, num_envs, maps, seed=9, desynchronize=True, **options)


def all_actions(seed=0):
    """[T, N] int32, mostly moves; some are out of range."""
    rng = np.random.default_rng(seed)
    actions = rng.integers(1, 5, (TICKS, GAMES * AGENTS))
    return np.where(rng.random(actions.shape) < 0.2, rng.integers(-1, 13, actions.shape), actions)


def play(sim, actions, step=CogsGuardSim.step):
    """Return copies of all outcomes of all ticks."""
    history = [[getattr(sim, name).copy() for name in OUTCOMES]]
    for row in actions:
        sim.actions[:] = row
        step(sim)
        history.append([getattr(sim, name).copy() for name in OUTCOMES])
    return history


def assert_equal(left, right):
    for tick, (a, b) in enumerate(zip(left, right, strict=True)):
        for name, x, y in zip(OUTCOMES, a, b, strict=True):
            np.testing.assert_array_equal(x, y, f"{name} at tick {tick}")


@pytest.mark.parametrize("exact_order", [False, True])
def test_a_game_is_the_same_alone_and_among_others(maps, exact_order):
    actions = all_actions()
    together = play(make_sim(maps, exact_order=exact_order), actions)
    for env in range(GAMES):
        rows = slice(env * AGENTS, (env + 1) * AGENTS)
        alone = make_sim(maps, 1, first_env_id=env, exact_order=exact_order)
        own = play(alone, actions[:, rows])
        assert_equal(own, [[array[rows] for array in tick] for tick in together])
        assert alone.episode.count[0] >= 2


def test_the_order_in_which_games_are_stepped_does_not_matter(maps):
    def backwards(sim):
        for first, last in ((4, 5), (1, 4), (1, 1), (0, 1)):
            sim.step(first, last)

    actions = all_actions()
    assert_equal(play(make_sim(maps), actions), play(make_sim(maps), actions, backwards))


def test_threads_do_not_matter(maps):
    def threaded(sim):
        workers = [
            threading.Thread(target=sim.step, args=part) for part in ((0, 2), (2, 3), (3, 5))
        ]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()

    actions = all_actions()
    assert_equal(play(make_sim(maps), actions), play(make_sim(maps), actions, threaded))


def test_a_reset_leaves_nothing_of_what_was_played(maps):
    fresh, used = make_sim(maps), make_sim(maps)
    play(used, all_actions(seed=1))
    used.reset(9)
    for name in OUTCOMES:
        np.testing.assert_array_equal(getattr(used, name), getattr(fresh, name), name)
    for own, other in zip(used.episode, fresh.episode, strict=True):
        np.testing.assert_array_equal(own, other)
    assert_equal(play(used, all_actions()), play(fresh, all_actions()))


def test_a_state_goes_on_only_in_its_own_mode_of_random_numbers(maps):
    exact, cheap = make_sim(maps, exact_order=True), make_sim(maps)
    assert (exact.exact_order, cheap.exact_order) == (True, False)
    assert bool(exact.get_state()["exact_order"])
    with pytest.raises(ValueError, match="saved with exact_order=True"):
        cheap.set_state(exact.get_state())


@pytest.mark.parametrize(
    ("buffers", "message"),
    [
        ({"tokens": np.zeros((8, 200, 3), np.int8)}, "'tokens': expected .* uint8 .* got int8"),
        ({"rewards": np.zeros(9, np.float32)}, r"'rewards': .*\(40,\), got float32 \(9,\)"),
        ({"actions": np.zeros(80, np.int32)[::2]}, "'actions': expected a C-contiguous"),
        ({"observations": np.zeros(1)}, r"unknown buffers \['observations'\]; known are"),
    ],
)
def test_a_wrong_buffer_is_refused_by_name(maps, buffers, message):
    with pytest.raises(ValueError, match=message):
        make_sim(maps, buffers=buffers)


def test_a_wrong_range_or_number_of_games_is_refused(maps):
    with pytest.raises(ValueError, match=r"games 3\.\.6 are not within 0\.\.5"):
        make_sim(maps).step(3, 6)
    with pytest.raises(ValueError, match="num_envs=0"):
        make_sim(maps, 0)
