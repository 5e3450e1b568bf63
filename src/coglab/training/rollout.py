"""Collecting one batch: each worker plays its own games for the whole rollout.

A tick is: infer - label - act - simulate - encode. Every observation is encoded exactly once, because encoding writes
it into the map memory; the observation left over at the end of a rollout waits, encoded, in `Stage` and is the first of
the next rollout. Letters as in `experience.py`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from coglab.models.network import TEAM_INPUT
from coglab.training.acting import Labels, act, store_outcome
from coglab.training.episodes import EpisodeRecorder
from coglab.training.experience import Experience
from coglab.training.geometry import Geometry
from coglab.training.randomness import ACTION_STREAM, stream_key

PHASES = ("simulate", "label", "encode", "infer", "store")


@dataclass
class Stage:
    """What all rows carry from one tick to the next, and from one rollout to the next.

    Attributes:
        inputs: name -> `[N, ...]` encoded current observation, and the team's facts if the critic reads them.
        reset: bool `[N]`, the current observation is the first of an episode.
        state: f32 `[N, state_size]` recurrent state before the current observation; up to date between rollouts only.
        reward_mean: f32 `[N]` running mean of the reward, for reward centring.
    """

    inputs: dict[str, np.ndarray]
    reset: np.ndarray
    state: np.ndarray
    reward_mean: np.ndarray

    def to_arrays(self) -> dict[str, np.ndarray]:
        """All arrays by name, for a checkpoint."""
        named = {f"inputs.{name}": array for name, array in self.inputs.items()}
        return {**named, "reset": self.reset, "state": self.state, "reward_mean": self.reward_mean}

    def load_arrays(self, arrays: dict[str, np.ndarray]) -> None:
        """Copy arrays written by `to_arrays` into place."""
        for name, array in self.to_arrays().items():
            array[...] = arrays[name]


@dataclass
class RolloutPlan:
    """What is the same for all workers in one rollout.

    Attributes:
        seed: the run's seed.
        first_tick: ticks that every game had been simulated for before this rollout.
        uses_teacher: whether any row needs a label; without, the teacher is not called at all.
    """

    seed: int
    first_tick: int
    uses_teacher: bool


@dataclass
class RolloutWorker:
    """Plays games `[first_env, last_env)`.

    Attributes:
        sim: the simulator; its arrays cover all games.
        network: this worker's view of the network.
        encoder: writes `stage.inputs`.
        teacher: labels, or None.
        stage: shared by all workers, each with its own rows.
        experience: likewise.
        episodes: statistics of ended episodes, likewise.
        team_facts: writes the team's facts for the critic, or None.
        geometry: sizes.
        device: where the network runs.
        autocast: makes the context in which the network runs.
        first_env: first game of this worker.
        last_env: end of its games.
        seconds: time spent per phase in the last rollout.
    """

    sim: Any
    network: torch.nn.Module
    encoder: Any
    teacher: Any
    stage: Stage
    experience: Experience
    episodes: EpisodeRecorder
    team_facts: Any | None
    geometry: Geometry
    device: torch.device
    autocast: Callable[[], Any]
    first_env: int
    last_env: int
    seconds: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        agents = self.geometry.num_agents
        self.first_row, self.last_row = self.first_env * agents, self.last_env * agents
        self._no_labels = Labels.none(self.geometry.num_rows)
        self._stream = torch.cuda.Stream(self.device) if self.device.type == "cuda" else None

    def begin(self) -> None:
        """Encode the first observation of a run that starts anew."""
        self.stage.reset[self.first_row : self.last_row] = True
        self._encode(self.sim.tokens)

    @torch.inference_mode()
    def collect(self, plan: RolloutPlan) -> None:
        """Play `rounds * horizon` ticks and store them.

        Args:
            plan: what is the same for all workers.
        """
        if self._stream is None:
            self._collect(plan)
            return
        # A stream of its own lets the GPU serve several threads at once; the weights were changed on another one.
        self._stream.wait_stream(torch.cuda.default_stream(self.device))
        with torch.cuda.stream(self._stream):
            self._collect(plan)

    def _collect(self, plan: RolloutPlan) -> None:
        geometry, stage, experience, steps = (
            self.geometry,
            self.stage,
            self.experience,
            self.experience.steps,
        )
        rows = slice(self.first_row, self.last_row)
        num_rows = self.last_row - self.first_row
        labels = self._no_labels
        if plan.uses_teacher:
            teacher = self.teacher
            labels = Labels(teacher.labels, teacher.label_mask, teacher.label_weight)
        self.seconds = dict.fromkeys(PHASES, 0.0)
        state = torch.from_numpy(stage.state[rows]).to(self.device)
        clock = time.perf_counter()
        for r in range(geometry.rounds):
            first_segment = r * geometry.num_rows + self.first_row
            segments = slice(first_segment, first_segment + num_rows)
            experience.start_state[segments] = state.cpu().numpy()
            for t in range(geometry.horizon):
                tick = plan.first_tick + r * geometry.horizon + t
                for name, array in stage.inputs.items():
                    experience.inputs[name][segments, t] = array[rows]
                clock = self._lap("store", clock)
                logits, values, state = self._infer(rows, state, stage.reset[rows])
                if t == 0 and r > 0:
                    # The observation after the previous segment is this one, valued by the same weights and state.
                    experience.bootstrap[first_segment - geometry.num_rows :][:num_rows] = values
                clock = self._lap("infer", clock)
                if plan.uses_teacher:
                    if self.teacher.needs_update:
                        self.teacher.observe(stage.reset, self.first_env, self.last_env)
                    self.teacher.label(stage.reset, self.first_env, self.last_env)
                    experience.store_teacher(self.teacher, segments, t, rows)
                    clock = self._lap("label", clock)
                key = stream_key(plan.seed, ACTION_STREAM, tick)
                act(
                    logits, values, stage.reset, experience.slices, labels, key,
                    geometry.first_row, self.first_row, first_segment, t, steps, self.sim.actions,
                )  # fmt: skip
                clock = self._lap("infer", clock)
                self.sim.step(self.first_env, self.last_env)
                clock = self._lap("simulate", clock)
                ended = store_outcome(
                    self.sim.rewards, self.sim.terminated, self.sim.truncated,
                    self.first_row, num_rows, first_segment, t, steps, stage.reset,
                )  # fmt: skip
                if ended:
                    self.episodes.record(self.sim, self.first_env, self.last_env)
                if ended == 2:
                    self._value_cut_episodes(segments, t, state)
                clock = self._lap("store", clock)
                self._encode(self.sim.tokens)
                clock = self._lap("encode", clock)
        stage.state[rows] = state.float().cpu().numpy()
        _, values, _ = self._infer(rows, state, stage.reset[rows])
        experience.bootstrap[segments] = values
        self._lap("infer", clock)

    def _lap(self, phase: str, since: float) -> float:
        now = time.perf_counter()
        self.seconds[phase] += now - since
        return now

    def _encode(self, tokens: np.ndarray) -> None:
        self.encoder.encode(
            tokens, self.stage.reset, self.first_row, self.last_row, self.stage.inputs
        )
        if self.team_facts is not None:
            self.team_facts.write(self.first_env, self.last_env, self.stage.inputs[TEAM_INPUT])

    def _infer(
        self, rows: slice, state: Tensor, reset: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, Tensor]:
        """Run the network on the staged observation of `rows`.

        Args:
            rows: rows of the stage.
            state: f32 `[n, state_size]` on the device.
            reset: bool `[n]`.

        Returns:
            logits f32 `[n, U]`, values f32 `[n]`, the new state on the device.
        """
        inputs = {
            name: torch.from_numpy(array[rows]).unsqueeze(1).to(self.device, non_blocking=True)
            for name, array in self.stage.inputs.items()
        }
        resets = torch.from_numpy(reset).unsqueeze(1).to(self.device, non_blocking=True)
        with self.autocast():
            out = self.network(inputs, state, resets)
        logits = out.logits_STU.squeeze(1).float().cpu().contiguous().numpy()
        values = out.values_ST.squeeze(1).float().cpu().contiguous().numpy()
        return logits, values, out.state

    def _value_cut_episodes(self, segments: slice, t: int, state: Tensor) -> None:
        """Value the last observation of games that were cut at this tick, before their memory is reset.

        Their rows of the stage are free: the current observation is stored, the next one not yet encoded. The team's
        facts there are one tick old; the game's own are gone with it.
        """
        agents = self.geometry.num_agents
        cut = self.sim.truncated[self.first_row : self.last_row : agents]
        no_reset = np.zeros(self.geometry.num_rows, np.bool_)
        for env in np.flatnonzero(cut) + self.first_env:
            rows = slice(env * agents, (env + 1) * agents)
            self.encoder.encode(
                self.sim.final_tokens, no_reset, rows.start, rows.stop, self.stage.inputs
            )
            own = slice(rows.start - self.first_row, rows.stop - self.first_row)
            _, values, _ = self._infer(rows, state[own], no_reset[rows])
            self.experience.steps.final_value[segments, t][own] = values
