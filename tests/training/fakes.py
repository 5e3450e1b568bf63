"""A tiny game, encoder, network and teacher with the interfaces of the real ones.

The game: every observation shows a cue, a number below `NUM_ACTIONS`; the right action is the cue shown one tick before
(so memory is needed), in an episode's first tick the cue itself. The right action earns 0.01. Everything is keyed by
(seed, game, episode, tick), so it does not depend on which thread plays which game.
"""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import torch
from torch import nn

from coglab.training.config import TrainerConfig
from coglab.training.geometry import Geometry
from coglab.training.teacher_plan import TeacherPlan
from coglab.training.trainer import Trainer

NUM_ACTIONS = 5


class FakeSim:
    """`num_envs` games of `num_agents` agents; the first episode of a game is cut early if `desynchronize`."""

    agent_stats = ("heart.gained",)
    collective_stats = ("aligned.junction.held",)
    game_stats = ("tokens_written",)
    action_names = tuple(f"action_{u}" for u in range(NUM_ACTIONS))
    num_actions = NUM_ACTIONS

    def __init__(
        self, num_envs=4, num_agents=2, max_steps=7, seed=0, desynchronize=True, first_env_id=0
    ):
        self.first_env_id = first_env_id
        self.num_envs, self.num_agents, self.max_steps = num_envs, num_agents, max_steps
        self.num_rows = num_rows = num_envs * num_agents
        self.seed, self.desynchronize = seed, desynchronize
        self.tokens = np.full((num_rows, 200, 3), 255, np.uint8)
        self.final_tokens = np.full((num_rows, 200, 3), 255, np.uint8)
        self.rewards = np.zeros(num_rows, np.float32)
        self.terminated = np.zeros(num_rows, np.bool_)
        self.truncated = np.zeros(num_rows, np.bool_)
        self.actions = np.zeros(num_rows, np.int32)
        self.tick = np.zeros(num_envs, np.int64)
        self.returns = np.zeros((num_envs, num_agents), np.float32)
        self.episode = SimpleNamespace(
            count=np.zeros(num_envs, np.int64),
            length=np.zeros(num_envs, np.int32),
            was_cut=np.zeros(num_envs, np.bool_),
            returns=np.zeros((num_envs, num_agents), np.float32),
            agent=np.zeros((num_envs, num_agents, 1), np.float32),
            collective=np.zeros((num_envs, 2, 1), np.float32),
            game=np.zeros((num_envs, 1), np.float32),
        )
        for env in range(num_envs):
            self._observe(env)

    def cue(self, env, tick):
        rng = np.random.default_rng(
            [self.seed, self.first_env_id + env, int(self.episode.count[env]), int(tick)]
        )
        return rng.integers(NUM_ACTIONS, size=self.num_agents)

    def _observe(self, env):
        tick = self.tick[env]
        rows = slice(env * self.num_agents, (env + 1) * self.num_agents)
        self.tokens[rows, 0, 1] = 3
        self.tokens[rows, 0, 2] = self.cue(env, tick)
        # What the teacher may know: in the fake, written beside the observation.
        self.tokens[rows, 1, 2] = self.cue(env, max(0, tick - 1))

    def step(self, first_env=0, last_env=None):
        for env in range(first_env, self.num_envs if last_env is None else last_env):
            game = self.first_env_id + env
            rows = slice(env * self.num_agents, (env + 1) * self.num_agents)
            right = self.tokens[rows, 1, 2]
            self.rewards[rows] = 0.01 * (self.actions[rows] == right)
            self.returns[env] += self.rewards[rows]
            self.tick[env] += 1
            limit = self.max_steps
            is_cut = self.desynchronize and self.episode.count[env] == 0 and game % 2 == 1
            if is_cut:
                limit = 2 + game % 3
            ended = self.tick[env] >= limit
            self.terminated[rows] = ended and not is_cut
            self.truncated[rows] = ended and is_cut
            self._observe(env)
            if ended:
                self.final_tokens[rows] = self.tokens[rows]
                self.episode.was_cut[env] = is_cut
                self.episode.length[env] = self.tick[env]
                self.episode.returns[env] = self.returns[env]
                self.episode.agent[env] = game
                self.episode.collective[env] = 2.0
                self.episode.game[env] = 3.0
                self.episode.count[env] += 1
                self.tick[env] = 0
                self.returns[env] = 0
                self._observe(env)

    def get_state(self):
        named = {f"episode.{name}": array for name, array in vars(self.episode).items()}
        return {**named, "tick": self.tick, "returns": self.returns, "tokens": self.tokens}

    def set_state(self, arrays):
        for name, array in self.get_state().items():
            array[...] = arrays[name]


class FakeEncoder:
    """One-hot cue. Counts how often each row was encoded, as a map memory would be written."""

    def __init__(self, num_rows):
        self.num_rows = num_rows
        self.spec = {"features": ((NUM_ACTIONS,), np.float32)}
        self.memory = None
        self.encoded = np.zeros(num_rows, np.int64)

    def allocate(self):
        return {"features": np.zeros((self.num_rows, NUM_ACTIONS), np.float32)}

    def encode(self, tokens, reset, first_row, last_row, out):
        rows = slice(first_row, last_row)
        out["features"][rows] = np.eye(NUM_ACTIONS, dtype=np.float32)[tokens[rows, 0, 2]]
        self.encoded[rows] += 1


