"""A replay as arrays: what pictures and the terminal read at a state, decoded once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from coglab.config import UserError
from coglab.replay import tracks
from coglab.replay.file import Document

GEAR = ("aligner", "scrambler", "miner", "scout")


@dataclass
class Thing:
    """A station, junction, extractor, chest or hub.

    Attributes:
        kind: name of its type.
        row: where it stands.
        col: where it stands.
        owner: `[S]` id of its collective, -1 nobody.
        item: name of the element that it holds, or empty.
        amount: `[S]` what is left of it.
        most: what is left of it while it is full.
        ready_at: `[S]` state from which on it rests no longer.
    """

    kind: str
    row: int
    col: int
    owner: np.ndarray
    item: str
    amount: np.ndarray
    most: int
    ready_at: np.ndarray


@dataclass
class Agent:
    """One agent, arrays over the S states.

    Attributes:
        row: `[S]`.
        col: `[S]`.
        vibe: `[S]` id.
        amounts: item name -> `[S]`.
        reward: `[S]` sum of rewards so far.
    """

    row: np.ndarray
    col: np.ndarray
    vibe: np.ndarray
    amounts: dict[str, np.ndarray]
    reward: np.ndarray

    def gear(self, state: int) -> str:
        """Name of the gear that it holds, or empty."""
        return next(
            (name for name in GEAR if name in self.amounts and self.amounts[name][state]), ""
        )


class History:
    """All states of a replay.

    Attributes:
        document: the replay.
        states: S, ticks + 1.
        walls: `[H, W]` bool.
        things: in the order of their ids.
        agents: by their numbers.
        owned: `[2, S]` junctions of clips and cogs, 0 in games that have none.
        hearts: `made` and `delivered` -> `[S]`, in games that count them.

    Args:
        document: a replay.

    Raises:
        UserError: it is damaged.
    """

    def __init__(self, document: Document) -> None:
        self.document = document
        self.states = document["steps"] + 1
        try:
            self._read(document)
        except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
            raise UserError(f"the replay is damaged: {error!r}.") from None

    def _read(self, document: Document) -> None:
        width, height = document["map_size"]
        self.walls = np.array([[cell == "#" for cell in line] for line in document["walls"]])
        if self.walls.shape != (height, width):
            raise ValueError("`walls` does not fit `map_size`")
        self.items: list[str] = document["item_names"]
        self.things: list[Thing] = []
        agents: dict[int, Agent] = {}
        for thing in document["objects"]:
            if "agent_id" in thing:
                agents[thing["agent_id"]] = self._agent(thing)
            else:
                self.things.append(self._thing(thing))
        self.agents = [agents[number] for number in range(document["num_agents"])]
        self.owned = np.zeros((2, self.states), np.int64)
        self.hearts: dict[str, np.ndarray] = {}
        if document["game"] == "machina1":
            team = document["team"]
            self.hearts = {name: self._of(team[f"hearts_{name}"]) for name in ("made", "delivered")}
        else:
            clips, cogs = document["collectives"]
            self.owned = np.stack([self._of(clips["junctions"]), self._of(cogs["junctions"])])
        self.num_junctions = sum(thing.kind == "junction" for thing in self.things)

    def _of(self, track: object) -> np.ndarray:
        return tracks.decode(track, self.states)

    def _place(self, row: np.ndarray, col: np.ndarray) -> None:
        height, width = self.walls.shape
        if row.min() < 0 or col.min() < 0 or row.max() >= height or col.max() >= width:
            raise ValueError("something stands outside the map")

    def _thing(self, thing: Document) -> Thing:
        col, row = (self._of(part) for part in thing["location"])
        self._place(row, col)
        kind = self.document["type_names"][thing["type_id"]]
        item, amount, most = "", 0, 100
        if "uses_left" in thing:
            item, amount = kind.removesuffix("_extractor"), thing["uses_left"]
            most = max(1, self.document["max_uses"][thing["type_id"]])
        elif kind != "chest" and thing.get("inventory"):
            ((number, amount),) = thing["inventory"].items()
            item = self.items[int(number)]
        return Thing(
            kind=kind,
            row=int(row[0]),
            col=int(col[0]),
            owner=self._of(thing.get("collective_id", -1)),
            item=item,
            amount=self._of(amount),
            most=most,
            ready_at=self._of(thing.get("ready_at", 0)),
        )

    def _agent(self, thing: Document) -> Agent:
        col, row = (self._of(part) for part in thing["location"])
        self._place(row, col)
        inventory = thing["inventory"]
        return Agent(
            row=row,
            col=col,
            vibe=self._of(thing["vibe_id"]),
            amounts={
                name: self._of(inventory.get(str(item), 0)) for item, name in enumerate(self.items)
            },
            reward=self._of(thing["total_reward"]) * self.document["scales"]["total_reward"],
        )

    def is_gone(self, thing: Thing, state: int) -> bool:
        """Whether an extractor was emptied and has left the map."""
        stays = bool(self.document.get("extractors_stay")) or bool(self.hearts)
        return bool(thing.item) and not stays and thing.amount[state] == 0

    def reward(self, state: int) -> float:
        """Mean reward per agent so far."""
        return float(np.mean([agent.reward[state] for agent in self.agents]))

    def key_moments(self, most: int = 9) -> list[tuple[int, str]]:
        """Pick states worth a look: the start, first times, the most junctions, the hardest loss, the end.

        Args:
            most: how many at most, at least 2.

        Returns:
            `(state, what it shows)` by state; every state once.
        """
        names = self.document["event_names"]
        firsts = {
            "aligned": "first junction aligned",
            "scrambled": "first junction scrambled",
            "clips_took": "the clips take a junction",
            "gear_gained": "first gear",
            "heart_made": "first heart made",
            "heart_delivered": "first heart delivered",
            "depleted": "first extractor emptied",
            "gear_lost": "first gear lost",
            "clips_scrambled": "the clips scramble a junction",
        }
        moments: dict[int, str] = {0: "start", self.states - 1: "end"}
        cogs = self.owned[1]
        candidates = []
        if self.hearts:
            made = self.hearts["made"]
            for share, words in ((0.5, "half of all hearts made"), (1.0, "the last heart made")):
                candidates.append((int(np.argmax(made >= share * made[-1])), words))
        else:
            candidates.append((int(np.argmax(cogs)), f"most junctions: {int(cogs.max())}"))
        for name, words in firsts.items():
            kind = names.index(name) if name in names else -1
            first = next((event[0] for event in self.document["events"] if event[1] == kind), None)
            if first is not None:
                candidates.append((int(first), words))
        window = max(1, (self.states - 1) // 10)
        fall = cogs[:-window] - cogs[window:] if self.states > window + 1 else np.zeros(1)
        if fall.max() > 0:
            at = int(np.argmax(fall)) + window
            candidates.append((at, f"{int(fall.max())} junctions lost in {window} ticks"))
        for state, words in candidates:
            if len(moments) < most and 0 <= state < self.states:
                moments.setdefault(state, words)
        return sorted(moments.items())
