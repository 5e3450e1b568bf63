"""Planes of the short search: free ground, targets by class, levels; all in one array of words.

The array is `work` u64 [WORK_SIZE]. A plane has two boards of HEIGHT words, for the low and the high word of the 128-bit
rows; row r of the grid is line r + PAD. A near search needs one word only: the 64 columns around the agent, cut out of
the row. Everything is written before it is read, so nothing has to be wiped.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from coglab.engine.jit import helper
from coglab.games.cogsguard.memory_boards import (
    BLOCKED,
    CLIPS,
    COGS,
    ELEMENT,
    ENEMY,
    FRIENDLY,
    KNOWN,
    NEAR,
    NEUTRAL,
    PLACE,
    REACH,
    SEEN_NEW,
    SEEN_OLD,
)
from coglab.games.cogsguard.route_classes import (
    ALIGN_BIT,
    ALIGN_HOME_BIT,
    CHEST_BIT,
    CLIPS_BIT,
    DEPOSIT_BIT,
    ELEMENT_BITS,
    FRONTIER_BIT,
    GROUND_BIT,
    HUB_BIT,
    MAX_DEPTH,
    NEAR_BIT,
    NEUTRAL_BIT,
    NUM_CLASSES,
    NUM_ELEMENTS,
    PATROL_BIT,
    REVISIT_BIT,
    SAFE_BIT,
    STATION_BITS,
    class_index,
)

HEIGHT = 120
"""Words per board: the rows of the grid and empty ones around them, 15 blocks of 8."""
PAD = 8
BEFORE = 16
"""Words before the first board, so that a search may look over its edge."""

FREE = 0
"""Free ground not reached yet."""
TARGET = 1
"""Targets of any class that were not touched yet."""
HIT = 2
"""Targets that the last level touched."""
BACK = 3
"""Two planes for the way back."""
CLASS = 5
"""First of the planes of the classes; those of chest and stations are not used, they share PLACES."""
PLACES = CLASS + NUM_CLASSES
"""Chests, stations, the hub."""
LEVEL = PLACES + 1
"""The cells that are 0, 1, 2, ... moves away."""
LENGTH = BEFORE + (LEVEL + MAX_DEPTH + 2) * 2 * HEIGHT
"""From here on the lengths of the routes by class."""
CELLS = LENGTH + NUM_CLASSES
"""From here on, for classes whose targets are shared out, the cell of a nearest target: 128 * row + bit."""
WORK_SIZE = CELLS + NUM_CLASSES

CODED_BITS = CHEST_BIT | STATION_BITS
"""Classes whose objects only the object code tells apart."""

_PLANES = {
    name: class_index(name)
    for name in (
        "own_ground", "safe_ground", "frontier", "near_frontier", "neutral", "align", "align_home", "clips",
        "deposit", "hub", "revisit", "patrol",
    )
}  # fmt: skip
GROUND_PLANE = CLASS + _PLANES["own_ground"]
SAFE_PLANE = CLASS + _PLANES["safe_ground"]
FRONTIER_PLANE = CLASS + _PLANES["frontier"]
NEAR_PLANE = CLASS + _PLANES["near_frontier"]
NEUTRAL_PLANE = CLASS + _PLANES["neutral"]
ALIGN_PLANE = CLASS + _PLANES["align"]
ALIGN_HOME_PLANE = CLASS + _PLANES["align_home"]
CLIPS_PLANE = CLASS + _PLANES["clips"]
DEPOSIT_PLANE = CLASS + _PLANES["deposit"]
HUB_PLANE = CLASS + _PLANES["hub"]
REVISIT_PLANE = CLASS + _PLANES["revisit"]
PATROL_PLANE = CLASS + _PLANES["patrol"]


@helper
def at(plane, word):
    """Index of line 0 of a board."""
    return np.uint64(BEFORE + (2 * plane + word) * HEIGHT)


def _make_prepare(is_cut: bool) -> Any:
    """Make the kernel that fills free ground and targets; `is_cut`: with the 64 columns around the agent."""
    one = np.uint64(1)
    pad = np.uint64(PAD)

    @helper
    def get(boards, board, word, row, near, far):
        bits = boards[np.uint64(board), word, row]
        if is_cut:
            beside = boards[np.uint64(board), one - word, row]
            return (bits >> near) | ((beside << one) << far)
        return bits

    @helper
    def prepare(boards, work, todo, word, shift, begin, end):
        near = np.uint64(shift & 63)
        far = np.uint64(63 - (shift & 63))
        source = np.uint64(shift >> 6) if is_cut else np.uint64(word)
        free_at, target_at = at(FREE, word), at(TARGET, word)
        for line in range(begin, end):
            row = line - pad
            known = get(boards, KNOWN, source, row, near, far)
            work[free_at + line] = known & ~get(boards, BLOCKED, source, row, near, far)
            work[target_at + line] = np.uint64(0)
        if todo & (GROUND_BIT | SAFE_BIT):
            ground_at, safe_at = at(GROUND_PLANE, word), at(SAFE_PLANE, word)
            if todo & GROUND_BIT:
                for line in range(begin, end):
                    own = get(boards, FRIENDLY, source, line - pad, near, far)
                    bits = own & work[free_at + line]
                    work[ground_at + line] = bits
                    work[target_at + line] |= bits
            if todo & SAFE_BIT:
                for line in range(begin, end):
                    own = get(boards, FRIENDLY, source, line - pad, near, far)
                    enemy = get(boards, ENEMY, source, line - pad, near, far)
                    bits = own & work[free_at + line] & ~enemy
                    work[safe_at + line] = bits
                    work[target_at + line] |= bits
        if todo & FRONTIER_BIT:
            plane = at(FRONTIER_PLANE, word)
            for line in range(begin, end):
                bits = ~get(boards, KNOWN, source, line - pad, near, far)
                work[plane + line] = bits
                work[target_at + line] |= bits
        if todo & NEAR_BIT:
            plane = at(NEAR_PLANE, word)
            for line in range(begin, end):
                bits = ~get(boards, KNOWN, source, line - pad, near, far)
                bits &= get(boards, NEAR, source, line - pad, near, far)
                work[plane + line] = bits
                work[target_at + line] |= bits
        if todo & ELEMENT_BITS:
            for element in range(NUM_ELEMENTS):
                if (todo >> element) & 1:
                    plane = at(CLASS + element, word)
                    for line in range(begin, end):
                        bits = get(boards, ELEMENT + element, source, line - pad, near, far)
                        work[plane + line] = bits
                        work[target_at + line] |= bits
        if todo & (CODED_BITS | HUB_BIT):
            plane, hub = at(PLACES, word), at(HUB_PLANE, word)
            keep = ~np.uint64(0) if todo & CODED_BITS else np.uint64(0)
            for line in range(begin, end):
                places = get(boards, PLACE, source, line - pad, near, far)
                bits = places & get(boards, COGS, source, line - pad, near, far)
                work[plane + line] = places
                work[hub + line] = bits
                work[target_at + line] |= bits | (places & keep)
        if todo & DEPOSIT_BIT:
            plane = at(DEPOSIT_PLANE, word)
            for line in range(begin, end):
                bits = get(boards, COGS, source, line - pad, near, far)
                work[plane + line] = bits
                work[target_at + line] |= bits
        if todo & CLIPS_BIT:
            plane = at(CLIPS_PLANE, word)
            for line in range(begin, end):
                bits = get(boards, CLIPS, source, line - pad, near, far)
                work[plane + line] = bits
                work[target_at + line] |= bits
        if todo & (NEUTRAL_BIT | ALIGN_BIT | ALIGN_HOME_BIT):
            plane, align = at(NEUTRAL_PLANE, word), at(ALIGN_PLANE, word)
            home = at(ALIGN_HOME_PLANE, word)
            keep = ~np.uint64(0) if todo & NEUTRAL_BIT else np.uint64(0)
            keep_align = ~np.uint64(0) if todo & ALIGN_BIT else np.uint64(0)
            for line in range(begin, end):
                bits = get(boards, NEUTRAL, source, line - pad, near, far)
                calm = bits & get(boards, REACH, source, line - pad, near, far)
                calm &= ~get(boards, ENEMY, source, line - pad, near, far)
                own = calm & get(boards, FRIENDLY, source, line - pad, near, far)
                work[plane + line] = bits
                work[align + line] = calm
                work[home + line] = own
                work[target_at + line] |= (bits & keep) | (calm & keep_align) | own
        if todo & (PATROL_BIT | REVISIT_BIT):
            plane, revisit = at(PATROL_PLANE, word), at(REVISIT_PLANE, word)
            keep = ~np.uint64(0) if todo & PATROL_BIT else np.uint64(0)
            for line in range(begin, end):
                lately = get(boards, SEEN_NEW, source, line - pad, near, far)
                lately |= get(boards, SEEN_OLD, source, line - pad, near, far)
                ours = get(boards, COGS, source, line - pad, near, far)
                ours &= ~get(boards, PLACE, source, line - pad, near, far)
                bits = get(boards, NEUTRAL, source, line - pad, near, far)
                bits &= get(boards, REACH, source, line - pad, near, far)
                bits = (bits | ours) & ~lately
                work[plane + line] = bits
                work[revisit + line] = ours & ~lately
                work[target_at + line] |= (bits & keep) | (ours & ~lately)

    return prepare


prepare_row = _make_prepare(False)
"""`prepare_row(boards, work, todo, word, shift, begin, end)`: fill one word of the lines [begin, end) for the classes `todo`.

`boards`: u64 [NUM_BOARDS, 2, ROWS] of the memory; `begin`, `end`: uint64; `shift` is not used.
"""
prepare_cut = _make_prepare(True)
"""As `prepare_row`, for bits `shift` to `shift + 63` of the 128-bit rows, which wrap; `word` is 0."""
