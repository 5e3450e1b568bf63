"""Compare the simulator with its twin for as long as you like.

python -m tests.games.machina1.long_twin SECONDS [SEED]
"""

import random
import sys
import time
from collections import Counter

from tests.games.machina1.twin_play import Case, play


def random_case(rng):
    """Draw a case, more widely than the default tests do."""
    ticks = rng.choice([60, 200, 500])
    return Case(
        seed=rng.randrange(2**32 - 1),
        ticks=ticks,
        height=rng.randint(5, 24),
        width=rng.randint(5, 24),
        num_agents=rng.choice([1, 2, 3, 4, 4, 4, 5, 6, 8, 12, 20]),
        max_steps=rng.choice([rng.randint(1, 60), rng.randint(20, 500), 1000, 10_000]),
        vibes=rng.choice([13, 152]),
        reward=rng.choice(["heart_chorus", "heart_chorus", "base"]),
        bonus=rng.random() < 0.3,
        play=rng.choice(["moods"] * 5 + ["random"]),
        gifts_every=rng.choice([0, 3, 10, 10, 20]),
        resume_at=rng.choice([0, rng.randint(1, ticks)]),
    )


def play_cases(first_seed, is_enough):
    """Play cases until `is_enough(happened)`; returns what happened: sums of statistics, `cases`, `ticks`.

    Raises:
        Mismatch: the first difference, with the case that shows it.
    """
    happened = Counter()
    while not is_enough(happened):
        case = random_case(random.Random(first_seed + happened["cases"]))
        happened.update(play(case))
        happened.update(cases=1, ticks=2 * case.ticks)
    return happened


def main():
    """Play until the time is over; the first difference ends it with the case that shows it."""
    first_seed = int(sys.argv[2]) if len(sys.argv) > 2 else int(time.time())
    ends_at = time.time() + float(sys.argv[1])
    happened = play_cases(first_seed, lambda _: time.time() > ends_at)
    print(
        f"{happened['cases']} cases, {happened['ticks']} game ticks, no difference (first seed {first_seed})"
    )
    for name in sorted(name for name in happened if name.startswith(("assembler", "chest"))):
        print(f"  {name} {happened[name]:g}")


if __name__ == "__main__":
    main()
