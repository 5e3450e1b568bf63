"""Play one episode with policies and record it: for `replay`, `play`, and the best and worst maps of an evaluation."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from coglab.config import UserError
from coglab.config.errors import did_you_mean
from coglab.games.registry import game_of
from coglab.policies.learned import log_softmax
from coglab.policies.protocol import ActOutput, Mode, Policy
from coglab.replay.file import Document
from coglab.replay.games import REPLAY_GAMES
from coglab.replay.recorder import Heading, Recorder, Thoughts

if TYPE_CHECKING:
    from coglab.engine.kernel_sim import KernelSim
    from coglab.evaluation.episodes import EvaluationResult
    from coglab.games.config import GameConfig

REST = "rest"
"""Key of the policy of agents whose role has none of its own."""


@dataclass(frozen=True)
class Cast:
    """Who plays whom.

    Attributes:
        uris: the policies, each once.
        by_agent: `[A]` position in `uris` of the policy that plays each agent.
        by_vibe: id of the vibe that an agent shows at the moment (its role) -> position in `uris`; goes before
            `by_agent`.
    """

    uris: tuple[str, ...]
    by_agent: tuple[int, ...]
    by_vibe: Mapping[int, int]

    def choose(self, vibes: np.ndarray) -> np.ndarray:
        """Return `[A]` int8, the policy that plays each agent, given the vibes that they show (`[A]`)."""
        chosen = np.array(self.by_agent, np.int8)
        for vibe, policy in self.by_vibe.items():
            chosen[vibes == vibe] = policy
        return chosen


def make_cast(uris: Sequence[str], of_role: Mapping[str, str], game: GameConfig) -> Cast:
    """Work out who plays whom.

    Args:
        uris: one policy for all agents, or one for each.
        of_role: role -> policy; agents that show this role are played by it, whatever `uris` says.
        game: its settings say how many agents there are and which roles.

    Returns:
        The cast.

    Raises:
        UserError: another number of policies, or an unknown role.
    """
    num_agents, vibes = game.num_agents, game_of(game).vibes
    if len(uris) not in (1, num_agents):
        raise UserError(
            f"`policy_uris` names {len(uris)} policies for {num_agents} agents: name one for all agents, or one for each. "
            "For example `policy_uris=metta://policy/first`; for one role "
            f"`'policy_of_role={{{vibes[1]}: metta://policy/first}}'`."
        )
    for role in of_role:
        if role not in vibes:
            named = [vibe for vibe in vibes if not vibe.startswith("symbol_")]
            raise UserError(
                f"`policy_of_role`: there is no role `{role}`; the roles are {', '.join(named)}."
                f"{did_you_mean(role, named)}"
            )
    every = tuple(dict.fromkeys((*uris, *of_role.values())))
    by_agent = tuple(every.index(uris[agent % len(uris)]) for agent in range(num_agents))
    by_vibe = {vibes.index(role): every.index(uri) for role, uri in of_role.items()}
    return Cast(every, by_agent, by_vibe)


class Decision(NamedTuple):
    """What the policies of a game decided for one tick."""

    actions: np.ndarray
    """`[A] int32`"""
    thoughts: Thoughts
    """what stood behind them"""
    policies: np.ndarray
    """`[A] int8`, which policy of the cast plays each agent"""


class Episode:
    """One episode that policies play and a recorder writes down, a tick at a time.

    Attributes:
        sim: the simulator of the one game.
        recorder: what was recorded so far.

    Args:
        game: mission, agents, rules.
        cast: who plays whom.
        load: loads a policy by its URI.
        map_seed: of the map.
        seed: of the simulator and of action sampling.
        env_id: global id of the game.
        mode: how learned policies choose their actions.
        teacher_uri: whose labels are recorded, or None.
        label: what the viewer calls the episode.
        note: free text.
    """

    def __init__(
        self,
        game: GameConfig,
        cast: Cast,
        load: Callable[[str], Policy],
        *,
        map_seed: int,
        seed: int,
        env_id: int = 0,
        mode: Mode = "sample",
        teacher_uri: str | None = None,
        label: str = "",
        note: str = "",
    ) -> None:
        recorded = REPLAY_GAMES[game.kind]
        self.sim: KernelSim = recorded.make_game(game, map_seed=map_seed, seed=seed, env_id=env_id)
        self._cast, self._mode = cast, mode
        self._policies = [load(uri) for uri in cast.uris]
        for policy in self._policies:
            policy.bind(self.sim, 0, 1)
        self._teacher = (
            None if teacher_uri is None else game_of(game).make_teacher(teacher_uri, self.sim)
        )
        self._rng = np.random.default_rng([seed, env_id])
        self._reset = np.ones(self.sim.num_agents, np.bool_)
        self._decision: Decision | None = None
        heading = Heading(
            config=game.model_dump(mode="json"),
            seed=seed,
            env_id=env_id,
            map_seed=map_seed,
            policies=[
                {"uri": uri, "mode": "scripted" if policy.is_scripted else mode}
                for uri, policy in zip(cast.uris, self._policies, strict=True)
            ],
            teacher_uri=teacher_uri,
            label=label or ", ".join(cast.uris),
            note=note,
        )
        self.recorder = Recorder(self.sim, recorded.make_reader(self.sim), heading)

    @property
    def is_over(self) -> bool:
        """Whether the last tick has been played."""
        return self.recorder.steps >= self.sim.max_steps

    def decide(self) -> Decision:
        """Let the policies and the teacher decide about the present observations; `tick` plays what they decided.

        Returns:
            What they would do; the same until the tick is played.
        """
        if self._decision is None:
            self._decision = self._decide()
        return self._decision

    def tick(
        self, forced: np.ndarray | None = None, driven: Mapping[int, int] | None = None
    ) -> None:
        """Let the policies decide, then play one tick.

        Args:
            forced: `[A]` int, actions that are played instead of the policies'.
            driven: agent -> action, for agents that a person drives.
        """
        decision, sim = self.decide(), self.sim
        sim.actions[:] = decision.actions if forced is None else forced
        for agent, action in (driven or {}).items():
            sim.actions[agent] = action
        self._decision = None
        self._reset[:] = False
        self.recorder.before_step(decision.thoughts, decision.policies)
        sim.step()
        self.recorder.after_step()

    def _decide(self) -> Decision:
        sim = self.sim
        decided = [policy.act(self._reset, self._mode, self._rng) for policy in self._policies]
        chosen = self._cast.choose(sim.state.vibe)
        agents = np.arange(sim.num_agents)
        actions = np.stack([output.actions for output in decided])[chosen, agents]
        thoughts = Thoughts(self._ask_teacher(), *_thoughts_of(decided, chosen, sim.num_actions))
        return Decision(actions, thoughts, chosen)

    def _ask_teacher(self) -> np.ndarray | None:
        teacher = self._teacher
        if teacher is None:
            return None
        if teacher.needs_update:
            teacher.observe(self._reset)
        teacher.label(self._reset)
        labels: np.ndarray = teacher.labels.copy()
        return labels


def _thoughts_of(
    decided: list[ActOutput], chosen: np.ndarray, num_actions: int
) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Gather probabilities `[A, U]` and values `[A]` of the policy that plays each agent, NaN where it has none."""
    if all(output.logits is None for output in decided):
        return None, None
    probabilities = np.full((len(chosen), num_actions), np.nan, np.float32)
    values = np.full(len(chosen), np.nan, np.float32)
    for index, output in enumerate(decided):
        mine = chosen == index
        if output.logits is not None:
            probabilities[mine] = np.exp(log_softmax(output.logits[mine]))
        if output.value is not None:
            values[mine] = output.value[mine]
    return probabilities, values


