from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

DATA = Path(__file__).parent.parent / "data" / "observations" / "cogsguard.npz"


@pytest.fixture(autouse=True)
def _one_thread_fixed_seed():
    torch.set_num_threads(1)
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def recorded():
    """`play [48, 8, 200, 3]` consecutive ticks and `crowd [40, 200, 3]`, uint8."""
    with np.load(DATA) as data:
        return dict(data)
