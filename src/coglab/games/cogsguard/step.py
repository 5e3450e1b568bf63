"""The rule book of CogsGuard: what happens in one tick, phase by phase.

`step_game` is the list of phases. The numbers are in `rules.py`, limits and transfers in `inventory.py`, the clips in
`events.py`, what agents see in `observe.py`, how an episode begins and ends in `episode.py`.
"""

from __future__ import annotations

import numpy as np

from coglab.engine.jit import count_ones, helper, trailing_zeros
from coglab.engine.rng import mt_shuffle, shuffled_order
from coglab.games.cogsguard.events import owner_of, run_events, set_owner
from coglab.games.cogsguard.inventory import change, change_stock, deposit, free_room, withdraw
from coglab.games.cogsguard.maps import PAD
from coglab.games.cogsguard.rules import (
    ALIGNER,
    ALIGNER_STATION,
    CHEST,
    CLIPS,
    COGS,
    COL_STEP,
    DEPOSIT_MAX,
    ELEMENT_OF_KIND,
    ENERGY,
    EXTRACT_BARE,
    EXTRACT_MINER,
    FIRST_VIBE_ACTION,
    FRIENDLY_ENERGY,
    FRIENDLY_HP,
    FRIENDLY_INFLUENCE,
    GEAR_OF_KIND,
    GEAR_PRICE,
    HEART,
    HOSTILE_HP,
    HOSTILE_INFLUENCE,
    HP,
    HUB,
    INFLUENCE,
    JUNCTION,
    MINER,
    NEUTRAL,
    NOOP,
    NUM_ACTIONS,
    OXYGEN,
    READ_ALIGNED,
    READ_DEPOSITED,
    READ_GAINED,
    READ_HELD,
    READ_SCRAMBLED,
    READ_VIBES,
    ROW_STEP,
    SCOUT,
    SCRAMBLER,
    SILICON,
)
from coglab.games.cogsguard.state import (
    ALIGNED_BY_AGENT,
    HELD,
    INVALID_INDEX,
    MAX_STANDING,
    MOVE_FAILED,
    MOVE_SUCCESS,
    NOOP_SUCCESS,
    NUM_INVALID_SLOTS,
    OWNED,
    SCRAMBLED_BY_AGENT,
    VIBE_SUCCESS,
)

_ONE = np.uint64(1)


@helper
def step_game(state, maps, rules, env, actions, scratch, exact_order, success, rewards):
    """Simulate one tick of game `env` up to, but not including, what the agents see.

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
    first = env * rules.num_agents
    # 1. A new tick begins.
    state.tick[env] += 1
    # 2. The clips act.
    run_events(state, maps, rules, env, scratch.junctions, exact_order)
    # 3. Agents act one after the other, in an order that is drawn anew.
    _draw_order(state, rules, env, scratch.order, exact_order)
    # 4. Actions.
    for i in range(rules.num_agents):
        n = first + scratch.order[i]
        success[n] = _act(state, maps, rules, env, n, np.int64(actions[n]))
    for n in range(first, first + rules.num_agents):
        # 5. Regeneration. All agents regenerate before the first area effect, but neither reads other agents.
        change(state, rules, n, ENERGY, rules.energy_regen)
        change(state, rules, n, HP, -1)
        change(state, rules, n, INFLUENCE, -1)
        # 6. Hubs and junctions act on agents around them.
        _feel_area(state, maps, rules, env, n)
    # 7. Time held is counted.
    for collective in range(2):
        state.junctions[env, collective, HELD] += state.junctions[env, collective, OWNED]
    # 8. Rewards.
    _pay_rewards(state, maps, rules, env, rewards)


@helper
def _draw_order(state, rules, env, order, exact_order):
    if exact_order:
        for i in range(rules.num_agents):
            order[i] = i
        mt_shuffle(state.mt, state.mt_position, env, order, rules.num_agents)
    else:
        shuffled_order(state.rng, env, rules.num_agents, order)


# --- 4. actions ------------------------------------------------------------------------------------------------------


@helper
def _act(state, maps, rules, env, n, action):
    """Try the action of agent n; return whether it succeeded."""
    if action < 0 or action >= NUM_ACTIONS:
        state.last_action[n] = NOOP
        _count_invalid_index(state, n, action)
        return False
    is_move = NOOP < action < FIRST_VIBE_ACTION
    if is_move:
        has_succeeded = _move(state, maps, rules, env, n, action - 1)
        state.counter[n, MOVE_SUCCESS if has_succeeded else MOVE_FAILED] += 1
    else:
        has_succeeded = True
        if action == NOOP:
            state.counter[n, NOOP_SUCCESS] += 1
        else:
            state.vibe[n] = action - FIRST_VIBE_ACTION
            state.counter[n, VIBE_SUCCESS] += 1
    _count_standing(state, n)
    if is_move and has_succeeded:
        change(state, rules, n, ENERGY, -rules.move_cost)
    state.last_action[n] = action if has_succeeded else NOOP
    return has_succeeded


@helper
def _count_invalid_index(state, n, action):
    """Count an action outside the list: twice, once for each of the reference engine's two passes."""
    state.counter[n, INVALID_INDEX] += 2
    for i in range(NUM_INVALID_SLOTS):
        if state.invalid_count[n, i] == 0 or state.invalid_index[n, i] == action:
            state.invalid_index[n, i] = action
            state.invalid_count[n, i] += 2
            return


