"""Routes: one bit-parallel flood from the agent over known free ground, to the nearest target of every class.

How it works: the flood moves in levels, level L being the cells that are L moves away. It carries four bit boards, one
for each first move (north, south, west, east): a cell's bit is set in a board if a shortest route to the cell can begin
with that move. The first level that touches a target of a class gives the class's distance, and the boards that touch
it give all optimal first moves. Objects are targets but not ground, so the last move of a route is the bump. Agents
in neighbouring cells block the first move only, and only once the agent has stood still for PATIENCE ticks.

All boards of the flood lie in one array `work` u64 [PLANES * HEIGHT], at constant offsets: with those the compiler
sees that reads and writes never overlap, and turns the row loops into vector code.
"""

from __future__ import annotations

from typing import Any

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
    NEAR,
    NEUTRAL,
    OBJECT,
    OFF_GROUND,
    REACH,
    ROW,
    ROWS,
    S_DRAIN,
    S_ENERGY,
    S_HP,
    S_ON_ENEMY_MAP,
    SEEN_NEW,
    SEEN_OLD,
    STANDING,
)

NUM_CLASSES = len(layout.ROUTE_CLASSES)
NO_ROUTE = layout.NO_ROUTE
MAX_DEPTH = layout.MAX_DEPTH
PATIENCE = layout.PATIENCE
NUM_CODES = layout.NUM_CODES
CODE_COGS = layout.CODE_COGS
CODE_NEUTRAL = layout.CODE_NEUTRAL
MINE_CLASS = layout.ROUTE_INDEX["mine"]
MINE_NEEDS = (1 << MINE_CLASS) | 15 | (1 << layout.ROUTE_INDEX["frontier"])
"""What `mine` chooses from: the four elements, which are the first classes, and unknown ground."""
NUM_ELEMENTS = len(layout.ELEMENTS)
SURPLUS_COST, LARGEST_SURPLUS, SEARCH_COST = (
    layout.SURPLUS_COST,
    layout.LARGEST_SURPLUS,
    layout.SEARCH_COST,
)
PERSONAL_STEPS, PERSONAL_AGE = layout.PERSONAL_STEPS, layout.PERSONAL_AGE
S_STOCK = layout.SCALAR_INDEX["stock_oxygen"]
S_STOCK_LOW = layout.SCALAR_INDEX["stock_low"]
S_AGE = layout.SCALAR_INDEX["age"]
S_SEAT = layout.SCALAR_INDEX["seat"]
TEAM_SEATS = layout.TEAM_SEATS
S_TICKS_HOME = layout.SCALAR_INDEX["ticks_home"]
S_SLACK = layout.SCALAR_INDEX["slack"]

HEIGHT = 112
"""Words per plane of the work array: ROWS, and empty rows so that the flood may look over the edge."""

PAD = 4
"""Row r of the grid is word r + PAD of a plane."""

BUFFERS = 10
"""Planes of one level: 4 first moves and their union, for word 0 and then for word 1."""
FREE = 2 * BUFFERS
"""Plane of free ground (word 0, then word 1); planes 0..9 and 10..19 are the two levels, taking turns."""
TARGET = FREE + 2
HIT = TARGET + 2
PLANES = HIT + 2


def _class_bit(name: str) -> int:
    return 1 << layout.ROUTE_INDEX[name]


