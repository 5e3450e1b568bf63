"""Kernels that write the map memory from observation tokens, one row (one agent) at a time.

Coordinates: the frame's origin is the hub (the spawn cell while no hub was seen). A cell at (row, column) from the
origin lies in grid row `row + CENTRE_ROW` and in bit `(column + CENTRE_COLUMN) mod 128` of that row's two words.

Cost matters here, so a step touches only the 11 rows of the window, and walls are single bits of a row mask.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from coglab.engine.jit import helper, kernel
from coglab.games.cogsguard import memory_layout as layout

WINDOW = 11
HALF = 5
NUM_TOKENS = 200
MAX_OTHERS = 24
"""Other agents remembered from the current window; more are ignored."""

# Columns of `MemoryState.body`: what one agent remembers about itself.
HAS_FRAME = 0
SPAWN_ROW = 1
SPAWN_COLUMN = 2
HUB_SEEN = 3
HUB_ROW = 4
HUB_COLUMN = 5
ROW = 6
COLUMN = 7
AGE = 8
HP = 9
OFF_GROUND = 10
STANDING = 11
DOUBTS = 12
NUM_OTHERS = 13
AGENT_BITS = 14
SEAT = 15
DRAIN = 16
ON_GROUND = 17
INFLUENCE = 18
SUPPRESSED = 19
BODY_SIZE = 20

# Columns of `MemoryState.others`.
OTHER_ROW = 0
OTHER_COLUMN = 1
OTHER_VIBE = 2
OTHER_GEAR = 3
OTHER_HEARTS = 4
OTHER_SIZE = 5


class MemoryState(NamedTuple):
    """Everything that map memories hold. N rows (agents), M memories: M = N, or one per team when shared."""

    boards: np.ndarray
    """u64 [M, NUM_BOARDS, 2, ROWS] bit boards"""
    codes: np.ndarray
    """u8 [M, ROWS, 128] object code of each cell; meaningful only where BOARD_OBJECT is set"""
    counts: np.ndarray
    """i32 [M, NUM_CODES] remembered objects of each code"""
    version: np.ndarray
    """i64 [M] grows whenever something changed that a route may depend on"""
    wide: np.ndarray
    """u8 [M] 1 once something lies in the second word of a row"""
    body: np.ndarray
    """i32 [N, BODY_SIZE]"""
    others: np.ndarray
    """i16 [N, MAX_OTHERS, OTHER_SIZE] other agents in the window: cell, vibe, gear (bit per piece), hearts"""
    scalars: np.ndarray
    """i16 [N, len(SCALARS)]"""
    route_dist: np.ndarray
    """u8 [N, len(ROUTE_CLASSES)]"""
    route_move: np.ndarray
    """u8 [N, len(ROUTE_CLASSES)]"""
    routed: np.ndarray
    """i64 [N, 4] what the routes were computed for: version, cell, neighbours, class mask"""


def _scalar(name: str) -> int:
    return layout.SCALAR_INDEX[name]


S_COMPLETION = _scalar("completion")
S_AGE = _scalar("age")
S_LAST_ACTION = _scalar("last_action")
S_ENERGY = _scalar("energy")
S_HP = _scalar("hp")
S_HEART = _scalar("heart")
S_INFLUENCE = _scalar("influence")
S_CARRIED = _scalar("carried_oxygen")
S_CARGO = _scalar("cargo")
S_CARGO_ROOM = _scalar("cargo_room")
S_GEAR = _scalar("gear_aligner")
S_VIBE = _scalar("vibe_default")
S_STOCK = _scalar("stock_oxygen")
S_STOCK_LOW = _scalar("stock_low")
S_LOW = _scalar("low_oxygen")
S_CAN_PAY = _scalar("can_pay_aligner")
S_CAN_PAY_HEART = _scalar("can_pay_heart")
S_ROW = _scalar("row")
S_COLUMN = _scalar("column")
S_SPAWN_ROW = _scalar("spawn_row")
S_SPAWN_COLUMN = _scalar("spawn_column")
S_SLOT = _scalar("slot")
S_SEAT = _scalar("seat")
S_HUB_SEEN = _scalar("hub_seen")
S_ON_GROUND_MAP = _scalar("on_ground_map")
S_ON_GROUND_FELT = _scalar("on_ground_felt")
S_ON_ENEMY_MAP = _scalar("on_enemy_map")
S_STEPS_OFF_GROUND = _scalar("steps_off_ground")
S_DRAIN = _scalar("drain")
S_STEPS_STANDING = _scalar("steps_standing")
S_MOVED = _scalar("moved_north")
S_AGENT = _scalar("agent_north")
S_BLOCKED = _scalar("blocked_north")
S_SEEN = _scalar("seen_default")
S_KNOWN_NEUTRAL = _scalar("known_neutral")
S_KNOWN_COGS = _scalar("known_cogs")
S_KNOWN_CLIPS = _scalar("known_clips")

CODE_OF_TAG = np.array(layout.CODE_OF_TAG, dtype=np.uint8)
PAD_OF_OFFSET = np.full((11, 11), 20, dtype=np.int16)
for _slot, (_pad_row, _pad_column) in enumerate(layout.PADS):
    PAD_OF_OFFSET[_pad_row + 5, _pad_column + 5] = _slot

PADS_FROM_WEST = np.array(sorted(layout.PADS, key=lambda pad: (pad[1], pad[0])), dtype=np.int64)
"""Start pads ordered by column, then row."""

PRICES = np.array([[1, 3, 1, 1], [3, 1, 1, 1], [1, 1, 3, 1], [1, 1, 1, 3]], dtype=np.int64)
"""Price of each piece of gear in oxygen, carbon, germanium, silicon (rules, section 2)."""

NUM_LAYOUTS = len(layout.LAYOUTS)
LAYOUT_RADIUS = np.array([plan.radius for plan in layout.LAYOUTS], dtype=np.int64)
LAYOUT_WALLS = np.zeros((NUM_LAYOUTS, 27), dtype=np.uint64)
LAYOUT_OBJECTS = np.zeros((NUM_LAYOUTS, 27), dtype=np.uint64)
LAYOUT_LIST = np.array([plan.objects for plan in layout.LAYOUTS], dtype=np.int64)
for _k, _plan in enumerate(layout.LAYOUTS):
    for _row, _column in _plan.walls:
        LAYOUT_WALLS[_k, _row + _plan.radius] |= np.uint64(1 << (_column + _plan.radius))
    for _row, _column, _code in _plan.objects:
        LAYOUT_OBJECTS[_k, _row + _plan.radius] |= np.uint64(1 << (_column + _plan.radius))

KNOWN = layout.BOARD_KNOWN
BLOCKED = layout.BOARD_BLOCKED
OBJECT = layout.BOARD_OBJECT
COGS = layout.BOARD_COGS
CLIPS = layout.BOARD_CLIPS
NEUTRAL = layout.BOARD_NEUTRAL
FRIENDLY = layout.BOARD_FRIENDLY
ENEMY = layout.BOARD_ENEMY
REACH = layout.BOARD_REACH
SEEN_NEW = layout.BOARD_SEEN_NEW
SEEN_OLD = layout.BOARD_SEEN_OLD
NEAR = layout.BOARD_NEAR
HURT_NEW = layout.BOARD_HURT_NEW
HURT_OLD = layout.BOARD_HURT_OLD
NUM_BOARDS = layout.NUM_BOARDS
NEAR_RADIUS = layout.TERRITORY + layout.NEAR_GROUND
HURT_RADIUS = 3
HURT_RADIUS_AWAY = 5
"""Off own ground, where the way into enemy ground is of no use, more cells around count as enemy ground."""
NUM_CODES = layout.NUM_CODES
CODE_HUB = layout.CODE_HUB
CODE_NEUTRAL = layout.CODE_NEUTRAL
CODE_COGS = layout.CODE_COGS
CODE_CLIPS = layout.CODE_CLIPS
CODE_UNKNOWN = layout.CODE_UNKNOWN
ROWS = layout.ROWS
CENTRE_ROW = layout.CENTRE_ROW
CENTRE_COLUMN = layout.CENTRE_COLUMN
MAX_COLUMN_OFFSET = layout.MAX_COLUMN_OFFSET
TERRITORY = layout.TERRITORY
FAR = layout.TERRITORY + layout.ALIGN_REACH
REVISIT_PERIOD = layout.REVISIT_PERIOD
NUM_VIBES = len(layout.VIBES)


@helper
def spread_low(mask, column):
    """Bits of word 0 for a row mask whose bit 0 stands at `column` (offset from the origin)."""
    start = (column + CENTRE_COLUMN) & 127
    offset = start & 63
    if start < 64:
        return mask << np.uint64(offset)
    if offset == 0:
        return np.uint64(0)
    return mask >> np.uint64(64 - offset)


@helper
def spread_high(mask, column):
    """Bits of word 1, as `spread_low`."""
    start = (column + CENTRE_COLUMN) & 127
    offset = start & 63
    if start >= 64:
        return mask << np.uint64(offset)
    if offset == 0:
        return np.uint64(0)
    return mask >> np.uint64(64 - offset)


@helper
def has_bit(boards, m, board, row, column):
    """1 if the cell's bit is set; `row` is a grid row, `column` an offset from the origin."""
    index = (column + CENTRE_COLUMN) & 127
    return (boards[m, board, index >> 6, row] >> np.uint64(index & 63)) & np.uint64(1)


