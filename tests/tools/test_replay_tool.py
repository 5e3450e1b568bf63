"""The tool `replay`: what it accepts, what it writes, what it notices."""

from __future__ import annotations

import pytest

from coglab.config import UserError
from coglab.replay import file as replay_file
from coglab.replay.config import PictureConfig
from coglab.tools.evaluate import EvaluateTool
from coglab.tools.replay import ReplayTool
from recipes.experiment import cogsguard

MINER = "metta://policy/miner"


def _tool(tmp_path, **values):
    recipe = cogsguard.replay(policy_uris=(MINER,), num_agents=3, max_steps=30, teacher_uri=MINER)
    return recipe.model_copy(update={"out": str(tmp_path / "a"), **values})


def test_a_replay_a_page_and_pictures_are_written_and_nothing_else(tmp_path, capsys):
    pictures = PictureConfig(ticks=(0,), cell_px=3)
    assert _tool(tmp_path, pictures=pictures).run() == 0
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["a-0.png", "a.html", "a.json.z"]
    assert "the same to the bit" in capsys.readouterr().err


def test_an_existing_replay_is_checked_and_shown_beside_another(tmp_path):
    _tool(tmp_path).run()
    path = str(tmp_path / "a.json.z")
    tool = ReplayTool(input=path, compare=path, out=str(tmp_path / "both.html"))
    assert tool.run() == 0
    assert (tmp_path / "both.html").read_text().count('class="replay"') == 2


def test_a_replay_that_was_tampered_with_is_noticed(tmp_path, capsys):
    _tool(tmp_path).run()
    document = replay_file.read(tmp_path / "a.json.z")
    document["seed"] += 1
    replay_file.write(tmp_path / "b.json.z", replay_file.pack(document))
    assert ReplayTool(input=str(tmp_path / "b.json.z")).run() == 1
    assert "differs" in capsys.readouterr().err
    assert not (tmp_path / "b.html").exists()


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"policy_uris": ()}, "policy_uris"),
        ({"policy_uris": ("nonsense",)}, "no policy URI"),
        ({"policy_of_role": {"miner": "x"}}, "no policy URI"),
        ({"teacher_uri": "metta://policy/minor"}, "miner"),
        ({"teacher_uri": "metta://policy/dinky:v15"}, "plays machina1, this is cogsguard"),
    ],
)
def test_commands_that_cannot_work_are_refused(tmp_path, values, says):
    with pytest.raises(UserError, match=says):
        _tool(tmp_path, **values).resolve()


def test_a_file_that_does_not_exist_is_refused(tmp_path):
    with pytest.raises(UserError, match="No such file"):
        ReplayTool(input=str(tmp_path / "none.json.z")).run()


def test_files_are_named_after_the_episode_and_stay_in_their_folder():
    tool = cogsguard.replay(policy_uris=("file:///../../x y",), mission="machina_1")
    assert str(tool.base_path()) == "train_dir/replays/machina-1-1000000-file-..-..-x-y"
    tool = cogsguard.replay(policy_uris=("metta://policy/first:v3",))
    assert str(tool.base_path()) == "train_dir/first/replays/arena-1000000-first-v3"


def test_evaluate_writes_best_median_and_worst(tmp_path):
    tool = cogsguard.evaluate((MINER,), maps=3, num_agents=3, max_steps=30)
    tool = EvaluateTool.load({**tool.dump(), "replays": str(tmp_path)})
    assert tool.run() == 0
    names = sorted(path.name for path in tmp_path.glob("*.json.z"))
    assert names == [f"miner-scripted-{which}.json.z" for which in ("best", "median", "worst")]
    assert len(list(tmp_path.glob("*.html"))) == 3
    for name in names:
        assert replay_file.read(tmp_path / name)["config"]["max_steps"] == 30
