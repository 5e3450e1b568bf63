"""Planes of the short search: free ground, targets by class, levels; all in one array of words.

The array is `work` u64 [WORK_SIZE]. A plane has two boards of HEIGHT words, for the low and the high word of the 128-bit
rows; row r of the grid is line r + PAD. A near search needs one word only: the 64 columns around the agent, cut out of
the row. Everything is written before it is read, so nothing has to be wiped.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from coglab.engine.bit_blocks import clear_block, make_combine
from coglab.engine.jit import helper
from coglab.games.cogsguard import memory_layout as layout
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
    ROWS,
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
CLASS = 3
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


@helper
def at(plane, word):
    """Index of line 0 of a board."""
    return np.uint64(BEFORE + (2 * plane + word) * HEIGHT)


def _fill(name: str, boards: tuple[int, ...], formula: Any) -> Any:
    """Make the helper that fills the plane of a class (or PLACES) and adds it to the targets."""
    plane = PLACES if name == "places" else CLASS + class_index(name)
    combine = make_combine(boards, formula, ROWS, is_cut=False)
    combine_cut = make_combine(boards, formula, ROWS, is_cut=True)

    @helper
    def fill(boards, work, word, source, near, begin, end):
        out, target = at(plane, word), at(TARGET, word)
        far = np.uint64(63) - near
        line = begin
        while line < end:
            row = line - np.uint64(PAD)
            if near == 0:
                combine(work, out + line, target + line, boards, source, row, near, far)
            else:
                combine_cut(work, out + line, target + line, boards, source, row, near, far)
            line += np.uint64(8)

    return fill


_free = make_combine(
    (KNOWN, BLOCKED), lambda known, blocked, c, d, e, f: known & ~blocked, ROWS, is_cut=True
)
_ground = _fill(
    "own_ground",
    (FRIENDLY, KNOWN, BLOCKED),
    lambda own, known, blocked, d, e, f: own & known & ~blocked,
)
_safe = _fill(
    "safe_ground",
    (FRIENDLY, KNOWN, BLOCKED, ENEMY),
    lambda own, known, blocked, enemy, e, f: own & known & ~(blocked | enemy),
)
_frontier = _fill("frontier", (KNOWN,), lambda known, b, c, d, e, f: ~known)
_near = _fill("near_frontier", (NEAR, KNOWN), lambda near, known, c, d, e, f: near & ~known)
_elements = tuple(
    _fill(name, (ELEMENT + i,), lambda element, b, c, d, e, f: element)
    for i, name in enumerate(layout.ELEMENTS)
)
_oxygen, _carbon, _germanium, _silicon = _elements
_places = _fill("places", (PLACE,), lambda place, b, c, d, e, f: place)
_hub = _fill("hub", (PLACE, COGS), lambda place, ours, c, d, e, f: place & ours)
_deposit = _fill("deposit", (COGS,), lambda ours, b, c, d, e, f: ours)
_clips = _fill("clips", (CLIPS,), lambda clips, b, c, d, e, f: clips)
_neutral = _fill("neutral", (NEUTRAL,), lambda neutral, b, c, d, e, f: neutral)
_align = _fill(
    "align",
    (NEUTRAL, REACH, ENEMY),
    lambda neutral, reach, enemy, d, e, f: neutral & reach & ~enemy,
)
_align_home = _fill(
    "align_home",
    (NEUTRAL, FRIENDLY, ENEMY),
    lambda neutral, own, enemy, d, e, f: neutral & own & ~enemy,
)
_revisit = _fill(
    "revisit",
    (COGS, PLACE, SEEN_NEW, SEEN_OLD),
    lambda ours, place, new, old, e, f: ours & ~(place | new | old),
)
_patrol = _fill(
    "patrol",
    (NEUTRAL, REACH, COGS, PLACE, SEEN_NEW, SEEN_OLD),
    lambda neutral, reach, ours, place, new, old: (
        ((neutral & reach) | (ours & ~place)) & ~(new | old)
    ),
)


@helper
def prepare(boards, work, todo, word, source, near, begin, end):
    """Fill one word of the lines [begin, end) with free ground and the targets of the classes `todo`.

    Args:
        boards: u64 [NUM_BOARDS, 2, ROWS] of the memory.
        work: u64 [WORK_SIZE].
        todo: bit mask of classes.
        word: word of the search's rows, 0 or 1.
        source: word of the memory's rows in which it begins, uint64 ...
        near: ... and the bit there, uint64; the rows wrap.
        begin: first line, a multiple of 8, uint64.
        end: line after the last, a multiple of 8, uint64.
    """
    free, target = at(FREE, word), at(TARGET, word)
    line = begin
    while line < end:
        # Free ground is no target: what that adds to the targets is cleared at once.
        row = line - np.uint64(PAD)
        _free(work, free + line, target + line, boards, source, row, near, np.uint64(63) - near)
        clear_block(work, target + line)
        line += np.uint64(8)
    if todo & GROUND_BIT:
        _ground(boards, work, word, source, near, begin, end)
    if todo & SAFE_BIT:
        _safe(boards, work, word, source, near, begin, end)
    if todo & FRONTIER_BIT:
        _frontier(boards, work, word, source, near, begin, end)
    if todo & NEAR_BIT:
        _near(boards, work, word, source, near, begin, end)
    if todo & ELEMENT_BITS:
        if todo & 1:
            _oxygen(boards, work, word, source, near, begin, end)
        if todo & 2:
            _carbon(boards, work, word, source, near, begin, end)
        if todo & 4:
            _germanium(boards, work, word, source, near, begin, end)
        if todo & 8:
            _silicon(boards, work, word, source, near, begin, end)
    if todo & CODED_BITS:
        _places(boards, work, word, source, near, begin, end)
    if todo & HUB_BIT:
        _hub(boards, work, word, source, near, begin, end)
    if todo & DEPOSIT_BIT:
        _deposit(boards, work, word, source, near, begin, end)
    if todo & CLIPS_BIT:
        _clips(boards, work, word, source, near, begin, end)
    if todo & NEUTRAL_BIT:
        _neutral(boards, work, word, source, near, begin, end)
    if todo & ALIGN_BIT:
        _align(boards, work, word, source, near, begin, end)
    if todo & ALIGN_HOME_BIT:
        _align_home(boards, work, word, source, near, begin, end)
    if todo & REVISIT_BIT:
        _revisit(boards, work, word, source, near, begin, end)
    if todo & PATROL_BIT:
        _patrol(boards, work, word, source, near, begin, end)
