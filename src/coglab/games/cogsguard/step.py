"""The rule book of CogsGuard: what happens in one tick, phase by phase.

`step_game` is the list of phases. The numbers are in `rules.py`, limits and transfers in `inventory.py`, the clips in
`events.py`, what agents see in `observe.py`, how an episode begins and ends in `episode.py`.
"""

from __future__ import annotations

import numpy as np

from coglab.engine.jit import count_ones, helper, inlined
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
from coglab.games.cogsguard.events import owner_of, run_events, set_owner
from coglab.games.cogsguard.inventory import (
    change,
    change_energy,
    change_hp,
    change_influence,
    change_stock,
    deposit,
    free_room,
    push_front,
    withdraw,
)
from coglab.games.cogsguard.rules import (
    ALIGNER,
    CHEST,
    CLIPS,
    COGS,
    DEPOSIT_MAX,
    ELEMENT_OF_KIND,
    ENERGY,
    ENERGY_PER_SCOUT,
    EXTRACT_BARE,
    EXTRACT_MINER,
    FIRST_MOVE,
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
    HP_MIN,
    HP_PER_SCOUT,
    HP_PER_SCRAMBLER,
    HUB,
    INFLUENCE,
    INFLUENCE_PER_ALIGNER,
    JUNCTION,
    MINER,
    NEUTRAL,
    NOOP,
    NUM_ACTIONS,
    OXYGEN,
    PRICE_ORDER,
    READ_ALIGNED,
    READ_DEPOSITED,
    READ_GAINED,
    READ_HELD,
    READ_SCRAMBLED,
    READ_VIBES,
    SCOUT,
    SCRAMBLER,
    SILICON,
)
from coglab.games.cogsguard.state import (
    ALIGNED_BY_AGENT,
    HELD,
    OWNED,
    SCRAMBLED_BY_AGENT,
)

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
    # 2. The clips act.
    run_events(state, maps, rules, env, scratch.junctions, exact_order)
    # 3. The order in which agents act is drawn anew.
    draw_order(state, rules, env, scratch.order, exact_order)
    # 4. Actions, one agent after the other.
    for i in range(rules.num_agents):
        n = first + scratch.order[i]
        success[n] = _act(state, maps, rules, env, state.agents[n], np.int64(actions[n]))
    # 5. Regeneration, and 6. hubs and junctions act on the agents around them.
    live_on(state, maps, rules, env)
    # 7. Time held is counted.
    for collective in range(2):
        game.junctions[collective, HELD] += game.junctions[collective, OWNED]
    # 8. Rewards.
    _pay_rewards(state, maps, rules, env, rewards)


# --- 4. actions ------------------------------------------------------------------------------------------------------


@inlined
def _act(state, maps, rules, env, agent, action):
    """Try an agent's action; return whether it succeeded."""
    if action < 0 or action >= NUM_ACTIONS:
        agent.last_action = NOOP
        count_invalid_index(agent, action)
        return False
    is_move = NOOP < action < FIRST_VIBE_ACTION
    has_succeeded = True
    if is_move:
        has_succeeded = _move(state, maps, rules, env, agent, action - FIRST_MOVE)
        agent.counter[MOVE_SUCCESS if has_succeeded else MOVE_FAILED] += 1
    elif action == NOOP:
        agent.counter[NOOP_SUCCESS] += 1
    else:
        agent.vibe = action - FIRST_VIBE_ACTION
        agent.counter[VIBE_SUCCESS] += 1
    count_standing(agent)
    if is_move and has_succeeded:
        change_energy(agent, rules, -rules.move_cost)
    agent.last_action = action if has_succeeded else NOOP
    return has_succeeded


@inlined
def _move(state, maps, rules, env, agent, direction):
    """Move an agent one cell, or use what stands there; return whether either worked."""
    if agent.inventory[ENERGY] < rules.move_cost:
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
    for n in range(first, first + rules.num_agents):
        if state.agents[n].row == row and state.agents[n].col == col:
            return False
    if maps.object_bits[slot, row + PAD, word] & bit:
        thing = object_at(maps, slot, row, col)
        kind = np.int64(maps.objects[slot, thing].kind)
        is_empty = ELEMENT_OF_KIND[kind] >= 0 and state.object_value[env, thing] == 0
        if rules.extractors_stay or not is_empty:
            return _use(state, maps, rules, env, agent, thing, kind)
    agent.row = row
    agent.col = col
    return True


# --- what can be used: the first handler whose conditions hold is carried out, and then the move has succeeded ---------


@helper
def _use(state, maps, rules, env, agent, thing, kind):
    """Let an agent use an object; return whether one of the object's handlers applied."""
    game = state.games[env]
    if ELEMENT_OF_KIND[kind] >= 0:
        return _use_extractor(state, rules, env, agent, thing, np.int64(ELEMENT_OF_KIND[kind]))
    if kind == JUNCTION:
        return _use_junction(state, maps, rules, env, agent, thing)
    if kind == HUB:
        return _deposit_cargo(agent, game, rules)
    if kind == CHEST:
        return _use_chest(agent, game, rules)
    return _use_station(agent, game, rules, np.int64(GEAR_OF_KIND[kind]))


