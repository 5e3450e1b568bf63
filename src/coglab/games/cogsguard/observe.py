"""What agents see: 200 tokens of (location, feature, value) each, byte for byte as the rules' observation page says.

Work is shared where views overlap: the tokens of an agent and of the stock are written once per tick, walls and
objects of a window are looked up only when the agent has moved, and only that part of the padding is blanked which the
previous observation in the same buffer had used.
"""

from __future__ import annotations

import numpy as np

from coglab.engine.jit import helper, store32, trailing_zeros
from coglab.engine.window import LOCATION, POSITION, RADIUS, window_mask
from coglab.games.cogsguard.maps import PAD
from coglab.games.cogsguard.rules import (
    AGENT,
    CLIPS,
    COGS,
    ELEMENT_OF_KIND,
    EMPTY,
    JUNCTION,
    NUM_KINDS,
    OXYGEN,
    SILICON,
    WALL,
)
from coglab.games.cogsguard.state import SOURCE_NEUTRAL
from coglab.games.cogsguard.step import object_at

NUM_TOKENS = 200
ROW_BYTES = 3 * NUM_TOKENS
BLANK = 255

# --- features --------------------------------------------------------------------------------------------------------
GROUP, FROZEN, EPISODE_PCT, LAST_ACTION, LAST_REWARD = 0, 1, 2, 3, 4
VIBE, TAG, COLLECTIVE = 6, 8, 11
LP_EAST, LP_WEST, LP_NORTH, LP_SOUTH = 12, 13, 14, 15
FIRST_INVENTORY, FIRST_STOCK = 16, 64
TAG_COLLECTIVE_COGS = 0
OWN_LOCATION = 85

_MAX_OBJECT_TOKENS = 3
_TOKENS_SHIFT = np.uint64(48)
_ONE, _LOW16 = np.uint64(1), np.uint64(0xFFFF)
_16 = np.uint64(16)
_WALL_TOKEN = np.uint32((TAG << 8) | (WALL << 16))


def object_token_table(extractors_stay: bool) -> np.ndarray:
    """Return the tokens of every object in every condition.

    Returns:
        [14, 256] uint64: by kind and `State.object_value`, up to three pairs of (feature, value) bytes from the lowest
        byte, and their number in bits 48 and up.
    """

    def pack(*pairs: tuple[int, int]) -> int:
        word = len(pairs) << 48
        for i, (feature, value) in enumerate(pairs):
            word |= (feature | value << 8) << 16 * i
        return word

    table = np.zeros((NUM_KINDS, 256), np.uint64)
    for kind in range(NUM_KINDS):
        element = int(ELEMENT_OF_KIND[kind])
        if kind in (EMPTY, AGENT, WALL):
            continue
        if kind == JUNCTION:
            table[kind, SOURCE_NEUTRAL] = pack((TAG, kind))
            for owner in (CLIPS, COGS):
                table[kind, owner] = pack((COLLECTIVE, owner), (TAG, kind))
        elif element >= 0:
            table[kind, 0] = pack((TAG, kind)) if extractors_stay else pack()
            for amount in range(1, 256):
                table[kind, amount] = pack((TAG, kind), (FIRST_INVENTORY + 2 * element, amount))
        else:
            table[kind] = pack((COLLECTIVE, COGS), (TAG, TAG_COLLECTIVE_COGS), (TAG, kind))
    return table


@helper
def _put(out, at, location, feature, value):
    """Write one token at byte `at` and return the byte behind it; the byte after that is overwritten too."""
    store32(out, at, np.uint32(location | (feature << 8) | (value << 16)))
    return at + 3


@helper
def _put_amount(out, at, location, feature, amount):
    """Write an amount as one token, or two when it needs a second byte."""
    at = _put(out, at, location, feature, amount & 255)
    if amount >= 256:
        at = _put(out, at, location, feature + 1, amount >> 8)
    return at


@helper
def _write_agent(agent, out):
    """Write the tokens of an agent as anyone sees them, with location 0; return the number of bytes."""
    at = _put(out, 0, 0, COLLECTIVE, COGS)
    at = _put(out, at, 0, TAG, TAG_COLLECTIVE_COGS)
    at = _put(out, at, 0, TAG, AGENT)
    if agent.vibe:
        at = _put(out, at, 0, VIBE, np.int64(agent.vibe))
    held = agent.recency
    for _ in range(np.int64(held >> np.uint64(56))):
        item = np.int64(held & np.uint64(15))
        held >>= np.uint64(4)
        at = _put_amount(out, at, 0, FIRST_INVENTORY + 2 * item, np.int64(agent.inventory[item]))
    at = _put(out, at, 0, GROUP, 0)
    return _put(out, at, 0, FROZEN, 0)


@helper
def _write_stock(game, out):
    """Write the tokens of the stock; return the number of bytes."""
    at = 0
    for element in range(OXYGEN, SILICON + 1):
        feature = FIRST_STOCK + 2 * (element - OXYGEN)
        at = _put_amount(out, at, OWN_LOCATION, feature, np.int64(game.stock[element]))
    return at


@helper
def _copy(out, at, tokens, num_bytes):
    for i in range(num_bytes):
        out[at + i] = tokens[i]
    return at + num_bytes


@helper
def _copy_agent(out, at, tokens, num_bytes, location):
    """Copy the tokens of an agent, giving them a location."""
    for i in range(0, num_bytes, 3):
        out[at + i] = location
        out[at + i + 1] = tokens[i + 1]
        out[at + i + 2] = tokens[i + 2]
    return at + num_bytes


