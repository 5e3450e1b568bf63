"""Routes: one bit-parallel flood from the agent over known free ground, to the nearest target of every class.

How it works: level L of the flood holds, as bits of grid rows, the free cells that are L moves away. A class is found
at the first level that touches one of its targets; walking back from those targets through the stored levels leaves,
at level 1, exactly the first moves with which a shortest route can begin. Objects are targets but not ground, so the
last move of a route is the bump. Agents in neighbouring cells block the first move only.
"""

from __future__ import annotations

import numpy as np

from coglab.engine.jit import helper, kernel, trailing_zeros
from coglab.games.cogsguard import memory_layout as layout
from coglab.games.cogsguard.memory_kernels import (
    AGENT_BITS,
    BLOCKED,
    CENTRE_COLUMN,
    CENTRE_ROW,
    COGS,
    COLUMN,
    ENEMY,
    FRIENDLY,
    HAS_FRAME,
    KNOWN,
    MAX_COLUMN_OFFSET,
    NEUTRAL,
    OBJECT,
    OFF_GROUND,
    REACH,
    ROW,
    ROWS,
    S_ENERGY,
    S_HP,
    S_ON_ENEMY_MAP,
    SEEN_NEW,
    SEEN_OLD,
)

NUM_CLASSES = len(layout.ROUTE_CLASSES)
NO_ROUTE = layout.NO_ROUTE
MAX_DEPTH = layout.MAX_DEPTH
NUM_CODES = layout.NUM_CODES
CODE_COGS = layout.CODE_COGS
CODE_NEUTRAL = layout.CODE_NEUTRAL
S_TICKS_HOME = layout.SCALAR_INDEX["ticks_home"]
S_SLACK = layout.SCALAR_INDEX["slack"]

PAD = 3
"""Empty rows above and below the scratch boards, so that the flood may look over the edge."""
HEIGHT = ROWS + 2 * PAD

MAX_CELLS = 512
"""Objects that one level can touch: more than a ring of 120 moves has on any map."""


def _class_bit(name: str) -> int:
    return 1 << layout.ROUTE_INDEX[name]


GROUND_CLASS = layout.ROUTE_INDEX["own_ground"]
FRONTIER_CLASS = layout.ROUTE_INDEX["frontier"]
GROUND_BIT = _class_bit("own_ground")
ALIGN_BIT = _class_bit("align")
REVISIT_BIT = _class_bit("revisit")
FRONTIER_BIT = _class_bit("frontier")

CLASSES_OF_CODE = np.zeros(NUM_CODES, dtype=np.int64)
for _i, _name in enumerate(layout.ELEMENTS):
    CLASSES_OF_CODE[1 + _i] = _class_bit(_name)
for _i, _name in enumerate(layout.GEARS):
    CLASSES_OF_CODE[layout.CODE_STATION + _i] = _class_bit(f"{_name}_station")
CLASSES_OF_CODE[layout.CODE_CHEST] = _class_bit("chest")
CLASSES_OF_CODE[layout.CODE_HUB] = _class_bit("hub") | _class_bit("deposit")
CLASSES_OF_CODE[layout.CODE_NEUTRAL] = _class_bit("neutral") | ALIGN_BIT
CLASSES_OF_CODE[layout.CODE_COGS] = _class_bit("deposit") | REVISIT_BIT
CLASSES_OF_CODE[layout.CODE_CLIPS] = _class_bit("clips")

@helper
def classes_of_cell(state, m, word, row, bit):
    """Bit mask of the route classes that the object in a cell belongs to."""
    code = state.codes[m, row, 64 * word + bit]
    classes = CLASSES_OF_CODE[code]
    here = np.uint64(1) << np.uint64(bit)
    if code == CODE_NEUTRAL:
        allowed = state.boards[m, REACH, word, row] & ~state.boards[m, ENEMY, word, row]
        if allowed & here == 0:
            classes &= ~ALIGN_BIT
    elif code == CODE_COGS:
        lately = state.boards[m, SEEN_NEW, word, row] | state.boards[m, SEEN_OLD, word, row]
        if lately & here != 0:
            classes &= ~REVISIT_BIT
    return classes


