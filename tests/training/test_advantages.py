import numpy as np
import pytest

from coglab.training.advantages import gtd_traces, learning_rewards, vtrace


def random_rows(seed=0, segments=3, ticks=9, dtype=np.float32):
    rng = np.random.default_rng(seed)
    shape = (segments, ticks)
    return {
        "reward": rng.normal(size=shape).astype(dtype),
        "done": rng.random(shape) < 0.25,
        "value": rng.normal(size=shape).astype(dtype),
        "bootstrap": rng.normal(size=segments).astype(dtype),
        "ratio": np.exp(rng.normal(size=shape)).astype(dtype),
    }


def advantage_by_definition(rows, s, t, rho_clip, c_clip, gamma, lam):
    """The sum over all later errors, each with its whole product of discounts and traces."""
    value = np.append(rows["value"][s], rows["bootstrap"][s]).astype(np.float64)
    ticks = rows["reward"].shape[1]
    total = 0.0
    for k in range(t, ticks):
        weight = 1.0
        for j in range(t, k):
            weight *= gamma * lam * min(c_clip, rows["ratio"][s, j]) * (not rows["done"][s, j])
        alive = not rows["done"][s, k]
        error = rows["reward"][s, k] + gamma * alive * value[k + 1] - value[k]
        total += weight * min(rho_clip, rows["ratio"][s, k]) * error
    return total


@pytest.mark.parametrize(("rho_clip", "c_clip"), [(1.0, 1.0), (2.0, 0.7), (0.5, 1.0)])
def test_vtrace_equals_its_definition(rho_clip, c_clip):
    rows = random_rows()
    out = np.empty_like(rows["reward"])
    vtrace(*rows.values(), rho_clip, c_clip, 0.97, 0.9, 0, 3, out)
    for s in range(3):
        for t in range(9):
            expected = advantage_by_definition(rows, s, t, rho_clip, c_clip, 0.97, 0.9)
            assert out[s, t] == pytest.approx(expected, abs=1e-5)


def test_on_policy_vtrace_is_generalised_advantage_estimation():
    rows = random_rows(1) | {
        "done": np.zeros((3, 9), np.bool_),
        "ratio": np.ones((3, 9), np.float32),
    }
    out = np.empty_like(rows["reward"])
    vtrace(*rows.values(), 1.0, 1.0, 0.97, 1.0, 0, 3, out)
    # With lambda 1 the return is the discounted sum of rewards up to the bootstrap.
    for s in range(3):
        total = float(rows["bootstrap"][s])
        for t in reversed(range(9)):
            total = rows["reward"][s, t] + 0.97 * total
            assert out[s, t] + rows["value"][s, t] == pytest.approx(total, abs=1e-5)


def test_vtrace_leaves_other_segments_alone():
    rows = random_rows()
    out = np.full_like(rows["reward"], 7.0)
    vtrace(*rows.values(), 1.0, 1.0, 0.97, 0.9, 1, 2, out)
    assert (out[[0, 2]] == 7.0).all()
    assert (out[1] != 7.0).all()


def test_the_forward_trace_exchanges_the_order_of_summation():
    rows = random_rows(2, dtype=np.float64)
    rho = np.minimum(rows["ratio"], 1.0)
    h = np.random.default_rng(5).normal(size=rho.shape)
    delta_lambda, z = np.empty_like(rho), np.empty_like(rho)
    gtd_traces(
        rows["reward"], rows["done"], rows["value"], rows["bootstrap"], h, rho, 0.97, 0.9,
        delta_lambda, z,
    )  # fmt: skip
    next_value = np.concatenate([rows["value"][:, 1:], rows["bootstrap"][:, None]], axis=1)
    delta = rows["reward"] + 0.97 * ~rows["done"] * next_value - rows["value"]
    np.testing.assert_allclose((h * delta_lambda).sum(1), (z * delta).sum(1), rtol=1e-12)
    # The backward scan is V-trace with the same clip for both weights.
    out = np.empty_like(rho)
    vtrace(*rows.values(), 1.0, 1.0, 0.97, 0.9, 0, 3, out)
    np.testing.assert_allclose(delta_lambda, out, rtol=1e-12)


def test_learning_rewards_are_scaled_and_carry_the_value_beyond_a_truncation():
    reward = np.array([[1.0, 2.0], [3.0, 4.0]], np.float32)
    truncated = np.array([[False, True], [False, False]])
    final_value = np.array([[9.0, 5.0], [9.0, 9.0]], np.float32)
    mean, out = np.zeros(2, np.float32), np.empty_like(reward)
    learning_rewards(reward, truncated, final_value, 10.0, 0.5, False, 0.1, mean, 2, 0, 2, out)
    np.testing.assert_allclose(out, [[10.0, 22.5], [30.0, 40.0]])
    assert (mean == 0).all()


def test_reward_centring_follows_each_row_through_the_rounds():
    rng = np.random.default_rng(0)
    num_rows, rounds, ticks = 3, 2, 4
    reward = rng.normal(size=(rounds * num_rows, ticks)).astype(np.float32)
    none = np.zeros(reward.shape, np.bool_)
    mean = np.array([0.0, 1.0, 2.0], np.float32)
    out = np.empty_like(reward)
    for first, last in ((0, 1), (1, 3)):
        learning_rewards(
            reward, none, reward, 2.0, 0.5, True, 0.1, mean, num_rows, first, last, out
        )
    for row in range(num_rows):
        expected = float(row)
        for r in range(rounds):
            for t in range(ticks):
                value = reward[r * num_rows + row, t]
                assert out[r * num_rows + row, t] == pytest.approx(
                    2.0 * (value - expected), abs=1e-5
                )
                expected += 0.1 * (value - expected)
        assert mean[row] == pytest.approx(expected, abs=1e-5)


def test_reward_centring_subtracts_the_mean_before_its_update_and_only_when_on():
    reward = np.array([[1.0, 0.0, 2.0]], np.float32)
    truncated, final = np.zeros((1, 3), np.bool_), np.zeros((1, 3), np.float32)
    for is_on, expected, mean_after in (
        (False, [10.0, 0.0, 20.0], 0.0),
        # means 0, 0.5, 0.25 before each reward; step 0.5
        (True, [10.0, -5.0, 17.5], 1.125),
    ):
        mean, out = np.zeros(1, np.float32), np.zeros((1, 3), np.float32)
        learning_rewards(reward, truncated, final, 10.0, 0.99, is_on, 0.5, mean, 1, 0, 1, out)
        np.testing.assert_allclose(out[0], expected)
        np.testing.assert_allclose(mean, [mean_after])
