"""What a target may be: full and short names, two words, a user's own module; broken recipes break nothing else."""

from __future__ import annotations

import sys

import pytest

import recipes.experiment

OWN = '''
from coglab.config import Config
from coglab.tools.base import Tool

class CountTool(Tool):
    """Count."""

    upto: int = 3
    """Last number."""

    def run(self) -> int:
        print("counted to", self.upto)
        return 0 if self.upto < 10 else 1

def count(upto: int = 4) -> CountTool:
    """Count a little.

    Args:
        upto: last number.
    """
    return CountTool(upto=upto)

def helper(x: int) -> int:
    return x

class Needs(CountTool):
    pass

def needs(name: str) -> CountTool:
    """Needs a name."""
    return CountTool(upto=len(name))
'''


@pytest.mark.parametrize(
    "words",
    [
        ["recipes.experiment.cogsguard.train"],
        ["cogsguard.train"],
        ["train", "cogsguard"],
        ["experiment.cogsguard.train"],
    ],
)
def test_a_recipe_has_several_names(shell, words):
    if words == ["experiment.cogsguard.train"]:
        assert shell(*words, "--dry-run").code == 2
        return
    done = shell(*words, "run=a", "--dry-run")
    assert done.code == 0
    assert done.out.startswith("recipes.experiment.cogsguard.train resolves")


def test_options_may_stand_anywhere(shell):
    assert shell("--dry-run", "cogsguard.train", "run=a").code == 0
    assert shell("cogsguard.train", "--dry-run", "run=a").code == 0


def test_a_module_of_the_users_own_works(shell, module):
    module("my_recipes", OWN)
    done = shell("my_recipes.count")
    assert (done.code, done.out) == (0, "counted to 4\n")
    assert shell("my_recipes.count", "upto=5").out == "counted to 5\n"
    assert shell("my_recipes.CountTool", "upto=6").out == "counted to 6\n"
    assert shell("count", "my_recipes", "upto=7").out == "counted to 7\n"
    assert shell("my_recipes.count", "upto=11").code == 1
    assert "my_recipes" in shell("my_recipes.count", "--help").out


def test_a_module_inside_a_package_works(shell, module):
    module("lab.__init__", "")
    module("lab.mine", OWN)
    assert shell("lab.mine.count").out == "counted to 4\n"


def test_a_parameter_without_default_must_be_given(shell, module):
    module("my_recipes", OWN)
    done = shell("my_recipes.needs")
    assert done.code == 2
    assert "needs `name=...`" in done.err
    assert shell("my_recipes.needs", "name=abcde").out == "counted to 5\n"


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (["cogsgard.train"], ["Did you mean `cogsguard.train`?", "--list"]),
        (["cogsguard.trian"], ["Did you mean `cogsguard.train`?"]),
        (["train"], ["too little", "cogsguard.train", "machina1_cloner.train"]),
        (["cogsguard"], ["too little", "cogsguard.evaluate"]),
        (["no.such.module.train"], ["nothing is called"]),
        (["os.path"], ["nothing is called"]),
        (["..train"], ["nothing is called"]),
        (["run=a", "cogsguard.train"], ["The target comes first"]),
        ([], ["no target is given"]),
    ],
)
def test_a_target_that_is_nothing_lists_what_there_is(shell, words, parts):
    done = shell(*words)
    assert done.code == 2
    for part in parts:
        assert part in done.err
    assert "Traceback" not in done.err


def test_the_list_shows_every_recipe_with_its_first_line(shell):
    done = shell("--list")
    assert done.code == 0
    assert "cogsguard.train " in done.out
    assert "Train a policy on CogsGuard." in done.out
    assert "machina1_cloner.train" in done.out
    for teacher in ("cogsguard?gear=10", "dinky:v15"):
        assert f"metta://policy/{teacher}" in done.out


def test_a_name_narrows_the_list(shell):
    assert "cogsguard.evaluate" not in shell("--list", "train").out
    assert "cogsguard.evaluate" in shell("--list", "cogsguard").out
    assert "machina1" not in shell("--list", "cogsguard").out


BROKEN = ["import no_such_module_anywhere\n", "def train(:\n", "raise SystemExit(3)\n", "1 / 0\n",
          "def train() -> Nothing: ...\n"]  # fmt: skip


@pytest.mark.parametrize("text", BROKEN)
def test_a_recipe_that_fails_to_import_is_listed_with_its_error(shell, tmp_path, monkeypatch, text):
    (tmp_path / "broken_recipe.py").write_text("from __future__ import annotations\n" + text)
    places = [*recipes.experiment.__path__, str(tmp_path)]
    monkeypatch.setattr(recipes.experiment, "__path__", places)
    monkeypatch.setattr(recipes.experiment.__spec__, "submodule_search_locations", places)
    monkeypatch.delitem(sys.modules, "recipes.experiment.broken_recipe", raising=False)
    done = shell("--list")
    assert done.code == 1
    assert "recipes.experiment.broken_recipe" in done.out
    assert "cannot be imported: " in done.out
    assert "cogsguard.train" in done.out
    done = shell("broken_recipe.train")
    assert done.code == 1
    assert "broken_recipe" in done.err
    assert "Traceback" not in done.err
    assert shell("cogsguard.train", "run=a", "--dry-run").code == 0
    assert "Did you mean" in shell("cogsgard.train").err