@helper
def put_object(state, m, row, column, code):
    """Remember an object in a cell (code 0: none any more); returns 1 if the ground boards must be rebuilt."""
    index = (column + CENTRE_COLUMN) & 127
    word = index >> 6
    bit = np.uint64(1) << np.uint64(index & 63)
    old = 0
    if state.boards[m, OBJECT, word, row] & bit:
        old = np.int64(state.codes[m, row, index])
    if old == code:
        return 0
    state.version[m] += 1
    if old != 0:
        state.counts[m, old] -= 1
    if code != 0:
        state.counts[m, code] += 1
        state.boards[m, OBJECT, word, row] |= bit
    else:
        state.boards[m, OBJECT, word, row] &= ~bit
    state.codes[m, row, index] = code
    ground = 0
    if old == CODE_COGS or old == CODE_HUB:
        state.boards[m, COGS, word, row] &= ~bit
        ground = 1
    elif old == CODE_CLIPS:
        state.boards[m, CLIPS, word, row] &= ~bit
        ground = 1
    elif old == CODE_NEUTRAL:
        state.boards[m, NEUTRAL, word, row] &= ~bit
    if code == CODE_COGS or code == CODE_HUB:
        state.boards[m, COGS, word, row] |= bit
        ground = 1
    elif code == CODE_CLIPS:
        state.boards[m, CLIPS, word, row] |= bit
        ground = 1
    elif code == CODE_NEUTRAL:
        state.boards[m, NEUTRAL, word, row] |= bit
    return ground


