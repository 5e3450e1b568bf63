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
def _push_front(recency, n, item):
    """Put `item` at the front of the list of held resources of agent n."""
    packed = recency[n]
    count = packed & ~_LIST_BITS
    recency[n] = (((packed & _LIST_BITS) << _FOUR) | np.uint64(item)) + count + _ONE_HELD


@helper
def _take_out(recency, n, item):
    """Remove `item` from the list of held resources of agent n."""
    packed = recency[n]
    held = packed & _LIST_BITS
    shift = np.uint64(0)
    while (held >> shift) & _FIFTEEN != np.uint64(item):
        shift += _FOUR
    below = held & ((np.uint64(1) << shift) - np.uint64(1))
    above = (held >> shift) >> _FOUR
    recency[n] = (below | (above << shift)) + (packed & ~_LIST_BITS) - _ONE_HELD


# --- agents ----------------------------------------------------------------------------------------------------------


@helper
def _group_limit(inventory, rules, n, item):
    """Return the limit of the group that `item` belongs to: min(max, max(min, sum of bonuses))."""
    if item == HP:
        bonus = HP_PER_SCOUT * np.int64(inventory[n, SCOUT]) + HP_PER_SCRAMBLER * np.int64(inventory[n, SCRAMBLER])
        return max(HP_MIN, bonus)
    if item == ENERGY:
        return max(rules.energy_min, ENERGY_PER_SCOUT * np.int64(inventory[n, SCOUT]))
    if item == HEART:
        return min(HEART_MAX, HEART_PER_HP * np.int64(inventory[n, HP]))
    if item == INFLUENCE:
        return INFLUENCE_PER_ALIGNER * np.int64(inventory[n, ALIGNER])
    if item >= FIRST_GEAR:
        return min(GEAR_MAX, GEAR_PER_HP * np.int64(inventory[n, HP]))
    return max(CARGO_MIN, CARGO_PER_MINER * np.int64(inventory[n, MINER]))


@helper
def _group_total(inventory, n, item):
    """Return the sum over the group that `item` belongs to."""
    if item < FIRST_ELEMENT:
        return np.int64(inventory[n, item])
    first = FIRST_GEAR if item >= FIRST_GEAR else FIRST_ELEMENT
    total = np.int64(0)
    for member in range(first, first + 4):
        total += np.int64(inventory[n, member])
    return total


@helper
def free_room(state, rules, n, item):
    """Return how much more of `item` agent n could hold."""
    return max(0, _group_limit(state.inventory, rules, n, item) - _group_total(state.inventory, n, item))


@helper
def change(state, rules, n, item, amount):
    """Change what agent n holds of `item` by `amount`, cut to its limits; losing gear or hp can cost more.

    The cap holds whatever the sign of `amount`: an amount that stands above its cap is cut by its next change.
    """
    inventory = state.inventory
    old = np.int64(inventory[n, item])
    others = _group_total(inventory, n, item) - old
    cap = min(MAX_AMOUNT, max(0, _group_limit(inventory, rules, n, item) - others))
    new = min(max(old + amount, 0), cap)
    if new > old:
        inventory[n, item] = new
        state.gained[n, item] += new - old
        if old == 0:
            _push_front(state.recency, n, item)
    elif new < old:
        inventory[n, item] = new
        if new == 0:
            _take_out(state.recency, n, item)
        if item == HP or item >= FIRST_GEAR:
            _drop_surplus(state, rules, n)


@helper
def _drop_surplus(state, rules, n):
    """Cut every group of agent n that stands above its limit, from its last member backwards, until all fit.

    Losing hp or gear lowers other limits, so this repeats until nothing changes. The order of the groups does not
    matter for the result.
    """
    inventory = state.inventory
    is_settled = False
    while not is_settled:
        is_settled = True
        item = SCOUT
        while item >= 0:
            surplus = _group_total(inventory, n, item) - _group_limit(inventory, rules, n, item)
            held = np.int64(inventory[n, item])
            if surplus > 0 and held > 0:
                inventory[n, item] = held - min(held, surplus)
                if surplus >= held:
                    _take_out(state.recency, n, item)
                is_settled = False
            item -= 1


# --- the stock of the cogs -------------------------------------------------------------------------------------------


@helper
def _stock_total(stock, env, item):
    if item < OXYGEN or item > SILICON:
        return np.int64(stock[env, item])
    total = np.int64(0)
    for element in range(OXYGEN, SILICON + 1):
        total += np.int64(stock[env, element])
    return total


@helper
def _stock_limit(item):
    return STOCK_LIMIT if OXYGEN <= item <= SILICON else MAX_AMOUNT


@helper
def stock_room(state, env, item):
    """Return how much more of `item` the stock of game `env` takes."""
    return max(0, _stock_limit(item) - _stock_total(state.stock, env, item))


@helper
def change_stock(state, env, item, amount):
    """Change the stock of game `env` by `amount` of `item`, cut to its limit as in `change`."""
    old = np.int64(state.stock[env, item])
    cap = max(0, _stock_limit(item) - (_stock_total(state.stock, env, item) - old))
    new = min(max(old + amount, 0), cap)
    if new > old:
        state.deposited[env, item] += new - old
    state.stock[env, item] = new


@helper
def deposit(state, rules, env, n, item, most):
    """Move up to `most` of `item` from agent n to the stock of its game."""
    count = min(np.int64(state.inventory[n, item]), most, stock_room(state, env, item))
    change(state, rules, n, item, -count)
    change_stock(state, env, item, count)


@helper
def withdraw(state, rules, env, n, item, most):
    """Move up to `most` of `item` from the stock of game `env` to agent n."""
    count = min(np.int64(state.stock[env, item]), most, free_room(state, rules, n, item))
    change_stock(state, env, item, -count)
    change(state, rules, n, item, count)
