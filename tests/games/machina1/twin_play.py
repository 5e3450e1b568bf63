"""Play machina_1 in the simulator and in its slow twin, and compare everything after every tick.

A `Case` says what is played: two small random maps, settings and play; `play(case)` raises `Mismatch` where the two
differ. `test_twin.py` draws cases with hypothesis, `long_twin.py` plays for as long as it is told.
"""

import itertools
import random
from dataclasses import dataclass

import numpy as np

from coglab.games.machina1.config import Machina1Config
from coglab.games.machina1.maps import MapTable
from coglab.games.machina1.sim import Machina1Sim
from tests.games.twin_tools import Mismatch, check, check_named, first_step
from tests.reference.machina1_twin import Machina1Twin
from tests.reference.machina1_twin_recipes import ELEMENTS, GEAR, RESOURCES, VIBES

BLANK = 255
FIRST_VIBE = 5
DIRECTIONS = {(-1, 0): 1, (1, 0): 2, (0, -1): 3, (0, 1): 4}
STORED = [*ELEMENTS, "heart"]
MOODS = ["gather", "craft", "craft", "gear", "store", "store", "charge", "walk"]


@dataclass(frozen=True)
class Case:
    """Two parallel games and how they are played; everything else follows from `seed`."""

    seed: int
    ticks: int
    height: int
    width: int
    num_agents: int
    max_steps: int
    vibes: int = 152
    reward: str = "heart_chorus"
    bonus: bool = False
    play: str = "moods"
    gifts_every: int = 20
    """Ticks between gifts to agents and chests, which make rare uses frequent; 0 for none."""
    resume_at: int = 0
    """Tick at which the simulator is saved and replaced by a new one, 0 for never."""


def random_map(rng, height, width, num_agents, is_busy):
    """A map with a bit of everything; `is_busy`: more of it, closer together."""
    grid = [["empty"] * width for _ in range(height)]
    cells = [(r, c) for r in range(height) for c in range(width)]
    if rng.random() < 0.7:
        cells = [(r, c) for r, c in cells if 0 < r < height - 1 and 0 < c < width - 1]
        for r, c in itertools.product(range(height), range(width)):
            if r in (0, height - 1) or c in (0, width - 1):
                grid[r][c] = "wall"
    rng.shuffle(cells)

    def put(name, count):
        for _ in range(count):
            if cells:
                r, c = cells.pop()
                grid[r][c] = name

    put("agent", num_agents)
    put("assembler", rng.choice([0, 1, 1, 1, 2]))
    put("chest", rng.choice([0, 1, 1, 2]))
    put("charger", rng.choice([0, 1, 2]) + is_busy)
    for element in ELEMENTS:
        put(f"{element}_extractor", rng.choice([0, 1, 2]) + is_busy)
    put("wall", int(len(cells) * rng.choice([0, 0.05, 0.2])))
    return np.array(grid)


class Player:
    """Chooses actions for one game, looking at the twin. A team has moods, in which it wants to do the same thing."""

    def __init__(self, rng, style, num_actions):
        """Take a random generator, one of `random`, `moods`, and the number of actions."""
        self.rng, self.style, self.num_actions = rng, style, num_actions
        self.mood, self.element, self.lead = "gather", "carbon", 0
        self.goals = {}

    def actions(self, twin):
        """Return one action index per agent."""
        if self.rng.random() < 0.04:
            self.mood, self.element = self.rng.choice(MOODS), self.rng.choice(ELEMENTS)
            self.lead = self.rng.randrange(len(twin.agents))
            self.goals.clear()
        return [self._action(twin, i) for i in range(len(twin.agents))]

    def _action(self, twin, i):
        rng, agent = self.rng, twin.agents[i]
        lot = rng.random()
        if lot < 0.01:
            return rng.choice([-1, self.num_actions, self.num_actions + 1, 999])
        if lot < 0.03:
            return rng.randrange(self.num_actions)
        if self.style == "random":
            return rng.randrange(FIRST_VIBE + 13) if lot < 0.4 else rng.randrange(1, 5)
        vibes = self._vibes(i)
        if lot < (0.1 if VIBES[agent.vibe] in vibes else 0.5):
            return FIRST_VIBE + VIBES.index(rng.choice(vibes))
        if lot < 0.15:
            return rng.choice([0, rng.randrange(1, 5)])
        goal = self.goals.get(i)
        if goal is None or goal not in twin.cells or rng.random() < 0.05:
            goal = self.goals[i] = self._goal(twin, agent)
        step = None if goal is None else first_step(twin, agent.cell, goal)
        return rng.randrange(1, 5) if step is None else DIRECTIONS[step]

    def _vibes(self, i):
        """Vibes that an agent likes to show in this mood."""
        if self.mood == "craft":
            return ["heart_a", "heart_a", "heart_a", "default"] if i < 5 else ["default"]
        if self.mood == "gear":
            return [{0: "gear", 1: f"{self.element}_a"}.get((i - self.lead) % 8, "default")]
        if self.mood == "charge":
            return ["charger"]
        return VIBES[:13]

    def _goal(self, twin, agent):
        wanted = {
            "gather": [f"{element}_extractor" for element in ELEMENTS],
            "craft": ["assembler"],
            "gear": ["assembler"],
            "store": ["chest"],
            "charge": ["agent", "charger"],
        }.get(self.mood, [])
        things = [t for t in twin.cells.values() if t.kind in wanted and t is not agent]
        return self.rng.choice(things).cell if things else None


