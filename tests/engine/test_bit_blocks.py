"""Search steps on blocks of rows against sets of cells."""

import numpy as np
import pytest

from coglab.engine import bit_blocks
from coglab.engine.jit import kernel

BOARD = 24
"""Words per board: the block of rows 8 to 15 and empty rows around it."""
FIRST = 8
WIDTH = 64


def words_of(cells):
    words = np.zeros(BOARD, np.uint64)
    for row, column in cells:
        words[row] |= np.uint64(1) << np.uint64(column)
    return words


def cells_of(words):
    return {
        (row, column) for row in range(BOARD) for column in range(WIDTH) if int(words[row]) >> column & 1
    }  # fmt: skip


def beside(cells, width=WIDTH):
    """Cells next to `cells` that lie in the block."""
    around = {
        (row + i, column + j)
        for row, column in cells
        for i, j in ((-1, 0), (1, 0), (0, -1), (0, 1))
    }
    return {(row, column) for row, column in around if FIRST <= row < FIRST + 8 and column < width}


def random_cells(rng, share, low=FIRST - 1, high=FIRST + 9):
    return {(row, column) for row in range(low, high) for column in range(WIDTH) if rng.random() < share}  # fmt: skip


@kernel
def grow_boards(work, is_wide, planes):
    at = [np.uint64(24 * k + 8) for k in range(16)]
    stride = np.uint64(24)
    if planes == 1:
        if is_wide:
            return bit_blocks.grow_one_wide(
                work, at[0], at[4], at[8], stride, at[12], at[13], at[14]
            )
        return bit_blocks.grow_one(work, at[0], at[4], at[8], stride, at[12], at[13], at[14])
    if is_wide:
        return bit_blocks.grow_four_wide(work, at[0], at[4], at[8], stride, at[12], at[13], at[14])
    return bit_blocks.grow_four(work, at[0], at[4], at[8], stride, at[12], at[13], at[14])


@pytest.mark.parametrize("planes", [1, 4])
@pytest.mark.parametrize("is_wide", [False, True])
def test_a_level_grows_into_free_neighbours_and_takes_what_it_reached_off(planes, is_wide):
    rng = np.random.default_rng(5)
    for share in (0.0, 0.01, 0.1):
        sources = [random_cells(rng, share) for _ in range(planes)]
        others = [random_cells(rng, share) for _ in range(planes)]
        free, target = random_cells(rng, 0.6), random_cells(rng, 0.2)
        free -= target
        work = np.zeros(24 * 16, np.uint64)
        for k in range(planes):
            work[24 * k : 24 * k + 24] = words_of(sources[k])
            work[24 * (4 + k) : 24 * (5 + k)] = words_of(others[k])
        work[24 * 12 : 24 * 13], work[24 * 13 : 24 * 14] = words_of(free), words_of(target)
        signs = int(grow_boards(work, is_wide, planes))
        reached = []
        for k in range(planes):
            around = {(row, column) for row, column in beside(sources[k]) if column >= 0}
            if is_wide:
                # The columns beside a word are the first and the last of the other word.
                around |= {(row, 63) for row, column in others[k] if column == 0}
                around |= {(row, 0) for row, column in others[k] if column == 63}
            around = {cell for cell in around if FIRST <= cell[0] < FIRST + 8}
            reached.append(around)
            assert cells_of(work[24 * (8 + k) : 24 * (9 + k)]) == around & free
        every = set.union(*reached)
        assert cells_of(work[24 * 12 : 24 * 13]) == free - every
        assert cells_of(work[24 * 13 : 24 * 14]) == target - every
        assert cells_of(work[24 * 14 : 24 * 15]) == target & every
        assert bool(signs & bit_blocks.ALIVE) == bool(every & free)
        assert bool(signs & bit_blocks.TOUCHED) == bool(every & target)


@kernel
def step_back_and_ask(work):
    at = [np.uint64(24 * k + 8) for k in range(4)]
    bit_blocks.step_back(work, at[0], at[0], at[1], at[2])
    is_any = bit_blocks.any_of_block(work, at[2], at[3])
    bit_blocks.clear_block(work, at[3])
    return is_any


