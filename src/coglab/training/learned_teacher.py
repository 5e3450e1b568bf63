"""A trained network as a teacher: it is run in the trainer, on all rows of a worker at once.

It sees the observations that the student's play brings about, keeps a recurrent state and a map memory of its own, and
never assumes that its choice was executed. N rows, U actions.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import torch

from coglab.models.network import TEAM_INPUT, Network
from coglab.policies.checkpoints import load_checkpoint
from coglab.policies.same_game import require_same_game
from coglab.policies.uris import find_checkpoint, parse_uri


def load_learned_teacher(
    uri: str, sim: Any, data_dir: str | Path, device: str, team_facts: Any | None = None
) -> LearnedTeacher:
    """Load a checkpoint as a teacher.

    Args:
        uri: `metta://policy/<run>[:v<N>|:latest|:best]` or `file://PATH`.
        sim: the simulator whose rows it labels.
        data_dir: folder of all runs.
        device: where its network runs.
        team_facts: for its critic, see `Trainer`; None if there are none.

    Returns:
        The teacher.

    Raises:
        UserError: there is no such checkpoint, or it was trained on another game.
    """
    network = load_checkpoint(find_checkpoint(parse_uri(uri), data_dir)).build_network()
    return LearnedTeacher(network.to(device).eval(), sim, team_facts, uri)


class LearnedTeacher:
    """Labels, probabilities and values of a network. Threads may ask for disjoint ranges of games.

    Args:
        network: on its device.
        sim: the simulator.
        team_facts: for the critic, or None.
        name: what it was loaded as.

    Attributes:
        labels: i16 `[N]` its likeliest action; a network never abstains.
        label_mask: u32 `[N]` that action's bit; 0, no label, for actions from 31 on, which say nothing in any game.
        label_weight: f32 `[N]`, 1.
        log_probs: f32 `[N, U]`.
        values: f32 `[N]`.
        needs_update: False, `label` takes in the observations itself.
    """

    needs_update = False

    def __init__(
        self, network: Network, sim: Any, team_facts: Any | None = None, name: str = "teacher"
    ) -> None:
        require_same_game(name, network.game, sim.config)
        self._network, self._sim = network, sim
        self._encoder = network.make_encoder(sim.num_rows, sim.num_agents)
        self._inputs = self._encoder.allocate()
        self._team_facts = team_facts if network.team_critic is not None else None
        if self._team_facts is not None:
            shape = (sim.num_rows, len(self._team_facts.names))
            self._inputs[TEAM_INPUT] = np.zeros(shape, np.float32)
        self._state = network.initial_state(sim.num_rows)
        self._replicas: dict[int, Network] = {}
        self._lock = threading.Lock()
        self.labels = np.zeros(sim.num_rows, np.int16)
        self.label_mask = np.zeros(sim.num_rows, np.uint32)
        self.label_weight = np.ones(sim.num_rows, np.float32)
        self.log_probs = np.zeros((sim.num_rows, len(sim.action_names)), np.float32)
        self.values = np.zeros(sim.num_rows, np.float32)

    @torch.inference_mode()
    def label(self, reset: np.ndarray, first_env: int = 0, last_env: int | None = None) -> None:
        """Evaluate the network on the current observations; call it exactly once per tick.

        Args:
            reset: bool `[N]`, true where the observation is the first of an episode.
            first_env: first game.
            last_env: game after the last; all when left out.
        """
        last_env = self._sim.num_envs if last_env is None else last_env
        agents = self._sim.num_agents
        first, last = first_env * agents, last_env * agents
        rows = slice(first, last)
        self._encoder.encode(self._sim.tokens, reset, first, last, self._inputs)
        if self._team_facts is not None:
            self._team_facts.write(first_env, last_env, self._inputs[TEAM_INPUT])
        device = self._state.device
        inputs = {
            name: torch.from_numpy(array[rows]).unsqueeze(1).to(device)
            for name, array in self._inputs.items()
        }
        resets = torch.from_numpy(np.ascontiguousarray(reset[rows])).unsqueeze(1).to(device)
        out = self._replica(first_env)(inputs, self._state[rows], resets)
        self._state[rows] = out.state
        log_probs = out.logits_STU[:, 0].float().log_softmax(-1).cpu().numpy()
        best = log_probs.argmax(1)
        self.log_probs[rows] = log_probs
        self.values[rows] = out.values_ST[:, 0].float().cpu().numpy()
        self.labels[rows] = best
        self.label_mask[rows] = np.where(best < 31, np.left_shift(1, np.minimum(best, 30)), 0)

    def _replica(self, first_env: int) -> Network:
        """The view of the network that belongs to the thread of this range: a network is not safe to share."""
        with self._lock:
            if first_env not in self._replicas:
                self._replicas[first_env] = self._network.replica()
            return self._replicas[first_env]

    def get_state(self) -> dict[str, np.ndarray]:
        """Copies of what the next labels depend on: recurrent state and map memory."""
        saved = {"recurrent": self._state.cpu().numpy().copy()}
        if self._encoder.memory is not None:
            saved |= {f"memory.{k}": v for k, v in self._encoder.memory.get_state().items()}
        return saved

    def set_state(self, saved: dict[str, np.ndarray]) -> None:
        """Restore what `get_state` returned."""
        self._state = torch.from_numpy(np.array(saved["recurrent"])).to(self._state.device)
        if self._encoder.memory is not None:
            prefix = "memory."
            self._encoder.memory.set_state(
                {k.removeprefix(prefix): v for k, v in saved.items() if k.startswith(prefix)}
            )
