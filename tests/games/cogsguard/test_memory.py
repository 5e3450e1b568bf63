"""The map memory against its plain-Python twin, and its promises to callers."""

from __future__ import annotations

import numpy as np
import pytest

from coglab.games.cogsguard import memory_layout as layout
from coglab.games.cogsguard.config import CogsGuardConfig
from coglab.games.cogsguard.mapgen import generate_map
from coglab.games.cogsguard.maps import MapTable
from coglab.games.cogsguard.memory import NO_ROUTE, ROUTE_CLASSES, SCALAR_INDEX, SCALARS, MapMemory
from coglab.games.cogsguard.rules import ELEMENT_OF_KIND, JUNCTION
from coglab.games.cogsguard.sim import CogsGuardSim
from coglab.games.cogsguard.teachers import make_teacher
from tests.games.cogsguard import memory_twin as twin

TEAM = 6


def make_sim(mission="arena", num_envs=1, seed=3, max_steps=400):
    config = CogsGuardConfig(mission=mission, num_agents=TEAM, max_steps=max_steps)
    maps = MapTable.from_grids([generate_map(mission, TEAM, seed + i) for i in range(num_envs)])
    return CogsGuardSim(config, num_envs, maps, seed=seed, map_choice="by_env")


def play(sim, memory, ticks, watch):
    """Let the teacher play; `watch(tick)` is called after every observation was taken in."""
    teacher = make_teacher("metta://policy/cogsguard?gear=10", sim, memory=memory)
    reset = np.ones(sim.num_rows, np.bool_)
    for tick in range(ticks):
        memory.update(sim.tokens, reset)
        memory.routes()
        watch(tick)
        teacher.label(reset)
        sim.actions[:] = teacher.labels
        sim.step()
        reset[:] = sim.terminated | sim.truncated


@pytest.mark.parametrize("mission", ["arena", "machina_1", "tutorial"])
def test_boards_and_routes_equal_those_of_the_plain_twin(mission):
    sim = make_sim(mission) if mission != "tutorial" else make_tutorial()
    memory = MapMemory(sim.num_rows, sim.num_agents)
    watched = range(0, sim.num_rows, 4)
    twins = {n: twin.MemoryTwin() for n in watched}

    def watch(tick):
        for n, plain in twins.items():
            plain.update(sim.tokens[n])
            if tick % 40 in (0, 1) or (tick % 40 == 20 and n == 0):
                compare_boards(memory, n, plain)
                compare_routes(memory, n, plain)

    play(sim, memory, 230, watch)


def make_tutorial():
    config = CogsGuardConfig(mission="tutorial", num_agents=1)
    return CogsGuardSim(config, 1, MapTable.from_grids([generate_map("tutorial", 1, 5)]))


def compare_boards(memory, n, plain):
    assert twin.cells_of_board(memory, n, layout.BOARD_KNOWN) == plain.known
    assert twin.cells_of_board(memory, n, layout.BOARD_BLOCKED) == plain.walls | set(plain.objects)
    assert twin.objects_of_memory(memory, n) == plain.objects
    inside = {cell for cell in plain.friendly() if abs(cell[0]) <= 50}
    assert {
        c for c in twin.cells_of_board(memory, n, layout.BOARD_FRIENDLY) if abs(c[0]) <= 50
    } == inside
    inside = {cell for cell in plain.enemy() if abs(cell[0]) <= 50}
    assert {
        c for c in twin.cells_of_board(memory, n, layout.BOARD_ENEMY) if abs(c[0]) <= 50
    } == inside
    for code in range(1, layout.NUM_CODES):
        assert memory.state.counts[n, code] == len(plain.owned(code))
    row, column = plain.cell
    assert memory.scalars[n, SCALAR_INDEX["row"]] == row - plain.hub[0]
    assert memory.scalars[n, SCALAR_INDEX["column"]] == column - plain.hub[1]


def compare_routes(memory, n, plain):
    expected = plain.routes()
    for i, route in enumerate(ROUTE_CLASSES):
        if route.name == "mine":
            continue
        distance, moves = expected.get(route.name, (NO_ROUTE, set()))
        assert memory.route_dist[n, i] == distance, route.name
        assert memory.route_move[n, i] == sum(1 << move for move in moves), route.name


