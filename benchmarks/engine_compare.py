"""One interleaved run of the reference and of our simulator: A, B, C, ..., A, B, C, ... over the same ticks."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from benchmarks.engine_fleet import Fleet
from benchmarks.reference.client import Reference

WARMUP = 10
"""Ticks before every timed window, untimed."""

HOT_GAMES = 8
"""Games that the reference steps one after the other, each alone, for its best case."""


@dataclass
class Series:
    """The samples of one contestant."""

    rates: list[float] = field(default_factory=list)
    """Agent steps per CPU second, one per round."""
    cpu_of_wall: list[float] = field(default_factory=list)
    """Share of the wall time that the process had a core; well below 1 means that others were using it."""
    tokens: list[float] = field(default_factory=list)
    """Tokens per observation at the end of each window."""

    def add(self, sample: dict[str, Any]) -> None:
        """Append a sample of `measure`."""
        self.rates.append(sample["agent_steps"] / sample["cpu_s"])
        self.cpu_of_wall.append(sample["cpu_s"] / sample["wall_s"])
        self.tokens.append(sample["tokens"])

    def summary(self) -> dict[str, Any]:
        """Return the median, the range and what the JSON file keeps."""
        return {
            "rate": median(self.rates),
            "least": min(self.rates),
            "most": max(self.rates),
            "cpu_of_wall": median(self.cpu_of_wall),
            "tokens": median(self.tokens),
            "samples": self.rates,
        }


def compare(
    mission: str, play: str, rounds: int, ticks: int, with_reference: bool
) -> dict[str, Any]:
    """Measure everybody in turn, `rounds` times, each time over the next window of ticks of one episode.

    Args:
        mission: `machina_1` or `arena`.
        play: `random`, or `teacher`: actions of a scripted player, recorded beforehand and replayed.
        rounds: samples of each contestant.
        ticks: ticks per sample; all samples lie in the first `rounds * (ticks + 10)` ticks of an episode.
        with_reference: False measures our side alone.

    Returns:
        `series`: a summary by contestant; `ratios`: medians of the ratios within a round; `loads`: what loading the
        reference told.
    """
    length = rounds * (ticks + WARMUP)
    series: dict[str, Series] = {}
    loads: dict[str, Any] = {}
    with ExitStack() as stack:
        contestants: dict[str, Callable[[], dict[str, Any]]] = {}
        if with_reference:
            for name, games, alone in (
                ("reference 64", 64, False),
                ("reference 1, hot", HOT_GAMES, True),
            ):
                worker = stack.enter_context(Reference())
                loads[name] = worker.load(mission, games, length, play, seed=0)
                contestants[name] = _bind(worker.measure, WARMUP, ticks, alone)
        for name, games, exact_order, repeats in (
            ("ours 64", 64, False, 10),
            ("ours 64, exact order", 64, True, 10),
            ("ours 1", 1, False, 100),
            ("ours 4096", 4096, False, 1),
        ):
            fleet = Fleet(mission, games, length, play, exact_order)
            contestants[name] = _bind(fleet.measure, WARMUP, ticks, repeats)
        for _ in range(rounds):
            for name, measure in contestants.items():
                series.setdefault(name, Series()).add(measure())
    return {
        "mission": mission,
        "play": play,
        "series": {name: samples.summary() for name, samples in series.items()},
        "ratios": _ratios(series),
        "loads": loads,
    }


def _bind(measure: Callable[..., dict[str, Any]], *arguments: Any) -> Callable[[], dict[str, Any]]:
    return lambda: measure(*arguments)


def _ratios(series: dict[str, Series]) -> dict[str, float]:
    """Return medians over rounds of one contestant's rate divided by another's."""
    pairs = {
        "64 games, against the reference's 64": ("ours 64", "reference 64"),
        "64 games in exact order, against the reference's 64": (
            "ours 64, exact order",
            "reference 64",
        ),
        "64 games, against the reference's best case": ("ours 64", "reference 1, hot"),
        "1 game, against the reference's best case": ("ours 1", "reference 1, hot"),
        "4096 games, against our own 64": ("ours 4096", "ours 64"),
    }
    ratios = {}
    for name, (ours, other) in pairs.items():
        if ours in series and other in series:
            both = zip(series[ours].rates, series[other].rates, strict=True)
            ratios[name] = median(a / b for a, b in both)
    return ratios
