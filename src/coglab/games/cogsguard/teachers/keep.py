"""A way that is kept: an agent that follows a shortest route needs no new search in the next tick.

While the map that an agent remembers stays as it is, and the agent goes where its own label said it would, much is known
without a search:

* The route that it follows is one move shorter, and its remaining cells are still on shortest routes. So a search writes
  down all optimal moves for the first WAY_STEPS cells that the agent is going to pass (`trace`).
* Every other distance shrank by one move at most, grew by one move at most, and what was out of reach is out of reach. So
  distances become bounds (`step`): `route_dist` of the class that is followed is exact, of any other class too small or
  exact.

`decide.choose_goal` compares distances only to find what is nearer. A goal that wins against distances that are too small
wins against the true ones, too. If another goal wins, or a bound is not good enough for the rule that asks (`slack`),
`plan.py` searches as if nothing had been kept. What a way depends on besides the map (wanted classes, costs of `mine`,
agents that block) has to be as it was, too.
"""

from __future__ import annotations

import numpy as np

from coglab.engine.jit import helper, inlined
from coglab.games.cogsguard.memory_boards import (
    CENTRE_ROW,
    ENEMY,
    FRIENDLY,
    ROUTED_CELL,
    ROUTED_HOME,
    ROUTED_KEPT,
    ROUTED_STEP,
    ROW,
    WAY_STEPS,
)
from coglab.games.cogsguard.route_classes import (
    GROUND_CLASS,
    MAX_DEPTH,
    NO_ROUTE,
    NUM_CLASSES,
    SAFE_CLASS,
)
from coglab.games.cogsguard.routes import column_bit, way_home
from coglab.games.cogsguard.search import moves_into
from coglab.games.cogsguard.search_planes import LEVEL, at
from coglab.games.cogsguard.teachers.decide import SLACK, choose_move, slack_sides

ROW_UNIT = 256
"""A cell is one number: this times its row, plus its column."""
_CHANGE = np.array([-ROW_UNIT, ROW_UNIT, -1, 1], dtype=np.int64)
"""What a move to the north, south, west or east adds to it."""
_TAKEN = 4
"""Bit of a byte of `way` from which on the move stands that the agent is going to make; below are all optimal moves."""


@helper
def trace(way, work, area, length, parity, agents):
    """Write down the optimal moves at the cells that an agent passes; returns those at its present cell.

    Args:
        way: u8 [WAY_STEPS] out: what `_TAKEN` says, by cells passed.
        work: of the search, after `search.walk_back`.
        area: of the search.
        length: moves to the target, at least 2.
        parity: colour of the agent's cell as in `label_rows`; agents of the other colour turn the other way.
        agents: directions in which agents stand now, whom the label avoids.
    """
    line, bit, words = area.line, area.bit, area.words
    moves = moves_into(work, area, 1)
    first = moves
    for k in range(min(length, WAY_STEPS)):
        if k != 0:
            moves = 0
            for d in range(4):
                next_line = line + (-1 if d == 0 else (1 if d == 1 else 0))
                next_bit = (bit + (-1 if d == 2 else (1 if d == 3 else 0))) & 127
                word = next_bit >> 6
                if word < words:
                    cells = work[at(LEVEL + k + 1, word) + np.uint64(next_line)]
                    moves |= np.int64((cells >> np.uint64(next_bit & 63)) & np.uint64(1)) << d
        free = moves & ~agents if k == 0 else moves
        taken = choose_move(free if free != 0 else moves, parity ^ (k & 1))
        way[k] = moves | taken << _TAKEN
        line += -1 if taken == 0 else (1 if taken == 1 else 0)
        bit = (bit + (-1 if taken == 2 else (1 if taken == 3 else 0))) & 127
    return first


@helper
def steps_to_keep(length, farthest):
    """Cells of a way that may be kept; `farthest`: longest distance found. Beyond MAX_DEPTH nothing counts as reachable."""
    return min(length, WAY_STEPS, MAX_DEPTH + 1 - farthest)


@inlined
def step(state, n, m, cell):
    """Go on by one cell along the way of row `n`, if that is where the agent went: all distances become bounds.

    Args:
        state: `MemoryState`; `route_dist` and `routed` of the row are written.
        n: row.
        m: its memory.
        cell: the agent's cell.

    Returns:
        False if the way does not lead there; then nothing was written.
    """
    key, d = state.routed, state.route_dist
    k = key[n, ROUTED_STEP]
    if k + 1 >= key[n, ROUTED_KEPT]:
        return False
    if cell - key[n, ROUTED_CELL] != _CHANGE[state.way[n, k] >> _TAKEN]:
        return False
    key[n, ROUTED_STEP] = k + 1
    key[n, ROUTED_CELL] = cell
    ground, safe = d[n, GROUND_CLASS], d[n, SAFE_CLASS]
    for route in range(NUM_CLASSES):
        distance = d[n, route]
        d[n, route] = distance - (1 if distance > 1 and distance != NO_ROUTE else 0)
    index = column_bit(state, n)
    row = np.int64(state.body[n, ROW]) + CENTRE_ROW
    here = np.uint64(1) << np.uint64(index & 63)
    own = state.boards[m, FRIENDLY, index >> 6, row] & here
    calm = own & ~state.boards[m, ENEMY, index >> 6, row]
    if own != 0:
        d[n, GROUND_CLASS] = 0
        key[n, ROUTED_HOME] = 0
    else:
        if ground == 0:
            d[n, GROUND_CLASS] = 1
        key[n, ROUTED_HOME] += 1
    if calm != 0:
        d[n, SAFE_CLASS] = 0
    elif safe == 0:
        d[n, SAFE_CLASS] = 1
    return True


@inlined
def moves_on_way(state, n):
    """All optimal moves from the cell that `step` came to."""
    return np.int64(state.way[n, state.routed[n, ROUTED_STEP]]) & ((1 << _TAKEN) - 1)


@inlined
def is_slack_sure(tuning, state, n):
    """True if the rules judge the way home alike for the bounds of the distance to own ground."""
    near, far = np.int64(state.route_dist[n, GROUND_CLASS]), state.routed[n, ROUTED_HOME]
    if near == far or near == NO_ROUTE:
        return True
    _, slack = way_home(state, n, far)
    return slack_sides(tuning, slack) == slack_sides(tuning, np.int64(state.scalars[n, SLACK]))
