"""`memory=full`: writes the whole map, as the simulator knows it, into the memory that a team shares.

No agent can know this, so no student can copy it: it is for upper bounds.
"""

from __future__ import annotations

import numpy as np

from coglab.engine.jit import kernel
from coglab.games.cogsguard import memory_layout as layout
from coglab.games.cogsguard import rules
from coglab.games.cogsguard.maps import PAD
from coglab.games.cogsguard.memory_boards import (
    BLOCKED,
    CENTRE_COLUMN,
    CENTRE_ROW,
    KNOWN,
    MAX_COLUMN_OFFSET,
    ROWS,
    SEEN_NEW,
    extend_span,
    put_object,
    rebuild_ground,
)
from coglab.games.cogsguard.memory_window import is_remembered

CODE_OF_KIND = np.array(layout.CODE_OF_TAG, dtype=np.int64)
CODE_NEUTRAL, CODE_COGS, CODE_CLIPS = layout.CODE_NEUTRAL, layout.CODE_COGS, layout.CODE_CLIPS
HUB = rules.HUB
FIRST_ELEMENT, LAST_ELEMENT = 1, 4


@kernel
def reveal_games(
    memory, info, objects, wall_bits, map_slot, object_value, is_new, first_env, last_env
):
    """Bring the shared memories of the games up to what the simulator knows.

    Args:
        memory: `MemoryState` with one memory per game, mutated.
        info: [M] of `maps.MAP`.
        objects: [M, O] of `maps.OBJECT`.
        wall_bits: u64 [M, R, W] walls of each map.
        map_slot: i32 [E] map of each game.
        object_value: u8 [E, O] amount of an extractor, owner of a junction (0 clips, 1 cogs, 255 none).
        is_new: bool [E] the game's episode has just begun.
        first_env: first game.
        last_env: game after the last.
    """
    for env in range(first_env, last_env):
        slot = map_slot[env]
        number = info[slot].objects
        hub = -1
        for i in range(number):
            if objects[slot, i].kind == HUB:
                hub = i
                break
        if hub < 0:
            continue
        up = np.int64(objects[slot, hub].row) - CENTRE_ROW
        left = np.int64(objects[slot, hub].col)
        ground = 0
        if is_new[env]:
            for row in range(max(1, -up), min(ROWS - 1, info[slot].height - up)):
                extend_span(memory, env, row)
                for map_column in range(info[slot].width):
                    column = map_column - left
                    if abs(column) > MAX_COLUMN_OFFSET:
                        continue
                    index = (column + CENTRE_COLUMN) & 127
                    bit = np.uint64(1) << np.uint64(index & 63)
                    place = map_column + PAD
                    wall = wall_bits[slot, row + up + PAD, place >> 6] >> np.uint64(place & 63)
                    memory.boards[env, KNOWN, index >> 6, row] |= bit
                    if wall & np.uint64(1):
                        memory.boards[env, BLOCKED, index >> 6, row] |= bit
                    if index == 0 or index >= 63:
                        memory.wide[env] = 1
            memory.version[env] += 1
        for i in range(number):
            row = np.int64(objects[slot, i].row) - up
            column = np.int64(objects[slot, i].col) - left
            if row < 1 or row >= ROWS - 1 or abs(column) > MAX_COLUMN_OFFSET:
                continue
            code = CODE_OF_KIND[objects[slot, i].kind]
            if code == CODE_NEUTRAL and object_value[env, i] < 2:
                code = CODE_COGS if object_value[env, i] == 1 else CODE_CLIPS
            elif code >= FIRST_ELEMENT and code <= LAST_ELEMENT and object_value[env, i] == 0:
                code = 0
            index = (column + CENTRE_COLUMN) & 127
            bit = np.uint64(1) << np.uint64(index & 63)
            if code == 0:
                memory.boards[env, BLOCKED, index >> 6, row] &= ~bit
                ground |= put_object(memory, env, row, column, 0)
            elif not is_remembered(memory.boards[env], memory.codes[env], row, column, code):
                memory.boards[env, BLOCKED, index >> 6, row] |= bit
                ground |= put_object(memory, env, row, column, code)
        for word in range(2):
            for row in range(ROWS):
                memory.boards[env, SEEN_NEW, word, row] = memory.boards[env, KNOWN, word, row]
        if ground:
            rebuild_ground(memory, env)