@helper
def classes_present(state, m, asked):
    """The asked classes of which the memory holds at least one target; the others need no search."""
    present = GROUND_BIT | FRONTIER_BIT
    for code in range(1, NUM_CODES):
        if state.counts[m, code] > 0:
            present |= CLASSES_OF_CODE[code]
    present &= asked
    if present & (ALIGN_BIT | REVISIT_BIT):
        align = np.uint64(0)
        stale = np.uint64(0)
        for word in range(2):
            for row in range(ROWS):
                align |= (
                    state.boards[m, NEUTRAL, word, row]
                    & state.boards[m, REACH, word, row]
                    & ~state.boards[m, ENEMY, word, row]
                )
                stale |= state.boards[m, COGS, word, row] & ~(
                    state.boards[m, SEEN_NEW, word, row] | state.boards[m, SEEN_OLD, word, row]
                )
        if align == 0:
            present &= ~ALIGN_BIT
        if stale == 0:
            present &= ~REVISIT_BIT
    return present


@helper
def spread_one(near, level, free, out, top, bottom):
    """One-word rows: `out` = neighbours of `near` that are in `level` and `free`, rows [top, bottom] (uint64)."""
    one = np.uint64(1)
    for row in range(top, bottom + one):
        here = near[row]
        out[row] = (near[row - one] | near[row + one] | (here << one) | (here >> one)) & level[row] & free[row]


@helper
def spread_two(near, beside, level, free, out, top, bottom):
    """Two-word rows: as `spread_one`; `beside` is the other word of the same rows."""
    one = np.uint64(1)
    top_bit = np.uint64(63)
    for row in range(top, bottom + one):
        here = near[row]
        other = beside[row]
        sides = (here << one) | (here >> one) | (other << top_bit) | (other >> top_bit)
        out[row] = (near[row - one] | near[row + one] | sides) & level[row] & free[row]


@helper
def walk_back(levels, span, scratch, back, depth, low, high, words):
    """Walk the target bits in `back[0]` from level `depth` to level 1; returns the side (0 or 1) that holds the result.

    Args:
        levels: u64 [MAX_DEPTH + 2, 2, HEIGHT] flood levels; level L is at index L + 1.
        span: i64 [MAX_DEPTH + 2, 2] first and last row written at each level.
        scratch: u64 [2, 2, HEIGHT] free ground and targets.
        back: u64 [2, 2, HEIGHT] scratch: side, word, row; side 0 holds the targets, zero in the two rows around them.
        depth: level of the targets.
        low: first row with a target.
        high: last row with a target.
        words: words per row in use, 1 or 2.
    """
    side = 0
    for step in range(1, depth):
        level = depth - step + 1
        other = 1 - side
        low = max(low - 1, span[level, 0])
        high = min(high + 1, span[level, 1])
        for word in range(words):
            out = back[other, word]
            out[low - 2] = np.uint64(0)
            out[low - 1] = np.uint64(0)
            out[high + 1] = np.uint64(0)
            out[high + 2] = np.uint64(0)
            if words == 1:
                spread_one(back[side, 0], levels[level, 0], scratch[0, 0], out, np.uint64(low), np.uint64(high))
            else:
                spread_two(
                    back[side, word],
                    back[side, 1 - word],
                    levels[level, word],
                    scratch[0, word],
                    out,
                    np.uint64(low),
                    np.uint64(high),
                )
        side = other
    return side


@helper
def first_moves(back, side, row, index):
    """Mask of the agent's neighbour cells whose bits are set; `index` is the agent's column bit (0..127)."""
    moves = 0
    word = index >> 6
    bit = np.uint64(index & 63)
    one = np.uint64(1)
    if (back[side, word, row - 1] >> bit) & one:
        moves |= 1
    if (back[side, word, row + 1] >> bit) & one:
        moves |= 2
    west = (index - 1) & 127
    if (back[side, west >> 6, row] >> np.uint64(west & 63)) & one:
        moves |= 4
    east = (index + 1) & 127
    if (back[side, east >> 6, row] >> np.uint64(east & 63)) & one:
        moves |= 8
    return moves


