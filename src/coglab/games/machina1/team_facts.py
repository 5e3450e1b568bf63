"""Team facts: what a whole team has and holds, for critics that may see it while training. No policy ever reads it.

Every heart pays the whole team, and how many more can be made depends on extractors that a single agent does not see. With
these numbers a value follows the team's fortune, and an advantage is left with what an action changed.

In here: the facts' names alone, without numba. What writes them: `team_view.py`; how a critic uses them:
`models/components/team_critic.py`.
"""

from __future__ import annotations

ELEMENTS = ("carbon", "oxygen", "germanium", "silicon")

TEAM_FACTS = (
    "elapsed",
    *(f"{name}_left" for name in ELEMENTS),
    "hearts_made",
    "hearts_delivered",
    *(f"cargo_{name}" for name in ELEMENTS),
    "lowest_share",
    "energy",
    "with_heart",
    "near_assembler",
    "near_for_hearts",
    "showing_heart_a",
    "showing_heart_b",
)
"""Share of the episode's ticks; shares of the uses that the extractors of each element had at the start; hearts made, and
put into chests, per agent in 16; means over the agents: of each element (in solo hearts), of energy (in 100), of who holds
a heart, stands on one of the eight cells around the assembler, stands there under the vibe `heart_a`, and shows `heart_a`
or `heart_b` at all. `lowest_share` is the least of the four means of elements: the solo hearts per agent carried."""

NUM_TEAM_FACTS = len(TEAM_FACTS)
