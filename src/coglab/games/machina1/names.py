"""Names of machina_1 by id: resources, vibes, actions, kinds of cells. In here: neither numpy nor numba."""

from __future__ import annotations

RESOURCES = (
    "energy",
    "carbon",
    "oxygen",
    "germanium",
    "silicon",
    "heart",
    "decoder",
    "modulator",
    "resonator",
    "scrambler",
)

ALL_VIBES, USED_VIBES = 152, 13
"""How many vibes the published game has, and how many of them (the first) do anything."""

VIBES = (
    "default",
    "charger",
    "carbon_a",
    "carbon_b",
    "oxygen_a",
    "oxygen_b",
    "germanium_a",
    "germanium_b",
    "silicon_a",
    "silicon_b",
    "heart_a",
    "heart_b",
    "gear",
    "assembler",
    "chest",
    "wall",
    "paperclip",
    *(f"symbol_{number}" for number in range(17, ALL_VIBES)),
)
"""[152] The last are free symbols: others see them, nothing else follows."""

KINDS = (
    "empty",
    "assembler",
    "carbon_extractor",
    "charger",
    "chest",
    "germanium_extractor",
    "oxygen_extractor",
    "silicon_extractor",
    "wall",
    "agent",
)
"""Cells of a map; from 1 to 8 a kind is also the id of its tag."""

TAGS = (KINDS[-1], *KINDS[1:-1])
"""Tags of the observation by id."""


def action_names(vibes: int) -> tuple[str, ...]:
    """Return the names of the actions by index for a game with the first `vibes` vibes: 157 or 18."""
    moves = ("move_north", "move_south", "move_west", "move_east")
    return ("noop", *moves, *(f"change_vibe_{name}" for name in VIBES[:vibes]))
