"""Commands for new runs: made from a run's configuration minus the recipe's defaults, and checked by the runner itself."""

from __future__ import annotations

import importlib
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from coglab.analysis.model import RunInfo
from coglab.analysis.pipeline import Command, Document
from coglab.analysis.settings import flatten as flat_settings
from coglab.analysis.settings import settings_of, shown
from coglab.analysis.teachers import PRIOR
from coglab.analysis.text import MASK, clean, is_secret
from coglab.config import UserError, build
from coglab.config.layers import KeyPath, all_values, dotted, flatten, nest_dotted, show_value
from coglab.tools.base import Tool
from coglab.tools.run_names import check_run_name
from coglab.tools.teacher_spelling import CLONER, ENABLED, PLACES, URI
from coglab.tools.train import TrainTool, teacher_phase

_RECIPE = re.compile(r"recipes\.(?:prod|experiment)\.[a-z_][a-z0-9_]*\.[a-z_][a-z0-9_]*")
_STAY = ("steps", "anneal_start_step")
_SHORT = re.compile(r"[a-z_][a-z0-9_]*(\.[a-z_][a-z0-9_]*)?")
_LEFT_OUT = ("run", "train_dir", "teacher", "wandb", "display", "evaluator", "checkpointer")
_SEED: KeyPath = ("system", "seed")
_BUDGET: KeyPath = ("trainer", "total_timesteps")
_GAME: KeyPath = ("training_env", "game")
TIMEOUT_S = 120
MAX_TYPED = 300
"""So many runs are looked at for one that a new command would only repeat."""