@helper
def widen(state, m, source, target, radius):
    """Board `target` = all cells within Chebyshev distance `radius` of the cells of board `source`."""
    one = np.uint64(1)
    for row in range(ROWS):
        state.boards[m, target, 0, row] = np.uint64(0)
        state.boards[m, target, 1, row] = np.uint64(0)
    for row in range(ROWS):
        low = state.boards[m, source, 0, row]
        high = state.boards[m, source, 1, row]
        if low == 0 and high == 0:
            continue
        left_low, left_high, right_low, right_high = low, high, low, high
        for _ in range(radius):
            carry = left_high >> np.uint64(63)
            left_high = high | (left_high << one) | (left_low >> np.uint64(63))
            left_low = low | (left_low << one) | carry
            carry = right_high << np.uint64(63)
            right_high = high | (right_high >> one) | (right_low << np.uint64(63))
            right_low = low | (right_low >> one) | carry
        low = left_low | right_low
        high = left_high | right_high
        for other in range(max(0, row - radius), min(ROWS, row + radius + 1)):
            state.boards[m, target, 0, other] |= low
            state.boards[m, target, 1, other] |= high


@helper
def rebuild_ground(state, m):
    """Own ground, enemy ground and what is within reach of own ground, from the remembered owners.

    Cells around places where enemy ground was felt lately count as enemy ground, whoever causes it.
    """
    widen(state, m, COGS, FRIENDLY, TERRITORY)
    widen(state, m, CLIPS, ENEMY, TERRITORY)
    widen(state, m, COGS, REACH, FAR)
    widen(state, m, COGS, NEAR, NEAR_RADIUS)
    for word in range(2):
        for row in range(ROWS):
            state.boards[m, ENEMY, word, row] |= (
                state.boards[m, HURT_NEW, word, row] | state.boards[m, HURT_OLD, word, row]
            )
    state.version[m] += 1


@helper
def layout_fits(state, m, k, hub_row, hub_column, row, column, walls, objects):
    """1 if every cell of the window that lies in the `k`-th hub layout looks as the layout says."""
    radius = LAYOUT_RADIUS[k]
    width = 2 * radius + 1
    for i in range(WINDOW):
        from_hub = row + i - HALF - hub_row + radius
        if from_hub < 0 or from_hub >= width:
            continue
        plan_walls = LAYOUT_WALLS[k, from_hub]
        plan_objects = LAYOUT_OBJECTS[k, from_hub]
        for j in range(WINDOW):
            bit_column = column + j - HALF - hub_column + radius
            if bit_column < 0 or bit_column >= width:
                continue
            shift = np.uint64(bit_column)
            here = np.uint64(j)
            if (plan_walls >> shift) & np.uint64(1) != (walls[i] >> here) & np.uint64(1):
                return 0
            if (plan_objects >> shift) & np.uint64(1) != (objects[i] >> here) & np.uint64(1):
                return 0
    for i in range(LAYOUT_LIST.shape[1]):
        object_row = hub_row + LAYOUT_LIST[k, i, 0]
        object_column = hub_column + LAYOUT_LIST[k, i, 1]
        if abs(object_row - row) > HALF or abs(object_column - column) > HALF:
            continue
        code = state.codes[m, object_row + CENTRE_ROW, (object_column + CENTRE_COLUMN) & 127]
        planned = LAYOUT_LIST[k, i, 2]
        is_junction = planned == CODE_NEUTRAL and (code == CODE_COGS or code == CODE_CLIPS)
        if code != planned and not is_junction:
            return 0
    return 1


