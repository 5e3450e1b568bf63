from __future__ import annotations

import json
import os
import shutil

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from coglab.config import UserError
from coglab.models.build import build_network
from coglab.models.config import FastConfig
from coglab.policies import checkpoints, safe_files
from coglab.policies.checkpoints import (
    TrainerState,
    best_checkpoint,
    first_difference,
    latest_checkpoint,
    list_checkpoints,
    load_checkpoint,
    load_trainer_state,
    load_weights,
    save_checkpoint,
)

STATE = TrainerState(
    {
        "moment": torch.arange(4.0),
        "rng": np.arange(3, dtype=np.uint64),
        "seed": np.array(5),
        "turned": np.arange(6).reshape(2, 3).T,
    },
    {"agent_steps": 7, "note": "x"},
)


def names(run_dir) -> list[str]:
    return [path.name for path in list_checkpoints(run_dir)]


def test_a_checkpoint_gives_back_what_was_saved(tmp_path, network):
    path = save_checkpoint(tmp_path / "run", 3, network, {"agent_steps": 12}, STATE, score=0.5)
    assert path == tmp_path / "run" / "checkpoints" / "v3"
    loaded = load_checkpoint(path)
    assert (loaded.version, loaded.info, loaded.score) == (3, {"agent_steps": 12}, 0.5)
    rebuilt = loaded.build_network()
    assert rebuilt.config == network.config
    for name, value in network.state_dict().items():
        assert torch.equal(rebuilt.state_dict()[name], value)
    state = load_trainer_state(path)
    assert state.meta == {"agent_steps": 7, "note": "x"}
    assert torch.equal(state.tensors["moment"], torch.arange(4.0))
    assert state.tensors["rng"].dtype == torch.uint64
    assert state.tensors["seed"].shape == ()  # a number stays a number
    assert state.tensors["turned"].tolist() == [[0, 3], [1, 4], [2, 5]]


def test_the_last_ones_and_the_best_are_kept(tmp_path, network):
    for version, score in enumerate([1.0, 9.0, None, float("nan"), 2.0, 3.0]):
        save_checkpoint(tmp_path, version, network, {}, STATE, score=score, keep_last=2)
    assert names(tmp_path) == ["v1", "v4", "v5"]
    assert best_checkpoint(tmp_path).name == "v1"
    assert latest_checkpoint(tmp_path).name == "v5"
    kept = [load_trainer_state(path) is not None for path in list_checkpoints(tmp_path)]
    assert kept == [False, True, True]


def test_versions_are_ordered_as_numbers(tmp_path, network):
    for version in (9, 10, 100):
        save_checkpoint(tmp_path, version, network, {}, keep_last=5)
    assert names(tmp_path) == ["v9", "v10", "v100"]


def test_an_undamaged_version_is_not_written_again_and_a_damaged_one_is(tmp_path, network):
    path = save_checkpoint(tmp_path, 1, network, {"first": True})
    save_checkpoint(tmp_path, 1, network, {"first": False})
    assert load_checkpoint(path).info == {"first": True}
    (path / "weights.safetensors").write_bytes(b"")
    save_checkpoint(tmp_path, 1, network, {"first": False})
    assert load_checkpoint(path).info == {"first": False}


@pytest.mark.parametrize("step", ["write", "flush", "rename"])
def test_a_failure_while_saving_leaves_the_older_checkpoint_and_no_leftovers(
    tmp_path, network, monkeypatch, step
):
    save_checkpoint(tmp_path, 1, network, {}, STATE)

    def fail(*_args, **_kwargs):
        raise OSError(28, "No space left on device")

    target = {
        "write": (os, "fsync"),
        "flush": (safe_files, "flush_folder"),
        "rename": (safe_files.Path, "rename"),
    }
    monkeypatch.setattr(*target[step], fail)
    with pytest.raises(OSError, match="No space"):
        save_checkpoint(tmp_path, 2, network, {}, STATE, keep_last=1)
    monkeypatch.undo()
    assert names(tmp_path) == ["v1"]
    assert load_checkpoint(tmp_path / "checkpoints" / "v1").version == 1
    assert load_trainer_state(tmp_path / "checkpoints" / "v1") is not None
    assert [entry.name for entry in (tmp_path / "checkpoints").iterdir()] == ["v1"]


def test_what_a_kill_left_half_written_is_ignored_and_removed(tmp_path, network):
    save_checkpoint(tmp_path, 1, network, {})
    draft = tmp_path / "checkpoints" / ".writing-v2-abc"
    draft.mkdir()
    (draft / "policy.json").write_text("{")
    assert names(tmp_path) == ["v1"]
    save_checkpoint(tmp_path, 3, network, {})
    assert not draft.exists()


DAMAGE = {
    "weights cut short": lambda p: os.truncate(p / "weights.safetensors", 100),
    "weights empty": lambda p: os.truncate(p / "weights.safetensors", 0),
    "weights missing": lambda p: (p / "weights.safetensors").unlink(),
    "weights changed": lambda p: flip_byte(p / "weights.safetensors"),
    "weights a link": lambda p: replace_by_link(p / "weights.safetensors"),
    "weights a folder": lambda p: (
        (p / "weights.safetensors").unlink(),
        (p / "weights.safetensors").mkdir(),
    ),
    "policy missing": lambda p: (p / "policy.json").unlink(),
    "policy cut short": lambda p: os.truncate(p / "policy.json", 40),
    "policy binary": lambda p: (p / "policy.json").write_bytes(b"\x80\x04\x95\xff"),
    "policy a list": lambda p: (p / "policy.json").write_text("[1]"),
    "policy deep": lambda p: (p / "policy.json").write_text("[" * 100_000),
    "architecture unknown": lambda p: edit(p, architecture={"kind": "fast", "widht": 3}),
    "architecture missing": lambda p: edit(p, architecture=None),
    "version text": lambda p: edit(p, version="three"),
    "signature missing": lambda p: edit(p, signature=None),
    "fingerprint missing": lambda p: edit(p, weights=None),
    "score text": lambda p: edit(p, score="high"),
}


