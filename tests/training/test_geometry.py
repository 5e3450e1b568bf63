import pytest

from coglab.config import UserError
from coglab.games.cogsguard.config import CogsGuardConfig
from coglab.training.config import TrainerConfig, TrainingEnvConfig
from coglab.training.geometry import resolve_geometry


def resolve(trainer=None, env=None, device="cpu", cores=2, agents=10, is_light=False):
    env = {"game": CogsGuardConfig(num_agents=agents), **(env or {})}
    return resolve_geometry(
        TrainerConfig(**(trainer or {})),
        TrainingEnvConfig(**env),
        device=device,
        cores=cores,
        is_light=is_light,
    )


@pytest.mark.parametrize("cores", [1, 2, 3, 7, 16, 64])
@pytest.mark.parametrize("agents", [1, 4, 8, 10, 20])
@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize("batch_size", ["auto", 2_097_152])
def test_documented_commands_work_on_every_machine(cores, agents, device, batch_size):
    g = resolve({"batch_size": batch_size}, device=device, cores=cores, agents=agents)
    assert g.num_envs % g.num_workers == 0
    assert g.env_range(g.num_workers - 1)[1] == g.num_envs
    assert g.batch_size == g.rounds * g.num_envs * agents * g.horizon
    if batch_size != "auto":
        assert 0.9 * batch_size < g.batch_size <= batch_size


@pytest.mark.parametrize(
    ("batch_size", "minibatches"), [("auto", 80), (40_960, 40), (2_097_152, 80)]
)
def test_a_batch_is_never_more_than_80_gradient_steps_on_a_cpu(batch_size, minibatches):
    g = resolve({"batch_size": batch_size})
    assert g.num_minibatches == minibatches
    assert g.minibatch_size == pytest.approx(g.batch_size / minibatches, rel=0.01)


@pytest.mark.parametrize("batch_size", [81_920, 655_360, 2_097_152])
def test_a_large_batch_has_more_games_rather_than_longer_stretches_of_them(batch_size):
    g = resolve({"batch_size": batch_size})
    assert g.rounds <= 4
    assert g.num_envs >= 100


def test_rounding_down_of_the_batch_is_said():
    g = resolve({"batch_size": 2_097_152})
    assert g.batch_size != 2_097_152
    assert any("2,097,152" in line and f"{g.batch_size:,}" in line for line in g.describe())


def test_a_batch_that_fits_is_kept():
    g = resolve({"batch_size": 2_097_152}, agents=8)
    assert g.batch_size == 2_097_152
    assert g.notes == ()


def test_typed_numbers_are_kept():
    g = resolve(
        {"batch_size": 4 * 6 * 10 * 32, "bptt_horizon": 32, "minibatch_size": 640},
        {"num_envs": 6, "num_workers": 3},
    )
    assert (g.num_envs, g.num_workers, g.horizon, g.rounds) == (6, 3, 32, 4)
    assert g.num_minibatches == 12
    assert g.minibatch_size == 640


def test_automatic_threads_divide_the_typed_games():
    assert resolve(env={"num_envs": 9}, cores=4).num_workers == 3


@pytest.mark.parametrize(
    ("trainer", "env", "parts"),
    [
        (
            {"batch_size": 2_097_152, "minibatch_size": 5000},
            {},
            ["batch_size 2097152", "minibatch_size 5000", "use trainer.minibatch_size=4096"],
        ),
        ({"minibatch_size": 100}, {}, ["minibatch_size 100", "bptt_horizon 64", "use"]),
        (
            {"batch_size": 1000},
            {"num_envs": 64},
            ["batch_size 1000", "num_envs 64", "trainer.batch_size=40960"],
        ),
        ({"batch_size": 64}, {}, ["batch_size 64", "bptt_horizon 64", "batch_size=640"]),
        ({"batch_size": 1280}, {"num_workers": 4}, ["num_workers 4", "batch_size=2560"]),
        ({}, {"num_envs": 7, "num_workers": 2}, ["num_envs 7", "num_workers 2", "num_envs=8"]),
        ({"minibatch_size": 64_000_000}, {}, ["minibatch_size 64000000", "use trainer.minib"]),
        ({"bptt_horizon": 0}, {}, ["bptt_horizon 0", "use 64"]),
        ({}, {"num_envs": 0}, ["num_envs 0", "auto"]),
    ],
)
def test_errors_name_both_fields_and_a_value_that_works(trainer, env, parts):
    with pytest.raises(UserError) as error:
        resolve(trainer, env)
    for part in parts:
        assert part in str(error.value)


def test_the_value_that_an_error_proposes_works():
    assert resolve({"batch_size": 2_097_152, "minibatch_size": 4096}).minibatch_size <= 4096
    assert resolve({"batch_size": 40_960}, {"num_envs": 64}).batch_size == 40_960
    assert resolve({"batch_size": 2560}, {"num_workers": 4}).num_workers == 4


@pytest.mark.parametrize("batch", [100_000, 81_920, 1_000_003, 2_097_152])
@pytest.mark.parametrize("minibatch", [3000, 3008, 100, 8192])
def test_proposed_minibatches_work_for_any_typed_batch(batch, minibatch):
    typed = {"batch_size": batch, "minibatch_size": minibatch}
    try:
        resolve(typed)
    except UserError as error:
        words = str(error).rpartition("use ")[2].split()
        proposed = dict(word.removeprefix("trainer.").split("=") for word in words)
        resolve(typed | {name: int(value) for name, value in proposed.items()})


def test_the_overshoot_of_the_budget_is_said():
    g = resolve({"total_timesteps": 100_000})
    assert g.iterations_from(0) * g.batch_size >= 100_000
    assert any("more" in line for line in g.describe())
    assert g.iterations_from(100_000) == 0


def test_a_large_batch_says_how_much_memory_it_takes():
    g = resolve({"batch_size": 2_097_152})
    assert any("GiB" in line for line in g.describe(bytes_per_step=700))
    assert not any("GiB" in line for line in g.describe(bytes_per_step=70))


@pytest.mark.parametrize(
    ("given", "is_light", "cores", "device", "expected"),
    [
        ("auto", True, 2, "cpu", True),
        ("auto", True, 1, "cpu", False),
        ("auto", False, 2, "cpu", False),
        ("auto", True, 2, "cuda", False),
        (True, False, 1, "cpu", True),
        (False, True, 2, "cpu", False),
    ],
)
def test_light_networks_collect_ahead_where_there_are_threads_for_it(
    given, is_light, cores, device, expected
):
    g = resolve({"collect_ahead": given}, is_light=is_light, cores=cores, device=device)
    assert g.collects_ahead is expected
    said = any("the next batch is collected while" in line for line in g.describe())
    assert said is expected
