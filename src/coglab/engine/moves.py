"""The four moves. In here: no numba, so that what only lists actions stays light."""

from __future__ import annotations

import numpy as np

MOVES = ("north", "south", "west", "east")
ROW_STEP = np.array([-1, 1, 0, 0], np.int64)
"""[4] rows that a move goes."""
COL_STEP = np.array([0, 0, -1, 1], np.int64)
"""[4] columns that a move goes."""
