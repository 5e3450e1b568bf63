"""The short search: distances from one cell to the classes that a decision needs, then the first moves to one of them.

`flood.py` carries four boards, one for each first move, and so has the moves to every class: what a network reads. A
teacher follows one route. So this search carries one board, keeps its levels, stops as soon as the decision is settled, and
`walk_back` goes from the targets back through the levels. Distances and moves are those of `flood.py`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from coglab.engine.bit_blocks import (
    ALIVE,
    TOUCHED,
    any_of_block,
    clear_block,
    grow_one,
    grow_one_wide,
    step_back,
    step_back_wide,
)
from coglab.engine.jit import helper, trailing_zeros
from coglab.games.cogsguard import memory_layout as layout
from coglab.games.cogsguard.memory_boards import ENEMY, FRIENDLY
from coglab.games.cogsguard.route_classes import (
    CLASSES_OF_CODE,
    FRONTIER_BIT,
    FRONTIER_CLASS,
    GROUND_BIT,
    GROUND_CLASS,
    LARGEST_COST,
    MAX_DEPTH,
    MINE_CHOICES,
    NO_ROUTE,
    NUM_CLASSES,
    NUM_ELEMENTS,
    SAFE_BIT,
    SAFE_CLASS,
    class_index,
)
from coglab.games.cogsguard.search_planes import (
    CELLS,
    CLASS,
    CODED_BITS,
    FREE,
    HIT,
    LENGTH,
    LEVEL,
    PAD,
    PLACES,
    TARGET,
    at,
    prepare,
)

CLAIM_BITS = sum(1 << class_index(name) for name in layout.CLAIMABLE)
CUT_DEPTH = 31
"""Moves up to which the 64 columns around the agent are all that a search can touch."""
CUT_CENTRE = 32
"""Bit of the agent's column among them."""


class Enough(NamedTuple):
    """When a decision is settled, as bit masks of classes. Own ground has to be found in any case."""

    all_of: int
    """These have to be found, and one of `any_of`. With all elements and `frontier` among them: what `mine` leads to."""
    any_of: int
    then_all_of: int
    """If there is no target of one of them or of all of `any_of`: these have to be found instead ..."""
    then_present: int
    """... and these as far as they have targets ..."""
    then_any_of: int
    """... and one of these; 0 in all three: everything that was asked for."""


ALL = Enough(0, 0, 0, 0, 0)
"""Everything that was asked for."""


class Area(NamedTuple):
    """Where a search runs."""

    line: int
    """the agent's line"""
    bit: int
    """the agent's bit in the boards of the search"""
    first: int
    """first line that the search can touch, a multiple of 8"""
    last: int
    """line after the last, a multiple of 8"""
    words: int
    """words per row"""
    shift: int
    """with one word: bit of the 128-bit row that is bit 0; 0 where the rows have one word only"""
    is_cut: bool
    """the word is cut out of rows of two words"""
    agents: int
    """directions in which agents stand that routes must lead around"""


@helper
def top_of(area, level):
    """First line of the blocks in which a level can lie."""
    return max((area.line - level) & ~7, area.first)


@helper
def bottom_of(area, level):
    """Line after the last of those blocks."""
    return min((area.line + level + 8) & ~7, area.last)


@helper
def fill(boards, work, area, todo, begin, end):
    """Prepare the lines [begin, end)."""
    if begin >= end:
        return
    first, last = np.uint64(begin), np.uint64(end)
    near = np.uint64(area.shift & 63)
    for word in range(area.words):
        prepare(boards, work, todo, word, np.uint64(word + (area.shift >> 6)), near, first, last)


@helper
def clear_beside(work, start, top, bottom, width):
    """Make `width` lines above and below the lines [top, bottom) of a board zero."""
    for line in range(top - width, top, 8):
        clear_block(work, start + np.uint64(line + 2048) - np.uint64(2048))
    for line in range(bottom, bottom + width, 8):
        clear_block(work, start + np.uint64(line))


