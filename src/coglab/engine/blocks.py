"""Writing tokens to byte buffers: whole blocks of 64 bytes at a time, at any address.

A token is three bytes: location, feature, value. Variable-length copies cost a mispredicted branch each, so these
functions always write a full block; what they write beyond the tokens that are wanted is overwritten by the next
token, or blanked at the end. Buffers therefore need `BLOCK` spare bytes behind what is written.

Compiled, each is a handful of vector instructions; as plain Python (no JIT, or with bounds checks) a loop.
"""

from __future__ import annotations

import numba
import numpy as np
from llvmlite import binding, ir  # type: ignore[import-untyped]
from numba.core import cgutils, types
from numba.extending import intrinsic

from coglab.engine.jit import CHECKS_BOUNDS, IS_COMPILED, helper, trailing_zeros

BLOCK = 64
"""Bytes that every function here writes, `store32` excepted."""

TOKENS_PER_BLOCK = BLOCK // 3
"""Whole tokens in a block (21); the 64th byte is waste."""

USES_BLOCKS = IS_COMPILED and not CHECKS_BOUNDS
"""False where these functions are loops."""

COMPRESSES = (
    USES_BLOCKS
    and binding.llvm_version_info >= (19,)
    and not numba.config.CPU_NAME  # type: ignore[attr-defined]
    and bool(binding.get_host_cpu_features().get("avx512vbmi2"))
)
"""Whether the processor has an instruction for `compress_block`; else that is a loop."""

_BYTE = ir.IntType(8)
_BLOCK_TYPE = ir.VectorType(_BYTE, BLOCK)
_HALF_BLOCK_TYPE = ir.VectorType(_BYTE, BLOCK // 2)


def _address(context, builder, array_type, array, index, pointee):
    """Return the address of array[index] ([B] uint8) as a pointer to `pointee`."""
    data = context.make_array(array_type)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [index]), pointee.as_pointer())


def _splat(builder, byte, vector_type):
    """Return a vector with `byte` in every place."""
    first = builder.insert_element(
        ir.Constant(vector_type, ir.Undefined), byte, ir.Constant(ir.IntType(32), 0)
    )
    zeros = ir.Constant(ir.VectorType(ir.IntType(32), vector_type.count), [0] * vector_type.count)
    return builder.shuffle_vector(first, first, zeros)


