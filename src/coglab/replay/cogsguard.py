"""CogsGuard in replays: which games can be recorded, what is copied per tick, and which events are worth a mark."""

from __future__ import annotations

from typing import Any

import numpy as np

from coglab.games.cogsguard import rules
from coglab.games.cogsguard.config import CogsGuardConfig
from coglab.games.cogsguard.mapgen import MapPool
from coglab.games.cogsguard.maps import PAD
from coglab.games.cogsguard.sim import CogsGuardSim
from coglab.games.cogsguard.state import (
    ALIGNED_BY_AGENT,
    OWNED,
    SCRAMBLED_BY_AGENT,
    SOURCE_NEUTRAL,
)
from coglab.replay import tracks
from coglab.replay.file import Document

EVENT_NAMES = (
    "aligned",
    "scrambled",
    "clips_took",
    "clips_scrambled",
    "gear_gained",
    "gear_lost",
    "heart_made",
    "collapsed",
    "depleted",
)
"""Kinds of marks on the time line: an agent gave a junction to the cogs, took one from the clips; the clips took one,
made one of the cogs' neutral; an agent got or lost gear, made a heart, ran out of hp; an extractor was emptied."""

_GEAR = range(rules.FIRST_GEAR, rules.NUM_RESOURCES)
_TEAM_ITEMS = (rules.HEART, *range(rules.OXYGEN, rules.SILICON + 1))


def make_game(
    config: CogsGuardConfig,
    *,
    map_seed: int,
    seed: int,
    env_id: int,
    grid: np.ndarray | None = None,
) -> CogsGuardSim:
    """Make the simulator of one recorded game.

    With the map seed 1,000,000 + i, the id i and the seed of an evaluation it plays what that evaluation's map i does.

    Args:
        config: mission, agents, rules.
        map_seed: of the map.
        seed: of the simulator.
        env_id: global id of the game.
        grid: `[H, W]` uint8 kinds, the map itself instead of `map_seed`.

    Returns:
        A simulator of one game, at its first observation, that stops at the end of the episode.

    Raises:
        UserError: no such mission, or a text map that cannot be used.
    """
    pool = (
        MapPool.for_evaluation(config, 1, first_seed=map_seed)
        if grid is None
        else MapPool.from_grids([grid])
    )
    return CogsGuardSim(
        config,
        1,
        pool,
        seed=seed,
        first_env_id=env_id,
        map_choice="by_env",
        exact_order=True,
        auto_reset=False,
    )