@helper
def stamp_layout(state, m, k, hub_row, hub_column):
    """Take the cells of the `k`-th hub layout that were not seen yet as known."""
    radius = LAYOUT_RADIUS[k]
    width = 2 * radius + 1
    full = (np.uint64(1) << np.uint64(width)) - np.uint64(1)
    start = hub_column - radius
    ground = 0
    for i in range(LAYOUT_LIST.shape[1]):
        row = hub_row + LAYOUT_LIST[k, i, 0] + CENTRE_ROW
        column = hub_column + LAYOUT_LIST[k, i, 1]
        if row >= 1 and row < ROWS - 1 and has_bit(state.boards, m, KNOWN, row, column) == 0:
            ground |= put_object(state, m, row, column, LAYOUT_LIST[k, i, 2])
    for i in range(width):
        row = hub_row + i - radius + CENTRE_ROW
        if row < 1 or row >= ROWS - 1:
            continue
        solid = LAYOUT_WALLS[k, i] | LAYOUT_OBJECTS[k, i]
        low = spread_low(full, start)
        high = spread_high(full, start)
        new_low = low & ~state.boards[m, KNOWN, 0, row]
        new_high = high & ~state.boards[m, KNOWN, 1, row]
        state.boards[m, BLOCKED, 0, row] |= spread_low(solid, start) & new_low
        state.boards[m, BLOCKED, 1, row] |= spread_high(solid, start) & new_high
        state.boards[m, KNOWN, 0, row] |= low
        state.boards[m, KNOWN, 1, row] |= high
        if high != 0 or (low & np.uint64(0x8000000000000001)) != 0:
            state.wide[m] = 1
    state.version[m] += 1
    return ground


@helper
def forget_ground(state, m, row, column):
    """Own ground was expected but not felt: junctions of ours within 10 and out of view were lost, call them neutral.

    Nothing is concluded where the hub is near, because the hub cannot be lost.
    """
    ground = 0
    top = max(1, row + CENTRE_ROW - TERRITORY)
    bottom = min(ROWS - 2, row + CENTRE_ROW + TERRITORY)
    for pass_index in range(2):
        for grid_row in range(top, bottom + 1):
            if (state.boards[m, COGS, 0, grid_row] | state.boards[m, COGS, 1, grid_row]) == 0:
                continue
            for other in range(column - TERRITORY, column + TERRITORY + 1):
                if has_bit(state.boards, m, COGS, grid_row, other) == 0:
                    continue
                if pass_index == 0:
                    if state.codes[m, grid_row, (other + CENTRE_COLUMN) & 127] == CODE_HUB:
                        return 0
                elif abs(grid_row - CENTRE_ROW - row) > HALF or abs(other - column) > HALF:
                    ground |= put_object(state, m, grid_row, other, CODE_NEUTRAL)
    return ground


@helper
def feels_enemy(state, n, own):
    """1 if the body tells of enemy ground.

    Signs: more than 1 hp lost in a tick; all influence lost in a tick; hp below its cap on own ground, which fills it.
    """
    body = state.body
    if body[n, SUPPRESSED] == 1 or (body[n, DRAIN] > 1 and body[n, DRAIN] < 8):
        return 1
    cap = 200 if own[34] != 0 else 100
    if body[n, ON_GROUND] < 2 or own[38] != 0:
        return 0
    return 1 if body[n, HP] < cap and body[n, HP] > cap - 8 else 0


@helper
def mark_hurt(state, m, row, column, radius):
    """Count the cells around the agent as enemy ground for a while; returns 1 if that is news."""
    if has_bit(state.boards, m, ENEMY, row + CENTRE_ROW, column):
        return 0
    width = 2 * radius + 1
    mask = (np.uint64(1) << np.uint64(width)) - np.uint64(1)
    low = spread_low(mask, column - radius)
    high = spread_high(mask, column - radius)
    top = max(1, row + CENTRE_ROW - radius)
    bottom = min(ROWS - 2, row + CENTRE_ROW + radius)
    for grid_row in range(top, bottom + 1):
        state.boards[m, HURT_NEW, 0, grid_row] |= low
        state.boards[m, HURT_NEW, 1, grid_row] |= high
    return 1