GROUND_CLASS = layout.ROUTE_INDEX["own_ground"]
SAFE_CLASS = layout.ROUTE_INDEX["safe_ground"]
FRONTIER_CLASS = layout.ROUTE_INDEX["frontier"]
NEAR_CLASS = layout.ROUTE_INDEX["near_frontier"]
GROUND_BIT = _class_bit("own_ground")
ALIGN_BIT = _class_bit("align")
ALIGN_HOME_BIT = _class_bit("align_home")
REVISIT_BIT = _class_bit("revisit")
PATROL_BIT = _class_bit("patrol")
FRONTIER_BIT = _class_bit("frontier")
NEAR_BIT = _class_bit("near_frontier")
SAFE_BIT = _class_bit("safe_ground")
AREA_BITS = GROUND_BIT | SAFE_BIT | FRONTIER_BIT | NEAR_BIT
"""Classes whose targets are whole areas of cells, not objects."""

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
def classes_of_cell(state, m, word, row, bit):
    """Bit mask of the route classes that the object in a cell belongs to."""
    code = state.codes[m, row, 64 * word + bit]
    classes = CLASSES_OF_CODE[code]
    here = np.uint64(1) << np.uint64(bit)
    if code == CODE_NEUTRAL:
        reach = state.boards[m, REACH, word, row]
        if reach & ~state.boards[m, ENEMY, word, row] & here == 0:
            classes &= ~(ALIGN_BIT | ALIGN_HOME_BIT)
        elif state.boards[m, FRIENDLY, word, row] & here == 0:
            classes &= ~ALIGN_HOME_BIT
        if reach & here == 0:
            classes &= ~PATROL_BIT
    if code == CODE_NEUTRAL or code == CODE_COGS:
        lately = state.boards[m, SEEN_NEW, word, row] | state.boards[m, SEEN_OLD, word, row]
        if lately & here != 0:
            classes &= ~(REVISIT_BIT | PATROL_BIT)
    return classes


@helper
def any_common(a, b, c, d):
    """True if some bit is in board rows `a` and `b` but neither in `c` nor in `d` (each u64 [ROWS])."""
    found = np.uint64(0)
    for row in range(np.uint64(ROWS)):
        found |= a[row] & b[row] & ~(c[row] | d[row])
    return found != 0


@helper
def classes_present(state, m, asked):
    """The asked classes of which the memory holds at least one target; the others need no search."""
    present = AREA_BITS
    for code in range(1, NUM_CODES):
        if state.counts[m, code] > 0:
            present |= CLASSES_OF_CODE[code]
    present &= asked
    boards = state.boards[m]
    if present & ALIGN_BIT:
        exists = False
        for word in range(2):
            exists |= any_common(
                boards[NEUTRAL, word], boards[REACH, word], boards[ENEMY, word], boards[ENEMY, word]
            )
        if not exists:
            present &= ~(ALIGN_BIT | ALIGN_HOME_BIT)
    if present & ALIGN_HOME_BIT:
        exists = False
        for word in range(2):
            exists |= any_common(
                boards[NEUTRAL, word],
                boards[FRIENDLY, word],
                boards[ENEMY, word],
                boards[ENEMY, word],
            )
        if not exists:
            present &= ~ALIGN_HOME_BIT
    if present & (REVISIT_BIT | PATROL_BIT):
        ours = False
        neutral = False
        for word in range(2):
            new, old = boards[SEEN_NEW, word], boards[SEEN_OLD, word]
            ours |= any_common(boards[COGS, word], boards[COGS, word], new, old)
            neutral |= any_common(boards[NEUTRAL, word], boards[REACH, word], new, old)
        if not ours:
            present &= ~REVISIT_BIT
        if not ours and not neutral:
            present &= ~PATROL_BIT
    return present


