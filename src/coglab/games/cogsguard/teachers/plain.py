"""`PythonTeacher`: the base of teachers in plain Python: slow, but nothing to know about kernels or batches."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

OWN_CELL = 85
NO_LABEL = -1


class PythonTeacher:
    """A teacher of one's own: override `begin` and `decide`, register it with `register_teacher`.

    Every row (one agent of one game) has a `mind`, whatever `begin` returns; it is forgotten when an episode ends. All
    that a decision may use is the observation and the mind: then a student can learn it. About 20,000 steps a second.

    Attributes:
        needs_update, labels, label_mask, label_weight: as in `CogsGuardTeacher`.
    """

    needs_update = False

    def __init__(self, spec: Any, sim: Any) -> None:
        """Allocate the labels.

        Args:
            spec: the `TeacherSpec` of the URI.
            sim: the simulator; `tokens`, `num_rows`, `num_agents` and `num_envs` are read.
        """
        self.spec = spec
        self._sim = sim
        self.labels = np.full(sim.num_rows, NO_LABEL, np.int16)
        self.label_mask = np.zeros(sim.num_rows, np.uint16)
        self.label_weight = np.zeros(sim.num_rows, np.float32)
        self._minds: list[Any] = [self.begin() for _ in range(sim.num_rows)]

    def begin(self) -> Any:
        """Return the mind of an agent whose episode begins, made of what JSON knows; the default is an empty dict."""
        return {}

    def decide(
        self, own: dict[int, int], cells: dict[tuple[int, int], dict[int, int]], mind: Any
    ) -> int | list[int] | None:
        """Say what an agent should do.

        Args:
            own: feature -> value of the agent's own cell and of the game; see docs/02-observations.md.
            cells: (rows down, columns right) of a cell in view -> feature -> value; without empty cells and own cell.
            mind: what `begin` returned, for this agent's episode; change it in place.

        Returns:
            An action, a list of equally good ones (the first is carried out), or None to abstain.
        """  # fmt: skip
        raise NotImplementedError

    def observe(self, reset: np.ndarray, first_env: int = 0, last_env: int | None = None) -> None:
        """Do nothing: `label` reads the observations."""

    def label(self, reset: np.ndarray, first_env: int = 0, last_env: int | None = None) -> None:
        """Write the labels for the current observations; arguments as in `CogsGuardTeacher.label`."""
        agents = self._sim.num_agents
        last = self._sim.num_envs if last_env is None else last_env
        for n in range(first_env * agents, last * agents):
            if reset[n]:
                self._minds[n] = self.begin()
            own, cells = read_observation(self._sim.tokens[n])
            answer = self.decide(own, cells, self._minds[n])
            actions = (
                [] if answer is None else [answer] if isinstance(answer, int) else list(answer)
            )
            self.labels[n] = actions[0] if actions else NO_LABEL
            self.label_mask[n] = sum({1 << action for action in actions})
            self.label_weight[n] = 1.0 if actions else 0.0

    def get_state(self) -> dict[str, np.ndarray]:
        """The minds, as JSON in bytes."""
        return {"minds": np.frombuffer(json.dumps(self._minds).encode(), np.uint8).copy()}

    def set_state(self, saved: dict[str, np.ndarray]) -> None:
        """Restore what `get_state` returned."""
        self._minds = json.loads(saved["minds"].tobytes())


def read_observation(
    tokens: np.ndarray,
) -> tuple[dict[int, int], dict[tuple[int, int], dict[int, int]]]:
    """Take one observation apart.

    Args:
        tokens: u8 [200, 3].

    Returns:
        (feature -> value of the own cell and the game, (rows down, columns right) -> feature -> value of other cells).
    """
    own: dict[int, int] = {}
    cells: dict[tuple[int, int], dict[int, int]] = {}
    for location, feature, value in tokens.tolist():
        if location == 255:
            break
        if location == OWN_CELL:
            own[feature] = value
        else:
            cells.setdefault((location // 16 - 5, location % 16 - 5), {})[feature] = value
    return own, cells
