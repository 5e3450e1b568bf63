"""Reading an observation from the simulator that wrote it: the same facts as in its tokens, without taking tokens apart.

Only what the tokens say is read: the agent's own numbers, the stock if it is shown, and of the window's cells walls,
objects that are still there, and agents. An observation that fills all 200 tokens may have been cut, so it is read from
the tokens. A test compares the memory that comes of it with that of `memory_tokens.py`, bit for bit.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from coglab.engine.jit import inlined, kernel, trailing_zeros
from coglab.engine.maps import object_at
from coglab.engine.tokens import FAR_AWAY, find_agents, look_around
from coglab.engine.window import LOCATION
from coglab.games.cogsguard import memory_layout as layout
from coglab.games.cogsguard import rules
from coglab.games.cogsguard.memory_boards import (
    CODE_CLIPS,
    CODE_COGS,
    CODE_NEUTRAL,
    HALF,
    MAX_OTHERS,
    NUM_TOKENS,
    OTHER_COLUMN,
    OTHER_GEAR,
    OTHER_HEARTS,
    OTHER_ROW,
    OTHER_VIBE,
    WINDOW,
)
from coglab.games.cogsguard.memory_kernels import NUM_OWN, begin_row, take_in
from coglab.games.cogsguard.memory_tokens import parse_cells, parse_own
from coglab.games.cogsguard.memory_window import SIGHT_OBJECTS, SIGHT_SIZE, SIGHT_WALLS
from coglab.games.cogsguard.observe import (
    EPISODE_PCT,
    FIRST_INVENTORY,
    FIRST_STOCK,
    LAST_ACTION,
    LP_EAST,
    LP_NORTH,
    LP_SOUTH,
    LP_WEST,
)
from coglab.games.cogsguard.state import SOURCE_NEUTRAL

CODE_OF_KIND = np.array(layout.CODE_OF_TAG, dtype=np.int64)
_HEART, _FIRST_GEAR, _NUM_GEARS = rules.HEART, rules.FIRST_GEAR, len(layout.GEARS)
_NUM_RESOURCES, _FIRST_ELEMENT, _NUM_ELEMENTS = (
    rules.NUM_RESOURCES,
    rules.FIRST_ELEMENT,
    len(layout.ELEMENTS),
)
_COGS = rules.COGS
_ROW_BITS = np.uint64((1 << WINDOW) - 1)
_TOKENS_SHIFT = np.uint64(48)
_ONE, _63 = np.uint64(1), np.uint64(63)


class Nearby(NamedTuple):
    """Work space of `engine.tokens.find_agents`."""

    rows: np.ndarray
    cols: np.ndarray
    agent_bytes: np.ndarray
    agent_at: np.ndarray


@inlined
def read_own(agent, game, numbers, own):
    """Write what the own cell's tokens and those of the game say; `own[f]` = value of feature f; returns the vibe."""
    tick = np.int64(game.tick)
    own[EPISODE_PCT] = 255 if tick >= numbers.max_steps else (256 * tick) // numbers.max_steps
    own[LAST_ACTION] = agent.last_action
    for item in range(_NUM_RESOURCES):
        amount = np.int64(agent.inventory[item])
        own[FIRST_INVENTORY + 2 * item] = amount & 255
        own[FIRST_INVENTORY + 2 * item + 1] = amount >> 8
    if numbers.shows_stock:
        east = np.int64(agent.col) - np.int64(agent.spawn_col)
        south = np.int64(agent.row) - np.int64(agent.spawn_row)
        own[LP_EAST], own[LP_WEST] = min(255, max(east, 0)), min(255, max(-east, 0))
        own[LP_SOUTH], own[LP_NORTH] = min(255, max(south, 0)), min(255, max(-south, 0))
        for element in range(_NUM_ELEMENTS):
            amount = np.int64(game.stock[_FIRST_ELEMENT + element])
            own[FIRST_STOCK + 2 * element] = amount & 255
            own[FIRST_STOCK + 2 * element + 1] = amount >> 8
    return np.int64(agent.vibe)


