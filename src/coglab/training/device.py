"""Where a network runs and in which precision."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import torch

from coglab.config import UserError
from coglab.models.ops.products import has_bfloat16_products

Device = torch.device
"""Where a network runs; named here for packages that do not import torch."""

Precision = Literal["float32", "bfloat16"]

MatmulPrecision = Literal["highest", "high", "medium"]
"""As in `torch.set_float32_matmul_precision`."""


def prepare_threads() -> None:
    """Give torch one thread per Python thread: the workers are the parallelism, and spinning pools fight over cores."""
    torch.set_num_threads(1)


def seed_weights(seed: int) -> None:
    """Seed torch's global generator, from which fresh networks draw their weights; nothing else draws from it."""
    torch.manual_seed(seed)


def choose_device(wanted: str) -> torch.device:
    """Turn `auto`, `cpu` or `cuda` into a device that is there.

    Args:
        wanted: `auto` takes a GPU if there is one.

    Raises:
        UserError: a GPU was asked for and none can be used.
    """
    available = torch.cuda.is_available()
    if wanted == "cuda" and not available:
        raise UserError(
            "system.device=cuda, but no usable GPU was found; use system.device=cpu or system.device=auto"
        )
    return torch.device("cuda" if wanted == "cuda" or (wanted == "auto" and available) else "cpu")


def choose_precision(
    wanted: Literal["auto", "float32", "bfloat16"], device: torch.device
) -> Precision:
    """Turn `auto` into `bfloat16` on GPUs that compute it natively, and into `float32` elsewhere.

    Args:
        wanted: `auto`, `float32` or `bfloat16`.
        device: where the network runs.
    """
    if wanted != "auto":
        return wanted
    return "bfloat16" if device.type == "cuda" and torch.cuda.is_bf16_supported() else "float32"


def choose_matmul_precision(
    wanted: Literal["auto", "highest", "high", "medium"], device: torch.device
) -> MatmulPrecision:
    """Turn `auto` into `medium` on CPUs with instructions for bfloat16, and into `highest` elsewhere.

    Matrix units (AMX) multiply three times as fast as float32 arithmetic, vector instructions (AVX-512 BF16) twice;
    learning is no worse (docs/log.md). Without them, rounding the factors would cost accuracy and gain nothing.

    Args:
        wanted: `auto` or one of the values that it stands for.
        device: where the network runs.
    """
    if wanted != "auto":
        return wanted
    is_faster = torch.cpu._is_amx_tile_supported() or has_bfloat16_products()
    return "medium" if device.type == "cpu" and is_faster else "highest"


@contextmanager
def matmul_precision(value: MatmulPrecision) -> Iterator[None]:
    """Multiply float32 matrices in this precision; afterwards as before. For the whole process."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(value)
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)