@helper
def _count_standing(state, n):
    """Count actions that left the agent in the cell in which its previous action left it."""
    if state.row[n] == state.last_row[n] and state.col[n] == state.last_col[n]:
        state.standing[n] += 1
        state.counter[n, MAX_STANDING] = max(np.int64(state.counter[n, MAX_STANDING]), np.int64(state.standing[n]))
    else:
        state.standing[n] = 0
        state.last_row[n] = state.row[n]
        state.last_col[n] = state.col[n]


@helper
def _move(state, maps, rules, env, n, direction):
    """Move agent n one cell, or use what stands there; return whether either worked."""
    if state.inventory[n, ENERGY] < rules.move_cost:
        return False
    slot = state.map_slot[env]
    row = np.int64(state.row[n]) + ROW_STEP[direction]
    col = np.int64(state.col[n]) + COL_STEP[direction]
    if row < 0 or col < 0 or row >= maps.height[slot] or col >= maps.width[slot]:
        return False
    word, bit = (col + PAD) >> 6, _ONE << np.uint64((col + PAD) & 63)
    if maps.wall_bits[slot, row + PAD, word] & bit:
        return False
    first = env * rules.num_agents
    for other in range(first, first + rules.num_agents):
        if state.row[other] == row and state.col[other] == col:
            return False
    if maps.object_bits[slot, row + PAD, word] & bit:
        thing = object_at(maps, slot, row, col)
        kind = np.int64(maps.object_kind[slot, thing])
        is_removed = ELEMENT_OF_KIND[kind] >= 0 and state.object_value[env, thing] == 0 and not rules.extractors_stay
        if not is_removed:
            return _use(state, maps, rules, env, n, thing, kind)
    state.row[n] = row
    state.col[n] = col
    return True


@helper
def object_at(maps, slot, row, col):
    """Return the number of the object at a cell of map `slot` that has one."""
    word, bit = (col + PAD) >> 6, _ONE << np.uint64((col + PAD) & 63)
    number = np.int64(maps.row_start[slot, row + PAD])
    for w in range(word):
        number += count_ones(maps.object_bits[slot, row + PAD, w])
    return number + count_ones(maps.object_bits[slot, row + PAD, word] & (bit - _ONE))


# --- what can be used: the first handler whose conditions hold is carried out, and then the move has succeeded ---------


@helper
def _use(state, maps, rules, env, n, thing, kind):
    """Let agent n use an object; return whether one of the object's handlers applied."""
    if ELEMENT_OF_KIND[kind] >= 0:
        return _use_extractor(state, rules, env, n, thing, np.int64(ELEMENT_OF_KIND[kind]))
    if kind == JUNCTION:
        return _use_junction(state, maps, rules, env, n, thing)
    if kind == HUB:
        return _deposit_cargo(state, rules, env, n)
    if kind == CHEST:
        return _use_chest(state, rules, env, n)
    return _use_station(state, rules, env, n, np.int64(GEAR_OF_KIND[kind]))


@helper
def _deposit_cargo(state, rules, env, n):
    for element in range(OXYGEN, SILICON + 1):
        deposit(state, rules, env, n, element, DEPOSIT_MAX)
    return True


@helper
def _use_junction(state, maps, rules, env, n, thing):
    owner = owner_of(state, env, thing)
    inventory = state.inventory
    has_heart = inventory[n, HEART] >= 1
    if owner == COGS:
        return _deposit_cargo(state, rules, env, n)
    if owner == NEUTRAL and has_heart and inventory[n, ALIGNER] >= 1 and inventory[n, INFLUENCE] >= 1:
        change(state, rules, n, HEART, -1)
        set_owner(state, maps, env, thing, COGS)
        state.counter[n, ALIGNED_BY_AGENT] += 1
        return True
    if owner == CLIPS and has_heart and inventory[n, SCRAMBLER] >= 1:
        set_owner(state, maps, env, thing, NEUTRAL)
        change(state, rules, n, HEART, -1)
        state.counter[n, SCRAMBLED_BY_AGENT] += 1
        return True
    return False


