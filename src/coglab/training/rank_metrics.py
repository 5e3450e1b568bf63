"""Where an iteration's time went, and how the ranks of a run share the work. Names: coglab/tracking/names.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from coglab.tracking.monitor import occupied_memory
from coglab.training.distributed import Ranks
from coglab.training.geometry import Geometry
from coglab.training.rollout import PHASES


def timing_metrics(
    geometry: Geometry,
    total: float,
    rollout: float,
    phases: Mapping[str, float],
    laps: Sequence[Mapping[str, float]],
) -> dict[str, float]:
    """Shares of the iteration's wall time on this rank; the phases of a rollout are means over its workers.

    Args:
        geometry: sizes.
        total: seconds of the iteration.
        rollout: seconds of the rollout.
        phases: seconds of `advantage`, `learn` and `stats`.
        laps: seconds per phase of the rollout, for every worker.

    Returns:
        `overview/sps`, `metric/..._time` and `timing_per_epoch/...`.
    """
    shared = len(laps)
    seconds = {phase: sum(lap[phase] for lap in laps) / shared for phase in PHASES}
    seconds["wait"] = max(0.0, rollout - sum(seconds.values()))
    seconds.update(phases)
    return {
        "overview/sps": geometry.steps_per_iteration / total,
        "metric/rollout_time": rollout,
        "metric/train_time": phases["advantage"] + phases["learn"],
        "metric/stats_time": phases["stats"],
        **{f"timing_per_epoch/frac/{phase}": value / total for phase, value in seconds.items()},
        **{
            f"timing_per_epoch/msec/{phase}": 1e3 * value * shared
            for phase, value in seconds.items()
        },
    }


def rank_metrics(geometry: Geometry, total: float, ranks: Ranks) -> dict[str, float]:
    """What each rank could do alone, how long it waited for the others, and its memory.

    Args:
        geometry: sizes.
        total: seconds of the iteration on this rank.
        ranks: the processes of the run.

    Returns:
        `ranks/...`; nothing if this process is alone.
    """
    if ranks.count == 1:
        return {}
    waited = ranks.seconds
    memory = (occupied_memory() or 0) / 1e9
    table = ranks.gather([total, waited, memory])
    metrics = {"ranks/count": float(ranks.count), "ranks/memory_gb": float(table[:, 2].sum())}
    for rank, (seconds, wait, used) in enumerate(table.tolist()):
        metrics[f"ranks/{rank}/sps"] = geometry.batch_size / max(1e-9, seconds - wait)
        metrics[f"ranks/{rank}/wait"] = wait / seconds
        metrics[f"ranks/{rank}/memory_gb"] = used
    metrics["ranks/wait"] = float((table[:, 1] / table[:, 0]).mean())
    return metrics
