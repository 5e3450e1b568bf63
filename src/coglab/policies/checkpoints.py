"""Checkpoints of a run: `train_dir/<run>/checkpoints/v<N>/`, one folder per version.

    weights.safetensors         the network's weights
    policy.json                 architecture, meaning of the inputs (signature), score, fingerprint of the weights
    trainer_state.safetensors   optimiser, games, memories; the two newest checkpoints only
    trainer_state.rank1...      likewise, of further processes that train together: their games and memories
    trainer_state.json          the numbers of the trainer, fingerprints of its tensors

`latest` is the highest version, `best` the highest score among those on disk; neither needs a pointer that could be
wrong. How files are kept safe: `safe_files.py`; which checkpoints there are: `checkpoint_index.py`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from pydantic import TypeAdapter, ValidationError
from safetensors import SafetensorError
from safetensors.torch import load as parse_tensors
from safetensors.torch import save as render_tensors

from coglab.config import UserError
from coglab.games.interface import GameInterface
from coglab.games.registry import GAMES
from coglab.models.build import build_network
from coglab.models.config import FastConfig, VitConfig
from coglab.models.interface import described_interface
from coglab.models.network import Network
from coglab.policies import safe_files as files
from coglab.policies.checkpoint_index import (
    FOLDER,
    POLICY,
    best_checkpoint,
    latest_checkpoint,
    list_checkpoints,
    version_of,
)

__all__ = [
    "Checkpoint",
    "TrainerState",
    "best_checkpoint",
    "latest_checkpoint",
    "list_checkpoints",
    "load_checkpoint",
    "load_trainer_state",
    "load_weights",
    "save_checkpoint",
]

TRAINER_STATES = 2
"""Newest checkpoints that keep the trainer's state: if the newest is damaged, a run can go on from the one before."""

FORMAT = 1
"""Version of the layout; raised when older code could not read new checkpoints."""

WEIGHTS = "weights.safetensors"
TRAINER_TENSORS = "trainer_state.safetensors"
TRAINER_META = "trainer_state.json"
RANK_TENSORS = "trainer_state.rank{}.safetensors"


