"""The commands and the configuration block that must work as they are written, walked word by word."""

# ruff: noqa: E501  (commands stand here as they are written elsewhere)

from __future__ import annotations

import shlex

import pytest

from coglab.games.cogsguard.config import CogsGuardConfig
from coglab.games.cogsguard.missions import resolve_max_steps
from coglab.tracking.names import find_metric
from coglab.tracking.run_view import WATCHED
from tests.cli.helpers import Shell

CLONER = "trainer.losses.sliced_scripted_cloner"
URI = "training_env.supervisor_policy_uri"

COMMANDS = [
    (
        r"""
./tools/run.py recipes.experiment.cogsguard.train \
    run=relh-cogsguard-bc-001 \
    'teacher={mode: sliced_cloner, policy_uri: "metta://policy/cogsguard?gear=10", teacher_led_proportion: 0.5, student_led_proportion: 0.5}' \
    trainer.total_timesteps=5_000_000_000 \
    trainer.batch_size=2097152
""",
        {
            "run": "relh-cogsguard-bc-001",
            "trainer.total_timesteps": "5_000_000_000",
            "trainer.batch_size": "2_097_152",
            URI: "metta://policy/cogsguard?gear=10",
            f"{CLONER}.enabled": "true",
            f"{CLONER}.teacher_led_proportion": "0.5",
            f"{CLONER}.student_led_proportion": "0.5",
            f"{CLONER}.steps": "1_000_000_000",
        },
    ),
    (
        r"""
./tools/run.py recipes.experiment.cogsguard.train \
    run=relh-cogsguard-bc-002 \
    'teacher={mode: sliced_cloner, policy_uri: "metta://policy/teacher", teacher_led_proportion: 0.5}' \
    trainer.total_timesteps=5_000_000_000
""",
        {
            "run": "relh-cogsguard-bc-002",
            "trainer.total_timesteps": "5_000_000_000",
            URI: "metta://policy/teacher",
            f"{CLONER}.enabled": "true",
            f"{CLONER}.teacher_led_proportion": "0.5",
            f"{CLONER}.steps": "1_000_000_000",
        },
    ),
    (
        r"""
./tools/run.py recipes.experiment.cogsguard.train \
    run=relh-cogsguard-ppo-001 \
    trainer.total_timesteps=10_000_000_000
""",
        {"run": "relh-cogsguard-ppo-001"},
    ),
    (
        r"""
./tools/run.py recipes.experiment.cogsguard.train \
    run=relh-cogsguard-miner-001 \
    'teacher={mode: sliced_cloner, policy_uri: "metta://policy/miner", teacher_led_proportion: 0.7}' \
    trainer.total_timesteps=2_000_000_000
""",
        {
            "run": "relh-cogsguard-miner-001",
            "trainer.total_timesteps": "2_000_000_000",
            URI: "metta://policy/miner",
            f"{CLONER}.enabled": "true",
            f"{CLONER}.teacher_led_proportion": "0.7",
            f"{CLONER}.steps": "400_000_000",
        },
    ),
    (
        r"""
./tools/run.py recipes.experiment.machina1_cloner.train run=dinky-001 \
    'teacher={mode: sliced_cloner, policy_uri: "metta://policy/dinky:v15", teacher_led_proportion: 0.5, student_led_proportion: 0.5}' \
    trainer.total_timesteps=20_001_317_888 trainer.batch_size=2097152
""",
        {
            "run": "dinky-001",
            "trainer.total_timesteps": "20_001_317_888",
            "trainer.batch_size": "2_097_152",
            URI: "metta://policy/dinky:v15",
            f"{CLONER}.enabled": "true",
            f"{CLONER}.teacher_led_proportion": "0.5",
            f"{CLONER}.student_led_proportion": "0.5",
            f"{CLONER}.steps": "11_000_724_838",  # 55 %, its cloning and its anneal
            f"{CLONER}.anneal_start_step": "5_000_329_472",
            "policy_architecture.kind": "vit",
            "training_env.game.kind": "machina1",
        },
    ),
]

MACHINA1 = {
    "training_env.game.num_agents", "training_env.game.max_steps", "policy_architecture.size",
    "trainer.advantage.gamma", "trainer.advantage.reward_scale", f"{CLONER}.default_phase", f"{CLONER}.default_hold",
}  # fmt: skip
"""What differs from CogsGuard's defaults because the game is another."""

BLOCK = """
trainer:
  total_timesteps: 20_000_000_000
  batch_size: 2097152
  losses:
    ppo_actor: {enabled: true, ent_coef: 0.01, norm_adv: true, clip_coef: 0.22}
    ppo_critic: {enabled: true, vf_coef: 0.50, critic_update: gtd_lambda}
    sliced_scripted_cloner: {enabled: true, action_loss_coef: 1, student_led_proportion: 0.5, teacher_led_proportion: 0.5}
training_env:
  supervisor_policy_uri: 'metta://policy/dinky:v15'    # for CogsGuard: metta://policy/cogsguard?gear=10
"""

