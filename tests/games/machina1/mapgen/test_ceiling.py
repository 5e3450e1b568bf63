"""How many hearts a map has material for."""

import numpy as np
import pytest

from coglab.games.machina1.mapgen.ceiling import count_kinds, material_ceiling
from coglab.games.machina1.mapgen.site import generate_kinds
from coglab.games.machina1.names import KINDS


def counts(carbon, oxygen, germanium, silicon):
    row = np.zeros(len(KINDS), np.int64)
    for name, count in (
        ("carbon", carbon),
        ("oxygen", oxygen),
        ("germanium", germanium),
        ("silicon", silicon),
    ):
        row[KINDS.index(f"{name}_extractor")] = count
    return row


def ceilings(maps):
    """Mean hearts per agent of four, by agents who craft together."""
    return [float(material_ceiling(maps, together).mean()) / 4 for together in (1, 2, 3, 4)]


@pytest.mark.parametrize(
    ("stations", "together", "hearts"),
    [
        ((1, 1, 1, 1), 1, 5),  # every extractor holds five single hearts' worth
        ((1, 1, 1, 1), 2, 2 * 3),  # 50 / 15
        ((1, 1, 1, 1), 3, 3 * 2),  # 50 / 20
        ((1, 1, 1, 1), 4, 4 * 2),  # 50 / 25
        ((2, 1, 2, 2), 1, 5),
        ((16, 16, 9, 16), 1, 45),
        ((16, 16, 9, 16), 4, 4 * 18),  # 90 / 5
        ((16, 16, 27, 3), 4, 4 * 6),  # 450 / 75
        ((0, 9, 9, 9), 4, 0),
    ],
)
def test_the_scarcest_element_says_how_many_hearts_there_are(stations, together, hearts):
    assert material_ceiling(counts(*stations), together) == hearts


def test_many_maps_are_counted_at_once():
    maps = np.stack([counts(1, 1, 1, 1), counts(3, 2, 4, 5)])
    assert material_ceiling(maps, 1).tolist() == [5, 10]


def test_kinds_are_counted_on_names_and_on_numbers():
    kinds = generate_kinds(4, 2)
    counted = count_kinds(kinds)
    assert counted.tolist() == count_kinds(np.array(KINDS)[kinds]).tolist()
    assert counted.sum() == 98 * 98
    assert counted[KINDS.index("agent")] == 4


def test_there_is_no_recipe_for_none_or_five():
    for together in (0, 5):
        with pytest.raises(ValueError, match="1 to 4 agents"):
            material_ceiling(counts(1, 1, 1, 1), together)


def test_ceilings_of_the_first_200_maps_are_those_that_were_published():
    maps = np.array([count_kinds(generate_kinds(4, seed)) for seed in range(200)])
    assert ceilings(maps) == pytest.approx([15.85, 20.96, 23.59, 25.36], abs=0.02)


@pytest.mark.slow
def test_ceilings_of_other_maps_are_near_the_published_ones():
    maps = np.array([count_kinds(generate_kinds(4, seed)) for seed in range(5000, 5800)])
    assert ceilings(maps) == pytest.approx([15.85, 20.96, 23.59, 25.36], abs=0.3)
