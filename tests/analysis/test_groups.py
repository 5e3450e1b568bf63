"""Runs that must not be set side by side: games, lengths, and what makes them one game."""

from __future__ import annotations

import pytest

from coglab.analysis.report import build
from coglab.config import UserError
from tests.analysis.synthetic import (
    config_of,
    led,
    names,
    write_run,
)


def test_different_games_are_never_ranked_together(tmp_path, analyse):
    write_run(tmp_path, "arena", 1.0)
    write_run(
        tmp_path, "other", 9.0, config=config_of(**{"training_env.game.mission": "machina_1"})
    )
    write_run(tmp_path, "longer", 5.0, config=config_of(**{"training_env.game.max_steps": 5000}))
    with pytest.raises(UserError, match="cannot be ranked together"):
        analyse(tmp_path)
    doc = analyse(tmp_path, mixed=True).data
    assert len(doc["ranked"]) == 1
    assert sorted(len(g["ranked"]) for g in doc["other_groups"]) == [1, 1]


def test_every_group_is_ranked_by_the_same_rules_and_lists_all_its_runs(tmp_path, analyse):
    other = config_of(**{"training_env.game.kind": "machina1", "training_env.game.mission": None})
    for seed in (1, 2, 3, 4, 5, 6):
        write_run(tmp_path, f"arena.s{seed}", 1.0, seed=seed)
    for seed in (1, 2, 3):
        write_run(tmp_path, f"m.s{seed}", 9.0, seed=seed, config=other)
    write_run(tmp_path, "m.short", 9.0, steps=100_000, config=other)
    write_run(tmp_path, "m.silent", config=other, metric="overview/reward")
    write_run(tmp_path, "m.led", 20.0, config=other, extra=led(0.5))
    doc = analyse(tmp_path, mixed=True).data
    (group,) = doc["other_groups"]
    assert sorted(names(group["ranked"])) == ["m.s1", "m.s2", "m.s3"]
    assert all(row["unit"] for row in group["ranked"])
    why = {row["name"]: row["why_not"] for row in group["not_comparable"]}
    assert "reached 10 % of the budget" in why["m.short"]
    assert "the teacher played 50 %" in why["m.led"]
    assert group["missing"] == ["m.silent"]
    text = "".join(str(block) for block in build(doc).blocks)
    assert all(name in text for name in ("m.short", "m.led", "m.silent"))


def test_the_mission_s_own_ticks_left_out_or_spelt_out_are_one_game(tmp_path, analyse):
    game = {"training_env.game.kind": "cogsguard", "training_env.game.mission": "arena"}
    for name, ticks in (("left_out", None), ("spelt_out", 1000)):
        write_run(
            tmp_path, name, config=config_of(**game, **{"training_env.game.max_steps": ticks})
        )
    doc = analyse(tmp_path).data
    assert len(doc["ranked"]) == 2
    assert "1000 ticks" in doc["game"]
