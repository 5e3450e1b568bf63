"""What the checks of a batch simulator have in common: making it, playing, comparing, reading observations."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from coglab.engine.batch_sim import BatchSim
from coglab.games.interface import GameInterface

SimFactory = Callable[..., BatchSim]
"""Called as `make_sim(num_envs=E, first_env_id=i, seed=s)`; returns a simulator whose first episodes have begun."""

RESULTS = ("tokens", "rewards", "terminated", "truncated", "success")
"""Arrays that a step writes for every row."""

BLANK, GLOBAL_LOCATION = 255, 254
NUM_ENVS = 3


class CheckFailedError(Exception):
    """A simulator breaks a promise; the text says which and where."""


class SkippedCheckError(Exception):
    """A check does not apply."""


def require(holds: bool | np.bool_, what: str) -> None:
    """Raise `CheckFailedError(what)` unless `holds`; unlike `assert` it is there under `python -O` too."""
    if not holds:
        raise CheckFailedError(what)


@dataclass
class Case:
    """What one check works with."""

    make_sim: SimFactory
    interface: GameInterface
    ticks: int

    def make(self, num_envs: int = NUM_ENVS, first_env_id: int = 0, seed: int = 5) -> BatchSim:
        """Return a simulator with `num_envs` games."""
        return self.make_sim(num_envs=num_envs, first_env_id=first_env_id, seed=seed)

    def actions(self, sim: BatchSim, first_env_id: int = 0, ticks: int | None = None) -> np.ndarray:
        """Return [T, N] int32 random actions that depend on the tick and the global row alone."""
        ticks = self.ticks if ticks is None else ticks
        rows = (first_env_id + sim.num_envs) * sim.num_agents
        columns = [
            np.random.default_rng([17, row]).integers(0, sim.num_actions, ticks)
            for row in range(rows)
        ]
        return np.stack(columns, axis=1)[:, first_env_id * sim.num_agents :].astype(np.int32)


def results_of(sim: BatchSim, rows: slice = slice(None)) -> dict[str, np.ndarray]:
    """Return copies of what the last step wrote for some rows."""
    return {name: getattr(sim, name)[rows].copy() for name in RESULTS}


def play(sim: BatchSim, actions: np.ndarray) -> Iterator[dict[str, np.ndarray]]:
    """Step through [T, N] actions; yield copies of the results after every tick."""
    for row in actions:
        sim.actions[:] = row
        sim.step()
        yield results_of(sim)


def require_equal(left: dict[str, np.ndarray], right: dict[str, np.ndarray], what: str) -> None:
    """Require two sets of arrays to be equal; `what` says what they are."""
    for name, array in left.items():
        other = right[name]
        require(
            array.shape == other.shape,
            f"{what}: `{name}` has shape {array.shape} in one and {other.shape}",
        )
        if not np.array_equal(array, other):
            row = int(np.argwhere(array != other)[0][0])
            raise CheckFailedError(f"{what}: `{name}` differs, first in row {row}")


def require_declared_tokens(interface: GameInterface, tokens: np.ndarray, what: str) -> None:
    """Require that every byte of [N, K, 3] tokens is one that the interface declares."""
    location, feature, value = (tokens[..., part].astype(int) for part in range(3))
    is_blank = feature == BLANK
    require((tokens[is_blank] == BLANK).all(), f"{what}: a blank token is not 255, 255, 255")
    require(
        (np.diff(is_blank.astype(int), axis=1) >= 0).all(),
        f"{what}: used tokens follow a blank one",
    )
    require(not is_blank[:, 0].any(), f"{what}: row {int(np.argmax(is_blank[:, 0]))} has no token")
    used = ~is_blank
    is_inside = ((location >> 4) < interface.window) & ((location & 15) < interface.window)
    _require_none(
        used & ~is_inside & (location != GLOBAL_LOCATION),
        location,
        f"{what}: locations outside the window",
    )
    declared = [declared.id for declared in interface.features]
    _require_none(used & ~np.isin(feature, declared), feature, f"{what}: undeclared features")
    limits = {"tag": len(interface.tag_names), "last_action": interface.num_actions}
    for name, limit in limits.items():
        wrong = used & (feature == interface.feature_id(name)) & (value >= limit)
        _require_none(wrong, value, f"{what}: values of feature {name} that are not below {limit}")


def _require_none(wrong: np.ndarray, values: np.ndarray, what: str) -> None:
    require(not wrong.any(), f"{what}: {sorted(set(values[wrong].tolist()))}")
