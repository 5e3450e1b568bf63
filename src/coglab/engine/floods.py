"""One level of a breadth-first search on bit boards: 512 cells at a time.

A board is a stretch of 64-bit words in a common array: word i holds 64 neighbouring cells of line i. Wider grids have
two boards side by side. What is written lies in other boards than what is read from the level before, so lines can
be done in any order; the compiler cannot know that, hence vector instructions by hand.
"""

from __future__ import annotations

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba.core import cgutils, types
from numba.extending import intrinsic

from coglab.engine.jit import CHECKS_BOUNDS, IS_COMPILED, helper

BLOCK = 8
"""Lines that are done at a time."""

USES_BLOCKS = IS_COMPILED and not CHECKS_BOUNDS
"""False where these functions are loops."""

_WORD = ir.IntType(64)
_VECTOR = ir.VectorType(_WORD, BLOCK)


def _splat(value):
    return ir.Constant(_VECTOR, [value] * BLOCK)


class _Lines:
    """Loads and stores of `BLOCK` lines of boards, while code is generated."""

    def __init__(self, context, builder, array_type, array, line):
        self.builder = builder
        self.data = context.make_array(array_type)(context, builder, array).data
        self.line = line

    def _place(self, board, offset):
        index = self.builder.add(board, self.line)
        if offset:
            index = self.builder.add(index, ir.Constant(_WORD, offset))
        return self.builder.bitcast(self.builder.gep(self.data, [index]), _VECTOR.as_pointer())

    def load(self, board, offset=0):
        return self.builder.load(self._place(board, offset), align=8)

    def store(self, board, value):
        self.builder.store(value, self._place(board, 0), align=8)

    def neighbours(self, here, beside):
        """Cells next to a set cell of board `here`, whose other half is board `beside`."""
        b = self.builder
        bits, other = self.load(here), self.load(beside)
        near = b.or_(self.load(here, -1), self.load(here, 1))
        near = b.or_(near, b.or_(b.shl(bits, _splat(1)), b.lshr(bits, _splat(1))))
        return b.or_(near, b.or_(b.shl(other, _splat(63)), b.lshr(other, _splat(63))))


def _combine(context, builder, vector):
    """Bits that are set in any element."""
    function = cgutils.get_or_insert_function(
        builder.module, ir.FunctionType(_WORD, [_VECTOR]), f"llvm.vector.reduce.or.v{BLOCK}i64"
    )
    return builder.call(function, [vector])


if USES_BLOCKS:

    @intrinsic
    def search_level(typing_context, work, here, beside, out, free, target, hit, edge, first, last):  # noqa: D103
        def generate(context, builder, signature, arguments):
            array, here, beside, out, free, target, hit, edge, first, last = arguments
            touched, alive, rim = (cgutils.alloca_once_value(builder, _splat(0)) for _ in range(3))
            with cgutils.for_range(builder, last, start=first) as loop:
                line = builder.mul(loop.index, ir.Constant(_WORD, BLOCK))
                lines = _Lines(context, builder, signature.args[0], array, line)
                near = lines.neighbours(here, beside)
                open_ = lines.load(free)
                fresh = builder.and_(near, open_)
                lines.store(out, fresh)
                lines.store(free, builder.xor(open_, fresh))
                hits = builder.and_(near, lines.load(target))
                lines.store(hit, hits)
                on_edge = builder.and_(fresh, lines.load(edge))
                for total, bits in ((touched, hits), (alive, fresh), (rim, on_edge)):
                    builder.store(builder.or_(builder.load(total), bits), total)
            totals = [
                _combine(context, builder, builder.load(total)) for total in (touched, alive, rim)
            ]
            return context.make_tuple(builder, signature.return_type, totals)

        places = (types.int64,) * 9
        return types.UniTuple(types.uint64, 3)(work, *places), generate

    @intrinsic
    def spread_level(typing_context, work, here, beside, out, free, marks, mark, first, last):  # noqa: D103
        def generate(context, builder, signature, arguments):
            array, here, beside, out, free, marks, mark, first, last = arguments
            alive = cgutils.alloca_once_value(builder, _splat(0))
            one = builder.insert_element(
                ir.Constant(_VECTOR, ir.Undefined), mark, ir.Constant(ir.IntType(32), 0)
            )
            zeros = ir.Constant(ir.VectorType(ir.IntType(32), BLOCK), [0] * BLOCK)
            every = builder.shuffle_vector(one, one, zeros)
            with cgutils.for_range(builder, last, start=first) as loop:
                line = builder.mul(loop.index, ir.Constant(_WORD, BLOCK))
                lines = _Lines(context, builder, signature.args[0], array, line)
                open_ = lines.load(free)
                fresh = builder.and_(lines.neighbours(here, beside), open_)
                lines.store(out, fresh)
                lines.store(free, builder.xor(open_, fresh))
                lines.store(marks, builder.or_(lines.load(marks), builder.and_(fresh, every)))
                builder.store(builder.or_(builder.load(alive), fresh), alive)
            return _combine(context, builder, builder.load(alive))

        places = (types.int64,) * 5
        return types.uint64(work, *places, types.uint64, types.int64, types.int64), generate

else:

    @helper
    def _near(work, here, beside, line):
        one, top_bit = np.uint64(1), np.uint64(63)
        bits, other = work[here + line], work[beside + line]
        near = work[here + line - 1] | work[here + line + 1] | (bits << one) | (bits >> one)
        return near | (other << top_bit) | (other >> top_bit)

    @helper
    def search_level(work, here, beside, out, free, target, hit, edge, first, last):  # type: ignore[misc]
        """Flood one board by one level and say which targets it touches.

        Args:
            work: u64 [*] the boards.
            here: where in it the board of the level begins; likewise the following.
            beside: the other half of the level's lines; an empty board if lines have one word.
            out: the next level; overwritten.
            free: cells not reached yet; what is reached is taken off.
            target: cells to look for; they may or may not be free.
            hit: the targets next to the level; overwritten.
            edge: reached cells to look for.
            first: first block of `BLOCK` lines.
            last: block after the last.

        Returns:
            Three words with the bits that are set in any line: of `hit`, of `out`, and of those cells of `out` that are
            in `edge`.
        """
        touched, alive, rim = np.uint64(0), np.uint64(0), np.uint64(0)
        for line in range(BLOCK * first, BLOCK * last):
            near = _near(work, here, beside, line)
            fresh = near & work[free + line]
            hits = near & work[target + line]
            work[out + line] = fresh
            work[free + line] ^= fresh
            work[hit + line] = hits
            touched |= hits
            alive |= fresh
            rim |= fresh & work[edge + line]
        return touched, alive, rim

    @helper
    def spread_level(work, here, beside, out, free, marks, mark, first, last):  # type: ignore[misc]
        """Flood one board by one level and mark what is reached.

        Args:
            work: u64 [*] the boards.
            here: where in it the board of the level begins; likewise the following.
            beside: the other half of the level's lines.
            out: the next level; overwritten.
            free: cells not reached yet; what is reached is taken off.
            marks: the cells reached are set in it if they are set in `mark`.
            mark: u64 mask of columns.
            first: first block of `BLOCK` lines.
            last: block after the last.

        Returns:
            The bits that are set in any line of `out`.
        """
        alive = np.uint64(0)
        for line in range(BLOCK * first, BLOCK * last):
            fresh = _near(work, here, beside, line) & work[free + line]
            work[out + line] = fresh
            work[free + line] ^= fresh
            work[marks + line] |= fresh & mark
            alive |= fresh
        return alive
