"""Writes the facts of `team_facts.py` for the games of a simulator. See there for what they are for."""

from __future__ import annotations

import numpy as np

from coglab.engine import team_facts as engine
from coglab.engine.jit import kernel
from coglab.games.machina1 import rules
from coglab.games.machina1.names import RESOURCES
from coglab.games.machina1.team_facts import ELEMENTS, NUM_TEAM_FACTS, TEAM_FACTS

_column = TEAM_FACTS.index
_ELAPSED = _column("elapsed")
_LEFT = _column("carbon_left")  # the first of the four elements
_MADE = _column("hearts_made")
_DELIVERED = _column("hearts_delivered")
_CARGO = _column("cargo_carbon")  # the first of the four elements
_LOWEST = _column("lowest_share")
_ENERGY = _column("energy")
_WITH_HEART = _column("with_heart")
_NEAR = _column("near_assembler")
_NEAR_FOR_HEARTS = _column("near_for_hearts")
_HEART_A = _column("showing_heart_a")
_HEART_B = _column("showing_heart_b")

_KINDS = np.array([rules.EXTRACTOR_OF_ELEMENT[RESOURCES.index(name)] for name in ELEMENTS])
_SOLO_PRICE = rules.PRICE[rules.FIRST_HEART_RECIPE]
_MANY_HEARTS = np.float32(16.0)
"""About as many as an agent that works alone can make on a map."""


@kernel
def write_team_facts(state, maps, max_steps, num_agents, first_env, last_env, out):
    """Write the facts of games `[first_env, last_env)`.

    Args:
        state: `State`, read only.
        maps: `CompiledMaps`, read only.
        max_steps: ticks per episode.
        num_agents: agents per game.
        first_env: first game.
        last_env: game after the last.
        out: f32 `[N, NUM_TEAM_FACTS]`, written.
    """
    share = np.float32(1.0 / num_agents)
    for env in range(first_env, last_env):
        game = state.games[env]
        info = maps.info[game.map_slot]
        first = env * num_agents
        facts = out[first]
        for i in range(NUM_TEAM_FACTS):
            facts[i] = 0.0
        facts[_ELAPSED] = np.float32(game.tick) / np.float32(max_steps)
        for i in range(4):
            kind = _KINDS[i]
            at_start = rules.MAX_USES[kind] * max(1, np.int64(info.kind_count[kind]))
            facts[_LEFT + i] = np.float32(game.uses_left[kind]) / np.float32(at_start)
        facts[_MADE] = np.float32(game.created[rules.HEART]) * share / _MANY_HEARTS
        facts[_DELIVERED] = np.float32(game.deposited[rules.HEART]) * share / _MANY_HEARTS
        far = -3
        row, col = far, far
        if info.assembler >= 0:
            row = np.int64(maps.objects[game.map_slot, info.assembler].row)
            col = np.int64(maps.objects[game.map_slot, info.assembler].col)
        for n in range(first, first + num_agents):
            agent = state.agents[n]
            for i in range(4):
                element = rules.FIRST_ELEMENT + i
                carried = np.float32(agent.inventory[element]) / np.float32(_SOLO_PRICE[element])
                facts[_CARGO + i] += carried * share
            facts[_ENERGY] += np.float32(agent.inventory[rules.ENERGY]) * share / np.float32(100.0)
            facts[_WITH_HEART] += np.float32(agent.inventory[rules.HEART]) * share
            shows_a = agent.vibe == rules.VIBE_HEART_A
            distance = max(abs(np.int64(agent.row) - row), abs(np.int64(agent.col) - col))
            facts[_HEART_A] += np.float32(shows_a) * share
            facts[_HEART_B] += np.float32(agent.vibe == rules.VIBE_HEART_B) * share
            facts[_NEAR] += np.float32(distance <= 1) * share
            facts[_NEAR_FOR_HEARTS] += np.float32((distance <= 1) & shows_a) * share
        facts[_LOWEST] = min(
            min(facts[_CARGO], facts[_CARGO + 1]), min(facts[_CARGO + 2], facts[_CARGO + 3])
        )
        for n in range(first + 1, first + num_agents):
            for i in range(NUM_TEAM_FACTS):
                out[n, i] = facts[i]


class TeamFacts(engine.TeamFacts):
    """Writes the team facts of a `Machina1Sim`."""

    names = TEAM_FACTS
    kernel = staticmethod(write_team_facts)
