"""Text maps: the legend, and what a user is told about every kind of bad file."""

from pathlib import Path

import numpy as np
import pytest

from coglab.config.errors import UserError
from coglab.games.cogsguard import rules
from coglab.games.cogsguard.mapgen import load_text_map
from coglab.games.cogsguard.mapgen.text_map import LEGEND, MAX_SIDE, read_text_map

YARD = Path(__file__).parents[3] / "data" / "maps" / "yard.map"


def write(tmp_path, text):
    path = tmp_path / "field.map"
    path.write_text(text, encoding="utf-8")
    return path


def test_every_cell_of_the_game_has_one_character():
    assert sorted(LEGEND.values()) == sorted(rules.KINDS)


def test_the_yard_is_read_as_drawn():
    grid = load_text_map(YARD, 6)
    assert grid.shape == (16, 21)
    assert grid[5, 10] == "hub"
    assert [tuple(place) for place in np.argwhere(grid == "chest")] == [(6, 8), (6, 12)]
    assert (grid[8, 5], grid[8, 7], grid[8, 13], grid[8, 15]) == tuple(
        f"{gear}_station" for gear in ("aligner", "scrambler", "miner", "scout")
    )
    assert (grid == "agent.agent").sum() == 6


def test_a_map_needs_no_frame(tmp_path):
    assert load_text_map(write(tmp_path, "@.\n.J\n"), 1).tolist() == [
        ["agent.agent", "empty"],
        ["empty", "junction"],
    ]


def test_windows_line_ends_and_blank_lines_at_the_end_do_not_matter(tmp_path):
    path = tmp_path / "field.map"
    path.write_bytes("\ufeff@.\r\n.J\r\n\r\n".encode())
    assert load_text_map(path, 1).shape == (2, 2)


def test_surplus_start_cells_become_floor_in_reading_order_or_by_seed(tmp_path):
    path = write(tmp_path, "@@@@@@@@\n")
    assert load_text_map(path, 2).tolist() == [["agent.agent"] * 2 + ["empty"] * 6]
    choices = {tuple(load_text_map(path, 2, seed=seed)[0]) for seed in range(30)}
    assert len(choices) > 5
    assert all(choice.count("agent.agent") == 2 for choice in choices)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("#####\n#.@Q#\n#####\n", r"field.map, line 2, column 4: unknown cell 'Q'.*`J` junction"),
        ("#####\n#.@\t#\n#####\n", r"line 2, column 4: unknown cell '\\t'"),
        ("###\n#.#\n###\n", "no start cell; put an `@`"),
        ("####\n#@.#\n###\n", "line 3: 3 characters, but line 1 has 4"),
        ("", "the file is empty"),
        ("\n\n", "the file is empty"),
        ("\n#@#\n", "line 1: the first line is blank"),
        ("@" + "." * MAX_SIDE + "\n", f"1 rows and {MAX_SIDE + 1} columns; at most {MAX_SIDE}"),
        ("@\n" * (MAX_SIDE + 1), f"{MAX_SIDE + 1} rows"),
        ("@@.\n", "has 2 start cells .*num_agents=3; use num_agents=2 or fewer"),
    ],
)
def test_a_bad_map_is_refused_with_its_place_and_a_remedy(tmp_path, text, message):
    with pytest.raises(UserError, match=message):
        load_text_map(write(tmp_path, text), 3)


def test_a_file_that_is_not_text_is_refused(tmp_path):
    path = tmp_path / "field.map"
    path.write_bytes(b"\xff\xfe\x00@")
    with pytest.raises(UserError, match="cannot be read as a text map"):
        read_text_map(path)


def test_a_missing_file_names_the_nearest_one(tmp_path):
    write(tmp_path, "@\n")
    with pytest.raises(UserError, match=r"Did you mean `.*field\.map`"):
        load_text_map(tmp_path / "filed.map", 1)
    with pytest.raises(UserError, match="this is a folder"):
        load_text_map(tmp_path, 1)
    with pytest.raises(UserError, match="no folder"):
        load_text_map(tmp_path / "nowhere" / "field.map", 1)
