"""What every teacher promises: what it knows, what it does not, and that its labels can be learned."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from coglab.games.cogsguard.config import CogsGuardConfig
from coglab.games.cogsguard.mapgen import generate_map
from coglab.games.cogsguard.maps import MapTable
from coglab.games.cogsguard.memory import SCALAR_INDEX, MapMemory
from coglab.games.cogsguard.memory_boards import BLOCKED, ROUTED_STEP
from coglab.games.cogsguard.memory_layout import VIBES
from coglab.games.cogsguard.rules import (
    CARBON_EXTRACTOR,
    HUB,
    JUNCTION,
    RESOURCES,
)
from coglab.games.cogsguard.sim import CogsGuardSim
from coglab.games.cogsguard.teachers import make_teacher

TEAM = 6
OXYGEN, SILICON = RESOURCES.index("oxygen"), RESOURCES.index("silicon")
SMART = "metta://policy/cogsguard?gear=10"
EVERY = [
    SMART,
    "metta://policy/cogsguard",
    "metta://policy/cogsguard?gear=10&roles=static",
    "metta://policy/cogsguard?gear=10&memory=team",
    "metta://policy/cogsguard?gear=10&memory=team&labels=own",
    "metta://policy/cogsguard?gear=10&memory=full",
    "metta://policy/teacher",
    "metta://policy/miner",
    "metta://policy/scout",
    "metta://policy/aligner?memory=team",
    "metta://policy/scrambler",
]


def make_sim(num_envs=1, num_agents=TEAM, mission="arena", max_steps=300, seed=11):
    config = CogsGuardConfig(mission=mission, num_agents=num_agents, max_steps=max_steps)
    grids = [generate_map(mission, num_agents, seed + i) for i in range(num_envs)]
    return CogsGuardSim(
        config, num_envs, MapTable.from_grids(grids), seed=seed, map_choice="by_env"
    )


def play(sim, teacher, ticks, watch=lambda tick: None, noise=0.0):
    """Let the teacher play, with a share of random actions; `watch` is called after every label."""
    rng = np.random.default_rng(0)
    reset = np.ones(sim.num_rows, np.bool_)
    for tick in range(ticks):
        if teacher.needs_update:
            teacher.observe(reset)
        teacher.label(reset)
        watch(tick)
        sim.actions[:] = np.maximum(teacher.labels, 0)
        random = rng.random(sim.num_rows) < noise
        sim.actions[random] = rng.integers(0, 12, random.sum())
        sim.step()
        reset[:] = sim.terminated | sim.truncated


def record(uri, num_envs=2, ticks=200, noise=0.2, num_agents=TEAM):
    """Observations [T, N, 200, 3] and first-of-episode flags of a game with a teacher and some random actions."""
    sim = make_sim(num_envs, num_agents, max_steps=150)
    teacher = make_teacher(uri, sim)
    tokens, resets = [], []
    reset = np.ones(sim.num_rows, np.bool_)
    rng = np.random.default_rng(1)
    for _ in range(ticks):
        tokens.append(sim.tokens.copy())
        resets.append(reset.copy())
        teacher.observe(reset)
        teacher.label(reset)
        sim.actions[:] = teacher.labels
        random = rng.random(sim.num_rows) < noise
        sim.actions[random] = rng.integers(0, 12, random.sum())
        sim.step()
        reset[:] = sim.terminated | sim.truncated
    return np.array(tokens), np.array(resets)


def relabel(uri, tokens, resets, num_agents=TEAM):
    """Masks and weights of a teacher that sees nothing but these observations: there is no simulator behind them."""
    num_rows = tokens.shape[1]
    sim = SimpleNamespace(
        num_rows=num_rows, num_agents=num_agents, num_envs=num_rows // num_agents, tokens=None
    )
    teacher = make_teacher(uri, sim)
    masks, weights = [], []
    for sim.tokens, reset in zip(tokens, resets, strict=True):
        teacher.observe(reset)
        teacher.label(reset)
        masks.append(teacher.label_mask.copy())
        weights.append(teacher.label_weight.copy())
    return np.array(masks), np.array(weights)


def check_labels(uri, max_steps, ticks):
    """Play past the end of an episode and look at every label."""
    sim = make_sim(2, max_steps=max_steps)
    teacher = make_teacher(uri, sim)

    def watch(tick):
        assert ((teacher.labels >= 0) & (teacher.labels < 12)).all()
        assert (teacher.label_mask != 0).all()
        assert np.isin(teacher.label_weight, (0, 1)).all()
        if "labels=own" not in uri:
            assert ((teacher.label_mask >> teacher.labels) & 1).all()

    play(sim, teacher, ticks, watch)


@pytest.mark.parametrize("uri", EVERY)
def test_labels_are_actions_and_masks_hold_them(uri):
    check_labels(uri, max_steps=60, ticks=70)


@pytest.mark.slow
@pytest.mark.parametrize("uri", EVERY)
def test_labels_of_long_episodes_are_actions_and_masks_hold_them(uri):
    check_labels(uri, max_steps=300, ticks=320)


def test_full_memory_knows_junctions_that_nobody_has_seen():
    sim = make_sim(2)
    teacher = make_teacher(f"{SMART}&memory=full", sim)
    team = make_teacher(f"{SMART}&memory=team", sim)
    reset = np.ones(sim.num_rows, np.bool_)
    # Counts are read out with the next observation, after the map was shown.
    for one in (teacher, team):
        one.observe(reset)
        one.observe(~reset)
    maps = sim.maps.compiled
    for env in range(2):
        kinds = maps.objects[sim.state.map_slot[env]]["kind"]
        junctions = (kinds == JUNCTION).sum()
        row = env * TEAM
        known = SCALAR_INDEX["known_neutral"]
        assert teacher.memory.scalars[row, known] == junctions
        assert team.memory.scalars[row, known] < junctions


def test_full_memory_sees_a_junction_far_away_change_hands_and_an_extractor_vanish():
    sim = make_sim(1)
    teacher = make_teacher(f"{SMART}&memory=full", sim)
    reset = np.ones(sim.num_rows, np.bool_)
    teacher.observe(reset)
    objects = sim.maps.compiled.objects[sim.state.map_slot[0]]
    hub = np.flatnonzero(objects["kind"] == HUB)[0]

    def farthest(kind):
        of_kind = np.flatnonzero(objects["kind"] == kind)
        apart = [
            abs(int(objects["row"][i]) - int(objects["row"][hub]))
            + abs(int(objects["col"][i]) - int(objects["col"][hub]))
            for i in of_kind
        ]
        assert max(apart) > 15
        return of_kind[int(np.argmax(apart))]

    before = np.bitwise_count(teacher.memory.state.boards[0, BLOCKED]).sum()
    sim.state.object_value[0, farthest(JUNCTION)] = 0
    sim.state.object_value[0, farthest(CARBON_EXTRACTOR)] = 0
    # Counts are read out with the next observation, after the map was shown.
    for _ in range(2):
        teacher.observe(~reset)
    assert (teacher.memory.scalars[:, SCALAR_INDEX["known_clips"]] == 1).all()
    assert np.bitwise_count(teacher.memory.state.boards[0, BLOCKED]).sum() == before - 1


@pytest.mark.parametrize("uri", [SMART, "metta://policy/aligner", "metta://policy/miner"])
def test_an_own_memory_teacher_knows_only_the_observations_of_its_row(uri):
    tokens, resets = record(SMART)
    masks, weights = relabel(uri, tokens, resets)
    assert (weights == 1).all()
    # Other rows are exchanged for those of another game, and the row moves to another seat and another game.
    num_rows = tokens.shape[1]
    order = np.random.default_rng(5).permutation(num_rows)
    for row in (0, 4, 7):
        place = (row + 5) % num_rows
        mixed = tokens[:, order].copy()
        mixed[:, place] = tokens[:, row]
        flags = resets[:, order].copy()
        flags[:, place] = resets[:, row]
        others, _ = relabel(uri, mixed, flags)
        assert (others[:, place] == masks[:, row]).all()


@pytest.mark.parametrize("uri", ["metta://policy/teacher", "metta://policy/cogsguard"])
def test_the_index_of_an_agent_shapes_only_labels_without_weight(uri):
    tokens, resets = record(uri)
    masks, weights = relabel(uri, tokens, resets)
    moved = np.roll(np.arange(TEAM), 2)
    order = np.concatenate([moved, moved + TEAM])
    others, other_weights = relabel(uri, tokens[:, order], resets[:, order])
    counts = (weights[:, order] == 1) & (other_weights == 1)
    fixed = np.ones_like(counts)
    if uri == "metta://policy/cogsguard":
        # Agents that choose their role themselves may differ from those whose role is fixed in when they change it,
        # but then the weight is 0 in one of the two.
        fixed = counts
    same = others == masks[:, order]
    assert same[counts & fixed].all()
    assert (~same).any()
    assert (weights == 0).mean() < 0.1


def test_a_team_memory_knows_nothing_of_other_teams():
    uri = f"{SMART}&memory=team"
    tokens, resets = record(SMART, num_envs=3)
    masks, _ = relabel(uri, tokens, resets)
    alone = slice(TEAM, 2 * TEAM)
    others, _ = relabel(uri, tokens[:, alone], resets[:, alone])
    assert (others == masks[:, alone]).all()


@pytest.mark.parametrize("uri", [SMART, f"{SMART}&memory=team"])
def test_labels_do_not_depend_on_earlier_labels(uri):
    tokens, resets = record(SMART)
    often, _ = relabel(uri, tokens, resets)
    sim = SimpleNamespace(
        num_rows=tokens.shape[1], num_agents=TEAM, num_envs=tokens.shape[1] // TEAM, tokens=None
    )
    teacher = make_teacher(uri, sim)
    # Random labels "were executed": whatever the teacher said before is overwritten.
    rng = np.random.default_rng(2)
    for tick, (sim.tokens, reset) in enumerate(zip(tokens, resets, strict=True)):
        teacher.observe(reset)
        teacher.label(reset)
        assert (teacher.label_mask == often[tick]).all()
        teacher.labels[:] = rng.integers(0, 12, len(teacher.labels))
        teacher.label_mask[:] = 0
        teacher.goals[:] = -1


@pytest.mark.parametrize("mission", ["arena", "machina_1"])
@pytest.mark.parametrize(
    ("uri", "noise"),
    [
        (SMART, 0.1),
        (SMART, 0.0),
        ("metta://policy/teacher", 0.1),
        ("metta://policy/cogsguard", 0.03),
    ],
)
def test_what_a_teacher_skips_does_not_change_its_labels(mission, uri, noise):
    """It searches for the classes that the decision needs, and not at all on a way that it kept."""
    sim = make_sim(2, mission=mission)
    memory = MapMemory(sim.num_rows, sim.num_agents)
    from_all = make_teacher(uri, sim, memory)
    from_asked = make_teacher(uri, sim)
    assert not from_all.needs_update
    reset = np.ones(sim.num_rows, np.bool_)
    rng = np.random.default_rng(3)
    kept = 0.0
    for _ in range(320):
        memory.update(sim.tokens, reset)
        memory.routes()
        from_asked.observe(reset)
        for teacher in (from_all, from_asked):
            teacher.label(reset)
        assert (from_all.labels == from_asked.labels).all()
        assert (from_all.label_mask == from_asked.label_mask).all()
        kept += (from_asked.memory.state.routed[:, ROUTED_STEP] > 0).mean() / 320
        sim.actions[:] = from_all.labels
        random = rng.random(sim.num_rows) < noise
        sim.actions[random] = rng.integers(0, 12, random.sum())
        sim.step()
        reset[:] = sim.terminated | sim.truncated
    assert kept > 0.15


def test_half_of_all_steps_lie_in_stretches_of_eight_steps_and_more_with_one_goal():
    sim = make_sim(4, num_agents=8, max_steps=1000)
    teacher = make_teacher(SMART, sim)
    goals = []
    play(sim, teacher, 600, lambda tick: goals.append(teacher.goals.copy()))
    goals = np.array(goals)
    lengths = []
    for row in goals.T:
        ends = np.flatnonzero(np.diff(row)) + 1
        lengths += np.diff(np.concatenate([[0], ends, [len(row)]])).tolist()
    # Weighted by steps. The plain median over stretches is 5: a third of them last one step (a role change, a bump).
    lengths = np.sort(lengths)
    assert lengths[np.searchsorted(np.cumsum(lengths), lengths.sum() / 2)] >= 8


@pytest.mark.parametrize("parameters", ["gear=10", "role_cycle=scout,gear", "roles=static&gear=10"])
def test_own_labels_under_a_team_teacher_are_those_of_an_own_memory(parameters):
    uri = f"metta://policy/cogsguard?{parameters}"
    tokens, resets = record(f"{SMART}&memory=team", ticks=160)
    masks, weights = relabel(f"{uri}&memory=team&labels=own", tokens, resets)
    acting, _ = relabel(f"{uri}&memory=team", tokens, resets)
    own, own_weights = relabel(uri, tokens, resets)
    assert (masks == own).all()
    assert (weights == own_weights).all()
    assert (masks != acting).any()


def play_a_team(num_agents, memory, ticks):
    """A team of any size must bring home elements: the stock grew beyond the 10 of each that it began with."""
    sim = make_sim(1, num_agents=num_agents)
    play(sim, make_teacher(f"{SMART}&memory={memory}", sim), ticks)
    assert sim.state.deposited[0, OXYGEN : SILICON + 1].sum() > 40


@pytest.mark.parametrize("num_agents", [1, 2, 7, 20])
@pytest.mark.parametrize("memory", ["own", "team", "full"])
def test_teams_of_several_sizes_bring_elements_home(num_agents, memory):
    play_a_team(num_agents, memory, 299)


@pytest.mark.slow
@pytest.mark.parametrize("num_agents", range(1, 21))
@pytest.mark.parametrize("memory", ["own", "team", "full"])
def test_teams_of_every_size_bring_elements_home(num_agents, memory):
    play_a_team(num_agents, memory, 299)


def test_the_first_label_gives_the_role_and_a_shown_role_is_kept():
    sim = make_sim(1, num_agents=4)
    teacher = make_teacher("metta://policy/teacher", sim)
    reset = np.ones(4, np.bool_)
    teacher.observe(reset)
    teacher.label(reset)
    assert teacher.labels.tolist() == [
        5 + VIBES.index(r) for r in ("miner", "scout", "aligner", "scrambler")
    ]
    assert (teacher.label_weight == 0).all()
    sim.actions[:] = 5 + VIBES.index("scout")
    sim.step()
    teacher.observe(~reset)
    teacher.label(~reset)
    assert (teacher.memory.scalars[:, SCALAR_INDEX["vibe_scout"]] == 1).all()
    assert (teacher.labels < 5).all()
    assert (teacher.label_weight == 1).all()


@pytest.mark.parametrize("uri", [f"{SMART}&memory=team", f"{SMART}&memory=team&labels=own"])
def test_a_restored_teacher_goes_on_as_if_nothing_had_happened(uri):
    sim = make_sim(2)
    teacher = make_teacher(uri, sim)
    play(sim, teacher, 100)
    copy = make_teacher(uri, sim)
    copy.set_state(teacher.get_state())
    reset = np.zeros(sim.num_rows, np.bool_)
    for _ in range(60):
        for one in (teacher, copy):
            one.observe(reset)
            one.label(reset)
        assert (teacher.labels == copy.labels).all()
        assert (teacher.label_mask == copy.label_mask).all()
        sim.actions[:] = teacher.labels
        sim.step()