@pytest.mark.parametrize("asked", [set(), {(9, 40)}, {(9, 41)}])
def test_the_way_back_keeps_the_neighbours_in_the_level(asked):
    source, level = {(9, 41), (8, 0)}, {(9, 40), (9, 42), (12, 1)}
    work = np.zeros(24 * 4, np.uint64)
    work[:24], work[24:48], work[72:] = words_of(source), words_of(level), words_of(asked)
    assert bool(step_back_and_ask(work)) == (asked == {(9, 40)})
    assert cells_of(work[48:72]) == {(9, 40), (9, 42)}
    assert not work[72:].any()


calm = bit_blocks.make_combine((0, 2), lambda a, b, c, d, e, f: a & ~b, 16, is_cut=True)
uncut = bit_blocks.make_combine((0, 2), lambda a, b, c, d, e, f: a & ~b, 16, is_cut=False)


@kernel
def cut_boards(work, source, word, near):
    out, target = np.uint64(8), np.uint64(32)
    far = np.uint64(63) - near
    if near == 0:
        uncut(work, out, target, source, word, np.uint64(8), near, far)
    else:
        calm(work, out, target, source, word, np.uint64(8), near, far)


@pytest.mark.parametrize("column", [0, 1, 40, 64, 100, 127])
def test_boards_are_cut_out_of_wrapping_rows_and_combined(column):
    rng = np.random.default_rng(7)
    rows = rng.integers(0, 2, (3, 16, 128))
    source = np.zeros((3, 2, 16), np.uint64)
    for board, row, bit in np.argwhere(rows):
        source[board, bit >> 6, row] |= np.uint64(1) << np.uint64(bit & 63)
    work = np.zeros(48, np.uint64)
    work[32] = np.uint64(4)
    cut_boards(work, source, np.uint64(column >> 6), np.uint64(column & 63))
    expected = {
        (row, bit)
        for row in range(8, 16)
        for bit in range(64)
        if rows[0, row, (column + bit) % 128] and not rows[2, row, (column + bit) % 128]
    }
    assert cells_of(work[:24]) == expected
    assert cells_of(work[24:]) == expected | {(8, 2)}


def _mix(a, b, c, d, e, f, g, h, i, news, more, seen):
    return (a & ~seen) | news, b ^ seen, c | (d & more), e & f & g, h & i & seen


_revise = bit_blocks.make_revise((4, 0, 2, 3, 1, 5, 6, 7, 8), (4, 2, 0), _mix, 24)


@kernel
def revise_once(boards, word, row, news, at, left, right, out):
    return _revise(boards, word, row, news, at, left, right, out)


@pytest.mark.parametrize(("left", "right"), [(0, 0), (60, 0), (0, 5)])
def test_boards_are_revised_by_shifted_news(left, right):
    rng = np.random.default_rng(9)
    boards = rng.integers(0, 2**64, (9, 2, 24), np.uint64)
    boards[3, 1, 9:14] = 0
    news = rng.integers(0, 2**64, 144, np.uint64)
    before, seen = boards.copy(), news.copy()
    numbers = [np.uint64(n) for n in (1, 8, 2, left, right, 80)]
    word, row, at, *rest = numbers
    signs = int(revise_once(boards, word, row, news, at, *rest))
    rows = slice(8, 16)
    inputs = [before[k, 1, rows] for k in (4, 0, 2, 3, 1, 5, 6, 7, 8)]
    for start in (2, 18, 34):
        inputs.append((seen[start : start + 8] << np.uint64(left)) >> np.uint64(right))
    results = _mix(*inputs)
    expected = before.copy()
    for board, words in zip((4, 2, 0), results, strict=False):
        expected[board, 1, rows] = words
    assert (boards == expected).all()
    assert (news[80:88] == results[3]).all()
    assert (news[96:104] == results[4]).all()
    assert signs == bool(results[3].any()) + 2 * bool(results[4].any())
    news[80:88], news[96:104] = seen[80:88], seen[96:104]
    assert (news == seen).all()


@kernel
def add_once(work, at, other):
    bit_blocks.add_block(work, at, other)


def test_a_block_is_added_to_another():
    work = np.random.default_rng(2).integers(0, 2**64, 40, np.uint64)
    expected = work.copy()
    expected[3:11] |= work[20:28]
    add_once(work, np.uint64(3), np.uint64(20))
    assert (work == expected).all()
