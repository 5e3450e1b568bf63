"""The reader: text stays text, braces are YAML without its traps."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coglab.config import UserError
from coglab.config.layers import show_value
from coglab.config.values import MAX_DEPTH, MAX_FILE_BYTES, read_file, read_value

TEXT = [
    "001", "on", "off", "yes", "12:30:45", "2026-01-24", "3e-4", ".5", "1_000.5", "1e3", "0x10", "0o17", "1.0",
    "true", "False", "none", "NULL", "", " ", "a=b", "a b", "metta://policy/cogsguard?gear=10",
    "metta://policy/cogsguard?miner=4&scrambler=2&gear=1", "file:///tmp/a b", "*", "&x", "!x", "@x", "%x", "`x`",
    "-", "- a", "a: b", "#x", "'a'", '"a"', "${HOME}", "<<", "nan", "inf", "~x", "(a, b)", "relh-cogsguard-bc-001",
]  # fmt: skip


@pytest.mark.parametrize("text", TEXT)
def test_plain_values_stay_the_text_that_was_typed(text):
    assert read_value(text, "run") == text


@pytest.mark.parametrize("text", ["null", "None", "~"])
def test_three_words_mean_nothing(text):
    assert read_value(text, "run") is None


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("[a, b]", ["a", "b"]),
        ("[]", []),
        ("{}", {}),
        ("[null, 'null', ~]", [None, "null", None]),
        ("{a: 001, b: on, c: 12:30:45}", {"a": "001", "b": "on", "c": "12:30:45"}),
        ('{"a": {"b": 5e9, "c": [1, 2]}}', {"a": {"b": "5e9", "c": ["1", "2"]}}),
        ("{uri: metta://policy/cogsguard?gear=10, x: 1}", {"uri": "metta://policy/cogsguard?gear=10", "x": "1"}),
        ('{uri: "metta://policy/cogsguard?miner=4&gear=1"}', {"uri": "metta://policy/cogsguard?miner=4&gear=1"}),
        ("{uri: 'metta://policy/dinky:v15'}", {"uri": "metta://policy/dinky:v15"}),
        ("{a: it''s, b: 'it''s'}", {"a": "it''s", "b": "it's"}),
        ("  {a: b}  ", {"a": "b"}),
        ("{a: b c d, e: -}", {"a": "b c d", "e": "-"}),
        ("{a: x\n, b: y}", {"a": "x", "b": "y"}),
    ],
)  # fmt: skip
def test_braces_and_brackets_are_maps_and_lists_of_text(text, tree):
    assert read_value(text, "teacher") == tree


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("{a: 1, a: 2}", "`a` is given twice"),
        ("{mode:sliced_cloner}", "Write a space after the colon: `mode: sliced_cloner`"),
        ("{a: }", "`a` has no value"),
        ("{a}", "`a` has no value"),
        ("{a: 1", "expected `,` or `}`"),
        ("{a: 1} b", "column 8"),
        ("{a: &x 1, b: *x}", "anchors and aliases"),
        ("{a: *x}", "anchors and aliases"),
        ("{a: !!python/object/apply:os.system [ls]}", "tags"),
        ("!!map {a: 1}", None),
        ("{<<: {a: 1}}", "merges"),
        ("{[a]: b}", "a key must be plain text"),
        ("[" * 40 + "]" * 40, f"more than {MAX_DEPTH} levels deep"),
        ("[" * 30_000, f"more than {MAX_DEPTH} levels deep"),
        ("{a: \x00}", "cannot be read"),
        ("{a: @x}", "Quote text"),
    ],
)
def test_what_is_no_map_is_an_error_and_never_silently_text(text, part):
    if part is None:
        assert read_value(text, "k") == text
        return
    with pytest.raises(UserError, match="k") as error:
        read_value(text, "k")
    assert part in str(error.value)


def test_a_very_long_value_is_refused():
    with pytest.raises(UserError, match="Put it in a file"):
        read_value("{" + "a" * 70_000, "k")


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=60))
def test_any_text_is_read_or_refused_in_words(text):
    for wrapped in (text, "{" + text, "[" + text + "]"):
        with contextlib.suppress(UserError):
            read_value(wrapped, "k")


plain = st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), max_size=8)
trees = st.recursive(
    st.none() | plain,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(plain.filter(bool), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None)
@given(st.lists(trees, max_size=3))
def test_what_is_shown_reads_back_as_it_was(tree):
    assert read_value(show_value(tree), "k") == tree


def test_two_angles_in_quotes_are_a_name_and_without_a_refused_merge():
    assert read_value('{"<<": a}', "k") == {"<<": "a"}
    with pytest.raises(UserError, match="merges"):
        read_value("{<<: a}", "k")


def test_a_file_holds_sections(tmp_path):
    file = tmp_path / "a.yaml"
    file.write_text(
        "# a comment\ntrainer:\n  total_timesteps: 5_000\n  losses:\n    ppo_actor: {enabled: on}\n"
    )
    assert read_file(file) == {
        "trainer": {"total_timesteps": "5_000", "losses": {"ppo_actor": {"enabled": "on"}}}
    }


def test_json_is_a_file_too(tmp_path):
    file = tmp_path / "config.json"
    file.write_text('{"trainer": {"batch_size": 4096}, "teacher": null, "wandb": {"tags": []}}')
    assert read_file(file) == {
        "trainer": {"batch_size": "4096"},
        "teacher": None,
        "wandb": {"tags": []},
    }


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (b"- a\n- b\n", "expected `key: value` lines"),
        (b"just words", "expected `key: value` lines"),
        (b"a: 1\na: 2\n", "line 2, column 1: the key `a` is given twice"),
        (b"a: 1\n---\nb: 2\n", "only one document"),
        (b"a: 1\n\tb: 2\n", "line 2"),
        (b"\xff\xfe\x00", "cannot be read"),
        (b"a: b\n" + b"#" * MAX_FILE_BYTES, "larger than"),
        (b"trainer:\n", "`trainer` has no value"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_configuration_says_where(tmp_path, content, part):
    file = tmp_path / "a.yaml"
    file.write_bytes(content)
    with pytest.raises(UserError, match="--config") as error:
        read_file(file)
    assert part in str(error.value)


def test_an_empty_file_gives_nothing(tmp_path):
    file = tmp_path / "a.yaml"
    file.write_text("# nothing yet\n")
    assert read_file(file) == {}


@pytest.mark.parametrize("name", ["missing.yaml", "."])
def test_a_file_that_cannot_be_opened_is_named(tmp_path, name):
    with pytest.raises(UserError, match="cannot be read"):
        read_file(tmp_path / name)
