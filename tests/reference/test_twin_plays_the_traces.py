"""The slow twin repeats recorded episodes of the published game: only then is it fit to judge the simulator."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.reference.cogsguard_twin import CogsGuardTwin
from tests.reference.twin_inventory import RESOURCES

TRACES = Path(__file__).parents[1] / "data" / "traces"
OWNERS = {None: -1, "clips": 0, "cogs": 1}


def make_twin(trace, facts):
    settings = facts["settings"]
    stock = {name[8:]: amount for name, amount in settings.items() if name.startswith("initial_")}
    return CogsGuardTwin(
        trace["grid"],
        facts["max_steps"],
        seed=facts["seed"],
        rewards=facts["rewards"],
        stock=stock,
        wealth=settings.get("wealth", 1),
    )


def check_moment(twin, trace, tick):
    """Compare everything that a trace holds about the moment after `tick` ticks."""
    if "obs" in trace:
        for tokens, recorded in zip(twin.observations, trace["obs"][tick], strict=True):
            assert tokens == [tuple(token) for token in recorded[recorded[:, 0] != 255].tolist()]
    for i, agent in enumerate(twin.agents):
        assert agent.cell == tuple(trace["agent_pos"][tick, i])
        assert agent.vibe == trace["agent_vibe"][tick, i]
        assert [agent.inventory[item] for item in RESOURCES] == trace["agent_inv"][tick, i].tolist()
    assert [twin.stock[item] for item in RESOURCES] == trace["coll_inv"][tick, 1].tolist()
    owners = [OWNERS[junction.owner] for junction in twin.junctions]
    assert owners == trace["junction_owner"][tick].tolist()
    places = (twin.cells.get(tuple(place)) for place in trace["extractor_pos"].tolist())
    left = [thing.left if thing and thing.kind.endswith("_extractor") else 0 for thing in places]
    assert left == trace["extractor_left"][tick].tolist()


def check_statistics(twin, recorded):
    """Compare the statistics at the end; a name that is missing counts as 0."""
    own = twin.statistics()
    pairs = list(zip(own["agent"], recorded["agent"], strict=True))
    pairs += [(own["collective"][team], recorded["collective"][team]) for team in ("clips", "cogs")]
    for a, b in pairs:
        assert {k: float(v) for k, v in a.items() if v} == {k: v for k, v in b.items() if v}


def replay(name, ticks=None):
    with np.load(TRACES / f"{name}.npz") as file:
        trace = {key: file[key] for key in file.files}
    twin = make_twin(trace, json.loads(str(trace["meta"])))
    check_moment(twin, trace, 0)
    for tick, actions in enumerate(trace["actions"][:ticks]):
        twin.step(actions)
        assert np.array(twin.rewards, np.float32).tobytes() == trace["rewards"][tick].tobytes()
        assert twin.success == trace["success"][tick].tolist()
        assert twin.is_done == trace["done"][tick]
        check_moment(twin, trace, tick + 1)
    if ticks is None:
        check_statistics(twin, json.loads(str(trace["stats"])))


@pytest.mark.parametrize(
    ("name", "ticks"),
    [
        ("yard_rich", 200),
        ("arena_teacher", 60),
        ("arena_random_credit", 60),
        ("arena_20agents_rich", 25),
        ("machina1_600", 60),
        ("tutorial_500", 200),
    ],
)
def test_the_twin_repeats_the_beginning_of_recorded_episodes(name, ticks):
    replay(name, ticks)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        "yard_rich",
        "arena_teacher",
        "arena_full",
        "arena_random_credit",
        "arena_20agents_rich",
        "machina1_600",
        "machina1_teacher_3000",
        "tutorial_500",
    ],
)
def test_the_twin_repeats_whole_recorded_episodes(name):
    replay(name)
