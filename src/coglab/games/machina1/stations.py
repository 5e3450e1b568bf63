"""What can be used: chargers, extractors and the assembler, which follow recipes, and chests."""

from __future__ import annotations

import numpy as np

from coglab.engine.jit import helper, inlined
from coglab.games.machina1.inventory import free_room, give, share, take
from coglab.games.machina1.rules import (
    ASSEMBLER,
    CHEST,
    CHEST_MOVES,
    COOLDOWN,
    FIRST_HEART_RECIPE,
    FIRST_RECIPE,
    GEAR_RECIPE_OF_VIBE,
    GERMANIUM_EXTRACTOR,
    IS_PARTIAL,
    MAX_AMOUNT,
    MAX_USES,
    MOST_TOGETHER,
    NO_RECIPE,
    NUM_RESOURCES,
    NUM_VIBES_OF_RECIPE,
    OUTPUT_AMOUNT,
    OUTPUT_ITEM,
    PRICE,
    VIBE_DEFAULT,
    VIBE_GEAR,
    VIBE_HEART_A,
)

_SIDES = 8
_SIDE_OF_OFFSET = np.array([0, 1, 2, 3, -1, 4, 5, 6, 7], np.int64)
"""[3 * (row + 1) + column + 1] number of a cell around a station: NW, N, NE, W, E, SW, S, SE."""


@inlined
def _is_beside(agent, row, col):
    """Whether an agent stands on one of the eight cells around a cell (never on it: stations cannot be entered)."""
    return (abs(np.int64(agent.row) - row) <= 1) & (abs(np.int64(agent.col) - col) <= 1)


@helper
def present_recipe(state, rules, env, row, col, kind):
    """Return the recipe that a station follows at this moment, `NO_RECIPE` if there is none.

    Args:
        state: read only.
        rules: read only.
        env: the game.
        row: row of the station.
        col: its column.
        kind: its kind, no chest.
    """
    recipe = FIRST_RECIPE[kind]
    if kind != ASSEMBLER and kind != GERMANIUM_EXTRACTOR:
        return recipe
    num_agents, num_hearts, num_gear, num_others = 0, 0, 0, 0
    other_vibe = 0
    first = env * rules.num_agents
    for n in range(first, first + rules.num_agents):
        agent = state.agents[n]
        if _is_beside(agent, row, col):
            num_agents += 1
            vibe = np.int64(agent.vibe)
            if vibe == VIBE_HEART_A:
                num_hearts += 1
            elif vibe == VIBE_GEAR:
                num_gear += 1
            elif vibe != VIBE_DEFAULT:
                num_others += 1
                other_vibe = vibe
    if kind == GERMANIUM_EXTRACTOR:
        return recipe + min(max(num_agents, 1), MOST_TOGETHER) - 1
    if num_gear == 0 and num_others == 0 and 1 <= num_hearts <= MOST_TOGETHER:
        return FIRST_HEART_RECIPE + num_hearts - 1
    if num_hearts == 0 and num_gear == 1 and num_others == 1:
        return GEAR_RECIPE_OF_VIBE[other_vibe]
    return NO_RECIPE


@helper
def _list_around(state, rules, env, user, row, col, scratch):
    """Write the rows of the agents around a cell to `scratch.around`; return how many there are.

    The order is that of reading, beginning with the user's cell and going round.
    """
    for side in range(_SIDES):
        scratch.at_side[side] = -1
    first = env * rules.num_agents
    for n in range(first, first + rules.num_agents):
        agent = state.agents[n]
        if _is_beside(agent, row, col):
            offset = 3 * (np.int64(agent.row) - row + 1) + np.int64(agent.col) - col + 1
            scratch.at_side[_SIDE_OF_OFFSET[offset]] = n
    user_offset = 3 * (np.int64(state.agents[user].row) - row + 1)
    user_offset += np.int64(state.agents[user].col) - col + 1
    count = 0
    for i in range(_SIDES):
        n = scratch.at_side[(_SIDE_OF_OFFSET[user_offset] + i) % _SIDES]
        if n >= 0:
            scratch.around[count] = n
            count += 1
    return count


@helper
def _can_pay(state, scratch, count, recipe, elapsed, duration):
    """Whether the agents around hold the price of a recipe together."""
    for item in range(NUM_RESOURCES):
        price = _scaled_price(recipe, item, elapsed, duration)
        if price > 0:
            total = np.int64(0)
            for i in range(count):
                total += np.int64(state.agents[scratch.around[i]].inventory[item])
            if total < price:
                return False
    return True


