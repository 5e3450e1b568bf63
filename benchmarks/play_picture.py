"""Draws what `play` shows in the terminal after some ticks, policies playing all agents but the one that is driven.

python benchmarks/play_picture.py cogsguard docs/figures/play.svg --ticks 200
python benchmarks/play_picture.py machina1_cloner docs/figures/play_machina1.svg --ticks 300
"""

from __future__ import annotations

import argparse
import io
import re
from pathlib import Path

from rich.console import Console

from coglab.cli import targets
from coglab.cli.assemble import assemble
from coglab.tools.play import PlayTool
from coglab.tools.play_run import Game, make_episode

COLUMNS, LINES = 150, 44
"""Size of the terminal."""


def main() -> None:
    """Play and write the picture."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("recipe", help="cogsguard or machina1_cloner")
    parser.add_argument("out", type=Path)
    parser.add_argument("--ticks", type=int, default=200)
    given = parser.parse_args()
    target, _ = targets.find([f"{given.recipe}.play"])
    tool = assemble(target, []).tool.resolve()
    if not isinstance(tool, PlayTool):
        raise TypeError(f"{given.recipe}.play makes {type(tool).__name__}")
    episode = make_episode(tool)
    for _ in range(given.ticks):
        episode.tick()
    game = Game(episode, tool.drive, ticks_per_s=10)
    console = Console(
        record=True, width=COLUMNS, height=LINES, file=io.StringIO(), force_terminal=True
    )
    console.print(game.screen(COLUMNS, LINES).render())
    picture = console.export_svg(title=f"{given.recipe}.play, tick {given.ticks}")
    # rich names typefaces on a server; a picture in the documentation loads nothing.
    given.out.write_text(
        re.sub(r"@font-face \{.*?\}", "", picture, flags=re.DOTALL), encoding="utf-8"
    )


if __name__ == "__main__":
    main()
