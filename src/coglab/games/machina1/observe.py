"""What agents see: 200 tokens of (location, feature, value) each.

What is the same in every game is in `engine.tokens`; there is also how work is shared and saved. The published game fixes
the order of cells, not the order of tokens within a cell: ours is that of `names.RESOURCES`, the tag last.
"""

from __future__ import annotations

import numpy as np

from coglab.engine.blocks import BLOCK, copy_tokens
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
from coglab.games.machina1.names import TAGS
from coglab.games.machina1.rules import (
    ASSEMBLER,
    CHEST,
    MAX_USES,
    NO_RECIPE,
    NUM_RECIPES,
    NUM_RESOURCES,
    RECIPES,
    WALL,
)
from coglab.games.machina1.stations import present_recipe

# --- features --------------------------------------------------------------------------------------------------------
GROUP, FROZEN, EPISODE_PCT, LAST_ACTION, LAST_REWARD = 0, 1, 2, 3, 4
VIBE, COMPASS, TAG, COOLDOWN_REMAINING, REMAINING_USES = 6, 7, 8, 9, 11
FIRST_INVENTORY, FIRST_INPUT, FIRST_OUTPUT = 12, 32, 42
TAG_AGENT = TAGS.index("agent")

_MOST_OBJECT_TOKENS = 6
"""Of a station; a chest can have more."""
_MOST_CHEST_TOKENS = 2 * NUM_RESOURCES + 1
_MOST_GLOBAL_TOKENS = 4
_ONE = np.uint64(1)


def _recipe_tokens() -> tuple[np.ndarray, np.ndarray]:
    """Return the tokens of every recipe and of its station's tag, with location 0, and their lengths in bytes."""
    table = np.zeros((NUM_RECIPES + 1, BLOCK), np.uint8)
    lengths = np.zeros(NUM_RECIPES + 1, np.int64)
    for number in range(NUM_RECIPES + 1):
        pairs: list[tuple[int, int]] = []
        kind = ASSEMBLER
        if number != NO_RECIPE:
            recipe = RECIPES[number]
            kind = recipe.kind
            pairs += [(FIRST_INPUT + item, amount) for item, amount in recipe.price.items()]
            pairs.append((FIRST_OUTPUT + recipe.item, recipe.amount))
        pairs.append((TAG, kind))
        lengths[number] = 3 * len(pairs)
        for i, (feature, value) in enumerate(pairs):
            table[number, 3 * i + 1], table[number, 3 * i + 2] = feature, value
    return table.ravel(), lengths


_RECIPE_TOKENS, _RECIPE_BYTES = _recipe_tokens()


# --- agents, stations, chests ----------------------------------------------------------------------------------------


@inlined
def _write_agent(agent, out):
    """Write the tokens of an agent as anyone sees them, with location 0; return the number of bytes."""
    at = put(out, 0, 0, GROUP, 0)
    at = put(out, at, 0, FROZEN, 0)
    if agent.vibe:
        at = put(out, at, 0, VIBE, np.int64(agent.vibe))
    for item in range(NUM_RESOURCES):
        if agent.inventory[item]:  # limits keep every amount below 256
            at = put(out, at, 0, FIRST_INVENTORY + 2 * item, np.int64(agent.inventory[item]))
    return put(out, at, 0, TAG, TAG_AGENT)


@inlined
def _put_station(state, rules, env, thing, here, location, out, at):
    """Write the tokens of a charger, an extractor or an assembler; return the byte behind the last."""
    kind = np.int64(here.kind)
    place = np.int64(location)
    rest = np.int64(state.ready_at[env, thing]) - np.int64(state.games[env].tick)
    if rest > 0:
        at = put(out, at, place, COOLDOWN_REMAINING, min(rest, 255))
    if MAX_USES[kind] > 0:
        left = MAX_USES[kind] - np.int64(state.uses[env, thing])
        at = put(out, at, place, REMAINING_USES, left)
    recipe = present_recipe(state, rules, env, np.int64(here.row), np.int64(here.col), kind)
    copy_tokens(out, at, _RECIPE_TOKENS, BLOCK * recipe, location)
    return at + _RECIPE_BYTES[recipe]


@inlined
def _put_chest(stock, location, out, at):
    """Write the tokens of a chest; return the byte behind the last."""
    place = np.int64(location)
    for item in range(NUM_RESOURCES):
        if stock[item]:
            at = put_amount(out, at, place, FIRST_INVENTORY + 2 * item, np.int64(stock[item]))
    return put(out, at, place, TAG, CHEST)


# --- one observation -------------------------------------------------------------------------------------------------


@inlined
def _write_globals(agent, game, maps, rules, out):
    """Write the tokens that open every observation; return the number of bytes."""
    tick = np.int64(game.tick)
    percent = 255 if tick >= rules.max_steps else (256 * tick) // rules.max_steps
    at = put(out, 0, CENTRE, EPISODE_PCT, percent)
    at = put(out, at, CENTRE, LAST_ACTION, np.int64(agent.last_action))
    at = put(out, at, CENTRE, LAST_REWARD, 0)
    # The compass points at the middle of the map.
    info = maps.info[game.map_slot]
    south = (np.int64(info.height) >> 1) - np.int64(agent.row)
    east = (np.int64(info.width) >> 1) - np.int64(agent.col)
    if south == 0 and east == 0:
        return at
    towards = 16 * (np.int64(south > 0) - np.int64(south < 0))
    towards += np.int64(east > 0) - np.int64(east < 0)
    return put(out, at, CENTRE + towards, COMPASS, 1)


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
                here = maps.objects[slot, thing]
                if here.kind == CHEST:
                    at = _put_chest(state.chest_stock[env, here.chest], location, out, at)
                else:
                    at = _put_station(state, rules, env, thing, here, location, out, at)
        walls_before_half += count_ones(walls)
    return put_walls(out, at, locations, walls_written, walls_before_half, TAG, WALL)


@inlined
def _observe_agent(state, maps, rules, env, i, scratch, row):
    """Write the observation of agent i of a game to `row` ([600] uint8); return the number of tokens dropped."""
    game = state.games[env]
    agent = state.agents[env * rules.num_agents + i]
    slot = np.int64(game.map_slot)
    look_around(maps, slot, agent)
    agents_low, agents_high, agent_bytes = find_agents(rules, i, scratch)
    most_tokens = _MOST_GLOBAL_TOKENS + _MOST_CHEST_TOKENS * np.int64(maps.info[slot].chests)
    for half in range(2):
        most_tokens += count_ones(agent.window_walls[half])
        most_tokens += _MOST_OBJECT_TOKENS * count_ones(agent.window_objects[half])
    # Blocks may be written past the last token: straight into the row if there is room for that, else elsewhere.
    most_bytes = 3 * most_tokens + scratch.agent_bytes[i] + agent_bytes
    has_room = most_bytes + BLOCK <= ROW_BYTES
    out = row if has_room else scratch.row_buffer
    at = _write_globals(agent, game, maps, rules, out)
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
    written, dropped = np.int64(0), np.int64(0)
    for i in range(rules.num_agents):
        fetch_rows(tokens, first + i)
        dropped += _observe_agent(state, maps, rules, env, i, scratch, tokens[first + i])
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
