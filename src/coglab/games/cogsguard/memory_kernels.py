"""Writing the map memory from one observation of one agent, however it was read (`memory_tokens.py`, `memory_sight.py`).

What was observed goes into the boards (`memory_boards.py`, `memory_window.py`), into `body` (what an agent remembers about
itself) and into `scalars` (the parsed facts).
"""

from __future__ import annotations

import numpy as np

from coglab.engine.jit import helper, inlined
from coglab.games.cogsguard import memory_layout as layout
from coglab.games.cogsguard.memory_boards import (
    AGE,
    AGENT_BITS,
    BLOCKED,
    BODY_SIZE,
    CENTRE_ROW,
    CODE_CLIPS,
    CODE_COGS,
    CODE_HUB,
    CODE_NEUTRAL,
    COLUMN,
    DOUBTS,
    DRAIN,
    ENEMY,
    FRIENDLY,
    HALF,
    HAS_FRAME,
    HP,
    HUB_COLUMN,
    HUB_ROW,
    HUB_SEEN,
    HURT_RADIUS,
    HURT_RADIUS_AWAY,
    INFLUENCE,
    MAX_COLUMN_OFFSET,
    NUM_OTHERS,
    NUM_VIBES,
    OFF_GROUND,
    ON_GROUND,
    OTHER_COLUMN,
    OTHER_ROW,
    OTHER_VIBE,
    REVISIT_PERIOD,
    ROW,
    ROWS,
    SEAT,
    SPAWN_COLUMN,
    SPAWN_ROW,
    STANDING,
    SUPPRESSED,
    age_memory,
    cell_bit,
    clear_memory,
    forget_ground,
    mark_hurt,
    put_object,
    rebuild_ground,
)
from coglab.games.cogsguard.memory_compound import NUM_LAYOUTS, layout_fits, stamp_layout
from coglab.games.cogsguard.memory_window import (
    SIGN_CHANGED,
    SIGN_DOUBTS,
    SIGN_GONE,
    SIGN_WIDE,
    is_doubtful,
    is_remembered,
    remove_gone,
    write_window,
)


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

NUM_OWN = 72
"""Features that the own cell and the game may have."""

PAD_OF_OFFSET = np.full((11, 11), 20, dtype=np.int16)
for _slot, (_pad_row, _pad_column) in enumerate(layout.PADS):
    PAD_OF_OFFSET[_pad_row + 5, _pad_column + 5] = _slot

PADS_FROM_WEST = np.array(sorted(layout.PADS, key=lambda pad: (pad[1], pad[0])), dtype=np.int64)
"""Start pads ordered by column, then row."""

PRICES = np.array([[1, 3, 1, 1], [3, 1, 1, 1], [1, 1, 3, 1], [1, 1, 1, 3]], dtype=np.int64)
"""Price of each piece of gear in oxygen, carbon, germanium, silicon (rules, section 2)."""


@helper
def feels_enemy(body, own):
    """1 if the body tells of enemy ground.

    Signs: more than 1 hp lost in a tick; all influence lost in a tick; hp below its cap on own ground, which fills it.
    """
    if body[SUPPRESSED] == 1 or (body[DRAIN] > 1 and body[DRAIN] < 8):
        return 1
    cap = 200 if own[34] != 0 else 100
    if body[ON_GROUND] < 2 or own[38] != 0:
        return 0
    return 1 if body[HP] < cap and body[HP] > cap - 8 else 0