class CogsGuardReader:
    """Copies game 0 of a simulator; see `recorder.GameReader`.

    Args:
        sim: a simulator of one game.
    """

    def __init__(self, sim: CogsGuardSim) -> None:
        self._sim = sim
        states, agents = sim.max_steps + 1, sim.num_agents
        slot = int(sim.state.map_slot[0])
        self._slot, self._info = slot, sim.maps.compiled.info[slot]
        self._objects = sim.maps.compiled.objects[slot, : int(self._info["objects"])]
        self._row = np.zeros((states, agents), np.int16)
        self._col = np.zeros((states, agents), np.int16)
        self._vibe = np.zeros((states, agents), np.uint8)
        self._inventory = np.zeros((states, agents, rules.NUM_RESOURCES), np.uint16)
        self._recency = np.zeros((states, agents), np.uint64)
        self._counter = np.zeros((states, agents, 2), np.uint32)
        self._object_value = np.zeros((states, len(self._objects)), np.uint8)
        self._stock = np.zeros((states, rules.NUM_RESOURCES), np.uint16)
        self._owned = np.zeros((states, 2), np.uint32)

    def capture(self, step: int) -> None:
        """See `recorder.GameReader`."""
        state = self._sim.state
        agents = state.agents
        self._row[step], self._col[step] = agents["row"], agents["col"]
        self._vibe[step] = agents["vibe"]
        self._inventory[step] = agents["inventory"]
        self._recency[step] = agents["recency"]
        self._counter[step] = agents["counter"][:, [ALIGNED_BY_AGENT, SCRAMBLED_BY_AGENT]]
        self._object_value[step] = state.object_value[0, : len(self._objects)]
        self._stock[step] = state.games["stock"][0]
        self._owned[step] = state.games["junctions"][0, :, OWNED]

    def document(self, steps: int) -> Document:
        """See `recorder.GameReader`."""
        height, width = int(self._info["height"]), int(self._info["width"])
        rows = self._sim.maps.compiled.wall_bits[self._slot, PAD : PAD + height]
        bits = np.unpackbits(rows.astype("<u8").view(np.uint8), axis=1, bitorder="little")
        walls = bits[:, PAD : PAD + width]
        return {
            "game": "cogsguard",
            "map_size": [width, height],
            "type_names": list(rules.KINDS),
            "item_names": list(rules.RESOURCES),
            "vibe_names": list(rules.VIBES),
            "collective_names": list(rules.COLLECTIVES),
            "event_names": list(EVENT_NAMES),
            "area_radius": rules.AREA_RADIUS,
            "extractors_stay": bool(self._sim.rules.extractors_stay),
            "shows_stock": bool(self._sim.rules.shows_stock),
            "walls": ["".join(".#"[cell] for cell in row) for row in walls.tolist()],
            "objects": [*self._things(steps), *self._agents(steps)],
            "collectives": [
                {"junctions": tracks.encode(self._owned[: steps + 1, rules.CLIPS])},
                {
                    "junctions": tracks.encode(self._owned[: steps + 1, rules.COGS]),
                    "inventory": {
                        str(item): tracks.encode(self._stock[: steps + 1, item])
                        for item in _TEAM_ITEMS
                    },
                },
            ],
            "events": self._events(steps),
        }

    def _things(self, steps: int) -> list[Document]:
        """Write stations, junctions, extractors, chests and hubs; their ids are their positions in the list."""
        things = []
        for index, place in enumerate(self._objects):
            kind = int(place["kind"])
            thing: Document = {
                "id": index,
                "type_id": kind,
                "location": [int(place["col"]), int(place["row"])],
            }
            values = self._object_value[: steps + 1, index].astype(np.int64)
            if rules.ELEMENT_OF_KIND[kind] >= 0:
                item = str(int(rules.ELEMENT_OF_KIND[kind]))
                thing["inventory"] = {item: tracks.encode(values)}
            elif kind == rules.JUNCTION:
                values[values == SOURCE_NEUTRAL] = rules.NEUTRAL
                thing["collective_id"] = tracks.encode(values)
            else:
                thing["collective_id"] = rules.COGS
            things.append(thing)
        return things

    def _agents(self, steps: int) -> list[Document]:
        first_id = len(self._objects)
        return [self._agent(agent, first_id, steps) for agent in range(self._sim.num_agents)]

    def _agent(self, agent: int, first_id: int, steps: int) -> Document:
        states = slice(steps + 1)
        return {
            "id": first_id + agent,
            "type_id": rules.AGENT,
            "agent_id": agent,
            "collective_id": rules.COGS,
            "location": [
                tracks.encode(self._col[states, agent]),
                tracks.encode(self._row[states, agent]),
            ],
            "vibe_id": tracks.encode(self._vibe[states, agent]),
            "inventory": {
                str(item): tracks.encode(amounts)
                for item, amounts in enumerate(self._inventory[states, agent].T)
                if amounts.any()
            },
            "inventory_order": tracks.encode_lists(_orders(self._recency[states, agent])),
        }

    def _events(self, steps: int) -> list[list[Any]]:
        """List `[step, kind, agent or -1, object or -1, item or -1]` by step; `step` is the state that shows it first."""
        events: list[tuple[int, int, int, int, int]] = []

        def add(step: int, name: str, agent: int = -1, thing: int = -1, item: int = -1) -> None:
            events.append((int(step), EVENT_NAMES.index(name), int(agent), int(thing), item))

        self._add_owner_events(steps, add)
        inventory = self._inventory[: steps + 1].astype(np.int64)
        change = np.diff(inventory, axis=0)
        for item in _GEAR:
            for step, agent in np.argwhere(change[:, :, item] > 0):
                add(step + 1, "gear_gained", agent, item=item)
            for step, agent in np.argwhere(change[:, :, item] < 0):
                add(step + 1, "gear_lost", agent, item=item)
        hearts = change[:, :, rules.HEART] > 0
        shelf = self._stock[: steps + 1, rules.HEART].astype(np.int64)
        for step in np.flatnonzero(hearts.any(axis=1)):
            # Hearts that the stock did not give were made; which agent came first is not known, so take the last ones.
            taken = max(0, shelf[step] - shelf[step + 1])
            for agent in np.flatnonzero(hearts[step])[taken:]:
                add(int(step) + 1, "heart_made", int(agent))
        hp = inventory[:, :, rules.HP]
        for step, agent in np.argwhere((hp[1:] == 0) & (hp[:-1] > 0)):
            add(step + 1, "collapsed", agent)
        holds = rules.ELEMENT_OF_KIND[self._objects["kind"]] >= 0
        values = self._object_value[: steps + 1]
        for step, thing in np.argwhere((values[1:] == 0) & (values[:-1] > 0) & holds):
            add(step + 1, "depleted", thing=thing)
        return [list(event) for event in sorted(events)]

    def _add_owner_events(self, steps: int, add: Any) -> None:
        junction = self._objects["kind"] == rules.JUNCTION
        values = self._object_value[: steps + 1]
        for step, thing in np.argwhere((values[1:] != values[:-1]) & junction):
            old, new = int(values[step, thing]), int(values[step + 1, thing])
            if new == rules.COGS:
                add(step + 1, "aligned", self._who(step, thing, 0), thing)
            elif new == rules.CLIPS:
                add(step + 1, "clips_took", thing=thing)
            elif old == rules.CLIPS:
                add(step + 1, "scrambled", self._who(step, thing, 1), thing)
            else:
                add(step + 1, "clips_scrambled", thing=thing)

    def _who(self, step: int, thing: int, column: int) -> int:
        """Return the agent beside the junction that aligned (column 0) or scrambled (1) one in this tick, else -1."""
        place = self._objects[thing]
        did = np.diff(self._counter[step : step + 2, :, column].astype(np.int64), axis=0)[0] > 0
        distance = np.abs(self._row[step] - place["row"]) + np.abs(self._col[step] - place["col"])
        found = np.flatnonzero(did & (distance == 1))
        return int(found[0]) if len(found) else -1


