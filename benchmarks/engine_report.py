"""The tables that `engine.py` prints; the same text goes into docs/09-speed.md."""

from __future__ import annotations

from typing import Any

from benchmarks.machine import IDLE_SHARE

GOALS = {
    "64 games, against the reference's 64": (50, 80),
    "64 games, against the reference's best case": (12, 22),
    "4096 games, against our own 64": (0.4, 0.6),
}
"""Floor and goal of the ratios that have one."""


def markdown(results: dict[str, Any]) -> str:
    """Return all tables of a run."""
    parts = [_conditions(results), _rates(results["comparisons"]), _ratios(results["comparisons"])]
    for mission, own in results["own"].items():
        parts.append(_own(mission, own))
    parts.append(_first_calls(results["first_calls"]))
    return "\n\n".join(part for part in parts if part) + "\n"


def _conditions(results: dict[str, Any]) -> str:
    about = results["machine"]
    busy = results["busy_share"]
    lines = [
        f"{results['date']}, commit {results['commit']}, {about['processor']}, {about['cores']} cores, "
        f"Python {about['python']}, numba {about['numba']}. {results['rounds']} rounds of {results['ticks']} ticks."
    ]
    if busy is None or busy > IDLE_SHARE:
        share = "an unknown share" if busy is None else f"{busy:.0%}"
        lines.append(f"NOISY: other programs used {share} of the machine when the run began.")
    return "\n".join(lines)


def _rates(comparisons: list[dict[str, Any]]) -> str:
    lines = [
        "Thousand agent steps per CPU second, step and full observation: median (least to most of the rounds)",
        "",
        "| mission, play | " + " | ".join(comparisons[0]["series"]) + " |",
        "| --- |" + " ---: |" * len(comparisons[0]["series"]),
    ]
    for result in comparisons:
        cells = [
            f"{s['rate'] / 1e3:.4g} ({s['least'] / 1e3:.4g} to {s['most'] / 1e3:.4g})"
            + ("" if s["cpu_of_wall"] > 1 - IDLE_SHARE else " *")
            for s in result["series"].values()
        ]
        lines.append(f"| {result['mission']}, {result['play']} | " + " | ".join(cells) + " |")
    everyone = [s for result in comparisons for s in result["series"].values()]
    if any(s["cpu_of_wall"] <= 1 - IDLE_SHARE for s in everyone):
        lines += ["", "\\* noisy: the process had to share its core with others."]
    return "\n".join(lines)


def _ratios(comparisons: list[dict[str, Any]]) -> str:
    names = list(comparisons[0]["ratios"])
    titles = [f"{result['mission']}, {result['play']}" for result in comparisons]
    lines = ["Ratios: medians over rounds", "", "| | " + " | ".join(titles) + " | floor, goal |"]
    lines.append("| --- |" + " ---: |" * (len(titles) + 1))
    for name in names:
        cells = [f"{result['ratios'][name]:.3g}" for result in comparisons]
        goal = "{}, {}".format(*GOALS[name]) if name in GOALS else ""
        lines.append(f"| {name} | " + " | ".join(cells) + f" | {goal} |")
    return "\n".join(lines)


def _own(mission: str, own: dict[str, Any]) -> str:
    phases = own["phases"]
    lines = [f"{mission}, 64 games, {own['play']} play: where the time goes, ns per agent step", ""]
    lines += ["| phase | ns |", "| --- | ---: |"]
    lines += [f"| {name} | {value:.0f} |" for name, value in phases.items()]
    lines += [f"| sum | {sum(phases.values()):.0f} |", ""]
    limits = own["limits"]
    lines += ["| per agent step | |", "| --- | ---: |"]
    lines += [f"| {name} | {value:.3g} |" for name, value in limits.items()]
    lines += ["", "| bytes per game | |", "| --- | ---: |"]
    lines += [f"| {name} | {value:,.0f} |" for name, value in own["footprint"].items()]
    lines += ["", "| microseconds per game | |", "| --- | ---: |"]
    lines += [f"| {name} | {value:.2f} |" for name, value in own["reset"].items()]
    cores = own["two_cores"]
    if "skipped" in cores:
        lines += ["", f"Two cores: {cores['skipped']}."]
    else:
        busy = cores["busy_share"]
        is_quiet = busy is not None and busy <= IDLE_SHARE
        lines += [
            "",
            f"Two threads on games of their own: {cores['speedup']:.2f} times one thread by the wall clock"
            + ("" if is_quiet else " (NOISY: the machine was not idle)")
            + f", {cores['efficiency']:.2f} times its agent steps per CPU second.",
        ]
    return "\n".join(lines)


def _first_calls(calls: dict[str, dict[str, float]]) -> str:
    lines = ["| seconds in a new process | import | first reset and step (wall) | (CPU) |"]
    lines.append("| --- | ---: | ---: | ---: |")
    for name, times in calls.items():
        wall, cpu = times["first_call_s"], times["first_call_cpu_s"]
        lines.append(f"| {name} cache | {times['import_s']:.2f} | {wall:.2f} | {cpu:.2f} |")
    return "\n".join(lines)
