"""Bit-parallel search steps on blocks of 8 words: 8 rows of a board of 64 columns at a time.

A board is a run of uint64 words, one per row, bit c of a word being column c; all boards of a search lie in one array.
A block begins at any word. Neighbours are the four cells beside a cell; rows above and below a block are read from the
words before and behind it, columns beyond a word from the same row of the board `beside`.

Compiled, each function is a handful of vector instructions; as plain Python (no JIT, or with bounds checks) a loop.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba.core import types
from numba.extending import intrinsic

from coglab.engine.blocks import USES_BLOCKS
from coglab.engine.jit import helper

BLOCK_ROWS = 8
"""Rows of a block."""

ALIVE = 1
"""Bit of the result of a growing step: it reached new free cells."""
TOUCHED = 2
"""Bit of the result of a growing step: it touched targets."""

NUM_TERMS = 6
"""Boards that a formula of `make_combine` takes."""

NUM_NEWS = 3
"""Boards of news that a formula of `make_revise` takes ..."""
NEWS_ROWS = 16
"""... and words from one of them to the next."""

_WORD = ir.IntType(64)
_BLOCK = ir.VectorType(_WORD, BLOCK_ROWS)
_u64 = types.uint64


def _constant(value: int) -> ir.Constant:
    return ir.Constant(_BLOCK, [value] * BLOCK_ROWS)


class _Board:
    """Emits loads and stores of blocks of one array."""

    def __init__(self, context: Any, builder: Any, array_type: Any, array: Any) -> None:
        self.builder = builder
        self._data = context.make_array(array_type)(context, builder, array).data

    def _place(self, index: Any) -> Any:
        return self.builder.bitcast(self.builder.gep(self._data, [index]), _BLOCK.as_pointer())

    def load(self, index: Any, offset: int = 0) -> Any:
        if offset:
            index = self.builder.add(index, ir.Constant(_WORD, offset))
        return self.builder.load(self._place(index), align=8)

    def store(self, index: Any, block: Any) -> None:
        self.builder.store(block, self._place(index), align=8)

    def near(self, index: Any, beside: Any) -> Any:
        """Emit the cells next to those of a block; `beside` is None where rows have one word."""
        b = self.builder
        bits = self.load(index)
        rows = b.or_(self.load(index, -1), self.load(index, 1))
        result = b.or_(rows, b.or_(b.shl(bits, _constant(1)), b.lshr(bits, _constant(1))))
        if beside is None:
            return result
        other = self.load(beside)
        carried = b.or_(b.shl(other, _constant(63)), b.lshr(other, _constant(63)))
        return b.or_(result, carried)

    def flag(self, block: Any, bit: int) -> Any:
        """Emit `bit` if any cell of the block is set, else 0."""
        b = self.builder
        lanes = b.icmp_unsigned("!=", block, _constant(0))
        mask = b.bitcast(lanes, ir.IntType(BLOCK_ROWS))
        any_lane = b.icmp_unsigned("!=", mask, ir.Constant(ir.IntType(BLOCK_ROWS), 0))
        return b.select(any_lane, ir.Constant(_WORD, bit), ir.Constant(_WORD, 0))


def _make_grow(num_planes: int, is_wide: bool) -> Any:
    """Make a growing step for `num_planes` boards that share free ground and targets."""

    @intrinsic
    def grow(typing_context, work, source, beside, out, stride, free, target, hit):
        def generate(context, builder, signature, arguments):
            work, source, beside, out, stride, free, target, hit = arguments
            board = _Board(context, builder, signature.args[0], work)
            ground = board.load(free)
            reached = []
            for plane in range(num_planes):
                shift = builder.mul(stride, ir.Constant(_WORD, plane))
                near = board.near(
                    builder.add(source, shift), builder.add(beside, shift) if is_wide else None
                )
                board.store(builder.add(out, shift), builder.and_(near, ground))
                reached.append(near)
            every = reached[0]
            for near in reached[1:]:
                every = builder.or_(every, near)
            rest = builder.not_(every)
            targets = board.load(target)
            touched = builder.and_(every, targets)
            board.store(free, builder.and_(ground, rest))
            board.store(target, builder.and_(targets, rest))
            board.store(hit, touched)
            alive = board.flag(builder.and_(every, ground), ALIVE)
            return builder.or_(alive, board.flag(touched, TOUCHED))

        return _u64(work, *[_u64] * 7), generate

    return grow


def _make_step_back(is_wide: bool) -> Any:
    @intrinsic
    def step_back(typing_context, work, source, beside, level, out):
        def generate(context, builder, signature, arguments):
            work, source, beside, level, out = arguments
            board = _Board(context, builder, signature.args[0], work)
            near = board.near(source, beside if is_wide else None)
            board.store(out, builder.and_(near, board.load(level)))
            return context.get_dummy_value()

        return types.void(work, *[_u64] * 4), generate

    return step_back


class _Bits:
    """A block while code is emitted, with the operators of integers."""

    def __init__(self, builder: Any, block: Any) -> None:
        self.builder, self.block = builder, block

    def __and__(self, other: _Bits) -> _Bits:
        return _Bits(self.builder, self.builder.and_(self.block, other.block))

    def __or__(self, other: _Bits) -> _Bits:
        return _Bits(self.builder, self.builder.or_(self.block, other.block))

    def __xor__(self, other: _Bits) -> _Bits:
        return _Bits(self.builder, self.builder.xor(self.block, other.block))

    def __invert__(self) -> _Bits:
        return _Bits(self.builder, self.builder.not_(self.block))


def _splat(builder: Any, word: Any) -> Any:
    index = ir.IntType(32)
    first = builder.insert_element(ir.Constant(_BLOCK, ir.Undefined), word, ir.Constant(index, 0))
    zeros = ir.Constant(ir.VectorType(index, BLOCK_ROWS), [0] * BLOCK_ROWS)
    return builder.shuffle_vector(first, first, zeros)


def _make_combine(
    boards: tuple[int, ...], formula: Callable[..., Any], num_rows: int, is_cut: bool
) -> Any:
    @intrinsic
    def combine(typing_context, work, out, target, source, word, row, near, far):
        def generate(context, builder, signature, arguments):
            work, out, target, source, word, row, near, far = arguments
            board = _Board(context, builder, signature.args[0], work)
            memory = _Board(context, builder, signature.args[3], source)
            rows = ir.Constant(_WORD, num_rows)
            other = builder.sub(ir.Constant(_WORD, 1), word)
            here = builder.add(builder.mul(word, rows), row)
            beside = builder.add(builder.mul(other, rows), row)
            near, far = _splat(builder, near), _splat(builder, far)
            blocks = []
            for index in boards:
                bits = memory.load(here, 2 * index * num_rows)
                if not is_cut:
                    blocks.append(_Bits(builder, bits))
                    continue
                bits = builder.lshr(bits, near)
                rest = builder.shl(memory.load(beside, 2 * index * num_rows), _constant(1))
                blocks.append(_Bits(builder, builder.or_(bits, builder.shl(rest, far))))
            result = formula(*blocks, *blocks[:1] * (NUM_TERMS - len(blocks))).block
            board.store(out, result)
            board.store(target, builder.or_(board.load(target), result))
            return context.get_dummy_value()

        return types.void(work, _u64, _u64, source, *[_u64] * 4), generate

    return combine


def _make_plain_combine(
    boards: tuple[int, ...], formula: Callable[..., Any], num_rows: int, is_cut: bool
) -> Any:
    """As a loop."""
    a, b, c, d, e, f = (*boards, *boards[:1] * (NUM_TERMS - len(boards)))
    rule = helper(formula)
    one = np.uint64(1)

    @helper
    def cut(source, board, word, row, near, far):
        if not is_cut:
            return source[board, word, row]
        return (source[board, word, row] >> near) | ((source[board, one - word, row] << one) << far)

    @helper
    def combine(work, out, target, source, word, row, near, far):
        for k in range(np.uint64(BLOCK_ROWS)):
            result = rule(
                cut(source, a, word, row + k, near, far), cut(source, b, word, row + k, near, far),
                cut(source, c, word, row + k, near, far), cut(source, d, word, row + k, near, far),
                cut(source, e, word, row + k, near, far), cut(source, f, word, row + k, near, far),
            )  # fmt: skip
            work[out + k] = result
            work[target + k] |= result

    return combine


def make_combine(
    boards: tuple[int, ...], formula: Callable[..., Any], num_rows: int, *, is_cut: bool
) -> Any:
    """Make `combine(work, out, target, source, word, row, near, far)`: a block of a board from those of a memory.

    Args:
        boards: indices of up to NUM_TERMS boards.
        formula: NUM_TERMS words (the boards', then anything) -> word, with the operators `& | ~` only.
        num_rows: rows of a board.
        is_cut: False: `near` is always 0, so that one word of a row is enough.

    Returns:
        A function for kernels: 64 columns of the 128-bit rows of `source` (u64 [boards, 2, num_rows], contiguous), from bit
        `near` of the word `word` on, of the 8 rows from `row` on, go through the formula to the block `out` of `work` and
        are added to the block `target`; all numbers are uint64, `far` is 63 - near.
    """
    return (_make_combine if USES_BLOCKS else _make_plain_combine)(
        boards, formula, num_rows, is_cut
    )


def _make_revise(
    boards: tuple[int, ...], written: tuple[int, ...], formula: Callable[..., Any], num_rows: int
) -> Any:
    @intrinsic
    def revise(typing_context, target, word, row, news, at, left, right, out):
        def generate(context, builder, signature, arguments):
            target, word, row, news, at, left, right, out = arguments
            board = _Board(context, builder, signature.args[0], target)
            new = _Board(context, builder, signature.args[3], news)
            here = builder.add(builder.mul(word, ir.Constant(_WORD, num_rows)), row)
            left, right = _splat(builder, left), _splat(builder, right)
            blocks = [_Bits(builder, board.load(here, 2 * i * num_rows)) for i in boards]
            for i in range(NUM_NEWS):
                bits = builder.shl(new.load(at, i * NEWS_ROWS), left)
                blocks.append(_Bits(builder, builder.lshr(bits, right)))
            results = [bits.block for bits in formula(*blocks)]
            for i, index in enumerate(written):
                offset = ir.Constant(_WORD, 2 * index * num_rows)
                board.store(builder.add(here, offset), results[i])
            rest = results[len(written) :]
            for i, block in enumerate(rest):
                new.store(builder.add(out, ir.Constant(_WORD, i * NEWS_ROWS)), block)
            flags = ir.Constant(_WORD, 0)
            for i, block in enumerate(rest):
                flags = builder.or_(flags, board.flag(block, 1 << i))
            return flags

        return _u64(target, _u64, _u64, news, *[_u64] * 4), generate

    return revise


def _make_plain_revise(
    boards: tuple[int, ...], written: tuple[int, ...], formula: Callable[..., Any], num_rows: int
) -> Any:
    """As a loop."""
    rule = helper(formula)
    num_written, num_boards = len(written), len(boards)
    indices, outputs = np.array(boards), np.array(written)
    a, b, c, d, e, f, g, h, i = range(9)

    @helper
    def revise(target, word, row, news, at, left, right, out):
        flags = np.uint64(0)
        bits = np.zeros(num_boards, np.uint64)
        new = np.zeros(NUM_NEWS, np.uint64)
        for k in range(np.uint64(BLOCK_ROWS)):
            line = row + k
            if line >= num_rows:
                break
            for j in range(num_boards):
                bits[j] = target[indices[j], word, line]
            for j in range(NUM_NEWS):
                new[j] = (news[at + np.uint64(j * NEWS_ROWS) + k] << left) >> right
            results = rule(
                bits[a], bits[b], bits[c], bits[d], bits[e], bits[f], bits[g], bits[h], bits[i],
                new[0], new[1], new[2],
            )  # fmt: skip
            for j in range(len(results)):
                if j < num_written:
                    target[outputs[j], word, line] = results[j]
                else:
                    news[out + np.uint64((j - num_written) * NEWS_ROWS) + k] = results[j]
                    if results[j] != 0:
                        flags |= np.uint64(1 << (j - num_written))
        return flags

    return revise


def make_revise(
    boards: tuple[int, ...], written: tuple[int, ...], formula: Callable[..., Any], num_rows: int
) -> Any:
    """Make `revise(target, word, row, news, at, left, right, out)`: 8 rows of some boards of a memory, after what was seen.

    Args:
        boards: indices of the 9 boards that are read.
        written: indices of boards that are written.
        formula: the words of the boards, then NUM_NEWS words of news -> words for the boards written, then further words,
            with the operators `& | ^ ~` only.
        num_rows: rows of a board.

    Returns:
        A function for kernels: the word `word` of the 8 rows from `row` on of `target` (u64 [boards, 2, num_rows], contiguous)
        goes through the formula, together with the news: the blocks NEWS_ROWS words apart in `news` (u64 [*]) from `at` on,
        all shifted to the left, then to the right. The further results go to blocks NEWS_ROWS words apart from `out` on.
        Returns a bit for each of these that is not zero. All numbers are uint64. Rows behind the last one belong to the next
        word: there the formula must leave the boards as they are where the news are zero.
    """
    return (_make_revise if USES_BLOCKS else _make_plain_revise)(boards, written, formula, num_rows)


def _make_plain_grow(num_planes: int, is_wide: bool) -> Any:
    """The growing step as a loop."""
    one, top = np.uint64(1), np.uint64(63)

    @helper
    def grow(work, source, beside, out, stride, free, target, hit):
        found = np.uint64(0)
        for row in range(np.uint64(BLOCK_ROWS)):
            every = np.uint64(0)
            ground = work[free + row]
            for plane in range(np.uint64(num_planes)):
                at = source + plane * stride + row
                bits = work[at]
                near = work[at - one] | work[at + one] | (bits << one) | (bits >> one)
                if is_wide:
                    other = work[beside + plane * stride + row]
                    near |= (other << top) | (other >> top)
                work[out + plane * stride + row] = near & ground
                every |= near
            touched = every & work[target + row]
            work[free + row] = ground & ~every
            work[target + row] &= ~every
            work[hit + row] = touched
            if every & ground != 0:
                found |= np.uint64(ALIVE)
            if touched != 0:
                found |= np.uint64(TOUCHED)
        return found

    return grow


def _make_plain_step_back(is_wide: bool) -> Any:
    """The step back as a loop."""
    one, top = np.uint64(1), np.uint64(63)

    @helper
    def step_back(work, source, beside, level, out):
        for row in range(np.uint64(BLOCK_ROWS)):
            at = source + row
            bits = work[at]
            near = work[at - one] | work[at + one] | (bits << one) | (bits >> one)
            if is_wide:
                other = work[beside + row]
                near |= (other << top) | (other >> top)
            work[out + row] = near & work[level + row]

    return step_back


if USES_BLOCKS:
    _grow, _step_back = _make_grow, _make_step_back

    @intrinsic
    def any_of_block(typing_context, work, one, other):  # noqa: D103
        def generate(context, builder, signature, arguments):
            board = _Board(context, builder, signature.args[0], arguments[0])
            both = builder.and_(board.load(arguments[1]), board.load(arguments[2]))
            return board.flag(both, 1)

        return _u64(work, _u64, _u64), generate

    @intrinsic
    def clear_block(typing_context, work, at):  # noqa: D103
        def generate(context, builder, signature, arguments):
            board = _Board(context, builder, signature.args[0], arguments[0])
            board.store(arguments[1], _constant(0))
            return context.get_dummy_value()

        return types.void(work, _u64), generate

else:
    _grow, _step_back = _make_plain_grow, _make_plain_step_back

    @helper
    def any_of_block(work, one, other):  # type: ignore[misc]
        """Return 1 if two blocks (first words `one`, `other` of `work`) have a cell in common, else 0."""
        for row in range(np.uint64(BLOCK_ROWS)):
            if work[one + row] & work[other + row] != 0:
                return np.uint64(1)
        return np.uint64(0)

    @helper
    def clear_block(work, at):  # type: ignore[misc]
        """Make the block at word `at` of `work` zero."""
        for row in range(np.uint64(BLOCK_ROWS)):
            work[at + row] = np.uint64(0)


grow_one = _grow(1, False)
"""`grow_one(work, source, beside, out, stride, free, target, hit)`: one level of a search, in one block.

All arguments but `work` (u64, written) are the first words (uint64) of a block: the cells `source` of the last level grow
by one cell into the ground `free`; new cells go to `out` and are taken off `free`, the cells of `target` that were touched
go to `hit` and are taken off `target`. `beside` is not used. Returns ALIVE and TOUCHED bits.
"""
grow_one_wide = _grow(1, True)
"""As `grow_one`, for rows of two words: `beside` is the block of the other word."""
grow_four = _grow(4, False)
"""As `grow_one` for four boards `stride` words apart, which share free ground and targets."""
grow_four_wide = _grow(4, True)
"""As `grow_four`, for rows of two words."""
step_back = _step_back(False)
"""`step_back(work, source, beside, level, out)`: the cells of `level` next to those of `source` go to `out`."""
step_back_wide = _step_back(True)
"""As `step_back`, for rows of two words."""