@helper
def coded(codes, area, word, line, bits, todo):
    """Classes of `todo` that the places `bits` of a line belong to by their object codes."""
    classes = 0
    while bits != 0:
        bit = trailing_zeros(bits)
        bits &= bits - np.uint64(1)
        index = (64 * word + bit + area.shift) & 127
        classes |= CLASSES_OF_CODE[codes[line - PAD, index]]
    return classes & todo & CODED_BITS


@helper
def neighbour(area, d):
    """Line, word and bit of the cell to the north, south, west or east (0 to 3); bit -1 if it lies in no word."""
    line = area.line + (-1 if d == 0 else (1 if d == 1 else 0))
    bit = area.bit + (-1 if d == 2 else (1 if d == 3 else 0))
    bit &= 127
    word = bit >> 6
    return line, word, -1 if word >= area.words else bit & 63


@helper
def classes_at(codes, work, area, line, word, bit, todo):
    """Classes of `todo` that a cell is a target of."""
    here = np.uint64(1) << np.uint64(bit)
    classes = 0
    rest = todo & ~CODED_BITS
    while rest != 0:
        route = trailing_zeros(np.uint64(rest))
        rest &= rest - 1
        if work[at(CLASS + route, word) + np.uint64(line)] & here != 0:
            classes |= 1 << route
    if todo & CODED_BITS:
        places = work[at(PLACES, word) + np.uint64(line)] & here
        if places != 0:
            classes |= coded(codes, area, word, line, places, todo)
    return classes


@helper
def start(codes, work, area, todo):
    """Place level 1, the free neighbours in which no agent blocks; returns (classes found, is there a level 1)."""
    top, bottom = top_of(area, 1), bottom_of(area, 1)
    own_word = area.bit >> 6
    for word in range(area.words):
        plane = at(LEVEL + 1, word)
        for line in range(top, bottom, 8):
            clear_block(work, plane + np.uint64(line))
        clear_beside(work, plane, top, bottom, 16)
    here = np.uint64(1) << np.uint64(area.bit & 63)
    work[at(FREE, own_word) + np.uint64(area.line)] &= ~here
    found = 0
    alive = False
    for d in range(4):
        line, word, bit = neighbour(area, d)
        if (area.agents >> d) & 1 or bit < 0:
            continue
        here = np.uint64(1) << np.uint64(bit)
        if work[at(TARGET, word) + np.uint64(line)] & here != 0:
            classes = classes_at(codes, work, area, line, word, bit, todo)
            found |= classes
            index = (64 * word + bit + area.shift) & 127
            while classes != 0:
                route = trailing_zeros(np.uint64(classes))
                classes &= classes - 1
                work[LENGTH + route] = np.uint64(1)
                work[CELLS + route] = np.uint64(128 * (line - PAD) + index)
        free = work[at(FREE, word) + np.uint64(line)] & here
        if free != 0:
            alive = True
            work[at(LEVEL + 1, word) + np.uint64(line)] |= free
            work[at(FREE, word) + np.uint64(line)] &= ~free
    return found, alive


@helper
def last_cell(work, area, route, top, bottom):
    """The last of the cells of a class that the last level touched, ordered by word, row and bit of the memory's rows."""
    best = -1
    for word in range(area.words):
        for line in range(top, bottom):
            bits = work[at(HIT, word) + np.uint64(line)]
            bits &= work[at(CLASS + route, word) + np.uint64(line)]
            while bits != 0:
                bit = trailing_zeros(bits)
                bits &= bits - np.uint64(1)
                index = (64 * word + bit + area.shift) & 127
                order = ((index >> 6) << 14) + 128 * (line - PAD) + index
                best = max(best, order)
    return best & 0x3FFF