@helper
def _deposit_cargo(agent, game, rules):
    for element in range(OXYGEN, SILICON + 1):
        deposit(agent, game, rules, element, DEPOSIT_MAX)
    return True


@helper
def _use_junction(state, maps, rules, env, agent, thing):
    owner = owner_of(state, env, thing)
    held = agent.inventory
    has_heart = held[HEART] >= 1
    if owner == COGS:
        return _deposit_cargo(agent, state.games[env], rules)
    if owner == NEUTRAL and has_heart and held[ALIGNER] >= 1 and held[INFLUENCE] >= 1:
        change(agent, rules, HEART, -1)
        set_owner(state, maps, env, thing, COGS)
        agent.counter[ALIGNED_BY_AGENT] += 1
        return True
    if owner == CLIPS and has_heart and held[SCRAMBLER] >= 1:
        set_owner(state, maps, env, thing, NEUTRAL)
        change(agent, rules, HEART, -1)
        agent.counter[SCRAMBLED_BY_AGENT] += 1
        return True
    return False


@helper
def _use_chest(agent, game, rules):
    if game.stock[HEART] >= 1:
        withdraw(agent, game, rules, HEART, 1)
        return True
    for element in range(OXYGEN, SILICON + 1):
        if game.stock[element] < rules.heart_price:
            return False
    for element in range(OXYGEN, SILICON + 1):
        change_stock(game, element, -rules.heart_price)
    change(agent, rules, HEART, 1)
    return True


@helper
def _use_extractor(state, rules, env, agent, thing, element):
    most = EXTRACT_MINER if agent.inventory[MINER] >= 1 else EXTRACT_BARE
    left = np.int64(state.object_value[env, thing])
    count = min(left, most, free_room(agent, rules, element))
    state.object_value[env, thing] = left - count
    if count > 0:
        state.games[env].last_extracted[element] = left - count
    change(agent, rules, element, count)
    return True


@helper
def _use_station(agent, game, rules, gear):
    if agent.inventory[gear] >= 1:
        return True
    for element in range(OXYGEN, SILICON + 1):
        if game.stock[element] < GEAR_PRICE[gear, element]:
            return False
    for old_gear in range(ALIGNER, SCOUT + 1):
        change(agent, rules, old_gear, -np.int64(agent.inventory[old_gear]))
    for element in PRICE_ORDER:
        change_stock(game, element, -GEAR_PRICE[gear, element])
    change(agent, rules, gear, 1)
    return True


# --- 5. regeneration and 6. area effects -----------------------------------------------------------------------------


@inlined
def live_on(state, maps, rules, env):
    """Let all agents of a game regenerate and feel the hubs and junctions in range.

    By the rules, all agents regenerate before the first area effect; neither looks at other agents.
    """
    first = env * rules.num_agents
    for n in range(first, first + rules.num_agents):
        agent = state.agents[n]
        if not _live_on_quickly(state, maps, rules, env, agent):
            _live_on_exactly(state, maps, rules, env, agent)


@helper
def _live_on_exactly(state, maps, rules, env, agent):
    """Let an agent regenerate; then every hub and junction in range acts on it, in row-major order."""
    change_energy(agent, rules, rules.energy_regen)
    change_hp(agent, rules, -1)
    change_influence(agent, rules, -1)
    slot = np.int64(state.games[env].map_slot)
    row, col = np.int64(agent.row), np.int64(agent.col)
    for word in range(maps.hub_sources.shape[1]):
        near = maps.sources_near_row[slot, row, word] & maps.sources_near_col[slot, col, word]
        friendly = near & state.owned_sources[env, COGS, word]
        left = friendly | (near & state.owned_sources[env, CLIPS, word])
        while left:
            bit = left & (~left + _ONE)
            left ^= bit
            if friendly & bit:
                change_influence(agent, rules, FRIENDLY_INFLUENCE)
                change_energy(agent, rules, FRIENDLY_ENERGY)
                change_hp(agent, rules, FRIENDLY_HP)
            else:
                change_hp(agent, rules, HOSTILE_HP)
                change_influence(agent, rules, HOSTILE_INFLUENCE)


