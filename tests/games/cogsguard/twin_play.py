"""Play the simulator and its slow twin side by side, and compare everything after every tick.

A `Case` is a few numbers that describe small random maps, rules and play; `play(case)` raises `Mismatch` where the two
differ. `test_twin.py` draws cases with hypothesis, `long_twin.py` plays for as long as it is told.
"""

import random
from dataclasses import dataclass

import numpy as np

from coglab.games.cogsguard.config import CogsGuardConfig
from coglab.games.cogsguard.maps import MapTable
from coglab.games.cogsguard.sim import CogsGuardSim
from tests.games.twin_tools import Mismatch, check, check_named, first_step
from tests.reference.cogsguard_twin import CogsGuardTwin
from tests.reference.twin_inventory import ELEMENTS, RESOURCES

OWNERS = {None: 255, "clips": 0, "cogs": 1}
BLANK = (255, 255, 255)


@dataclass(frozen=True)
class Case:
    """Two parallel games and how they are played; everything else follows from `seed`."""

    seed: int
    ticks: int
    height: int
    width: int
    num_agents: int
    max_steps: int
    wealth: int = 1
    reward_variants: tuple = ()
    rules: str = "2026-02-01"
    energy_regen: int = 1
    move_cost: int = 3
    play: str = "goals"
    resume_at: int = 0
    """Tick at which the simulator is saved and replaced by a new one, 0 for never."""


def random_map(rng, height, width, num_agents, is_busy):
    """A map with a bit of everything; `is_busy`: more of it, closer together."""
    grid = [["empty"] * width for _ in range(height)]
    cells = [(r, c) for r in range(height) for c in range(width)]
    rng.shuffle(cells)
    is_framed = rng.random() < 0.7
    if is_framed:
        cells = [(r, c) for r, c in cells if 0 < r < height - 1 and 0 < c < width - 1]
        for r in range(height):
            for c in range(width):
                if r in (0, height - 1) or c in (0, width - 1):
                    grid[r][c] = "wall"

    def put(name, count):
        for _ in range(count):
            if cells:
                r, c = cells.pop()
                grid[r][c] = name

    put("agent.agent", num_agents)
    put("hub", rng.choice([0, 1, 1, 1, 2]))
    put("junction", rng.choice([0, 1, 2, 3, 5, 9]) + 3 * is_busy)
    put("chest", rng.choice([0, 1, 2]) + is_busy)
    for gear in ("aligner", "scrambler", "miner", "scout"):
        put(f"{gear}_station", rng.choice([0, 1, 1]) + is_busy)
    for element in ELEMENTS:
        put(f"{element}_extractor", rng.choice([0, 1, 2]))
    put("wall", int(len(cells) * rng.choice([0, 0.05, 0.2])))
    return np.array(grid)


class Player:
    """Chooses actions for one game, looking at the twin."""

    def __init__(self, rng, style):
        """Take a random generator and one of `random`, `walk`, `goals`."""
        self.rng, self.style = rng, style
        self.goals = {}

    def actions(self, twin):
        """Return one action index per agent."""
        return [self._action(twin, i) for i in range(len(twin.agents))]

    def _action(self, twin, i):
        rng = self.rng
        lot = rng.random()
        if lot < 0.01:
            return rng.choice([-1, 12, 13, 99])  # the simulator tells four invalid indices apart
        if lot < 0.05:
            return rng.randrange(12)
        if self.style == "random":
            return rng.randrange(12) if lot < 0.3 else rng.randrange(1, 5)
        goal = self.goals.get(i)
        if goal is None or rng.random() < 0.03:
            goal = self.goals[i] = self._new_goal(twin)
        if goal[0] == "walk":
            if rng.random() < 0.1:
                self.goals[i] = None
            return goal[1]
        step = first_step(twin, twin.agents[i].cell, goal[1])
        if step is None:
            self.goals[i] = None
            return rng.randrange(12)
        row, col = twin.agents[i].cell
        if (row + step[0], col + step[1]) == goal[1] and rng.random() < 0.4:
            self.goals[i] = None
        return {(-1, 0): 1, (1, 0): 2, (0, -1): 3, (0, 1): 4}[step]

    def _new_goal(self, twin):
        rng = self.rng
        things = [t for t in twin.cells.values() if t.kind not in ("wall", "agent")]
        if self.style == "walk" or not things or rng.random() < 0.1:
            return ("walk", rng.randrange(1, 5))
        kind = rng.choice(sorted({t.kind for t in things}))
        if rng.random() < 0.4:
            kind = rng.choice(["junction", "chest"])
        fitting = [t for t in things if t.kind == kind] or things
        return ("thing", rng.choice(fitting).cell)


def make_config(case):
    """The configuration of the simulator's games."""
    return CogsGuardConfig(
        num_agents=case.num_agents,
        max_steps=case.max_steps,
        wealth=case.wealth,
        reward_variants=case.reward_variants,
        rules=case.rules,
        energy_regen=case.energy_regen,
        move_cost=case.move_cost,
    )


def make_twin(case, grid, env):
    """The twin of game `env`."""
    return CogsGuardTwin(
        grid,
        case.max_steps,
        seed=case.seed + env,
        rewards=case.reward_variants,
        wealth=case.wealth,
        energy_regen=case.energy_regen,
        move_cost=case.move_cost,
        rules=case.rules,
    )