class Commander:
    """Makes commands of the wishes of recommendations; see `coglab.analysis.pipeline.Commander`.

    Args:
        plan_for: recipe that commands with a teacher are for; None for that of the runs.
        dialect: `coglab` or `metta`.
        names: names that are taken.
    """

    def __init__(self, plan_for: str | None, dialect: str, names: Sequence[str]) -> None:
        self._plan_for = full_recipe(plan_for) if plan_for is not None else None
        if plan_for is not None and self._plan_for is None:
            raise UserError(
                f"`plan_for={plan_for}` is no recipe; for example `plan_for=cogsguard.train`."
            )
        self.game: str | None = None
        if self._plan_for is not None:
            self.game = "machina1" if "machina1" in self._plan_for else "cogsguard"
        self._dialect = dialect
        self._names = set(names)
        self._typed: dict[str, dict[frozenset[str], str]] = {}

    def __call__(self, wish: Mapping[str, Any], document: Document) -> Command | str:
        """Make a command, or say why not."""
        base = self._base(wish, document)
        if base is None:
            return "no run with a known configuration to start from"
        is_new_plan = self._plan_for is not None and "teacher" in wish
        recipe = self._plan_for if is_new_plan else full_recipe(base.recipe or "")
        if recipe is None:
            return f"the recipe of {clean(base.name, 60)} ({clean(base.recipe or 'not known', 60)}) is not one of ours"
        if wish.get("resume") or wish.get("longer"):
            return self._resumed(wish, base, recipe)
        default = default_of(recipe)
        if default is None:
            return f"the recipe {recipe} cannot be called without arguments"
        values, dropped = recorded_values(base, default)
        if is_new_plan:
            values = {k: v for k, v in values.items() if k in (_BUDGET, ("trainer", "batch_size"))}
            dropped = []
        try:
            self._change(values, wish, document, recipe)
        except LookupError as error:
            return str(error)
        seed = base.seed if base.seed is not None else values.pop(_SEED, 1)
        values.pop(_SEED, None)
        if wish.get("seed") == "new":
            taken = {one.candidate.run.seed for one in document.loaded}
            seed = next(n for n in range(1, 10_000) if n not in taken)
        done = self._done(document, recipe, default)
        twin = None
        rest = self._words(values, default, recipe, seed)
        while frozenset(rest) in done:  # that very run exists
            twin = done[frozenset(rest)]
            seed = int(seed) + 1
            rest = self._words(values, default, recipe, seed)
        name = self._name(base.name, wish, recipe)
        words = [recipe, f"run={name}", *rest]
        problem = dry_run(words)
        if problem is not None:
            return f"the runner does not take it: {problem}"
        self._names.add(name)
        title = str(wish["title"])
        if twin is not None and wish.get("seed") != "new":
            title += f", another seed ({twin} has been run)"
        if wish.get("more_seeds"):
            others = " and ".join(f"seed={seed + 1 + n}" for n in range(wish["more_seeds"]))
            title += f" (then with {others}, each under a name of its own)"
        if values.get(ENABLED) and _shares(values) >= 1:
            title += "; its shares sum to 1, so that PPO has rows of its own only as they fall"
        if dropped:
            title += f" (not expressible here: {', '.join(dropped[:3])})"
        return Command(
            title, words, text_of(words), _number(values.get(_BUDGET, _default(default, _BUDGET)))
        )

    def _done(self, document: Document, recipe: str, default: Tool) -> dict[frozenset[str], str]:
        """What the runs at hand would be typed as -> the name of the run."""
        if recipe not in self._typed:
            typed: dict[frozenset[str], str] = {}
            for one in document.loaded[:MAX_TYPED]:
                run = one.candidate.run
                if (
                    run.config
                    and full_recipe(run.recipe or "") == recipe
                    and not run.config_is_partial
                ):
                    values, _ = recorded_values(run, default)
                    seed = run.seed if run.seed is not None else values.get(_SEED, 1)
                    typed[frozenset(self._words(values, default, recipe, seed))] = run.name
            self._typed[recipe] = typed
        return self._typed[recipe]

    def _base(self, wish: Mapping[str, Any], document: Document) -> RunInfo | None:
        names = [str(wish["base"])] if "base" in wish else []
        names += [
            row["name"] for row in (*document.data["ranked"], *document.data["not_comparable"])
        ]
        for name in names:
            run = document.run(name)
            if run is not None and (run.config or "base" in wish):
                return run
        return None

    def _resumed(self, wish: Mapping[str, Any], base: RunInfo, recipe: str) -> Command | str:
        """Go on with a run from its checkpoint: only where that lies."""
        if not base.directory or not (Path(base.directory) / "run.json").is_file():
            return f"{clean(base.name, 60)} can only be continued where its checkpoints are"
        try:
            check_run_name(base.name)
        except UserError as error:
            return str(error)
        target = int((base.target_steps or base.last_step or 0) * float(wish.get("longer", 1)))
        words = [recipe, f"run={base.name}", f"trainer.total_timesteps={show_value(target)}"]
        folder = Path(base.directory).parent.as_posix()
        if folder != "train_dir":
            words.append(f"train_dir={folder}")
        problem = dry_run(words)
        if problem is not None:
            return f"the runner does not take it: {problem}"
        more = target - (base.last_step or 0)
        return Command(str(wish["title"]), words, text_of(words), more if more > 0 else None)

    def _change(
        self, values: dict[KeyPath, Any], wish: Mapping[str, Any], document: Document, recipe: str
    ) -> None:
        """Lay what a wish asks for over the values."""
        if "swap" in wish:
            donor = self._donor(wish, document)
            bundle = next(
                b for b in document.data["config"]["bundles"] if b["name"] == wish["swap"]
            )
            flat = flat_settings(donor.config)
            for key in bundle["keys"]:
                if key in flat:
                    values[tuple(key.split("."))] = flat[key]
        for key, factor in wish.get("scale", {}).items():
            path = tuple(key.split("."))
            old = values.get(path)
            if old is None:
                default = default_of(recipe)
                old = None if default is None else _default(default, path)
            if not isinstance(old, int | float) or isinstance(old, bool) or old == 0:
                raise LookupError(f"`{key}` of this run is not a number that could be scaled")
            scaled = old * factor
            values[path] = int(scaled) if isinstance(old, int) else float(f"{scaled:.6g}")
        if "teacher" in wish:
            uri = wish["teacher"]
            game = "machina1" if "machina1" in recipe else "cogsguard"
            if uri is not None and self._plan_for is not None:
                uri = PRIOR[game]
            for path in PLACES.values():
                if uri is None:
                    values.pop(path, None)
            values[URI], values[ENABLED] = uri, uri is not None
            if uri is not None:
                values.setdefault((*CLONER, "teacher_led_proportion"), 0.5)
                values.setdefault((*CLONER, "student_led_proportion"), 0.5)

    def _donor(self, wish: Mapping[str, Any], document: Document) -> RunInfo:
        """A run that has the other value of a bundle."""
        bundle = next(b for b in document.data["config"]["bundles"] if b["name"] == wish["swap"])
        for one in document.loaded:
            flat = settings_of(one.candidate.run)
            if bundle["keys"][0] in flat and shown(flat[bundle["keys"][0]]) == wish["value"]:
                return one.candidate.run
        raise LookupError(f"no run has {bundle['keys'][0]} = {wish['value']}")

    def _name(self, base: str, wish: Mapping[str, Any], recipe: str) -> str:
        """`<user>-<topic>-<nnn>`, not used in any source."""
        user = re.match(r"[A-Za-z][A-Za-z0-9]*", base)
        kind = (
            "ppo"
            if "teacher" in wish and wish["teacher"] is None
            else "bc"
            if "teacher" in wish
            else str(wish["rule"]).lower()
        )
        topic = recipe.split(".")[-2].replace("_", "-")
        for number in range(1, 1000):
            name = f"{user.group(0).lower() if user else 'run'}-{topic}-{kind}-{number:03d}"
            if name not in self._names:
                break
        return name

    def _words(
        self, values: dict[KeyPath, Any], default: Tool, recipe: str, seed: Any
    ) -> list[str]:
        """What departs from the recipe's defaults, spelt as a user would."""
        flat_default = {path: _plain(value) for path, value in flatten(all_values(default)).items()}
        words = []
        uri, enabled = (
            values.get(URI, flat_default.get(URI)),
            values.get(ENABLED, flat_default.get(ENABLED)),
        )
        places = set(PLACES.values()) | {ENABLED}
        budget = values.get(_BUDGET, flat_default.get(_BUDGET))
        if enabled and uri:
            teacher: dict[str, Any] = {"mode": "sliced_cloner", "policy_uri": uri}
            stay = {key: values.get(PLACES[key], flat_default.get(PLACES[key])) for key in _STAY}
            is_usual_stay = budget is not None and stay == _usual_stay(default, int(budget))
            for key, path in PLACES.items():
                value = values.get(path, flat_default.get(path))
                if key == "policy_uri" or value is None:
                    continue
                if key in _STAY and is_usual_stay:
                    continue
                if key in _STAY or "proportion" in key or value != flat_default.get(path):
                    teacher[key] = value
            words.append(
                "teacher="
                + (json.dumps(teacher) if self._dialect == "metta" else show_value(teacher))
            )
        elif flat_default.get(ENABLED):
            words.append("teacher=null")
        parameters = parameters_of(recipe)
        words.append(
            f"seed={show_value(seed)}"
            if "seed" in parameters
            else f"system.seed={show_value(seed)}"
        )
        rest = {
            p: v
            for p, v in values.items()
            if p not in places and p != _SEED and _plain(v) != flat_default.get(p)
        }
        if _BUDGET not in rest and budget is not None:
            rest[_BUDGET] = budget
        for path in sorted(rest, key=lambda p: (p[:2] != _GAME, p != _BUDGET, p)):
            is_parameter = path[:-1] == _GAME and path[-1] in parameters
            words.append(f"{path[-1] if is_parameter else dotted(path)}={show_value(rest[path])}")
        return words