@helper
def settle(codes, work, area, level, top, bottom, todo, is_shared):
    """Record the classes whose nearest targets this level touched; returns them."""
    found = 0
    begin, end = np.uint64(top), np.uint64(bottom)
    eight = np.uint64(8)
    rest = todo & ~CODED_BITS
    while rest != 0:
        route = trailing_zeros(np.uint64(rest))
        rest &= rest - 1
        touched = np.uint64(0)
        for word in range(area.words):
            hit, plane = at(HIT, word), at(CLASS + route, word)
            line = begin
            while line < end:
                touched |= any_of_block(work, hit + line, plane + line)
                line += eight
        if touched != 0:
            found |= 1 << route
            work[LENGTH + route] = np.uint64(level)
            if is_shared and (CLAIM_BITS >> route) & 1:
                work[CELLS + route] = np.uint64(last_cell(work, area, route, top, bottom))
    if todo & CODED_BITS:
        classes = 0
        for word in range(area.words):
            hit, plane = at(HIT, word), at(PLACES, word)
            block = begin
            while block < end:
                if any_of_block(work, hit + block, plane + block) != 0:
                    for line in range(np.int64(block), np.int64(block) + 8):
                        places = work[hit + np.uint64(line)] & work[plane + np.uint64(line)]
                        if places != 0:
                            classes |= coded(codes, area, word, line, places, todo)
                block += eight
        found |= classes
        while classes != 0:
            route = trailing_zeros(np.uint64(classes))
            classes &= classes - 1
            work[LENGTH + route] = np.uint64(level)
    return found


@helper
def mine_is_settled(work, costs, todo, level):
    """True if no class of `todo` can still become what `mine` leads to, now that all up to `level` moves were seen.

    Args:
        work: lengths found so far.
        costs: f64 [2, 4] of `routes.mine_costs`: what an extractor and what unknown ground costs besides moves.
        todo: classes not found yet that have targets.
        level: moves up to which everything was found.
    """
    best, bound = LARGEST_COST, LARGEST_COST
    ahead = np.float64(level + 1)
    frontier = np.int64(work[LENGTH + FRONTIER_CLASS])
    for element in range(NUM_ELEMENTS):
        length = np.int64(work[LENGTH + element])
        if length != NO_ROUTE:
            best = min(best, costs[0, element] + np.float64(length))
            continue
        is_open = (todo >> element) & 1
        if is_open:
            bound = min(bound, ahead + costs[0, element])
        if costs[1, element] < LARGEST_COST:
            # No extractor of a scarcest element is known to be in reach: unknown ground competes.
            if frontier != NO_ROUTE:
                cost = costs[1, element] + np.float64(frontier)
                if is_open:
                    bound = min(bound, cost)
                else:
                    best = min(best, cost)
            elif todo & FRONTIER_BIT:
                bound = min(bound, ahead + costs[1, element])
    return best < bound


@helper
def run(boards, codes, work, area, costs, todo, must, any_of, for_mine, is_shared):
    """Search level by level; returns (classes not found, True if the search died out, True if it is settled)."""
    top, bottom = top_of(area, 8), bottom_of(area, 8)
    fill(boards, work, area, todo, top, bottom)
    prepared_top, prepared_bottom = top, bottom
    found, alive = start(codes, work, area, todo)
    level = 1
    depth = CUT_DEPTH if area.is_cut else MAX_DEPTH
    while True:
        if found != 0:
            todo &= ~found
            if found & any_of:
                any_of = 0
        if for_mine and (found != 0 or level & 1 == 0):
            for_mine = not mine_is_settled(work, costs, todo, level)
        is_settled = todo & must == 0 and any_of == 0 and not for_mine
        is_settled = is_settled or todo == 0
        if is_settled or not alive or level >= depth:
            return todo, not alive, is_settled
        level += 1
        found = 0
        top, bottom = top_of(area, level), bottom_of(area, level)
        if top < prepared_top:
            fill(boards, work, area, todo, top, prepared_top)
            prepared_top = top
        if bottom > prepared_bottom:
            fill(boards, work, area, todo, prepared_bottom, bottom)
            prepared_bottom = bottom
        signs = np.uint64(0)
        begin, end = np.uint64(top), np.uint64(bottom)
        eight = np.uint64(8)
        for word in range(area.words):
            source, out = at(LEVEL + level - 1, word), at(LEVEL + level, word)
            beside = at(LEVEL + level - 1, 1 - word)
            free, target, hit = at(FREE, word), at(TARGET, word), at(HIT, word)
            line = begin
            if area.words == 1:
                while line < end:
                    signs |= grow_one(
                        work, source + line, source, out + line, eight,
                        free + line, target + line, hit + line,
                    )  # fmt: skip
                    line += eight
            else:
                while line < end:
                    signs |= grow_one_wide(
                        work, source + line, beside + line, out + line, eight,
                        free + line, target + line, hit + line,
                    )  # fmt: skip
                    line += eight
            clear_beside(work, out, top, bottom, 16)
        alive = signs & np.uint64(ALIVE) != 0
        if signs & np.uint64(TOUCHED) != 0:
            found = settle(codes, work, area, level, top, bottom, todo, is_shared)


