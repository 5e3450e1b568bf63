from __future__ import annotations

import pytest

from coglab.config import UserError
from coglab.tools.evaluate import EvaluateTool
from recipes.experiment import cogsguard


def test_one_policy_is_a_list_of_one():
    tool = cogsguard.evaluate(policy_uris="metta://policy/random").resolve()
    assert tool.policy_uris == ("metta://policy/random",)


def test_parameters_of_the_recipe_reach_the_tool():
    tool = cogsguard.evaluate(
        ["metta://policy/first:v3", "file:///tmp/x"], maps=8, mission="machina_1", seed=4
    ).resolve()
    assert (tool.evaluation.maps, tool.evaluation.seed, tool.game.mission) == (8, 4, "machina_1")  # type: ignore[union-attr]
    assert EvaluateTool.load(tool.dump()) == tool
    assert tool.plan()[1:] == ["metta://policy/first:v3", "file:///tmp/x"]


@pytest.mark.parametrize(
    "uris", [[], ["nonsense"], ["metta://policy/../x"], ["metta://policy/a:w3"]]
)
def test_what_names_no_policy_is_refused(uris):
    with pytest.raises(UserError):
        cogsguard.evaluate(uris).resolve()


def test_a_mission_that_does_not_exist_is_refused():
    with pytest.raises(UserError, match="arena"):
        cogsguard.evaluate("metta://policy/random", mission="aren").resolve()