def read_both_ways(sim, is_shared, ticks, noise):
    """Play; after every tick the memory read from the simulator equals the one read from tokens, in every array.

    Returns the share of observations that used all 200 tokens.
    """
    teacher = make_teacher("metta://policy/cogsguard?gear=10&memory=team", sim)
    from_tokens = MapMemory(sim.num_rows, sim.num_agents, is_shared=is_shared)
    from_state = MapMemory(sim.num_rows, sim.num_agents, is_shared=is_shared)
    rng = np.random.default_rng(6)
    reset = np.ones(sim.num_rows, np.bool_)
    full = 0.0
    for tick in range(ticks):
        from_tokens.update(sim.tokens, reset)
        half = sim.num_envs // 2
        from_state.perceive(sim, reset, 0, half)
        from_state.perceive(sim, reset, half)
        for name, array in from_tokens.state._asdict().items():
            assert (array == getattr(from_state.state, name)).all(), (tick, name)
        full += (sim.tokens[:, -1, 0] != 255).mean() / ticks
        teacher.observe(reset)
        teacher.label(reset)
        sim.actions[:] = teacher.labels
        random = rng.random(sim.num_rows) < noise
        sim.actions[random] = rng.integers(0, 12, random.sum())
        sim.step()
        reset[:] = sim.terminated | sim.truncated
    return full


@pytest.mark.parametrize("is_shared", [False, True])
@pytest.mark.parametrize("mission", ["arena", "machina_1"])
@pytest.mark.parametrize("noise", [0.05, 0.5])
def test_reading_the_simulator_gives_the_memory_that_its_tokens_give(mission, is_shared, noise):
    read_both_ways(make_sim(mission, num_envs=2, max_steps=220), is_shared, 300, noise)


def crowded_sim(rules):
    """20 agents between pillars on 13 x 13 cells, so that many observations do not fit."""
    grid = np.full((13, 13), "empty", dtype="<U20")
    grid[[0, -1], :] = "wall"
    grid[:, [0, -1]] = "wall"
    grid[2:-1:2, 2:-1:2] = "wall"
    grid[6, 6], grid[3, 3], grid[9, 9] = "hub", "junction", "junction"
    rows, columns = np.nonzero(grid == "empty")
    grid[rows[: 3 * 20 : 3], columns[: 3 * 20 : 3]] = "agent.agent"
    config = CogsGuardConfig(num_agents=20, max_steps=100, rules=rules)
    return CogsGuardSim(config, 1, MapTable.from_grids([grid]), seed=8)


@pytest.mark.parametrize("rules", ["2026-01-24", "2026-02-01"])
def test_observations_that_were_cut_and_those_of_old_rules_are_read_alike(rules):
    full = read_both_ways(crowded_sim(rules), False, 150, 0.3)
    assert 0 < full < 1


def test_an_extractor_that_vanishes_and_junctions_that_change_hands_are_read_alike():
    sim = make_sim("arena", num_envs=2)
    rng = np.random.default_rng(7)
    values = sim.state.object_value
    both = [MapMemory(sim.num_rows, TEAM) for _ in range(2)]
    reset = np.ones(sim.num_rows, np.bool_)
    for _ in range(120):
        both[0].update(sim.tokens, reset)
        both[1].perceive(sim, reset)
        for name, array in both[0].state._asdict().items():
            assert (array == getattr(both[1].state, name)).all(), name
        sim.actions[:] = rng.integers(1, 5, sim.num_rows)
        sim.step()
        kinds = sim.maps.compiled.objects["kind"][sim.state.map_slot]
        junctions, extractors = kinds == JUNCTION, ELEMENT_OF_KIND[kinds] >= 0
        changes = rng.random(kinds.shape) < 0.1
        values[junctions & changes] = rng.choice([0, 1, 255], (junctions & changes).sum())
        values[extractors & changes] = rng.choice([0, 7, 7, 7], (extractors & changes).sum())
        sim.set_state(sim.get_state())
        reset[:] = False


def test_scalars_stay_within_their_documented_ranges():
    sim = make_sim()
    memory = MapMemory(sim.num_rows, sim.num_agents)
    low = np.array([scalar.low for scalar in SCALARS])
    high = np.array([scalar.high for scalar in SCALARS])

    def watch(tick):
        outside = (memory.scalars < low) | (memory.scalars > high)
        assert not outside.any(), [SCALARS[i].name for i in np.unique(np.nonzero(outside)[1])]

    play(sim, memory, 400, watch)


def test_scalars_report_the_state_of_the_agent():
    sim = make_sim()
    memory = MapMemory(sim.num_rows, sim.num_agents)

    def watch(tick):
        inventory = sim.state.inventory.astype(int)
        for column, name in (
            (0, "energy"),
            (1, "heart"),
            (2, "hp"),
            (3, "influence"),
            (8, "gear_aligner"),
        ):
            assert (memory.scalars[:, SCALAR_INDEX[name]] == inventory[:, column]).all(), name
        assert (memory.scalars[:, SCALAR_INDEX["cargo"]] == inventory[:, 4:8].sum(1)).all()
        stock = sim.state.stock[0, 4:8]
        first = SCALAR_INDEX["stock_oxygen"]
        assert (memory.scalars[:, first : first + 4] == stock).all()

    play(sim, memory, 150, watch)


