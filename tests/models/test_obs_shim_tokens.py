from __future__ import annotations

import itertools

import numpy as np
import pytest

from coglab.games.cogsguard.interface import COGSGUARD
from coglab.models.build import build_network
from coglab.models.components.obs_shim_tokens import NUM_TOKEN_IDS, ObsShimTokens
from coglab.models.config import FastConfig, VitConfig
from tests.models.joint_ids_twin import ids_of

EMPTY = np.full((1, 200, 3), 255, np.uint8)


def shim(map_memory: bool = False) -> ObsShimTokens:
    return ObsShimTokens(FastConfig(map_memory=map_memory), COGSGUARD)


def encode(parts: ObsShimTokens, tokens: np.ndarray, num_agents: int = 1) -> np.ndarray:
    encoder = parts.make_encoder(len(tokens), num_agents)
    out = encoder.allocate()
    encoder.encode(np.ascontiguousarray(tokens), np.ones(len(tokens), bool), 0, len(tokens), out)
    assert encoder.dropped == 0
    return out["ids"]


def observation(*tokens: tuple[int, int, int]) -> np.ndarray:
    array = EMPTY.copy()
    array[0, : len(tokens)] = tokens
    return array


def names(parts: ObsShimTokens, ids: np.ndarray) -> dict[str, int]:
    """Block name -> index within the block, for ids that occur."""
    found = {}
    for value in ids[ids > 0]:
        block = next(b for b in parts.rows.blocks if b.first <= value < b.first + b.rows)
        found[block.name] = int(value) - block.first
    return found


def test_ids_of_recorded_play_equal_the_slow_twin(recorded):
    parts = shim()
    blocks = {block.name: block.first for block in parts.rows.blocks}
    for tokens in (recorded["play"][::7].reshape(-1, 200, 3), recorded["crowd"]):
        for ids, tokens_of_row in zip(encode(parts, tokens), tokens.tolist(), strict=True):
            assert sorted(ids[ids > 0].tolist()) == ids_of(tokens_of_row, blocks, with_own=True)


def test_with_map_memory_the_window_has_the_same_facts_and_the_memory_states_the_own_ones(recorded):
    parts = shim(map_memory=True)
    blocks = {block.name: block.first for block in parts.rows.blocks}
    tokens = recorded["play"][0]
    for ids, tokens_of_row in zip(encode(parts, tokens, 4), tokens.tolist(), strict=True):
        window = ids[(ids > 0) & (ids < parts.num_token_rows)]
        assert sorted(window.tolist()) == ids_of(tokens_of_row, blocks, with_own=False)
        assert (ids >= parts.num_token_rows).sum() > 20


def test_blocks_do_not_overlap_and_fit_into_16_bits():
    for map_memory in (False, True):
        blocks = shim(map_memory).rows.blocks
        assert all(a.first + a.rows == b.first for a, b in itertools.pairwise(blocks))
        assert len({block.name for block in blocks}) == len(blocks)
        assert blocks[-1].first + blocks[-1].rows <= 2**15


def test_padding_stands_at_the_end(recorded):
    ids = encode(shim(), recorded["play"][0])
    assert ((ids[:, :-1] > 0) | (ids[:, 1:] == 0)).all()


def test_encoding_does_not_depend_on_how_rows_are_split(recorded):
    for config in (FastConfig(), FastConfig(map_memory=False), VitConfig(map_memory=True)):
        network = build_network(config)
        whole, parts = (network.make_encoder(8, 4) for _ in range(2))
        a, b = whole.allocate(), parts.allocate()
        for t in range(6):
            tokens, reset = recorded["play"][t], np.full(8, t == 0)
            whole.encode(tokens, reset, 0, 8, a)
            parts.encode(tokens, reset, 4, 8, b)
            parts.encode(tokens, reset, 0, 4, b)
        for name in a:
            np.testing.assert_array_equal(a[name], b[name])


