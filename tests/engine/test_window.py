"""The observation window."""

import numpy as np

from coglab.engine.jit import kernel
from coglab.engine.window import LOCATION, NUM_CELLS, ORDER, POSITION, RADIUS, window_mask

PAD = RADIUS


@kernel
def masks(bit_rows, out):
    for row in range(out.shape[0]):
        for col in range(out.shape[1]):
            out[row, col] = window_mask(bit_rows, row, col)


def test_cells_are_visited_nearest_first_then_by_row_then_left_before_right():
    assert len(ORDER) == NUM_CELLS
    keys = [(abs(row) + abs(col), row, col) for row, col in ORDER.tolist()]
    assert keys == sorted(keys)
    assert [tuple(cell) for cell in ORDER[:6].tolist()] == [
        (0, 0), (-1, 0), (0, -1), (0, 1), (1, 0), (-2, 0),
    ]  # fmt: skip
    assert LOCATION[0] == 85
    assert LOCATION[:NUM_CELLS].tolist() == [(row + 5) * 16 + col + 5 for row, col in ORDER]
    assert (POSITION[ORDER[:, 0] + 5, ORDER[:, 1] + 5] == np.arange(NUM_CELLS)).all()


def test_masks_hold_the_occupied_cells_of_every_window():
    rng = np.random.default_rng(0)
    for height, width in ((7, 9), (12, 50), (9, 54), (8, 70), (5, 130)):
        cells = rng.random((height, width)) < 0.4
        words = (width + 2 * PAD + 63) // 64
        wide = np.zeros((height + 2 * PAD, words * 64), bool)
        wide[PAD : PAD + height, PAD : PAD + width] = cells
        bits = np.packbits(wide, axis=1, bitorder="little").view(np.uint64)
        out = np.zeros((height, width, 2), np.uint64)
        masks(bits, out)
        for row in range(height):
            for col in range(width):
                mask = int(out[row, col, 0]) | int(out[row, col, 1]) << 64
                for position, (rows, cols) in enumerate(ORDER.tolist()):
                    seen = wide[row + rows + PAD, col + cols + PAD]
                    assert (mask >> position & 1) == seen, (row, col, rows, cols)
