"""Statistics of an episode: their names, and how they are read out of the state."""

from __future__ import annotations

import numpy as np

from coglab.engine.episodes import Episode, allocate_record, record_length
from coglab.engine.jit import helper
from coglab.engine.turns import (
    INVALID_INDEX,
    MAX_STANDING,
    MOVE_FAILED,
    MOVE_SUCCESS,
    NOOP_SUCCESS,
    VIBE_SUCCESS,
)
from coglab.games.machina1.names import KINDS, RESOURCES
from coglab.games.machina1.rules import (
    EMPTY,
    ENERGY,
    FIRST_ELEMENT,
    HEART,
    NUM_KINDS,
    NUM_RESOURCES,
)

_STORED = RESOURCES[FIRST_ELEMENT : HEART + 1]  # what chests can hold

AGENT_STATS = (
    *(f"{name}.gained" for name in RESOURCES),
    *(f"{name}.lost" for name in RESOURCES),
    *(f"{name}.amount" for name in RESOURCES),
    "action.noop.success",
    "action.move.success",
    "action.move.failed",
    "action.change_vibe.success",
    "action.failed",
    "action.invalid_index",
    "status.max_steps_without_motion",
    "inventory.diversity",
    *(f"chest.{name}.deposited_by_agent" for name in _STORED),
    *(f"chest.{name}.withdrawn_by_agent" for name in _STORED),
)
_COUNTER_COLUMNS = np.array(
    [
        NOOP_SUCCESS,
        MOVE_SUCCESS,
        MOVE_FAILED,
        VIBE_SUCCESS,
        MOVE_FAILED,  # nothing but moves can fail
        INVALID_INDEX,
        MAX_STANDING,
    ],
    np.int64,
)

COLLECTIVE_STATS: tuple[str, ...] = ()
"""The game has no collectives."""

_CELL_KINDS = KINDS[EMPTY + 1 :]
GAME_STATS = (
    *(f"objects.{name}" for name in _CELL_KINDS),
    "tokens_written",
    "tokens_dropped",
    "tokens_free_space",
    *(f"assembler.{name}.created" for name in RESOURCES),
    *(f"chest.{name}.{what}" for name in _STORED for what in ("deposited", "withdrawn", "amount")),
)
"""`assembler.X.created` is what stations of all kinds gave to agents, as the published game names it."""


def allocate_episode(num_envs: int, num_agents: int) -> Episode:
    """Return zeroed records for `num_envs` games."""
    return allocate_record(
        num_envs, num_agents, len(AGENT_STATS), len(COLLECTIVE_STATS), len(GAME_STATS)
    )


@helper
def record_episode(state, maps, rules, env, was_cut, episode):
    """Write the statistics of the running episode of game `env` to its record."""
    record_length(state, rules, env, was_cut, episode)
    read_stats(state, maps, rules, env, env, episode)


@helper
def read_stats(state, maps, rules, env, place, episode):
    """Write the statistics of game `env` so far to entry `place` of `agent` and `game` of `episode`."""
    first = env * rules.num_agents
    for agent in range(rules.num_agents):
        _read_agent(state.agents[first + agent], episode.agent[place, agent])
    _read_game(state, maps, env, episode.game[place])


@helper
def _read_agent(agent, out):
    for item in range(NUM_RESOURCES):
        gained, amount = np.int64(agent.gained[item]), np.int64(agent.inventory[item])
        out[item] = gained
        out[NUM_RESOURCES + item] = gained - amount
        out[2 * NUM_RESOURCES + item] = amount
    at = 3 * NUM_RESOURCES
    for i in range(_COUNTER_COLUMNS.shape[0]):
        out[at + i] = agent.counter[_COUNTER_COLUMNS[i]]
    at += _COUNTER_COLUMNS.shape[0]
    kinds = 0
    for item in range(ENERGY, HEART + 1):
        kinds += np.int64(agent.inventory[item] > 0)
    out[at] = kinds
    at += 1
    num_stored = HEART + 1 - FIRST_ELEMENT
    for i in range(num_stored):
        out[at + i] = agent.deposited[FIRST_ELEMENT + i]
        out[at + num_stored + i] = agent.withdrawn[FIRST_ELEMENT + i]


@helper
def _read_game(state, maps, env, out):
    game = state.games[env]
    for kind in range(EMPTY + 1, NUM_KINDS):
        out[kind - 1] = maps.info[game.map_slot].kind_count[kind]
    at = NUM_KINDS - 1
    out[at] = game.tokens_written
    out[at + 1] = game.tokens_dropped
    out[at + 2] = game.tokens_free
    at += 3
    for item in range(NUM_RESOURCES):
        out[at + item] = game.created[item]
    at += NUM_RESOURCES
    for item in range(FIRST_ELEMENT, HEART + 1):
        deposited, withdrawn = np.int64(game.deposited[item]), np.int64(game.withdrawn[item])
        out[at] = deposited
        out[at + 1] = withdrawn
        out[at + 2] = deposited - withdrawn
        at += 3
