"""The parsed facts, `scalars`: from the agent's own tokens, its place, and the ring round the assembler."""

from __future__ import annotations

import numpy as np

from coglab.engine.jit import inlined
from coglab.games.machina1 import memory_layout as layout
from coglab.games.machina1.memory_state import (
    AGE,
    ASSEMBLER_CELL,
    CARGO,
    CELL,
    CENTRE_BIT,
    CENTRE_LINE,
    COMPLETION,
    COMPLETION_AGE,
    ENERGY,
    HEART,
    HEART_AGE,
    KNOWN_KIND,
    OPEN,
    RING_OFFSET,
    RING_SINCE,
    RING_TAKEN,
    S_KIND,
    SPAWN_CELL,
    STANDING,
    STEP,
    VIBE,
    get_bit,
    is_on_grid,
)
from coglab.games.machina1.memory_tokens import (
    CARBON_FEATURE,
    COMPLETION_FEATURE,
    ENERGY_FEATURE,
    HALF,
    HEART_FEATURE,
    OTHER_CARGO,
    OTHER_COLUMN,
    OTHER_HEART,
    OTHER_ROW,
    OTHER_VIBE,
)

KIND_CHARGER = layout.KIND_CHARGER
VIBE_DEFAULT, VIBE_HEART_A, VIBE_HEART_B = (
    layout.VIBE_DEFAULT,
    layout.VIBE_HEART_A,
    layout.VIBE_HEART_B,
)
PRICE = np.array(layout.BASE_PRICE, dtype=np.int64)
PRICE_STEP = np.array(layout.PRICE_STEP, dtype=np.int64)
SHARE = np.array(layout.SHARE, dtype=np.int64)
LONG_AGO = layout.LONG_AGO


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
