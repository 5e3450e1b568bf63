"""Amounts: limits, giving and taking, and sharing a price or a product among several agents."""

from __future__ import annotations

import numpy as np

from coglab.engine.jit import helper, inlined
from coglab.games.machina1.rules import (
    CARGO_LIMIT,
    ENERGY,
    ENERGY_LIMIT,
    FIRST_ELEMENT,
    FIRST_GEAR,
    GEAR_LIMIT,
    HEART,
    HEART_LIMIT,
)


@inlined
def free_room(agent, item):
    """Return how much more of `item` the agent could hold; elements share one limit, so does gear."""
    held = agent.inventory
    if item == ENERGY:
        return ENERGY_LIMIT - np.int64(held[ENERGY])
    if item == HEART:
        return HEART_LIMIT - np.int64(held[HEART])
    first = FIRST_GEAR if item >= FIRST_GEAR else FIRST_ELEMENT
    total = np.int64(0)
    for member in range(first, first + 4):
        total += np.int64(held[member])
    return (GEAR_LIMIT if item >= FIRST_GEAR else CARGO_LIMIT) - total


@inlined
def give(agent, item, amount):
    """Give the agent up to `amount` of `item`, as much as there is room for; return how much that was."""
    count = min(amount, free_room(agent, item))
    agent.inventory[item] += count
    agent.gained[item] += count
    return count


@inlined
def take(agent, item, amount):
    """Take up to `amount` of `item` from the agent, as much as it has; return how much that was."""
    count = min(amount, np.int64(agent.inventory[item]))
    agent.inventory[item] -= count
    return count


@helper
def share(state, rows, count, item, amount, is_giving, sharers):
    """Give to, or take from, several agents in equal parts.

    Who has less room (or holds less) than an equal part of what is left is served in full and drops out, until all who
    remain can take an equal part; of what cannot be divided the earlier in the list get (or pay) one more.

    Args:
        state: written.
        rows: [8] int64, rows of the agents, in order.
        count: how many of them there are, at least 1.
        item: the resource.
        amount: how much in all.
        is_giving: whether the agents receive it; else they pay it.
        sharers: [8] int64, work space.

    Returns:
        How much was given or taken.
    """
    left, num_left = amount, count
    part = left // num_left
    for i in range(count):
        sharers[i] = rows[i]
    has_changed = True
    while has_changed:
        has_changed = False
        kept = 0
        for i in range(num_left):
            agent = state.agents[sharers[i]]
            most = free_room(agent, item) if is_giving else np.int64(agent.inventory[item])
            if most > part:
                sharers[kept] = sharers[i]
                kept += 1
                continue
            left -= give(agent, item, part) if is_giving else take(agent, item, part)
            has_changed = True
            still = num_left - (i + 1 - kept)
            if still > 0:
                part = left // still
        num_left = kept
    for i in range(num_left - 1, -1, -1):
        agent = state.agents[sharers[i]]
        part = left // (i + 1)
        left -= give(agent, item, part) if is_giving else take(agent, item, part)
    return amount - left
