"""A run with a learned teacher, or with shaped rewards, goes on to the bit after a stop: from its files, real games."""

import numpy as np
import pytest
import torch

from coglab.games.cogsguard.config import CogsGuardConfig, MapPoolConfig
from coglab.games.cogsguard.mapgen import MapPool
from coglab.games.cogsguard.sim import CogsGuardSim
from coglab.games.cogsguard.teachers import make_teacher
from coglab.games.cogsguard.team_view import TeamFacts
from coglab.models.build import build_network
from coglab.models.config import CortexConfig, FastConfig
from coglab.policies.checkpoints import load_checkpoint, load_trainer_state, save_checkpoint
from coglab.training.config import LossesConfig, TrainerConfig
from coglab.training.learned_teacher import load_learned_teacher
from coglab.training.teacher_plan import TeacherPlan
from coglab.training.trainer import Trainer
from tests.training.fakes import FakeSave, FakeTracker, make_geometry, without_timing

NUM_ENVS, NUM_AGENTS, TOTAL = 4, 3, 10**6

PHASE = 1200
"""Agent steps of the teacher's phase: its weight falls from 600 on. An iteration has 384 steps."""


def make_network(seed, memory=True):
    torch.manual_seed(seed)
    return build_network(
        FastConfig(
            map_memory=memory,
            table_width=32,
            cortex=CortexConfig(width=32),
            actor_hidden=32,
            critic_hidden=16,
        )
    )


@pytest.fixture(scope="module")
def teacher_uri(tmp_path_factory):
    """A checkpoint of a network that remembers in two ways: recurrently, and in a map memory."""
    folder = tmp_path_factory.mktemp("teacher")
    return f"file://{save_checkpoint(folder, 1, make_network(7), {}, None)}"


def make_distilling_trainer(mode, uri, data_dir, weights=None, state=None):
    game = CogsGuardConfig(mission="tutorial", num_agents=NUM_AGENTS, max_steps=50)
    maps = MapPool.for_training(game, MapPoolConfig(size=5), seed=1)
    sim = CogsGuardSim(game, NUM_ENVS, maps, seed=1, desynchronize=True)
    network = make_network(0, memory=False)
    if weights is not None:
        network.load_state_dict(weights)
    encoder = network.make_encoder(sim.num_rows, sim.num_agents)
    if mode == "eer_cloner":
        teacher = make_teacher("metta://policy/cogsguard", sim)
    else:
        teacher = load_learned_teacher(uri, sim, data_dir, "cpu", TeamFacts(sim))
    led = {"teacher_led_proportion": 0.4} if mode == "kickstarter" else {}
    losses = LossesConfig(**{mode: {"enabled": True, "steps": PHASE, **led}})
    plan = TeacherPlan.from_losses(losses, TOTAL)
    save = FakeSave()
    save.network = network
    return Trainer(
        TrainerConfig(total_timesteps=TOTAL, losses=losses),
        make_geometry(NUM_ENVS, NUM_AGENTS, 2, horizon=16, rounds=2),
        plan if state is None else TeacherPlan.from_meta(state.meta["plan"]),
        seed=5,
        sim=sim,
        network=network,
        encoder=encoder,
        team_facts=TeamFacts(sim),
        teacher=teacher,
        tracker=FakeTracker(),
        save=save,
        map_pool=maps,
        maps_per_iteration=1,
        state=state,
    )


@pytest.mark.parametrize("mode", ["kickstarter", "eer_kickstarter", "eer_cloner"])
def test_a_distilling_run_resumes_to_the_bit_from_its_files(tmp_path, teacher_uri, mode):
    whole = make_distilling_trainer(mode, teacher_uri, tmp_path)
    expected = [without_timing(whole.iterate()) for _ in range(5)]
    first = make_distilling_trainer(mode, teacher_uri, tmp_path)
    got = [without_timing(first.iterate()) for _ in range(2)]
    first._save(final=False)
    path = save_checkpoint(tmp_path, 2, first.save.network, {}, first.save.saved[-1].state)
    second = make_distilling_trainer(
        mode,
        teacher_uri,
        tmp_path,
        weights=load_checkpoint(path).weights,
        state=load_trainer_state(path),
    )
    got += [without_timing(second.iterate()) for _ in range(3)]
    for number, (ours, theirs) in enumerate(zip(got, expected, strict=True)):
        assert ours == theirs, f"iteration {number}"
    for a, b in zip(whole.network.parameters(), second.network.parameters(), strict=True):
        assert torch.equal(a, b)
    # The phase ended inside the second half, and the teacher's memory was not empty at the cut.
    coefs = [metrics["losses/supervised_action_loss_coef"] for metrics in expected]
    assert coefs[0] > coefs[2] > coefs[4] == 0
    if mode != "eer_cloner":
        saved = first.save.saved[-1].state.tensors
        assert np.abs(saved["teacher/recurrent"]).max() > 0
        assert any(np.any(v) for k, v in saved.items() if k.startswith("teacher/memory."))
    for trainer in (whole, first, second):
        trainer.close()
