"""Validation: the field's type decides what text means, and errors name path, value, expectation and what works."""

from __future__ import annotations

from typing import Annotated, Literal

import pytest
from pydantic import Field, ValidationError

from coglab.config import Config, Count, Number, UserError, build
from coglab.config.describe import documentation, expectation, walk
from coglab.config.layers import read_arguments


class Fast(Config):
    kind: Literal["fast"] = "fast"
    width: int = Field(128, ge=8)


class Vit(Config):
    kind: Literal["vit"] = "vit"
    size: Literal["small", "full"] = "small"


class Part(Config):
    rate: Number = Field(0.001, gt=0, le=1)
    """The rate."""
    net: Annotated[Fast | Vit, Field(discriminator="kind")] = Fast()


class Top(Config):
    run_name: str | None = Field(None, alias="run")
    """Name of
    the run."""
    steps: Count = Field(1000, ge=1)
    batch: Count | Literal["auto"] = "auto"
    on: bool = False
    names: tuple[str, ...] = ()
    choices: tuple[Literal["red", "green"], ...] = ()
    stock: dict[str, int] = Field(default_factory=dict)
    part: Part = Part()
    other: Part | None = None


def read(*arguments: str) -> Top:
    return build(Top, read_arguments(arguments))


@pytest.mark.parametrize(
    ("argument", "name", "value"),
    [
        ("run=001", "run_name", "001"),
        ("run=on", "run_name", "on"),
        ("run=12:30:45", "run_name", "12:30:45"),
        ("run=2026-01-24", "run_name", "2026-01-24"),
        ("run=5_000", "run_name", "5_000"),
        ("run=3e-4", "run_name", "3e-4"),
        ("run=null", "run_name", None),
        ("run=~", "run_name", None),
        ("run=None", "run_name", None),
        ("run=none", "run_name", "none"),
        ("run=true", "run_name", "true"),
        ("run=", "run_name", ""),
        ("run=${HOME}", "run_name", "${HOME}"),
        ("run=a=b?c=d", "run_name", "a=b?c=d"),
        ("run='x'", "run_name", "'x'"),
        ("steps=5_000_000_000", "steps", 5_000_000_000),
        ("steps=20_001_317_888", "steps", 20_001_317_888),
        ("steps=5e9", "steps", 5_000_000_000),
        ("steps=2.5e6", "steps", 2_500_000),
        ("steps=1E3", "steps", 1000),
        ("steps=+7", "steps", 7),
        ("steps= 7 ", "steps", 7),
        ("steps=007", "steps", 7),
        ("batch=auto", "batch", "auto"),
        ("batch=2097152", "batch", 2_097_152),
        ("batch=2_097_152", "batch", 2_097_152),
        ("on=true", "on", True),
        ("on=True", "on", True),
        ("on=on", "on", True),
        ("on=yes", "on", True),
        ("on=1", "on", True),
        ("on=off", "on", False),
        ("names=[a, b]", "names", ("a", "b")),
        ("names=[001, on]", "names", ("001", "on")),
        ("names=[]", "names", ()),
        ('names=["metta://policy/cogsguard?gear=10", metta://policy/dinky:v15]', "names",
         ("metta://policy/cogsguard?gear=10", "metta://policy/dinky:v15")),
        ("choices=[red]", "choices", ("red",)),
        ("stock={heart: 10, carbon: 1_0}", "stock", {"heart": 10, "carbon": 10}),
        ("part.rate=3e-4", "part", Part(rate=3e-4)),
        ("part.rate=.5", "part", Part(rate=0.5)),
        ("part.rate=1_0e-3", "part", Part(rate=0.01)),
        ("part={rate: 1, net: {width: 16}}", "part", Part(rate=1, net=Fast(width=16))),
        ("part.net=vit", "part", Part(net=Vit())),
        ("part.net={kind: vit, size: full}", "part", Part(net=Vit(size="full"))),
        ("part.net.width=16", "part", Part(net=Fast(width=16))),
        ("other={}", "other", Part()),
        ("other=null", "other", None),
    ],
)  # fmt: skip
def test_text_becomes_what_its_field_takes(argument, name, value):
    found = getattr(read(argument), name)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("argument", "parts"),
    [
        ("stps=5", ["unknown key `stps`", "`steps`", "run, steps, batch"]),
        ("run_name=5", ["unknown key `run_name`"]),
        ("part.rat=5", ["unknown key `part.rat`", "`part.rate`", "`part` has these keys: rate, net"]),
        ("rate=5", ["unknown key `rate`", "Did you mean `part.rate`?"]),
        ("part.net.size=full", ["belongs to another kind", "{kind: vit, size: ...}"]),
        ("part.net=vti", ["`vti` is none of `fast`, `vit`", "Did you mean `vit`?"]),
        ("part.net={kind: vit, size: huge}", ["`part.net.size`", "`huge` given", "`small`, `full`"]),
        ("steps=many", ["`steps`", "`many` given", "a whole number of at least 1", "steps=1000"]),
        ("steps=1.5", ["`1.5` given"]),
        ("steps=2.55e1", ["`2.55e1` given"]),
        ("steps=-5", ["at least 1"]),
        ("steps=0", ["at least 1"]),
        ("steps=1e400", ["`1e400` given"]),
        ("steps=1e999999999", ["given"]),
        ("steps=" + "9" * 5000, ["given"]),
        ("steps=5__0", ["given"]),
        ("steps=0x10", ["given"]),
        ("steps=null", ["`null` given"]),
        ("steps={a: 1}", ["`{a: 1}` given"]),
        ("steps=true", ["`true` given"]),
        ("batch=atuo", ["or `auto`", "Did you mean `auto`?"]),
        ("batch=1.5", ["`1.5` given"]),
        ("on=maybe", ["`true` or `false`"]),
        ("on=2", ["`true` or `false`"]),
        ("part.rate=nan", ["`nan` given", "a number above 0 and at most 1"]),
        ("part.rate=inf", ["`inf` given"]),
        ("part.rate=1__0", ["given"]),
        ("part.rate=0", ["above 0"]),
        ("names=a", ["a list", "names=[a]"]),
        ("choices=[red, gren]", ["one of `red`, `green`", "Did you mean `green`?"]),
        ("stock={heart: many}", ["`stock`", "a map from text to a whole number"]),
        ("stock=heart", ["`stock`", "a map"]),
        ("part=5", ["`part`", "a map"]),
        ("other=5", ["`other`", "a map"]),
        ("run=[a]", ["`run`", "text"]),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_explained(argument, parts):
    with pytest.raises(UserError) as error:
        read(argument)
    for part in parts:
        assert part in str(error.value)
    assert len(str(error.value)) < 12_000


def test_all_errors_are_told_at_once():
    with pytest.raises(UserError) as error:
        read("steps=x", "on=x", "part.rat=1")
    assert str(error.value).count("\n") == 3
    assert all(part in str(error.value) for part in ("`steps`", "`on`", "`part.rat`"))


def test_the_file_that_a_wrong_value_came_from_is_named():
    with pytest.raises(UserError, match=r"`steps` \(from a.yaml\)"):
        build(Top, {"steps": "x"}, origins={("steps",): "a.yaml"})


def test_configurations_are_frozen_and_take_no_unknown_names():
    top = Top()
    with pytest.raises(ValidationError):
        top.steps = 5  # type: ignore[misc]
    with pytest.raises(ValidationError):
        Top(unknown=5)  # type: ignore[call-arg]


def test_a_dumped_configuration_loads_as_an_equal_one():
    top = read("run=a", "part.net=vit", "stock={heart: 3}", "names=[a]")
    assert Top.model_validate(top.model_dump(mode="json")) == top
    assert top.model_dump()["run"] == "a"


def test_field_docstrings_are_found_by_key():
    assert documentation(Top) == {"run": "Name of the run."}
    assert documentation(Part)["rate"] == "The rate."


def test_fields_are_walked_with_those_inside_them():
    names = [".".join(path) for path, _ in walk(Top)]
    assert names[:2] == ["run", "steps"]
    assert {"part.net.width", "part.net.size", "other.net.kind"} <= set(names)


@pytest.mark.parametrize(
    ("annotation", "words"),
    [
        (int, "a whole number"),
        (float | None, "a number, or `null`"),
        (Literal["a"], "`a`"),
        (tuple[str, ...], "a list, each item text"),
        (dict[str, int], "a map from text to a whole number"),
        (Count, "a whole number"),
    ],
)
def test_types_are_said_in_words(annotation, words):
    assert expectation(annotation) == words