class TrainerState(NamedTuple):
    """What a trainer needs to continue as if it had not stopped."""

    tensors: Mapping[str, torch.Tensor | np.ndarray]
    """Arrays by name."""
    meta: Mapping[str, Any]
    """JSON-able numbers and text."""
    ranks: Sequence[Mapping[str, torch.Tensor | np.ndarray]] = ()
    """What other ranks of the run keep besides, by name: one entry for each of ranks 1, 2, ..."""


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint that was read from disk and found undamaged.

    Attributes:
        path: its folder.
        version: N of `v<N>`.
        architecture: the network's sizes.
        signature: what the network's inputs mean, see `Network.signature`.
        info: what the trainer noted about the policy.
        score: what `best` compares; None if unknown.
        weights: tensors by parameter name.
    """

    path: Path
    version: int
    architecture: FastConfig | VitConfig
    signature: dict[str, Any]
    info: dict[str, Any]
    score: float | None
    weights: dict[str, torch.Tensor]

    def game(self) -> GameInterface:
        """What the checkpoint was trained in.

        Raises:
            UserError: this version of coglab has no such game.
        """
        description = self.signature.get("game", {})
        game = described_interface(description)
        if game is None:
            raise UserError(
                f"{self.path / POLICY}: the policy plays the game {description.get('name')!r}; "
                f"known games: {', '.join(sorted(GAMES))}."
            )
        return game

    def build_network(self) -> Network:
        """Build the network of this checkpoint with its weights.

        Raises:
            UserError: this version of coglab gives other inputs to such a network than the one that trained it.
        """
        network = build_network(self.architecture, self.game())
        load_weights(network, self)
        return network


def save_checkpoint(
    run_dir: Path,
    version: int,
    network: Network,
    policy_info: Mapping[str, Any],
    trainer_state: TrainerState | None = None,
    score: float | None = None,
    keep_last: int = 3,
) -> Path:
    """Write checkpoint `v<version>` and delete old ones.

    A kill at any moment leaves every checkpoint that was complete before, or the new one, loadable.

    Args:
        run_dir: the run's folder; made if missing.
        version: not negative; higher is newer. If that checkpoint exists and is undamaged, it is left as it is.
        network: whose weights are saved.
        policy_info: JSON-able notes: agent steps, teacher, ...
        trainer_state: kept for this checkpoint and the one before, deleted from older ones.
        score: what `best` compares, higher is better; NaN counts as unknown.
        keep_last: newest checkpoints kept; the best one is kept besides.

    Returns:
        The checkpoint's folder.
    """
    parent = Path(run_dir) / FOLDER
    parent.mkdir(parents=True, exist_ok=True)
    files.remove_leftovers(parent)
    name = f"v{int(version)}"
    if (parent / name).exists():
        try:
            load_checkpoint(parent / name)
            return parent / name
        except UserError:
            files.remove_folder(parent / name)
    weights = tensor_bytes(network.state_dict())
    policy = {
        "format": FORMAT,
        "version": int(version),
        "architecture": network.config.model_dump(mode="json"),
        "signature": network.signature(),
        "info": dict(policy_info),
        "score": None if score is None or not math.isfinite(score) else float(score),
        "weights": files.fingerprint(weights),
    }
    contents = {WEIGHTS: weights, POLICY: files.json_bytes(policy)}
    if trainer_state is not None:
        tensors = tensor_bytes(trainer_state.tensors)
        meta: dict[str, Any] = {
            "tensors": files.fingerprint(tensors),
            "meta": dict(trainer_state.meta),
        }
        contents[TRAINER_TENSORS] = tensors
        for rank, own in enumerate(trainer_state.ranks, 1):
            contents[RANK_TENSORS.format(rank)] = tensor_bytes(own)
        meta["ranks"] = [
            files.fingerprint(contents[RANK_TENSORS.format(rank)])
            for rank in range(1, 1 + len(trainer_state.ranks))
        ]
        contents[TRAINER_META] = files.json_bytes(meta)
    path = files.write_folder(parent, name, contents)
    _prune(parent, int(version), max(1, keep_last), trainer_state is not None)
    return path


def load_checkpoint(path: Path | str) -> Checkpoint:
    """Read a checkpoint and check that nothing is damaged.

    Args:
        path: its folder, `.../checkpoints/v<N>`.

    Returns:
        The checkpoint.

    Raises:
        UserError: a file is missing or damaged; the message names it and says what to do.
    """
    folder = Path(path)
    advice = _advice(folder)
    if folder.is_symlink() or not folder.is_dir():
        raise UserError(f"{folder} is no checkpoint folder. {advice}")
    source = folder / POLICY
    data = files.read_json(source, advice)
    if data.get("format") != FORMAT:
        raise UserError(
            f"{source} has the format {data.get('format')!r}; this version of coglab reads format {FORMAT}. "
            "Use the version of coglab that wrote it."
        )
    adapter: TypeAdapter[FastConfig | VitConfig] = TypeAdapter(FastConfig | VitConfig)
    try:
        architecture = adapter.validate_python(data.get("architecture"))
    except ValidationError as error:
        first = error.errors()[0]
        raise UserError(
            f"{source}: the architecture cannot be used ({first['msg']} at "
            f"{'.'.join(str(part) for part in first['loc'])}). {advice}"
        ) from None
    version, signature, info = data.get("version"), data.get("signature"), data.get("info")
    score = data.get("score")
    if (
        not isinstance(version, int)
        or not isinstance(signature, dict)
        or not isinstance(info, dict)
        or not isinstance(score, float | int | None)
    ):
        raise UserError(
            f"{source} is damaged: version, signature, info or score is missing. {advice}"
        )
    weights = read_tensors(folder / WEIGHTS, data.get("weights"), advice)
    return Checkpoint(folder, version, architecture, signature, info, score, weights)


def load_trainer_state(path: Path | str) -> TrainerState | None:
    """Read the trainer's state of a checkpoint.

    Args:
        path: the checkpoint's folder.

    Returns:
        The state, or None if the checkpoint has none (only a run's two newest ones have).

    Raises:
        UserError: the files are damaged.
    """
    folder = Path(path)
    advice = _advice(folder)
    if not (folder / TRAINER_META).exists():
        return None
    data = files.read_json(folder / TRAINER_META, advice)
    tensors = read_tensors(folder / TRAINER_TENSORS, data.get("tensors"), advice)
    meta = data.get("meta")
    if not isinstance(meta, dict):
        raise UserError(f"{folder / TRAINER_META} is damaged: `meta` is missing. {advice}")
    listed = data.get("ranks", [])
    if not isinstance(listed, list):
        raise UserError(f"{folder / TRAINER_META} is damaged: `ranks` is no list. {advice}")
    others = [
        read_tensors(folder / RANK_TENSORS.format(rank), expected, advice)
        for rank, expected in enumerate(listed, 1)
    ]
    return TrainerState(tensors, meta, others)


def load_weights(network: Network, checkpoint: Checkpoint) -> None:
    """Put a checkpoint's weights into a network of the same shape and meaning.

    Args:
        network: its parameters are overwritten in place.
        checkpoint: where the weights come from.

    Raises:
        UserError: inputs mean something else, or a weight is missing, unknown or of another shape.
    """
    difference = first_difference(checkpoint.signature, _as_json(network.signature()))
    if difference is not None:
        raise UserError(
            f"{checkpoint.path}: the network was trained on other inputs than it would get here ({difference}). "
            "Use the version of coglab and the `policy_architecture` that trained it, or train a new run."
        )
    own = network.state_dict()
    source = checkpoint.path / WEIGHTS
    for name, value in own.items():
        given = checkpoint.weights.get(name)
        if given is None:
            raise UserError(f"{source} lacks the weight `{name}`. {_advice(checkpoint.path)}")
        if given.shape != value.shape:
            raise UserError(
                f"{source}: the weight `{name}` has shape {tuple(given.shape)}, the network needs "
                f"{tuple(value.shape)}. Use the `policy_architecture` that trained it."
            )
    unknown = sorted(set(checkpoint.weights) - set(own))
    if unknown:
        raise UserError(
            f"{source} holds a weight `{unknown[0]}` that the network lacks. "
            "Use the `policy_architecture` that trained it."
        )
    network.load_state_dict(checkpoint.weights)


def read_tensors(path: Path, expected: Any, advice: str) -> dict[str, torch.Tensor]:
    """Read a safetensors file and compare it with what was written.

    Args:
        path: the file.
        expected: `{"bytes": ..., "sha256": ...}` as `fingerprint` made it when the file was written.
        advice: what to do if the file is damaged; ends the message.

    Returns:
        Tensors by name, on the CPU.

    Raises:
        UserError: the file is missing, shortened, changed, or no safetensors file.
    """
    content = files.read_file(path, advice)
    size = expected.get("bytes") if isinstance(expected, dict) else None
    if isinstance(size, int) and len(content) != size:
        raise UserError(
            f"{path} is damaged: it has {len(content)} bytes, {size} were written. {advice}"
        )
    if expected != files.fingerprint(content):
        raise UserError(f"{path} is damaged: its content is not what was written. {advice}")
    try:
        return parse_tensors(content)
    except (SafetensorError, ValueError, KeyError, TypeError):
        raise UserError(f"{path} is damaged: it is no safetensors file. {advice}") from None


def tensor_bytes(tensors: Mapping[str, torch.Tensor | np.ndarray]) -> bytes:
    """Render tensors and arrays by name as the content of a safetensors file."""
    plain = {}
    for name, value in tensors.items():
        # `np.ascontiguousarray` would turn a single number into an array of length one.
        tensor = (
            torch.from_numpy(np.array(value, order="C")) if isinstance(value, np.ndarray) else value
        )
        plain[name] = tensor.detach().cpu().contiguous().clone()
    return render_tensors(plain)


def first_difference(stored: Any, current: Any, where: str = "signature") -> str | None:
    """Describe the first place where two pieces of JSON-able data differ.

    Args:
        stored: data of a checkpoint.
        current: data of this version.
        where: name of the place, for the text.

    Returns:
        `place: stored value there, current value here`, or None if the data are equal.
    """
    if isinstance(stored, dict) and isinstance(current, dict):
        for key in [*stored, *(key for key in current if key not in stored)]:
            found = first_difference(stored.get(key), current.get(key), f"{where}.{key}")
            if found:
                return found
        return None
    if isinstance(stored, list) and isinstance(current, list) and len(stored) == len(current):
        for index, pair in enumerate(zip(stored, current, strict=True)):
            found = first_difference(*pair, f"{where}[{index}]")
            if found:
                return found
        return None
    if stored == current:
        return None
    return f"{where}: {str(stored)[:80]} there, {str(current)[:80]} here"


def _as_json(data: Any) -> Any:
    if isinstance(data, dict):
        return {str(key): _as_json(value) for key, value in data.items()}
    return [_as_json(value) for value in data] if isinstance(data, list | tuple) else data


def _advice(folder: Path) -> str:
    others = [p.name for p in list_checkpoints(folder.parent.parent) if p.name != folder.name]
    if folder.parent.name != FOLDER or not others:
        return "There is no other checkpoint beside it; restore the folder from a copy or train a new run."
    return (
        f"Delete the folder {folder} to go back to {others[-1]} (there are: {', '.join(others)})."
    )


def _prune(parent: Path, newest: int, keep_last: int, has_trainer_state: bool) -> None:
    """Delete checkpoints older than `newest` except the last ones and the best, and old trainer states."""
    found = [path for path in list_checkpoints(parent.parent) if version_of(path) <= newest]
    best = best_checkpoint(parent.parent)
    for path in found[:-keep_last]:
        if path != best:
            files.remove_folder(path)
    if has_trainer_state:
        for path in found[:-TRAINER_STATES]:
            for file in [*path.glob(RANK_TENSORS.format("*")), path / TRAINER_META]:
                file.unlink(missing_ok=True)
            (path / TRAINER_TENSORS).unlink(missing_ok=True)