def play(case):
    """Play a case; raises `Mismatch` at the first difference."""
    rng = random.Random(case.seed)
    grids = [
        random_map(rng, case.height, case.width, case.num_agents, False),
        random_map(rng, max(5, case.width - 3), case.height + 2, case.num_agents, True),
    ]
    maps = MapTable.from_grids(grids)

    def make_sim():
        return CogsGuardSim(
            make_config(case),
            len(grids),
            maps,
            seed=case.seed,
            map_choice="by_env",
            exact_order=True,
        )

    sim = make_sim()
    twins = [make_twin(case, grid, env) for env, grid in enumerate(grids)]
    players = [Player(rng, case.play) for _ in grids]
    try:
        for env, twin in enumerate(twins):
            compare_state(sim, env, twin, sim.tokens)
        for tick in range(1, case.ticks + 1):
            if tick == case.resume_at:
                saved = sim.get_state()
                sim = make_sim()
                sim.set_state(saved)
            for env, twin in enumerate(twins):
                actions = players[env].actions(twin)
                sim.actions[env * case.num_agents : (env + 1) * case.num_agents] = actions
                twin.step(actions)
            if tick % 3:
                sim.step()
            else:  # the games' order and grouping must not matter
                sim.step(1, 2)
                sim.step(0, 1)
            for env, twin in enumerate(twins):
                compare_tick(sim, env, twin)
                if twin.is_done:
                    compare_episode(sim, env, twin)
                    twins[env] = twin = make_twin(case, grids[env], env)
                    players[env].goals.clear()
                compare_state(sim, env, twin, sim.tokens)
    except Mismatch as error:
        raise Mismatch(f"{error}\nin {case}") from None


def compare_tick(sim, env, twin):
    """Compare what belongs to the tick just played."""
    rows = slice(env * sim.num_agents, (env + 1) * sim.num_agents)
    at = f"game {env}, tick {twin.tick}"
    check(f"{at}, success", twin.success, sim.success[rows].tolist())
    expected = np.array(twin.rewards, np.float32)
    if expected.tobytes() != sim.rewards[rows].tobytes():
        raise Mismatch(
            f"{at}, rewards: twin {expected.tolist()}, simulator {sim.rewards[rows].tolist()}"
        )
    check(f"{at}, terminated", [twin.is_done] * sim.num_agents, sim.terminated[rows].tolist())
    check(f"{at}, truncated", [False] * sim.num_agents, sim.truncated[rows].tolist())


def compare_tokens(at, twin, tokens):
    """Compare observations ([A, 200, 3] uint8) with the twin's."""
    for i, own in enumerate(twin.observations):
        seen = [tuple(token) for token in tokens[i].tolist()]
        expected = own + [BLANK] * (len(seen) - len(own))
        if seen != expected:
            first = next(k for k in range(len(seen)) if seen[k] != expected[k])
            raise Mismatch(
                f"{at}, observation of agent {i}, token {first}: "
                f"twin {expected[first : first + 4]}, simulator {seen[first : first + 4]}"
            )


def compare_state(sim, env, twin, tokens):
    """Compare everything that lasts: observations, agents, objects, stock, statistics."""
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
        amounts = [agent.inventory[item] for item in RESOURCES]
        check(f"{who}, inventory", amounts, state.inventory[n].tolist())
        packed = int(state.recency[n])
        order = [RESOURCES[(packed >> 4 * k) & 15] for k in range(packed >> 56)]
        check(f"{who}, resources by recency", agent.inventory.recent, order)
        check(f"{who}, return", float(agent.total_reward), float(state.episode_return[n]))
        check(f"{who}, reward level", float(agent.level), float(state.reward_level[n]))
    stock = [twin.stock[item] for item in RESOURCES]
    check(f"{at}, stock", stock, state.stock[env].tolist())
    for thing, (place, kind) in enumerate(twin.objects_at_start):
        own, value = twin.cells.get(place), int(state.object_value[env, thing])
        if kind == "junction":
            check(f"{at}, owner of the junction at {place}", OWNERS[own.owner], value)
        elif kind.endswith("_extractor"):
            left = own.left if own is not None and own.kind == kind else 0
            check(f"{at}, left in the extractor at {place}", left, value)
    compare_statistics(at, twin.statistics(), sim.current_stats(env))


def compare_episode(sim, env, twin):
    """Compare the record of the episode that just ended, and its last observations."""
    at = f"game {env}, end of the episode"
    first = env * sim.num_agents
    compare_tokens(at, twin, sim.final_tokens[first : first + sim.num_agents])
    check(f"{at}, length", twin.tick, int(sim.episode.length[env]))
    check(f"{at}, was cut", False, bool(sim.episode.was_cut[env]))
    returns = [float(agent.total_reward) for agent in twin.agents]
    check(f"{at}, returns", returns, sim.episode.returns[env].tolist())
    stats = twin.statistics()
    parts = [
        (stats["agent"], sim.episode.agent[env], sim.agent_stats),
        (list(stats["collective"].values()), sim.episode.collective[env], sim.collective_stats),
        ([stats["game"]], sim.episode.game[env][None], sim.game_stats),
    ]
    for own, columns, titles in parts:
        for values, row in zip(own, columns, strict=True):
            expected = [float(np.float32(values.get(title, 0))) for title in titles]
            for title, a, b in zip(titles, expected, row.tolist(), strict=True):
                check(f"{at}, {title}", a, b)


def compare_statistics(at, twin_stats, sim_stats):
    """Compare statistics by name; one that is missing counts as 0."""
    pairs = [
        (f"agent {i}", a, b)
        for i, (a, b) in enumerate(zip(twin_stats["agent"], sim_stats["agent"], strict=True))
    ]
    pairs += [
        (team, values, sim_stats["collective"][team])
        for team, values in twin_stats["collective"].items()
    ]
    pairs.append(("game", twin_stats["game"], sim_stats["game"]))
    for who, own, other in pairs:
        check_named(f"{at}, statistics of {who}", own, other)
