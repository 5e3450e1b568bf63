"""Checkpoints that come with coglab: found by name, refused clearly, and playable by this version."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import TypeAdapter

from coglab.config import UserError
from coglab.games.config import GameConfig
from coglab.games.registry import GAMES
from coglab.models.build import build_network
from coglab.models.config import FastConfig
from coglab.policies import pretrained
from coglab.policies.checkpoints import load_checkpoint, save_checkpoint
from coglab.policies.uris import load_policy, parse_uri
from coglab.tools.run_names import check_run_name


@pytest.fixture
def one_there(tmp_path, monkeypatch):
    """A folder `pretrained/` with one checkpoint, `mine`."""
    saved = save_checkpoint(tmp_path / "run", 3, build_network(FastConfig()), {"agent_step": 7})
    (tmp_path / "pretrained").mkdir()
    saved.rename(tmp_path / "pretrained" / "mine")
    monkeypatch.setattr(pretrained, "FOLDER", tmp_path / "pretrained")
    return tmp_path / "pretrained" / "mine"


def test_a_checkpoint_is_found_by_its_name(one_there):
    assert parse_uri("metta://policy/pretrained-mine").name == str(one_there)
    assert load_policy("metta://policy/pretrained-mine").network.num_parameters > 0


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("pretrained-mime", "Did you mean `pretrained-mine`"),
        ("pretrained-mine:v3", "no versions"),
        ("pretrained-mine?x=1", "no versions"),
        ("pretrained-../run", "no such checkpoint"),
    ],
)
def test_what_is_not_there_is_refused(one_there, name, says):
    with pytest.raises(UserError, match=says):
        parse_uri(f"metta://policy/{name}")


def test_no_run_can_take_such_a_name(one_there):
    with pytest.raises(UserError, match="my-pretrained-other"):
        check_run_name("pretrained-other")


@pytest.mark.parametrize("name", pretrained.pretrained_names())
def test_what_comes_with_coglab_plays_in_this_version(name):
    folder = pretrained.pretrained_folder(name)
    assert folder is not None
    assert (folder / "CARD.md").is_file()
    info = load_checkpoint(folder).info
    game = GAMES[info["game"]["kind"]]
    config = TypeAdapter(GameConfig).validate_python({**info["game"], "max_steps": 40})
    sim = game.make_sim(config, 2, game.held_out_maps(config, 2, 1_000_000), map_choice="by_env")
    policy = load_policy(f"metta://policy/{name}")
    policy.bind(sim, 0, 2)
    rng, reset = np.random.default_rng(0), np.ones(sim.num_rows, np.bool_)
    for _ in range(40):
        sim.actions[:] = policy.act(reset, "sample", rng).actions
        sim.step()
        reset[:] = False
    assert len(set(sim.actions.tolist())) > 1  # agents of one policy, each in its own place
