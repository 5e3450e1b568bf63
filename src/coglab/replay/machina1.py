"""machina_1 in replays: what is copied per tick, and which events are worth a mark."""

from __future__ import annotations

from typing import Any

import numpy as np

from coglab.games.machina1 import rules
from coglab.games.machina1.config import Machina1Config
from coglab.games.machina1.mapgen import MapPool
from coglab.games.machina1.maps import PAD
from coglab.games.machina1.names import KINDS, RESOURCES, VIBES
from coglab.games.machina1.sim import Machina1Sim
from coglab.replay import tracks
from coglab.replay.file import Document

EVENT_NAMES = ("heart_made", "heart_delivered", "gear_gained", "depleted")
"""Kinds of marks on the time line: an agent got a heart (or gear) from an assembler, put hearts into a chest; an
extractor was used for the last time."""

_MADE, _TAKEN, _DELIVERED = range(3)


def make_game(config: Machina1Config, *, map_seed: int, seed: int, env_id: int) -> Machina1Sim:
    """Make the simulator of one recorded game.

    With the map seed 1,000,000 + i, the id i and the seed of an evaluation it plays what that evaluation's map i does.

    Args:
        config: agents, vibes, reward.
        map_seed: of the map.
        seed: of the simulator.
        env_id: global id of the game.

    Returns:
        A simulator of one game, at its first observation, that stops at the end of the episode.
    """
    return Machina1Sim(
        config,
        1,
        MapPool.for_evaluation(config, 1, first_seed=map_seed),
        seed=seed,
        first_env_id=env_id,
        map_choice="by_env",
        exact_order=True,
        auto_reset=False,
    )


