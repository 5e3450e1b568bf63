"""What the `runs` tools share: opening sources, finding one run, the exit codes."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from coglab.analysis.config import FilterConfig, read_time
from coglab.analysis.model import RunInfo
from coglab.analysis.sources import Runs, open_source
from coglab.analysis.text import clean
from coglab.config import UserError, did_you_mean

if TYPE_CHECKING:
    from coglab.tools.runs import _Sources

NO_RUN, NO_METRIC, NO_SOURCE, STRICT = 3, 4, 5, 6
"""Exit codes beside 0, 1 and 2: no run matched, metric in no run, source refused, warnings under `strict`."""


def say(text: str) -> None:
    """Write a line for people, to standard error, so that what is printed can be piped."""
    print(text, file=sys.stderr, flush=True)  # noqa: T201


def out(text: str) -> None:
    """Write what was asked for."""
    sys.stdout.write(text if text.endswith("\n") else text + "\n")


def time_of(tool: _Sources) -> float:
    """The time to work at."""
    return time.time() if tool.now is None else read_time(tool.now, time.time(), "now")


def open_runs(
    sources: Sequence[str],
    project: str | None,
    train_dir: str,
    now: float,
    metric: str,
    filters: FilterConfig | None = None,
) -> tuple[Runs | None, list[str]]:
    """Open sources; one that cannot be reached is left out as long as another can.

    Args:
        sources: as typed.
        project: on the W&B server.
        train_dir: the default source.
        now: seconds since 1970.
        metric: the metric that was asked for.
        filters: what a server may narrow by.

    Returns:
        The runs, None if every source refused, and what was refused.

    Raises:
        UserError: a source is spelt wrongly.
    """
    spellings = list(sources) + ([f"wandb:{project}"] if project else [])
    if not spellings:
        spellings = [f"runs:{train_dir}"]
        if Path("wandb").is_dir():
            spellings.append("wandb-dir:./wandb")
    store = Runs([open_source(spelling, now, metric, filters) for spelling in spellings])
    for text in store.refused:
        say(f"warning: {text}")
    return (store if store.sources else None), store.refused


def runs_of(tool: _Sources, metric: str = "heart.gained") -> tuple[Runs | None, list[str]]:
    """Open what a tool names; see `open_runs`."""
    filters = filters_of(tool) if isinstance(tool, FilterConfig) else None
    # Only the server listens to filters, and only where nothing else of the tool needs all runs.
    narrow = None if getattr(tool, "compare_with", None) is not None else filters
    return open_runs(tool.source, tool.project, tool.train_dir, time_of(tool), metric, narrow)


def filters_of(tool: FilterConfig) -> FilterConfig:
    """The filters among a tool's settings."""
    return FilterConfig(**{name: getattr(tool, name) for name in FilterConfig.model_fields})


def find_run(store: Runs, name: str) -> RunInfo:
    """Find a run by id, name, or the unambiguous beginning of a name.

    Raises:
        UserError: no run, or several, are called so.
    """
    exact = [run for run in store.runs if name in (run.id, run.name)]
    found = exact or [run for run in store.runs if run.name.startswith(name)]
    if len(found) == 1:
        return found[0]
    names = [run.name for run in store.runs]
    if len(found) > 1:
        listed = ", ".join(f"`{clean(run.name)}`" for run in found[:5])
        raise UserError(
            f"`{clean(name)}` is the beginning of {len(found)} runs: {listed}. Name one."
        )
    raise UserError(
        f"no run is called `{clean(name)}`.{did_you_mean(name, names)} There are {len(names)} runs."
    )


def guarded(work: Callable[[Runs], int], opened: tuple[Runs | None, list[str]]) -> int:
    """Do something with opened runs, or say that no source could be read."""
    store, refused = opened
    if store is None:
        say("error: no source could be read: " + "; ".join(refused))
        return NO_SOURCE
    return work(store)


def no_such_run(name: str, store: Runs) -> int:
    """Say that a run does not exist; the exit code."""
    try:
        find_run(store, name)
    except UserError as error:
        say(f"error: {error}")
    return NO_RUN


def plain(value: Any) -> Any:
    """JSON-able form of a value, non-finite numbers as null."""
    from coglab.analysis.pipeline import clean_numbers

    return clean_numbers(value)
