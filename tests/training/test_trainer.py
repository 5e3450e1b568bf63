import math

import numpy as np
import pytest
import torch

from coglab.config import UserError
from coglab.tracking.names import check_name
from coglab.training import learner
from coglab.training.config import OptimizerConfig, TrainerConfig
from coglab.training.experience import Experience
from coglab.training.learner import Latest, NonFiniteLossError, newest_bootstrap
from coglab.training.rollout import RolloutPlan
from coglab.training.teacher_plan import PPO, STUDENT, TEACHER, TEACHER_LED, TeacherPlan
from tests.training.fakes import (
    NUM_ACTIONS,
    FakeNetwork,
    FakeSim,
    make_geometry,
    make_trainer,
    without_timing,
)


def collect(num_workers=1, teacher_led=0.4, **sizes):
    """One rollout of a fresh trainer."""
    trainer = make_trainer(
        make_geometry(num_workers=num_workers, **sizes),
        plan=TeacherPlan(0.2, teacher_led, 0, 10**9),
    )
    count = trainer.geometry.num_segments
    trainer.collector.experience.slices[:] = np.random.default_rng(0).choice(
        [0, 1, 2], p=[0.2, teacher_led, 0.8 - teacher_led], size=count
    )
    trainer.collector.episodes.begin(trainer.sim)
    trainer.pool.run(lambda w: trainer.collector.workers[w].collect(RolloutPlan(3, 0, True)))
    trainer.close()
    return trainer


@pytest.mark.parametrize("num_workers", [1, 2, 4])
def test_every_row_and_tick_is_stored_once_and_in_order(num_workers):
    trainer = collect(num_workers)
    geometry, experience = trainer.geometry, trainer.collector.experience
    # Replay the stored actions in a second game: what it shows must be what is stored.
    sim = FakeSim(geometry.num_envs, geometry.num_agents)
    first = np.ones(sim.num_rows, np.bool_)
    for r in range(geometry.rounds):
        for t in range(geometry.horizon):
            rows = slice(r * sim.num_rows, (r + 1) * sim.num_rows)
            shown = experience.inputs["features"][rows, t].argmax(-1)
            np.testing.assert_array_equal(shown, sim.tokens[:, 0, 2])
            np.testing.assert_array_equal(experience.steps.reset[rows, t], first)
            sim.actions[:] = experience.steps.action[rows, t]
            sim.step()
            for name in ("terminated", "truncated"):
                np.testing.assert_array_equal(
                    getattr(experience.steps, name)[rows, t], getattr(sim, name)
                )
            np.testing.assert_array_equal(experience.steps.reward[rows, t], sim.rewards)
            first = sim.terminated | sim.truncated
    assert first.sum() + experience.steps.reset.sum() > 3 * sim.num_rows
    assert experience.steps.truncated.any()


def test_every_observation_is_encoded_once_and_cut_ones_once_more():
    trainer = collect()
    ticks = trainer.geometry.rounds * trainer.geometry.horizon
    cut = trainer.collector.experience.steps.truncated.reshape(trainer.geometry.rounds, -1, 8).sum(
        (0, 2)
    )
    np.testing.assert_array_equal(trainer.encoder.encoded, 1 + ticks + cut)


def test_a_rollout_does_not_depend_on_the_number_of_workers():
    one, two = collect(1), collect(2)
    for name, column in one.collector.experience.steps._asdict().items():
        other = getattr(two.collector.experience.steps, name)
        if column.dtype == np.float32:
            np.testing.assert_allclose(column, other, atol=1e-6, err_msg=name)
        else:
            np.testing.assert_array_equal(column, other, err_msg=name)
    np.testing.assert_allclose(
        one.collector.experience.bootstrap, two.collector.experience.bootstrap, atol=1e-6
    )


