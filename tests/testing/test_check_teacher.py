"""`check_teacher` passes teachers that keep the contract and names what others do wrong."""

from __future__ import annotations

import numpy as np
import pytest

from coglab.config.errors import UserError
from coglab.games.cogsguard.teachers import make_teacher, registry
from coglab.games.cogsguard.teachers.plain import PythonTeacher
from coglab.testing import TeacherCheckError, check_teacher


@pytest.mark.parametrize(
    "uri", ["cogsguard?gear=10", "teacher", "aligner", "cogsguard?gear=10&memory=team&labels=own"]
)
def test_our_teachers_pass(uri):
    report = check_teacher(lambda sim: make_teacher(f"metta://policy/{uri}", sim))
    assert not report.failed


class Walker(PythonTeacher):
    """Walks east until something is in the way, then any other way; the first steps of an episode are noops."""

    def begin(self):
        return {"age": 0}

    def decide(self, own, cells, mind):
        mind["age"] += 1
        if mind["age"] < 3:
            return None
        return 4 if (0, 1) not in cells else [1, 2, 3]


class ReadsIndex(Walker):
    def label(self, reset, first_env=0, last_env=None):
        super().label(reset, first_env, last_env)
        self.labels[:] = np.arange(len(self.labels)) % 5
        self.label_mask[:] = 1 << self.labels
        self.label_weight[:] = 1


class NeverForgets(Walker):
    def label(self, reset, first_env=0, last_env=None):
        super().label(np.zeros_like(reset), first_env, last_env)


class TrustsItsLabels(Walker):
    def decide(self, own, cells, mind):
        return 1 if self.labels[0] == 2 else 2


class MasksTooMuch(Walker):
    def decide(self, own, cells, mind):
        return [1, 14]


class ReadsTheState(Walker):
    def decide(self, own, cells, mind):
        return int(self._sim.state.tick[0]) % 5


def test_a_plain_python_teacher_passes():
    assert len(check_teacher(lambda sim: Walker(None, sim)).passed) == 7


@pytest.mark.parametrize(
    ("teacher", "finding"),
    [
        (ReadsIndex, "FAILED   labels that count do not depend on the agent's index"),
        (NeverForgets, "FAILED   nothing is remembered"),
        (TrustsItsLabels, "FAILED   labels do not depend on which label was carried out"),
        (MasksTooMuch, "FAILED   labels, masks and weights are sound"),
    ],
)
def test_what_a_teacher_does_wrong_is_named(teacher, finding):
    with pytest.raises(TeacherCheckError, match=finding):
        check_teacher(lambda sim: teacher(None, sim))


def test_a_teacher_that_looks_behind_the_observations_fails():
    with pytest.raises(AttributeError, match="state"):
        check_teacher(lambda sim: ReadsTheState(None, sim))


def test_a_registered_teacher_is_found_by_its_uri(monkeypatch):
    monkeypatch.setattr(registry, "TEACHERS", dict(registry.TEACHERS))
    monkeypatch.setattr("coglab.games.cogsguard.teachers.registry.TEACHERS", registry.TEACHERS)
    registry.register_teacher("walker", f"{__name__}:Walker", "walks east")
    report = check_teacher(lambda sim: make_teacher("metta://policy/walker", sim))
    assert not report.failed
    registry.register_teacher("lost", "no.such.module:Thing", "cannot be loaded")
    with pytest.raises(UserError, match="cannot be loaded"):
        make_teacher("metta://policy/lost", None)


@pytest.mark.parametrize(
    ("name", "factory", "message"),
    [
        ("miner", "a:b", "choose a name like `my-miner`"),
        ("my teacher", "a:b", "cannot be the name"),
        ("mine", "a.b", "expected `module:name`"),
    ],
)
def test_a_teacher_that_cannot_be_registered_says_why(name, factory, message):
    with pytest.raises(UserError, match=message):
        registry.register_teacher(name, factory, "")