@helper
def place(row, index, is_wide, top_known, bottom_known, agents, is_near):
    """The `Area` of a search from a cell; `is_near`: one that ends after CUT_DEPTH moves if rows have two words."""
    line = row + PAD
    # Known cells and the unknown ones next to them lie in these lines; nothing else can be touched.
    first = min(top_known + PAD - 1, line - 1) & ~7
    last = (max(bottom_known + PAD + 1, line + 1) + 8) & ~7
    is_cut = is_wide and is_near
    return Area(
        line=line,
        bit=CUT_CENTRE if is_cut else index,
        first=first,
        last=last,
        words=2 if is_wide and not is_near else 1,
        shift=(index - CUT_CENTRE) & 127 if is_cut else 0,
        is_cut=is_cut,
        agents=agents,
    )


@helper
def search(boards, codes, work, row, index, is_wide, span, todo, enough, costs, agents, is_shared):
    """Find the distances from one cell to the classes `todo`, as far as a decision needs them.

    Args:
        boards: u64 [NUM_BOARDS, 2, ROWS] of the memory.
        codes: u8 [ROWS, 128] of the memory.
        work: u64 [WORK_SIZE]; word LENGTH + c: moves to class c, NO_ROUTE if it was not found.
        row: grid row of the cell, 2 to ROWS - 3.
        index: bit of its column in the 128-bit row.
        is_wide: something is known in the second word of a row.
        span: i32 [2] first and last grid row with known cells.
        todo: bit mask of classes.
        enough: `Enough`: when to stop.
        costs: see `mine_is_settled`.
        agents: directions in which agents stand that routes must lead around.
        is_shared: note the cells of the nearest targets of the classes that a team shares out, too.

    Returns:
        (bit mask of the classes that were searched for in vain although all ground that can be reached was seen, `Area` of
        the search for `walk_back`, False if the search ended because it was long and for no other reason)
    """
    for route in range(NUM_CLASSES):
        work[LENGTH + route] = np.uint64(NO_ROUTE)
    area = place(row, index, is_wide, span[0], span[1], agents, True)
    if todo == 0:
        return 0, area, True
    here = np.uint64(1) << np.uint64(index & 63)
    friendly = boards[FRIENDLY, index >> 6, row] & here
    if (todo & GROUND_BIT) and friendly != 0:
        work[LENGTH + GROUND_CLASS] = np.uint64(0)
        todo &= ~GROUND_BIT
    if (todo & SAFE_BIT) and (friendly & ~boards[ENEMY, index >> 6, row]) != 0:
        work[LENGTH + SAFE_CLASS] = np.uint64(0)
        todo &= ~SAFE_BIT
    if todo == 0:
        return 0, area, True
    must, any_of = enough.all_of, enough.any_of
    for_mine = must & MINE_CHOICES == MINE_CHOICES
    if for_mine:
        must &= ~MINE_CHOICES
        for_mine = todo & MINE_CHOICES != 0
        if not for_mine:
            must, any_of = 0, 0
    is_open = must | any_of != 0 or for_mine
    if not is_open or must & ~todo != 0 or (any_of != 0 and any_of & todo == 0):
        # With one of them missing, what to do may depend on any other class.
        for_mine = False
        must, any_of = enough.then_all_of, enough.then_any_of & todo
        is_missing = must & ~todo != 0 or (enough.then_any_of != 0 and any_of == 0)
        if must | enough.then_present | any_of == 0 or is_missing:
            must, any_of = todo, 0
        else:
            must |= enough.then_present
    any_of &= todo
    must = (must | GROUND_BIT) & todo
    rest, died, is_settled = run(
        boards, codes, work, area, costs, todo, must, any_of, for_mine, is_shared
    )
    if area.is_cut and not (died or is_settled):
        for route in range(NUM_CLASSES):
            if (todo >> route) & 1:
                work[LENGTH + route] = np.uint64(NO_ROUTE)
        area = place(row, index, is_wide, span[0], span[1], agents, False)
        rest, died, is_settled = run(
            boards, codes, work, area, costs, todo, must, any_of, for_mine, is_shared
        )
    return rest if died else 0, area, died or is_settled


