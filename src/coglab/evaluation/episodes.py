"""Play one episode on each of many maps and collect what happened."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from coglab.evaluation.config import FIRST_EVALUATION_SEED
from coglab.evaluation.statistics import Interval, mean_interval
from coglab.games.registry import game_of

if TYPE_CHECKING:
    from coglab.games.config import GameConfig
    from coglab.games.game import Game
    from coglab.policies.protocol import Policy

Mode = Literal["sample", "greedy", "scripted"]

BLOCK_MAPS = 16
"""Maps that one policy object plays at once. Random numbers are drawn per block: results do not depend on threads."""

EXACT_ORDER = True
"""Evaluations use the reference engine's own random streams, so that anyone can check them there."""


@dataclass
class EvaluationResult:
    """What one policy did on a set of maps.

    Attributes:
        policy_uri: the policy.
        mode: how actions were chosen; `scripted` for policies without probabilities.
        map_seeds: `[maps]` int64.
        metrics: name -> `[maps]` float64, one value per map. `reward` is the mean episode return per agent; agent
            statistics are means over agents; collective statistics carry `cogs/` or `clips/` in front.
        agent_steps: agent steps that were played.
        seconds: wall time.
        actions: `[ticks, maps, agents]` int16 what was played, if it was to be kept.
        headline: metrics that tables show: episode return per agent, hearts per agent, and what else the game has.
    """

    policy_uri: str
    mode: Mode
    map_seeds: np.ndarray
    metrics: dict[str, np.ndarray] = field(default_factory=dict)
    agent_steps: int = 0
    seconds: float = 0.0
    actions: np.ndarray | None = None
    headline: tuple[str, ...] = ("reward", "heart.gained")

    def interval(self, metric: str) -> Interval:
        """Mean and 95 % interval of a metric over maps; 0 on every map for a statistic that was never written."""
        values = self.metrics.get(metric)
        return mean_interval(np.zeros(len(self.map_seeds)) if values is None else values)


def evaluate_policy(
    make_policy: Callable[[], Policy],
    policy_uri: str,
    game: GameConfig,
    *,
    maps: int,
    mode: Literal["sample", "greedy"],
    seed: int = 0,
    workers: int = 1,
    keep_actions: bool = False,
    on_progress: Callable[[int, float], None] | None = None,
    first_map_seed: int = FIRST_EVALUATION_SEED,
) -> EvaluationResult:
    """Play one episode on each held-out map.

    Every game has its own map, seed `first_map_seed` + i, and its own random streams, keyed by (seed, map), so the
    result does not depend on `workers`.

    Args:
        make_policy: builds an unbound policy; called once per block of maps.
        policy_uri: what the result calls the policy.
        game: which game, with its mission, agents, rules.
        maps: number of maps, at least 1.
        mode: `sample` or `greedy`; ignored by scripted policies.
        seed: seed of action sampling and of the games' event order.
        workers: threads; each plays whole blocks of maps.
        keep_actions: whether the result has every action, so that its episodes can be played again.
        on_progress: called now and then with the number of a block of maps and the share of its ticks played, 0 to 1.
        first_map_seed: seed of the first map. Below `FIRST_EVALUATION_SEED` lie training maps, for tuning.

    Returns:
        One value per map of every statistic.
    """
    started = time.perf_counter()
    played = game_of(game)
    pool = played.held_out_maps(game, maps, first_map_seed)
    sim = played.make_sim(game, maps, pool, seed=seed, map_choice="by_env", exact_order=EXACT_ORDER)
    sim.reset()
    blocks = [(first, min(first + BLOCK_MAPS, maps)) for first in range(0, maps, BLOCK_MAPS)]
    policies = [make_policy() for _ in blocks]
    for policy, (first, last) in zip(policies, blocks, strict=True):
        policy.bind(sim, first, last)
    shape = (sim.max_steps, maps, sim.num_agents)
    actions = np.zeros(shape, np.int16) if keep_actions else None
    result_mode: Mode = "scripted" if policies[0].is_scripted else mode

    def play(block: int) -> None:
        policy, (first, last) = policies[block], blocks[block]
        rows = slice(first * sim.num_agents, last * sim.num_agents)
        rng = np.random.default_rng([seed, first])
        reset = np.ones(rows.stop - rows.start, dtype=np.bool_)
        for tick in range(sim.max_steps):
            sim.actions[rows] = policy.act(reset, mode, rng).actions
            if actions is not None:
                actions[tick, first:last] = sim.actions[rows].reshape(last - first, -1)
            sim.step(first, last)
            reset[:] = False
            if on_progress is not None and tick % 50 == 0:
                on_progress(block, tick / sim.max_steps)

    with ThreadPoolExecutor(max(1, workers)) as executor:
        list(executor.map(play, range(len(blocks))))
    if not (sim.episode.count == 1).all():
        raise RuntimeError(
            f"expected one finished episode per map, got {sim.episode.count.tolist()}"
        )
    return EvaluationResult(
        policy_uri=policy_uri,
        mode=result_mode,
        map_seeds=first_map_seed + np.arange(maps),
        metrics=_metrics(sim, played),
        agent_steps=maps * sim.num_agents * sim.max_steps,
        seconds=time.perf_counter() - started,
        actions=actions,
        headline=played.headline,
    )


def _metrics(sim: Any, game: Game) -> dict[str, np.ndarray]:
    """One value per map of every statistic of the episodes that just ended."""
    episode = sim.episode
    metrics = {"reward": episode.returns.mean(axis=1).astype(np.float64)}
    per_agent = episode.agent.mean(axis=1)
    for column, name in enumerate(sim.agent_stats):
        metrics[name] = per_agent[:, column].astype(np.float64)
    for side, owner in enumerate(game.collectives):
        for column, name in enumerate(sim.collective_stats):
            metrics[f"{owner}/{name}"] = episode.collective[:, side, column].astype(np.float64)
    return metrics | game.map_metrics(sim, episode)


def paired_difference(a: EvaluationResult, b: EvaluationResult, metric: str) -> Interval:
    """Interval of `a - b` on the same maps: much narrower than the two intervals suggest."""
    if not np.array_equal(a.map_seeds, b.map_seeds):
        raise ValueError("the two results were not played on the same maps")
    return mean_interval(a.metrics[metric] - b.metrics[metric])
