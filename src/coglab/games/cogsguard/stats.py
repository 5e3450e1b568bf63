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
from coglab.games.cogsguard.rules import (
    AGENT,
    ALIGNER_STATION,
    CHEST,
    CLIPS,
    COGS,
    ELEMENT_OF_KIND,
    EXTRACTOR_START,
    HEART,
    HUB,
    JUNCTION,
    KINDS,
    MINER_STATION,
    NUM_KINDS,
    NUM_RESOURCES,
    OXYGEN,
    RESOURCES,
    SCOUT_STATION,
    SCRAMBLER_STATION,
    SILICON,
)
from coglab.games.cogsguard.state import (
    ALIGNED_BY_AGENT,
    GAINED,
    HELD,
    LOST,
    OWNED,
    SCRAMBLED_BY_AGENT,
)

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
    "junction.aligned_by_agent",
    "junction.scrambled_by_agent",
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
        ALIGNED_BY_AGENT,
        SCRAMBLED_BY_AGENT,
    ],
    np.int64,
)

_OWNED_KINDS = np.array(
    [AGENT, ALIGNER_STATION, CHEST, HUB, JUNCTION, MINER_STATION, SCOUT_STATION, SCRAMBLER_STATION],
    np.int64,
)
_STOCK_ITEMS = np.array([HEART, *range(OXYGEN, SILICON + 1)], np.int64)
_OWNED_NAMES = tuple(KINDS[kind].split(".")[0] for kind in _OWNED_KINDS)
COLLECTIVE_STATS = (
    *(
        f"aligned.{kind}{suffix}"
        for kind in _OWNED_NAMES
        for suffix in ("", ".gained", ".lost", ".held")
    ),
    *(
        f"{RESOURCES[item]}.{what}"
        for item in _STOCK_ITEMS
        for what in ("deposited", "withdrawn", "amount")
    ),
)

_FIRST_CELL_KIND = 1  # empty cells are not counted
GAME_STATS = (
    *(f"objects.{name}" for name in KINDS[_FIRST_CELL_KIND:]),
    "tokens_written",
    "tokens_dropped",
    "tokens_free_space",
    *(
        f"chest.{RESOURCES[item]}.{what}"
        for item in range(OXYGEN, SILICON + 1)
        for what in ("deposited", "withdrawn", "amount")
    ),
)


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
    """Write the statistics of game `env` so far to entry `place` of `agent`, `collective` and `game` of `episode`."""
    first = env * rules.num_agents
    for agent in range(rules.num_agents):
        _read_agent(state.agents[first + agent], episode.agent[place, agent])
    game = state.games[env]
    _read_collectives(game, maps.info[game.map_slot], episode.collective[place])
    _read_game(state, maps, env, episode.game[place])


@helper
def _read_agent(agent, out):
    for item in range(NUM_RESOURCES):
        gained, amount = np.int64(agent.gained[item]), np.int64(agent.inventory[item])
        out[item] = gained
        out[NUM_RESOURCES + item] = gained - amount
        out[2 * NUM_RESOURCES + item] = amount
    for i in range(_COUNTER_COLUMNS.shape[0]):
        out[3 * NUM_RESOURCES + i] = agent.counter[_COUNTER_COLUMNS[i]]


@helper
def _read_collectives(game, info, out):
    for i in range(_OWNED_KINDS.shape[0]):
        kind = _OWNED_KINDS[i]
        for collective in range(2):
            owned = np.int64(info.kind_count[kind]) if collective == COGS else 0
            gained, lost, held = owned, np.int64(0), owned * np.int64(game.tick)
            if kind == JUNCTION:
                owned = np.int64(game.junctions[collective, OWNED])
                gained = np.int64(game.junctions[collective, GAINED])
                lost = np.int64(game.junctions[collective, LOST])
                held = np.int64(game.junctions[collective, HELD])
            out[collective, 4 * i] = owned
            out[collective, 4 * i + 1] = gained
            out[collective, 4 * i + 2] = lost
            out[collective, 4 * i + 3] = held
    at = 4 * _OWNED_KINDS.shape[0]
    for i in range(_STOCK_ITEMS.shape[0]):
        item = _STOCK_ITEMS[i]
        deposited, amount = np.int64(game.deposited[item]), np.int64(game.stock[item])
        out[COGS, at + 3 * i] = deposited
        out[COGS, at + 3 * i + 1] = deposited - amount
        out[COGS, at + 3 * i + 2] = amount


@helper
def _read_game(state, maps, env, out):
    game = state.games[env]
    slot = np.int64(game.map_slot)
    for kind in range(_FIRST_CELL_KIND, NUM_KINDS):
        out[kind - _FIRST_CELL_KIND] = maps.info[slot].kind_count[kind]
    at = NUM_KINDS - _FIRST_CELL_KIND
    out[at] = game.tokens_written
    out[at + 1] = game.tokens_dropped
    out[at + 2] = game.tokens_free
    at += 3
    for element in range(OXYGEN, SILICON + 1):
        count, left = np.int64(0), np.int64(0)
        for thing in range(maps.info[slot].objects):
            if ELEMENT_OF_KIND[maps.objects[slot, thing].kind] == element:
                count += 1
                left += np.int64(state.object_value[env, thing])
        out[at] = EXTRACTOR_START * count
        out[at + 1] = EXTRACTOR_START * count - left
        out[at + 2] = np.int64(game.last_extracted[element]) if count > 0 else 0
        at += 3


def named_stats(
    agent: np.ndarray, collective: np.ndarray, game: np.ndarray, extra: list[dict[str, float]]
) -> dict:
    """Turn statistics into the form of recorded episodes, where a name exists once it was written.

    Args:
        agent: [A, len(AGENT_STATS)] float32.
        collective: [2, len(COLLECTIVE_STATS)] float32.
        game: [len(GAME_STATS)] float32.
        extra: per agent, statistics without a fixed name.

    Returns:
        `{"agent": [{name: value}, ...], "collective": {"clips": {...}, "cogs": {...}}, "game": {...}}`.
    """
    agents = [
        {**_written(dict(zip(AGENT_STATS, row.tolist(), strict=True)), ".gained"), **more}
        for row, more in zip(agent, extra, strict=True)
    ]
    collectives = {}
    for collective_id, name in ((CLIPS, "clips"), (COGS, "cogs")):
        values = dict(zip(COLLECTIVE_STATS, collective[collective_id].tolist(), strict=True))
        collectives[name] = _written(values, ".deposited")
        for kind in _OWNED_NAMES:
            if values[f"aligned.{kind}.gained"]:
                collectives[name][f"aligned.{kind}"] = values[f"aligned.{kind}"]
    return {
        "agent": agents,
        "collective": collectives,
        "game": dict(zip(GAME_STATS, game.tolist(), strict=True)),
    }


def _written(values: dict[str, float], increase: str) -> dict[str, float]:
    """Keep what was written: what is not zero, and amounts that are zero again after an increase."""
    return {
        name: value
        for name, value in values.items()
        if value or (name.endswith(".amount") and values[name.removesuffix(".amount") + increase])
    }