@helper
def write_scalars(out, body, own, vibe):
    """Fill the scalars that come from the agent's own tokens (`own[f]` = value of feature f)."""
    age = body[AGE]
    out[S_COMPLETION] = own[2]
    out[S_AGE] = min(age, 255)
    out[S_LAST_ACTION] = min(np.int64(own[3]), 11)
    energy = np.int64(own[16]) + 256 * np.int64(own[17])
    hp = np.int64(own[20]) + 256 * np.int64(own[21])
    out[S_ENERGY] = min(energy, 255)
    out[S_HP] = min(hp, 400)
    out[S_HEART] = min(np.int64(own[18]), 10)
    out[S_INFLUENCE] = min(np.int64(own[22]), 20)
    cargo = 0
    for i in range(4):
        carried = np.int64(own[24 + 2 * i])
        out[S_CARRIED + i] = min(carried, 40)
        cargo += carried
        out[S_GEAR + i] = min(np.int64(own[32 + 2 * i]), 1)
    capacity = 40 if own[36] != 0 else 4
    out[S_CARGO] = min(cargo, 40)
    out[S_CARGO_ROOM] = max(capacity - cargo, 0)
    for i in range(NUM_VIBES):
        out[S_VIBE + i] = 1 if vibe == i else 0
    low = 1 << 20
    for i in range(4):
        stock = np.int64(own[64 + 2 * i]) + 256 * np.int64(own[65 + 2 * i])
        out[S_STOCK + i] = min(stock, 10000)
        low = min(low, stock)
    out[S_STOCK_LOW] = min(low, 2500)
    for i in range(4):
        stock = np.int64(own[64 + 2 * i]) + 256 * np.int64(own[65 + 2 * i])
        out[S_LOW + i] = 1 if stock <= low + 10 else 0
    for gear in range(4):
        pays = 1
        for i in range(4):
            if np.int64(own[64 + 2 * i]) + 256 * np.int64(own[65 + 2 * i]) < PRICES[gear, i]:
                pays = 0
        out[S_CAN_PAY + gear] = pays
    out[S_CAN_PAY_HEART] = 1 if low >= 10 else 0


@helper
def write_place(out, body, boards, counts, others):
    """Fill the scalars that come from the map: position, ground, neighbours, counts."""
    row = body[ROW]
    column = body[COLUMN]
    out[S_ROW] = row - body[HUB_ROW]
    out[S_COLUMN] = column - body[HUB_COLUMN]
    spawn_row = body[SPAWN_ROW] - body[HUB_ROW]
    spawn_column = body[SPAWN_COLUMN] - body[HUB_COLUMN]
    out[S_SPAWN_ROW] = spawn_row
    out[S_SPAWN_COLUMN] = spawn_column
    out[S_SEAT] = body[SEAT]
    out[S_HUB_SEEN] = body[HUB_SEEN]
    slot = 20
    if body[HUB_SEEN] == 1 and abs(spawn_row) <= 5 and abs(spawn_column) <= 5:
        slot = np.int64(PAD_OF_OFFSET[spawn_row + 5, spawn_column + 5])
    out[S_SLOT] = slot
    grid_row = min(max(row + CENTRE_ROW, 1), ROWS - 2)
    out[S_ON_GROUND_MAP] = np.int64(cell_bit(boards, FRIENDLY, grid_row, column))
    out[S_ON_GROUND_FELT] = 1 if body[OFF_GROUND] == 0 else 0
    out[S_ON_ENEMY_MAP] = np.int64(cell_bit(boards, ENEMY, grid_row, column))
    out[S_STEPS_OFF_GROUND] = body[OFF_GROUND]
    out[S_DRAIN] = body[DRAIN]
    out[S_STEPS_STANDING] = body[STANDING]
    agents = body[AGENT_BITS]
    for d in range(4):
        out[S_AGENT + d] = (agents >> d) & 1
    out[S_BLOCKED] = np.int64(cell_bit(boards, BLOCKED, grid_row - 1, column))
    out[S_BLOCKED + 1] = np.int64(cell_bit(boards, BLOCKED, grid_row + 1, column))
    out[S_BLOCKED + 2] = np.int64(cell_bit(boards, BLOCKED, grid_row, column - 1))
    out[S_BLOCKED + 3] = np.int64(cell_bit(boards, BLOCKED, grid_row, column + 1))
    for i in range(NUM_VIBES):
        out[S_SEEN + i] = 0
    for i in range(body[NUM_OTHERS]):
        vibe = others[i, OTHER_VIBE]
        if vibe < NUM_VIBES:
            out[S_SEEN + vibe] += 1
    out[S_KNOWN_NEUTRAL] = min(counts[CODE_NEUTRAL], 200)
    out[S_KNOWN_COGS] = min(counts[CODE_COGS], 200)
    out[S_KNOWN_CLIPS] = min(counts[CODE_CLIPS], 200)


