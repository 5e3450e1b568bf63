"""Options, exit codes, origins, errors."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

FAILING = """
import os, signal
from coglab.config import UserError
from coglab.tools.base import Tool

class FailTool(Tool):
    how: str = "ok"
    def run(self) -> int:
        if self.how == "user":
            raise UserError("mend this")
        if self.how == "bug":
            raise RuntimeError("not expected")
        if self.how == "interrupt":
            raise KeyboardInterrupt
        if self.how == "terminate":
            os.kill(os.getpid(), signal.SIGTERM)
            import time
            time.sleep(5)
        return int(self.how == "fail")
"""


@pytest.mark.parametrize(
    ("how", "code"),
    [("ok", 0), ("fail", 1), ("bug", 1), ("user", 2), ("interrupt", 130), ("terminate", 143)],
)
def test_exit_codes(shell, module, how, code):
    module("failing", FAILING)
    before = signal.getsignal(signal.SIGTERM)
    done = shell("failing.FailTool", f"how={how}")
    assert done.code == code
    assert ("error: mend this" in done.err) == (how == "user")
    assert ("Traceback" in done.err) == (how == "bug")
    assert signal.getsignal(signal.SIGTERM) == before


def test_verbose_shows_where_arguments_go_and_tracebacks(shell, module):
    module("failing", FAILING)
    assert "Traceback" in shell("failing.FailTool", "how=user", "-v").err
    done = shell(
        "-v", "cogsguard.train", "seed=3", "trainer.batch_size=40960", "run=a", "--dry-run"
    )
    assert "seed=3: parameter of cogsguard.train" in done.err
    assert "trainer.batch_size=40960: command line" in done.err


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["--dryrun"], "Did you mean `--dry-run`?"),
        (["--hlep"], "Did you mean `--help`?"),
        (["-x"], "unknown option `-x`"),
        (["--trainer.batch_size=5"], "without dashes: `trainer.batch_size=5`"),
        (["--list=5"], "takes no value"),
        (["--config"], "needs a file"),
        (["--config", "--show"], "needs a file"),
        (["--config=/no/such/file.yaml"], "/no/such/file.yaml"),
        (["--completion", "bsh"], "Did you mean `bash`?"),
        (["foo"], "`foo` is not of the form `key=value`"),
        (["run=a", "run=b"], "given twice"),
        (["--", "--dry-run"], "not of the form"),
    ],
)
def test_wrong_options_cost_nothing_but_a_line(shell, words, part):
    done = shell("cogsguard.train", *words)
    assert done.code == 2
    assert part in done.err
    assert "Traceback" not in done.err


def test_version_and_usage(shell):
    assert shell("--version").out.startswith("coglab ")
    assert "key=value" in shell("--help").out
    assert shell("--help").code == 0


def test_help_of_a_recipe_names_parameters_settings_and_their_texts(shell):
    done = shell("cogsguard.train", "--help")
    assert done.code == 0
    for part in (
        "Parameters of the recipe",
        "mission  (text; default arena)",
        "agents per game.",
        "trainer.losses.ppo_actor.ent_coef  (a number of at least 0; default 0.01)",
        "Weight of the entropy bonus.",
        "policy_architecture.cortex.pattern",
        "with kind: fast",
        "run=first",
    ):
        assert part in done.out


def test_help_of_a_part(shell):
    done = shell("cogsguard.train", "--help", "trainer.optimizer")
    assert "trainer.optimizer.learning_rate" in done.out
    assert "trainer.losses" not in done.out
    done = shell("cogsguard.train", "--help", "trainer.optimiser")
    assert done.code == 2
    assert "Did you mean `trainer.optimizer`?" in done.err


def test_origins_are_told_and_departures_marked(shell, tmp_path):
    file = tmp_path / "a.yaml"
    file.write_text("trainer: {batch_size: 40960, update_epochs: 2}\nmission: machina_1\n")
    done = shell("cogsguard.train", "--show", "--config", str(file), "run=a", "seed=3",
                 "trainer.update_epochs=3", "trainer.total_timesteps=10_000_000_000",
                 "teacher={policy_uri: metta://policy/miner}")  # fmt: skip
    assert done.code == 0
    assert done.origin("trainer.batch_size") == f"{file} (default auto)"
    assert done.origin("trainer.update_epochs") == "command line (default 1)"
    assert done.origin("trainer.total_timesteps") == "command line"
    assert done.origin("trainer.losses.sliced_scripted_cloner.steps").startswith("derived")
    assert done.origin("trainer.losses.sliced_scripted_cloner.enabled").startswith("derived")
    assert done.origin("training_env.supervisor_policy_uri").startswith("command line")
    assert done.origin("training_env.game.mission").split(" (")[0] in (
        f"{file}, command line",
        str(file),
    )
    assert done.origin("system.seed").endswith("command line (default 1)")
    assert done.origin("trainer.optimizer.beta1") == "default"
    assert "trainer.batch_size" in done.marked()
    assert "trainer.total_timesteps" not in done.marked()
    done = shell("machina1_cloner.train", "--show", "run=a")
    assert done.origin("policy_architecture.kind") == "recipe (default auto)"
    assert done.origin("training_env.supervisor_policy_uri") == "recipe (default null)"


def test_the_command_line_wins_over_files_and_later_files_over_earlier(shell, tmp_path):
    for name, epochs in (("a.yaml", 2), ("b.yaml", 3)):
        (tmp_path / name).write_text(
            f"trainer.update_epochs: {epochs}\ntrainer: {{bptt_horizon: 32}}\n"
        )
    files = ["--config", str(tmp_path / "a.yaml"), f"--config={tmp_path / 'b.yaml'}"]
    assert (
        shell("cogsguard.train", "--show", "run=a", *files).values()["trainer.update_epochs"] == "3"
    )
    done = shell("cogsguard.train", "--show", "run=a", *files, "trainer.update_epochs=4")
    assert done.values()["trainer.update_epochs"] == "4"
    assert done.values()["trainer.bptt_horizon"] == "32"


def test_an_error_in_a_file_names_the_file(shell, tmp_path):
    file = tmp_path / "a.yaml"
    file.write_text("trainer:\n  total_timestep: 5\n")
    done = shell("cogsguard.train", "--dry-run", f"--config={file}")
    assert done.code == 2
    assert str(file) in done.err
    assert "`trainer.total_timesteps`" in done.err


def test_a_parameter_and_a_setting_that_disagree_are_both_shown(shell):
    done = shell("cogsguard.train", "--dry-run", "seed=3", "system.seed=4")
    assert done.code == 2
    assert "system.seed=4" in done.err
    assert "seed=3" in done.err
    assert shell("cogsguard.train", "--dry-run", "run=a", "seed=3", "system.seed=3").code == 0


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (["num_agent=3"], ["`num_agent`", "`num_agents`"]),
        (["num_agents=300"], ["at most 64"]),
        (["num_agents=ten"], ["`ten` given", "a whole number"]),
        (["rules=2026-01-25"], ["`2026-02-01`, `2026-01-24`"]),
        (["mission=aren"], ["Did you mean `arena`?"]),
        (["mission=no/such.map"], ["there is no such file"]),
        (["policy_architecture=vti"], ["Did you mean `vit`?"]),
        (["reward_variants=[milestone]"], ["Did you mean `milestones`?"]),
        (["trainer.total_timestep=5"], ["Did you mean `trainer.total_timesteps`?"]),
        (["total_timesteps=5"], ["Did you mean `trainer.total_timesteps`?"]),
        (["trainer.total_timesteps=lots"], ["`lots` given", "a whole number", "10_000_000_000"]),
        (
            ["teacher={mode: sliced_clone, policy_uri: metta://policy/miner}"],
            ["Did you mean `sliced_cloner`?"],
        ),
        (["teacher={polcy_uri: metta://policy/miner}"], ["Did you mean `teacher.policy_uri`?"]),
        (["teacher=metta://policy/miner"], ["`teacher`", "a map"]),
        (["teacher={policy_uri: metta://policy/minr}"], ["Did you mean `miner`?"]),
        (["teacher={policy_uri: metta://policy/cogsguard?gaer=10}"], ["Did you mean `gear`?"]),
        (["run=../x"], ["`run=../x`", "run=x"]),
        (["run=random"], ["is a policy's name"]),
        (["initial_policy_uri=foo"], ["no policy URI"]),
        (
            ["trainer.batch_size=2097152", "trainer.minibatch_size=5000"],
            ["2097152", "5000", "4096"],
        ),
        (
            ["trainer.losses.sliced_scripted_cloner.enabled=true"],
            ["needs a teacher", "metta://policy/cogsguard"],
        ),
        (
            ["training_env.supervisor_policy_uri=metta://policy/miner"],
            ["nothing would use it", "teacher={"],
        ),
    ],
)
def test_wrong_inputs_say_what_would_work(shell, words, parts):
    done = shell("cogsguard.train", "--dry-run", *words)
    assert done.code == 2
    for part in parts:
        assert part in done.err
    assert "Traceback" not in done.err
    assert not done.out


@pytest.mark.parametrize(
    ("recipe", "teacher", "parts"),
    [
        ("cogsguard", "dinky:v15", ["plays machina1", "cogsguard?gear=10"]),
        ("machina1_cloner", "miner", ["plays cogsguard", "dinky:v15"]),
        ("machina1_cloner", "dinky:v16", ["v15"]),
        ("machina1_cloner", "dinky:v15?style=solos", ["solo"]),
    ],
)
def test_teachers_of_another_game_or_version_are_refused(shell, recipe, teacher, parts):
    uri = f"teacher={{policy_uri: 'metta://policy/{teacher}'}}"
    done = shell(f"{recipe}.train", "run=a", uri, "--dry-run")
    assert done.code == 2
    for part in parts:
        assert part in done.err


@pytest.mark.parametrize("tool", ["evaluate", "replay", "play"])
@pytest.mark.parametrize(
    ("recipe", "policy", "parts"),
    [
        ("cogsguard", "dinky:v15", ["plays machina1", "machina1_cloner"]),
        ("machina1_cloner", "cogsguard?gear=10", ["plays cogsguard", "dinky:v15"]),
    ],
)
def test_scripted_policies_of_another_game_are_refused(shell, tool, recipe, policy, parts):
    done = shell(f"{recipe}.{tool}", f"policy_uris=metta://policy/{policy}", "--dry-run")
    assert done.code == 2
    for part in parts:
        assert part in done.err
    assert "Traceback" not in done.err


def test_answers_come_without_torch_or_numba():
    code = """
import sys
from coglab.cli import main
assert main(["--list"]) == 0
assert main(["cogsguard.train", "--help"]) == 0
assert main(["cogsguard.train", "run=a", "--dry-run", "--show",
             "teacher={policy_uri: metta://policy/cogsguard?gear=10}"]) == 0
assert main(["cogsguard.evaluate", "policy_uris=[metta://policy/a:latest]", "--dry-run"]) == 0
assert main(["machina1_cloner.train", "--help"]) == 0
assert main(["machina1_cloner.train", "run=a", "--dry-run", "--show"]) == 0
assert main(["machina1_cloner.evaluate", "policy_uris=metta://policy/dinky:v15", "--dry-run"]) == 0
assert main(["cogsguard.train", "foo=bar"]) == 2
assert main(["--complete", "bash", "", "run.py cogsguard.train tr"]) == 0
heavy = {"torch", "numba", "matplotlib", "wandb", "rich"} & set(sys.modules)
assert not heavy, heavy
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
