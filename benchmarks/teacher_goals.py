"""How long CogsGuard's teachers keep a goal, why they drop it, and how often they waver.

    python -m benchmarks.teacher_goals                own and team memory, arena and machina_1, 1,000 ticks, 8 held-out maps
    python -m benchmarks.teacher_goals --maps 4 --ticks 300

A goal is a route class (chest, align, mine, ...); a stretch is a run of ticks with one goal. Changes of vibe take one tick
each and are counted apart. A stretch ends in one of these ways:

* reached: the last label was the move onto the target or the bump into it;
* gone: the target is not there any more: it was seen (unknown ground, patrol) or somebody else took it;
* role: the agent changes its vibe;
* left: the target is as near as before, but another goal is followed now.

An agent *wavers* if it leaves a goal and is back at it within `BACK` ticks while the target of the first was never reached
and did not go: A, B, A. `distance` is the length of the route when a stretch begins: no teacher that walks to the nearest
target can keep the goal longer than that, unless it waits for energy.
"""

from __future__ import annotations

import argparse
import itertools
import sys
from typing import NamedTuple

import numpy as np

from coglab.evaluation.config import FIRST_EVALUATION_SEED
from coglab.games.cogsguard.config import CogsGuardConfig
from coglab.games.cogsguard.mapgen import MapPool
from coglab.games.cogsguard.memory_layout import NO_ROUTE, ROUTE_CLASSES, VIBES
from coglab.games.cogsguard.sim import CogsGuardSim
from coglab.games.cogsguard.teachers import make_teacher
from coglab.games.cogsguard.teachers.decide import FIRST_VIBE_ACTION, VIBE

BACK = 8
"""Ticks within which a return to a goal counts as wavering."""
ENDS = ("reached", "gone", "role", "left")
REACHED, GONE, ROLE, LEFT = range(4)
URIS = {
    "own": "metta://policy/cogsguard?gear=10",
    "team": "metta://policy/cogsguard?gear=10&memory=team",
}


class Play(NamedTuple):
    """What was followed, for T ticks and N agents."""

    goals: np.ndarray
    """i16 [T, N] index into ROUTE_CLASSES; -1: the agent stays or changes its vibe"""
    labels: np.ndarray
    """i16 [T, N]"""
    vibes: np.ndarray
    """i16 [T, N] index of the vibe shown"""
    routes: np.ndarray
    """u8 [T, N, len(ROUTE_CLASSES)] moves to the nearest target of every class"""


class Stretch(NamedTuple):
    """A run of ticks in which an agent follows one goal; the last one of an episode, which nothing ends, is left out."""

    agent: int
    begin: int
    length: int
    goal: int
    role: int
    distance: int
    """moves to the target at the beginning"""
    end: int
    """index into ENDS"""
    then: int
    """the next goal"""
    wavers: bool


def record(uri: str, mission: str, ticks: int, maps: int, first_seed: int) -> Play:
    """Let a teacher play games side by side, with every route searched, and keep what it followed."""
    game = CogsGuardConfig(mission=mission, num_agents=8, max_steps=max(ticks, 1000))
    pool = MapPool.for_evaluation(game, maps, first_seed=first_seed)
    sim = CogsGuardSim(game, maps, pool, map_choice="by_env")
    teacher = make_teacher(uri, sim)
    memory = teacher.memory
    shape = (ticks, sim.num_rows)
    played = Play(
        np.zeros(shape, np.int16),
        np.zeros(shape, np.int16),
        np.zeros(shape, np.int16),
        np.zeros((*shape, len(ROUTE_CLASSES)), np.uint8),
    )
    reset = np.ones(sim.num_rows, np.bool_)
    for tick in range(ticks):
        teacher.observe(reset)
        # The teacher searches only what its decision needs.
        memory.state.routed[:, 0] = -1
        memory.routes()
        played.routes[tick] = memory.route_dist
        memory.state.routed[:, 0] = -1
        teacher.label(reset)
        played.goals[tick] = teacher.goals
        played.labels[tick] = teacher.labels
        played.vibes[tick] = memory.scalars[:, VIBE : VIBE + len(VIBES)].argmax(axis=1)
        sim.actions[:] = teacher.labels
        sim.step()
        reset[:] = False
    return played


def find_stretches(played: Play) -> list[Stretch]:
    """All stretches with a goal, agent by agent."""
    ticks, agents = played.goals.shape
    found = []
    for n in range(agents):
        goals, labels, routes = played.goals[:, n], played.labels[:, n], played.routes[:, n]
        starts = np.concatenate([[0], np.flatnonzero(np.diff(goals)) + 1, [ticks]])
        for begin, stop in itertools.pairwise(starts):
            goal = int(goals[begin])
            if goal < 0 or stop == ticks:
                continue
            before, after = int(routes[stop - 1, goal]), int(routes[stop, goal])
            end = _end(before, after, labels[stop - 1 : stop + 1])
            found.append(
                Stretch(
                    n,
                    int(begin),
                    int(stop - begin),
                    goal,
                    int(played.vibes[begin, n]),
                    int(routes[begin, goal]),
                    end,
                    int(goals[stop]),
                    end == LEFT and _comes_back(goal, goals[stop:], routes[stop - 1 :, goal]),
                )
            )
    return found