BLOCK_VALUES = {
    "trainer.total_timesteps": "20_000_000_000",
    "trainer.batch_size": "2_097_152",
    "trainer.losses.ppo_actor.enabled": "true",
    "trainer.losses.ppo_actor.ent_coef": "0.01",
    "trainer.losses.ppo_actor.norm_adv": "true",
    "trainer.losses.ppo_actor.clip_coef": "0.22",
    "trainer.losses.ppo_critic.enabled": "true",
    "trainer.losses.ppo_critic.vf_coef": "0.5",
    "trainer.losses.ppo_critic.critic_update": "gtd_lambda",
    f"{CLONER}.enabled": "true",
    f"{CLONER}.action_loss_coef": "1.0",
    f"{CLONER}.student_led_proportion": "0.5",
    f"{CLONER}.teacher_led_proportion": "0.5",
    URI: "metta://policy/dinky:v15",
}


@pytest.fixture
def shell(capsys):
    return Shell(capsys)


def words_of(command: str) -> list[str]:
    return shlex.split(command.replace("\\\n", " "))[1:]


@pytest.mark.parametrize(("command", "values"), COMMANDS)
def test_a_command_resolves_to_exactly_what_is_written(shell, command, values):
    done = shell(*words_of(command), "--dry-run", "--show")
    assert done.code == 0, done.err
    shown = done.values()
    assert {key: shown[key] for key in values} == values
    # Nothing else departs from the defaults.
    assert done.marked() - set(values) - MACHINA1 == set()


@pytest.mark.parametrize(
    ("target", "uri", "steps"),
    [
        ("cogsguard.train", "metta://policy/cogsguard?gear=10", "4_000_000_000"),
        ("machina1_cloner.train", "metta://policy/dinky:v15", "11_000_000_000"),
    ],
)
def test_the_block_is_a_configuration_file_as_it_is(shell, tmp_path, target, uri, steps):
    file = tmp_path / "block.yaml"
    file.write_text(BLOCK.replace("'metta://policy/dinky:v15'", f"'{uri}'"))
    done = shell(target, "--config", str(file), "run=a", "--dry-run", "--show")
    assert done.code == 0, done.err
    shown = done.values()
    values = {**BLOCK_VALUES, URI: uri}
    assert {key: shown[key] for key in values} == values
    assert shown[f"{CLONER}.steps"] == steps


def test_the_block_and_the_one_line_teacher_are_two_spellings(shell, tmp_path):
    file = tmp_path / "block.yaml"
    file.write_text(BLOCK)
    teacher = (
        "teacher={mode: sliced_cloner, policy_uri: metta://policy/dinky:v15, "
        "teacher_led_proportion: 0.5, student_led_proportion: 0.5}"
    )
    one = shell("machina1_cloner.train", f"--config={file}", "run=a", "--show")
    other = shell("machina1_cloner.train", teacher, "trainer.total_timesteps=20_000_000_000",
                  "trainer.batch_size=2097152", "run=a", "--show")  # fmt: skip
    assert one.values() == other.values()
    both = shell("machina1_cloner.train", f"--config={file}", teacher, "run=a", "--show")
    assert both.values() == one.values()


def test_a_block_and_a_teacher_that_disagree_are_both_shown(shell, tmp_path):
    file = tmp_path / "block.yaml"
    file.write_text(BLOCK)
    done = shell(
        "cogsguard.train", f"--config={file}", "teacher={policy_uri: metta://policy/miner}", "run=a"
    )
    assert done.code == 2
    assert "metta://policy/miner" in done.err
    assert "metta://policy/dinky:v15" in done.err


def test_a_recipes_teacher_yields_to_the_users_in_either_spelling(shell):
    other = "metta://policy/dinky:v15?style=quartet"
    for argument in (f'teacher={{policy_uri: "{other}"}}', f"{URI}={other}"):
        done = shell("machina1_cloner.train", argument, "run=a", "--show")
        assert done.code == 0, done.err
        assert done.values()[URI] == other
    done = shell("machina1_cloner.train", "teacher=null", "run=a", "--show")
    assert done.code == 0, done.err
    assert done.values()[f"{CLONER}.enabled"] == "false"
    done = shell("machina1_cloner.train", "teacher.teacher_led_proportion=0.3",
                 "teacher.student_led_proportion=0.7", "run=a", "--show")  # fmt: skip
    assert done.values()[f"{CLONER}.teacher_led_proportion"] == "0.3"