def _make_grow(source: int, out: int, word: int, is_wide: bool) -> Any:
    """Make the kernel that floods one word of every row by one level.

    Args:
        source: first plane of the level that is known.
        out: first plane of the next level; on entry it holds the level before `source`.
        word: which word of the rows.
        is_wide: rows have two words, so that bits carry over from the other word.
    """
    here = (source + 5 * word) * HEIGHT
    beside = (source + 5 * (1 - word)) * HEIGHT
    there = (out + 5 * word) * HEIGHT
    free_at = (FREE + word) * HEIGHT
    target_at = (TARGET + word) * HEIGHT
    hit_at = (HIT + word) * HEIGHT
    n0, s0, w0, e0 = (np.uint64(here + k * HEIGHT) for k in range(4))
    n1, s1, w1, e1 = (np.uint64(beside + k * HEIGHT) for k in range(4))
    n2, s2, w2, e2, all2 = (np.uint64(there + k * HEIGHT) for k in range(5))
    free0, target0, hit0 = np.uint64(free_at), np.uint64(target_at), np.uint64(hit_at)
    one, top_bit = np.uint64(1), np.uint64(63)

    @helper
    def near(work, plane, plane_beside, row):
        bits = work[plane + row]
        result = work[plane + row - one] | work[plane + row + one] | (bits << one) | (bits >> one)
        if is_wide:
            other = work[plane_beside + row]
            result |= (other << top_bit) | (other >> top_bit)
        return result

    @helper
    def grow(work, top, bottom):
        touched = np.uint64(0)
        alive = np.uint64(0)
        for row in range(top, bottom):
            # Neighbours of level L - 1 lie in level L - 2 (still in `out`) or L, so no board of visited cells is needed.
            fresh = ~work[all2 + row]
            ground = work[free0 + row] & fresh
            north = near(work, n0, n1, row)
            south = near(work, s0, s1, row)
            west = near(work, w0, w1, row)
            east = near(work, e0, e1, row)
            both = north | south | west | east
            work[n2 + row] = north & ground
            work[s2 + row] = south & ground
            work[w2 + row] = west & ground
            work[e2 + row] = east & ground
            work[all2 + row] = both & ground
            hit = both & work[target0 + row] & fresh
            work[hit0 + row] = hit
            touched |= hit
            alive |= both & ground
        return touched, alive

    return grow


_grow_even = _make_grow(0, BUFFERS, 0, False)
_grow_odd = _make_grow(BUFFERS, 0, 0, False)
_grow_even_low = _make_grow(0, BUFFERS, 0, True)
_grow_odd_low = _make_grow(BUFFERS, 0, 0, True)
_grow_even_high = _make_grow(0, BUFFERS, 1, True)
_grow_odd_high = _make_grow(BUFFERS, 0, 1, True)


@helper
def grow_level(work, is_even, words, top, bottom):
    """Flood one level over the work rows [top, bottom); returns (bits that touched targets, bits that go on)."""
    first = np.uint64(top)
    last = np.uint64(bottom)
    if words == 1:
        if is_even:
            return _grow_even(work, first, last)
        return _grow_odd(work, first, last)
    if is_even:
        touched, alive = _grow_even_low(work, first, last)
        more_touched, more_alive = _grow_even_high(work, first, last)
    else:
        touched, alive = _grow_odd_low(work, first, last)
        more_touched, more_alive = _grow_odd_high(work, first, last)
    return touched | more_touched, alive | more_alive


@helper
def subtract(a, b, out, start):
    """out[start + row] = a[row] and not b[row], over all grid rows."""
    for row in range(np.uint64(ROWS)):
        out[start + row] = a[row] & ~b[row]


@helper
def gather_targets(objects, known, friendly, work, word, todo):
    """Fill the target plane of one word: objects, and unknown or own ground while those classes are looked for."""
    unknown_counts = ~np.uint64(0) if todo & (FRONTIER_BIT | NEAR_BIT) else np.uint64(0)
    ground_counts = ~np.uint64(0) if todo & (GROUND_BIT | SAFE_BIT) else np.uint64(0)
    start = np.uint64((TARGET + word) * HEIGHT + PAD)
    for row in range(np.uint64(ROWS)):
        work[start + row] = (
            objects[row] | (~known[row] & unknown_counts) | (friendly[row] & ground_counts)
        )


@helper
def prepare(state, m, todo, words, work):
    """Fill the planes of free ground and targets, and empty those of the two levels."""
    for level in range(2):
        begin = level * BUFFERS * HEIGHT
        for i in range(np.uint64(begin), np.uint64(begin + 5 * words * HEIGHT)):
            work[i] = np.uint64(0)
    boards = state.boards[m]
    for word in range(words):
        known = boards[KNOWN, word]
        subtract(known, boards[BLOCKED, word], work, np.uint64((FREE + word) * HEIGHT + PAD))
        gather_targets(boards[OBJECT, word], known, boards[FRIENDLY, word], work, word, todo)