@helper
def prepare(state, m, todo, words, scratch):
    """Free ground (`scratch[0]`) and targets (`scratch[1]`) of the flood; `scratch` is u64 [2, 2, HEIGHT]."""
    every = ~np.uint64(0)
    unknown_counts = every if todo & FRONTIER_BIT else np.uint64(0)
    ground_counts = every if todo & GROUND_BIT else np.uint64(0)
    for word in range(words):
        known = state.boards[m, KNOWN, word]
        blocked = state.boards[m, BLOCKED, word]
        objects = state.boards[m, OBJECT, word]
        friendly = state.boards[m, FRIENDLY, word]
        free = scratch[0, word]
        target = scratch[1, word]
        pad = np.uint64(PAD)
        for row in range(np.uint64(ROWS)):
            open_ground = known[row] & ~blocked[row]
            free[row + pad] = open_ground
            target[row + pad] = objects[row] | (~known[row] & unknown_counts) | (open_ground & friendly[row] & ground_counts)


@helper
def grow_one(last, before, free, target, out, top, bottom):
    """One-word rows: `out` = cells next to free cells of `last` that are not in `before`; returns the targets met.

    On a grid the neighbours of level L - 1 lie in level L - 2 or L, so no board of visited cells is needed. Blocked
    cells may be met again later; their first meeting is what counts.
    """
    one = np.uint64(1)
    touched = np.uint64(0)
    for row in range(top, bottom + one):
        here = last[row] & free[row]
        near = (last[row - one] & free[row - one]) | (last[row + one] & free[row + one]) | (here << one) | (here >> one)
        new = near & ~before[row]
        out[row] = new
        touched |= new & target[row]
    return touched


@helper
def grow_two(last, last_beside, before, free, free_beside, target, out, top, bottom):
    """Two-word rows: as `grow_one`; `..._beside` is the other word of the same rows."""
    one = np.uint64(1)
    top_bit = np.uint64(63)
    touched = np.uint64(0)
    for row in range(top, bottom + one):
        here = last[row] & free[row]
        other = last_beside[row] & free_beside[row]
        near = (last[row - one] & free[row - one]) | (last[row + one] & free[row + one])
        near |= (here << one) | (here >> one) | (other << top_bit) | (other >> top_bit)
        new = near & ~before[row]
        out[row] = new
        touched |= new & target[row]
    return touched


@helper
def grow(levels, span, scratch, level, low, high, words):
    """Flood `level` from the one before over rows [low, high]; returns nonzero if it touched a target.

    Level 0 is the agent's cell, stored at index 1 of `levels`; index 0 is an empty level before it.
    """
    touched = np.uint64(0)
    top = np.uint64(low)
    bottom = np.uint64(high)
    for word in range(words):
        out = levels[level + 1, word]
        for i in range(1, 3):
            out[low - i] = np.uint64(0)
            out[high + i] = np.uint64(0)
        last = levels[level, word]
        before = levels[level - 1, word]
        if words == 1:
            touched |= grow_one(last, before, scratch[0, 0], scratch[1, 0], out, top, bottom)
        else:
            touched |= grow_two(
                last,
                levels[level, 1 - word],
                before,
                scratch[0, word],
                scratch[0, 1 - word],
                scratch[1, word],
                out,
                top,
                bottom,
            )
    span[level + 1, 0] = low
    span[level + 1, 1] = high
    return touched


@helper
def clear_back(back, low, high, words):
    """Zero side 0 of the scratch for targets in rows [low, high]."""
    for word in range(words):
        for row in range(low - 2, high + 3):
            back[0, word, row] = np.uint64(0)


@helper
def collect(state, m, levels, scratch, level, top, bottom, words, todo, cells):
    """List the objects of wanted classes that this level touched, and take them off the targets.

    Writes `cells` i64 [., 4] (row, word, bit, classes); returns (number of cells, classes found).
    """
    found = 0
    num_cells = 0
    for word in range(words):
        for line in range(top, bottom + 1):
            hits = levels[level + 1, word, line] & scratch[1, word, line]
            if hits == 0:
                continue
            if (todo & FRONTIER_BIT) and (hits & ~state.boards[m, KNOWN, word, line - PAD]) != 0:
                found |= FRONTIER_BIT
            if (todo & GROUND_BIT) and (hits & scratch[0, word, line]) != 0:
                found |= GROUND_BIT
            things = hits & state.boards[m, OBJECT, word, line - PAD]
            scratch[1, word, line] &= ~things
            while things != 0:
                bit = trailing_zeros(things)
                things &= things - np.uint64(1)
                classes = classes_of_cell(state, m, word, line - PAD, bit) & todo
                if classes != 0 and num_cells < MAX_CELLS:
                    cells[num_cells, 0] = line
                    cells[num_cells, 1] = word
                    cells[num_cells, 2] = bit
                    cells[num_cells, 3] = classes
                    num_cells += 1
                    found |= classes
    return num_cells, found