class FakeNetwork(nn.Module):
    """A plain recurrent network with resets."""

    def __init__(self, width=16, seed=0):
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.enter = nn.Linear(NUM_ACTIONS, width)
            self.recur = nn.Linear(width, width, bias=False)
            self.actor = nn.Linear(width, NUM_ACTIONS)
            self.critic = nn.Linear(width, 1)
            self.gtd_aux = nn.Linear(width, 1)
        self.state_size = width

    def forward(self, inputs, state, resets):
        x_STD = self.enter(inputs["features"])
        outs = []
        for t in range(x_STD.shape[1]):
            state = state * (~resets[:, t]).to(x_STD.dtype).unsqueeze(1)
            state = torch.tanh(x_STD[:, t] + self.recur(state))
            outs.append(state)
        core_STD = torch.stack(outs, dim=1)
        return SimpleNamespace(
            logits_STU=self.actor(core_STD),
            values_ST=self.critic(core_STD).squeeze(-1),
            h_values_ST=self.gtd_aux(core_STD.detach()).squeeze(-1),
            state=state,
        )

    def replica(self):
        twin = FakeNetwork(self.state_size)
        for own, other in zip(twin.parameters(), self.parameters(), strict=True):
            own.data = other.data
        return twin


class FakeTeacher:
    """Knows the right action; abstains when it is 4. Odd answers are as right as the next lower even one."""

    def __init__(self, sim):
        self.sim = sim
        self.needs_update = False
        self.calls = 0
        self.labels = np.full(sim.num_rows, -1, np.int16)
        self.label_mask = np.zeros(sim.num_rows, np.uint16)
        self.label_weight = np.ones(sim.num_rows, np.float32)

    def label(self, reset, first_env, last_env):
        self.calls += 1
        rows = slice(first_env * self.sim.num_agents, last_env * self.sim.num_agents)
        right = self.sim.tokens[rows, 1, 2].astype(np.int16)
        self.labels[rows] = np.where(right == 4, -1, right)
        self.label_mask[rows] = np.where(right == 4, 0, 1 << right)

    def get_state(self):
        return {"label_weight": self.label_weight}

    def set_state(self, arrays):
        self.label_weight[...] = arrays["label_weight"]


class FakeTracker:
    """Keeps what it was told."""

    def __init__(self):
        self.logged = []
        self.printed = []

    def log(self, step, metrics):
        self.logged.append((step, metrics))

    def progress(self, phase):
        pass

    def print(self, text):
        self.printed.append(text)

    def alert(self, title, text):
        self.printed.append(text)


class FakeSave:
    """Keeps the states and weights that it was given."""

    def __init__(self):
        self.saved = []
        self.network = None

    def __call__(self, step, iteration, score, final, state):
        weights = {name: p.detach().clone() for name, p in self.network.named_parameters()}
        self.saved.append(
            SimpleNamespace(step=step, score=score, final=final, state=state, weights=weights)
        )


def make_geometry(num_envs=4, num_agents=2, num_workers=1, horizon=8, rounds=2, **changes):
    sizes = {
        "device": "cpu",
        "num_minibatches": 2,
        "update_epochs": 1,
        "total_timesteps": 10**9,
        **changes,
    }
    return Geometry(
        num_envs=num_envs,
        num_agents=num_agents,
        num_workers=num_workers,
        horizon=horizon,
        rounds=rounds,
        **sizes,
    )


def make_trainer(
    geometry=None, config=None, plan=None, *, weights=None, state=None, sim=None, **changes
):
    """A trainer of fakes. `trainer.save` and `trainer.tracker` are a FakeSave and a FakeTracker."""
    geometry = geometry or make_geometry()
    sim = sim or FakeSim(geometry.num_envs, geometry.num_agents, first_env_id=geometry.first_env_id)
    network = changes.pop("network", None) or FakeNetwork()
    if weights is not None:
        network.load_state_dict(weights)
    save = FakeSave()
    save.network = network
    arguments = {
        "seed": 3,
        "sim": sim,
        "network": network,
        "encoder": FakeEncoder(sim.num_rows),
        "teacher": FakeTeacher(sim),
        "tracker": FakeTracker(),
        "save": save,
        **changes,
    }
    return Trainer(
        config or TrainerConfig(),
        geometry,
        plan if plan is not None else TeacherPlan(0.3, 0.3, 0, 10**9),
        state=state,
        **arguments,
    )


def without_timing(metrics):
    """Metrics that two equal runs share."""
    timing = ("timing_", "ranks/", "overview/sps", "overview/steps_per_second", "metric/total_time")
    return {
        name: value
        for name, value in metrics.items()
        if not name.startswith(timing) and not name.endswith(("_time", "seconds"))
    }
