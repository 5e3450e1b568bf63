"""Team facts: what a whole team knows and holds, for critics that may see it while training. No policy ever reads it.

Ten agents share one reward. A value that sees only one agent's observations cannot tell how many junctions the team
holds, so every advantage of a game that happens to go well is too high, for hundreds of ticks and whatever its agents
do. With these numbers the value follows the team's fortune, and an advantage is left with what an action changed.

In here: the facts' names alone, without numba. What writes them: `team_view.py`; how a critic uses them:
`models/components/team_critic.py`.
"""

from __future__ import annotations

TEAM_FACTS = (
    "elapsed",
    "held_by_cogs",
    "held_by_clips",
    "held_by_nobody",
    "stock_hearts",
    "stock_lowest_element",
    *(f"stock_{name}" for name in ("oxygen", "carbon", "germanium", "silicon")),
    "hearts",
    "cargo",
    *(f"with_{name}" for name in ("aligner", "scrambler", "miner", "scout")),
    "hp",
    "hearts_of_aligners",
    "hearts_of_scramblers",
)
"""Shares of the episode's ticks and of the map's junctions; `log2(1 + amount)` of the stock, scaled to about 1; means
over the agents of hearts, of cargo (in 20 elements), of who holds which gear, of hp (in 100), and of the hearts that
holders of the aligner and of the scrambler carry."""

NUM_TEAM_FACTS = len(TEAM_FACTS)