def flip_byte(path) -> None:
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(content)


def replace_by_link(path) -> None:
    path.rename(path.parent.parent.parent / "elsewhere")
    path.symlink_to(path.parent.parent.parent / "elsewhere")


def edit(folder, **fields) -> None:
    data = json.loads((folder / "policy.json").read_text())
    (folder / "policy.json").write_text(json.dumps(data | fields))


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_is_reported_with_the_file_and_what_to_do(tmp_path, network, damage):
    save_checkpoint(tmp_path, 1, network, {})
    path = save_checkpoint(tmp_path, 2, network, {})
    DAMAGE[damage](path)
    with pytest.raises(UserError) as error:
        load_checkpoint(path)
    text = str(error.value)
    assert str(path) in text
    assert "go back to v1" in text


def test_a_newer_format_is_refused(tmp_path, network):
    path = save_checkpoint(tmp_path, 1, network, {})
    edit(path, format=2)
    with pytest.raises(UserError, match="Use the version of coglab that wrote it"):
        load_checkpoint(path)


def test_damaged_trainer_state_is_reported(tmp_path, network):
    path = save_checkpoint(tmp_path, 1, network, {}, STATE)
    os.truncate(path / "trainer_state.safetensors", 20)
    with pytest.raises(UserError, match=r"trainer_state\.safetensors is damaged"):
        load_trainer_state(path)


def test_weights_of_another_shape_are_refused(tmp_path, network):
    path = save_checkpoint(tmp_path, 1, network, {})
    other = build_network(FastConfig(table_width=24, actor_hidden=16, map_memory=False))
    with pytest.raises(UserError, match=r"has shape \(\d+, 16\), the network needs \(\d+, 24\)"):
        load_weights(other, load_checkpoint(path))


def test_missing_and_unknown_weights_are_refused(tmp_path, network):
    path = save_checkpoint(tmp_path, 1, network, {})
    loaded = load_checkpoint(path)
    loaded.weights["extra"] = torch.zeros(1)
    with pytest.raises(UserError, match="`extra`"):
        load_weights(network, loaded)
    del loaded.weights["extra"], loaded.weights["critic.out.bias"]
    with pytest.raises(UserError, match=r"lacks the weight `critic\.out\.bias`"):
        load_weights(network, loaded)


def test_a_file_with_the_right_fingerprint_but_no_tensors_is_refused(tmp_path, network):
    path = save_checkpoint(tmp_path, 1, network, {})
    (path / "weights.safetensors").write_bytes(b"not tensors")
    edit(path, weights=safe_files.fingerprint(b"not tensors"))
    with pytest.raises(UserError, match="no safetensors file"):
        load_checkpoint(path)


def test_inputs_that_mean_something_else_are_refused_with_the_difference(tmp_path, network):
    path = save_checkpoint(tmp_path, 1, network, {})
    data = json.loads((path / "policy.json").read_text())
    data["signature"]["game"]["features"]["8"][0] = "label"
    (path / "policy.json").write_text(json.dumps(data))
    with pytest.raises(UserError, match=r"features\.8\[0\]: label there, tag here"):
        load_checkpoint(path).build_network()


def test_first_difference_finds_nothing_in_equal_data():
    assert first_difference({"a": [1, {"b": 2}]}, {"a": [1, {"b": 2}]}) is None
    assert first_difference({"a": 1}, {"a": 1, "c": 3}) == "signature.c: None there, 3 here"
    assert first_difference([1, 2], [1, 2, 3]) == "signature: [1, 2] there, [1, 2, 3] here"


def test_links_among_checkpoints_are_not_followed(tmp_path, network):
    path = save_checkpoint(tmp_path / "a", 1, network, {})
    (tmp_path / "b" / "checkpoints").mkdir(parents=True)
    link = tmp_path / "b" / "checkpoints" / "v7"
    link.symlink_to(path)
    assert list_checkpoints(tmp_path / "b") == []
    with pytest.raises(UserError, match="no checkpoint folder"):
        load_checkpoint(link)


def test_a_folder_that_is_copied_elsewhere_still_loads(tmp_path, network):
    path = save_checkpoint(tmp_path / "a", 1, network, {})
    shutil.copytree(path, tmp_path / "copy")
    assert load_checkpoint(tmp_path / "copy").version == 1


def test_nothing_in_a_file_is_executed(tmp_path, network):
    path = save_checkpoint(tmp_path, 1, network, {})
    save_file({"x": torch.zeros(1)}, path / "weights.safetensors")
    with pytest.raises(UserError, match="damaged"):
        load_checkpoint(path)
    source = (checkpoints.__file__, safe_files.__file__)
    for name in source:
        with open(name) as file:
            text = file.read()
        assert "pickle" not in text
        assert "torch.load" not in text
