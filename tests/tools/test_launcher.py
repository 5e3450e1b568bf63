"""The launcher: which Python, when it installs, what it hands over. Real installations are marked `net`."""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import _env
import pytest

ROOT = Path(__file__).parents[2]
RUN = ROOT / "tools" / "run.py"


def start(*words: str, cwd: Path = ROOT, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {
        k: v
        for k, v in os.environ.items()
        if k not in ("PYTHONPATH", "OMP_NUM_THREADS", "OMP_WAIT_POLICY")
    }
    packages = os.pathsep.join(p for p in sys.path if "site-packages" in p)
    environment |= {"BOOTSTRAP": "off", "PYTHONPATH": packages, **variables}
    return subprocess.run([sys.executable, str(RUN), *words], capture_output=True, text=True, cwd=cwd,
                          env=environment, timeout=120, check=False)  # fmt: skip


@pytest.mark.parametrize("name", ["_env.py", "run.py", "check"])
def test_the_launcher_parses_on_an_old_python(name):
    ast.parse((ROOT / "tools" / name).read_text(), feature_version=(3, 8))


def test_the_launcher_needs_nothing_but_the_standard_library():
    for name in ("_env.py", "_launch.py", "run.py", "check"):
        for node in ast.walk(ast.parse((ROOT / "tools" / name).read_text())):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert {n.split(".")[0] for n in names} <= {*sys.stdlib_module_names, "_env", "_launch"}


def test_an_old_python_is_told_what_is_needed(monkeypatch, capsys):
    monkeypatch.setattr(sys, "version_info", (3, 8, 18))
    monkeypatch.setattr(_env.shutil, "which", lambda name: None)
    with pytest.raises(SystemExit) as error:
        _env.require_python()
    assert error.value.code == 1
    assert "needs Python 3.11, 3.12 or 3.13" in capsys.readouterr().err


def test_an_old_python_continues_in_a_new_one_that_really_runs(monkeypatch, tmp_path):
    shim, real = tmp_path / "python3.13", tmp_path / "python3.12"
    shim.write_text("#!/bin/sh\nexit 127\n")
    real.write_text("#!/bin/sh\necho 12\n")
    for file in (shim, real):
        file.chmod(0o755)
    monkeypatch.setattr(sys, "version_info", (3, 8, 18))
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    called: list[list[str]] = []
    monkeypatch.setattr(
        _env.os, "execv", lambda path, words: called.append([path, *words]) or sys.exit(0)
    )
    with pytest.raises(SystemExit):
        _env.require_python()
    assert called[0][0] == str(real)


def test_extras_are_taken_out_of_the_command_line(monkeypatch):
    monkeypatch.delenv("COGLAB_EXTRAS", raising=False)
    words = ["cogsguard.train", "--with", "wandb,sweep", "run=a"]
    assert _env.take_extras(words) == ["sweep", "wandb"]
    assert words == ["cogsguard.train", "run=a"]
    monkeypatch.setenv("COGLAB_EXTRAS", "envs")
    assert _env.take_extras([]) == ["envs"]
    for wrong in (["--with"], ["--with", "wnadb"]):
        with pytest.raises(SystemExit) as error:
            _env.take_extras(wrong)
        assert error.value.code == 2


def test_every_extra_is_declared_and_pinned():
    project = _env._project()
    pinned = {
        line.split("==")[0].lower()
        for line in (ROOT / "constraints.txt").read_text().splitlines()
        if "==" in line
    }
    assert set(_env.EXTRAS) | {""} == set(project)
    for packages in project.values():
        for package in packages:
            assert package.split(">=")[0].lower() in pinned


def test_an_environment_is_ready_only_while_nothing_changes(tmp_path):
    venv = str(tmp_path)
    assert _env._missing(venv, "abc", ["dev"]) == ["", "dev"]
    (tmp_path / ".stamp").write_text(json.dumps({"fingerprint": "abc", "extras": ["dev"]}))
    assert _env._missing(venv, "abc", ["dev"]) == []
    assert _env._missing(venv, "abc", ["dev", "wandb"]) == ["wandb"]
    assert _env._missing(venv, "abd", ["wandb"]) == ["", "dev", "wandb"]
    (tmp_path / ".stamp").write_text("{")
    assert _env._missing(venv, "abc", []) == [""]


def test_the_fingerprint_changes_with_pins_place_and_dependencies(monkeypatch, tmp_path):
    project = _env._project()
    first = _env._fingerprint(project)
    assert _env._fingerprint(project) == first
    assert _env._fingerprint({**project, "": [*project[""], "more"]}) != first
    shutil.copy(ROOT / "constraints.txt", tmp_path)
    monkeypatch.setattr(_env, "ROOT", str(tmp_path))
    moved = _env._fingerprint(project)
    assert moved != first
    with (tmp_path / "constraints.txt").open("a") as file:
        file.write("extra==1\n")
    assert _env._fingerprint(project) != moved


RACE = """
import os, sys, time, json
sys.path.insert(0, {tools!r})
import _env
def install(venv, project, fingerprint, missing):
    print("installing", flush=True)
    time.sleep(1.0)
    os.makedirs(venv, exist_ok=True)
    with open(os.path.join(venv, ".stamp"), "w") as file:
        json.dump({{"fingerprint": fingerprint, "extras": []}}, file)
_env._install = install
print(_env.environment()[0])
"""


def test_two_starts_at_once_install_once(tmp_path):
    code = RACE.format(tools=str(ROOT / "tools"))
    environment = {**os.environ, "COGLAB_VENV": str(tmp_path / "venv"), "BOOTSTRAP": ""}
    both = [subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, text=True)
            for _ in range(2)]  # fmt: skip
    said = [process.communicate(timeout=60)[0] for process in both]
    assert sum("installing" in text for text in said) == 1
    assert all(str(tmp_path / "venv" / "bin" / "python") in text for text in said)


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").touch()
    done = start("--version", BOOTSTRAP="", COGLAB_VENV=str(tmp_path / "file" / "venv"))
    assert done.returncode == 1
    assert "COGLAB_VENV=" in done.stderr


