"""The rule book of machina_1: what happens in one tick, phase by phase.

`step_game` is the list of phases. The numbers are in `rules.py`, what stations and chests do in `stations.py`, limits and
sharing in `inventory.py`, what agents see in `observe.py`, how an episode begins and ends in `episode.py`.
"""

from __future__ import annotations

import numpy as np

from coglab.engine.jit import helper, inlined
from coglab.engine.maps import PAD, object_at
from coglab.engine.moves import COL_STEP, ROW_STEP
from coglab.engine.turns import (
    MOVE_FAILED,
    MOVE_SUCCESS,
    NOOP_SUCCESS,
    VIBE_SUCCESS,
    count_invalid_index,
    count_standing,
    draw_order,
)
from coglab.games.machina1.inventory import free_room, give, take
from coglab.games.machina1.rules import (
    DIVERSITY_BONUS,
    ENERGY,
    ENERGY_LIMIT,
    ENERGY_REGEN,
    FIRST_MOVE,
    FIRST_VIBE_ACTION,
    GIFT,
    HEART,
    MOVE_COST,
    NOOP,
    VIBE_CHARGER,
)
from coglab.games.machina1.stations import use

_ONE = np.uint64(1)


@inlined
def step_game(state, maps, rules, env, actions, scratch, exact_order, success, rewards):
    """Simulate one tick of a game up to, but not including, what the agents see.

    Args:
        state: written.
        maps: read only.
        rules: read only.
        env: the game.
        actions: [N] int32.
        scratch: work space of the calling thread.
        exact_order: whether random numbers are those of the reference engine.
        success: [N] bool, written for the rows of the game.
        rewards: [N] float32, written for the rows of the game.
    """
    game = state.games[env]
    first = env * rules.num_agents
    # 1. A new tick begins.
    game.tick += 1
    # 2. The order in which agents act is drawn anew.
    draw_order(state, rules, env, scratch.order, exact_order)
    # 3. Actions, one agent after the other.
    for i in range(rules.num_agents):
        n = first + scratch.order[i]
        success[n] = _act(state, maps, rules, env, n, np.int64(actions[n]), scratch)
    # 4. Everyone regains energy.
    for n in range(first, first + rules.num_agents):
        _regain_energy(state.agents[n])
    # 5. Rewards.
    _pay_rewards(state, rules, env, rewards)


# --- 3. actions ------------------------------------------------------------------------------------------------------


@inlined
def _act(state, maps, rules, env, n, action, scratch):
    """Try the action of the agent in row n; return whether it succeeded."""
    agent = state.agents[n]
    if action < 0 or action >= rules.num_actions:
        agent.last_action = NOOP
        count_invalid_index(agent, action)
        return False
    is_move = NOOP < action < FIRST_VIBE_ACTION
    has_succeeded = True
    if is_move:
        has_succeeded = _move(state, maps, rules, env, n, action - FIRST_MOVE, scratch)
        agent.counter[MOVE_SUCCESS if has_succeeded else MOVE_FAILED] += 1
    elif action == NOOP:
        agent.counter[NOOP_SUCCESS] += 1
    else:
        agent.vibe = action - FIRST_VIBE_ACTION
        agent.counter[VIBE_SUCCESS] += 1
    count_standing(agent)
    if is_move and has_succeeded:
        # Using a silicon extractor may have left less than the move costs.
        take(agent, ENERGY, MOVE_COST)
    agent.last_action = action if has_succeeded else NOOP
    return has_succeeded


@inlined
def _move(state, maps, rules, env, n, direction, scratch):
    """Move an agent one cell, or use what stands there; return whether either worked."""
    agent = state.agents[n]
    if agent.inventory[ENERGY] < MOVE_COST:
        return False
    slot = np.int64(state.games[env].map_slot)
    row = np.int64(agent.row) + ROW_STEP[direction]
    col = np.int64(agent.col) + COL_STEP[direction]
    if row < 0 or col < 0 or row >= maps.info[slot].height or col >= maps.info[slot].width:
        return False
    word, bit = (col + PAD) >> 6, _ONE << np.uint64((col + PAD) & 63)
    if maps.wall_bits[slot, row + PAD, word] & bit:
        return False
    first = env * rules.num_agents
    for other in range(first, first + rules.num_agents):
        if state.agents[other].row == row and state.agents[other].col == col:
            return _give_energy(agent, state.agents[other])
    if maps.object_bits[slot, row + PAD, word] & bit:
        return use(state, maps, rules, env, n, object_at(maps, slot, row, col), scratch)
    agent.row = row
    agent.col = col
    return True


@helper
def _give_energy(agent, other):
    """Let an agent that moves into another one hand over energy, all of the gift or nothing; return whether it did."""
    if agent.vibe != VIBE_CHARGER or agent.inventory[ENERGY] < GIFT:
        return False
    if free_room(other, ENERGY) < GIFT:
        return False
    take(agent, ENERGY, GIFT)
    give(other, ENERGY, GIFT)
    return True


# --- 4. regeneration -------------------------------------------------------------------------------------------------


@inlined
def _regain_energy(agent):
    gain = min(ENERGY_REGEN, ENERGY_LIMIT - np.int64(agent.inventory[ENERGY]))
    agent.inventory[ENERGY] += gain
    agent.gained[ENERGY] += gain


# --- 5. rewards ------------------------------------------------------------------------------------------------------


@inlined
def _pay_rewards(state, rules, env, rewards):
    """Pay the difference between the reward level after this tick and after the last."""
    first = env * rules.num_agents
    created = np.int64(state.games[env].created[HEART]) if rules.pays_chorus else np.int64(0)
    for n in range(first, first + rules.num_agents):
        agent = state.agents[n]
        level = np.float32(created + np.int64(agent.deposited[HEART]))
        if rules.pays_diversity:
            level += _diversity_bonus(agent)
        rewards[n] = level - agent.reward_level
        agent.reward_level = level
        agent.episode_return += rewards[n]


@helper
def _diversity_bonus(agent):
    """Return what an agent has earned so far by holding many kinds of energy, elements and heart at once."""
    kinds = 0
    for item in range(ENERGY, HEART + 1):
        kinds += np.int64(agent.inventory[item] > 0)
    while agent.most_kinds < kinds:
        agent.most_kinds += 1
        agent.bonus += DIVERSITY_BONUS[agent.most_kinds]
    return agent.bonus