@helper
def settle(state, n, m, levels, span, scratch, back, level, top, bottom, words, todo, cells, row, index):
    """Record every class whose nearest targets were touched at this level; returns the classes still to be found."""
    num_cells, found = collect(state, m, levels, scratch, level, top, bottom, words, todo, cells)
    for route in range(NUM_CLASSES):
        mask = 1 << route
        if found & mask == 0:
            continue
        low = HEIGHT
        high = 0
        if mask == FRONTIER_BIT or mask == GROUND_BIT:
            clear_back(back, top, bottom, words)
            for word in range(words):
                for line in range(top, bottom + 1):
                    wanted = levels[level + 1, word, line] & scratch[1, word, line]
                    if mask == FRONTIER_BIT:
                        wanted &= ~state.boards[m, KNOWN, word, line - PAD]
                    else:
                        wanted &= scratch[0, word, line]
                    back[0, word, line] = wanted
                    if wanted != 0:
                        low = min(low, line)
                        high = max(high, line)
        else:
            for i in range(num_cells):
                if cells[i, 3] & mask:
                    low = min(low, cells[i, 0])
                    high = max(high, cells[i, 0])
            clear_back(back, low, high, words)
            for i in range(num_cells):
                if cells[i, 3] & mask:
                    back[0, cells[i, 1], cells[i, 0]] |= np.uint64(1) << np.uint64(cells[i, 2])
        side = walk_back(levels, span, scratch, back, level, low, high, words)
        state.route_dist[n, route] = level
        state.route_move[n, route] = first_moves(back, side, row + PAD, index)
    if found & (FRONTIER_BIT | GROUND_BIT):
        # These two fill whole areas with targets: stop looking at them once found.
        for word in range(words):
            for line in range(ROWS):
                if found & FRONTIER_BIT:
                    scratch[1, word, line + PAD] &= state.boards[m, KNOWN, word, line]
                if found & GROUND_BIT:
                    scratch[1, word, line + PAD] &= ~scratch[0, word, line + PAD]
    return todo & ~found


@helper
def block_first_step(levels, row, index, agents, words):
    """Take the cells of neighbouring agents out of level 1; they may still be reached later, by a detour."""
    for d in range(4):
        if (agents >> d) & 1 == 0:
            continue
        line = row + PAD + (-1 if d == 0 else (1 if d == 1 else 0))
        cell = (index + (-1 if d == 2 else (1 if d == 3 else 0))) & 127
        word = cell >> 6
        if word < words:
            levels[2, word, line] &= ~(np.uint64(1) << np.uint64(cell & 63))


