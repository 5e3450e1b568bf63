"""Amounts: the one operation that changes them, the limits it keeps, and transfers between an agent and the stock."""

from __future__ import annotations

import numpy as np

from coglab.engine.jit import helper
from coglab.games.cogsguard.rules import (
    ALIGNER,
    CARGO_MIN,
    CARGO_PER_MINER,
    ENERGY,
    ENERGY_PER_SCOUT,
    FIRST_ELEMENT,
    FIRST_GEAR,
    GEAR_MAX,
    GEAR_PER_HP,
    HEART,
    HEART_MAX,
    HEART_PER_HP,
    HP,
    HP_MIN,
    HP_PER_SCOUT,
    HP_PER_SCRAMBLER,
    INFLUENCE,
    INFLUENCE_PER_ALIGNER,
    MAX_AMOUNT,
    MINER,
    OXYGEN,
    SCOUT,
    SCRAMBLER,
    SILICON,
    STOCK_LIMIT,
)

_FOUR, _FIFTEEN, _COUNT_SHIFT = np.uint64(4), np.uint64(15), np.uint64(56)
_ONE_HELD = np.uint64(1 << 56)
_LIST_BITS = np.uint64((1 << 48) - 1)


# --- the order in which resources were acquired -----------------------------------------------------------------------


@helper
def push_front(agent, item):
    """Put `item` at the front of the agent's list of held resources."""
    packed = agent.recency
    count = packed & ~_LIST_BITS
    agent.recency = (((packed & _LIST_BITS) << _FOUR) | np.uint64(item)) + count + _ONE_HELD


@helper
def _take_out(agent, item):
    """Remove `item` from the agent's list of held resources."""
    packed = agent.recency
    held = packed & _LIST_BITS
    shift = np.uint64(0)
    while (held >> shift) & _FIFTEEN != np.uint64(item):
        shift += _FOUR
    below = held & ((np.uint64(1) << shift) - np.uint64(1))
    above = (held >> shift) >> _FOUR
    agent.recency = (below | (above << shift)) + (packed & ~_LIST_BITS) - _ONE_HELD


# --- agents ----------------------------------------------------------------------------------------------------------


@helper
def _group_limit(agent, rules, item):
    """Return the limit of the group that `item` belongs to: min(max, max(min, sum of bonuses))."""
    held = agent.inventory
    if item == ENERGY:
        return max(rules.energy_min, ENERGY_PER_SCOUT * np.int64(held[SCOUT]))
    if item == HP:
        bonus = HP_PER_SCOUT * np.int64(held[SCOUT]) + HP_PER_SCRAMBLER * np.int64(held[SCRAMBLER])
        return max(HP_MIN, bonus)
    if item == HEART:
        return min(HEART_MAX, HEART_PER_HP * np.int64(held[HP]))
    if item == INFLUENCE:
        return INFLUENCE_PER_ALIGNER * np.int64(held[ALIGNER])
    if item >= FIRST_GEAR:
        return min(GEAR_MAX, GEAR_PER_HP * np.int64(held[HP]))
    return max(CARGO_MIN, CARGO_PER_MINER * np.int64(held[MINER]))


@helper
def _group_total(agent, item):
    """Return the sum over the group that `item` belongs to."""
    held = agent.inventory
    if item < FIRST_ELEMENT:
        return np.int64(held[item])
    first = FIRST_GEAR if item >= FIRST_GEAR else FIRST_ELEMENT
    total = np.int64(0)
    for member in range(first, first + 4):
        total += np.int64(held[member])
    return total


@helper
def free_room(agent, rules, item):
    """Return how much more of `item` the agent could hold."""
    return max(0, _group_limit(agent, rules, item) - _group_total(agent, item))


@helper
def change(agent, rules, item, amount):
    """Change what the agent holds of `item` by `amount`, cut to its limits; losing gear or hp can cost more.

    The cap holds whatever the sign of `amount`: an amount that stands above its cap is cut by its next change.
    """
    old = np.int64(agent.inventory[item])
    others = _group_total(agent, item) - old
    cap = max(0, _group_limit(agent, rules, item) - others)
    _set_amount(agent, rules, item, old, min(max(old + amount, 0), cap))


