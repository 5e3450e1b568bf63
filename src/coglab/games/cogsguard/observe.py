"""What agents see: 200 tokens of (location, feature, value) each, byte for byte as the rules' observation page says.

Work is shared where views overlap: the tokens of an agent and of the stock are written once per tick, walls and
objects of a window are looked up only when the agent has moved, and only that part of the padding is blanked which the
previous observation in the same buffer had used.
"""

from __future__ import annotations

import numpy as np

from coglab.engine.blocks import BLOCK, copy_tokens, store32
from coglab.engine.jit import count_ones, inlined, trailing_zeros
from coglab.engine.maps import object_at
from coglab.engine.tokens import (
    NUM_TOKENS,
    ROW_BYTES,
    blank_rest,
    copy_cut,
    fetch_rows,
    find_agents,
    list_walls,
    look_around,
    put,
    put_agent,
    put_amount,
    put_walls,
)
from coglab.engine.window import CENTRE, LOCATION, RADIUS
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

# --- features --------------------------------------------------------------------------------------------------------
GROUP, FROZEN, EPISODE_PCT, LAST_ACTION, LAST_REWARD = 0, 1, 2, 3, 4
VIBE, TAG, COLLECTIVE = 6, 8, 11
LP_EAST, LP_WEST, LP_NORTH, LP_SOUTH = 12, 13, 14, 15
FIRST_INVENTORY, FIRST_STOCK = 16, 64
TAG_COLLECTIVE_COGS = 0

_MOST_OBJECT_TOKENS = 3
_MOST_GLOBAL_BYTES = 3 * (3 + 2 + 8)
_TOKENS_SHIFT = np.uint64(48)
_ONE, _LOW16 = np.uint64(1), np.uint64(0xFFFF)
_8, _16, _32 = np.uint64(8), np.uint64(16), np.uint64(32)


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


# --- parts that several agents see ------------------------------------------------------------------------------------


@inlined
def _write_agent(agent, out):
    """Write the tokens of an agent as anyone sees them, with location 0; return the number of bytes."""
    at = put(out, 0, 0, COLLECTIVE, COGS)
    at = put(out, at, 0, TAG, TAG_COLLECTIVE_COGS)
    at = put(out, at, 0, TAG, AGENT)
    if agent.vibe:
        at = put(out, at, 0, VIBE, np.int64(agent.vibe))
    held = agent.recency
    for _ in range(np.int64(held >> np.uint64(56))):
        item = np.int64(held & np.uint64(15))
        held >>= np.uint64(4)
        at = put_amount(out, at, 0, FIRST_INVENTORY + 2 * item, np.int64(agent.inventory[item]))
    at = put(out, at, 0, GROUP, 0)
    return put(out, at, 0, FROZEN, 0)


@inlined
def _write_stock(game, out):
    """Write the tokens of the stock; return the number of bytes."""
    at = 0
    for element in range(OXYGEN, SILICON + 1):
        feature = FIRST_STOCK + 2 * (element - OXYGEN)
        at = put_amount(out, at, CENTRE, feature, np.int64(game.stock[element]))
    return at


# --- one observation -------------------------------------------------------------------------------------------------


@inlined
def _write_globals(agent, game, rules, scratch, stock_bytes, out):
    """Write the tokens that open every observation; return the number of bytes."""
    tick = np.int64(game.tick)
    percent = 255 if tick >= rules.max_steps else (256 * tick) // rules.max_steps
    at = put(out, 0, CENTRE, EPISODE_PCT, percent)
    at = put(out, at, CENTRE, LAST_ACTION, np.int64(agent.last_action))
    at = put(out, at, CENTRE, LAST_REWARD, 0)
    if not rules.shows_stock:
        return at
    east = np.int64(agent.col) - np.int64(agent.spawn_col)
    south = np.int64(agent.row) - np.int64(agent.spawn_row)
    if east != 0:
        at = put(out, at, CENTRE, LP_EAST if east > 0 else LP_WEST, min(255, abs(east)))
    if south != 0:
        at = put(out, at, CENTRE, LP_SOUTH if south > 0 else LP_NORTH, min(255, abs(south)))
    copy_tokens(out, at, scratch.stock_tokens, 0, np.uint8(0))
    return at + stock_bytes


@inlined
def _put_object(out, at, packed, location):
    """Write the tokens of an object from their packed form; return the byte behind the last."""
    place = np.uint64(location)
    store32(out, at, np.uint32(place | ((packed & _LOW16) << _8)))
    store32(out, at + 3, np.uint32(place | (((packed >> _16) & _LOW16) << _8)))
    store32(out, at + 6, np.uint32(place | (((packed >> _32) & _LOW16) << _8)))
    return at + 3 * np.int64(packed >> _TOKENS_SHIFT)


