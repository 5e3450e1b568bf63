"""Drawn maps: equal to recorded maps of the published game, and distributed like them."""

from pathlib import Path

import numpy as np
import pytest

from coglab.config.errors import UserError
from coglab.engine.mapgen.cells import BORDER
from coglab.engine.mapgen.compound import pad_capacity
from coglab.games.cogsguard import rules
from coglab.games.cogsguard.mapgen import generate_map
from coglab.games.cogsguard.mapgen.site import compound_of, generate_kinds
from coglab.games.cogsguard.missions import MISSIONS

REFERENCE = np.load(Path(__file__).parents[3] / "data" / "maps" / "reference_maps.npz")
"""Maps of the published game, `<mission>-<agents>-<map seed>` -> [H, W] uint8, an index into `names`."""

# Mean and standard deviation per map (docs/02-rules.md, "What a map contains"), 8 agents, tutorial 1.
COUNTS = {
    "wall": {"machina_1": (1419, 73), "arena": (134, 17), "tutorial": (84, 19)},
    "junction": {"machina_1": (117.1, 8.5), "arena": (41.4, 5.9), "tutorial": (12.2, 2.5)},
    "carbon_extractor": {"machina_1": (38.6, 5.8), "arena": (17.4, 3.9), "tutorial": (5.6, 2.0)},
    "oxygen_extractor": {"machina_1": (40.4, 6.0), "arena": (18.0, 3.7), "tutorial": (5.7, 2.3)},
    "germanium_extractor": {"machina_1": (40.7, 5.0), "arena": (18.9, 4.2), "tutorial": (5.6, 1.9)},
    "silicon_extractor": {"machina_1": (40.0, 5.9), "arena": (18.2, 3.7), "tutorial": (5.8, 2.1)},
}
JUNCTION_SPACING = {"machina_1": (3.97, 0.21), "arena": (3.73, 0.37), "tutorial": (5.6, 1.2)}
REFERENCE_MAPS = {"machina_1": 120, "arena": 200, "tutorial": 200}
MAPS = 40


@pytest.mark.parametrize("name", [name for name in REFERENCE.files if name != "names"])
def test_a_drawn_map_equals_the_published_games_map_cell_for_cell(name):
    mission, num_agents, seed = name.split("-")
    drawn = generate_map(mission, int(num_agents), int(seed))
    np.testing.assert_array_equal(drawn, REFERENCE["names"][REFERENCE[name]])


@pytest.fixture(scope="module", params=list(MISSIONS))
def many_maps(request):
    mission = MISSIONS[request.param]
    return mission, [
        generate_map(mission.name, mission.default_agents, seed) for seed in range(MAPS)
    ]


def test_contents_of_maps_are_distributed_like_the_published_ones(many_maps):
    mission, maps = many_maps
    for cell, table in COUNTS.items():
        mean, deviation = table[mission.name]
        inner = [grid[BORDER:-BORDER, BORDER:-BORDER] for grid in maps]
        counts = np.array([(grid == cell).sum() for grid in inner])
        # Both means are estimates; 4.5 standard errors of their difference will not be crossed by chance.
        error = deviation * np.sqrt(1 / MAPS + 1 / REFERENCE_MAPS[mission.name])
        assert abs(counts.mean() - mean) < 4.5 * error, cell
        assert deviation * 0.6 < counts.std() < deviation * 1.5, cell


def test_every_map_has_one_hub_two_chests_one_station_of_each_gear_and_its_agents(many_maps):
    mission, maps = many_maps
    expected = {"hub": 1, "chest": 2, "agent.agent": mission.default_agents}
    expected |= {f"{gear}_station": 1 for gear in ("aligner", "scrambler", "miner", "scout")}
    for grid in maps:
        assert {cell: int((grid == cell).sum()) for cell in expected} == expected


def test_junctions_are_as_far_apart_as_in_the_published_maps(many_maps):
    mission, maps = many_maps
    spacing = []
    for grid in maps:
        places = np.argwhere(grid == "junction")
        apart = np.abs(places[:, None] - places[None]).max(axis=2)
        np.fill_diagonal(apart, 999)
        spacing.append(apart.min(axis=1).mean())
    mean, deviation = JUNCTION_SPACING[mission.name]
    error = deviation * np.sqrt(1 / MAPS + 1 / REFERENCE_MAPS[mission.name])
    assert abs(np.mean(spacing) - mean) < 4.5 * error


def test_the_floor_of_every_map_is_in_one_piece(many_maps):
    _, maps = many_maps
    for grid in maps[:20]:
        is_floor = grid == "empty"
        reached = np.zeros_like(is_floor)
        reached[tuple(np.argwhere(is_floor)[0])] = True
        while True:
            grown = reached.copy()
            grown[1:] |= reached[:-1]
            grown[:-1] |= reached[1:]
            grown[:, 1:] |= reached[:, :-1]
            grown[:, :-1] |= reached[:, 1:]
            grown &= is_floor
            if (grown == reached).all():
                break
            reached = grown
        assert (reached == is_floor).all()


@pytest.mark.parametrize(
    ("mission", "hub"), [("machina_1", (48, 48)), ("arena", (29, 29)), ("tutorial", (22, 22))]
)
def test_the_hub_stands_in_the_middle(mission, hub):
    grid = generate_map(mission, 1, 5)
    assert grid.shape == (MISSIONS[mission].map_size,) * 2
    assert grid[hub] == "hub"


def test_equal_seeds_give_equal_maps_and_other_seeds_other_maps():
    assert (generate_kinds("arena", 8, 3) == generate_kinds("arena", 8, 3)).all()
    assert (generate_kinds("arena", 8, 3) != generate_kinds("arena", 8, 4)).any()


def test_the_team_size_changes_nothing_but_the_start_cells():
    few, many = generate_kinds("machina_1", 2, 9), generate_kinds("machina_1", 20, 9)
    differs = few != many
    assert differs.sum() == 18
    assert (many[differs] == rules.AGENT).all()
    assert (few[differs] == rules.EMPTY).all()


@pytest.mark.parametrize("mission", list(MISSIONS))
def test_a_compound_holds_large_teams_and_says_how_large(mission):
    most = pad_capacity(compound_of(MISSIONS[mission]))
    assert (generate_map(mission, most, 1) == "agent.agent").sum() == most
    with pytest.raises(UserError, match=f"num_agents={most} or fewer"):
        generate_map(mission, most + 1, 1)


def test_the_earlier_rules_have_more_extractors_for_each_junction():
    later = [generate_kinds("arena", 8, seed) for seed in range(10)]
    earlier = [generate_kinds("arena", 8, seed, "2026-01-24") for seed in range(10)]
    count = lambda maps, kind: sum((cells == kind).sum() for cells in maps)  # noqa: E731
    assert count(earlier, rules.GERMANIUM_EXTRACTOR) > 1.2 * count(later, rules.GERMANIUM_EXTRACTOR)
    assert count(earlier, rules.JUNCTION) < count(later, rules.JUNCTION)


def test_an_unknown_mission_names_the_nearest_one():
    with pytest.raises(UserError, match="Did you mean `machina_1`"):
        generate_map("machina1", 8, 0)
