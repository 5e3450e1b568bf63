from __future__ import annotations

from coglab.cli import main
from coglab.tools.runs_export import offline_runs
from tests.analysis.synthetic import exit_record, frame, run_record, write_log


def test_empty_and_uploaded_runs_are_left_out_of_a_sync(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    home = tmp_path / "train_dir" / "run1" / "wandb"
    write_log(home, "good", [run_record("good"), exit_record(0)])
    empty = write_log(home, "empty", [])
    empty.write_bytes(frame([]))
    done = write_log(home, "done", [run_record("done"), exit_record(0)])
    done.with_name(done.name + ".synced").touch()
    good, bad = offline_runs([tmp_path / "train_dir"])
    assert [folder.name for folder in good] == ["offline-run-20260101_000000-good"]
    assert [(folder.name[-5:], "empty run" in why) for folder, why in bad] == [("empty", True)]
    assert main(["runs.sync", "dry=true"]) == 0
    captured = capsys.readouterr()
    assert "would upload" in captured.out
    assert "left out" in captured.err


def test_a_sync_without_the_package_or_credentials_says_what_is_missing(
    tmp_path, capsys, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    for name in ("WANDB_API_KEY", "NETRC", "WANDB_IDENTITY_TOKEN_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    write_log(tmp_path / "wandb", "good", [run_record("good"), exit_record(0)])
    assert main(["runs.sync"]) == 2
    assert "needs" in capsys.readouterr().err
