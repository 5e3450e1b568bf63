"""`teacher={...}` and the trainer's own keys are two spellings of one plan; the second is the one that is kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from coglab.config import UserError, build
from coglab.config.layers import KeyPath, dotted, merge, show_value
from coglab.config.values import Tree
from coglab.training.config import SlicedScriptedClonerConfig, TeacherConfig, TrainingEnvConfig

CLONER: KeyPath = ("trainer", "losses", "sliced_scripted_cloner")
URI: KeyPath = ("training_env", "supervisor_policy_uri")
ENABLED: KeyPath = (*CLONER, "enabled")

PLACES: dict[str, KeyPath] = {
    "policy_uri": URI,
    "teacher_led_proportion": (*CLONER, "teacher_led_proportion"),
    "student_led_proportion": (*CLONER, "student_led_proportion"),
    "steps": (*CLONER, "steps"),
    "anneal_start_step": (*CLONER, "anneal_start_step"),
    "action_loss_coef": (*CLONER, "action_loss_coef"),
}
"""Where each key of `teacher` is kept."""


def spell_out_teacher(tree: Mapping[str, Tree]) -> dict[str, Tree]:
    """Move `teacher` to the places where it is kept.

    Args:
        tree: what one source gave: `teacher`, the trainer's own keys, or both.

    Returns:
        A new tree without `teacher`. `teacher=null` turns a recipe's teacher off.

    Raises:
        UserError: both spellings are given and disagree, or `teacher` itself is wrong.
    """
    spelled = dict(tree)
    if "teacher" not in spelled:
        return spelled
    given = spelled.pop("teacher")
    if given is None:
        # A saved configuration has `teacher: null` beside the plan that its teacher became.
        if _lookup(tree, ENABLED) is not None or _lookup(tree, URI) is not None:
            return spelled
        return merge(spelled, _nest({ENABLED: False, URI: None}))
    if not isinstance(given, Mapping):
        return dict(tree)  # left for validation to explain
    teacher = build(TeacherConfig, given, prefix=("teacher",))
    wanted: dict[KeyPath, Any] = {ENABLED: True}
    for key, path in PLACES.items():
        value = getattr(teacher, key)
        if value is not None:
            wanted[path] = value
    for path, value in wanted.items():
        _check_agreement(spelled, path, value, given)
    return merge(spelled, _nest(wanted))


def _check_agreement(
    tree: Mapping[str, Tree], path: KeyPath, value: object, teacher: Mapping[str, Tree]
) -> None:
    raw = _lookup(tree, path)
    if raw is None:
        return
    owner = TrainingEnvConfig if path == URI else SlicedScriptedClonerConfig
    other = getattr(build(owner, {path[-1]: raw}, prefix=path[:-1]), path[-1])
    if other == value:
        return
    key = next((k for k, place in PLACES.items() if place == path), None)
    spelling = f"teacher.{key}={show_value(value)}" if key else f"teacher={show_value(teacher)}"
    raise UserError(
        f"two spellings of one value disagree: `{spelling}` and `{dotted(path)}={show_value(other)}`. "
        "Give one of them."
    )


def _lookup(tree: Tree, path: KeyPath) -> Tree:
    for key in path:
        tree = tree.get(key) if isinstance(tree, Mapping) else None
    return tree


def _nest(values: Mapping[KeyPath, Any]) -> dict[str, Tree]:
    nested: dict[str, Tree] = {}
    for path, value in values.items():
        inner: Tree = value
        for key in reversed(path):
            inner = {key: inner}
        nested = merge(nested, inner)
    return nested


def check_teacher_plan(cloner: SlicedScriptedClonerConfig, uri: str | None) -> None:
    """Check that the parts of a resolved teacher plan fit each other.

    Args:
        cloner: the cloning loss.
        uri: the teacher.

    Raises:
        UserError: the loss has no teacher or the teacher no loss, or the shares or steps are impossible.
    """
    name = dotted(CLONER)
    if cloner.enabled and uri is None:
        raise UserError(
            f"`{name}.enabled=true` needs a teacher to clone. "
            f"For example `{dotted(URI)}=metta://policy/cogsguard?gear=10`, or both in one: "
            '`teacher={mode: sliced_cloner, policy_uri: "metta://policy/cogsguard?gear=10"}`.'
        )
    if uri is not None and not cloner.enabled:
        raise UserError(
            f"`{dotted(URI)}={uri}` names a teacher, but `{name}.enabled` is false, so nothing would use it. "
            f"Add `{name}.enabled=true`, write both as `teacher={{mode: sliced_cloner, policy_uri: "
            f'"{uri}"}}`, or drop the teacher with `{dotted(URI)}=null`.'
        )
    if not cloner.enabled:
        return
    teacher_led, student_led = cloner.teacher_led_proportion, cloner.student_led_proportion
    if teacher_led + student_led > 1 + 1e-9:
        rest = round(max(0.0, 1 - teacher_led), 10)
        raise UserError(
            f"teacher_led_proportion {teacher_led:g} + student_led_proportion {student_led:g} = "
            f"{teacher_led + student_led:g}, but they are shares of the same rows and sum to at most 1. "
            f"For example `teacher_led_proportion: {teacher_led:g}, student_led_proportion: {rest:g}`."
        )
    if cloner.steps is not None and cloner.anneal_start_step > cloner.steps:
        raise UserError(
            f"`{name}.anneal_start_step={show_value(cloner.anneal_start_step)}` lies after the end of the teacher "
            f"phase, `{name}.steps={show_value(cloner.steps)}`. "
            f"For example `{name}.anneal_start_step={show_value(cloner.steps // 2)}`."
        )


def describe_teacher_plan(cloner: SlicedScriptedClonerConfig, uri: str | None) -> str:
    """Say who acts on which share of the rows, and until when."""
    if not cloner.enabled:
        return "no teacher: pure PPO"
    ppo = max(0.0, 1 - cloner.teacher_led_proportion - cloner.student_led_proportion)
    return (
        f"teacher {uri}: {cloner.teacher_led_proportion:.0%} of the rows teacher-led, "
        f"{cloner.student_led_proportion:.0%} student-led, {ppo:.0%} PPO; "
        f"the first two fall to 0 between steps {show_value(cloner.anneal_start_step)} and "
        f"{show_value(cloner.steps)}"
    )