def record(episode: Episode, on_progress: Callable[[float], Any] | None = None) -> Document:
    """Play an episode to its end.

    Args:
        episode: not yet begun, or anywhere in its course.
        on_progress: called now and then with the share of ticks played, 0 to 1.

    Returns:
        The replay.
    """
    while not episode.is_over:
        episode.tick()
        if on_progress is not None and episode.recorder.steps % 50 == 0:
            on_progress(episode.recorder.steps / episode.sim.max_steps)
    return episode.recorder.document()


def pick_episodes(returns: np.ndarray) -> dict[str, int]:
    """Choose the maps of an evaluation that are worth watching.

    Args:
        returns: `[maps]` float, reward per map.

    Returns:
        `best`, `median` (the lower one of an even number) and `worst` -> index; a map that was chosen once is not
        chosen again, so fewer than three maps give fewer entries.
    """
    order = np.argsort(returns, kind="stable")
    wanted = (("best", order[-1]), ("median", order[(len(order) - 1) // 2]), ("worst", order[0]))
    picked: dict[str, int] = {}
    for name, index in wanted:
        if int(index) not in picked.values():
            picked[name] = int(index)
    return picked


def record_again(
    result: EvaluationResult,
    index: int,
    game: GameConfig,
    load: Callable[[str], Policy],
    *,
    seed: int,
    teacher_uri: str | None,
    label: str,
) -> Document:
    """Play one episode of an evaluation again, with its actions, and record it with what its policy thinks of them.

    Args:
        result: an evaluation that kept its actions.
        index: which map.
        game: the evaluation's game.
        load: loads a policy by its URI.
        seed: the evaluation's.
        teacher_uri: whose labels are recorded, or None.
        label: what the viewer calls the episode.

    Returns:
        The replay.
    """
    assert result.actions is not None
    episode = Episode(
        game,
        make_cast([result.policy_uri], {}, game),
        load,
        map_seed=int(result.map_seeds[index]),
        seed=seed,
        env_id=index,
        mode="greedy" if result.mode == "greedy" else "sample",
        teacher_uri=teacher_uri,
        label=label,
    )
    for actions in result.actions[:, index]:
        episode.tick(forced=actions)
    return episode.recorder.document()
