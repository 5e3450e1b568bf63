"""Commands made from recorded settings say what a run did, and leave out what its recipe does anyway."""

import pytest

from coglab.config.layers import read_arguments
from coglab.tools.runs_commands import Commander, default_of
from coglab.tools.teacher_spelling import CLONER, ENABLED, URI
from coglab.tools.train import TrainTool
from recipes.experiment import cogsguard

RECIPE = "recipes.experiment.cogsguard.train"


@pytest.mark.parametrize(
    ("steps", "hold", "is_said"),
    [(16_000_000, 12_000_000, False), (4_000_000, 0, True), (16_000_000, 0, True)],
)
def test_a_teachers_stay_is_said_unless_it_is_the_recipes(steps, hold, is_said):
    values = {
        URI: "metta://policy/cogsguard?gear=10",
        ENABLED: True,
        (*CLONER, "teacher_led_proportion"): 0.5,
        (*CLONER, "student_led_proportion"): 0.5,
        (*CLONER, "steps"): steps,
        (*CLONER, "anneal_start_step"): hold,
        ("trainer", "total_timesteps"): 20_000_000,
    }
    commander = Commander(None, "coglab", [])
    words = commander._words(values, default_of(RECIPE), RECIPE, 1)
    assert any("anneal_start_step" in word for word in words) == is_said
    tree = TrainTool.canonical(read_arguments([w for w in words if not w.startswith("seed=")]))
    made = TrainTool(**{**cogsguard.train().model_dump(exclude_unset=True), **tree}).resolve()
    cloner = made.trainer.losses.sliced_scripted_cloner
    assert (cloner.steps, cloner.anneal_start_step) == (steps, hold)
