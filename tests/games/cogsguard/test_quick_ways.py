"""Where the simulator has a quick way beside the plain one, both lead to the same state."""

import numpy as np

from coglab.engine.jit import kernel
from coglab.games.cogsguard import rules
from coglab.games.cogsguard.config import CogsGuardConfig
from coglab.games.cogsguard.maps import MapTable
from coglab.games.cogsguard.sim import CogsGuardSim
from coglab.games.cogsguard.step import _live_on_exactly, _live_on_quickly

AGENTS, SOURCES, SIDE = 12, 9, 24
GEAR = (rules.ALIGNER, rules.SCRAMBLER, rules.MINER, rules.SCOUT)


@kernel(allocates=False)
def live_quickly(state, maps, numbers, was_quick):
    for n in range(len(was_quick)):
        was_quick[n] = _live_on_quickly(
            state, maps, numbers, n // numbers.num_agents, state.agents[n]
        )


@kernel(allocates=False)
def live_exactly(state, maps, numbers, is_left_out):
    for n in range(len(is_left_out)):
        if not is_left_out[n]:
            _live_on_exactly(state, maps, numbers, n // numbers.num_agents, state.agents[n])


def random_sim(rng, **settings):
    """Games whose agents hold random things within their limits, between sources of random owners."""
    cells = rng.permutation(SIDE * SIDE)
    grid = np.full(SIDE * SIDE, "empty", dtype="<U20")
    grid[cells[:AGENTS]] = "agent.agent"
    grid[cells[AGENTS : AGENTS + SOURCES]] = "junction"
    grid[cells[AGENTS + SOURCES]] = "hub"
    config = CogsGuardConfig(num_agents=AGENTS, max_steps=50, **settings)
    sim = CogsGuardSim(config, 8, MapTable.from_grids([grid.reshape(SIDE, SIDE)]))
    state, numbers = sim.state, sim.rules
    for env in range(sim.num_envs):
        owners = rng.choice([-1, 0, 1], SOURCES, p=rng.dirichlet(np.ones(3)))
        hub_and_junctions = np.flatnonzero(sim.maps.compiled.objects[0]["kind"] == rules.JUNCTION)
        for thing, owner in zip(hub_and_junctions, owners, strict=True):
            if owner >= 0:
                source = int(sim.maps.compiled.objects[0, thing]["source"])
                state.owned_sources[env, owner, 0] |= np.uint64(1 << source)
                state.object_value[env, thing] = owner
    for n in range(sim.num_rows):
        held = np.zeros(rules.NUM_RESOURCES, np.int64)
        held[rules.HP] = rng.choice([0, 1, 2, 5, 99, 100])
        gear = rng.choice([None, *GEAR])
        if gear is not None and held[rules.HP]:
            held[gear] = 1
            held[rules.HEART] = rng.integers(0, 11)
        if gear == rules.SCOUT and rng.random() < 0.5:
            held[rules.HP] += 300 * (held[rules.HP] > 0)
        most = max(numbers.energy_min, 100 * held[rules.SCOUT])
        held[rules.ENERGY] = rng.choice([0, 1, most - 1, most, 100])
        held[rules.INFLUENCE] = rng.choice([0, 1, 9, 20]) * held[rules.ALIGNER]
        held[rules.OXYGEN] = rng.integers(0, 41 if held[rules.MINER] else 5)
        state.inventory[n] = held
        order = rng.permutation(np.flatnonzero(held)).tolist()
        packed = len(order) << 56 | sum(item << 4 * k for k, item in enumerate(order))
        state.recency[n] = np.uint64(packed)
    return sim


def test_a_tick_of_life_on_local_numbers_equals_changes_one_by_one():
    rng = np.random.default_rng(0)
    shares = []
    for settings in ({}, {"energy_regen": 0}, {"energy_regen": 3}, {"rules": "2026-01-24"}):
        for _ in range(6):
            sim = random_sim(rng, **settings)
            saved = sim.get_state()
            nobody = np.zeros(sim.num_rows, np.bool_)
            live_exactly(sim.state, sim.maps.compiled, sim.rules, nobody)
            expected = sim.state.agents.copy()
            sim.set_state(saved)
            was_quick = nobody.copy()
            live_quickly(sim.state, sim.maps.compiled, sim.rules, was_quick)
            untouched = sim.state.agents[~was_quick].copy()
            live_exactly(sim.state, sim.maps.compiled, sim.rules, was_quick)
            for field in ("inventory", "recency", "gained"):
                np.testing.assert_array_equal(sim.state.agents[field], expected[field], field)
            for field in ("inventory", "recency", "gained"):
                before = saved[f"state.{field}"][~was_quick]
                np.testing.assert_array_equal(untouched[field], before, field)
            shares.append(was_quick.mean())
    assert 0.3 < np.mean(shares) < 0.95, "both ways are tried"