@helper
def write_window(state, m, row, column, walls, objects, radius):
    """Write one 11x11 window into the boards; `radius` below 10: only cells within that Manhattan distance."""
    ground = 0
    start = column - HALF
    changed = np.uint64(0)
    for i in range(WINDOW):
        grid_row = row + i - HALF + CENTRE_ROW
        if grid_row < 1 or grid_row >= ROWS - 1:
            continue
        window = np.uint64(0x7FF)
        if radius < 2 * HALF:
            reach = min(HALF, radius - abs(i - HALF))
            if reach < 0:
                continue
            window = ((np.uint64(1) << np.uint64(2 * reach + 1)) - np.uint64(1)) << np.uint64(
                HALF - reach
            )
        solid = walls[i] | objects[i]
        for word in range(2):
            if word == 0:
                seen, filled, things = (
                    spread_low(window, start),
                    spread_low(solid, start),
                    spread_low(objects[i], start),
                )
            else:
                seen, filled, things = (
                    spread_high(window, start),
                    spread_high(solid, start),
                    spread_high(objects[i], start),
                )
            if seen == 0:
                continue
            known = state.boards[m, KNOWN, word, grid_row]
            blocked = state.boards[m, BLOCKED, word, grid_row]
            lately = state.boards[m, SEEN_NEW, word, grid_row]
            changed |= (seen & ~known) | ((blocked ^ filled) & seen)
            owned = state.boards[m, COGS, word, grid_row] | state.boards[m, NEUTRAL, word, grid_row]
            changed |= owned & seen & ~(lately | state.boards[m, SEEN_OLD, word, grid_row])
            state.boards[m, KNOWN, word, grid_row] = known | seen
            state.boards[m, BLOCKED, word, grid_row] = (blocked & ~seen) | filled
            state.boards[m, SEEN_NEW, word, grid_row] = lately | seen
            if word == 1 or (seen & np.uint64(0x8000000000000001)) != 0:
                state.wide[m] = 1
            gone = state.boards[m, OBJECT, word, grid_row] & seen & ~things
            if gone != 0:
                for j in range(WINDOW):
                    index = (start + j + CENTRE_COLUMN) & 127
                    if index >> 6 == word and (gone >> np.uint64(index & 63)) & np.uint64(1):
                        ground |= put_object(state, m, grid_row, start + j, 0)
    if changed != 0:
        state.version[m] += 1
    return ground


@helper
def write_scalars(state, n, m, own, tags_vibe):
    """Fill the scalars of row `n` from its parsed own tokens (`own[f]` = value of feature f) and the boards."""
    out = state.scalars
    body = state.body
    age = body[n, AGE]
    out[n, S_COMPLETION] = own[2]
    out[n, S_AGE] = min(age, 255)
    out[n, S_LAST_ACTION] = min(np.int64(own[3]), 11)
    energy = np.int64(own[16]) + 256 * np.int64(own[17])
    hp = np.int64(own[20]) + 256 * np.int64(own[21])
    out[n, S_ENERGY] = min(energy, 255)
    out[n, S_HP] = min(hp, 400)
    out[n, S_HEART] = min(np.int64(own[18]), 10)
    out[n, S_INFLUENCE] = min(np.int64(own[22]), 20)
    cargo = 0
    for i in range(4):
        carried = np.int64(own[24 + 2 * i])
        out[n, S_CARRIED + i] = min(carried, 40)
        cargo += carried
        out[n, S_GEAR + i] = min(np.int64(own[32 + 2 * i]), 1)
    capacity = 40 if own[36] != 0 else 4
    out[n, S_CARGO] = min(cargo, 40)
    out[n, S_CARGO_ROOM] = max(capacity - cargo, 0)
    for i in range(NUM_VIBES):
        out[n, S_VIBE + i] = 1 if tags_vibe == i else 0
    low = 1 << 20
    for i in range(4):
        stock = np.int64(own[64 + 2 * i]) + 256 * np.int64(own[65 + 2 * i])
        out[n, S_STOCK + i] = min(stock, 10000)
        low = min(low, stock)
    out[n, S_STOCK_LOW] = min(low, 2500)
    for i in range(4):
        stock = np.int64(own[64 + 2 * i]) + 256 * np.int64(own[65 + 2 * i])
        out[n, S_LOW + i] = 1 if stock <= low + 10 else 0
    for gear in range(4):
        pays = 1
        for i in range(4):
            if np.int64(own[64 + 2 * i]) + 256 * np.int64(own[65 + 2 * i]) < PRICES[gear, i]:
                pays = 0
        out[n, S_CAN_PAY + gear] = pays
    out[n, S_CAN_PAY_HEART] = 1 if low >= 10 else 0


