"""Parts of an observation that every game writes alike: 200 tokens of (location, feature, value) per agent.

Here are single tokens, what lies in an agent's window, walls, other agents, padding. What an agent, an object and the
globals look like is the game's own `observe.py`. A game's state and maps need the fields that are used here: of an agent
`row, col, window_cell, window_walls, window_objects`, of the maps `wall_bits` and `object_bits`.

Most functions may write a block of 64 bytes behind what is asked for, see `blocks.py`.
"""

from __future__ import annotations

import numpy as np

from coglab.engine.blocks import (
    BLOCK,
    TOKENS_PER_BLOCK,
    compress_block,
    copy_tokens,
    fetch,
    fill_block,
    spread_tokens,
    store32,
)
from coglab.engine.jit import count_ones, helper, inlined, trailing_zeros
from coglab.engine.window import LOCATION, POSITION, RADIUS, window_mask

NUM_TOKENS = 200
ROW_BYTES = 3 * NUM_TOKENS
BLANK = 255

FAR_AWAY = 1 << 20
"""Row and column of agents that are not there, see `lanes_of`."""

_ROWS_AHEAD, _LINES_AHEAD = 8, 3
_WHOLE_TOKENS = 3 * TOKENS_PER_BLOCK
_ONE = np.uint64(1)


def lanes_of(num_agents: int) -> int:
    """Return the length of `scratch.rows` and `cols`: loops over full vectors are faster than over exactly A."""
    return -(-num_agents // 16) * 16


@inlined
def put(out, at, location, feature, value):
    """Write one token at byte `at` and return the byte behind it; the byte after that is overwritten too."""
    store32(out, at, np.uint32(location | (feature << 8) | (value << 16)))
    return at + 3


@inlined
def put_amount(out, at, location, feature, amount):
    """Write an amount as one token, or two when it needs a second byte."""
    at = put(out, at, location, feature, amount & 255)
    if amount >= 256:
        at = put(out, at, location, feature + 1, amount >> 8)
    return at


@inlined
def look_around(maps, slot, agent):
    """Bring the walls and objects in the window of an agent up to date, if it has moved."""
    row, col = np.int64(agent.row), np.int64(agent.col)
    cell = (row << 16) + col
    if agent.window_cell != cell:
        agent.window_cell = cell
        low, high = window_mask(maps.wall_bits[slot], row, col)
        agent.window_walls[0] = low
        agent.window_walls[1] = high
        low, high = window_mask(maps.object_bits[slot], row, col)
        agent.window_objects[0] = low
        agent.window_objects[1] = high


@inlined
def find_agents(rules, i, scratch):
    """Find the other agents in the window of agent i of a game.

    Returns:
        (low, high, bytes): their window positions as a mask, and the length of their tokens. `scratch.agent_at` tells
        who stands at each position.
    """
    row, col = scratch.rows[i], scratch.cols[i]
    seen = np.uint64(0)
    for j in range(scratch.rows.shape[0]):  # no branch in here, so that it runs on vectors
        is_near = (abs(scratch.rows[j] - row) <= RADIUS) & (abs(scratch.cols[j] - col) <= RADIUS)
        seen |= np.uint64(is_near) << np.uint64(j)
    seen &= ~(_ONE << np.uint64(i))
    low, high, num_bytes = np.uint64(0), np.uint64(0), 0
    while seen:
        j = trailing_zeros(seen)
        seen &= seen - _ONE
        position = POSITION[scratch.rows[j] - row + RADIUS, scratch.cols[j] - col + RADIUS]
        scratch.agent_at[position] = j
        num_bytes += scratch.agent_bytes[j]
        bit = _ONE << np.uint64(position & 63)
        if position < 64:
            low |= bit
        else:
            high |= bit
    return low, high, num_bytes


@inlined
def list_walls(agent, locations):
    """Write the location bytes of the walls in an agent's window to `locations`, nearest first."""
    low = agent.window_walls[0]
    compress_block(locations, 0, LOCATION, 0, low)
    compress_block(locations, count_ones(low), LOCATION, 64, agent.window_walls[1])


@inlined
def put_walls(out, at, locations, start, end, feature, value):
    """Write a token (feature, value) for each of the walls number start .. end - 1; return the byte behind the last."""
    spread_tokens(out, at, locations, start, np.uint8(feature), np.uint8(value))
    for extra in range(TOKENS_PER_BLOCK, end - start, TOKENS_PER_BLOCK):
        spread_tokens(
            out, at + 3 * extra, locations, start + extra, np.uint8(feature), np.uint8(value)
        )
    return at + 3 * (end - start)


@inlined
def put_agent(out, at, tokens, num_bytes, location):
    """Copy the tokens of an agent, giving them a location; return the byte behind the last."""
    copy_tokens(out, at, tokens, 0, location)
    if num_bytes > _WHOLE_TOKENS:
        copy_tokens(out, at + _WHOLE_TOKENS, tokens, _WHOLE_TOKENS, location)
    return at + num_bytes


@inlined
def blank_rest(out, at, end):
    """Blank out[at:end], and the block behind `at` in any case; out has room for that block."""
    fill_block(out, at, np.uint8(BLANK))
    at += BLOCK
    while at < end:
        fill_block(out, min(at, ROW_BYTES - BLOCK), np.uint8(BLANK))
        at += BLOCK


@helper
def copy_cut(out, buffer, num_bytes):
    """Copy an observation that may be too long, cut to 200 tokens, and blank the rest; return the bytes kept."""
    kept = min(num_bytes, ROW_BYTES)
    for i in range(kept):
        out[i] = buffer[i]
    for i in range(kept, ROW_BYTES):
        out[i] = BLANK
    return kept


@inlined
def fetch_rows(tokens, row):
    """Ask for the rows that will be written soon: with thousands of games they are not in the caches."""
    ahead = min(row + _ROWS_AHEAD, tokens.shape[0] - 1)
    for line in range(_LINES_AHEAD):
        fetch(tokens[ahead], 64 * line)
