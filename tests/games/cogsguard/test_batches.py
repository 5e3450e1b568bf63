"""Many games side by side: results do not depend on how they are batched, and can be resumed."""

import threading

import numpy as np
import pytest

from coglab.games.cogsguard.config import CogsGuardConfig
from coglab.games.cogsguard.mapgen import generate_map
from coglab.games.cogsguard.maps import MapTable
from coglab.games.cogsguard.sim import CogsGuardSim
from tests.games.cogsguard.test_traces import load

AGENTS = 8
CONFIG = CogsGuardConfig(num_agents=AGENTS, max_steps=40, reward_variants=("credit",))
OUTPUTS = ("tokens", "rewards", "success", "terminated", "truncated", "final_tokens")


@pytest.fixture(scope="module")
def table():
    return MapTable.from_grids([load(name)[0]["grid"] for name in ("arena_full", "arena_teacher")])


def actions_at(tick, first_env, num_envs):
    """Actions that depend on the tick and on the game's global id alone."""
    ids = np.arange(first_env, first_env + num_envs)[:, None] * AGENTS + np.arange(AGENTS)
    return ((ids * 2654435761 + tick * 40503) >> 7).ravel() % 12


def play(sim, ticks, first_tick=0, ranges=None):
    """Play and collect all outputs as [T, E, A, ...] by name."""
    seen = {name: [] for name in OUTPUTS}
    for tick in range(first_tick, first_tick + ticks):
        sim.actions[:] = actions_at(tick, sim.first_env_id, sim.num_envs)
        for first, last in ranges or [(0, sim.num_envs)]:
            sim.step(first, last)
        for name in OUTPUTS:
            shape = (sim.num_envs, AGENTS, *getattr(sim, name).shape[1:])
            seen[name].append(getattr(sim, name).reshape(shape).copy())
    return {name: np.stack(arrays) for name, arrays in seen.items()}


def make(table, num_envs, first_env_id=0, **options):
    return CogsGuardSim(
        CONFIG, num_envs, table, seed=5, first_env_id=first_env_id, desynchronize=True, **options
    )


def assert_same(ours, other):
    for name in OUTPUTS:
        np.testing.assert_array_equal(ours[name], other[name], name)


@pytest.fixture(scope="module")
def whole(table):
    return play(make(table, 6), 60)


def test_games_play_alike_alone_and_together(table, whole):
    for env in (0, 3, 5):
        alone = play(make(table, 1, first_env_id=env), 60)
        assert_same({name: array[:, env : env + 1] for name, array in whole.items()}, alone)


def test_the_order_of_ranges_does_not_matter(table, whole):
    assert_same(whole, play(make(table, 6), 60, ranges=[(4, 6), (1, 4), (0, 1)]))


def test_threads_that_own_ranges_change_nothing(table, whole):
    sim = make(table, 6)
    seen = {name: [] for name in OUTPUTS}
    for tick in range(60):
        sim.actions[:] = actions_at(tick, 0, 6)
        threads = [threading.Thread(target=sim.step, args=(i, i + 2)) for i in (0, 2, 4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for name in OUTPUTS:
            seen[name].append(
                getattr(sim, name).reshape(6, AGENTS, *getattr(sim, name).shape[1:]).copy()
            )
    assert_same(whole, {name: np.stack(arrays) for name, arrays in seen.items()})


@pytest.mark.parametrize("exact_order", [False, True])
def test_a_resumed_simulator_goes_on_bit_by_bit(table, exact_order):
    sim = make(table, 4, exact_order=exact_order)
    play(sim, 33)
    saved = sim.get_state()
    expected = play(sim, 30, first_tick=33)
    other = make(table, 4, exact_order=exact_order)
    play(other, 7)
    other.set_state(saved)
    assert_same(expected, play(other, 30, first_tick=33))
    for ours, theirs in zip(sim.episode, other.episode, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_reset_repeats_everything(table, whole):
    sim = make(table, 6)
    play(sim, 21)
    sim.reset()
    assert_same(whole, play(sim, 60))
    sim.reset(seed=6)
    assert not np.array_equal(play(sim, 60)["tokens"], whole["tokens"])


def test_only_the_first_episode_is_cut_and_cuts_are_spread(table):
    sim = make(table, 64)
    outputs = play(sim, 85)
    ends = outputs["truncated"].any(axis=2)
    assert (ends.sum(axis=0) <= 1).all()
    ticks = ends.argmax(axis=0)
    assert ends.any(axis=0).mean() > 0.9
    assert len(set(ticks.tolist())) > 20
    assert not (outputs["truncated"] & outputs["terminated"]).any()
    # Two episodes have ended in each game: the cut one and a whole one of 40 ticks.
    assert (sim.episode.count >= 2).all()
    assert (sim.episode.length == 40).all()


def test_map_choice_by_env_takes_map_i_for_game_i(table):
    sim = CogsGuardSim(CONFIG, 4, table, map_choice="by_env", first_env_id=3)
    assert sim.state.map_slot.tolist() == [1, 0, 1, 0]


def test_given_buffers_are_used_and_checked(table):
    tokens = np.zeros((2 * AGENTS, 200, 3), np.uint8)
    sim = CogsGuardSim(CONFIG, 2, table, buffers={"tokens": tokens})
    assert sim.tokens is tokens
    assert tokens[0, 0].tolist() == [85, 2, 0]
    with pytest.raises(ValueError, match=r"'rewards': expected .* float32 array of shape \(16,\)"):
        CogsGuardSim(CONFIG, 2, table, buffers={"rewards": np.zeros(16)})
    with pytest.raises(ValueError, match="C-contiguous"):
        CogsGuardSim(CONFIG, 2, table, buffers={"actions": np.zeros(32, np.int32)[::2]})
    with pytest.raises(ValueError, match="unknown buffers"):
        CogsGuardSim(CONFIG, 2, table, buffers={"reward": np.zeros(16, np.float32)})


def test_ranges_and_sizes_are_checked(table):
    sim = make(table, 2)
    for first, last in ((-1, 1), (0, 3), (2, 1)):
        with pytest.raises(ValueError, match="not within"):
            sim.step(first, last)
    with pytest.raises(ValueError, match="at least one game"):
        make(table, 0)
    with pytest.raises(ValueError, match="start cells"):
        CogsGuardSim(CogsGuardConfig(num_agents=3), 1, table)


def test_observations_of_a_crowd_are_cut_to_200_tokens():
    grid = np.full((12, 12), "junction", dtype="<U20")
    grid[3:6, 3:9] = "agent.agent"
    config = CogsGuardConfig(num_agents=18, max_steps=5)
    sim = CogsGuardSim(config, 1, MapTable.from_grids([grid]), seed=1)
    rng = np.random.default_rng(0)
    for _ in range(5):
        sim.actions[:] = rng.integers(0, 12, 18)
        sim.step()
    used = (sim.final_tokens[:, :, 0] != 255).sum(axis=1)
    assert used.max() == 200
    game = dict(zip(sim.game_stats, sim.episode.game[0], strict=True))
    assert game["tokens_dropped"] > 0
    assert game["tokens_written"] + game["tokens_free_space"] == 6 * 18 * 200


def test_mutable_memory_per_game_stays_small():
    grid = generate_map("machina_1", AGENTS, 1)
    sims = [CogsGuardSim(CONFIG, count, MapTable.from_grids([grid])) for count in (1, 3)]
    sizes = [sum(array.nbytes for array in sim.state) for sim in sims]
    assert (sizes[1] - sizes[0]) / 2 < 4096