def test_an_agent_in_the_way_is_walked_around_only_after_waiting():
    sim = make_sim()
    memory = MapMemory(sim.num_rows, sim.num_agents)
    seen = {False: 0, True: 0}

    def watch(tick):
        names = SCALAR_INDEX
        agents = memory.scalars[:, names["agent_north"] : names["agent_north"] + 4]
        bits = (agents << np.arange(4)).sum(1)
        waits = memory.scalars[:, names["steps_standing"]] >= layout.PATIENCE
        for n in np.flatnonzero(bits):
            overlap = (memory.route_move[n] & bits[n]).any()
            assert not (waits[n] and overlap)
            seen[bool(waits[n])] += bool(overlap) or bool(waits[n])

    play(sim, memory, 200, watch)
    assert seen[False]
    assert seen[True]


def test_a_hidden_hub_puts_the_origin_at_the_start_cell():
    grid = np.full((30, 40), "empty", dtype="<U20")
    grid[[0, -1], :] = "wall"
    grid[:, [0, -1]] = "wall"
    grid[3, 3] = "agent.agent"
    grid[25, 30] = "hub"
    config = CogsGuardConfig(num_agents=1, max_steps=50)
    sim = CogsGuardSim(config, 1, MapTable.from_grids([grid]))
    memory = MapMemory(1, 1)
    memory.update(sim.tokens, np.ones(1, np.bool_))
    assert memory.scalars[0, SCALAR_INDEX["hub_seen"]] == 0
    sim.actions[:] = 2
    sim.step()
    memory.update(sim.tokens, np.zeros(1, np.bool_))
    assert memory.scalars[0, SCALAR_INDEX["row"]] == 1
    assert memory.scalars[0, SCALAR_INDEX["moved_south"]] == 1


def test_a_hub_without_the_usual_compound_brings_no_assumed_objects():
    grid = np.full((30, 30), "empty", dtype="<U20")
    grid[[0, -1], :] = "wall"
    grid[:, [0, -1]] = "wall"
    grid[15, 15] = "hub"
    grid[15, 12] = "agent.agent"
    sim = CogsGuardSim(CogsGuardConfig(num_agents=1, max_steps=50), 1, MapTable.from_grids([grid]))
    memory = MapMemory(1, 1)
    memory.update(sim.tokens, np.ones(1, np.bool_))
    assert set(twin.objects_of_memory(memory, 0)) == {(0, 0)}


def test_a_team_memory_holds_the_union_of_what_its_agents_hold():
    sim = make_sim()
    memory = MapMemory(sim.num_rows, sim.num_agents)
    team = MapMemory(sim.num_rows, sim.num_agents, is_shared=True)

    def watch(tick):
        team.update(sim.tokens, np.full(sim.num_rows, tick == 0))
        if tick % 50 == 10:
            own = [twin.cells_of_board(memory, n, layout.BOARD_KNOWN) for n in range(sim.num_rows)]
            assert twin.cells_of_board(team, 0, layout.BOARD_KNOWN) == set().union(*own)

    play(sim, memory, 120, watch)


def test_results_do_not_depend_on_ranges_or_batch_size():
    sim = make_sim(num_envs=3)
    whole = MapMemory(sim.num_rows, sim.num_agents)
    parts = MapMemory(sim.num_rows, sim.num_agents)

    def watch(tick):
        reset = np.full(sim.num_rows, tick == 0)
        for env in (2, 0, 1):
            parts.update(sim.tokens, reset, env * TEAM, env * TEAM + TEAM)
            parts.routes(env * TEAM, env * TEAM + TEAM)
        assert (parts.scalars == whole.scalars).all()
        assert (parts.route_dist == whole.route_dist).all()
        assert (parts.route_move == whole.route_move).all()

    play(sim, whole, 100, watch)


def test_a_restored_memory_goes_on_as_if_nothing_had_happened():
    sim = make_sim()
    memory = MapMemory(sim.num_rows, sim.num_agents)
    play(sim, memory, 80, lambda tick: None)
    copy = MapMemory(sim.num_rows, sim.num_agents)
    copy.set_state(memory.get_state())
    reset = np.zeros(sim.num_rows, np.bool_)
    for one in (memory, copy):
        one.update(sim.tokens, reset)
        one.routes()
    for name, array in memory.get_state().items():
        assert (array == copy.get_state()[name]).all(), name


def test_a_reset_forgets_everything():
    sim = make_sim()
    memory = MapMemory(sim.num_rows, sim.num_agents)
    first = np.array(sim.tokens)
    play(sim, memory, 80, lambda tick: None)
    fresh = MapMemory(sim.num_rows, sim.num_agents)
    for one in (memory, fresh):
        one.update(first, np.ones(sim.num_rows, np.bool_))
        one.routes()
    assert (memory.scalars == fresh.scalars).all()
    assert (memory.route_dist == fresh.route_dist).all()
    assert (memory.state.boards == fresh.state.boards).all()