def make_twin(case, grid, env):
    """The twin of game `env`."""
    return Machina1Twin(
        grid,
        case.max_steps,
        seed=case.seed + env,
        vibes=case.vibes,
        reward=case.reward,
        bonus=case.bonus,
    )


def change(agent, row, item, difference):
    """Change an amount in the twin, as far as it fits, and as much in the simulator's record."""
    difference = agent.change(item, difference)
    row["inventory"][RESOURCES.index(item)] = agent.has(item)
    row["gained"][RESOURCES.index(item)] += max(0, difference)


def give(rng, sim, env, twin):
    """Change what agents and chests hold, out of nothing, in the simulator and in the twin."""
    for i, agent in enumerate(twin.agents):
        row = sim.state.agents[env * sim.num_agents + i]
        for item in ELEMENTS if rng.random() < 0.5 else RESOURCES:
            change(agent, row, item, -agent.has(item))
        change(agent, row, "energy", rng.choice([-100, -20, 20, 40, 100]))
        load = rng.choice([0, 0.5, 1, 1, 1.5, 1.5])
        for item, amount in (("carbon", 10), ("oxygen", 10), ("germanium", 2), ("silicon", 30)):
            change(agent, row, item, int(load * amount) + rng.choice([0, 0, 0, 1, 7]))
        if rng.random() < 0.1:
            change(agent, row, rng.choice(["heart", *GEAR]), rng.choice([1, 5]))
    chests = [thing for thing in twin.stations if thing.kind == "chest"]
    for number, chest in enumerate(chests):
        item, amount = rng.choice(STORED), rng.choice([1, 7, 100, 255, 300])
        chest.stock[item] = chest.stock.get(item, 0) + amount
        sim.state.chest_stock[env, number, RESOURCES.index(item)] += amount
        for what in ("deposited", "amount"):
            name = f"chest.{item}.{what}"
            twin.game_stats[name] = twin.game_stats.get(name, 0) + amount
        sim.state.games[env]["deposited"][RESOURCES.index(item)] += amount


def play(case):
    """Play a case; raises `Mismatch` at the first difference. Returns what happened, as counts of statistics."""
    rng = random.Random(case.seed)
    grids = [
        random_map(rng, case.height, case.width, case.num_agents, False),
        random_map(rng, case.width, case.height + 1, case.num_agents, True),
    ]
    maps = MapTable.from_grids(grids)
    config = Machina1Config(
        num_agents=case.num_agents,
        max_steps=case.max_steps,
        vibes=case.vibes,
        reward=case.reward,
        diversity_bonus=case.bonus,
    )

    def make_sim():
        return Machina1Sim(config, 2, maps, seed=case.seed, map_choice="by_env", exact_order=True)

    sim = make_sim()
    twins = [make_twin(case, grid, env) for env, grid in enumerate(grids)]
    players = [Player(rng, case.play, sim.num_actions) for _ in grids]
    happened = {}
    try:
        for env, twin in enumerate(twins):
            compare_state(sim, env, twin, sim.tokens)
        for tick in range(1, case.ticks + 1):
            if tick == case.resume_at:
                saved = sim.get_state()
                sim = make_sim()
                sim.set_state(saved)
            for env, twin in enumerate(twins):
                if case.gifts_every and tick % case.gifts_every == 1:
                    give(rng, sim, env, twin)
                actions = players[env].actions(twin)
                sim.actions[env * case.num_agents : (env + 1) * case.num_agents] = actions
                twin.step(actions)
            if tick % 3:
                sim.step()
            else:  # the games' order and grouping must not matter
                sim.step(1, 2)
                sim.step(0, 1)
            for env, twin in enumerate(twins):
                compare_tick(sim, env, twin, case.bonus)
                if twin.is_done or tick == case.ticks:
                    _add(happened, twin)
                if twin.is_done:
                    compare_episode(sim, env, twin)
                    twins[env] = twin = make_twin(case, grids[env], env)
                    players[env].goals.clear()
                compare_state(sim, env, twin, sim.tokens)
    except Mismatch as error:
        raise Mismatch(f"{error}\nin {case}") from None
    return happened


def _add(happened, twin):
    for stats in (*twin.statistics()["agent"], twin.game_stats):
        for name, value in stats.items():
            happened[name] = happened.get(name, 0) + value