@helper
def moves_of_one(codes, work, area, route):
    """First moves to a class whose nearest targets are next to the agent."""
    moves = 0
    for d in range(4):
        line, word, bit = neighbour(area, d)
        if (area.agents >> d) & 1 or bit < 0:
            continue
        if classes_at(codes, work, area, line, word, bit, 1 << route) != 0:
            moves |= 1 << d
    return moves


@helper
def walk_back(codes, work, area, route, length):
    """Keep, of the levels of the last search, what lies on shortest routes to a class that is `length` moves away.

    Args:
        codes: u8 [ROWS, 128] of the memory.
        work: of the search; plane LEVEL + k then holds the cells k moves from the start that lie on such routes; k = 1 to
            `length`, where the targets are.
        area: of the search.
        route: the class.
        length: at least 2.
    """
    is_coded = (CODED_BITS >> route) & 1
    plane = PLACES if is_coded else CLASS + route
    eight = np.uint64(8)
    for level in range(length, 0, -1):
        # From the level before to the targets, then from each level to the one before it.
        is_first = level == length
        top, bottom = top_of(area, level), bottom_of(area, level)
        source = LEVEL + level + (-1 if is_first else 1)
        allowed = plane if is_first else LEVEL + level
        for word in range(area.words):
            at_source, at_beside = at(source, word), at(source, 1 - word)
            at_allowed, at_out = at(allowed, word), at(LEVEL + level, word)
            line, end = np.uint64(top), np.uint64(bottom)
            if area.words == 1:
                while line < end:
                    step_back(work, at_source + line, at_source, at_allowed + line, at_out + line)
                    line += eight
            else:
                while line < end:
                    step_back_wide(
                        work, at_source + line, at_beside + line, at_allowed + line, at_out + line
                    )
                    line += eight
            if is_first:
                clear_beside(work, at_out, top, bottom, 8)
            if is_first and is_coded:
                for k in range(top, bottom):
                    bits = work[at_out + np.uint64(k)]
                    while bits != 0:
                        one = bits & ~(bits - np.uint64(1))
                        bits &= ~one
                        if coded(codes, area, word, k, one, 1 << route) == 0:
                            work[at_out + np.uint64(k)] &= ~one


@helper
def moves_into(work, area, level):
    """Moves from the area's cell into a level that `walk_back` left, bits 0 to 3; agents that must be led around block."""
    moves = 0
    for d in range(4):
        line, word, bit = neighbour(area, d)
        if (area.agents >> d) & 1 or bit < 0:
            continue
        if (work[at(LEVEL + level, word) + np.uint64(line)] >> np.uint64(bit)) & np.uint64(1) != 0:
            moves |= 1 << d
    return moves
