"""Random numbers by counter: a number depends on its key alone, not on who drew what before.

So what a row does is the same for any number of worker threads, and a resumed run needs no generator state.
"""

from __future__ import annotations

import numpy as np

from coglab.engine.jit import helper, kernel

SLICE_STREAM = 1
ACTION_STREAM = 2
SHUFFLE_STREAM = 3


@helper
def mix(x):
    """SplitMix64's output function: 64 well-mixed bits of a 64-bit counter."""
    x = np.uint64(x) + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


@helper
def unit(key, index):
    """A float64 in [0, 1) for one index of a stream."""
    bits = mix(np.uint64(key) ^ (np.uint64(index) * np.uint64(0xD1342543DE82EF95)))
    return np.float64(bits >> np.uint64(11)) * (1.0 / 9007199254740992.0)


def stream_key(*parts: int) -> np.uint64:
    """Hash of whole numbers that names a stream: `stream_key(seed, ACTION_STREAM, tick)`.

    Args:
        parts: numbers from 0 to 2**63 - 1; their order counts.

    Returns:
        The stream's key for `unit` and `uniforms`.
    """
    mask = (1 << 64) - 1
    key = 0
    for part in parts:
        x = ((key ^ int(part)) + 0x9E3779B97F4A7C15) & mask
        x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & mask
        x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & mask
        key = x ^ (x >> 31)
    return np.uint64(key)


@kernel
def uniforms(key, first_index, out):
    """Fill `out` f64[n] with the numbers of indices `first_index, first_index + 1, ...` of a stream."""
    for i in range(out.shape[0]):
        out[i] = unit(key, first_index + i)
