"""The route classes as bit masks: which classes an object belongs to, and which have any target at all.

Names and meanings: `memory_layout.ROUTE_CLASSES`. The search itself: `flood.py`.
"""

from __future__ import annotations

import numpy as np

from coglab.engine.jit import helper
from coglab.games.cogsguard import memory_layout as layout
from coglab.games.cogsguard.memory_boards import (
    BLOCKED,
    CLIPS,
    COGS,
    ENEMY,
    FRIENDLY,
    KNOWN,
    NEAR,
    NEUTRAL,
    PLACE,
    REACH,
    ROWS,
    SEEN_NEW,
    SEEN_OLD,
)

NUM_CLASSES = len(layout.ROUTE_CLASSES)
NO_ROUTE = layout.NO_ROUTE
MAX_DEPTH = layout.MAX_DEPTH
NUM_CODES = layout.NUM_CODES
NUM_ELEMENTS = len(layout.ELEMENTS)
LARGEST_COST = 1e9
"""More than anything that `mine` weighs costs."""


def class_index(name: str) -> int:
    """Index of a route class."""
    return layout.ROUTE_INDEX[name]


def _class_bit(name: str) -> int:
    return 1 << class_index(name)


GROUND_CLASS = layout.ROUTE_INDEX["own_ground"]
SAFE_CLASS = layout.ROUTE_INDEX["safe_ground"]
FRONTIER_CLASS = layout.ROUTE_INDEX["frontier"]
NEAR_CLASS = layout.ROUTE_INDEX["near_frontier"]
MINE_CLASS = layout.ROUTE_INDEX["mine"]

GROUND_BIT = _class_bit("own_ground")
SAFE_BIT = _class_bit("safe_ground")
FRONTIER_BIT = _class_bit("frontier")
NEAR_BIT = _class_bit("near_frontier")
ALIGN_BIT = _class_bit("align")
ALIGN_HOME_BIT = _class_bit("align_home")
NEUTRAL_BIT = _class_bit("neutral")
CLIPS_BIT = _class_bit("clips")
DEPOSIT_BIT = _class_bit("deposit")
HUB_BIT = _class_bit("hub")
CHEST_BIT = _class_bit("chest")
REVISIT_BIT = _class_bit("revisit")
PATROL_BIT = _class_bit("patrol")
STATION_BITS = sum(_class_bit(f"{name}_station") for name in layout.GEARS)

ELEMENT_BITS = (1 << NUM_ELEMENTS) - 1
"""The elements are the first classes."""
AREA_BITS = GROUND_BIT | SAFE_BIT | FRONTIER_BIT | NEAR_BIT
"""Classes whose targets are whole areas of cells, not objects."""
NEUTRAL_BITS = NEUTRAL_BIT | ALIGN_BIT | ALIGN_HOME_BIT | PATROL_BIT
"""Classes that a neutral junction can belong to."""
COGS_BITS = DEPOSIT_BIT | REVISIT_BIT | PATROL_BIT
"""Classes that a junction of ours can belong to."""
JUNCTION_BITS = ALIGN_BIT | ALIGN_HOME_BIT | REVISIT_BIT | PATROL_BIT
"""Classes of junctions that depend on the ground they stand on or on when they were seen."""
PLACE_BITS = CHEST_BIT | HUB_BIT | STATION_BITS
"""Classes of objects that never change."""
MINE_CHOICES = ELEMENT_BITS | FRONTIER_BIT
"""What `mine` chooses from: the four elements and unknown ground."""

CLASSES_OF_CODE = np.zeros(NUM_CODES, dtype=np.int64)
for _i, _name in enumerate(layout.ELEMENTS):
    CLASSES_OF_CODE[1 + _i] = _class_bit(_name)
for _i, _name in enumerate(layout.GEARS):
    CLASSES_OF_CODE[layout.CODE_STATION + _i] = _class_bit(f"{_name}_station")
CLASSES_OF_CODE[layout.CODE_CHEST] = _class_bit("chest")
CLASSES_OF_CODE[layout.CODE_HUB] = _class_bit("hub") | _class_bit("deposit")
CLASSES_OF_CODE[layout.CODE_NEUTRAL] = (
    _class_bit("neutral") | ALIGN_BIT | ALIGN_HOME_BIT | PATROL_BIT
)
CLASSES_OF_CODE[layout.CODE_COGS] = _class_bit("deposit") | REVISIT_BIT | PATROL_BIT
CLASSES_OF_CODE[layout.CODE_CLIPS] = _class_bit("clips")