@pytest.mark.parametrize(
    ("arguments", "path", "value"),
    [
        (["mission=machina_1"], "training_env.game.mission", "machina_1"),
        (["num_agents=8"], "training_env.game.num_agents", "8"),
        (["rules=2026-01-24"], "training_env.game.rules", "2026-01-24"),
        (["max_steps=500"], "training_env.game.max_steps", "500"),
        (["seed=7"], "system.seed", "7"),
        (["reward_variants=[credit]"], "training_env.game.reward_variants", "[credit]"),
        (["policy_architecture=fast"], "policy_architecture.kind", "fast"),
        (
            ["policy_architecture={kind: fast, table_width: 64}"],
            "policy_architecture.table_width",
            "64",
        ),
        (["policy_architecture.kind=vit"], "policy_architecture.kind", "vit"),
        (
            ["initial_policy_uri=metta://policy/other:latest"],
            "initial_policy_uri",
            "metta://policy/other:latest",
        ),
        (["wandb.entity=us", "wandb.project=cogs"], "wandb.project", "cogs"),
        (["system={device: cpu}"], "system.device", "cpu"),
    ],
)
def test_one_word_changes_one_thing(shell, arguments, path, value):
    done = shell("cogsguard.train", *arguments, "run=a", "--show", "--dry-run")
    assert done.code == 0, done.err
    assert done.values()[path] == value


@pytest.mark.parametrize(
    "uri",
    ["cogsguard?gear=10", "cogsguard", "cogsguard?miner=4&scrambler=2&gear=1", "teacher", "miner", "scout", "aligner",
     "scrambler", "dinky:v15", "dinky:v15?style=quartet"],
)  # fmt: skip
def test_every_teacher_resolves(shell, uri):
    recipe = "machina1_cloner.train" if uri.startswith("dinky") else "cogsguard.train"
    for spelling in (f"teacher.policy_uri=metta://policy/{uri}", f'teacher={{policy_uri: "metta://policy/{uri}"}}',
                     f"teacher={{policy_uri: metta://policy/{uri}}}"):  # fmt: skip
        done = shell(recipe, spelling, "run=a", "--show")
        assert done.code == 0, done.err
        assert done.values()[URI] == f"metta://policy/{uri}"


def test_evaluate_takes_a_list_of_policies(shell):
    done = shell("recipes.experiment.cogsguard.evaluate",
                 'policy_uris=[metta://policy/first:latest, "metta://policy/cogsguard?gear=10", file:///tmp/x]',
                 "maps=64", "--show", "--dry-run")  # fmt: skip
    assert done.code == 0, done.err
    assert done.values()["evaluation.maps"] == "64"
    assert "metta://policy/first:latest" in done.values()["policy_uris"]


@pytest.mark.parametrize(
    ("name", "better", "below"),
    [
        ("env_agent/heart.gained", "higher", None),
        ("env_collective/cogs/aligned.junction.held", "higher", None),
        ("overview/reward", "higher", None),
        ("losses/approx_kl", "lower", 0.03),
    ],
)
def test_the_metrics_that_a_user_watches_are_judged_as_written(name, better, below):
    metric = find_metric(name)
    assert metric is not None
    assert (metric.better, metric.below) == (better, below)
    assert name in WATCHED


def test_what_is_left_out_has_the_default_that_is_written(shell):
    shown = shell(
        "cogsguard.train", "run=a", "teacher.policy_uri=metta://policy/miner", "--show"
    ).values()
    expected = {
        "training_env.game.kind": "cogsguard",
        "training_env.game.mission": "arena",
        "training_env.game.num_agents": "10",
        "training_env.game.rules": "2026-02-01",
        f"{CLONER}.teacher_led_proportion": "0.2",
        f"{CLONER}.student_led_proportion": "0.0",
        "trainer.losses.ppo_actor.restrict_to_ppo_slice": "false",
        "policy_architecture.kind": "auto",
        "trainer.batch_size": "auto",
        "trainer.minibatch_size": "auto",
        "training_env.num_envs": "auto",
    }  # fmt: skip
    assert {key: shown.get(key) for key in expected} == expected
    assert resolve_max_steps(CogsGuardConfig(mission="arena")) == 1_000
    assert resolve_max_steps(CogsGuardConfig(mission="machina_1")) == 10_000


@pytest.mark.parametrize(
    "uri",
    ["metta://policy/relh-001", "metta://policy/relh-001:v3", "metta://policy/relh-001:latest", "file:///runs/relh-001"],
)  # fmt: skip
def test_every_form_of_a_learned_policys_uri_is_taken(shell, uri):
    done = shell("cogsguard.evaluate", f"policy_uris=[{uri}]", "--show", "--dry-run")
    assert done.code == 0, done.err
    assert uri in done.values()["policy_uris"]
