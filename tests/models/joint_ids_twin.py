"""The joint ids in plain Python, written from the documentation of the observation, not from the kernel."""

from __future__ import annotations

from bisect import bisect_right

from coglab.games.cogsguard.interface import COGSGUARD
from coglab.games.cogsguard.memory_layout import ELEMENTS
from coglab.games.cogsguard.reading import ROLES, own_scalars

EXTRACTOR_AMOUNTS = (1, 11, 41, 91)
AGENT_AMOUNTS = {
    "inv:energy": (1, 3, 10, 20),
    "inv:hp": (1, 11, 31, 61),
    "inv:heart": (1, 2, 4),
    "inv:influence": (1,),
    "vibe": tuple(range(1, 16)),
    **{f"inv:{element}": (1, 5, 31) for element in ELEMENTS},
}
NAMES = {feature.id: feature.name for feature in COGSGUARD.features}
OBJECTS = [
    (name, owner)
    for name in COGSGUARD.tag_names
    if name.startswith("type:") and name != "type:wall"
    for owner in ((0, 1, 2) if name == "type:junction" else (None,))
]


def zone(row: int, column: int) -> int:
    """Which of 5 x 5 zones a window cell lies in."""
    return row * 5 // 11 * 5 + column * 5 // 11


def ids_of(observation, blocks, *, with_own: bool) -> list[int]:
    """All ids of one observation `[200][3]`, sorted; `blocks` maps names to first rows."""
    cells: dict[tuple[int, int], list[tuple[int, int]]] = {}
    own: dict[str, int] = {}
    for location, feature, value in observation:
        if location == 255:
            break
        if location == 85:
            own[NAMES[feature]] = value
        else:
            cells.setdefault((location // 16, location % 16), []).append((feature, value))
    ids: list[int] = []
    walls = set()
    for (row, column), tokens in cells.items():
        cell = row * 11 + column
        facts = [(NAMES[feature], value) for feature, value in tokens]
        owner = next((value + 1 for name, value in facts if name == "collective"), 0)
        tags = [COGSGUARD.tag_names[value] for name, value in facts if name == "tag"]
        kind = next(tag for tag in tags if tag.startswith("type:"))
        if kind == "type:wall":
            walls.add((row, column))
            continue
        index = OBJECTS.index((kind, owner if kind == "type:junction" else None))
        ids.append(blocks["objects"] + cell * len(OBJECTS) + index)
        for name, value in facts:
            resource = name.removeprefix("inv:")
            if kind == "type:agent" and name in AGENT_AMOUNTS:
                edges = AGENT_AMOUNTS[name]
                level = bisect_right(edges, value)
                if level:
                    place = zone(row, column) * len(edges)
                    ids.append(blocks[f"agent_{name}"] + place + level - 1)
            elif kind == "type:agent" and resource in ROLES:
                ids.append(blocks[f"agent_{name}"] + cell)
            elif kind != "type:agent" and resource in ELEMENTS:
                level = bisect_right(EXTRACTOR_AMOUNTS, value)
                if level:
                    place = zone(row, column) * len(EXTRACTOR_AMOUNTS)
                    ids.append(blocks[f"object_{name}"] + place + level - 1)
    for patch_row in range(6):
        for patch_column in range(6):
            pattern = 0
            for bit, (down, right) in enumerate(((0, 0), (0, 1), (1, 0), (1, 1))):
                if (2 * patch_row + down, 2 * patch_column + right) in walls:
                    pattern += 2**bit
            if pattern:
                ids.append(blocks["walls"] + (patch_row * 6 + patch_column) * 15 + pattern - 1)
    ids.append(blocks["own_mode"] + mode(own))
    if with_own:
        ids += own_ids(own, blocks)
    return sorted(ids)


def own_ids(own: dict[str, int], blocks) -> list[int]:
    """Ids of the numbers about the agent itself."""
    ids = []
    for scalar in own_scalars(COGSGUARD):
        value = sum(own.get(NAMES.get(feature, ""), 0) * weight for feature, weight in scalar.terms)
        value = min(max(value, min(scalar.edges[0] - 1, 0)), scalar.edges[-1])
        level, silent = bisect_right(scalar.edges, value), bisect_right(scalar.edges, 0)
        if level != silent:
            ids.append(blocks[f"own_{scalar.name}"] + level - (level > silent))
    return ids


def mode(own: dict[str, int]) -> int:
    """Role by vibe, whether its gear is held, load."""
    vibes = ("default", "heart", "gear", "scrambler", "aligner", "miner", "scout")
    vibe = vibes[own.get("vibe", 0)]
    role = ROLES.index(vibe) if vibe in ROLES else 0
    geared = role > 0 and own.get(f"inv:{ROLES[role]}", 0) > 0
    if ROLES[role] in ("scrambler", "aligner"):
        hearts = own.get("inv:heart", 0)
        load = 0 if hearts == 0 else (2 if hearts >= 6 else 1)
    else:
        cargo = sum(own.get(f"inv:{element}", 0) for element in ELEMENTS)
        full = 31 if own.get("inv:miner", 0) else 3
        load = 0 if cargo == 0 else (2 if cargo >= full else 1)
    return (role * 2 + geared) * 3 + load