@helper
def _set_amount(agent, rules, item, old, new):
    if new == old:
        return
    agent.inventory[item] = new
    if new > old:
        agent.gained[item] += new - old
        if old == 0:
            push_front(agent, item)
    else:
        if new == 0:
            _take_out(agent, item)
        if item == HP or item >= FIRST_GEAR:
            _drop_surplus(agent, rules)


# `change` for the three amounts that change every tick: the same, without asking which item it is.


@helper
def change_energy(agent, rules, amount):
    """Do `change(agent, rules, ENERGY, amount)`."""
    old = np.int64(agent.inventory[ENERGY])
    cap = max(rules.energy_min, ENERGY_PER_SCOUT * np.int64(agent.inventory[SCOUT]))
    _set_amount(agent, rules, ENERGY, old, min(max(old + amount, 0), cap))


@helper
def change_hp(agent, rules, amount):
    """Do `change(agent, rules, HP, amount)`."""
    held = agent.inventory
    old = np.int64(held[HP])
    bonus = HP_PER_SCOUT * np.int64(held[SCOUT]) + HP_PER_SCRAMBLER * np.int64(held[SCRAMBLER])
    _set_amount(agent, rules, HP, old, min(max(old + amount, 0), max(HP_MIN, bonus)))


@helper
def change_influence(agent, rules, amount):
    """Do `change(agent, rules, INFLUENCE, amount)`."""
    old = np.int64(agent.inventory[INFLUENCE])
    cap = INFLUENCE_PER_ALIGNER * np.int64(agent.inventory[ALIGNER])
    _set_amount(agent, rules, INFLUENCE, old, min(max(old + amount, 0), cap))


@helper
def _drop_surplus(agent, rules):
    """Cut every group that stands above its limit, from its last member backwards, until all fit.

    Losing hp or gear lowers other limits, so this repeats until nothing changes. The order of the groups does not
    matter for the result.
    """
    is_settled = False
    while not is_settled:
        is_settled = True
        item = SCOUT
        while item >= 0:
            surplus = _group_total(agent, item) - _group_limit(agent, rules, item)
            held = np.int64(agent.inventory[item])
            if surplus > 0 and held > 0:
                agent.inventory[item] = held - min(held, surplus)
                if surplus >= held:
                    _take_out(agent, item)
                is_settled = False
            item -= 1


# --- the stock of the cogs -------------------------------------------------------------------------------------------


@helper
def _stock_total(game, item):
    if item < OXYGEN or item > SILICON:
        return np.int64(game.stock[item])
    total = np.int64(0)
    for element in range(OXYGEN, SILICON + 1):
        total += np.int64(game.stock[element])
    return total


@helper
def _stock_limit(item):
    return STOCK_LIMIT if OXYGEN <= item <= SILICON else MAX_AMOUNT


@helper
def change_stock(game, item, amount):
    """Change the stock of the cogs by `amount` of `item`, cut to its limit as in `change`."""
    old = np.int64(game.stock[item])
    cap = max(0, _stock_limit(item) - (_stock_total(game, item) - old))
    new = min(max(old + amount, 0), cap)
    if new > old:
        game.deposited[item] += new - old
    game.stock[item] = new


@helper
def deposit(agent, game, rules, item, most):
    """Move up to `most` of `item` from the agent to the stock."""
    room = max(0, _stock_limit(item) - _stock_total(game, item))
    count = min(np.int64(agent.inventory[item]), most, room)
    change(agent, rules, item, -count)
    change_stock(game, item, count)


@helper
def withdraw(agent, game, rules, item, most):
    """Move up to `most` of `item` from the stock to the agent."""
    count = min(np.int64(game.stock[item]), most, free_room(agent, rules, item))
    change_stock(game, item, -count)
    change(agent, rules, item, count)
