"""`fast`: the whole observation as one summed table look-up, then the core and the heads."""

from __future__ import annotations

from torch import Tensor

from coglab.models.network import Network


class FastNetwork(Network):
    """Made for CPUs: about 50 thousand multiply-adds per agent-step, no attention."""

    observation_slots = ("obs_joint_table",)

    def _build_observation_parts(self) -> int:
        self.obs_joint_table = self._build("obs_joint_table", 0)
        return self.obs_joint_table.out_width

    def observe(self, inputs: dict[str, Tensor]) -> Tensor:
        """Look up `ids [R, K] int16`; returns `[R, table_width]`."""
        return self.obs_joint_table(inputs["ids"])
