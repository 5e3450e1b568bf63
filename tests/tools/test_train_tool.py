"""Two spellings of one teacher plan, run names, resolution, saved configurations."""

from __future__ import annotations

import json

import pytest

from coglab.cli import targets
from coglab.cli.assemble import assemble
from coglab.config import UserError, build
from coglab.config.layers import merge, read_arguments
from coglab.config.values import read_file
from coglab.tools.train import TrainTool
from recipes.experiment import cogsguard, machina1_cloner

CLONER = "trainer.losses.sliced_scripted_cloner"
URI = "training_env.supervisor_policy_uri"
PLAN = '{mode: sliced_cloner, policy_uri: "metta://policy/cogsguard?gear=10", teacher_led_proportion: 0.5}'


def resolve(*arguments: str, base: TrainTool | None = None) -> TrainTool:
    tree = TrainTool.canonical(read_arguments(["run=a", *arguments]))
    below = TrainTool.canonical(
        {} if base is None else {k: v for k, v in base.dump().items() if v is not None}
    )
    return build(TrainTool, merge(below, tree)).resolve()


def test_both_spellings_resolve_to_the_same_tool():
    one = resolve(f"teacher={PLAN}", "trainer.total_timesteps=5_000_000_000")
    other = resolve(
        f"{CLONER}={{enabled: true, teacher_led_proportion: 0.5}}",
        f"{URI}=metta://policy/cogsguard?gear=10",
        "trainer.total_timesteps=5e9",
    )
    assert one == other
    assert one.teacher is None
    cloner = one.trainer.losses.sliced_scripted_cloner
    assert cloner.enabled
    assert (cloner.teacher_led_proportion, cloner.student_led_proportion) == (0.5, 0.0)
    assert cloner.steps == 1_000_000_000
    assert one.training_env.supervisor_policy_uri == "metta://policy/cogsguard?gear=10"


def test_every_key_of_teacher_has_its_place():
    tool = resolve(
        "teacher={policy_uri: metta://policy/miner, teacher_led_proportion: .25, student_led_proportion: 5e-1, "
        "steps: 1e6, anneal_start_step: 1_000, action_loss_coef: 2}"
    )
    cloner = tool.trainer.losses.sliced_scripted_cloner
    assert cloner.model_dump() == {
        "enabled": True,
        "action_loss_coef": 2.0,
        "student_led_proportion": 0.5,
        "teacher_led_proportion": 0.25,
        "steps": 1_000_000,
        "anneal_start_step": 1000,
        "default_phase": 0.2,
        "default_hold": 0.0,
        "anneal": True,
        "slice_unit": "agent",
    }


@pytest.mark.parametrize(
    ("total", "hold", "stay"),
    [
        (
            20_000_000,
            12_000_000,
            16_000_000,
        ),  # four fifths of a short run, falling in the last quarter
        (100_000_000, 30_000_000, 40_000_000),
        (200_000_000, 0, 40_000_000),  # from here on a fifth, falling from the start
        (5_000_000_000, 0, 1_000_000_000),
    ],
)
def test_a_teacher_stays_a_fifth_of_a_run_but_long_enough_to_teach(total, hold, stay):
    loss = resolve(f"teacher={PLAN}", f"trainer.total_timesteps={total}").trainer.losses
    cloner = loss.sliced_scripted_cloner
    assert (cloner.anneal_start_step, cloner.steps) == (hold, stay)
    for start in (0, 5):
        words = (f"teacher={PLAN}", f"teacher.anneal_start_step={start}")
        typed = resolve(*words, f"trainer.total_timesteps={total}").trainer.losses
        typed = typed.sliced_scripted_cloner
        assert (typed.anneal_start_step, typed.steps) == (start, stay)


def test_every_mode_resolves_into_the_losses_that_it_uses():
    run = "metta://policy/old:latest"
    for mode, uri, used, ppo in (
        ("sliced_cloner", "metta://policy/miner", "sliced_scripted_cloner", True),
        ("sliced_cloner_no_ppo", "metta://policy/miner", "sliced_scripted_cloner", False),
        ("supervisor", "metta://policy/miner", "sliced_scripted_cloner", False),
        ("sliced_cloner", run, "sliced_scripted_cloner", True),
        ("kickstarter", run, "kickstarter", True),
        ("eer_kickstarter", run, "eer_kickstarter", True),
        ("eer_cloner", "metta://policy/miner", "eer_cloner", True),
    ):
        tool = resolve(
            f"teacher={{mode: {mode}, policy_uri: {uri}}}", "trainer.total_timesteps=1e6"
        )
        losses = tool.trainer.losses
        enabled = {name for name, loss in losses if loss.enabled}
        assert enabled == {used, *(("ppo_actor", "ppo_critic") if ppo else ())}, mode
        steps = {"supervisor": None, "sliced_cloner_no_ppo": 1_000_000, "sliced_cloner": 800_000}
        assert getattr(losses, used).steps == steps.get(mode, 200_000)
        distils = used != "sliced_scripted_cloner"
        assert losses.ppo_actor.coef_with_teacher == (1.0 if distils else 0.1)
        assert tool.resolve() == tool
        if distils:
            assert used in tool.plan()[-1]


