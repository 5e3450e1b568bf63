"""What a shell is told, and that its script works in a real shell where there is one."""

from __future__ import annotations

import shutil
import stat
import subprocess
import sys

import pytest

from coglab.cli.completion import candidates, script
from coglab.config.errors import UserError


def found(*words: str) -> set[str]:
    return set(candidates(words[:-1], words[-1]))


def test_targets_options_and_tools_come_first():
    assert "cogsguard.train " in found("")
    assert found("cogsguard.tr") == {"cogsguard.train "}
    assert found("recipes.experiment.cogsguard.e") == {"recipes.experiment.cogsguard.evaluate "}
    assert "--dry-run " in found("--d")
    assert found("train", "cogs") == {"cogsguard "}


def test_keys_nest_and_parameters_are_among_them():
    assert "mission=" in found("cogsguard.train", "m")
    assert "trainer." in found("cogsguard.train", "tr")
    assert found("cogsguard.train", "trainer.losses.ppo_a") == {"trainer.losses.ppo_actor."}
    assert "trainer.losses.ppo_actor.ent_coef=" in found(
        "train", "cogsguard", "trainer.losses.ppo_actor."
    )
    assert found("cogsguard.train", "no.such.") == set()


def test_values_are_offered_where_there_are_few():
    assert found("cogsguard.train", "rules=") == {"rules=2026-02-01 ", "rules=2026-01-24 "}
    assert found("cogsguard.train", "system.device=c") == {
        "system.device=cpu ",
        "system.device=cuda ",
    }
    assert "trainer.losses.ppo_actor.enabled=true " in found(
        "cogsguard.train", "trainer.losses.ppo_actor.enabled="
    )


def test_files_and_shells_follow_their_options(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.yaml").touch()
    (tmp_path / "sub").mkdir()
    assert found("cogsguard.train", "--config", "") == {"a.yaml ", "sub/"}
    assert found("--completion", "") == {"bash", "zsh", "fish"}


@pytest.mark.parametrize(
    "line", ["", "run.py", "run.py ' ", "run.py x y z", "run.py nothing.here a", "\x00"]
)
def test_completion_never_fails(shell, line):
    done = shell("--complete", "bash", "=:", line)
    assert done.code == 0
    assert not done.err
    assert shell("--complete").code == 0


def test_words_are_cut_where_the_shell_breaks_them(shell):
    assert shell("--complete", "bash", " =:", "run.py cogsguard.train rules=2026-0").out.split(
        "\n"
    )[:-1] == [
        "2026-01-24 ",
        "2026-02-01 ",
    ]


@pytest.fixture
def program(tmp_path):
    file = tmp_path / "run.py"
    paths = [path for path in sys.path if path]
    file.write_text(
        f"#!{sys.executable}\nimport sys\nsys.path[:0] = {paths!r}\n"
        "from coglab.cli import main\nsys.exit(main())\n"
    )
    file.chmod(file.stat().st_mode | stat.S_IXUSR)
    return file


def run_in(shell_name: str, code: str) -> str:
    path = shutil.which(shell_name)
    if path is None:
        pytest.skip(f"{shell_name} is not installed")
    command = [path, "-f", "-c", code] if shell_name == "zsh" else [path, "-c", code]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout


def test_bash_completes_with_the_script(program):
    code = f"""
{script("bash")}
COMP_LINE="{program} cogsguard.train trainer.losses.ppo_c"
COMP_POINT=${{#COMP_LINE}}
COMP_WORDS=({program} cogsguard.train trainer.losses.ppo_c)
COMP_CWORD=2
_coglab_run
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
    assert run_in("bash", code).split() == ["trainer.losses.ppo_critic."]


def test_fish_completes_with_the_script(program):
    code = f"{script('fish')}\ncomplete -C '{program} cogsguard.train trainer.losses.ppo_c'"
    assert "trainer.losses.ppo_critic." in run_in("fish", code)


def test_zsh_accepts_the_script(program):
    code = f"autoload -Uz compinit; compinit -u -D\n{script('zsh')}\necho ${{_comps[run.py]}}"
    assert run_in("zsh", code).strip() == "_coglab_run"


def test_scripts_are_printed(shell):
    for name in ("bash", "zsh", "fish"):
        assert "--complete " + name in shell("--completion", name).out


def test_errors_are_user_errors(shell):
    assert shell("--completion", "tcsh").code == 2
    assert issubclass(UserError, Exception)
