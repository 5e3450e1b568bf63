"""Stages of a curriculum: names, weights, teachers, resuming."""

from __future__ import annotations

import pytest

from coglab.config import UserError, build
from coglab.config.layers import read_arguments
from coglab.tools.curriculum import CurriculumTool
from coglab.tools.train import TrainTool
from recipes.experiment import cogsguard
from tests.e2e.commands import SMALL, type_command


def test_each_stage_starts_from_the_last_ones_checkpoint_and_has_its_own_teacher():
    tool = CurriculumTool.load({**cogsguard.curriculum(num_agents=4).dump(), "run": "c"}).resolve()
    stages = [tool.stage_tool(index) for index in range(4)]
    assert [stage.run_name for stage in stages] == [
        "c.1-miner",
        "c.2-aligner",
        "c.3-scrambler",
        "c.4-all",
    ]
    assert [stage.initial_policy_uri for stage in stages] == [
        None,
        *(f"metta://policy/{stage.run_name}:latest" for stage in stages[:3]),
    ]
    uris = [stage.training_env.supervisor_policy_uri for stage in stages]
    assert uris[0] == "metta://policy/miner"
    assert uris[3] == "metta://policy/cogsguard?gear=4"
    assert [stage.evaluator.at_end for stage in stages] == [False, False, False, True]
    assert all(stage.training_env.game.num_agents == 4 for stage in stages)
    assert stages[0].trainer.losses.sliced_scripted_cloner.steps == 40_000_000
    assert tool.resolve() == tool
    assert len(tool.plan()) == 4


def test_stages_can_be_typed():
    text = "stages=[{name: one, total_timesteps: 1e3, teacher: {policy_uri: metta://policy/miner}}]"
    tool = build(CurriculumTool, read_arguments(["run=c", text])).resolve()
    assert tool.stage_tool(0).training_env.supervisor_policy_uri == "metta://policy/miner"


def test_a_stage_without_a_teacher_is_ppo_even_if_the_base_has_one():
    base = TrainTool(teacher={"policy_uri": "metta://policy/miner", "mode": "sliced_cloner"})
    tool = CurriculumTool(run="c", base=base, stages=({"name": "ppo", "total_timesteps": 5},))
    stage = tool.resolve().stage_tool(0)
    assert stage.training_env.supervisor_policy_uri is None
    assert not stage.trainer.losses.sliced_scripted_cloner.enabled


@pytest.mark.parametrize(
    ("stages", "part"),
    [
        ((), "needs stages"),
        (({"name": "a b", "total_timesteps": 5},), "name of a stage"),
        (({"name": "a", "total_timesteps": 5,
           "teacher": {"mode": "kickstarter", "policy_uri": "metta://policy/miner"}},), "is a script"),
    ],
)  # fmt: skip
def test_a_curriculum_that_cannot_work_is_refused_before_it_begins(stages, part):
    with pytest.raises(UserError, match=part):
        CurriculumTool(run="c", stages=stages).resolve()


@pytest.mark.slow
def test_a_curriculum_runs_and_a_second_start_skips_what_is_done(tmp_path):
    words = [
        "recipes.experiment.cogsguard.curriculum", "run=c", "roles=[miner]", "num_agents=4",
        "role_timesteps=512", "all_timesteps=512", "mission=tutorial",
        *(f"base.{word}" for word in SMALL if not word.startswith(("max_steps", "num_agents", "policy"))),
        "base.training_env.game.max_steps=64",
        "base.policy_architecture={kind: fast, table_width: 32, cortex: {width: 32}}",
    ]  # fmt: skip
    code, output = type_command(tmp_path, *words)
    assert code == 0, output
    assert "starts with the weights from" in output
    for run in ("c.1-miner", "c.2-all"):
        assert (tmp_path / "train_dir" / run / "metrics.jsonl").is_file()
    code, output = type_command(tmp_path, *words)
    assert code == 0, output
    assert output.count("has already made 512") == 2
