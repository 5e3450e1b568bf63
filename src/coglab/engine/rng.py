"""Random numbers inside kernels: a cheap generator keyed by place, and MT19937 for episodes that must match bit by bit.

The cheap one is SplitMix64 (Steele, Lea, Flood 2014): a counter that a mixing function turns into numbers. One uint64
is its whole state, and any number of independent streams is made by hashing keys.
"""

from __future__ import annotations

import numpy as np

from coglab.engine.jit import add64, helper, multiply64

MT_WORDS = 624
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_S27, _S30, _S31, _S32 = np.uint64(27), np.uint64(30), np.uint64(31), np.uint64(32)
_LOW32 = np.uint64(0xFFFFFFFF)


@helper
def mix(x):
    """Return a well mixed uint64 of a uint64."""
    x = np.uint64(x)
    x = multiply64(x ^ (x >> _S30), _MIX_1)
    x = multiply64(x ^ (x >> _S27), _MIX_2)
    return x ^ (x >> _S31)


@helper
def stream_key(key, index):
    """Return the uint64 key of stream number `index` (an integer) under `key` (uint64)."""
    return mix(add64(key, multiply64(_GOLDEN, np.uint64(index + 1))))


@helper
def next_word(owner):
    """Advance the cheap generator `owner.rng` (a record's uint64) and return its next uint64."""
    owner.rng = add64(owner.rng, _GOLDEN)
    return mix(owner.rng)


@helper
def scale(word, n):
    """Map the upper half of a random uint64 to 0 .. n-1 (int64); n < 2**31, the bias is below n / 2**32."""
    return np.int64(((word >> _S32) * np.uint64(n)) >> _S32)


@helper
def shuffled_order(owner, n, out):
    """Fill out[:n] with a random permutation of 0 .. n-1, using the cheap generator `owner.rng`.

    One random word serves ten swaps: each swap takes the high digits of the fraction and leaves the low ones.
    """
    word = np.uint64(0)
    for k in range(n):
        if k % 10 == 0:
            word = next_word(owner)
        j = scale(word, k + 1)
        word = multiply64(word, np.uint64(k + 1))
        out[k] = out[j]
        out[j] = k


# --- MT19937 ---------------------------------------------------------------------------------------------------------


@helper
def mt_seed(words, owner, seed):
    """Seed a generator by one integer, the classic way.

    A generator is `words` ([624] uint32) and `owner.mt_position` (a record's int32).
    """
    value = np.int64(seed) & 0xFFFFFFFF
    words[0] = value
    for k in range(1, MT_WORDS):
        value = (1812433253 * (value ^ (value >> 30)) + k) & 0xFFFFFFFF
        words[k] = value
    owner.mt_position = MT_WORDS


@helper
def mt_next(words, owner):
    """Return the next 32-bit output of a generator, as int64."""
    if owner.mt_position >= MT_WORDS:
        for k in range(MT_WORDS):
            joined = (np.int64(words[k]) & 0x80000000) | (
                np.int64(words[(k + 1) % MT_WORDS]) & 0x7FFFFFFF
            )
            twisted = np.int64(words[(k + 397) % MT_WORDS]) ^ (joined >> 1)
            if joined & 1:
                twisted ^= 0x9908B0DF
            words[k] = twisted
        owner.mt_position = 0
    value = np.int64(words[owner.mt_position])
    owner.mt_position += 1
    value ^= value >> 11
    value ^= (value << 7) & 0x9D2C5680
    value ^= (value << 15) & 0xEFC60000
    return value ^ (value >> 18)


@helper
def mt_below(words, owner, n):
    """Return a number in 0 .. n-1 without bias (Lemire's method, as the GNU C++ library does it)."""
    product = mt_next(words, owner) * n
    threshold = (1 << 32) % n
    while (product & 0xFFFFFFFF) < threshold:
        product = mt_next(words, owner) * n
    return product >> 32


@helper
def mt_shuffle(words, owner, items, n):
    """Shuffle items[:n] in place as `std::shuffle` of the GNU C++ library does: two swaps per draw."""
    if n < 2:
        return
    k = 1
    if n % 2 == 0:
        j = mt_below(words, owner, 2)
        items[1], items[j] = items[j], items[1]
        k = 2
    while k < n:
        size = k + 1
        draw = mt_below(words, owner, size * (size + 1))
        j = draw // (size + 1)
        items[k], items[j] = items[j], items[k]
        j = draw % (size + 1)
        items[k + 1], items[j] = items[j], items[k + 1]
        k += 2
