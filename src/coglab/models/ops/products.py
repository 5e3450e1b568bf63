"""Products of float32 matrices on a CPU with bfloat16 factors, where the processor multiplies those faster.

`torch.set_float32_matmul_precision("medium")` allows bfloat16 factors; whether a product of float32 arrays then has
them is up to the library below, and on CPUs with vector instructions for bfloat16 but no matrix units it gains almost
nothing (docs/log.md). Here the factors are rounded first, each once for all products that it takes part in. Every
product is summed in float32, rounded to bfloat16, and added to float32.
"""

from __future__ import annotations

import torch
from torch import Tensor


def has_bfloat16_products() -> bool:
    """Whether this processor has instructions that multiply bfloat16 (AVX-512 BF16; AMX comes with them)."""
    return bool(torch.cpu._is_avx512_bf16_supported())


def as_factor(matrix: Tensor) -> Tensor:
    """Round a float32 matrix to bfloat16 if the precision of products allows it and this CPU gains by it.

    Args:
        matrix: any shape; other types than float32 stay as they are.
    """
    is_narrow = (
        matrix.dtype == torch.float32
        and torch.get_float32_matmul_precision() == "medium"
        and has_bfloat16_products()
    )
    return matrix.bfloat16() if is_narrow else matrix


def multiply(left: Tensor, right: Tensor, out: Tensor, bias: Tensor | None = None) -> None:
    """Write `left @ right + bias` to `out`.

    Args:
        left: `[R, K]`, from `as_factor`.
        right: `[K, C]`, from `as_factor`.
        out: `[R, C]`, in the type that the factors had before.
        bias: `[C]`, in the type of `out`; left out, nothing is added.
    """
    if left.dtype != out.dtype:
        product = torch.mm(left, right)
        if bias is None:
            out.copy_(product)
        else:
            torch.add(product, bias, out=out)
    elif bias is None:
        torch.mm(left, right, out=out)
    else:
        torch.addmm(bias, left, right, out=out)


def add_product(left: Tensor, right: Tensor, total: Tensor) -> None:
    """Add `left @ right` to `total`; shapes and types as in `multiply`."""
    if left.dtype != total.dtype:
        total += torch.mm(left, right)
    else:
        total.addmm_(left, right)