@helper
def reached_of_row(work, plane, plane_beside, words, line):
    """Cells of one row that a first-move board reaches next."""
    one = np.uint64(1)
    at = plane * HEIGHT + line
    bits = work[at]
    near = work[at - 1] | work[at + 1] | (bits << one) | (bits >> one)
    if words == 2:
        other = work[plane_beside * HEIGHT + line]
        near |= (other << np.uint64(63)) | (other >> np.uint64(63))
    return near


@helper
def settle(state, n, m, work, source, level, top, bottom, words, todo):
    """Record the classes whose nearest targets this level touched; returns the classes still to be found."""
    found = 0
    for word in range(words):
        known = state.boards[m, KNOWN, word]
        for line in range(top, bottom):
            hits = work[(HIT + word) * HEIGHT + line]
            if hits == 0:
                continue
            row = line - PAD
            plane = source + 5 * word
            beside = source + 5 * (1 - word)
            north = reached_of_row(work, plane, beside, words, line)
            south = reached_of_row(work, plane + 1, beside + 1, words, line)
            west = reached_of_row(work, plane + 2, beside + 2, words, line)
            east = reached_of_row(work, plane + 3, beside + 3, words, line)
            unknown = hits & ~known[row]
            if unknown != 0 and (todo & FRONTIER_BIT):
                found |= FRONTIER_BIT
                state.route_dist[n, FRONTIER_CLASS] = level
                state.route_move[n, FRONTIER_CLASS] |= moves_to(unknown, north, south, west, east)
            unknown &= state.boards[m, NEAR, word, row]
            if unknown != 0 and (todo & NEAR_BIT):
                found |= NEAR_BIT
                state.route_dist[n, NEAR_CLASS] = level
                state.route_move[n, NEAR_CLASS] |= moves_to(unknown, north, south, west, east)
            ground = hits & work[(FREE + word) * HEIGHT + line]
            if ground != 0 and (todo & GROUND_BIT):
                found |= GROUND_BIT
                state.route_dist[n, GROUND_CLASS] = level
                state.route_move[n, GROUND_CLASS] |= moves_to(ground, north, south, west, east)
            ground &= ~state.boards[m, ENEMY, word, row]
            if ground != 0 and (todo & SAFE_BIT):
                found |= SAFE_BIT
                state.route_dist[n, SAFE_CLASS] = level
                state.route_move[n, SAFE_CLASS] |= moves_to(ground, north, south, west, east)
            things = hits & state.boards[m, OBJECT, word, row]
            work[(TARGET + word) * HEIGHT + line] &= ~things
            while things != 0:
                bit = trailing_zeros(things)
                here = things & (~things + np.uint64(1))
                things &= ~here
                classes = classes_of_cell(state, m, word, row, bit) & todo
                if classes == 0:
                    continue
                found |= classes
                moves = moves_to(here, north, south, west, east)
                for route in range(NUM_CLASSES):
                    if (classes >> route) & 1:
                        state.route_dist[n, route] = level
                        state.route_move[n, route] |= moves
    if found & AREA_BITS:
        # These fill whole areas with targets: stop looking at them once found.
        keep_all = ~np.uint64(0) if (todo & ~found) & FRONTIER_BIT else np.uint64(0)
        keep_near = ~np.uint64(0) if (todo & ~found) & NEAR_BIT else np.uint64(0)
        keep_ground = ~np.uint64(0) if (todo & ~found) & GROUND_BIT else np.uint64(0)
        keep_safe = ~np.uint64(0) if (todo & ~found) & SAFE_BIT else np.uint64(0)
        for word in range(words):
            for row in range(ROWS):
                line = row + PAD
                keep_unknown = keep_all | (keep_near & state.boards[m, NEAR, word, row])
                keep = state.boards[m, OBJECT, word, row] | (
                    ~state.boards[m, KNOWN, word, row] & keep_unknown
                )
                keep_owned = keep_ground | (keep_safe & ~state.boards[m, ENEMY, word, row])
                keep |= work[(FREE + word) * HEIGHT + line] & keep_owned
                work[(TARGET + word) * HEIGHT + line] &= keep
    return todo & ~found