def _usual_stay(default: Tool, total: int) -> dict[str, int]:
    """How long the recipe's teacher stays in a run of this length if nothing is said of it."""
    assert isinstance(default, TrainTool)
    loss = default.trainer.losses.sliced_scripted_cloner
    untyped = type(loss)(default_phase=loss.default_phase, default_hold=loss.default_hold)
    return teacher_phase(untyped, total)


def full_recipe(name: str) -> str | None:
    """The full dotted name of a recipe of ours; None for anything else, so that no foreign name is ever imported."""
    if not name or not (_RECIPE.fullmatch(name) or _SHORT.fullmatch(name)):
        return None
    candidates = (
        [name]
        if name.startswith("recipes.")
        else [f"recipes.{p}.{name}" for p in ("prod", "experiment")]
    )
    candidates += [f"{c}.train" for c in candidates if c.count(".") == 2]
    return next((c for c in candidates if _RECIPE.fullmatch(c) and default_of(c) is not None), None)


@cache
def default_of(recipe: str) -> Tool | None:
    """What a recipe returns without arguments, resolved; None if it is not there."""
    module, _, function = recipe.rpartition(".")
    try:
        made = getattr(importlib.import_module(module), function)()
    except (ImportError, AttributeError, TypeError):
        return None
    if not isinstance(made, TrainTool):
        return None
    return made.resolve()


def parameters_of(recipe: str) -> set[str]:
    """Names of a recipe's parameters."""
    import inspect

    module, _, function = recipe.rpartition(".")
    return set(inspect.signature(getattr(importlib.import_module(module), function)).parameters)


