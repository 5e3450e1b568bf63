"""One short recorded episode that the tests of replays share."""

from __future__ import annotations

import numpy as np
import pytest

from coglab.games.cogsguard.config import CogsGuardConfig
from coglab.games.machina1.config import Machina1Config
from coglab.policies.uris import load_policy
from coglab.replay.cogsguard import CogsGuardReader, make_game
from coglab.replay.machina1 import Machina1Reader
from coglab.replay.machina1 import make_game as make_machina1
from coglab.replay.recorder import Heading, Recorder, Thoughts


def record(
    steps=150,
    agents=4,
    mission="arena",
    seed=3,
    map_seed=1_000_007,
    note="",
    label="test",
    **config,
):
    """Play an arena with random actions that favour moves; return (recorder, states by tick)."""
    game = CogsGuardConfig(mission=mission, num_agents=agents, max_steps=steps, **config)
    sim = make_game(game, map_seed=map_seed, seed=seed, env_id=5)
    heading = Heading(
        config=game.model_dump(mode="json"),
        seed=seed,
        env_id=5,
        map_seed=map_seed,
        policies=[{"uri": "metta://policy/random", "mode": "scripted"}],
        teacher_uri="metta://policy/miner",
        label=label,
        note=note,
    )
    recorder = Recorder(sim, CogsGuardReader(sim), heading)
    rng = np.random.default_rng(seed)
    states = [snapshot(sim)]
    drift = rng.integers(1, 5, agents)
    for tick in range(steps):
        if tick % 12 == 0:
            drift = rng.integers(1, 5, agents)
        sim.actions[:] = np.where(rng.random(agents) < 0.8, drift, rng.integers(0, 14, agents))
        probabilities = np.full((agents, 12), 0.05, np.float32)
        probabilities[:, tick % 12] = 0.45
        probabilities[0] = np.nan
        value = np.resize([np.nan, 0.5, -1.25, tick / 1000], agents)
        teacher = np.resize([-1, 3, tick % 12, 0], agents)
        recorder.before_step(Thoughts(teacher, probabilities, value))
        sim.step()
        recorder.after_step()
        states.append(snapshot(sim))
    return recorder, states


def snapshot(sim):
    """What tests compare replays with, read straight from the simulator."""
    state = sim.state
    return {
        "row": state.row.copy(),
        "col": state.col.copy(),
        "vibe": state.vibe.copy(),
        "inventory": state.inventory.copy(),
        "stock": state.stock[0].copy(),
        "owned": state.junctions[0, :, 0].copy(),
        "object_value": state.object_value[0].copy(),
        "tokens": sim.tokens.copy(),
        "actions": sim.actions.copy(),
        "success": sim.success.copy(),
        "rewards": sim.rewards.copy(),
    }


@pytest.fixture(scope="session")
def episode():
    """(document, states) of one episode."""
    recorder, states = record()
    return recorder.document(), states


def record_machina1(steps=150, agents=4, seed=3, map_seed=1_000_007):
    """Play machina_1 with dinky, disturbed now and then by any of the 157 actions; return (document, states)."""
    game = Machina1Config(num_agents=agents, max_steps=steps)
    sim = make_machina1(game, map_seed=map_seed, seed=seed, env_id=5)
    heading = Heading(game.model_dump(mode="json"), seed, 5, map_seed, label="test")
    recorder = Recorder(sim, Machina1Reader(sim), heading)
    dinky = load_policy("metta://policy/dinky:v15")
    dinky.bind(sim, 0, 1)
    rng, reset = np.random.default_rng(seed), np.ones(agents, bool)
    states = [snapshot_machina1(sim)]
    for _ in range(steps):
        wanted = dinky.act(reset, "sample", rng).actions
        reset[:] = False
        is_disturbed = rng.random(agents) < 0.05
        sim.actions[:] = np.where(is_disturbed, rng.integers(0, 160, agents), wanted)
        recorder.before_step()
        sim.step()
        recorder.after_step()
        states.append(snapshot_machina1(sim))
    return recorder.document(), states


def snapshot_machina1(sim):
    """What tests compare replays with, read straight from the simulator."""
    state = sim.state
    return {
        **{name: state.agents[name].copy() for name in ("row", "col", "vibe", "inventory")},
        "uses": state.uses[0].copy(),
        "ready_at": state.ready_at[0].copy(),
        "chests": state.chest_stock[0].copy(),
        "tokens": sim.tokens.copy(),
        "actions": sim.actions.copy(),
    }
