"""A game on a hand-made map of a few cells, for tests of single rules."""

import numpy as np

from coglab.games.cogsguard import rules
from coglab.games.cogsguard.config import CogsGuardConfig
from coglab.games.cogsguard.maps import MapTable
from coglab.games.cogsguard.sim import CogsGuardSim

DO = {name: index for index, name in enumerate(rules.ACTIONS)}

LETTERS = {
    "#": "wall",
    ".": "empty",
    "@": "agent.agent",
    "H": "hub",
    "J": "junction",
    "C": "chest",
    "O": "oxygen_extractor",
    "A": "aligner_station",
    "S": "scrambler_station",
}


class World:
    """One game; `text` has one line per row. Tests set amounts directly and look at what a tick makes of them."""

    def __init__(self, text, *, owner=rules.NEUTRAL, stock=None, seed=0, max_steps=1000, **config):
        grid = text
        if isinstance(text, str):
            grid = np.array([[LETTERS[cell] for cell in line] for line in text.split()])
        table = MapTable.from_grids([grid])
        self.sim = CogsGuardSim(
            CogsGuardConfig(
                num_agents=table.num_agents,
                max_steps=max_steps,
                initial_stock=stock or {},
                **config,
            ),
            1,
            table,
            seed=seed,
        )
        self.things = self.sim.maps.compiled.objects[0]
        for thing in self.find("junction") if owner != rules.NEUTRAL else []:
            self.sim.state.object_value[0, thing] = owner
            source = int(self.things["source"][thing])
            self.sim.state.owned_sources[0, owner, source // 64] |= np.uint64(1 << source % 64)
            self.sim.state.junctions[0, owner, :2] += np.uint32(1)

    def find(self, name):
        """Numbers of all objects of a kind."""
        count = self.sim.maps.compiled.info["objects"][0]
        return np.flatnonzero(self.things["kind"][:count] == rules.KINDS.index(name))

    def give(self, agent=0, **amounts):
        """Set what an agent holds; the order in which it got them is that of the arguments."""
        inventory, recency = self.sim.state.inventory[agent], self.sim.state.recency
        for name, amount in amounts.items():
            inventory[rules.RESOURCES.index(name)] = amount
        held = [rules.RESOURCES.index(name) for name in amounts]
        held = [item for item in held if inventory[item]]
        held += [item for item in range(12) if inventory[item] and item not in held]
        packed = sum(item << 4 * place for place, item in enumerate(held))
        recency[agent] = packed | len(held) << 56

    def step(self, *actions):
        """Play one tick with these actions (names or indices); return which succeeded."""
        self.sim.actions[:] = [DO.get(action, action) for action in actions]
        self.sim.step()
        return self.sim.success.tolist()

    def held(self, *items, agent=0):
        return [int(self.sim.state.inventory[agent, item]) for item in items]

    def stock(self, *items):
        return [int(self.sim.state.stock[0, item]) for item in items]

    def left(self, name):
        return [int(self.sim.state.object_value[0, thing]) for thing in self.find(name)]

    def set_left(self, name, amount):
        for thing in self.find(name):
            self.sim.state.object_value[0, thing] = amount

    def owners(self):
        values = self.sim.state.object_value[0, self.find("junction")]
        return values.astype(np.int8).tolist()

    def check_places(self, places):
        state = self.sim.state
        assert list(zip(state.row.tolist(), state.col.tolist(), strict=True)) == places
