import math

import pytest

from coglab.tracking.text import (
    format_count,
    format_duration,
    format_number,
    format_table,
    sparkline,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"), (12.345, "12.3"), (1.0, "1.00"), (4512.4, "4,512"), (0.01234, "0.0123"), (-0.5, "-0.500"),
        (1.234e-5, "1.2e-05"), (3e9, "3e+09"), (math.nan, "nan"), (math.inf, "inf"), (99.96, "100.0"),
    ],
)  # fmt: skip
def test_numbers_have_three_digits(value, text):
    assert format_number(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (950, "950"),
        (12_345, "12.3 k"),
        (2_097_152, "2.10 M"),
        (5e9, "5.00 B"),
        (2e10, "20.0 B"),
    ],
)
def test_counts_have_a_letter(value, text):
    assert format_count(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0:00"), (42.4, "0:42"), (5025, "1:23:45"), (273_900, "3 d 4:05"), (math.nan, "?")],
)
def test_durations(seconds, text):
    assert format_duration(seconds) == text


def test_a_sparkline_spans_its_range():
    assert sparkline([1, 2, 3], 8) == "▁▅█"
    assert sparkline([1, 1], 8) == "▁▁"
    assert sparkline([], 8) == ""
    assert sparkline([math.nan, 1, math.inf, 2], 8) == "▁█"
    assert sparkline(list(range(1000)), 8) == "▁▂▃▄▅▆▇█"
    assert sparkline([0, 1], 8, ascii_only=True).isascii()


def test_a_table_aligns_numbers_to_the_right():
    table = format_table([["a", 1, 2.5], ["bcd", 100, 0.00123]], ["name", "n", "value"])
    assert table.splitlines() == [
        "name    n    value",
        "----  ---  -------",
        "a       1     2.50",
        "bcd   100  0.00123",
    ]
    assert format_table([]) == ""
    assert format_table([], ["a", "b"]) == "a  b\n-  -"
