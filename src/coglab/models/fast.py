"""`fast`: the whole observation as one summed table look-up, then the core and the heads."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from coglab.games.interface import GameInterface
from coglab.models.cells.minimal_gated import MinimalGated
from coglab.models.components.actor_head import ActorHead
from coglab.models.components.actor_mlp import ActorMlp
from coglab.models.components.cortex import Cortex
from coglab.models.components.critic import Critic
from coglab.models.components.gtd_aux import GtdAux
from coglab.models.components.obs_joint_table import ObsJointTable
from coglab.models.network import Network, NetworkOutput
from coglab.models.ops.fused_fast import FastWeights, WorkspacePool, fused_fast

STOCK_PARTS = {
    "obs_joint_table": ObsJointTable,
    "cortex": Cortex,
    "actor_mlp": ActorMlp,
    "actor_head": ActorHead,
    "critic": Critic,
    "gtd_aux": GtdAux,
}
"""The parts that `ops.fused_fast` knows how to compute."""


class FastNetwork(Network):
    """Made for CPUs: about 60 thousand multiply-adds per agent-step, no attention.

    On a CPU, stock parts are evaluated by one fused operation; with other parts, on a GPU, or with `is_fused` set to
    False the parts run one after the other and give the same numbers.

    Args:
        config: a `FastConfig`.
        game: the game.
    """

    observation_slots = ("obs_joint_table",)
    min_shard_rows = 2048

    def __init__(self, config: Any, game: GameInterface) -> None:
        super().__init__(config, game)
        parts_fit = all(type(getattr(self, name)) is part for name, part in STOCK_PARTS.items())
        core_fits = [type(layer) for layer in self.cortex.layers] == [MinimalGated]
        self.is_fused = parts_fit and core_fits
        self._pool = WorkspacePool()
        self._fused_weights = self._weights() if self.is_fused else None

    def _build_observation_parts(self) -> int:
        self.obs_joint_table = self._build("obs_joint_table", 0)
        return self.obs_joint_table.out_width

    def observe(self, inputs: dict[str, Tensor]) -> Tensor:
        """Look up `ids [R, K] int16`; returns `[R, table_width]`."""
        return self.obs_joint_table(inputs["ids"])

    def forward(self, inputs: dict[str, Tensor], state: Tensor, resets: Tensor) -> NetworkOutput:
        """Evaluate rows of consecutive observations; see `Network.forward`."""
        if not self.is_fused or self._fused_weights is None or resets.device.type != "cpu":
            return super().forward(inputs, state, resets)
        ids = inputs["ids"].flatten(0, 1).contiguous()
        outputs = fused_fast(
            ids,
            state,
            resets,
            self._fused_weights,
            self._pool,
            detach_auxiliary=self.config.detach_gtd_aux,
            in_place=self.obs_joint_table.in_place_gradient,
            touched=self.obs_joint_table.touched,
        )
        raw_STV, values_ST, *rest = outputs
        flat = {name: value.flatten(0, 1) for name, value in inputs.items()}
        logits_RU = self.actor_head.finish(raw_STV.flatten(0, 1), flat)
        values_ST = self._with_team(values_ST.flatten(), flat).view(resets.shape)
        return NetworkOutput(logits_RU.view(*resets.shape, -1), values_ST, *rest)

    def _weights(self) -> FastWeights:
        cell = self.cortex.layers[0]
        layers = (
            self.obs_joint_table,
            cell.project,
            self.actor_mlp.layers[0],
            self.critic.hidden,
            self.gtd_aux.hidden,
            self.actor_head.layer,
            self.critic.out,
            self.gtd_aux.out,
        )
        return FastWeights(*(value for layer in layers for value in (layer.weight, layer.bias)))