@helper
def write_place(state, n, m):
    """Fill the scalars that come from the map: position, ground, neighbours, counts."""
    out = state.scalars
    body = state.body
    row = body[n, ROW]
    column = body[n, COLUMN]
    out[n, S_ROW] = row - body[n, HUB_ROW]
    out[n, S_COLUMN] = column - body[n, HUB_COLUMN]
    spawn_row = body[n, SPAWN_ROW] - body[n, HUB_ROW]
    spawn_column = body[n, SPAWN_COLUMN] - body[n, HUB_COLUMN]
    out[n, S_SPAWN_ROW] = spawn_row
    out[n, S_SPAWN_COLUMN] = spawn_column
    out[n, S_SEAT] = body[n, SEAT]
    out[n, S_HUB_SEEN] = body[n, HUB_SEEN]
    slot = 20
    if body[n, HUB_SEEN] == 1 and abs(spawn_row) <= 5 and abs(spawn_column) <= 5:
        slot = np.int64(PAD_OF_OFFSET[spawn_row + 5, spawn_column + 5])
    out[n, S_SLOT] = slot
    grid_row = min(max(row + CENTRE_ROW, 1), ROWS - 2)
    out[n, S_ON_GROUND_MAP] = np.int64(has_bit(state.boards, m, FRIENDLY, grid_row, column))
    out[n, S_ON_GROUND_FELT] = 1 if body[n, OFF_GROUND] == 0 else 0
    out[n, S_ON_ENEMY_MAP] = np.int64(has_bit(state.boards, m, ENEMY, grid_row, column))
    out[n, S_STEPS_OFF_GROUND] = body[n, OFF_GROUND]
    out[n, S_DRAIN] = body[n, DRAIN]
    out[n, S_STEPS_STANDING] = body[n, STANDING]
    agents = body[n, AGENT_BITS]
    for d in range(4):
        out[n, S_AGENT + d] = (agents >> d) & 1
    out[n, S_BLOCKED] = np.int64(has_bit(state.boards, m, BLOCKED, grid_row - 1, column))
    out[n, S_BLOCKED + 1] = np.int64(has_bit(state.boards, m, BLOCKED, grid_row + 1, column))
    out[n, S_BLOCKED + 2] = np.int64(has_bit(state.boards, m, BLOCKED, grid_row, column - 1))
    out[n, S_BLOCKED + 3] = np.int64(has_bit(state.boards, m, BLOCKED, grid_row, column + 1))
    for i in range(NUM_VIBES):
        out[n, S_SEEN + i] = 0
    for i in range(body[n, NUM_OTHERS]):
        vibe = state.others[n, i, OTHER_VIBE]
        if vibe < NUM_VIBES:
            out[n, S_SEEN + vibe] += 1
    out[n, S_KNOWN_NEUTRAL] = min(state.counts[m, CODE_NEUTRAL], 200)
    out[n, S_KNOWN_COGS] = min(state.counts[m, CODE_COGS], 200)
    out[n, S_KNOWN_CLIPS] = min(state.counts[m, CODE_CLIPS], 200)


@helper
def parse_own(tokens, n, own):
    """Read the tokens of the agent's own cell and of the game into `own[f]`; returns (next token, own vibe)."""
    for f in range(72):
        own[f] = 0
    k = 0
    vibe = 0
    while k < NUM_TOKENS and tokens[n, k, 0] == 85:
        feature = tokens[n, k, 1]
        if feature == 6:
            vibe = np.int64(tokens[n, k, 2])
        elif feature < 72:
            own[feature] = tokens[n, k, 2]
        k += 1
    return k, vibe


@helper
def parse_cells(tokens, n, first, walls, objects, found, others):
    """Read the tokens of the window's other cells.

    Writes the wall and object bits of the 11 window rows, the list `found` of objects (window row, window column,
    code) and the list `others` of agents. Returns (objects, agents, Manhattan radius up to which cells were told).
    """
    for i in range(WINDOW):
        walls[i] = np.uint64(0)
        objects[i] = np.uint64(0)
    num_found = 0
    num_others = 0
    k = first
    location = 255
    while k < NUM_TOKENS:
        location = np.int64(tokens[n, k, 0])
        if location == 255:
            break
        feature = tokens[n, k, 1]
        value = np.int64(tokens[n, k, 2])
        row = location >> 4
        column = location & 15
        if feature == 8 and value == 13:
            walls[row] |= np.uint64(1) << np.uint64(column)
            k += 1
            continue
        tag = 0
        owner = -1
        vibe = 0
        gear = 0
        hearts = 0
        while True:
            if feature == 8:
                tag = value
            elif feature == 11:
                owner = value
            elif feature == 6:
                vibe = value
            elif feature == 18:
                hearts = value
            elif feature >= 32 and feature < 40 and (feature & 1) == 0:
                gear |= 1 << ((np.int64(feature) - 32) >> 1)
            k += 1
            if k >= NUM_TOKENS or tokens[n, k, 0] != location:
                break
            feature = tokens[n, k, 1]
            value = np.int64(tokens[n, k, 2])
        if tag == 1:
            if num_others < MAX_OTHERS:
                others[n, num_others, OTHER_ROW] = row
                others[n, num_others, OTHER_COLUMN] = column
                others[n, num_others, OTHER_VIBE] = vibe
                others[n, num_others, OTHER_GEAR] = gear
                others[n, num_others, OTHER_HEARTS] = hearts
                num_others += 1
            continue
        code = CODE_UNKNOWN
        if tag > 0 and tag < 14:
            code = np.int64(CODE_OF_TAG[tag])
        if code == CODE_NEUTRAL and owner >= 0:
            code = CODE_COGS if owner == 1 else CODE_CLIPS
        objects[row] |= np.uint64(1) << np.uint64(column)
        found[num_found, 0] = row
        found[num_found, 1] = column
        found[num_found, 2] = code
        num_found += 1
    radius = 2 * HALF
    if k >= NUM_TOKENS:
        # All 200 tokens are in use, so farther cells may have been cut off: trust only what is nearer than the last.
        radius = abs((location >> 4) - HALF) + abs((location & 15) - HALF) - 1
    return num_found, num_others, radius