def test_the_teacher_acts_on_its_slice_unless_it_abstains():
    experience = collect(teacher_led=0.6).collector.experience
    steps, led = experience.steps, experience.slices == TEACHER_LED
    labelled = steps.label_mask != 0
    assert (steps.leader[led][labelled[led]] == TEACHER).all()
    assert (steps.leader[led][~labelled[led]] == STUDENT).all()
    assert (steps.leader[~led] == STUDENT).all()
    taught = steps.leader == TEACHER
    assert ((steps.label_mask >> steps.action.astype(np.uint16)) & 1)[taught].all()
    assert (steps.behaviour_log_prob[taught] == 0).all()
    np.testing.assert_array_equal(
        steps.behaviour_log_prob[~taught], steps.student_log_prob[~taught]
    )
    assert (steps.student_log_prob < 0).all()
    assert (steps.label_mask[experience.slices == PPO] == 0).all()


def test_actions_follow_the_students_probabilities():
    trainer = make_trainer(make_geometry(num_envs=16, rounds=40), plan=TeacherPlan())
    with torch.no_grad():
        for parameter in trainer.network.parameters():
            parameter.zero_()
        trainer.network.actor.bias.copy_(torch.tensor([0.1, 0.2, 0.3, 0.35, 0.05]).log())
    trainer.iterate()
    actions = trainer.collector.experience.steps.action
    shares = np.bincount(actions.ravel(), minlength=NUM_ACTIONS) / actions.size
    np.testing.assert_allclose(shares, [0.1, 0.2, 0.3, 0.35, 0.05], atol=0.015)


def test_bootstraps_are_values_of_the_next_observation():
    experience = collect().collector.experience
    rows = experience.num_rows
    following = experience.steps.value[rows:, 0]
    np.testing.assert_array_equal(experience.bootstrap[:rows], following)
    trainer = collect()
    state = torch.from_numpy(trainer.collector.stage.state)
    resets = torch.from_numpy(trainer.collector.stage.reset).unsqueeze(1)
    inputs = {
        k: torch.from_numpy(v).unsqueeze(1) for k, v in trainer.collector.stage.inputs.items()
    }
    with torch.no_grad():
        values = trainer.network(inputs, state, resets).values_ST[:, 0]
    np.testing.assert_allclose(trainer.collector.experience.bootstrap[rows:], values, atol=1e-6)


def test_a_segment_ends_at_the_newest_value_of_the_rows_next_segment(monkeypatch):
    # Two rounds, so the first half of the segments goes on in the second. The weights are those of the collection until
    # the first step is made, so values are newer from the second minibatch on.
    trainer = collect(num_minibatches=4)
    experience = trainer.collector.experience
    rows, segments = experience.num_rows, np.arange(experience.num_segments)
    collected = experience.bootstrap.copy()
    unchanged = newest_bootstrap(experience, segments, experience.steps.value)
    np.testing.assert_array_equal(unchanged, collected)
    given = []
    plain = learner.gather

    def note(experience, part, bootstrap, *rest):
        given.append((part.copy(), bootstrap.copy()))
        return plain(experience, part, bootstrap, *rest)

    monkeypatch.setattr(learner, "gather", note)
    trainer.learner.prepare(experience, trainer.collector.stage.reward_mean)
    trainer.learner.update(experience, 0, 0)
    passed = np.concatenate([part for part, _ in given[1:3]])
    last, at_last = given[3]
    is_newer = np.isin(last + rows, passed)
    assert 0 < is_newer.sum() < len(last)
    assert (at_last != collected[last])[is_newer].all()
    np.testing.assert_array_equal(at_last[~is_newer], collected[last][~is_newer])