class Machina1Reader:
    """Copies game 0 of a simulator; see `recorder.GameReader`.

    Args:
        sim: a simulator of one game.
    """

    def __init__(self, sim: Machina1Sim) -> None:
        self._sim = sim
        states, agents = sim.max_steps + 1, sim.num_agents
        slot = int(sim.state.map_slot[0])
        self._slot, self._info = slot, sim.maps.compiled.info[slot]
        self._objects = sim.maps.compiled.objects[slot, : int(self._info["objects"])]
        self._most_uses = rules.MAX_USES[self._objects["kind"]]
        self._row = np.zeros((states, agents), np.int16)
        self._col = np.zeros((states, agents), np.int16)
        self._vibe = np.zeros((states, agents), np.uint8)
        self._inventory = np.zeros((states, agents, rules.NUM_RESOURCES), np.uint16)
        self._hearts = np.zeros((states, agents, 3), np.uint32)
        self._uses_left = np.zeros((states, len(self._objects)), np.uint8)
        self._ready_at = np.zeros((states, len(self._objects)), np.int32)
        self._chests = np.zeros((states, int(self._info["chests"]), rules.NUM_RESOURCES), np.uint16)
        self._created = np.zeros(states, np.uint32)

    def capture(self, step: int) -> None:
        """See `recorder.GameReader`."""
        state = self._sim.state
        agents, things = state.agents, len(self._objects)
        self._row[step], self._col[step] = agents["row"], agents["col"]
        self._vibe[step] = agents["vibe"]
        self._inventory[step] = agents["inventory"]
        for column, name in ((_MADE, "gained"), (_TAKEN, "withdrawn"), (_DELIVERED, "deposited")):
            self._hearts[step, :, column] = agents[name][:, rules.HEART]
        self._uses_left[step] = np.maximum(self._most_uses - state.uses[0, :things], 0)
        self._ready_at[step] = state.ready_at[0, :things]
        self._chests[step] = state.chest_stock[0, : self._chests.shape[1]]
        self._created[step] = state.games["created"][0, rules.HEART]

    def document(self, steps: int) -> Document:
        """See `recorder.GameReader`."""
        height, width = int(self._info["height"]), int(self._info["width"])
        rows = self._sim.maps.compiled.wall_bits[self._slot, PAD : PAD + height]
        bits = np.unpackbits(rows.astype("<u8").view(np.uint8), axis=1, bitorder="little")
        walls = bits[:, PAD : PAD + width]
        delivered = self._hearts[: steps + 1, :, _DELIVERED].sum(axis=1)
        return {
            "game": "machina1",
            "map_size": [width, height],
            "type_names": list(KINDS),
            "item_names": list(RESOURCES),
            "vibe_names": list(VIBES),
            "collective_names": [],
            "event_names": list(EVENT_NAMES),
            "max_uses": rules.MAX_USES.tolist(),
            "cooldowns": rules.COOLDOWN.tolist(),
            "recipes": [
                {
                    "type_id": recipe.kind,
                    "vibes": list(recipe.vibes),
                    "price": [[item, amount] for item, amount in recipe.price.items()],
                    "item": recipe.item,
                    "amount": recipe.amount,
                }
                for recipe in rules.RECIPES
            ],
            "walls": ["".join(".#"[cell] for cell in row) for row in walls.tolist()],
            "objects": [*self._things(steps), *self._agents(steps)],
            "collectives": [],
            "team": {
                "hearts_made": tracks.encode(self._created[: steps + 1]),
                "hearts_delivered": tracks.encode(delivered),
            },
            "events": self._events(steps),
        }

    def _things(self, steps: int) -> list[Document]:
        """Write stations and chests; their ids are their positions in the list."""
        things = []
        for index, place in enumerate(self._objects):
            kind, chest = int(place["kind"]), int(place["chest"])
            thing: Document = {
                "id": index,
                "type_id": kind,
                "location": [int(place["col"]), int(place["row"])],
            }
            if rules.MAX_USES[kind] > 0:
                thing["uses_left"] = tracks.encode(self._uses_left[: steps + 1, index])
            if rules.COOLDOWN[kind] > 0:
                thing["ready_at"] = tracks.encode(self._ready_at[: steps + 1, index])
            if chest >= 0:
                thing["inventory"] = _amounts(self._chests[: steps + 1, chest])
            things.append(thing)
        return things

    def _agents(self, steps: int) -> list[Document]:
        states, first_id = slice(steps + 1), len(self._objects)
        return [
            {
                "id": first_id + agent,
                "type_id": rules.AGENT,
                "agent_id": agent,
                "location": [
                    tracks.encode(self._col[states, agent]),
                    tracks.encode(self._row[states, agent]),
                ],
                "vibe_id": tracks.encode(self._vibe[states, agent]),
                "inventory": _amounts(self._inventory[states, agent]),
            }
            for agent in range(self._sim.num_agents)
        ]

    def _events(self, steps: int) -> list[list[Any]]:
        """List `[step, kind, agent or -1, object or -1, item or -1]` by step; `step` is the state that shows it first."""
        events: list[tuple[int, int, int, int, int]] = []

        def add(step: int, name: str, agent: int = -1, thing: int = -1, item: int = -1) -> None:
            events.append((int(step), EVENT_NAMES.index(name), int(agent), int(thing), item))

        change = np.diff(self._hearts[: steps + 1].astype(np.int64), axis=0)
        for step, agent in np.argwhere(change[:, :, _MADE] > change[:, :, _TAKEN]):
            add(step + 1, "heart_made", agent, self._beside(step, agent, rules.ASSEMBLER, 2))
        for step, agent in np.argwhere(change[:, :, _DELIVERED] > 0):
            add(step + 1, "heart_delivered", agent, self._beside(step, agent, rules.CHEST, 1))
        gear = slice(rules.FIRST_GEAR, rules.NUM_RESOURCES)
        gained = np.diff(self._inventory[: steps + 1, :, gear].astype(np.int64), axis=0) > 0
        for step, agent, item in np.argwhere(gained):
            add(step + 1, "gear_gained", agent, item=rules.FIRST_GEAR + int(item))
        left = self._uses_left[: steps + 1]
        for step, thing in np.argwhere((left[1:] == 0) & (left[:-1] > 0)):
            add(step + 1, "depleted", thing=thing)
        return [list(event) for event in sorted(events)]

    def _beside(self, step: int, agent: int, kind: int, reach: int) -> int:
        """Return the nearest object of a kind within `reach` moves of an agent, -1 if there is none."""
        distance = np.abs(self._objects["row"] - self._row[step, agent]).astype(np.int64)
        distance += np.abs(self._objects["col"] - self._col[step, agent])
        distance[self._objects["kind"] != kind] = reach + 1
        nearest = int(distance.argmin())
        return nearest if distance[nearest] <= reach else -1


def _amounts(amounts: np.ndarray) -> Document:
    """Write `[S, 10]` amounts, item -> track; items that are never there are left out."""
    return {
        str(item): tracks.encode(column) for item, column in enumerate(amounts.T) if column.any()
    }