@inlined
def _write_cells(state, maps, rules, env, agent, agents_low, agents_high, scratch, out, at):
    """Write the tokens of all cells but the agent's own, nearest first; return the byte behind the last.

    Walls are half of all tokens and all look the same, so they are written in runs: from one object or agent to the
    next.
    """
    slot = np.int64(state.games[env].map_slot)
    locations = scratch.wall_locations
    list_walls(agent, locations)
    walls_before_half = 0
    walls_written = 0
    for half in range(2):
        walls = agent.window_walls[half]
        agents = agents_high if half else agents_low
        left = agent.window_objects[half] | agents
        while left:
            bit = left & (~left + _ONE)
            position = 64 * half + trailing_zeros(left)
            left ^= bit
            walls_before = walls_before_half + count_ones(walls & (bit - _ONE))
            at = put_walls(out, at, locations, walls_written, walls_before, TAG, WALL)
            walls_written = walls_before
            location = LOCATION[position]
            if agents & bit:
                j = scratch.agent_at[position]
                at = put_agent(out, at, scratch.agent_tokens[j], scratch.agent_bytes[j], location)
            else:
                row = np.int64(agent.row) + (np.int64(location) >> 4) - RADIUS
                col = np.int64(agent.col) + (np.int64(location) & 15) - RADIUS
                thing = object_at(maps, slot, row, col)
                kind, value = maps.objects[slot, thing].kind, state.object_value[env, thing]
                at = _put_object(out, at, rules.object_tokens[kind, value], location)
        walls_before_half += count_ones(walls)
    return put_walls(out, at, locations, walls_written, walls_before_half, TAG, WALL)


@inlined
def _observe_agent(state, maps, rules, env, i, scratch, stock_bytes, row):
    """Write the observation of agent i of a game to `row` ([600] uint8); return the number of tokens dropped."""
    game = state.games[env]
    agent = state.agents[env * rules.num_agents + i]
    look_around(maps, np.int64(game.map_slot), agent)
    agents_low, agents_high, agent_bytes = find_agents(rules, i, scratch)
    most_bytes = _MOST_GLOBAL_BYTES + scratch.agent_bytes[i] + agent_bytes
    for half in range(2):
        most_bytes += 3 * count_ones(agent.window_walls[half])
        most_bytes += 3 * _MOST_OBJECT_TOKENS * count_ones(agent.window_objects[half])
    # Blocks may be written past the last token: straight into the row if there is room for that, else elsewhere.
    has_room = most_bytes + BLOCK <= ROW_BYTES
    out = row if has_room else scratch.row_buffer
    at = _write_globals(agent, game, rules, scratch, stock_bytes, out)
    at = put_agent(out, at, scratch.agent_tokens[i], scratch.agent_bytes[i], np.uint8(CENTRE))
    at = _write_cells(state, maps, rules, env, agent, agents_low, agents_high, scratch, out, at)
    if has_room:
        blank_rest(row, at, 3 * np.int64(agent.token_count))
        agent.token_count = at // 3
        return 0
    kept = copy_cut(row, scratch.row_buffer, at)
    agent.token_count = kept // 3
    return (at - kept) // 3


@inlined
def observe_game(state, maps, rules, env, scratch, tokens):
    """Write the observation of every agent of a game.

    Args:
        state: read; the window cache and the token counts are written.
        maps: read only.
        rules: read only.
        env: the game.
        scratch: work space of the calling thread.
        tokens: [N, 600] uint8, written for the rows of the game.

    Returns:
        (written, dropped): the number of tokens in all rows, and of those that did not fit.
    """
    first = env * rules.num_agents
    for i in range(rules.num_agents):
        agent = state.agents[first + i]
        scratch.rows[i] = agent.row
        scratch.cols[i] = agent.col
        scratch.agent_bytes[i] = _write_agent(agent, scratch.agent_tokens[i])
    stock_bytes = _write_stock(state.games[env], scratch.stock_tokens)
    written, dropped = np.int64(0), np.int64(0)
    for i in range(rules.num_agents):
        fetch_rows(tokens, first + i)
        dropped += _observe_agent(
            state, maps, rules, env, i, scratch, stock_bytes, tokens[first + i]
        )
        written += np.int64(state.agents[first + i].token_count)
    return written, dropped


@inlined
def observe_and_count(state, maps, rules, env, scratch, tokens):
    """Do `observe_game`, and add the tokens to the statistics of the game."""
    game = state.games[env]
    written, dropped = observe_game(state, maps, rules, env, scratch, tokens)
    game.tokens_written += written
    game.tokens_free += NUM_TOKENS * rules.num_agents - written
    game.tokens_dropped += dropped
