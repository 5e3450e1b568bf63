"""Writing tokens in blocks."""

import numpy as np

from coglab.engine.blocks import (
    BLOCK,
    TOKENS_PER_BLOCK,
    compress_block,
    copy_tokens,
    fill_block,
    spread_tokens,
    store32,
)
from coglab.engine.jit import kernel


@kernel
def try_all(out, tokens, locations):
    fill_block(out[0], 3, np.uint8(9))
    copy_tokens(out[1], 2, tokens, 3, np.uint8(77))
    spread_tokens(out[2], 5, locations, 1, np.uint8(8), np.uint8(13))
    store32(out[3], 1, np.uint32(0x04030201))


def test_blocks_are_written_where_they_should_and_nowhere_else():
    out = np.zeros((4, 80), np.uint8)
    tokens = np.arange(1, 97, dtype=np.uint8)
    tokens[::3] = 0  # tokens of location 0
    locations = np.arange(100, 150, dtype=np.uint8)
    try_all(out, tokens, locations)
    assert out[0].tolist() == [0] * 3 + [9] * BLOCK + [0] * 13
    expected = tokens[3 : 3 + BLOCK].copy()
    expected[::3] = 77
    assert out[1].tolist() == [0, 0, *expected.tolist(), *[0] * 14]
    written = out[2, 5 : 5 + 3 * TOKENS_PER_BLOCK].reshape(-1, 3)
    assert written.tolist() == [[101 + i, 8, 13] for i in range(TOKENS_PER_BLOCK)]
    assert not out[2, :5].any()
    assert not out[2, 5 + BLOCK :].any()
    assert out[3, :6].tolist() == [0, 1, 2, 3, 4, 0]


@kernel
def compress(out, source, masks):
    for i in range(len(masks)):
        compress_block(out[i], 3, source, 1, masks[i])


def test_compressing_writes_the_chosen_bytes_one_behind_the_other():
    rng = np.random.default_rng(0)
    source = rng.integers(0, 256, 70).astype(np.uint8)
    chosen = rng.random((200, BLOCK)) < rng.random((200, 1))
    chosen[0], chosen[1] = False, True
    masks = np.packbits(chosen, axis=1, bitorder="little").view(np.uint64).ravel()
    out = np.zeros((200, 3 + BLOCK + 5), np.uint8)
    compress(out, source, masks)
    for row, which in zip(out, chosen, strict=True):
        assert row[3 : 3 + which.sum()].tolist() == source[1 : 1 + BLOCK][which].tolist()
        assert not row[:3].any()
        assert not row[3 + BLOCK :].any()
