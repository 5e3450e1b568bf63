"""Cells of a map while it is drawn. In here: neither numpy nor numba, so that configurations may use it."""

from __future__ import annotations

EMPTY, START, WALL = 0, 254, 255
"""Floor, start pad, rock or wall; every other value is a game's own number of a kind of object."""

BORDER = 5
"""Cells of wall that surround the painted square of every drawn map."""