@helper
def find_frame(state, n, shared, own, found, num_found):
    """Work out where the agent stands; returns 1 if this observation can be placed on the map.

    Sets the frame at the first observation (own memory) or when the hub comes into view (shared memory), and
    remembers the hub's cell when it is first seen.
    """
    body = state.body
    lp_row = np.int64(own[15]) - np.int64(own[14])
    lp_column = np.int64(own[12]) - np.int64(own[13])
    hub = -1
    for i in range(num_found):
        if found[i, 2] == CODE_HUB:
            hub = i
            break
    if body[n, HAS_FRAME] == 0:
        if hub >= 0:
            body[n, SPAWN_ROW] = HALF - found[hub, 0] - lp_row
            body[n, SPAWN_COLUMN] = HALF - found[hub, 1] - lp_column
        elif shared == 1:
            return 0
        else:
            body[n, SPAWN_ROW] = -lp_row
            body[n, SPAWN_COLUMN] = -lp_column
        body[n, HAS_FRAME] = 1
        body[n, ROW] = body[n, SPAWN_ROW] + lp_row
        body[n, COLUMN] = body[n, SPAWN_COLUMN] + lp_column
    body[n, ROW] = body[n, SPAWN_ROW] + lp_row
    body[n, COLUMN] = body[n, SPAWN_COLUMN] + lp_column
    if hub >= 0 and body[n, HUB_SEEN] == 0:
        body[n, HUB_SEEN] = 1
        body[n, HUB_ROW] = body[n, ROW] + found[hub, 0] - HALF
        body[n, HUB_COLUMN] = body[n, COLUMN] + found[hub, 1] - HALF
        return 2
    return 1


@helper
def update_body(state, n, own, row_before, column_before):
    """Remember hp, standing time and the last move; decide whether own ground was felt."""
    body = state.body
    hp = np.int64(own[20]) + 256 * np.int64(own[21])
    body[n, DRAIN] = 0
    if body[n, AGE] > 0:
        if hp > 0 and hp >= body[n, HP]:
            body[n, OFF_GROUND] = 0
            body[n, ON_GROUND] = min(body[n, ON_GROUND] + 1, 255)
        else:
            body[n, OFF_GROUND] = min(body[n, OFF_GROUND] + 1, 255)
            body[n, ON_GROUND] = 0
            body[n, DRAIN] = min(body[n, HP] - hp, 20)
    body[n, HP] = hp
    influence = np.int64(own[22])
    body[n, SUPPRESSED] = 1 if body[n, INFLUENCE] > 1 and influence == 0 and own[32] != 0 else 0
    body[n, INFLUENCE] = influence
    down = body[n, ROW] - row_before
    right = body[n, COLUMN] - column_before
    if body[n, AGE] > 0 and down == 0 and right == 0:
        body[n, STANDING] = min(body[n, STANDING] + 1, 255)
    else:
        body[n, STANDING] = 0
    for d in range(4):
        state.scalars[n, S_MOVED + d] = 0
    if body[n, AGE] > 0 and abs(down) + abs(right) == 1:
        d = (0 if down < 0 else 1) if down != 0 else (2 if right < 0 else 3)
        state.scalars[n, S_MOVED + d] = 1


@helper
def find_seat(state, n):
    """Estimate the agent's rank among its team's start cells from west to east, as 0..255, from the first observation.

    Start pads outside the window count with the share of pads inside it that are taken. Agents of a team so get
    different, nearly evenly spread seats without knowing their number or their index.
    """
    body = state.body
    num_others = body[n, NUM_OTHERS]
    spawn_row = body[n, SPAWN_ROW] - body[n, HUB_ROW]
    spawn_column = body[n, SPAWN_COLUMN] - body[n, HUB_COLUMN]
    west = 0
    for i in range(num_others):
        row = state.others[n, i, OTHER_ROW] - body[n, HUB_ROW]
        column = state.others[n, i, OTHER_COLUMN] - body[n, HUB_COLUMN]
        if column < spawn_column or (column == spawn_column and row < spawn_row):
            west += 1
    seen_pads = 0
    hidden_west = 0
    hidden = 0
    if body[n, HUB_SEEN] == 1:
        for i in range(len(PADS_FROM_WEST)):
            row = PADS_FROM_WEST[i, 0]
            column = PADS_FROM_WEST[i, 1]
            if row == spawn_row and column == spawn_column:
                continue
            if abs(row - spawn_row) <= HALF and abs(column - spawn_column) <= HALF:
                seen_pads += 1
            else:
                hidden += 1
                if column < spawn_column or (column == spawn_column and row < spawn_row):
                    hidden_west += 1
    # Agents farther west, and all others, in units of 1 / seen_pads.
    scale = max(seen_pads, 1)
    before = west * scale + num_others * hidden_west
    every = num_others * scale + num_others * hidden
    body[n, SEAT] = (255 * before) // every if every > 0 else 0


