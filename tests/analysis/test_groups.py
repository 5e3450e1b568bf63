"""Runs that must not be set side by side: games, lengths, and what makes them one game."""

from __future__ import annotations

import numpy as np
import pytest

from coglab.analysis.blocks import markdown
from coglab.analysis.report import build
from coglab.config import UserError
from tests.analysis.synthetic import (
    NOW,
    config_of,
    led,
    names,
    utc,
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


def test_what_failed_or_runs_in_another_group_is_counted_and_listed(tmp_path, analyse):
    other = config_of(**{"training_env.game.kind": "machina1", "training_env.game.mission": None})
    beat = utc(NOW - 5)
    live = {"state": "running", "heartbeat": beat, "progress": beat, "ended": None}
    for seed in range(4):
        write_run(tmp_path, f"arena.s{seed}", 1.0, seed=seed)
    write_run(tmp_path, "arena.gone", 1.0, steps=200_000, state="crashed")
    write_run(tmp_path, "m.live", 9.0, config=other, **live)
    write_run(tmp_path, "m.gone", 9.0, config=other, state="failed")
    write_run(tmp_path, "m.nan", config=other, curve=lambda at: np.where(at == 20_000, np.nan, 1.0))
    doc = analyse(tmp_path, mixed=True).data
    sentences = [row["text"] for row in doc["summary"]]
    assert any("2 runs did not finish, 1 still running" in text for text in sentences)
    assert any("Of 5 runs of cogsguard" in text for text in sentences)
    assert any("3 runs of other groups are ranked apart" in text for text in sentences)
    groups = {row["name"]: row["group"] for row in doc["failures"]}
    assert groups["arena.gone"] is None
    assert groups["m.live"] == groups["m.gone"] == doc["other_groups"][0]["group"]
    assert any(row["run"] == "m.nan" and row["kind"] == "non-finite" for row in doc["quality"])
    section = markdown(build(doc)).split("### Runs that did not finish")[1].split("\n## ")[0]
    assert all(f"`{name}`" in section for name in ("arena.gone", "m.live", "m.gone"))
    assert "machina1" in section
    # What another group's failures suggest is no advice for this one.
    assert doc["failure_settings"] == []


def test_a_fingerprint_is_of_all_groups(tmp_path, analyse):
    other = config_of(**{"training_env.game.kind": "machina1"})
    write_run(tmp_path / "a", "one")
    write_run(tmp_path / "b", "one")
    write_run(tmp_path / "b", "two", config=other)
    alone, both = (analyse(tmp_path / name, mixed=True).data["fingerprint"] for name in "ab")
    assert alone != both


@pytest.mark.parametrize(
    "facts",
    [{"project": "elsewhere"}, {"step_metric": "metric/epoch"}],
    ids=["project", "step axis"],
)
def test_runs_of_other_projects_or_step_axes_are_never_ranked_together(tmp_path, analyse, facts):
    write_run(tmp_path, "one", 1.0)
    write_run(tmp_path, "two", 2.0)
    write_run(tmp_path, "apart", 9.0, **facts)
    with pytest.raises(UserError, match="cannot be ranked together"):
        analyse(tmp_path)
    doc = analyse(tmp_path, mixed=True).data
    assert sorted(names(doc["ranked"])) == ["one", "two"]
    assert names(doc["other_groups"][0]["ranked"]) == ["apart"]
