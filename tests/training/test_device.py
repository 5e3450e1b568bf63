"""In which precision matrices are multiplied."""

from __future__ import annotations

import pytest
import torch

from coglab.training import device


@pytest.mark.parametrize(
    ("has_matrix_units", "has_vectors", "kind", "expected"),
    [
        (True, True, "cpu", "medium"),
        (False, True, "cpu", "medium"),
        (False, False, "cpu", "highest"),
        (True, True, "cuda", "highest"),
    ],
)
def test_auto_rounds_factors_only_where_the_cpu_multiplies_them_faster(
    monkeypatch, has_matrix_units, has_vectors, kind, expected
):
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: has_matrix_units)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: has_vectors)
    assert device.choose_matmul_precision("auto", torch.device(kind)) == expected


def test_a_given_precision_is_taken_as_it_is():
    assert device.choose_matmul_precision("high", torch.device("cpu")) == "high"


def test_the_precision_ends_with_its_block_even_after_an_error():
    seen = []

    def fail() -> None:
        with device.matmul_precision("medium"):
            seen.append(torch.get_float32_matmul_precision())
            raise RuntimeError

    before = torch.get_float32_matmul_precision()
    with pytest.raises(RuntimeError):
        fail()
    assert seen == ["medium"]
    assert torch.get_float32_matmul_precision() == before
