"""Speed of the simulator, side by side with the reference engine mettagrid 0.6.0.

    python benchmarks/engine.py                 # everything: about 15 minutes on an idle machine
    python benchmarks/engine.py --quick         # fewer and shorter samples: a look, not a measurement
    python benchmarks/engine.py --no-reference  # our side alone, needs no Python 3.12

Both engines play the stock missions machina_1 and arena with 8 agents on maps of equal size, step plus the full
200 x 3 observation, and each times its own process CPU time in turns. Ours plays the full rules with all statistics.
The reference plays cogames 0.6.0's own missions through its C++ step; configured to our rules it would be slower.
Random play uses the same actions for both; teacher play replays actions that each engine's own scripted player chose.
"""

from __future__ import annotations

import argparse
import datetime
import json
import sys
from pathlib import Path
from typing import Any

if not __package__:  # run as a file
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import engine_extras as extras
from benchmarks import machine
from benchmarks.engine_compare import compare
from benchmarks.engine_fleet import Fleet, make_fleet
from benchmarks.engine_phases import measure_phases
from benchmarks.engine_report import markdown
from benchmarks.reference.environment import ReferenceUnavailableError

MISSIONS = ("machina_1", "arena")
PLAYS = ("random", "teacher")


def main() -> int:
    """Measure, print the tables, write the JSON file."""
    arguments = _parse()
    rounds, ticks = (3, 20) if arguments.quick else (arguments.rounds, arguments.ticks)
    results: dict[str, Any] = {
        "date": datetime.datetime.now().astimezone().strftime("%Y-%m-%d %H:%M"),
        "command": " ".join(["python", "benchmarks/engine.py", *sys.argv[1:]]),
        "commit": extras.commit(),
        "machine": machine.describe(),
        "busy_share": machine.busy_share(),
        "rounds": rounds,
        "ticks": ticks,
        "comparisons": [],
        "own": {},
    }
    for mission in arguments.missions:
        for play in arguments.plays:
            print(f"{mission}, {play} play ...", flush=True)
            try:
                result = compare(mission, play, rounds, ticks, not arguments.no_reference)
            except ReferenceUnavailableError as error:
                print(f"error: {error}\n`--no-reference` measures our side alone.", file=sys.stderr)
                return 2
            results["comparisons"].append(result)
        print(f"{mission}, our side alone ...", flush=True)
        results["own"][mission] = _measure_own(mission, arguments.plays[-1], result, rounds, ticks)
    print("first calls ...", flush=True)
    results["first_calls"] = extras.first_calls()
    table = markdown(results)
    print("\n" + table)
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    arguments.json.write_text(json.dumps(results, indent=1))
    print(f"written: {arguments.json}")
    return 0


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--missions", nargs="+", choices=MISSIONS, default=list(MISSIONS))
    parser.add_argument("--plays", nargs="+", choices=PLAYS, default=list(PLAYS))
    parser.add_argument(
        "--rounds", type=int, default=7, help="samples of each contestant (default 7)"
    )
    parser.add_argument("--ticks", type=int, default=100, help="ticks per sample (default 100)")
    parser.add_argument("--quick", action="store_true", help="3 rounds of 20 ticks")
    parser.add_argument("--no-reference", action="store_true", help="measure our side alone")
    parser.add_argument(
        "--json", type=Path, default=Path("train_dir/benchmarks/engine.json"), metavar="FILE"
    )
    arguments = parser.parse_args()
    if (
        arguments.rounds < 1
        or arguments.ticks < 1
        or arguments.rounds * (arguments.ticks + 10) > 1000
    ):
        parser.error(
            f"--rounds {arguments.rounds} --ticks {arguments.ticks}: the samples must fit into one episode of the "
            "arena: rounds * (ticks + 10) <= 1000, for example --rounds 9 --ticks 100"
        )
    return arguments


def _measure_own(
    mission: str, play: str, result: dict[str, Any], rounds: int, ticks: int
) -> dict[str, Any]:
    """Measure what concerns our side alone; the rate of a whole step comes from the comparison."""
    ns_per_step = 1e9 / result["series"]["ours 64"]["rate"]
    fleet = Fleet(mission, 64, 3 * ticks, play)
    return {
        "play": play,
        "phases": measure_phases(make_fleet(mission, 64), fleet.actions),
        "limits": extras.bytes_and_limits(mission, play, ns_per_step),
        "footprint": extras.footprint(mission),
        "reset": extras.reset_cost(mission, rounds),
        "two_cores": extras.two_cores(mission, 5 * ticks, rounds),
    }


if __name__ == "__main__":
    sys.exit(main())
