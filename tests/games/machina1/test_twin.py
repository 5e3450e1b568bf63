"""The simulator against its slow twin: random maps, settings and play, every field after every tick."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.games.machina1.long_twin import play_cases
from tests.games.machina1.twin_play import Case, play


@st.composite
def cases(draw, ticks):
    return Case(
        seed=draw(st.integers(0, 2**32 - 2)),
        ticks=ticks,
        height=draw(st.integers(5, 14)),
        width=draw(st.integers(5, 14)),
        num_agents=draw(st.integers(1, 9)),
        max_steps=draw(st.sampled_from([23, 60, 400, 1000])),
        vibes=draw(st.sampled_from([13, 152])),
        reward=draw(st.sampled_from(["heart_chorus", "heart_chorus", "base"])),
        bonus=draw(st.booleans()),
        play=draw(st.sampled_from(["moods", "moods", "moods", "random"])),
        gifts_every=draw(st.sampled_from([0, 10, 20])),
        resume_at=draw(st.integers(0, ticks)),
    )


@settings(
    max_examples=8,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(cases(ticks=80))
def test_the_simulator_agrees_with_its_twin_in_every_field_after_every_tick(case):
    play(case)


@pytest.mark.slow
def test_the_simulator_agrees_with_its_twin_while_everything_happens():
    happened = play_cases(1, lambda happened: happened["cases"] == 50)
    for name in ("decoder", "modulator", "resonator", "scrambler", "heart"):
        assert happened[f"assembler.{name}.created"] > 0, name
    for element in ("carbon", "oxygen", "germanium", "silicon"):
        assert happened[f"chest.{element}.deposited_by_agent"] > 0, element
        assert happened[f"chest.{element}.withdrawn_by_agent"] > 0, element
    # More is taken out of chests than agents have room for.
    assert happened["chest.silicon.withdrawn"] > happened["chest.silicon.withdrawn_by_agent"]
    assert happened["chest.heart.deposited_by_agent"] > 0
    assert happened["tokens_dropped"] > 0
