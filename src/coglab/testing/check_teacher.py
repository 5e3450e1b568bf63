"""`check_teacher`: does a teacher keep the contract that the trainer relies on, and can a student learn its labels?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np

MOST_LABELS = 31
"""Actions from here on are never labels: a mask has bits for the first 31."""


class TeacherCheckError(AssertionError):
    """A teacher breaks the contract; the text lists every check that failed and what it found."""


@dataclass
class TeacherReport:
    """What `check_teacher` found."""

    passed: list[str] = field(default_factory=list)
    """Names of the checks that held."""
    failed: dict[str, str] = field(default_factory=dict)
    """What was found wrong, by name of the check."""

    def __str__(self) -> str:
        """One line per check."""
        lines = [f"ok       {name}" for name in self.passed]
        return "\n".join(
            [*lines, *(f"FAILED   {name}: {text}" for name, text in self.failed.items())]
        )


@dataclass
class _Play:
    """A recorded game: observations, first-of-episode flags, and what the teacher said, one entry per tick."""

    num_agents: int
    tokens: list[np.ndarray] = field(default_factory=list)
    resets: list[np.ndarray] = field(default_factory=list)
    masks: list[np.ndarray] = field(default_factory=list)
    weights: list[np.ndarray] = field(default_factory=list)
    problem: str = ""


def check_teacher(
    make_teacher: Callable[[Any], Any],
    *,
    ticks: int = 120,
    mission: str = "arena",
    game: Any | None = None,
) -> TeacherReport:
    """Check a teacher; nothing but observations is shown to it, so one that reads the simulator's state fails.

    Args:
        make_teacher: called with a simulator (`tokens`, `num_rows`, `num_agents`, `num_envs`), returns the teacher.
        ticks: ticks of play per check; episodes are half as long.
        mission: which maps of CogsGuard.
        game: settings of another game, for example `Machina1Config()`; agents and length are set here.

    Returns:
        The checks that passed.

    Raises:
        TeacherCheckError: some failed; lists all of them.
    """
    play = _record(make_teacher, ticks, mission, game)
    report = TeacherReport()
    for name, check in _CHECKS.items():
        try:
            found = check(make_teacher, play)
        except Exception as error:  # a crash is a finding about the teacher, told with the others
            found = f"{type(error).__name__}: {error}"
        if found:
            report.failed[name] = found
        else:
            report.passed.append(name)
    if report.failed:
        raise TeacherCheckError(str(report))
    return report


def _record(
    make_teacher: Callable[[Any], Any], ticks: int, mission: str, game: Any | None
) -> _Play:
    """Let the teacher play two games, a fifth of the actions being random."""
    from coglab.games.cogsguard.config import CogsGuardConfig
    from coglab.games.registry import game_of

    agents = 4
    config = CogsGuardConfig(mission=mission) if game is None else game
    changed = {"num_agents": agents, "max_steps": max(ticks // 2, 2)}
    config = type(config).model_validate(config.model_dump() | changed)
    maps = game_of(config).held_out_maps(config, 2, 1)
    sim = game_of(config).make_sim(config, 2, maps, seed=1, map_choice="by_env")
    num_actions = min(len(sim.action_names), MOST_LABELS)
    play = _Play(agents)
    shown = _shown(sim.num_rows, agents)
    teacher = make_teacher(shown)
    rng = np.random.default_rng(0)
    reset = np.ones(sim.num_rows, np.bool_)
    for tick in range(ticks):
        play.tokens.append(sim.tokens.copy())
        play.resets.append(reset.copy())
        shown.tokens = sim.tokens
        _ask(teacher, reset)
        play.problem = play.problem or _problem_with(teacher, tick, num_actions)
        if not (sim.tokens == play.tokens[-1]).all():
            play.problem = play.problem or f"the observations were changed at tick {tick}"
        play.masks.append(teacher.label_mask.copy())
        play.weights.append(teacher.label_weight.copy())
        random = rng.random(sim.num_rows) < 0.2
        sim.actions[:] = np.where(
            random, rng.integers(0, num_actions, sim.num_rows), np.maximum(teacher.labels, 0)
        )
        sim.step()
        reset[:] = sim.terminated | sim.truncated
    return play


def _shown(num_rows: int, num_agents: int) -> SimpleNamespace:
    """All that a teacher may look at of a simulator."""
    return SimpleNamespace(
        num_rows=num_rows, num_agents=num_agents, num_envs=num_rows // num_agents, tokens=None
    )


def _ask(teacher: Any, reset: np.ndarray) -> None:
    if teacher.needs_update:
        teacher.observe(reset)
    teacher.label(reset)


def _problem_with(teacher: Any, tick: int, num_actions: int) -> str:
    """What is wrong with the labels of one tick; the empty string if nothing is."""
    labels, masks, weights = teacher.labels, teacher.label_mask, teacher.label_weight
    for name, array, dtype in (
        ("labels", labels, np.int16),
        ("label_weight", weights, np.float32),
    ):
        if array.dtype != dtype:
            return f"{name} has dtype {array.dtype}, expected {np.dtype(dtype)}"
    if masks.dtype not in (np.uint16, np.uint32):
        return f"label_mask has dtype {masks.dtype}, expected uint16, or uint32 for more actions"
    if ((labels < -1) | (labels >= num_actions)).any():
        return f"tick {tick}: a label lies outside -1 .. {num_actions - 1}"
    if (masks.astype(np.uint64) >> np.uint64(num_actions)).any():
        return f"tick {tick}: a mask has bits of actions that do not exist"
    abstains = labels == -1
    if (masks[abstains] != 0).any() or (weights[abstains] != 0).any():
        return f"tick {tick}: a row without label (-1) has a mask or a weight; both must be 0"
    if (masks[~abstains] == 0).any():
        return f"tick {tick}: a row with a label has an empty mask"
    if ((weights < 0) | (weights > 1) | np.isnan(weights)).any():
        return f"tick {tick}: a weight lies outside 0 .. 1"
    return ""


def _relabel(
    make_teacher: Callable[[Any], Any],
    play: _Play,
    order: np.ndarray,
    *,
    scramble: bool = False,
    both_count: bool = False,
) -> str:
    """Show the recorded rows in another order to a new teacher; says where a label that counts differs."""
    shown = _shown(len(order), play.num_agents)
    teacher = make_teacher(shown)
    for tick in range(len(play.tokens)):
        shown.tokens = np.ascontiguousarray(play.tokens[tick][order])
        _ask(teacher, np.ascontiguousarray(play.resets[tick][order]))
        before, now = play.weights[tick][order] > 0, teacher.label_weight > 0
        counts = before & now if both_count else before | now
        differs = (teacher.label_mask != play.masks[tick][order]) & counts
        if differs.any():
            row = int(np.flatnonzero(differs)[0])
            was = play.masks[tick][order][row]
            return f"tick {tick}, row {row}: actions {_bits(teacher.label_mask[row])}, before {_bits(was)}"
        if scramble:
            teacher.labels[:] = 0
            teacher.label_mask[:] = 1
    return ""


def _bits(mask: int) -> list[int]:
    return [action for action in range(32) if int(mask) >> action & 1]


def _labels_are_sound(make_teacher: Callable[[Any], Any], play: _Play) -> str:
    return play.problem


def _repeats_itself(make_teacher: Callable[[Any], Any], play: _Play) -> str:
    return _relabel(make_teacher, play, np.arange(2 * play.num_agents))


def _ignores_the_batch(make_teacher: Callable[[Any], Any], play: _Play) -> str:
    second = np.arange(play.num_agents, 2 * play.num_agents)
    return _relabel(make_teacher, play, second)


def _ignores_earlier_labels(make_teacher: Callable[[Any], Any], play: _Play) -> str:
    return _relabel(make_teacher, play, np.arange(2 * play.num_agents), scramble=True)


def _ignores_the_index(make_teacher: Callable[[Any], Any], play: _Play) -> str:
    agents = play.num_agents
    turned = np.roll(np.arange(agents), 1)
    return _relabel(make_teacher, play, np.concatenate([turned, turned + agents]), both_count=True)


def _forgets_at_the_end(make_teacher: Callable[[Any], Any], play: _Play) -> str:
    """The second episode alone has the labels that it had after the first."""
    firsts = [tick for tick, reset in enumerate(play.resets) if reset.all()]
    if len(firsts) < 2:
        return ""
    at = firsts[1]
    later = _Play(
        play.num_agents, play.tokens[at:], play.resets[at:], play.masks[at:], play.weights[at:]
    )
    return _relabel(make_teacher, later, np.arange(2 * play.num_agents))


def _can_be_restored(make_teacher: Callable[[Any], Any], play: _Play) -> str:
    shown = _shown(2 * play.num_agents, play.num_agents)
    teacher, copy = make_teacher(shown), make_teacher(shown)
    half = len(play.tokens) // 3
    for tick in range(2 * half):
        shown.tokens = play.tokens[tick]
        if tick == half:
            copy.set_state(teacher.get_state())
        _ask(teacher, play.resets[tick])
        if tick >= half:
            _ask(copy, play.resets[tick])
            if (teacher.label_mask != copy.label_mask).any():
                return f"{tick - half} ticks after the restore the labels differ"
    return ""


_CHECKS: dict[str, Callable[[Callable[[Any], Any], _Play], str]] = {
    "labels, masks and weights are sound": _labels_are_sound,
    "the same observations give the same labels": _repeats_itself,
    "labels do not depend on the other games of the batch": _ignores_the_batch,
    "labels do not depend on which label was carried out": _ignores_earlier_labels,
    "labels that count do not depend on the agent's index": _ignores_the_index,
    "nothing is remembered from the episode before": _forgets_at_the_end,
    "a restored teacher goes on as if nothing had happened": _can_be_restored,
}