@inlined
def _live_on_quickly(state, maps, rules, env, agent):
    """Do what `_live_on_exactly` does if that is simple; else change nothing and return False.

    It is simple as long as neither hp nor influence begins or ceases to be there: then no limit changes, and only
    energy may enter the list of what is held. Sources of one side only act as one that is as strong as all.
    """
    held = agent.inventory
    energy_limit = max(rules.energy_min, ENERGY_PER_SCOUT * np.int64(held[SCOUT]))
    hp_bonus = HP_PER_SCOUT * np.int64(held[SCOUT]) + HP_PER_SCRAMBLER * np.int64(held[SCRAMBLER])
    hp_limit = max(HP_MIN, hp_bonus)
    influence_limit = INFLUENCE_PER_ALIGNER * np.int64(held[ALIGNER])
    old_energy, old_hp, old_influence = (
        np.int64(held[ENERGY]),
        np.int64(held[HP]),
        np.int64(held[INFLUENCE]),
    )
    energy = min(max(old_energy + rules.energy_regen, 0), energy_limit)
    hp = min(max(old_hp - 1, 0), hp_limit)
    influence = min(max(old_influence - 1, 0), influence_limit)
    energy_gained = max(0, energy - old_energy)
    hp_gained, influence_gained = np.int64(0), np.int64(0)
    is_simple = ((hp == 0) == (old_hp == 0)) & ((influence == 0) == (old_influence == 0))

    slot = np.int64(state.games[env].map_slot)
    row, col = np.int64(agent.row), np.int64(agent.col)
    friends, foes = np.int64(0), np.int64(0)
    for word in range(maps.hub_sources.shape[1]):
        near = maps.sources_near_row[slot, row, word] & maps.sources_near_col[slot, col, word]
        friends += count_ones(near & state.owned_sources[env, COGS, word])
        foes += count_ones(near & state.owned_sources[env, CLIPS, word])
    if friends and foes:
        for word in range(maps.hub_sources.shape[1]):
            near = maps.sources_near_row[slot, row, word] & maps.sources_near_col[slot, col, word]
            friendly = near & state.owned_sources[env, COGS, word]
            left = friendly | (near & state.owned_sources[env, CLIPS, word])
            while left:
                bit = left & (~left + _ONE)
                left ^= bit
                hp_before, influence_before = hp, influence
                if friendly & bit:
                    influence = min(influence + FRIENDLY_INFLUENCE, influence_limit)
                    hp = min(hp + FRIENDLY_HP, hp_limit)
                    hp_gained += hp - hp_before
                    influence_gained += influence - influence_before
                else:
                    hp = max(hp + HOSTILE_HP, 0)
                    influence = max(influence + HOSTILE_INFLUENCE, 0)
                is_simple &= (hp == 0) == (hp_before == 0)
                is_simple &= (influence == 0) == (influence_before == 0)
    else:
        hp_before, influence_before = hp, influence
        hp = max(min(hp + FRIENDLY_HP * friends, hp_limit) + HOSTILE_HP * foes, 0)
        influence = min(influence + FRIENDLY_INFLUENCE * friends, influence_limit)
        influence = max(influence + HOSTILE_INFLUENCE * foes, 0)
        hp_gained = max(0, hp - hp_before)
        influence_gained = max(0, influence - influence_before)
        is_simple &= (hp == 0) == (hp_before == 0)
        is_simple &= (influence == 0) == (influence_before == 0)
    filled = min(energy + FRIENDLY_ENERGY * friends, energy_limit)
    energy_gained += filled - energy
    energy = filled
    if not is_simple or energy == 0:
        return False
    if old_energy == 0:
        push_front(agent, ENERGY)
    held[ENERGY], held[HP], held[INFLUENCE] = energy, hp, influence
    agent.gained[ENERGY] += energy_gained
    agent.gained[HP] += hp_gained
    agent.gained[INFLUENCE] += influence_gained
    return True


# --- 8. rewards ------------------------------------------------------------------------------------------------------


@inlined
def _pay_rewards(state, maps, rules, env, rewards):
    """Pay the difference between the reward level after this tick and after the last; float32 throughout."""
    game = state.games[env]
    first = env * rules.num_agents
    junctions = np.float32(maps.info[game.map_slot].junctions)
    for n in range(first, first + rules.num_agents):
        agent = state.agents[n]
        total = np.float32(0.0)
        for i in range(rules.reward.shape[0]):
            entry = rules.reward[i]
            value = np.float32(_reward_statistic(agent, game, np.int64(entry.reads))) * entry.weight
            if entry.reads == READ_HELD and rules.divides_objective and junctions > 0:
                value = value / junctions
            total += min(value, entry.cap)
        rewards[n] = total - agent.reward_level
        agent.reward_level = total
        agent.episode_return += rewards[n]


@inlined
def _reward_statistic(agent, game, reads):
    """Return the statistic that a reward entry reads, as int64."""
    if reads == READ_HELD:
        return np.int64(game.junctions[COGS, HELD])
    if reads == READ_SCRAMBLED:
        return np.int64(agent.counter[SCRAMBLED_BY_AGENT])
    if reads == READ_ALIGNED:
        return np.int64(agent.counter[ALIGNED_BY_AGENT])
    if reads == READ_VIBES:
        return np.int64(agent.counter[VIBE_SUCCESS])
    if reads >= READ_DEPOSITED:
        return np.int64(game.deposited[reads - READ_DEPOSITED])
    if reads >= READ_GAINED:
        return np.int64(agent.gained[reads - READ_GAINED])
    return np.int64(0)
