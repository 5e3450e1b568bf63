"""What is measured about the teachers: elements switched off are off, and goals are told apart rightly."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import teacher_ablations, teacher_goals
from benchmarks.teacher_goals import GONE, LEFT, REACHED, ROLE, Play, find_stretches
from coglab.evaluation.episodes import evaluate_policy
from coglab.games.cogsguard.config import CogsGuardConfig
from coglab.games.cogsguard.memory_layout import NO_ROUTE, ROUTE_CLASSES, ROUTE_INDEX
from coglab.policies.scripted import ScriptedPolicy

ALIGN, PATROL = ROUTE_INDEX["align"], ROUTE_INDEX["patrol"]


def actions_of(make, ticks=200):
    game = CogsGuardConfig(mission="arena", num_agents=8, max_steps=ticks)
    return evaluate_policy(make, "", game, maps=2, mode="greedy", keep_actions=True).actions


def ablated(teacher, ablation):
    uri = teacher_ablations.TEACHERS[teacher]
    return lambda: teacher_ablations.AblatedPolicy(uri, ablation)


def test_with_nothing_switched_off_the_teacher_plays_as_ever():
    full = actions_of(lambda: ScriptedPolicy(teacher_ablations.TEACHERS["own"]))
    searched = actions_of(ablated("own", teacher_ablations.ALL_ROUTES))
    assert (full == searched).all()


FROM_OUTSIDE = [
    a
    for a in teacher_ablations.ABLATIONS
    # Without safe ground teachers play differently so seldom that two maps need not show it.
    if (a.hidden or a.edit or a.replaced or a.relabel) and a.name != "safe ground"
]


@pytest.mark.slow
@pytest.mark.parametrize("ablation", FROM_OUTSIDE, ids=lambda a: a.name)
def test_without_an_element_the_teacher_plays_otherwise(ablation):
    for teacher in ablation.teachers:
        before, after = (
            teacher_ablations.play(teacher, one, "arena", 2, ticks=600)
            for one in (teacher_ablations.ALL_ROUTES, ablation)
        )
        assert any((before.metrics[key] != after.metrics[key]).any() for key in before.metrics)


def one_agent(goals, labels, align, patrol):
    """A game of one agent; two classes have routes."""
    routes = np.full((len(goals), 1, len(ROUTE_CLASSES)), NO_ROUTE, np.uint8)
    routes[:, 0, ALIGN], routes[:, 0, PATROL] = align, patrol
    column = np.array(goals, np.int16)[:, None]
    return Play(column, np.array(labels, np.int16)[:, None], np.zeros_like(column), routes)


def test_a_goal_that_is_left_for_a_while_wavers():
    goals = [ALIGN, ALIGN, PATROL, ALIGN, ALIGN, ALIGN]
    played = one_agent(goals, [1] * 6, [6, 5, 4, 4, 3, 2], [3] * 6)
    first, other = find_stretches(played)
    assert (first.length, first.end, first.wavers) == (2, LEFT, True)
    assert (other.length, other.end, other.wavers) == (1, LEFT, False)
    assert teacher_goals.wavering_steps(played, [first]) == 1


def test_who_reached_the_target_or_lost_it_did_not_waver():
    goals = [ALIGN, ALIGN, PATROL, ALIGN, PATROL, PATROL]
    reached = one_agent(goals, [1] * 6, [2, 1, 9, 8, 7, 6], [3] * 6)
    assert [s.end for s in find_stretches(reached)] == [REACHED, LEFT, LEFT]
    assert not find_stretches(reached)[0].wavers
    gone = one_agent(goals, [1] * 6, [4, 3, NO_ROUTE, 8, 7, 6], [3] * 6)
    assert find_stretches(gone)[0].end == GONE
    assert not find_stretches(gone)[0].wavers
    # It is back at a junction of the same class, but farther away: another one.
    other = one_agent(goals, [1] * 6, [4, 3, 3, 9, 8, 7], [3] * 6)
    assert not find_stretches(other)[0].wavers


def test_a_change_of_vibe_ends_a_stretch_by_the_role():
    played = one_agent([ALIGN, ALIGN, -1, ALIGN], [1, 1, 8, 1], [6, 5, 4, 4], [3] * 4)
    [only] = find_stretches(played)
    assert (only.end, only.wavers) == (ROLE, False)
