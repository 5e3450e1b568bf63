"""Playing in the terminal: keys, the loop, what is shown."""

from __future__ import annotations

import io
import os
import pty
import threading

import numpy as np
import pytest
from rich.console import Console
from rich.measure import Measurement

from coglab.config import UserError
from coglab.evaluation.recording import Episode, make_cast
from coglab.games.cogsguard.config import CogsGuardConfig
from coglab.games.machina1.config import Machina1Config
from coglab.games.machina1.names import KINDS, VIBES, action_names
from coglab.policies.uris import load_policy
from coglab.replay import file as replay_file
from coglab.replay.resimulate import first_difference
from coglab.tools.keyboard import Keyboard, split_keys
from coglab.tools.play import PlayTool
from coglab.tools.play_run import Game
from coglab.tools.play_screen import LOOKS, Screen
from recipes.experiment import cogsguard

NOOP = "metta://policy/noop"


def _game(drive=0, steps=20, uri=NOOP):
    config = CogsGuardConfig(num_agents=4, max_steps=steps)
    episode = Episode(config, make_cast([uri], {}, config), load_policy, map_seed=1_000_000, seed=2)
    return Game(episode, drive, ticks_per_s=1000)


def _play(game, *keys):
    """Type these keys (None: nothing in time), then q."""
    waiting = [*keys, "q"]
    game.play(lambda timeout: waiting.pop(0), lambda: None)
    return game


def test_each_key_plays_one_tick_with_its_action():
    game = _play(_game(), "5", "left", " ")
    sim = game.episode.sim
    assert game.episode.recorder.steps == 3
    assert sim.state.vibe.tolist() == [4, 0, 0, 0]
    document = game.episode.recorder.document()
    agent = next(thing for thing in document["objects"] if thing.get("agent_id") == 0)
    assert agent["action_id"] == {"delta": [9, -6, -3]}
    assert first_difference(document) is None


def test_keys_without_a_meaning_play_nothing():
    game = _play(_game(), "x", "escape", "enter", "[", "]", "]")
    assert game.episode.recorder.steps == 0
    assert game.looked_at == 1


def test_the_policy_drives_between_two_presses_of_r():
    game = _game()
    _play(game, "r", None, None, "left", None, "r", "5")
    assert game.episode.recorder.steps == 4
    assert game.episode.sim.state.vibe[0] == 4


def test_t_does_what_the_policy_would_do():
    game = _game(uri="metta://policy/miner")
    advice = game.screen().advice
    _play(game, "t")
    assert game.episode.sim.actions[0] == advice


def test_watching_plays_by_itself_to_the_end():
    game = _game(drive=None, steps=5)
    game.play(lambda timeout: None, lambda: None)
    assert game.episode.is_over


@pytest.mark.parametrize(
    ("columns", "lines"), [(150, 40), (80, 24), (100, 30), (300, 90), (40, 10)]
)
def test_the_screen_fits_the_terminal(columns, lines):
    game = _play(_game(), "5", "right")
    console = Console(file=io.StringIO(), width=columns, height=lines, force_terminal=True)
    console.print(game.screen(columns, lines).render())
    written = console.file.getvalue()
    fits = Screen.fitting(columns, lines)
    assert fits["width"] % 2 == fits["height"] % 2 == 1
    map_lines = game.screen(columns, lines).map_text().plain.split("\n")
    assert len(map_lines) == fits["height"]
    assert {len(line) for line in map_lines} == {2 * fits["width"]}
    assert "tick 2 / 20" in written
    assert "quit" in written
    if not fits["is_narrow"]:
        unlimited = console.options.update(max_width=1_000)
        screen = game.screen(columns, lines).render()
        assert Measurement.get(console, unlimited, screen).maximum <= columns