def test_a_supervisor_scores_every_row_and_never_leaves():
    tool = resolve(
        "teacher={mode: supervisor, policy_uri: metta://policy/miner, teacher_led_proportion: 0.3}"
    )
    cloner = tool.trainer.losses.sliced_scripted_cloner
    assert (cloner.teacher_led_proportion, cloner.student_led_proportion) == (0.3, 0.7)
    assert not cloner.anneal


def test_a_mode_takes_the_place_of_the_recipes():
    base = cogsguard.train()
    with_teacher = resolve("teacher={policy_uri: metta://policy/miner}", base=base)
    tool = resolve("teacher={mode: eer_cloner, reward_coef: 0.5}", base=with_teacher)
    assert not tool.trainer.losses.sliced_scripted_cloner.enabled
    assert tool.trainer.losses.eer_cloner.reward_coef == 0.5
    assert tool.training_env.supervisor_policy_uri == "metta://policy/miner"
    kept = resolve(
        "teacher={mode: eer_cloner, policy_uri: metta://policy/miner}",
        "trainer.losses.ppo_actor.coef_with_teacher=0.3",
    )
    assert kept.trainer.losses.ppo_actor.coef_with_teacher == 0.3


def test_shares_that_are_left_out_are_a_fifth_and_nothing():
    cloner = resolve(
        "teacher={policy_uri: metta://policy/miner}"
    ).trainer.losses.sliced_scripted_cloner
    assert (cloner.teacher_led_proportion, cloner.student_led_proportion) == (0.2, 0.0)


def test_no_teacher_means_pure_ppo():
    tool = resolve()
    assert not tool.trainer.losses.sliced_scripted_cloner.enabled
    assert tool.trainer.losses.sliced_scripted_cloner.steps is None
    assert tool.training_env.supervisor_policy_uri is None
    assert "pure PPO" in tool.plan()[-1]


def test_spellings_that_agree_may_both_be_given():
    tool = resolve(
        f"teacher={PLAN}", f"{CLONER}.teacher_led_proportion=5e-1", f"{CLONER}.enabled=on"
    )
    assert tool == resolve(f"teacher={PLAN}")


@pytest.mark.parametrize(
    ("argument", "parts"),
    [
        (f"{CLONER}.teacher_led_proportion=0.3", ["teacher.teacher_led_proportion=0.5",
         f"{CLONER}.teacher_led_proportion=0.3"]),
        (f"{CLONER}.enabled=false", ["teacher={", f"{CLONER}.enabled=false"]),
        (f"{URI}=metta://policy/miner", ["teacher.policy_uri=metta://policy/cogsguard?gear=10",
         f"{URI}=metta://policy/miner"]),
    ],
)  # fmt: skip
def test_spellings_that_disagree_are_both_shown(argument, parts):
    with pytest.raises(UserError, match="disagree") as error:
        resolve(f"teacher={PLAN}", argument)
    for part in parts:
        assert part in str(error.value)


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        ([f"{CLONER}.enabled=true"], "needs a teacher"),
        (["teacher={mode: sliced_cloner}"], "needs a teacher"),
        ([f"{URI}=metta://policy/miner"], "nothing would use it"),
        (["teacher={mode: sliced_cloner_no_ppo, policy_uri: metta://policy/miner, steps: 5e6}",
          "trainer.total_timesteps=8e6"], "Use trainer.total_timesteps=5_000_000"),
        (["teacher={policy_uri: metta://policy/miner, teacher_led_proportion: 0.7, student_led_proportion: 0.5}"],
         "teacher_led_proportion: 0.7, student_led_proportion: 0.3"),
        (["teacher={policy_uri: metta://policy/miner, steps: 100, anneal_start_step: 200}"], "anneal_start_step=50"),
        (["teacher={policy_uri: metta://policy/miner, teacher_led_proportion: 1.5}"], "at most 1"),
        (["teacher={policy_uri: metta://policy/miner, mode: sliced_clonr}"], "Did you mean `sliced_cloner`?"),
        (["teacher={policy_uri: metta://policy/miner, mode: kickstarter}"], "mode: sliced_cloner"),
        (["teacher={policy_uri: metta://policy/miner, mode: eer_kickstarter}"], "mode: eer_cloner"),
        (["teacher={policy_uri: metta://policy/random}"], "labels nothing"),
        (["teacher={policy_uri: metta://policy/miner, temperature: 2}"], "unknown key `teacher.temperature`"),
        (["teacher={mode: supervisor, policy_uri: metta://policy/miner}", "trainer.losses.ppo_actor.enabled=true"],
         "disagree"),
        ([f"{CLONER}.enabled=true", "trainer.losses.eer_cloner.enabled=true", f"{URI}=metta://policy/miner"],
         "imitates in one way"),
        (["teacher={policy_uri: metta://policy/miner, step: 5}"], "Did you mean `teacher.steps`?"),
        (["teacher={policy_uri: metta://policy/nobody}"], "there is no teacher"),
    ],
)  # fmt: skip
def test_a_plan_that_cannot_work_is_refused_with_one_that_can(arguments, part):
    with pytest.raises(UserError) as error:
        resolve(*arguments)
    assert part in str(error.value)