def test_amounts_above_255_are_read_with_their_high_token():
    parts = shim()
    hp, stock = COGSGUARD.feature_id("inv:hp"), COGSGUARD.feature_id("inv:collective:carbon")
    full = names(parts, encode(parts, observation((85, hp, 144), (85, hp + 1, 1))))
    assert full["own_hp"] == 27  # 400, the last bucket
    rich = names(parts, encode(parts, observation((85, stock, 0), (85, stock + 1, 2))))
    assert rich["own_stock_carbon"] == 22  # 512: the bucket from 500


def test_directions_from_spawn_have_buckets_of_their_own():
    parts = shim()
    east, west = COGSGUARD.feature_id("lp:east"), COGSGUARD.feature_id("lp:west")
    buckets = {
        (feature, value): names(parts, encode(parts, observation((85, feature, value))))
        for feature in (east, west)
        for value in (1, 2, 8, 46, 200)
    }
    assert len({found["own_column_from_spawn"] for found in buckets.values()}) == 8
    assert "own_column_from_spawn" not in names(parts, encode(parts, EMPTY))


def test_features_that_the_game_does_not_describe_share_hashed_rows():
    parts = shim()
    found = names(parts, encode(parts, observation((85, 200, 3), (0, 201, 7))))
    assert "unknown" in found
    assert set(found) == {"unknown", "own_mode"}


def test_facts_beyond_the_fixed_number_are_counted():
    parts = shim()
    encoder = parts.make_encoder(1, 1)
    tokens = observation(*[((i % 11) * 16 + 2 + i // 110, 200, i) for i in range(200)])
    out = encoder.allocate()
    encoder.encode(tokens, np.ones(1, bool), 0, 1, out)
    assert (out["ids"] > 0).all()
    assert encoder.dropped == 201 - NUM_TOKEN_IDS


def test_row_ids_are_used_again_without_traces_of_the_observation_before(recorded):
    parts = shim()
    encoder = parts.make_encoder(1, 1)
    out = encoder.allocate()
    encoder.encode(recorded["crowd"][:1], np.ones(1, bool), 0, 1, out)
    encoder.encode(EMPTY, np.ones(1, bool), 0, 1, out)
    assert names(parts, out["ids"]) == {"own_mode": 0}


def test_token_encoder_packs_walls_and_copies_the_rest(recorded):
    network = build_network(VitConfig())
    tokens = np.concatenate([recorded["play"][3], recorded["crowd"][:8]])
    encoder = network.make_encoder(16, 1)
    out = encoder.allocate()
    encoder.encode(tokens, np.ones(16, bool), 0, 16, out)
    for row in range(16):
        real = tokens[row][tokens[row, :, 0] != 255]
        is_wall = (real[:, 1] == 8) & (real[:, 2] == 13)
        rest = real[~is_wall][:96]
        np.testing.assert_array_equal(out["tokens"][row, : len(rest)], rest)
        assert (out["tokens"][row, len(rest) :] == 255).all()
        cells = {int(loc) // 16 * 11 + int(loc) % 16 for loc in real[is_wall][:, 0]}
        bits = np.unpackbits(out["walls"][row], bitorder="little")
        assert set(np.flatnonzero(bits).tolist()) == cells
    lost = sum(
        max(0, int((~((t[:, 1] == 8) & (t[:, 2] == 13)) & (t[:, 0] != 255)).sum()) - 96)
        for t in tokens
    )
    assert encoder.dropped == lost > 0


@pytest.mark.parametrize("kind", ["fast", "vit"])
def test_shapes_are_as_the_spec_says(kind):
    network = build_network(FastConfig() if kind == "fast" else VitConfig(map_memory=True))
    encoder = network.make_encoder(6, 3)
    for name, array in encoder.allocate(5).items():
        shape, dtype = encoder.spec[name]
        assert array.shape == (5, *shape)
        assert array.dtype == dtype
    assert encoder.uses_map_memory
