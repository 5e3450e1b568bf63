"""The slow twin of machina_1: one game in plain Python, dictionaries and lists, as close to the rules' text as possible.

It is written from the rules and knows nothing of the kernels. `test_machina1_twin_plays_the_traces.py` holds it against
recorded episodes of the published game, `tests/games/machina1/test_twin.py` the simulator against it.
"""

from dataclasses import dataclass, field

import numpy as np

from tests.reference.machina1_twin_observation import MAX_TOKENS, observe
from tests.reference.machina1_twin_recipes import (
    CHEST_MOVES,
    ELEMENTS,
    GEAR,
    RECIPES,
    STATIONS,
    VIBES,
)
from tests.reference.twin_random import MersenneTwister

MOVES = {1: (-1, 0), 2: (1, 0), 3: (0, -1), 4: (0, 1)}
FIRST_VIBE = 5
MOVE_COST, GIFT = 2, 20
POOLS = [({"energy"}, 100), (set(ELEMENTS), 100), ({"heart"}, 1), (set(GEAR), 5)]
COUNTED_KINDS = {"energy", "heart", *ELEMENTS}
BONUS = {2: 0.17, 3: 0.18, 4: 0.60, 5: 0.97}
AROUND = [(-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1)]
ZERO = np.float32(0)


@dataclass(eq=False)
class Thing:
    """Something that stands on a cell."""

    kind: str
    cell: tuple
    uses: int = 0
    ready_at: int = 0
    rest: int = 0
    """Ticks of the last cooldown."""
    stock: dict = field(default_factory=dict)
    """What a chest holds."""


@dataclass(eq=False)
class Agent:
    """A cog."""

    cell: tuple
    kind: str = "agent"
    vibe: int = 0
    amounts: dict = field(default_factory=dict)
    last_cell: tuple = ()
    standing: int = 0
    last_action: int = 0
    stats: dict = field(default_factory=dict)
    most_kinds: int = 0
    level: np.float32 = ZERO
    total_reward: np.float32 = ZERO

    def has(self, item):
        """Return the amount of `item`."""
        return self.amounts.get(item, 0)

    def room(self, item):
        """Return how much more of `item` fits."""
        for members, limit in POOLS:
            if item in members:
                return limit - sum(self.has(member) for member in members)
        raise KeyError(item)

    def change(self, item, difference):
        """Add to an amount, as far as it fits and is there; returns what was added."""
        difference = max(-self.has(item), min(difference, self.room(item)))
        if difference:
            self.amounts[item] = self.has(item) + difference
            self.count(f"{item}.gained" if difference > 0 else f"{item}.lost", abs(difference))
            self.stats[f"{item}.amount"] = self.has(item)
            self.stats["inventory.diversity"] = self.kinds_held()
        return difference

    def kinds_held(self):
        """Return how many of energy, the elements and hearts the agent has any of."""
        return sum(1 for item in COUNTED_KINDS if self.has(item))

    def count(self, name, by=1):
        """Add to a statistic."""
        self.stats[name] = self.stats.get(name, 0) + by