@helper
def _use_chest(state, rules, env, n):
    if state.stock[env, HEART] >= 1:
        withdraw(state, rules, env, n, HEART, 1)
        return True
    for element in range(OXYGEN, SILICON + 1):
        if state.stock[env, element] < rules.heart_price:
            return False
    for element in range(OXYGEN, SILICON + 1):
        change_stock(state, env, element, -rules.heart_price)
    change(state, rules, n, HEART, 1)
    return True


@helper
def _use_extractor(state, rules, env, n, thing, element):
    most = EXTRACT_MINER if state.inventory[n, MINER] >= 1 else EXTRACT_BARE
    left = np.int64(state.object_value[env, thing])
    count = min(left, most, free_room(state, rules, n, element))
    state.object_value[env, thing] = left - count
    if count > 0:
        state.last_extracted[env, element] = left - count
    change(state, rules, n, element, count)
    return True


@helper
def _use_station(state, rules, env, n, gear):
    if state.inventory[n, gear] >= 1:
        return True
    for element in range(OXYGEN, SILICON + 1):
        if state.stock[env, element] < GEAR_PRICE[gear, element]:
            return False
    for old_gear in range(ALIGNER, SCOUT + 1):
        change(state, rules, n, old_gear, -np.int64(state.inventory[n, old_gear]))
    for element in range(OXYGEN, SILICON + 1):
        change_stock(state, env, element, -GEAR_PRICE[gear, element])
    change(state, rules, n, gear, 1)
    return True


# --- 6. area effects -------------------------------------------------------------------------------------------------


@helper
def _feel_area(state, maps, rules, env, n):
    """Let every hub and junction in range act on agent n, in row-major order."""
    slot = state.map_slot[env]
    row, col = state.row[n], state.col[n]
    for word in range(maps.hub_sources.shape[1]):
        near = maps.sources_near_row[slot, row, word] & maps.sources_near_col[slot, col, word]
        friendly = near & state.cogs_sources[env, word]
        left = friendly | (near & state.clips_sources[env, word])
        while left:
            bit = left & (~left + _ONE)
            left ^= bit
            if friendly & bit:
                change(state, rules, n, INFLUENCE, FRIENDLY_INFLUENCE)
                change(state, rules, n, ENERGY, FRIENDLY_ENERGY)
                change(state, rules, n, HP, FRIENDLY_HP)
            else:
                change(state, rules, n, HP, HOSTILE_HP)
                change(state, rules, n, INFLUENCE, HOSTILE_INFLUENCE)


# --- 8. rewards ------------------------------------------------------------------------------------------------------


@helper
def _pay_rewards(state, maps, rules, env, rewards):
    """Pay the difference between the reward level after this tick and after the last; float32 throughout."""
    first = env * rules.num_agents
    junctions = np.float32(maps.junction_count[state.map_slot[env]])
    for n in range(first, first + rules.num_agents):
        total = np.float32(0.0)
        for entry in range(rules.reward_read.shape[0]):
            read = rules.reward_read[entry]
            value = np.float32(_reward_statistic(state, env, n, read)) * rules.reward_weight[entry]
            if read == READ_HELD and rules.divides_objective and junctions > 0:
                value = value / junctions
            total += min(value, rules.reward_cap[entry])
        rewards[n] = total - state.reward_level[n]
        state.reward_level[n] = total
        state.episode_return[n] += rewards[n]


@helper
def _reward_statistic(state, env, n, read):
    """Return the statistic that a reward entry reads, as int64."""
    if read == READ_HELD:
        return np.int64(state.junctions[env, COGS, HELD])
    if read == READ_SCRAMBLED:
        return np.int64(state.counter[n, SCRAMBLED_BY_AGENT])
    if read == READ_ALIGNED:
        return np.int64(state.counter[n, ALIGNED_BY_AGENT])
    if read == READ_VIBES:
        return np.int64(state.counter[n, VIBE_SUCCESS])
    if read >= READ_DEPOSITED:
        return np.int64(state.deposited[env, read - READ_DEPOSITED])
    if read >= READ_GAINED:
        return np.int64(state.gained[n, read - READ_GAINED])
    return np.int64(0)