@helper
def moves_to(cells, north, south, west, east):
    """Move mask of the first-move boards that reach any of the cells."""
    moves = 0
    if cells & north:
        moves |= 1
    if cells & south:
        moves |= 2
    if cells & west:
        moves |= 4
    if cells & east:
        moves |= 8
    return moves


@helper
def blocking_agents(state, n):
    """Directions in which an agent stands that routes must lead around; none while the own agent may just wait."""
    return np.int64(state.body[n, AGENT_BITS]) if state.body[n, STANDING] >= PATIENCE else 0


@helper
def start(state, n, m, work, words, row, index, todo):
    """Place level 1, the free neighbour cells each with its own first move; returns (touched, alive) as a level does.

    Neighbours that hold a blocking agent are left out: they may still be reached later, by a detour. The agent's own cell is
    taken off the free ground, which keeps the two-level memory of the flood exact.
    """
    agents = blocking_agents(state, n)
    work[(FREE + (index >> 6)) * HEIGHT + row + PAD] &= ~(np.uint64(1) << np.uint64(index & 63))
    alive = np.uint64(0)
    found = 0
    for d in range(4):
        if (agents >> d) & 1:
            continue
        line = row + PAD + (-1 if d == 0 else (1 if d == 1 else 0))
        cell = (index + (-1 if d == 2 else (1 if d == 3 else 0))) & 127
        word = cell >> 6
        if word >= words:
            continue
        bit = np.uint64(1) << np.uint64(cell & 63)
        if work[(TARGET + word) * HEIGHT + line] & bit:
            classes = 0
            if state.boards[m, KNOWN, word, line - PAD] & bit == 0:
                classes = FRONTIER_BIT
                if state.boards[m, NEAR, word, line - PAD] & bit:
                    classes |= NEAR_BIT
            elif work[(FREE + word) * HEIGHT + line] & bit:
                classes = GROUND_BIT
                if state.boards[m, ENEMY, word, line - PAD] & bit == 0:
                    classes |= SAFE_BIT
            elif state.boards[m, OBJECT, word, line - PAD] & bit:
                classes = classes_of_cell(state, m, word, line - PAD, cell & 63)
            classes &= todo
            found |= classes
            for route in range(NUM_CLASSES):
                if (classes >> route) & 1:
                    state.route_dist[n, route] = 1
                    state.route_move[n, route] |= 1 << d
        free = work[(FREE + word) * HEIGHT + line] & bit
        work[(5 * word + d) * HEIGHT + line] |= free
        work[(5 * word + 4) * HEIGHT + line] |= free
        alive |= free
    return todo & ~found, alive


