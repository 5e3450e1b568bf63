"""What the stations and chests of the slow twin of machina_1 do: tables, as the rules print them."""

from dataclasses import dataclass, field

ELEMENTS = ["carbon", "oxygen", "germanium", "silicon"]
GEAR = ["decoder", "modulator", "resonator", "scrambler"]
RESOURCES = ["energy", *ELEMENTS, "heart", *GEAR]
VIBES = [
    "default",
    "charger",
    *(f"{element}_{way}" for element in ELEMENTS for way in "ab"),
    "heart_a",
    "heart_b",
    "gear",
    *(f"no meaning {number}" for number in range(13, 152)),
]


@dataclass
class Station:
    """What all uses of a kind of station have in common."""

    cooldown: int = 0
    is_partial: bool = False
    uses: int = 0
    """0: unlimited."""


STATIONS = {
    "charger": Station(cooldown=10, is_partial=True),
    "carbon_extractor": Station(uses=25),
    "oxygen_extractor": Station(cooldown=100, is_partial=True, uses=5),
    "germanium_extractor": Station(cooldown=200, uses=5),
    "silicon_extractor": Station(uses=10),
    "assembler": Station(),
}


@dataclass
class Recipe:
    """One way to use a station."""

    station: str
    item: str
    amount: int
    price: dict = field(default_factory=dict)
    vibes: list = field(default_factory=list)
    agents: int = 0
    """Least number of agents around the station."""


RECIPES = [
    Recipe("charger", "energy", 50),
    Recipe("carbon_extractor", "carbon", 2),
    Recipe("oxygen_extractor", "oxygen", 10),
    Recipe("germanium_extractor", "germanium", 2, agents=0),
    Recipe("germanium_extractor", "germanium", 3, agents=2),
    Recipe("germanium_extractor", "germanium", 4, agents=3),
    Recipe("germanium_extractor", "germanium", 5, agents=4),
    Recipe("silicon_extractor", "silicon", 15, price={"energy": 20}),
]
for carbon, germanium, silicon, hearts in (
    (10, 2, 30, 1),
    (15, 3, 45, 2),
    (20, 4, 60, 3),
    (25, 5, 75, 4),
):
    price = {"carbon": carbon, "oxygen": carbon, "germanium": germanium, "silicon": silicon}
    RECIPES.append(Recipe("assembler", "heart", hearts, price, vibes=["heart_a"] * hearts))
for element, gear in zip(ELEMENTS, ("decoder", "modulator", "scrambler", "resonator"), strict=True):
    RECIPES.append(Recipe("assembler", gear, 1, {element: 1}, vibes=["gear", f"{element}_a"]))

CHEST_MOVES = {
    "default": dict.fromkeys(["heart", *ELEMENTS], 255),
    "heart_b": {"heart": 1},
}
"""By vibe: the most that a use puts into the chest; negative: takes out of it."""
for element, most in (("carbon", 10), ("oxygen", 10), ("germanium", 1), ("silicon", 25)):
    CHEST_MOVES[f"{element}_a"] = {element: -most}
    CHEST_MOVES[f"{element}_b"] = {element: most}
