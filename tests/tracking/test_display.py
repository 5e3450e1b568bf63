import contextlib
import io
import math
import os
import subprocess
import sys

import pytest
from rich.console import Console

from coglab.tracking.config import DisplayConfig
from coglab.tracking.display import (
    LiveDisplay,
    OutputConsole,
    PlainDisplay,
    dashboard,
    open_display,
    plain_line,
)
from coglab.tracking.run_view import Curve, RunView

ROW = {
    "env_agent/heart.gained": 12.34,
    "env_collective/cogs/aligned.junction.held": 4512.0,
    "overview/reward": 0.213,
    "losses/approx_kl": 0.012,
    "losses/entropy": 1.91,
    "timing_per_epoch/frac/simulate": 0.31,
    "timing_per_epoch/frac/label": 0.22,
    "timing_per_epoch/frac/infer": 0.18,
    "timing_per_epoch/frac/learn": 0.25,
    "teacher/teacher_led_share": 0.2,
    "teacher/student_led_share": 0.0,
    "teacher/ppo_share": 0.8,
    "monitor/cpu_percent": 95.0,
    "monitor/memory_gb": 3.1,
    "monitor/memory_percent": 12.0,
    "checkpoint/version": 12.0,
}


def make_view(rows=2):
    view = RunView("relh-cogsguard-bc-001", "recipes.experiment.cogsguard.train", 5_000_000_000)
    for i in range(rows):
        view.update(1_000_000_000 + i * 2_000_000, ROW, now=10.0 * i)
    return view


def make_console(**options):
    settings = {"width": 100, "force_terminal": True, "color_system": "standard", **options}
    return Console(file=io.StringIO(), **settings)


def rendered(view, **options):
    console = make_console(**options)
    console.print(dashboard(view, console))
    return console.file.getvalue()


@pytest.fixture(autouse=True)
def no_ci(monkeypatch):
    for name in ("CI", "NO_COLOR", "TERM", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)


def test_the_dashboard_shows_what_a_user_watches():
    text = rendered(make_view(), color_system=None)
    for words in (
        "relh-cogsguard-bc-001", "20.0 %", "1.00 B of 5.00 B steps", "5:33:10 left", "200 k steps/s",
        "simulate 31 %", "label 22 %", "infer 18 %", "learn 25 %", "other 4 %",
        "env_agent/heart.gained", "12.3", "aligned.junction.held", "4,512", "0.213", "0.0120", "below 0.03",
        "teacher-led 20 %", "PPO 80 %", "entropy 1.91", "cpu 95 %", "memory 3.1 GB (12 %)", "checkpoint v12",
    ):  # fmt: skip
        assert words in text, words


def test_the_dashboard_renders_before_anything_is_known():
    text = rendered(RunView("r", "x", 1000), color_system=None)
    assert "starting" in text
    assert "? left" in text


def test_kl_turns_from_green_to_yellow_at_its_target():
    view = make_view()
    assert view.judge("losses/approx_kl") == ("good", "below 0.03")
    assert "\x1b[32mbelow 0.03" in rendered(view)
    view.update(1_100_000_000, {"losses/approx_kl": 0.05}, now=100.0)
    assert view.judge("losses/approx_kl") == ("attention", "above 0.03")
    assert "\x1b[33mabove 0.03" in rendered(view)


