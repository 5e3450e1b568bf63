import io

import numpy as np
import pytest
from rich.console import Console

from coglab.evaluation.episodes import EvaluationResult
from coglab.evaluation.report import print_table, results_as_dict, results_table


def made_up(uri: str, mode: str) -> EvaluationResult:
    values = {
        "reward": np.array([0.5, 0.6, 0.52]),
        "heart.gained": np.array([9.0, 10.0, 11.0]),
        "cogs/aligned.junction.held": np.array([17_043.0, 25_610.0, 21_000.0]),
    }
    return EvaluationResult(uri, mode, np.arange(3), values, 3_000, 1.0, headline=tuple(values))


def printed(**options) -> str:
    console = Console(file=io.StringIO(), **options)
    results = [made_up("metta://policy/first", "sample"), made_up("x", "scripted")]
    print_table(console, results_table(results, "arena", ["student", "teacher"]))
    return console.file.getvalue()


def test_a_file_gets_every_row_on_one_line():
    text = printed(width=80)
    assert "aligned.junction.held" in text
    (student,) = [line for line in text.splitlines() if "student" in line]
    assert "0.540 [0.500, 0.600]" in student
    assert "21218 [17043, 25610]" in student


@pytest.mark.parametrize("width", [80, 60])
def test_a_narrow_terminal_still_shows_who_has_which_numbers(width):
    text = printed(width=width, force_terminal=True, color_system=None)
    assert max(len(line) for line in text.splitlines()) <= width
    for word in ("student", "teacher", "scripted", "0.540", "21218"):
        assert word in text


def test_the_file_says_which_random_streams_were_drawn_from():
    data = results_as_dict([made_up("x", "scripted")], {"maps": 3})
    assert data["settings"] == {"maps": 3, "exact_order": True}
