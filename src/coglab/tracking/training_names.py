"""Metrics of the trainer: progress, speed, experience, evaluations, checkpoints, machine. Losses: `loss_names.py`."""

from __future__ import annotations

from coglab.tracking.metric import SHARE, Metric

TRAINING_PLACEHOLDERS: dict[str, tuple[str, str]] = {
    "<phase>": (
        r"(?:simulate|label|encode|infer|store|advantage|learn|stats|wait)",
        "simulate (games and observations), label (teacher), encode (map memory and network input), "
        "infer (network and sampling), store (experience), wait (for other workers), advantage, learn "
        "(losses, gradients, optimiser), stats",
    ),
    "<policy>": (r"[A-Za-z0-9_.\-:]+", "student, teacher, random, or the name of a policy"),
    "<mode>": (r"(?:sample|greedy|scripted)", "how actions were chosen: sample, greedy, scripted"),
    "<statistic>": (
        r"[A-Za-z0-9_./\-]+",
        "reward, or a statistic of the game as under `env_agent/` and `env_collective/`",
    ),
    "<setting>": (r"[a-z_.]+", "a setting below `trainer`, such as `losses.ppo_actor.ent_coef`"),
    "<gpu>": (r"gpu\d+", "gpu0, gpu1, ..."),
    "<rank>": (r"\d+", "0, 1, ...: number of a process among those that train the run together"),
}

_PROGRESS: dict[str, Metric] = {
    "metric/agent_step": Metric(
        "agent steps",
        "run",
        "none",
        "The x axis of everything. One tick of a game with ten agents is ten agent steps.",
    ),
    "metric/epoch": Metric(
        "iterations", "run", "none", "Iterations done: one rollout and one update each."
    ),
    "metric/env_step": Metric(
        "ticks", "run", "none", "Ticks simulated, summed over the parallel games."
    ),
    "metric/gradient_step": Metric("gradient steps", "run", "none", "Optimiser steps done."),
    "metric/episodes": Metric("episodes", "run", "none", "Episodes that ended, cut ones left out."),
    "metric/total_time": Metric(
        "s", "run", "none", "Wall time of training, over all restarts.", is_timing=True
    ),
    "metric/rollout_time": Metric(
        "s", "iteration", "none", "Wall time of the rollout.", is_timing=True
    ),
    "metric/train_time": Metric(
        "s", "iteration", "none", "Wall time of advantages, losses and optimiser.", is_timing=True
    ),
    "metric/stats_time": Metric(
        "s", "iteration", "none", "Wall time of collecting and logging metrics.", is_timing=True
    ),
    "overview/reward": Metric(
        "reward / agent",
        "episodes",
        "higher",
        "Mean episode return per agent. The mean reward of single steps is `experience/rewards`.",
    ),
    "overview/reward_vs_total_time": Metric(
        "reward / agent",
        "episodes",
        "higher",
        "`overview/reward`, drawn over `metric/total_time` instead of agent steps.",
    ),
    "overview/episodes": Metric(
        "episodes",
        "iteration",
        "none",
        "Episodes that the `env_` means and `overview/reward` are over.",
    ),
    "overview/episodes_cut": Metric(
        "episodes",
        "iteration",
        "none",
        "First episodes that were cut so that parallel games do not end together; in no mean.",
    ),
    "overview/sps": Metric(
        "agent steps / s",
        "iteration",
        "higher",
        "Agent steps of the iteration over its wall time, everything included.",
        is_timing=True,
    ),
    "overview/steps_per_second": Metric(
        "agent steps / s",
        "process",
        "higher",
        "Agent steps over wall time since this process began to train.",
        is_timing=True,
    ),
    "timing_per_epoch/frac/<phase>": Metric(
        SHARE,
        "iteration",
        "none",
        "Share of the iteration's wall time; phases of the rollout are means over workers.",
        is_timing=True,
    ),
    "timing_per_epoch/msec/<phase>": Metric(
        "ms",
        "iteration",
        "none",
        "Time that a phase took, summed over the workers.",
        is_timing=True,
    ),
}

