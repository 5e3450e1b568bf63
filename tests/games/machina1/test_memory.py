"""The map memory against recorded episodes, against a slow search, and across a resume."""

from collections import deque

import numpy as np
import pytest

from coglab.engine.jit import IS_COMPILED
from coglab.games.machina1 import memory_layout as layout
from coglab.games.machina1.memory import ROUTE_INDEX, SCALAR_INDEX, MapMemory
from coglab.games.machina1.memory_state import (
    AGE,
    BODY_SIZE,
    CELL,
    CENTRE_BIT,
    CENTRE_LINE,
    CHEST_CELL,
    GROUND_VERSION,
    NUM_STATIONS,
    P_TARGET,
    PLAN_KNOWN,
    PLAN_OPEN,
    S_READY,
    S_USES,
)
from tests.games.machina1.little_world import DO, World
from tests.games.machina1.test_traces import TRACES, load

pytestmark = pytest.mark.skipif(not IS_COMPILED, reason="too slow as plain Python")

KINDS = (*(f"{name}_extractor" for name in layout.ELEMENTS), "charger", "assembler", "chest")
STEPS = ((-1, 0), (1, 0), (0, -1), (0, 1))


def facts(memory, *names):
    return memory.scalars[:, [SCALAR_INDEX[name] for name in names]]


def replay(name, ticks):
    """Yield the trace, its tick and a memory that has seen the tick's observations, for each tick."""
    trace, _, _ = load(name)
    agents = trace["actions"].shape[1]
    memory = MapMemory(agents, agents)
    for tick in range(min(ticks, len(trace["obs"]))):
        memory.update(trace["obs"][tick], np.full(agents, tick == 0))
        yield trace, tick, memory


def board(memory, n, index):
    """One board as bool [LINES, 128]."""
    words = memory.state.boards[n, index]
    bits = (words[:, :, None] >> np.arange(64, dtype=np.uint64)) & np.uint64(1)
    return np.concatenate([bits[0], bits[1]], axis=1).astype(bool)


@pytest.mark.parametrize(
    ("name", "ticks"),
    [("classic_random_400", 401), ("classic_solo_1500", 700), ("classic_quartet_2500", 700)],
)
def test_an_agent_knows_where_it_is_and_what_it_carries(name, ticks):
    elements = [f"carried_{element}" for element in layout.ELEMENTS]
    for trace, tick, memory in replay(name, ticks):
        hub = np.argwhere(trace["grid"] == "assembler")[0]
        where = facts(memory, "row", "column")
        assert (where == trace["agent_pos"][tick] - hub).all(), tick
        held = trace["agent_inv"][tick]
        assert (facts(memory, "energy", *elements, "heart") == held[:, :6]).all(), tick


