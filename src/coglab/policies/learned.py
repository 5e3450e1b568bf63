"""A network as a policy: tokens are encoded, the recurrent state is carried, an action is drawn."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from coglab.models.network import Network
from coglab.policies.protocol import ActOutput, Mode, Policy
from coglab.policies.same_game import require_same_game


def sample_actions(
    logits: npt.NDArray[np.float32], rng: np.random.Generator
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]]:
    """Draw one action per row by inverting the cumulative distribution.

    Args:
        logits: `[n, U] float32` unnormalised log-probabilities.
        rng: one uniform number per row is taken from it.

    Returns:
        `[n] int32` actions and `[n] float32` their log-probabilities.
    """
    log_prob = log_softmax(logits)
    cumulative = np.cumsum(np.exp(log_prob, dtype=np.float64), axis=1)
    threshold = rng.random((len(logits), 1)) * cumulative[:, -1:]
    actions = (cumulative <= threshold).sum(axis=1).astype(np.int32)
    actions = np.minimum(actions, logits.shape[1] - 1).astype(np.int32)
    return actions, log_prob[np.arange(len(actions)), actions]


def log_softmax(logits: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Normalise `logits [n, U]` to log-probabilities `[n, U] float32`."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    total = np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return np.asarray(shifted - total, np.float32)


class LearnedPolicy(Policy):
    """Plays a network.

    Args:
        network: used as it is; its weights may change while the policy plays.
        name: what it was loaded as.
    """

    is_scripted = False

    def __init__(self, network: Network, name: str = "network") -> None:
        self.network = network
        self.name = name

    def check_game(self, config: Any) -> None:
        """Refuse what the network was not trained in; see `Policy.check_game`."""
        require_same_game(self.name, self.network.game, config)

    def bind(self, sim: Any, first_env: int, last_env: int) -> None:
        """Make an encoder and an empty recurrent state; see `Policy.bind`."""
        self.check_game(sim.config)
        self._sim = sim
        self._rows = slice(first_env * sim.num_agents, last_env * sim.num_agents)
        num_rows = self._rows.stop - self._rows.start
        self._encoder = self.network.make_encoder(num_rows, sim.num_agents)
        self._arrays = self._encoder.allocate()
        self._state = self.network.initial_state(num_rows)
        self._device = self._state.device

    def act(
        self, reset_mask: npt.NDArray[np.bool_], mode: Mode, rng: np.random.Generator
    ) -> ActOutput:
        """Evaluate the network on the current observations; see `Policy.act`."""
        num_rows = len(reset_mask)
        tokens = self._sim.tokens[self._rows]
        self._encoder.encode(tokens, reset_mask, 0, num_rows, self._arrays)
        inputs = {
            name: torch.from_numpy(array).unsqueeze(1).to(self._device)
            for name, array in self._arrays.items()
        }
        resets = torch.from_numpy(np.ascontiguousarray(reset_mask)).unsqueeze(1).to(self._device)
        with torch.no_grad():
            output = self.network(inputs, self._state, resets)
        self._state = output.state
        logits = output.logits_STU[:, 0].float().cpu().numpy()
        value = output.values_ST[:, 0].float().cpu().numpy()
        if mode == "greedy":
            actions = logits.argmax(axis=1).astype(np.int32)
            return ActOutput(actions, np.zeros(num_rows, np.float32), logits, value)
        actions, log_prob = sample_actions(logits, rng)
        return ActOutput(actions, log_prob, logits, value)

    def get_state(self) -> dict[str, npt.NDArray[Any]]:
        """Recurrent state and map memory; see `Policy.get_state`."""
        saved: dict[str, npt.NDArray[Any]] = {"recurrent": self._state.cpu().numpy().copy()}
        if self._encoder.memory is not None:
            for name, array in self._encoder.memory.get_state().items():
                saved[f"memory.{name}"] = array
        return saved

    def set_state(self, saved: dict[str, npt.NDArray[Any]]) -> None:
        """See `Policy.set_state`."""
        self._state = torch.from_numpy(saved["recurrent"].copy()).to(self._device)
        if self._encoder.memory is not None:
            prefix = "memory."
            self._encoder.memory.set_state(
                {n.removeprefix(prefix): a for n, a in saved.items() if n.startswith(prefix)}
            )
