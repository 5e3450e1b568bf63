"""What each element of the CogsGuard teachers' rules is worth: one switched off at a time, on the same held-out maps.

    python -m benchmarks.teacher_ablations                                    all (about half an hour of one core)
    python -m benchmarks.teacher_ablations --settings arena --teachers own --only 'hearts' 'patrol'
    python -m benchmarks.teacher_ablations --maps 8 --dry-run

Numbers of the rules are changed in the teacher's own tuning. Rules without a number are switched off from outside: a route
class is hidden from the decision (after all routes were searched), or a step of the teacher is replaced. Differences to
the full teacher are paired over maps, with 95 % bootstrap intervals. The results are stored beside the docs page that
shows them, `docs/teachers/ablations.md`; cells that are not measured anew stay.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from coglab.evaluation.episodes import EvaluationResult, evaluate_policy, paired_difference
from coglab.games.cogsguard import memory_layout as layout
from coglab.games.cogsguard.config import CogsGuardConfig
from coglab.games.cogsguard.memory_boards import STANDING
from coglab.games.cogsguard.teachers import teacher as teacher_module
from coglab.games.cogsguard.teachers.decide import HEART, NO_ROUTE
from coglab.games.cogsguard.teachers.scores import SETTINGS
from coglab.policies.scripted import ScriptedPolicy

STORE = Path(__file__).parents[1] / "docs" / "teachers" / "ablations.json"
TEACHERS = {
    "own": "metta://policy/cogsguard?gear=10",
    "team": "metta://policy/cogsguard?gear=10&memory=team",
}
METRICS = {
    "reward": "reward",
    "hearts": "heart.gained",
    "junctions": "cogs/aligned.junction.held",
}
"""Junctions: held by the team, summed over ticks; stored divided by the ticks, so a mean number."""
NEVER = 1e9


@dataclass(frozen=True)
class Ablation:
    """One element of the rules and how it is switched off."""

    name: str
    without: str
    """What the teacher does instead."""
    teachers: tuple[str, ...] = ("own", "team")
    tuning: dict[str, float] = field(default_factory=dict)
    """Fields of `decide.Tuning`."""
    team_tuning: dict[str, float] = field(default_factory=dict)
    """Fields of `team.TeamTuning`."""
    parameters: str = ""
    """Parameters that the URI gets, without a leading `&`; `memory=own` replaces the memory."""
    hidden: tuple[str, ...] = ()
    """Route classes of which no decision knows."""
    edit: Callable[[Any, slice], None] | None = None
    """Changes the routes after they were searched: called with the memory and the rows."""
    replaced: dict[str, Any] = field(default_factory=dict)
    """Functions of the teacher's module and what stands in for them."""
    relabel: Callable[[Any], None] | None = None
    """Changes the labels: called with the teacher."""
    is_long: bool = False
    """Whether it is measured over 10,000 ticks too."""


def _any_neutral(memory: Any, rows: slice) -> None:
    """`align` leads to the nearest neutral junction, wherever it lies."""
    for routes in (memory.route_dist[rows], memory.route_move[rows]):
        routes[:, layout.ROUTE_INDEX["align"]] = routes[:, layout.ROUTE_INDEX["neutral"]]


def _any_extractor(memory: Any, rows: slice) -> None:
    """`mine` leads to the nearest extractor, whatever the stock lacks."""
    number, mine = len(layout.ELEMENTS), layout.ROUTE_INDEX["mine"]
    nearest = memory.route_dist[rows, :number].argmin(axis=1)[:, None]
    for routes in (memory.route_dist[rows], memory.route_move[rows]):
        routes[:, mine] = np.take_along_axis(routes, nearest, axis=1)[:, 0]


def _through_agents(memory: Any, rows: slice) -> None:
    """Routes take no notice of agents that stand in the way."""
    standing = memory.state.body[rows, STANDING].copy()
    memory.state.body[rows, STANDING] = 0
    memory.state.routed[rows, 0] = -1
    memory.routes(rows.start, rows.stop)
    memory.state.body[rows, STANDING] = standing


