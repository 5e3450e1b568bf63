"""Text maps: one character per cell, one line per row."""

from __future__ import annotations

import difflib
from pathlib import Path

import numpy as np

from coglab.config.errors import UserError
from coglab.games.cogsguard import rules

LEGEND: dict[str, str] = {
    "#": "wall",
    ".": "empty",
    "@": "agent.agent",
    "&": "hub",
    "J": "junction",
    "=": "chest",
    "C": "carbon_extractor",
    "O": "oxygen_extractor",
    "G": "germanium_extractor",
    "I": "silicon_extractor",
    "A": "aligner_station",
    "X": "scrambler_station",
    "M": "miner_station",
    "S": "scout_station",
}
"""What each character of a text map stands for; `@` is a start cell."""

MAX_SIDE = 256
"""Rows and columns of the largest text map: offsets up to 255 are what an agent's position tokens can count."""

_KIND_OF_CHARACTER = {character: rules.KINDS.index(cell) for character, cell in LEGEND.items()}


def load_text_map(path: str | Path, num_agents: int, seed: int | None = None) -> np.ndarray:
    """Read a text map.

    The map may or may not have a frame of `#`; agents cannot leave it either way. Blank lines at the end are ignored.

    Args:
        path: the file.
        num_agents: start cells to keep, at most as many as the file has.
        seed: which start cells are kept when there are more than agents: a random subset under this seed, as on drawn
            maps; left out, the first ones in reading order.

    Returns:
        `[H, W] str`: cell names (`rules.KINDS`).

    Raises:
        UserError: the file cannot be read or is not a map; names the file, and the line and column where there is one.
    """
    return np.array(rules.KINDS)[keep_starts(read_text_map(path), num_agents, seed, str(path))]


def read_text_map(path: str | Path) -> np.ndarray:
    """Read a text map with all its start cells.

    Returns:
        `[H, W] uint8`, see `rules.KINDS`.

    Raises:
        UserError: see `load_text_map`.
    """
    path = Path(path)
    lines = _read_lines(path)
    width = len(lines[0])
    if len(lines) > MAX_SIDE or width > MAX_SIDE:
        raise UserError(
            f"{path}: the map has {len(lines)} rows and {width} columns; "
            f"at most {MAX_SIDE} of each are possible."
        )
    cells = np.empty((len(lines), width), np.uint8)
    for row, line in enumerate(lines):
        if len(line) != width:
            raise UserError(
                f"{path}, line {row + 1}: {len(line)} characters, but line 1 has {width}; "
                f"all rows of a map are equally long. Fill up with `.` (floor) or `#` (wall)."
            )
        for col, character in enumerate(line):
            kind = _KIND_OF_CHARACTER.get(character)
            if kind is None:
                raise UserError(
                    f"{path}, line {row + 1}, column {col + 1}: unknown cell {character!r}. "
                    f"Known cells: {describe_legend()}."
                )
            cells[row, col] = kind
    if not (cells == rules.AGENT).any():
        raise UserError(f"{path}: the map has no start cell; put an `@` where an agent may start.")
    return cells


def keep_starts(
    cells: np.ndarray, num_agents: int, seed: int | None, name: str = "the map"
) -> np.ndarray:
    """Return a copy of a map with exactly `num_agents` start cells; the others become floor.

    Args:
        cells: `[H, W] uint8` kinds.
        num_agents: start cells to keep.
        seed: seed of a random choice; None keeps the first in reading order.
        name: what the error message calls the map.

    Raises:
        UserError: the map has fewer start cells.
    """
    starts = np.flatnonzero(cells == rules.AGENT).tolist()
    if len(starts) < num_agents:
        raise UserError(
            f"{name}: the map has {len(starts)} start cells (`@`), but num_agents={num_agents}; "
            f"use num_agents={len(starts)} or fewer, or add start cells."
        )
    if seed is not None and len(starts) > num_agents:
        np.random.default_rng(seed).shuffle(starts)
    cells = cells.copy()
    cells.reshape(-1)[starts[num_agents:]] = rules.EMPTY
    return cells


def describe_legend() -> str:
    """Return the legend as one line of text."""
    return ", ".join(f"`{character}` {cell}" for character, cell in LEGEND.items())


def _read_lines(path: Path) -> list[str]:
    """Return the rows of the file, without the blank lines at its end; at least one, and not an empty one."""
    if not path.is_file():
        raise UserError(_missing_file(path))
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read as a text map ({error}).") from error
    lines = text.rstrip().splitlines()
    if not lines:
        raise UserError(
            f"{path}: the file is empty; a map has one character per cell: {describe_legend()}."
        )
    if not lines[0]:
        raise UserError(
            f"{path}, line 1: the first line is blank; a map begins with its first row."
        )
    return [line.rstrip() for line in lines]


def _missing_file(path: Path) -> str:
    if path.is_dir():
        return f"mission={path}: this is a folder; give the path of a text map in it."
    if not path.parent.is_dir():
        return f"mission={path}: there is no file of that name, and no folder {path.parent}."
    others = sorted(p.name for p in path.parent.iterdir() if p.is_file())
    close = difflib.get_close_matches(path.name, others, n=1, cutoff=0.6)
    hint = f" Did you mean `{path.with_name(close[0])}`?" if close else ""
    return f"mission={path}: there is no such file (text maps end in .map or .txt).{hint}"
