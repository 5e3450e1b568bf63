"""Kernels that write the map memory from observation tokens, one row (one agent) at a time.

What is read from the tokens goes into the boards and the list of stations, into `body` (what an agent remembers about
itself) and into `scalars` (the parsed facts).
"""

from __future__ import annotations

import numpy as np

from coglab.engine.jit import count_ones, helper, inlined, kernel
from coglab.games.machina1 import memory_layout as layout
from coglab.games.machina1.memory_state import (
    AGE,
    ASSEMBLER_CELL,
    CARGO,
    CELL,
    CENTRE_BIT,
    CENTRE_CELL,
    CENTRE_LINE,
    CHEST_CELL,
    COMPLETION,
    COMPLETION_AGE,
    ENERGY,
    GROUND_AGE,
    GROUND_VERSION,
    HAS_NEWS,
    HEART,
    HEART_AGE,
    KIND,
    KNOWN,
    KNOWN_KIND,
    LINES,
    MAX_OTHERS,
    MAX_STATIONS,
    NUM_CROWD,
    NUM_STATIONS,
    OPEN,
    PLAN_AGE,
    PLAN_CELL,
    PLAN_KNOWN,
    PLAN_OPEN,
    PLAN_VERSION,
    RING_OFFSET,
    RING_SINCE,
    RING_TAKEN,
    S_CELL,
    S_KIND,
    S_READY,
    S_USES,
    SPAWN_CELL,
    STANDING,
    STEP,
    UNLIMITED,
    VIBE,
    clear_bit,
    clear_row,
    get_bit,
    is_on_grid,
    set_bit,
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
KIND_CHARGER, KIND_ASSEMBLER, KIND_CHEST = (
    layout.KIND_CHARGER,
    layout.KIND_ASSEMBLER,
    layout.KIND_CHEST,
)
VIBE_DEFAULT, VIBE_CHARGER, VIBE_HEART_A, VIBE_HEART_B = (
    layout.VIBE_DEFAULT,
    layout.VIBE_CHARGER,
    layout.VIBE_HEART_A,
    layout.VIBE_HEART_B,
)
PRICE = np.array(layout.BASE_PRICE, dtype=np.int64)
PRICE_STEP = np.array(layout.PRICE_STEP, dtype=np.int64)
SHARE = np.array(layout.SHARE, dtype=np.int64)
LONG_AGO = layout.LONG_AGO
REPLAN_NEWS, REPLAN_ALWAYS = layout.REPLAN_NEWS, layout.REPLAN_ALWAYS
GIFT = 20
"""Energy that an agent with the vibe `charger` gives away when it bumps into another."""

# Columns of the scratch lists of what a window shows.
FOUND_ROW, FOUND_COLUMN, FOUND_KIND, FOUND_USES, FOUND_COOLDOWN = 0, 1, 2, 3, 4
OTHER_ROW, OTHER_COLUMN, OTHER_VIBE, OTHER_HEART, OTHER_CARGO = 0, 1, 2, 3, 4
OTHER_SIZE = 8

WITHIN = np.zeros((WINDOW, WINDOW), dtype=np.uint64)
"""Bits of window row r that lie within a Manhattan radius of the centre: `WITHIN[radius, r]`."""
for _radius in range(WINDOW):
    for _row in range(WINDOW):
        for _column in range(WINDOW):
            if abs(_row - HALF) + abs(_column - HALF) <= _radius:
                WITHIN[_radius, _row] |= np.uint64(1 << _column)


def _scalar(name: str) -> int:
    return layout.SCALAR_INDEX[name]


F_COMPLETION = _scalar("completion")
F_AGE = _scalar("age")
F_TICKS_LEFT = _scalar("ticks_left")
F_LAST_MOVE = _scalar("last_move")
F_ENERGY = _scalar("energy")
F_CARRIED = _scalar("carried_carbon")
F_CARGO = _scalar("cargo")
F_HEART = _scalar("heart")
F_LOAD_COMPLETE = _scalar("load_complete")
F_SHARES = _scalar("shares")
F_VIBE = _scalar("vibe_default")
F_ROW = _scalar("row")
F_COLUMN = _scalar("column")
F_SPAWN_ROW = _scalar("spawn_row")
F_SPAWN_COLUMN = _scalar("spawn_column")
F_STANDING = _scalar("steps_standing")
F_USED_CHARGER = _scalar("used_charger")
F_MOVED = _scalar("moved_north")
F_AGENT = _scalar("agent_north")
F_BLOCKED = _scalar("blocked_north")
F_SINCE_HEART = _scalar("since_heart")
F_IN_RING = _scalar("in_ring")
F_RING_WAITING = _scalar("ring_waiting")
F_RING_IN_VIEW = _scalar("ring_in_view")
F_RING_AGENTS = _scalar("ring_agents")
F_RING_HEART_A = _scalar("ring_heart_a")
F_RING_RANK = _scalar("ring_rank")
F_RING_BLOCKING = _scalar("ring_blocking")
F_RING_HOLDING = _scalar("ring_holding")
F_RING_CARGO = _scalar("ring_carbon")
F_RING_PAYS = _scalar("ring_pays")
F_KNOWN = _scalar("known_carbon")
F_OTHERS = _scalar("others_seen")


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


@helper
def count_mismatches(state, n, cell, walls, stations, radius):
    """Cells of the window that contradict the map if the agent stands in `cell`."""
    if not is_on_grid(cell):
        return 0
    line = (cell >> 7) - HALF
    shift = np.uint64((cell & 127) - HALF)
    wrong = 0
    for row in range(WINDOW):
        known = window_of(state.boards, n, KNOWN, line + row, shift) & WITHIN[radius, row]
        open_ = window_of(state.boards, n, OPEN, line + row, shift)
        wrong += count_ones((~open_ ^ (walls[row] | stations[row])) & known)
    return wrong


@inlined
def window_of(boards, n, board, line, shift):
    """The 11 bits from `shift` on of one line of a board."""
    low, high = boards[n, board, 0, line], boards[n, board, 1, line]
    mask = np.uint64((1 << WINDOW) - 1)
    if shift >= 64:
        return (high >> (shift - np.uint64(64))) & mask
    bits = low >> shift
    if shift > 64 - WINDOW:
        bits |= high << (np.uint64(64) - shift)
    return bits & mask


@inlined
def write_window(state, n, cell, walls, stations, radius):
    """Write the window into the map; True if it shows cells that were unknown."""
    line = (cell >> 7) - HALF
    shift = np.uint64((cell & 127) - HALF)
    news = np.uint64(0)
    boards = state.boards
    for row in range(WINDOW):
        seen = WITHIN[radius, row]
        free = seen & ~(walls[row] | stations[row])
        if shift < 64:
            news |= (seen << shift) & ~boards[n, KNOWN, 0, line + row]
            boards[n, KNOWN, 0, line + row] |= seen << shift
            boards[n, OPEN, 0, line + row] |= free << shift
            if shift > 64 - WINDOW:
                back = np.uint64(64) - shift
                news |= (seen >> back) & ~boards[n, KNOWN, 1, line + row]
                boards[n, KNOWN, 1, line + row] |= seen >> back
                boards[n, OPEN, 1, line + row] |= free >> back
        else:
            up = shift - np.uint64(64)
            news |= (seen << up) & ~boards[n, KNOWN, 1, line + row]
            boards[n, KNOWN, 1, line + row] |= seen << up
            boards[n, OPEN, 1, line + row] |= free << up
    return news != 0


@inlined
def write_stations(state, n, cell, found, num_found):
    """Remember the stations of the window; True if one is new or was used."""
    body = state.body
    age = np.int64(body[n, AGE])
    changed = False
    for i in range(num_found):
        place = cell + 128 * (found[i, FOUND_ROW] - HALF) + found[i, FOUND_COLUMN] - HALF
        kind, uses = found[i, FOUND_KIND], found[i, FOUND_USES]
        ready = age + found[i, FOUND_COOLDOWN]
        number = np.int64(state.numbers[n, place >> 7, place & 127]) - 1
        if number < 0:
            number = np.int64(body[n, NUM_STATIONS])
            if number >= MAX_STATIONS:
                continue
            body[n, NUM_STATIONS] += 1
            state.numbers[n, place >> 7, place & 127] = number + 1
            state.stations[n, number, S_CELL] = place
            state.stations[n, number, S_KIND] = kind
            state.stations[n, number, S_USES] = uses
            state.stations[n, number, S_READY] = ready
            changed = True
            if kind == KIND_ASSEMBLER:
                if body[n, ASSEMBLER_CELL] == 0:
                    body[n, ASSEMBLER_CELL] = place
            elif kind == KIND_CHEST:
                if body[n, CHEST_CELL] == 0:
                    body[n, CHEST_CELL] = place
            elif uses > 0:
                set_bit(state.boards, n, KIND + kind, place)
                body[n, KNOWN_KIND + kind] += 1
            continue
        if state.stations[n, number, S_USES] != uses:
            if kind < KIND_CHARGER and uses == 0:
                clear_bit(state.boards, n, KIND + kind, place)
                body[n, KNOWN_KIND + kind] -= 1
            state.stations[n, number, S_USES] = uses
            changed = True
        was_ready = np.int64(state.stations[n, number, S_READY])
        if max(was_ready, age) != ready:
            changed = changed or kind < KIND_CHARGER
        state.stations[n, number, S_READY] = ready
    return changed


@inlined
def find_cell(state, n, own, walls, stations, radius):
    """The agent's cell after the last tick, from the action that succeeded and the map before it."""
    body = state.body
    cell = np.int64(body[n, CELL])
    move = np.int64(own[ACTION_FEATURE])
    if move < 1 or move > 4:
        return cell
    target = cell + STEP[move - 1]
    if is_on_grid(target) and state.numbers[n, target >> 7, target & 127] != 0:
        return cell
    if body[n, VIBE] == VIBE_CHARGER:
        # It may have been a gift to an agent in that cell, which does not displace: look at the map, then at the price.
        moved = count_mismatches(state, n, target, walls, stations, radius)
        stayed = count_mismatches(state, n, cell, walls, stations, radius)
        if moved != stayed:
            return target if moved < stayed else cell
        if np.int64(body[n, ENERGY]) - np.int64(own[ENERGY_FEATURE]) >= GIFT:
            return cell
    return target


@inlined
def write_own(state, n, own, vibe):
    """Fill the scalars that come from the agent's own tokens, and remember what the next tick compares with."""
    out, body = state.scalars, state.body
    age = np.int64(body[n, AGE])
    completion = np.int64(own[COMPLETION_FEATURE])
    out[n, F_COMPLETION] = completion
    out[n, F_AGE] = min(age, 10000)
    if completion != body[n, COMPLETION]:
        body[n, COMPLETION] = completion
        body[n, COMPLETION_AGE] = age
    left = 10000
    if body[n, COMPLETION] > 0:
        length = 256 * np.int64(body[n, COMPLETION_AGE]) // np.int64(body[n, COMPLETION])
        left = min(max(length - age, 0), 10000)
    out[n, F_TICKS_LEFT] = left
    out[n, F_ENERGY] = own[ENERGY_FEATURE]
    body[n, ENERGY] = own[ENERGY_FEATURE]
    cargo = 0
    shares = 5
    complete = 1
    for i in range(4):
        carried = np.int64(own[CARBON_FEATURE + 2 * i])
        out[n, F_CARRIED + i] = carried
        body[n, CARGO + i] = carried
        cargo += carried
        shares = min(shares, carried // SHARE[i])
        if carried < PRICE[i]:
            complete = 0
    out[n, F_CARGO] = cargo
    out[n, F_SHARES] = shares
    out[n, F_LOAD_COMPLETE] = complete
    heart = np.int64(own[HEART_FEATURE])
    if heart > body[n, HEART]:
        body[n, HEART_AGE] = age
    body[n, HEART] = heart
    out[n, F_HEART] = min(heart, 1)
    since = LONG_AGO
    if body[n, HEART_AGE] >= 0:
        since = min(age - np.int64(body[n, HEART_AGE]), LONG_AGO)
    out[n, F_SINCE_HEART] = since
    body[n, VIBE] = vibe
    out[n, F_VIBE] = 1 if vibe == VIBE_DEFAULT else 0
    out[n, F_VIBE + 1] = 1 if vibe == VIBE_HEART_A else 0
    out[n, F_VIBE + 2] = 1 if vibe == VIBE_HEART_B else 0
    out[n, F_VIBE + 3] = 1 - out[n, F_VIBE] - out[n, F_VIBE + 1] - out[n, F_VIBE + 2]


@inlined
def write_place(state, n, before, move, others, num_others):
    """Fill the scalars that come from the agent's place: cell, last move, neighbours."""
    out, body = state.scalars, state.body
    cell = np.int64(body[n, CELL])
    out[n, F_ROW] = (cell >> 7) - CENTRE_LINE
    out[n, F_COLUMN] = (cell & 127) - CENTRE_BIT
    out[n, F_SPAWN_ROW] = (body[n, SPAWN_CELL] >> 7) - CENTRE_LINE
    out[n, F_SPAWN_COLUMN] = (body[n, SPAWN_CELL] & 127) - CENTRE_BIT
    if body[n, AGE] > 0 and cell == before:
        body[n, STANDING] = min(body[n, STANDING] + 1, 255)
    else:
        body[n, STANDING] = 0
    out[n, F_STANDING] = body[n, STANDING]
    out[n, F_LAST_MOVE] = move
    used_charger = 0
    for d in range(4):
        out[n, F_MOVED + d] = 1 if move == d + 1 and cell != before else 0
        out[n, F_AGENT + d] = 0
        beside = cell + STEP[d]
        out[n, F_BLOCKED + d] = 0
        if is_on_grid(cell):
            out[n, F_BLOCKED + d] = 1 - get_bit(state.boards, n, OPEN, beside)
            number = np.int64(state.numbers[n, beside >> 7, beside & 127]) - 1
            if move == d + 1 and cell == before and number >= 0:
                if state.stations[n, number, S_KIND] == KIND_CHARGER:
                    used_charger = 1
    out[n, F_USED_CHARGER] = used_charger
    for i in range(num_others):
        down = others[i, OTHER_ROW] - HALF
        right = others[i, OTHER_COLUMN] - HALF
        if abs(down) + abs(right) == 1:
            d = (0 if down < 0 else 1) if down != 0 else (2 if right < 0 else 3)
            out[n, F_AGENT + d] = 1
    out[n, F_OTHERS] = num_others
    for i in range(4):
        out[n, F_KNOWN + i] = min(body[n, KNOWN_KIND + i], 40)


@inlined
def write_ring(state, n, others, num_others):
    """Fill the scalars of what happens round the assembler, as far as it is in view."""
    out, body = state.scalars, state.body
    age = np.int64(body[n, AGE])
    for i in range(F_RING_WAITING, F_RING_PAYS + 1):
        out[n, i] = 0
    out[n, F_IN_RING] = 0
    body[n, RING_TAKEN] = 0
    cell, centre = np.int64(body[n, CELL]), np.int64(body[n, ASSEMBLER_CELL])
    down = (centre >> 7) - (cell >> 7)
    right = (centre & 127) - (cell & 127)
    if centre == 0 or abs(down) > HALF + 1 or abs(right) > HALF + 1:
        body[n, RING_SINCE] = -1
        return
    if abs(down) < HALF and abs(right) < HALF:
        out[n, F_RING_IN_VIEW] = 1
    if abs(down) <= 1 and abs(right) <= 1:
        out[n, F_IN_RING] = 1
        if body[n, RING_SINCE] < 0 or body[n, HEART_AGE] == age:
            body[n, RING_SINCE] = age
        out[n, F_RING_WAITING] = min(age - np.int64(body[n, RING_SINCE]), LONG_AGO)
        out[n, F_RING_AGENTS] = 1
        out[n, F_RING_HEART_A] = 1 if body[n, VIBE] == VIBE_HEART_A else 0
        for i in range(4):
            out[n, F_RING_CARGO + i] = body[n, CARGO + i]
    else:
        body[n, RING_SINCE] = -1
    for k in range(num_others):
        row = others[k, OTHER_ROW] - HALF - down
        column = others[k, OTHER_COLUMN] - HALF - right
        if abs(row) > 1 or abs(column) > 1:
            continue
        for i in range(8):
            if RING_OFFSET[i] == 128 * row + column:
                body[n, RING_TAKEN] |= 1 << i
        out[n, F_RING_AGENTS] += 1
        if out[n, F_IN_RING] == 1 and 128 * (row + down) + column + right < 0:
            out[n, F_RING_RANK] += 1
        if others[k, OTHER_VIBE] == VIBE_HEART_A:
            out[n, F_RING_HEART_A] += 1
        elif others[k, OTHER_VIBE] != VIBE_DEFAULT:
            out[n, F_RING_BLOCKING] += 1
        if others[k, OTHER_HEART] > 0:
            out[n, F_RING_HOLDING] += 1
        for i in range(4):
            out[n, F_RING_CARGO + i] += others[k, OTHER_CARGO + i]
    pays = 4
    for i in range(4):
        load = np.int64(out[n, F_RING_CARGO + i])
        count = 0 if load < PRICE[i] else 1 + (load - PRICE[i]) // PRICE_STEP[i]
        pays = min(pays, count)
    out[n, F_RING_PAYS] = pays


@helper
def begin_plan(state, n, others, num_others):
    """Let the next routes start from the present cell; take in the new ground if there is any."""
    body = state.body
    cell, age = np.int64(body[n, CELL]), np.int64(body[n, AGE])
    body[n, PLAN_CELL] = cell
    body[n, PLAN_AGE] = age
    body[n, PLAN_VERSION] += 1
    body[n, NUM_CROWD] = num_others
    for i in range(num_others):
        down = others[i, OTHER_ROW] - HALF
        state.crowd[n, i] = cell + 128 * down + others[i, OTHER_COLUMN] - HALF
    if body[n, HAS_NEWS] != 0:
        body[n, HAS_NEWS] = 0
        body[n, GROUND_AGE] = age
        body[n, GROUND_VERSION] += 1
        for word in range(2):
            for line in range(LINES):
                state.boards[n, PLAN_KNOWN, word, line] = state.boards[n, KNOWN, word, line]
                state.boards[n, PLAN_OPEN, word, line] = state.boards[n, OPEN, word, line]


@inlined
def update_row(state, n, is_first, tokens, own, walls, stations, found, others):
    """Take in one observation of row n."""
    body = state.body
    next_token = parse_own(tokens[n], own)
    vibe = np.int64(own[VIBE_FEATURE])
    num_found, num_others, radius = parse_cells(
        tokens[n], next_token, walls, stations, found, others
    )
    before = np.int64(body[n, CELL])
    if is_first:
        cell = np.int64(CENTRE_CELL)
        for i in range(num_found):
            if found[i, FOUND_KIND] == KIND_ASSEMBLER:
                cell -= 128 * (found[i, FOUND_ROW] - HALF) + found[i, FOUND_COLUMN] - HALF
                break
        body[n, SPAWN_CELL] = cell
        before = cell
    else:
        cell = find_cell(state, n, own, walls, stations, radius)
    body[n, CELL] = cell
    is_new = is_first
    for i in range(4):
        is_new = is_new or body[n, CARGO + i] != own[CARBON_FEATURE + 2 * i]
    is_new = is_new or body[n, HEART] != own[HEART_FEATURE]
    if is_on_grid(cell):
        if write_window(state, n, cell, walls, stations, radius):
            body[n, HAS_NEWS] = 1
        if write_stations(state, n, cell, found, num_found):
            is_new = True
        if get_bit(state.boards, n, PLAN_OPEN, cell) == 0:
            is_new = True
    age = np.int64(body[n, AGE])
    if body[n, HAS_NEWS] != 0 and age - body[n, GROUND_AGE] >= REPLAN_NEWS:
        is_new = True
    if age - body[n, PLAN_AGE] >= REPLAN_ALWAYS and cell != body[n, PLAN_CELL]:
        is_new = True
    write_own(state, n, own, vibe)
    move = np.int64(own[ACTION_FEATURE])
    write_place(state, n, before, move if move <= 4 else 0, others, num_others)
    write_ring(state, n, others, num_others)
    if is_new:
        begin_plan(state, n, others, num_others)


@kernel
def update_rows(state, tokens, reset, first, last):
    """Take in one observation of each row in [first, last).

    Args:
        state: `MemoryState`, mutated in place.
        tokens: u8 [N, 600], read only.
        reset: u8 [N]; nonzero: the observation is the first of an episode, so the row forgets everything first.
        first: first row.
        last: row after the last.
    """
    own = np.zeros(NUM_FEATURES, dtype=np.uint8)
    walls = np.zeros(16, dtype=np.uint64)
    stations = np.zeros(16, dtype=np.uint64)
    found = np.zeros((NUM_TOKENS, 5), dtype=np.int64)
    others = np.zeros((MAX_OTHERS, OTHER_SIZE), dtype=np.int64)
    for n in range(first, last):
        is_first = reset[n] != 0
        if is_first:
            clear_row(state, n)
        else:
            state.body[n, AGE] += 1
        update_row(state, n, is_first, tokens, own, walls, stations, found, others)