def _first_move(teacher: Any) -> None:
    """Of several best moves always the first, whatever the cell's colour."""
    moves = teacher.label_mask >> 1 & 15
    walks = (teacher.labels >= 1) & (teacher.labels <= 4)
    first = np.array([1 + (max(m & -m, 1)).bit_length() - 1 for m in range(16)], np.int16)
    teacher.labels[walks] = first[moves[walks]]


def _blind_to_hearts(tuning: Any, state: Any, *rest: Any) -> None:
    """Roles are handed out without a look at who carries hearts."""
    carried = state.scalars[:, HEART].copy()
    state.scalars[:, HEART] = 0
    _ALLOCATE(tuning, state, *rest)
    state.scalars[:, HEART] = carried


_ALLOCATE = teacher_module.allocate_roles
_HALF = {f"miner_share_{i}": 0.5 for i in range(5)}
_FOUR = {"miners_start": 4.0} | {f"miners_{i}": 4.0 for i in range(4)}

ABLATIONS = (
    Ablation(
        "role revision, own",
        "half of the agents mine, whatever the stock",
        teachers=("own",),
        tuning=_HALF,
        is_long=True,
    ),
    Ablation(
        "role revision, team",
        "four miners, one scrambler and three aligners for the whole episode",
        teachers=("team",),
        team_tuning=_FOUR
        | {"scrambler_stock": 0, "second_scrambler": NEVER, "third_scrambler": NEVER}
        | {"rich_scramblers": 0},
        is_long=True,
    ),
    Ablation(
        "roles handed out",
        "each agent chooses its role as without a team (`roles=stock`)",
        teachers=("team",),
        parameters="roles=stock",
        is_long=True,
    ),
    Ablation(
        "shared map",
        "each agent plans from its own map, nothing is claimed; roles are still handed out",
        teachers=("team",),
        parameters="memory=own&roles=team",
        is_long=True,
    ),
    Ablation(
        "claims",
        "several fighters may walk to the same junction",
        teachers=("team",),
        replaced={"claim_targets": lambda *arguments: None},
        is_long=True,
    ),
    Ablation(
        "hearts keep the role",
        "roles change whoever carries hearts",
        teachers=("team",),
        replaced={"allocate_roles": _blind_to_hearts},
    ),
    Ablation(
        "all scramblers",
        "nobody ever frees a junction of the clips",
        tuning={"scrambler_share": 0, "swap": NEVER},
        team_tuning={"scrambler_stock": NEVER, "scrambler_age": NEVER, "rich_scramblers": 0},
        is_long=True,
    ),
    Ablation(
        "scramblers wait",
        "there is a scrambler from the first tick",
        tuning={"scrambler_start": 0},
        team_tuning={"scrambler_stock": 0},
    ),
    Ablation(
        "aligners swap",
        "an aligner without a target stays an aligner when it knows a junction of the clips",
        teachers=("own",),
        tuning={"swap": NEVER},
        is_long=True,
    ),
    Ablation(
        "scramblers by need",
        "one scrambler, however many junctions the clips have",
        teachers=("team",),
        team_tuning={"second_scrambler": NEVER, "third_scrambler": NEVER},
        is_long=True,
    ),
    Ablation(
        "scramblers when rich",
        "no further scramblers when the stock is full",
        teachers=("team",),
        team_tuning={"rich_scramblers": 0},
        is_long=True,
    ),
    Ablation(
        "patience",
        "the clips' last junction is freed at once, not at the next presence check",
        teachers=("team",),
        team_tuning={"patience": 0},
        is_long=True,
    ),
    Ablation(
        "five miners first",
        "four miners in the first 60 ticks too",
        teachers=("team",),
        team_tuning={"miners_start": 4},
    ),
    Ablation(
        "several hearts a trip",
        "fighters leave the chest with one heart",
        tuning={"aligner_hearts": 1, "rich_hearts": 1, "scrambler_hearts": 1},
        is_long=True,
    ),
    Ablation(
        "fewer hearts when rich",
        "aligners take nine hearts although the stock is full",
        teachers=("team",),
        tuning={"rich_hearts": 9},
        is_long=True,
    ),
    Ablation("first hearts", "no heart until the stock pays for it", tuning={"early": 0}),
    Ablation(
        "explore before gear",
        "fighters that cannot buy gear yet mine by hand from the first tick",
        tuning={"explore_age": 0},
    ),
    Ablation(
        "go home in time",
        "nobody turns back before it has no hp left",
        tuning={"margin": -NEVER},
        is_long=True,
    ),
    Ablation(
        "explore carefully",
        "exploring goes on to the last safe tick, as other goals do",
        tuning={"explore_margin": 10},
    ),
    Ablation(
        "fighters explore",
        "fighters never go to unknown ground that is not near own ground",
        tuning={"explore_margin": NEVER},
        is_long=True,
    ),
    Ablation(
        "near unknown first",
        "unknown ground near home is as any other",
        hidden=("near_frontier",),
    ),
    Ablation(
        "patrol",
        "nobody looks at known junctions again",
        hidden=("patrol",),
        is_long=True,
    ),
    Ablation(
        "stock slip",
        "miners change their role at the very limit",
        teachers=("own",),
        tuning={"stock_slip": 0},
    ),
    Ablation(
        "targets in reach",
        "aligners walk to any neutral junction, also in enemy ground and far from home",
        teachers=("own",),
        edit=_any_neutral,
    ),
    Ablation(
        "influence on the way",
        "an aligner without influence waits for it before it walks to a junction",
        hidden=("align_home",),
    ),
    Ablation(
        "safe ground",
        "an aligner without influence stays on own ground that the clips' covers",
        hidden=("safe_ground",),
    ),
    Ablation(
        "scarce elements first",
        "miners take the nearest extractor",
        edit=_any_extractor,
    ),
    Ablation("miner gear", "miners mine by hand", hidden=("miner_station",)),
    Ablation(
        "ways around agents",
        "routes take no notice of standing agents",
        edit=_through_agents,
    ),
    Ablation(
        "two colours",
        "of several best moves always the first",
        relabel=_first_move,
    ),
)


