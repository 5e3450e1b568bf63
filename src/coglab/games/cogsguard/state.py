"""The state of all parallel games as flat arrays: E games, A agents each, N = E * A rows (row = game * A + agent).

Nothing here is as large as a map: what never changes lies in the shared `maps.CompiledMaps`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from coglab.engine.rng import MT_WORDS
from coglab.games.cogsguard import rules
from coglab.games.cogsguard.maps import CompiledMaps

NUM_INVALID_SLOTS = 4
"""Distinct invalid action indices that are counted by name per agent; further ones count only in the total."""

SOURCE_NEUTRAL = 255
"""`object_value` of a junction without owner."""

# Columns of `State.counter`.
(
    NOOP_SUCCESS,
    MOVE_SUCCESS,
    MOVE_FAILED,
    VIBE_SUCCESS,
    INVALID_INDEX,
    MAX_STANDING,
    ALIGNED_BY_AGENT,
    SCRAMBLED_BY_AGENT,
) = range(8)
NUM_COUNTERS = 8

# Columns of `State.junctions`.
OWNED, GAINED, LOST, HELD = range(4)


class State(NamedTuple):
    """All mutable state of E games. Kernels of the simulator write it, teachers may read it."""

    # agents
    row: np.ndarray
    """[N] int32, where the agent stands"""
    col: np.ndarray
    """[N] int32"""
    vibe: np.ndarray
    """[N] uint8"""
    inventory: np.ndarray
    """[N, 12] uint16, amounts of `rules.RESOURCES`"""
    recency: np.ndarray
    """[N] uint64, held resources, most recently acquired first: 4 bits each from the lowest, their number in bits 56.."""
    last_action: np.ndarray
    """[N] uint8, the action of the last tick if it succeeded, else 0"""
    spawn_row: np.ndarray
    """[N] int32"""
    spawn_col: np.ndarray
    """[N] int32"""
    last_row: np.ndarray
    """[N] int32, where the agent stood after its previous action"""
    last_col: np.ndarray
    """[N] int32"""
    standing: np.ndarray
    """[N] int32, actions in a row that left the agent where it was"""
    reward_level: np.ndarray
    """[N] float32, sum of the reward entries after the last tick"""
    episode_return: np.ndarray
    """[N] float32, rewards of the running episode"""
    # agents' statistics
    gained: np.ndarray
    """[N, 12] uint32, sum of increases; the sum of decreases is gained - inventory"""
    counter: np.ndarray
    """[N, 8] uint32, see the column names above"""
    invalid_index: np.ndarray
    """[N, 4] int32, distinct invalid action indices that were seen"""
    invalid_count: np.ndarray
    """[N, 4] uint32, how often"""
    # what the agent's window shows of the map; valid while the agent stands at window_cell
    window_cell: np.ndarray
    """[N] int32, row * 65536 + col, -1 if not valid"""
    window_walls: np.ndarray
    """[N, 2] uint64, walls in visiting order, see `engine.window`"""
    window_objects: np.ndarray
    """[N, 2] uint64, objects in visiting order"""
    token_count: np.ndarray
    """[N] int32, tokens in the row of the observation buffer; what lies behind is blank"""

    # games
    map_slot: np.ndarray
    """[E] int32, slot of the game's map in `CompiledMaps`"""
    tick: np.ndarray
    """[E] int32, ticks done in this episode"""
    episode: np.ndarray
    """[E] int64, number of the episode, from 0"""
    cut_at: np.ndarray
    """[E] int32, tick at which this episode is truncated, 0 if never"""
    next_event: np.ndarray
    """[E] int32, position in the schedule of events"""
    stock: np.ndarray
    """[E, 12] uint16, goods of the cogs"""
    object_value: np.ndarray
    """[E, O] uint8, per object: an extractor's amount (0 = removed), a junction's owner (0 clips, 1 cogs, 255 none)"""
    cogs_sources: np.ndarray
    """[E, B] uint64, hubs and junctions of the cogs as a set of sources"""
    clips_sources: np.ndarray
    """[E, B] uint64, junctions of the clips"""
    # games' statistics
    deposited: np.ndarray
    """[E, 12] uint32, sum of increases of the stock, the initial stock included"""
    junctions: np.ndarray
    """[E, 2, 4] uint32, per collective: junctions owned now, times gained, times lost, sum over ticks of those owned"""
    tokens_written: np.ndarray
    """[E] int64"""
    tokens_dropped: np.ndarray
    """[E] int64"""
    tokens_free: np.ndarray
    """[E] int64"""
    last_extracted: np.ndarray
    """[E, 12] uint16, amount of the extractor touched last, by element"""
    # random streams
    env_key: np.ndarray
    """[E] uint64, key of all streams of the game"""
    rng: np.ndarray
    """[E] uint64, the cheap generator"""
    engine_seed: np.ndarray
    """[E] int64, seed of the exact generator, the same for every episode"""
    mt: np.ndarray
    """[E, 624] uint32 with exact order, else [0, 624]"""
    mt_position: np.ndarray
    """[E] int32"""