@helper
def find_frame(body, shared, own, found, num_found):
    """Work out where the agent stands; returns 1 if this observation can be placed on the map.

    Sets the frame at the first observation (own memory) or when the hub comes into view (shared memory), and
    remembers the hub's cell when it is first seen.
    """
    lp_row = np.int64(own[15]) - np.int64(own[14])
    lp_column = np.int64(own[12]) - np.int64(own[13])
    hub = -1
    for i in range(num_found):
        if found[i, 2] == CODE_HUB:
            hub = i
            break
    if body[HAS_FRAME] == 0:
        if hub >= 0:
            body[SPAWN_ROW] = HALF - found[hub, 0] - lp_row
            body[SPAWN_COLUMN] = HALF - found[hub, 1] - lp_column
        elif shared == 1:
            return 0
        else:
            body[SPAWN_ROW] = -lp_row
            body[SPAWN_COLUMN] = -lp_column
        body[HAS_FRAME] = 1
        body[ROW] = body[SPAWN_ROW] + lp_row
        body[COLUMN] = body[SPAWN_COLUMN] + lp_column
    body[ROW] = body[SPAWN_ROW] + lp_row
    body[COLUMN] = body[SPAWN_COLUMN] + lp_column
    if hub >= 0 and body[HUB_SEEN] == 0:
        body[HUB_SEEN] = 1
        body[HUB_ROW] = body[ROW] + found[hub, 0] - HALF
        body[HUB_COLUMN] = body[COLUMN] + found[hub, 1] - HALF
        return 2
    return 1


@helper
def update_body(body, out, own, row_before, column_before):
    """Remember hp, standing time and the last move; decide whether own ground was felt."""
    hp = np.int64(own[20]) + 256 * np.int64(own[21])
    body[DRAIN] = 0
    if body[AGE] > 0:
        if hp > 0 and hp >= body[HP]:
            body[OFF_GROUND] = 0
            body[ON_GROUND] = min(body[ON_GROUND] + 1, 255)
        else:
            body[OFF_GROUND] = min(body[OFF_GROUND] + 1, 255)
            body[ON_GROUND] = 0
            body[DRAIN] = min(body[HP] - hp, 20)
    body[HP] = hp
    influence = np.int64(own[22])
    body[SUPPRESSED] = 1 if body[INFLUENCE] > 1 and influence == 0 and own[32] != 0 else 0
    body[INFLUENCE] = influence
    down = body[ROW] - row_before
    right = body[COLUMN] - column_before
    if body[AGE] > 0 and down == 0 and right == 0:
        body[STANDING] = min(body[STANDING] + 1, 255)
    else:
        body[STANDING] = 0
    for d in range(4):
        out[S_MOVED + d] = 0
    if body[AGE] > 0 and abs(down) + abs(right) == 1:
        d = (0 if down < 0 else 1) if down != 0 else (2 if right < 0 else 3)
        out[S_MOVED + d] = 1


@helper
def find_seat(body, others):
    """Estimate the agent's rank among its team's start cells from west to east, as 0..255, from the first observation.

    Start pads outside the window count with the share of pads inside it that are taken. Agents of a team so get
    different, nearly evenly spread seats without knowing their number or their index.
    """
    num_others = body[NUM_OTHERS]
    spawn_row = body[SPAWN_ROW] - body[HUB_ROW]
    spawn_column = body[SPAWN_COLUMN] - body[HUB_COLUMN]
    west = 0
    for i in range(num_others):
        row = others[i, OTHER_ROW] - body[HUB_ROW]
        column = others[i, OTHER_COLUMN] - body[HUB_COLUMN]
        if column < spawn_column or (column == spawn_column and row < spawn_row):
            west += 1
    seen_pads = 0
    hidden_west = 0
    hidden = 0
    if body[HUB_SEEN] == 1:
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
    body[SEAT] = (255 * before) // every if every > 0 else 0