def test_shares_may_sum_to_exactly_one():
    resolve(
        "teacher={policy_uri: metta://policy/miner, teacher_led_proportion: 0.7, student_led_proportion: 0.3}"
    )
    resolve(
        "teacher={policy_uri: metta://policy/miner, teacher_led_proportion: 0.1, student_led_proportion: 0.9}"
    )


def test_resolving_again_changes_nothing_and_saving_loses_nothing(tmp_path):
    for tool in (
        resolve(
            f"teacher={PLAN}", "policy_architecture={kind: vit, size: full}", "wandb.tags=[a, b]"
        ),
        cogsguard.train(mission="machina_1", seed=3, reward_variants=("credit",)).resolve(),
        machina1_cloner.train().resolve(),
    ):
        assert tool.resolve() == tool
        file = tmp_path / "config.json"
        file.write_text(json.dumps(tool.dump()))
        assert TrainTool.load(json.loads(file.read_text())) == tool
        # The saved file is a configuration file, too.
        again = build(TrainTool, TrainTool.canonical(read_file(file))).resolve()
        assert again == tool


def test_a_saved_configuration_of_another_version_says_what_does_not_fit():
    values = resolve().dump()
    values["trainer"]["old_setting"] = 1
    with pytest.raises(UserError, match=r"trainer\.old_setting"):
        TrainTool.load(values)


def test_the_machina1_recipe_brings_its_teacher_and_takes_another():
    tool = machina1_cloner.train().resolve()
    assert tool.training_env.supervisor_policy_uri == "metta://policy/dinky:v15"
    assert tool.policy_architecture.kind == "vit"
    assert tool.training_env.game.kind == "machina1"
    assert cogsguard.train(policy_architecture="fast").policy_architecture.kind == "fast"


def test_the_machina1_recipe_clones_for_a_quarter_then_anneals_whatever_the_budget():
    def cloner(*arguments: str):
        target, _ = targets.find(["machina1_cloner.train"])
        tool = assemble(target, ["run=a", *arguments]).tool.resolve()
        return tool.trainer.losses.sliced_scripted_cloner

    as_published = cloner()
    assert (as_published.anneal_start_step, as_published.steps) == (2_500_000_000, 5_500_000_000)
    assert (as_published.student_led_proportion, as_published.teacher_led_proportion) == (1, 0)
    short = cloner("trainer.total_timesteps=40_000_000")
    assert (short.anneal_start_step, short.steps) == (24_000_000, 32_000_000)
    chosen = cloner("teacher={steps: 3e6}", "trainer.total_timesteps=40_000_000")
    assert (chosen.anneal_start_step, chosen.steps) == (0, 3_000_000)


@pytest.mark.parametrize(
    "name", ["a", "relh-cogsguard-bc-001", "x.y_z-1", "001", "on", "2026-01-24", "A" * 120]
)
def test_names_of_folders_are_names_of_runs(name):
    assert build(TrainTool, {"run": name}).resolve().run_name == name


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "../x", "a/b", "a..b", "/etc", "-a", ".a", "a b", "a\n", "a:b", "ä", "A" * 121, "a\x00",
     "cogsguard", "teacher", "miner", "random", "noop", "dinky", "pretrained-arena"],
)  # fmt: skip
def test_other_names_are_refused_with_one_that_works(name):
    with pytest.raises(UserError, match="For example `run=") as error:
        build(TrainTool, {"run": name}).resolve()
    suggestion = str(error.value).rpartition("`run=")[2].rstrip("`.")
    build(TrainTool, {"run": suggestion}).resolve()


def test_a_run_without_a_name_gets_one():
    name = TrainTool().resolve().run_name
    assert name is not None
    assert name.startswith("local.")
    assert len(name.split(".")) == 4
    build(TrainTool, {"run": name}).resolve()


def test_the_plan_tells_the_sizes_that_a_typed_number_does_not_fit():
    with pytest.raises(UserError, match="5000"):
        resolve("trainer.batch_size=2097152", "trainer.minibatch_size=5000").plan()


@pytest.mark.parametrize(
    ("word", "mode"), [("off", "disabled"), ("offline", "offline"), ("auto", "auto")]
)
def test_the_mode_alone_stands_for_the_sinks_settings(word, mode):
    assert resolve(f"wandb={word}").wandb.mode == mode


def test_an_unknown_mode_of_the_sink_is_answered_with_the_nearest():
    with pytest.raises(UserError, match="Did you mean `online`"):
        resolve("wandb=onlin")