ALL_ROUTES = Ablation("all routes", "", edit=lambda memory, rows: None)
"""Nothing is switched off, but every route is searched: what elements without a number are compared with. Without a team
that plays exactly like the teacher; with one, who loses a claim knows more routes than the teacher searches."""
FULL = "full teacher"


class AblatedPolicy(ScriptedPolicy):
    """A teacher that plays without one element of its rules.

    Args:
        uri: the full teacher.
        ablation: what is switched off.
    """

    def __init__(self, uri: str, ablation: Ablation) -> None:
        self._ablation = ablation
        parameters = ablation.parameters
        if "memory=" in parameters:
            uri = uri.replace("&memory=team", "")
        super().__init__(f"{uri}&{parameters}" if parameters else uri)

    def bind(self, sim: Any, first_env: int, last_env: int) -> None:
        """Make the teacher and change it."""
        super().bind(sim, first_env, last_env)
        teacher, ablation = self._teacher, self._ablation
        teacher._tuning = teacher._tuning._replace(**ablation.tuning)
        teacher._team_tuning = teacher._team_tuning._replace(**ablation.team_tuning)
        if ablation.hidden or ablation.edit:
            self._observe = teacher.observe
            teacher.observe = self._observe_and_edit
        if ablation.relabel:
            self._label = teacher.label
            teacher.label = self._label_and_change

    def _observe_and_edit(self, reset: np.ndarray, first_env: int, last_env: int) -> None:
        """Let the teacher observe, search all routes and hide what it shall not know."""
        memory, rows = self._teacher.memory, self._rows
        memory.state.routed[rows, 0] = -1
        self._observe(reset, first_env, last_env)
        memory.state.routed[rows, 0] = -1
        memory.routes(rows.start, rows.stop)
        if self._ablation.edit:
            self._ablation.edit(memory, rows)
        for name in self._ablation.hidden:
            memory.route_dist[rows, layout.ROUTE_INDEX[name]] = NO_ROUTE

    def _label_and_change(self, reset: np.ndarray, first_env: int, last_env: int) -> None:
        """Let the teacher label and change the labels."""
        self._label(reset, first_env, last_env)
        self._ablation.relabel(self._teacher)


