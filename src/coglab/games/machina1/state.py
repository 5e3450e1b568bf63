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
from coglab.games.machina1 import rules
from coglab.games.machina1.maps import CompiledMaps

NUM_COUNTERS = NUM_SHARED_COUNTERS

AGENT = np.dtype(
    [
        ("row", np.int16),  # where the agent stands
        ("col", np.int16),
        ("last_row", np.int16),  # where it stood after its previous action
        ("last_col", np.int16),
        ("vibe", np.uint8),
        ("last_action", np.uint8),  # the action of the last tick if it succeeded, else 0
        ("token_count", np.uint16),  # tokens in its observation buffer; what lies behind is blank
        ("standing", np.int32),  # actions in a row that left it where it was
        ("inventory", np.uint16, (rules.NUM_RESOURCES,)),  # amounts of `names.RESOURCES`
        ("most_kinds", np.int32),  # most kinds held at the end of a tick, as the bonus counts them
        ("window_cell", np.int32),  # cell of the next two: row * 65536 + col, -1 for none
        ("window_walls", np.uint64, (2,)),  # walls in view, in visiting order (see `engine.window`)
        ("window_objects", np.uint64, (2,)),  # objects in view
        ("reward_level", np.float32),  # sum of the reward's entries after the last tick
        ("bonus", np.float32),  # diversity bonus so far
        ("episode_return", np.float32),  # rewards of the running episode
        ("gained", np.uint32, (rules.NUM_RESOURCES,)),  # increases; gained - inventory was lost
        ("deposited", np.uint32, (rules.NUM_RESOURCES,)),  # put into chests
        ("withdrawn", np.uint32, (rules.NUM_RESOURCES,)),  # received from chests
        ("counter", np.uint32, (NUM_COUNTERS,)),  # see the column names in `engine.turns`
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
        ("cut_at", np.int32),  # tick at which this episode is truncated, 0 for never
        ("mt_position", np.int32),
        ("episode", np.int64),  # number of the episode, from 0
        ("env_key", np.uint64),  # key of all random streams of the game
        ("rng", np.uint64),  # the cheap generator
        ("engine_seed", np.int64),  # seed of the exact generator, the same for every episode
        ("uses_left", np.int32, (rules.NUM_KINDS,)),  # uses left in all extractors of a kind
        ("created", np.uint32, (rules.NUM_RESOURCES,)),  # what stations gave to agents
        ("deposited", np.uint32, (rules.NUM_RESOURCES,)),  # what all chests took and gave
        ("withdrawn", np.uint32, (rules.NUM_RESOURCES,)),
        ("tokens_written", np.int64),
        ("tokens_dropped", np.int64),
        ("tokens_free", np.int64),
    ],
    align=True,
)
"""One game."""


class State(NamedTuple):
    """All mutable state of E games. Kernels of the simulator write it; everyone else may read it.

    Every field of an agent or a game can also be read as an array by its name: `state.inventory` is [N, 10] uint16,
    `state.tick` is [E] int32. `deposited` and `withdrawn`, which both have, are those of the agents.
    """

    agents: np.ndarray
    """[N] of `AGENT`"""
    games: np.ndarray
    """[E] of `GAME`"""
    uses: np.ndarray
    """[E, O] int32, how often each station was used"""
    ready_at: np.ndarray
    """[E, O] int32, tick from which on each station is at rest no longer"""
    chest_stock: np.ndarray
    """[E, C, 10] uint16, what each chest holds"""
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
        tables = (("agents", self.agents), ("games", self.games))
        fields = {
            f"{table}.{name}": np.asarray(array[name])
            for table, array in tables
            for name in array.dtype.names or ()
        }
        whole = ("uses", "ready_at", "chest_stock", "mt")
        return fields | {name: getattr(self, name) for name in whole}


class Scratch(NamedTuple):
    """Work space of one thread; nothing in it outlives a tick of a game."""

    order: np.ndarray
    """[A] int64, order in which agents act"""
    at_side: np.ndarray
    """[8] int64, row of the agent at each of the cells around a station, -1 for none"""
    around: np.ndarray
    """[8] int64, rows of the agents around a station, who uses it first"""
    sharers: np.ndarray
    """[8] int64, rows of the agents among whom something is shared"""
    receivers: np.ndarray
    """[8] int64, rows of the agents who receive what was made"""
    rows: np.ndarray
    """[A'] int32, row of every agent; A' is A rounded up, the rest stands far away"""
    cols: np.ndarray
    """[A'] int32"""
    agent_tokens: np.ndarray
    """[A, 192] uint8, tokens of each agent as seen by anyone, location 0"""
    agent_bytes: np.ndarray
    """[A] int64, how many of these bytes are used"""
    agent_at: np.ndarray
    """[128] int64, agent at each window position"""
    wall_locations: np.ndarray
    """[192] uint8, location bytes of the walls in a window"""
    row_buffer: np.ndarray
    """[...] uint8, room for one observation without a limit"""


def allocate_state(num_envs: int, num_agents: int, maps: CompiledMaps, exact_order: bool) -> State:
    """Return zeroed state for games on any of `maps`."""
    objects, chests = maps.objects.shape[1], maps.chest_object.shape[1]
    return State(
        agents=records((num_envs * num_agents,), AGENT),
        games=records((num_envs,), GAME),
        uses=np.zeros((num_envs, objects), np.int32),
        ready_at=np.zeros((num_envs, objects), np.int32),
        chest_stock=np.zeros((num_envs, chests, rules.NUM_RESOURCES), np.uint16),
        mt=np.zeros((num_envs if exact_order else 0, MT_WORDS), np.uint32),
    )


def allocate_scratch(num_agents: int) -> Scratch:
    """Return the work space that one thread needs."""
    lanes = lanes_of(num_agents)
    return Scratch(
        order=np.zeros(num_agents, np.int64),
        at_side=np.zeros(8, np.int64),
        around=np.zeros(8, np.int64),
        sharers=np.zeros(8, np.int64),
        receivers=np.zeros(8, np.int64),
        rows=np.full(lanes, FAR_AWAY, np.int32),
        cols=np.full(lanes, FAR_AWAY, np.int32),
        agent_tokens=np.zeros((num_agents, 192), np.uint8),
        agent_bytes=np.zeros(num_agents, np.int64),
        agent_at=np.zeros(128, np.int64),
        wall_locations=np.zeros(192, np.uint8),
        # 121 cells of at most 21 tokens (a chest), 24 for an agent, and the globals; 3 bytes each.
        row_buffer=np.zeros(3 * (8 + 121 * 24) + 128, np.uint8),
    )
