"""Compare the simulator with its twin for as long as you like.

python -m tests.games.cogsguard.long_twin SECONDS [SEED]
"""

import random
import sys
import time

from tests.games.cogsguard.twin_play import Case, play


def random_case(rng):
    """Draw a case, more widely than the default tests do."""
    variants = [
        name for name in ("milestones", "credit", "penalize_vibe_change") if rng.random() < 0.5
    ]
    if rng.random() < 0.2:
        variants.append(rng.choice(["objective", "no_objective"]))
    rng.shuffle(variants)
    rules = "2026-01-24" if rng.random() < 0.15 else "2026-02-01"
    if rules == "2026-01-24" and "milestones" in variants and "credit" in variants:
        variants.remove("credit")
    ticks = rng.choice([60, 200, 500, 1200])
    return Case(
        seed=rng.randrange(2**32 - 1),
        ticks=ticks,
        height=rng.randint(7, 44),
        width=rng.randint(7, 44),
        num_agents=rng.randint(1, 12),
        max_steps=rng.choice([rng.randint(1, 60), rng.randint(20, 500), 1000, 2000, 10_000]),
        wealth=rng.choice([1, 1, 5, 50, 250, 251, 300, rng.randint(1, 1100)]),
        reward_variants=tuple(variants),
        rules=rules,
        energy_regen=rng.choice([1, 1, 1, 0, 3, 30]),
        move_cost=rng.choice([3, 3, 3, 0, 1, 5, 30]),
        play=rng.choice(["goals", "goals", "goals", "walk", "random"]),
        resume_at=rng.choice([0, rng.randint(1, ticks)]),
    )


def main():
    """Play cases until the time is over; the first difference ends it with the case that shows it."""
    seconds = float(sys.argv[1])
    first_seed = int(sys.argv[2]) if len(sys.argv) > 2 else int(time.time())
    began, cases, ticks = time.time(), 0, 0
    while time.time() - began < seconds:
        case = random_case(random.Random(first_seed + cases))
        play(case)
        cases += 1
        ticks += 2 * case.ticks
    print(f"{cases} cases, {ticks} game ticks, no difference (first seed {first_seed})")


if __name__ == "__main__":
    main()
