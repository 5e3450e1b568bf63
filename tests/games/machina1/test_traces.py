"""Recorded episodes of the published machina_1, reproduced to the last bit."""

import itertools
import json
from pathlib import Path

import numpy as np
import pytest

from coglab.games.machina1 import rules
from coglab.games.machina1.config import Machina1Config
from coglab.games.machina1.maps import MapTable
from coglab.games.machina1.names import KINDS, RESOURCES
from coglab.games.machina1.sim import Machina1Sim

TRACES = Path(__file__).parents[2] / "data" / "traces_machina1"
NAMES = sorted(path.stem for path in TRACES.glob("*.npz"))


def load(name):
    with np.load(TRACES / f"{name}.npz") as data:
        trace = {key: data[key] for key in data.files}
    return trace, json.loads(str(trace.pop("meta"))), json.loads(str(trace.pop("stats")))


def simulator_for(trace, meta, **options):
    config = Machina1Config(num_agents=trace["actions"].shape[1], max_steps=meta["max_steps"])
    table = MapTable.from_grids([trace["grid"]])
    return Machina1Sim(config, 1, table, seed=meta["seed"], exact_order=True, **options)


def present(sim):
    """What the simulator says now, by the trace's names of arrays with T + 1 entries."""
    state, info = sim.state, sim.maps.compiled.info[0]
    count = info["objects"]
    is_station = sim.maps.compiled.objects[0, :count]["kind"] != rules.CHEST
    rest = state.ready_at[0, :count] - state.tick[0]
    return {
        "agent_pos": np.stack([state.row, state.col], axis=1),
        "agent_vibe": state.vibe,
        "agent_inv": state.inventory,
        "station_uses": np.where(is_station, state.uses[0, :count], 0),
        "station_cooldown": np.maximum(rest, 0),
        "chest_inv": state.chest_stock[0].sum(axis=0),
    }


def cells_of(observation):
    """The cells of an observation in order, the tokens of each as a set: the published game has no fixed order there."""
    tokens = observation[observation[:, 0] != 255].tolist()
    return [
        (location, sorted(group)) for location, group in itertools.groupby(tokens, lambda t: t[0])
    ]


def test_the_arrays_name_things_as_we_do():
    trace, meta, _ = load("classic_random_400")
    assert tuple(meta["resources"]) == RESOURCES
    sim = simulator_for(trace, meta)
    things = sim.maps.compiled.objects[0]
    np.testing.assert_array_equal(
        np.stack([things["row"], things["col"]], axis=1), trace["station_pos"]
    )
    assert [KINDS[kind] for kind in things["kind"]] == trace["station_kind"].tolist()


@pytest.mark.parametrize("name", NAMES)
def test_every_array_of_a_recorded_episode_is_reproduced(name):
    trace, meta, stats = load(name)
    sim = simulator_for(trace, meta, auto_reset=False)
    for tick in range(len(trace["actions"]) + 1):
        if tick > 0:
            sim.actions[:] = trace["actions"][tick - 1]
            sim.step()
            assert sim.success.tobytes() == trace["success"][tick - 1].tobytes(), tick
            assert sim.rewards.tobytes() == trace["rewards"][tick - 1].tobytes(), tick
        for what, value in present(sim).items():
            np.testing.assert_array_equal(value, trace[what][tick], f"{what} at tick {tick}")
        for agent, (ours, recorded) in enumerate(zip(sim.tokens, trace["obs"][tick], strict=True)):
            if sorted(ours.tolist()) != sorted(recorded.tolist()) or cells_of(ours) != cells_of(
                recorded
            ):
                assert cells_of(ours) == cells_of(recorded), f"agent {agent} at tick {tick}"
    now = sim.current_stats(0)
    # The published game counts the tokens of an episode's first observation twice.
    first = int((trace["obs"][0, :, :, 0] != 255).sum())
    now["game"]["tokens_written"] += first
    now["game"]["tokens_free_space"] += trace["obs"][0, :, :, 0].size - first
    for own, recorded in [
        *zip(now["agent"], stats["agent"], strict=True),
        (now["game"], stats["game"]),
    ]:
        assert {**own, **recorded} == own
        not_recorded = {key: value for key, value in own.items() if key not in recorded and value}
        assert set(not_recorded) <= {"objects.agent"}
