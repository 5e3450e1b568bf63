"""Drawn maps: equal to recorded maps of the published game, and distributed like them."""

import json
from collections import deque
from pathlib import Path

import numpy as np
import pytest

from coglab.config.errors import UserError
from coglab.engine.mapgen.cells import BORDER
from coglab.engine.mapgen.compound import pad_capacity
from coglab.games.machina1.mapgen import generate_map
from coglab.games.machina1.mapgen.site import SITE, generate_kinds

TRACES = Path(__file__).parents[3] / "data" / "traces_machina1"
TRACE_NAMES = ("classic_quartet_2500", "classic_random_400", "classic_solo_1500")

# Mean, standard deviation, and the path length from the assembler at 10, 50, 90 % of the stations, over 100 published
# maps.
PUBLISHED = {
    "carbon_extractor": (15.7, 3.4, (25, 45, 67)),
    "oxygen_extractor": (16.0, 3.7, (25, 45, 67)),
    "germanium_extractor": (27.6, 4.3, (26, 45, 68)),
    "silicon_extractor": (15.8, 3.6, (26, 46, 69)),
    "charger": (33.9, 4.5, (23, 44, 66)),
}
OPEN_CELLS = (5889, 79)
PUBLISHED_MAPS = 100
FLOOR = ("empty", "agent")


def paths_from_the_assembler(grid):
    """[H, W] moves from the assembler's cell to beside each cell; -2 where no path leads."""
    is_floor = np.isin(grid, FLOOR)
    (start,) = map(tuple, np.argwhere(grid == "assembler"))
    paths = np.full(grid.shape, -1)
    paths[start] = 0
    queue = deque([start])
    while queue:
        row, col = queue.popleft()
        for cell in ((row - 1, col), (row, col + 1), (row + 1, col), (row, col - 1)):
            if grid[cell] != "wall" and paths[cell] < 0:
                paths[cell] = paths[row, col] + 1
                if is_floor[cell]:
                    queue.append(cell)
    return paths - 1


def check_against_the_published_maps(maps):
    for kind, (mean, deviation, path_quantiles) in PUBLISHED.items():
        counts = np.array([(grid == kind).sum() for grid in maps])
        # Both means are estimates; 4.5 standard errors of their difference will not be crossed by chance.
        error = deviation * np.sqrt(1 / len(maps) + 1 / PUBLISHED_MAPS)
        assert abs(counts.mean() - mean) < 4.5 * error, kind
        assert deviation * 0.6 < counts.std() < deviation * 1.5, kind
        paths = np.concatenate([paths_from_the_assembler(grid)[grid == kind] for grid in maps])
        measured = np.quantile(paths, (0.1, 0.5, 0.9))
        assert np.abs(measured - path_quantiles).max() < 1 + 20 / np.sqrt(len(maps)), kind
    mean, deviation = OPEN_CELLS
    open_cells = np.array([np.isin(grid, FLOOR).sum() for grid in maps])
    error = deviation * np.sqrt(1 / len(maps) + 1 / PUBLISHED_MAPS)
    assert abs(open_cells.mean() - mean) < 4.5 * error


@pytest.fixture(scope="module")
def maps():
    return [generate_map(4, seed) for seed in range(25)]


@pytest.mark.parametrize("name", TRACE_NAMES)
def test_a_drawn_map_equals_the_published_games_map_cell_for_cell(name):
    with np.load(TRACES / f"{name}.npz") as trace:
        seed = json.loads(str(trace["meta"]))["seed"]
        np.testing.assert_array_equal(generate_map(4, seed), trace["grid"])


def test_maps_are_distributed_like_the_published_ones(maps):
    check_against_the_published_maps(maps)


@pytest.mark.slow
def test_many_maps_are_distributed_like_the_published_ones():
    check_against_the_published_maps([generate_map(4, seed) for seed in range(1000, 1200)])


def test_every_station_and_every_open_cell_can_be_reached(maps):
    for grid in maps:
        assert (paths_from_the_assembler(grid)[grid != "wall"] >= -1).all()


def test_the_compound_stands_in_the_middle_and_holds_three_stations(maps):
    for grid in maps:
        assert grid.shape == (98, 98)
        assert (grid[48, 48], grid[45, 48], grid[51, 48]) == ("assembler", "charger", "chest")
        inside = grid[39:58, 39:58]
        assert (inside == "empty").sum() == inside.size - 3 - 4
        ring = grid[38:59, 38:59]
        for side in (ring[0], ring[-1], ring[:, 0], ring[:, -1]):
            assert side[8:13].tolist() == ["empty"] * 5
            # The tunnels of step 7 may open the wall beside the gates.
            assert (np.delete(side, range(8, 13)) == "wall").sum() >= 15


def test_every_map_has_one_assembler_one_chest_its_agents_and_a_border(maps):
    for grid in maps:
        counts = {name: int((grid == name).sum()) for name in ("assembler", "chest", "agent")}
        assert counts == {"assembler": 1, "chest": 1, "agent": 4}
        inner = grid[BORDER:-BORDER, BORDER:-BORDER]
        assert (grid == "wall").sum() == (inner == "wall").sum() + 98 * 98 - 88 * 88


def test_agents_start_within_sight_of_the_assembler_on_the_published_pads():
    grid = generate_map(20, 7)
    pads = {tuple(place) for place in (np.argwhere(grid == "agent") - 48).tolist()}
    stars = {(0, r) for r in (-5, -4, -3, -2, 2, 3, 4, 5)} | {(r, 0) for r in (-4, -2, 2, 4)}
    stars |= {(down * r, right * r) for r in (3, 4) for down in (-1, 1) for right in (-1, 1)}
    assert pads == stars


def test_the_team_size_changes_nothing_but_the_start_cells():
    few, many = generate_map(2, 9), generate_map(20, 9)
    differs = few != many
    assert differs.sum() == 18
    assert set(many[differs]) == {"agent"}
    assert set(few[differs]) == {"empty"}


def test_equal_seeds_give_equal_maps_and_other_seeds_other_maps():
    assert (generate_kinds(4, 3) == generate_kinds(4, 3)).all()
    assert (generate_kinds(4, 3) != generate_kinds(4, 4)).any()


def test_the_compound_holds_large_teams_and_says_how_large():
    most = pad_capacity(SITE.compound)
    assert (generate_map(most, 1) == "agent").sum() == most == 58
    with pytest.raises(UserError, match=r"`machina_1`.*num_agents=58 or fewer"):
        generate_map(most + 1, 1)