@helper
def flood(state, n, m, asked, work):
    """Compute the asked routes of row `n`."""
    for route in range(NUM_CLASSES):
        if (asked >> route) & 1:
            state.route_dist[n, route] = NO_ROUTE
            state.route_move[n, route] = 0
    column = np.int64(state.body[n, COLUMN])
    row = np.int64(state.body[n, ROW]) + CENTRE_ROW
    if (
        state.body[n, HAS_FRAME] == 0
        or abs(column) > MAX_COLUMN_OFFSET
        or row < 2
        or row >= ROWS - 2
    ):
        return
    todo = classes_present(state, m, asked)
    words = 2 if state.wide[m] else 1
    index = (column + CENTRE_COLUMN) & 127
    here = np.uint64(1) << np.uint64(index & 63)
    if (todo & GROUND_BIT) and (state.boards[m, FRIENDLY, index >> 6, row] & here) != 0:
        state.route_dist[n, GROUND_CLASS] = 0
        todo &= ~GROUND_BIT
    here_safe = (
        state.boards[m, FRIENDLY, index >> 6, row] & ~state.boards[m, ENEMY, index >> 6, row] & here
    )
    if (todo & SAFE_BIT) and here_safe != 0:
        state.route_dist[n, SAFE_CLASS] = 0
        todo &= ~SAFE_BIT
    if todo == 0:
        return
    prepare(state, m, todo, words, work)
    todo, alive = start(state, n, m, work, words, row, index, todo)
    line = row + PAD
    level = 1
    while todo != 0 and alive != 0 and level < MAX_DEPTH:
        is_even = (level & 1) == 1
        level += 1
        top = max(line - level, PAD)
        bottom = min(line + level + 1, PAD + ROWS)
        touched, alive = grow_level(work, is_even, words, top, bottom)
        if touched != 0:
            source = 0 if is_even else BUFFERS
            todo = settle(state, n, m, work, source, level, top, bottom, words, todo)


@helper
def measure_way_home(state, n):
    """Fill `ticks_home` and `slack` from the route to own ground.

    Off own ground a move costs 3 of the energy that regrows by 1 a tick: (energy - 1) // 2 moves can be made at once,
    each later one takes three ticks. hp falls by 1 a tick, faster on enemy ground (as it did in the last tick).
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
    rate = max(1 + np.int64(out[n, S_ON_ENEMY_MAP]), min(np.int64(out[n, S_DRAIN]), 4))
    out[n, S_SLACK] = max(hp - ticks * rate, -255)


@helper
def choose_extractor(state, n):
    """Fill the route class `mine` from those of the elements: near extractors, scarce elements first.

    Where no extractor of the scarcest element is known, the way to unknown ground competes with the others.
    """
    facts = state.scalars
    best, best_cost = -1, 1e9
    own_element = ((np.int64(facts[n, S_SEAT]) * TEAM_SEATS + 128) >> 8) & 3
    for element in range(NUM_ELEMENTS):
        surplus = float(facts[n, S_STOCK + element]) - float(facts[n, S_STOCK_LOW])
        route, cost = element, SURPLUS_COST * min(surplus, float(LARGEST_SURPLUS))
        if state.route_dist[n, element] == NO_ROUTE:
            if surplus > 0:
                continue
            route, cost = FRONTIER_CLASS, float(SEARCH_COST)
        if state.route_dist[n, route] == NO_ROUTE:
            continue
        cost += float(state.route_dist[n, route])
        if facts[n, S_AGE] < PERSONAL_AGE and own_element == element:
            cost -= PERSONAL_STEPS
        if cost < best_cost:
            best, best_cost = route, cost
    state.route_dist[n, MINE_CLASS] = NO_ROUTE if best < 0 else state.route_dist[n, best]
    state.route_move[n, MINE_CLASS] = 0 if best < 0 else state.route_move[n, best]


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
    work = np.zeros(PLANES * HEIGHT, dtype=np.uint64)
    for n in range(first, last):
        m = n // agents_per_memory
        wanted = asked[n] | GROUND_BIT
        if (wanted >> MINE_CLASS) & 1:
            wanted |= MINE_NEEDS
        cell = np.int64(state.body[n, ROW]) * 256 + np.int64(state.body[n, COLUMN])
        agents = blocking_agents(state, n)
        if (
            state.routed[n, 0] != state.version[m]
            or state.routed[n, 1] != cell
            or state.routed[n, 2] != agents
            or (wanted & ~state.routed[n, 3]) != 0
        ):
            flood(state, n, m, wanted, work)
            state.routed[n, 0] = state.version[m]
            state.routed[n, 1] = cell
            state.routed[n, 2] = agents
            state.routed[n, 3] = wanted
        measure_way_home(state, n)
        if (wanted >> MINE_CLASS) & 1:
            choose_extractor(state, n)
