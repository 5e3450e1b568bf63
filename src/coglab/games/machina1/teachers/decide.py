"""How dinky plays: goal and action of one agent from its scalars and routes, and nothing else.

First match wins: (1) deliver a heart; (2) charge; (3) craft; (4) gather what is short, or explore; (5) nothing left.
All rules are functions of the current read-out of the map memory: no counters, no plans, no randomness, and nothing is
assumed about who acted before. The routes that a decision needs are made on the way, the others are not.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from coglab.engine.jit import inlined, kernel
from coglab.games.machina1 import memory_layout as layout
from coglab.games.machina1.routes import follow, follow_rarely, make_plan, write_waits
from coglab.games.machina1.search import EXPLORE_LEAD, WORK_SIZE

SOLO, QUARTET = 0, 1


class Tuning(NamedTuple):
    """The numbers of the rules. Found by playing on training maps; see docs/log.md."""

    low_energy: int = 30
    low_reach: int = 30
    """Below `low_energy` a charger is worth this many moves ..."""
    fair_energy: int = 50
    fair_reach: int = 6
    good_energy: int = 75
    good_reach: int = 2
    full_energy: int = 96
    """... and it is pressed up to here."""
    silicon_energy: int = 22
    """Energy that a use of a silicon extractor needs."""
    loads: int = 2
    """Shares that an agent of a quartet gathers before it goes to the assembler."""
    again: int = 80
    """Ticks after a heart during which an agent with a share left goes back to the assembler."""
    patience: int = 900
    """Ticks that a quartet waits for its fourth agent."""
    late: int = 60
    late_per_move: float = 1.5
    """An agent of a quartet goes to the assembler with what it has when this many ticks are left, and as many for each
    move that it is away."""
    late_patience: int = 30
    """Then it waits only this long."""


TUNING = Tuning()


def _scalar(name: str) -> int:
    return layout.SCALAR_INDEX[name]


def _route(name: str) -> int:
    return layout.ROUTE_INDEX[name]


TICKS_LEFT = _scalar("ticks_left")
ENERGY = _scalar("energy")
CARRIED = _scalar("carried_carbon")
CARGO = _scalar("cargo")
HEART = _scalar("heart")
LOAD_COMPLETE = _scalar("load_complete")
SHARES = _scalar("shares")
VIBE_DEFAULT = _scalar("vibe_default")
SHOWS_HEART_A = _scalar("vibe_heart_a")
SHOWS_HEART_B = _scalar("vibe_heart_b")
ROW = _scalar("row")
COLUMN = _scalar("column")
STANDING = _scalar("steps_standing")
USED_CHARGER = _scalar("used_charger")
AGENT = _scalar("agent_north")
BLOCKED = _scalar("blocked_north")
SINCE_HEART = _scalar("since_heart")
IN_RING = _scalar("in_ring")
RING_WAITING = _scalar("ring_waiting")
RING_AGENTS = _scalar("ring_agents")
RING_HEART_A = _scalar("ring_heart_a")
RING_RANK = _scalar("ring_rank")
RING_BLOCKING = _scalar("ring_blocking")
RING_HOLDING = _scalar("ring_holding")
RING_PAYS = _scalar("ring_pays")
COST = _scalar("cost_carbon")
COST_CHARGER = _scalar("cost_charger")
COST_EXPLORE = _scalar("cost_explore")
WAIT_OXYGEN = _scalar("wait_oxygen")
WAIT_GERMANIUM = _scalar("wait_germanium")

OXYGEN, GERMANIUM, SILICON = 1, 2, 3
CHARGER = _route("charger")
EXPLORE = _route("explore")
CHEST = _route("chest")
ASSEMBLER = _route("assembler")
RING = _route("ring")
NO_COST, NO_ROUTE = layout.NO_COST, layout.NO_ROUTE
NO_GOAL = -1
PRICE = np.array(layout.BASE_PRICE, dtype=np.int64)
SHARE = np.array(layout.SHARE, dtype=np.int64)
GROUP = 4
"""Agents of a quartet; more than four make no recipe."""
MOVE_COST = 2
NOOP = 0
SET_DEFAULT = 5 + layout.VIBE_DEFAULT
SET_HEART_A = 5 + layout.VIBE_HEART_A
SET_HEART_B = 5 + layout.VIBE_HEART_B
VIBE_DISTANCE = 3
"""Moves to the ring from which on an agent of a quartet shows heart_a."""

# What `choose` tells besides the goal.
GO, STAY, REST, SHOW_NONE, SHOW_A, SHOW_B = 0, 1, 2, 3, 4, 5


@inlined
def charger_depth(tuning, s, n):
    """Moves, bump included, up to which a charger is worth going to; 0 for none."""
    energy = s[n, ENERGY]
    if energy < tuning.low_energy:
        return tuning.low_reach + 1
    if energy < tuning.fair_energy:
        return tuning.fair_reach + 1
    if energy < tuning.good_energy:
        return tuning.good_reach + 1
    if s[n, USED_CHARGER] and energy < tuning.full_energy:
        return 1
    return 0


@inlined
def needs(tuning, style, s, n):
    """Bit mask of the elements of which the agent has to gather more."""
    if s[n, CARGO] >= layout.CARGO_CAP:
        return 0
    mask = 0
    for i in range(4):
        wanted = PRICE[i] if style == SOLO else tuning.loads * SHARE[i]
        if s[n, CARRIED + i] < wanted:
            mask |= 1 << i
    return mask


@inlined
def is_late(tuning, s, n):
    """True near the end, when a quartet makes of what it has what it can."""
    away = abs(s[n, ROW]) + abs(s[n, COLUMN])
    return s[n, TICKS_LEFT] < tuning.late + tuning.late_per_move * away


@inlined
def wants_to_craft(tuning, style, s, n):
    """True if the load says that it is time for the assembler."""
    if style == SOLO:
        return s[n, LOAD_COMPLETE] == 1
    if s[n, SHARES] >= tuning.loads or is_late(tuning, s, n):
        return True
    return s[n, SHARES] >= 1 and s[n, SINCE_HEART] < tuning.again


@inlined
def choose_extractor(s, n, needed):
    """The kind with the cheapest extractor among those needed, EXPLORE if unknown ground is better, else NO_GOAL."""
    best, cost = NO_GOAL, NO_COST
    for i in range(4):
        if (needed >> i) & 1 and s[n, COST + i] < cost:
            best, cost = i, np.int64(s[n, COST + i])
    if s[n, COST_EXPLORE] < NO_COST and cost > s[n, COST_EXPLORE] + EXPLORE_LEAD:
        return EXPLORE
    return best


@inlined
def use_extractor(tuning, s, d, n, kind):
    """GO to the extractor, or STAY beside it until it is ready."""
    if d[n, kind] > 1:
        return GO
    if kind == SILICON and s[n, ENERGY] < tuning.silicon_energy:
        return STAY
    # An action chosen now is carried out a tick later.
    if kind == OXYGEN and s[n, WAIT_OXYGEN] > 1:
        return STAY
    if kind == GERMANIUM and s[n, WAIT_GERMANIUM] > 1:
        return STAY
    return GO


@inlined
def craft_solo(s, n):
    """What an agent with a full load does."""
    if s[n, SHOWS_HEART_A] == 0:
        return SHOW_A
    if s[n, IN_RING] and s[n, RING_HEART_A] > 1 and s[n, RING_HOLDING] > 0:
        # A heart would be paid for that has no room.
        return STAY
    return GO


@inlined
def craft_together(tuning, s, d, n):
    """Goal and what to do of an agent of a quartet that is going to the assembler, or waits there.

    Four agents craft as soon as they are there, fewer when patience ends. If their loads pay for fewer hearts than they
    are, only the first so many show heart_a: the loads of those without a vibe are used as well.
    """
    agents = np.int64(s[n, RING_AGENTS])
    if d[n, RING] > 0 and (s[n, IN_RING] == 0 or agents != GROUP):
        return RING, SHOW_A if s[n, SHOWS_HEART_A] == 0 and d[n, RING] <= VIBE_DISTANCE else GO
    patience = tuning.late_patience if is_late(tuning, s, n) else tuning.patience
    is_time = agents == GROUP or (agents < GROUP and s[n, RING_WAITING] >= patience)
    makes = min(agents, np.int64(s[n, RING_PAYS]))
    if is_time and makes > 0 and s[n, RING_RANK] >= makes:
        return RING, STAY if s[n, VIBE_DEFAULT] else SHOW_NONE
    if s[n, SHOWS_HEART_A] == 0:
        return RING, SHOW_A
    is_clear = s[n, RING_BLOCKING] == 0 and s[n, RING_HOLDING] == 0
    if is_time and is_clear and makes > 0 and s[n, RING_HEART_A] == makes:
        return ASSEMBLER, GO
    return RING, STAY


@inlined
def choose_goal(tuning, style, state, n, work, crafts):
    """The route class to follow, NO_GOAL if nothing is left to do; makes the plan that it needs."""
    s = state.scalars
    if s[n, HEART] > 0:
        return CHEST
    needed = 0 if crafts else needs(tuning, style, s, n)
    depth = charger_depth(tuning, s, n) if s[n, IN_RING] == 0 or not crafts else 0
    asked = needed | (1 << CHARGER if depth > 0 else 0) | (0 if crafts else 1 << EXPLORE)
    make_plan(state, n, work, asked, depth, False)
    if depth > 0 and s[n, COST_CHARGER] <= depth:
        return CHARGER
    if crafts:
        return ASSEMBLER if style == SOLO else RING
    goal = choose_extractor(s, n, needed)
    if goal == NO_GOAL and style == QUARTET:
        return RING
    return goal


@inlined
def choose(tuning, style, state, n, work):
    """Goal and what to do; brings the routes that the decision needs up to date."""
    s, d = state.scalars, state.route_dist
    crafts = wants_to_craft(tuning, style, s, n)
    goal = choose_goal(tuning, style, state, n, work, crafts)
    if goal == NO_GOAL:
        return goal, REST
    follow(state, n, work, goal)
    if goal == CHEST:
        return goal, GO if s[n, SHOWS_HEART_B] else SHOW_B
    if goal <= SILICON:
        write_waits(state, n)
        return goal, use_extractor(tuning, s, d, n, goal)
    if goal == ASSEMBLER:
        return goal, craft_solo(s, n)
    if goal == RING:
        goal, what = craft_together(tuning, s, d, n)
        if goal == ASSEMBLER:
            follow_rarely(state, n, work, ASSEMBLER)
            if d[n, ASSEMBLER] > 1:
                # From a corner it cannot press, and on the way to a side it would be missing.
                goal, what = RING, STAY
        if what == STAY and not crafts and s[n, RING_WAITING] >= tuning.patience:
            what = REST
        return goal, what
    return goal, GO


@inlined
def choose_move(moves, parity):
    """One of the optimal first moves (0..3).

    Cells of different colour (as on a chessboard) prefer opposite directions, so that two agents who meet head-on step
    aside to different sides.
    """
    for i in range(4):
        d = 3 - i if parity == 1 else i
        if (moves >> d) & 1:
            return d
    return 0


@inlined
def label_row(tuning, style, state, n, work, labels, mask, weight, goals):
    """Label one row."""
    s = state.scalars
    goal, what = choose(tuning, style, state, n, work)
    goals[n] = goal
    weight[n] = 1.0
    if what >= SHOW_NONE:
        labels[n] = (
            SET_DEFAULT if what == SHOW_NONE else (SET_HEART_A if what == SHOW_A else SET_HEART_B)
        )
        mask[n] = np.uint32(1) << np.uint32(labels[n])
        return
    if what != GO:
        labels[n] = NOOP
        mask[n] = 1
        if what == REST:
            weight[n] = 0.0
        return
    moves = np.int64(state.route_move[n, goal])
    parity = (s[n, ROW] + s[n, COLUMN]) & 1
    wanted = moves
    for i in range(4):
        if s[n, AGENT + i]:
            moves &= ~(1 << i)
    if s[n, ENERGY] < MOVE_COST:
        # Without energy every move fails for free, so the right direction is as good as waiting.
        labels[n] = NOOP
        mask[n] = 1 | (moves << 1)
        return
    if moves == 0 and wanted != 0 and s[n, STANDING] >= 1:
        for i in range(4):
            if s[n, AGENT + i] == 0 and s[n, BLOCKED + i] == 0:
                moves |= 1 << i
        if moves != 0:
            moves = 1 << choose_move(moves, parity)
    if moves == 0:
        labels[n] = NOOP
        mask[n] = 1
        return
    labels[n] = 1 + choose_move(moves, parity)
    mask[n] = moves << 1


@kernel
def label_rows(tuning, style, state, labels, mask, weight, goals, first, last):
    """Label the rows in [first, last).

    Args:
        tuning: `Tuning`.
        style: SOLO or QUARTET.
        state: `MemoryState` with current scalars; its routes are brought up to date as far as they are needed.
        labels: i16 [N] out: action.
        mask: u32 [N] out: bit u set: action u is as good.
        weight: f32 [N] out: 0 where nothing is left to do.
        goals: i8 [N] out: route class that is followed, -1 for none.
        first: first row.
        last: row after the last.
    """
    work = np.zeros(WORK_SIZE, dtype=np.uint64)
    for n in range(first, last):
        label_row(tuning, style, state, n, work, labels, mask, weight, goals)
