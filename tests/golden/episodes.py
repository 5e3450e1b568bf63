"""Digests of whole episodes: any change of rules, maps, observations, rewards or random numbers changes them.

`python -m tests.golden.episodes` writes `digests.json` anew. Do that only for a change that is meant, and say in
CHANGELOG.md what it changes for trained agents.
"""

import hashlib
import json
from pathlib import Path

import numpy as np

from coglab.games.cogsguard.config import CogsGuardConfig
from coglab.games.cogsguard.mapgen import MapPool
from coglab.games.cogsguard.mapgen.site import generate_kinds
from coglab.games.cogsguard.rules import NUM_ACTIONS
from coglab.games.cogsguard.sim import CogsGuardSim
from coglab.games.machina1.config import Machina1Config
from coglab.games.machina1.maps import MapTable as Machina1MapTable
from coglab.games.machina1.rules import VIBE_HEART_A
from coglab.games.machina1.sim import Machina1Sim
from tests.reference.twin_random import MersenneTwister

PATH = Path(__file__).with_name("digests.json")
MACHINA1_TRACES = Path(__file__).parents[1] / "data" / "traces_machina1"

EPISODES = {
    "arena, 2026-02-01, exact order": ("arena", "2026-02-01", True, 8, 200),
    "arena, 2026-02-01, training order": ("arena", "2026-02-01", False, 8, 200),
    "arena, 2026-01-24, exact order": ("arena", "2026-01-24", True, 8, 200),
    "machina_1, 2026-02-01, exact order": ("machina_1", "2026-02-01", True, 8, 150),
    "tutorial, 2026-02-01, exact order": ("tutorial", "2026-02-01", True, 1, 150),
}
"""Name -> (mission, rules, exact order, agents, ticks of the episode)."""

MACHINA1_EPISODES = {
    "machina1 game, exact order": (152, True),
    "machina1 game, training order, 13 vibes": (13, False),
}
"""Name -> (vibes, exact order)."""

MAPS = {"arena": 8, "machina_1": 4, "tutorial": 8}
"""Mission -> map seeds 0 to n-1 that are digested."""


def walking_actions(ticks, rows):
    """[ticks, rows] int32: every agent walks straight for a while, now and then changes its vibe or errs."""
    random = MersenneTwister(20260201)
    heading = [1 + random.below(4) for _ in range(rows)]
    actions = np.zeros((ticks, rows), np.int32)
    for tick in range(ticks):
        for row in range(rows):
            lot = random.below(100)
            if lot < 15:
                heading[row] = 1 + random.below(4)
            actions[tick, row] = random.below(NUM_ACTIONS + 1) if lot >= 92 else heading[row]
    return actions


def episode_digest(name):
    """Play one episode on two maps and one tick of the next; digest what came out of every tick."""
    mission, ruleset, is_exact, num_agents, ticks = EPISODES[name]
    config = CogsGuardConfig(
        mission=mission,
        num_agents=num_agents,
        max_steps=ticks,
        rules=ruleset,
        wealth=3,
        reward_variants=("credit", "penalize_vibe_change"),
    )
    maps = MapPool.for_evaluation(config, 2)
    sim = CogsGuardSim(config, 2, maps, seed=5, map_choice="by_env", exact_order=is_exact)
    digest = hashlib.sha256(sim.tokens.tobytes())
    for actions in walking_actions(ticks + 1, sim.num_rows):
        sim.actions[:] = actions
        sim.step()
        for array in (sim.tokens, sim.rewards, sim.terminated, sim.success):
            digest.update(array.tobytes())
    for array in (sim.episode.returns, sim.episode.agent, sim.episode.collective, sim.episode.game):
        digest.update(array.tobytes())
    return digest.hexdigest()[:32]


def machina1_digest(name):
    """Play two games of machina_1 on recorded maps, agents of the second rich and in the middle; digest every tick."""
    vibes, is_exact = MACHINA1_EPISODES[name]
    grids = [np.load(path)["grid"] for path in sorted(MACHINA1_TRACES.glob("*.npz"))[:2]]
    config = Machina1Config(max_steps=150, vibes=vibes, diversity_bonus=True)
    maps = Machina1MapTable.from_grids(grids)
    sim = Machina1Sim(config, 2, maps, seed=5, map_choice="by_env", exact_order=is_exact)
    digest = hashlib.sha256(sim.tokens.tobytes())
    for tick, actions in enumerate(walking_actions(151, sim.num_rows)):
        if tick == 20:
            sim.state.inventory[4:, 1:6] = (20, 20, 4, 56, 0)
            sim.state.row[4:], sim.state.col[4:] = (47, 47, 47, 48), (47, 48, 49, 47)
            sim.state.vibe[4:] = VIBE_HEART_A
        sim.actions[:] = actions
        sim.step()
        for array in (sim.tokens, sim.rewards, sim.terminated, sim.success):
            digest.update(array.tobytes())
    for array in (sim.episode.returns, sim.episode.agent, sim.episode.game):
        digest.update(array.tobytes())
    return digest.hexdigest()[:32]


def maps_digest(mission):
    """Digest the maps of the first seeds."""
    digest = hashlib.sha256()
    for seed in range(MAPS[mission]):
        digest.update(generate_kinds(mission, 1, seed).tobytes())
    return digest.hexdigest()[:32]


def main():
    """Write `digests.json`."""
    digests = {f"maps of {mission}": maps_digest(mission) for mission in MAPS}
    digests |= {name: episode_digest(name) for name in EPISODES}
    digests |= {name: machina1_digest(name) for name in MACHINA1_EPISODES}
    PATH.write_text(json.dumps(digests, indent=2) + "\n", encoding="utf-8")
    print(f"wrote {len(digests)} digests to {PATH}")


if __name__ == "__main__":
    main()