@helper
def classes_of_cell(boards, codes, word, row, bit):
    """Bit mask of the route classes that the object in a cell belongs to.

    Asks the boards first: they are in use already, a look at the codes costs a wait for memory.

    Args:
        boards: u64 [NUM_BOARDS, 2, ROWS] of the memory.
        codes: u8 [ROWS, 128] of the memory.
        word: word of the row.
        row: grid row.
        bit: bit of the cell in the word.
    """
    here = np.uint64(1) << np.uint64(bit)
    lately = (boards[SEEN_NEW, word, row] | boards[SEEN_OLD, word, row]) & here != 0
    if boards[NEUTRAL, word, row] & here != 0:
        classes = NEUTRAL_BIT
        if boards[REACH, word, row] & here != 0:
            if not lately:
                classes |= PATROL_BIT
            if boards[ENEMY, word, row] & here == 0:
                classes |= ALIGN_BIT
                if boards[FRIENDLY, word, row] & here != 0:
                    classes |= ALIGN_HOME_BIT
        return classes
    if boards[CLIPS, word, row] & here != 0:
        return CLIPS_BIT
    if boards[COGS, word, row] & ~boards[PLACE, word, row] & here != 0:
        return DEPOSIT_BIT if lately else COGS_BITS
    return CLASSES_OF_CODE[codes[row, 64 * word + bit]]


@helper
def has_frontier(boards, span, is_wide, only_near):
    """True if unknown ground borders on known free ground; `only_near`: unknown ground in the board NEAR."""
    one, top_bit = np.uint64(1), np.uint64(63)
    first = np.uint64(max(span[0] - 1, 1))
    last = np.uint64(min(span[1] + 2, ROWS - 1))
    for index in range(2 if is_wide else 1):
        word, other = np.uint64(index), np.uint64(1 - index)
        for row in range(first, last):
            unknown = ~boards[KNOWN, word, row]
            if only_near:
                unknown &= boards[NEAR, word, row]
            if unknown == 0:
                continue
            free = boards[KNOWN, word, row] & ~boards[BLOCKED, word, row]
            above = boards[KNOWN, word, row - one] & ~boards[BLOCKED, word, row - one]
            below = boards[KNOWN, word, row + one] & ~boards[BLOCKED, word, row + one]
            beside = boards[KNOWN, other, row] & ~boards[BLOCKED, other, row]
            beside = (beside << top_bit) | (beside >> top_bit)
            if (above | below | (free << one) | (free >> one) | beside) & unknown != 0:
                return True
        for row, beyond in ((1, 0), (ROWS - 2, ROWS - 1)):
            edge = boards[KNOWN, word, row] & ~boards[BLOCKED, word, row]
            if only_near:
                edge &= boards[NEAR, word, beyond]
            if edge != 0:
                return True
    return False


@helper
def has_ground(boards, span, is_wide, only_safe):
    """True if there is free own ground; `only_safe`: outside enemy ground."""
    for index in range(2 if is_wide else 1):
        word = np.uint64(index)
        for row in range(np.uint64(max(span[0], 0)), np.uint64(span[1] + 1)):
            own = boards[FRIENDLY, word, row] & boards[KNOWN, word, row]
            own &= ~boards[BLOCKED, word, row]
            if only_safe:
                own &= ~boards[ENEMY, word, row]
            if own != 0:
                return True
    return False


@helper
def junctions_present(boards, span, is_wide):
    """Those of `align`, `align_home`, `revisit` and `patrol` that have a target."""
    present = 0
    for index in range(2 if is_wide else 1):
        word = np.uint64(index)
        for row in range(np.uint64(max(span[0], 0)), np.uint64(span[1] + 1)):
            neutral, ours = boards[NEUTRAL, word, row], boards[COGS, word, row]
            if (neutral | ours) == 0:
                continue
            lately = boards[SEEN_NEW, word, row] | boards[SEEN_OLD, word, row]
            calm = ~boards[ENEMY, word, row]
            in_reach = neutral & boards[REACH, word, row]
            ours &= ~boards[PLACE, word, row] & ~lately
            present |= ALIGN_BIT if in_reach & calm != 0 else 0
            present |= ALIGN_HOME_BIT if neutral & boards[FRIENDLY, word, row] & calm != 0 else 0
            present |= REVISIT_BIT if ours != 0 else 0
            present |= PATROL_BIT if (ours | (in_reach & ~lately)) != 0 else 0
            if present == JUNCTION_BITS:
                return present
    return present


@helper
def classes_present(boards, counts, span, is_wide, wanted, junctions):
    """The classes of which the memory holds at least one target that may be reachable; the others need no search.

    Args:
        boards: u64 [NUM_BOARDS, 2, ROWS] of the memory.
        counts: i32 [NUM_CODES] of the memory.
        span: i32 [2] of the memory.
        is_wide: something is known in the second word of a row.
        wanted: bit mask of the classes that matter.
        junctions: those of JUNCTION_BITS that have targets, see `junctions_present`.
    """
    present = 0
    for code in range(1, NUM_CODES):
        if counts[code] > 0:
            present |= CLASSES_OF_CODE[code]
    present = (present & ~JUNCTION_BITS) | junctions
    if wanted & FRONTIER_BIT and has_frontier(boards, span, is_wide, False):
        present |= FRONTIER_BIT
    if wanted & NEAR_BIT and has_frontier(boards, span, is_wide, True):
        present |= NEAR_BIT
    if wanted & GROUND_BIT and has_ground(boards, span, is_wide, False):
        present |= GROUND_BIT
    if wanted & SAFE_BIT and has_ground(boards, span, is_wide, True):
        present |= SAFE_BIT
    return present & wanted
