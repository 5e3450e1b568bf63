"""What a team does by the clock."""

from __future__ import annotations

import numpy as np
import pytest

from coglab.games.cogsguard.events import PRESENCE_CHECK, schedule
from coglab.games.cogsguard.memory import ROUTE_INDEX, MapMemory
from coglab.games.cogsguard.memory_boards import CODE_CLIPS
from coglab.games.cogsguard.teachers.team import TEAM_TUNING, bide_time

CLIPS = ROUTE_INDEX["clips"]
EAST = 8


def moves_to_the_clips(tick, known=1, distance=1):
    """Moves of an agent whose next action is carried out in `tick`, beside a junction of the clips."""
    memory = MapMemory(2, 2, is_shared=True)
    memory.state.counts[0, CODE_CLIPS] = known
    memory.route_dist[:, CLIPS] = distance
    memory.route_move[:, CLIPS] = EAST
    bide_time(TEAM_TUNING, memory.state, np.array([tick - 1], np.int32), 2, 0, 1)
    assert (memory.route_move[:, CLIPS] == memory.route_move[0, CLIPS]).all()
    return int(memory.route_move[0, CLIPS])


def test_the_last_junction_of_the_clips_is_freed_in_the_tick_of_a_check_not_shortly_before():
    checks = {tick for tick, event in schedule(1000) if event == PRESENCE_CHECK}
    freed = {tick for tick in range(1, 1001) if moves_to_the_clips(tick) == EAST}
    assert checks <= freed
    for check in checks:
        before = set(range(check - int(TEAM_TUNING.patience), check)) & set(range(1, 1001))
        assert not before & freed
        assert set(range(check + 1, check + 50)) & set(range(1, 1001)) <= freed


@pytest.mark.parametrize(("known", "distance"), [(2, 1), (1, 2)])
def test_one_of_several_junctions_is_freed_at_once_and_nobody_waits_far_away(known, distance):
    assert moves_to_the_clips(149, known, distance) == EAST
