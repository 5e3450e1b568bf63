"""The slow twin repeats recorded episodes of the published machina_1: only then is it fit to judge the simulator."""

import itertools
import json
from pathlib import Path

import numpy as np
import pytest

from tests.reference.machina1_twin import Machina1Twin
from tests.reference.machina1_twin_recipes import RESOURCES

TRACES = Path(__file__).parents[1] / "data" / "traces_machina1"
BLANK = 255


def cells_of(tokens):
    """(location, tokens of the cell in any order) of one observation; locations in the order in which they are seen."""
    groups = itertools.groupby(tokens, key=lambda token: token[0])
    return [(location, sorted(map(tuple, group))) for location, group in groups]


def check_moment(twin, trace, tick):
    """Compare everything that a trace holds about the moment after `tick` ticks."""
    for tokens, recorded in zip(twin.observations, trace["obs"][tick], strict=True):
        assert cells_of(tokens) == cells_of(recorded[recorded[:, 0] != BLANK].tolist())
    for i, agent in enumerate(twin.agents):
        assert agent.cell == tuple(trace["agent_pos"][tick, i])
        assert agent.vibe == trace["agent_vibe"][tick, i]
        assert [agent.has(item) for item in RESOURCES] == trace["agent_inv"][tick, i].tolist()
    assert [thing.uses for thing in twin.stations] == trace["station_uses"][tick].tolist()
    rests = [max(0, thing.ready_at - twin.tick) for thing in twin.stations]
    assert rests == trace["station_cooldown"][tick].tolist()
    (chest,) = (thing for thing in twin.stations if thing.kind == "chest")
    assert [chest.stock.get(item, 0) for item in RESOURCES] == trace["chest_inv"][tick].tolist()


def check_statistics(twin, recorded):
    """Compare the statistics at the end; a name that is missing counts as 0."""
    own = twin.statistics()
    assert len(own["agent"]) == len(recorded["agent"])
    for a, b in [
        *zip(own["agent"], recorded["agent"], strict=True),
        (own["game"], recorded["game"]),
    ]:
        assert {k: float(v) for k, v in a.items() if v} == {k: v for k, v in b.items() if v}


@pytest.mark.parametrize("name", sorted(path.stem for path in TRACES.glob("*.npz")))
def test_the_twin_repeats_recorded_episodes(name):
    with np.load(TRACES / f"{name}.npz") as file:
        trace = {key: file[key] for key in file.files}
    facts = json.loads(str(trace["meta"]))
    assert facts["resources"] == RESOURCES
    twin = Machina1Twin(trace["grid"], facts["max_steps"], seed=facts["seed"])
    assert [thing.cell for thing in twin.stations] == list(map(tuple, trace["station_pos"]))
    assert [thing.kind for thing in twin.stations] == trace["station_kind"].tolist()
    check_moment(twin, trace, 0)
    first_tokens = {name: value for name, value in twin.game_stats.items() if "tokens" in name}
    for tick, actions in enumerate(trace["actions"]):
        twin.step(actions)
        assert np.array(twin.rewards, np.float32).tobytes() == trace["rewards"][tick].tobytes()
        assert twin.success == trace["success"][tick].tolist()
        check_moment(twin, trace, tick + 1)
    # The published game counts the tokens of the first observation twice, and agents by another name.
    for name, count in first_tokens.items():
        twin.game_stats[name] += count
    del twin.game_stats["objects.agent"]
    check_statistics(twin, json.loads(str(trace["stats"])))