class Scratch(NamedTuple):
    """Work space of one thread; nothing in it outlives a tick of a game."""

    order: np.ndarray
    """[A] int64, order in which agents act"""
    junctions: np.ndarray
    """[S] int64, list of junctions that an event goes through"""
    agent_tokens: np.ndarray
    """[A, 128] uint8, tokens of each agent as seen by anyone, location 0"""
    agent_bytes: np.ndarray
    """[A] int64, how many of these bytes are used"""
    stock_tokens: np.ndarray
    """[64] uint8, tokens of the stock"""
    agent_at: np.ndarray
    """[128] int64, agent at each window position"""
    row_buffer: np.ndarray
    """[...] uint8, room for one observation without a limit"""


def allocate_state(num_envs: int, num_agents: int, maps: CompiledMaps, exact_order: bool) -> State:
    """Return zeroed state for games on any of `maps`."""
    rows = num_envs * num_agents
    objects = maps.object_kind.shape[1]
    words = maps.hub_sources.shape[1]

    def zeros(dtype: type, *dims: int) -> np.ndarray:
        return np.zeros(dims, dtype)

    return State(
        row=zeros(np.int32, rows),
        col=zeros(np.int32, rows),
        vibe=zeros(np.uint8, rows),
        inventory=zeros(np.uint16, rows, rules.NUM_RESOURCES),
        recency=zeros(np.uint64, rows),
        last_action=zeros(np.uint8, rows),
        spawn_row=zeros(np.int32, rows),
        spawn_col=zeros(np.int32, rows),
        last_row=zeros(np.int32, rows),
        last_col=zeros(np.int32, rows),
        standing=zeros(np.int32, rows),
        reward_level=zeros(np.float32, rows),
        episode_return=zeros(np.float32, rows),
        gained=zeros(np.uint32, rows, rules.NUM_RESOURCES),
        counter=zeros(np.uint32, rows, NUM_COUNTERS),
        invalid_index=zeros(np.int32, rows, NUM_INVALID_SLOTS),
        invalid_count=zeros(np.uint32, rows, NUM_INVALID_SLOTS),
        window_cell=zeros(np.int32, rows),
        window_walls=zeros(np.uint64, rows, 2),
        window_objects=zeros(np.uint64, rows, 2),
        token_count=zeros(np.int32, rows),
        map_slot=zeros(np.int32, num_envs),
        tick=zeros(np.int32, num_envs),
        episode=zeros(np.int64, num_envs),
        cut_at=zeros(np.int32, num_envs),
        next_event=zeros(np.int32, num_envs),
        stock=zeros(np.uint16, num_envs, rules.NUM_RESOURCES),
        object_value=zeros(np.uint8, num_envs, objects),
        cogs_sources=zeros(np.uint64, num_envs, words),
        clips_sources=zeros(np.uint64, num_envs, words),
        deposited=zeros(np.uint32, num_envs, rules.NUM_RESOURCES),
        junctions=zeros(np.uint32, num_envs, 2, 4),
        tokens_written=zeros(np.int64, num_envs),
        tokens_dropped=zeros(np.int64, num_envs),
        tokens_free=zeros(np.int64, num_envs),
        last_extracted=zeros(np.uint16, num_envs, rules.NUM_RESOURCES),
        env_key=zeros(np.uint64, num_envs),
        rng=zeros(np.uint64, num_envs),
        engine_seed=zeros(np.int64, num_envs),
        mt=zeros(np.uint32, num_envs if exact_order else 0, MT_WORDS),
        mt_position=zeros(np.int32, num_envs),
    )


def allocate_scratch(num_agents: int, maps: CompiledMaps) -> Scratch:
    """Return the work space that one thread needs."""
    return Scratch(
        order=np.zeros(num_agents, np.int64),
        junctions=np.zeros(maps.source_object.shape[1], np.int64),
        agent_tokens=np.zeros((num_agents, 128), np.uint8),
        agent_bytes=np.zeros(num_agents, np.int64),
        stock_tokens=np.zeros(64, np.uint8),
        agent_at=np.zeros(128, np.int64),
        # 121 cells of at most 3 tokens, or 31 for an agent, and the globals; 3 bytes each.
        row_buffer=np.zeros(3 * (32 + 121 * 3 + 31 * num_agents) + 128, np.uint8),
    )
