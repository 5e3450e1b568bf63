"""Dotted names and maps mean the same; nothing is given twice; later layers win."""

from __future__ import annotations

import pytest

from coglab.config import Config, UserError
from coglab.config.layers import (
    all_values,
    flatten,
    given_values,
    merge,
    nest_dotted,
    read_arguments,
    show_value,
)


def test_the_dotted_form_and_the_map_form_mean_the_same():
    dotted = read_arguments(["teacher.mode=sliced_cloner", "teacher.steps=5"])
    assert dotted == read_arguments(["teacher={mode: sliced_cloner, steps: 5}"])
    assert dotted == read_arguments(["teacher={mode: sliced_cloner}", "teacher.steps=5"])
    assert dotted == read_arguments(["teacher.steps=5", "teacher={mode: sliced_cloner}"])


def test_only_the_first_equals_sign_splits():
    assert read_arguments(["a=b=c=d"]) == {"a": "b=c=d"}
    assert read_arguments(["uri=metta://policy/cogsguard?gear=10"]) == {
        "uri": "metta://policy/cogsguard?gear=10"
    }
    assert read_arguments(["a="]) == {"a": ""}


@pytest.mark.parametrize(
    "arguments",
    [
        ["a=1", "a=1"],
        ["a.b=1", "a.b=2"],
        ["a={b: 1}", "a.b=2"],
        ["a.b=1", "a={b: 2}"],
        ["a=null", "a.b=2"],
        ["a.b=1", "a=x"],
        ["a=[1]", "a=[2]"],
    ],
)
def test_giving_a_key_twice_is_an_error_that_shows_both(arguments):
    with pytest.raises(UserError, match=r"given (twice|both)"):
        read_arguments(arguments)


@pytest.mark.parametrize("argument", ["run", "=3", ".a=3", "a..b=3", "a.=3", ""])
def test_what_is_no_key_value_is_an_error(argument):
    with pytest.raises(UserError, match="key"):
        read_arguments([argument])


def test_later_maps_merge_into_earlier_ones():
    base = {"a": {"b": 1, "c": 2}, "d": [1, 2]}
    assert merge(base, {"a": {"c": 3}, "d": [5]}) == {"a": {"b": 1, "c": 3}, "d": [5]}
    assert base == {"a": {"b": 1, "c": 2}, "d": [1, 2]}
    assert merge({"a": {"b": 1}}, {"a": None}) == {"a": None}
    assert merge({"a": None}, {"a": {"b": 1}}) == {"a": {"b": 1}}


def test_another_kind_replaces_the_map_below_it():
    base = {"net": {"kind": "vit", "size": "full"}}
    assert merge(base, {"net": {"kind": "fast"}}) == {"net": {"kind": "fast"}}
    assert merge(base, {"net": {"kind": "vit", "width": 8}}) == {
        "net": {"kind": "vit", "size": "full", "width": 8}
    }
    assert merge(base, {"net": {"width": 8}}) == {
        "net": {"kind": "vit", "size": "full", "width": 8}
    }


def test_dotted_keys_of_a_file_nest():
    assert nest_dotted({"trainer.batch_size": "5", "trainer": {"x": "1"}}) == {
        "trainer": {"batch_size": "5", "x": "1"}
    }


def test_leaves_are_listed_by_path():
    assert flatten({"a": {"b": 1, "c": {}}, "d": [1]}) == {
        ("a", "b"): 1,
        ("a", "c"): {},
        ("d",): [1],
    }


class Inner(Config):
    kind: str = "inner"
    x: int = 1
    y: int = 2


class Outer(Config):
    inner: Inner = Inner()
    z: int = 3


def test_given_values_are_those_that_were_set():
    assert given_values(Outer()) == {}
    assert given_values(Outer(inner=Inner(x=5))) == {"inner": {"kind": "inner", "x": 5}}
    assert all_values(Outer(z=4)) == {"inner": {"kind": "inner", "x": 1, "y": 2}, "z": 4}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        (5_000_000_000, "5_000_000_000"),
        (1000, "1000"),
        (0.5, "0.5"),
        (1e-6, "1e-06"),
        (("a", "b c"), "[a, b c]"),
        ({"a": "x: y", "b": None}, '{a: "x: y", b: null}'),
        ([], "[]"),
        ("null", "null"),
        (["null", ""], '["null", ""]'),
    ],
)
def test_values_are_shown_as_they_would_be_typed(value, text):
    assert show_value(value) == text