def _orders(recency: np.ndarray) -> list[list[int]]:
    """Unpack the items that an agent holds, most recently acquired first ([S] uint64 -> S lists)."""
    known: dict[int, list[int]] = {}
    orders = []
    for word in recency.tolist():
        if word not in known:
            known[word] = [word >> 4 * place & 15 for place in range(word >> 56)]
        orders.append(known[word])
    return orders


def grid_of(document: Document) -> np.ndarray:
    """Rebuild the map before the first tick from a replay.

    Args:
        document: a replay of this game.

    Returns:
        `[H, W]` uint8 kinds.

    Raises:
        ValueError: places outside the map, or unknown kinds.
    """
    width, height = document["map_size"]
    grid = np.zeros((height, width), np.uint8)
    for row, line in enumerate(document["walls"]):
        cells = np.frombuffer(str(line).encode(), np.uint8)
        if row >= height or len(cells) != width:
            raise ValueError("`walls` does not fit `map_size`")
        grid[row, cells == ord("#")] = rules.WALL
    for thing in document["objects"]:
        kind = thing["type_id"]
        col, row = (
            int(tracks.decode(part, document["steps"] + 1)[0]) for part in thing["location"]
        )
        if not (0 <= row < height and 0 <= col < width and 0 < kind < rules.NUM_KINDS):
            raise ValueError(f"object {thing.get('id')} of kind {kind} at ({row}, {col})")
        grid[row, col] = kind
    return grid
