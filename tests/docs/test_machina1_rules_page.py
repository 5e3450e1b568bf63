"""docs/02-machina1-rules.md says what the code does: its tables and lists marked with a tick."""

import re
from pathlib import Path

import numpy as np

from coglab.games.machina1 import rules
from coglab.games.machina1.mapgen.ceiling import count_kinds, material_ceiling
from coglab.games.machina1.mapgen.site import generate_kinds
from coglab.games.machina1.names import KINDS, RESOURCES, TAGS, VIBES
from tests.games.machina1.mapgen.test_site import PUBLISHED

PAGE = (Path(__file__).parents[2] / "docs" / "02-machina1-rules.md").read_text(encoding="utf-8")
ELEMENTS = [RESOURCES.index(name) for name in ("carbon", "oxygen", "germanium", "silicon")]


def table(header):
    """The rows of the table whose header begins so, as lists of plain cells."""
    lines = PAGE.splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith(f"| {header} |"))
    rows = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip().replace("`", "") for cell in line.strip("|").split("|")])
    return rows


def amounts(text):
    """What `20 energy` means: pairs of (resource, amount)."""
    return {RESOURCES.index(name): int(number) for number, name in re.findall(r"(\d+) (\w+)", text)}


def test_resources_and_tags_are_listed_by_id():
    text = " ".join(PAGE.split())
    assert tuple(text.split("ids 0 to 9: ")[1].split(".")[0].split(", ")) == RESOURCES
    assert tuple(text.split("Tags ✓, from 0: ")[1].split(".")[0].split(", ")) == TAGS


def test_vibes_have_their_ids():
    listed = {}
    for row in table("vibe ✓ | id"):
        listed |= {name: int(number) for name, number in zip(row[::3], row[1::3], strict=True)}
    assert listed == {name: number for number, name in enumerate(VIBES[:15])}


def test_stations_do_what_the_table_says():
    listed = table("station ✓")
    assert {row[0] for row in listed} == set(KINDS) - {"empty", "wall", "agent", "chest"}
    for name, takes, gives, rest, partial, uses in listed:
        kind = KINDS.index(name)
        assert int(rest) == rules.COOLDOWN[kind]
        assert (partial == "yes") == rules.IS_PARTIAL[kind]
        assert int(uses or 0) == rules.MAX_USES[kind]
        if name != "assembler":
            recipe = rules.RECIPES[rules.FIRST_RECIPE[kind]]
            assert amounts(takes) == recipe.price
            assert amounts(gives) == {recipe.item: recipe.amount}


def test_the_assembler_makes_what_the_table_says():
    listed = []
    for vibes, *price, makes in table("vibes ✓"):
        count, _, name = vibes.partition(" ")
        names = [name] * int(count) if count.isdigit() else vibes.split()
        ids = tuple(VIBES.index(name) for name in names)
        listed.append((ids, [int(part) for part in price], amounts(makes)))
    assert listed == [
        (
            recipe.vibes,
            [recipe.price.get(item, 0) for item in ELEMENTS],
            {recipe.item: recipe.amount},
        )
        for recipe in rules.RECIPES
        if recipe.kind == rules.ASSEMBLER
    ]


def test_the_chest_moves_what_the_table_says():
    expected = {
        vibe: rules.CHEST_MOVES[number, rules.FIRST_ELEMENT : rules.HEART + 1].tolist()
        for number, vibe in enumerate(VIBES)
        if rules.CHEST_MOVES[number].any()
    }
    assert {row[0]: [int(cell) for cell in row[1:]] for row in table("vibe ✓ | carbon")} == expected


def test_maps_hold_what_the_table_says():
    listed = {
        name: (float(mean), float(deviation), tuple(int(path) for path in paths))
        for name, mean, deviation, *paths in table("station per map ✓")
    }
    assert listed == PUBLISHED


def test_ceilings_are_those_of_the_table():
    maps = np.array([count_kinds(generate_kinds(4, seed)) for seed in range(200)])
    expected = []
    for together in (1, 2, 3, 4):
        hearts = material_ceiling(maps, together)
        per_agent = f"{hearts.mean() / 4 + 1e-9:.2f}"
        expected.append([str(together), f"{hearts.mean():.1f}", f"{hearts.std():.1f}", per_agent])
    assert table("together ✓") == expected
