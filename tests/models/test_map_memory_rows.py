from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from coglab.games.cogsguard.memory_layout import ROUTE_INDEX, SCALAR_INDEX, SCALARS
from coglab.games.cogsguard.reading import READING
from coglab.games.registry import GAMES
from coglab.models.components.obs_map_memory import MapMemoryRows
from coglab.models.vocabulary import RowAllocator


def facts(mode: int = 0, dist: dict | None = None, move: dict | None = None, **scalars: int):
    """Block name -> index within the block, for a memory that holds just these facts."""
    allocator = RowAllocator()
    rows = MapMemoryRows(allocator, GAMES["cogsguard"])
    memory = SimpleNamespace(
        scalars=np.zeros((1, len(SCALARS)), np.int16),
        route_dist=np.full((1, len(ROUTE_INDEX)), 255, np.uint8),
        route_move=np.zeros((1, len(ROUTE_INDEX)), np.uint8),
    )
    for name, value in scalars.items():
        memory.scalars[0, SCALAR_INDEX[name]] = value
    for name, value in (dist or {}).items():
        memory.route_dist[0, ROUTE_INDEX[name]] = value
    for name, value in (move or {}).items():
        memory.route_move[0, ROUTE_INDEX[name]] = value
    counts, dropped = np.zeros(1, np.int32), np.zeros(1, np.int64)
    ids = np.zeros((1, 200), np.int16)
    rows.write(memory, 0, 1, np.full(1, mode, np.int32), counts, dropped, ids)
    assert dropped[0] == 0
    found = {}
    for value in ids[0, : counts[0]]:
        block = next(b for b in allocator.blocks if b.first <= value < b.first + b.rows)
        assert block.name not in found
        found[block.name] = int(value) - block.first
    return found


def test_an_empty_memory_says_nothing():
    assert facts() == {}


def test_energy_is_exact_up_to_20():
    rows = [facts(energy=value)["memory_energy"] for value in range(1, 21)]
    assert rows == list(range(20))


def test_flags_with_a_common_beginning_are_one_pattern():
    assert facts(blocked_north=1, blocked_west=1) == {"memory_blocked_*": 0b0101 - 1}
    assert facts(on_enemy_map=1, on_ground_map=1) == {"memory_on_*": 0b101 - 1}


def test_every_fact_but_the_implied_ones_is_written():
    silent = [
        fact.name
        for fact in SCALARS
        if not facts(**{fact.name: 1}) and not facts(**{fact.name: fact.high})
    ]
    assert sorted(silent) == sorted(READING.left_out)


def test_negative_numbers_and_numbers_out_of_range_have_buckets():
    assert facts(row=-3) != facts(row=3)
    assert facts(slack=-300) == facts(slack=-255)
    assert facts(stock_carbon=9999) == facts(stock_carbon=500)


def test_distances_are_exact_to_16_and_a_missing_route_says_nothing():
    rows = [facts(dist={"chest": value})["distance_chest"] for value in range(17)]
    assert rows == list(range(17))
    assert facts(dist={"chest": 200}) == facts(dist={"chest": 101})
    assert facts(dist={"chest": 255}, move={"chest": 3}) == {}


def test_first_moves_are_joint_with_mode_and_class():
    num_classes = len(ROUTE_INDEX)
    found = facts(mode=7, dist={"hub": 4}, move={"hub": 0b1010})
    assert found["moves"] == (7 * num_classes + ROUTE_INDEX["hub"]) * 15 + 0b1010 - 1
    assert facts(dist={"own_ground": 0}) == {"distance_own_ground": 0}