@inlined
def _scaled_price(recipe, item, elapsed, duration):
    """Return the price in `item`, for a partial use its part, rounded up."""
    price = PRICE[recipe, item]
    return price if duration == 0 else (price * elapsed + duration - 1) // duration


@helper
def _list_receivers(state, scratch, user, count, recipe):
    """Write the rows of those who get what a recipe makes to `scratch.receivers`; return how many there are."""
    if NUM_VIBES_OF_RECIPE[recipe] <= 1:
        scratch.receivers[0] = user
        return 1
    receivers = 0
    for i in range(count):
        if state.agents[scratch.around[i]].vibe != VIBE_DEFAULT:
            scratch.receivers[receivers] = scratch.around[i]
            receivers += 1
    return receivers


@helper
def use_station(state, rules, env, user, thing, here, scratch):
    """Let an agent use a charger, an extractor or an assembler; return whether that worked.

    Args:
        state: written.
        rules: read only.
        env: the game.
        user: row of the agent.
        thing: object number of the station.
        here: the station as an object of the map.
        scratch: work space of the calling thread.
    """
    game = state.games[env]
    kind, row, col = np.int64(here.kind), np.int64(here.row), np.int64(here.col)
    if MAX_USES[kind] > 0 and state.uses[env, thing] >= MAX_USES[kind]:
        return False
    rest = np.int64(state.ready_at[env, thing]) - np.int64(game.tick)
    if rest > 0 and not IS_PARTIAL[kind]:
        return False
    recipe = present_recipe(state, rules, env, row, col, kind)
    if recipe == NO_RECIPE:
        return False
    item, amount = OUTPUT_ITEM[recipe], OUTPUT_AMOUNT[recipe]
    elapsed, duration = np.int64(0), np.int64(0)
    if rest > 0:
        duration = COOLDOWN[kind]
        elapsed = duration - rest
        amount = amount * elapsed // duration
        if amount == 0:
            return False
    count = _list_around(state, rules, env, user, row, col, scratch)
    if not _can_pay(state, scratch, count, recipe, elapsed, duration):
        return False
    num_receivers = _list_receivers(state, scratch, user, count, recipe)
    room = np.int64(0)
    for i in range(num_receivers):
        room += free_room(state.agents[scratch.receivers[i]], item)
    if room == 0:
        return False
    for paid in range(NUM_RESOURCES):
        price = _scaled_price(recipe, paid, elapsed, duration)
        if price > 0:
            share(state, scratch.around, count, paid, price, False, scratch.sharers)
    made = share(state, scratch.receivers, num_receivers, item, amount, True, scratch.sharers)
    game.created[item] += made
    state.uses[env, thing] += 1
    state.ready_at[env, thing] = game.tick + COOLDOWN[kind]
    if MAX_USES[kind] > 0:
        game.uses_left[kind] -= 1
    return True


@helper
def use_chest(game, agent, stock):
    """Let an agent use a chest as its vibe says; return whether anything reached the other side.

    What is taken out and finds no room is lost, all of it if there is no room at all, although the use has then failed.

    Args:
        game: the game's record, whose counts are written.
        agent: the agent.
        stock: [10] uint16, what the chest holds.
    """
    vibe = np.int64(agent.vibe)
    has_moved = False
    for item in range(NUM_RESOURCES):
        most = CHEST_MOVES[vibe, item]
        if most > 0:
            put_in = take(agent, item, min(most, MAX_AMOUNT - np.int64(stock[item])))
            stock[item] += put_in
            agent.deposited[item] += put_in
            game.deposited[item] += put_in
            has_moved |= put_in > 0
        elif most < 0:
            taken_out = min(np.int64(stock[item]), -most)
            received = give(agent, item, taken_out)
            stock[item] -= taken_out
            agent.withdrawn[item] += received
            game.withdrawn[item] += taken_out
            has_moved |= received > 0
    return has_moved


@helper
def use(state, maps, rules, env, user, thing, scratch):
    """Let an agent use an object; return whether that worked."""
    here = maps.objects[state.games[env].map_slot, thing]
    if here.kind == CHEST:
        return use_chest(state.games[env], state.agents[user], state.chest_stock[env, here.chest])
    return use_station(state, rules, env, user, thing, here, scratch)
