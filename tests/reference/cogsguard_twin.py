"""The slow twin: CogsGuard in plain Python, one game, dictionaries and lists, as close to the rules' text as possible.

It is written from docs/02-rules.md and knows nothing of the kernels. `tests/games/cogsguard/test_twin.py` plays both
side by side and compares everything after every tick. Where the two differ, the text decides which one is wrong.
"""

from dataclasses import dataclass, field

import numpy as np

from tests.reference.twin_inventory import (
    ELEMENTS,
    GEAR,
    Inventory,
    agent_groups,
    team_groups,
    transfer,
)
from tests.reference.twin_observation import MAX_TOKENS, observe
from tests.reference.twin_random import MersenneTwister, schedule
from tests.reference.twin_rewards import reward_entries

MOVES = {1: (-1, 0), 2: (1, 0), 3: (0, -1), 4: (0, 1)}
FIRST_VIBE, NUM_ACTIONS = 5, 12
PRICES = {
    "aligner": {"carbon": 3, "oxygen": 1, "germanium": 1, "silicon": 1},
    "scrambler": {"carbon": 1, "oxygen": 3, "germanium": 1, "silicon": 1},
    "miner": {"carbon": 1, "oxygen": 1, "germanium": 3, "silicon": 1},
    "scout": {"carbon": 1, "oxygen": 1, "germanium": 1, "silicon": 3},
}
STOCK = {"carbon": 10, "oxygen": 10, "germanium": 10, "silicon": 10, "heart": 5}
COLLECTIVES = ["clips", "cogs"]
ZERO = np.float32(0)


@dataclass
class Numbers:
    """What differs between the two versions of the rules."""

    least_energy: int = 20
    heart_price: int = 10
    junctions_start: str | None = None
    clips_act: bool = True
    extractors_stay: bool = False
    shows_stock: bool = True
    objective_is_divided: bool = True


NUMBERS = {
    "2026-02-01": Numbers(),
    "2026-01-24": Numbers(10, 1, "clips", False, True, False, False),
}


@dataclass(eq=False)
class Thing:
    """Something that stands on a cell."""

    kind: str
    cell: tuple
    owner: str | None = None
    element: str | None = None
    left: int = 0


@dataclass(eq=False)
class Agent(Thing):
    """A cog."""

    inventory: Inventory = None
    vibe: int = 0
    spawn: tuple = ()
    last_cell: tuple = ()
    standing: int = 0
    last_action: int = 0
    stats: dict = field(default_factory=dict)
    level: np.float32 = ZERO
    total_reward: np.float32 = ZERO

    def count(self, name, by=1):
        """Add to a statistic."""
        self.stats[name] = self.stats.get(name, 0) + by


