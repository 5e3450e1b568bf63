"""A game of machina_1 on a hand-made map of a few cells, for tests of single rules."""

import numpy as np

from coglab.games.machina1.config import Machina1Config
from coglab.games.machina1.maps import MapTable
from coglab.games.machina1.names import KINDS, RESOURCES, VIBES, action_names
from coglab.games.machina1.sim import Machina1Sim

DO = {name: index for index, name in enumerate(action_names(len(VIBES)))}

COMPASS = 7
LETTERS = {
    "#": "wall",
    ".": "empty",
    "@": "agent",
    "A": "assembler",
    "E": "charger",
    "X": "chest",
    "c": "carbon_extractor",
    "o": "oxygen_extractor",
    "g": "germanium_extractor",
    "s": "silicon_extractor",
}


class World:
    """One game; `text` has one line per row. Tests set amounts directly and look at what a tick makes of them."""

    def __init__(self, text, *, seed=0, max_steps=1000, **config):
        grid = np.array([[LETTERS[cell] for cell in line] for line in text.split()])
        table = MapTable.from_grids([grid])
        config = Machina1Config(num_agents=table.num_agents, max_steps=max_steps, **config)
        self.sim = Machina1Sim(config, 1, table, seed=seed)
        self.things = table.compiled.objects[0]

    def find(self, name):
        """Number of the first object of a kind."""
        return int(np.flatnonzero(self.things["kind"] == KINDS.index(name))[0])

    def give(self, agent=0, **amounts):
        """Set what an agent holds."""
        for name, amount in amounts.items():
            self.sim.state.inventory[agent, RESOURCES.index(name)] = amount

    def show(self, *vibes):
        """Set the vibes of the first agents, by name."""
        for agent, vibe in enumerate(vibes):
            self.sim.state.vibe[agent] = VIBES.index(vibe)

    def step(self, *actions):
        """Play one tick with these actions (names or indices), noop for the rest; return which succeeded."""
        self.sim.actions[:] = 0
        self.sim.actions[: len(actions)] = [DO.get(action, action) for action in actions]
        self.sim.step()
        return self.sim.success.tolist()

    def held(self, *names, agent=0):
        return [int(self.sim.state.inventory[agent, RESOURCES.index(name)]) for name in names]

    def all_held(self, name):
        return self.sim.state.inventory[:, RESOURCES.index(name)].tolist()

    def chest(self, *names):
        return [int(self.sim.state.chest_stock[0, 0, RESOURCES.index(name)]) for name in names]

    def fill_chest(self, **amounts):
        for name, amount in amounts.items():
            self.sim.state.chest_stock[0, 0, RESOURCES.index(name)] = amount

    def uses(self, name):
        return int(self.sim.state.uses[0, self.find(name)])

    def rewards(self):
        return self.sim.rewards.tolist()

    def seen(self, row, col, agent=0):
        """Tokens (feature, value) at an offset from an agent, as last observed, sorted, without the compass."""
        location = 16 * (row + 5) + col + 5
        tokens = self.sim.tokens[agent].tolist()
        return sorted(
            (feature, value)
            for place, feature, value in tokens
            if place == location and feature != COMPASS
        )

    def compass(self, agent=0):
        """Offsets at which an agent's compass shows."""
        tokens = self.sim.tokens[agent].tolist()
        return [
            (place // 16 - 5, place % 16 - 5, value)
            for place, feature, value in tokens
            if feature == COMPASS
        ]
