"""Plain-Python twin of the map memory: dictionaries of cells, queue search; slow and simple.

Written from the documentation of `memory_layout.py`. Cells are (row, column) from the hub, or from the start cell
while no hub was seen.
"""

from __future__ import annotations

from collections import deque

from coglab.games.cogsguard import memory_layout as layout

CODES = {tag: code for tag, code in enumerate(layout.CODE_OF_TAG) if code}
STEPS = ((-1, 0), (1, 0), (0, -1), (0, 1))


def square(cells, radius):
    """All cells within Chebyshev distance `radius` of `cells`."""
    return {
        (row + i, column + j)
        for row, column in cells
        for i in range(-radius, radius + 1)
        for j in range(-radius, radius + 1)
    }


def read_tokens(tokens):
    """Split one observation ([200, 3] uint8) into own features, walls, objects {cell: code} and agents.

    Cells are offsets from the agent.
    """
    own, walls, objects, agents = {}, set(), {}, []
    cells: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for location, feature, value in tokens.tolist():
        if location == 255:
            break
        if location == 85:
            if feature != 8:
                own[feature] = value
        else:
            cells.setdefault((location // 16 - 5, location % 16 - 5), []).append((feature, value))
    for cell, pairs in cells.items():
        tag = max(value for feature, value in pairs if feature == 8)
        facts = dict(pairs)
        if tag == 13:
            walls.add(cell)
        elif tag == 1:
            agents.append((cell, facts.get(6, 0)))
        else:
            code = CODES[tag]
            if code == layout.CODE_NEUTRAL and 11 in facts:
                code = layout.CODE_COGS if facts[11] == 1 else layout.CODE_CLIPS
            objects[cell] = code
    return own, walls, objects, agents


class MemoryTwin:
    """What one agent remembers."""

    def __init__(self):
        self.age = 0
        self.known: set[tuple[int, int]] = set()
        self.walls: set[tuple[int, int]] = set()
        self.objects: dict[tuple[int, int], int] = {}
        self.seen = [set(), set()]
        self.hurt = [set(), set()]
        self.spawn = None
        self.hub = None
        self.hp = 0
        self.influence = 0
        self.off_ground = 0
        self.on_ground = 0
        self.standing = 0
        self.doubts = 0

    def owned(self, *codes):
        """Cells of the remembered objects with one of these codes."""
        return [cell for cell, code in self.objects.items() if code in codes]

    def friendly(self):
        """Own ground."""
        return square(self.owned(layout.CODE_HUB, layout.CODE_COGS), layout.TERRITORY)

    def within(self, extra):
        """Own ground and `extra` cells around it."""
        return square(self.owned(layout.CODE_HUB, layout.CODE_COGS), layout.TERRITORY + extra)

    def enemy(self):
        """Enemy ground, known or felt."""
        return square(self.owned(layout.CODE_CLIPS), layout.TERRITORY) | self.hurt[0] | self.hurt[1]

    def update(self, tokens):
        """Take in one observation."""
        if self.age and self.age % layout.REVISIT_PERIOD == 0:
            self.seen = [set(), self.seen[0]]
            self.hurt = [set(), self.hurt[0]]
        own, walls, objects, agents = read_tokens(tokens)
        self.own, self.agents = own, agents
        walked = (own.get(15, 0) - own.get(14, 0), own.get(12, 0) - own.get(13, 0))
        hub_seen_now = self.find_place(walked, objects)
        row, column = self.cell
        self.feel(own)
        window = {(row + i, column + j) for i in range(-5, 6) for j in range(-5, 6)}
        self.known |= window
        self.seen[0] |= window
        self.walls = (self.walls - window) | {(row + i, column + j) for i, j in walls}
        for cell in window & set(self.objects):
            del self.objects[cell]
        for (i, j), code in objects.items():
            self.objects[row + i, column + j] = code
        if hub_seen_now:
            self.assume_layout(window)
        self.doubt(window)
        self.age += 1

    def find_place(self, walked, objects):
        """Work out the own cell; True when the hub is seen for the first time."""
        hub = next((cell for cell, code in objects.items() if code == layout.CODE_HUB), None)
        if self.spawn is None:
            at = (-hub[0], -hub[1]) if hub else (0, 0)
            self.spawn = (at[0] - walked[0], at[1] - walked[1])
            self.cell = at
        before = self.cell
        self.cell = (self.spawn[0] + walked[0], self.spawn[1] + walked[1])
        self.standing = self.standing + 1 if self.age and self.cell == before else 0
        if hub is None or self.hub is not None:
            return False
        self.hub = (self.cell[0] + hub[0], self.cell[1] + hub[1])
        return True

    def feel(self, own):
        """Own ground and enemy ground by hp and influence."""
        hp = own.get(20, 0) + 256 * own.get(21, 0)
        influence = own.get(22, 0)
        drain = 0
        if self.age:
            if hp > 0 and hp >= self.hp:
                self.off_ground, self.on_ground = 0, self.on_ground + 1
            else:
                drain = min(self.hp - hp, 20)
                self.off_ground, self.on_ground = self.off_ground + 1, 0
        lost_influence = self.influence > 1 and influence == 0 and 32 in own
        self.hp, self.influence = hp, influence
        cap = 200 if 34 in own else 100
        kept_low = self.on_ground >= 2 and 38 not in own and cap - 8 < hp < cap
        self.feels_enemy = lost_influence or 1 < drain < 8 or kept_low

    def assume_layout(self, window):
        """Fill in the compound around the hub if nothing in the window contradicts it."""
        for plan in layout.LAYOUTS:
            centre = self.hub
            area = square([centre], plan.radius)
            walls = {(centre[0] + i, centre[1] + j) for i, j in plan.walls}
            objects = {(centre[0] + i, centre[1] + j): code for i, j, code in plan.objects}
            junction = (layout.CODE_COGS, layout.CODE_CLIPS)
            seen = area & window
            if any((cell in walls) != (cell in self.walls) for cell in seen):
                continue
            if any(
                objects.get(cell) != self.objects.get(cell)
                and not (
                    objects.get(cell) == layout.CODE_NEUTRAL and self.objects.get(cell) in junction
                )
                for cell in seen
            ):
                continue
            new = area - self.known
            self.walls |= walls & new
            self.objects |= {cell: code for cell, code in objects.items() if cell in new}
            self.known |= area
            return

    def doubt(self, window):
        """Own ground that is not felt was lost; places where enemy ground is felt are remembered."""
        on_map = self.cell in self.friendly()
        self.doubts = self.doubts + 1 if on_map and self.off_ground > 1 else 0
        if self.doubts == 2:
            near = [
                cell for cell in self.owned(layout.CODE_COGS, layout.CODE_HUB) if self.is_near(cell)
            ]
            if all(self.objects[cell] == layout.CODE_COGS for cell in near):
                for cell in set(near) - window:
                    self.objects[cell] = layout.CODE_NEUTRAL
        if self.feels_enemy and self.cell not in self.enemy():
            self.hurt[0] |= square([self.cell], 3 if on_map else 5)

    def is_near(self, cell):
        """Whether a cell is within 10 of the agent."""
        return max(abs(cell[0] - self.cell[0]), abs(cell[1] - self.cell[1])) <= layout.TERRITORY

    def classes(self):
        """A function that names the route classes of a cell."""
        friendly, enemy = self.friendly(), self.enemy()
        reach, near = self.within(layout.ALIGN_REACH), self.within(layout.NEAR_GROUND)
        lately = self.seen[0] | self.seen[1]

        def of(cell):
            if cell not in self.known:
                return ["frontier", "near_frontier"] if cell in near else ["frontier"]
            code = self.objects.get(cell)
            if code is None:
                if cell in self.walls or cell not in friendly:
                    return []
                return ["own_ground"] if cell in enemy else ["own_ground", "safe_ground"]
            if code == layout.CODE_NEUTRAL:
                names = ["neutral"]
                if cell in reach and cell not in enemy:
                    names += ["align", "align_home"] if cell in friendly else ["align"]
                return [*names, "patrol"] if cell in reach and cell not in lately else names
            if code == layout.CODE_COGS:
                return ["deposit"] if cell in lately else ["deposit", "revisit", "patrol"]
            if code <= 4:
                return [layout.ELEMENTS[code - 1]]
            if code >= layout.CODE_STATION:
                return [f"{layout.GEARS[code - layout.CODE_STATION]}_station"]
            return {
                layout.CODE_CHEST: ["chest"],
                layout.CODE_HUB: ["hub", "deposit"],
                layout.CODE_CLIPS: ["clips"],
            }[code]

        return of

    def routes(self):
        """{class: (distance, set of optimal first moves)} by breadth-first search."""
        of = self.classes()
        blocked = {cell for cell, _ in self.agents} if self.standing >= layout.PATIENCE else set()
        found = {name: (0, set()) for name in of(self.cell) if name.endswith("_ground")}
        distance = {self.cell: 0}
        first = {self.cell: set()}
        queue = deque()
        for move, (i, j) in enumerate(STEPS):
            if (i, j) not in blocked:
                cell = (self.cell[0] + i, self.cell[1] + j)
                distance[cell], first[cell] = 1, {move}
                queue.append(cell)
        while queue:
            cell = queue.popleft()
            for name in of(cell):
                if name not in found:
                    found[name] = (distance[cell], set())
                if found[name][0] == distance[cell]:
                    found[name][1].update(first[cell])
            if cell not in self.known or cell in self.walls or cell in self.objects:
                continue
            if distance[cell] == layout.MAX_DEPTH:
                continue
            for i, j in STEPS:
                other = (cell[0] + i, cell[1] + j)
                if other not in distance:
                    distance[other], first[other] = distance[cell] + 1, set()
                    queue.append(other)
                if distance[other] == distance[cell] + 1:
                    first[other] |= first[cell]
        return found


def cells_of_board(memory, m, board):
    """Cells whose bit is set in a board of a `MapMemory`."""
    rows = memory.state.boards[m, board]
    cells = set()
    for row in range(layout.ROWS):
        for word in range(2):
            bits = int(rows[word, row])
            while bits:
                bit = 64 * word + (bits & -bits).bit_length() - 1
                bits &= bits - 1
                column = (bit - layout.CENTRE_COLUMN + 64) % 128 - 64
                cells.add((row - layout.CENTRE_ROW, column))
    return cells


def objects_of_memory(memory, m):
    """{cell: code} of a `MapMemory`."""
    codes = memory.state.codes[m]
    return {
        (row, column): int(codes[row + layout.CENTRE_ROW, (column + layout.CENTRE_COLUMN) % 128])
        for row, column in cells_of_board(memory, m, layout.BOARD_OBJECT)
    }
