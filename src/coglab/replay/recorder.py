"""`Recorder`: collects one game of a simulator, tick by tick, and makes a replay of it.

What belongs to every game is here: actions, success, rewards, and what the policies thought. What a game's state looks
like is asked from a `GameReader`; `cogsguard.py` has the one of CogsGuard.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import numpy as np

from coglab.engine.batch_sim import BatchSim
from coglab.replay import tracks
from coglab.replay.file import FORMAT, VERSION, Document

REWARD_SCALE, VALUE_SCALE, PROBABILITY_SCALE = 1e-6, 1e-3, 1e-2
NO_LABEL = -1
"""Teacher's label where it abstained or was not asked."""


class Thoughts(NamedTuple):
    """What stood behind the actions of one tick, for the A agents of the game; None where nobody was asked."""

    teacher: np.ndarray | None = None
    """`[A]` int, the teacher's labels, -1 where it abstains"""
    probabilities: np.ndarray | None = None
    """`[A, U]` float, of each action; rows of NaN for agents without any"""
    value: np.ndarray | None = None
    """`[A]` float, NaN for agents without any"""


@dataclass(frozen=True)
class Heading:
    """Where an episode comes from: enough to play it again.

    Attributes:
        config: the game's settings, JSON-able.
        seed: of the simulator.
        env_id: global id of the game.
        map_seed: of the map.
        policies: URIs with the way of choosing actions, `{"uri": ..., "mode": ...}`.
        teacher_uri: whose labels are recorded, or None.
        label: what the viewer calls the episode.
        note: free text.
    """

    config: dict[str, Any]
    seed: int
    env_id: int
    map_seed: int
    policies: list[dict[str, str]] = field(default_factory=list)
    teacher_uri: str | None = None
    label: str = ""
    note: str = ""


class GameReader(Protocol):
    """Copies a game's state step by step, and writes what it has as parts of a replay."""

    def capture(self, step: int) -> None:
        """Copy the state after `step` ticks."""
        ...

    def document(self, steps: int) -> Document:
        """Write names, terrain, objects, collectives and events of the first `steps` ticks."""
        ...


class Recorder:
    """Records game 0 of a simulator.

    Use: make it after `reset`; then per tick `before_step` once the actions are in `sim.actions`, `sim.step()`,
    `after_step`. `document` may be called at any time. The simulator must not reset the game by itself.

    Args:
        sim: a simulator of one game.
        reader: knows the game.
        heading: where the episode comes from.
    """

    def __init__(self, sim: BatchSim, reader: GameReader, heading: Heading) -> None:
        agents, steps = sim.num_agents, sim.max_steps
        self._sim, self._reader, self._heading = sim, reader, heading
        self.steps = 0
        self._actions = np.zeros((steps, agents), np.int64)
        self._success = np.zeros((steps, agents), np.bool_)
        self._returns = np.zeros((steps + 1, agents), np.float64)
        self._teacher = np.full((steps, agents), NO_LABEL, np.int16)
        self._policy = np.zeros((steps, agents), np.int8)
        self._probabilities = np.zeros((steps, agents, sim.num_actions), np.uint8)
        self._value = np.zeros((steps, agents), np.int32)
        self._has_thought = np.zeros(agents, np.bool_)
        self._crc = zlib.crc32(np.ascontiguousarray(sim.tokens).data)
        reader.capture(0)

    def before_step(
        self, thoughts: Thoughts | None = None, policy: np.ndarray | None = None
    ) -> None:
        """Take in the actions that are about to be played.

        Args:
            thoughts: what stood behind them.
            policy: `[A]` int, which of the heading's policies each agent follows; left out, the first.
        """
        step = self.steps
        self._actions[step] = self._sim.actions
        if policy is not None:
            self._policy[step] = policy
        if thoughts is None:
            return
        if thoughts.teacher is not None:
            self._teacher[step] = thoughts.teacher
        if thoughts.probabilities is not None:
            known = ~np.isnan(thoughts.probabilities[:, 0])
            self._has_thought |= known
            percent = np.rint(thoughts.probabilities[known] / PROBABILITY_SCALE)
            self._probabilities[step, known] = percent
        if thoughts.value is not None:
            self._value[step] = np.rint(np.nan_to_num(thoughts.value) / VALUE_SCALE)

    def after_step(self) -> None:
        """Take in what the tick has changed."""
        step = self.steps
        self._success[step] = self._sim.success
        self._returns[step + 1] = self._returns[step] + self._sim.rewards
        self._crc = zlib.crc32(np.ascontiguousarray(self._sim.tokens).data, self._crc)
        self.steps = step + 1
        self._reader.capture(self.steps)

    def document(self) -> Document:
        """Make a replay of what was recorded so far.

        Returns:
            The replay, JSON-able.
        """
        heading, steps = self._heading, self.steps
        document: Document = {
            "version": VERSION,
            "format": FORMAT,
            "label": heading.label,
            "note": heading.note,
            "config": heading.config,
            "seed": heading.seed,
            "env_id": heading.env_id,
            "map_seed": heading.map_seed,
            "policies": heading.policies,
            "teacher_uri": heading.teacher_uri,
            "num_agents": self._sim.num_agents,
            "max_steps": self._sim.max_steps,
            "steps": steps,
            "action_names": list(self._sim.action_names),
            "scales": {
                "total_reward": REWARD_SCALE,
                "value": VALUE_SCALE,
                "probability": PROBABILITY_SCALE,
            },
            "observation_crc32": self._crc,
        }
        document |= self._reader.document(steps)
        for thing in document["objects"]:
            if "agent_id" in thing:
                thing |= self._agent(thing["agent_id"], steps)
        return document

    def _agent(self, agent: int, steps: int) -> Document:
        """Write the tracks of an agent that have one value per tick (`S` of them) or per state (`S + 1`)."""
        returns = np.rint(self._returns[: steps + 1, agent] / REWARD_SCALE)
        tracked: Document = {"total_reward": tracks.encode(returns)}
        if steps == 0:
            return tracked
        per_tick = {
            "action_id": self._actions,
            "action_success": self._success,
            "policy_id": self._policy,
            "teacher_action_id": self._teacher,
        }
        for name, values in per_tick.items():
            tracked[name] = tracks.encode(values[:steps, agent])
        if self._has_thought[agent]:
            tracked["value"] = tracks.encode(self._value[:steps, agent])
            tracked["probabilities"] = [
                tracks.encode(column) for column in self._probabilities[:steps, agent].T
            ]
        return tracked
