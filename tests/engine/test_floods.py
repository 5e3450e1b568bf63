"""One level of a flood against the same by sets of cells; also as plain Python (tests/games/test_lanes.py)."""

import numpy as np

from coglab.engine.floods import search_level, spread_level
from coglab.engine.jit import kernel

LINES = 24
BOARD = 2 * LINES
MARGIN = 8
SOURCE, OUT, FREE, TARGET, HIT, EDGE, MARKS = (MARGIN + BOARD * i for i in range(7))


@kernel
def search_both(work, first, last):
    """Search from both words of the source."""
    a = search_level(work, SOURCE, SOURCE + LINES, OUT, FREE, TARGET, HIT, EDGE, first, last)
    b = search_level(
        work, SOURCE + LINES, SOURCE, OUT + LINES, FREE + LINES, TARGET + LINES, HIT + LINES, EDGE + LINES,
        first, last,
    )  # fmt: skip
    return a[0] | b[0], a[1] | b[1], a[2] | b[2]


@kernel
def spread_both(work, mark, first, last):
    """Spread from both words of the source."""
    a = spread_level(work, SOURCE, SOURCE + LINES, OUT, FREE, MARKS, mark, first, last)
    b = spread_level(
        work, SOURCE + LINES, SOURCE, OUT + LINES, FREE + LINES, MARKS + LINES, mark, first, last
    )
    return a | b


def fill(work, board, cells):
    for line, bit in cells:
        work[board + LINES * (bit // 64) + line] |= np.uint64(1 << (bit % 64))


def cells_of(work, board):
    return {
        (line, 64 * word + bit)
        for word in range(2)
        for line in range(LINES)
        for bit in range(64)
        if int(work[board + LINES * word + line]) >> bit & 1
    }


def world(seed):
    rng = np.random.default_rng(seed)
    cells = [(line, bit) for line in range(1, LINES - 1) for bit in range(1, 127)]

    def some(share):
        return {cell for cell in cells if rng.random() < share}

    work = np.zeros(MARGIN + 7 * BOARD + MARGIN, np.uint64)
    parts = {SOURCE: some(0.1), FREE: some(0.6), TARGET: some(0.05), EDGE: some(0.2)}
    parts[FREE] -= parts[SOURCE]
    for board, content in parts.items():
        fill(work, board, content)
    fill(work, OUT, some(0.5))  # rubbish that is overwritten
    near = {
        (line + down, bit + right)
        for line, bit in parts[SOURCE]
        for down, right in ((-1, 0), (1, 0), (0, -1), (0, 1))
    }
    return work, parts, near


def test_a_search_reaches_free_neighbours_and_touches_targets():
    for seed in range(3):
        work, parts, near = world(seed)
        touched, alive, rim = search_both(work, 0, LINES // 8)
        fresh = near & parts[FREE]
        assert cells_of(work, OUT) == fresh
        assert cells_of(work, FREE) == parts[FREE] - fresh
        assert cells_of(work, HIT) == near & parts[TARGET]
        for bits, cells in (
            (touched, near & parts[TARGET]),
            (alive, fresh),
            (rim, fresh & parts[EDGE]),
        ):
            assert int(bits) == sum({1 << (bit % 64) for _, bit in cells})


def test_a_flood_marks_what_it_reaches():
    for mark in (0, 0xFFFFFFFFFFFFFFFF, 0xFF00FF):
        work, parts, near = world(7)
        fill(work, MARKS, {(3, 5)})
        alive = spread_both(work, np.uint64(mark), 0, LINES // 8)
        fresh = near & parts[FREE]
        assert cells_of(work, OUT) == fresh
        marked = {cell for cell in fresh if mark >> (cell[1] % 64) & 1}
        assert cells_of(work, MARKS) == marked | {(3, 5)}
        assert int(alive) == sum({1 << (bit % 64) for _, bit in fresh})


def test_blocks_that_are_left_out_stay_as_they_are():
    work, _, near = world(1)
    before = work.copy()
    search_both(work, 1, 2)
    inside = {cell for cell in near if 8 <= cell[0] < 16}
    assert {c for c in cells_of(work, OUT) if 8 <= c[0] < 16} <= inside
    for board in (OUT, FREE):
        for word in range(2):
            at = board + LINES * word
            assert (work[at : at + 8] == before[at : at + 8]).all()
            assert (work[at + 16 : at + LINES] == before[at + 16 : at + LINES]).all()