_EXPERIENCE: dict[str, Metric] = {
    "experience/rewards": Metric(
        "reward / agent step", "batch", "higher", "Reward of one agent step, before `reward_scale`."
    ),
    "experience/reward_mean_centered": Metric(
        "reward / agent step", "moment", "none", "The running mean that reward centring subtracts."
    ),
    "experience/terminateds": Metric(
        SHARE, "batch", "none", "Agent steps at which the rules ended the episode."
    ),
    "experience/truncateds": Metric(
        SHARE, "batch", "none", "Agent steps at which the trainer cut the episode."
    ),
    "experience/values": Metric(
        "scaled return", "batch", "none", "The critic's estimates during the rollout."
    ),
    "experience/returns": Metric(
        "scaled return", "batch", "none", "The returns that the estimates are compared with."
    ),
    "experience/advantages_mean": Metric(
        "scaled return", "batch", "none", "Mean advantage, before normalisation."
    ),
    "experience/advantages_std": Metric(
        "scaled return",
        "batch",
        "none",
        "Standard deviation of the advantages, before normalisation.",
    ),
    "experience/act_log_prob": Metric(
        "nat", "batch", "none", "Log probability of the student's own actions when it took them."
    ),
    "experience/action/<action>": Metric(
        SHARE, "batch", "none", "How often an action was carried out, whoever chose it."
    ),
}

_RESULTS: dict[str, Metric] = {
    "evaluator/<policy>/<mode>/reward": Metric(
        "reward / agent", "evaluation", "higher", "Mean episode return per agent."
    ),
    "evaluator/<policy>/<mode>/<statistic>": Metric(
        "as in the game", "evaluation", "none", "A statistic of the evaluation's episodes."
    ),
    "evaluator/maps": Metric("maps", "evaluation", "none", "Held-out maps that were played."),
    "evaluator/seconds": Metric(
        "s", "evaluation", "none", "Wall time of the evaluation.", is_timing=True
    ),
    # Checkpoints are written by the clock, so equal runs write them at different steps.
    "checkpoint/version": Metric(
        "1",
        "moment",
        "none",
        "Version of the checkpoint just written: the N of `:vN`.",
        is_timing=True,
    ),
    "checkpoint/seconds": Metric(
        "s", "moment", "lower", "Time that writing it took.", is_timing=True
    ),
    "maps/pool_generation": Metric(
        "maps", "run", "none", "Maps put into the pool since the run began."
    ),
    "monitor/cpu_percent": Metric(
        "% of all cores", "iteration", "none", "Processor time of this process.", is_timing=True
    ),
    "monitor/memory_gb": Metric(
        "GB", "moment", "lower", "Memory that this process occupies.", is_timing=True
    ),
    "monitor/memory_percent": Metric(
        "%",
        "moment",
        "lower",
        "The same, in percent of what the machine or its limit allows.",
        is_timing=True,
    ),
    "monitor/<gpu>/memory_gb": Metric("GB", "moment", "none", "GPU memory in use.", is_timing=True),
    "monitor/<gpu>/memory_peak_gb": Metric(
        "GB", "process", "none", "Most GPU memory that was in use at once.", is_timing=True
    ),
    "monitor/<gpu>/utilization_percent": Metric(
        "%", "moment", "higher", "Share of time in which the GPU was busy.", is_timing=True
    ),
}

_RANKS: dict[str, Metric] = {
    "ranks/count": Metric(
        "processes", "moment", "none", "Processes that train the run together.", is_timing=True
    ),
    "ranks/wait": Metric(
        SHARE,
        "iteration",
        "lower",
        "Share of the wall time in which a process waits for others or exchanges numbers with them, mean of all.",
        is_timing=True,
    ),
    "ranks/memory_gb": Metric(
        "GB", "moment", "lower", "Memory that all processes of the run occupy.", is_timing=True
    ),
    "ranks/<rank>/sps": Metric(
        "agent steps / s",
        "iteration",
        "higher",
        "Agent steps of one process over the time in which it did not wait: what it could do alone. The rate of all "
        "together is `overview/sps`.",
        is_timing=True,
    ),
    "ranks/<rank>/wait": Metric(
        SHARE, "iteration", "lower", "As `ranks/wait`, of one process.", is_timing=True
    ),
    "ranks/<rank>/memory_gb": Metric(
        "GB", "moment", "lower", "Memory that one process occupies.", is_timing=True
    ),
}

TRAINING_METRICS: dict[str, Metric] = {
    **_PROGRESS,
    **_RANKS,
    **_EXPERIENCE,
    **_RESULTS,
}
"""Name or pattern -> what it is."""