@pytest.mark.parametrize("name", ["classic_random_400", "classic_solo_1500"])
def test_what_is_remembered_of_the_map_is_true(name):
    *_, (trace, tick, memory) = replay(name, 700)
    hub = np.argwhere(trace["grid"] == "assembler")[0]
    top, left = CENTRE_LINE - hub[0], CENTRE_BIT - hub[1]
    is_open = np.isin(trace["grid"], ("empty", "agent"))
    number = {tuple(cell): i for i, cell in enumerate(trace["station_pos"].tolist())}
    for n in range(memory.num_rows):
        frame = np.s_[top : top + 98, left : left + 98]
        known, free = (board(memory, n, b)[frame] for b in (layout.BOARD_KNOWN, layout.BOARD_OPEN))
        assert known.sum() > 250
        assert (free[known] == is_open[known]).all()
        seen = np.abs(np.argwhere(known)[:, None] - trace["agent_pos"][tick][n]).max(-1) <= 5
        assert seen.sum() == 121
        row, column = trace["agent_pos"][tick][n]
        for cell, kind, uses, ready in memory.state.stations[
            n, : memory.state.body[n, NUM_STATIONS]
        ]:
            place = (cell // 128 - top, cell % 128 - left)
            station = number[place]
            assert KINDS[kind] == trace["station_kind"][station]
            if max(abs(place[0] - row), abs(place[1] - column)) <= 5:
                rest = max(ready - memory.state.body[n, AGE], 0)
                assert rest == trace["station_cooldown"][tick, station]
                if kind < 4:
                    most = (25, 5, 5, 10)[kind]
                    assert uses == most - trace["station_uses"][tick, station]


def slow_distances(free, sources):
    """Moves from every free cell to the nearest of the sources, by a queue; `sources` may be no free cells."""
    distance = dict.fromkeys(sources, 0)
    queue = deque(sources)
    while queue:
        cell = queue.popleft()
        for down, right in STEPS:
            beside = (cell[0] + down, cell[1] + right)
            if beside not in distance and free[beside]:
                distance[beside] = distance[cell] + 1
                queue.append(beside)
    return distance


def test_routes_are_shortest_ways_with_all_their_first_moves():
    compared = 0
    for _, tick, memory in replay("classic_solo_1500", 500):
        memory.routes()
        if tick % 45:
            continue
        for n in range(4):
            free = board(memory, n, PLAN_OPEN)
            own = divmod(int(memory.state.body[n, CELL]), 128)
            hub = (CENTRE_LINE, CENTRE_BIT)
            sides = [(hub[0] + r, hub[1] + c) for r, c in STEPS]
            others = {
                (own[0] + r, own[1] + c)
                for (r, c), name in zip(STEPS, layout.DIRECTIONS, strict=True)
                if memory.scalars[n, SCALAR_INDEX[f"agent_{name}"]]
            }
            for name, route in ROUTE_INDEX.items():
                if name == "ring":
                    if max(abs(own[0] - hub[0]), abs(own[1] - hub[1])) <= 7:
                        continue  # who stands there matters; tested by hand below
                    sources = [side for side in sides if side not in others]
                elif route < 6:
                    target = int(memory.state.plan[n, P_TARGET + route])
                    sources = [divmod(target, 128)] if target else []
                elif name == "chest":
                    sources = [divmod(int(memory.state.body[n, CHEST_CELL]), 128)]
                else:
                    sources = [hub]
                if sources[0:1] == [(0, 0)]:
                    sources = []
                distance = slow_distances(free, sources)
                expected = distance.get(own, layout.NO_ROUTE)
                assert memory.route_dist[n, route] == expected, (tick, n, name)
                moves = sum(
                    1 << d
                    for d, (r, c) in enumerate(STEPS)
                    if distance.get((own[0] + r, own[1] + c)) == expected - 1
                )
                assert memory.route_move[n, route] == moves, (tick, n, name)
                compared += expected != layout.NO_ROUTE
    assert compared > 200


def test_the_best_extractor_is_that_of_least_moves_and_waiting():
    compared = 0
    for _, tick, memory in replay("classic_solo_1500", 900):
        if tick % 60 or tick < 200:
            continue
        memory.routes()
        state = memory.state
        for n in range(4):
            plan_age, origin = int(state.body[n, 21]), divmod(int(state.body[n, 20]), 128)
            distance = slow_distances(board(memory, n, PLAN_OPEN), [origin])
            crowd = [divmod(int(c), 128) for c in state.crowd[n, : state.body[n, 25]]]
            costs = [layout.NO_COST] * 4
            for cell, kind, uses, ready in state.stations[
                n, : state.body[n, NUM_STATIONS]
            ].tolist():
                if kind > 3 or uses == 0:
                    continue
                r, c = divmod(cell, 128)
                around = [distance[r + a, c + b] for a, b in STEPS if (r + a, c + b) in distance]
                if not around:
                    continue
                moves = min(around) + 1
                wait = max(ready - plan_age - moves + 1, 0)
                cost = moves + 9 * wait // 10
                if any(abs(a - r) + abs(b - c) == 1 for a, b in crowd):
                    cost += layout.CROWD_COST
                costs[kind] = min(costs[kind], cost)
            names = [f"cost_{element}" for element in layout.ELEMENTS]
            assert facts(memory, *names)[n].tolist() == costs, (tick, n)
            compared += sum(cost < layout.NO_COST for cost in costs)
    assert compared > 50


def test_the_best_unknown_ground_is_that_of_least_moves_and_most_worth():
    compared = 0
    for _, tick, memory in replay("classic_solo_1500", 400):
        if tick % 50:
            continue
        memory.routes()
        for n in range(4):
            known, free = board(memory, n, PLAN_KNOWN), board(memory, n, PLAN_OPEN)
            origin = divmod(int(memory.state.body[n, 20]), 128)
            best = layout.NO_COST
            for (r, c), moves in slow_distances(free, [origin]).items():
                if all(known[r + a, c + b] for a, b in STEPS):
                    continue
                unknown = int((~known[r - 5 : r + 6, c - 5 : c + 6]).sum())
                best = min(best, moves - 15 * unknown // 100)
            assert facts(memory, "cost_explore")[n, 0] == best
            compared += best < layout.NO_COST
    assert compared > 20


def test_a_gift_of_energy_is_no_move():
    world = World("########### #..A......# #.........# #.@@......# #.........# ###########")
    memory = MapMemory(2, 2)
    memory.update(world.sim.tokens, np.ones(2, bool))
    before = facts(memory, "row", "column").tolist()
    world.give(agent=1, energy=30)
    for action in ("change_vibe_charger", "move_east"):
        assert world.step(DO[action])[0]
        memory.update(world.sim.tokens, np.zeros(2, bool))
    assert world.held("energy", agent=1) == [52]
    assert facts(memory, "row", "column").tolist() == before
    world.step(DO["move_north"])
    memory.update(world.sim.tokens, np.zeros(2, bool))
    assert facts(memory, "row", "column")[0].tolist() == [before[0][0] - 1, before[0][1]]


def test_what_happens_round_the_assembler_is_told():
    world = World("######### #.......# #..@A@..# #...@...# #......@# #########")
    world.show("heart_a", "heart_a", "carbon_a")
    for agent in range(4):
        world.give(agent=agent, carbon=6, oxygen=7, germanium=2, silicon=30)
    world.give(agent=1, heart=1)
    world.step()
    memory = MapMemory(4, 4)
    memory.update(world.sim.tokens, np.ones(4, bool))
    names = ("ring_agents", "ring_heart_a", "ring_blocking", "ring_holding", "ring_rank")
    assert facts(memory, *names).tolist() == [
        [3, 2, 1, 1, 0], [3, 2, 1, 0, 1], [3, 2, 0, 1, 2], [3, 2, 1, 1, 0],
    ]  # fmt: skip
    # 18 carbon pay for 2 hearts (15), 21 oxygen for 3 (20), 6 germanium for 5, 90 silicon for 5.
    assert facts(memory, "ring_carbon", "ring_oxygen", "ring_pays").tolist() == [[18, 21, 2]] * 4
    assert facts(memory, "in_ring", "shares")[:, 0].tolist() == [1, 1, 1, 0]
    memory.routes()
    ring = ROUTE_INDEX["ring"]
    # The north side is the only free one; it is three moves from the agent in the corner.
    assert memory.route_dist[:, ring].tolist() == [0, 0, 0, 6]


def test_the_end_is_foreseen_from_how_the_completion_grows():
    world = World("##### #.A.# #.@.# #####", max_steps=600)
    memory = MapMemory(1, 1)
    memory.update(world.sim.tokens, np.ones(1, bool))
    assert facts(memory, "ticks_left")[0, 0] == 10000
    for _ in range(100):
        world.step()
        memory.update(world.sim.tokens, np.zeros(1, bool))
    assert abs(facts(memory, "ticks_left")[0, 0] - 500) <= 4


def test_a_restored_memory_goes_on_as_if_nothing_had_happened():
    copy = MapMemory(4, 4)
    for trace, tick, memory in replay("classic_quartet_2500", 500):
        memory.routes()
        if tick == 300:
            copy.set_state(memory.get_state())
        if tick > 300:
            copy.update(trace["obs"][tick], np.zeros(4, bool))
            copy.routes()
            assert (copy.scalars == memory.scalars).all(), tick
            assert (copy.route_dist == memory.route_dist).all(), tick
            assert (copy.route_move == memory.route_move).all(), tick
    assert copy.state.body[:, GROUND_VERSION].min() > 5
    assert (
        copy.state.stations[:, :, S_USES : S_READY + 1] == memory.state.stations[:, :, 2:]
    ).all()


def test_an_episode_begins_with_an_empty_memory():
    *_, (trace, _, memory) = replay("classic_random_400", 200)
    fresh = MapMemory(4, 4)
    for one in (memory, fresh):
        one.update(trace["obs"][0], np.ones(4, bool))
        one.routes()
    assert (memory.scalars == fresh.scalars).all()
    assert (memory.route_dist == fresh.route_dist).all()
    assert (memory.state.body == fresh.state.body).all()
    assert memory.state.body.shape[1] == BODY_SIZE
    assert TRACES.is_dir()