def recorded_values(run: RunInfo, default: Tool) -> tuple[dict[KeyPath, Any], list[str]]:
    """The settings of a run that this program has too, each of which it takes.

    Args:
        run: with a configuration, nested or with dotted keys.
        default: the recipe's tool.

    Returns:
        Values by path, and the names of those that cannot be expressed.
    """
    known = flatten(all_values(default))
    roots = {path[0] for path in known}
    # A store may have stripped what all keys have in common: the end of a path finds it too.
    by_end = {path[-length:]: path for path in reversed(known) for length in range(2, len(path))}
    values: dict[KeyPath, Any] = {}
    dropped = []
    for path, value in flatten(nest_dotted(run.config or {})).items():
        if path[0] in _LEFT_OUT:
            continue
        key = path if path in known else by_end.get(path)
        if key is None:
            if path[0] in roots:
                dropped.append(dotted(path))
            continue
        if _plain(known[key]) != _plain(value):
            problem = _problem(key, value)
            if problem:
                dropped.append(dotted(path))
                continue
        values[key] = value
    # Keys of another kind of network are not among the defaults, so the whole map is given at once.
    tree = (run.config or {}).get("policy_architecture")
    if isinstance(tree, Mapping):
        values = {p: v for p, v in values.items() if p[0] != "policy_architecture"}
        dropped = [d for d in dropped if not d.startswith("policy_architecture")]
        values[("policy_architecture",)] = _shortest(tree)
    return values, dropped


def departures(run: RunInfo) -> list[dict[str, str]]:
    """Settings of a run that depart from its recipe's defaults: `{key, value, default}`; none for foreign recipes."""
    recipe = full_recipe(run.recipe or "")
    default = None if recipe is None else default_of(recipe)
    if default is None:
        return []
    known = flatten(all_values(default))
    rows = []
    for path, value in flatten(nest_dotted(run.config or {})).items():
        if path[0] not in _LEFT_OUT and path in known and _plain(known[path]) != _plain(value):
            name = dotted(path)
            shown_value = MASK if is_secret(path[-1]) else show_value(value)
            rows.append(
                {"key": name, "value": shown_value, "default": show_value(_plain(known[path]))}
            )
    return rows


def _shortest(architecture: Mapping[str, Any]) -> Any:
    """A network's name if it is what the name alone means, else its map without what the name implies."""
    kind = architecture.get("kind")
    try:
        plain = build(
            TrainTool, {"policy_architecture": {"kind": kind}}
        ).policy_architecture.model_dump(mode="json")
    except UserError:
        return dict(architecture)
    rest = {k: v for k, v in architecture.items() if k != "kind" and plain.get(k) != v}
    return {"kind": kind, **rest} if rest else kind


def _shares(values: Mapping[KeyPath, Any]) -> float:
    """Teacher-led and student-led share together."""
    sides = (values.get((*CLONER, f"{side}_led_proportion")) for side in ("teacher", "student"))
    return sum(float(share) for share in sides if isinstance(share, int | float))


def _problem(path: KeyPath, value: Any) -> bool:
    """Whether the configuration refuses one value."""
    tree: Any = value
    for key in reversed(path):
        tree = {key: tree}
    try:
        build(TrainTool, tree)
    except UserError:
        return True
    return False


def _default(tool: Tool, path: KeyPath) -> Any:
    return flatten(all_values(tool)).get(path)


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def text_of(words: Sequence[str]) -> str:
    """A command as a user types it, one argument a line, quoted for a POSIX shell."""
    first, *rest = (shlex.quote(word) for word in words)
    return " \\\n    ".join([f"./tools/run.py {first}", *rest])


def dry_run(words: Sequence[str]) -> str | None:
    """Ask the runner itself, in a process of its own.

    Returns:
        None if it takes the command, else the first line of what it says.
    """
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p or os.getcwd() for p in sys.path)}
    try:
        done = subprocess.run(
            [sys.executable, "-m", "coglab.cli", *words, "--dry-run"],
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            env=environment,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"the runner did not answer within {TIMEOUT_S} s; the machine may be busy"
    except OSError as error:
        return f"the runner could not be started: {error.strerror or error}"
    if done.returncode == 0:
        return None
    lines = done.stderr.strip().splitlines()
    return clean(lines[-1] if lines else f"exit code {done.returncode}", 300)