@helper
def update_row(state, n, m, shared, tokens, own, walls, objects, found):
    """Take in the observation of row `n`."""
    body = state.body
    first, vibe = parse_own(tokens, n, own)
    num_found, num_others, radius = parse_cells(
        tokens, n, first, walls, objects, found, state.others
    )
    row_before = body[n, ROW]
    column_before = body[n, COLUMN]
    placed = find_frame(state, n, shared, own, found, num_found)
    update_body(state, n, own, row_before, column_before)
    row = np.int64(body[n, ROW])
    column = np.int64(body[n, COLUMN])
    agents = 0
    for i in range(num_others):
        down = np.int64(state.others[n, i, OTHER_ROW]) - HALF
        right = np.int64(state.others[n, i, OTHER_COLUMN]) - HALF
        if abs(down) + abs(right) == 1:
            agents |= 1 << ((0 if down < 0 else 1) if down != 0 else (2 if right < 0 else 3))
        state.others[n, i, OTHER_ROW] = row + down
        state.others[n, i, OTHER_COLUMN] = column + right
    body[n, NUM_OTHERS] = num_others
    body[n, AGENT_BITS] = agents
    inside = placed != 0 and abs(column) <= MAX_COLUMN_OFFSET and abs(row) < CENTRE_ROW - 1
    if inside:
        ground = write_window(state, m, row, column, walls, objects, radius)
        for i in range(num_found):
            grid_row = row + found[i, 0] - HALF + CENTRE_ROW
            if grid_row >= 1 and grid_row < ROWS - 1:
                ground |= put_object(state, m, grid_row, column + found[i, 1] - HALF, found[i, 2])
        if placed == 2:
            for k in range(NUM_LAYOUTS):
                hub_row = np.int64(body[n, HUB_ROW])
                hub_column = np.int64(body[n, HUB_COLUMN])
                if layout_fits(state, m, k, hub_row, hub_column, row, column, walls, objects):
                    ground |= stamp_layout(state, m, k, hub_row, hub_column)
                    break
        on_map = has_bit(state.boards, m, FRIENDLY, row + CENTRE_ROW, column)
        if on_map and body[n, OFF_GROUND] > 1:
            body[n, DOUBTS] += 1
            if body[n, DOUBTS] == 2:
                ground |= forget_ground(state, m, row, column)
        else:
            body[n, DOUBTS] = 0
        if feels_enemy(state, n, own):
            ground |= mark_hurt(state, m, row, column, HURT_RADIUS if on_map else HURT_RADIUS_AWAY)
        if ground:
            rebuild_ground(state, m)
    if body[n, AGE] == 0:
        find_seat(state, n)
    write_scalars(state, n, m, own, vibe)
    write_place(state, n, m)
    body[n, AGE] += 1


@helper
def clear_memory(state, m):
    """Forget the map."""
    for board in range(NUM_BOARDS):
        for row in range(ROWS):
            state.boards[m, board, 0, row] = np.uint64(0)
            state.boards[m, board, 1, row] = np.uint64(0)
    for code in range(NUM_CODES):
        state.counts[m, code] = 0
    state.wide[m] = 0
    state.version[m] += 1


@helper
def age_memory(state, m):
    """A period is over: what was seen or felt before it does not count as lately any more."""
    for row in range(ROWS):
        for word in range(2):
            state.boards[m, SEEN_OLD, word, row] = state.boards[m, SEEN_NEW, word, row]
            state.boards[m, SEEN_NEW, word, row] = np.uint64(0)
            state.boards[m, HURT_OLD, word, row] = state.boards[m, HURT_NEW, word, row]
            state.boards[m, HURT_NEW, word, row] = np.uint64(0)
    rebuild_ground(state, m)


@kernel
def update_rows(state, tokens, reset, first, last, agents_per_memory):
    """Take in one observation of each row in [first, last).

    Args:
        state: `MemoryState`, mutated in place.
        tokens: u8 [N, 200, 3], read only.
        reset: u8 [N]; nonzero: the observation is the first of an episode, so the row forgets everything first.
        first: first row.
        last: row after the last.
        agents_per_memory: 1, or the number of agents that share one memory (rows of a team are contiguous).
    """
    own = np.zeros(72, dtype=np.uint8)
    walls = np.zeros(16, dtype=np.uint64)
    objects = np.zeros(16, dtype=np.uint64)
    found = np.zeros((NUM_TOKENS, 3), dtype=np.int64)
    shared = 1 if agents_per_memory > 1 else 0
    for n in range(first, last):
        m = n // agents_per_memory
        leads = n % agents_per_memory == 0
        if reset[n]:
            for i in range(BODY_SIZE):
                state.body[n, i] = 0
            state.routed[n, 0] = -1
            if leads:
                clear_memory(state, m)
        elif leads and state.body[n, AGE] % REVISIT_PERIOD == 0:
            age_memory(state, m)
        update_row(state, n, m, shared, tokens, own, walls, objects, found)
