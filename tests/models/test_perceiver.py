from __future__ import annotations

import torch

from coglab.games.cogsguard.interface import COGSGUARD
from coglab.models.components.obs_attr_embed_fourier import ObsAttrEmbedFourier
from coglab.models.components.obs_perceiver_latent import CrossAttention, ObsPerceiverLatent
from coglab.models.config import VitConfig
from coglab.models.spec import BuildSpec


def spec(in_width: int = 21, **sizes) -> BuildSpec:
    return BuildSpec(VitConfig(**sizes), COGSGUARD, None, in_width)


def test_absorbed_attention_equals_attention_with_keys_and_values():
    attention = CrossAttention(token_width=5, width=8, heads=2).double()
    latents = torch.randn(3, 8, dtype=torch.double)
    x = torch.randn(4, 6, 5, dtype=torch.double)
    bias = torch.zeros(4, 6, dtype=torch.double)
    bias[1, 3:] = -1e9
    q = attention.query(attention.norm(latents)).view(3, 2, 4)
    keys = torch.einsum("hcf,rkf->rkhc", attention.key, x)
    scores = torch.einsum("lhc,rkhc->rlhk", q, keys) / 2 + bias[:, None, None]
    value_and_output = attention.output.weight.view(8, 2, 5)
    values = torch.einsum("dhf,rkf->rkhd", value_and_output, x)
    expected = (
        torch.einsum("rlhk,rkhd->rld", torch.softmax(scores, -1), values) + attention.output.bias
    )
    torch.testing.assert_close(attention(latents, x, bias), expected)
    per_row = latents.expand(4, 3, 8).clone()
    torch.testing.assert_close(attention(per_row, x, bias), expected)


def test_tokens_become_21_channels_and_padding_becomes_zero():
    embed = ObsAttrEmbedFourier(spec(0))
    energy = COGSGUARD.feature_id("inv:energy")
    tokens = torch.tensor([[[85, energy, 128], [0, 8, 10], [255, 255, 255]]], dtype=torch.uint8)
    x, is_real = embed(tokens)
    assert x.shape == (1, 3, embed.out_width) == (1, 3, 21)
    assert is_real.tolist() == [[True, True, False]]
    centre, corner, padding = x[0]
    torch.testing.assert_close(centre[:8], embed.embedding[energy])
    torch.testing.assert_close(centre[8:20], torch.tensor([0.0, 1.0] * 6))
    assert centre[20] == 0.5
    torch.testing.assert_close(corner[8:10], torch.tensor([0.0, -1.0]), atol=1e-6, rtol=0)
    assert corner[20] == 1.0
    assert (padding == 0).all()


def test_the_order_of_tokens_and_the_amount_of_padding_do_not_matter():
    embed, perceiver = ObsAttrEmbedFourier(spec(0)), ObsPerceiverLatent(spec())
    tokens = torch.randint(0, 80, (3, 10, 3), dtype=torch.uint8)
    padded = torch.full((3, 30, 3), 255, dtype=torch.uint8)
    padded[:, 5:15] = tokens.flip(1)
    walls = torch.randint(0, 256, (3, 16), dtype=torch.uint8)
    torch.testing.assert_close(perceiver(*embed(tokens), walls), perceiver(*embed(padded), walls))


def test_walls_are_read_bit_by_bit():
    perceiver = ObsPerceiverLatent(spec())
    with torch.no_grad():
        perceiver.walls.weight.zero_()
        perceiver.walls.weight[0, 9] = 100.0
    x, is_real = torch.zeros(2, 4, 21), torch.ones(2, 4, dtype=torch.bool)
    walls = torch.zeros(2, 16, dtype=torch.uint8)
    walls[1, 1] = 0b10
    out = perceiver(x, is_real, walls)
    assert out[1, 0] - out[0, 0] > 90


def test_an_observation_without_tokens_gives_finite_numbers():
    perceiver = ObsPerceiverLatent(spec())
    out = perceiver(
        torch.zeros(2, 4, 21),
        torch.zeros(2, 4, dtype=torch.bool),
        torch.zeros(2, 16, dtype=torch.uint8),
    )
    assert torch.isfinite(out).all()
