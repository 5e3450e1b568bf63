"""The network: observation parts, recurrent core, heads; what all architectures share.

S rows, T steps, R = S * T, U actions.
"""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from coglab.games.interface import GameInterface
from coglab.models.components.obs_shim_tokens import ObsShimTokens
from coglab.models.encoder import Encoder
from coglab.models.ops.summed_table import SummedTable
from coglab.models.registry import find_component
from coglab.models.spec import BuildSpec

SLOTS = ("cortex", "actor_mlp", "actor_head", "critic", "team_critic", "gtd_aux")

TEAM_INPUT = "team_facts"
"""Name of the input that only `team_critic` reads, `[R, F] float32`; only a trainer has it."""


class NetworkOutput(NamedTuple):
    """What the network says about every observation."""

    logits_STU: Tensor
    """`[S, T, U]` unnormalised log-probabilities of the actions."""
    values_ST: Tensor
    """`[S, T]` expected return."""
    h_values_ST: Tensor
    """`[S, T]` the auxiliary head of gradient TD."""
    state: Tensor
    """`[S, state_size]` recurrent state after the last observation."""


class TableRow(NamedTuple):
    """One line of `Network.table()`."""

    component: str
    shape: str
    parameters: int
    flops: int


class Network(nn.Module, ABC):
    """A recurrent actor-critic.

    Args:
        config: the architecture, `FastConfig` or `VitConfig`.
        game: the game.
    """

    observation_slots: tuple[str, ...] = ()
    """Components that turn inputs into features, in order of use; set by each architecture."""

    min_shard_rows: int = 1
    """Fewest observations of a minibatch that are worth a thread of their own. Threads share the interpreter: where an
    evaluation is short, the second one waits for the first (docs/log.md)."""

    def __init__(self, config: Any, game: GameInterface) -> None:
        super().__init__()
        self.config = config
        self.game = game
        self.shim: ObsShimTokens = find_component("obs_shim_tokens")(config, game)
        self.feature_width = self._build_observation_parts()
        self.cortex = self._build("cortex", self.feature_width)
        self.actor_mlp = self._build("actor_mlp", self.cortex.out_width)
        self.actor_head = self._build("actor_head", self.actor_mlp.out_width)
        self.critic = self._build("critic", self.cortex.out_width)
        has_team_critic = config.team_critic and bool(game.team_facts)
        self.team_critic = (
            self._build("team_critic", len(game.team_facts)) if has_team_critic else None
        )
        self.gtd_aux = self._build("gtd_aux", self.cortex.out_width)
        self.state_size: int = self.cortex.state_size

    def _build(self, slot: str, in_width: int) -> Any:
        name = self.config.components.get(slot, slot)
        return find_component(name)(BuildSpec(self.config, self.game, self.shim, in_width))

    @abstractmethod
    def _build_observation_parts(self) -> int:
        """Make the components of `observation_slots`; returns the width of the features."""

    @abstractmethod
    def observe(self, inputs: dict[str, Tensor]) -> Tensor:
        """Turn encoder outputs `[R, ...]` into features `[R, feature_width]`."""

    def forward(self, inputs: dict[str, Tensor], state: Tensor, resets: Tensor) -> NetworkOutput:
        """Evaluate rows of consecutive observations; a rollout step is T = 1.

        Args:
            inputs: what the encoder wrote, each `[S, T, ...]`; besides, if there is a `team_critic` and the caller has
                them, the team's facts as `TEAM_INPUT`.
            state: `[S, state_size]` recurrent state before the first observation.
            resets: `[S, T] bool`, true where the observation is the first of its episode: the state is zeroed
                before it.

        Returns:
            Logits, values, auxiliary values and the state after the last observation.
        """
        num_rows, num_steps = resets.shape
        flat = {name: value.flatten(0, 1) for name, value in inputs.items()}
        features = self.observe(flat).view(num_rows, num_steps, -1)
        wanted = (inputs,) if getattr(self.cortex, "reads_inputs", False) else ()
        core_STD, after = self.cortex(features, state, resets, *wanted)
        core_RD = core_STD.flatten(0, 1)
        logits = self.actor_head(self.actor_mlp(core_RD), flat)
        shape = (num_rows, num_steps)
        return NetworkOutput(
            logits.view(*shape, -1),
            self._with_team(self.critic(core_RD), flat).view(shape),
            self.gtd_aux(self._auxiliary_input(core_RD)).view(shape),
            after,
        )

    def _with_team(self, values_R: Tensor, flat: dict[str, Tensor]) -> Tensor:
        """Values `[R]` from the agents' own observations, and what the team's facts add, if both are there."""
        if self.team_critic is None or TEAM_INPUT not in flat:
            return values_R
        return values_R + self.team_critic(flat[TEAM_INPUT].to(values_R.dtype))

    def _auxiliary_input(self, core_RD: Tensor) -> Tensor:
        return core_RD.detach() if self.config.detach_gtd_aux else core_RD

    def initial_state(self, num_rows: int) -> Tensor:
        """State at the start of an episode, `[num_rows, state_size]`, all zero, on the network's device."""
        return torch.zeros(num_rows, self.state_size, device=next(self.parameters()).device)

    def make_encoder(self, num_rows: int, num_agents: int, memory: Any | None = None) -> Encoder:
        """Make the encoder of a batch of rows; see `ObsShimTokens.make_encoder`."""
        return self.shim.make_encoder(num_rows, num_agents, memory)

    def signature(self) -> dict[str, Any]:
        """What the network's inputs and outputs mean, as JSON-able data; stored with checkpoints."""
        return self.shim.describe()

    def table(self) -> list[TableRow]:
        """Shapes, parameters and FLOPs per agent-step (multiply-add = 2) of every component."""
        rows = []
        for name in (*self.observation_slots, *SLOTS):
            part = getattr(self, name, None)
            if part is None:
                continue
            parameters = sum(p.numel() for p in part.parameters())
            rows.append(
                TableRow(name, f"-> {part.out_width}", parameters, 2 * part.multiply_adds())
            )
        return rows

    @property
    def num_parameters(self) -> int:
        """Number of learned numbers."""
        return sum(p.numel() for p in self.parameters())

    def replica(self) -> Network:
        """Make a second network that shares every parameter's storage but has gradients of its own.

        For learning in several threads: each works on its replica, then the gradients are summed into the original.
        An in-place change of either's parameters, an optimiser step for instance, is seen by both.

        Returns:
            The replica, on the same device.
        """
        twin = copy.copy(self)
        memo: dict[int, Any] = {id(self.shim): self.shim, id(self.game): self.game}
        for parameter in self.parameters():
            memo[id(parameter)] = nn.Parameter(parameter.detach(), parameter.requires_grad)
        for buffer in self.buffers():
            memo[id(buffer)] = buffer
        twin.__dict__ = copy.deepcopy(self.__dict__, memo)
        return twin

    def set_in_place_gradients(self, enabled: bool = True) -> None:
        """Let big gradients be added to existing `.grad` tensors directly; see `ops.summed_table.summed_table`.

        Turn on in training loops that keep `.grad` allocated (`zero_grad(set_to_none=False)`) and call `backward()`.

        Args:
            enabled: on or off.
        """
        for module in self.modules():
            if isinstance(module, SummedTable):
                module.in_place_gradient = enabled
