"""Random numbers of kernels."""

import numpy as np

from coglab.engine import rng
from coglab.engine.jit import kernel, records

OWNER = np.dtype([("rng", np.uint64), ("mt_position", np.int32)], align=True)


@kernel
def exact_outputs(words, owners, seed, out):
    rng.mt_seed(words, owners[0], seed)
    for i in range(out.shape[0]):
        out[i] = rng.mt_next(words, owners[0])


@kernel
def exact_shuffles(words, owners, seed, out):
    rng.mt_seed(words, owners[0], seed)
    for i in range(out.shape[0]):
        for k in range(out.shape[1]):
            out[i, k] = k
        rng.mt_shuffle(words, owners[0], out[i], out.shape[1])


@kernel
def cheap_orders(owners, out):
    for i in range(out.shape[0]):
        rng.shuffled_order(owners[0], out.shape[1], out[i])


def generator():
    return np.zeros(rng.MT_WORDS, np.uint32), records((1,), OWNER)


def test_the_exact_generator_is_mt19937():
    out = np.zeros(1500, np.int64)
    exact_outputs(*generator(), 5489, out)
    assert out[:3].tolist() == [3499211612, 581869302, 3890346734]  # the standard's own test values
    state = np.random.RandomState(5489)
    assert out.tolist() == state.randint(0, 2**32, 1500, dtype=np.uint64).tolist()


def test_exact_shuffles_are_uniform_and_draw_nothing_for_one_item():
    for count in (2, 3, 4, 7):
        out = np.zeros((2000, count), np.int64)
        exact_shuffles(*generator(), 1, out)
        assert (np.sort(out, axis=1) == np.arange(count)).all()
        for place in range(count):
            shares = np.bincount(out[:, place], minlength=count) / len(out)
            np.testing.assert_allclose(shares, 1 / count, atol=0.05)
    one, seed = np.zeros((3, 1), np.int64), 9
    words, owners = generator()
    exact_shuffles(words, owners, seed, one)
    assert owners["mt_position"][0] == rng.MT_WORDS


def test_cheap_orders_are_uniform_permutations():
    for count in (1, 2, 5, 13, 24):
        owners = records((1,), OWNER)
        out = np.zeros((4000, count), np.int64)
        cheap_orders(owners, out)
        assert (np.sort(out, axis=1) == np.arange(count)).all()
        for place in range(count):
            shares = np.bincount(out[:, place], minlength=count) / len(out)
            np.testing.assert_allclose(shares, 1 / count, atol=0.04)


def test_streams_of_neighbouring_keys_differ():
    keys = {
        int(rng.stream_key(np.uint64(key), index)) for key in range(100) for index in range(100)
    }
    assert len(keys) == 100 * 100
