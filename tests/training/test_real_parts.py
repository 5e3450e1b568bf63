"""The trainer with the real games, map memory, teacher and network."""

import math

import pytest
import torch

from coglab.games.cogsguard.config import CogsGuardConfig, MapPoolConfig
from coglab.games.cogsguard.mapgen import MapPool
from coglab.games.cogsguard.memory import MapMemory
from coglab.games.cogsguard.sim import CogsGuardSim
from coglab.games.cogsguard.teachers import make_teacher
from coglab.games.cogsguard.team_view import TeamFacts
from coglab.models.build import build_network
from coglab.models.config import CortexConfig, FastConfig
from coglab.policies.checkpoints import load_checkpoint, load_trainer_state, save_checkpoint
from coglab.tracking.names import check_name
from coglab.training.config import TrainerConfig
from coglab.training.teacher_plan import TeacherPlan
from coglab.training.trainer import Trainer
from tests.training.fakes import FakeSave, FakeTracker, make_geometry, without_timing

NUM_ENVS, NUM_AGENTS = 4, 3


def make_real_trainer(
    num_workers=2, memory=True, teacher=True, ahead=False, weights=None, state=None
):
    game = CogsGuardConfig(mission="tutorial", num_agents=NUM_AGENTS, max_steps=50)
    geometry = make_geometry(
        NUM_ENVS,
        NUM_AGENTS,
        num_workers,
        horizon=16,
        rounds=2,
        update_epochs=2,
        collects_ahead=ahead,
    )
    maps = MapPool.for_training(game, MapPoolConfig(size=5), seed=1)
    sim = CogsGuardSim(game, NUM_ENVS, maps, seed=1, desynchronize=True)
    torch.manual_seed(0)
    network = build_network(
        FastConfig(
            map_memory=memory,
            table_width=32,
            cortex=CortexConfig(width=32),
            actor_hidden=32,
            critic_hidden=16,
        )
    )
    if weights is not None:
        network.load_state_dict(weights)
    encoder = network.make_encoder(
        sim.num_rows, sim.num_agents, MapMemory(sim.num_rows, sim.num_agents) if memory else None
    )
    save = FakeSave()
    save.network = network
    return Trainer(
        TrainerConfig(
            total_timesteps=10**6,
            update_epochs=2,
            losses={"sliced_scripted_cloner": {"enabled": True}},
        ),
        geometry,
        TeacherPlan(0.4, 0.3, 0, 10**6) if teacher else TeacherPlan(),
        seed=5,
        sim=sim,
        network=network,
        encoder=encoder,
        team_facts=TeamFacts(sim),
        teacher=make_teacher("metta://policy/cogsguard", sim, encoder.memory) if teacher else None,
        tracker=FakeTracker(),
        save=save,
        map_pool=maps,
        maps_per_iteration=1,
        state=state,
    )


@pytest.mark.parametrize("memory", [True, False])
def test_real_log_probabilities_are_recomputed_and_all_metrics_have_names(memory):
    trainer = make_real_trainer(memory=memory)
    seen = {}
    for _ in range(4):
        metrics = trainer.iterate()
        assert metrics["losses/first_minibatch_log_prob_error"] < 1e-4
        seen.update(metrics)
    assert trainer.collector.experience.steps.reset[:, 1:].any() or metrics["overview/episodes"]
    for name, value in seen.items():
        check_name(name)
        assert math.isfinite(value), name
    assert seen["env_game/length"] == 50
    assert seen["teacher/abstained"] < 0.5
    trainer.close()


@pytest.mark.parametrize(("teacher", "ahead"), [(True, False), (False, False), (True, True)])
def test_a_real_run_resumes_to_the_bit_from_its_files(tmp_path, teacher, ahead):
    whole = make_real_trainer(teacher=teacher, ahead=ahead)
    expected = [without_timing(whole.iterate()) for _ in range(5)]
    first = make_real_trainer(teacher=teacher, ahead=ahead)
    got = [without_timing(first.iterate()) for _ in range(3)]
    first._save(final=False)
    path = save_checkpoint(tmp_path, 3, first.save.network, {}, first.save.saved[-1].state)
    second = make_real_trainer(
        teacher=teacher,
        ahead=ahead,
        weights=load_checkpoint(path).weights,
        state=load_trainer_state(path),
    )
    got += [without_timing(second.iterate()) for _ in range(2)]
    for number, (ours, theirs) in enumerate(zip(got, expected, strict=True)):
        assert ours == theirs, f"iteration {number}"
    for trainer in (whole, first, second):
        trainer.close()


def test_a_real_rollout_does_not_depend_on_the_number_of_workers():
    one, two = make_real_trainer(num_workers=1), make_real_trainer(num_workers=2)
    a, b = one.iterate(), two.iterate()
    two.pool.close()
    for name, value in a.items():
        if name.startswith(("env_", "experience/", "teacher/", "overview/reward")):
            assert b[name] == pytest.approx(value, abs=1e-5), name
