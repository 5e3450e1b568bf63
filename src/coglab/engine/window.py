"""The observation window: 11x11 cells around an agent, visited nearest first.

The visiting order is by Manhattan distance, then by row, then left before right. Position k in that order is bit k of
a 121-bit mask, kept as two uint64 (`low` has positions 0..63). `window_mask` cuts the window out of bit rows and puts
its bits into this order with two table look-ups per row, so that walking the set bits visits cells nearest first.
"""

from __future__ import annotations

import numpy as np

from coglab.engine.jit import inlined

WINDOW = 11
RADIUS = WINDOW // 2
NUM_CELLS = WINDOW * WINDOW


def _visiting_order() -> list[tuple[int, int]]:
    order = []
    for distance in range(2 * RADIUS + 1):
        for row in range(-distance, distance + 1):
            side = distance - abs(row)
            for col in (-side, side) if side else (0,):
                if abs(row) <= RADIUS and abs(col) <= RADIUS:
                    order.append((row, col))
    return order


ORDER = np.array(_visiting_order(), np.int64)
"""[121, 2] row and column offset of each position in the visiting order."""
LOCATION = np.zeros(128, np.uint8)
"""[128] location byte of each position: 16 * window row + window column."""
LOCATION[:NUM_CELLS] = (ORDER[:, 0] + RADIUS) * 16 + ORDER[:, 1] + RADIUS
POSITION = np.zeros((WINDOW, WINDOW), np.int64)
"""[window row, window column] position in the visiting order."""
POSITION[ORDER[:, 0] + RADIUS, ORDER[:, 1] + RADIUS] = np.arange(NUM_CELLS)

CENTRE = RADIUS * 16 + RADIUS
"""Location byte of the cell in the middle, position 0."""

_LEFT_BITS, _RIGHT_BITS = 5, 6


def _order_tables() -> tuple[np.ndarray, np.ndarray]:
    tables = []
    for first_col, bits in ((0, _LEFT_BITS), (_LEFT_BITS, _RIGHT_BITS)):
        table = np.zeros((WINDOW, 1 << bits, 2), np.uint64)
        for row in range(WINDOW):
            for pattern in range(1 << bits):
                mask = sum(
                    1 << int(POSITION[row, first_col + b]) for b in range(bits) if pattern >> b & 1
                )
                table[row, pattern] = mask & 0xFFFFFFFFFFFFFFFF, mask >> 64
        tables.append(table)
    return tables[0], tables[1]


_LEFT, _RIGHT = _order_tables()
_ONE, _63 = np.uint64(1), np.uint64(63)


@inlined
def window_mask(bit_rows, row, col):
    """Return (low, high), the occupied window positions around a cell, in visiting order.

    Args:
        bit_rows: [R, W] uint64, bit (c + 5) of row (r + 5) is the cell (r, c).
        row: row of the cell in the middle.
        col: its column.
    """
    low = np.uint64(0)
    high = np.uint64(0)
    word = col >> 6
    next_word = min(word + 1, bit_rows.shape[1] - 1)
    shift = np.uint64(col & 63)
    back = _63 - shift
    for i in range(WINDOW):
        # The second shift is by `back` after one by 1, because a shift by 64 is undefined. Bits of a repeated last
        # word fall beyond the eleven that count.
        bits = (bit_rows[row + i, word] >> shift) | ((bit_rows[row + i, next_word] << _ONE) << back)
        left = np.int64(bits & np.uint64(31))
        right = np.int64((bits >> np.uint64(5)) & np.uint64(63))
        low |= _LEFT[i, left, 0] | _RIGHT[i, right, 0]
        high |= _LEFT[i, left, 1] | _RIGHT[i, right, 1]
    return low, high