class Machina1Twin:
    """One game.

    Attributes:
        agents: in row-major order of their start cells.
        cells: what stands where, by (row, column).
        stations: stations and chests in row-major order.
        observations: per agent the tokens (location, feature, value), at most 200.
        rewards, success: of the last tick, per agent.
        is_done: whether the last tick was the last.
    """

    def __init__(self, grid, max_steps, seed=0, vibes=152, reward="heart_chorus", bonus=False):
        self.max_steps, self.num_actions = max_steps, FIRST_VIBE + vibes
        self.reward_variant, self.pays_bonus = reward, bonus
        self.random = MersenneTwister(seed)
        self.tick = 0
        self.game_stats = {}
        self.height, self.width = len(grid), len(grid[0])
        self.cells, self.agents, self.stations = {}, [], []
        for row, line in enumerate(grid):
            for col, name in enumerate(line):
                if name != "empty":
                    self._build(str(name), (row, col))
        self.rewards = [ZERO] * len(self.agents)
        self.success = [False] * len(self.agents)
        self.is_done = False
        self.observations = [self._observe(agent) for agent in self.agents]

    def _build(self, name, cell):
        self._count(f"objects.{name}")
        if name == "agent":
            thing = Agent(cell, last_cell=cell)
            thing.change("energy", 100)
            self.agents.append(thing)
        else:
            thing = Thing(name, cell)
            if name != "wall":
                self.stations.append(thing)
        self.cells[cell] = thing

    def _count(self, name, by=1):
        self.game_stats[name] = self.game_stats.get(name, 0) + by

    # --- one tick -----------------------------------------------------------------------------

    def step(self, actions):
        """Play one tick; `actions` are the agents' action indices."""
        self.tick += 1
        order = list(range(len(self.agents)))
        self.random.shuffle(order)
        for i in order:
            self.success[i] = self._act(self.agents[i], int(actions[i]))
        for agent in self.agents:
            agent.change("energy", 1)
        self.observations = [self._observe(agent) for agent in self.agents]
        self.rewards = [self._reward(agent) for agent in self.agents]
        self.is_done = self.tick >= self.max_steps

    def _act(self, agent, action):
        if not 0 <= action < self.num_actions:
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
            agent.change("energy", -MOVE_COST)
        agent.last_action = action if worked else 0
        return worked

    def _move(self, agent, step):
        if agent.has("energy") < MOVE_COST:
            return False
        cell = (agent.cell[0] + step[0], agent.cell[1] + step[1])
        if not (0 <= cell[0] < self.height and 0 <= cell[1] < self.width):
            return False
        if cell not in self.cells:
            del self.cells[agent.cell]
            self.cells[cell] = agent
            agent.cell = cell
            return True
        thing = self.cells[cell]
        if thing.kind == "agent":
            return self._give_energy(agent, thing)
        if thing.kind == "chest":
            return self._use_chest(agent, thing)
        if thing.kind in STATIONS:
            return self._use_station(agent, thing)
        return False

    def _give_energy(self, agent, other):
        if VIBES[agent.vibe] != "charger" or agent.has("energy") < GIFT:
            return False
        if other.room("energy") < GIFT:
            return False
        agent.change("energy", -GIFT)
        other.change("energy", GIFT)
        return True

    # --- stations -----------------------------------------------------------------------------

    def around(self, station):
        """Return the agents in the eight cells around a station: NW, N, NE, W, E, SW, S, SE."""
        cells = [(station.cell[0] + row, station.cell[1] + col) for row, col in AROUND]
        things = [self.cells[cell] for cell in cells if cell in self.cells]
        return [thing for thing in things if thing.kind == "agent"]

    def recipe_of(self, station):
        """Return the recipe that a use would follow now, None if there is none."""
        agents = self.around(station)
        shown = sorted(VIBES[agent.vibe] for agent in agents if agent.vibe)
        recipes = [recipe for recipe in RECIPES if recipe.station == station.kind]
        for vibes in (shown, []):
            fitting = [r for r in recipes if sorted(r.vibes) == vibes and r.agents <= len(agents)]
            if fitting:
                return max(fitting, key=lambda recipe: recipe.agents)
        return None

    def _use_station(self, agent, station):
        facts = STATIONS[station.kind]
        if facts.uses and station.uses >= facts.uses:
            return False
        rest = station.ready_at - self.tick
        if rest > 0 and not facts.is_partial:
            return False
        recipe = self.recipe_of(station)
        if recipe is None:
            return False
        price, amount = dict(recipe.price), recipe.amount
        if rest > 0:
            passed = station.rest - rest
            price = {item: -(-most * passed // station.rest) for item, most in price.items()}
            amount = amount * passed // station.rest
            if amount == 0:
                return False
        agents = self.around(station)
        first = agents.index(agent)
        agents = agents[first:] + agents[:first]
        if any(sum(a.has(item) for a in agents) < most for item, most in price.items()):
            return False
        receivers = [agent] if len(recipe.vibes) <= 1 else _showing(agents, recipe.vibes)
        if sum(a.room(recipe.item) for a in receivers) == 0:
            return False
        for item, most in price.items():
            _share(item, -most, agents)
        made = _share(recipe.item, amount, receivers)
        self._count(f"assembler.{recipe.item}.created", made)
        station.uses += 1
        station.rest = facts.cooldown
        station.ready_at = self.tick + facts.cooldown
        return True

    def _use_chest(self, agent, chest):
        did_move = False
        for item, most in CHEST_MOVES.get(VIBES[agent.vibe], {}).items():
            if most > 0:
                count = min(most, agent.has(item))
                agent.change(item, -count)
                moved, way = count, "deposited"
                chest.stock[item] = chest.stock.get(item, 0) + count
            else:
                count = min(-most, chest.stock.get(item, 0))
                moved, way = agent.change(item, count), "withdrawn"
                chest.stock[item] = chest.stock.get(item, 0) - count  # what does not fit is lost
            if count:
                self._count(f"chest.{item}.{way}", count)
                self._count(f"chest.{item}.amount", count if most > 0 else -count)
            if moved:
                agent.count(f"chest.{item}.{way}_by_agent", moved)
                did_move = True
        return did_move

    # --- what comes out -----------------------------------------------------------------------

    def _observe(self, agent):
        tokens = observe(self, agent)
        kept = tokens[:MAX_TOKENS]
        self._count("tokens_written", len(kept))
        self._count("tokens_dropped", len(tokens) - len(kept))
        self._count("tokens_free_space", MAX_TOKENS - len(kept))
        return kept

    def _reward(self, agent):
        total = np.float32(agent.stats.get("chest.heart.deposited_by_agent", 0))
        if self.reward_variant == "heart_chorus":
            total += np.float32(self.game_stats.get("assembler.heart.created", 0))
        if self.pays_bonus:
            agent.most_kinds = max(agent.most_kinds, agent.kinds_held())
            for kinds, bonus in BONUS.items():
                if agent.most_kinds >= kinds:
                    total += np.float32(bonus)
        reward = total - agent.level
        agent.level = total
        agent.total_reward = agent.total_reward + reward
        return reward

    def statistics(self):
        """Return {"agent": [...], "game": {...}}; a name that is missing counts as 0."""
        return {"agent": [agent.stats for agent in self.agents], "game": self.game_stats}


def _showing(agents, vibes):
    """Return the agents, in order, that show the vibes of a recipe, one agent for each."""
    wanted, chosen = list(vibes), []
    for agent in agents:
        if VIBES[agent.vibe] in wanted:
            wanted.remove(VIBES[agent.vibe])
            chosen.append(agent)
    return chosen


def _share(item, amount, agents):
    """Give an amount (negative: take it) to agents in even parts; returns what was given in all.

    Whoever has no room (or no stock) for a whole part gets what fits, and the rest is parted again. Of what cannot
    be parted evenly, the earlier ones get one more each.
    """
    sign, left = (1 if amount > 0 else -1), abs(amount)
    limit = {id(a): (a.room(item) if amount > 0 else a.has(item)) for a in agents}
    parts = dict.fromkeys(limit, 0)
    sharing = list(agents)
    while sharing:
        even = left // len(sharing)
        bound = [a for a in sharing if limit[id(a)] <= even]
        if not bound:
            break
        for a in bound:
            parts[id(a)] = limit[id(a)]
            left -= limit[id(a)]
        sharing = [a for a in sharing if a not in bound]
    for k, a in enumerate(sharing):
        parts[id(a)] = left // len(sharing) + (1 if k < left % len(sharing) else 0)
    for a in agents:
        a.change(item, sign * parts[id(a)])
    return sum(parts.values())