if USES_BLOCKS:

    @intrinsic
    def store32(typing_context, out, at, word):  # noqa: D103
        def generate(context, builder, signature, arguments):
            place = _address(
                context, builder, signature.args[0], arguments[0], arguments[1], ir.IntType(32)
            )
            builder.store(arguments[2], place, align=1)
            return context.get_dummy_value()

        return types.void(out, types.int64, types.uint32), generate

    @intrinsic
    def fetch(typing_context, out, at):  # noqa: D103
        def generate(context, builder, signature, arguments):
            place = _address(context, builder, signature.args[0], arguments[0], arguments[1], _BYTE)
            index = ir.IntType(32)
            function = cgutils.get_or_insert_function(
                builder.module,
                ir.FunctionType(ir.VoidType(), [place.type, index, index, index]),
                "llvm.prefetch.p0",
            )
            to_write, keep_close, data = index(1), index(3), index(1)
            builder.call(function, [place, to_write, keep_close, data])
            return context.get_dummy_value()

        return types.void(out, types.int64), generate

    @intrinsic
    def fill_block(typing_context, out, at, byte):  # noqa: D103
        def generate(context, builder, signature, arguments):
            place = _address(
                context, builder, signature.args[0], arguments[0], arguments[1], _BLOCK_TYPE
            )
            builder.store(_splat(builder, arguments[2], _BLOCK_TYPE), place, align=1)
            return context.get_dummy_value()

        return types.void(out, types.int64, types.uint8), generate

    @intrinsic
    def copy_tokens(typing_context, out, at, tokens, start, location):  # noqa: D103
        def generate(context, builder, signature, arguments):
            _, at, _, start, location = arguments
            source = _address(context, builder, signature.args[2], arguments[2], start, _BLOCK_TYPE)
            place = _address(context, builder, signature.args[0], arguments[0], at, _BLOCK_TYPE)
            every_third = ir.Constant(_BLOCK_TYPE, [255 if i % 3 == 0 else 0 for i in range(BLOCK)])
            locations = builder.and_(_splat(builder, location, _BLOCK_TYPE), every_third)
            builder.store(builder.or_(builder.load(source, align=1), locations), place, align=1)
            return context.get_dummy_value()

        return types.void(out, types.int64, tokens, types.int64, types.uint8), generate

    @intrinsic
    def spread_tokens(typing_context, out, at, locations, start, feature, value):  # noqa: D103
        def generate(context, builder, signature, arguments):
            _, at, _, start, feature, value = arguments
            source = _address(
                context, builder, signature.args[2], arguments[2], start, _HALF_BLOCK_TYPE
            )
            place = _address(context, builder, signature.args[0], arguments[0], at, _BLOCK_TYPE)
            index = ir.IntType(32)
            constants = ir.Constant(_HALF_BLOCK_TYPE, ir.Undefined)
            constants = builder.insert_element(constants, feature, ir.Constant(index, 0))
            constants = builder.insert_element(constants, value, ir.Constant(index, 1))
            # Of the joined vectors, 0..31 are locations, 32 is the feature, 33 the value.
            pick = [(i // 3, 32, 33)[i % 3] for i in range(BLOCK)]
            picks = ir.Constant(ir.VectorType(index, BLOCK), pick)
            block = builder.shuffle_vector(builder.load(source, align=1), constants, picks)
            builder.store(block, place, align=1)
            return context.get_dummy_value()

        types_of_arguments = (out, types.int64, locations, types.int64, types.uint8, types.uint8)
        return types.void(*types_of_arguments), generate

else:

    @helper
    def fetch(out: np.ndarray, at: int) -> None:  # type: ignore[misc]
        """Ask for the cache line of out[at] ([B] uint8), which will be written soon."""

    @helper
    def store32(out: np.ndarray, at: int, word: int) -> None:  # type: ignore[misc]
        """Write a uint32 to out[at : at + 4] ([B] uint8), least significant byte first."""
        for i in range(4):
            out[at + i] = (np.int64(word) >> (8 * i)) & 255

    @helper
    def fill_block(out: np.ndarray, at: int, byte: int) -> None:  # type: ignore[misc]
        """Write `byte` to out[at : at + 64] ([B] uint8)."""
        for i in range(BLOCK):
            out[at + i] = byte

    @helper
    def copy_tokens(  # type: ignore[misc]
        out: np.ndarray, at: int, tokens: np.ndarray, start: int, location: int
    ) -> None:
        """Copy 64 bytes of tokens that have location 0, giving each the location (uint8).

        Args:
            out: [B] uint8, written from `at`.
            at: first byte written.
            tokens: [C] uint8, read from `start`.
            start: first byte read, the first of a token.
            location: location byte of all tokens.
        """
        for i in range(BLOCK):
            out[at + i] = tokens[start + i] | (location if i % 3 == 0 else 0)

    @helper
    def spread_tokens(  # type: ignore[misc]
        out: np.ndarray, at: int, locations: np.ndarray, start: int, feature: int, value: int
    ) -> None:
        """Write 21 tokens that differ in their location only.

        Args:
            out: [B] uint8, written from `at`, 64 bytes.
            at: first byte written.
            locations: [C] uint8, 32 bytes are read from `start`.
            start: first location.
            feature: feature byte of all tokens.
            value: value byte of all tokens.
        """
        for i in range(BLOCK):
            byte = locations[start + i // 3]
            if i % 3 == 1:
                byte = np.uint8(feature)
            if i % 3 == 2:
                byte = np.uint8(value)
            out[at + i] = byte


if COMPRESSES:

    @intrinsic
    def compress_block(typing_context, out, at, source, start, mask):  # noqa: D103
        def generate(context, builder, signature, arguments):
            _, at, _, start, mask = arguments
            from_place = _address(
                context, builder, signature.args[2], arguments[2], start, _BLOCK_TYPE
            )
            place = _address(context, builder, signature.args[0], arguments[0], at, _BLOCK_TYPE)
            chosen = ir.VectorType(ir.IntType(1), BLOCK)
            compress = cgutils.get_or_insert_function(
                builder.module,
                ir.FunctionType(_BLOCK_TYPE, [_BLOCK_TYPE, chosen, _BLOCK_TYPE]),
                f"llvm.experimental.vector.compress.v{BLOCK}i8",
            )
            unset = ir.Constant(_BLOCK_TYPE, ir.Undefined)
            block = builder.call(
                compress,
                [builder.load(from_place, align=1), builder.bitcast(mask, chosen), unset],
            )
            builder.store(block, place, align=1)
            return context.get_dummy_value()

        return types.void(out, types.int64, source, types.int64, types.uint64), generate

else:

    @helper
    def compress_block(  # type: ignore[misc]
        out: np.ndarray, at: int, source: np.ndarray, start: int, mask: int
    ) -> None:
        """Write those of 64 bytes whose bit is set in a mask, one behind the other.

        Args:
            out: [B] uint8, written from `at`, up to 64 bytes; behind the chosen bytes anything.
            at: first byte written.
            source: [C] uint8, 64 bytes are read from `start`.
            start: first byte read, that of bit 0.
            mask: uint64, which bytes to write.
        """
        while mask:
            out[at] = source[start + trailing_zeros(mask)]  # type: ignore[call-arg]
            mask &= mask - np.uint64(1)
            at += 1