def compare_tick(sim, env, twin, is_rounded):
    """Compare what belongs to the tick just played; `is_rounded`: rewards have fractions, whose order of sums is free."""
    rows = slice(env * sim.num_agents, (env + 1) * sim.num_agents)
    at = f"game {env}, tick {twin.tick}"
    check(f"{at}, success", twin.success, sim.success[rows].tolist())
    compare_floats(f"{at}, rewards", twin.rewards, sim.rewards[rows], is_rounded)
    check(f"{at}, terminated", [twin.is_done] * sim.num_agents, sim.terminated[rows].tolist())
    check(f"{at}, truncated", [False] * sim.num_agents, sim.truncated[rows].tolist())


def compare_floats(what, own, other, is_rounded):
    """Compare float32 numbers, to the last bit or nearly."""
    own = np.array(own, np.float32)
    is_equal = np.allclose(own, other, atol=1e-4) if is_rounded else (own == other).all()
    if not is_equal:
        raise Mismatch(f"{what}: twin {own.tolist()}, simulator {other.tolist()}")


def cells_of(tokens):
    """(location, tokens of the cell in any order) of one observation, nearest cells first."""
    groups = itertools.groupby(tokens, key=lambda token: token[0])
    return [(location, sorted(map(tuple, group))) for location, group in groups]


def compare_tokens(at, twin, tokens):
    """Compare observations ([A, 200, 3] uint8) with the twin's: the order of cells counts, inside a cell it does not."""
    for i, own in enumerate(twin.observations):
        used = tokens[i][tokens[i][:, 0] != BLANK].tolist()
        check(f"{at}, tokens of agent {i}", len(own), len(used))
        check(f"{at}, blanks of agent {i}", True, bool((tokens[i][len(used) :] == BLANK).all()))
        pairs = list(zip(cells_of(own), cells_of(used), strict=True))
        if len(own) == len(tokens[i]):
            pairs.pop()  # which tokens of the last cell were dropped is an accident of their order
        for cell, other in pairs:
            check(f"{at}, observation of agent {i}", cell, other)


def compare_state(sim, env, twin, tokens):
    """Compare everything that lasts: observations, agents, stations, chests, statistics."""
    state, first = sim.state, env * sim.num_agents
    at = f"game {env}, tick {twin.tick}"
    compare_tokens(at, twin, tokens[first : first + sim.num_agents])
    check(f"{at}, ticks", twin.tick, int(state.tick[env]))
    for i, agent in enumerate(twin.agents):
        n, who = first + i, f"{at}, agent {i}"
        check(f"{who}, cell", agent.cell, (int(state.row[n]), int(state.col[n])))
        check(f"{who}, vibe", agent.vibe, int(state.vibe[n]))
        check(f"{who}, last action", agent.last_action, int(state.last_action[n]))
        check(f"{who}, standing", agent.standing, int(state.standing[n]))
        amounts = [agent.has(item) for item in RESOURCES]
        check(f"{who}, inventory", amounts, state.inventory[n].tolist())
    returns = [agent.total_reward for agent in twin.agents]
    own_returns = state.episode_return[first : first + sim.num_agents]
    compare_floats(f"{at}, returns", returns, own_returns, twin.pays_bonus)
    chests = 0
    for number, thing in enumerate(twin.stations):
        what = f"{at}, {thing.kind} at {thing.cell}"
        if thing.kind == "chest":
            stock = [thing.stock.get(item, 0) for item in RESOURCES]
            check(what, stock, state.chest_stock[env, chests].tolist())
            chests += 1
        else:
            check(f"{what}, uses", thing.uses, int(state.uses[env, number]))
            rests = [
                max(0, end - twin.tick) for end in (thing.ready_at, state.ready_at[env, number])
            ]
            check(f"{what}, rest", rests[0], int(rests[1]))
    stats = sim.current_stats(env)
    for i, (own, other) in enumerate(zip(twin.statistics()["agent"], stats["agent"], strict=True)):
        check_named(f"{at}, statistics of agent {i}", own, other)
    check_named(f"{at}, statistics of the game", twin.game_stats, stats["game"])


def compare_episode(sim, env, twin):
    """Compare the record of the episode that just ended, and its last observations."""
    at = f"game {env}, end of the episode"
    first = env * sim.num_agents
    compare_tokens(at, twin, sim.final_tokens[first : first + sim.num_agents])
    check(f"{at}, length", twin.tick, int(sim.episode.length[env]))
    check(f"{at}, was cut", False, bool(sim.episode.was_cut[env]))
    returns = [agent.total_reward for agent in twin.agents]
    compare_floats(f"{at}, returns", returns, sim.episode.returns[env], twin.pays_bonus)
    stats = twin.statistics()
    for own, columns, titles in (
        (stats["agent"], sim.episode.agent[env], sim.agent_stats),
        ([stats["game"]], sim.episode.game[env][None], sim.game_stats),
    ):
        for values, row in zip(own, columns, strict=True):
            for title, number in zip(titles, row.tolist(), strict=True):
                check(f"{at}, {title}", float(np.float32(values.get(title, 0))), number)