@inlined
def take_in(state, n, m, shared, own, vibe, sight, found, num_found, num_others, radius):
    """Take in what the observation of row `n` says.

    Helpers that every step needs get views of single rows; those that get the whole state (150 words of stack) are for
    steps in which the map changes.

    Args:
        state: `MemoryState`; `others[n]` holds the other agents by window row and window column.
        n: row.
        m: its memory.
        shared: 1 if a team shares it.
        own: u8 [72] value of each feature of the own cell and of the game.
        vibe: own vibe.
        sight: u64 [SIGHT_SIZE] walls and objects of the window, see `memory_window.py`.
        found: i64 [*, 3] objects: window row, window column, code.
        num_found: how many.
        num_others: other agents.
        radius: Manhattan radius up to which cells were told about; 10: all.
    """
    body = state.body[n]
    others = state.others[n]
    boards = state.boards[m]
    codes = state.codes[m]
    row_before = body[ROW]
    column_before = body[COLUMN]
    placed = find_frame(body, shared, own, found, num_found)
    update_body(body, state.scalars[n], own, row_before, column_before)
    row = np.int64(body[ROW])
    column = np.int64(body[COLUMN])
    agents = 0
    for i in range(num_others):
        down = np.int64(others[i, OTHER_ROW]) - HALF
        right = np.int64(others[i, OTHER_COLUMN]) - HALF
        if abs(down) + abs(right) == 1:
            agents |= 1 << ((0 if down < 0 else 1) if down != 0 else (2 if right < 0 else 3))
        others[i, OTHER_ROW] = row + down
        others[i, OTHER_COLUMN] = column + right
    body[NUM_OTHERS] = num_others
    body[AGENT_BITS] = agents
    inside = placed != 0 and abs(column) <= MAX_COLUMN_OFFSET and abs(row) < CENTRE_ROW - 1
    if inside:
        ground = 0
        signs = write_window(boards, state.span[m], row, column, sight, radius)
        if signs & SIGN_CHANGED:
            state.version[m] += 1
        if signs & SIGN_WIDE:
            state.wide[m] = 1
        if signs & SIGN_GONE:
            ground |= remove_gone(state, m, row, column, sight, radius)
        if signs & SIGN_DOUBTS or radius < 2 * HALF:
            for i in range(num_found):
                grid_row = row + found[i, 0] - HALF + CENTRE_ROW
                if grid_row < 1 or grid_row >= ROWS - 1:
                    continue
                other = column + found[i, 1] - HALF
                if radius == 2 * HALF and not is_doubtful(sight, row, grid_row, other):
                    continue
                if not is_remembered(boards, codes, grid_row, other, found[i, 2]):
                    ground |= put_object(state, m, grid_row, other, found[i, 2])
        if placed == 2:
            for k in range(NUM_LAYOUTS):
                hub_row = np.int64(body[HUB_ROW])
                hub_column = np.int64(body[HUB_COLUMN])
                if layout_fits(state, m, k, hub_row, hub_column, row, column, sight):
                    ground |= stamp_layout(state, m, k, hub_row, hub_column)
                    break
        on_map = cell_bit(boards, FRIENDLY, row + CENTRE_ROW, column)
        if on_map and body[OFF_GROUND] > 1:
            body[DOUBTS] += 1
            if body[DOUBTS] == 2:
                ground |= forget_ground(state, m, row, column)
        else:
            body[DOUBTS] = 0
        if feels_enemy(body, own):
            ground |= mark_hurt(state, m, row, column, HURT_RADIUS if on_map else HURT_RADIUS_AWAY)
        if ground:
            rebuild_ground(state, m)
    if body[AGE] == 0:
        find_seat(body, others)
    write_scalars(state.scalars[n], body, own, vibe)
    write_place(state.scalars[n], body, boards, state.counts[m], others)
    body[AGE] += 1


@inlined
def begin_row(state, n, m, leads, is_first):
    """Forget or age, before the next observation of row `n` is taken in; `leads`: the first row of its memory."""
    if is_first:
        for i in range(BODY_SIZE):
            state.body[n, i] = 0
        state.routed[n, 0] = -1
        if leads:
            clear_memory(state, m)
    elif leads and state.body[n, AGE] % REVISIT_PERIOD == 0:
        age_memory(state, m)
