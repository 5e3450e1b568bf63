"""What is known about a run, whatever store it came from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import numpy as np

ENDED_STATES = ("finished", "failed", "crashed", "interrupted", "terminated", "killed", "preempted")
"""States after which a run writes no more."""

LIVE_STATES = ("running", "stalled", "pending", "preempting")
"""States of runs that may still write."""


class Series(NamedTuple):
    """One metric of one run, as stored.

    Attributes:
        steps: `[V]` float64, agent steps in the order of the file; may go back where a run was rewound.
        values: `[V]` float64, may be NaN or infinite.
        times: `[V]` float64, seconds since 1970, UTC; NaN where it is not known.
    """

    steps: np.ndarray
    values: np.ndarray
    times: np.ndarray


EMPTY = Series(np.empty(0), np.empty(0), np.empty(0))


@dataclass
class RunInfo:
    """The facts of one run. What a store does not say is None or empty.

    Attributes:
        key: identity by which sources are merged: `(project or "", id)`.
        name: what people call it.
        source: the source that it was read from, as the user spelt it.
        state: `finished`, `running`, ...; `unknown` where nothing says.
        created, ended: seconds since 1970, UTC.
        last_data: when the newest row was written, seconds since 1970, UTC.
        last_step: agent steps at the newest row.
        target_steps: budget in agent steps.
        config: the effective configuration, nested.
        config_is_partial: only some settings are known (a table's columns).
        summary: metric -> last value, as the store keeps it.
        scores: metric -> one number whose step is not known (tables).
        notes: sentences about the quality of this run's data.
    """

    id: str
    name: str
    source: str
    project: str | None = None
    entity: str | None = None
    state: str = "unknown"
    exit_code: int | None = None
    created: float | None = None
    created_is_day: bool = False
    ended: float | None = None
    last_data: float | None = None
    last_step: float | None = None
    target_steps: float | None = None
    recipe: str | None = None
    argv: list[str] | None = None
    seed: int | None = None
    group: str | None = None
    tags: list[str] = field(default_factory=list)
    run_notes: str | None = None
    user: str | None = None
    url: str | None = None
    directory: str | None = None
    code: str | None = None
    dirty: bool | None = None
    device: str | None = None
    game: str | None = None
    step_metric: str | None = None
    crash_class: str | None = None
    crash_message: str | None = None
    message: str | None = None
    tail: list[str] = field(default_factory=list)
    config: dict[str, Any] | None = None
    config_is_partial: bool = False
    config_changes: dict[str, Any] = field(default_factory=dict)
    summary: dict[str, float] = field(default_factory=dict)
    scores: dict[str, float] = field(default_factory=dict)
    rows: int = 0
    superseded_rows: int = 0
    rewinds: list[tuple[float, float]] = field(default_factory=list)
    fragments: int = 1
    notes: list[str] = field(default_factory=list)

    @property
    def key(self) -> tuple[str, str]:
        """Identity over all sources."""
        return (self.project or "", self.id)

    @property
    def is_live(self) -> bool:
        """Whether it may still write."""
        return self.state in LIVE_STATES


class Unreachable(Exception):
    """A source that refuses, times out, or needs what is not installed; the text says which."""


class Unreadable(NamedTuple):
    """Something in a source that is no readable run, and why."""

    place: str
    reason: str
    kind: str = "unreadable"


class RunSource(Protocol):
    """A store of runs.

    Attributes:
        spelling: how the user named it.
        unreadable: what `list` met and could not read.
    """

    spelling: str
    unreadable: list[Unreadable]

    def list(self) -> Sequence[RunInfo]:
        """Every run, with the facts that are cheap to read; configurations may be left to `complete`."""

    def complete(self, run: RunInfo) -> None:
        """Fill in what `list` left out: configuration, summary, tail."""

    def keys(self, run: RunInfo) -> Sequence[str]:
        """Names of the metrics that a run logged."""

    def history(self, run: RunInfo, names: Iterable[str]) -> dict[str, Series]:
        """Metrics of a run; those that it never logged are absent."""
