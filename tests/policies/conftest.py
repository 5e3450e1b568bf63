from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from coglab.games.cogsguard.config import CogsGuardConfig
from coglab.games.cogsguard.interface import COGSGUARD
from coglab.games.machina1.config import Machina1Config
from coglab.models.build import build_network
from coglab.models.config import FastConfig

DATA = Path(__file__).parent.parent / "data" / "observations" / "cogsguard.npz"


@pytest.fixture(autouse=True)
def _one_thread_fixed_seed():
    torch.set_num_threads(1)
    torch.manual_seed(0)


@pytest.fixture
def network():
    return build_network(FastConfig(table_width=16, actor_hidden=16, map_memory=False))


@pytest.fixture
def network_with_memory():
    return build_network(FastConfig(table_width=16, actor_hidden=16))


class RecordedSim:
    """Two games of four agents that show recorded observations, whatever is played."""

    num_envs, num_agents, num_rows, num_actions = 2, 4, 8, 12
    action_names = COGSGUARD.action_names
    config = CogsGuardConfig(num_agents=4)

    def __init__(self) -> None:
        with np.load(DATA) as data:
            self.play = data["play"]
        self.tokens = self.play[0].copy()

    def show(self, tick: int) -> None:
        self.tokens[...] = self.play[tick]


@pytest.fixture
def sim():
    return RecordedSim()


@pytest.fixture
def other_game():
    return SimpleNamespace(config=Machina1Config(), num_agents=1, num_rows=1)
