"""The clips: when their four events happen, and what each does to a junction."""

from __future__ import annotations

import numpy as np

from coglab.engine.jit import count_ones, helper, inlined, trailing_zeros
from coglab.engine.rng import mt_shuffle, next_word, scale
from coglab.games.cogsguard.rules import CLIPS, CLIPS_RADIUS, COGS, NEUTRAL
from coglab.games.cogsguard.state import GAINED, LOST, OWNED, SOURCE_NEUTRAL

COGS_TO_NEUTRAL, INITIAL_CLIPS, NEUTRAL_TO_CLIPS, PRESENCE_CHECK = range(4)
EVENTS = ("cogs_to_neutral", "initial_clips", "neutral_to_clips", "presence_check")

SCRAMBLE_START, ALIGN_START, INTERVAL, INITIAL_TICK = 50, 100, 100, 10
_NO_EVENT = -1

# --- the schedule ----------------------------------------------------------------------------------------------------


def shrinking_ticks(
    start: int, first_interval: int, last_interval: int, max_steps: int
) -> list[int]:
    """List ticks from `start` to `max_steps` whose intervals move evenly from the first to the last length."""
    ticks = []
    tick = start
    while tick <= max_steps:
        ticks.append(tick)
        progress = (tick - start) / (max_steps - start) if max_steps > start else 1.0
        tick += max(1, round(first_interval + progress * (last_interval - first_interval)))
    return ticks


