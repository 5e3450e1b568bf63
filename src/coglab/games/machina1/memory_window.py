"""The map and the list of stations: what a window shows is written there, and tells where the agent stands."""

from __future__ import annotations

import numpy as np

from coglab.engine.jit import count_ones, helper, inlined
from coglab.games.machina1 import memory_layout as layout
from coglab.games.machina1.memory_state import (
    AGE,
    ASSEMBLER_CELL,
    CELL,
    CHEST_CELL,
    ENERGY,
    KIND,
    KNOWN,
    KNOWN_KIND,
    MAX_STATIONS,
    NUM_STATIONS,
    OPEN,
    S_CELL,
    S_KIND,
    S_READY,
    S_USES,
    STEP,
    VIBE,
    clear_bit,
    is_on_grid,
    set_bit,
)
from coglab.games.machina1.memory_tokens import (
    ACTION_FEATURE,
    ENERGY_FEATURE,
    FOUND_COLUMN,
    FOUND_COOLDOWN,
    FOUND_KIND,
    FOUND_ROW,
    FOUND_USES,
    HALF,
    WINDOW,
)

KIND_CHARGER, KIND_ASSEMBLER, KIND_CHEST = (
    layout.KIND_CHARGER,
    layout.KIND_ASSEMBLER,
    layout.KIND_CHEST,
)
VIBE_CHARGER = layout.VIBE_CHARGER
GIFT = 20
"""Energy that an agent with the vibe `charger` gives away when it bumps into another."""

WITHIN = np.zeros((WINDOW, WINDOW), dtype=np.uint64)
"""Bits of window row r that lie within a Manhattan radius of the centre: `WITHIN[radius, r]`."""
for _radius in range(WINDOW):
    for _row in range(WINDOW):
        for _column in range(WINDOW):
            if abs(_row - HALF) + abs(_column - HALF) <= _radius:
                WITHIN[_radius, _row] |= np.uint64(1 << _column)


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
