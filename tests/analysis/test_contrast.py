"""Does the contrast find what separates configurations, and nothing where nothing does?"""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from coglab.config import UserError
from tests.analysis.synthetic import (
    DAY,
    NOW,
    config_of,
    write_run,
)


def bundle(doc, key):
    return next(b for b in doc["config"]["bundles"] if key in b["keys"])


def test_seeds_of_one_configuration_are_one_unit_and_measure_the_noise(tmp_path, analyse):
    rng = np.random.default_rng(0)
    for seed in range(3):
        write_run(tmp_path, f"a{seed}", 1 + 0.2 * rng.standard_normal(), seed=seed)
        write_run(
            tmp_path,
            f"b{seed}",
            1 + 0.2 * rng.standard_normal(),
            seed=seed,
            config=config_of(**{"trainer.batch_size": 1}),
        )
    doc = analyse(tmp_path).data
    assert len(doc["units"]) == 2
    assert doc["statistics"]["seed_df"] == 4
    assert 0.05 < doc["statistics"]["seed_deviation"] < 0.6
    assert len({r["letter"] for r in doc["ranked"]}) == 1


def test_a_planted_cause_is_found_and_graded_a(tmp_path, analyse):
    rng = np.random.default_rng(4)
    for index in range(24):
        batch = 4096 if index % 2 else 1024
        config = config_of(
            **{
                "trainer.batch_size": batch,
                "trainer.optimizer.learning_rate": float(rng.choice([0.1, 0.2, 0.3])),
                "trainer.losses.ppo_actor.clip_coef": float(rng.choice([0.1, 0.2])),
                "policy_architecture.width": int(rng.choice([32, 64, 128])),
                "trainer.epochs": index,
            }
        )
        level = (2.0 if batch == 4096 else 1.0) + 0.2 * rng.standard_normal()
        write_run(
            tmp_path,
            f"r{index:02}",
            level,
            config=config,
            created=NOW - float(rng.uniform(1, 9)) * DAY,
        )
    doc = analyse(tmp_path).data
    found = bundle(doc, "trainer.batch_size")
    assert found["grade"] == "A"
    assert found["effect"] == pytest.approx(1.0, abs=0.3)
    others = [b["grade"] for b in doc["config"]["bundles"] if b is not found]
    assert "A" not in others
    assert any("predicts" in s["text"] and "batch_size" in s["text"] for s in doc["summary"])


def test_two_aliased_causes_are_one_bundle_and_never_graded_a(tmp_path, analyse):
    rng = np.random.default_rng(5)
    for index in range(24):
        is_new = index >= 12
        config = config_of(
            **{
                "trainer.batch_size": 1024 + is_new,
                "trainer.gamma": 0.9 + 0.09 * is_new,
                "trainer.x": (index * 7) % 24,
            }
        )
        write_run(
            tmp_path,
            f"r{index:02}",
            1 + is_new + 0.1 * rng.standard_normal(),
            config=config,
            created=NOW - (30 - index) * DAY,
        )
    doc = analyse(tmp_path).data
    found = bundle(doc, "trainer.batch_size")
    assert "trainer.gamma" in found["keys"]
    # Everything new came later, so the order of creation explains it as well.
    assert found["grade"] == "B"
    assert any("order of creation" in r["name"] for r in found["rivals"])
    assert any(r["rule"] == "R5" for r in doc["recommendations"])


def test_nothing_is_found_where_nothing_is(tmp_path, analyse):
    graded = 0
    for trial in range(5):
        folder = tmp_path / str(trial)
        rng = np.random.default_rng(100 + trial)
        for index in range(12):
            changes = {f"trainer.k{k}": int(rng.integers(0, 2)) for k in range(15)}
            write_run(
                folder,
                f"r{index}",
                1 + 0.3 * rng.standard_normal(),
                rows=20,
                config=config_of(**changes),
                created=NOW - DAY * float(rng.uniform(1, 9)),
            )
        doc = analyse(folder).data
        graded += sum(b["grade"] == "A" for b in doc["config"]["bundles"])
        shared = [b for b in doc["config"]["bundles"] if b["top_shares"]]
        assert all(b["grade"] in ("B", "C") for b in shared)
        assert all(len(b["rivals"]) >= 0 for b in shared)
    assert graded <= 1


def test_constant_settings_are_never_what_separates(tmp_path, analyse):
    for index in range(8):
        write_run(
            tmp_path,
            f"r{index}",
            float(index),
            config=config_of(**{"trainer.k": index % 2, "trainer.constant": 5}),
        )
    doc = analyse(tmp_path).data
    assert doc["config"]["constant"]["trainer.constant"] == "5"
    assert not any("trainer.constant" in b["keys"] for b in doc["config"]["bundles"])
    assert any(r["id"] == "S7" for r in doc["cannot"])


def test_only_a_controlled_comparison_earns_causal_words(tmp_path, analyse):
    for seed, (batch, level) in itertools.product(range(3), ((1, 1.0), (2, 2.0))):
        write_run(
            tmp_path,
            f"b{batch}s{seed}",
            level + 0.05 * seed,
            seed=seed,
            config=config_of(**{"trainer.batch_size": batch}),
        )
    doc = analyse(tmp_path).data
    (pair,) = doc["controlled"]
    assert pair["is_enough"]
    assert abs(pair["difference"]) == pytest.approx(1.0, abs=0.1)
    assert pair["low"] * pair["high"] > 0
    text = " ".join(s["text"] for s in doc["summary"])
    assert "Changing `trainer.batch_size` from" in text
    assert not any(r["id"] == "S10" for r in doc["cannot"])


def test_a_hypothesis_named_in_advance_is_not_adjusted(tmp_path, analyse):
    rng = np.random.default_rng(8)
    for index in range(10):
        changes = {f"trainer.k{k}": int(rng.integers(0, 2)) for k in range(25)} | {
            "trainer.named": index % 2
        }
        write_run(
            tmp_path,
            f"r{index}",
            (index % 2) + 0.3 * rng.standard_normal(),
            config=config_of(**changes),
            created=NOW - DAY * float(rng.uniform(1, 9)),
        )
    plain = bundle(analyse(tmp_path).data, "trainer.named")
    named = bundle(analyse(tmp_path, test="trainer.named").data, "trainer.named")
    assert named["named_in_advance"]
    assert not plain["named_in_advance"]
    assert named["p"] == plain["p"]
    with pytest.raises(UserError, match=r"trainer\.named"):
        analyse(tmp_path, test="trainer.nmed")
