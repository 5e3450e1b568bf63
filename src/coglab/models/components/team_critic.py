"""`team_critic`: what the team's facts add to the value of a state.

A critic is needed only while training, so it may see what no agent sees: the junctions that the team holds, its stock,
what all its agents carry. It adds to the value that `critic` reads from the agent's own observations. Where the facts
are missing (play, evaluation) the value is `critic`'s alone; actions never depend on it.

Source: centralised critics for decentralised actors: Lowe et al. 2017 (MADDPG); Yu et al. 2022 (MAPPO).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from coglab.models.ops.initialization import linear, multiply_adds
from coglab.models.registry import component
from coglab.models.spec import BuildSpec

HIDDEN = 32
"""Width of the two hidden layers; there are about 20 facts."""


@component("team_critic")
class TeamCritic(nn.Module):
    """Expected return that the team's facts tell, in units of scaled reward; starts at about 0."""

    def __init__(self, spec: BuildSpec) -> None:
        super().__init__()
        self.out_width = 1
        self.first = linear(spec.in_width, HIDDEN)
        self.second = linear(HIDDEN, HIDDEN)
        self.out = linear(HIDDEN, 1, gain=0.01)

    def forward(self, facts_RF: Tensor) -> Tensor:
        """Map `[R, F]` to `[R]`."""
        x_RI = torch.relu_(self.first(facts_RF))
        return self.out(torch.relu_(self.second(x_RI))).squeeze(-1)

    def multiply_adds(self) -> int:
        """Multiply-adds per agent-step."""
        return multiply_adds(self)