def test_the_agent_in_the_middle_is_the_one_looked_at():
    game = _play(_game(), "5")
    lines = game.screen(150, 40).map_text().plain.split("\n")
    middle = lines[len(lines) // 2]
    assert middle[len(middle) // 2 - 1 :][:2] == "0·"


@pytest.mark.parametrize(
    ("data", "keys"),
    [
        (b"a", ["a"]),
        (b"\x1b[A\x1b[Dq", ["up", "left", "q"]),
        (b"\x1b", ["escape"]),
        (b"\x1bOC ", ["right", " "]),
        (b"\xff\x00\r", ["enter"]),
        (b"\xc3\xa9", []),
    ],
)
def test_bytes_of_a_terminal_become_keys(data, keys):
    assert split_keys(data) == keys


def test_keys_of_a_real_terminal_arrive_unechoed_and_it_is_put_back():
    import termios

    master, slave = pty.openpty()
    try:
        before = termios.tcgetattr(slave)
        keyboard = Keyboard(slave)
        with keyboard.raw():
            assert keyboard.read(0) is None
            threading.Timer(0.05, os.write, (master, b"\x1b[Bw")).start()
            assert keyboard.read(10) == "down"
            assert keyboard.read(10) == "w"
        assert termios.tcgetattr(slave) == before
    finally:
        os.close(master)
        os.close(slave)


def test_keys_and_actions():
    action_of_key = LOOKS["cogsguard"].action_of_key
    assert [action_of_key(key) for key in ("up", "s", "left", "d", " ", "1", "7")] == [
        *(1, 2, 3, 4, 0, 5, 11),
    ]
    assert [action_of_key(key) for key in ("8", "q", "", "escape", "12")] == [None] * 5


def test_keys_of_machina1_are_the_vibes_that_do_something():
    action_of_key, names = LOOKS["machina1"].action_of_key, action_names(152)
    vibes = [names[action_of_key(key)] for key in "123456789zxcv"]
    assert vibes == [
        *(f"change_vibe_{name}" for name in ("default", "heart_a", "heart_b", "gear", "charger")),
        *(f"change_vibe_{name}_a" for name in ("carbon", "oxygen", "germanium", "silicon")),
        *(f"change_vibe_{name}_b" for name in ("carbon", "oxygen", "germanium", "silicon")),
    ]
    assert [action_of_key(key) for key in ("up", " ", "0", "q", "", "12")] == [1, 0] + [None] * 4


def _machina1(steps=20):
    config = Machina1Config(num_agents=2, max_steps=steps)
    cast = make_cast([NOOP], {}, config)
    return Game(Episode(config, cast, load_policy, map_seed=1_000_000, seed=2), 0, 1000)


def _written(game, columns=150, lines=40):
    console = Console(file=io.StringIO(), width=columns, height=lines)
    console.print(game.screen(columns, lines).render())
    return console.file.getvalue()


@pytest.mark.parametrize(("columns", "lines"), [(150, 40), (80, 24), (40, 10)])
def test_machina1_is_played_with_keys_and_fits_the_terminal(columns, lines):
    game = _play(_machina1(), "2", "right")
    document = game.episode.recorder.document()
    agent = next(thing for thing in document["objects"] if thing.get("agent_id") == 0)
    assert agent["vibe_id"] == [[0, 0], [1, VIBES.index("heart_a")]] or agent["vibe_id"] == {
        "delta": [0, VIBES.index("heart_a"), 0]
    }
    assert first_difference(document) is None
    written = _written(game, columns, lines)
    assert "tick 2 / 20" in written
    assert max(len(line) for line in written.split("\n")) <= columns


def test_machina1_says_what_hearts_cost_those_who_stand_at_the_assembler():
    game = _machina1()
    assert "1 for 10 carbon, 10 oxygen, 2 germanium, 30 silicon" in _written(game)
    assert "nobody" in _written(game)
    state = game.episode.sim.state
    state.agents["row"], state.agents["col"] = 48, [47, 49]  # west and east of the assembler
    state.agents["vibe"] = VIBES.index("heart_a")
    assert "2 for 15 carbon, 15 oxygen, 3 germanium, 45 silicon (2 beside it)" in _written(game)


def test_machina1_shows_what_is_left_of_an_extractor():
    game = _machina1()
    sim, look = game.episode.sim, LOOKS["machina1"]
    kinds = sim.maps.compiled.objects[0]["kind"]
    index = int(np.flatnonzero(kinds == KINDS.index("oxygen_extractor"))[0])
    assert look.thing(sim, index) == ("O█", "bright_white")
    sim.state.uses[0, index] = 3
    sim.state.ready_at[0, index] = 50
    assert look.thing(sim, index) == ("O▄", "bright_white strike")
    sim.state.uses[0, index] = 5
    assert look.thing(sim, index)[0] == "x "


def test_without_a_terminal_a_driver_is_refused_and_watching_writes_a_replay(tmp_path, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO())
    game = CogsGuardConfig(num_agents=2, max_steps=5)
    with pytest.raises(UserError, match="drive=null"):
        PlayTool(game=game, policy_uris=(NOOP,)).run()
    out = tmp_path / "a.json.z"
    tool = PlayTool(
        game=game, policy_uris=(NOOP,), drive=None, ticks_per_s=1000, serve=True, out=str(out)
    )
    assert tool.run() == 0
    assert first_difference(replay_file.read(out)) is None
    assert (tmp_path / "a.html").exists()


def test_an_agent_that_does_not_exist_cannot_be_driven():
    with pytest.raises(UserError, match="0 to 9"):
        cogsguard.play(drive=10).resolve()
