"""Recorded episodes of the reference engine, reproduced to the last bit."""

import json
from pathlib import Path

import numpy as np
import pytest

from coglab.games.cogsguard import rules
from coglab.games.cogsguard.config import CogsGuardConfig
from coglab.games.cogsguard.maps import MapTable
from coglab.games.cogsguard.sim import CogsGuardSim

TRACES = Path(__file__).parents[2] / "data" / "traces"
NAMES = sorted(path.stem for path in TRACES.glob("*.npz"))


def load(name):
    with np.load(TRACES / f"{name}.npz") as data:
        trace = {key: data[key] for key in data.files if key != "rewards_engine"}
    return trace, json.loads(str(trace.pop("meta"))), json.loads(str(trace.pop("stats")))


def simulator_for(trace, meta, **options):
    stock = {
        name.removeprefix("initial_"): amount
        for name, amount in meta["settings"].items()
        if name.startswith("initial_")
    }
    config = CogsGuardConfig(
        num_agents=trace["actions"].shape[1],
        max_steps=meta["max_steps"],
        wealth=meta["settings"].get("wealth", 1),
        initial_stock=stock,
        reward_variants=tuple(meta["rewards"]),
    )
    table = MapTable.from_grids([trace["grid"]])
    return CogsGuardSim(config, 1, table, seed=meta["seed"], exact_order=True, **options)


def present(sim, trace):
    """What the simulator says now, by the trace's names of arrays with T + 1 entries."""
    info, things = sim.maps.compiled.info[0], sim.maps.compiled.objects[0]
    things = things[: info["objects"]]
    values = sim.state.object_value[0, : info["objects"]]
    is_extractor = rules.ELEMENT_OF_KIND[things["kind"]] >= 0
    stock = np.zeros((2, 12), np.uint16)
    stock[rules.COGS] = sim.state.stock[0]
    now = {
        "agent_pos": np.stack([sim.state.row, sim.state.col], axis=1),
        "agent_vibe": sim.state.vibe,
        "agent_inv": sim.state.inventory,
        "coll_inv": stock,
        "junction_owner": values[things["kind"] == rules.JUNCTION].astype(np.int8),
        "extractor_left": values[is_extractor],
    }
    if "obs" in trace:
        now["obs"] = sim.tokens
    return now


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
            assert (sim.terminated == trace["done"][tick - 1]).all(), tick
            assert not sim.truncated.any()
        for what, value in present(sim, trace).items():
            np.testing.assert_array_equal(value, trace[what][tick], f"{what} at tick {tick}")
    now = sim.current_stats(0)
    assert now["agent"] == stats["agent"]
    assert now["collective"] == stats["collective"]


@pytest.mark.parametrize("name", [name for name in NAMES if name == "arena_teacher"])
def test_a_whole_episode_leaves_its_record_and_its_last_observation(name):
    trace, meta, stats = load(name)
    sim = simulator_for(trace, meta)
    for actions in trace["actions"]:
        sim.actions[:] = actions
        sim.step()
    assert sim.terminated.all()
    np.testing.assert_array_equal(sim.final_tokens, trace["obs"][-1])
    np.testing.assert_array_equal(sim.tokens, trace["obs"][0])  # same map, same start
    assert sim.episode.count[0] == 1
    assert sim.episode.length[0] == meta["max_steps"]
    assert not sim.episode.was_cut[0]
    np.testing.assert_allclose(sim.episode.returns[0], trace["rewards"].sum(axis=0), atol=1e-5)
    for agent, expected in zip(sim.episode.agent[0], stats["agent"], strict=True):
        record = dict(zip(sim.agent_stats, agent, strict=True))
        for key, value in expected.items():
            assert record.get(key, value) == value, key
    record = dict(zip(sim.collective_stats, sim.episode.collective[0, rules.COGS], strict=True))
    for key, value in stats["collective"]["cogs"].items():
        assert record.get(key, value) == value, key
    game = dict(zip(sim.game_stats, sim.episode.game[0], strict=True))
    assert game["objects.wall"] == (trace["grid"] == "wall").sum()
    assert game["tokens_written"] == (trace["obs"][..., 0] != 255).sum()
    left = trace["extractor_left"][-1][trace["extractor_res"] == rules.CARBON]
    assert game["chest.carbon.withdrawn"] == 100 * len(left) - left.sum()
