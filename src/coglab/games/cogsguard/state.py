"""The state of all parallel games: E games, A agents each, N = E * A rows (row = game * A + agent).

Nothing here is as large as a map: what never changes lies in the shared `maps.CompiledMaps`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from coglab.engine.jit import records
from coglab.engine.rng import MT_WORDS
from coglab.engine.tokens import FAR_AWAY, lanes_of
from coglab.engine.turns import NUM_INVALID_SLOTS, NUM_SHARED_COUNTERS
from coglab.games.cogsguard import rules
from coglab.games.cogsguard.maps import CompiledMaps

SOURCE_NEUTRAL = 255
"""`object_value` of a junction without owner."""

# Columns of `counter` of an agent; the first are those of `engine.turns`.
ALIGNED_BY_AGENT, SCRAMBLED_BY_AGENT = NUM_SHARED_COUNTERS, NUM_SHARED_COUNTERS + 1
NUM_COUNTERS = NUM_SHARED_COUNTERS + 2

# Columns of `junctions` of a game: owned now, times gained, times lost, sum over ticks of those owned.
OWNED, GAINED, LOST, HELD = range(4)


AGENT = np.dtype(
    [
        ("row", np.int16),  # where the agent stands
        ("col", np.int16),
        ("spawn_row", np.int16),
        ("spawn_col", np.int16),
        ("last_row", np.int16),  # where it stood after its previous action
        ("last_col", np.int16),
        ("vibe", np.uint8),
        ("last_action", np.uint8),  # the action of the last tick if it succeeded, else 0
        ("token_count", np.uint16),  # tokens in its observation buffer; what lies behind is blank
        ("standing", np.int32),  # actions in a row that left it where it was
        ("inventory", np.uint16, (rules.NUM_RESOURCES,)),  # amounts of `rules.RESOURCES`
        # Held resources, most recently acquired first: 4 bits each from the lowest, their number in bits 56 and up.
        ("recency", np.uint64),
        (
            "window_cell",
            np.int32,
        ),  # cell that the next two belong to: row * 65536 + col, -1 for none
        ("window_walls", np.uint64, (2,)),  # walls in view, in visiting order (see `engine.window`)
        ("window_objects", np.uint64, (2,)),  # objects in view
        ("reward_level", np.float32),  # sum of the reward's entries after the last tick
        ("episode_return", np.float32),  # rewards of the running episode
        (
            "gained",
            np.uint32,
            (rules.NUM_RESOURCES,),
        ),  # sum of increases; gained - inventory was lost
        ("counter", np.uint32, (NUM_COUNTERS,)),  # see the column names above
        ("invalid_index", np.int32, (NUM_INVALID_SLOTS,)),  # distinct invalid action indices seen
        ("invalid_count", np.uint32, (NUM_INVALID_SLOTS,)),  # how often
    ],
    align=True,
)
"""One agent."""

GAME = np.dtype(
    [
        ("map_slot", np.int32),  # slot of the map in `CompiledMaps`
        ("tick", np.int32),  # ticks done in this episode
        ("next_event", np.int32),  # position in the schedule of events
        ("cut_at", np.int32),  # tick at which this episode is truncated, 0 for never
        ("episode", np.int64),  # number of the episode, from 0
        ("env_key", np.uint64),  # key of all random streams of the game
        ("rng", np.uint64),  # the cheap generator
        ("engine_seed", np.int64),  # seed of the exact generator, the same for every episode
        ("mt_position", np.int32),
        ("stock", np.uint16, (rules.NUM_RESOURCES,)),  # goods of the cogs
        (
            "deposited",
            np.uint32,
            (rules.NUM_RESOURCES,),
        ),  # sum of increases of the stock, the initial stock included
        ("junctions", np.uint32, (2, 4)),  # by collective, see the column names above
        (
            "last_extracted",
            np.uint16,
            (rules.NUM_RESOURCES,),
        ),  # what the extractor touched last has left, by element
        ("tokens_written", np.int64),
        ("tokens_dropped", np.int64),
        ("tokens_free", np.int64),
    ],
    align=True,
)
"""One game."""


class State(NamedTuple):
    """All mutable state of E games. Kernels of the simulator write it; everyone else may read it.

    Every field of an agent or a game can also be read as an array by its name: `state.inventory` is [N, 12] uint16,
    `state.tick` is [E] int32.
    """

    agents: np.ndarray
    """[N] of `AGENT`"""
    games: np.ndarray
    """[E] of `GAME`"""
    object_value: np.ndarray
    """[E, O] uint8, per object: an extractor's amount (0 = removed), a junction's owner (0 clips, 1 cogs, 255 none)"""
    owned_sources: np.ndarray
    """[E, 2, B] uint64, hubs and junctions of clips and cogs as sets of sources"""
    mt: np.ndarray
    """[E, 624] uint32, the exact generator; [0, 624] without exact order"""

    def __getattr__(self, name: str) -> np.ndarray:
        """Return a field of all agents or games as an array (a view)."""
        for table in (self.agents, self.games):
            if name in (table.dtype.names or ()):
                return np.asarray(table[name])
        raise AttributeError(f"the state has no {name!r}")

    def arrays(self) -> dict[str, np.ndarray]:
        """Return every field as an array (a view) by name."""
        names = (*AGENT.names, *GAME.names, "object_value", "owned_sources", "mt")  # type: ignore[misc]
        return {name: getattr(self, name) for name in names}


class Scratch(NamedTuple):
    """Work space of one thread; nothing in it outlives a tick of a game."""

    order: np.ndarray
    """[A] int64, order in which agents act"""
    junctions: np.ndarray
    """[S] int64, list of junctions that an event goes through"""
    rows: np.ndarray
    """[A'] int32, row of every agent; A' is A rounded up, the rest stands far away"""
    cols: np.ndarray
    """[A'] int32"""
    agent_tokens: np.ndarray
    """[A, 192] uint8, tokens of each agent as seen by anyone, location 0"""
    agent_bytes: np.ndarray
    """[A] int64, how many of these bytes are used"""
    stock_tokens: np.ndarray
    """[128] uint8, tokens of the stock"""
    agent_at: np.ndarray
    """[128] int64, agent at each window position"""
    wall_locations: np.ndarray
    """[192] uint8, location bytes of the walls in a window"""
    row_buffer: np.ndarray
    """[...] uint8, room for one observation without a limit"""


def allocate_state(num_envs: int, num_agents: int, maps: CompiledMaps, exact_order: bool) -> State:
    """Return zeroed state for games on any of `maps`."""
    return State(
        agents=records((num_envs * num_agents,), AGENT),
        games=records((num_envs,), GAME),
        object_value=np.zeros((num_envs, maps.objects.shape[1]), np.uint8),
        owned_sources=np.zeros((num_envs, 2, maps.hub_sources.shape[1]), np.uint64),
        mt=np.zeros((num_envs if exact_order else 0, MT_WORDS), np.uint32),
    )


def allocate_scratch(num_agents: int, maps: CompiledMaps) -> Scratch:
    """Return the work space that one thread needs."""
    lanes = lanes_of(num_agents)
    return Scratch(
        order=np.zeros(num_agents, np.int64),
        junctions=np.zeros(maps.source_object.shape[1], np.int64),
        rows=np.full(lanes, FAR_AWAY, np.int32),
        cols=np.full(lanes, FAR_AWAY, np.int32),
        agent_tokens=np.zeros((num_agents, 192), np.uint8),
        agent_bytes=np.zeros(num_agents, np.int64),
        stock_tokens=np.zeros(128, np.uint8),
        agent_at=np.zeros(128, np.int64),
        wall_locations=np.zeros(192, np.uint8),
        # 121 cells of at most 3 tokens, or 31 for an agent, and the globals; 3 bytes each.
        row_buffer=np.zeros(3 * (32 + 121 * 3 + 31 * num_agents) + 128, np.uint8),
    )
