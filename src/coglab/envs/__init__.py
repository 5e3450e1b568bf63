"""Adapters to the interfaces of other libraries: PettingZoo, and Gymnasium (vectorised, or one game as one agent).

```python
from coglab.envs import parallel_env, vector_env, team_env

env = parallel_env(CogsGuardConfig(mission="arena", num_agents=8))  # pettingzoo.ParallelEnv
envs = vector_env(CogsGuardConfig(mission="arena"), num_envs=64)  # gymnasium.vector.VectorEnv, autoreset SAME_STEP
env = team_env(CogsGuardConfig(mission="tutorial", num_agents=1))  # gymnasium.Env, one joint action per tick
```

The libraries are imported when an adapter is first used; `pip install 'coglab[envs]'` brings them. The adapter classes
(`ParallelGame`, `VectorGames`, `TeamGame`) wrap any simulator that keeps the contract of `engine.batch_sim.BatchSim`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from coglab.config.errors import UserError

if TYPE_CHECKING:
    from coglab.envs.parallel import ParallelGame, parallel_env
    from coglab.envs.team import TeamGame, team_env
    from coglab.envs.vector import VectorGames, vector_env

_MODULE_AND_LIBRARY = {
    "ParallelGame": ("parallel", "pettingzoo"),
    "parallel_env": ("parallel", "pettingzoo"),
    "TeamGame": ("team", "gymnasium"),
    "team_env": ("team", "gymnasium"),
    "VectorGames": ("vector", "gymnasium"),
    "vector_env": ("vector", "gymnasium"),
}

__all__ = ["ParallelGame", "TeamGame", "VectorGames", "parallel_env", "team_env", "vector_env"]


def __getattr__(name: str) -> Any:
    """Import the adapter `name`, and with it the library that it adapts to.

    Raises:
        UserError: that library is not installed.
    """
    if name not in _MODULE_AND_LIBRARY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, library = _MODULE_AND_LIBRARY[name]
    try:
        return getattr(importlib.import_module(f"{__name__}.{module}"), name)
    except ModuleNotFoundError as error:
        if error.name not in ("pettingzoo", "gymnasium"):
            raise
        raise UserError(
            f"`coglab.envs.{name}` needs {library}, and `{error.name}` is not installed; "
            "`pip install 'coglab[envs]'` brings both libraries."
        ) from error
