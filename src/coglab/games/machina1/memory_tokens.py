"""Reading an observation of machina_1 from its tokens: own numbers, walls, stations, other agents."""

from __future__ import annotations

import numpy as np

from coglab.engine.jit import inlined
from coglab.games.machina1 import memory_layout as layout
from coglab.games.machina1.memory_state import (
    MAX_OTHERS,
    UNLIMITED,
)

WINDOW = 11
HALF = 5
NUM_TOKENS = 200
TOKEN_BYTES = 3 * NUM_TOKENS
NUM_FEATURES = 52
OWN_LOCATION = 85

# Feature ids of the observation (rules, section 5).
COMPLETION_FEATURE, ACTION_FEATURE, VIBE_FEATURE, COMPASS_FEATURE, TAG_FEATURE = 2, 3, 6, 7, 8
COOLDOWN_FEATURE, USES_FEATURE = 9, 11
ENERGY_FEATURE, CARBON_FEATURE, HEART_FEATURE = 12, 14, 22
TAG_AGENT, TAG_WALL = layout.TAG_AGENT, layout.TAG_WALL
KIND_OF_TAG = np.array(layout.KIND_OF_TAG, dtype=np.int64)
NUM_TAGS = len(layout.KIND_OF_TAG)
NO_KIND = layout.NO_KIND

# Columns of the scratch lists of what a window shows.
FOUND_ROW, FOUND_COLUMN, FOUND_KIND, FOUND_USES, FOUND_COOLDOWN = 0, 1, 2, 3, 4
OTHER_ROW, OTHER_COLUMN, OTHER_VIBE, OTHER_HEART, OTHER_CARGO = 0, 1, 2, 3, 4
OTHER_SIZE = 8


@inlined
def parse_own(tokens, own):
    """Read the tokens of the agent's own cell and of the game into `own[f]`; returns the offset of the next.

    `tokens`: u8 [600]. Offsets are unsigned: signed ones would be checked for being negative at every access.
    """
    for f in range(np.uint64(NUM_FEATURES)):
        own[f] = 0
    one, two, three = np.uint64(1), np.uint64(2), np.uint64(3)
    at = np.uint64(0)
    end = np.uint64(TOKEN_BYTES)
    while at < end:
        feature = tokens[at + one]
        if tokens[at] == OWN_LOCATION:
            if feature < NUM_FEATURES:
                own[feature] = tokens[at + two]
        elif feature != COMPASS_FEATURE:
            # The compass lies in a neighbouring cell, but between the tokens of the game and those of the own cell.
            break
        at += three
    return at


@inlined
def parse_cells(tokens, first, walls, stations, found, others):
    """Read the tokens of the window's other cells, from offset `first` on.

    Writes the wall and station bits of the 11 window rows, the list `found` of stations and the list `others` of
    agents. Returns (stations, agents, Manhattan radius up to which cells were told).
    """
    for i in range(np.uint64(WINDOW)):
        walls[i] = np.uint64(0)
        stations[i] = np.uint64(0)
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
        value = np.int64(tokens[at + two])
        row = location >> np.uint64(4)
        column = location & np.uint64(15)
        at += three
        if feature == TAG_FEATURE and value == TAG_WALL:
            walls[row] |= bit << column
            continue
        tag = -1
        vibe = 0
        heart = 0
        uses = UNLIMITED
        cooldown = 0
        carbon = oxygen = germanium = silicon = 0
        while True:
            if feature == TAG_FEATURE:
                tag = value
            elif feature == VIBE_FEATURE:
                vibe = value
            elif feature == HEART_FEATURE:
                heart = value
            elif feature == USES_FEATURE:
                uses = value
            elif feature == COOLDOWN_FEATURE:
                cooldown = value
            elif feature == CARBON_FEATURE:
                carbon = value
            elif feature == CARBON_FEATURE + 2:
                oxygen = value
            elif feature == CARBON_FEATURE + 4:
                germanium = value
            elif feature == CARBON_FEATURE + 6:
                silicon = value
            if at >= end or tokens[at] != location:
                break
            feature = tokens[at + one]
            value = np.int64(tokens[at + two])
            at += three
        if tag == TAG_AGENT:
            if num_others < MAX_OTHERS:
                others[num_others, OTHER_ROW] = np.int64(row)
                others[num_others, OTHER_COLUMN] = np.int64(column)
                others[num_others, OTHER_VIBE] = vibe
                others[num_others, OTHER_HEART] = heart
                others[num_others, OTHER_CARGO] = carbon
                others[num_others, OTHER_CARGO + 1] = oxygen
                others[num_others, OTHER_CARGO + 2] = germanium
                others[num_others, OTHER_CARGO + 3] = silicon
                num_others += 1
            continue
        kind = NO_KIND
        if tag >= 0 and tag < NUM_TAGS:
            kind = np.int64(KIND_OF_TAG[tag])
        if kind == NO_KIND:
            # The compass marks a cell that may be empty; a tag that this game does not have is an obstacle.
            if tag >= 0:
                walls[row] |= bit << column
            continue
        stations[row] |= bit << column
        found[num_found, FOUND_ROW] = np.int64(row)
        found[num_found, FOUND_COLUMN] = np.int64(column)
        found[num_found, FOUND_KIND] = kind
        found[num_found, FOUND_USES] = uses
        found[num_found, FOUND_COOLDOWN] = cooldown
        num_found += 1
    radius = 2 * HALF
    if at >= end:
        # All 200 tokens are in use, so farther cells may have been cut off: trust only what is nearer than the last.
        radius = abs(np.int64(location >> np.uint64(4)) - HALF)
        radius += abs(np.int64(location & np.uint64(15)) - HALF) - 1
    return num_found, num_others, radius
