"""`teacher={...}` and the trainer's own keys are two spellings of one plan; the second is the one that is kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from coglab.config import Config, UserError, build
from coglab.config.describe import members
from coglab.config.errors import did_you_mean
from coglab.config.layers import KeyPath, dotted, merge, show_value
from coglab.config.values import Tree
from coglab.policies.uris import parse_uri
from coglab.training.config import (
    LEARNED_TEACHER_LOSSES,
    TEACHER_LOSSES,
    LossesConfig,
    SlicedScriptedClonerConfig,
    TeacherConfig,
    TrainingEnvConfig,
)

LOSSES: KeyPath = ("trainer", "losses")
CLONER: KeyPath = (*LOSSES, "sliced_scripted_cloner")
URI: KeyPath = ("training_env", "supervisor_policy_uri")
ENABLED: KeyPath = (*CLONER, "enabled")

MODES: dict[str, type[Config]] = {
    member.model_fields["mode"].default: member for member in members(TeacherConfig)
}
"""Teacher mode -> its settings."""

LOSS_OF_MODE = {
    "sliced_cloner": "sliced_scripted_cloner",
    "sliced_cloner_no_ppo": "sliced_scripted_cloner",
    "supervisor": "sliced_scripted_cloner",
    "kickstarter": "kickstarter",
    "eer_kickstarter": "eer_kickstarter",
    "eer_cloner": "eer_cloner",
}
"""Teacher mode -> the loss that imitates."""

WITHOUT_PPO = ("sliced_cloner_no_ppo", "supervisor")
"""Modes that learn from labels alone."""

PLACES: dict[str, KeyPath] = {
    "policy_uri": URI,
    **{
        key: (*LOSSES, LOSS_OF_MODE[mode], key)
        for mode, settings in reversed(MODES.items())
        for key in settings.model_fields
        if key not in ("mode", "policy_uri")
    },
}
"""Where each key of `teacher` is kept, in the first mode that has it."""


def places_of(mode: str) -> dict[str, KeyPath]:
    """Where each key of `teacher` is kept in a mode."""
    keys = [key for key in MODES[mode].model_fields if key not in ("mode", "policy_uri")]
    return {"policy_uri": URI, **{key: (*LOSSES, LOSS_OF_MODE[mode], key) for key in keys}}


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
        off = {(*LOSSES, name, "enabled"): False for name in TEACHER_LOSSES}
        return merge(_nest({**off, URI: None}), spelled)
    if not isinstance(given, Mapping):
        return dict(tree)  # left for validation to explain
    mode = given.get("mode", "sliced_cloner")
    if mode not in MODES:
        raise UserError(
            f"`teacher.mode`: `{show_value(mode)}` given, one of {', '.join(f'`{m}`' for m in MODES)} expected."
            f"{did_you_mean(str(mode), MODES)} For example `teacher.mode=sliced_cloner`."
        )
    teacher = build(MODES[str(mode)], given, prefix=("teacher",))
    wanted = _wanted(str(mode), teacher)
    for path, value in wanted.items():
        _check_agreement(spelled, path, value, given)
    # A loss that imitates while PPO is to profit from it needs the policy gradient at its full weight.
    soft: dict[KeyPath, Any] = (
        {(*LOSSES, "ppo_actor", "coef_with_teacher"): 1.0}
        if LOSS_OF_MODE[str(mode)] != CLONER[-1]
        else {}
    )
    return merge(merge(_nest(soft), spelled), _nest(wanted))


def _wanted(mode: str, teacher: Any) -> dict[KeyPath, Any]:
    """Every value that a teacher sets, by the place where it is kept."""
    used = LOSS_OF_MODE[mode]
    wanted: dict[KeyPath, Any] = {
        (*LOSSES, name, "enabled"): name == used for name in TEACHER_LOSSES
    }
    for key, path in places_of(mode).items():
        value = getattr(teacher, key)
        if value is not None:
            wanted[path] = value
    if mode in WITHOUT_PPO:
        wanted[(*LOSSES, "ppo_actor", "enabled")] = False
        wanted[(*LOSSES, "ppo_critic", "enabled")] = False
    if mode == "supervisor":
        wanted[(*CLONER, "student_led_proportion")] = 1.0 - teacher.teacher_led_proportion
        wanted[(*CLONER, "anneal")] = False
    return wanted


def _check_agreement(
    tree: Mapping[str, Tree], path: KeyPath, value: object, teacher: Mapping[str, Tree]
) -> None:
    raw = _lookup(tree, path)
    if raw is None:
        return
    owner = TrainingEnvConfig if path == URI else type(getattr(LossesConfig(), path[2]))
    other = getattr(build(owner, {path[-1]: raw}, prefix=path[:-1]), path[-1])
    if other == value:
        return
    places = places_of(str(teacher.get("mode", "sliced_cloner")))
    key = next((k for k, place in places.items() if place == path), None)
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


def check_teacher_plan(losses: LossesConfig, uri: str | None) -> None:
    """Check that the parts of a resolved teacher plan fit each other.

    Args:
        losses: all losses.
        uri: the teacher.

    Raises:
        UserError: a loss has no teacher or the teacher no loss, or too many; the teacher is of the wrong kind; the
            shares or steps are impossible.
    """
    used = [name for name in TEACHER_LOSSES if getattr(losses, name).enabled]
    if len(used) > 1:
        raise UserError(
            f"a run imitates in one way, but {' and '.join(f'`{dotted((*LOSSES, n))}`' for n in used)} are enabled. "
            f"For example `{dotted((*LOSSES, used[1]))}.enabled=false`, or say it in one line with `teacher={{mode: ...}}`."
        )
    name = dotted((*LOSSES, used[0] if used else CLONER[-1]))
    if used and uri is None:
        raise UserError(
            f"`{name}.enabled=true` needs a teacher to clone. "
            f"For example `{dotted(URI)}=metta://policy/cogsguard?gear=10`, or both in one: "
            '`teacher={mode: sliced_cloner, policy_uri: "metta://policy/cogsguard?gear=10"}`.'
        )
    if uri is not None and not used:
        raise UserError(
            f"`{dotted(URI)}={uri}` names a teacher, but `{name}.enabled` is false, so nothing would use it. "
            f"Add `{name}.enabled=true`, write both as `teacher={{mode: sliced_cloner, policy_uri: "
            f'"{uri}"}}`, or drop the teacher with `{dotted(URI)}=null`.'
        )
    if uri is not None and used:
        _check_kind(used[0], uri)
    cloner = losses.sliced_scripted_cloner
    if not cloner.enabled:
        return
    _check_cloner(cloner)


def check_rest_is_taught(
    losses: LossesConfig, steps: int, total: int, run_name: str | None
) -> None:
    """Check that something teaches after the teacher has left.

    Args:
        losses: all losses.
        steps: agent steps at which the teacher leaves.
        total: agent steps of the run.
        run_name: the run, for the message.

    Raises:
        UserError: nothing would.
    """
    if steps >= total or losses.has_ppo:
        return
    name = run_name or "NAME"
    raise UserError(
        f"the teacher leaves at agent step {steps:,}, and without ppo_actor and ppo_critic nothing would teach "
        f"up to trainer.total_timesteps={total:_}. Use trainer.total_timesteps={steps:_}, or go on with PPO: "
        f"run={name}-2 initial_policy_uri=metta://policy/{name} in a mode with PPO."
    )


def _check_kind(loss: str, uri: str) -> None:
    """Refuse a teacher that has not what the loss needs."""
    reference = parse_uri(uri)
    if reference.kind == "baseline":
        raise UserError(
            f"`{uri}` is a baseline and labels nothing. For example `metta://policy/cogsguard?gear=10`, or a run of "
            "yours, `metta://policy/my-run:latest`."
        )
    if loss in LEARNED_TEACHER_LOSSES and reference.kind == "teacher":
        other = "eer_cloner" if loss == "eer_kickstarter" else "sliced_cloner"
        raise UserError(
            f"`{dotted((*LOSSES, loss))}` needs a teacher with probabilities and values, a trained network such as "
            f"`metta://policy/my-run:latest`; `{uri}` is a script. For a script use "
            f'`teacher={{mode: {other}, policy_uri: "{uri}"}}`.'
        )


def _check_cloner(cloner: SlicedScriptedClonerConfig) -> None:
    name = dotted(CLONER)
    teacher_led, student_led = cloner.teacher_led_proportion, cloner.student_led_proportion
    if teacher_led + student_led > 1 + 1e-9:
        rest = round(max(0.0, 1 - teacher_led), 10)
        raise UserError(
            f"teacher_led_proportion {teacher_led:g} + student_led_proportion {student_led:g} = "
            f"{teacher_led + student_led:g}, but they are shares of the same rows and sum to at most 1. "
            f"For example `teacher_led_proportion: {teacher_led:g}, student_led_proportion: {rest:g}`."
        )
    if cloner.anneal and cloner.steps is not None and cloner.anneal_start_step > cloner.steps:
        raise UserError(
            f"`{name}.anneal_start_step={show_value(cloner.anneal_start_step)}` lies after the end of the teacher "
            f"phase, `{name}.steps={show_value(cloner.steps)}`. "
            f"For example `{name}.anneal_start_step={show_value(cloner.steps // 2)}`."
        )


def describe_teacher_plan(losses: LossesConfig, uri: str | None) -> str:
    """Say who acts on which share of the rows, and until when."""
    used = losses.teacher_loss
    if used is None:
        return "no teacher: pure PPO"
    ppo_off = "" if losses.ppo_actor.enabled else "; no PPO"
    if used != CLONER[-1]:
        loss = getattr(losses, used)
        led = getattr(loss, "teacher_led_proportion", 0.0)
        return (
            f"teacher {uri}: {used} on all rows, {led:.0%} of them teacher-led at first; "
            f"its weight falls to 0 by step {show_value(loss.steps)}{ppo_off}"
        )
    cloner = losses.sliced_scripted_cloner
    ppo = max(0.0, 1 - cloner.teacher_led_proportion - cloner.student_led_proportion)
    end = (
        f"the first two fall to 0 between steps {show_value(cloner.anneal_start_step)} and {show_value(cloner.steps)}"
        if cloner.anneal
        else "constant"
    )
    return (
        f"teacher {uri}: {cloner.teacher_led_proportion:.0%} of the rows teacher-led, "
        f"{cloner.student_led_proportion:.0%} student-led, {ppo:.0%} PPO; {end}{ppo_off}"
    )
