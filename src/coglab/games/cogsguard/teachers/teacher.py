"""`CogsGuardTeacher`: one scripted teacher over a batch of games.

With `memory=own` the teacher keeps no state of its own beyond counting episodes: what it remembers lies in a
`MapMemory`, its role is the vibe that the agent shows, and every label is a function of the memory's scalars and routes.
So it never matters who acted before, and a network that reads the same memory sees everything that decides a label.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from coglab.engine.jit import direct
from coglab.games.cogsguard.memory import MapMemory, sim_arguments
from coglab.games.cogsguard.memory_layout import VIBES
from coglab.games.cogsguard.sim import CogsGuardSim
from coglab.games.cogsguard.teachers.decide import (
    CHOOSES,
    TEAM_PLAY,
    TUNING,
    Roles,
    label_rows,
)
from coglab.games.cogsguard.teachers.plan import observe_games, plan_rows
from coglab.games.cogsguard.teachers.registry import SMART, TeacherSpec
from coglab.games.cogsguard.teachers.team import (
    TEAM_TUNING,
    allocate_roles,
    bide_time,
    claim_targets,
)


class CogsGuardTeacher:
    """Labels for the rows of a simulator (row n = env * num_agents + agent).

    Attributes:
        spec: which teacher, with its parameters.
        memory: what it decides from.
        needs_update: the caller must call `observe` before `label`; False if the caller keeps the given memory
            up to date itself.
        labels: i16 [N] the action that the teacher takes where it leads, -1 where it abstains.
        label_mask: u16 [N] bit u: action u is to be imitated; 0 where the teacher abstains. It has the bit of `labels`,
            but for `labels=own`: then it has what an own-memory teacher would do.
        label_weight: f32 [N] 1, or 0 where the action cannot be known from what the agent observed.
        goals: i8 [N] route class that is being followed, -1 for none; for diagnosis.
    """

    def __init__(self, spec: TeacherSpec, sim: Any, memory: MapMemory | None = None) -> None:
        """Allocate the labels.

        Args:
            spec: which teacher.
            sim: the simulator.
            memory: see `make_teacher`.
        """
        self.spec = spec
        self._sim = sim
        hand_mining = 1.0 if spec.name in ("aligner", "scrambler") else 0.0
        own_play = TUNING._replace(hand_mining=hand_mining)
        self._tuning = (
            own_play if spec.memory == "own" else TEAM_PLAY._replace(hand_mining=hand_mining)
        )
        self._team_tuning = TEAM_TUNING
        num_rows, num_agents = sim.num_rows, sim.num_agents
        given = memory if memory is not None and not memory.is_shared else None
        if given is not None and spec.memory == "own":
            self.memory = given
            self.needs_update = False
        else:
            self.memory = MapMemory(num_rows, num_agents, is_shared=spec.memory != "own")
            self.needs_update = True
        self.labels = np.full(num_rows, -1, np.int16)
        self.label_mask = np.zeros(num_rows, np.uint16)
        self.label_weight = np.zeros(num_rows, np.float32)
        self.goals = np.full(num_rows, -1, np.int8)
        self._episode = np.full(sim.num_envs, -1, np.int32)
        self._ticks = np.zeros(sim.num_envs, np.int32)
        roles = [spec.role_of(agent, 0, num_agents) for agent in range(num_agents)]
        chooses = [role == SMART for role in roles]
        uniform = len(set(roles)) == 1 and not spec.rotation
        hidden = not uniform or (chooses[0] and spec.allocation != "stock")
        self._roles = Roles(
            wanted=np.full(num_rows, CHOOSES, np.int8),
            is_enforced=np.full(num_rows, uniform),
            is_hidden=np.full(num_rows, hidden),
        )
        self._in_team = np.zeros(num_rows, np.bool_)
        self._observe: Callable[..., None] | None = None
        self._label: Callable[..., None] | None = None
        self._imitated: CogsGuardTeacher | None = None
        if spec.labels == "own" and spec.memory != "own":
            self._imitated = CogsGuardTeacher(spec.with_own_memory(), sim, given)

    def observe(self, reset: np.ndarray, first_env: int = 0, last_env: int | None = None) -> None:
        """Take in the simulator's current observations; only when `needs_update`.

        Args:
            reset: bool [N] true where the observation is the first of an episode.
            first_env: first game.
            last_env: game after the last; all when left out.
        """
        first, last = self._rows(first_env, last_env)
        agents = self._sim.num_agents
        apm = self.memory.agents_per_memory
        if not isinstance(self._sim, CogsGuardSim):
            self.memory.update(self._sim.tokens, reset, first, last)
            plan_rows(self._tuning, self.memory.state, first, last, apm)
        elif self.spec.memory == "full":
            self.memory.perceive(self._sim, reset, first // agents, last // agents)
            self._reveal(reset[::agents], first // agents, last // agents)
            plan_rows(self._tuning, self.memory.state, first, last, apm)
        else:
            given = (
                self._tuning, self.memory.state, *sim_arguments(self._sim, reset),
                first // agents, last // agents, apm,
            )  # fmt: skip
            if self._observe is None:
                self._observe = direct(observe_games, *given)
            self._observe(*given)
        if self._imitated is not None and self._imitated.needs_update:
            self._imitated.observe(reset, first_env, last_env)

    def label(self, reset: np.ndarray, first_env: int = 0, last_env: int | None = None) -> None:
        """Write `labels`, `label_mask` and `label_weight` for the current observations; the GIL is released.

        Args:
            reset: bool [N] true where the observation is the first of an episode.
            first_env: first game.
            last_env: game after the last; all when left out.
        """
        first, last = self._rows(first_env, last_env)
        agents = self._sim.num_agents
        begin, end = first // agents, last // agents
        state = self.memory.state
        for env in np.flatnonzero(reset[first:last:agents]) + begin:
            self._begin_episode(int(env))
        if self.spec.allocation == "team":
            allocate_roles(
                self._team_tuning, state, self._in_team, self._roles.wanted, self._ticks, agents, begin, end,
            )  # fmt: skip
        if self.spec.memory != "own":
            claim_targets(self._tuning, state, self.memory.agents_per_memory, agents, begin, end)
            bide_time(self._team_tuning, state, self._ticks, agents, begin, end)
        given = (
            self._tuning, state, self._roles, self.labels, self.label_mask, self.label_weight, self.goals,
            first, last,
        )  # fmt: skip
        if self._label is None:
            self._label = direct(label_rows, *given)
        self._label(*given)
        self._ticks[begin:end] += 1
        if self._imitated is not None:
            self._imitated.label(reset, first_env, last_env)
            rows = slice(first, last)
            self.label_mask[rows] = self._imitated.label_mask[rows]
            self.label_weight[rows] = self._imitated.label_weight[rows]
            self.goals[rows] = self._imitated.goals[rows]

    def get_state(self) -> dict[str, np.ndarray]:
        """Copies of what the next labels depend on; the memory only if it is the teacher's own."""
        saved = {"episode": self._episode.copy(), "fixed_role": self._roles.wanted.copy()}
        saved |= {"ticks": self._ticks.copy(), "in_team": self._in_team.copy()}
        saved |= {"is_enforced": self._roles.is_enforced.copy()}
        for prefix, part in self._parts():
            saved |= {prefix + name: array for name, array in part.get_state().items()}
        return saved

    def set_state(self, saved: dict[str, np.ndarray]) -> None:
        """Restore what `get_state` returned; what an older version did not save stays as it is."""
        self._episode[:] = saved["episode"]
        self._roles.wanted[:] = saved["fixed_role"]
        for name, array in (
            ("ticks", self._ticks),
            ("in_team", self._in_team),
            ("is_enforced", self._roles.is_enforced),
        ):
            array[:] = saved.get(name, array)
        for prefix, part in self._parts():
            of_part = {
                name.removeprefix(prefix): array
                for name, array in saved.items()
                if name.startswith(prefix)
            }
            if of_part:
                part.set_state(of_part)

    def _parts(self) -> list[tuple[str, MapMemory | CogsGuardTeacher]]:
        """What has a state of its own and belongs to the teacher, each with the beginning of its names in a saved state."""
        parts: list[tuple[str, MapMemory | CogsGuardTeacher]] = []
        if self.needs_update:
            parts.append(("memory.", self.memory))
        if self._imitated is not None:
            parts.append(("imitated.", self._imitated))
        return parts

    def _begin_episode(self, env: int) -> None:
        """Count the episode and hand out the roles that are fixed for its length."""
        self._episode[env] += 1
        self._ticks[env] = 0
        agents = self._sim.num_agents
        for agent in range(agents):
            role = self.spec.role_of(agent, int(self._episode[env]), agents)
            n = env * agents + agent
            self._roles.wanted[n] = CHOOSES if role == SMART else VIBES.index(role)
            self._in_team[n] = role == SMART and self.spec.allocation == "team"
            if self._in_team[n]:
                self._roles.is_enforced[n] = True

    def _reveal(self, is_new: np.ndarray, first_env: int, last_env: int) -> None:
        """Show the memory the whole map."""
        from coglab.games.cogsguard.teachers.reveal import reveal_games

        maps = self._sim.maps.compiled
        state = self._sim.state
        reveal_games(
            self.memory.state, maps.info, maps.objects, maps.wall_bits, state.map_slot,
            state.object_value, np.ascontiguousarray(is_new), first_env, last_env,
        )  # fmt: skip

    def _rows(self, first_env: int, last_env: int | None) -> tuple[int, int]:
        """First row and row after the last of a range of games."""
        agents = self._sim.num_agents
        return first_env * agents, (self._sim.num_envs if last_env is None else last_env) * agents