def test_no_color_means_no_color(monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[3" not in rendered(make_view())


def test_a_terminal_without_unicode_gets_plain_characters():
    console = Console(
        file=io.TextIOWrapper(io.BytesIO(), encoding="ascii"),
        width=100,
        force_terminal=True,
        legacy_windows=False,
    )
    view = make_view(5)
    view.update(1_200_000_000, {"overview/reward": 0.5}, now=60.0)
    console.print(dashboard(view, console))
    console.file.flush()
    assert console.file.buffer.getvalue().isascii()


def test_trends_are_marked():
    view = RunView("r", "x", 1000)
    for i in range(30):
        view.update(
            i, {"overview/reward": i / 30, "env_agent/heart.gained": -float(i)}, now=float(i)
        )
    assert view.judge("overview/reward") == ("good", "rising")
    assert view.judge("env_agent/heart.gained") == ("attention", "falling")
    assert view.judge("env_collective/cogs/aligned.junction.held") == ("neutral", "")


def test_a_curve_keeps_the_whole_run_in_bounded_space():
    curve = Curve()
    for i in range(100_000):
        curve.add(float(i))
    curve.add(math.nan)
    assert 60 <= len(curve.points) <= 128
    assert curve.points == sorted(curve.points)
    assert curve.points[0] < 2000
    assert curve.points[-1] > 97_000
    assert curve.trend() == "rising"


def test_plain_output_is_one_line_per_interval_and_ends_with_the_last_row():
    now = [0.0]
    console = make_console(force_terminal=False)
    display = PlainDisplay(RunView("r", "x", 10_000), console, 5.0, clock=lambda: now[0])
    for i in range(1, 12):
        now[0] = float(i)
        display.update(i * 100, {"overview/reward": i / 10})
    display.print("a [bold]message[/bold]")
    display.close()
    display.close()
    lines = console.file.getvalue().splitlines()
    assert [line.split("|")[1].strip() for line in lines if "steps" in line] == [
        "100 of 10.0 k steps",
        "600 of 10.0 k steps",
        "1.10 k of 10.0 k steps",
    ]
    assert lines[-1] == "a [bold]message[/bold]", (
        "text is printed as it is, and the last row was shown"
    )


def test_the_plain_line_says_what_matters():
    assert plain_line(make_view()) == (
        " 20.0 % | 1.00 B of 5.00 B steps | 200 k steps/s | 5:33:10 left | heart.gained 12.3 | "
        "aligned.junction.held 4,512 | reward 0.213 | approx_kl 0.0120 | taught 20 %"
    )


def test_the_display_is_live_only_on_a_terminal(monkeypatch):
    view = RunView("r", "x", 10)
    auto = DisplayConfig()
    live = open_display(auto, view, console=make_console())
    live.close()
    assert isinstance(live, LiveDisplay)
    assert isinstance(
        open_display(auto, view, console=make_console(force_terminal=False)), PlainDisplay
    )
    monkeypatch.setenv("CI", "true")
    assert isinstance(open_display(auto, view, console=make_console()), PlainDisplay)


def test_messages_appear_above_the_live_display():
    console = make_console()
    display = open_display(DisplayConfig(mode="rich"), make_view(), console=console)
    display.progress("learn")
    display.print("checkpoint v3 is the best so far")
    display.update(2_000_000_000, ROW)
    display.close()
    display.print("after the end")
    text = console.file.getvalue()
    assert text.index("checkpoint v3") < text.rindex("relh-cogsguard-bc-001")
    assert "2.00 B of 5.00 B" in text[text.index("checkpoint v3") :]
    assert text.rstrip().endswith("after the end")
    assert "\x1b[?25h" in text, "the cursor is given back"


def test_off_shows_nothing_but_messages():
    console = make_console()
    display = open_display(DisplayConfig(mode="off"), make_view(), console=console)
    display.update(1, ROW)
    display.print("W&B: off")
    display.close()
    assert console.file.getvalue() == "W&B: off\n"


def test_a_closed_output_does_not_stop_the_run():
    class Closed(io.StringIO):
        def write(self, text):
            raise BrokenPipeError

    for make in (
        lambda view, console: PlainDisplay(view, console, 1.0),
        lambda view, console: LiveDisplay(view, console),
    ):
        display = make(RunView("r", "x", 10), OutputConsole(file=Closed(), force_terminal=True))
        display.update(1, ROW)
        display.print("x")
        display.close()


def test_the_reader_of_the_output_may_leave(tmp_path):
    script = (
        "import sys; from coglab.tracking.display import *\n"
        "display = open_display(DisplayConfig(), RunView('r', 'x', 10))\n"
        "for step in range(20_000): display.print('line')\n"
        "print('more'); open(sys.argv[1], 'w').write('done')"
    )
    path = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    child = subprocess.Popen(
        [sys.executable, "-c", script, tmp_path / "end"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=path,
    )
    assert child.stdout.readline() == b"line\n"
    child.stdout.close()
    assert child.wait(timeout=60) == 0
    assert child.stderr.read() == b""
    child.stderr.close()
    assert (tmp_path / "end").read_text() == "done"


def test_a_game_without_collectives_has_no_line_for_their_junctions():
    junctions = "env_collective/cogs/aligned.junction.held"
    view = RunView("dinky-001", "recipes.experiment.machina1_cloner.train", 1000)
    assert junctions in view.watched()  # nothing is known yet
    view.update(10, {"losses/approx_kl": 0.01}, now=0.0)
    assert junctions in view.watched()  # no episode has ended yet
    view.update(20, {"env_agent/heart.gained": 3.0, "overview/reward": 9.0}, now=1.0)
    assert junctions not in view.watched()
    assert "junction" not in rendered(view)
    assert junctions in make_view().watched()


def test_the_machine_line_has_the_gpu():
    view = make_view()
    view.update(
        2_000_000_000,
        {"monitor/gpu0/utilization_percent": 87.4, "monitor/gpu0/memory_gb": 31.25},
        now=30.0,
    )
    assert "gpu 87 %  gpu memory 31.2 GB" in rendered(view)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a pseudo-terminal")
def test_one_ctrl_c_ends_a_program_with_a_live_display_and_gives_the_cursor_back(tmp_path):
    import pty
    import signal
    import time

    program = tmp_path / "shows.py"
    program.write_text(
        "import time\n"
        "from coglab.tracking.config import DisplayConfig\n"
        "from coglab.tracking.display import OutputConsole, open_display\n"
        "from coglab.tracking.run_view import RunView\n"
        "display = open_display(DisplayConfig(mode='rich'), RunView('a', 'b', 100))\n"
        "try:\n"
        "    for step in range(10_000):\n"
        "        display.update(step, {'overview/reward': 1.0})\n"
        "        time.sleep(0.01)\n"
        "except KeyboardInterrupt:\n"
        "    display.close()\n"
        "    raise SystemExit(130)\n"
    )
    master, slave = pty.openpty()
    child = subprocess.Popen(
        [sys.executable, str(program)], stdin=slave, stdout=slave, stderr=slave, env={**os.environ, "TERM": "xterm"}
    )
    os.close(slave)
    shown = b""
    while b"reward" not in shown:
        shown += os.read(master, 65536)
    asked = time.monotonic()
    child.send_signal(signal.SIGINT)
    with contextlib.suppress(OSError):  # Linux reports the end of the terminal as an error
        while data := os.read(master, 65536):
            shown += data
    assert child.wait(60) == 130
    assert time.monotonic() - asked < 30
    assert shown.rindex(b"\x1b[?25h") > shown.rindex(b"\x1b[?25l")
    os.close(master)