@helper
def _write_globals(agent, game, rules, scratch, stock_bytes, out):
    """Write the tokens that open every observation; return the number of bytes."""
    tick = np.int64(game.tick)
    percent = 255 if tick >= rules.max_steps else (256 * tick) // rules.max_steps
    at = _put(out, 0, OWN_LOCATION, EPISODE_PCT, percent)
    at = _put(out, at, OWN_LOCATION, LAST_ACTION, np.int64(agent.last_action))
    at = _put(out, at, OWN_LOCATION, LAST_REWARD, 0)
    if not rules.shows_stock:
        return at
    east = np.int64(agent.col) - np.int64(agent.spawn_col)
    south = np.int64(agent.row) - np.int64(agent.spawn_row)
    if east != 0:
        at = _put(out, at, OWN_LOCATION, LP_EAST if east > 0 else LP_WEST, min(255, abs(east)))
    if south != 0:
        at = _put(out, at, OWN_LOCATION, LP_SOUTH if south > 0 else LP_NORTH, min(255, abs(south)))
    return _copy(out, at, scratch.stock_tokens, stock_bytes)


@helper
def _look_around(maps, slot, agent):
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


@helper
def _find_agents(state, rules, env, agent, agent_at):
    """Return (low, high), the window positions of agents around an agent, itself included; fill `agent_at`."""
    low, high = np.uint64(0), np.uint64(0)
    first = env * rules.num_agents
    for i in range(rules.num_agents):
        row = np.int64(state.agents[first + i].row) - np.int64(agent.row) + RADIUS
        col = np.int64(state.agents[first + i].col) - np.int64(agent.col) + RADIUS
        if 0 <= row <= 2 * RADIUS and 0 <= col <= 2 * RADIUS:
            position = POSITION[row, col]
            agent_at[position] = i
            if position < 64:
                low |= _ONE << np.uint64(position)
            else:
                high |= _ONE << np.uint64(position - 64)
    return low, high


@helper
def _write_object(state, maps, rules, env, slot, row, col, location, out, at):
    """Write the tokens of the object at a cell."""
    thing = object_at(maps, slot, row, col)
    packed = rules.object_tokens[maps.objects[slot, thing].kind, state.object_value[env, thing]]
    store32(out, at, np.uint32(location | ((packed & _LOW16) << np.uint64(8))))
    store32(out, at + 3, np.uint32(location | (((packed >> _16) & _LOW16) << np.uint64(8))))
    store32(out, at + 6, np.uint32(location | (((packed >> np.uint64(32)) & _LOW16) << np.uint64(8))))
    return at + 3 * np.int64(packed >> _TOKENS_SHIFT)


@helper
def _write_cells(state, maps, rules, env, agent, scratch, out, at):
    """Write the tokens of all cells of the window of an agent, nearest first; return the byte behind the last."""
    slot = np.int64(state.games[env].map_slot)
    row, col = np.int64(agent.row), np.int64(agent.col)
    agents_low, agents_high = _find_agents(state, rules, env, agent, scratch.agent_at)
    for half in range(2):
        walls = agent.window_walls[half]
        objects = agent.window_objects[half]
        agents = agents_low if half == 0 else agents_high
        left = walls | objects | agents
        while left:
            bit = left & (~left + _ONE)
            position = trailing_zeros(left) + 64 * half
            left ^= bit
            location = np.uint64(LOCATION[position])
            if walls & bit:
                store32(out, at, np.uint32(location) | _WALL_TOKEN)
                at += 3
            elif agents & bit:
                other = scratch.agent_at[position]
                at = _copy_agent(out, at, scratch.agent_tokens[other], scratch.agent_bytes[other], location)
            else:
                cell_row = row + (np.int64(location) >> 4) - RADIUS
                cell_col = col + (np.int64(location) & 15) - RADIUS
                at = _write_object(state, maps, rules, env, slot, cell_row, cell_col, location, out, at)
    return at


@helper
def observe_game(state, maps, rules, env, scratch, tokens):
    """Write the observation of every agent of a game.

    Args:
        state: read; the window cache and the token counts are written.
        maps: read only.
        rules: read only.
        env: the game.
        scratch: work space of the calling thread.
        tokens: [N, 600] uint8, written for the rows of the game.
    """
    game = state.games[env]
    first = env * rules.num_agents
    slot = np.int64(game.map_slot)
    for i in range(rules.num_agents):
        scratch.agent_bytes[i] = _write_agent(state.agents[first + i], scratch.agent_tokens[i])
    stock_bytes = _write_stock(game, scratch.stock_tokens)
    buffer = scratch.row_buffer
    for n in range(first, first + rules.num_agents):
        agent = state.agents[n]
        _look_around(maps, slot, agent)
        at = _write_globals(agent, game, rules, scratch, stock_bytes, buffer)
        at = _write_cells(state, maps, rules, env, agent, scratch, buffer, at)
        _finish_row(agent, buffer, at, tokens[n])


@helper
def _finish_row(agent, buffer, num_bytes, row):
    """Copy an observation to its row, cut to 200 tokens, and blank what the previous one had used beyond it."""
    used = min(num_bytes, ROW_BYTES)
    for i in range(used):
        row[i] = buffer[i]
    for i in range(used, 3 * np.int64(agent.token_count)):
        row[i] = BLANK
    agent.token_count = used // 3


@helper
def count_tokens(state, rules, env):
    """Add the tokens of the present observations of a game to its statistics."""
    game = state.games[env]
    first = env * rules.num_agents
    for n in range(first, first + rules.num_agents):
        written = np.int64(state.agents[n].token_count)
        game.tokens_written += written
        game.tokens_free += NUM_TOKENS - written