@inlined
def read_cells(sim, maps, numbers, env, agent, sight, found):
    """Write walls and objects of the window into `sight` and the objects into `found`; returns their number."""
    slot = np.int64(sim.games[env].map_slot)
    look_around(maps, slot, agent)
    row, col = np.int64(agent.row), np.int64(agent.col)
    # As in `engine.window.window_mask`: bits of a repeated last word fall beyond the eleven that count.
    word = col >> 6
    next_word = min(word + 1, maps.wall_bits.shape[2] - 1)
    shift = np.uint64(col & 63)
    back = _63 - shift
    for i in range(WINDOW):
        low, high = maps.wall_bits[slot, row + i, word], maps.wall_bits[slot, row + i, next_word]
        sight[SIGHT_WALLS + i] = ((low >> shift) | ((high << _ONE) << back)) & _ROW_BITS
        sight[SIGHT_OBJECTS + i] = np.uint64(0)
    num_found = 0
    for half in range(2):
        left = agent.window_objects[half]
        while left != 0:
            location = np.int64(LOCATION[64 * half + trailing_zeros(left)])
            left &= left - _ONE
            i, j = location >> 4, location & 15
            thing = object_at(maps, slot, row + i - HALF, col + j - HALF)
            kind, value = np.int64(maps.objects[slot, thing].kind), sim.object_value[env, thing]
            if numbers.object_tokens[kind, value] >> _TOKENS_SHIFT == 0:
                continue
            code = CODE_OF_KIND[kind]
            if code == CODE_NEUTRAL and value != SOURCE_NEUTRAL:
                code = CODE_COGS if value == _COGS else CODE_CLIPS
            sight[SIGHT_OBJECTS + i] |= _ONE << np.uint64(j)
            found[num_found, 0], found[num_found, 1], found[num_found, 2] = i, j, code
            num_found += 1
    return num_found


@inlined
def read_others(sim, numbers, first, i, nearby, others):
    """Write the other agents in the window of agent `i` of the game that begins at row `first`; returns their number."""
    low, high, _ = find_agents(numbers, i, nearby)
    num_others = 0
    for half in range(2):
        left = high if half else low
        while left != 0:
            position = 64 * half + trailing_zeros(left)
            left &= left - _ONE
            if num_others == MAX_OTHERS:
                break
            other = sim.agents[first + nearby.agent_at[position]]
            location = np.int64(LOCATION[position])
            gear = 0
            for k in range(_NUM_GEARS):
                gear |= (1 << k) if other.inventory[_FIRST_GEAR + k] != 0 else 0
            others[num_others, OTHER_ROW] = location >> 4
            others[num_others, OTHER_COLUMN] = location & 15
            others[num_others, OTHER_VIBE] = other.vibe
            others[num_others, OTHER_GEAR] = gear
            others[num_others, OTHER_HEARTS] = other.inventory[_HEART] & 255
            num_others += 1
    return num_others


@kernel
def perceive_rows(state, sim, maps, numbers, tokens, reset, first_env, last_env, agents_per_memory):
    """Take in the present observations of the games [first_env, last_env).

    Args:
        state: `MemoryState`, mutated in place.
        sim: `state.State` of the simulator; only the window cache of the agents is written.
        maps: `maps.CompiledMaps`, read only.
        numbers: `rules.Rules`, read only.
        tokens: u8 [N, 600] the simulator's present observations, read only.
        reset: u8 [N]; nonzero: the observation is the first of an episode, so the row forgets everything first.
        first_env: first game.
        last_env: game after the last.
        agents_per_memory: 1, or the number of agents.
    """
    own = np.zeros(NUM_OWN, dtype=np.uint8)
    sight = np.zeros(SIGHT_SIZE, dtype=np.uint64)
    found = np.zeros((NUM_TOKENS, 3), dtype=np.int64)
    num_agents = numbers.num_agents
    lanes = 16 * ((num_agents + 15) // 16)  # as `engine.tokens.lanes_of`
    nearby = Nearby(
        np.full(lanes, FAR_AWAY, np.int32),
        np.full(lanes, FAR_AWAY, np.int32),
        np.zeros(num_agents, np.int64),
        np.zeros(128, np.int64),
    )
    shared = 1 if agents_per_memory > 1 else 0
    for env in range(first_env, last_env):
        first = env * num_agents
        for i in range(num_agents):
            nearby.rows[i] = sim.agents[first + i].row
            nearby.cols[i] = sim.agents[first + i].col
        for i in range(num_agents):
            n = first + i
            m = n // agents_per_memory
            begin_row(state, n, m, n % agents_per_memory == 0, reset[n])
            agent = sim.agents[n]
            if agent.token_count >= NUM_TOKENS:
                at, vibe = parse_own(tokens[n], own)
                num_found, num_others, radius = parse_cells(
                    tokens[n], at, sight, found, state.others[n]
                )
            else:
                vibe = read_own(agent, sim.games[env], numbers, own)
                num_found = read_cells(sim, maps, numbers, env, agent, sight, found)
                num_others = read_others(sim, numbers, first, i, nearby, state.others[n])
                radius = 2 * HALF
            take_in(state, n, m, shared, own, vibe, sight, found, num_found, num_others, radius)
