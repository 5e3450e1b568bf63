"""docs/02-rules.md says what the code does: its tables marked with a tick, and the worked example."""

from pathlib import Path

import numpy as np
import pytest

from coglab.engine.mapgen.compound import pad_capacity
from coglab.games.cogsguard import rules
from coglab.games.cogsguard.config import CogsGuardConfig
from coglab.games.cogsguard.events import EVENTS, schedule
from coglab.games.cogsguard.mapgen import MapPool
from coglab.games.cogsguard.mapgen.site import compound_of
from coglab.games.cogsguard.mapgen.text_map import LEGEND, MAX_SIDE
from coglab.games.cogsguard.missions import MISSIONS
from coglab.games.cogsguard.preset import reward_entries, reward_statistics
from coglab.games.cogsguard.sim import CogsGuardSim
from tests.games.cogsguard.mapgen.test_site import COUNTS
from tests.reference.twin_inventory import Inventory, agent_groups

PAGE = (Path(__file__).parents[2] / "docs" / "02-rules.md").read_text(encoding="utf-8")


def table(first_column):
    """The rows of the first table whose header begins with `first_column`, as lists of plain cells."""
    lines = PAGE.splitlines()
    header = f"| {first_column} |" if first_column else "| |"
    start = next(i for i, line in enumerate(lines) if line.startswith(header))
    rows = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip().strip("`") for cell in line.strip("|").split("|")])
    return rows


def test_resources_are_listed_in_the_order_of_their_ids():
    sentence = PAGE.split("ids 0 to 11: ")[1].split(".")[0]
    assert tuple(sentence.replace("\n", " ").split(", ")) == rules.RESOURCES


def test_actions_have_their_indices():
    assert [(row[0], int(row[1])) for row in table("action ✓")] == [
        (name, index) for index, name in enumerate(rules.ACTIONS)
    ]


def test_limits_with_each_piece_of_gear():
    groups = dict(
        zip(("hp", "gear", "heart", "energy", "cargo", "influence"), agent_groups(), strict=True)
    )
    for row in table("limit ✓"):
        for gear, limit in zip((None, *rules.RESOURCES[rules.FIRST_GEAR :]), row[1:], strict=True):
            holder = Inventory(list(groups.values()), {}, "gained", "lost")
            holder.start("hp", 1)
            if gear:
                holder.start(gear, 1)
            assert groups[row[0]].limit(holder.amounts) == int(limit), (row[0], gear)


def test_prices_of_gear():
    columns = [rules.RESOURCES[element] for element in rules.PRICE_ORDER]
    assert "| price of ✓ | " + " | ".join(columns) + " |" in PAGE
    for gear, *prices in table("price of ✓"):
        own = rules.GEAR_PRICE[rules.RESOURCES.index(gear)]
        assert [int(price) for price in prices] == [own[element] for element in rules.PRICE_ORDER]


def test_events_of_an_episode_of_1000_ticks():
    events = schedule(1000)
    rows = PAGE.split("For 1,000 ticks ✓:")
    ticks = {
        line.split("|")[1].strip(" `"): line.split("|")[2]
        for line in rows[1].splitlines()
        if "`" in line
    }
    for kind, name in enumerate(EVENTS):
        assert [int(t) for t in ticks[name].split()] == [
            tick for tick, event in events if event == kind
        ]
    for tick, order in table("tick"):
        names = [name.strip(" `") for name in order.split(",")]
        assert names == [EVENTS[event] for at, event in events if at == int(tick)]
    shared = {tick for tick, _ in events if sum(tick == at for at, _ in events) > 1}
    assert shared == {int(row[0]) for row in table("tick")}


def test_reward_entries_in_their_order():
    variants = ("milestones", "credit", "penalize_vibe_change")
    config = CogsGuardConfig(reward_variants=variants)
    entries = zip(reward_statistics(config), reward_entries(config, 1000), strict=True)
    for row, ((owner, name), (_, weight, cap)) in zip(table("variant"), entries, strict=True):
        assert row[1] == name
        assert row[2] == owner
        if row[0] != "(always)":
            assert float(row[3].replace("−", "-")) == weight
        assert (float(row[4]) if row[4] else float("inf")) == cap


def test_missions():
    for row in table("mission ✓"):
        mission = MISSIONS[row[0]]
        sizes = (
            mission.inner_size,
            mission.map_size,
            mission.start_pads,
            mission.default_agents,
            mission.max_steps,
        )
        assert tuple(int(cell) for cell in row[1:6]) == sizes
        stock = mission.initial_stock
        assert row[6] == f"{stock['carbon']} of each element, {stock['heart']} hearts"
        assert (
            len({stock[element] for element in ("carbon", "oxygen", "germanium", "silicon")}) == 1
        )
    capacities = (
        pad_capacity(compound_of(MISSIONS["arena"])),
        pad_capacity(compound_of(MISSIONS["tutorial"])),
    )
    assert "up to {} (tutorial {})".format(*capacities) in PAGE.replace("\n", " ")


def test_legend_of_text_maps():
    written = {}
    for a, first, b, second in table("character ✓"):
        written |= {a: first, b: second}
    assert written == LEGEND
    assert f"at most {MAX_SIDE} cells a side" in PAGE


def test_contents_of_maps():
    for name, *columns in table(""):
        if name not in COUNTS:
            continue
        for mission, text in zip(("machina_1", "arena", "tutorial"), columns, strict=True):
            mean, deviation = (float(number) for number in text.split("±"))
            assert COUNTS[name][mission] == (mean, deviation)


def test_the_worked_example_goes_as_told():
    section = PAGE.split("## A worked example")[1]
    drawing = section.split("```")[1].strip().splitlines()
    grid = np.array([[LEGEND[character] for character in line] for line in drawing])
    config = CogsGuardConfig(num_agents=1, max_steps=100)
    sim = CogsGuardSim(config, 1, MapPool.from_grids([grid]), seed=0, exact_order=True)
    owner_names = {255: "nobody", 0: "clips", 1: "cogs"}
    junction = [
        str(cell) for cell in grid.ravel() if cell not in ("wall", "empty", "agent.agent")
    ].index("junction")
    for row in _example_rows(section):
        tick, action, energy, hp, influence, hearts, stock, stock_hearts, owner, reward = row
        sim.actions[0] = rules.ACTIONS.index(action)
        sim.step()
        held, kept = sim.state.inventory[0], sim.state.stock[0]
        assert int(sim.state.tick[0]) == int(tick)
        assert sim.success[0]
        assert [held[rules.ENERGY], held[rules.HP], held[rules.INFLUENCE], held[rules.HEART]] == [
            int(energy),
            int(hp),
            int(influence),
            int(hearts),
        ]
        assert [
            kept[rules.RESOURCES.index(e)] for e in ("carbon", "oxygen", "germanium", "silicon")
        ] == [int(amount) for amount in stock.split()]
        assert kept[rules.HEART] == int(stock_hearts)
        assert owner_names[int(sim.state.object_value[0, junction])] == owner
        assert sim.rewards[0] == pytest.approx(float(reward))


def _example_rows(section):
    rows = [line for line in section.splitlines() if line.startswith("| ") and "`" in line]
    return [[cell.strip().strip("`") for cell in line.strip("|").split("|")] for line in rows[:10]]