def test_a_cut_episode_is_valued_by_its_last_observation_and_memory():
    trainer = collect()
    steps, experience = trainer.collector.experience.steps, trainer.collector.experience
    cut = np.argwhere(steps.truncated)
    assert len(cut)
    assert (steps.final_value[~steps.truncated] == 0).all()
    sim = FakeSim(trainer.geometry.num_envs, trainer.geometry.num_agents)
    for s, t in cut:
        row = s % sim.num_rows
        features = experience.inputs["features"][s, : t + 1]
        # Cuts fall into the first episode, which began at tick 0 of round 0.
        last = np.eye(NUM_ACTIONS, dtype=np.float32)[
            sim.cue(row // sim.num_agents, t + 1)[row % sim.num_agents]
        ]
        inputs = torch.from_numpy(np.concatenate([features, last[None]]))[None]
        with torch.no_grad():
            out = trainer.network(
                {"features": inputs}, torch.zeros(1, 16), torch.zeros(1, t + 2, dtype=torch.bool)
            )
        assert steps.final_value[s, t] == pytest.approx(float(out.values_ST[0, -1]), abs=1e-5)


@pytest.mark.parametrize("num_workers", [1, 2])
def test_recomputed_log_probabilities_equal_the_stored_ones(num_workers):
    trainer = make_trainer(make_geometry(num_workers=num_workers))
    for _ in range(3):
        metrics = trainer.iterate()
        assert trainer.collector.experience.steps.reset[:, 1:].any(), (
            "no episode began inside a segment"
        )
        assert metrics["losses/first_minibatch_log_prob_error"] < 1e-4


def cloning_config(**losses):
    return TrainerConfig(losses={"sliced_scripted_cloner": {"enabled": True}, **losses})


@pytest.mark.parametrize("num_workers", [1, 2])
def test_equal_seeds_give_equal_metrics_to_the_bit(num_workers):
    runs = []
    for _ in range(2):
        trainer = make_trainer(make_geometry(num_workers=num_workers), cloning_config())
        runs.append([without_timing(trainer.iterate()) for _ in range(3)])
        trainer.close()
    assert runs[0] == runs[1]


def test_all_metrics_have_names_and_finite_values():
    config = TrainerConfig(
        losses={"sliced_scripted_cloner": {"enabled": True}},
        advantage={"reward_centering": {"enabled": True}},
    )
    trainer = make_trainer(config=config)
    seen = {}
    for _ in range(4):
        seen.update(trainer.iterate())
    seen.pop("env_agent/heart.gained")
    for name, value in seen.items():
        assert math.isfinite(value), name
        if not name.startswith("experience/action/"):  # the fake's actions have other names
            check_name(name)
    for name in ("overview/reward", "losses/approx_kl", "losses/supervised_accuracy_student_led"):
        assert name in seen


def test_shares_of_time_add_up_to_1():
    metrics = make_trainer().iterate()
    shares = [v for k, v in metrics.items() if k.startswith("timing_per_epoch/frac/")]
    assert sum(shares) == pytest.approx(1.0, abs=0.05)


def test_cut_episodes_are_in_no_mean():
    trainer = make_trainer(make_geometry(num_envs=4, horizon=8, rounds=1))
    first = trainer.iterate()
    # Games 1 and 3 are cut at ticks 3 and 2; afterwards nobody is. Episodes last 7 ticks.
    assert first["overview/episodes_cut"] == 2
    assert first["overview/episodes"] == 2
    assert first["env_game/length"] == 7
    assert first["env_agent/heart.gained"] == 1.0  # games 0 and 2 report their own number
    assert first["env_collective/cogs/aligned.junction.held_per_step"] == pytest.approx(2 / 7)
    second = trainer.iterate()
    assert second["overview/episodes_cut"] == 0


def test_the_teacher_is_not_called_once_its_shares_are_0():
    trainer = make_trainer(plan=TeacherPlan(0.5, 0.5, 0, 100))
    trainer.iterate()
    calls = trainer.teacher.calls
    assert calls > 0
    trainer.iterate()
    assert trainer.teacher.calls == calls


def test_a_run_without_a_teacher_needs_none():
    trainer = make_trainer(plan=TeacherPlan(), teacher=None)
    assert trainer.iterate()["teacher/ppo_share"] == 1.0


@pytest.mark.parametrize("epochs", [1, 2])
@pytest.mark.parametrize("num_workers", [1, 2])
@pytest.mark.parametrize("ahead", [False, True])
def test_a_resumed_run_equals_an_uninterrupted_one_to_the_bit(epochs, num_workers, ahead):
    geometry = make_geometry(num_workers=num_workers, update_epochs=epochs, collects_ahead=ahead)
    config = TrainerConfig(
        update_epochs=epochs,
        losses={"sliced_scripted_cloner": {"enabled": True}},
        advantage={"reward_centering": {"enabled": True}},
    )
    plan = TeacherPlan(0.3, 0.3, 0, 2000)
    whole = make_trainer(geometry, config, plan)
    expected = [without_timing(whole.iterate()) for _ in range(4)]

    first = make_trainer(geometry, config, plan)
    got = [without_timing(first.iterate()) for _ in range(2)]
    first._save(final=False)
    saved = first.save.saved[-1]
    second = make_trainer(
        geometry, config, TeacherPlan.from_meta(saved.state.meta["plan"]),
        weights=saved.weights, state=saved.state,
    )  # fmt: skip
    got += [without_timing(second.iterate()) for _ in range(2)]
    assert got == expected
    for a, b in zip(whole.network.parameters(), second.network.parameters(), strict=True):
        assert torch.equal(a, b)


def test_checkpoints_hold_the_mean_of_the_weights_and_training_goes_on_with_the_newest():
    config = cloning_config().model_copy(update={"optimizer": OptimizerConfig(averaging=0.9)})
    plain = make_trainer(config=cloning_config())
    whole = make_trainer(config=config)
    history, optimizer = [], whole.learner.optimizer
    step = optimizer.step

    def recorded(*rates):
        norm = step(*rates)
        history.append(optimizer.parameters.weights.clone())
        return norm

    optimizer.step = recorded
    expected = [without_timing(whole.iterate()) for _ in range(4)]
    # Averaging changes nothing about training.
    assert [without_timing(plain.iterate()) for _ in range(4)] == expected
    mean = torch.stack(history).mean(0)  # of 8 steps: shorter than the average's memory
    whole._save(final=True)
    newest = history[-1]
    assert torch.equal(optimizer.parameters.weights, newest)
    saved = whole.save.saved[-1]
    for name, (first, last) in optimizer.parameters.ranges.items():
        torch.testing.assert_close(saved.weights[name].flatten(), mean[first:last])
    assert not torch.allclose(mean, newest)

    first = make_trainer(config=config)
    got = [without_timing(first.iterate()) for _ in range(2)]
    first._save(final=False)
    saved = first.save.saved[-1]
    second = make_trainer(config=config, weights=saved.weights, state=saved.state)
    got += [without_timing(second.iterate()) for _ in range(2)]
    assert got == expected
    assert torch.equal(second.learner.optimizer.average, optimizer.average)


def test_resuming_with_other_games_keeps_the_optimiser_and_says_so():
    first = make_trainer()
    first.iterate()
    state = first.state()
    second = make_trainer(make_geometry(num_envs=6), state=state)
    assert second.counters.agent_step == first.counters.agent_step
    assert second.learner.optimizer.gradient_step == 2
    assert "games start anew" in second.tracker.printed[0]
    second.iterate()


def test_training_runs_to_its_budget_and_saves_at_the_end():
    trainer = make_trainer(config=TrainerConfig(total_timesteps=300))
    assert trainer.run() == "finished"
    assert [s.final for s in trainer.save.saved] == [True]
    assert trainer.save.saved[0].step == 384
    assert trainer.save.saved[0].score is not None
    assert [step for step, _ in trainer.tracker.logged] == [128, 256, 384]


def test_a_stop_request_ends_the_run_with_a_checkpoint():
    asked = iter([False, False, True])
    trainer = make_trainer(should_stop=lambda: next(asked))
    assert trainer.run() == "stopped"
    assert trainer.save.saved[-1].final
    assert trainer.counters.iteration == 2


def test_a_loss_that_is_not_finite_stops_the_run_without_a_checkpoint():
    trainer = make_trainer(save_interval_s=1e-9)
    trainer.sim.step_number = 0
    plain_step = trainer.sim.step

    def step(first_env=0, last_env=None):
        plain_step(first_env, last_env)
        trainer.sim.step_number += 1
        if trainer.sim.step_number > 20:
            trainer.sim.rewards[0] = np.nan

    trainer.sim.step = step
    with pytest.raises(NonFiniteLossError, match=r"agent step 128 .*last checkpoint is good"):
        trainer.run()
    assert len(trainer.save.saved) == 1
    assert all(torch.isfinite(p).all() for p in trainer.network.parameters())


@pytest.mark.parametrize(("save_takes", "saves"), [(0.5, 7), (2.0, 1)])
def test_checkpoints_that_take_long_to_write_are_rarer(save_takes, saves, monkeypatch):
    # A clock on which iterations take a second and checkpoints `save_takes`: 8 iterations are over before 20 x 2 s.
    clock = [0.0]

    def read_clock():
        clock[0] += 1e-6
        return clock[0]

    monkeypatch.setattr("coglab.training.trainer.time.perf_counter", read_clock)
    trainer = make_trainer(config=TrainerConfig(total_timesteps=1024), save_interval_s=0.5)
    iterate, save = trainer.iterate, trainer.save

    def slow_iterate():
        clock[0] += 1.0
        return iterate()

    def slow_save(*words):
        clock[0] += save_takes
        return save(*words)

    monkeypatch.setattr(trainer, "iterate", slow_iterate)
    monkeypatch.setattr(trainer, "save", slow_save)
    trainer.run()
    assert sum(not one.final for one in save.saved) == saves
    assert save.saved[-1].final


@pytest.mark.parametrize("critic_update", ["mse", "gtd_lambda"])
def test_gradients_of_two_shards_equal_those_of_one(critic_update):
    gradients = []
    for num_workers in (1, 2):
        trainer = make_trainer(
            make_geometry(num_workers=num_workers),
            cloning_config(ppo_critic={"critic_update": critic_update}),
        )
        trainer.collector.experience.slices[:] = np.arange(16) % 3
        trainer.collector.episodes.begin(trainer.sim)
        trainer.pool.run(
            lambda w, t=trainer: t.collector.workers[w].collect(RolloutPlan(3, 0, True))
        )
        trainer.learner.prepare(trainer.collector.experience, trainer.collector.stage.reward_mean)
        latest = Latest(np.zeros((16, 8), np.float32), np.zeros((16, 8), np.float32))
        trainer.learner._gradients(
            trainer.collector.experience,
            np.arange(16),
            latest,
            *trainer.learner._normalization(trainer.collector.experience, [np.arange(16)])[0],
        )
        gradients.append(trainer.learner.parameters.gradients.sum(0))
        trainer.close()
    torch.testing.assert_close(gradients[0], gradients[1], rtol=1e-4, atol=1e-6)


def test_target_kl_ends_the_update():
    geometry = make_geometry(update_epochs=8)
    config = TrainerConfig(update_epochs=8, losses={"ppo_actor": {"target_kl": 1e-9}})
    trainer = make_trainer(geometry, config, TeacherPlan())
    trainer.iterate()
    # The first minibatch still has the collected policy; the second is the first to see a change.
    assert trainer.learner.optimizer.gradient_step == 2


def test_a_run_without_any_loss_is_refused():
    off = {"enabled": False}
    with pytest.raises(UserError, match=r"ppo_actor\.enabled=true"):
        make_trainer(config=TrainerConfig(losses={"ppo_actor": off, "ppo_critic": off}))


def test_a_plan_with_a_teacher_needs_one():
    with pytest.raises(ValueError, match="no teacher"):
        make_trainer(teacher=None)


def test_the_memory_estimate_counts_all_columns():
    geometry = make_geometry(horizon=64)
    spec = {"ids": ((32,), np.int16)}
    experience = Experience(geometry, spec, 0)
    arrays = [*experience.inputs.values(), *experience.steps]
    arrays += [
        experience.learning_reward,
        experience.advantage,
        experience.returns,
        experience.done,
    ]
    total = sum(array.nbytes for array in arrays)
    assert total == Experience.bytes_per_step(spec) * geometry.batch_size


@pytest.mark.slow
def test_a_student_learns_to_clone_a_teacher_that_remembers():
    geometry = make_geometry(num_envs=32, num_agents=2, horizon=16, rounds=1, num_minibatches=4)
    config = TrainerConfig(
        total_timesteps=10**6,
        optimizer={"learning_rate": 1e-2},
        losses={"sliced_scripted_cloner": {"enabled": True}},
    )
    trainer = make_trainer(
        geometry, config, TeacherPlan(0.5, 0.3, 0, 10**9), network=FakeNetwork(width=32)
    )
    for _ in range(120):
        metrics = trainer.iterate()
    # The teacher abstains on one cue of five and the loss then says nothing; the rest must be right.
    assert metrics["losses/supervised_accuracy_student_led"] > 0.95
    assert metrics["overview/reward"] > 0.75 * 0.01 * 7


@pytest.mark.slow
def test_ppo_alone_learns_to_remember():
    geometry = make_geometry(num_envs=32, num_agents=2, horizon=16, rounds=1, num_minibatches=4)
    config = TrainerConfig(total_timesteps=10**6, optimizer={"learning_rate": 1e-2})
    trainer = make_trainer(
        geometry, config, TeacherPlan(), teacher=None, network=FakeNetwork(width=32)
    )
    rewards = [trainer.iterate()["overview/reward"] for _ in range(250)]
    assert np.mean(rewards[-10:]) > 0.8 * 0.01 * 7 > 2 * np.mean(rewards[:5])


def test_a_batch_collected_ahead_was_played_by_the_weights_before_the_last_update():
    ahead = make_trainer(make_geometry(num_workers=2, collects_ahead=True), cloning_config())
    at_once = make_trainer(make_geometry(num_workers=2), cloning_config())
    first = ahead.collector.take(ahead._position())
    ahead.collector.start(ahead._position(1))
    with torch.no_grad():  # an update beside the rollout, as large as can be
        for parameter in ahead.network.parameters():
            parameter.mul_(-3.0)
    ahead.collector.finish()
    second = ahead.collector.take(ahead._position(1))
    assert second.experience is not first.experience
    for number, batch in enumerate((first, second)):
        same = at_once.collector.take(at_once._position(number))
        for name, array in same.experience.to_arrays().items():
            np.testing.assert_array_equal(batch.experience.to_arrays()[name], array, name)
        assert batch.shares == same.shares
        assert batch.episodes == same.episodes
    ahead.close()
    at_once.close()


def test_collecting_ahead_learns_the_batches_in_order_and_none_beyond_the_budget():
    config = cloning_config().model_copy(update={"total_timesteps": 500})
    trainer = make_trainer(make_geometry(total_timesteps=500, collects_ahead=True), config)
    assert trainer.run() == "finished"
    steps = [step for step, _ in trainer.tracker.logged]
    assert steps == [128, 256, 384, 512]
    assert trainer.collector.waiting is None
    assert all(
        "losses/first_minibatch_log_prob_error" not in metrics
        for _, metrics in trainer.tracker.logged
    )


@pytest.mark.parametrize(
    ("num_workers", "shards", "learning", "collecting"),
    [(1, 1, 1, 1), (2, 1, 1, 1), (8, 1, 1, 7), (8, 3, 3, 5), (8, 99, 4, 4)],
)
def test_ahead_no_more_threads_learn_than_a_minibatch_can_be_split_among(
    num_workers, shards, learning, collecting
):
    network = FakeNetwork()
    geometry = make_geometry(num_envs=8, num_workers=num_workers, collects_ahead=True)
    network.min_shard_rows = geometry.minibatch_size // shards
    trainer = make_trainer(geometry, network=network)
    assert trainer.pool.num_workers == learning
    assert trainer.collector.pool.num_workers == collecting
    trainer.close()


def test_a_batch_that_waits_is_a_part_of_the_checkpoint():
    trainer = make_trainer(make_geometry(collects_ahead=True), cloning_config())
    trainer.iterate()
    waiting = trainer.collector.waiting
    assert waiting is not None
    tensors = trainer.state().tensors
    np.testing.assert_array_equal(tensors["waiting/steps.action"], waiting.experience.steps.action)
    trainer.close()


def test_a_batch_that_waits_is_left_out_where_batches_have_another_size():
    config = cloning_config()
    trainer = make_trainer(make_geometry(collects_ahead=True), config)
    trainer.iterate()
    state = trainer.state()
    trainer.close()
    other = make_trainer(make_geometry(rounds=4, collects_ahead=True), config, state=state)
    assert other.collector.waiting is None
    assert "left out" in other.tracker.printed[-1]
    other.iterate()
    other.close()
