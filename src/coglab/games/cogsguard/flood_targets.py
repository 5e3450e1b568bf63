"""Free ground and targets of the flood: which planes there are, how they are filled, and what is taken off again.

All boards of a flood lie in one array `work` u64 [WORK_SIZE], at constant offsets, and loops cover whole blocks of 8 rows:
so the compiler turns the row loops into vector code. Between two floods every plane of the two levels is zero.
"""

from __future__ import annotations

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
    AREA_BITS,
    CLIPS_BIT,
    COGS_BITS,
    DEPOSIT_BIT,
    ELEMENT_BITS,
    FRONTIER_BIT,
    GROUND_BIT,
    NEAR_BIT,
    NEUTRAL_BIT,
    NEUTRAL_BITS,
    NUM_CLASSES,
    NUM_ELEMENTS,
    PATROL_BIT,
    PLACE_BITS,
    SAFE_BIT,
)

HEIGHT = 112
"""Words per plane: the rows of the grid and empty ones around them, 14 blocks of 8."""

PAD = 4
"""Row r of the grid is line r + PAD of a plane."""

BEFORE = 8
"""Words before the first plane, so that the flood may look over its edge."""

LEVEL_PLANES = 8
"""Planes of one level: 4 first moves for word 0 of the rows, then 4 for word 1."""
FREE = 2 * LEVEL_PLANES
"""First plane of the free ground not reached yet (word 0, then word 1); planes 0..7 and 8..15 are two levels in turn."""
TARGET = FREE + 2
HIT = TARGET + 2
LENGTH = BEFORE + (HIT + 2) * HEIGHT
"""From here on the lengths of the routes by class."""
MOVES = LENGTH + NUM_CLASSES
"""From here on the first moves of the routes by class."""
CELLS = MOVES + NUM_CLASSES
"""From here on, for classes of objects that are not extractors, the cell of a nearest target: 128 * row + bit."""
WORK_SIZE = CELLS + NUM_CLASSES
EDGE_COLUMNS = 0x8000000000000001
"""The columns of a word from which a flood goes on in the other word."""


@helper
def at(plane):
    """Index of line 0 of a plane."""
    return BEFORE + plane * HEIGHT


@helper
def keep_known(work, word, known, near, keep_near, first, last):
    """Take unknown cells off the targets, those near own ground only if `keep_near` is 0."""
    start = np.uint64(at(TARGET + word))
    for line in range(first, last):
        row = line - np.uint64(PAD)
        work[start + line] &= known[row] | (near[row] & keep_near)


@helper
def drop_ground(work, word, known, blocked, enemy, keep_safe, first, last):
    """Take free cells off the targets, those outside enemy ground only if `keep_safe` is 0."""
    start = np.uint64(at(TARGET + word))
    for line in range(first, last):
        row = line - np.uint64(PAD)
        work[start + line] &= blocked[row] | ~known[row] | (keep_safe & ~enemy[row])


@helper
def drop_objects(work, word, objects, first, last):
    """Take the cells of one board off the targets."""
    start = np.uint64(at(TARGET + word))
    for line in range(first, last):
        work[start + line] &= ~objects[line - np.uint64(PAD)]


@helper
def drop_seen(work, word, ours, places, seen, seen_before, first, last):
    """Take junctions of ours that were seen lately off the targets: what is left to find are the others."""
    start = np.uint64(at(TARGET + word))
    for line in range(first, last):
        row = line - np.uint64(PAD)
        work[start + line] &= ~(ours[row] & (seen[row] | seen_before[row])) | places[row]


@helper
def all_if(condition):
    """A word of ones if the condition holds, else of zeros."""
    return ~np.uint64(0) if condition else np.uint64(0)


@helper
def prepare(boards, todo, words, work, top, bottom):
    """Fill the planes of free ground and of targets for the lines [top, bottom)."""
    first, last = np.uint64(top), np.uint64(bottom)
    unknown = all_if(todo & FRONTIER_BIT)
    near = all_if(todo & NEAR_BIT)
    ground = all_if(todo & GROUND_BIT)
    safe = all_if(todo & SAFE_BIT)
    oxygen, carbon, germanium, silicon = (
        all_if(todo & 1),
        all_if(todo & 2),
        all_if(todo & 4),
        all_if(todo & 8),
    )
    place = all_if(todo & PLACE_BITS)
    ours = all_if(todo & COGS_BITS)
    clips = all_if(todo & CLIPS_BIT)
    neutral = all_if(todo & NEUTRAL_BIT)
    in_reach = all_if(todo & (PATROL_BIT | ALIGN_BIT))
    at_home = all_if(todo & ALIGN_HOME_BIT)
    for word in range(words):
        free_at = np.uint64(at(FREE + word))
        target_at = np.uint64(at(TARGET + word))
        for line in range(first, last):
            row = line - np.uint64(PAD)
            seen = boards[KNOWN, word, row]
            own = boards[FRIENDLY, word, row]
            free = seen & ~boards[BLOCKED, word, row]
            neutrals = neutral | (boards[REACH, word, row] & in_reach) | (own & at_home)
            work[free_at + line] = free
            work[target_at + line] = (
                (~seen & (unknown | (near & boards[NEAR, word, row])))
                | (own & free & (ground | (safe & ~boards[ENEMY, word, row])))
                | (boards[ELEMENT, word, row] & oxygen)
                | (boards[ELEMENT + 1, word, row] & carbon)
                | (boards[ELEMENT + 2, word, row] & germanium)
                | (boards[ELEMENT + 3, word, row] & silicon)
                | (boards[PLACE, word, row] & place)
                | (boards[COGS, word, row] & ours)
                | (boards[CLIPS, word, row] & clips)
                | (boards[NEUTRAL, word, row] & neutrals)
            )


@helper
def prune(boards, found, todo, words, work, top, bottom):
    """Take off the targets what no class of `todo` looks for any more, now that the classes `found` were found.

    Not thorough: a target that nobody looks for costs a little time and does no harm. Targets that are few stay.
    """
    first, last = np.uint64(top), np.uint64(bottom)
    for word in range(words):
        if found & AREA_BITS:
            if found & (FRONTIER_BIT | NEAR_BIT) and todo & FRONTIER_BIT == 0:
                keep_near = all_if(todo & NEAR_BIT)
                keep_known(
                    work, word, boards[KNOWN, word], boards[NEAR, word], keep_near, first, last
                )
            if found & (GROUND_BIT | SAFE_BIT) and todo & GROUND_BIT == 0:
                keep_safe = all_if(todo & SAFE_BIT)
                drop_ground(
                    work,
                    word,
                    boards[KNOWN, word],
                    boards[BLOCKED, word],
                    boards[ENEMY, word],
                    keep_safe,
                    first,
                    last,
                )
        if found & ELEMENT_BITS:
            for element in range(NUM_ELEMENTS):
                if found & (1 << element):
                    drop_objects(work, word, boards[ELEMENT + element, word], first, last)
        if found & DEPOSIT_BIT:
            drop_seen(
                work,
                word,
                boards[COGS, word],
                boards[PLACE, word],
                boards[SEEN_NEW, word],
                boards[SEEN_OLD, word],
                first,
                last,
            )
        if found & NEUTRAL_BITS and todo & NEUTRAL_BITS == 0:
            drop_objects(work, word, boards[NEUTRAL, word], first, last)
        if found & CLIPS_BIT:
            drop_objects(work, word, boards[CLIPS, word], first, last)