def _end(before: int, after: int, labels: np.ndarray) -> int:
    """Why a stretch ends; `before` and `after`: moves to its target at its last tick and one later."""
    if labels[1] >= FIRST_VIBE_ACTION:
        return ROLE
    if before <= 1 and labels[0] > 0:
        return REACHED
    return GONE if after == NO_ROUTE or after > before + 1 else LEFT


def _comes_back(goal: int, goals: np.ndarray, routes: np.ndarray) -> bool:
    """Whether the goal is followed again soon, to a target that was there all the time.

    `goals` begins with the first tick of the other goal, `routes` one tick before.
    """
    back = np.flatnonzero(goals[: BACK + 1] == goal)
    if len(back) == 0:
        return False
    until = routes[: back[0] + 2].astype(int)
    return bool((until != NO_ROUTE).all() and (np.diff(until) <= 1).all() and until.min() > 1)


def summarise(played: Play, stretches: list[Stretch]) -> list[str]:
    """Tables as lines of text: one row per role, and the pairs of goals between which agents waver."""
    lines = [
        "| role | stretches | median ticks | median distance | length / distance | half of the steps in stretches of | "
        + " | ".join(ENDS)
        + " | waver | steps spent wavering |",
        "|" + " --- |" * (8 + len(ENDS)),
    ]
    steps = played.goals.size
    for role in (None, *sorted({s.role for s in stretches})):
        some = [s for s in stretches if role is None or s.role == role]
        if len(some) < 20:
            continue
        length = np.sort([s.length for s in some])
        far = [
            s.length / s.distance for s in some if 1 < s.distance < NO_ROUTE and s.end == REACHED
        ]
        half = length[np.searchsorted(np.cumsum(length), length.sum() / 2)]
        ends = np.bincount([s.end for s in some], minlength=len(ENDS)) / len(some)
        wavers = [s for s in some if s.wavers]
        share = len(wavers) / len(some)
        cells = [
            "all" if role is None else VIBES[role],
            f"{len(some)}",
            f"{np.median(length):.0f}",
            f"{np.median([s.distance for s in some]):.0f}",
            f"{np.median(far):.2f}",
            f"{half}",
            *(f"{100 * share:.1f} %" for share in ends),
            f"{100 * share:.2f} %",
            f"{100 * wavering_steps(played, wavers) / max(steps_of(played, role), 1):.2f} %",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    pairs: dict[tuple[int, int], int] = {}
    for s in stretches:
        if s.wavers:
            pairs[s.goal, s.then] = pairs.get((s.goal, s.then), 0) + 1
    for (goal, then), count in sorted(pairs.items(), key=lambda item: -item[1])[:6]:
        other = ROUTE_CLASSES[then].name if then >= 0 else "stay"
        lines.append(f"wavers {count} times: {ROUTE_CLASSES[goal].name} - {other}")
    one = sum(s.length == 1 for s in stretches)
    near = sum(s.distance <= 1 for s in stretches)
    short = sum(s.distance < 8 for s in stretches)
    changes = int((played.labels >= FIRST_VIBE_ACTION).sum())
    lines.append(
        f"{len(stretches)} stretches in {steps} steps: {one} of one tick, {near} that begin beside the target, {short} "
        f"that begin less than 8 moves from it; {changes} changes of vibe"
    )
    return lines


def wavering_steps(played: Play, wavers: list[Stretch]) -> int:
    """Ticks spent with the other goal before agents came back."""
    total = 0
    for s in wavers:
        after = played.goals[s.begin + s.length : s.begin + s.length + BACK + 1, s.agent]
        total += int(np.flatnonzero(after == s.goal)[0])
    return total


def steps_of(played: Play, role: int | None) -> int:
    """Agent steps in which a role is shown; all of them for None."""
    return played.vibes.size if role is None else int((played.vibes == role).sum())


def main(arguments: list[str]) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--maps", type=int, default=8)
    parser.add_argument("--ticks", type=int, default=1000)
    parser.add_argument("--first-seed", type=int, default=FIRST_EVALUATION_SEED)
    parser.add_argument("--teachers", nargs="*", default=list(URIS), choices=list(URIS))
    options = parser.parse_args(arguments)
    for mission in ("arena", "machina_1"):
        for name in options.teachers:
            played = record(URIS[name], mission, options.ticks, options.maps, options.first_seed)
            print(f"\n{mission}, {name} memory, {options.ticks} ticks, {options.maps} maps")
            print("\n".join(summarise(played, find_stretches(played))), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