def play(
    teacher: str,
    ablation: Ablation | None,
    setting: str,
    maps: int,
    *,
    ticks: int | None = None,
    workers: int = 1,
) -> EvaluationResult:
    """Play a teacher without an element (None: the full teacher) on the held-out maps."""
    how = SETTINGS[setting]
    steps = ticks or how.max_steps
    game = CogsGuardConfig(mission=how.mission, num_agents=how.num_agents, max_steps=steps)
    uri = TEACHERS[teacher]

    def make() -> ScriptedPolicy:
        return ScriptedPolicy(uri) if ablation is None else AblatedPolicy(uri, ablation)

    with ExitStack() as stack:
        for name, stand_in in (ablation.replaced if ablation else {}).items():
            stack.enter_context(mock.patch.object(teacher_module, name, stand_in))
        result = evaluate_policy(make, uri, game, maps=maps, mode="greedy", workers=workers)
    result.metrics[METRICS["junctions"]] /= steps
    return result


def rounded(interval: Any) -> list[float]:
    """Mean, low, high."""
    return [round(float(value), 5) for value in (interval.mean, interval.low, interval.high)]


def main(arguments: list[str]) -> int:
    """Measure, print and store."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    names = [ablation.name for ablation in ABLATIONS]
    parser.add_argument("--settings", nargs="*", default=list(SETTINGS), choices=list(SETTINGS))
    parser.add_argument("--teachers", nargs="*", default=list(TEACHERS), choices=list(TEACHERS))
    parser.add_argument("--only", nargs="*", default=names, choices=names, metavar="NAME")
    parser.add_argument("--maps", type=int, default=64)
    parser.add_argument("--workers", type=int, default=1, help="threads")
    parser.add_argument("--dry-run", action="store_true", help="print, store nothing")
    options = parser.parse_args(arguments)
    for setting in options.settings:
        for teacher in options.teachers:

            def played(
                ablation: Ablation | None, teacher: str = teacher, setting: str = setting
            ) -> EvaluationResult:
                return play(teacher, ablation, setting, options.maps, workers=options.workers)

            full = played(None)
            cells = {FULL: {key: rounded(full.interval(name)) for key, name in METRICS.items()}}
            print(setting, teacher, cells[FULL], flush=True)
            all_routes = None
            for ablation in ABLATIONS:
                is_long = SETTINGS[setting].max_steps > 1000
                if teacher not in ablation.teachers or (is_long and not ablation.is_long):
                    continue
                if ablation.name not in options.only:
                    continue
                began = time.process_time()
                changed = played(ablation)
                base = full
                if ablation.hidden or ablation.edit:
                    all_routes = all_routes or played(ALL_ROUTES)
                    base = all_routes
                cell = {
                    key: rounded(paired_difference(changed, base, name))
                    for key, name in METRICS.items()
                }
                cells[ablation.name] = cell
                seconds = time.process_time() - began
                print(setting, teacher, ablation.name, cell, f"{seconds:.0f} s", flush=True)
                if not options.dry_run:
                    store(teacher, setting, options.maps, cells)
    return 0


def store(teacher: str, setting: str, maps: int, cells: dict[str, Any]) -> None:
    """Merge what was measured into the stored results: teacher -> setting -> element -> metric -> mean, low, high."""
    stored = json.loads(STORE.read_text(encoding="utf-8")) if STORE.exists() else {}
    stored["elements"] = {ablation.name: ablation.without for ablation in ABLATIONS}
    place = stored.setdefault(teacher, {}).setdefault(setting, {})
    place |= {"maps": maps} | cells
    STORE.write_text(json.dumps(stored, indent=1, sort_keys=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
