"""How the teacher plays: role, goal and move of one agent from its scalars and routes, and nothing else.

Order of a decision: (1) the role is the own vibe; if the wanted role differs, the label is to change the vibe;
(2) the goal is a route class that depends on role, gear, hearts, cargo, stock and distances; (3) the label is a first
move of a shortest route to that goal, or `noop` while energy is short or nothing is to be done.

All rules are functions of the current read-out of the map memory: no counters, no plans, no randomness.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from coglab.engine.jit import helper, kernel
from coglab.games.cogsguard import memory_layout as layout
from coglab.games.cogsguard.search import Enough


class Tuning(NamedTuple):
    """The numbers of the rules. Found by playing on training maps; see docs/log.md."""

    scrambler_share: float = 0.05
    """Share of smart-gear agents that are scramblers."""
    miner_share_0: float = 0.70
    """Share of the other smart-gear agents that mine while the scarcest stock is below `stock_1` ..."""
    miner_share_1: float = 0.60
    miner_share_2: float = 0.50
    miner_share_3: float = 0.40
    miner_share_4: float = 0.30
    """... and from `stock_4` on."""
    stock_1: float = 15.0
    stock_2: float = 40.0
    stock_3: float = 100.0
    stock_4: float = 200.0
    stock_slip: float = 15.0
    """A miner changes role only when the scarcest stock exceeds the limit by this much."""
    margin: float = 10.0
    """hp to spare on arrival at own ground."""
    explore_margin: float = 30.0
    """As `margin`, for exploring without a target."""
    aligner_hearts: float = 9.0
    """Hearts that an aligner takes along."""
    rich_stock: float = 250.0
    """Scarcest stock from which on aligners take only ..."""
    rich_hearts: float = 9.0
    """... this many: hearts at home serve whoever is nearer to the next target."""
    scrambler_hearts: float = 2.0
    scrambler_start: float = 40.0
    """Scarcest stock from which on there are scramblers; later than `scrambler_age` they do not depend on it."""
    scrambler_age: float = 150.0
    explore_age: float = 100.0
    """Steps during which fighters that cannot get gear explore instead of mining by hand."""
    swap: float = 20.0
    """Scarcest stock from which on an aligner without a target that knows a clips junction becomes a scrambler."""
    early: float = 60.0
    """Steps in which hearts may be left in the bank although the stock cannot pay for one."""
    hand_mining: float = 0.0
    """1: fighters that wait for a heart mine by hand, because nobody else in their team mines."""


TUNING = Tuning()

TEAM_PLAY = TUNING._replace(scrambler_hearts=4.0, rich_stock=150.0, rich_hearts=4.0)
"""For teams that share their memory."""

CHOOSES = -1
"""`Roles.wanted` of an agent that chooses its role itself, from what it observed."""


class Roles(NamedTuple):
    """Who has to play what, for N rows."""

    wanted: np.ndarray
    """i8 [N] the vibe that the agent should show, CHOOSES: it chooses itself"""
    is_enforced: np.ndarray
    """bool [N] the agent changes to the wanted role even if it shows another role; False: it plays what it shows"""
    is_hidden: np.ndarray
    """bool [N] the wanted role follows from something that the agent does not observe, such as its index"""


def _scalar(name: str) -> int:
    return layout.SCALAR_INDEX[name]


def _route(name: str) -> int:
    return layout.ROUTE_INDEX[name]


ENERGY = _scalar("energy")
HP = _scalar("hp")
HEART = _scalar("heart")
INFLUENCE = _scalar("influence")
CARGO = _scalar("cargo")
CARGO_ROOM = _scalar("cargo_room")
GEAR = _scalar("gear_aligner")
VIBE = _scalar("vibe_default")
STOCK = _scalar("stock_oxygen")
STOCK_LOW = _scalar("stock_low")
CAN_PAY = _scalar("can_pay_aligner")
CAN_PAY_HEART = _scalar("can_pay_heart")
SEAT = _scalar("seat")
SLOT = _scalar("slot")
AGE = _scalar("age")
FELT = _scalar("on_ground_felt")
ON_MAP = _scalar("on_ground_map")
SLACK = _scalar("slack")
ON_ENEMY = _scalar("on_enemy_map")
STANDING = _scalar("steps_standing")
ROW = _scalar("row")
COLUMN = _scalar("column")
AGENT = _scalar("agent_north")
KNOWN_CLIPS = _scalar("known_clips")

CHEST = _route("chest")
DEPOSIT = _route("deposit")
HUB = _route("hub")
GROUND = _route("own_ground")
SAFE = _route("safe_ground")
ALIGN = _route("align")
ALIGN_HOME = _route("align_home")
CLIPS = _route("clips")
REVISIT = _route("revisit")
STATION = _route("aligner_station")
PATROL = _route("patrol")
FRONTIER = _route("frontier")
NEAR_FRONTIER = _route("near_frontier")
MINE = _route("mine")
MINE_NEEDS = (1 << len(layout.ELEMENTS)) - 1 | (1 << FRONTIER)
"""Classes that `mine` is chosen from."""

NO_ROUTE = layout.NO_ROUTE
NO_GOAL = -1
NUM_VIBES = len(layout.VIBES)
DEFAULT_VIBE = 0
SCRAMBLER_VIBE = layout.VIBES.index("scrambler")
ALIGNER_VIBE = layout.VIBES.index("aligner")
MINER_VIBE = layout.VIBES.index("miner")
SCOUT_VIBE = layout.VIBES.index("scout")
ALIGNER_GEAR = layout.GEARS.index("aligner")
SCRAMBLER_GEAR = layout.GEARS.index("scrambler")
MINER_GEAR = layout.GEARS.index("miner")
SCOUT_GEAR = layout.GEARS.index("scout")
FIRST_VIBE_ACTION = 5
MOVE_COST = 3
FULL_LOAD = 30
"""A miner that carries more than this goes home: the next bump might not fit."""


@helper
def miner_share(tuning, stock):
    """Share of the agents that are not scramblers which should mine at this level of the scarcest stock."""
    if stock < tuning.stock_1:
        return tuning.miner_share_0
    if stock < tuning.stock_2:
        return tuning.miner_share_1
    if stock < tuning.stock_3:
        return tuning.miner_share_2
    if stock < tuning.stock_4:
        return tuning.miner_share_3
    return tuning.miner_share_4


@helper
def smart_role(tuning, s, d, n, vibe):
    """Role (a vibe) that a smart-gear agent should have: by its seat in the team and the scarcest stock."""
    seat = s[n, SEAT] / 255.0
    others = 1.0 - tuning.scrambler_share
    stock = float(s[n, STOCK_LOW])
    if seat >= others and (
        vibe == SCRAMBLER_VIBE
        or stock >= tuning.scrambler_start
        or s[n, AGE] >= tuning.scrambler_age
    ):
        return SCRAMBLER_VIBE
    if vibe == MINER_VIBE:
        stock -= tuning.stock_slip
    if seat < others * miner_share(tuning, stock):
        return MINER_VIBE
    if (
        vibe == ALIGNER_VIBE
        and d[n, ALIGN] == NO_ROUTE
        and d[n, CLIPS] != NO_ROUTE
        and stock >= tuning.swap
    ):
        return SCRAMBLER_VIBE
    if vibe == SCRAMBLER_VIBE and (d[n, CLIPS] != NO_ROUTE or d[n, ALIGN] == NO_ROUTE):
        return SCRAMBLER_VIBE
    return ALIGNER_VIBE


@helper
def mine(s, d, n):
    """Goal of an agent that gathers elements: full -> deposit; else the extractor that pays best."""
    if s[n, CARGO_ROOM] == 0 or (s[n, GEAR + MINER_GEAR] == 1 and s[n, CARGO] > FULL_LOAD):
        return DEPOSIT
    if d[n, MINE] != NO_ROUTE:
        return MINE
    if s[n, CARGO] > 0:
        return DEPOSIT
    return FRONTIER


@helper
def miner_goal(tuning, s, d, n):
    """Goal of a miner: gear when it can be paid, then elements."""
    if s[n, GEAR + MINER_GEAR] == 0 and s[n, CARGO] < 3 and s[n, CAN_PAY + MINER_GEAR] == 1:
        if d[n, STATION + MINER_GEAR] != NO_ROUTE:
            return STATION + MINER_GEAR
    return mine(s, d, n)


@helper
def look_around(tuning, s, d, n):
    """Goal of a fighter without a target: unknown cells near own ground, junctions not seen lately, any unknown cell."""
    if d[n, NEAR_FRONTIER] != NO_ROUTE and d[n, NEAR_FRONTIER] <= d[n, PATROL]:
        return NEAR_FRONTIER
    if d[n, PATROL] != NO_ROUTE:
        return PATROL
    if d[n, FRONTIER] != NO_ROUTE and s[n, SLACK] > tuning.explore_margin:
        return FRONTIER
    return HUB if d[n, HUB] > 4 else NO_GOAL


@helper
def heart_limit(tuning, s, n, gear):
    """Hearts up to which a fighter stays at the chest."""
    if gear == SCRAMBLER_GEAR:
        return tuning.scrambler_hearts
    return tuning.rich_hearts if s[n, STOCK_LOW] >= tuning.rich_stock else tuning.aligner_hearts


@helper
def may_get_heart(tuning, s, n):
    """Whether the chest may hand out a heart: the stock pays for one, or the first hearts may still be in the bank."""
    return s[n, CAN_PAY_HEART] == 1 or (s[n, AGE] < tuning.early and s[n, STANDING] < 3)


@helper
def needs_influence(s, n, gear):
    """Whether an aligner has to get influence before it can take a junction.

    Not on enemy ground: what it got elsewhere it would lose again here. Going back for it was two thirds of all changes of
    an aligner's goal, to and fro across the border, and took no junction.
    """
    return gear == ALIGNER_GEAR and s[n, INFLUENCE] == 0 and s[n, ON_ENEMY] == 0


@helper
def fighter_goal(tuning, s, d, n, gear, target):
    """Goal of an aligner or scrambler: gear, hearts, then the nearest `target`; without one, look for some."""
    if s[n, GEAR + gear] == 0:
        if s[n, CAN_PAY + gear] == 1 and d[n, STATION + gear] != NO_ROUTE:
            return STATION + gear
        if (
            s[n, AGE] < tuning.explore_age
            and s[n, SLACK] > tuning.explore_margin
            and d[n, FRONTIER] != NO_ROUTE
        ):
            return FRONTIER
        return mine(s, d, n)
    may_get = may_get_heart(tuning, s, n)
    if d[n, CHEST] == 1 and s[n, HEART] < heart_limit(tuning, s, n, gear) and may_get:
        return CHEST
    if s[n, HEART] == 0:
        if may_get and d[n, CHEST] != NO_ROUTE:
            return CHEST
        return mine(s, d, n) if tuning.hand_mining == 1.0 else look_around(tuning, s, d, n)
    if needs_influence(s, n, gear) and d[n, target] != NO_ROUTE:
        if d[n, ALIGN_HOME] != NO_ROUTE:
            return ALIGN_HOME if d[n, ALIGN_HOME] > 1 or s[n, STANDING] > 3 else NO_GOAL
        if d[n, SAFE] == NO_ROUTE:
            return GROUND if d[n, GROUND] != NO_ROUTE else HUB
        if d[n, SAFE] > 0:
            return SAFE
        return HUB if d[n, HUB] > 4 else NO_GOAL
    if d[n, target] != NO_ROUTE:
        return target
    return look_around(tuning, s, d, n)


@helper
def scout_goal(s, d, n):
    """Goal of a scout: gear, then unknown ground, then junctions that were not seen for long."""
    if (
        s[n, GEAR + SCOUT_GEAR] == 0
        and s[n, CAN_PAY + SCOUT_GEAR] == 1
        and d[n, STATION + SCOUT_GEAR] != NO_ROUTE
    ):
        return STATION + SCOUT_GEAR
    if d[n, FRONTIER] != NO_ROUTE:
        return FRONTIER
    if d[n, REVISIT] != NO_ROUTE:
        return REVISIT
    return HUB


@helper
def slack_sides(tuning, slack):
    """On which sides of the limits `slack` lies, as 2 bits: more than that `choose_goal` does not ask of it."""
    return (1 if slack > tuning.margin else 0) | (2 if slack > tuning.explore_margin else 0)


@helper
def choose_goal(tuning, s, d, n, vibe):
    """Route class that the agent should follow, or NO_GOAL to stay.

    No class may win because another one is near: then distances that are too small (`keep.py`), but for that of the class
    that wins, lead to the same goal as the true ones.
    """
    if s[n, FELT] == 0 and s[n, SLACK] <= tuning.margin:
        aligns_on_the_way = (
            vibe == ALIGNER_VIBE
            and s[n, GEAR + ALIGNER_GEAR] == 1
            and s[n, HEART] > 0
            and s[n, INFLUENCE] > 0
            and d[n, ALIGN] <= d[n, GROUND]
            and s[n, HP] > 15
        )
        if aligns_on_the_way:
            return ALIGN
        if d[n, GROUND] != NO_ROUTE:
            return GROUND
    if vibe == MINER_VIBE:
        return miner_goal(tuning, s, d, n)
    if vibe == ALIGNER_VIBE:
        return fighter_goal(tuning, s, d, n, ALIGNER_GEAR, ALIGN)
    if vibe == SCRAMBLER_VIBE:
        return fighter_goal(tuning, s, d, n, SCRAMBLER_GEAR, CLIPS)
    return scout_goal(s, d, n)


@helper
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


@helper
def shown_vibe(s, n):
    """Index of the vibe that the agent shows."""
    for i in range(NUM_VIBES):
        if s[n, VIBE + i]:
            return i
    return DEFAULT_VIBE


@helper
def ask_row(tuning, s, n, vibe):
    """Which routes the next label can depend on, and which of them settle it; the others need no search.

    Follows the branches of `choose_goal` and `smart_role`; a test compares labels with those from all routes.

    Args:
        tuning: `Tuning`.
        s: i16 [N, len(SCALARS)] current scalars.
        n: row.
        vibe: the vibe that the agent shows.

    Returns:
        (bit mask of classes, `Enough`: with what the goal is settled)
    """
    wanted = 0
    all_of, any_of = 0, 0
    then_all_of, then_present, then_any_of = 0, 0, 0
    if vibe == SCOUT_VIBE:
        wanted = (1 << FRONTIER) | (1 << REVISIT) | (1 << HUB)
        all_of = 1 << FRONTIER
        if s[n, GEAR + SCOUT_GEAR] == 0 and s[n, CAN_PAY + SCOUT_GEAR] == 1:
            all_of = 1 << (STATION + SCOUT_GEAR)
    elif vibe == MINER_VIBE:
        if s[n, CARGO] > 0:
            wanted |= 1 << DEPOSIT
        has_gear = s[n, GEAR + MINER_GEAR] == 1
        if not has_gear or s[n, CARGO] <= FULL_LOAD:
            wanted |= (1 << MINE) | (1 << FRONTIER)
            all_of = MINE_NEEDS
        if s[n, CARGO_ROOM] == 0:
            wanted |= 1 << DEPOSIT
            all_of = 1 << DEPOSIT
        elif not has_gear and s[n, CARGO] < 3 and s[n, CAN_PAY + MINER_GEAR] == 1:
            all_of = 1 << (STATION + MINER_GEAR)
    elif vibe == ALIGNER_VIBE or vibe == SCRAMBLER_VIBE:
        gear = ALIGNER_GEAR if vibe == ALIGNER_VIBE else SCRAMBLER_GEAR
        target = 1 << ALIGN if vibe == ALIGNER_VIBE else 1 << CLIPS
        wanted = (1 << ALIGN) | (1 << CLIPS)
        if s[n, GEAR + gear] == 0:
            wanted |= (1 << MINE) | (1 << DEPOSIT) | (1 << FRONTIER)
            if s[n, CAN_PAY + gear] == 1:
                all_of = target | (1 << (STATION + gear))
        else:
            wanted |= (1 << ALIGN_HOME) | (1 << SAFE) | (1 << HUB)
            wanted |= (1 << NEAR_FRONTIER) | (1 << PATROL) | (1 << FRONTIER)
            all_of = target
            # Without a target, the role depends on whether there is one for the other fighters.
            then_present = ((1 << ALIGN) | (1 << CLIPS)) & ~target
            may_get = may_get_heart(tuning, s, n)
            if may_get and s[n, HEART] < heart_limit(tuning, s, n, gear):
                wanted |= 1 << CHEST
            if s[n, HEART] == 0:
                if may_get:
                    wanted |= 1 << CHEST
                    all_of |= 1 << CHEST
                    then_all_of = 1 << CHEST
                elif tuning.hand_mining == 1.0:
                    wanted |= (1 << MINE) | (1 << DEPOSIT)
                    all_of, then_present = 0, 0
                else:
                    any_of = (1 << NEAR_FRONTIER) | (1 << PATROL)
                    then_any_of = any_of
            elif needs_influence(s, n, gear):
                all_of |= 1 << ALIGN_HOME
                then_present = 0
            else:
                then_any_of = (1 << NEAR_FRONTIER) | (1 << PATROL)
    enough = Enough(all_of, any_of, then_all_of, then_present, then_any_of)
    return wanted | all_of, enough


@kernel
def label_rows(tuning, state, roles, labels, mask, weight, goals, first, last):
    """Label the rows in [first, last).

    Args:
        tuning: `Tuning`.
        state: `MemoryState` with current scalars and routes, read only.
        roles: `Roles`: who has to play what.
        labels: i16 [N] out: action.
        mask: u16 [N] out: bit u set: action u is as good.
        weight: f32 [N] out: 0 where the action cannot be known from what the agent observed.
        goals: i8 [N] out: route class followed, -1 for none.
        first: first row.
        last: row after the last.
    """
    s = state.scalars
    d = state.route_dist
    for n in range(first, last):
        vibe = shown_vibe(s, n)
        is_role = vibe >= SCRAMBLER_VIBE
        role = np.int64(roles.wanted[n])
        may_change = roles.is_enforced[n] or not is_role
        if role == CHOOSES:
            role = smart_role(tuning, s, d, n, vibe)
            is_fighter = vibe == ALIGNER_VIBE or vibe == SCRAMBLER_VIBE
            swaps = is_fighter and role != MINER_VIBE
            may_change = (
                not is_role or swaps or (s[n, FELT] == 1 and s[n, HEART] == 0 and s[n, CARGO] == 0)
            )
        goals[n] = NO_GOAL
        weight[n] = 1.0
        if vibe != role and may_change:
            labels[n] = FIRST_VIBE_ACTION + role
            mask[n] = 1 << labels[n]
            weight[n] = 0.0 if roles.is_hidden[n] else 1.0
            continue
        goal = choose_goal(tuning, s, d, n, vibe)
        goals[n] = goal
        moves = np.int64(state.route_move[n, goal]) if goal >= 0 else 0
        for i in range(4):
            if s[n, AGENT + i]:
                moves &= ~(1 << i)
        if s[n, ENERGY] < MOVE_COST or moves == 0:
            labels[n] = 0
            # Without energy every move fails for free, so the right direction is as good as waiting.
            mask[n] = 1 | (moves << 1)
            continue
        labels[n] = 1 + choose_move(moves, (s[n, ROW] + s[n, COLUMN]) & 1)
        mask[n] = moves << 1
