"""Writes the facts of `team_facts.py` for the games of a simulator. See there for what they are for."""

from __future__ import annotations

import numpy as np

from coglab.engine import team_facts as engine
from coglab.engine.jit import kernel
from coglab.games.cogsguard import rules
from coglab.games.cogsguard.state import OWNED
from coglab.games.cogsguard.team_facts import NUM_TEAM_FACTS, TEAM_FACTS

_column = TEAM_FACTS.index
_ELAPSED = _column("elapsed")
_COGS = _column("held_by_cogs")
_CLIPS = _column("held_by_clips")
_NOBODY = _column("held_by_nobody")
_STOCK_HEARTS = _column("stock_hearts")
_LOWEST = _column("stock_lowest_element")
_STOCK = _column("stock_oxygen")  # the first of the four elements
_HEARTS = _column("hearts")  # the first of the means over agents, which fill the rest
_CARGO = _column("cargo")
_GEAR = _column("with_aligner")  # the first of the four pieces of gear
_HP = _column("hp")
_ALIGNER_HEARTS = _column("hearts_of_aligners")
_SCRAMBLER_HEARTS = _column("hearts_of_scramblers")


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
        first = env * num_agents
        facts = out[first]
        junctions = np.float32(max(1, maps.info[game.map_slot].junctions))
        facts[_ELAPSED] = np.float32(game.tick) / np.float32(max_steps)
        facts[_COGS] = np.float32(game.junctions[1, OWNED]) / junctions
        facts[_CLIPS] = np.float32(game.junctions[0, OWNED]) / junctions
        facts[_NOBODY] = np.float32(1.0) - facts[_COGS] - facts[_CLIPS]
        facts[_STOCK_HEARTS] = np.log2(np.float32(1 + game.stock[rules.HEART])) / np.float32(4.0)
        lowest = np.float32(np.inf)
        for i in range(4):
            amount = np.log2(np.float32(1 + game.stock[rules.FIRST_ELEMENT + i])) / np.float32(8.0)
            facts[_STOCK + i] = amount
            lowest = min(lowest, amount)
        facts[_LOWEST] = lowest
        for i in range(_HEARTS, NUM_TEAM_FACTS):
            facts[i] = 0.0
        for n in range(first, first + num_agents):
            held = state.agents[n].inventory
            hearts = np.float32(held[rules.HEART]) * share
            facts[_HEARTS] += hearts
            for i in range(4):
                element = np.float32(held[rules.FIRST_ELEMENT + i])
                facts[_CARGO] += element * share / np.float32(20.0)
                facts[_GEAR + i] += np.float32(held[rules.FIRST_GEAR + i]) * share
            facts[_HP] += np.float32(held[rules.HP]) * share / np.float32(100.0)
            facts[_ALIGNER_HEARTS] += hearts * np.float32(held[rules.ALIGNER])
            facts[_SCRAMBLER_HEARTS] += hearts * np.float32(held[rules.SCRAMBLER])
        for n in range(first + 1, first + num_agents):
            for i in range(NUM_TEAM_FACTS):
                out[n, i] = facts[i]


class TeamFacts(engine.TeamFacts):
    """Writes the team facts of a `CogsGuardSim`."""

    names = TEAM_FACTS
    kernel = staticmethod(write_team_facts)
