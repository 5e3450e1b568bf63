"""Policy URIs: `metta://policy/...` and `file://...`.

    metta://policy/cogsguard?gear=10        a scripted teacher with parameters
    metta://policy/random                   a baseline
    metta://policy/pretrained-cogsguard     a checkpoint that comes with coglab
    metta://policy/<run>[:v<N>|:latest|:best]   a checkpoint of a run under the data folder
    file://PATH                             a checkpoint folder, or the newest checkpoint of a run's folder

Reading a URI imports neither torch nor numba; loading does.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from coglab.config import UserError
from coglab.config.errors import did_you_mean
from coglab.games.registry import game_of_teacher
from coglab.games.teacher_uris import PREFIX
from coglab.policies.pretrained import PREFIX as PRETRAINED
from coglab.policies.pretrained import pretrained_folder, pretrained_names
from coglab.policies.protocol import Policy
from coglab.policies.registry import BASELINES, make_baseline, registered_names, teacher_names

FILE_PREFIX = "file://"
_RUN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,119}")
_VERSION = re.compile(r"v(0|[1-9][0-9]{0,17})")
_EXAMPLE = "For example `metta://policy/cogsguard?gear=10`, `metta://policy/my-run:latest` or `file://PATH`."


@dataclass(frozen=True)
class PolicyReference:
    """What a URI points to.

    Attributes:
        uri: as given.
        kind: what it is.
        name: registered name, name of the run, or path.
        version: `latest`, `best` or `v<N>`; empty unless `kind` is `run`.
    """

    uri: str
    kind: Literal["teacher", "baseline", "run", "file"]
    name: str
    version: str = ""


def parse_uri(uri: str) -> PolicyReference:
    """Read a policy URI without looking at the disk.

    Args:
        uri: the URI.

    Returns:
        What it points to; a teacher's parameters have been checked.

    Raises:
        UserError: it cannot be a policy.
    """
    if uri.startswith(FILE_PREFIX) and len(uri) > len(FILE_PREFIX):
        return PolicyReference(uri, "file", uri[len(FILE_PREFIX) :])
    if not uri.startswith(PREFIX) or uri == PREFIX:
        raise UserError(f"`{uri}` is no policy URI. {_EXAMPLE}")
    rest = uri[len(PREFIX) :]
    name = re.split(r"[:?]", rest, maxsplit=1)[0]
    if name in teacher_names():
        game_of_teacher(uri)
        return PolicyReference(uri, "teacher", name)
    if name in BASELINES:
        if rest != name:
            raise UserError(
                f"`{uri}`: the policy `{name}` takes no parameters; use `{PREFIX}{name}`."
            )
        return PolicyReference(uri, "baseline", name)
    if name.startswith(PRETRAINED):
        return _pretrained(uri, name, rest)
    run, _, version = rest.partition(":")
    if "?" in rest:
        raise UserError(
            f"`{uri}`: `{name}` is no registered policy, and runs take no parameters."
            f"{did_you_mean(name, registered_names())} Registered: {', '.join(registered_names())}."
        )
    if not _RUN.fullmatch(run) or ".." in run:
        raise UserError(f"`{uri}`: `{run}` cannot be the name of a run. {_EXAMPLE}")
    version = version or "latest"
    if version not in ("latest", "best") and not _VERSION.fullmatch(version):
        raise UserError(
            f"`{uri}`: `:{version}` is no version; use `:latest`, `:best` or a number such as `:v12`."
        )
    return PolicyReference(uri, "run", run, version)


def _pretrained(uri: str, name: str, rest: str) -> PolicyReference:
    """Find a checkpoint that comes with coglab."""
    folder = pretrained_folder(name)
    known = pretrained_names()
    if folder is None:
        there = f"There are {', '.join(known)}." if known else "None is installed here."
        raise UserError(f"`{uri}`: no such checkpoint. {there}{did_you_mean(name, known)}")
    if rest != name:
        raise UserError(f"`{uri}`: `{name}` has no versions or parameters; use `{PREFIX}{name}`.")
    return PolicyReference(uri, "file", str(folder))


def describe_uri(uri: str, data_dir: str | Path = "./train_dir") -> str:
    """Say in one line what a URI points to; light, for `--dry-run`.

    Args:
        uri: the URI.
        data_dir: folder of all runs.

    Returns:
        The line.

    Raises:
        UserError: it cannot be a policy, or the run, version or file does not exist.
    """
    reference = parse_uri(uri)
    if reference.kind == "teacher":
        return f"scripted teacher {reference.name}"
    if reference.kind == "baseline":
        return f"baseline {reference.name}: {BASELINES[reference.name][1]}"
    return f"checkpoint {find_checkpoint(reference, data_dir)}"


def load_policy(uri: str, data_dir: str | Path = "./train_dir", device: str = "cpu") -> Policy:
    """Load the policy that a URI points to.

    Args:
        uri: the URI.
        data_dir: folder of all runs.
        device: where a network runs.

    Returns:
        The policy, not bound to any game.

    Raises:
        UserError: there is no such policy or its checkpoint is damaged; the message says what to do.
    """
    reference = parse_uri(uri)
    if reference.kind == "teacher":
        from coglab.policies.scripted import ScriptedPolicy

        return ScriptedPolicy(uri)
    if reference.kind == "baseline":
        return make_baseline(reference.name)
    from coglab.policies.checkpoints import load_checkpoint
    from coglab.policies.learned import LearnedPolicy

    checkpoint = load_checkpoint(find_checkpoint(reference, data_dir))
    network = checkpoint.build_network().to(device).eval()
    return LearnedPolicy(network, uri)


def find_checkpoint(reference: PolicyReference, data_dir: str | Path) -> Path:
    """Find the checkpoint folder that a reference of kind `run` or `file` points to.

    Args:
        reference: from `parse_uri`.
        data_dir: folder of all runs.

    Returns:
        The folder `.../checkpoints/v<N>`; its files have not been read.

    Raises:
        UserError: it does not exist.
    """
    from coglab.policies import checkpoint_index as index

    if reference.kind == "file":
        return _find_in_path(reference, Path(reference.name).expanduser())
    root = Path(data_dir)
    run_dir = root / reference.name
    found = index.list_checkpoints(run_dir)
    if not found or not run_dir.resolve().is_relative_to(root.resolve()):
        runs = index.list_runs(root)
        known = (
            f"Runs with checkpoints there: {', '.join(runs[:20])}."
            if runs
            else "There is none there."
        )
        raise UserError(
            f"`{reference.uri}`: no run `{reference.name}` with a checkpoint in {root}."
            f"{did_you_mean(reference.name, [*runs, *registered_names()])} {known}"
        )
    if reference.version == "latest":
        return found[-1]
    if reference.version == "best":
        return index.best_checkpoint(run_dir) or found[-1]
    for path in found:
        if path.name == reference.version:
            return path
    raise UserError(
        f"`{reference.uri}`: the run has no version {reference.version}. "
        f"It has: {', '.join(path.name for path in found)}; old ones are deleted while a run trains."
    )


def _find_in_path(reference: PolicyReference, path: Path) -> Path:
    from coglab.policies import checkpoint_index as index

    if (path / "policy.json").exists():
        return path
    for run_dir in (path, path.parent) if path.name == index.FOLDER else (path,):
        found = index.list_checkpoints(run_dir)
        if found:
            return found[-1]
    raise UserError(
        f"`{reference.uri}`: {path} is neither a checkpoint folder (with a policy.json) nor a run's folder. "
        "For example `file://./train_dir/my-run/checkpoints/v12`."
    )