class CogsGuardTwin:
    """One game.

    Attributes:
        agents: in row-major order of their start cells.
        cells: what stands where, by (row, column).
        observations: per agent the tokens (location, feature, value), at most 200.
        rewards, success: of the last tick, per agent.
        is_done: whether the last tick was the last.
    """

    def __init__(
        self,
        grid,
        max_steps,
        seed=0,
        rewards=(),
        stock=None,
        wealth=1,
        energy_regen=1,
        move_cost=3,
        rules="2026-02-01",
    ):
        self.max_steps, self.variants, self.rules = max_steps, set(rewards), rules
        self.energy_regen, self.move_cost = energy_regen, move_cost
        self.numbers = NUMBERS[rules]
        self.random = MersenneTwister(seed)
        self.events = schedule(max_steps) if self.numbers.clips_act else []
        self.tick = 0
        self.team_stats = {name: {} for name in COLLECTIVES}
        self.game_stats = {}
        self.stock = Inventory(team_groups(), self.team_stats["cogs"], "deposited", "withdrawn")
        for item, amount in {**STOCK, **(stock or {})}.items():
            self.stock.start(item, amount * wealth)
        self.height, self.width = len(grid), len(grid[0])
        self.cells, self.agents = {}, []
        for row, line in enumerate(grid):
            for col, name in enumerate(line):
                if name != "empty":
                    self._build(str(name), (row, col))
        self.objects_at_start = [
            (t.cell, t.kind) for t in self.cells.values() if t.kind not in ("wall", "agent")
        ]
        self.sources = [t for t in self.cells.values() if t.kind in ("hub", "junction")]
        self.junctions = [t for t in self.sources if t.kind == "junction"]
        self._count_initial_members()
        for agent in self.agents:
            for stats, name, _, _ in reward_entries(self, agent):
                stats.setdefault(name, 0)  # what rewards read exists from the start
        self.rewards = [ZERO] * len(self.agents)
        self.success = [False] * len(self.agents)
        self.is_done = False
        self.observations = [self._observe(agent) for agent in self.agents]

    def _build(self, name, cell):
        self._count_game(f"objects.{name}")
        if name == "agent.agent":
            agent = Agent("agent", cell, "cogs", spawn=cell, last_cell=cell)
            agent.inventory = Inventory(
                agent_groups(self.numbers.least_energy), agent.stats, "gained", "lost"
            )
            agent.inventory.start("hp", 50)
            agent.inventory.start("energy", 100)
            self.agents.append(agent)
            self.cells[cell] = agent
            return
        thing = Thing(name, cell)
        if name in ("hub", "chest") or name.endswith("_station"):
            thing.owner = "cogs"
        elif name == "junction":
            thing.owner = self.numbers.junctions_start
        elif name.endswith("_extractor"):
            thing.element, thing.left = name.removesuffix("_extractor"), 100
            self._count_game(f"chest.{thing.element}.deposited", 100)
            self.game_stats[f"chest.{thing.element}.amount"] = 100
        self.cells[cell] = thing

    def _count_game(self, name, by=1):
        self.game_stats[name] = self.game_stats.get(name, 0) + by

    def _count_team(self, team, name, by=1):
        self.team_stats[team][name] = self.team_stats[team].get(name, 0) + by

    def _count_initial_members(self):
        for thing in self.cells.values():
            if thing.owner is not None:
                self._count_team(thing.owner, f"aligned.{thing.kind}")
                self._count_team(thing.owner, f"aligned.{thing.kind}.gained")

    # --- one tick -----------------------------------------------------------------------------

    def step(self, actions):
        """Play one tick; `actions` are the agents' action indices."""
        self.tick += 1
        self.success = [False] * len(self.agents)
        for tick, event in self.events:
            if tick == self.tick:
                self._run_event(event)
        order = list(range(len(self.agents)))
        self.random.shuffle(order)
        for i in order:
            self.success[i] = self._act(self.agents[i], int(actions[i]))
        for agent in self.agents:
            agent.inventory.change("energy", self.energy_regen)
            agent.inventory.change("hp", -1)
            agent.inventory.change("influence", -1)
        for agent in self.agents:
            for source in self.sources:
                self._radiate(source, agent)
        for thing in self.cells.values():
            if thing.owner is not None:
                self._count_team(thing.owner, f"aligned.{thing.kind}.held")
        self.observations = [self._observe(agent) for agent in self.agents]
        self.rewards = [self._reward(agent) for agent in self.agents]
        self.is_done = self.tick >= self.max_steps

    # --- the clips ----------------------------------------------------------------------------

    def _run_event(self, event):
        junctions = list(self.junctions)
        self.random.shuffle(junctions)
        for junction in junctions:
            if self._qualifies(event, junction):
                if event == "cogs_to_neutral":
                    self._give(junction, None)
                elif event != "presence_check":
                    self._give(junction, "clips")
                return
        if event == "neutral_to_clips":
            self._run_event("cogs_to_neutral")
        elif event == "presence_check":
            self._run_event("initial_clips")

    def _qualifies(self, event, junction):
        if event == "initial_clips":
            return True
        if event == "cogs_to_neutral" and junction.owner != "cogs":
            return False
        if event == "neutral_to_clips" and junction.owner is not None:
            return False
        return any(
            other.owner == "clips" and _distance(other.cell, junction.cell) <= 25
            for other in self.junctions
        )

    def _give(self, junction, owner):
        """Change who owns a junction."""
        if junction.owner == owner:
            return
        if junction.owner is not None:
            self._count_team(junction.owner, "aligned.junction", -1)
            self._count_team(junction.owner, "aligned.junction.lost")
        if owner is not None:
            self._count_team(owner, "aligned.junction")
            self._count_team(owner, "aligned.junction.gained")
        junction.owner = owner

    # --- actions ------------------------------------------------------------------------------

    def _act(self, agent, action):
        if not 0 <= action < NUM_ACTIONS:
            agent.last_action = 0
            agent.count("action.invalid_index", 2)
            agent.count(f"action.invalid_index.{action}", 2)
            return False
        if action == 0:
            name, worked = "noop", True
        elif action >= FIRST_VIBE:
            name, worked = "change_vibe", True
            agent.vibe = action - FIRST_VIBE
        else:
            name, worked = "move", self._move(agent, MOVES[action])
        agent.count(f"action.{name}.success" if worked else f"action.{name}.failed")
        if not worked:
            agent.count("action.failed")
        agent.standing = agent.standing + 1 if agent.cell == agent.last_cell else 0
        agent.last_cell = agent.cell
        longest = "status.max_steps_without_motion"
        if agent.standing > agent.stats.get(longest, 0):
            agent.stats[longest] = agent.standing
        if worked and name == "move":
            agent.inventory.change("energy", -self.move_cost)
        agent.last_action = action if worked else 0
        return worked

    def _move(self, agent, step):
        if agent.inventory["energy"] < self.move_cost:
            return False
        cell = (agent.cell[0] + step[0], agent.cell[1] + step[1])
        if not (0 <= cell[0] < self.height and 0 <= cell[1] < self.width):
            return False
        if cell in self.cells:
            return self._use(agent, self.cells[cell])
        del self.cells[agent.cell]
        self.cells[cell] = agent
        agent.cell = cell
        return True

    def _use(self, agent, thing):
        if thing.kind == "hub":
            return self._deposit(agent)
        if thing.kind == "junction":
            return self._use_junction(agent, thing)
        if thing.kind == "chest":
            return self._use_chest(agent)
        if thing.kind.endswith("_extractor"):
            return self._extract(agent, thing)
        if thing.kind.endswith("_station"):
            return self._change_gear(agent, thing.kind.removesuffix("_station"))
        return False

    def _deposit(self, agent):
        for element in ELEMENTS:
            transfer(agent.inventory, self.stock, element, 100)
        return True

    def _use_junction(self, agent, junction):
        holds = agent.inventory
        if junction.owner == "cogs":
            return self._deposit(agent)
        if junction.owner is None and holds["aligner"] and holds["influence"] and holds["heart"]:
            holds.change("heart", -1)
            self._give(junction, "cogs")
            agent.count("junction.aligned_by_agent")
            return True
        if junction.owner == "clips" and holds["scrambler"] and holds["heart"]:
            self._give(junction, None)
            holds.change("heart", -1)
            agent.count("junction.scrambled_by_agent")
            return True
        return False

    def _use_chest(self, agent):
        price = self.numbers.heart_price
        if self.stock["heart"] >= 1:
            transfer(self.stock, agent.inventory, "heart", 1)
            return True
        if any(self.stock[element] < price for element in ELEMENTS):
            return False
        for element in ELEMENTS:
            self.stock.change(element, -price)
        agent.inventory.change("heart", 1)
        return True

    def _extract(self, agent, extractor):
        element = extractor.element
        most = 10 if agent.inventory["miner"] else 1
        count = min(extractor.left, most, agent.inventory.free(element))
        extractor.left -= count
        agent.inventory.change(element, count)
        if count:
            self._count_game(f"chest.{element}.withdrawn", count)
            self.game_stats[f"chest.{element}.amount"] = extractor.left
        if extractor.left == 0 and not self.numbers.extractors_stay:
            del self.cells[extractor.cell]
        return True

    def _change_gear(self, agent, gear):
        if agent.inventory[gear]:
            return True
        if any(self.stock[element] < amount for element, amount in PRICES[gear].items()):
            return False
        for old in GEAR:
            agent.inventory.change(old, -agent.inventory[old])
        for element, amount in PRICES[gear].items():
            self.stock.change(element, -amount)
        agent.inventory.change(gear, 1)
        return True

    # --- what hubs and junctions do to agents near them ---------------------------------------

    def _radiate(self, source, agent):
        if _distance(source.cell, agent.cell) > 10:
            return
        if source.owner == "cogs":
            agent.inventory.change("influence", 10)
            agent.inventory.change("energy", 100)
            agent.inventory.change("hp", 100)
        elif source.owner == "clips":
            agent.inventory.change("hp", -1)
            agent.inventory.change("influence", -100)

    # --- what comes out -----------------------------------------------------------------------

    def _observe(self, agent):
        tokens = observe(self, agent)
        kept = tokens[:MAX_TOKENS]
        self._count_game("tokens_written", len(kept))
        self._count_game("tokens_dropped", len(tokens) - len(kept))
        self._count_game("tokens_free_space", MAX_TOKENS - len(kept))
        return kept

    def _reward(self, agent):
        total = ZERO
        for stats, name, weight, cap in reward_entries(self, agent):
            value = np.float32(stats.get(name, 0)) * np.float32(weight)
            is_objective = name == "aligned.junction.held"
            if is_objective and self.numbers.objective_is_divided and self.junctions:
                value = value / np.float32(len(self.junctions))
            if cap is not None:
                value = min(value, np.float32(cap))
            total = total + value
        reward = total - agent.level
        agent.level = total
        agent.total_reward = agent.total_reward + reward
        return reward

    def statistics(self):
        """All statistics written so far, named as in recorded episodes."""
        return {
            "agent": [agent.stats for agent in self.agents],
            "collective": self.team_stats,
            "game": self.game_stats,
        }


def _distance(a, b):
    return max(abs(a[0] - b[0]), abs(a[1] - b[1]))