def test_a_folder_that_somebody_else_made_is_never_emptied(tmp_path):
    (tmp_path / "precious").touch()
    done = start("--version", BOOTSTRAP="", COGLAB_VENV=str(tmp_path))
    assert done.returncode == 1
    assert "was not made by this program" in done.stderr
    assert (tmp_path / "precious").exists()


def test_completion_never_waits_for_an_installation(tmp_path):
    began = time.monotonic()
    done = start(
        "--complete", "bash", "", "run.py cogs", BOOTSTRAP="", COGLAB_VENV=str(tmp_path / "venv")
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert not (tmp_path / "venv").exists()
    assert time.monotonic() - began < 30


def test_the_running_python_is_used_as_it_is_when_asked():
    done = start("--version")
    assert done.returncode == 0
    assert done.stdout.startswith("coglab ")


def test_modules_of_the_folder_where_it_is_typed_are_found_and_hide_nothing(tmp_path):
    (tmp_path / "random.py").write_text("raise SystemExit('the wrong random')\n")
    (tmp_path / "mine.py").write_text(
        "import os\nfrom coglab.tools.base import Tool\n"
        "class ShowTool(Tool):\n"
        "    def run(self):\n"
        "        print(os.environ['OMP_NUM_THREADS'], os.environ['OMP_WAIT_POLICY'])\n"
        "        return 7\n"
    )
    done = start("mine.ShowTool", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (7, "1 PASSIVE\n"), done.stderr
    assert start("mine.ShowTool", cwd=tmp_path, OMP_NUM_THREADS="2").stdout == "2 PASSIVE\n"


def test_the_closing_line_of_pytest_is_the_last_line_of_a_check():
    environment = {**os.environ, "BOOTSTRAP": "off"}
    command = [
        sys.executable,
        str(ROOT / "tools" / "check"),
        "tests/tools/test_evaluate_tool.py",
        "-q",
    ]
    done = subprocess.run(
        [*command, "-p", "no:cacheprovider"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0
    assert "passed in" in done.stdout.splitlines()[-1]
    done = subprocess.run(
        [*command, "-k", "nothing_is_called_so"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1


@pytest.mark.net
@pytest.mark.slow
def test_a_bare_clone_installs_and_runs(tmp_path):
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", str(ROOT), str(clone)], check=True)
    environment = {
        k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "COGLAB_VENV", "BOOTSTRAP")
    }
    environment |= {
        "PIP_CACHE_DIR": str(tmp_path / "pip"),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
    }
    command = [str(clone / "tools" / "run.py"), "cogsguard.train", "run=a", "--dry-run"]
    both = [
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    said = [process.communicate(timeout=900)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert all("resolves and fits" in text for text in said)
    done = subprocess.run(
        [*command, "-v"], env=environment, capture_output=True, text=True, check=True
    )
    assert "[setup]" not in done.stderr
