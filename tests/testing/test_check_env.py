"""`check_env` accepts our simulator, and names what is wrong with simulators that each break one promise."""

import threading
import time

import numpy as np
import pytest

from coglab.games.cogsguard.sim import CogsGuardSim
from coglab.testing import EnvCheckError, check_env
from coglab.testing.env_checks import CHECKS
from tests.testing.yard import yard_config, yard_maps, yard_sim


@pytest.mark.parametrize("exact_order", [False, True])
@pytest.mark.parametrize("desynchronize", [False, True])
def test_our_simulator_keeps_the_contract(exact_order, desynchronize):
    report = check_env(
        lambda **k: yard_sim(exact_order=exact_order, desynchronize=desynchronize, **k), ticks=50
    )
    assert report.passed == list(CHECKS)
    assert not report.skipped


def test_long_episodes_are_skipped_with_a_reason():
    report = check_env(lambda **k: yard_sim(max_steps=5000, **k), ticks=10)
    assert list(report.skipped) == [
        "episodes end, and the next begins in the same step",
        "finished episodes are recorded",
    ]
    assert "max_steps is 5000" in str(report)


class WrongDtype(CogsGuardSim):
    @property
    def rewards(self):
        return super().rewards.astype(np.float64)


class NewArrays(CogsGuardSim):
    @property
    def rewards(self):
        return super().rewards.copy()


class WritesActions(CogsGuardSim):
    def step(self, first_env=0, last_env=None):
        super().step(first_env, last_env)
        self.actions[:] = 0


class Random(CogsGuardSim):
    def step(self, first_env=0, last_env=None):
        super().step(first_env, last_env)
        self.rewards[:] += np.random.default_rng().random()


class KeepsSeed(CogsGuardSim):
    def reset(self, seed=None):
        super().reset(7)


class ForgetsToStartAgain(CogsGuardSim):
    resets = 0

    def reset(self, seed=None):
        self.resets += 1
        super().reset((self.seed if seed is None else seed) + self.resets)


class KnowsItsBatch(CogsGuardSim):
    def step(self, first_env=0, last_env=None):
        super().step(first_env, last_env)
        self.rewards[0] += self.num_envs


class TouchesOthers(CogsGuardSim):
    def step(self, first_env=0, last_env=None):
        super().step(first_env, last_env)
        if last_env is not None:
            self.rewards[:] += 1


class SharesScratch(CogsGuardSim):
    busy = 0
    lock = threading.Lock()

    def step(self, first_env=0, last_env=None):
        with self.lock:
            self.busy += 1
            clashes = self.busy > 1
        time.sleep(0.001)
        super().step(first_env, last_env)
        if clashes:
            self.tokens[first_env * self.num_agents, 0, 2] += 1
        with self.lock:
            self.busy -= 1


class NeverResets(CogsGuardSim):
    def __init__(self, *args, **options):
        super().__init__(*args, auto_reset=False, **options)


class RecordsTheLastReward(CogsGuardSim):
    def step(self, first_env=0, last_env=None):
        super().step(first_env, last_env)
        self.episode.returns[:] = self.rewards.reshape(self.num_envs, -1)


class ContinuesFromTheStart(CogsGuardSim):
    def set_state(self, saved):
        self.reset(int(saved["seed"]))


class CountsInvalidAsSuccess(CogsGuardSim):
    def step(self, first_env=0, last_env=None):
        super().step(first_env, last_env)
        self.success[:] = True


class NotANumber(CogsGuardSim):
    def step(self, first_env=0, last_env=None):
        super().step(first_env, last_env)
        self.rewards[-1] = np.nan


class UndeclaredFeature(CogsGuardSim):
    def step(self, first_env=0, last_env=None):
        super().step(first_env, last_env)
        self.tokens[0, 1, 1] = 77


BROKEN = {
    WrongDtype: (
        "shapes, dtypes and contiguity of the arrays",
        "`rewards` is float64, expected float32",
    ),
    NewArrays: ("arrays belong to their owners", "`rewards` is another array after step and reset"),
    WritesActions: ("arrays belong to their owners", "step writes to `actions`"),
    Random: ("one seed, one outcome", "`rewards` differs"),
    KeepsSeed: ("the seed matters", "seeds 5 and 6 give the same"),
    ForgetsToStartAgain: ("reset starts again from the first episode", "differs"),
    KnowsItsBatch: ("a game does not depend on its batch", "game 0 alone and among 3"),
    TouchesOthers: ("ranges are independent", "touches other games"),
    SharesScratch: ("threads may step ranges of their own", "two threads"),
    NeverResets: ("episodes end, and the next begins in the same step", "no reset within the step"),
    RecordsTheLastReward: ("finished episodes are recorded", "the rewards sum to"),
    ContinuesFromTheStart: ("saved state continues exactly", "differs"),
    CountsInvalidAsSuccess: ("actions outside the list do nothing", "reported as a success"),
    NotANumber: ("rewards are finite", "not finite"),
    UndeclaredFeature: ("observation bytes are declared ones", "undeclared features: [77]"),
}


@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: broken.__name__)
def test_a_broken_promise_is_named(broken):
    check, found = BROKEN[broken]

    def make(num_envs, first_env_id, seed):
        return broken(yard_config(), num_envs, yard_maps(), seed=seed, first_env_id=first_env_id)

    with pytest.raises(EnvCheckError) as error:
        check_env(make, ticks=45)
    line = next(
        line for line in str(error.value).splitlines() if line.startswith(f"FAILED   {check}:")
    )
    assert found in line


def test_something_that_is_no_simulator_fails_by_name():
    with pytest.raises(EnvCheckError, match="these are missing: num_envs"):
        check_env(lambda **_: object())
