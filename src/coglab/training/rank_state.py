"""What the ranks of a run keep apart in a checkpoint: their games, memories and teachers.

The first rank writes all files, so that a checkpoint is complete or not there, whatever disks the machines share.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from safetensors.torch import load as parse_tensors

from coglab.policies.checkpoints import TrainerState, tensor_bytes
from coglab.training.distributed import Ranks


def gather_states(
    tensors: Mapping[str, np.ndarray], ranks: Ranks
) -> tuple[Mapping[str, torch.Tensor], ...]:
    """Bring what every rank keeps to the first one. Ranks must call it together.

    Args:
        tensors: this rank's arrays by name.
        ranks: the processes of the run.

    Returns:
        On the first rank, the tensors of all others in their order; elsewhere nothing.
    """
    if ranks.count == 1:
        return ()
    parts = ranks.collect(b"" if ranks.is_first else tensor_bytes(tensors))
    return tuple(parse_tensors(part) for part in parts[1:])


def hand_out_states(state: TrainerState, ranks: Ranks) -> Mapping[str, torch.Tensor | np.ndarray]:
    """Bring the state of a checkpoint of as many ranks to the ranks. They must call it together.

    Args:
        state: complete on the first rank, ignored elsewhere.
        ranks: the processes of the run.

    Returns:
        This rank's arrays by name.
    """
    if ranks.count == 1:
        return state.tensors
    own = ranks.hand_out([b"", *(tensor_bytes(tensors) for tensors in state.ranks)])
    return state.tensors if ranks.is_first else parse_tensors(own)
