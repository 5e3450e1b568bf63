"""Reading an observation from its tokens: what networks are given, and recorded observations."""

from __future__ import annotations

import numpy as np

from coglab.engine.jit import helper, kernel
from coglab.games.cogsguard import memory_layout as layout
from coglab.games.cogsguard.memory_boards import (
    CODE_CLIPS,
    CODE_COGS,
    CODE_NEUTRAL,
    CODE_UNKNOWN,
    HALF,
    MAX_OTHERS,
    NUM_TOKENS,
    OTHER_COLUMN,
    OTHER_GEAR,
    OTHER_HEARTS,
    OTHER_ROW,
    OTHER_VIBE,
)
from coglab.games.cogsguard.memory_kernels import NUM_OWN, begin_row, take_in
from coglab.games.cogsguard.memory_window import (
    SIGHT_OBJECTS,
    SIGHT_SIZE,
    SIGHT_WALLS,
    clear_sight,
)

TOKEN_BYTES = 3 * NUM_TOKENS
CODE_OF_TAG = np.array(layout.CODE_OF_TAG, dtype=np.uint8)


@helper
def parse_own(tokens, own):
    """Read the tokens of the agent's own cell and of the game into `own[f]`; returns (offset of the next, own vibe).

    `tokens`: u8 [600]. Offsets are unsigned: signed ones would be checked for being negative at every access.
    """
    for f in range(np.uint64(NUM_OWN)):
        own[f] = 0
    one, two, three = np.uint64(1), np.uint64(2), np.uint64(3)
    at = np.uint64(0)
    end = np.uint64(TOKEN_BYTES)
    vibe = 0
    while at < end and tokens[at] == 85:
        feature = tokens[at + one]
        if feature == 6:
            vibe = np.int64(tokens[at + two])
        elif feature < NUM_OWN:
            own[feature] = tokens[at + two]
        at += three
    return at, vibe


@helper
def parse_cells(tokens, first, sight, found, others):
    """Read the tokens of the window's other cells, from offset `first` on.

    Writes the wall and object bits of the 11 window rows into `sight`, the list `found` of objects (window row, window
    column, code) and the list `others` of agents. Returns (objects, agents, Manhattan radius up to which cells were told).
    """
    clear_sight(sight)
    one, two, three = np.uint64(1), np.uint64(2), np.uint64(3)
    end = np.uint64(TOKEN_BYTES)
    bit = np.uint64(1)
    num_found = 0
    num_others = 0
    at = first
    location = np.uint64(255)
    while at < end:
        location = np.uint64(tokens[at])
        if location == 255:
            break
        feature = tokens[at + one]
        value = tokens[at + two]
        row = location >> np.uint64(4)
        column = location & np.uint64(15)
        at += three
        if feature == 8 and value == 13:
            sight[np.uint64(SIGHT_WALLS) + row] |= bit << column
            continue
        tag = 0
        owner = -1
        vibe = 0
        gear = 0
        hearts = 0
        while True:
            if feature == 8:
                tag = np.int64(value)
            elif feature == 11:
                owner = np.int64(value)
            elif feature == 6:
                vibe = np.int64(value)
            elif feature == 18:
                hearts = np.int64(value)
            elif feature >= 32 and feature < 40 and (feature & 1) == 0:
                gear |= 1 << ((np.int64(feature) - 32) >> 1)
            if at >= end or tokens[at] != location:
                break
            feature = tokens[at + one]
            value = tokens[at + two]
            at += three
        if tag == 1:
            if num_others < MAX_OTHERS:
                others[num_others, OTHER_ROW] = np.int64(row)
                others[num_others, OTHER_COLUMN] = np.int64(column)
                others[num_others, OTHER_VIBE] = vibe
                others[num_others, OTHER_GEAR] = gear
                others[num_others, OTHER_HEARTS] = hearts
                num_others += 1
            continue
        code = CODE_UNKNOWN
        if tag > 0 and tag < 14:
            code = np.int64(CODE_OF_TAG[tag])
        if code == CODE_NEUTRAL and owner >= 0:
            code = CODE_COGS if owner == 1 else CODE_CLIPS
        sight[np.uint64(SIGHT_OBJECTS) + row] |= bit << column
        found[num_found, 0] = np.int64(row)
        found[num_found, 1] = np.int64(column)
        found[num_found, 2] = code
        num_found += 1
    radius = 2 * HALF
    if at >= end:
        # All 200 tokens are in use, so farther cells may have been cut off: trust only what is nearer than the last.
        radius = abs(np.int64(location >> np.uint64(4)) - HALF)
        radius += abs(np.int64(location & np.uint64(15)) - HALF) - 1
    return num_found, num_others, radius


@kernel
def update_rows(state, tokens, reset, first, last, agents_per_memory):
    """Take in one observation of each row in [first, last).

    Args:
        state: `MemoryState`, mutated in place.
        tokens: u8 [N, 600], read only.
        reset: u8 [N]; nonzero: the observation is the first of an episode, so the row forgets everything first.
        first: first row.
        last: row after the last.
        agents_per_memory: 1, or the number of agents that share one memory (rows of a team are contiguous).
    """
    own = np.zeros(NUM_OWN, dtype=np.uint8)
    sight = np.zeros(SIGHT_SIZE, dtype=np.uint64)
    found = np.zeros((NUM_TOKENS, 3), dtype=np.int64)
    shared = 1 if agents_per_memory > 1 else 0
    for n in range(first, last):
        m = n // agents_per_memory
        begin_row(state, n, m, n % agents_per_memory == 0, reset[n])
        at, vibe = parse_own(tokens[n], own)
        num_found, num_others, radius = parse_cells(tokens[n], at, sight, found, state.others[n])
        take_in(state, n, m, shared, own, vibe, sight, found, num_found, num_others, radius)