@helper
def flood(state, n, m, asked, levels, span, scratch, back, cells):
    """Compute the asked routes of row `n`."""
    for route in range(NUM_CLASSES):
        if (asked >> route) & 1:
            state.route_dist[n, route] = NO_ROUTE
            state.route_move[n, route] = 0
    column = np.int64(state.body[n, COLUMN])
    row = np.int64(state.body[n, ROW]) + CENTRE_ROW
    if state.body[n, HAS_FRAME] == 0 or abs(column) > MAX_COLUMN_OFFSET or row < 2 or row >= ROWS - 2:
        return
    todo = classes_present(state, m, asked)
    words = 2 if state.wide[m] else 1
    index = (column + CENTRE_COLUMN) & 127
    here = np.uint64(1) << np.uint64(index & 63)
    if (todo & GROUND_BIT) and (state.boards[m, FRIENDLY, index >> 6, row] & here) != 0:
        state.route_dist[n, GROUND_CLASS] = 0
        todo &= ~GROUND_BIT
    if todo == 0:
        return
    prepare(state, m, todo, words, scratch)
    line = row + PAD
    for word in range(words):
        for i in range(line - 3, line + 4):
            levels[0, word, i] = np.uint64(0)
            levels[1, word, i] = np.uint64(0)
    levels[1, index >> 6, line] = here
    scratch[0, index >> 6, line] |= here
    low = line
    high = line
    last = words - 1
    for level in range(1, MAX_DEPTH + 1):
        top = max(low - 1, PAD)
        bottom = min(high + 1, PAD + ROWS - 1)
        touched = grow(levels, span, scratch, level, top, bottom, words)
        if level == 1:
            # The start is never entered again, which keeps the two-level memory of the flood exact.
            scratch[0, index >> 6, line] &= ~here
            block_first_step(levels, row, index, np.int64(state.body[n, AGENT_BITS]), words)
        if touched != 0:
            todo = settle(
                state, n, m, levels, span, scratch, back, level, top, bottom, words, todo, cells, row, index
            )
            if todo == 0:
                return
        low = top
        high = bottom
        while low <= high and not (
            (levels[level + 1, 0, low] & scratch[0, 0, low]) | (levels[level + 1, last, low] & scratch[0, last, low])
        ):
            low += 1
        while high >= low and not (
            (levels[level + 1, 0, high] & scratch[0, 0, high])
            | (levels[level + 1, last, high] & scratch[0, last, high])
        ):
            high -= 1
        if low > high:
            return


@helper
def measure_way_home(state, n):
    """Fill `ticks_home` and `slack` from the route to own ground.

    Off own ground a move costs 3 of the energy that regrows by 1 a tick: (energy - 1) // 2 moves can be made at once,
    each later one takes three ticks. hp falls by 1 a tick, by 2 on enemy ground.
    """
    out = state.scalars
    hp = np.int64(out[n, S_HP])
    distance = np.int64(state.route_dist[n, GROUND_CLASS])
    if distance == NO_ROUTE:
        ticks = 255
    else:
        at_once = max((np.int64(out[n, S_ENERGY]) - 1) // 2, 0)
        ticks = distance if distance <= at_once else at_once + 3 * (distance - at_once)
        if distance == 0 and state.body[n, OFF_GROUND] == 0:
            ticks = 0
    ticks = min(ticks, 255)
    out[n, S_TICKS_HOME] = ticks
    out[n, S_SLACK] = max(hp - ticks * (1 + np.int64(out[n, S_ON_ENEMY_MAP])), -255)


@kernel
def route_rows(state, first, last, agents_per_memory, asked):
    """Compute the routes of the rows in [first, last) whose cell, neighbours or map changed.

    Args:
        state: `MemoryState`; writes `route_dist`, `route_move`, `routed` and the scalars `ticks_home` and `slack`.
        first: first row.
        last: row after the last.
        agents_per_memory: as in `update_rows`.
        asked: i64 [N] bit mask of the route classes wanted for each row (own ground is always computed).
    """
    levels = np.empty((MAX_DEPTH + 2, 2, HEIGHT), dtype=np.uint64)
    span = np.empty((MAX_DEPTH + 2, 2), dtype=np.int64)
    scratch = np.zeros((2, 2, HEIGHT), dtype=np.uint64)
    back = np.zeros((2, 2, HEIGHT), dtype=np.uint64)
    cells = np.empty((MAX_CELLS, 4), dtype=np.int64)
    for n in range(first, last):
        m = n // agents_per_memory
        wanted = asked[n] | GROUND_BIT
        cell = np.int64(state.body[n, ROW]) * 256 + np.int64(state.body[n, COLUMN])
        agents = np.int64(state.body[n, AGENT_BITS])
        if (
            state.routed[n, 0] != state.version[m]
            or state.routed[n, 1] != cell
            or state.routed[n, 2] != agents
            or (wanted & ~state.routed[n, 3]) != 0
        ):
            flood(state, n, m, wanted, levels, span, scratch, back, cells)
            state.routed[n, 0] = state.version[m]
            state.routed[n, 1] = cell
            state.routed[n, 2] = agents
            state.routed[n, 3] = wanted
        measure_way_home(state, n)
