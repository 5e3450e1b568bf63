"""The grid of learning comparisons: its commands can be run, its tables say what the runs' files say."""

import json

import pytest

from benchmarks import learning, learning_report
from benchmarks.learning_arms import ARMS, Arm
from tests.cli.helpers import Shell


@pytest.mark.parametrize("arm", ARMS, ids=lambda arm: arm.name)
def test_every_command_passes_a_dry_run(arm, capsys, tmp_path):
    words = [*arm.command(arm.seeds[0]), f"{arm.prefix}train_dir={tmp_path}"]
    done = Shell(capsys)(*words, "--dry-run")
    assert done.code == 0, done.err


def test_names_of_runs_are_told_apart():
    names = [run for arm in ARMS for seed in arm.seeds for run in arm.stage_runs(seed)]
    assert len(set(names)) == len(names)


def write_run(folder, name, reward, kl):
    """A finished run as its files show it."""
    run = folder / name
    run.mkdir(parents=True)
    results = [
        {
            "policy_uri": f"metta://policy/{name}",
            "mode": mode,
            "metrics": {
                metric: {"mean": reward * factor}
                for metric, factor in (("reward", 1), ("heart.gained", 20), ("cogs/aligned.junction.held", 1e4))
            },
        }
        for mode in ("sample", "greedy")
    ]  # fmt: skip
    for uri, mean in (("metta://policy/cogsguard?gear=10", 0.55), ("metta://policy/random", 0.0)):
        results.append(
            {"policy_uri": uri, "mode": "scripted", "metrics": {"reward": {"mean": mean}}}
        )
    (run / "evaluation.json").write_text(json.dumps({"results": results}))
    cloner = {"steps": 400}
    config = {"trainer": {"losses": {"sliced_scripted_cloner": cloner}}}
    info = {"schema_version": 1, "name": name, "last_step": 20_070_400, "code": {"commit": "abc"}}
    (run / "run.json").write_text(json.dumps(info))
    (run / "config.json").write_text(json.dumps(config))
    rows = []
    for step in range(100, 1100, 100):
        metrics = {"losses/approx_kl": kl if step > 500 else 9.0, "metric/total_time": 0.6 * step}
        if step <= 400:
            metrics["losses/supervised_accuracy_student_led"] = step / 1000
        rows.append(json.dumps({"step": step, "time": 1.0, "metrics": metrics}))
    (run / "metrics.jsonl").write_text("\n".join(rows) + "\n")


def test_the_table_holds_means_intervals_and_what_is_missing(tmp_path):
    arms = [
        Arm("option1", "A question", ()),
        Arm("other", "A question", ()),
        Arm("never", "Another", ()),
    ]
    for seed, reward in ((1, 0.4), (2, 0.5), (3, 0.6)):
        write_run(tmp_path, f"option1-s{seed}", reward, 0.01)
        if seed < 3:
            write_run(tmp_path, f"other-s{seed}", reward + 0.2, 0.03)
    text = learning_report.write_report(arms, tmp_path, tmp_path / "out.json")
    rows = {line.split(" | ")[0].strip("| "): line for line in text.splitlines() if "|" in line}
    # Three values 0.4, 0.5, 0.6: standard error 0.0577, Student's t with two degrees of freedom 4.303.
    assert "| 0.500 [0.252, 0.748] |" in rows["option1"]
    assert "| 0.0100 | 0.300 | 20.1 | 10 |" in rows["option1"]
    assert "|  | 0.400, 0.500, 0.600 | 0.500 [0.252, 0.748] | 0.550 |" in rows["option1"]
    assert "| 0.650 | +0.150 [" in rows["other"]
    assert "| 0.600, 0.700 |" in rows["other"]
    assert text.endswith("Missing: other-s3, never-s1, never-s2, never-s3")
    stored = json.loads((tmp_path / "out.json").read_text())
    assert [run["greedy"]["reward"] for run in stored["other"]] == pytest.approx([0.6, 0.7])
    assert stored["never"] == []


def test_what_was_measured_stays_when_its_folder_is_gone(tmp_path):
    arms = [Arm("option1", "A question", (), seeds=(1, 2))]
    here, later = tmp_path / "here", tmp_path / "later"
    write_run(here, "option1-s1", 0.4, 0.01)
    json_file = tmp_path / "out.json"
    first = learning_report.write_report(arms, here, json_file)
    assert first.endswith("Missing: option1-s2")
    write_run(later, "option1-s2", 0.6, 0.01)
    second = learning_report.write_report(arms, later, json_file)
    assert "| 0.400, 0.600 |" in second
    assert second.endswith("Missing: none")
    # An arm that is not asked for keeps its place in the file; another budget is another run.
    learning_report.write_report([Arm("other", "Another", ())], later, json_file)
    stored = learning_report.read_stored(json_file)
    (first_run, _) = stored["option1"]
    assert (first_run.run, first_run.commit) == ("option1-s1", "abc")
    assert first_run.agent_steps == 20_070_400  # whole batches
    longer = Arm("option1", "A question", (), steps=50_000_000, seeds=(1, 2))
    assert learning_report.find_outcome(longer, 1, later, stored) is None
    assert learning_report.find_outcome(arms[0], 1, later, stored) == first_run


def test_only_what_is_neither_on_disk_nor_stored_is_queued(tmp_path, monkeypatch):
    arms = [Arm("option1", "A question", ()), Arm("other", "A question", (), seeds=(1, 2))]
    json_file = tmp_path / "out.json"
    write_run(tmp_path / "gone", "option1-s1", 0.4, 0.01)
    learning_report.write_report(arms, tmp_path / "gone", json_file)
    write_run(tmp_path / "runs", "option1-s3", 0.4, 0.01)
    words = ["learning.py", "--train-dir", str(tmp_path / "runs"), "--json", str(json_file)]
    monkeypatch.setattr("sys.argv", words)
    queue = learning._queue(arms, learning._parse())
    assert [arm.run(seed) for arm, seed in queue] == ["other-s1", "option1-s2", "other-s2"]
