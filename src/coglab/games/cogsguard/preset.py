"""From a configuration to `rules.Rules`: the rules' versions, the initial stock, and the reward."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from coglab.config.errors import UserError
from coglab.engine.jit import records
from coglab.games.cogsguard.config import CogsGuardConfig
from coglab.games.cogsguard.events import schedule
from coglab.games.cogsguard.observe import object_token_table
from coglab.games.cogsguard.rules import (
    ALIGNER,
    CARBON,
    CLIPS,
    EVENT,
    GERMANIUM,
    HEART,
    INITIAL_STOCK,
    MAX_AMOUNT,
    NEUTRAL,
    NUM_RESOURCES,
    OXYGEN,
    READ_ALIGNED,
    READ_DEPOSITED,
    READ_GAINED,
    READ_HELD,
    READ_SCRAMBLED,
    READ_VIBES,
    READ_ZERO,
    RESOURCES,
    REWARD_ENTRY,
    SCRAMBLER,
    SILICON,
    Rules,
)

_NEVER = np.iinfo(np.int32).max
_NO_CAP = float("inf")
_ELEMENTS = (CARBON, OXYGEN, GERMANIUM, SILICON)  # in the order in which rewards list them


class _Preset(NamedTuple):
    """What a version of the rules sets beyond the configuration."""

    energy_min: int
    heart_price: int
    start_owner: int
    has_events: bool
    extractors_stay: bool
    shows_stock: bool
    divides_objective: bool


_PRESETS = {
    "2026-02-01": _Preset(20, 10, NEUTRAL, True, False, True, True),
    "2026-01-24": _Preset(10, 1, CLIPS, False, True, False, False),
}


def make_rules(
    config: CogsGuardConfig, max_steps: int, stock: dict[str, int] | None = None
) -> Rules:
    """Return the rules that kernels read.

    Args:
        config: the game; its `max_steps` is ignored in favour of the argument.
        max_steps: ticks per episode.
        stock: initial stock of the mission by resource name; left out, 10 of each element and 5 hearts.

    Raises:
        UserError: an unknown resource in `initial_stock`, an amount that does not fit, variants that exclude each other.
    """
    preset = _PRESETS[config.rules]
    events = schedule(max_steps) if preset.has_events else []
    events.append((_NEVER, 0))
    entries = reward_entries(config, max_steps)
    return Rules(
        num_agents=config.num_agents,
        max_steps=max_steps,
        energy_regen=config.energy_regen,
        move_cost=config.move_cost,
        energy_min=preset.energy_min,
        heart_price=preset.heart_price,
        start_owner=preset.start_owner,
        extractors_stay=preset.extractors_stay,
        shows_stock=preset.shows_stock,
        initial_stock=_initial_stock(config, INITIAL_STOCK if stock is None else stock),
        object_tokens=object_token_table(preset.extractors_stay),
        divides_objective=preset.divides_objective,
        events=_records(events, EVENT),
        reward=_records(entries, REWARD_ENTRY),
    )


def _records(rows: list[tuple], dtype: np.dtype) -> np.ndarray:
    array = records((len(rows),), dtype)
    array[:] = rows
    return array


def _initial_stock(config: CogsGuardConfig, stock: dict[str, int]) -> np.ndarray:
    """Return [12] int64: the mission's stock with the configuration's overrides, times `wealth`."""
    names = tuple(INITIAL_STOCK)
    amounts = np.zeros(NUM_RESOURCES, np.int64)
    for name, amount in {**stock, **config.initial_stock}.items():
        if name not in names:
            raise UserError(
                f"initial_stock.{name}: the stock holds {', '.join(names)}; try initial_stock.heart=10"
            )
        total = amount * config.wealth
        if not 0 <= total <= MAX_AMOUNT:
            raise UserError(
                f"initial_stock.{name}={amount} with wealth={config.wealth} makes {total}; "
                f"amounts are 0 to {MAX_AMOUNT}, try wealth={max(1, MAX_AMOUNT // max(1, abs(amount)))}"
            )
        amounts[RESOURCES.index(name)] = total
    return amounts


def reward_entries(config: CogsGuardConfig, max_steps: int) -> list[tuple[int, float, float]]:
    """List the reward's entries as (statistic, weight, cap) in the order in which they are summed.

    The order is that of the rules, whatever order the variants are named in: float32 sums depend on it.
    """
    variants = config.reward_variants
    entries: list[tuple[int, float, float]] = []
    if "no_objective" not in variants:
        entries.append((READ_HELD, 1.0 / max_steps, _NO_CAP))
    entries += (
        _extra_entries(config)
        if config.rules == "2026-02-01"
        else _extra_entries_of_january(config)
    )
    if "penalize_vibe_change" in variants:
        entries.append((READ_VIBES, -0.01, _NO_CAP))
    return entries


def _extra_entries(config: CogsGuardConfig) -> list[tuple[int, float, float]]:
    entries: list[tuple[int, float, float]] = []
    if "milestones" in config.reward_variants:
        # The first reads a statistic that nothing writes; it is part of the published rules all the same.
        entries += [
            (READ_ZERO, 1.0, 100.0),
            (READ_SCRAMBLED, 0.5, 50.0),
            (READ_ALIGNED, 1.0, 100.0),
        ]
    if "credit" in config.reward_variants:
        entries.append((READ_GAINED + HEART, 0.05, 0.5))
        entries += [(READ_GAINED + gear, 0.2, 0.4) for gear in (ALIGNER, SCRAMBLER)]
        entries += [(READ_GAINED + element, 0.001, 0.1) for element in _ELEMENTS]
        entries += [(READ_DEPOSITED + element, 0.002, 0.2) for element in _ELEMENTS]
    return entries


def _extra_entries_of_january(config: CogsGuardConfig) -> list[tuple[int, float, float]]:
    """List the shaping of 2026-01-24: `credit` and `milestones` paid the same, as its further entries read nothing."""
    chosen = {"milestones", "credit"} & set(config.reward_variants)
    if len(chosen) > 1:
        raise UserError(
            "with rules=2026-01-24 milestones and credit exclude each other; try reward_variants=[milestones]"
        )
    if not chosen:
        return []
    entries = [(READ_GAINED + HEART, 0.02, 0.2)]
    entries += [(READ_GAINED + gear, 0.05, 0.1) for gear in (ALIGNER, SCRAMBLER)]
    return entries + [(READ_DEPOSITED + element, 0.0005, 0.02) for element in _ELEMENTS]


_STATISTIC_NAMES = {
    READ_HELD: ("cogs", "aligned.junction.held"),
    READ_ZERO: ("cogs", "junction"),
    READ_SCRAMBLED: ("agent", "junction.scrambled_by_agent"),
    READ_ALIGNED: ("agent", "junction.aligned_by_agent"),
    READ_VIBES: ("agent", "action.change_vibe.success"),
    **{READ_GAINED + item: ("agent", f"{name}.gained") for item, name in enumerate(RESOURCES)},
    **{READ_DEPOSITED + item: ("cogs", f"{name}.deposited") for item, name in enumerate(RESOURCES)},
}


def reward_statistics(config: CogsGuardConfig) -> list[tuple[str, str]]:
    """List what the reward reads: (`agent` or the collective's name, name of the statistic)."""
    return [_STATISTIC_NAMES[read] for read, _, _ in reward_entries(config, max_steps=1)]