def schedule(max_steps: int) -> list[tuple[int, int]]:
    """List all events of an episode as (tick, event), in the order in which they run.

    The order of events that share a tick is what the GNU C++ library's sort makes of the list that is filled event by
    event; it is unstable, so that sort is repeated here.
    """
    shrinking = (INTERVAL, INTERVAL // 5, max_steps)
    entries = [(tick, COGS_TO_NEUTRAL) for tick in shrinking_ticks(SCRAMBLE_START, *shrinking)]
    entries += [(tick, INITIAL_CLIPS) for tick in (INITIAL_TICK,) if tick <= max_steps]
    entries += [(tick, NEUTRAL_TO_CLIPS) for tick in shrinking_ticks(ALIGN_START, *shrinking)]
    entries += [(tick, PRESENCE_CHECK) for tick in range(SCRAMBLE_START, max_steps + 1, INTERVAL)]
    _introsort(entries)
    return entries


_SMALL = 16


def _introsort(items: list[tuple[int, int]]) -> None:
    """Sort in place by the first field exactly as libstdc++'s `std::sort` does (quicksort, then insertion sort).

    Its third part, a heap sort when the recursion gets too deep, cannot be reached by lists of this form: at most four
    rising runs, which the median of three splits well.
    """

    def swap(i: int, j: int) -> None:
        items[i], items[j] = items[j], items[i]

    def less(i: int, j: int) -> bool:
        return items[i][0] < items[j][0]

    def median_to_first(first: int, a: int, b: int, c: int) -> None:
        if less(a, b):
            swap(first, b if less(b, c) else c if less(a, c) else a)
        else:
            swap(first, a if less(a, c) else c if less(b, c) else b)

    def partition(first: int, last: int) -> int:
        median_to_first(first, first + 1, first + (last - first) // 2, last - 1)
        pivot = first
        first += 1
        while True:
            while less(first, pivot):
                first += 1
            last -= 1
            while less(pivot, last):
                last -= 1
            if first >= last:
                return first
            swap(first, last)
            first += 1

    def sort_large(first: int, last: int) -> None:
        while last - first > _SMALL:
            cut = partition(first, last)
            sort_large(cut, last)
            last = cut

    sort_large(0, len(items))
    for i in range(1, len(items)):
        item, j = items[i], i
        while j > 0 and item[0] < items[j - 1][0]:
            items[j] = items[j - 1]
            j -= 1
        items[j] = item


# --- ownership -------------------------------------------------------------------------------------------------------

_ONE = np.uint64(1)


@helper
def owner_of(state, env, thing):
    """Return the owner of the junction with object number `thing`: 0 clips, 1 cogs, -1 none."""
    value = np.int64(state.object_value[env, thing])
    return NEUTRAL if value == SOURCE_NEUTRAL else value


@helper
def set_owner(state, maps, env, thing, owner):
    """Give the junction with object number `thing` to a collective, or to nobody (-1)."""
    old = owner_of(state, env, thing)
    if old == owner:
        return
    game = state.games[env]
    source = np.int64(maps.objects[game.map_slot, thing].source)
    word, bit = source >> 6, _ONE << np.uint64(source & 63)
    if old != NEUTRAL:
        state.owned_sources[env, old, word] ^= bit
        game.junctions[old, OWNED] -= 1
        game.junctions[old, LOST] += 1
    if owner != NEUTRAL:
        state.owned_sources[env, owner, word] ^= bit
        game.junctions[owner, OWNED] += 1
        game.junctions[owner, GAINED] += 1
    state.object_value[env, thing] = SOURCE_NEUTRAL if owner == NEUTRAL else owner


@helper
def start_owners(state, maps, rules, env):
    """Give all sources their first owners: hubs to the cogs, junctions to `rules.start_owner`."""
    game = state.games[env]
    slot = np.int64(game.map_slot)
    owner = rules.start_owner
    for word in range(maps.hub_sources.shape[1]):
        state.owned_sources[env, CLIPS, word] = np.uint64(0)
        state.owned_sources[env, COGS, word] = maps.hub_sources[slot, word]
        left = maps.junction_sources[slot, word]
        if owner != NEUTRAL:
            state.owned_sources[env, owner, word] |= left
            game.junctions[owner, OWNED] += count_ones(left)
            game.junctions[owner, GAINED] += count_ones(left)
        while left:
            thing = np.int64(maps.source_object[slot, word * 64 + trailing_zeros(left)])
            left &= left - _ONE
            state.object_value[env, thing] = SOURCE_NEUTRAL if owner == NEUTRAL else owner


# --- the events ------------------------------------------------------------------------------------------------------


@helper
def _is_near_clips(state, maps, env, thing):
    """Whether a junction of the clips lies within the clips' radius of an object; the object itself counts."""
    slot = np.int64(state.games[env].map_slot)
    here = maps.objects[slot, thing]
    for word in range(state.owned_sources.shape[2]):
        left = state.owned_sources[env, CLIPS, word]
        while left:
            other = maps.objects[slot, maps.source_object[slot, word * 64 + trailing_zeros(left)]]
            left &= left - _ONE
            rows = abs(np.int64(other.row) - np.int64(here.row))
            cols = abs(np.int64(other.col) - np.int64(here.col))
            if max(rows, cols) <= CLIPS_RADIUS:
                return True
    return False


@helper
def _qualifies(state, maps, env, event, thing):
    if event == INITIAL_CLIPS:
        return True
    if event == COGS_TO_NEUTRAL and owner_of(state, env, thing) != COGS:
        return False
    if event == NEUTRAL_TO_CLIPS and owner_of(state, env, thing) != NEUTRAL:
        return False
    return _is_near_clips(state, maps, env, thing)


@helper
def _list_junctions(state, maps, env, out):
    """Write the object numbers of all junctions to `out` in row-major order; return how many there are."""
    slot = np.int64(state.games[env].map_slot)
    count = 0
    for word in range(maps.junction_sources.shape[1]):
        left = maps.junction_sources[slot, word]
        while left:
            out[count] = maps.source_object[slot, word * 64 + trailing_zeros(left)]
            left &= left - _ONE
            count += 1
    return count


@helper
def _choose_target(state, maps, env, event, junctions, exact_order):
    """Return a random junction (object number) that qualifies for the event, -1 if none does."""
    game = state.games[env]
    count = _list_junctions(state, maps, env, junctions)
    if exact_order:
        mt_shuffle(state.mt[env], game, junctions, count)
        for i in range(count):
            if _qualifies(state, maps, env, event, junctions[i]):
                return junctions[i]
        return np.int64(-1)
    fitting = 0
    for i in range(count):
        if _qualifies(state, maps, env, event, junctions[i]):
            junctions[fitting] = junctions[i]
            fitting += 1
    if fitting == 0:
        return np.int64(-1)
    return junctions[scale(next_word(game), fitting)]


@helper
def _run_event(state, maps, env, event, junctions, exact_order):
    """Carry out one event; return the event that replaces it if no junction qualified, else -1."""
    target = _choose_target(state, maps, env, event, junctions, exact_order)
    if target < 0:
        if event == NEUTRAL_TO_CLIPS:
            return COGS_TO_NEUTRAL
        if event == PRESENCE_CHECK:
            return INITIAL_CLIPS
        return _NO_EVENT
    if event == COGS_TO_NEUTRAL:
        set_owner(state, maps, env, target, NEUTRAL)
    elif event != PRESENCE_CHECK:
        set_owner(state, maps, env, target, CLIPS)
    return _NO_EVENT


@inlined
def run_events(state, maps, rules, env, junctions, exact_order):
    """Carry out all events that are scheduled for the present tick of a game."""
    game = state.games[env]
    if rules.events[game.next_event].tick == game.tick:
        _run_events(state, maps, rules, env, junctions, exact_order)


@helper
def _run_events(state, maps, rules, env, junctions, exact_order):
    game = state.games[env]
    while rules.events[game.next_event].tick == game.tick:
        event = np.int64(rules.events[game.next_event].event)
        while event != _NO_EVENT:
            event = _run_event(state, maps, env, event, junctions, exact_order)
        game.next_event += 1
